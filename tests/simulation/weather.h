// How a run goes wrong at random, in numbers: drawn from the seed, or as a scenario says. What is
// planned by time stands in the scenario's other lines (stage.cc).
//
// Made by run.cc before a run, used by the stage. Pure; any thread.
#pragma once

#include <cstdint>

#include "storage/fault_engine.h"
#include "tests/simulation/network.h"
#include "tests/simulation/random.h"
#include "tests/simulation/scenario.h"

namespace tripoint::simulation {

// Chances are in a thousandth; `a_second` ones are drawn for each node in each simulated second.
struct Weather {
  int act_a_second = 500;
  int burst_a_second = 10;
  int burst_size = 20;
  int poison_a_second = 0;
  int import_a_second = 0;

  int crash_per_mille = 0;  // at each step of a commit
  int late_per_mille = 0;   // commits
  int power_a_second = 0;
  std::int64_t down_us_max = 8'000'000;
  int cut_a_second = 0;
  int full_a_second = 0;
  int dial_a_second = 0;
  int reset_a_second = 0;  // one living stream of the network
  int clock_jump_a_second = 5;
  std::int64_t clock_jump_ms_max = 365LL * 24 * 60 * 60 * 1000;
  storage::FaultPlan disk;
  NetworkFaults network;

  bool poison() const { return poison_a_second > 0; }
};

// Some runs are calm in one respect and wild in another.
Weather DrawWeather(Random& random);
Weather WeatherOf(const Scenario& scenario, Random& random);

}  // namespace tripoint::simulation
