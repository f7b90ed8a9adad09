// The simulator as a test: many seeds, each a run of whole nodes under faults; a failure prints the
// seed and the step.
//
//   simulation_test                          TRIPOINT_SEEDS seeds (2,000 unless set), from 1
//
// One seed with its trace, other seeds and scenarios: tripoint-sim.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "tests/simulation/run.h"
#include "tests/simulation/scenario.h"

namespace tripoint::simulation {
namespace {

std::uint64_t SeedsWanted() {
  const char* seeds = std::getenv("TRIPOINT_SEEDS");
  return seeds == nullptr ? 2000 : std::strtoull(seeds, nullptr, 10);
}

const Shared& SharedByAll() {
  static const Shared shared;
  return shared;
}

std::string Describe(const RunResult& result, const std::string& scenario = {}) {
  return "seed " + std::to_string(result.seed) + " at step " + std::to_string(result.steps) + " (" +
         std::to_string(result.virtual_ms) + " ms): " + result.violation +
         "\n  again: tripoint-sim --seed " + std::to_string(result.seed) +
         (scenario.empty() ? "" : " --scenario " + scenario) + " --trace";
}

std::vector<std::filesystem::path> ScenarioFiles() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(TRIPOINT_SCENARIOS))
    files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

// Goal: no promise breaks under any mixture of crashes, cuts, resets, full and failing disks and
// mad clocks.
TEST(Simulation, S1S2S4S6EverySeedKeepsEveryPromise) {
  const std::uint64_t seeds = SeedsWanted();
  RunResult total;
  int failures = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const RunResult result = RunSeed(SharedByAll(), {.seed = seed});
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
      static_cast<unsigned long long>(seeds), seconds,
      static_cast<unsigned long long>(total.requests_answered),
      static_cast<unsigned long long>(total.notices),
      static_cast<unsigned long long>(total.envelopes),
      static_cast<unsigned long long>(total.crashes),
      static_cast<unsigned long long>(total.unknown_outcomes),
      static_cast<unsigned long long>(total.quarantined),
      static_cast<double>(total.virtual_ms) / 3'600'000);
  // A run in which nothing happens proves nothing.
  EXPECT_GT(total.envelopes, seeds);
}

// Goal: a seed replays a run: nothing in a node depends on real time, addresses or thread order.
TEST(Simulation, S1OneSeedTwiceGivesEqualTraces) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const RunResult first = RunSeed(SharedByAll(), {.seed = seed});
    const RunResult second = RunSeed(SharedByAll(), {.seed = seed});
    EXPECT_EQ(first.digest, second.digest) << "seed " << seed;
  }
}

// Goal: every scenario of the room keeps every promise, and honest nodes notice what it says.
TEST(Simulation, S2S3S5D9EveryScenarioKeepsEveryPromise) {
  // Under sanitizers (TRIPOINT_SEEDS below the preset) one seed each is enough.
  const std::uint64_t seeds = SeedsWanted() < 2000 ? 1 : 3;
  for (const auto& path : ScenarioFiles()) {
    const auto scenario = LoadScenario(path);
    ASSERT_TRUE(scenario.ok()) << ScenarioFault(scenario.status());
    RunOptions options{.scenario = &*scenario};
    std::uint64_t last = seeds;
    // Many nodes: a minute of them here, all of it on demand.
    if (scenario->Only("run")["nodes"] > 10) {
      options.nodes = 41;
      options.storm_us = 60'000'000;
      last = 1;
    }
    std::uint64_t lies = 0;
    std::map<std::string, int> alerts;
    for (options.seed = 1; options.seed <= last; ++options.seed) {
      const RunResult result = RunSeed(SharedByAll(), options);
      EXPECT_TRUE(result.held) << Describe(result, path);
      lies += result.lies;
      for (const auto& [reason, count] : result.alerts) alerts[reason] += count;
    }
    EXPECT_EQ(Unnoticed(*scenario, alerts, lies), "") << path;
    // A liar that does not lie proves nothing; one seed may give it no occasion.
    if (scenario->Has("lie") && last > 1) {
      EXPECT_GE(lies, last) << path;
    }
  }
}

// Goal: a scenario too replays: same seed, same trace.
TEST(Simulation, OneScenarioTwiceGivesEqualTraces) {
  for (const char* name : {"liars", "crashes", "frames"}) {
    const auto scenario = LoadScenario(std::string(TRIPOINT_SCENARIOS) + "/" + name + ".scenario");
    ASSERT_TRUE(scenario.ok()) << ScenarioFault(scenario.status());
    const RunResult first = RunSeed(SharedByAll(), {.seed = 5, .scenario = &*scenario});
    const RunResult second = RunSeed(SharedByAll(), {.seed = 5, .scenario = &*scenario});
    EXPECT_EQ(first.digest, second.digest) << name;
    EXPECT_NE(first.digest, RunSeed(SharedByAll(), {.seed = 6, .scenario = &*scenario}).digest);
  }
}

