#!/usr/bin/env python3
"""The demo, as a newcomer runs it: `scripts/demo --once` must hold every check and end in its line of proof."""
import os
import re
import unittest

import cluster as federation


class Demo(unittest.TestCase):
    def test_once_holds_every_check(self):
        env = dict(os.environ, TRIPOINT_BIN=str(federation.binary_folder()))
        done = federation.run([federation.ROOT / "scripts" / "demo", "--once", "--no-build"], env=env, timeout=280, check=False)
        self.assertEqual(0, done.returncode, done.stdout[-4000:] + done.stderr[-4000:])
        proof = re.search(r"PROOF sent=(\d+) stored=(\d+) duplicated=(\d+) lost=(\d+) roots=(\w+)", done.stdout)
        self.assertIsNotNone(proof, done.stdout)
        sent, stored, duplicated, lost = (int(value) for value in proof.groups()[:4])
        self.assertGreater(sent, 40)
        self.assertEqual((sent, 0, 0, "equal"), (stored, duplicated, lost, proof.group(5)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
