#!/usr/bin/env python3
"""Exchange between real nodes over real mTLS: what is lost, doubled, reordered or noticed when things break.

Goal: nothing that a node acknowledged is lost or doubled by kill -9, cut and frozen links or two diallers; a channel whose
history does not fit stops alone and both sides are told.
"""
import concurrent.futures
import shutil
import threading
import time
import unittest
import uuid

import cluster as federation
import raw_call

VN, LA = "vn-quangngai", "la-attapeu"
SERVICE = "/tripoint.v1.NoticeService/"
NAME, ETAG = 1, 16  # fields of tripoint.v1.Notice
SILENCE_LIMIT_S = 15  # what the issue promises for a dead link; the node's own limit is 10 s


def draft_body(title, text):
    """A CreateNoticeRequest: an incident notice of its own facts."""
    facts = [(1, "CTB-GEN"), (2, 2), (5, 1795000000000), (7, raw_call.message((1, "G-BOY"))), (8, title)]
    if text:
        facts.append((9, raw_call.message((1, text), (2, "en"))))
    notice = raw_call.message((2, "INCIDENT"), (3, "U3"), (7, "P-BORDER"), (13, raw_call.message(*facts)))
    return raw_call.message((1, notice), (2, str(uuid.uuid4())))


class Writer:
    """An officer's connection that shares notices and takes a new connection when the node went away."""

    def __init__(self, node):
        self._node = node
        self._context = raw_call.tls_context(node.officer_folder("lan"))
        self._connection = None

    def share(self, unit, title, text=""):
        """Drafts and shares; returns when it is acknowledged."""
        draft = raw_call.fields(self._call("CreateNotice", draft_body(title, text), title))
        self._call("ShareNotice", raw_call.message((1, draft[NAME]), (2, unit), (3, draft[ETAG]),
                                                   (4, str(uuid.uuid4()))), title)

    def _call(self, method, body, title):
        """Repeats the same bytes, so the same request id, until there is an answer."""

        def attempt():
            try:
                if self._connection is None:
                    self._connection = raw_call.Connection(self._node.api_port, self._context)
                answer = self._connection.call(SERVICE + method, body)
            except (raw_call.Ended, OSError):
                self.close()
                return None
            if answer.code in ("UNAVAILABLE", "CANCELLED"):  # it is stopping
                self.close()
                return None
            return answer

        answer = federation.wait_until(attempt, timeout=60, what=f"an answer to {title}")
        if answer.code != "OK":
            raise AssertionError(f"{title}: {answer}")
        return answer.body

    def close(self):
        if self._connection is not None:
            self._connection.__exit__()
            self._connection = None


def share_many(node, unit, titles, each=lambda done: None):
    """Shares all titles over four connections; `each` hears how many are acknowledged."""
    done, lock = [], threading.Lock()

    def work(part):
        writer = Writer(node)
        try:
            for title in part:
                writer.share(unit, title)
                with lock:
                    done.append(title)
                    each(len(done))
        finally:
            writer.close()

    with concurrent.futures.ThreadPoolExecutor(max_workers=4) as pool:
        for job in [pool.submit(work, titles[i::4]) for i in range(4)]:
            job.result()


