#!/usr/bin/env python3
"""Who may talk to a node, over real TLS: each refusal has its reason in the node's log and clear words at the caller.

Goal: certificates of another authority, of another country's authority, expired, revoked or absent, and units and officers
that nobody agreed to, are refused on both ports; new certificates are taken up without a restart, bad ones never.
"""
import datetime
import pathlib
import shutil
import ssl
import unittest

import cluster as federation
import raw_call

VN, LA, KH = "vn-quangngai", "la-attapeu", "kh-ratanakiri"
STATUS = "/tripoint.v1.NodeService/GetStatus"
LINK = "/tripoint.exchange.v1.ExchangeService/Link"
HEALTH = "/grpc.health.v1.Health/Check"  # gRPC's own: no handler of ours sees them
LIBRARY = (HEALTH, "/grpc.health.v1.Health/Watch", "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
EXIT_NOT_ALLOWED, EXIT_UNREACHABLE = 4, 5
LONG_AGO, YESTERDAY, IN_A_YEAR = "20200101000000Z", "20200201000000Z", "20990101000000Z"

OPENSSL_SETTINGS = """[ca]
default_ca = this
[this]
database = {work}/index.txt
new_certs_dir = {work}
default_md = sha256
policy = any
rand_serial = yes
unique_subject = no
[any]
countryName = optional
organizationName = optional
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,{usages}
subjectAltName = URI:{uri}
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


def forge(authority, uri, folder, *, start=LONG_AGO, end=IN_A_YEAR, usages="serverAuth,clientAuth",
          subject="/O=forged"):
    """A certificate that `tripointd ca issue` would not make, signed with the authority's own key by openssl."""
    work = folder / "openssl"
    work.mkdir(parents=True)
    (work / "index.txt").touch()
    settings = work / "settings"
    settings.write_text(OPENSSL_SETTINGS.format(work=work, uri=uri, usages=usages), encoding="utf-8")
    federation.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                    subject, "-keyout", folder / "tls.key", "-out", work / "request.pem"])
    federation.run(["openssl", "ca", "-batch", "-notext", "-config", settings, "-extensions", "leaf", "-cert",
                    authority / "root.pem", "-keyfile", authority / "root.key", "-in", work / "request.pem", "-out",
                    folder / "tls.pem", "-startdate", start, "-enddate", end])
    (folder / "tls.key").chmod(0o600)
    return folder


def unit_uri(unit, officer=""):
    return f"spiffe://{unit[:2]}.tripoint/unit/{unit}" + (f"/officer/{officer}" if officer else "")


