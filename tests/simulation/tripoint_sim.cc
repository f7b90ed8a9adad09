// tripoint-sim: runs whole nodes by seed, as a scenario says, and judges them. One thread.
//
//   tripoint-sim --seed 7 --nodes 5 --hours 0.1 --scenario
//   tests/simulation/scenarios/liars.scenario tripoint-sim --seeds 1..10000 weather, clocks and
//   nodes drawn from each seed tripoint-sim --growth --nodes 1000 --notices 20 what a node costs,
//   one JSON line (growth.cc)
//
// Exit 0: every promise was kept; 1: one was broken; 2: the command line or scenario cannot be
// used.
#include <sys/resource.h>

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <map>
#include <optional>
#include <string>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "fmt/format.h"
#include "tests/simulation/growth.h"
#include "tests/simulation/run.h"
#include "tests/simulation/scenario.h"

namespace tripoint::simulation {
namespace {

constexpr int kUsage = 2;
constexpr std::uint64_t kSeedsMax = 10'000'000;
constexpr int kFailuresShown = 5;

struct Arguments {
  std::uint64_t seed = 1;
  std::string seeds;
  std::int64_t nodes = 0;
  double hours = 0;
  std::string scenario;
  bool trace = false;
  bool scenario_help = false;
  bool growth = false;
  int notices = 20;
};

struct Totals {
  std::uint64_t runs = 0;
  std::uint64_t failures = 0;
  std::uint64_t digest = 0;
  std::uint64_t checks = 0;
  std::uint64_t answered = 0;
  std::uint64_t notices = 0;
  std::uint64_t envelopes = 0;
  std::uint64_t crashes = 0;
  std::uint64_t unknown = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t lies = 0;
  std::uint64_t carried = 0;
  double node_hours = 0;
  std::map<std::string, int> alerts;

