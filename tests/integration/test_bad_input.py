#!/usr/bin/env python3
"""What must not hurt a node: noise on its ports, wrong requests, broken folders, a full disk.

Goal: each is refused with what, why and what to do next; nothing is changed or lost, and the others are served meanwhile.
A data folder of a newer layout is tested in tests/unit/storage, which can write one.
"""
import contextlib
import json
import os
import pathlib
import random
import resource
import shutil
import socket
import subprocess
import tempfile
import threading
import unittest
import uuid

import cluster as federation
import raw_call

VN, LA = "vn-quangngai", "la-attapeu"
STATUS = "/tripoint.v1.NodeService/GetStatus"
CREATE = "/tripoint.v1.IncidentService/CreateIncident"
UPDATE = "/tripoint.v1.IncidentService/UpdateIncident"
MIB = 1 << 20
REFUSED, WRONG_INPUT, NOT_FOUND, NOT_ALLOWED, CONFLICT = 1, 2, 3, 4, 6


def facts(title):
    return raw_call.message((1, "CTB-GEN"), (2, 2), (5, 1795000000000), (7, raw_call.message((1, "G-BOY"))), (8, title))


def create_body(title, request_id):
    return raw_call.message((1, raw_call.message((2, facts(title)))), (2, request_id))


class Calls(federation.Pair):
    """One pair of nodes for everything that must leave it as it was."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        answer = cls.vn.json("incident", "new", "--kind", "CTB-GEN", "--where", "G-BOY", "--title", "Pickup with 14 sacks")
        cls.incident = answer["name"].rsplit("/", 1)[1]

    def setUp(self):
        self.before = int(self.vn.status()["change_number"])

    def assert_nothing_changed(self):
        self.assertEqual(self.before, int(self.vn.status()["change_number"]), "a refusal changes nothing")

    def connection(self, officer="lan"):
        connection = raw_call.Connection(self.vn.api_port, raw_call.tls_context(self.vn.officer_folder(officer)))
        self.addCleanup(connection.__exit__)
        return connection

    def refused(self, exit_code, *words, says=(), officer="lan"):
        """The CLI's refusal in words and as JSON: the exit code, what is said, and that nothing changed."""
        done = self.vn.cli(*words, officer=officer, check=False)
        self.assertEqual(exit_code, done.returncode, done.stdout + done.stderr)
        self.assertEqual("", done.stdout)
        self.assertTrue(done.stderr.startswith("error: "), done.stderr)
        for text in says:
            self.assertIn(text, done.stderr)
        error = json.loads(self.vn.cli(*words, "-o", "json", officer=officer, check=False).stdout)["error"]
        self.assertEqual(exit_code, error["exit"])
        self.assertTrue(error["code"] and error["what"], error)
        self.assertTrue(error["next"] or error.get("fields"), "what to do next, or which fields to correct")
        self.assert_nothing_changed()
        return error["code"]


