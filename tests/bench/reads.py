"""Cases of scripts/bench that read, watch and share to many: get, list, watch, fanout."""
import json
import pathlib
import time

from harness import UNIT_A, UNIT_B, emit, fail, note

AUDIENCE_MAX = 64  # units of one notice (proto)
UNITS = pathlib.Path(__file__).resolve().parents[2] / "proto/codes/units.json"
MEASURED = ("count", "arrivals", "items", "more", "envelope_bytes")  # params that a run finds, not sets


def fixed(params):
    """The params that name a figure, so that two runs can be paired."""
    return {key: value for key, value in params.items() if key not in MEASURED}


def get(bench):
    real, bare = bench.node().start(), bench.node("bare").start()
    rounds = 1 if bench.options.quick else 3
    seconds = max(0.1, bench.options.seconds / rounds / 2)
    for in_flight in (1, 64):
        found = {"real": [], "bare": []}
        for _ in range(rounds):
            for name, node in (("real", real), ("bare", bare)):
                found[name].append(bench.load("get", node, in_flight=in_flight, seconds=seconds, warm_up=seconds / 5,
                                              process=node.process.handle.pid, record_bytes=bench.options.record_bytes))
        for measure, key, unit in (("rate", "rate", "calls/s"), ("p50", "p50_ms", "ms"), ("p99", "p99_ms", "ms"),
                                   ("server_cpu", "cpu_us", "us/call")):
            value, other = (sorted(one[key] for one in found[name])[rounds // 2] for name in ("real", "bare"))
            emit("get", {"in_flight": in_flight, "record_bytes": bench.options.record_bytes, "measure": measure}, value,
                 unit, other)
    real.stop()
    bare.stop()


def filters(count):
    """Names and options of the lists. What the fields hold: client/load_reads.cc. Rare: 1 record of 2,000."""
    middle = {"record_from": count // 4, "record_until": count // 2}
    return (
        ("none", {}),
        ("category", {"category": "DRG-TRF"}),
        ("group", {"category": "DRG"}),
        ("rare gate", {"gate": "G-NAMEO"}),
        ("category, severity", {"category": "DRG-TRF", "severity_min": 4}),
        ("category, gate", {"category": "SMG-DOC", "gate": "G-LALAY"}),
        ("gate, times", {"gate": "G-BOY", **middle}),
        ("group, severity, gate", {"category": "DRG", "severity_min": 4, "gate": "G-LAOBAO"}),
        ("state, severity, gate, category", {"open_only": True, "severity_min": 5, "gate": "G-BOY", "category": "CYB-FRD"}),
        ("state, group, rare gate, times", {"open_only": True, "category": "CTB", "gate": "G-NAMEO", **middle}),
        ("category, severity that never meet", {"category": "THB-LAB", "severity_min": 4}),
    )


def list_(bench):
    count = bench.options.notices or (20_000 if bench.options.quick else 1_000_000)
    node = bench.node().start()
    fill = bench.load("fill", node, in_flight=4, count=count)
    note(f"list: {count} records at {fill['rate'] * 200:.0f} a second")
    seconds = max(0.1, bench.options.seconds / 6)
    for name, options in filters(count):
        found = bench.load("list", node, seconds=seconds, warm_up=seconds / 5, process=node.process.handle.pid, **options)
        params = {"records": count, "filters": name, "items": found["items"], "more": found["more"]}
        for measure in ("p50", "p99"):
            emit("list", {**params, "measure": measure}, found[f"{measure}_ms"], "ms")
        emit("list", {**params, "measure": "server_cpu"}, found["cpu_us"], "us/call")
    node.stop()


def watch(bench):
    node = bench.node().start()
    # What the stalled watcher has before it: more than any window of a connection holds.
    bench.load("create", node, in_flight=64, count=3_000 if bench.options.quick else 50_000, record_bytes=200)
    watchers = 100
    for stalled in (0, 1):
        before = node.process.resident_mib()
        found = bench.load("watch", node, rate=50, seconds=bench.options.seconds, watchers=watchers, stalled=stalled,
                           process=node.process.handle.pid)
        if found["arrivals"] != found["expected"]:
            note(f"watch failed: {found['arrivals']} of {found['expected']} changes arrived")
        params = {"watchers": watchers, "stalled": stalled, "rate": 50, "arrivals": found["arrivals"]}
        for way, prefix in (("from the answer to each watcher", "after_answer"), ("from the call to each watcher", "visible")):
            for measure in ("p50", "p99", "max"):
                emit("watch", {**params, "way": way, "measure": measure}, found[f"{prefix}_{measure}_ms"], "ms")
        emit("watch", {**params, "measure": "server_cpu"}, found["cpu_us"], "us/change")
        emit("watch", {**params, "measure": "growth"}, max(0, node.process.resident_mib() - before), "MiB resident")
    node.stop()


def neighbours(count):
    """Units of the registry: UNIT_B, then those in force, then former ones (37 others are in force)."""
    units = sorted(json.loads(UNITS.read_text())["units"], key=lambda unit: unit["valid_to"] is not None)
    found = [UNIT_B, *(unit["id"] for unit in units if unit["id"] not in (UNIT_A, UNIT_B))]
    if count > min(len(found), AUDIENCE_MAX):
        fail(f"a notice goes to at most {min(len(found), AUDIENCE_MAX)} units, not {count}")
    return found[:count]


def fanout(bench):
    """With callers one by one, four and sixteen at a time where peers are there: what is sent together depends on it."""
    quick = bench.options.quick
    count = min(bench.options.notices or (400 if quick else 5_000), 5_000)
    first = {}
    for peers, real in ((1, 0), (8, 0), (40, 0), (1, 1), (8, 8)) + (() if quick else ((40, 40),)):
        units = neighbours(peers)
        # A peer that is not real stands in the configuration and is never started: its channel grows all the same.
        for unit in units[:real]:
            bench.certify(unit)
        others = [bench.node(unit=unit, more_peers={UNIT_A: 0}).start() for unit in units[:real]]
        ports = [other.exchange_port for other in others] + [0] * (len(units) - real)
        node = bench.node(more_peers=dict(zip(units, ports))).start()
        share = {"units": ",".join(units), "process": node.process.handle.pid}
        if real:
            share["wait_receipted"] = True
            bench.load("fanout", node, in_flight=8, count=8, **share)
        found = {in_flight: bench.load("fanout", node, in_flight=in_flight, count=count, **share)
                 for in_flight in ((1, 4, 16) if real else (16,))}
        time.sleep(0.2)
        for one in (node, *others):
            one.stop()
        disk = node.disk_bytes() / (len(found) * count)
        _, base_disk = first.setdefault(real > 0, (found, disk))
        for in_flight, measured in found.items():
            emit_fanout({"peers": peers, "real": real, "in_flight": in_flight, "count": count}, measured,
                        first[real > 0][0][in_flight])
        if peers > 1:
            emit("fanout", {"peers": peers, "real": real, "count": count, "measure": "disk"},
                 max(0, disk - base_disk) / (peers - 1), "bytes/recipient more")


def emit_fanout(params, found, base):
    for measure, key, unit in (("share_cpu", "share_cpu_us", "us/notice"), ("share_and_send_cpu", "whole_cpu_us", "us/notice"),
                               ("rate", "rate", "notices/s"), ("p50", "p50_ms", "ms")):
        emit("fanout", {**params, "measure": measure}, found[key], unit,
             of_one_peer=round(found[key] / base[key], 3) if base[key] else None)
