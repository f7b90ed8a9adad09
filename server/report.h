// How tripointd talks to the person who started it: data on stdout, what / why / next on stderr, an
// exit code.
//
// Main thread only.
#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace tripoint {

inline constexpr int kExitDone = 0;
inline constexpr int kExitUsage = 2;
// The store must be opened again before anything can be written: a supervisor restarts the node.
inline constexpr int kExitStoreFailed = 20;

// Prints a refusal with all its faults and returns the exit code of its reason (ux.md 3.1).
int ReportError(const absl::Status& status);

// A command line that cannot be understood. Returns kExitUsage.
int ReportUsage(std::string_view what, std::string_view next);

}  // namespace tripoint
