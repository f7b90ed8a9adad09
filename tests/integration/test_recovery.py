#!/usr/bin/env python3
"""Drills of a disaster with real nodes: a lost disk with and without a backup, an old data folder copied back.

Goal: everything that any neighbour has seen is back, no reference and no (epoch, position) is used twice, the roots of all
channels are equal again, and nothing new leaves before that.
"""
import itertools
import os
import pathlib
import shutil
import unittest

import cluster as federation
from test_exchange import share_many

VN, LA, KH = "vn-quangngai", "la-attapeu", "kh-ratanakiri"


def titles(node, *words):
    return sorted(entry["facts"]["title"] for entry in node.jsonl(*words, "--limit", "0"))


def references(node):
    return [entry["name"] for entry in node.jsonl("notice", "list", "--limit", "0")]


def recovered(node):
    return not any(warning.startswith("AMNESIA") for warning in node.status().get("warnings", []))


class Drill(unittest.TestCase):
    """Three nodes in a ring that share with each other and answer; then vn-quangngai has a disaster."""

    def setUp(self):
        self.cluster = federation.Cluster((VN, LA, KH))
        self.addCleanup(self.cluster.close)
        self.cluster.make_ring()
        self.vn, self.la, self.kh = (self.cluster.nodes[unit] for unit in (VN, LA, KH))

    def settle(self):
        def settled(sender, receiver):
            """Everything is receipted, with one root at both ends. A channel that is empty in a new epoch is the one of the
            epoch before at the other end, until something is sent."""
            out, into = federation.channels(sender, receiver.unit), federation.channels(receiver, sender.unit)
            for lane in ("flash", "priority", "routine"):
                sent, stored = out.get((lane, True), {}), into.get((lane, False), {})
                if sent.get("receipted") != sent.get("size"):
                    return False
                if int(sent.get("size", 0)) != 0 and sent["root"] != stored.get("root"):
                    return False
            return True

        for one, other in itertools.permutations((self.vn, self.la, self.kh), 2):
            federation.wait_until(lambda a=one, b=other: settled(a, b), timeout=60,
                                  what=f"{one.unit} to {other.unit} settled")

    def work(self, word):
        """A day's work: notices in all directions, a revision, a withdrawal, answers."""
        share_many(self.vn, LA, [f"{word} vn to la {i}" for i in range(5)])
        share_many(self.vn, KH, [f"{word} vn to kh {i}" for i in range(5)])
        share_many(self.la, VN, [f"{word} la to vn {i}" for i in range(5)])
        share_many(self.kh, VN, [f"{word} kh to vn {i}" for i in range(5)])
        self.settle()
        self.vn.cli("notice", "revise", self.of(self.vn, "notice", "list", title=f"{word} vn to la 0"), "--title",
                    f"{word} revised", "--reason", "counted again", "--yes")
        self.vn.cli("notice", "withdraw", self.of(self.vn, "notice", "list", title=f"{word} vn to kh 0"), "--reason",
                    "mistaken", "--yes")
        self.settle()
        self.vn.cli("notice", "ack", self.of(self.vn, "inbox", title=f"{word} la to vn 0"), "--note", "understood", officer="huy")
        self.la.cli("notice", "ack", self.of(self.la, "inbox", title=f"{word} vn to la 1"), "--note", "gone there", officer="huy")
        self.settle()

    def of(self, node, *words, title):
        return next(entry["name"].rsplit("/", 1)[1] for entry in node.jsonl(*words, "--limit", "0")
                    if entry["facts"]["title"] == title)

    def memory(self):
        """What people of vn-quangngai and its neighbours can see of what was exchanged."""
        def seen(node, *words):
            return sorted((entry["name"], entry["version"], entry["state"], entry["facts"].get("title", ""),
                           sorted((delivery["unit"], delivery["state"]) for delivery in entry.get("deliveries", [])))
                          for entry in node.jsonl(*words, "--limit", "0"))
        return {"sent": seen(self.vn, "notice", "list"), "received": seen(self.vn, "inbox"),
                "at la": seen(self.la, "inbox"), "at kh": seen(self.kh, "inbox"),
                "la's": seen(self.la, "notice", "list")}

    def assert_comes_back(self, before, used):
        federation.wait_until(lambda: recovered(self.vn), timeout=60, what="the end of the amnesia")
        self.assertTrue(self.vn.events("node.recovered"), "the log says that it ended")
        federation.wait_until(self.cluster.links_up, timeout=60, what="all links up")
        self.settle()
        after = self.memory()
        for what, records in before.items():
            self.assertEqual(records, after[what], what)
        share_many(self.vn, LA, ["after the disaster"])
        share_many(self.vn, KH, ["after the disaster, too"])
        self.settle()
        new = set(references(self.vn)) - set(used)
        self.assertEqual(2, len(new), "new references")
        for node in (self.la, self.kh):
            self.assertEqual(0, int(node.status().get("quarantined", 0)), "nothing was refused")
            self.assertFalse([warning for warning in node.status().get("warnings", []) if "stopped" in warning])
        self.assertIn("after the disaster", titles(self.la, "inbox"))

    def test_lost_disk_without_backup(self):
        # Goal: `init --after-loss` alone brings back all that was shared; until then nothing new leaves.
        self.work("first")
        before, used = self.memory(), references(self.vn)
        self.vn.kill()
        shutil.rmtree(self.vn.data)
        links = [self.cluster.link(VN, LA), self.cluster.link(VN, KH)]
        for link in links:
            link.cut()
        federation.run([self.cluster.tripointd, "init", "--after-loss", "--config", self.vn.config])
        self.vn.start()
        self.assertFalse(recovered(self.vn))
        refused = self.vn.cli("flash", "send", "--to", LA, "--kind", "SAF-FLD", "--say", "Too early", "--reason",
                              "life-at-risk", "--locality", "km 52", "--ack", "5m", "--yes", officer="huy", check=False)
        self.assertEqual(1, refused.returncode, refused.stderr)
        self.assertIn("tripoint recovery end", refused.stderr)
        self.vn.cli("incident", "new", "--kind", "CTB-GEN", "--where", "G-BOY", "--title", "recorded meanwhile")
        for link in links:
            link.heal()
        self.assert_comes_back(before, used)

    def test_lost_disk_and_lost_signing_key(self):
        # Goal: with a new signing key too, the neighbours' proofs hold: by the old certificate, which they kept. What came
        # back is evidence again.
        self.work("first")
        before, used = self.memory(), references(self.vn)
        self.vn.kill()
        shutil.rmtree(self.vn.data)
        renewed = self.cluster.folder / "renewed"
        federation.run([self.cluster.tripointd, "ca", "issue", "--dir", self.cluster.authority("vn"), "--unit", VN, "--signing",
                        "--out", renewed])
        for name in ("signing.key", "signing.pem"):
            (self.vn.certificates / name).unlink()
            shutil.copy(renewed / name, self.vn.certificates / name)
        federation.run([self.cluster.tripointd, "init", "--after-loss", "--config", self.vn.config])
        self.vn.start()
        self.assert_comes_back(before, used)
        notice = self.of(self.vn, "notice", "list", title="first vn to la 1")
        file = self.vn.folder / "returned.evidence"
        self.vn.cli("evidence", "export", notice, "--of", LA, "--out", file)
        proof = self.vn.json("evidence", "verify", file)
        self.assertEqual((VN, LA, True, []), (proof["sender_unit"], proof["receiver_unit"], proof["stored"], proof["remarks"]))
        self.la.cli("evidence", "export", notice, "--out", self.la.folder / "theirs.evidence")
        theirs = self.la.json("evidence", "verify", self.la.folder / "theirs.evidence")
        self.assertEqual((proof["epoch"], proof["position"]), (theirs["epoch"], theirs["position"]))
        self.assertNotEqual(proof["head"]["serial"], theirs["head"]["serial"], "signed with the new key and with the old one")
        for node in (self.vn, self.la, self.kh):
            self.assertEqual(0, node.cli("channel", "verify").returncode)

    def test_d8_lost_disk_and_yesterdays_backup(self):
        # Goal: yesterday's backup and the neighbours together give back all that anybody saw; incidents of the backup too.
        self.work("first")
        self.vn.cli("incident", "new", "--kind", "CTB-GEN", "--where", "G-BOY", "--title", "never shared")
        phrase = self.vn.folder / "phrase"
        phrase.write_text("correct horse battery staple\n", encoding="utf-8")
        phrase.chmod(0o600)
        usb = self.vn.folder / "usb"
        usb.mkdir()
        secret = ["--pass-phrase-file", phrase]
        made = self.vn.json("backup", "now", "--to", usb, *secret, officer="son")
        self.assertEqual((VN, "pass phrase"), (made["unit"], made["opens_with"]))
        status = self.vn.status()
        self.assertGreater(int(status["backup_time_ms"]), 0, "the node knows that it is kept")
        self.assertEqual(made["change_number"], status["backup_change_number"])
        self.assertIn("node.backup", [change["action"] for change in self.vn.jsonl("audit", "list", "--limit", "20")])
        listed = self.vn.json("backup", "list", usb)
        self.assertEqual(made["change_number"], listed["change_number"])
        file = listed["file"]
        verified = self.vn.cli("backup", "verify", file, *secret)
        self.assertIn("VERIFIED", verified.stdout)
        self.refuse_bad_restores(file, secret)
        self.meet_full_disks(file, secret)
        self.work("second")
        before, used = self.memory(), references(self.vn)
        self.vn.kill()
        shutil.rmtree(self.vn.data)
        restored = self.restore(file, self.vn.data, secret)
        self.assertEqual(0, restored.returncode, restored.stderr)
        self.vn.start()
        self.assertIn("never shared", titles(self.vn, "incident", "list"))
        self.assert_comes_back(before, used)
        again = self.vn.json("incident", "new", "--kind", "CTB-GEN", "--where", "G-BOY", "--title", "new")["name"]
        self.assertGreater(int(again.split("-")[-2]), 10_000, "numbers of the lost time are left out")
        self.assertEqual(2, int(self.vn.status()["incidents"]))

    def restore(self, file, into, secret, *more):
        return federation.run([self.cluster.tripointd, "restore", file, "--into", into, "--config", self.vn.config, *secret,
                               *more], check=False)

    def refuse_bad_restores(self, file, secret):
        """Each is refused with its reason, and nothing is changed."""
        bytes_ = pathlib.Path(file).read_bytes()
        folder, wrong = self.vn.folder / "new", self.vn.folder / "wrong"
        wrong.write_text("another pass phrase\n", encoding="utf-8")
        wrong.chmod(0o600)
        altered = bytearray(bytes_)
        altered[len(altered) // 2] ^= 1
        newer = bytearray(bytes_)
        newer[9] = 9
        for name, contents in {"cut": bytes_[:-100], "altered": bytes(altered), "newer": bytes(newer), "none": b"text"}.items():
            (self.vn.folder / name).write_bytes(contents)
        for what, arguments, code, words in (
                ("a running node", (file, self.vn.data, secret), 6, "has a store already"),
                ("a folder in use", (file, self.vn.certificates, secret), 6, "is not empty"),
                ("a wrong pass phrase", (file, folder, ["--pass-phrase-file", wrong]), 2, "does not open this backup"),
                ("no pass phrase", (file, folder, []), 2, "encrypted"),
                ("cut short", (self.vn.folder / "cut", folder, secret), 9, "cut short"),
                ("altered", (self.vn.folder / "altered", folder, secret), 9, "damaged or was altered"),
                ("a newer form", (self.vn.folder / "newer", folder, secret), 1, "newer version"),
                ("no backup", (self.vn.folder / "none", folder, secret), 9, "does not begin as a backup does"),
                ("another unit's", (file, folder, secret, "--unit", LA), 2, f"this node is {LA}")):
            with self.subTest(what):
                refused = self.restore(*arguments)
                self.assertEqual(code, refused.returncode, refused.stderr)
                self.assertIn(words, refused.stderr)
                self.assertIn("Nothing was changed", refused.stderr)
                self.assertFalse(folder.exists())
                self.assertFalse(list(self.vn.folder.glob("*.restoring")))
        verified = self.vn.cli("backup", "verify", self.vn.folder / "altered", *secret, check=False)
        self.assertEqual(9, verified.returncode, verified.stdout)
        refused = self.vn.cli("backup", "now", "--to", self.vn.folder, *secret, officer="lan", check=False)
        self.assertEqual(4, refused.returncode, "officers make no backups")
        self.assertFalse(list(self.vn.folder.glob("*.tpb*")))

    def meet_full_disks(self, file, secret):
        """Backup, verification and restore on a small disk: refused with the reason, nothing is left; all work with room."""
        disk = self.vn.folder / "small disk"
        disk.mkdir()
        mounted = federation.run(["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", disk], check=False)
        if mounted.returncode != 0:
            self.assertNotIn("CI", os.environ, "CI has the right to mount a small disk and must use it")
            return
        try:
            new = disk / "new"
            refused = self.vn.cli("backup", "now", "--to", disk, *secret, officer="son", check=False)
            self.assertEqual(1, refused.returncode, refused.stderr)
            self.assertIn("nothing is left behind", refused.stderr)
            self.assertEqual([], list(disk.iterdir()))
            federation.wait_until(lambda: not list(self.vn.data.glob("backup-part*")), what="the checkpoint is gone")
            for refused in (self.restore(file, new, secret),
                            self.vn.cli("backup", "verify", file, *secret, "--scratch", disk, check=False)):
                self.assertEqual(1, refused.returncode, refused.stderr)
                self.assertIn("not enough room", refused.stderr)
                self.assertIn("Nothing was changed", refused.stderr)
                self.assertEqual([], list(disk.iterdir()))
            federation.run(["mount", "-o", "remount,size=256m", disk])
            self.vn.cli("backup", "now", "--to", disk, *secret, officer="son")
            [made] = disk.glob("*.tpb")
            self.vn.cli("backup", "verify", made, *secret)
            restored = self.restore(made, new, secret)
            self.assertEqual(0, restored.returncode, restored.stderr)
            self.assertEqual({"new", made.name}, {entry.name for entry in disk.iterdir()})
        finally:
            federation.run(["umount", "-l", disk])

    def test_d6_old_data_folder_copied_back(self):
        # Goal: the neighbours' proofs show it within one exchange of hellos: a new epoch, amnesia, and all comes back.
        self.work("first")
        self.assertEqual(0, self.vn.stop())
        shutil.copytree(self.vn.data, self.vn.folder / "old data")
        self.vn.start()
        federation.wait_until(self.cluster.links_up, timeout=60, what="all links up")
        epoch = self.vn.status()["epoch"]
        self.work("second")
        before, used = self.memory(), references(self.vn)
        self.vn.stop()
        shutil.rmtree(self.vn.data)
        (self.vn.folder / "old data").rename(self.vn.data)
        self.vn.start()
        self.vn.opened_again_after("node.rolled_back")  # the neighbours show it
        self.assertNotEqual(epoch, self.vn.status()["epoch"])
        self.assert_comes_back(before, used)


if __name__ == "__main__":
    unittest.main(verbosity=2)
