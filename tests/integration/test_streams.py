#!/usr/bin/env python3
"""Streams of batches against real nodes that are killed and stopped in the middle.

Goal: a batch that was answered is durable, one that was not is there whole or not at all, and sending everything again
leaves every record there once.
"""
import collections
import concurrent.futures
import json
import subprocess
import unittest

import cluster as federation

VN, LA = "vn-quangngai", "la-attapeu"
RECORDS = 20_000
BATCH = 50


class Streams(federation.Pair):
    """Two nodes; vn-quangngai is the one that is written to."""

    def file_of(self, name, count):
        path = self.cluster.folder / name
        with open(path, "w", encoding="utf-8") as out:
            for i in range(count):
                out.write(json.dumps({"id": f"{name}-{i}", "date": "2026-01-05", "country": "VN", "gate": "G-BOY",
                                      "category": "drugs", "summary": f"Record {i} of {name}.", "lang": "en"}) + "\n")
        return path

    def import_while(self, disturb):
        """Imports a file; `disturb` runs once some of it is recorded. Then imports it again."""
        before = int(self.vn.status()["incidents"])
        path = self.file_of(disturb.__name__, RECORDS)
        with concurrent.futures.ThreadPoolExecutor(max_workers=1) as pool:
            importing = pool.submit(self.vn.cli, "incident", "import", path, "--timeout", f"{federation.patience(60):.0f}s", timeout=200)
            federation.wait_until(lambda: int(self.vn.status()["incidents"]) > before, timeout=60, what="the first batch")
            self.assertFalse(importing.done(), "it is under way")
            disturb()
            output = importing.result().stdout
        self.assertIn("0 refused", output)
        self.assertEqual(before + RECORDS, int(self.vn.status()["incidents"]))
        again = self.vn.cli("incident", "import", path, timeout=200).stdout
        self.assertIn(f"0 added, {RECORDS} were there already, 0 refused", again)
        self.assertEqual(before + RECORDS, int(self.vn.status()["incidents"]))

    def test_kill_in_the_middle_of_an_import_loses_and_doubles_nothing(self):
        def killed():
            self.vn.kill()
            self.vn.start()

        self.import_while(killed)

    def test_stop_in_the_middle_of_an_import_ends_the_stream_and_the_import_goes_on(self):
        def stopped():
            self.assertEqual(0, self.vn.stop())
            self.vn.start()

        self.import_while(stopped)

    def test_kill_in_the_middle_of_shares_leaves_whole_batches_that_all_arrive(self):
        load = [str(federation.binary_folder() / "tripoint-load"), "share", "--address", f"127.0.0.1:{self.vn.api_port}",
                "--unit", VN, "--certificates", str(self.vn.officer_folder("lan")), "--roots",
                str(self.vn.certificates / "roots"), "--peer", LA, "--batch", str(BATCH), "--in-flight", "4", "--seconds", "60"]
        process = subprocess.Popen(load, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            federation.wait_until(lambda: int(self.vn.status()["notices_sent"]) >= 4 * BATCH, timeout=60, what="some batches")
            self.vn.kill()
            _, error = process.communicate(timeout=federation.patience(60))
        finally:
            process.kill()
            process.wait()
        self.assertIn("the stream ended", error)
        self.vn.start()
        sent = int(self.vn.status()["notices_sent"])
        self.assertEqual(0, sent % BATCH, f"{sent} notices are whole batches")
        federation.wait_until(lambda: federation.settled(self.vn, self.la), timeout=90, what="all receipted")
        self.assertEqual(sent, int(self.la.status()["notices_received"]))
        names = collections.Counter(entry["name"] for entry in self.la.jsonl("inbox", "--limit", "0", timeout=120))
        self.assertEqual(({1}, sent), (set(names.values()), len(names)), "each once")


if __name__ == "__main__":
    unittest.main(verbosity=2)
