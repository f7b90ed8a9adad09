// Shared refusals. See errors.h.
#include "server/runtime/errors.h"

#include <string>

#include "proto/contract/error.h"

namespace tripoint::runtime {
namespace {

constexpr int kRetryAfterMs = 50;

}  // namespace

absl::Status QueueFull(std::string_view of_what) {
  contract::Problem problem;
  problem.reason = contract::Reason::kQueueFull;
  problem.what = "The node is busy";
  problem.why = "the queue of " + std::string(of_what) + " is full";
  problem.next = "Repeat the same call in a moment; nothing was changed";
  problem.retry_after_ms = kRetryAfterMs;
  return contract::Error(absl::StatusCode::kResourceExhausted, problem);
}

absl::Status ShuttingDown() {
  return contract::Error(absl::StatusCode::kUnavailable, contract::Reason::kShuttingDown,
                         "The node is stopping", "it was told to stop",
                         "Repeat the same call when it runs again; nothing was changed");
}

}  // namespace tripoint::runtime
