"""What every case of scripts/bench stands on: processes, nodes real and bare, certificates, the load generator, output."""
import contextlib
import errno
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

UNIT_A, UNIT_B = "vn-quangngai", "la-attapeu"
OFFICER = "bench"
LOCAL = "127.0.0.1"
CALL_SECONDS_MAX = 3 * 3600  # the longest filling of a store
TICK = os.sysconf("SC_CLK_TCK")


def fail(text):
    print(f"bench: {text}", file=sys.stderr)
    sys.exit(1)


def note(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def emit(case, params, value, unit, bare=None, **more):
    line = {"case": case, "params": params, "value": round(value, 3), "unit": unit}
    if bare is not None:
        line["bare"] = round(bare, 3)
        line["ratio"] = round(value / bare, 3) if bare else None
    line.update(more)
    LINES.append(line)
    print(json.dumps(line), flush=True)


def free_port():
    """Below the ports that the kernel gives to outgoing connections: those may be taken again before the node listens."""
    first_given = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(10_000, max(first_given, 11_000))
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise


LINES = []  # all that was emitted, for the table


class Process:
    """One process of ours: started, waited for, ended by its id."""

    def __init__(self, arguments, log):
        self.log = log
        self.name = next(pathlib.Path(word).name for word in arguments if "/" in word)
        with open(log, "ab") as out:
            self.handle = subprocess.Popen(arguments, stdout=out, stderr=out, stdin=subprocess.DEVNULL)

    def wait_for_port(self, host, port, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.handle.poll() is not None:
                fail(f"{self.name} ended with {self.handle.returncode}: {self.tail()}")
            with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
                return
            time.sleep(0.02)
        fail(f"{self.name} does not listen on {port}: {self.tail()}")

    def tail(self):
        return pathlib.Path(self.log).read_text(errors="replace")[-2000:]

    def resident_mib(self, peak=False):
        for line in pathlib.Path(f"/proc/{self.handle.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:" if peak else "VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0

    def written_bytes(self):
        """What the process had written to its files, log and compaction included."""
        for line in pathlib.Path(f"/proc/{self.handle.pid}/io").read_text().splitlines():
            if line.startswith("wchar:"):
                return int(line.split()[1])
        return 0

    def cpu_s(self):
        fields = pathlib.Path(f"/proc/{self.handle.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def stop(self):
        if self.handle.poll() is None:
            self.handle.send_signal(signal.SIGTERM)
            try:
                self.handle.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.handle.kill()
                self.handle.wait()


class Node:
    """A node, real or bare, with its own data folder. `peer`: the unit it exchanges with. `place`: where it runs, if not here."""

    def __init__(self, bench, kind, unit, peer=None, writer="thread", more_peers=None, place=None):
        self.bench, self.kind, self.unit, self.peer, self.writer = bench, kind, unit, peer, writer
        self.more_peers = more_peers or {}  # unit to port; 0: it is never there
        self.host, self.exchange_host, self.before = (place.host, place.link, place.enter) if place else (LOCAL, LOCAL, [])
        self.more_config = []  # lines such as `limits.writes_waiting_max = 16`
        bench.nodes += 1
        self.folder = bench.folder / f"{kind}-{unit}-{bench.nodes}"
        self.folder.mkdir()
        self.data = self.folder / "data"
        self.port, self.exchange_port = free_port(), free_port()
        if kind == "bare":
            self.exchange_port = self.port
            self.data.mkdir()
        self.peer_address = ""
        self.process = None
        self.made = False

    def dial(self, port, host=LOCAL):
        self.peer_address = f"{host}:{port}"

    def start(self):
        getattr(self, "start_" + self.kind)()
        self.process.wait_for_port(self.host, self.port)
        return self

    def start_bare(self):
        arguments = [self.bench.binary("bare_node"), "--listen", f"127.0.0.1:{self.port}", "--unit", self.unit,
                     "--certificates", str(self.bench.certificates(self.unit)), "--roots", str(self.bench.roots),
                     "--data", str(self.data), "--writer", self.writer]
        if self.peer:
            arguments += ["--peer-unit", self.peer]
        if self.peer_address:
            arguments += ["--peer-address", self.peer_address]
        self.process = self.bench.run(arguments, self.folder / "log")

    def start_real(self):
        config = self.folder / "tripointd.toml"
        text = [f'unit = "{self.unit}"', f'data_folder = "{self.data}"',
                *self.bench.known_keys("storage.bulk_percent = 100", "storage.routine_percent = 100"),  # however full the machine is
                f'api.listen = "{self.host}:{self.port}"', f'exchange.listen = "{self.exchange_host}:{self.exchange_port}"',
                f'certificates.folder = "{self.bench.certificates(self.unit)}"',
                f'certificates.roots = "{self.bench.roots}"', 'log.level = "warning"', *self.more_config]
        if self.peer:
            text += ["[[peer]]", f'unit = "{self.peer}"']
            if self.peer_address:
                text.append(f'address = "{self.peer_address}"')
        for unit, port in self.more_peers.items():
            text += ["[[peer]]", f'unit = "{unit}"'] + ([f'address = "127.0.0.1:{port}"'] if port else [])
        text += ["[[officer]]", f'id = "{OFFICER}"', 'roles = ["officer", "duty"]']
        config.write_text("\n".join(text) + "\n")
        daemon = self.bench.binary("tripointd")
        if not self.made:
            self.bench.call([daemon, "init", "--config", str(config)])
            self.made = True
        self.process = self.bench.run([*self.before, daemon, "run", "--config", str(config)], self.folder / "log")

    def stop(self):
        if self.process:
            self.process.stop()

    def disk_bytes(self):
        return sum(file.stat().st_size for file in self.data.rglob("*") if file.is_file())


class Proxy:
    """Passes bytes between a dialling node and `port`, and counts them: what crosses the wire above TCP, TLS included."""

    def __init__(self, port):
        self.target, self.up, self.down = port, 0, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = [self.listener]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self.target))
                except OSError:  # the node behind is down: so is the link
                    near.close()
                    continue
                for end in (near, far):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.sockets += [near, far]
                threading.Thread(target=self.pump, args=(near, far, "up"), daemon=True).start()
                threading.Thread(target=self.pump, args=(far, near, "down"), daemon=True).start()

    def pump(self, source, sink, way):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                setattr(self, way, getattr(self, way) + len(data))
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def bytes(self):
        return self.up + self.down

    def close(self):
        for end in self.sockets:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.binaries = pathlib.Path(options.binary_dir).resolve()
        self.processes, self.nodes = [], 0
        self.filled = {}
        self.keys = None  # what `print-config` says, once it was asked
        self.roots = folder / "roots"
        self.make_certificates()

    # Processes.
    def binary(self, name):
        path = self.binaries / name
        if not path.exists():
            fail(f"{path} is not there; build it (cmake --build --preset release) or name --binary-dir")
        return str(path)

    def run(self, arguments, log):
        process = Process(arguments, log)
        self.processes.append(process)
        return process

    def call(self, arguments):
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=CALL_SECONDS_MAX, check=False)
        if done.returncode != 0:
            fail(f"{' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def stop(self):
        for process in self.processes:
            process.stop()

    # Certificates: an authority for each country, a node's and an officer's certificate for each unit.
    def make_certificates(self):
        self.roots.mkdir()
        for unit in (UNIT_A, UNIT_B):
            self.certify(unit)

    def certify(self, unit):
        """Before any node starts that shall believe it."""
        if self.certificates(unit).exists():
            return
        daemon = self.binary("tripointd")
        country = unit[:2]
        authority = self.folder / f"ca-{country}"
        if not authority.exists():
            self.call([daemon, "ca", "init", "--country", country, "--dir", str(authority)])
        self.call([daemon, "ca", "issue", "--dir", str(authority), "--unit", unit, "--out",
                   str(self.certificates(unit))])
        self.call([daemon, "ca", "issue", "--dir", str(authority), "--unit", unit, "--officer", OFFICER, "--out",
                   str(self.officer(unit))])
        for file in (self.certificates(unit) / "roots").iterdir():
            shutil.copy(file, self.roots / file.name)

    def certificates(self, unit):
        return self.folder / "certificates" / unit

    def officer(self, unit):
        return self.folder / "certificates" / f"{unit}-{OFFICER}"

    # Load.
    def load_arguments(self, mode, node, **options):
        arguments = [self.binary("tripoint-load"), mode, "--address", f"{node.host}:{node.port}", "--unit", node.unit,
                     "--certificates", str(self.officer(node.unit)), "--roots", str(self.roots)]
        if node.peer:
            arguments += ["--peer", node.peer]
        for key, value in options.items():
            if value is True:
                arguments.append("--" + key.replace("_", "-"))
            elif value is not None:
                arguments += ["--" + key.replace("_", "-"), str(value)]
        return arguments

    def load(self, mode, node, before=(), **options):
        return self.checked(json.loads(self.call([*before, *self.load_arguments(mode, node, **options)])), node)

    def to(self, node):
        """Options that name the node at which something must arrive."""
        return {"to_address": f"{node.host}:{node.port}", "to_unit": node.unit,
                "to_certificates": self.officer(node.unit), "to_roots": self.roots}

    def checked(self, result, node):
        if result.get("errors"):
            note(f"{result['errors']} calls of {result['mode']} at {node.kind} failed: {result.get('first_error')}")
        return result

    def pair(self, kind, dialler="a", through_proxy=False):
        """Two nodes with a link, not started. `dialler` a: A dials B; b: B dials A."""
        a, b = Node(self, kind, UNIT_A, UNIT_B), Node(self, kind, UNIT_B, UNIT_A)
        near, far = (a, b) if dialler == "a" or kind == "bare" else (b, a)
        proxy = Proxy(far.exchange_port) if through_proxy else None
        near.dial(proxy.port if proxy else far.exchange_port)
        return a, b, proxy

    def known_keys(self, *lines):
        """Those of `lines` whose key this daemon has: a revision to compare with may be older than a key."""
        if self.keys is None:
            self.keys = self.call([self.binary("tripointd"), "print-config"])
        return [line for line in lines if re.search(r"\b" + line.split(" =")[0].split(".")[1] + r"\b", self.keys)]

    def node(self, kind="real", unit=UNIT_A, **more):
        return Node(self, kind, unit, **more)