// Goal: what a liar's scenario expects is asked of all its runs together, and nothing of a liar
// that hardly lied.
TEST(Simulation, WhatALiarTellsIsExpectedOfAllRunsTogether) {
  const auto scenario = ParseScenario("s",
                                      "lie node=1 about=fork\n"
                                      "expect alert=CHANNEL_FORK least=2\n"
                                      "expect alert=LINK_STALLED least=0 most=0\n");
  ASSERT_TRUE(scenario.ok()) << ScenarioFault(scenario.status());
  EXPECT_EQ(Unnoticed(*scenario, {{"CHANNEL_FORK", 2}}, 1000), "");
  EXPECT_EQ(Unnoticed(*scenario, {}, 3), "");
  EXPECT_NE(Unnoticed(*scenario, {}, 4), "");
  const std::string unnoticed = Unnoticed(*scenario, {{"CHANNEL_FORK", 1}}, 1000);
  EXPECT_NE(unnoticed.find("CHANNEL_FORK as line 2"), std::string::npos) << unnoticed;
}

// Goal: a bad line is refused with its number, what is wrong and what is allowed.
TEST(Simulation, ABadScenarioIsRefusedWithItsLine) {
  struct Case {
    const char* text;
    const char* fault;
  };
  static constexpr Case kCases[] = {
      {"run nodes=5\nstrom\n",
       "s:2: 'strom' is no kind of line. Begin the line with one of: run, "},
      {"run nodse=5",
       "s:1: 'nodse=5' is no key of a run line. Write key=value with one of: nodes, "},
      {"run nodes", "s:1: 'nodes' is no key of a run line"},
      {"\n\nrun nodes=1", "s:3: '1' is no value for nodes. Allowed: 2 to 10000."},
      {"run nodes=5x", "s:1: '5x' is no value for nodes"},
      {"run nodes=", "s:1: '' is no value for nodes"},
      {"run for=5", "s:1: '5' is no value for for. Allowed: a number with us, ms, s, m or h"},
      {"run for=99999999999999999999s", "is no value for for"},
      {"run for=9223372036854775807h", "is no value for for"},
      {"run graph=star", "s:1: 'star' is no value for graph. Allowed: one of: ring full real."},
      {"run nodes=5 nodes=6", "s:1: the key nodes stands twice. Write it once."},
      {"run nodes=5\nrun for=5s", "s:2: a second run line"},
      {"network drop=1001", "s:1: '1001' is no value for drop. Allowed: 0 to 1000."},
      {"lie about=fork", "s:1: a lie line names its node. Write node=NUMBER."},
      {"lie node=any about=fork", "s:1: a lie line names its node"},
      {"version node=1 least=3 most=2", "s:1: least is more than most"},
      {"rollback node=1 copied=9s restored=9s", "s:1: the copy is put back before it is made"},
      {"expect least=1", "s:1: an expect line names its alert. Write alert=REASON."},
      {"expect alert=NO_SUCH", "s:1: 'NO_SUCH' is no value for alert"},
      {"partition from=1 begin=9s end=9s", "s:1: the end is not after the begin"},
  };
  for (const Case& bad : kCases) {
    const auto scenario = ParseScenario("s", bad.text);
    ASSERT_FALSE(scenario.ok()) << bad.text;
    EXPECT_NE(ScenarioFault(scenario.status()).find(bad.fault), std::string::npos)
        << bad.text << "\n"
        << ScenarioFault(scenario.status());
  }
  const auto far = ParseScenario("s", "\npeer node=5 # the last is 4");
  ASSERT_TRUE(far.ok());
  EXPECT_EQ(ScenarioFault(CheckNodes(*far, 5)),
            "s:2: there is no node 5: the run has 5. Allowed: 0 to 4.");
  EXPECT_FALSE(LoadScenario("/nonexistent/x").ok());
}

// Goal: every seed that once found a bug still passes; each line of seeds.txt tells its story.
TEST(Simulation, SeedsThatFoundBugsPass) {
  std::ifstream file(TRIPOINT_SEEDS_FILE);
  ASSERT_TRUE(file.is_open());
  std::string line;
  while (std::getline(file, line)) {
    if (line.empty() || line.front() == '#') continue;
    RunOptions options;
    char* end = nullptr;
    options.seed = std::strtoull(line.c_str(), &end, 10);
    ASSERT_NE(options.seed, 0u) << line;
    // 12@rot: a seed of a scenario.
    Scenario scenario;
    if (*end == '@') {
      const std::string name = line.substr(line.find('@') + 1, line.find(' ') - line.find('@') - 1);
      auto loaded = LoadScenario(std::string(TRIPOINT_SCENARIOS) + "/" + name + ".scenario");
      ASSERT_TRUE(loaded.ok()) << line;
      scenario = *std::move(loaded);
      options.scenario = &scenario;
    }
    const RunResult result = RunSeed(SharedByAll(), options);
    EXPECT_TRUE(result.held) << line << "\n" << Describe(result, scenario.name);
  }
}

}  // namespace
}  // namespace tripoint::simulation

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
