// One run of the simulation: units, faults and officers drawn from a seed, or as a scenario says;
// what must hold is checked after each step and at the end of each round.
//
// Called by tripoint-sim and simulation_test. One thread each; runs share nothing but Shared.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "proto/codes/registry.h"
#include "tests/simulation/scenario.h"

namespace tripoint::simulation {

struct RunOptions {
  std::uint64_t seed = 1;
  bool keep_trace = false;
  const Scenario* scenario = nullptr;  // null: weather, clocks and number of nodes from the seed
  std::int64_t nodes = 0;              // 0: as the scenario or the seed says
  bool unwatched = false;              // only the verdicts judge
  std::int64_t storm_us = 0;           // length of the bad weather of a round; 0: likewise
};

struct RunResult {
  std::uint64_t seed = 0;
  bool held = true;
  std::string violation;  // empty when everything held
  std::uint64_t steps = 0;
  std::uint64_t digest = 0;  // of the trace: equal for equal seeds
  std::uint64_t checks = 0;  // invariants looked at beside the verdicts
  std::uint64_t nodes = 0;
  std::uint64_t links = 0;
  std::uint64_t requests_answered = 0;
  std::uint64_t notices = 0;
  std::uint64_t envelopes = 0;
  std::uint64_t crashes = 0;
  std::uint64_t unknown_outcomes = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t lies = 0;
  std::uint64_t carried = 0;  // envelopes and receipted envelopes that came in bundles
  std::int64_t virtual_ms = 0;
  std::map<std::string, int> alerts;  // reason -> how often, at honest nodes
  std::vector<std::string> trace;
};

// What all runs share: the code lists, which are immutable.
struct Shared {
  Shared();
  codes::Registry registry;
};

// Precondition: CheckNodes gave OK.
RunResult RunSeed(const Shared& shared, const RunOptions& options);

// What several runs of a liar's scenario noticed together. Which lies a liar tells in one of them
// is chance, so the `least` of its `expect` lines is for all of them; empty: everything was
// noticed, or so few lies were told that nothing is proved.
std::string Unnoticed(const Scenario& scenario, const std::map<std::string, int>& alerts,
                      std::uint64_t lies);

// How often the alert of an `expect` line was noticed, and the promise that is broken if that is
// not what the line says.
int TimesNoticed(const std::map<std::string, int>& alerts, const Line& line);
std::string NoticedAsSaid(const Line& line, int count);

}  // namespace tripoint::simulation
