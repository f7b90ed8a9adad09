// The simulator as a test: many seeds, each a run of whole nodes under faults; a failure prints the
// seed and the step.
//
//   simulation_test                          TRIPOINT_SEEDS seeds (2,000 unless set), from 1
//   simulation_test --seed=N [--trace]       one seed, with its trace
//   simulation_test --seeds=N [--from=M]     N seeds from M
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "tests/simulation/run.h"

namespace tripoint::simulation {
namespace {

struct Arguments {
  std::uint64_t seeds = 2000;
  std::uint64_t from = 1;
  std::uint64_t only = 0;
  bool trace = false;
};
Arguments g_arguments;

const Shared& SharedByAll() {
  static const Shared shared;
  return shared;
}

std::string Describe(const RunResult& result) {
  return "seed " + std::to_string(result.seed) + " at step " + std::to_string(result.steps) + " (" +
         std::to_string(result.virtual_ms) + " ms): " + result.violation +
         "\n  again: simulation_test --seed=" + std::to_string(result.seed) + " --trace";
}

// Goal: no promise breaks under any mixture of crashes, cuts, resets, full and failing disks and
// mad clocks.
TEST(Simulation, EverySeedKeepsEveryPromise) {
  if (g_arguments.only != 0) {
    const RunResult result =
        RunSeed(SharedByAll(), {.seed = g_arguments.only, .keep_trace = g_arguments.trace});
    for (const std::string& line : result.trace) std::printf("%s\n", line.c_str());
    ASSERT_TRUE(result.held) << Describe(result);
    return;
  }
  RunResult total;
  int failures = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t seed = g_arguments.from; seed < g_arguments.from + g_arguments.seeds; ++seed) {
    const RunResult result = RunSeed(SharedByAll(), {.seed = seed, .keep_trace = false});
    EXPECT_TRUE(result.held) << Describe(result);
    if (!result.held && ++failures == 5) break;
    total.requests_answered += result.requests_answered;
    total.notices += result.notices;
    total.envelopes += result.envelopes;
    total.crashes += result.crashes;
    total.unknown_outcomes += result.unknown_outcomes;
    total.quarantined += result.quarantined;
    total.virtual_ms += result.virtual_ms;
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::printf(
      "%llu seeds in %.1f s: %llu requests, %llu notices, %llu envelopes, %llu crashes, %llu "
      "unknown outcomes, "
      "%llu quarantined, %.1f virtual hours\n",
      static_cast<unsigned long long>(g_arguments.seeds), seconds,
      static_cast<unsigned long long>(total.requests_answered),
      static_cast<unsigned long long>(total.notices),
      static_cast<unsigned long long>(total.envelopes),
      static_cast<unsigned long long>(total.crashes),
      static_cast<unsigned long long>(total.unknown_outcomes),
      static_cast<unsigned long long>(total.quarantined),
      static_cast<double>(total.virtual_ms) / 3'600'000);
  // A run in which nothing happens proves nothing.
  EXPECT_GT(total.envelopes, g_arguments.seeds);
}

// Goal: a seed replays a run: nothing in a node depends on real time, addresses or thread order.
TEST(Simulation, OneSeedTwiceGivesEqualTraces) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const RunResult first = RunSeed(SharedByAll(), {.seed = seed, .keep_trace = false});
    const RunResult second = RunSeed(SharedByAll(), {.seed = seed, .keep_trace = false});
    EXPECT_EQ(first.digest, second.digest) << "seed " << seed;
  }
}

// Goal: every seed that once found a bug still passes; each line of seeds.txt tells its story.
TEST(Simulation, SeedsThatFoundBugsPass) {
  std::ifstream file(TRIPOINT_SEEDS_FILE);
  ASSERT_TRUE(file.is_open());
  std::string line;
  while (std::getline(file, line)) {
    if (line.empty() || line.front() == '#') continue;
    const std::uint64_t seed = std::strtoull(line.c_str(), nullptr, 10);
    ASSERT_NE(seed, 0u) << line;
    const RunResult result = RunSeed(SharedByAll(), {.seed = seed, .keep_trace = false});
    EXPECT_TRUE(result.held) << line << "\n" << Describe(result);
  }
}

}  // namespace
}  // namespace tripoint::simulation

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  auto& arguments = tripoint::simulation::g_arguments;
  if (const char* seeds = std::getenv("TRIPOINT_SEEDS"))
    arguments.seeds = std::strtoull(seeds, nullptr, 10);
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto value = std::strtoull(argument.substr(argument.find('=') + 1).c_str(), nullptr, 10);
    if (argument.starts_with("--seeds=")) {
      arguments.seeds = value;
    } else if (argument.starts_with("--seed=")) {
      arguments.only = value;
    } else if (argument.starts_with("--from=")) {
      arguments.from = value;
    } else if (argument == "--trace") {
      arguments.trace = true;
    } else {
      std::fprintf(stderr, "simulation_test: unknown argument %s\n", argument.c_str());
      return 2;
    }
  }
  return RUN_ALL_TESTS();
}
