"""A federation on this machine: three countries' authorities, real nodes as processes, links that can be cut.

Used by the integration tests, the README test and scripts/demo. Everything lives in one temporary folder and listens on
loopback only; only processes that were started here are ended, by their id. Standard library only.
"""
import json
import os
import pathlib
import selectors
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
COUNTRIES = ("kh", "la", "vn")
# How many times slower the programs are than released ones: scripts/sanitizers sets it. Every wait is so many times longer. Above 1 what
# is promised about time and memory is not judged: the release build's run does that.
SLOW = float(os.environ.get("TRIPOINT_SLOW", "1"))
JUDGES_SPEED_AND_SIZE = SLOW <= 1
# A caller that makes an environment of its own must not lose where a sanitizer's reports go.
SANITIZER_OPTIONS = {name: os.environ[name] for name in ("ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS") if name in os.environ}
CLI_PATIENCE = {} if JUDGES_SPEED_AND_SIZE else {"TRIPOINT_TIMEOUT": f"{10 * SLOW:.0f}s"}  # the CLI's own is 10 s
# A node hangs up on a handshake after 5 s, which a slow CLI on a busy machine does not always keep; nothing was asked by then.
SLOW_HANDSHAKES_MAX = 0 if JUDGES_SPEED_AND_SIZE else 5
UNREACHABLE = 5  # the CLI's exit code


def patience(seconds):
    """How long to wait for what a released program does within `seconds`."""
    return seconds * SLOW


def binary_folder() -> pathlib.Path:
    return pathlib.Path(os.environ.get("TRIPOINT_BIN", ROOT / "build" / "release" / "bin"))


class CommandFailed(Exception):
    def __init__(self, words, completed):
        super().__init__(f"{' '.join(map(str, words))} gave {completed.returncode}\n{completed.stdout}{completed.stderr}")
        self.completed = completed


def run(words, *, env=None, timeout=60, check=True, text_input=None):
    if env is not None:
        env = {**SANITIZER_OPTIONS, **env}
    completed = subprocess.run([str(word) for word in words], env=env, timeout=patience(timeout), capture_output=True, text=True,
                               input=text_input if text_input is not None else "")
    if check and completed.returncode != 0:
        raise CommandFailed(words, completed)
    return completed


def wait_until(condition, *, timeout=30.0, what="the condition"):
    """Polls `condition` until it gives something true and returns that. Raises TimeoutError naming `what`."""
    timeout = patience(timeout)
    limit = time.monotonic() + timeout
    pause = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > limit:
            raise TimeoutError(f"{what} did not come true within {timeout:.0f} s")
        pause.wait(patience(0.05))


class LinkProxy:
    """A TCP forwarder on loopback between a dialling node and the dialled: a link that can be cut and healed.

    cut() closes what is open and refuses what comes; freeze() keeps everything open and moves nothing (a dead line).
    """

    def __init__(self):
        self._target = None
        self._cut = False
        self._frozen = False
        self._pairs = {}
        self._selector = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(64)
        self._listener.setblocking(False)
        self.host = "127.0.0.1"
        self.port = self._listener.getsockname()[1]
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._stopping = False
        self.bytes_moved = 0
        self._thread = threading.Thread(target=self._loop, name="link-proxy")
        self._thread.start()

    def aim(self, port):
        self._target = ("127.0.0.1", port)

    def cut(self):
        self._command(cut=True)

    def heal(self):
        self._command(cut=False, frozen=False)

    def freeze(self):
        self._command(frozen=True)

    def stop(self):
        self._stopping = True
        self._wake_write.send(b"x")
        self._thread.join()

    def _command(self, cut=None, frozen=None):
        with self._lock:
            if cut is not None:
                self._cut = cut
            if frozen is not None:
                self._frozen = frozen
        self._wake_write.send(b"x")

    def _loop(self):
        while not self._stopping:
            for key, _ in self._selector.select(timeout=0.2 if self._frozen else None):
                if key.fileobj is self._wake_read:
                    self._wake_read.recv(64)
                    if self._cut:
                        self._drop_all()
                elif key.fileobj is self._listener:
                    self._accept()
                elif not self._frozen:
                    self._move(key.fileobj)
        self._drop_all()
        for item in (self._listener, self._wake_read, self._wake_write):
            item.close()
        self._selector.close()

    def _accept(self):
        try:
            near, _ = self._listener.accept()
        except BlockingIOError:
            return
        if self._cut or self._target is None:
            near.close()
            return
        try:
            far = socket.create_connection(self._target, timeout=patience(2))
        except OSError:
            near.close()
            return
        for item in (near, far):
            item.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._pairs[near], self._pairs[far] = far, near
        self._selector.register(near, selectors.EVENT_READ)
        self._selector.register(far, selectors.EVENT_READ)

    def _move(self, source):
        target = self._pairs.get(source)
        if target is None:
            return
        try:
            data = source.recv(65536)
            if data:
                target.sendall(data)
                self.bytes_moved += len(data)
                return
        except OSError:
            pass  # a reset is an end like any other: both sides are closed below
        self._drop(source)

    def _drop(self, item):
        other = self._pairs.pop(item, None)
        if other is not None:
            self._pairs.pop(other, None)
        for end in (item, other):
            if end is not None:
                self._selector.unregister(end)
                end.close()

    def _drop_all(self):
        for item in list(self._pairs):
            if item in self._pairs:
                self._drop(item)