class TwoNodes(federation.Pair):
    """vn-quangngai and la-attapeu, paired; `stranger` is an authority that calls itself Viet Nam's."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stranger = cls.cluster.folder / "authorities" / "stranger"
        federation.run([cls.cluster.tripointd, "ca", "init", "--country", "vn", "--dir", cls.stranger])

    def issue(self, authority, name, *words):
        folder = self.vn.officer_folder(name)
        federation.run([self.cluster.tripointd, "ca", "issue", "--dir", authority, "--out", folder, *words])
        self.cluster.copy_roots(folder / "roots")
        return folder

    def forge(self, country, uri, name, **more):
        folder = forge(self.cluster.authority(country), uri, self.vn.officer_folder(name), **more)
        self.cluster.copy_roots(folder / "roots")
        return folder

    def assert_refused(self, port, folder, method, reason):
        """Refused, with the reason in our log; whoever is honest is served all the same.

        A certificate that is not believed ends the connection right after the handshake; a believed one that may not
        call is told why, in words.
        """
        listener = {self.vn.api_port: "api", self.vn.exchange_port: "exchange"}[port]
        before = len(self.vn.events("call.refused", port=listener))
        try:
            answer = raw_call.call(port, folder, method)
        except (raw_call.Ended, OSError):
            self.assertTrue(reason.startswith("CERTIFICATE_"), f"{reason} is to be told, not hung up on")
        else:
            self.assertIn(answer.code, ("UNAUTHENTICATED", "PERMISSION_DENIED"))
            self.assertTrue(answer.message.startswith(reason + ": "), answer.message)
            self.assertGreater(len(answer.message.split(". ")), 2, "what, why and what to do next")
        refusals = federation.wait_until(lambda: self.vn.events("call.refused", port=listener)[before:],
                                         what="the refusal in our log")
        self.assertEqual({reason}, {entry["status"].split("/")[1] for entry in refusals})
        for entry in refusals:  # an address or an officer's name leads to a person
            self.assertLessEqual(set(entry), {"time", "level", "event", "dropped", "port", "status", "unit"})
        self.assertEqual("OK", raw_call.call(self.vn.api_port, self.vn.officer_folder("lan"), STATUS).code)

    def cli_refused(self, officer, exit_code, *texts):
        done = self.vn.cli("status", officer=officer, check=False)
        self.assertEqual(exit_code, done.returncode, done.stdout + done.stderr)
        for text in ("error: ", "\n  why:  ", "\n  next: ", *texts):
            self.assertIn(text, done.stderr)


class Refusals(TwoNodes):
    def test_certificate_of_another_authority_is_untrusted(self):
        officer = self.issue(self.stranger, "stranger", "--unit", VN, "--officer", "lan")
        node = self.issue(self.stranger, "strange node", "--unit", VN)
        self.assert_refused(self.vn.api_port, officer, STATUS, "CERTIFICATE_UNTRUSTED")
        self.assert_refused(self.vn.exchange_port, node, LINK, "CERTIFICATE_UNTRUSTED")
        self.cli_refused("stranger", EXIT_NOT_ALLOWED, "error: ")

    def test_authority_of_another_country_cannot_name_our_officers_or_our_peers(self):
        officer = self.forge("kh", unit_uri(VN, "lan"), "kh names an officer", usages="clientAuth")
        node = self.forge("kh", unit_uri(LA), "kh names a peer")
        self.assert_refused(self.vn.api_port, officer, STATUS, "CERTIFICATE_UNTRUSTED")
        self.assert_refused(self.vn.exchange_port, node, LINK, "CERTIFICATE_UNTRUSTED")
        self.cli_refused("kh names an officer", EXIT_NOT_ALLOWED, "error: ")

    def test_expired_certificate(self):
        officer = self.forge("vn", unit_uri(VN, "lan"), "expired", end=YESTERDAY, usages="clientAuth")
        node = self.forge("la", unit_uri(LA), "expired peer", end=YESTERDAY)
        self.assert_refused(self.vn.api_port, officer, STATUS, "CERTIFICATE_EXPIRED")
        self.assert_refused(self.vn.exchange_port, node, LINK, "CERTIFICATE_EXPIRED")
        # The CLI looks at its own certificate first and says what is wrong with it.
        self.cli_refused("expired", EXIT_NOT_ALLOWED, "2020")

    def test_certificate_that_is_not_valid_yet(self):
        officer = self.forge("vn", unit_uri(VN, "lan"), "early", start="20980101000000Z", usages="clientAuth")
        self.assert_refused(self.vn.api_port, officer, STATUS, "CERTIFICATE_NOT_YET_VALID")

    def assert_handshake_refused(self, port, context, why):
        before = len(self.vn.events("handshake.refused", why=why))
        with self.assertRaises((raw_call.Ended, ssl.SSLError, OSError)):
            with raw_call.Connection(port, context) as connection:
                connection.call(STATUS, b"")
        federation.wait_until(lambda: len(self.vn.events("handshake.refused", why=why)) > before, what=f"{why} in our log")
        self.assertEqual("OK", raw_call.call(self.vn.api_port, self.vn.officer_folder("lan"), STATUS).code)

    def test_no_certificate_ends_the_handshake(self):
        for port in (self.vn.api_port, self.vn.exchange_port):
            with self.subTest(port=port):
                self.assert_handshake_refused(port, raw_call.tls_context(), "no_certificate")

    def test_tls_1_2_is_refused(self):
        context = raw_call.tls_context(self.vn.officer_folder("lan"), version=ssl.TLSVersion.TLSv1_2)
        for port in (self.vn.api_port, self.vn.exchange_port):
            with self.subTest(port=port):
                self.assert_handshake_refused(port, context, "tls_version")

    def test_unit_that_is_not_paired(self):
        folder = self.issue(self.cluster.authority("kh"), "unpaired", "--unit", KH)
        self.assert_refused(self.vn.exchange_port, folder, LINK, "UNIT_NOT_PAIRED")
        self.assertEqual(KH, self.vn.events("call.refused", port="exchange")[-1]["unit"], "whom to call")

    def test_node_on_the_officers_port_and_officer_on_the_nodes_port(self):
        self.assert_refused(self.vn.api_port, self.la.certificates, STATUS, "CALLER_UNKNOWN")
        self.assert_refused(self.vn.api_port, self.la.officer_folder("lan"), STATUS, "CALLER_UNKNOWN")
        self.assert_refused(self.vn.exchange_port, self.vn.officer_folder("lan"), LINK, "CALLER_UNKNOWN")

    def test_officer_who_is_not_enrolled(self):
        self.issue(self.cluster.authority("vn"), "newcomer", "--unit", VN, "--officer", "newcomer")
        self.cli_refused("newcomer", EXIT_NOT_ALLOWED, "not enrolled", "[[officer]]")

    def test_address_that_leads_to_another_node(self):
        # The officer of la-attapeu is sent to the node of vn-quangngai: the CLI accepts exactly one name.
        env = self.la.cli_env()
        env["TRIPOINT_ADDRESS"] = f"127.0.0.1:{self.vn.api_port}"
        done = federation.run([self.cluster.tripoint, "status"], env=env, check=False)
        self.assertEqual(EXIT_UNREACHABLE, done.returncode)
        self.assertIn("CERTIFICATE_WRONG_NAME", done.stderr)
        self.assertIn(unit_uri(VN), done.stderr)

    def test_nothing_listens(self):
        env = self.vn.cli_env()
        env["TRIPOINT_ADDRESS"] = "127.0.0.1:1"
        done = federation.run([self.cluster.tripoint, "status"], env=env, check=False)
        self.assertEqual(EXIT_UNREACHABLE, done.returncode)
        self.assertIn("nothing listens", done.stderr)


class Revocation(TwoNodes):
    def bring_lists(self):
        """The authorities' newest lists, in use at vn-quangngai."""
        self.cluster.copy_roots(self.vn.certificates / "roots")
        for _ in range(2):  # the first word may be of a look at the folder that began while the lists were being copied
            reloads = len(self.vn.events("trust.reloaded"))
            self.vn.reload()
            federation.wait_until(lambda: len(self.vn.events("trust.reloaded")) > reloads, what="the lists in use")

    def test_revoked_officer_is_refused_on_the_next_call_of_a_standing_connection(self):
        folder = self.issue(self.cluster.authority("vn"), "leaver", "--unit", VN, "--officer", "huy")
        with raw_call.Connection(self.vn.api_port, raw_call.tls_context(folder)) as connection:
            self.assertEqual("OK", connection.call(STATUS, b"").code)
            federation.run([self.cluster.tripointd, "ca", "revoke", "--dir", self.cluster.authority("vn"), "--cert",
                            folder / "tls.pem"])
            self.assertEqual("OK", connection.call(STATUS, b"").code, "the node has not seen the list yet")
            self.assertEqual("OK", connection.call(HEALTH, b"").code)
            self.bring_lists()
            answer = connection.call(STATUS, b"")
            self.assertEqual("UNAUTHENTICATED", answer.code)
            self.assertTrue(answer.message.startswith("CERTIFICATE_REVOKED: "), answer.message)
            for method in LIBRARY:
                refusals = len(self.vn.events("call.refused", port="api"))
                self.assertEqual("CANCELLED", connection.call(method, b"").code, method)
                federation.wait_until(lambda count=refusals: len(self.vn.events("call.refused", port="api")) > count,
                                      what="why, in our log")
        self.assert_refused(self.vn.api_port, folder, STATUS, "CERTIFICATE_REVOKED")
        # The officer's own copy of the list is old, so the CLI can only say what may be; with the new list it knows.
        self.cli_refused("leaver", EXIT_UNREACHABLE, "list that revokes it", "why:", "next:")
        self.cluster.copy_roots(folder / "roots")
        self.cli_refused("leaver", EXIT_NOT_ALLOWED, "revoked")
        # The officer's other certificate was not revoked.
        self.vn.cli("status", officer="huy")

    def test_revoked_peer_is_refused_when_it_dials_again(self):
        federation.run([self.cluster.tripointd, "ca", "revoke", "--dir", self.cluster.authority("la"), "--cert",
                        self.la.certificates / "tls.pem"])
        self.bring_lists()
        self.cluster.link(VN, LA).cut()
        federation.wait_until(lambda: not self.vn.link_up(LA), what="the link down")
        self.cluster.link(VN, LA).heal()
        peer = federation.wait_until(lambda: self.vn.peer(LA)["reason_code"] == "CERTIFICATE_REVOKED" and self.vn.peer(LA),
                                     what="why the link is down, in the node's status")
        self.assertTrue(peer["reason_text"].startswith("CERTIFICATE_REVOKED: The certificate of la-attapeu"), peer)
        self.assertFalse(self.vn.link_up(LA))
        self.assertTrue(self.vn.events("link.certificate_refused"), "the refusal in our log")
        self.assert_refused(self.vn.exchange_port, self.la.certificates, LINK, "CERTIFICATE_REVOKED")


