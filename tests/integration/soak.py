#!/usr/bin/env python3
"""Soak (L1): real nodes in a ring for hours, while one after the other is killed and links are down for most of the time.

    tests/integration/soak.py --hours 72                                              before a release
    tests/integration/soak.py --hours 0.2 --kill-every 20 --link-period 20            shortened, 12 minutes

Each node writes for the next in short bursts (`tripoint-load endure`). After a fifth of the time, and at its end, everything is let
settle, and two things are judged: nothing that was acknowledged is lost, altered or there twice at either end
(`tripoint-load account`), and the nodes that were never killed have grown in memory by less than --growth-max and in open files by
none (tables of the store aside, which are as many as there are data). Prints a line each minute and its seed; exit 1 when one of
these does not hold.
"""
import argparse
import collections
import json
import os
import pathlib
import random
import subprocess
import sys
import time

import cluster as federation

UNITS = ("vn-quangngai", "la-attapeu", "kh-ratanakiri", "vn-gialai", "la-sekong", "kh-mondulkiri", "vn-quangtri", "la-salavan",
         "kh-kratie", "vn-nghean")
WITNESSES = 2  # never killed: their memory is that of the whole time
BURST_SECONDS = (0.1, 0.5)
SETTLE_SECONDS = 900


class Line:
    """The link from a node to the next one, up and down by turns of its own."""

    def __init__(self, proxy, options, chance):
        self.proxy, self.options, self.chance = proxy, options, chance
        self.down, self.turns_at, self.down_s, self.since = False, 0.0, 0.0, time.monotonic()

    def turn(self, now):
        if now < self.turns_at:
            return
        share = self.options.down if not self.down else 1 - self.options.down
        self.set(now, not self.down)
        self.turns_at = now + self.chance.uniform(0, 2) * share * self.options.link_period

    def set(self, now, down):
        self.down_s += now - self.since if self.down else 0
        self.since, self.down = now, down
        if not down:
            self.proxy.heal()
        elif self.chance.random() < 0.5:
            self.proxy.cut()
        else:
            self.proxy.freeze()  # nobody is told


