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

// Called exactly once with the operation's result, after its writes are durable (or certainly or
// possibly not): the operation's own status; RESOURCE_EXHAUSTED / DISK_FULL; UNAVAILABLE /
// OUTCOME_UNKNOWN; UNAVAILABLE / SHUTTING_DOWN. Runs where the step ran, on the committer's thread
// or on a helping caller's: hand long work on, do not block.
using Done = std::function<void(const absl::Status&)>;

class Committer {
 public:
  virtual ~Committer() = default;
  // Queues `operation`. When the queue is full, `done` is called at once, on the caller's thread,
  // with RESOURCE_EXHAUSTED / QUEUE_FULL and a time after which to try again.
  virtual void Submit(Operation operation, Done done) = 0;

  // The same for a caller that may wait for the disk: when changes have come alone for a while, the
  // step may run on its thread, and everything that is called then is called before this returns. A
  // lone change is spared two hand-offs between threads.
  virtual void SubmitAndHelp(Operation operation, Done done) {
    Submit(std::move(operation), std::move(done));
  }
};

// Told after each durable batch, once the operations' `done` have been called, where the step ran;
// never by two threads at once.
class CommitListener {
 public:
  virtual ~CommitListener() = default;
  // `first_change`..`last_change` are now in the journal. `grown`: outbound channels with new
  // entries, each once.
  virtual void OnCommitted(std::uint64_t first_change, std::uint64_t last_change,
                           const std::vector<ChannelName>& grown) = 0;
};

}  // namespace tripoint::storage
