// The committer's thread. See committer_thread.h.
#include "server/runtime/committer_thread.h"

#include <utility>

#include "server/runtime/errors.h"

namespace tripoint::runtime {

CommitterThread::CommitterThread(storage::CommitterCore& core, storage::Engine& engine,
                                 const Clock& clock, OnFatal on_fatal)
    : core_(core), engine_(engine), clock_(clock), on_fatal_(std::move(on_fatal)) {
  thread_ = std::make_unique<Thread>("committer", [this] { Loop(); });
}

CommitterThread::~CommitterThread() { Stop(); }

void CommitterThread::Submit(storage::Operation operation, storage::Done done) {
  bool accepted = false;
  {
    const absl::MutexLock lock(&mutex_);
    if (!stopping_) {
      ++submitting_;
      accepted = true;
    }
  }
  if (!accepted) {
    done(ShuttingDown());
    return;
  }
  core_.Submit(std::move(operation), std::move(done));  // may call `done`, so not under the lock
  const absl::MutexLock lock(&mutex_);
  --submitting_;
  submitted_ = true;
}

void CommitterThread::Stop() {
  {
    const absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_->Join();
}

void CommitterThread::Loop() {
  while (true) {
    bool stopping = false;
    {
      const absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &CommitterThread::HasWork));
      stopping = stopping_;
      submitted_ = false;
      // Who passed the gate before Stop may still be on the way into the core.
      if (stopping) mutex_.Await(absl::Condition(this, &CommitterThread::NobodySubmits));
    }
    while (CommitOnce()) {
    }
    if (stopping) break;
  }
  core_.Abandon(ShuttingDown());
}

bool CommitterThread::CommitOnce() {
  if (failed_) {  // whatever is durable is not known: answer nothing as stored until the data was
                  // opened again
    core_.Abandon(ShuttingDown());
    return false;
  }
  const std::size_t waiting = core_.waiting();
  if (waiting == 0) return false;
  const storage::Batch* batch = core_.Step(clock_.wall_ms());
  if (batch == nullptr) return core_.waiting() > 0;
  const absl::Status committed = engine_.Commit(*batch);
  core_.Finish(committed);
  if (absl::IsUnavailable(committed) || absl::IsDataLoss(committed) ||
      absl::IsInternal(committed)) {
    failed_ = true;
    on_fatal_(committed);
  }
  return true;
}

}  // namespace tripoint::runtime