class StrangeNodes(unittest.TestCase):
    """Nodes of others that dial ours: what both sides say."""

    def test_unpaired_node_and_node_of_another_authority_are_told_why(self):
        with federation.Cluster((VN, LA, KH)) as cluster:
            cluster.make_authorities()
            vn, la, kh = (cluster.nodes[unit] for unit in (VN, LA, KH))
            cluster.pair(LA, VN)  # agreed, but la-attapeu comes with the certificates of another authority
            cluster.pair(KH, VN)
            del vn.peers[KH]  # only one side agreed
            cluster.make_nodes()
            other = cluster.folder / "authorities" / "other la"
            federation.run([cluster.tripointd, "ca", "init", "--country", "la", "--dir", other])
            shutil.rmtree(la.certificates)
            federation.run([cluster.tripointd, "ca", "issue", "--dir", other, "--unit", LA, "--out", la.certificates])
            for country in ("vn", "kh"):
                for name in (f"{country}.pem", f"{country}.crl"):
                    shutil.copy(vn.certificates / "roots" / name, la.certificates / "roots" / name)
            # Its officers are of the other authority too, so that it can be asked.
            shutil.rmtree(la.officer_folder("lan"))
            federation.run([cluster.tripointd, "ca", "issue", "--dir", other, "--unit", LA, "--officer", "lan", "--out",
                            la.officer_folder("lan")])
            shutil.copytree(la.certificates / "roots", la.officer_folder("lan") / "roots", dirs_exist_ok=True)
            cluster.start()
            told = federation.wait_until(lambda: kh.peer(VN)["reason_code"] == "UNIT_NOT_PAIRED" and kh.peer(VN),
                                         what="the unpaired node knows why")
            self.assertIn("[[peer]]", told["reason_text"], "what to do next")
            self.assertEqual("LINK_STATE_DOWN", told["state"])
            for reason in ("UNIT_NOT_PAIRED", "CERTIFICATE_UNTRUSTED"):
                federation.wait_until(lambda r=reason: any(entry["status"].endswith(r) for entry in
                                                           vn.events("call.refused", port="exchange")),
                                      what=f"{reason} in our log")
            # Hung up on right after the handshake: its officers see that the link does not come up, and why as far as
            # it can know.
            told = federation.wait_until(lambda: la.peer(VN)["reason_text"] and la.peer(VN), what="a reason at the stranger")
            self.assertNotEqual("LINK_STATE_UP", told["state"], told["reason_text"])
            # And ours see whom to call, though nobody here dials that unit.
            shown = federation.wait_until(lambda: vn.peer(LA)["reason_code"] == "CERTIFICATE_UNTRUSTED" and vn.peer(LA),
                                          what="the refusal in our status")
            self.assertIn(f"in the name of {LA} was refused here", shown["reason_text"])
            self.assertFalse(vn.link_up(LA))


