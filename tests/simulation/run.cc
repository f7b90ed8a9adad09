// See run.h.
#include "tests/simulation/run.h"

#include "tests/simulation/check.h"
#include "tests/simulation/stage.h"

namespace tripoint::simulation {
namespace {

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

}  // namespace tripoint::simulation
