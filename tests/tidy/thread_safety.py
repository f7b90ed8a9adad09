#!/usr/bin/env python3
"""Checks clang's thread-safety annotations on every source of ours that uses them; g++ ignores them.

Run by ctest as `thread_safety`: reads the build's compile_commands.json, and lets clang++ look at each source that has, or
whose own headers have, an annotated lock (-fsyntax-only -Wthread-safety -Werror). The `clang` preset compiles everything.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROOMS = ("proto/contract", "proto/codes", "storage", "certs", "server", "client")
MARK = re.compile(r"ABSL_(GUARDED_BY|EXCLUSIVE_LOCKS_REQUIRED|SHARED_LOCKS_REQUIRED|LOCKS_EXCLUDED)|absl::Mutex")


def annotated(source: pathlib.Path) -> bool:
    text = source.read_text(encoding="utf-8")
    if MARK.search(text):
        return True
    headers = (ROOT / name for name in re.findall(r'#include "([^"]+)"', text))
    return any(header.is_file() and MARK.search(header.read_text(encoding="utf-8")) for header in headers)


def check(entry) -> tuple[str, str]:
    words = shlex.split(entry["command"])
    kept = [word for word in words if word.startswith(("-D", "-I", "-std"))]
    system = [words[i + 1] for i, word in enumerate(words) if word == "-isystem"]
    command = ["clang++", *kept, *(part for folder in system for part in ("-isystem", folder)), "-fsyntax-only",
               "-Wall", "-Wextra", "-Wthread-safety", "-Werror", entry["file"]]
    done = subprocess.run(command, cwd=entry["directory"], capture_output=True, text=True)
    return entry["file"], "" if done.returncode == 0 else done.stderr


def main() -> int:
    entries = json.loads((pathlib.Path(sys.argv[1]) / "compile_commands.json").read_text(encoding="utf-8"))
    chosen = [entry for entry in entries
              if entry["file"].startswith(tuple(f"{ROOT}/{room}/" for room in ROOMS)) and annotated(pathlib.Path(entry["file"]))]
    if not chosen:
        print("thread_safety: found no annotated source; the check would prove nothing")
        return 1
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        failures = [(file, text) for file, text in pool.map(check, chosen) if text]
    for file, text in failures:
        print(f"{file}\n{text}")
    print(f"thread_safety: {len(chosen)} sources, {len(failures)} with faults")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
