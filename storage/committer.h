// Where every durable change is handed in. Implemented by runtime::CommitterThread in the node and
// by the simulator; both drive storage::CommitterCore. Submit is thread-safe and never blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "storage/transaction.h"

namespace tripoint::storage {

inline constexpr int kRetryAfterMs = 50;

// Called exactly once with the operation's result, after its writes are durable (or certainly or
// possibly not): the operation's own status; RESOURCE_EXHAUSTED / DISK_FULL; UNAVAILABLE /
// OUTCOME_UNKNOWN; UNAVAILABLE / SHUTTING_DOWN. On any thread, and two may be called at a time:
// hand long work on, do not block, do not submit and help.
using Done = std::function<void(const absl::Status&)>;

// What the callers of one step are told. Given once, whole.
class Answers {
 public:
  void Add(Done done, absl::Status status) {
    answers_.push_back({std::move(done), std::move(status)});
  }
  // An error that takes the place of every operation's own status.
  void FailAll(const absl::Status& failure) { failure_ = failure; }
  std::size_t size() const { return answers_.size(); }
  void Give() && {
    for (Answer& answer : answers_) answer.done(failure_.ok() ? answer.status : failure_);
  }

 private:
  struct Answer {
    Done done;
    absl::Status status;
  };
  std::vector<Answer> answers_;
  absl::Status failure_;
};

// RESOURCE_EXHAUSTED / QUEUE_FULL, and when to come again.
absl::Status QueueFull(int retry_after_ms = kRetryAfterMs);

class Committer {
 public:
  virtual ~Committer() = default;
  // Queues `operation`. When the queue is full, `done` is called at once, on the caller's thread,
  // with RESOURCE_EXHAUSTED / QUEUE_FULL and a time after which to try again.
  virtual void Submit(Operation operation, Done done) = 0;

  // Whether a call of an officer should be made an operation now. False while too many of them
  // wait: refuse it with QueueFull(), before any other work is done for it, so that a node with too
  // many calls has time left to refuse. Takes no lock. What is submitted all the same is bounded by
  // the queue alone. Batches and what neighbours send do not count: they have windows of their own.
  virtual bool TakesCalls() const = 0;

  // The same as Submit for a caller that may wait for the disk: when changes have come alone for a
  // while, the step may run on its thread, and the answer may be given there before this returns. A
  // lone change is spared two hand-offs between threads.
  virtual void SubmitAndHelp(Operation operation, Done done) {
    Submit(std::move(operation), std::move(done));
  }
};

// Told after each durable batch, where it was committed; never by two threads at once. The
// operations' `done` may be called before, after or meanwhile.
class CommitListener {
 public:
  virtual ~CommitListener() = default;
  // `first_change`..`last_change` are now in the journal. `grown`: outbound channels with new
  // entries, each once.
  virtual void OnCommitted(std::uint64_t first_change, std::uint64_t last_change,
                           const std::vector<ChannelName>& grown) = 0;
};

}  // namespace tripoint::storage
