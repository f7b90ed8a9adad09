"""Cases of scripts/bench about growth: network, growth."""
import json
import shutil
import time

import reads
from harness import LINES, UNIT_A, UNIT_B, Node, emit, fail, note

BATCHES = {"in_flight": 4, "batch": 200}


def network(bench):
    """A node's cost in a simulated network that grows: one process, one thread, by seed."""
    notices = 5 if bench.options.quick else 20
    first = None
    for nodes in (41, 200) if bench.options.quick else (41, 200, 1000):
        call = [bench.binary("tripoint-sim"), "--growth", "--nodes", str(nodes), "--notices", str(notices)]
        found = json.loads(bench.call(call))
        if nodes == 41 and json.loads(bench.call(call))["digest"] != found["digest"]:
            fail("network failed: the same seed gave another run")
        first = first or found
        params = {"nodes": nodes, "links": found["links"], "notices_a_node": notices}
        for measure, key, unit in (
                ("cpu a node, traffic of 10 minutes", "cpu_ms_node", "ms"),
                ("cpu a node, 10 minutes without", "idle_cpu_ms_node", "ms"),
                ("frames a node, traffic of 10 minutes", "frames_node", "frames"),
                ("frames a node, 10 minutes without", "idle_frames_node", "frames"),
                ("resident a node, links up", "kib_node", "KiB"), ("resident a node, all shared", "kib_node_shared", "KiB"),
                ("resident a node, 10 minutes later", "kib_node_idle", "KiB"), ("wall", "wall_s", "s"),
                ("all receipts, after the end of the traffic", "settle_ms", "ms simulated")):
            more = {} if found is first or not first[key] else {"of_41": round(found[key] / first[key], 3)}
            emit("network", {**params, "measure": measure}, found[key], unit, **more)


def growth(bench):
    """Figures 1 to 8 of a pair of nodes as their stores grow, and as A's neighbours do."""
    sizes = bench.options.sizes or ([10_000] if bench.options.quick else [10_000, 1_000_000])
    peers = bench.options.peers or ([1, 8] if bench.options.quick else [1, 8, 40])
    for size in sizes:
        started = time.monotonic()
        Grown(bench, size).run(peers)
        note(f"growth: {size} notices: {time.monotonic() - started:.0f} s")
        if bench.options.markdown:
            with open(bench.options.markdown, "w", encoding="utf-8") as out:
                out.write(table(LINES))


