#!/usr/bin/env python3
"""Runs what the README shows: every `sh` block of each lesson, in order, against real nodes paired in a ring.

Run by ctest as `readme_lessons`, and by hand: TRIPOINT_BIN=build/release/bin tests/readme/lessons.py. A lesson is one shell with
`set -e`, so a command that fails fails the test and is named. Goal: README.md never shows a command that does not work.
"""
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration"))
import cluster as federation  # noqa: E402

LESSONS_MIN = 3
COMMANDS_MIN = 25


def lessons(text):
    """[(title, shell text)] of the README's section "Lessons"."""
    section = re.search(r"^## Lessons\n(.*?)^## ", text, re.MULTILINE | re.DOTALL).group(1)
    parts = re.split(r"^### (.*)\n", section, flags=re.MULTILINE)[1:]
    return [(title, "\n".join(re.findall(r"^```sh\n(.*?)^```", body, re.MULTILINE | re.DOTALL)))
            for title, body in zip(parts[::2], parts[1::2])]


def slowed(text):
    """The lesson with its own waits, `sleep N`, as long as slow programs need."""
    return re.sub(r"^sleep (\d+)", lambda wait: f"sleep {federation.patience(int(wait[1])):.0f}", text, flags=re.MULTILINE)


def stay(cluster):
    """What `scripts/demo` does before it stays up: a settings file for officer lan of each unit."""
    for unit, node in cluster.nodes.items():
        node.cli("node", "add", unit, "--unit", unit, "--address", f"127.0.0.1:{node.api_port}", "--certificates",
                 node.officer_folder("lan"))


def main():
    found = lessons((ROOT / "README.md").read_text(encoding="utf-8"))
    commands = sum(len(re.findall(r"^\s*(?:\w+=\S+ |\w+=\$\()?tripointd? ", text, re.MULTILINE)) for _, text in found)
    if len(found) < LESSONS_MIN or commands < COMMANDS_MIN:
        print(f"readme: only {len(found)} lessons with {commands} commands were found; the test would prove nothing")
        return 1
    failed = 0
    with federation.Cluster() as cluster:
        cluster.make_ring()
        stay(cluster)
        env = {key: value for key, value in os.environ.items() if not key.startswith("TRIPOINT_")}
        env.update(federation.CLI_PATIENCE, DEMO=str(cluster.folder), NO_COLOR="1", PATH=f"{cluster.tripointd.parent}:{env['PATH']}")
        for title, text in found:
            script = "set -eu -o pipefail\ntrap 'echo \"failed: $BASH_COMMAND\" >&2' ERR\n" + slowed(text)
            done = subprocess.run(["bash", "-c", script], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=federation.patience(120), check=False)
            print(f"{title}: exit {done.returncode}")
            if done.returncode != 0:
                failed += 1
                print(done.stdout[-4000:] + done.stderr[-4000:])
            elif "-v" in sys.argv:
                print(done.stdout)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
