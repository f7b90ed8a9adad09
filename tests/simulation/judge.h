// The verdict after a run: what officers were told against what the nodes hold, and the two ends of
// every channel.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/simulation/model.h"
#include "tests/simulation/sim_node.h"

namespace tripoint::simulation {

struct Judgement {
  std::uint64_t envelopes = 0;
  std::uint64_t quarantined = 0;
};

// Throws Violation for the first promise that does not hold:
//   nothing acknowledged is lost; nothing is there twice; the two ends of each channel have equal
//   roots, sizes and bytes in the same order; receipts cover everything; journals are dense and
//   have their root; no false alarm.
// Only honest nodes are judged, and of their channels only those to honest nodes with a common
// version. Precondition: those links are up and quiet; `nodes` in the order of `roster`.
Judgement JudgeNodes(const std::vector<SimNode*>& nodes, const Roster& roster, const Model& model);

}  // namespace tripoint::simulation
