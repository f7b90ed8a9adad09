// A broken promise ends a run: thrown by checks, caught by the runner only, which prints the seed
// and the step.
#pragma once

#include <stdexcept>
#include <string>

#include "absl/status/status.h"

namespace tripoint::simulation {

class Violation : public std::runtime_error {
 public:
  explicit Violation(const std::string& what) : std::runtime_error(what) {}
};

inline void Expect(bool holds, const std::string& promise) {
  if (!holds) throw Violation("broken: " + promise);
}

inline void ExpectOk(const absl::Status& status, const std::string& promise) {
  if (!status.ok()) throw Violation("broken: " + promise + ": " + status.ToString());
}

}  // namespace tripoint::simulation
