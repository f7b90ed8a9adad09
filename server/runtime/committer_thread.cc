// The one writer and its threads. See committer_thread.h.
#include "server/runtime/committer_thread.h"

#include <algorithm>
#include <utility>

#include "absl/time/time.h"
#include "server/runtime/errors.h"
#include "storage/stand_back.h"

namespace tripoint::runtime {
namespace {

// How often what came is gathered while the disk works. A wake-up for each call costs more than it
// gains.
constexpr absl::Duration kGatherEvery = absl::Milliseconds(1);
// From so much on the next step is worth a hand-off to the disk's thread. Below, gathering more
// into one sync gains more: with 64 calls in flight a hand-off cost a tenth of the CPU.
constexpr std::size_t kOverlapBytes = 512u << 10;

}  // namespace

CommitterThread::CommitterThread(storage::CommitterCore& core, storage::Engine& engine,
                                 const Clock& clock, OnFatal on_fatal, Busy busy)
    : core_(core),
      engine_(engine),
      clock_(clock),
      on_fatal_(std::move(on_fatal)),
      busy_(std::move(busy)) {
  core_.SetAnswerer([this](storage::Answers answers) { GiveAnswers(std::move(answers)); });
  answers_thread_ = std::make_unique<Thread>("answers", [this] { AnswerLoop(); });
  disk_thread_ = std::make_unique<Thread>("disk", [this] {
    storage::StandBack();
    DiskLoop();
  });
  thread_ = std::make_unique<Thread>("committer", [this] {
    storage::StandBack();
    Loop();
  });
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
    if (stepping_ || stopping_ || failed_ || !DiskIsFree() || lone_steps_ < kLoneSteps) {
      submitted_ = true;
      return;
    }
    stepping_ = true;
  }
  Gather();
  const std::size_t taken = core_.gathered();
  if (const storage::Batch* batch = core_.Seal(); batch != nullptr) Commit(*batch);
  const absl::MutexLock lock(&mutex_);
  stepping_ = false;
  CountStep(taken);  // who came meanwhile has set `submitted_`
}

bool CommitterThread::HandIn(storage::Operation operation, storage::Done done, bool call) {
  bool accepted = false;
  {
    const absl::MutexLock lock(&mutex_);
    if (!stopping_ && !failed_) {
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
  {
    const absl::MutexLock lock(&mutex_);
    disk_ends_ = true;
  }
  disk_thread_->Join();
  {
    const absl::MutexLock lock(&answers_mutex_);
    answers_end_ = true;
  }
  answers_thread_->Join();
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
    const std::size_t most = MakeSteps();
    if (stopping) break;
    const absl::MutexLock lock(&mutex_);
    stepping_ = false;
    CountStep(most);
  }
  Abandon();
}

std::size_t CommitterThread::MakeSteps() {
  std::size_t most = 0;
  while (true) {
    KeepPace();
    if (!GatherUntilDiskIsFree()) break;
    most = std::max(most, core_.gathered());
    const storage::Batch* batch = core_.Seal();
    if (batch == nullptr) continue;
    if (batch->bytes() >= kOverlapBytes) {
      GiveToDisk(*batch);
    } else {
      Commit(*batch);
    }
  }
  return most;
}

void CommitterThread::Gather() {
  const std::int64_t began_ms = clock_.monotonic_ms();
  const storage::Gathered gathered = core_.Gather(clock_.wall_ms());
  core_.Worked(gathered, clock_.monotonic_ms() - began_ms);
  if (const std::optional<Usage> lately = busy_(); lately.has_value())
    core_.Busy(lately->share, lately->used_ms);
}

void CommitterThread::KeepPace() {
  if (core_.paced()) {
    const std::int64_t left_ms =
        step_began_ms_ + storage::CallsLimit::kPaceMs - clock_.monotonic_ms();
    const absl::MutexLock lock(&mutex_);
    (void)mutex_.AwaitWithTimeout(absl::Condition(this, &CommitterThread::IsEnding),
                                  absl::Milliseconds(left_ms));
  }
  step_began_ms_ = clock_.monotonic_ms();
}

bool CommitterThread::GatherUntilDiskIsFree() {
  while (true) {
    Gather();
    if (core_.gathered() == 0) return false;
    const absl::MutexLock lock(&mutex_);
    if (failed_) break;
    if (DiskIsFree()) return true;
    (void)mutex_.AwaitWithTimeout(absl::Condition(this, &CommitterThread::DiskIsFree),
                                  kGatherEvery);
  }
  Abandon();
  return false;
}

void CommitterThread::GiveToDisk(const storage::Batch& batch) {
  const absl::MutexLock lock(&mutex_);
  on_disk_ = &batch;
}

void CommitterThread::DiskLoop() {
  while (true) {
    const storage::Batch* batch = nullptr;
    {
      const absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &CommitterThread::DiskHasWork));
      batch = on_disk_;
    }
    if (batch == nullptr) return;
    Commit(*batch);
    const absl::MutexLock lock(&mutex_);
    on_disk_ = nullptr;
  }
}

void CommitterThread::Commit(const storage::Batch& batch) {
  const absl::Status committed = engine_.Commit(batch);
  const bool fatal =
      absl::IsUnavailable(committed) || absl::IsDataLoss(committed) || absl::IsInternal(committed);
  if (fatal) {  // before anybody is answered: whatever comes now is refused
    const absl::MutexLock lock(&mutex_);
    failed_ = true;
  }
  core_.Finish(committed);
  if (fatal) on_fatal_(committed);
}

void CommitterThread::Abandon() {
  {
    const absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(this, &CommitterThread::DiskIsFree));
  }
  core_.Abandon(ShuttingDown());
}

// One answer is given at once, unless earlier ones still wait.
void CommitterThread::GiveAnswers(storage::Answers answers) {
  {
    const absl::MutexLock lock(&answers_mutex_);
    if (answers.size() > 1 || !answers_.empty()) {
      answers_mutex_.Await(absl::Condition(this, &CommitterThread::HasRoomForAnswers));
      answers_.push_back(std::move(answers));
      return;
    }
  }
  std::move(answers).Give();
}

void CommitterThread::AnswerLoop() {
  while (true) {
    storage::Answers answers;
    {
      const absl::MutexLock lock(&answers_mutex_);
      answers_mutex_.Await(absl::Condition(this, &CommitterThread::HasAnswers));
      if (answers_.empty()) return;
      answers = std::move(answers_.front());
    }
    std::move(answers).Give();
    const absl::MutexLock lock(&answers_mutex_);
    answers_.pop_front();
  }
}

}  // namespace tripoint::runtime
