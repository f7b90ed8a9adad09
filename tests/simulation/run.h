// One run of the simulation: units, faults and officers drawn from a seed; what must hold, checked
// at the end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proto/codes/registry.h"
#include "proto/contract/validate.h"

namespace tripoint::simulation {

struct RunOptions {
  std::uint64_t seed = 1;
  bool keep_trace = false;
};

struct RunResult {
  std::uint64_t seed = 0;
  bool held = true;
  std::string violation;  // empty when everything held
  std::uint64_t steps = 0;
  std::uint64_t digest = 0;  // of the trace: equal for equal seeds
  std::uint64_t requests_answered = 0;
  std::uint64_t notices = 0;
  std::uint64_t envelopes = 0;
  std::uint64_t crashes = 0;
  std::uint64_t unknown_outcomes = 0;
  std::uint64_t quarantined = 0;
  std::int64_t virtual_ms = 0;
  std::vector<std::string> trace;
};

// What all runs share: code lists and the validator, which are immutable.
struct Shared {
  Shared();
  codes::Registry registry;
  contract::Validator validator;
};

RunResult RunSeed(const Shared& shared, const RunOptions& options);

}  // namespace tripoint::simulation
