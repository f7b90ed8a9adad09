#!/usr/bin/env python3
"""Bundles between real nodes: what waits crosses the bridge in a file, the receipts come back in another, and the link goes on.

Goal: nothing is lost or doubled whichever way it goes; a wrong bundle changes nothing; link and bundle together do no harm.
"""
import os
import random
import shutil
import unittest

import cluster as federation

VN, LA, KH = "vn-quangngai", "la-attapeu", "kh-ratanakiri"


class Bundles(unittest.TestCase):
    def setUp(self):
        self.cluster = federation.Cluster(units=(VN, LA, KH))
        self.addCleanup(self.cluster.close)
        self.cluster.make_ring()
        self.vn, self.la, self.kh = (self.cluster.nodes[unit] for unit in (VN, LA, KH))
        self.link = self.cluster.link(VN, LA)

    def share(self, node, title, *units):
        incident = node.cli("incident", "new", "--kind", "smuggling", "--where", "Bờ Y", "--when", "now", "--title", title,
                            "-o", "id").stdout.strip()
        return node.cli("notice", "share", incident, "--to", ",".join(units), "--yes", "-o", "id").stdout.strip()

    def cut(self):
        self.link.cut()
        federation.wait_until(lambda: not self.vn.link_up(LA) and not self.la.link_up(VN), what="the link down")

    def export(self, node, unit, name, *words, officer="son"):
        file = self.cluster.folder / name
        return file, node.json("bundle", "export", "--peer", unit, "--out", file, *words, officer=officer)

    def bring(self, node, file):
        taken = node.json("bundle", "import", file, officer="son")
        return tuple(int(taken[field]) for field in ("envelopes", "known", "refused", "receipted"))

    def refused(self, node, file, exit_code):
        before = node.status()["change_number"]
        completed = node.cli("bundle", "import", file, officer="son", check=False)
        self.assertEqual(completed.returncode, exit_code, completed.stderr)
        self.assertIn("why:", completed.stderr)
        self.assertEqual(node.status()["change_number"], before)

    def test_there_and_back_without_a_link(self):
        self.share(self.vn, "Before the cut", LA)
        federation.wait_until(lambda: federation.settled(self.vn, self.la), what="the first one stored")
        self.cut()
        notices = [self.share(self.vn, f"Carried {number}", LA) for number in range(5)]
        answer = self.share(self.la, "On its way back", VN)
        there, made = self.export(self.vn, LA, "there.bundle")
        self.assertEqual(made["envelopes"], 5)
        self.assertNotIn(b"Carried", there.read_bytes())
        self.assertEqual(self.bring(self.la, there), (5, 0, 0, 0))
        inbox = self.la.cli("inbox", "-o", "id", "--limit", "0").stdout
        self.assertTrue(all(notice in inbox for notice in notices))
        self.assertEqual(self.bring(self.la, there), (0, 5, 0, 0))
        back, made = self.export(self.la, VN, "back.bundle")
        self.assertEqual(self.bring(self.vn, back), (1, 0, 0, 5))
        self.assertIn(answer, self.vn.cli("inbox", "-o", "id").stdout)
        for notice in notices:
            self.assertEqual(self.vn.json("notice", "show", notice)["deliveries"][0]["state"], "DELIVERY_STATE_STORED")
        for action in ("received.store", "receipt.store"):
            self.assertTrue(any(entry["actor"] == "officer/son" and entry["action"] == action
                                for entry in self.vn.jsonl("audit", "list", officer="tam")), "the journal says who brought it")
        # Evidence holds for what was carried too.
        self.vn.cli("evidence", "export", notices[0], "--out", self.cluster.folder / "carried.evidence")
        proof = self.vn.json("evidence", "verify", self.cluster.folder / "carried.evidence")
        self.assertTrue(proof["stored"])
        self.link.heal()
        federation.wait_until(self.cluster.links_up, timeout=60, what="the link up")
        last = self.share(self.vn, "By the link again", LA)
        federation.wait_until(lambda: federation.settled(self.vn, self.la), what="everything settled")
        self.assertIn(last, self.la.cli("inbox", "-o", "id").stdout)
        self.assertEqual(federation.proof(self.vn, self.la)["duplicated"], 0)
        for node in (self.vn, self.la):
            self.assertEqual(node.cli("channel", "verify").returncode, 0)
            self.assertEqual(node.events("exchange.alert"), [])

    def test_mixed_with_a_living_link(self):
        self.cut()
        for number in range(20):
            self.share(self.vn, f"Both ways {number}", LA)
        file, _ = self.export(self.vn, LA, "mixed.bundle")
        self.link.heal()
        # The link and the hand race; whichever comes first, the other one is known.
        envelopes, known, refused, _ = self.bring(self.la, file)
        self.assertEqual((envelopes + known, refused), (20, 0))
        federation.wait_until(lambda: federation.settled(self.vn, self.la), timeout=60, what="everything settled")
        self.assertEqual(self.bring(self.la, file), (0, 20, 0, 0))
        again = self.vn.cli("bundle", "export", "--peer", LA, "--out", file, officer="son", check=False)
        self.assertEqual(again.returncode, 6, "a file is never replaced")
        # A restart reads what was stored by hand like everything else.
        self.la.stop()
        self.la.start()
        federation.wait_until(self.cluster.links_up, timeout=60, what="the link up")
        self.share(self.vn, "After a restart", LA)
        federation.wait_until(lambda: federation.settled(self.vn, self.la), timeout=60, what="everything settled")
        self.assertEqual(federation.proof(self.vn, self.la)["lost"], 0)

    def test_wrong_bundles_change_nothing(self):
        self.cut()
        self.share(self.vn, "First", LA)
        first, _ = self.export(self.vn, LA, "first.bundle")
        good = first.read_bytes()
        bad = self.cluster.folder / "bad.bundle"
        random.seed(6)
        for at in random.sample(range(len(good)), 25):
            changed = bytearray(good)
            changed[at] ^= 1 << random.randrange(8)
            bad.write_bytes(changed)
            completed = self.la.cli("bundle", "import", bad, officer="son", check=False)
            self.assertNotEqual(completed.returncode, 0, f"byte {at}")
        for contents in (good[:-1], good[:50], good + b"x", good + good, b"nothing"):
            bad.write_bytes(contents)
            self.refused(self.la, bad, 9)
        bad.write_bytes(good[:19] + b"\x02" + good[20:])
        self.refused(self.la, bad, 1)
        self.refused(self.kh, first, 9)  # for another unit
        self.refused(self.vn, first, 9)
        self.refused(self.la, self.cluster.folder / "none", 3)
        by_officer = self.la.cli("bundle", "import", first, officer="lan", check=False)
        self.assertEqual(by_officer.returncode, 4)
        self.assertEqual(self.bring(self.la, first), (1, 0, 0, 0))

    def test_the_certificate_to_encrypt_to(self):
        self.cut()
        self.vn.kill()
        self.vn.start()
        self.share(self.vn, "Known from before the restart", LA)
        file, _ = self.export(self.vn, LA, "restarted.bundle")
        self.assertEqual(self.bring(self.la, file), (1, 0, 0, 0))
        # A node that never saw the other one is told what to get.
        self.vn.stop()
        shutil.rmtree(self.vn.data / "peers")
        self.vn.start()
        none = self.cluster.folder / "none.bundle"
        unknown = self.vn.cli("bundle", "export", "--peer", LA, "--out", none, officer="son", check=False)
        self.assertEqual(unknown.returncode, 4, unknown.stderr)
        self.assertIn("--certificate", unknown.stderr)
        wrong = self.vn.cli("bundle", "export", "--peer", LA, "--out", none, "--certificate",
                            self.kh.certificates / "tls.pem", officer="son", check=False)
        self.assertEqual(wrong.returncode, 4, wrong.stderr)
        self.assertFalse(none.exists())
        file, made = self.export(self.vn, LA, "given.bundle", "--certificate", self.la.certificates / "tls.pem")
        self.assertEqual((made["envelopes"], self.bring(self.la, file)), (1, (0, 1, 0, 0)))
        # The receipts come back, and with them the certificate.
        back, _ = self.export(self.la, VN, "back.bundle")
        self.assertEqual(self.bring(self.vn, back), (0, 0, 0, 1))
        self.share(self.vn, "By the certificate of their bundle", LA)
        file, _ = self.export(self.vn, LA, "again.bundle")
        self.assertEqual(self.bring(self.la, file), (1, 0, 0, 0))

    @unittest.skipUnless(os.geteuid() == 0, "mounts a small disk")
    def test_a_full_stick_leaves_no_file(self):
        stick = self.cluster.folder / "stick"
        stick.mkdir()
        federation.run(["mount", "-t", "tmpfs", "-o", "size=4096", "tmpfs", stick])
        self.addCleanup(federation.run, ["umount", stick])
        (stick / "other").write_text("takes the only page")
        self.cut()
        self.share(self.vn, "Too much for the stick", LA)
        full = self.vn.cli("bundle", "export", "--peer", LA, "--out", stick / "x.bundle", officer="son", check=False)
        self.assertEqual(full.returncode, 1, full.stderr)
        self.assertIn("No space left", full.stderr)
        self.assertEqual(list(stick.iterdir()), [stick / "other"])


if __name__ == "__main__":
    unittest.main()
