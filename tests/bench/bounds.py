"""Cases of scripts/bench about bounds: slowlink, stall, neighbour, overload."""
import contextlib
import os
import shutil
import signal
import statistics
import threading

import slow_link
from harness import UNIT_A, UNIT_B, Node, emit, fail, note

UNIT_C = "la-sekong"

class Watched(threading.Thread):
    """Notes each second what one way of the link has carried."""

    def __init__(self, way):
        super().__init__(daemon=True)
        self.way, self.ending, self.bytes = way, threading.Event(), []
        self.start()

    def run(self):
        while not self.ending.wait(1):
            self.bytes.append(self.way.bytes)

    def end(self, seconds):
        """Bytes a second of the last `seconds`, but for the very last, when the link may be let go."""
        self.ending.set()
        self.join()
        kept = self.bytes[-int(seconds):-1]
        return (kept[-1] - kept[0]) / (len(kept) - 1)


def slowlink(bench):
    if why := slow_link.missing():
        fail(f"slowlink was not run: {why}")
    seconds = max(14.0, bench.options.seconds * 6)
    warm_up = 8.0 if bench.options.quick else 20.0
    with slow_link.SlowLink() as link:
        a, b = Node(bench, "real", UNIT_A, UNIT_B, place=link.a), Node(bench, "real", UNIT_B, UNIT_A, place=link.b)
        b.dial(a.exchange_port, a.exchange_host)
        with contextlib.ExitStack() as ends:
            ends.callback(a.stop)
            ends.callback(b.stop)
            a.start()
            enough = int(link.bytes_a_second * (seconds + warm_up + 30) / bench.options.record_bytes)
            backlog = max(enough, bench.options.notices or 0)
            bench.load("share", a, in_flight=4, batch=64, count=backlog, record_bytes=bench.options.record_bytes)
            b.start()
            watched = Watched(link.ways[link.a.tun])
            found = bench.load("overtake", a, **bench.to(b), seconds=seconds, warm_up=warm_up,
                               record_bytes=bench.options.record_bytes)
            on_wire = watched.end(seconds)
        params = {"bits_a_second": 64_000, "delay_ms_each_way": 300, "record_bytes": bench.options.record_bytes, "backlog": backlog}
        emit("slowlink", {**params, "measure": "payload of the link's bytes"},
             found["payload_bytes_a_second"] / link.bytes_a_second, "share", on_wire=round(on_wire / link.bytes_a_second, 3),
             frames=found["frames"], frame_bytes=found["frame_bytes"])
        if not found["arrived"]:
            note("slowlink failed: the flash did not arrive within a minute")
        emit("slowlink", {**params, "measure": "frames before a flash"}, found["frames_before"], "frames",
             bytes_before=found["bytes_before"])
        emit("slowlink", {**params, "measure": "flash, from its answer until visible"}, found["flash_ms"], "ms")


def stall(bench):
    """What a peer that stopped reading costs the sender in memory, beside one that was never there."""
    count = bench.options.notices or (20_000 if bench.options.quick else 100_000)
    fill = {"in_flight": 4, "batch": 200, "record_bytes": bench.options.record_bytes}
    growth = {}
    for peer in ("absent", "stopped"):
        a, b, _ = bench.pair("real", dialler="b")
        a.start()
        if peer == "stopped":
            b.start()
            bench.load("share", a, **fill, count=min(count, 5_000), wait_receipted=True)
            b.process.handle.send_signal(signal.SIGSTOP)
        else:
            bench.load("share", a, **fill, count=min(count, 5_000))
        before = a.process.resident_mib()
        bench.load("share", a, **fill, count=count)
        growth[peer] = a.process.resident_mib() - before
        if peer == "stopped":
            b.process.handle.send_signal(signal.SIGCONT)
            bench.load("wait", a)
        a.stop()
        b.stop()
    emit("stall", {"notices": count, "record_bytes": bench.options.record_bytes, "measure": "growth, peer stopped reading"},
         max(0, growth["stopped"]), "MiB resident", peer_absent=round(growth["absent"], 3),
         more=round(growth["stopped"] - growth["absent"], 3))


