// The refusals that several files of runtime/ share. Any thread.
#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace tripoint::runtime {

// RESOURCE_EXHAUSTED / QUEUE_FULL with a hint when to try again. `of_what`: such as "reads".
absl::Status QueueFull(std::string_view of_what);
// UNAVAILABLE / SHUTTING_DOWN.
absl::Status ShuttingDown();

}  // namespace tripoint::runtime
