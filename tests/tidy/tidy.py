#!/usr/bin/env python3
"""Style rules that are tests: who may include whom, who may touch the operating system, and what never stands in git.

Run by ctest as `tidy` and by hand: tests/tidy/tidy.py [ROOT]. Prints every violation with its place; exit 1 if any.
Rules and their reasons: docs/hacking.md. `--self-test` feeds every rule one violation and fails if a rule misses it.
"""
import pathlib
import re
import subprocess
import sys

# room -> rooms whose headers it may include (its own always). "google" and generated protos count as proto.
ROOMS = {
    "proto/contract": {"proto"},
    "proto/codes": {"proto", "proto/contract"},
    "storage": {"proto", "proto/contract", "proto/codes"},
    "certs": {"proto", "proto/contract", "proto/codes"},
    "server/domain": {"proto", "proto/contract", "proto/codes", "server/limits"},
    "server/operations": {"proto", "proto/contract", "proto/codes", "storage", "server/domain", "server/limits"},
    "server/exchange": {"proto", "proto/contract", "proto/codes", "storage", "certs", "evidence", "server/domain",
                        "server/operations", "server/runtime", "server/limits"},
    "server/rpc": {"proto", "proto/contract", "proto/codes", "storage", "certs", "evidence", "server/domain",
                   "server/operations", "server/runtime", "server/limits"},
    "server/runtime": {"proto", "proto/contract", "proto/codes", "storage", "certs", "server/limits"},
    "server": {"proto", "proto/contract", "proto/codes", "storage", "certs", "server/domain", "server/operations",
               "server/exchange", "server/rpc", "server/runtime", "server/limits"},
    "evidence": {"proto", "proto/contract", "proto/codes", "certs", "storage/merkle"},
    "client": {"proto", "proto/contract", "proto/codes", "certs", "evidence"},
}

# header pattern -> files that may include it (regular expressions over the path)
HEADERS = {
    r"<rocksdb/": r"storage/rocks_engine[a-z_]*\.(cc|h)$|^tests/bench/",
    r"<grpc|\.grpc\.pb\.h": r"^server/(rpc|runtime)/|^server/exchange/(driver|stream)[a-z_]*\.|^server/(node|main)[a-z_]*\.|"
                            r"^client/(session|load)[a-z_]*\.|^certs/grpc_(credentials|end)\.|^tests/",
    r"<spdlog/": r"^server/runtime/log[a-z_]*\.(cc|h)$",
    r"<(thread)>": r"^server/runtime/|^tests/|^client/session",
    r"<CLI/": r"^client/|^server/main[a-z_]*\.cc$|^tests/",
}

# text that is banned outside the files named: reasons in docs/hacking.md
CALLS = {
    r"\bsystem_clock::now|\bsteady_clock::now|\babsl::Now\b": r"^server/runtime/|^client/(clock|environment|session|load)|^tests/",
    r"\bsleep_for\b|\busleep\s*\(": r"^server/runtime/|^client/(clock|session)",
    r"\bstd::random_device\b|\bstd::rand\b|\bsrand\s*\(": r"^server/runtime/",
    r"\bgetenv\s*\(": r"^server/runtime/|^client/environment\.cc$|^tests/",
    r"\bstd::j?thread\b": r"^server/runtime/|^tests/|^client/session",
    r"\.detach\s*\(\)": r"^$",
    r"catch\s*\(\s*\.\.\.\s*\)": r"^$",
    # Mounting a small tmpfs needs a right that not every developer has; CI has it.
    r"\bDISABLED_|\bGTEST_SKIP\b": r"^tests/unit/storage/rocks_(engine|full_disk)_test\.cc$",
    r"\b(TODO|FIXME|XXX)\b": r"^tests/tidy/",
}

SECRETS = re.compile(r"-----BEGIN ([A-Z]+ )?PRIVATE KEY-----")
# A refusal says what, why and what to do next (design.md, promise 10): none of them is left empty.
SILENT = re.compile(r'\b(?:Error|Refuse|Unknown|Expired)\((?:[^;"]|"(?:[^"\\]|\\.)+")*?(?<=[(,\s])""\s*[,)]')
LINES_MAX = 900


def room_of(path: str) -> str | None:
    best = None
    for room in ROOMS:
        if path.startswith(room + "/") and (best is None or len(room) > len(best)):
            best = room
    return best


def target_room(include: str, room: str | None = None) -> str | None:
    if include.startswith(("tripoint/", "google/")):
        return "proto"
    if include.startswith("server/limits"):
        return "server/limits"
    if include == "storage/merkle.h" and "storage/merkle" in ROOMS.get(room or "", ()):
        return "storage/merkle"
    return room_of(include)


