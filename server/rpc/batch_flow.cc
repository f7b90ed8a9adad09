// What a stream of batches does next. See batch_flow.h.
#include "server/rpc/batch_flow.h"

#include <algorithm>
#include <string>
#include <utility>

#include "server/rpc/stream_refusals.h"

namespace tripoint::rpc {
namespace {

absl::Status Stopping() {
  return ShuttingDown("It was asked to stop; batches that were answered are durable.",
                      "Send the others again, with the same request ids, once the node is back.");
}

}  // namespace

void BatchFlow::EndWith(const absl::Status& status) {
  if (!end_.has_value()) end_ = status;
}

void BatchFlow::Stop() {
  {
    const absl::MutexLock lock(&mutex_);
    EndWith(Stopping());
  }
  Pump();
}

void BatchFlow::Cut() {
  {
    const absl::MutexLock lock(&mutex_);
    EndWith(absl::CancelledError("the caller is gone"));
    broken_ = true;
  }
  Pump();
}

void BatchFlow::ReadDone(bool ok) {
  {
    const absl::MutexLock lock(&mutex_);
    reading_ = false;
    if (!ok) EndWith(absl::OkStatus());  // the caller has sent all, or is gone, which Cut says
    taking_ = ok && !end_.has_value();
    if (!taking_) ok = false;
  }
  if (!ok) return Pump();
  absl::StatusOr<Batch> batch = Take();
  std::uint64_t number = 0;
  {
    const absl::MutexLock lock(&mutex_);
    taking_ = false;
    if (!batch.ok()) {
      EndWith(batch.status());
    } else {
      number = first_ + slots_.size();
      slots_.push_back({std::move(batch->answer), batch->bytes, std::nullopt});
      bytes_ += batch->bytes;
      ++committing_;
    }
  }
  // Keeps this alive for the answer: after it nothing else may hold the stream.
  if (batch.ok()) {
    committer_.Submit(std::move(batch->operation),
                      [self = shared_from_this(), number](const absl::Status& status) {
                        self->Answered(number, status);
                      });
  }
  Pump();
}

void BatchFlow::Answered(std::uint64_t number, const absl::Status& status) {
  // All or nothing, and nothing it was: the answer says which record was wrong.
  const bool answered =
      status.ok() || contract::ReasonOf(status) == contract::Reason::kBatchRefused;
  {
    const absl::MutexLock lock(&mutex_);
    --committing_;
    slots_[number - first_].outcome = answered ? absl::OkStatus() : status;
  }
  Pump();
}

void BatchFlow::WriteDone(bool ok) {
  {
    const absl::MutexLock lock(&mutex_);
    writing_ = false;
    bytes_ -= slots_.front().bytes;
    slots_.pop_front();
    ++first_;
    if (!ok) {
      EndWith(absl::CancelledError("the caller is gone"));
      broken_ = true;
    }
  }
  Pump();
}

BatchFlow::Next BatchFlow::Decide() {
  if (ended_) return Next::kNothing;
  if (!writing_ && !broken_ && !slots_.empty() && slots_.front().outcome.has_value()) {
    if (slots_.front().outcome->ok()) {
      writing_ = true;
      return Next::kWrite;
    }
    end_ = *slots_.front().outcome;  // the caller must know it, whatever else ends the stream
    broken_ = true;
  }
  if (!end_.has_value()) {
    const bool full =
        slots_.size() >= limits::kStreamBatchesMax || bytes_ >= limits::kStreamBytesMax;
    if (full || reading_ || taking_) return Next::kNothing;
    reading_ = true;
    return Next::kRead;
  }
  // An operation under way looks at the call, so the call ends after it.
  const bool idle = !writing_ && !taking_ && committing_ == 0;
  if (!idle || (!broken_ && !slots_.empty())) return Next::kNothing;
  ended_ = true;
  return Next::kEnd;
}

void BatchFlow::Pump() {
  const std::shared_ptr<BatchFlow> self = shared_from_this();  // End may be the last that held it
  {
    // One thread acts at a time, since gRPC must not see a read begin after the end; who comes
    // meanwhile leaves what it changed to the one who acts.
    const absl::MutexLock lock(&mutex_);
    if (pumping_) return;
    pumping_ = true;
  }
  while (true) {
    Next next = Next::kNothing;
    const google::protobuf::MessageLite* answer = nullptr;
    absl::Status end;
    {
      const absl::MutexLock lock(&mutex_);
      next = Decide();
      if (next == Next::kNothing) {
        pumping_ = false;
        return;
      }
      if (next == Next::kWrite) answer = slots_.front().answer.get();
      if (next == Next::kEnd) end = *end_;
    }
    // Outside the lock: gRPC may call back at once.
    if (next == Next::kRead) Read();
    if (next == Next::kWrite) Write(*answer);
    if (next == Next::kEnd) End(end);
  }
}

absl::Status BatchStreams::Add(std::shared_ptr<BatchFlow> stream) {
  const absl::MutexLock lock(&mutex_);
  if (stopping_) return Stopping();
  if (streams_.size() >= streams_max_) return TooManyOpen("streams of batches", streams_max_);
  streams_.push_back(std::move(stream));
  return absl::OkStatus();
}

void BatchStreams::Remove(const BatchFlow* stream) {
  std::shared_ptr<BatchFlow> removed;  // released outside the lock
  const absl::MutexLock lock(&mutex_);
  const auto place =
      std::find_if(streams_.begin(), streams_.end(),
                   [stream](const auto& candidate) { return candidate.get() == stream; });
  if (place == streams_.end()) return;
  removed = std::move(*place);
  streams_.erase(place);
}

void BatchStreams::Stop() {
  std::vector<std::shared_ptr<BatchFlow>> streams;
  {
    const absl::MutexLock lock(&mutex_);
    stopping_ = true;
    streams = streams_;
  }
  for (const std::shared_ptr<BatchFlow>& stream : streams) stream->Stop();
}

}  // namespace tripoint::rpc
