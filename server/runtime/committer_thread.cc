// The one writer and its thread. See committer_thread.h.
#include "server/runtime/committer_thread.h"

#include <algorithm>
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
  if (!HandIn(std::move(operation), std::move(done), /*call=*/false)) return;
  const absl::MutexLock lock(&mutex_);
  --submitting_;
  submitted_ = true;
}

void CommitterThread::SubmitAndHelp(storage::Operation operation, storage::Done done) {
  if (!HandIn(std::move(operation), std::move(done), /*call=*/true)) return;
  {
    const absl::MutexLock lock(&mutex_);
    --submitting_;
    if (stepping_ || stopping_ || lone_steps_ < kLoneSteps) {
      submitted_ = true;
      return;
    }
    stepping_ = true;
  }
  const std::size_t taken = CommitOnce();
  const absl::MutexLock lock(&mutex_);
  stepping_ = false;
  CountStep(taken);  // who came meanwhile has set `submitted_`
}

bool CommitterThread::HandIn(storage::Operation operation, storage::Done done, bool call) {
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
    return false;
  }
  // Either may call `done`, so not under the lock.
  if (call) {
    core_.SubmitAndHelp(std::move(operation), std::move(done));
  } else {
    core_.Submit(std::move(operation), std::move(done));
  }
  return true;
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
      stepping_ = true;
      stopping = stopping_;
      submitted_ = false;
      // Who passed the gate before Stop may still be on the way into the core.
      if (stopping) mutex_.Await(absl::Condition(this, &CommitterThread::NobodySubmits));
    }
    std::size_t most = 0;
    while (const std::size_t taken = CommitOnce()) most = std::max(most, taken);
    if (stopping) break;
    const absl::MutexLock lock(&mutex_);
    stepping_ = false;
    CountStep(most);
  }
  core_.Abandon(ShuttingDown());
}

std::size_t CommitterThread::CommitOnce() {
  if (failed_) {  // whatever is durable is not known: answer nothing as stored until the data was
                  // opened again
    core_.Abandon(ShuttingDown());
    return 0;
  }
  const std::size_t waiting = core_.waiting();
  if (waiting == 0) return 0;
  const storage::Batch* batch = core_.Step(clock_.wall_ms());
  if (batch == nullptr) return waiting;
  const absl::Status committed = engine_.Commit(*batch);
  core_.Finish(committed);
  if (absl::IsUnavailable(committed) || absl::IsDataLoss(committed) ||
      absl::IsInternal(committed)) {
    failed_ = true;
    on_fatal_(committed);
  }
  return waiting;
}

}  // namespace tripoint::runtime