class Noise(Calls):
    def hello(self):
        """The first bytes of a real handshake."""
        incoming, outgoing = raw_call.ssl.MemoryBIO(), raw_call.ssl.MemoryBIO()
        client = raw_call.tls_context(self.vn.officer_folder("lan")).wrap_bio(incoming, outgoing)
        try:
            client.do_handshake()
        except raw_call.ssl.SSLWantReadError:
            pass
        return outgoing.read()

    def test_random_and_truncated_bytes_on_both_ports_while_others_are_served(self):
        dice = random.Random(20261122)
        hello = self.hello()
        pieces = [dice.randbytes(dice.randint(1, 4000)) for _ in range(15)]
        pieces += [hello[:dice.randint(1, len(hello) - 1)] for _ in range(10)]
        pieces += [hello[:5] + dice.randbytes(len(hello) - 5) for _ in range(5)]
        pieces += [hello + dice.randbytes(500), b"GET / HTTP/1.1\r\nHost: node\r\n\r\n", raw_call.PREFACE, b""]
        resident = self.vn.resident_bytes()
        served, stop = [], threading.Event()
        honest = self.connection()

        def serve():
            while not stop.is_set():
                served.append(honest.call(STATUS, b"").code)

        thread = threading.Thread(target=serve)
        thread.start()
        held = []
        try:
            for port in (self.vn.api_port, self.vn.exchange_port):
                for piece in pieces:
                    link = socket.create_connection(("127.0.0.1", port), timeout=federation.patience(5))
                    held.append(link)  # stays open: whoever says half a sentence is hung up on by the node
                    try:
                        link.sendall(piece)
                    except OSError:
                        pass  # refused in the middle
            for link in held:
                # The handshake limit of the node is 5 s.
                link.settimeout(federation.patience(15))
                try:
                    while link.recv(65536):
                        pass
                except ConnectionError:
                    pass
        finally:
            stop.set()
            thread.join()
            for link in held:
                link.close()
        self.assertGreater(len(served), 20)
        self.assertEqual({"OK"}, set(served), "whoever is honest is served meanwhile")
        if federation.JUDGES_SPEED_AND_SIZE:
            self.assertLess(self.vn.resident_bytes() - resident, 32 * MIB)
        self.assertTrue(self.cluster.links_up(), "the link lived through it")
        self.assert_nothing_changed()

    def test_random_bytes_inside_a_good_connection(self):
        dice = random.Random(7)
        for port, folder in ((self.vn.api_port, self.vn.officer_folder("lan")), (self.vn.exchange_port, self.la.certificates)):
            for _ in range(8):
                link = raw_call.connect(port, raw_call.tls_context(folder))
                try:
                    link.sendall(raw_call.PREFACE + dice.randbytes(3000))
                    while link.recv(65536):
                        pass
                except (OSError, raw_call.ssl.SSLError):
                    pass
                finally:
                    link.close()
        honest = self.connection()
        for method in (CREATE, STATUS, "/tripoint.v1.NoticeService/ShareNotice"):
            # UNIMPLEMENTED is what gRPC 1.51 answers by itself to what it cannot parse.
            self.assertIn(honest.call(method, dice.randbytes(2000)).code, ("INTERNAL", "INVALID_ARGUMENT", "UNIMPLEMENTED"))
        self.assertEqual("UNIMPLEMENTED", honest.call("/tripoint.v1.NodeService/NoSuchCall", b"").code)
        self.assertEqual("OK", honest.call(STATUS, b"").code)
        federation.wait_until(self.cluster.links_up, what="the link up")
        self.assert_nothing_changed()

    def test_services_that_are_not_ours_and_bytes_that_are_no_message(self):
        """Reflection, health, calls that there are not, and a raw method: whatever the message, the node lives."""
        bodies = {"empty": b"", "name": raw_call.message((1, "x")), "list": raw_call.message((7, "")), "cut": b"\x0a\x7f",
                  "long": b"\x00" * 300_000}
        context = raw_call.tls_context(self.vn.officer_folder("lan"))
        for method in ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "/grpc.health.v1.Health/Check",
                       "/grpc.health.v1.Health/Watch", "/tripoint.v1.IncidentService/GetIncident",
                       "/tripoint.v1.IncidentService/ListIncidents", "/tripoint.v1.IncidentService/None", "/nobody.None/None"):
            for kind, body in bodies.items():
                # A Watch of health never ends by itself: it is left after half a second.
                with self.subTest(method=method, kind=kind), raw_call.Connection(self.vn.api_port, context, 0.5) as connection:
                    with contextlib.suppress(raw_call.Ended):
                        connection.call(method, body)
                    self.assertIsNone(self.vn.process.poll(), "the node has ended")
        self.assertEqual("INVALID_ARGUMENT", self.connection().call("/tripoint.v1.IncidentService/GetIncident", bodies["cut"]).code)
        self.assert_nothing_changed()

    def test_message_one_byte_over_4_mib(self):
        connection = self.connection()
        head = len(raw_call.message((1, b"x" * 4 * MIB))) - 4 * MIB
        for size, code in ((4 * MIB - head, "INVALID_ARGUMENT"), (4 * MIB + 1 - head, "RESOURCE_EXHAUSTED")):
            body = raw_call.message((1, raw_call.message((4, b"x" * (size - 5)))))
            self.assertEqual(4 * MIB + (code != "INVALID_ARGUMENT"), len(body))
            self.assertEqual(code, connection.call(CREATE, body).code)
        self.assertEqual("OK", connection.call(STATUS, b"").code, "the same connection goes on")
        self.assert_nothing_changed()