class FaultyFilesAtTheStart(federation.Pair):
    """Recording comes first: what another country's files or the dates of our own certificates say never stops a start."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.vn, cls.roots = cls.cluster.nodes[VN], cls.cluster.nodes[VN].certificates / "roots"

    def tearDown(self):
        if self.vn.process is not None:
            self.vn.stop()
        self.cluster.copy_roots(self.roots)
        self.vn.start()

    def restart(self):
        self.vn.stop()
        self.vn.start()

    def warned(self, *texts):
        warnings = self.vn.status().get("warnings", [])
        self.assertTrue(any(all(text in warning for text in texts) for warning in warnings), warnings)

    def test_faulty_files_of_another_country_leave_out_that_country_only(self):
        for name in ("kh.crl", "kh.pem"):
            for contents in (b"x\n", b""):
                with self.subTest(name=name, contents=contents):
                    (self.roots / name).write_bytes(contents)
                    self.restart()
                    self.warned("No unit of kh is believed", name)
                    federation.wait_until(lambda: self.vn.link_up(LA), what="the link to the sound country")
            self.cluster.copy_roots(self.roots)
        federation.wait_until(lambda: not self.vn.status().get("warnings"), what="the warning gone with its cause")

    def test_faulty_files_of_our_own_country_refuse_the_start(self):
        for name in ("vn.crl", "vn.pem"):
            with self.subTest(name=name):
                self.vn.stop()
                (self.roots / name).write_text("x\n", encoding="ascii")
                done = federation.run([self.cluster.tripointd, "run", "--config", self.vn.config], check=False)
                self.assertNotEqual(0, done.returncode)
                self.assertIn(f"{name} cannot be used", done.stderr)
                self.cluster.copy_roots(self.roots)
                self.vn.start()

    def test_own_tls_certificate_outside_its_dates_still_serves(self):
        # Within the dates of the root, which begin some minutes ago.
        now = datetime.datetime.now(datetime.timezone.utc)
        a_minute_ago, tomorrow = ((now + datetime.timedelta(seconds=seconds)).strftime("%Y%m%d%H%M%SZ")
                                  for seconds in (-60, 86_400))
        cases = (("ended", {"end": a_minute_ago}, "has expired"), ("early", {"start": tomorrow}, "not valid yet"))
        good = {name: (self.vn.certificates / name).read_bytes() for name in ("tls.key", "tls.pem")}
        for name, dates, says in cases:
            with self.subTest(name=name):
                self.vn.stop()
                folder = forge(self.cluster.authority("vn"), unit_uri(VN), self.cluster.folder / name,
                               subject="/C=VN/O=forged", **dates)
                for file in good:
                    shutil.copy(folder / file, self.vn.certificates / file)
                shutil.rmtree(self.vn.data / "tls")  # no checked copy to fall back on
                (self.vn.data / "tls").mkdir(mode=0o700)
                self.vn.start()
                self.assertTrue(self.vn.events("certificates.outside_their_dates"))
                answer = raw_call.call(self.vn.api_port, self.vn.officer_folder("lan"), STATUS)
                self.assertEqual("OK", answer.code)
                self.assertIn(f"The TLS certificate {'is ' if 'yet' in says else ''}{says}".encode(), answer.body)
                # Neither side can tell the other; each says what it knows.
                federation.wait_until(lambda: b"this node's own certificate. " in raw_call.call(
                    self.vn.api_port, self.vn.officer_folder("lan"), STATUS).body, what="why the link is down, with us")
                reason = "CERTIFICATE_NOT_YET_VALID" if "yet" in says else "CERTIFICATE_EXPIRED"
                federation.wait_until(lambda r=reason: self.cluster.nodes[LA].peer(VN)["reason_code"] == r,
                                      what="why the link is down, with them")
                for file, contents in good.items():
                    (self.vn.certificates / file).write_bytes(contents)
                federation.wait_until(lambda: self.vn.cli("status", check=False).returncode == 0,
                                      what="the good certificate taken up")
                federation.wait_until(lambda: self.vn.link_up(LA), timeout=60, what="the link up again")


class Reload(TwoNodes):
    def reload_and_wait(self, event):
        before = len(self.vn.events(event))
        self.vn.reload()
        federation.wait_until(lambda: len(self.vn.events(event)) > before, what=event)
        return self.vn.events(event)[-1]

    def replace(self, source):
        for name in ("tls.key", "tls.pem"):
            fresh = self.vn.certificates / f"{name}.new"
            shutil.copy(source / name, fresh)
            fresh.rename(self.vn.certificates / name)

    def served(self):
        return raw_call.server_certificate(self.vn.api_port, self.vn.officer_folder("lan"))

    def issue_tls(self, name):
        folder = self.cluster.folder / name
        federation.run([self.cluster.tripointd, "ca", "issue", "--dir", self.cluster.authority("vn"), "--unit", VN,
                        "--tls-only", "--out", folder])
        return folder

    @staticmethod
    def same(pem, path):
        return ssl.PEM_cert_to_DER_cert(pem) == ssl.PEM_cert_to_DER_cert(pathlib.Path(path).read_text(encoding="ascii"))

    def test_new_certificate_is_served_without_a_restart(self):
        process = self.vn.process.pid
        fresh = self.issue_tls("fresh")
        self.assertFalse(self.same(self.served(), fresh / "tls.pem"))
        with raw_call.Connection(self.vn.api_port, raw_call.tls_context(self.vn.officer_folder("lan"))) as standing:
            self.assertEqual("OK", standing.call(STATUS, b"").code)
            self.replace(fresh)  # without a signal: the node looks at its folders
            federation.wait_until(lambda: self.same(self.served(), fresh / "tls.pem"), what="the new certificate served")
            self.assertEqual("OK", standing.call(STATUS, b"").code, "standing connections stay")
        self.assertTrue(self.vn.events("certificates.reloaded"))
        self.assertEqual(process, self.vn.process.pid)
        self.assertTrue(self.cluster.links_up())

    def test_bad_files_are_reported_and_never_used(self):
        good = self.cluster.folder / "good"
        good.mkdir()
        for name in ("tls.key", "tls.pem"):
            shutil.copy(self.vn.certificates / name, good / name)
        served = self.served()
        other = self.issue_tls("other")
        expired = forge(self.cluster.authority("vn"), unit_uri(VN), self.cluster.folder / "expired", end=YESTERDAY)
        foreign = forge(self.cluster.authority("kh"), unit_uri(VN), self.cluster.folder / "foreign")
        wrong_unit = forge(self.cluster.authority("vn"), unit_uri("vn-gialai"), self.cluster.folder / "wrong unit")

        def make(name, key, certificate):
            folder = self.cluster.folder / name
            folder.mkdir()
            (folder / "tls.key").write_bytes(key)
            (folder / "tls.pem").write_bytes(certificate)
            return folder

        key, certificate = (good / "tls.key").read_bytes(), (good / "tls.pem").read_bytes()
        cases = ((make("garbage", key, b"\x00\xffgarbage"), "not exactly one readable PEM certificate"),
                 (make("empty", key, b""), "empty"),
                 (make("cut", key, certificate[:-200]), "not exactly one readable PEM certificate"),
                 (make("mismatched", (other / "tls.key").read_bytes(), certificate), "does not belong to tls.pem"),
                 (expired, "has expired"), (foreign, "is not vouched for by the root of vn"),
                 (wrong_unit, "This certificate is for unit vn-gialai, this node is vn-quangngai"))
        for folder, why in cases:
            with self.subTest(file=folder.name):
                self.replace(folder)
                (self.vn.certificates / "tls.key").chmod(0o600)
                told = self.reload_and_wait("certificates.not_reloaded")
                self.assertIn(why, told["fault"])
                self.assertEqual(served, self.served(), "the certificate from before is served")
                warnings = self.vn.status()["warnings"]
                self.assertTrue(any("not in use" in warning and why in warning for warning in warnings), warnings)
        self.replace(good)
        (self.vn.certificates / "tls.key").chmod(0o644)
        self.assertIn("can be read by other accounts", self.reload_and_wait("certificates.not_reloaded")["fault"])
        (self.vn.certificates / "tls.key").chmod(0o600)
        (self.vn.certificates / "roots" / "la.pem").rename(good / "la.pem")
        (self.vn.certificates / "roots" / "la.pem").write_bytes(b"garbage")
        self.reload_and_wait("trust.not_reloaded")
        self.assertTrue(any("roots folder" in warning for warning in self.vn.status()["warnings"]))
        (good / "la.pem").rename(self.vn.certificates / "roots" / "la.pem")
        self.reload_and_wait("trust.reloaded")
        federation.wait_until(lambda: not self.vn.status().get("warnings"), what="no warning once all is well")
        self.assertTrue(self.cluster.links_up(), "the link lived through all of it")


if __name__ == "__main__":
    unittest.main(verbosity=2)
