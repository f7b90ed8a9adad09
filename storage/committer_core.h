// The single writer, without a thread: runs what waits against a read-your-writes view, gathers it
// into one batch with the journal entries and registers, and answers all of it when the driver
// reports the engine's result. The next step can be gathered while a batch is being committed.
//
// Driven by runtime::CommitterThread and by the simulator. Submit, TakesCalls and waiting() are
// thread-safe; the rest belongs to the driver, which calls it from one thread at a time; only
// Finish may run on another thread beside Gather. Reads no clock. See storage/README.md,
// "Committer".
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "storage/batch.h"
#include "storage/calls_limit.h"
#include "storage/committer.h"
#include "storage/engine.h"

namespace tripoint::storage {

struct Stage;
class StepTransaction;

struct CommitterLimits {
  std::size_t queued_operations_max = 4096;
  // So many calls (SubmitAndHelp) wait, and the next one is refused (TakesCalls): 128 callers that
  // each wait for their answer are never refused. More in one step cost less each, which leaves no
  // time to refuse the others: with 256, calls waited in gRPC three times as long
  // (docs/performance.md, "Overload"). Fewer while the work of each takes long: calls_limit.h.
  std::size_t queued_calls_max = 128;
  std::size_t step_operations_max = 512;
  std::size_t step_bytes_max =
      1u << 20;  // a step stops taking operations once its batch is past this
  int retry_after_ms = kRetryAfterMs;
};

// What one Gather ran.
struct Gathered {
  std::size_t operations = 0;
  std::size_t calls = 0;  // among them
};

class CommitterCore final : public Committer {
 public:
  // `engine` outlives the core and is changed by nobody else. `listener` may be null.
  explicit CommitterCore(Engine& engine, CommitListener* listener = nullptr,
                         CommitterLimits limits = {});
  ~CommitterCore() override;

  // Listeners are told in the order they were added. Before the first Step only.
  void AddListener(CommitListener& listener);
  // Who gives the answers of each step, called by the driver's threads, by two at a time when a
  // commit failed; by default they are given where the step runs. Before the first Step only.
  void SetAnswerer(std::function<void(Answers)> answerer);

  // Takes up some of the keys that are stored, so that new ones need no read (absence_filter.h).
  // True: it knows them all. Beside anything else, but one caller at a time. Errors: of a read;
  // do not call it again then.
  absl::StatusOr<bool> LearnKeys(std::size_t keys_max);

  void Submit(Operation operation, Done done) override;
  // Nobody helps here; it counts as a call.
  void SubmitAndHelp(Operation operation, Done done) override;
  bool TakesCalls() const override;
  std::size_t waiting() const;
  // Tells how long a Gather took, which says how many calls may wait; and, now and then, the share
  // of its processors that the process used lately, and how much that was. By who gathers.
  void Worked(const Gathered& gathered, std::int64_t work_ms);
  void Busy(double share, double used_ms);
  // There are more calls than the node has time for: steps are to begin CallsLimit::kPaceMs after
  // one another. By who gathers.
  bool paced() const { return calls_limit_.paced(); }

  // Runs what waits as part of the open step, up to the limits of a step. May run while the batch
  // of the step before is being committed: its writes are seen.
  Gathered Gather(std::int64_t now_ms);
  // Operations that the open step has run.
  std::size_t gathered() const;
  // Closes the open step. Returns the batch that must now be committed and answered with Finish(),
  // or nullptr when there is nothing to commit (operations that only failed or read are answered).
  // Precondition: no batch is unanswered.
  const Batch* Seal();

  // The engine's result for the batch of the last Seal. Any error drops the register cache, since
  // what is durable is not known then, and is the answer to every operation of the step and of the
  // open one: those that failed, too, had read uncommitted state.
  void Finish(const absl::Status& commit_status);

  // Gather and Seal.
  const Batch* Step(std::int64_t now_ms);
  // Step, Commit on the engine, Finish. False when nothing waited.
  bool RunOnce(std::int64_t now_ms);

  // Answers everything that waits or was gathered, and a batch without Finish, with `status`
  // (SHUTTING_DOWN, or in the simulator a crash).
  void Abandon(const absl::Status& status);

 private:
  struct Pending {
    Operation operation;
    Done done;
    bool call = false;
  };

  void Queue(Pending pending);

  // Drops the open step when the batch before it was not committed.
  void HeedFailure();
  void Answer(Stage& stage, const absl::Status& failure);

  Engine& engine_;
  const CommitterLimits limits_;
  std::vector<CommitListener*> listeners_;
  std::function<void(Answers)> answerer_;
  const std::unique_ptr<StepTransaction> step_;

  mutable absl::Mutex mutex_;
  std::deque<Pending> queue_ ABSL_GUARDED_BY(mutex_);
  std::atomic<std::size_t> waiting_calls_ = 0;  // in queue_
  CallsLimit calls_limit_;
  std::atomic<std::size_t> calls_max_;                  // what it says
  mutable std::atomic<std::size_t> refused_calls_ = 0;  // by TakesCalls, since the last Worked
  Stage* committing_ ABSL_GUARDED_BY(mutex_) = nullptr;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);  // of a commit, until the open step has heeded it
};

}  // namespace tripoint::storage
