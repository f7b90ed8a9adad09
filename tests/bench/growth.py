"""Cases of scripts/bench about growth: network, growth."""
import json

from harness import emit, fail


def network(bench):
    """A node's cost in a simulated network that grows: one process, one thread, by seed."""
    notices = 5 if bench.options.quick else 20
    first = None
    for nodes in (41, 200) if bench.options.quick else (41, 200, 1000):
        call = [bench.binary("simulated_network"), f"--nodes={nodes}", f"--notices={notices}"]
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
