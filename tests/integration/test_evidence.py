#!/usr/bin/env python3
"""Evidence of real nodes: a file that anybody checks with the three roots alone, and nodes that recompute what they store.

Goal: what was sent and stored is proven by the sender's and by the receiver's file, offline, after keys changed too; no
changed byte is accepted; a stored history is found whole, or the damage is named.
"""
import json
import random
import shutil
import unittest

import cluster as federation

VN, LA, KH = "vn-quangngai", "la-attapeu", "kh-ratanakiri"


class Evidence(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = federation.Cluster(units=(VN, LA, KH))
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.make_ring()
        cls.vn, cls.la = cls.cluster.nodes[VN], cls.cluster.nodes[LA]
        # The roots and nothing else: no list, no certificate, no node.
        cls.roots = cls.cluster.folder / "roots-only"
        cls.roots.mkdir()
        for country in federation.COUNTRIES:
            shutil.copy(cls.cluster.folder / "authorities" / country / "root.pem", cls.roots / f"{country}.pem")

    def share(self, title, *units):
        incident = self.vn.cli("incident", "new", "--kind", "smuggling", "--where", "Bờ Y", "--when", "now", "--title", title,
                               "-o", "id").stdout.strip()
        return self.vn.cli("notice", "share", incident, "--to", ",".join(units), "--yes", "-o", "id").stdout.strip()

    def stored(self, node, notice, unit):
        def ask():
            deliveries = node.json("notice", "show", notice)["deliveries"]
            return any(one["unit"] == unit and one["state"] == "DELIVERY_STATE_STORED" for one in deliveries)
        federation.wait_until(ask, what=f"{notice} stored at {unit}")

    def export(self, node, notice, name, *words, officer="lan"):
        file = self.cluster.folder / name
        node.cli("evidence", "export", notice, "--out", file, *words, officer=officer)
        return file

    def verify(self, file, roots=None, check=True):
        """On a machine that knows no node."""
        completed = federation.run([self.cluster.tripoint, "evidence", "verify", file, "--roots", roots or self.roots, "-o", "json"],
                                   env={"HOME": "/nonexistent"}, check=check)
        return json.loads(completed.stdout) if check else completed

    def test_sender_and_receiver_prove_the_same(self):
        notice = self.share("Pickup with 14 sacks", LA, KH)
        self.stored(self.vn, notice, LA)
        sent = self.verify(self.export(self.vn, notice, "sent.evidence", "--of", LA))
        federation.wait_until(lambda: notice in self.la.cli("inbox", "-o", "id").stdout, what="the inbox")
        received = self.verify(self.export(self.la, notice, "received.evidence"))
        for proof in (sent, received):
            self.assertEqual((proof["sender_unit"], proof["receiver_unit"], proof["stored"]), (VN, LA, True))
            self.assertTrue(proof["notice"].endswith(notice))
            self.assertEqual(proof["receipt"]["unit"], LA)
            self.assertEqual(proof["head"]["unit"], VN)
            self.assertEqual(proof["remarks"], [])
        self.assertEqual((sent["exporter_unit"], received["exporter_unit"]), (VN, LA))
        text = federation.run([self.cluster.tripoint, "evidence", "verify", self.cluster.folder / "sent.evidence", "--roots",
                               self.roots], env={"HOME": "/nonexistent"}).stdout
        self.assertIn("la-attapeu signed that it durably stores all", text)
        self.assertIn("Pickup with 14 sacks", text)
        several = self.vn.cli("evidence", "export", notice, "--out", self.cluster.folder / "no", check=False)
        self.assertEqual(several.returncode, 2)
        self.assertIn(KH, several.stderr)
        again = self.vn.cli("evidence", "export", notice, "--of", LA, "--out", self.cluster.folder / "sent.evidence", check=False)
        self.assertEqual(again.returncode, 6, "an existing file is never replaced")

    def test_an_auditor_gets_proof_without_contents(self):
        notice = self.share("Nothing that an auditor may read", LA)
        self.stored(self.vn, notice, LA)
        refused = self.vn.cli("evidence", "export", notice, "--out", self.cluster.folder / "no", officer="tam", check=False)
        self.assertEqual(refused.returncode, 4)
        file = self.export(self.vn, notice, "bare.evidence", "--no-contents", officer="tam")
        self.assertNotIn(b"auditor may read", file.read_bytes())
        proof = self.verify(file)
        self.assertEqual((proof["notice"], proof["stored"]), ("", True))
        self.assertEqual(self.vn.cli("channel", "verify", officer="tam").returncode, 0)

    def test_no_changed_byte_is_accepted(self):
        notice = self.share("To be forged", LA)
        self.stored(self.vn, notice, LA)
        original = self.export(self.vn, notice, "good.evidence").read_bytes()
        random.seed(4)
        forged = self.cluster.folder / "forged.evidence"
        for at in random.sample(range(len(original)), 60):
            changed = bytearray(original)
            changed[at] ^= 1 << random.randrange(8)
            forged.write_bytes(changed)
            completed = self.verify(forged, check=False)
            self.assertIn(completed.returncode, (1, 2, 9), f"byte {at}: {completed.stdout}")
            self.assertIn('"error"', completed.stdout)
        for contents in (original[:-1], original + b"x", original[:100], b"x"):
            forged.write_bytes(contents)
            self.assertEqual(self.verify(forged, check=False).returncode, 9)
        forged.write_bytes(original[:19] + b"\x02" + original[20:])
        newer = self.verify(forged, check=False)
        self.assertEqual((newer.returncode, json.loads(newer.stdout)["error"]["code"]), (1, "schema_newer"))
        foreign = self.cluster.folder / "foreign"
        federation.run([self.cluster.tripointd, "ca", "init", "--country", "la", "--dir", self.cluster.folder / "other-la"])
        shutil.copytree(self.roots, foreign)
        shutil.copy(self.cluster.folder / "other-la" / "root.pem", foreign / "la.pem")
        forged.write_bytes(original)
        completed = self.verify(forged, roots=foreign, check=False)
        self.assertEqual(completed.returncode, 9)
        self.assertIn("No root of that country signed it", completed.stdout)

    def test_old_signatures_hold_after_the_key_changed(self):
        before = self.share("Signed with the first key", LA)
        self.stored(self.vn, before, LA)
        renewed = self.cluster.folder / "renewed"
        federation.run([self.cluster.tripointd, "ca", "issue", "--dir", self.cluster.authority("la"), "--unit", LA, "--out", renewed])
        for name in ("signing.key", "signing.pem"):
            shutil.copy(renewed / name, self.la.certificates / name)
        self.la.reload()
        federation.wait_until(lambda: self.la.events("signing.reloaded"), what="the new key in use")
        first = self.verify(self.export(self.vn, before, "first-key.evidence"))
        after = self.share("Signed with the second key", LA)
        self.stored(self.vn, after, LA)
        second = self.verify(self.export(self.vn, after, "second-key.evidence"))
        self.assertNotEqual(first["receipt"]["serial"], second["receipt"]["serial"])
        # The newest receipt covers the older notice too.
        self.assertEqual(self.verify(self.export(self.vn, before, "both.evidence"))["receipt"]["serial"],
                         second["receipt"]["serial"])

    def test_stored_history_is_recomputed_while_writing_goes_on(self):
        notices = [self.share(f"Number {number}", LA, KH) for number in range(3)]
        self.stored(self.vn, notices[-1], LA)
        for node, other in ((self.vn, LA), (self.la, VN)):
            logs = [json.loads(line) for line in node.cli("channel", "verify", "-o", "jsonl").stdout.splitlines()]
            self.assertEqual([log["problem"] for log in logs], [""] * len(logs))
            self.assertIn("", [log["unit"] for log in logs])
            for channel in node.json("peer", "show", other)["channels"]:
                same = [log for log in logs if (log["unit"], log["outbound"], log["lane"]) ==
                        (other, channel["outbound"], channel["lane"])]
                if int(channel["size"]) > 0:
                    self.assertEqual([log["root"] for log in same], [channel["root"]])
        only = self.vn.cli("channel", "verify", "--peer", KH, "-o", "jsonl").stdout.splitlines()
        self.assertEqual({json.loads(line)["unit"] for line in only}, {KH})


if __name__ == "__main__":
    unittest.main()