class Requests(Calls):
    def test_unknown_codes_get_a_suggestion(self):
        new = ("incident", "new", "--title", "x")
        code = self.refused(WRONG_INPUT, *new, "--kind", "smugling", "--where", "Bo I",
                            says=("did you mean smuggling?", "did you mean Bờ Y?", "tripoint codes"))
        self.assertEqual("field_invalid", code)
        for flag, value in (("--severity", "9"), ("--when", "25:10"), ("--person", "nobody:VN"), ("--goods", "nothing:1")):
            with self.subTest(flag=flag):
                self.refused(WRONG_INPUT, *new, "--kind", "CTB-GEN", "--where", "G-BOY", flag, value, says=(flag,))

    def test_fields_over_their_limit(self):
        new = ("incident", "new", "--kind", "CTB-GEN", "--where", "G-BOY")
        self.refused(WRONG_INPUT, *new, "--title", "x" * 301, says=("title", "at most 300"))
        self.refused(WRONG_INPUT, *new, "--title", "x", "--text", "x" * 16385, "--text-lang", "en", says=("16384",))
        self.refused(WRONG_INPUT, *new, "--title", "x", *(["--person", "suspect:VN"] * 65), says=("persons", "64"))

    def test_audience_that_is_empty_unknown_unpaired_or_oneself(self):
        share = ("notice", "share", self.incident, "--yes", "--to")
        self.refused(WRONG_INPUT, *share, "", says=("no unit is named", "nobody, never everybody"))
        self.refused(WRONG_INPUT, *share[:-1], says=("--to", "an empty audience means nobody"))
        self.refused(WRONG_INPUT, *share, "la-atapeu", says=("did you mean la-attapeu",))
        self.assertEqual("unit_not_paired", self.refused(REFUSED, *share, "kh-ratanakiri", says=("kh-ratanakiri", "next:")))
        self.refused(REFUSED, *share, f"{LA},kh-ratanakiri")  # one good unit does not make the other one good
        self.refused(WRONG_INPUT, *share, VN)
        self.assertEqual([], self.vn.jsonl("notice", "list", "--limit", "0"), "no draft is left behind")
        connection = self.connection()
        notice = raw_call.message((2, "INCIDENT"), (3, "U3"), (7, "P-BORDER"), (13, facts("x")))
        nobody = raw_call.message((4, str(uuid.uuid4())), (5, 1), (8, notice))
        self.assertEqual("INVALID_ARGUMENT", connection.call("/tripoint.v1.NoticeService/ShareNotice", nobody).code)
        self.assert_nothing_changed()

    def test_references(self):
        bad = self.incident[:-1] + ("A" if self.incident[-1] != "A" else "B")
        self.refused(WRONG_INPUT, "incident", "show", bad, says=("check letter",))
        self.refused(NOT_FOUND, "incident", "show", "9999", says=("tripoint incident list",))
        self.refused(NOT_FOUND, "notice", "track", "9999")

    def test_roles(self):
        self.assertEqual("role_missing", self.refused(NOT_ALLOWED, "incident", "list", officer="tam", says=("auditor",)))
        self.refused(NOT_ALLOWED, "inbox", officer="son", says=("sync",))

    def test_words(self):
        self.refused(WRONG_INPUT, "notcie", "share", "0093-T", says=("Did you mean: tripoint notice share",))
        self.refused(WRONG_INPUT, "inbox", "--need-ack", says=("--needs-ack",))
        self.refused(WRONG_INPUT, "notice", "share", self.incident, "--to", LA, says=("--yes",))

    def test_request_id_used_again(self):
        connection, request_id = self.connection(), str(uuid.uuid4())
        first = connection.call(CREATE, create_body("first", request_id))
        self.assertEqual("OK", first.code)
        number = int(self.vn.status()["change_number"])
        again = connection.call(CREATE, create_body("first", request_id))
        self.assertEqual(first.body, again.body, "the same request gets the first answer again")
        self.assertEqual("ALREADY_EXISTS", connection.call(CREATE, create_body("other", request_id)).code)
        self.assertEqual("INVALID_ARGUMENT", connection.call(CREATE, create_body("no uuid", "1")).code)
        self.assertEqual(number, int(self.vn.status()["change_number"]))

    def test_stale_etag(self):
        connection = self.connection()
        made = raw_call.fields(connection.call(CREATE, create_body("etag", str(uuid.uuid4()))).body)
        name, etag = made[1], made[7]

        def update(title, known):
            incident = raw_call.message((1, name), (2, facts(title)))
            return connection.call(UPDATE, raw_call.message((1, incident), (2, known), (3, str(uuid.uuid4()))))

        changed = update("etag, changed", etag)
        self.assertEqual("OK", changed.code)
        self.assertEqual("ABORTED", update("etag, lost update", etag).code)
        self.assertEqual("OK", update("etag, changed again", raw_call.fields(changed.body)[7]).code)
        self.assertEqual("INVALID_ARGUMENT", update("no etag", "").code)

    def test_illegal_transition(self):
        made = self.vn.json("incident", "new", "--kind", "CTB-GEN", "--where", "G-BOY", "--title", "to close")
        reference = made["name"].rsplit("/", 1)[1]
        self.vn.cli("incident", "close", reference, "--reason", "done")
        self.before = int(self.vn.status()["change_number"])
        self.assertEqual("illegal_transition", self.refused(REFUSED, "incident", "close", reference, "--reason", "again",
                                                            says=("CLOSED", "REOPENED")))
        self.refused(REFUSED, "incident", "edit", reference, "--severity", "4", says=("CLOSED",))


