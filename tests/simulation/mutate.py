#!/usr/bin/env python3
"""Mutation check: each deliberate defect of mutants.py must make the simulator find a broken promise.

    tests/simulation/mutate.py                      all, with the build in build/release
    tests/simulation/mutate.py --only skip-a-sync   one or more, by name
    tests/simulation/mutate.py --check              only that each text stands exactly once in its file
    tests/simulation/mutate.py --find               look in other scenarios too

Compiles the one changed file beside the build and links tripoint-sim with it: nothing of ours is copied or touched. The
defect is in a scratch folder only and in nothing that is shipped. A seed that finds fault with the code as it is catches
nothing. Exit 1 if a mutant survives.
"""
import argparse
import concurrent.futures
import json
import pathlib
import shlex
import subprocess
import sys
import time

import mutants

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCENARIOS = ROOT / "tests/simulation/scenarios"
SECONDS_MAX = 120
SEEDS_TRIED = 40


class Build:
    """How the build compiles a file and links the simulator."""

    def __init__(self, folder):
        self.folder = folder.resolve()
        self.scratch = self.folder / "mutants"
        self.scratch.mkdir(exist_ok=True)
        entries = json.loads((self.folder / "compile_commands.json").read_text())
        self.commands = {entry["file"]: entry["command"] for entry in entries}
        lines = subprocess.run(["ninja", "-C", self.folder, "-t", "commands", "bin/tripoint-sim"], check=True,
                               capture_output=True, text=True).stdout.splitlines()
        self.link = shlex.split(lines[-1].removeprefix(": && ").removesuffix(" && :"))

    def make(self, name, file, text):
        """The simulator with `text` instead of `file`."""
        source, made = self.scratch / f"{name}.cc", self.scratch / f"{name}.o"
        source.write_text(text)
        words, command = iter(shlex.split(self.commands[str(ROOT / file)])), []
        for word in words:
            if word in ("-MT", "-MF", "-o", "-c"):
                next(words)
            elif word != "-MD":
                command.append(word)
        run(command + ["-o", made, "-c", source], self.folder)
        program = self.scratch / f"sim-{name}"
        link = list(self.link)
        link[link.index("-o") + 1] = str(program)
        # Before the libraries: their own object of this file is then not taken.
        first = next(i for i, word in enumerate(link) if word.endswith(".o"))
        run(link[:first] + [made] + link[first:], self.folder)
        made.unlink()
        return program


def run(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command[:3]))} ...: {done.stderr[-2000:]}")


def simulate(program, caught_by):
    """What the run said that broke a promise; empty if all were kept."""
    seed, _, scenario = caught_by.partition("@")
    command = [program, "--seed", seed]
    if scenario:
        command += ["--scenario", SCENARIOS / f"{scenario}.scenario"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX)
    except subprocess.TimeoutExpired:
        return f"does not end within {SECONDS_MAX} s"
    if done.returncode == 2:
        raise RuntimeError(done.stderr)
    if done.returncode < 0:
        return f"ends by signal {-done.returncode}"
    return next((line for line in done.stdout.splitlines() if "broken: " in line), "") if done.returncode else ""


def mutated(mutant):
    name, file, old, new, _, _ = mutant
    text = (ROOT / file).read_text()
    if text.count(old) != 1:
        raise RuntimeError(f"mutant {name}: its text stands {text.count(old)} times in {file}; change mutants.py with the code")
    return text.replace(old, new)


def judge(build, mutant, find):
    """(name, what caught it or nothing, seconds)"""
    started = time.monotonic()
    name, file, _, _, caught_by, _ = mutant
    program = build.make(name, file, mutated(mutant))
    _, _, scenario = caught_by.partition("@")
    names = [scenario]
    if find:
        names += [other for other in ("", "crashes", "disk-full", "frames", "poison", "narrow") if other != scenario]
    # A seed that is listed catches at once; others are tried because a change of the simulator moves seeds.
    tries = [caught_by] + [f"{seed}@{one}".removesuffix("@") for one in names for seed in range(1, SEEDS_TRIED + 1)]
    for one in tries:
        found = simulate(program, one)
        if found and not simulate(build.folder / "bin/tripoint-sim", one):
            program.unlink()
            moved = "" if one == caught_by else f"(list {one} instead of {caught_by}) "
            return name, f"{moved}{one}: {found.split('broken: ')[-1]}", time.monotonic() - started
    program.unlink()
    return name, "", time.monotonic() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--only", default="", help="names, with commas")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--find", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    wanted = [name for name in options.only.split(",") if name]
    unknown = set(wanted) - {mutant[0] for mutant in mutants.MUTANTS}
    if unknown:
        parser.error(f"no such mutant: {', '.join(sorted(unknown))}")
    chosen = [mutant for mutant in mutants.MUTANTS if not wanted or mutant[0] in wanted]
    for mutant in mutants.MUTANTS:
        mutated(mutant)
    if options.check:
        print(f"mutate: {len(mutants.MUTANTS)} mutants fit the code")
        return 0
    started = time.monotonic()
    build = Build(options.build)
    survivors = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for name, caught, seconds in pool.map(lambda mutant: judge(build, mutant, options.find), chosen):
            print(f"{'caught  ' if caught else 'SURVIVED'} {name} ({seconds:.0f} s) {caught[:160]}", flush=True)
            survivors += not caught
    print(f"mutate: {len(chosen)} mutants, {survivors} faults, {time.monotonic() - started:.0f} s")
    return 1 if survivors else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RuntimeError as error:
        sys.exit(f"mutate: {error}")
