#!/usr/bin/env python3
"""Crash by fire: two real nodes that are killed at random moments under load.

Goal: whatever an officer was told is there afterwards, as it was told, once, at both ends; nothing else is; both ends of every
channel have the same root. Writers (`tripoint-load endure`) repeat a call with its request id until it is answered.

TRIPOINT_FIRE_CYCLES kills (25; 1,000 take 11 minutes), TRIPOINT_FIRE_SEED repeats the moments and the victims.
"""
import json
import os
import random
import subprocess
import time
import unittest

import cluster as federation

VN, LA = "vn-quangngai", "la-attapeu"
CYCLES = int(os.environ.get("TRIPOINT_FIRE_CYCLES", "25"))
SEED = int(os.environ.get("TRIPOINT_FIRE_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
UP_SECONDS = (0.02, 0.6)  # a node lives so long after it was ready
STARTING_SECONDS = (0.0, 0.2)  # or it is killed while it opens its store


class Fire(federation.Pair):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.program = federation.binary_folder() / "tripoint-load"

    def words(self, mode):
        words = [str(self.program), mode, "--ledger", str(self.cluster.folder / "ledger")]
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

    def burn(self, writing, chance):
        """Lets the nodes run for a random while, then kills one or both at once and starts them again."""
        try:
            writing.wait(timeout=chance.uniform(*UP_SECONDS))
            self.fail("the writers have ended by themselves")
        except subprocess.TimeoutExpired:
            pass
        victims = chance.choice(((self.vn,), (self.vn,), (self.la,), (self.vn, self.la)))
        for victim in victims:
            victim.kill()
        for victim in victims:
            if chance.random() < 0.25:
                self.kill_while_it_starts(victim, chance)
            victim.start(timeout=60)

    def kill_while_it_starts(self, victim, chance):
        starting = subprocess.Popen([str(self.cluster.tripointd), "run", "--config", str(victim.config)],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        try:
            starting.wait(timeout=chance.uniform(*STARTING_SECONDS))
            self.fail(f"{victim.unit} did not start: {starting.returncode}")
        except subprocess.TimeoutExpired:
            starting.kill()
            starting.wait()

    def test_d1_r1_r3_nothing_acknowledged_is_lost_or_doubled(self):
        print(f"TRIPOINT_FIRE_SEED={SEED} TRIPOINT_FIRE_CYCLES={CYCLES}", flush=True)
        chance = random.Random(SEED)
        began = time.monotonic()
        writing = self.writers()
        for _ in range(CYCLES):
            self.burn(writing, chance)
        told = json.loads(writing.communicate(timeout=360)[0])
        federation.wait_until(lambda: federation.settled(self.vn, self.la), timeout=300, what="every receipt and equal roots")
        found = json.loads(subprocess.run(self.words("account"), capture_output=True, text=True, check=True,
                                          timeout=300).stdout)
        print(f"{CYCLES} kills in {time.monotonic() - began:.0f} s: {told} {found}", flush=True)
        self.assertEqual(0, told["errors"], told["first_error"])
        self.assertGreater(told["acknowledged"], CYCLES)
        self.assertEqual(told["acknowledged"], found["incidents_told"] + found["sent_told"])
        for where in ("incidents", "sent", "received"):
            with self.subTest(where):
                self.assertEqual(found[f"{where}_told"], found[f"{where}_found"], "no more and no fewer")
                for fault in ("lost", "altered", "doubled"):
                    self.assertEqual(0, found[f"{where}_{fault}"])


if __name__ == "__main__":
    unittest.main()
