// Why a long call is not opened or ends: what watches and streams of batches say in the same way.
//
// Used by watch.cc and batch_flow.cc. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "proto/contract/error.h"

namespace tripoint::rpc {

// UNAVAILABLE / SHUTTING_DOWN. `next`: how to go on once the node is back.
inline absl::Status ShuttingDown(std::string why, std::string next) {
  contract::Problem problem;
  problem.reason = contract::Reason::kShuttingDown;
  problem.what = "The node is stopping";
  problem.why = std::move(why);
  problem.next = std::move(next);
  problem.retry_after_ms = 1000;
  return contract::Error(absl::StatusCode::kUnavailable, problem);
}

// RESOURCE_EXHAUSTED / QUEUE_FULL: `open_max` of `what` are open.
inline absl::Status TooManyOpen(const std::string& what, std::size_t open_max) {
  contract::Problem problem;
  problem.reason = contract::Reason::kQueueFull;
  problem.what = "Too many " + what + " are open";
  problem.why = "This node serves at most " + std::to_string(open_max) + " at a time.";
  problem.next = "Close one, or try again later.";
  problem.retry_after_ms = 10'000;
  return contract::Error(absl::StatusCode::kResourceExhausted, problem);
}

}  // namespace tripoint::rpc