class Direct:
    """Where a node is dialled without a LinkProxy between."""

    def __init__(self, host, port):
        self.host, self.port = host, port


class Node:
    """One unit: certificates, configuration, process."""

    def __init__(self, cluster, unit):
        self.cluster = cluster
        self.unit = unit
        self.api_host = self.exchange_host = "127.0.0.1"
        self.staged = False  # True: its disk refuses in stages, also where a machine's disk is full of other things
        self.before = []  # words before the daemon's, to run it somewhere else
        self.folder = cluster.folder / unit
        self.certificates = self.folder / "certificates"
        self.data = self.folder / "data"
        self.config = self.folder / "tripoint.toml"
        self.log = self.folder / "log.jsonl"
        self.peers = {}  # unit -> LinkProxy that this node dials through, Direct, or None
        self.officers = {}  # id -> roles
        self.process = None
        self.api_port = 0
        self.exchange_port = 0

    def issue(self):
        run([self.cluster.tripointd, "ca", "issue", "--dir", self.cluster.authority(self.unit[:2]), "--unit", self.unit,
             "--out", self.certificates])
        self.cluster.copy_roots(self.certificates / "roots")

    def enrol(self, officer, roles):
        """Issues an officer's certificate; takes effect with the next write_config() and start."""
        self.officers[officer] = roles
        folder = self.officer_folder(officer)
        run([self.cluster.tripointd, "ca", "issue", "--dir", self.cluster.authority(self.unit[:2]), "--unit", self.unit,
             "--officer", officer, "--out", folder])
        self.cluster.copy_roots(folder / "roots")

    def officer_folder(self, officer):
        return self.folder / "officers" / officer

    def write_config(self, extra=""):
        lines = [f'unit = "{self.unit}"', f'data_folder = "{self.data}"',
                 f"storage.bulk_percent = {85 if self.staged else 100}",
                 f"storage.routine_percent = {92 if self.staged else 100}", "", "[api]",
                 f'listen = "{self.api_host}:{self.api_port}"', "", "[exchange]",
                 f'listen = "{self.exchange_host}:{self.exchange_port}"', "",
                 "[certificates]", f'folder = "{self.certificates}"', f'roots = "{self.certificates / "roots"}"', ""]
        for unit, proxy in self.peers.items():
            lines += ["[[peer]]", f'unit = "{unit}"']
            if proxy is not None:
                lines.append(f'address = "{proxy.host}:{proxy.port}"')
            lines.append("")
        for officer, roles in self.officers.items():
            lines += ["[[officer]]", f'id = "{officer}"', f"roles = {json.dumps(roles)}", ""]
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config.write_text("\n".join(lines) + extra, encoding="utf-8")

    def initialise(self):
        """`tripointd init` with flags, as an IT officer's script does; write_config() later replaces what it wrote."""
        words = [self.cluster.tripointd, "init", "--config", self.config, "--unit", self.unit, "--data", self.data,
                 "--listen", "127.0.0.1:0", "--exchange", "127.0.0.1:0", "--certificates", self.certificates]
        for unit, proxy in self.peers.items():
            words += ["--peer", unit if proxy is None else f"{unit}=127.0.0.1:{proxy.port}"]
        for officer, roles in self.officers.items():
            words += ["--officer", f"{officer}={','.join(roles)}"]
        run(words)

    def start(self, *, timeout=30):
        """Starts the daemon and waits for its line `ready api=... exchange=...`."""
        assert self.process is None, f"{self.unit} runs already"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*self.before, str(self.cluster.tripointd), "run", "--config", str(self.config)],
                                            stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, text=True)
        line = self._first_line(timeout)
        if not line.startswith("ready "):
            code = self._reap(10)
            raise RuntimeError(f"{self.unit} did not start (exit {code}): {line}\n{self.log_tail()}")
        ports = dict(word.split("=", 1) for word in line.split()[1:])
        # Kept for the next start: others know this address.
        self.api_port = int(ports["api"].rsplit(":", 1)[1])
        self.exchange_port = int(ports["exchange"].rsplit(":", 1)[1])
        self.write_config()
        return self

    def _first_line(self, timeout):
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            if not selector.select(patience(timeout)):
                self.kill()
                raise TimeoutError(f"{self.unit} said nothing within {patience(timeout):.0f} s\n{self.log_tail()}")
        return self.process.stdout.readline().strip()

    def stop(self, timeout=30):
        """Graceful stop; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self._reap(timeout)

    def kill(self):
        """kill -9."""
        self.process.kill()
        return self._reap(30)

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def _reap(self, timeout):
        code = self.process.wait(timeout=patience(timeout))
        self.process.stdout.close()
        self.process = None
        return code

    def log_tail(self, lines=15):
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def events(self, event, **fields):
        """Lines of the log with this event and these fields, as dicts."""
        found = []
        if self.log.exists():
            for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines():
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue  # the last line may still be under way
                if entry.get("event") == event and all(entry.get(key) == value for key, value in fields.items()):
                    found.append(entry)
        return found

    def opened_again_after(self, event, timeout=60):
        """Waits for `event` in the log and for the `node.ready` behind it: in between the node opens its store again, and
        nobody listens at its addresses."""
        def ready():
            if not self.log.exists():
                return False
            _, found, behind = self.log.read_text(encoding="utf-8", errors="replace").rpartition(f'"event":"{event}"')
            return bool(found) and '"event":"node.ready"' in behind

        wait_until(ready, timeout=timeout, what=f"{self.unit} is ready again after {event}")

    def resident_bytes(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        return next(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("VmRSS:"))

    # --- the CLI as an officer of this unit

    def cli_env(self, officer="lan", lang="en"):
        env = {key: value for key, value in os.environ.items() if not key.startswith("TRIPOINT_")}
        env.update(TRIPOINT_CONFIG=str(self.folder / "client.toml"), TRIPOINT_ADDRESS=f"{self.api_host}:{self.api_port}",
                   TRIPOINT_UNIT=self.unit, TRIPOINT_CERTIFICATES=str(self.officer_folder(officer)), TRIPOINT_LANG=lang,
                   TRIPOINT_NODE=self.unit, NO_COLOR="1")
        env.update(CLI_PATIENCE)
        return env

    def cli(self, *words, officer="lan", check=True, timeout=60, lang="en"):
        def once():
            return run([self.cluster.tripoint, *words], env=self.cli_env(officer, lang), check=False, timeout=timeout)

        done = once()
        for _ in range(SLOW_HANDSHAKES_MAX):
            if done.returncode != UNREACHABLE or "closed in the TLS handshake" not in done.stdout + done.stderr:
                break
            done = once()
        if check and done.returncode != 0:
            raise CommandFailed([self.cluster.tripoint, *words], done)
        return done

    def json(self, *words, officer="lan", timeout=60):
        """The one record that a command answers with."""
        records = self.jsonl(*words, officer=officer, timeout=timeout)
        assert len(records) == 1, f"{words} gave {len(records)} records"
        return records[0]

    def jsonl(self, *words, officer="lan", timeout=60):
        text = self.cli(*words, "-o", "jsonl", officer=officer, timeout=timeout).stdout
        return [json.loads(line) for line in text.splitlines() if line.strip()]

    def status(self):
        return self.json("status")

    def peer(self, unit):
        return next(peer for peer in self.status()["peers"] if peer["unit"] == unit)

    def link_up(self, unit):
        return self.peer(unit)["state"] == "LINK_STATE_UP"


class Cluster:
    """Three authorities and nodes that are paired in a ring; `with Cluster(...)` ends and removes all of it."""

    def __init__(self, units=("vn-quangngai", "la-attapeu", "kh-ratanakiri"), keep=False):
        self.tripointd = binary_folder() / "tripointd"
        self.tripoint = binary_folder() / "tripoint"
        for program in (self.tripointd, self.tripoint):
            if not program.exists():
                raise FileNotFoundError(f"{program} is missing; build it first: scripts/test --quick, or set TRIPOINT_BIN")
        self.keep = keep
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tripoint-"))
        self.nodes = {unit: Node(self, unit) for unit in units}
        self.proxies = {}  # frozenset of two units -> LinkProxy
        self.more_proxies = []  # (dialler, dialled, LinkProxy) where both dial

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        for node in self.nodes.values():
            if node.process is not None:
                node.kill()
        for proxy in (*self.proxies.values(), *(proxy for _, _, proxy in self.more_proxies)):
            proxy.stop()
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def authority(self, country):
        return self.folder / "authorities" / country

    def make_authorities(self):
        for country in COUNTRIES:
            run([self.tripointd, "ca", "init", "--country", country, "--dir", self.authority(country)])

    def copy_roots(self, folder):
        """All three roots and revocation lists into `folder`, as couriers bring them."""
        folder.mkdir(parents=True, exist_ok=True)
        for country in COUNTRIES:
            shutil.copy(self.authority(country) / "root.pem", folder / f"{country}.pem")
            shutil.copy(self.authority(country) / "crl.pem", folder / f"{country}.crl")

    def pair(self, dialler, dialled):
        """Pairs two units. The first dials the second through a link that can be cut."""
        proxy = LinkProxy()
        self.proxies[frozenset((dialler, dialled))] = proxy
        self.nodes[dialler].peers[dialled] = proxy
        self.nodes[dialled].peers[dialler] = None

    def pair_both_ways(self, one, other):
        """Pairs two units that dial each other. Returns the links (one to other, other to one)."""
        there, back = LinkProxy(), LinkProxy()
        self.proxies[frozenset((one, other))] = there
        self.more_proxies.append((other, one, back))
        self.nodes[one].peers[other] = there
        self.nodes[other].peers[one] = back
        return there, back

    def link(self, one, other):
        return self.proxies[frozenset((one, other))]

    def make_nodes(self, officers=None):
        for node in self.nodes.values():
            node.issue()
            for officer, roles in (officers or {"lan": ["officer"], "huy": ["duty"], "vy": ["supervisor"],
                                                "son": ["sync"], "tam": ["auditor"]}).items():
                node.enrol(officer, roles)
            node.initialise()

    def start(self):
        for node in self.nodes.values():
            node.start()
        for pair, proxy in self.proxies.items():
            for unit in pair:
                other = next(iter(pair - {unit}))
                if self.nodes[unit].peers.get(other) is proxy:
                    proxy.aim(self.nodes[other].exchange_port)
        for _, dialled, proxy in self.more_proxies:
            proxy.aim(self.nodes[dialled].exchange_port)

    def restart(self, unit):
        node = self.nodes[unit]
        node.start()

    def links_up(self):
        return all(self.nodes[unit].link_up(next(iter(pair - {unit}))) for pair in self.proxies for unit in pair)

    def make_ring(self):
        """Authorities, certificates, nodes paired in a ring, started, all links up."""
        self.make_authorities()
        units = list(self.nodes)
        for index, unit in enumerate(units):
            if index + 1 < len(units):
                self.pair(unit, units[index + 1])
        if len(units) > 2:
            self.pair(units[-1], units[0])
        self.make_nodes()
        self.start()
        wait_until(self.links_up, timeout=30, what="all links up")
        return self


class Pair(unittest.TestCase):
    """For tests of one pair: `cluster`, and its nodes `vn` (vn-quangngai, which dials) and `la` (la-attapeu), linked."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(("vn-quangngai", "la-attapeu"))
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.make_ring()
        cls.vn, cls.la = cls.cluster.nodes["vn-quangngai"], cls.cluster.nodes["la-attapeu"]


