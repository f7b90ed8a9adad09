#!/usr/bin/env python3
"""Runs the smallest scripts/bench and checks that every case prints well-formed lines. It judges no figure."""
import json
import sys
import tempfile

from called import called

WANTED = {"create", "import", "get", "list", "watch", "fanout", "visible", "sustained", "catchup", "memory", "disk", "wire",
          "stall", "neighbour", "network"}


def main():
    bench, binaries = sys.argv[1:3]
    code, out, errors = called([bench, "--quick", "--seconds", "0.3", "--notices", "300", "--binary-dir", binaries], 180)
    print(errors, file=sys.stderr)
    if code != 0:
        sys.exit(f"scripts/bench ended with {code}")
    seen = set()
    for text in out.splitlines():
        line = json.loads(text)
        for key, kind in (("case", str), ("params", dict), ("value", (int, float)), ("unit", str)):
            if not isinstance(line.get(key), kind):
                sys.exit(f"{key} is missing or of the wrong kind: {text}")
        # So short a run may see no time pass: no processor tick, one receipt for all, a watcher ahead of the answer.
        short = (line["unit"].startswith("us/") or line["case"] in ("visible", "watch", "stall")
                 or line["unit"] == "ms simulated" or "flows" in line["params"].get("measure", ""))
        if line["value"] < 0 or (line["value"] == 0 and not short):
            sys.exit(f"nothing was measured: {text}")
        if ("bare" in line) != ("ratio" in line):
            sys.exit(f"bare and ratio come together: {text}")
        seen.add(line["case"])
    if seen != WANTED:
        sys.exit(f"cases without a line: {sorted(WANTED - seen)}")
    if "failed" in errors:
        sys.exit("calls failed, see above")
    grown(bench, binaries)


def grown(bench, binaries):
    """The table of growth: a column for each number of neighbours, and nothing that is not said."""
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as table:
        code, _, errors = called([bench, "--case", "growth", "--seconds", "0.3", "--sizes", "1000", "--peers", "1,3",
                                  "--markdown", table.name, "--binary-dir", binaries], 120)
        if code != 0:
            sys.exit(f"scripts/bench --case growth ended with {code}: {errors}")
        rows = [row.strip("|\n ").split("|") for row in table if row.startswith("| ")]
    if [cell.strip() for cell in rows[0]] != ["Figure", "1,000; 1", "1,000; 3"] or len(rows) < 30:
        sys.exit(f"the table of growth is not whole: {rows}")
    for row in rows[1:]:
        if not row[1].strip():
            sys.exit(f"nothing was measured: {row}")


main()
