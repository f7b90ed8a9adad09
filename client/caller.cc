// Calls that survive a short absence of the node.
#include "client/caller.h"

#include <algorithm>

#include "client/errors.h"

namespace tripoint::client {
namespace {

constexpr int64_t kFirstContactMs = 2000;
constexpr int64_t kPauseMsMin = 100;
constexpr int64_t kPauseMsMax = 2000;

bool Repeatable(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable ||
         contract::ReasonOf(status) == contract::Reason::kQueueFull;
}

}  // namespace

absl::Status Caller::Ask(std::string_view method, const google::protobuf::Message& request,
                         google::protobuf::Message& response) {
  if (const std::size_t bytes = request.ByteSizeLong(); bytes > kRequestBytesMax)
    return TooLargeError("the request to " + node_.name + " has " + std::to_string(bytes) +
                         " bytes; it was not sent");
  const int64_t start_ms = host_.NowMs();
  for (int64_t pause_ms = kPauseMsMin;; pause_ms = std::min(pause_ms * 2, kPauseMsMax)) {
    const int64_t left_ms = timeout_ms_ - (host_.NowMs() - start_ms);
    const absl::Status status =
        session_.Call(method, request, std::max<int64_t>(left_ms, 1), response);
    if (status.ok()) told_ = false;
    if (status.ok() || !Repeatable(status) || host_.Interrupted()) return status;
    const int64_t budget_ms =
        session_.reached() ? timeout_ms_ : std::min(timeout_ms_, kFirstContactMs);
    const int64_t wait_ms = std::max<int64_t>(pause_ms, contract::ProblemOf(status).retry_after_ms);
    if (host_.NowMs() - start_ms + wait_ms >= budget_ms) return status;
    if (!told_ && session_.reached()) {
      printer_.Note(node_.name +
                    " does not answer at this moment; trying again with the same request");
      told_ = true;
    }
    host_.Pause(wait_ms);
  }
}

}  // namespace tripoint::client
