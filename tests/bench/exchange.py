"""Cases of scripts/bench about two nodes with much between them: catchup, memory, disk, wire."""
import json
import subprocess
import time

from harness import emit


def catchup(bench):
    count = bench.options.notices or (5_000 if bench.options.quick else 200_000)
    results = {}
    for kind in ("real", "bare"):
        a, b, _ = bench.pair(kind, dialler="b")  # who was away dials: no waiting for the other's next attempt
        b.start()
        a.start()
        bench.load("share", a, in_flight=8, count=50, wait_receipted=True)
        b.stop()
        filled = bench.load("share", a, in_flight=128, count=count, record_bytes=bench.options.record_bytes)
        waiter = subprocess.Popen(bench.load_arguments("wait", a), stdout=subprocess.PIPE, text=True)
        time.sleep(0.3)
        before = a.process.cpu_s()
        started = time.monotonic()
        b.start()
        text, _ = waiter.communicate(timeout=1800)
        results[kind] = {**json.loads(text), "since_start": time.monotonic() - started, "fill": filled["rate"],
                         "cpu_a": 1e6 * (a.process.cpu_s() - before) / count,
                         "cpu_b": 1e6 * b.process.cpu_s() / count}
        a.stop()
        b.stop()
    real, bare = results["real"], results["bare"]
    params = {"notices": count, "record_bytes": bench.options.record_bytes}
    emit("catchup", {**params, "measure": "rate while it flows"}, real["rate"], "notices/s", bare["rate"])
    emit("catchup", {**params, "measure": "start of B until receipted"}, real["since_start"], "s",
         bare["since_start"])
    for of in ("cpu_a", "cpu_b"):
        emit("catchup", {**params, "measure": "cpu of " + of[-1].upper()}, real[of], "us/notice", bare[of])
    emit("catchup", {**params, "measure": "filling A while B is down"}, real["fill"], "notices/s", bare["fill"])


def fill(bench, kind):
    """A pair with many notices delivered; measured once, used by memory and disk."""
    if kind in bench.filled:
        return bench.filled[kind]
    count = bench.options.notices or (10_000 if bench.options.quick else 1_000_000)
    a, b, _ = bench.pair(kind)
    b.start()
    a.start()
    bench.load("share", a, in_flight=8, count=10, wait_receipted=True)
    time.sleep(1)
    idle = a.process.resident_mib()
    fill = bench.load("share", a, in_flight=64, count=count, wait_receipted=True,
                      record_bytes=bench.options.record_bytes)
    time.sleep(1)
    found = {"count": count, "idle": idle, "a": a.process.resident_mib(), "b": b.process.resident_mib(),
             "envelope_bytes": fill["envelope_bytes"]}
    a.stop()
    b.stop()
    found["disk_a"], found["disk_b"] = a.disk_bytes(), b.disk_bytes()
    bench.filled[kind] = found
    return found


def memory(bench):
    real, bare = fill(bench, "real"), fill(bench, "bare")
    emit("memory", {"notices": 0, "of": "A"}, real["idle"], "MiB resident", bare["idle"])
    for of in ("a", "b"):
        emit("memory", {"notices": real["count"], "of": of.upper()}, real[of], "MiB resident", bare[of])


def disk(bench):
    real, bare = fill(bench, "real"), fill(bench, "bare")
    for of, role in (("disk_a", "A (drafts, shared versions, envelopes)"), ("disk_b", "B (received)")):
        emit("disk", {"notices": real["count"], "of": role, "envelope_bytes": real["envelope_bytes"]},
             real[of] / real["count"], "bytes/notice", bare[of] / bare["count"])


def wire(bench):
    results = {}
    backlog = min(bench.options.notices or 20_000, 1_000 if bench.options.quick else 20_000)
    single = int(50 * bench.options.seconds)
    for kind in ("real", "bare"):
        a, b, proxy = bench.pair(kind, dialler="b", through_proxy=True)
        b.start()
        a.start()
        bench.load("share", a, in_flight=8, count=50, wait_receipted=True)
        before = proxy.bytes()
        steady = bench.load("visible", a, **bench.to(b), rate=50, seconds=single / 50,
                            record_bytes=bench.options.record_bytes)
        bench.load("wait", a)
        sent = steady["count"] + steady["warm_ups"]
        steady_bytes = (proxy.bytes() - before) / max(1, sent)
        b.stop()
        fill = bench.load("share", a, in_flight=64, count=backlog, record_bytes=bench.options.record_bytes)
        before = proxy.bytes()
        b.start()
        bench.load("wait", a)
        results[kind] = {"one by one at 50/s": steady_bytes, "catch-up": (proxy.bytes() - before) / backlog,
                         "envelope": fill["envelope_bytes"]}
        a.stop()
        b.stop()
        proxy.close()
    for way in ("one by one at 50/s", "catch-up"):
        value = results["real"][way]
        emit("wire", {"way": way, "both_directions": True, "counted": "bytes above TCP, TLS included"}, value,
             "bytes/notice", results["bare"][way], envelope_bytes=results["real"]["envelope"],
             per_payload_byte=round(value / results["real"]["envelope"], 3))