class Soak:
    def __init__(self, cluster, options, chance):
        self.cluster, self.options, self.chance = cluster, options, chance
        self.units = list(cluster.nodes)
        self.lines = [Line(cluster.link(unit, self.next_of(unit)), options, chance) for unit in self.units]
        self.writing = {}  # unit -> (process, ends at)
        self.told = collections.Counter()
        self.kills, self.began = 0, time.monotonic()

    def next_of(self, unit):
        return self.units[(self.units.index(unit) + 1) % len(self.units)]

    def words(self, mode, unit):
        words = [str(federation.binary_folder() / "tripoint-load"), mode, "--ledger", str(self.cluster.folder / f"ledger-{unit}")]
        for prefix, name in (("", unit), ("to-", self.next_of(unit))):
            node = self.cluster.nodes[name]
            words += [f"--{prefix}address", f"127.0.0.1:{node.api_port}", f"--{prefix}unit", name,
                      f"--{prefix}certificates", str(node.officer_folder("lan")), f"--{prefix}roots", str(node.certificates / "roots")]
        return words

    def write(self, now):
        """One more burst, by a node that has none."""
        unit = self.chance.choice(self.units)
        if unit not in self.writing:
            process = subprocess.Popen([*self.words("endure", unit), "--peer", self.next_of(unit), "--in-flight", "2", "--channels", "1"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            self.writing[unit] = (process, now + self.chance.uniform(*BURST_SECONDS))
        self.collect(now)

    def collect(self, now):
        for unit, (process, ends_at) in list(self.writing.items()):
            if now < ends_at:
                continue
            if not process.stdin.closed:
                process.stdin.close()  # it leaves when all it began was answered
            if process.poll() is None:
                continue
            del self.writing[unit]
            text = process.stdout.read()
            process.stdout.close()
            if not text.strip():  # it never reached its node, which was slow to come back: nothing was told
                self.told["bursts without a node"] += 1
                continue
            found = json.loads(text)
            for key in ("acknowledged", "repeats", "errors"):
                self.told[key] += found[key]
            if found["errors"]:
                print(f"{unit}: {found['first_error']}", flush=True)

    def kill_one(self):
        node = self.cluster.nodes[self.chance.choice(self.units[WITNESSES:])]
        node.kill()
        node.start(timeout=120)
        self.kills += 1

    def run(self, seconds):
        """Load and misfortune for so long."""
        now = time.monotonic()
        until, kill_at, say_at = now + seconds, now + self.options.kill_every, now + 60
        pause = federation.threading.Event()
        while (now := time.monotonic()) < until:
            self.write(now)
            for line in self.lines:
                line.turn(now)
            if now >= kill_at:
                self.kill_one()
                kill_at += self.options.kill_every
            if now >= say_at:
                say_at += 60
                self.say()
            pause.wait(1 / self.options.bursts)

    def settle(self):
        for line in self.lines:
            line.set(time.monotonic(), False)
        for process, _ in self.writing.values():
            process.stdin.close() if not process.stdin.closed else None
        federation.wait_until(lambda: self.collect(time.monotonic()) or not self.writing, timeout=400, what="the writers' last answers")
        for unit in self.units:
            one, other = self.cluster.nodes[unit], self.cluster.nodes[self.next_of(unit)]
            federation.wait_until(lambda one=one, other=other: federation.settled(one, other), timeout=SETTLE_SECONDS,
                                  what=f"every receipt between {one.unit} and {other.unit}")

    def size(self, unit):
        """(resident MiB, open files, open tables of the store)"""
        node = self.cluster.nodes[unit]
        files, tables = 0, 0
        for entry in pathlib.Path(f"/proc/{node.process.pid}/fd").iterdir():
            try:
                inside = os.readlink(entry).startswith(str(node.data))
            except FileNotFoundError:
                continue  # closed meanwhile
            files, tables = (files, tables + 1) if inside else (files + 1, tables)
        return node.resident_bytes() / (1 << 20), files, tables

    def sizes(self):
        return {unit: self.size(unit) for unit in self.units}

    def down_share(self):
        now = time.monotonic()
        return sum(line.down_s + (now - line.since if line.down else 0) for line in self.lines) / len(self.lines) / (now - self.began)

    def say(self):
        resident = [f"{self.size(unit)[0]:.0f}" for unit in self.units[:WITNESSES]]
        print(f"{(time.monotonic() - self.began) / 60:.0f} min: {self.kills} kills, links down {self.down_share():.0%}, "
              f"{self.told['acknowledged']} told, {self.told['repeats']} repeats, witnesses {' and '.join(resident)} MiB", flush=True)

    def account(self):
        """What is wrong at either end of each link; empty: nothing."""
        faults, total = [], collections.Counter()
        for unit in self.units:
            if not (self.cluster.folder / f"ledger-{unit}").exists():
                continue
            found = json.loads(subprocess.run(self.words("account", unit), capture_output=True, text=True, check=True, timeout=1800).stdout)
            for where in ("incidents", "sent", "received"):
                total[where] += found[f"{where}_told"]
                for fault in ("lost", "altered", "doubled"):
                    total[fault] += found[f"{where}_{fault}"]
                if found[f"{where}_told"] != found[f"{where}_found"] or any(found[f"{where}_{fault}"] for fault in ("lost", "altered", "doubled")):
                    faults.append(f"{unit}: {found}")
        print(f"accounted: {dict(total)}", flush=True)
        return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=72)
    parser.add_argument("--nodes", type=int, default=10, choices=range(3, len(UNITS) + 1))
    parser.add_argument("--kill-every", type=float, default=600, help="seconds")
    parser.add_argument("--link-period", type=float, default=600, help="seconds of one turn up and one down, on average")
    parser.add_argument("--down", type=float, default=0.6, help="share of the time that a link is down")
    parser.add_argument("--bursts", type=float, default=1, help="bursts of writing a second, of all nodes together")
    parser.add_argument("--growth-max", type=float, default=0.05, help="of memory, after the first fifth")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 1 << 32))
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.hours} hours, {options.nodes} nodes", flush=True)
    with federation.Cluster(UNITS[:options.nodes]) as cluster:
        cluster.make_ring()
        soak = Soak(cluster, options, random.Random(options.seed))
        soak.run(options.hours * 3600 / 5)
        soak.settle()
        before = soak.sizes()
        soak.run(options.hours * 3600 * 4 / 5)
        down = soak.down_share()
        soak.settle()
        after = soak.sizes()
        faults = soak.account()
        if soak.told["errors"]:
            faults.append(f"{soak.told['errors']} calls were refused for good")
        for unit in soak.units:
            (mib, files, tables), (mib_after, files_after, tables_after) = before[unit], after[unit]
            growth = mib_after / mib - 1
            witness = unit in soak.units[:WITNESSES]
            print(f"{unit}: {mib:.1f} to {mib_after:.1f} MiB ({growth:+.1%}), {files} to {files_after} files, "
                  f"{tables} to {tables_after} tables{'' if witness else ' (killed meanwhile)'}", flush=True)
            if witness and (growth >= options.growth_max or files_after > files):
                faults.append(f"{unit} grew")
        print(f"{soak.kills} kills, links down {down:.0%}, {dict(soak.told)}", flush=True)
    for fault in faults:
        print(f"broken: {fault}", flush=True)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