class Start(unittest.TestCase):
    """Starts that are refused. The folder is whole again after each."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = federation.Cluster((VN,))
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.make_ring()
        cls.node = cls.cluster.nodes[VN]

    def refused(self, exit_code, *texts, command="run", config=None):
        done = federation.run([self.cluster.tripointd, command, "--config", config or self.node.config], check=False)
        self.assertEqual(exit_code, done.returncode, done.stdout + done.stderr)
        self.assertNotIn("ready", done.stdout)
        for text in ("error: ", *texts):
            self.assertIn(text, done.stderr)
        self.assertNotIn("PRIVATE", done.stderr)
        return done

    def test_second_daemon_on_the_same_folder(self):
        other = self.node.folder / "second.toml"
        text = self.node.config.read_text(encoding="utf-8")
        for port in (self.node.api_port, self.node.exchange_port):
            text = text.replace(f":{port}", ":0")
        other.write_text(text, encoding="utf-8")
        self.refused(REFUSED, "next:", config=other)
        self.node.cli("status")
        self.node.cli("incident", "new", "--kind", "CTB-GEN", "--where", "G-BOY", "--title", "still writing")

    def test_certificate_files_that_are_missing_mismatched_or_open(self):
        folder, kept = self.node.certificates, self.cluster.folder / "kept"
        shutil.copytree(folder, kept)
        other = self.cluster.folder / "other pair"
        federation.run([self.cluster.tripointd, "ca", "issue", "--dir", self.cluster.authority("vn"), "--unit", VN, "--out",
                        other])

        def case(name, change, *texts):
            with self.subTest(name):
                change()
                done = self.refused_at_all(*texts)
                self.assertIn("next:", done.stderr)
                shutil.rmtree(folder)
                shutil.copytree(kept, folder)

        self.node.stop()
        case("no TLS key", (folder / "tls.key").unlink, "tls.key")
        case("no signing key", (folder / "signing.key").unlink, "signing.key")
        case("no certificate", (folder / "tls.pem").unlink, "tls.pem")
        case("no roots", lambda: shutil.rmtree(folder / "roots"), "root")
        case("open TLS key", lambda: (folder / "tls.key").chmod(0o640), "tls.key", "other accounts", "0600")
        case("open signing key", lambda: (folder / "signing.key").chmod(0o604), "signing.key", "other accounts")
        case("another key", lambda: shutil.copy(other / "tls.key", folder / "tls.key"), "does not belong")
        case("another signing key", lambda: shutil.copy(other / "signing.key", folder / "signing.key"), "does not belong")
        self.node.start()
        self.node.cli("status")

    def refused_at_all(self, *texts):
        """A start that may fall back on nothing: the node's checked copy of its TLS files is put away meanwhile."""
        checked = self.node.data / "tls"
        away = self.cluster.folder / "tls away"
        checked.rename(away)
        checked.mkdir(mode=0o700)
        try:
            done = federation.run([self.cluster.tripointd, "run", "--config", self.node.config], check=False)
        finally:
            shutil.rmtree(checked)
            away.rename(checked)
        self.assertIn(done.returncode, (REFUSED, WRONG_INPUT, NOT_FOUND, NOT_ALLOWED), done.stderr)
        self.assertNotIn("ready", done.stdout)
        self.assertNotIn("PRIVATE", done.stderr)
        for text in ("error: ", *texts):
            self.assertIn(text, done.stderr)
        return done

    def test_bad_files_at_the_start_fall_back_on_the_checked_copy(self):
        key = self.node.certificates / "tls.key"
        good = key.read_bytes()
        self.node.stop()
        key.write_bytes(b"garbage")
        try:
            self.node.start()
            self.assertTrue(self.node.events("certificates.previous_in_use"))
            self.assertTrue(any("not in use" in warning for warning in self.node.status()["warnings"]))
        finally:
            key.write_bytes(good)
        federation.wait_until(lambda: not self.node.status().get("warnings"), what="the warning gone with its cause")

    def test_configuration_mistakes(self):
        other = self.node.folder / "mistakes.toml"
        good = self.node.config.read_text(encoding="utf-8")
        for text, says in ((good.replace("[exchange]\nlisten", "[exchange]\nlisen"), ("lisen", "listen")),
                           (good.replace('unit = "vn-', 'unit = "vx-', 1), ("unit",)),
                           (good + "\n[limits]\nread_threads = 1000\n", ("read_threads", "64")),
                           (good + "\n[[", ("mistakes.toml:", "not TOML")),
                           (good.replace('"officer"]', '"oficer"]'), ("officer",))):
            other.write_text(text, encoding="utf-8")
            for command in ("check-config", "run"):
                with self.subTest(says=says, command=command):
                    self.refused(WRONG_INPUT, *says, command=command, config=other)
        other.unlink()
        self.refused(NOT_FOUND, "next:", config=other)

    def test_data_folder_that_is_missing_or_open(self):
        check = federation.run([self.cluster.tripointd, "check-config", "--config", self.node.config])
        self.assertIn("no faults", check.stdout, "also while the node runs")
        for path in [self.node.data, *self.node.data.rglob("*")]:
            if not path.is_symlink():
                self.assertEqual(0, path.stat().st_mode & 0o022, path)
                public = path.parent.parent.name == "tls" and path.suffix == ".pem"
                self.assertTrue(public or path.stat().st_mode & 0o077 == 0, path)
        self.node.stop()
        away = self.node.folder / "away"

        def case(name, change, back, *texts):
            change()
            for command in ("check-config", "run"):
                with self.subTest(name, command=command):
                    self.refused(WRONG_INPUT, "next:", *texts, command=command)
            back()

        case("missing", lambda: self.node.data.rename(away), lambda: away.rename(self.node.data),
             "not initialised", "tripointd init")
        store = self.node.data / "store"
        case("no store", lambda: (store / "CURRENT").rename(away), lambda: away.rename(store / "CURRENT"), "no store")
        case("open", lambda: self.node.data.chmod(0o755), lambda: self.node.data.chmod(0o700), "other users", "chmod 700")
        self.node.start()
        self.node.cli("status")

    def test_limits_of_the_system_that_are_too_small(self):
        def start_with(limit, value):
            return subprocess.run([str(self.cluster.tripointd), "run", "--config", str(self.node.config)], text=True,
                                  capture_output=True, timeout=federation.patience(30), check=False,
                                  preexec_fn=lambda: resource.setrlimit(limit, (value, value)))

        limits = [(resource.RLIMIT_NOFILE, [32, 256, 639], ("ulimit -n", "640"))]
        if federation.JUDGES_SPEED_AND_SIZE:  # a sanitizer cannot even begin in so little memory
            limits.append((resource.RLIMIT_AS, [mib * MIB for mib in (200, 300, 500, 1000)], ("ulimit -v", "MiB")))
        for limit, values, texts in limits:
            for value in values:
                with self.subTest(texts=texts, value=value):
                    done = start_with(limit, value)
                    self.assertEqual(WRONG_INPUT, done.returncode, done.stdout + done.stderr)
                    self.assertNotIn("ready", done.stdout)
                    for text in ("error: ", "why: ", "next: ", *texts):
                        self.assertIn(text, done.stderr)

    def test_data_folder_of_another_unit(self):
        self.node.stop()
        other = self.cluster.folder / "gialai"
        federation.run([self.cluster.tripointd, "ca", "issue", "--dir", self.cluster.authority("vn"), "--unit", "vn-gialai",
                        "--out", other])
        self.cluster.copy_roots(other / "roots")
        config = self.cluster.folder / "gialai.toml"
        config.write_text(self.node.config.read_text(encoding="utf-8").replace('unit = "vn-quangngai"', 'unit = "vn-gialai"')
                          .replace(str(self.node.certificates), str(other)), encoding="utf-8")
        done = federation.run([self.cluster.tripointd, "run", "--config", config], check=False)
        self.assertNotEqual(0, done.returncode)
        self.assertIn(VN, done.stderr)
        self.assertIn("next:", done.stderr)
        self.node.start()
        self.node.cli("status")