  void Add(const RunResult& result) {
    ++runs;
    digest = (digest ^ result.digest) * 0x100000001b3ull;
    checks += result.checks;
    answered += result.requests_answered;
    notices += result.notices;
    envelopes += result.envelopes;
    crashes += result.crashes;
    unknown += result.unknown_outcomes;
    quarantined += result.quarantined;
    lies += result.lies;
    carried += result.carried;
    node_hours +=
        static_cast<double>(result.virtual_ms) / 3'600'000 * static_cast<double>(result.nodes);
    for (const auto& [reason, count] : result.alerts) alerts[reason] += count;
  }
};

double CpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double PeakMib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

int Complain(const std::string& text) {
  std::fprintf(stderr, "tripoint-sim: %s\n", text.c_str());
  return kUsage;
}

// A..B, both included; false: malformed.
bool ReadRange(const std::string& text, std::uint64_t& first, std::uint64_t& last) {
  const std::size_t dots = text.find("..");
  if (dots == std::string::npos) return false;
  const auto read = [](std::string_view part, std::uint64_t& number) {
    const auto [end, fault] = std::from_chars(part.data(), part.data() + part.size(), number);
    return fault == std::errc() && end == part.data() + part.size();
  };
  return read(std::string_view(text).substr(0, dots), first) &&
         read(std::string_view(text).substr(dots + 2), last) && first <= last &&
         last - first < kSeedsMax;
}

std::string Again(const Arguments& arguments, std::uint64_t seed) {
  std::string command = fmt::format("tripoint-sim --seed {}", seed);
  if (arguments.nodes > 0) command += fmt::format(" --nodes {}", arguments.nodes);
  if (arguments.hours > 0) command += fmt::format(" --hours {}", arguments.hours);
  if (!arguments.scenario.empty()) command += " --scenario " + arguments.scenario;
  return command + " --trace";
}

void PrintTotals(const Totals& totals, const RunResult& last) {
  const double cpu_s = CpuSeconds();
  std::string alerts;
  for (const auto& [reason, count] : totals.alerts) alerts += fmt::format(" {} {}", reason, count);
  fmt::print("runs {}, violations {}, trace hash {:016x}\n", totals.runs, totals.failures,
             totals.runs == 1 ? last.digest : totals.digest);
  fmt::print(
      "{} requests answered, {} notices, {} envelopes, {} crashes, {} unknown outcomes, {} "
      "quarantined, {} lies, {} carried, {} checks\n",
      totals.answered, totals.notices, totals.envelopes, totals.crashes, totals.unknown,
      totals.quarantined, totals.lies, totals.carried, totals.checks);
  if (!alerts.empty()) fmt::print("honest nodes noticed:{}\n", alerts);
  fmt::print(
      "{} nodes, {} links; {:.1f} node-hours in {:.1f} CPU s: {:.0f} node-hours a CPU minute, "
      "{:.0f} MiB at most\n",
      last.nodes, last.links, totals.node_hours, cpu_s, totals.node_hours / cpu_s * 60, PeakMib());
}

int RunSeeds(const Arguments& arguments, const Scenario* scenario, std::uint64_t first,
             std::uint64_t last) {
  const Shared shared;
  RunOptions options{.keep_trace = arguments.trace,
                     .scenario = scenario,
                     .nodes = arguments.nodes,
                     .storm_us = static_cast<std::int64_t>(arguments.hours * 3.6e9)};
  Totals totals;
  RunResult result;
  for (options.seed = first;; ++options.seed) {
    result = RunSeed(shared, options);
    totals.Add(result);
    for (const std::string& line : result.trace) fmt::print("{}\n", line);
    if (!result.held) {
      ++totals.failures;
      fmt::print("seed {} at step {} ({} ms): {}\n  again: {}\n", result.seed, result.steps,
                 result.virtual_ms, result.violation, Again(arguments, result.seed));
      if (totals.failures == kFailuresShown) break;
    }
    if (options.seed == last) break;
  }
  PrintTotals(totals, result);
  const std::string unnoticed =
      scenario == nullptr ? "" : Unnoticed(*scenario, totals.alerts, totals.lies);
  if (!unnoticed.empty()) fmt::print("{}\n", unnoticed);
  return totals.failures == 0 && unnoticed.empty() ? 0 : 1;
}

int Run(const Arguments& arguments) {
  if (arguments.scenario_help) {
    fmt::print("{}", ScenarioHelp());
    return 0;
  }
  if (arguments.nodes != 0 && (arguments.nodes < 2 || arguments.nodes > 10'000))
    return Complain("--nodes takes 2 to 10000");
  if (arguments.hours < 0 || arguments.hours > 10'000 ||
      (arguments.hours > 0 && arguments.hours < 1.0 / 3600))
    return Complain("--hours takes a second (0.0003) to 10000");
  std::uint64_t first = arguments.seed;
  std::uint64_t last = arguments.seed;
  if (!arguments.seeds.empty() && !ReadRange(arguments.seeds, first, last))
    return Complain("--seeds takes FIRST..LAST, at most 10,000,000 of them");
  if (arguments.growth) {
    if (arguments.notices < 0 || arguments.notices > 10'000)
      return Complain("--notices takes 0 to 10000");
    return RunGrowth(arguments.nodes == 0 ? 41 : arguments.nodes, arguments.notices, first);
  }
  std::optional<Scenario> scenario;
  if (!arguments.scenario.empty()) {
    auto loaded = LoadScenario(arguments.scenario);
    absl::Status status = loaded.status();
    if (status.ok()) {
      scenario = *std::move(loaded);
      const std::int64_t nodes =
          arguments.nodes > 0 ? arguments.nodes : scenario->Only("run")["nodes"];
      status = CheckNodes(*scenario, nodes);
    }
    if (!status.ok()) return Complain(ScenarioFault(status));
  }
  return RunSeeds(arguments, scenario.has_value() ? &*scenario : nullptr, first, last);
}

}  // namespace
}  // namespace tripoint::simulation

int main(int argc, char** argv) {
  tripoint::simulation::Arguments arguments;
  CLI::App app("Runs whole nodes on simulated network, disks and clocks, and judges them.",
               "tripoint-sim");
  app.add_option("--seed", arguments.seed, "all of a run follows from it");
  app.add_option("--seeds", arguments.seeds, "FIRST..LAST, one run each");
  app.add_option("--nodes", arguments.nodes, "2 to 10000; goes before the scenario");
  app.add_option("--hours", arguments.hours,
                 "simulated hours of a round; goes before the scenario");
  app.add_option("--scenario", arguments.scenario, "file; without one the seed draws the weather");
  app.add_flag("--trace", arguments.trace, "print every event");
  app.add_flag("--scenario-help", arguments.scenario_help, "print what a scenario may say");
  app.add_flag("--growth", arguments.growth, "what a node costs in calm weather, one JSON line");
  app.add_option("--notices", arguments.notices, "with --growth: notices that each node shares");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : tripoint::simulation::kUsage;
  }
  return tripoint::simulation::Run(arguments);
}