def neighbour(bench):
    """From the call at A until visible at B, while another neighbour of A is well, dead, has stopped reading, or is on a slow line."""
    count = bench.options.notices or (500 if bench.options.quick else 20_000)
    states = ["well", "dead", "stopped"]
    if not bench.options.quick and not slow_link.missing():
        states.append("slow")
    rounds = 1 if bench.options.quick else 3
    bench.certify(UNIT_C)
    found = {state: [] for state in states}
    for _ in range(rounds):
        for state in states:
            found[state].append(beside(bench, state, count))
    for measure in ("p50", "p99"):
        at = {state: statistics.median(one[f"visible_{measure}_ms"] for one in found[state]) for state in states}
        for state in states:
            emit("neighbour", {"other": state, "waits_for_it": 0 if state == "well" else count, "rate": 50, "rounds": rounds,
                               "measure": f"from the call to visible, {measure}"}, at[state], "ms",
                 of_well=round(at[state] / at["well"], 3) if at["well"] else None)


def beside(bench, state, count):
    """What `visible` finds between A and B while the third, C, is in `state`; A, B and C are new."""
    with contextlib.ExitStack() as ends:
        link = ends.enter_context(slow_link.SlowLink()) if state == "slow" else None
        near, far = (link.a, link.b) if link else (None, None)
        a, b = Node(bench, "real", UNIT_A, UNIT_B, place=near), Node(bench, "real", UNIT_B, UNIT_A, place=near)
        c = Node(bench, "real", UNIT_C, UNIT_A, place=far)
        a.dial(b.exchange_port, b.exchange_host)
        a.more_peers = {c.unit: 0}
        c.dial(a.exchange_port, a.exchange_host)
        for node in (a, b, c):
            ends.callback(node.stop)
        b.start()
        a.start()
        if state != "dead":
            c.start()
        a.peer = c.unit  # whom the load shares with
        fill = {"in_flight": 4, "batch": 100, "record_bytes": bench.options.record_bytes}
        if state == "stopped":
            bench.load("share", a, **fill, count=100, wait_receipted=True)
            c.process.handle.send_signal(signal.SIGSTOP)
            ends.callback(c.process.handle.send_signal, signal.SIGCONT)  # before it is ended
        bench.load("share", a, **fill, count=count, wait_receipted=True if state == "well" else None)
        a.peer = UNIT_B
        return bench.load("visible", a, **bench.to(b), rate=50, seconds=bench.options.seconds * 2,
                          record_bytes=bench.options.record_bytes)


def overload(bench):
    """An open loop at 0.8 of what the node sustains and at twice of it. Node and generator have a core each."""
    seconds = max(2.0, bench.options.seconds)
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2 or not shutil.which("taskset"):
        fail("overload was not run: node and generator need a core each, and taskset (util-linux), to be told apart")
    node = bench.node()
    node.before = ["taskset", "-c", str(cores[0])]
    node.start()
    near = ["taskset", "-c", ",".join(map(str, cores[1:]))]
    call = {"record_bytes": bench.options.record_bytes, "warm_up": seconds / 4, "seconds": seconds}
    sustained = bench.load("create", node, in_flight=64, before=near, **call)["rate"]
    bench.load("create", node, in_flight=64, before=near, **call)
    emit("overload", {"measure": "sustained, 64 in flight"}, sustained, "records/s")
    at = {}
    for share in (0.8, 2.0):
        resident = node.process.resident_mib()
        at[share] = found = bench.load("offer", node, rate=share * sustained, channels=16, before=near, **call)
        params = {"offered": share, "channels": 16}
        for measure, key, unit in (("accepted p99", "accepted_p99_ms", "ms"), ("accepted p50", "accepted_p50_ms", "ms"),
                                   ("accepted", "accepted_rate", "records/s")):
            more = {"of_0.8": round(found[key] / at[0.8][key], 3)} if share != 0.8 else {}
            emit("overload", {**params, "measure": measure}, found[key], unit, **more)
        emit("overload", {**params, "measure": "refused p99"}, found["refused_p99_ms"], "ms", refused=found["refused"],
             with_hint=found["hints"], generator_late_p99_ms=found["late_p99_ms"], most_open=found["most_open"])
        emit("overload", {**params, "measure": "growth"}, max(0, node.process.resident_mib() - resident), "MiB resident")
    node.stop()
