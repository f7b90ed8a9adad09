// See committer_core.h.
#include "storage/committer_core.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

#include "proto/contract/error.h"
#include "storage/step_transaction.h"

namespace tripoint::storage {

using contract::Error;
using contract::Problem;
using contract::Reason;

absl::Status QueueFull(int retry_after_ms) {
  Problem problem;
  problem.reason = Reason::kQueueFull;
  problem.what = "Nothing was stored: too many changes wait at this node.";
  problem.why = "The disk is slower than the calls that arrive; the queue is bounded.";
  problem.next = "Repeat the call with the same request id after the stated time.";
  problem.retry_after_ms = retry_after_ms;
  return Error(absl::StatusCode::kResourceExhausted, problem);
}

CommitterCore::CommitterCore(Engine& engine, CommitListener* listener, CommitterLimits limits)
    : engine_(engine),
      limits_(limits),
      answerer_([](Answers answers) { std::move(answers).Give(); }),
      step_(std::make_unique<StepTransaction>(engine)),
      calls_limit_(limits.queued_calls_max),
      calls_max_(limits.queued_calls_max) {
  if (listener != nullptr) listeners_.push_back(listener);
}

CommitterCore::~CommitterCore() = default;

void CommitterCore::AddListener(CommitListener& listener) { listeners_.push_back(&listener); }

absl::StatusOr<bool> CommitterCore::LearnKeys(std::size_t keys_max) {
  const absl::Status status = step_->absent().Learn(engine_, keys_max);
  if (!status.ok()) return status;
  return step_->absent().learned();
}

void CommitterCore::SetAnswerer(std::function<void(Answers)> answerer) {
  answerer_ = std::move(answerer);
}

void CommitterCore::Submit(Operation operation, Done done) {
  Queue({.operation = std::move(operation), .done = std::move(done)});
}

void CommitterCore::SubmitAndHelp(Operation operation, Done done) {
  Queue({.operation = std::move(operation), .done = std::move(done), .call = true});
}

void CommitterCore::Queue(Pending pending) {
  {
    absl::MutexLock lock(&mutex_);
    if (queue_.size() < limits_.queued_operations_max) {
      if (pending.call) ++waiting_calls_;
      queue_.push_back(std::move(pending));
      return;
    }
  }
  pending.done(QueueFull(limits_.retry_after_ms));
}

bool CommitterCore::TakesCalls() const {
  if (waiting_calls_ < calls_max_) return true;
  ++refused_calls_;
  return false;
}

void CommitterCore::Worked(const Gathered& gathered, std::int64_t work_ms) {
  // A batch of bulk takes long without any overload, and locks no officer out.
  const bool calls_only = gathered.calls == gathered.operations;
  calls_limit_.Worked(gathered.operations, calls_only ? work_ms : 0, refused_calls_.exchange(0));
  calls_max_ = calls_limit_.calls();
}

void CommitterCore::Busy(double share, double used_ms) {
  calls_limit_.Busy(share, used_ms);
  calls_max_ = calls_limit_.calls();
}

std::size_t CommitterCore::waiting() const {
  absl::MutexLock lock(&mutex_);
  return queue_.size();
}

std::size_t CommitterCore::gathered() const { return step_->open().answers.size(); }

Gathered CommitterCore::Gather(std::int64_t now_ms) {
  Gathered gathered;
  HeedFailure();
  const absl::Status begun = step_->Begin(now_ms);
  Stage& stage = step_->open();
  while (stage.answers.size() < limits_.step_operations_max &&
         stage.batch.bytes() < limits_.step_bytes_max) {
    Pending pending;
    {
      absl::MutexLock lock(&mutex_);
      if (queue_.empty()) break;
      pending = std::move(queue_.front());
      queue_.pop_front();
      if (pending.call) {
        --waiting_calls_;
        ++gathered.calls;
      }
    }
    ++gathered.operations;
    if (begun.ok()) {
      step_->Run(pending.operation, std::move(pending.done));
    } else {
      stage.answers.Add(std::move(pending.done), begun);
    }
  }
  return gathered;
}

const Batch* CommitterCore::Seal() {
  {
    // A driver that forgot Finish would lose the answers of a batch, or give those of the open step
    // on the strength of writes that are not durable.
    const absl::MutexLock lock(&mutex_);
    if (committing_ != nullptr) std::abort();
  }
  HeedFailure();
  Stage& stage = step_->open();
  if (stage.batch.empty()) {
    step_->ClearOpen();
    Answer(stage, absl::OkStatus());
    return nullptr;
  }
  const Stage& sealed = step_->Seal();
  const absl::MutexLock lock(&mutex_);
  committing_ = &stage;
  return &sealed.batch;
}

const Batch* CommitterCore::Step(std::int64_t now_ms) {
  Gather(now_ms);
  return Seal();
}

void CommitterCore::Finish(const absl::Status& commit_status) {
  Stage* stage = nullptr;
  {
    absl::MutexLock lock(&mutex_);
    stage = std::exchange(committing_, nullptr);
    if (!commit_status.ok()) failure_ = commit_status;
  }
  if (stage == nullptr) std::abort();
  const std::vector<ChannelName> grown = std::exchange(stage->grown, {});
  const std::uint64_t first_change = stage->first_change;
  const std::uint64_t last_change = stage->last_change;
  Answer(*stage, commit_status);
  if (!commit_status.ok()) return;
  for (CommitListener* listener : listeners_)
    listener->OnCommitted(first_change, last_change, grown);
}

bool CommitterCore::RunOnce(std::int64_t now_ms) {
  if (waiting() == 0) return false;
  if (const Batch* batch = Step(now_ms); batch != nullptr) Finish(engine_.Commit(*batch));
  return true;
}

void CommitterCore::Abandon(const absl::Status& status) {
  Stage* stage = nullptr;
  std::deque<Pending> left;
  {
    absl::MutexLock lock(&mutex_);
    stage = std::exchange(committing_, nullptr);
    left.swap(queue_);
    waiting_calls_ = 0;
    failure_ = absl::OkStatus();
  }
  if (stage != nullptr) Answer(*stage, status);
  Stage& open = step_->open();
  for (Pending& pending : left) open.answers.Add(std::move(pending.done), status);
  Answer(open, status);
  step_->Drop();
}

void CommitterCore::HeedFailure() {
  absl::Status failure;
  {
    absl::MutexLock lock(&mutex_);
    failure = std::exchange(failure_, absl::OkStatus());
  }
  if (failure.ok()) return;
  Answer(step_->open(), failure);
  step_->Drop();
}

// Hands the answers over: `failure` if it is an error, else each operation's own status. They are
// taken out first: a `done` may submit again.
void CommitterCore::Answer(Stage& stage, const absl::Status& failure) {
  Answers answers = std::exchange(stage.answers, {});
  if (answers.size() == 0) return;
  answers.FailAll(failure);
  answerer_(std::move(answers));
}

}  // namespace tripoint::storage
