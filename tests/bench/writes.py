"""Cases of scripts/bench that write and share: create, import, visible, sustained."""
import statistics

from harness import UNIT_A, Node, emit, note


def create(bench):
    real, thread, caller = (Node(bench, "real", UNIT_A).start(), Node(bench, "bare", UNIT_A).start(),
                            Node(bench, "bare", UNIT_A, writer="caller").start())
    rounds = 1 if bench.options.quick else 3
    seconds = bench.options.seconds / rounds
    for in_flight in (1, 8, 64, 128):
        seen = {}
        for _ in range(rounds):
            for name, node in (("real", real), ("thread", thread), ("caller", caller)):
                before = node.process.cpu_s()
                result = bench.load("create", node, in_flight=in_flight, seconds=seconds, warm_up=seconds / 5,
                                    record_bytes=bench.options.record_bytes)
                result["cpu_us"] = 1e6 * (node.process.cpu_s() - before) / max(1, result["total"])
                seen.setdefault(name, []).append(result)
        middle = {name: {key: statistics.median(one[key] for one in results)
                         for key in ("rate", "p50_ms", "p99_ms", "cpu_us")} for name, results in seen.items()}
        best = max(("thread", "caller"), key=lambda name: middle[name]["rate"])
        params = {"in_flight": in_flight, "record_bytes": bench.options.record_bytes}
        for measure, key, unit in (("rate", "rate", "records/s"), ("p50", "p50_ms", "ms"), ("p99", "p99_ms", "ms"),
                                   ("server_cpu", "cpu_us", "us/call")):
            emit("create", {**params, "measure": measure}, middle["real"][key], unit, middle[best][key],
                 bare_writer=best, bare_thread=round(middle["thread"][key], 3),
                 bare_caller=round(middle["caller"][key], 3), ratio_of_caller=round(middle["real"][key] / (middle["caller"][key] or 1), 3))
    for node in (real, thread, caller):
        node.stop()


def import_(bench):
    results = {}
    for kind in ("real", "bare"):
        node = Node(bench, kind, UNIT_A).start()
        before = node.process.cpu_s()
        results[kind] = bench.load("import", node, in_flight=4, seconds=bench.options.seconds,
                                   warm_up=bench.options.seconds / 5, record_bytes=bench.options.record_bytes)
        cpu_s = node.process.cpu_s() - before
        results[kind]["cpu_us"] = 1e6 * cpu_s / max(1, results[kind]["total"] * results[kind]["batch"])
        if results[kind]["refused"]:
            note(f"import: {results[kind]['refused']} records refused")
        node.stop()
    params = {"batch": 200, "in_flight": 4, "over": "one stream", "record_bytes": bench.options.record_bytes}
    emit("import", {**params, "measure": "rate"}, results["real"]["records_per_second"], "records/s",
         results["bare"]["records_per_second"])
    emit("import", {**params, "measure": "server_cpu"}, results["real"]["cpu_us"], "us/record",
         results["bare"]["cpu_us"])


def visible(bench):
    results = {}
    for kind in ("real", "bare"):
        a, b, _ = bench.pair(kind)
        b.start()
        a.start()
        results[kind] = bench.load("visible", a, **bench.to(b), rate=50, seconds=bench.options.seconds * 2,
                                   record_bytes=bench.options.record_bytes)
        a.stop()
        b.stop()
    for way, prefix in (("from the call to visible", "visible"), ("from the answer to visible", "after_answer"),
                        ("from the call to its answer", "answered")):
        for measure in ("p50", "p99", "max"):
            key = f"{prefix}_{measure}_ms"
            emit("visible", {"rate": 50, "way": way, "measure": measure, "count": results["real"]["seen"]},
                 results["real"][key], "ms", results["bare"][key])


def sustained(bench):
    for writers, load in (("unary draft and share", {"in_flight": 64}),
                          ("one stream of batches", {"in_flight": 4, "batch": 64}),
                          ("one stream of batches", {"in_flight": 4, "batch": 200})):
        sustain(bench, writers, load)


def sustain(bench, writers, load):
    results = {}
    for kind in ("real", "bare"):
        a, b, _ = bench.pair(kind)
        b.start()
        a.start()
        bench.load("share", a, in_flight=8, count=50, wait_receipted=True)
        before = [node.process.cpu_s() for node in (a, b)]
        results[kind] = bench.load("share", a, **load, seconds=bench.options.seconds * 2, wait_receipted=True,
                                   record_bytes=bench.options.record_bytes)
        if results[kind]["refused"]:
            note(f"sustained: {results[kind]['refused']} notices refused")
        results[kind]["cpu_us"] = [1e6 * (node.process.cpu_s() - was) / max(1, results[kind]["notices"])
                                   for node, was in zip((a, b), before)]
        a.stop()
        b.stop()
    params = {**load, "writers": writers, "until": "receipted"}
    emit("sustained", {**params, "measure": "rate"}, results["real"]["rate_receipted"], "notices/s",
         results["bare"]["rate_receipted"], accepted=results["real"]["notices_per_second"],
         bare_accepted=results["bare"]["notices_per_second"])
    for index, of in enumerate(("cpu of A", "cpu of B")):
        emit("sustained", {**params, "measure": of}, results["real"]["cpu_us"][index], "us/notice",
             results["bare"]["cpu_us"][index])
