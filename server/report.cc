// Errors on stderr. See report.h.
#include "server/report.h"

#include <fmt/format.h>

#include <cstdio>

#include "proto/contract/error.h"

namespace tripoint {

int ReportError(const absl::Status& status) {
  const contract::Problem problem = contract::ProblemOf(status);
  fmt::print(stderr, "error: {}\n", problem.what);
  for (const contract::FieldFault& fault : problem.faults)
    fmt::print(stderr, "  {}: {}\n", fault.field, fault.what);
  if (problem.faults.empty() && !problem.why.empty())
    fmt::print(stderr, "  why:  {}\n", problem.why);
  if (!problem.next.empty()) fmt::print(stderr, "  next: {}\n", problem.next);
  const int exit = contract::ExitCode(problem.reason);
  return exit == kExitDone ? 1 : exit;
}

int ReportUsage(std::string_view what, std::string_view next) {
  fmt::print(stderr, "error: {}\n  next: {}\n", what, next);
  return kExitUsage;
}

}  // namespace tripoint
