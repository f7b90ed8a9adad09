// The one writer: drives storage::CommitterCore and answers what was submitted.
//
// Made by node.cc. Submit and SubmitAndHelp are thread-safe. Steps run one after the other, on the
// thread "committer" or, for a change that comes alone, on the thread that brought it; everything
// that the core calls (operations, done, listeners) runs there.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "server/runtime/clock.h"
#include "server/runtime/thread.h"
#include "storage/committer.h"
#include "storage/committer_core.h"
#include "storage/engine.h"

namespace tripoint::runtime {

class CommitterThread final : public storage::Committer {
 public:
  // Told once, where the step ran and after the affected operations were answered, that the
  // engine can no longer be written safely: the data must be opened again (platform.md, R11). A
  // full disk is not fatal.
  using OnFatal = std::function<void(const absl::Status&)>;

  // The references outlive this. Starts at once.
  CommitterThread(storage::CommitterCore& core, storage::Engine& engine, const Clock& clock,
                  OnFatal on_fatal);
  ~CommitterThread() override;

  // After Stop, `done` is called at once with UNAVAILABLE / SHUTTING_DOWN.
  void Submit(storage::Operation operation, storage::Done done) override;
  void SubmitAndHelp(storage::Operation operation, storage::Done done) override;

  // Refuses new operations, commits those that wait, joins. Further calls do nothing. Not from the
  // committer's thread.
  void Stop();

 private:
  void Loop();
  // Hands in, by the bound of a `call` or of the whole queue, and counts the caller in
  // `submitting_`; false, and answered, when stopping.
  bool HandIn(storage::Operation operation, storage::Done done, bool call);
  // One step, by who set `stepping_`. How many operations waited; 0: nothing was done.
  std::size_t CommitOnce();
  bool HasWork() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return !stepping_ && (stopping_ || submitted_);
  }
  void CountStep(std::size_t taken) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    lone_steps_ = taken > 1 ? 0 : std::min(lone_steps_ + 1, kLoneSteps);
  }
  bool NobodySubmits() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return submitting_ == 0; }

  storage::CommitterCore& core_;
  storage::Engine& engine_;
  const Clock& clock_;
  const OnFatal on_fatal_;
  // Of who steps.
  bool failed_ = false;

  absl::Mutex mutex_;
  bool stepping_ ABSL_GUARDED_BY(mutex_) = false;
  // Steps in a row that had one operation, up to kLoneSteps: then the next one may come alone, too.
  // Under load a caller that stepped would keep others from being gathered into one sync, and with
  // a few callers chance makes a lone step now and then.
  static constexpr int kLoneSteps = 8;
  int lone_steps_ ABSL_GUARDED_BY(mutex_) = kLoneSteps;
  int submitting_ ABSL_GUARDED_BY(mutex_) = 0;  // callers inside Submit
  bool submitted_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<Thread> thread_;
};

}  // namespace tripoint::runtime