class FullDisk(unittest.TestCase):
    SIZE = 64 * MIB

    def setUp(self):
        self.disk = pathlib.Path(tempfile.mkdtemp(prefix="tripoint-disk-"))
        self.addCleanup(self.disk.rmdir)
        done = federation.run(["mount", "-t", "tmpfs", "-o", f"size={self.SIZE}", "tmpfs", self.disk], check=False)
        if done.returncode != 0:
            self.assertNotIn("CI", os.environ, "CI has the right to mount a small disk and must use it")
            self.skipTest(f"no small disk can be mounted here: {done.stderr.strip()}")
        self.addCleanup(federation.run, ["umount", "-l", self.disk])

    def fill(self):
        """To the last byte; again: what came free since."""
        with open(self.disk / "filler", "ab", buffering=0) as filler:
            for size in (65536, 4096):
                try:
                    while filler.write(b"x" * size) == size:
                        pass
                except OSError:
                    pass  # full

    def fill_but(self, free):
        self.fill()
        filler = self.disk / "filler"
        os.truncate(filler, filler.stat().st_size - free)

    def leave(self, free):
        """Without passing a fuller disk on the way."""
        space = os.statvfs(self.disk)
        more = space.f_bavail * space.f_frsize - free
        with open(self.disk / "filler", "ab", buffering=0) as filler:
            size = filler.tell()
            if more > 0:
                os.posix_fallocate(filler.fileno(), size, more)
            else:
                os.truncate(filler.fileno(), size + more)

    def test_d7_full_disk_refuses_writes_serves_reads_and_comes_back(self):
        with federation.Cluster((VN, LA)) as cluster:
            vn, la = cluster.nodes[VN], cluster.nodes[LA]
            vn.data = self.disk / "data"
            cluster.make_ring()

            def new(title, **more):
                return vn.cli("incident", "new", "--kind", "CTB-GEN", "--where", "G-BOY", "--title", title, "-o", "id", **more)

            kept = [new(f"before {i}").stdout.strip() for i in range(3)]
            self.fill()
            done = new("full", check=False)
            self.assertEqual(REFUSED, done.returncode, done.stdout + done.stderr)
            refused = vn.cli("incident", "new", "--kind", "CTB-GEN", "--where", "G-BOY", "--title", "full", "-o", "json",
                             check=False)
            self.assertEqual("disk_full", json.loads(refused.stdout)["error"]["code"])
            self.assertTrue(json.loads(refused.stdout)["error"]["next"])
            # Reads go on, and what a neighbour sends meanwhile waits there.
            self.assertEqual(sorted(kept), sorted(vn.cli("incident", "list", "-o", "id").stdout.split()))
            incident = la.json("incident", "new", "--kind", "CTB-GEN", "--where", "G-BOY", "--title", "meanwhile")["name"]
            la.cli("notice", "share", incident.rsplit("/", 1)[1], "--to", VN, "--yes")
            self.assertEqual([], vn.jsonl("inbox"))
            self.assertIsNone(vn.process.poll(), "the node runs")
            (self.disk / "filler").unlink()
            federation.wait_until(lambda: new("again", check=False).returncode == 0, what="writes after space is free")
            federation.wait_until(lambda: vn.jsonl("inbox"), timeout=60, what="what the neighbour sent")
            federation.wait_until(lambda: federation.settled(vn, la), what="equal roots")
            # Nothing acknowledged is lost, nothing refused appears, also after kill -9.
            vn.kill()
            vn.start()
            titles = sorted(entry["facts"]["title"] for entry in vn.jsonl("incident", "list", "--limit", "0"))
            self.assertEqual(["again", "before 0", "before 1", "before 2"], titles)
            self.assertEqual(0, vn.stop())

    def test_loss_found_on_a_full_disk_is_told_until_there_is_room_for_its_epoch(self):
        with federation.Cluster((VN,)) as cluster:
            vn = cluster.nodes[VN]
            vn.data = self.disk / "data"
            cluster.make_ring()
            for i in range(5):
                vn.cli("incident", "new", "--kind", "CTB-GEN", "--where", "G-BOY", "--title", f"before {i}")
            vn.kill()
            log = max((vn.data / "store").glob("*.log"), key=lambda path: path.stat().st_size)
            os.truncate(log, log.stat().st_size - 7)
            (vn.data / "head").unlink()
            self.fill_but(8 * MIB)
            for _ in range(2):  # the first of them mends the log, so that only its mark tells the second
                with self.assertRaisesRegex(RuntimeError, r"exit 1\)"):
                    vn.start()
                self.assertTrue((vn.data / "judgement").exists())
            (self.disk / "filler").unlink()
            vn.start()
            self.assertEqual(3, len(vn.events("store.epoch_ended", lost_here=True)))
            self.assertFalse((vn.data / "judgement").exists())
            check = federation.run([cluster.tripointd, "check-config", "--config", vn.config])
            self.assertIn("damaged-1", check.stdout)
            self.assertEqual(0, vn.stop())
            vn.start()
            self.assertEqual(3, len(vn.events("store.epoch_ended")))
            self.assertEqual(0, vn.stop())

    def test_d7_disk_that_fills_up_refuses_bulk_first_then_routine_a_flash_last(self):
        source = federation.ROOT / "proto" / "codes" / "source" / "incidents.jsonl"
        # Bulk is refused below 160 MiB, routine below 144, all below 96: what a log takes and gives back crosses none of them.
        federation.run(["mount", "-o", "remount,size=512m", self.disk])
        with federation.Cluster((VN, LA)) as cluster:
            vn, la = cluster.nodes[VN], cluster.nodes[LA]
            vn.data, vn.staged = self.disk / "data", True
            cluster.make_ring()
            lines = cluster.folder / "lines.jsonl"
            lines.write_text("\n".join(source.read_text(encoding="utf-8").splitlines()[:3]) + "\n", encoding="utf-8")

            def new(title):
                return vn.cli("incident", "new", "--kind", "CTB-GEN", "--where", "G-BOY", "--title", title, check=False)

            def flash(node, peer, words):
                node.cli("flash", "send", "--to", peer, "--kind", "SAF-FLD", "--say", words, "--reason", "life-at-risk",
                         "--locality", "km 52", "--ack", "5m", "--yes", officer="huy")

            def flashes(node):
                return node.cli("flash", "list", "-o", "id").stdout.split()

            def assert_refused(done, *texts):
                self.assertEqual(REFUSED, done.returncode, done.stdout + done.stderr)
                for text in (*texts, " MiB of 512.0 MiB are free", "next: Free ", " MiB on the disk of the data folder"):
                    self.assertIn(text, done.stderr)

            def said():
                return [event["taken"] for event in vn.events("store.room")]

            def assert_warned(text):
                self.assertTrue(any(text in warning for warning in vn.status().get("warnings", [])), vn.status())

            incident = la.json("incident", "new", "--kind", "CTB-GEN", "--where", "G-BOY", "--title", "meanwhile")["name"]
            self.assertEqual(0, new("before it fills up").returncode)  # the first write takes 35 MiB ahead for the log
            self.leave(157 * MIB)
            assert_refused(vn.cli("incident", "import", lines, check=False), "imports are refused first")
            self.assertEqual(0, new("while it fills up").returncode)
            assert_warned("imports are refused")
            federation.wait_until(lambda: said() == ["no_bulk"], what="the log says it")
            self.leave(120 * MIB)
            assert_refused(vn.cli("incident", "import", lines, check=False), "only flashes are taken")
            assert_refused(new("nearly full"), "only flashes are taken")
            assert_warned("only flashes")
            federation.wait_until(lambda: said()[-1:] == ["flash_only"], what="the log says it")
            la.cli("notice", "share", incident.rsplit("/", 1)[1], "--to", VN, "--yes")
            flash(vn, LA, "Water over the road")
            flash(la, VN, "Water over the bridge")
            federation.wait_until(lambda: len(flashes(la)) == 2, what="a flash out of the nearly full node")
            federation.wait_until(lambda: len(flashes(vn)) == 2, what="a flash into it, past a lane that waits")
            came = next(name for name in flashes(vn) if not name.startswith("F-QNG"))
            vn.cli("flash", "ack", came, "--note", "closing now", officer="huy")
            federation.wait_until(lambda: "acknowledged" in la.cli("notice", "track", came, "--columns", "state").stdout,
                                  what="its answer")
            self.assertEqual([], [entry for entry in vn.jsonl("inbox") if entry["facts"]["title"] == "meanwhile"])
            self.assertEqual(1, len(la.jsonl("peer", "queue", "--peer", VN)), "it waits at its sender")
            self.fill()
            self.assertEqual(REFUSED, new("full").returncode)
            assert_warned("takes no writes")
            federation.wait_until(lambda: said()[-1:] == ["nothing"], what="the log says it")
            (self.disk / "filler").unlink()
            federation.wait_until(lambda: vn.cli("incident", "import", lines, check=False).returncode == 0, what="an import")
            federation.wait_until(lambda: not la.jsonl("peer", "queue", "--peer", VN), timeout=60, what="what waited")
            self.assertIn("meanwhile", [entry["facts"]["title"] for entry in vn.jsonl("inbox")])
            federation.wait_until(lambda: federation.settled(vn, la), what="equal roots")
            self.assertFalse(vn.status().get("warnings"))
            federation.wait_until(lambda: said()[-1:] == ["all"], what="the log says it")
            self.assertEqual(["no_bulk", "flash_only", "nothing"], said()[:3])
            self.assertEqual(5, len(vn.jsonl("incident", "list", "--limit", "0")), "nothing twice, nothing that was refused")
            self.assertEqual(0, vn.stop())

    def test_start_on_a_full_disk_reads_refuses_and_comes_back(self):
        with federation.Cluster((VN,)) as cluster:
            vn = cluster.nodes[VN]
            vn.data = self.disk / "data"
            cluster.make_ring()

            def new(title):
                return vn.cli("incident", "new", "--kind", "CTB-GEN", "--where", "G-BOY", "--title", title, "-o", "json",
                              check=False)

            kept = [json.loads(new(f"before {i}").stdout)["name"].rsplit("/", 1)[1] for i in range(20)]
            vn.kill()  # the log holds all of it
            for _ in range(3):
                self.fill()
                vn.start()
                self.fill()  # also what the start gave back
                self.assertEqual(sorted(kept), sorted(vn.cli("incident", "list", "--limit", "0", "-o", "id").stdout.split()))
                refused = new("full")
                self.assertEqual(REFUSED, refused.returncode, refused.stderr)
                self.assertEqual("disk_full", json.loads(refused.stdout)["error"]["code"])
                self.assertTrue(any("takes no writes" in warning for warning in vn.status()["warnings"]))
                vn.kill()
            # Without the reserve there is no room even to open: said with figures, and nothing is touched.
            (self.disk / "data" / "store" / "reserve").unlink()
            self.fill()
            done = federation.run([cluster.tripointd, "run", "--config", vn.config], check=False)
            self.assertEqual(REFUSED, done.returncode, done.stdout + done.stderr)
            for text in ("the disk is full", "0.0 MiB are free", "Free 0.3 MiB", "start again"):
                self.assertIn(text, done.stderr)
            (self.disk / "filler").unlink()
            self.fill_but(2 * MIB)
            vn.start()
            self.fill()
            self.assertEqual(REFUSED, new("full").returncode)
            (self.disk / "filler").unlink()
            federation.wait_until(lambda: new("again").returncode == 0, what="writes after space is free")
            self.assertFalse(vn.status().get("warnings"))
            vn.kill()
            vn.start()
            self.assertEqual(len(kept) + 1, len(vn.jsonl("incident", "list", "--limit", "0")))
            self.assertEqual(0, vn.stop())


if __name__ == "__main__":
    unittest.main(verbosity=2)
