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
  return Persist(
      [&](int64_t left_ms) { return session_.Call(method, request, left_ms, response); });
}

absl::Status Caller::Persist(const std::function<absl::Status(int64_t left_ms)>& attempt) {
  const int64_t start_ms = host_.NowMs();
  for (int64_t pause_ms = kPauseMsMin;; pause_ms = std::min(pause_ms * 2, kPauseMsMax)) {
    const int64_t left_ms = timeout_ms_ - (host_.NowMs() - start_ms);
    const absl::Status status = attempt(std::max<int64_t>(left_ms, 1));
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

absl::Status StreamCaller::SendUnsent(int64_t left_ms) {
  if (stream_ == nullptr) stream_ = caller_.session().Open(method_);
  for (; sent_ < pending_.size(); ++sent_) {
    const absl::Status status = stream_->Send(*pending_[sent_].request, left_ms);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status StreamCaller::TakeAnswer() {
  const absl::Status status = caller_.Persist([this](int64_t left_ms) {
    absl::Status attempt = SendUnsent(left_ms);
    if (attempt.ok()) attempt = stream_->Receive(left_ms, response_);
    if (!attempt.ok()) {
      stream_.reset();
      sent_ = 0;
    }
    return attempt;
  });
  if (!status.ok()) return status;
  const Pending answered = std::move(pending_.front());
  pending_.pop_front();
  --sent_;
  return answered.answered(response_);
}

absl::Status StreamCaller::Send(std::unique_ptr<google::protobuf::Message> request,
                                Answered answered) {
  pending_.push_back({std::move(request), std::move(answered)});
  if (pending_.size() >= kInFlight) return TakeAnswer();
  // On its way while the next is read.
  return caller_.Persist([this](int64_t left_ms) {
    const absl::Status status = SendUnsent(left_ms);
    if (!status.ok()) {
      stream_.reset();
      sent_ = 0;
    }
    return status;
  });
}

absl::Status StreamCaller::Finish() {
  while (!pending_.empty()) {
    const absl::Status status = TakeAnswer();
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace tripoint::client
