// The single writer, without a thread: runs what waits against a read-your-writes view, gathers it
// into one batch with the journal entries and registers, and answers all of it when the driver
// reports the engine's result.
//
// Driven by runtime::CommitterThread and by the simulator. Submit and waiting() are thread-safe;
// Step, Finish, RunOnce and Abandon belong to the driver, which calls them from one thread at a
// time. Reads no clock. See storage/README.md, "Committer".
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "storage/batch.h"
#include "storage/committer.h"
#include "storage/engine.h"

namespace tripoint::storage {

struct CommitterLimits {
  std::size_t queued_operations_max = 4096;
  // So many of them and a call of an officer is refused: it would wait for two steps, of 40 ms each
  // where 6,000 are stored a second. 256 callers that each wait for their answer are never refused.
  std::size_t queued_calls_max = 256;
  std::size_t step_operations_max = 512;
  std::size_t step_bytes_max =
      4u << 20;             // a step stops taking operations once its batch is past this
  int retry_after_ms = 50;  // the hint that QUEUE_FULL carries
};

class CommitterCore final : public Committer {
 public:
  // `engine` outlives the core and is changed by nobody else. `listener` may be null.
  explicit CommitterCore(Engine& engine, CommitListener* listener = nullptr,
                         CommitterLimits limits = {});
  ~CommitterCore() override;

  // Listeners are told in the order they were added. Before the first Step only.
  void AddListener(CommitListener& listener);

  void Submit(Operation operation, Done done) override;
  // Nobody helps here. Refused as soon as `queued_calls_max` operations wait.
  void SubmitAndHelp(Operation operation, Done done) override;
  std::size_t waiting() const;

  // Runs waiting operations, up to the limits. Returns the batch that must now be committed and
  // answered with Finish(), or nullptr when there is nothing to commit (operations that only failed
  // or read have been answered). Precondition: no batch of an earlier Step is unanswered.
  const Batch* Step(std::int64_t now_ms);

  // The engine's result for the batch of the last Step. Any error drops the register cache, since
  // what is durable is not known then, and is the answer to every operation of the step: those that
  // failed had read uncommitted state.
  void Finish(const absl::Status& commit_status);

  // Step, Commit on the engine, Finish. False when nothing waited.
  bool RunOnce(std::int64_t now_ms);

  // Answers everything that waits, and a step without Finish, with `status` (SHUTTING_DOWN, or in
  // the simulator a crash).
  void Abandon(const absl::Status& status);

 private:
  struct Pending {
    Operation operation;
    Done done;
  };
  class StepTransaction;  // the view and the batch of the step that is being made

  void Queue(Operation operation, Done done, std::size_t waiting_max);
  // Calls every `done` of the step: with `failure` if it is an error, else with the operation's own
  // status.
  void AnswerAll(const absl::Status& failure);

  Engine& engine_;
  const CommitterLimits limits_;
  std::vector<CommitListener*> listeners_;
  const std::unique_ptr<StepTransaction> step_;
  bool committing_ = false;

  mutable absl::Mutex mutex_;
  std::deque<Pending> queue_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tripoint::storage
