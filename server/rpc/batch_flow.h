// What a stream of batches does next, without gRPC's types: read, answer in order, end.
//
// Used by batch_stream.h only. Events come from gRPC's threads (ReadDone, WriteDone, Cut), the
// committer's (a batch is durable) and node.cc's (Stop). Nobody blocks: while
// limits::kStreamBatchesMax batches (or kStreamBytesMax) are unanswered the next is not read, and
// HTTP/2's flow control holds the caller.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "google/protobuf/message_lite.h"
#include "server/limits.h"
#include "storage/committer.h"

namespace tripoint::rpc {

class BatchFlow : public std::enable_shared_from_this<BatchFlow> {
 public:
  virtual ~BatchFlow() = default;
  BatchFlow(const BatchFlow&) = delete;
  BatchFlow& operator=(const BatchFlow&) = delete;

  void Begin() { Pump(); }
  // Reads no more; what was taken in is answered, then the stream ends with SHUTTING_DOWN.
  void Stop();

 protected:
  // A batch that was read, checked and made ready.
  struct Batch {
    storage::Operation operation;
    std::shared_ptr<google::protobuf::MessageLite> answer;  // filled by the operation
    std::size_t bytes = 0;                                  // of the request
  };

  explicit BatchFlow(storage::Committer& committer) : committer_(committer) {}

  // The stream itself. Of these, one is called at a time, and none after End.
  virtual void Read() = 0;
  virtual void Write(const google::protobuf::MessageLite& answer) = 0;
  virtual void End(const absl::Status& status) = 0;
  // Who calls, is it well formed, decide: what was just read. An error ends the stream.
  virtual absl::StatusOr<Batch> Take() = 0;

  void ReadDone(bool ok);
  void WriteDone(bool ok);
  void Cut();  // the caller is gone

 private:
  enum class Next { kNothing, kRead, kWrite, kEnd };
  struct Slot {
    std::shared_ptr<google::protobuf::MessageLite> answer;
    std::size_t bytes = 0;
    std::optional<absl::Status> outcome;  // of the commit
  };

  void Pump();
  Next Decide() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Answered(std::uint64_t number, const absl::Status& status);
  // The first end counts.
  void EndWith(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  storage::Committer& committer_;
  absl::Mutex mutex_;
  std::deque<Slot> slots_ ABSL_GUARDED_BY(mutex_);   // taken in and not yet answered, in order
  std::uint64_t first_ ABSL_GUARDED_BY(mutex_) = 0;  // number of the first of them
  std::size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;    // of them
  std::size_t committing_ ABSL_GUARDED_BY(mutex_) = 0;
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;
  bool taking_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;  // nothing more is answered
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool pumping_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
};

// The streams that are open: bounded, and ended together.
class BatchStreams {
 public:
  explicit BatchStreams(std::size_t streams_max = limits::kBatchStreamsMax)
      : streams_max_(streams_max) {}

  // Keeps the stream until Remove. Errors: RESOURCE_EXHAUSTED / QUEUE_FULL when there are too many,
  // UNAVAILABLE / SHUTTING_DOWN.
  absl::Status Add(std::shared_ptr<BatchFlow> stream);
  void Remove(const BatchFlow* stream);
  // Ends all after what they have taken in, and refuses new ones.
  void Stop();

 private:
  const std::size_t streams_max_;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::shared_ptr<BatchFlow>> streams_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tripoint::rpc
