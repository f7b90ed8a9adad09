// The one writer: drives storage::CommitterCore and answers what was submitted.
//
// Made by node.cc. Submit and SubmitAndHelp are thread-safe. In bulk three things go on at once:
// the thread "committer" gathers the next step (operations run there), the thread "disk" commits
// the one before, the thread "answers" answers the one before that. A step under 512 KiB the
// committer commits itself; a change that comes alone is gathered, committed and answered on the
// thread that brought it. Listeners are called where the commit was made.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "server/runtime/busy_meter.h"
#include "server/runtime/clock.h"
#include "server/runtime/thread.h"
#include "storage/committer.h"
#include "storage/committer_core.h"
#include "storage/engine.h"

namespace tripoint::runtime {

class CommitterThread final : public storage::Committer {
 public:
  // Told once, where the commit was made, that the engine can no longer be written safely: the data
  // must be opened again (platform.md, R11). A full disk is not fatal.
  using OnFatal = std::function<void(const absl::Status&)>;

  // The share of its processors that the process used lately, when it is worth asking again
  // (busy_meter.h). Never by two threads at a time.
  using Busy = std::function<std::optional<Usage>()>;

  // The references outlive this. Starts at once.
  CommitterThread(storage::CommitterCore& core, storage::Engine& engine, const Clock& clock,
                  OnFatal on_fatal, Busy busy);
  ~CommitterThread() override;

  // After Stop, `done` is called at once with UNAVAILABLE / SHUTTING_DOWN.
  void Submit(storage::Operation operation, storage::Done done) override;
  void SubmitAndHelp(storage::Operation operation, storage::Done done) override;
  bool TakesCalls() const override { return core_.TakesCalls(); }

  // Refuses new operations, commits those that wait, joins. Further calls do nothing. Not from one
  // of its threads, so not from a `done` or a listener.
  void Stop();

 private:
  void Loop();
  void DiskLoop();
  void AnswerLoop();
  // Hands in, as a `call` or not, and counts the caller in `submitting_`; false, and answered, when
  // stopping or failed.
  bool HandIn(storage::Operation operation, storage::Done done, bool call);

  // By who set `stepping_`: steps until nothing waits. Returns the most operations of a step.
  std::size_t MakeSteps();
  // In an overload, until it is time for the next step. By the committer's thread.
  void KeepPace();
  // Gathers once, and tells the core how long it took. By who set `stepping_`.
  void Gather();
  // Gathers until the disk is free. False: nothing is there to be sealed.
  bool GatherUntilDiskIsFree();
  void GiveToDisk(const storage::Batch& batch);
  void Commit(const storage::Batch& batch);
  // Waits for the disk, then refuses all that waits.
  void Abandon();

  // Gives them here, or hands them to the thread of answers; waits while too many steps are there.
  void GiveAnswers(storage::Answers answers);

  bool HasWork() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return !stepping_ && (stopping_ || submitted_);
  }
  bool IsEnding() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return stopping_ || failed_; }
  bool NobodySubmits() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return submitting_ == 0; }
  bool DiskHasWork() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return on_disk_ != nullptr || disk_ends_;
  }
  bool DiskIsFree() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return on_disk_ == nullptr; }
  bool HasAnswers() const ABSL_SHARED_LOCKS_REQUIRED(answers_mutex_) {
    return !answers_.empty() || answers_end_;
  }
  bool HasRoomForAnswers() const ABSL_SHARED_LOCKS_REQUIRED(answers_mutex_) {
    return answers_.size() < kAnsweredStepsMax;
  }
  void CountStep(std::size_t taken) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    lone_steps_ = taken > 1 ? 0 : std::min(lone_steps_ + 1, kLoneSteps);
  }

  storage::CommitterCore& core_;
  storage::Engine& engine_;
  const Clock& clock_;
  const OnFatal on_fatal_;
  const Busy busy_;
  std::int64_t step_began_ms_ = 0;  // of the last; the committer's thread

  absl::Mutex mutex_;
  bool stepping_ ABSL_GUARDED_BY(mutex_) = false;  // somebody gathers
  // Steps in a row that had one operation, up to kLoneSteps: then the next one may come alone, too.
  // Under load a caller that stepped would keep others from being gathered into one sync, and with
  // a few callers chance makes a lone step now and then.
  static constexpr int kLoneSteps = 8;
  int lone_steps_ ABSL_GUARDED_BY(mutex_) = kLoneSteps;
  int submitting_ ABSL_GUARDED_BY(mutex_) = 0;  // callers inside Submit
  bool submitted_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  const storage::Batch* on_disk_ ABSL_GUARDED_BY(mutex_) = nullptr;  // the disk thread's
  bool disk_ends_ ABSL_GUARDED_BY(mutex_) = false;
  bool failed_ ABSL_GUARDED_BY(mutex_) = false;

  // The answers of this many steps may wait: who made one more then waits for them.
  static constexpr std::size_t kAnsweredStepsMax = 8;
  absl::Mutex answers_mutex_;
  // The first is being given.
  std::deque<storage::Answers> answers_ ABSL_GUARDED_BY(answers_mutex_);
  bool answers_end_ ABSL_GUARDED_BY(answers_mutex_) = false;

  std::unique_ptr<Thread> answers_thread_;
  std::unique_ptr<Thread> disk_thread_;
  std::unique_ptr<Thread> thread_;
};

}  // namespace tripoint::runtime