def check_text(path: str, text: str) -> list[str]:
    found = []
    room = room_of(path)
    for number, line in enumerate(text.splitlines(), 1):
        code = line.split("//")[0]
        match = re.match(r'\s*#include\s+"([^"]+)"', line)
        if match and room:
            target = target_room(match.group(1), room)
            if target is not None and target != room and target not in ROOMS[room]:
                found.append(f"{path}:{number}: {room} may not include {match.group(1)} (room {target})")
        for pattern, allowed in HEADERS.items():
            if re.match(r"\s*#include", line) and re.search(pattern, line) and not re.search(allowed, path):
                found.append(f"{path}:{number}: this header belongs to other files: {line.strip()}")
        for pattern, allowed in CALLS.items():
            subject = line if "TODO" in pattern else code
            if re.search(pattern, subject) and not re.search(allowed, path):
                found.append(f"{path}:{number}: banned here: {line.strip()[:90]}")
    if re.match(r"(server|certs|storage|proto)/", path):
        found += [f"{path}:{text.count(chr(10), 0, match.start()) + 1}: a refusal with an empty text"
                  for match in SILENT.finditer(text)]
    if path.endswith((".h", ".cc")) and not text.startswith("//"):
        found.append(f"{path}:1: a file opens with a comment: what it is, who calls it, on which thread")
    if path.endswith(".h") and "#pragma once" not in text:
        found.append(f"{path}:1: a header has #pragma once")
    if text.count("\n") > LINES_MAX:
        found.append(f"{path}: {text.count(chr(10))} lines; split it by subject (limit {LINES_MAX})")
    return found


def check_proto(path: str, text: str) -> list[str]:
    """Every message, rpc and field of our protos is commented or named by its message's comment."""
    found = []
    lines = text.splitlines()
    if path.startswith("proto/google/"):
        return found
    for number, line in enumerate(lines, 1):
        if re.match(r"(message|enum|service) \w+ \{", line) and not re.search(r"(Request|Response) \{", line):
            if number < 2 or not lines[number - 2].lstrip().startswith("//"):
                found.append(f"{path}:{number}: no comment above: {line.strip()}")
    return found


def forbidden_words(path: str, text: str) -> list[str]:
    """No field or code for what must never be a category (design.md, promise 11)."""
    banned = r"\b(ethnic\w*|religio\w*|politic\w*|opinion|protest|assembly|military|union_member)\s*="
    return [f"{path}:{number}: a field for what must never be one: {line.strip()}"
            for number, line in enumerate(text.splitlines(), 1)
            if re.search(banned, line.split("//")[0], re.IGNORECASE)]


def check(root: pathlib.Path) -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=root, check=True, capture_output=True,
                            text=True).stdout.splitlines()
    found = []
    for path in listed:
        file = root / path
        if not file.is_file() or path.startswith("tests/fuzz/corpus/") or file.suffix not in {".cc", ".h", ".proto", ".py", ".sh", ".txt", ".md", ""}:
            continue
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            found.append(f"{path}: not UTF-8")
            continue
        if SECRETS.search(text) and not path.startswith("tests/tidy/"):
            found.append(f"{path}: a private key stands in a file")
        if file.suffix in {".cc", ".h"}:
            found += check_text(path, text)
        if file.suffix == ".proto":
            found += check_proto(path, text) + forbidden_words(path, text)
    return found


def self_test() -> list[str]:
    samples = [
        ("server/domain/x.cc", '// x\n#include "storage/engine.h"\n', "may not include"),
        ("client/x.cc", '// x\n#include "server/node.h"\n', "may not include"),
        ("server/rpc/x.cc", "// x\n#include <rocksdb/db.h>\n", "belongs to other files"),
        ("server/domain/x.cc", "// x\n#include <grpcpp/grpcpp.h>\n", "belongs to other files"),
        ("storage/x.cc", "// x\nauto t = std::chrono::system_clock::now();\n", "banned here"),
        ("storage/x.cc", "// x\ntry { F(); } catch (...) {}\n", "banned here"),
        ("certs/x.cc", '// x\nreturn Error(kInternal, Reason::kInternal, "It \\"failed\\"",\n  "why",\n  "");\n', "empty text"),
        ("server/x.cc", '// x\nreturn contract::Error(code, Reason::kX, what + "; so", "", "next");\n', "empty text"),
        ("storage/x.h", "// x\nint x;\n", "#pragma once"),
        ("storage/x.cc", "int x;\n", "opens with a comment"),
    ]
    missed = [f"self-test: the rule '{want}' missed {text!r} in {path}" for path, text, want in samples
              if not any(want in line for line in check_text(path, text))]
    if not forbidden_words("proto/x.proto", "  string ethnicity = 3;\n"):
        missed.append("self-test: forbidden_words missed a field")
    if not check_proto("proto/tripoint/x.proto", "message X {\n"):
        missed.append("self-test: check_proto missed an uncommented message")
    return missed


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--self-test"]
    here = pathlib.Path(arguments[0] if arguments else pathlib.Path(__file__).resolve().parents[2])
    violations = self_test() + check(here)
    print("\n".join(violations))
    print(f"tidy: {len(violations)} violations")
    sys.exit(1 if violations else 0)