class Grown:
    """A pair of nodes with `size` incidents at A and `size` notices from A to B."""

    def __init__(self, bench, size):
        self.bench, self.size, self.peers = bench, size, 1
        self.a, self.b = Node(bench, "real", UNIT_A, UNIT_B), Node(bench, "real", UNIT_B, UNIT_A)
        self.b.dial(self.a.exchange_port)  # who was away dials
        self.seconds = max(0.5, bench.options.seconds / 2)

    def tell(self, measure, value, unit, **more):
        emit("growth", {"size": self.size, "peers": self.peers, "measure": measure}, value, unit, **more)

    def run(self, peers):
        self.a.start()
        self.b.start()
        self.fill()
        self.memory("peak of resident memory while filled", peak=True)
        self.catch_up()
        self.restart("restart after a clean stop", clean=True)
        self.restart("restart after kill -9", clean=False)
        for count in peers:
            self.neighbours(count)
            self.unary()
            self.visible()
            self.fan_out(count)
            self.memory("resident")
            if count == peers[0]:
                self.lists()
        for node in (self.a, self.b):
            node.stop()
            shutil.rmtree(node.folder)

    # Filling.
    def fill(self):
        a, b, size = self.a, self.b, self.size
        written = [node.process.written_bytes() for node in (a, b)]
        found = self.bench.load("share", a, **BATCHES, count=size, wait_receipted=True,
                                record_bytes=self.bench.options.record_bytes)
        self.tell("sustained: batches shared until receipted", found["rate_receipted"], "notices/s")
        debts = self.quiet()
        for node, before, debt, name in zip((a, b), written, debts, "AB"):
            bytes_in = size * found["envelope_bytes"]
            self.tell(f"bytes written a payload byte, {name}", (node.process.written_bytes() - before) / bytes_in, "bytes")
            self.tell(f"of them after the last receipt (debt of compaction), {name}", debt / bytes_in, "bytes")
            self.tell(f"disk, {name}", node.disk_bytes() / size, "bytes/notice", envelope_bytes=found["envelope_bytes"])
        before, cpu = a.process.written_bytes(), a.process.cpu_s()
        found = self.bench.load("fill", a, in_flight=4, count=size, record_bytes=self.bench.options.record_bytes)
        self.tell("bulk: incidents recorded in batches", size / found["seconds"], "records/s",
                  server_cpu_us=round(1e6 * (a.process.cpu_s() - cpu) / size, 1))
        self.quiet()
        self.tell("bytes written a payload byte, incidents at A",
                  (a.process.written_bytes() - before) / (size * self.bench.options.record_bytes), "bytes")

    def quiet(self):
        """Waits until neither node writes; what each wrote meanwhile."""
        nodes = (self.a, self.b)
        first = last = [node.process.written_bytes() for node in nodes]
        end = time.monotonic() + 900
        while time.monotonic() < end:
            time.sleep(2)
            now = [node.process.written_bytes() for node in nodes]
            if all(new - old < 1 << 20 for new, old in zip(now, last)):
                break
            last = now
        else:
            note("growth: the nodes still wrote after 900 s: what they wrote is less than their debt")
        return [new - old for new, old in zip(now, first)]

    def catch_up(self):
        count = max(1_000, self.size // 10)
        self.b.stop()
        self.bench.load("share", self.a, **BATCHES, count=count, record_bytes=self.bench.options.record_bytes)
        started = time.monotonic()
        self.b.start()
        self.bench.load("wait", self.a)
        self.tell("catch-up of a tenth, start of B included", count / (time.monotonic() - started), "notices/s")

    def restart(self, measure, clean):
        for node, name in ((self.a, "A"), (self.b, "B")):
            if clean:
                node.stop()
            else:
                node.process.handle.kill()
                node.process.handle.wait()
            started = time.monotonic()
            node.start()
            self.bench.load("list", node, seconds=0.1)  # until it has answered a call
            self.tell(f"{measure}, {name}", time.monotonic() - started - 0.1, "s")

    # After filling, with so many neighbours.
    def neighbours(self, count):
        """Neighbours beside B stand in the configuration and are never there: their channels grow all the same."""
        self.peers = count
        self.units = reads.neighbours(count)
        self.a.stop()
        self.a.more_peers = {unit: 0 for unit in self.units[1:]}
        self.a.start()

    def unary(self):
        for mode, name, in_flight in (("create", "create", 1), ("create", "create", 64), ("get", "get (of the 2,000 newest)", 64)):
            cpu = self.a.process.cpu_s()
            found = self.bench.load(mode, self.a, in_flight=in_flight, seconds=self.seconds,
                                    record_bytes=self.bench.options.record_bytes, process=self.a.process.handle.pid)
            used = found.get("cpu_us", 1e6 * (self.a.process.cpu_s() - cpu) / max(1, found["total"]))
            for measure in ("p50", "p99"):
                self.tell(f"{name}, {in_flight} in flight: {measure}", found[f"{measure}_ms"], "ms")
            self.tell(f"{name}, {in_flight} in flight: rate", found["rate"], "calls/s")
            self.tell(f"{name}, {in_flight} in flight: server's CPU", used, "us/call")

    def visible(self):
        self.bench.load("wait", self.a)  # the link is up again
        found = self.bench.load("visible", self.a, **self.bench.to(self.b), rate=50, seconds=self.seconds,
                                record_bytes=self.bench.options.record_bytes)
        for measure in ("p50", "p99"):
            self.tell(f"call to visible: {measure}", found[f"visible_{measure}_ms"], "ms")

    def fan_out(self, count):
        notices = min(10_000, max(500, self.size // 20))
        found = self.bench.load("fanout", self.a, in_flight=16, count=notices, units=",".join(self.units),
                                process=self.a.process.handle.pid)
        self.tell("share to all neighbours: CPU", found["share_cpu_us"], "us/notice", notices=notices)
        self.tell("share to all neighbours: rate", found["rate"], "notices/s")

    def lists(self):
        worst = ("", 0.0)
        for name, options in reads.filters(self.size):
            found = self.bench.load("list", self.a, seconds=self.seconds, **options)
            if name == "none":
                self.tell("list of 50 newest: p99", found["p99_ms"], "ms")
            worst = max(worst, (name, found["p99_ms"]), key=lambda one: one[1])
        self.tell("list of 50 newest, worst of ten filters: p99", worst[1], "ms", filters=worst[0])

    def memory(self, measure, peak=False):
        for node, name in ((self.a, "A"), (self.b, "B")):
            self.tell(f"{measure}, {name}", node.process.resident_mib(peak), "MiB")


def table(lines):
    """Markdown: a row for each figure, a column for each size and number of neighbours."""
    lines = [line for line in lines if line["case"] == "growth"]
    columns, rows, cells = [], [], {}
    for line in lines:
        column = (line["params"]["size"], line["params"]["peers"])
        row = f"{line['params']['measure']} ({line['unit']})"
        columns += [column] if column not in columns else []
        rows += [row] if row not in rows else []
        value = line["value"]
        cells[row, column] = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    text = "| Figure | " + " | ".join(f"{size:,}; {peers}" for size, peers in columns) + " |\n"
    text += "|---" * (len(columns) + 1) + "|\n"
    for row in rows:
        text += f"| {row} | " + " | ".join(cells.get((row, column), "") for column in columns) + " |\n"
    return text
