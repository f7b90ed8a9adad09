// What the system grants this process, compared with what a node needs, before anything is started:
// a library that is refused a thread or memory later ends the process without a word.
// Called by `tripointd run` on the main thread, after the signals were masked.
#pragma once

#include <cstdint>

#include "absl/status/status.h"

namespace tripoint::runtime {

struct ProcessNeeds {
  std::uint64_t address_bytes = 0;  // ulimit -v
  std::uint64_t descriptors = 0;    // ulimit -n
  int threads = 0;                  // ulimit -u, and the control group's
};

// Raises the limit of descriptors as far as it goes, and says how far that is.
std::uint64_t RaiseDescriptorLimit();

// Starts `threads` threads that do nothing and ends them: no limit of the system says beforehand
// how many it still grants. Errors: FAILED_PRECONDITION / CONFIG_INVALID, what is missing, how much
// there is and is needed.
absl::Status CheckProcessLimits(const ProcessNeeds& needs);

}  // namespace tripoint::runtime
