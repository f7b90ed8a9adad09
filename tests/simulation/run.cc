// See run.h.
#include "tests/simulation/run.h"

#include "proto/contract/error.h"
#include "tests/simulation/check.h"
#include "tests/simulation/stage.h"

namespace tripoint::simulation {
namespace {

// Of fewer, none may be of the kind that is expected.
constexpr std::uint64_t kLiesToNotice = 4;

codes::Registry LoadRegistry() {
  auto registry = codes::Registry::Load();
  ExpectOk(registry.status(), "the embedded code lists load");
  return *std::move(registry);
}

}  // namespace

Shared::Shared() : registry(LoadRegistry()) {}

RunResult RunSeed(const Shared& shared, const RunOptions& options) {
  RunResult result;
  result.seed = options.seed;
  Stage stage(shared, options);
  try {
    stage.Play();
  } catch (const Violation& violation) {
    result.held = false;
    result.violation = violation.what();
  }
  stage.Report(result);
  return result;
}

int TimesNoticed(const std::map<std::string, int>& alerts, const Line& line) {
  const auto found =
      alerts.find(std::string(contract::ReasonCode(static_cast<contract::Reason>(line["alert"]))));
  return found == alerts.end() ? 0 : found->second;
}

std::string NoticedAsSaid(const Line& line, int count) {
  return "honest nodes notice " +
         std::string(contract::ReasonCode(static_cast<contract::Reason>(line["alert"]))) +
         " as line " + std::to_string(line.number) +
         " of the scenario says: " + std::to_string(count) + " times";
}

std::string Unnoticed(const Scenario& scenario, const std::map<std::string, int>& alerts,
                      std::uint64_t lies) {
  if (!scenario.Has("lie") || lies < kLiesToNotice) return {};
  for (const Line& line : scenario.lines) {
    if (line.kind != "expect") continue;
    const int count = TimesNoticed(alerts, line);
    if (count < line["least"]) return "broken: " + NoticedAsSaid(line, count);
  }
  return {};
}

}  // namespace tripoint::simulation