class Links(federation.Pair):
    """Two nodes; vn-quangngai dials through a link that can be cut and frozen."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.link = cls.cluster.link(VN, LA)

    def setUp(self):
        self.link.heal()
        federation.wait_until(self.cluster.links_up, timeout=60, what="the link before the test")
        federation.wait_until(lambda: federation.settled(self.vn, self.la), timeout=60, what="nothing under way before")

    def assert_nothing_lost_or_doubled(self, titles, sender, receiver):
        federation.wait_until(lambda: federation.settled(sender, receiver), timeout=60, what="equal roots, all receipted")
        sent = [entry for entry in sender.jsonl("notice", "list", "--limit", "0") if entry["facts"]["title"] in titles]
        arrived = [entry for entry in receiver.jsonl("inbox", "--limit", "0") if entry["facts"]["title"] in titles]
        self.assertEqual(sorted(titles), sorted(entry["facts"]["title"] for entry in sent), "made once each")
        self.assertEqual(sorted(entry["name"] for entry in sent), sorted(entry["name"] for entry in arrived))

    def kill_under_load(self, victim, titles):
        enough = threading.Event()
        with concurrent.futures.ThreadPoolExecutor(max_workers=1) as pool:
            load = pool.submit(share_many, self.vn, LA, titles, lambda done: enough.set() if done >= 60 else None)
            self.assertTrue(enough.wait(federation.patience(60)), "the load is under way")
            victim.kill()
            self.assertFalse(load.done(), "killed in the middle of the load")
            victim.start()
            load.result()
        self.assert_nothing_lost_or_doubled(titles, self.vn, self.la)

    def test_kill_of_the_receiver_under_load_loses_and_doubles_nothing(self):
        self.kill_under_load(self.la, [f"receiver killed {i:03}" for i in range(240)])

    def test_kill_of_the_sender_under_load_loses_and_doubles_nothing(self):
        self.kill_under_load(self.vn, [f"sender killed {i:03}" for i in range(240)])

    def test_cut_link_queues_on_both_sides_and_heals(self):
        self.link.cut()
        federation.wait_until(lambda: not self.vn.link_up(LA) and not self.la.link_up(VN), what="both sides know of the cut")
        there, back = [f"cut there {i}" for i in range(8)], [f"cut back {i}" for i in range(8)]
        share_many(self.vn, LA, there)
        share_many(self.la, VN, back)
        self.assertEqual((8, 8), (int(self.vn.peer(LA)["queued"]), int(self.la.peer(VN)["queued"])))
        self.link.heal()
        self.assert_nothing_lost_or_doubled(there, self.vn, self.la)
        self.assert_nothing_lost_or_doubled(back, self.la, self.vn)

    def test_people_see_why_it_waits(self):
        # Goal: while a link is away, queue, ladder and trace say what waits, why, and when it is tried again; a followed
        # ladder ends by itself with 0 when the link is back.
        self.link.cut()
        federation.wait_until(lambda: not self.vn.link_up(LA) and not self.la.link_up(VN), what="both sides know of the cut")
        share_many(self.vn, LA, ["asked for"])
        share_many(self.la, VN, ["asked for back"])
        waiting = self.vn.jsonl("peer", "queue", "--peer", LA)
        self.assertEqual(1, len(waiting), waiting)
        self.assertEqual(("notice", "DELIVERY_HOLD_NO_LINK"), (waiting[0]["kind"], waiting[0]["hold"]))
        self.assertTrue(waiting[0]["reason_code"])
        reference = waiting[0]["name"].rsplit("/", 1)[1]
        delivery = self.vn.jsonl("notice", "track", reference)[0]
        self.assertEqual(("DELIVERY_STATE_QUEUED", "DELIVERY_HOLD_NO_LINK"), (delivery["state"], delivery["hold"]))
        # The node that dials says when it does so next; the other one cannot know. Between two tries there is no time.
        federation.wait_until(lambda: any(int(entry["next_try_time_ms"]) > 0 for node, peer in ((self.vn, LA), (self.la, VN))
                                          for entry in node.jsonl("peer", "queue", "--peer", peer)), what="the next try")
        for node, peer in ((self.vn, LA), (self.la, VN)):
            ended = [event for event in node.jsonl("peer", "trace", peer) if event["kind"] == "LINK_EVENT_KIND_CLOSED"]
            self.assertTrue(ended and all(event["reason_code"] for event in ended), ended)
        with concurrent.futures.ThreadPoolExecutor(max_workers=1) as pool:
            followed = pool.submit(self.vn.cli, "notice", "track", reference, "--watch", "--columns", "state,hold")
            self.link.heal()
            lines = followed.result(federation.patience(60)).stdout.split("\n")
        self.assertIn("stored", " ".join(lines[1:]))
        federation.wait_until(lambda: not self.vn.jsonl("peer", "queue"), what="an empty queue")
        kinds = {event["kind"] for event in self.vn.jsonl("peer", "trace", LA, officer="lan")}
        self.assertLessEqual({f"LINK_EVENT_KIND_{kind}" for kind in ("OPENED", "UP", "CLOSED", "BATCH", "RECEIPT")}, kinds)

    def test_frozen_link_is_noticed_in_time_and_heals(self):
        def silences(node, peer):
            return len(node.events("link.down", peer=peer, reason="LINK_SILENT"))

        ends = ((self.vn, LA), (self.la, VN))
        before = [silences(*end) for end in ends]  # a machine that stood still has some
        self.link.freeze()
        begin = time.monotonic()
        for (node, peer), count in zip(ends, before):
            federation.wait_until(lambda n=node, p=peer, c=count: silences(n, p) > c,
                                  timeout=SILENCE_LIMIT_S, what=f"{node.unit} notices that nothing is heard")
        self.assertLess(time.monotonic() - begin, federation.patience(SILENCE_LIMIT_S))
        self.assertFalse(self.vn.link_up(LA))
        self.assertIn("LINK_SILENT", self.la.peer(VN)["reason_code"])
        share_many(self.vn, LA, ["frozen 1", "frozen 2"])
        self.link.heal()
        self.assert_nothing_lost_or_doubled(["frozen 1", "frozen 2"], self.vn, self.la)

    def test_revision_and_withdrawal_reach_the_other_side_and_the_answer_comes_back(self):
        def received(notice):
            return next((entry for entry in self.la.jsonl("inbox", "--limit", "0") if entry["name"] == notice), None)

        incident = self.vn.json("incident", "new", "--kind", "CTB-GEN", "--where", "G-BOY", "--title", "14 sacks")["name"]
        notice = self.vn.json("notice", "share", incident.rsplit("/", 1)[1], "--to", LA, "--ask-ack", "2h", "--yes")["name"]
        reference = notice.rsplit("/", 1)[1]
        federation.wait_until(lambda: received(notice), what="the notice")
        self.vn.cli("notice", "revise", reference, "--title", "15 sacks", "--reason", "counted again", "--yes")
        revised = federation.wait_until(lambda: (received(notice) or {}).get("facts", {}).get("title") == "15 sacks"
                                        and received(notice), what="the revision")
        self.assertEqual("counted again", revised["change_reason"])
        self.la.cli("notice", "ack", reference, "--note", "understood", officer="huy")
        answered = federation.wait_until(
            lambda: next((entry for entry in self.vn.jsonl("notice", "track", reference)
                          if entry["state"] == "DELIVERY_STATE_ACKNOWLEDGED"), None), what="the acknowledgement")
        self.assertEqual("huy", answered["officer"])
        self.vn.cli("notice", "withdraw", reference, "--reason", "wrong plate", "--yes")
        federation.wait_until(lambda: received(notice)["state"] == "NOTICE_STATE_WITHDRAWN", what="the withdrawal")
        self.assertEqual(1, sum(entry["name"] == notice for entry in self.la.jsonl("inbox", "--limit", "0")))

    def test_flash_overtakes_a_backlog(self):
        self.link.cut()
        federation.wait_until(lambda: not self.vn.link_up(LA), what="the link down")
        writer = Writer(self.vn)
        self.addCleanup(writer.close)
        titles = [f"backlog {i:03}" for i in range(400)]
        for title in titles:  # about 6 MB: many batches
            writer.share(LA, title, text="x" * 16000)
        flash = self.vn.json("flash", "send", "--to", LA, "--kind", "SAF-FLD", "--say", "Water over the road", "--reason",
                             "life-at-risk", "--locality", "km 52", "--ack", "5m", "--yes", officer="huy")["name"]
        self.link.heal()
        self.assert_nothing_lost_or_doubled(titles, self.vn, self.la)
        inbox = self.la.jsonl("inbox", "--limit", "0")
        flash_ms = next(int(entry["receive_time_ms"]) for entry in inbox if entry["name"] == flash)
        behind = [entry for entry in inbox if entry["facts"]["title"] in titles
                  and int(entry["receive_time_ms"]) > flash_ms]
        # It was shared last of all. What was on the wire before it is bounded by one window of batches (2 MiB).
        self.assertGreater(len(behind), len(titles) // 2, "the flash, shared last, came before most of the backlog")


class BothDial(unittest.TestCase):
    def test_two_diallers_keep_one_stream(self):
        # Goal: where both nodes dial, one stream carries both directions, before and after an outage of both links.
        with federation.Cluster((VN, LA)) as cluster:
            cluster.make_authorities()
            links = cluster.pair_both_ways(VN, LA)
            cluster.make_nodes()
            cluster.start()
            vn, la = cluster.nodes[VN], cluster.nodes[LA]
            for round_number in (1, 2):
                federation.wait_until(cluster.links_up, what="the link up")
                moved = [link.bytes_moved for link in links]
                share_many(vn, LA, [f"round {round_number}, there {i}" for i in range(20)])
                share_many(la, VN, [f"round {round_number}, back {i}" for i in range(20)])
                sums = federation.wait_until(lambda: federation.settled(vn, la), what="all receipted")
                self.assertEqual((40 * round_number, 0, 0), (sums["stored"], sums["lost"], sums["duplicated"]))
                moved = sorted(link.bytes_moved - before for link, before in zip(links, moved))
                self.assertLess(moved[0], 2_000, "nothing but pings moves over the other link")
                self.assertGreater(moved[1], 10_000, "one link carries both directions")
                for link in links:
                    link.cut()
                federation.wait_until(lambda: not vn.link_up(LA) and not la.link_up(VN), what="both sides know of the cut")
                for link in links:
                    link.heal()


class OldDataFolder(unittest.TestCase):
    def test_receiver_with_an_old_folder_is_told_and_gets_everything_again(self):
        # Goal: a receiver that proved more than it now has (somebody copied an old data folder back) is shown its own
        # receipt: it begins a new epoch, is sent the rest again, and the stop of the channel ends without a command. What
        # a sender with an old folder does: test_recovery.py.
        with federation.Cluster((VN, LA)) as cluster:
            cluster.make_ring()
            vn, la = cluster.nodes[VN], cluster.nodes[LA]
            titles = [f"before {i}" for i in range(5)] + [f"after {i}" for i in range(5)]
            share_many(vn, LA, titles[:5])
            federation.wait_until(lambda: federation.settled(vn, la), what="all receipted")
            self.assertEqual(0, la.stop())
            shutil.copytree(la.data, la.folder / "old data")
            la.start()
            share_many(vn, LA, titles[5:])
            federation.wait_until(lambda: federation.settled(vn, la), what="all receipted again")
            la.stop()
            shutil.rmtree(la.data)
            (la.folder / "old data").rename(la.data)
            la.start()
            la.opened_again_after("node.rolled_back")  # the receiver is shown its receipt
            federation.wait_until(lambda: vn.events("exchange.alert", peer=LA, reason="CHANNEL_ROLLED_BACK"),
                                  what="the sender notices")
            federation.wait_until(lambda: sorted(entry["facts"]["title"] for entry in la.jsonl("inbox", "--limit", "0"))
                                  == sorted(titles), timeout=60, what="everything again")
            federation.wait_until(lambda: vn.peer(LA)["state"] == "LINK_STATE_UP" and la.peer(VN)["state"] == "LINK_STATE_UP",
                                  timeout=60, what="the end of the stop")


if __name__ == "__main__":
    unittest.main(verbosity=2)
