#!/usr/bin/env python3
"""Crash by fire: two real nodes that are killed, or lose their power, at random moments under load.

Goal: whatever an officer was told is there afterwards, as it was told, once, at both ends; nothing else is; both ends of every
channel have the same root. Writers (`tripoint-load endure`) repeat a call with its request id until it is answered.

TRIPOINT_FIRE_CYCLES kills (25; 1,000 take 11 minutes) and TRIPOINT_FIRE_CUTS cuts (8), TRIPOINT_FIRE_SEED repeats the moments,
the victims and what a cut leaves.
"""
import json
import os
import pathlib
import random
import subprocess
import tempfile
import time
import unittest

import cluster as federation

VN, LA = "vn-quangngai", "la-attapeu"
CYCLES = int(os.environ.get("TRIPOINT_FIRE_CYCLES", "25"))
CUTS = int(os.environ.get("TRIPOINT_FIRE_CUTS", "8"))
SEED = int(os.environ.get("TRIPOINT_FIRE_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
UP_SECONDS = (0.02, 0.6)  # a node lives so long after it was ready
STARTING_SECONDS = (0.0, 0.2)  # or it is killed while it opens its store


class Burning(federation.Pair):
    """Writers, nodes that go out, and what is there at last."""

    def words(self, mode):
        words = [str(federation.binary_folder() / "tripoint-load"), mode, "--ledger", str(self.cluster.folder / "ledger")]
        for prefix, node in (("", self.vn), ("to-", self.la)):
            words += [f"--{prefix}address", f"127.0.0.1:{node.api_port}", f"--{prefix}unit", node.unit,
                      f"--{prefix}certificates", str(node.officer_folder("lan")), f"--{prefix}roots", str(node.certificates / "roots")]
        return words

    def writers(self):
        """16 writers; they end when their standard input is closed, with every call answered."""
        writing = subprocess.Popen([*self.words("endure"), "--peer", LA, "--in-flight", "16", "--channels", "4"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(lambda: writing.poll() is None and writing.kill())
        return writing

    def put_out(self, victim, chance):
        victim.kill()

    def burn(self, writing, chance):
        """Lets the nodes run for a random while, then puts out one or both at once and starts them again."""
        try:
            writing.wait(timeout=federation.patience(chance.uniform(*UP_SECONDS)))
            self.fail("the writers have ended by themselves")
        except subprocess.TimeoutExpired:
            pass
        victims = chance.choice(((self.vn,), (self.vn,), (self.la,), (self.vn, self.la)))
        for victim in victims:
            self.put_out(victim, chance)
        for victim in victims:
            if chance.random() < 0.25:
                self.kill_while_it_starts(victim, chance)
            victim.start(timeout=60)

    def kill_while_it_starts(self, victim, chance):
        starting = subprocess.Popen([str(self.cluster.tripointd), "run", "--config", str(victim.config)],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        try:
            starting.wait(timeout=federation.patience(chance.uniform(*STARTING_SECONDS)))
            self.fail(f"{victim.unit} did not start: {starting.returncode}")
        except subprocess.TimeoutExpired:
            starting.kill()
            starting.wait()

    def burn_and_account(self, times):
        chance = random.Random(SEED)
        began = time.monotonic()
        writing = self.writers()
        for _ in range(times):
            self.burn(writing, chance)
        told = json.loads(writing.communicate(timeout=federation.patience(360))[0])
        federation.wait_until(lambda: federation.settled(self.vn, self.la), timeout=300, what="every receipt and equal roots")
        found = json.loads(subprocess.run(self.words("account"), capture_output=True, text=True, check=True,
                                          timeout=federation.patience(300)).stdout)
        print(f"{times} times in {time.monotonic() - began:.0f} s: {told} {found}", flush=True)
        self.assertEqual(0, told["errors"], told["first_error"])
        self.assertGreater(told["acknowledged"], times)
        self.assertEqual(told["acknowledged"], found["incidents_told"] + found["sent_told"])
        for where in ("incidents", "sent", "received"):
            with self.subTest(where):
                self.assertEqual(found[f"{where}_told"], found[f"{where}_found"], "no more and no fewer")
                for fault in ("lost", "altered", "doubled"):
                    self.assertEqual(0, found[f"{where}_{fault}"])


class Fire(Burning):
    def test_d1_r1_r3_nothing_acknowledged_is_lost_or_doubled(self):
        print(f"TRIPOINT_FIRE_SEED={SEED} TRIPOINT_FIRE_CYCLES={CYCLES}", flush=True)
        self.burn_and_account(CYCLES)


class UnsyncedDisk:
    """unsynced_disk.py behind a folder, until closed."""

    def __init__(self, folder, *flags):
        self.folder = folder
        folder.mkdir(parents=True)
        program = pathlib.Path(__file__).resolve().parent / "unsynced_disk.py"
        self.process = subprocess.Popen([str(program), str(folder), *flags], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("unsynced_disk.py did not mount its folder (above): it needs root and /dev/fuse")

    def cut(self, seed):
        self.process.stdin.write(f"cut {seed}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        federation.run(["umount", self.folder])
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(timeout=federation.patience(10))


needs_fuse = unittest.skipUnless(os.access("/dev/fuse", os.W_OK), "this machine has no FUSE: no disk can be made to forget")


@needs_fuse
class DiskThatForgets(unittest.TestCase):
    """The control: what a cut leaves of what was synced, half synced and not synced, and of a disk that lies."""

    def left(self, *flags):
        """For each of some seeds: what stands there after a cut."""
        for seed in range(20):
            with tempfile.TemporaryDirectory() as folder:
                disk = UnsyncedDisk(pathlib.Path(folder) / "disk", *flags)
                try:
                    for name in ("whole", "longer", "new"):
                        with open(disk.folder / name, "wb", buffering=0) as file:
                            file.write(b"synced")
                            if name != "new":
                                os.fsync(file.fileno())
                            if name == "longer":
                                file.write(b" and not")
                        if name == "longer":
                            top = os.open(disk.folder, os.O_RDONLY)
                            os.fsync(top)
                            os.close(top)
                    disk.cut(seed)
                    yield {entry.name: entry.read_bytes() for entry in disk.folder.iterdir()}
                finally:
                    disk.close()

    def test_what_was_synced_stays_and_the_rest_may_go(self):
        left = list(self.left())
        self.assertEqual({b"synced"}, {one["whole"] for one in left})
        self.assertTrue(all(one["longer"].startswith(b"synced") for one in left))
        self.assertGreater(len({one["longer"] for one in left}), 2, "whole, old, and something between")
        self.assertEqual({True, False}, {"new" in one for one in left})

    def test_nothing_is_safe_on_a_disk_that_lies(self):
        left = list(self.left("--lies"))
        self.assertLess(sum(one.get("whole") == b"synced" for one in left), len(left))


@needs_fuse
class PowerCuts(Burning):
    """Each node's data folder is on a disk that forgets what was not synced."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = federation.Cluster((VN, LA))
        cls.disks = {}
        for unit, node in cls.cluster.nodes.items():
            cls.disks[unit] = UnsyncedDisk(node.folder / "disk")
            cls.addClassCleanup(cls.disks[unit].close)
            node.data = cls.disks[unit].folder / "data"
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.make_ring()
        cls.vn, cls.la = cls.cluster.nodes[VN], cls.cluster.nodes[LA]
        cls.lost = {"changes": 0, "pages": 0}

    def put_out(self, victim, chance):
        victim.kill()
        for what, count in self.disks[victim.unit].cut(chance.randrange(1 << 32)).items():
            self.lost[what] += count

    def test_d2_r2_nothing_acknowledged_is_lost_when_the_power_goes(self):
        print(f"TRIPOINT_FIRE_SEED={SEED} TRIPOINT_FIRE_CUTS={CUTS}", flush=True)
        epochs = [node.status()["epoch"] for node in (self.vn, self.la)]
        self.burn_and_account(CUTS)
        print(f"the disks forgot {self.lost}", flush=True)
        self.assertGreater(self.lost["pages"], 0, "else nothing was tried")
        self.assertEqual(epochs, [node.status()["epoch"] for node in (self.vn, self.la)], "no node takes itself for one that lost something")


if __name__ == "__main__":
    unittest.main()
