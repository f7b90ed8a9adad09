// What a node costs as the network grows: calm weather, the real graph of neighbours, three phases.
// Called by tripoint-sim --growth, for scripts/bench --case network. One thread.
#pragma once

#include <cstdint>

namespace tripoint::simulation {

// Each node shares `notices` notices, to some or all of its neighbours, over ten minutes; then ten
// minutes without. Prints one JSON line. Returns the exit code.
int RunGrowth(std::int64_t nodes, int notices, std::uint64_t seed);

}  // namespace tripoint::simulation