# --- what both nodes' own state says about a channel between them

def channels(node, peer):
    """{(lane, outbound): channel} of one node towards one peer, as `tripoint peer show` gives them."""
    found = node.json("peer", "show", peer)
    return {(channel["lane"], bool(channel.get("outbound", False))): channel for channel in found["channels"]}


def proof(one, other):
    """Compares both ends of all channels of a pair. Returns dict(sent, stored, lost, duplicated, roots_equal)."""
    sums = {"sent": 0, "stored": 0, "receipted": 0, "lost": 0, "duplicated": 0, "roots_equal": True}
    for sender, receiver in ((one, other), (other, one)):
        out, into = channels(sender, receiver.unit), channels(receiver, sender.unit)
        for lane in ("flash", "priority", "routine"):
            sent, stored = out.get((lane, True), {}), into.get((lane, False), {})
            sent_size, stored_size = int(sent.get("size", 0)), int(stored.get("size", 0))
            sums["sent"] += sent_size
            sums["stored"] += stored_size
            sums["receipted"] += int(sent.get("receipted", 0))
            sums["lost"] += max(0, sent_size - stored_size)
            sums["duplicated"] += max(0, stored_size - sent_size)
            sums["roots_equal"] = sums["roots_equal"] and sent.get("root") == stored.get("root")
    return sums


def settled(one, other):
    """True when everything between two nodes is receipted and equal."""
    found = proof(one, other)
    return found if found["sent"] == found["receipted"] == found["stored"] and found["roots_equal"] else None
