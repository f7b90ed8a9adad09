// See committer_core.h.
#include "storage/committer_core.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "proto/contract/error.h"
#include "storage/journal_store.h"
#include "storage/keys.h"
#include "storage/merkle.h"
#include "tripoint/store/v1/records.pb.h"

namespace tripoint::storage {
namespace {

using contract::Error;
using contract::Problem;
using contract::Reason;

constexpr std::size_t kRegistersMax = 8192;

// Debian's abseil hashes its own string_view only.
struct BytesHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view bytes) const {
    return std::hash<std::string_view>{}(bytes);
  }
};
template <typename Key, typename Value>
using BytesMap = absl::flat_hash_map<Key, Value, BytesHash, std::equal_to<>>;

absl::Status QueueFull(int retry_after_ms) {
  Problem problem;
  problem.reason = Reason::kQueueFull;
  problem.what = "Nothing was stored: too many changes wait at this node.";
  problem.why = "The disk is slower than the calls that arrive; the queue is bounded.";
  problem.next = "Repeat the call with the same request id after the stated time.";
  problem.retry_after_ms = retry_after_ms;
  return Error(absl::StatusCode::kResourceExhausted, problem);
}

absl::Status Fault(std::string what) {
  return Error(absl::StatusCode::kInternal, Reason::kInternal, std::move(what),
               "Every change has exactly one entry in the journal.",
               "Report this with the node's log.");
}

}  // namespace

// One entry a key in the batch, found by `index_`; an operation remembers what it overwrote, so
// that it can be undone.
class CommitterCore::StepTransaction final : public Transaction {
 public:
  struct Answer {
    Done done;
    absl::Status status;
  };

  explicit StepTransaction(const Engine& engine) : engine_(engine) {}

  // A step: Begin, Run for each operation, Seal; then Keep after a durable commit, or Drop.
  absl::Status Begin(std::int64_t now_ms);
  void Run(const Operation& operation, Done done);
  const Batch& Seal();
  void Keep();
  void Drop();
  void ClearBatch();

  const Batch& batch() const { return batch_; }
  std::vector<Answer>& answers() { return answers_; }
  const std::vector<ChannelName>& grown() const { return grown_; }
  std::uint64_t first_change() const { return head_.frontier.size() + 1; }
  std::uint64_t last_change() const { return next_head_.frontier.size(); }

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override;
  std::int64_t now_ms() const override { return now_ms_; }
  std::uint64_t change_number() const override { return next_head_.frontier.size() + 1; }
  std::uint64_t epoch() const override { return head_.epoch; }
  void Put(std::string_view key, std::string_view value) override { Write(key, value, false); }
  void Delete(std::string_view key) override { Write(key, {}, true); }
  void Journal(const store::v1::JournalEntry& draft) override {
    if (++journalled_ == 1) draft_ = draft;
  }
  void ChannelGrew(const ChannelName& channel) override { operation_grown_.push_back(channel); }

 private:
  struct Undo {
    std::size_t index = 0;
    Batch::Entry entry;
  };

  void Write(std::string_view key, std::string_view value, bool deleted);
  absl::Status Check() const;
  void AppendJournal();
  void Undone();
  Hash WritesDigest();

  const Engine& engine_;
  std::int64_t now_ms_ = 0;
  bool head_known_ = false;
  JournalHead head_;       // durable
  JournalHead next_head_;  // with the entries of this step
  // Durable values of registers; emptied whenever what is durable is not known.
  mutable BytesMap<std::string, std::optional<std::string>> registers_;

  Batch batch_;
  BytesMap<std::string_view, std::size_t> index_;  // keys live in the batch's arena
  std::vector<std::uint32_t> writer_;  // for each entry: the operation that wrote it last
  std::vector<Answer> answers_;
  std::vector<ChannelName> grown_;

  // Of the running operation.
  std::uint32_t operation_ = 0;
  std::size_t operation_begin_ = 0;  // entries before it
  std::vector<std::size_t>
      operation_writes_;  // entries that it wrote, in the order of their first write
  std::vector<Undo> undo_;
  std::vector<ChannelName> operation_grown_;
  int journalled_ = 0;
  bool too_large_ = false;
  store::v1::JournalEntry draft_;
  std::string scratch_;
};

absl::Status CommitterCore::StepTransaction::Begin(std::int64_t now_ms) {
  now_ms_ = now_ms;
  if (!head_known_) {
    absl::StatusOr<JournalHead> head = ReadJournalHead(engine_);
    if (!head.ok()) return head.status();
    head_ = std::move(*head);
    head_known_ = true;
  }
  next_head_ = head_;
  return absl::OkStatus();
}

void CommitterCore::StepTransaction::Run(const Operation& operation, Done done) {
  ++operation_;
  operation_begin_ = batch_.size();
  operation_writes_.clear();
  undo_.clear();
  operation_grown_.clear();
  journalled_ = 0;
  too_large_ = false;

  absl::Status status = operation(*this);
  if (status.ok()) status = Check();
  if (status.ok()) {
    if (journalled_ == 1) AppendJournal();
    for (ChannelName& channel : operation_grown_) {
      if (std::find(grown_.begin(), grown_.end(), channel) == grown_.end())
        grown_.push_back(std::move(channel));
    }
  } else {
    Undone();
  }
  answers_.push_back({std::move(done), std::move(status)});
}

absl::Status CommitterCore::StepTransaction::Check() const {
  if (too_large_) {
    return Error(absl::StatusCode::kInvalidArgument, Reason::kTooLarge,
                 "Nothing was stored: a record is too large.",
                 "A record has at most 16 MiB and a key 1 KiB.",
                 "Shorten the texts or split the record.");
  }
  if (journalled_ > 1)
    return Fault("Nothing was stored: the change was journalled more than once.");
  if (journalled_ == 0 && !operation_writes_.empty())
    return Fault("Nothing was stored: the change was not journalled.");
  return absl::OkStatus();
}

// Also for an overwritten entry the newest value stands in the batch, so the digest covers what the
// operation left.
Hash CommitterCore::StepTransaction::WritesDigest() {
  scratch_.clear();
  const auto append = [this](std::string_view bytes) {
    const auto size = static_cast<std::uint32_t>(bytes.size());
    for (int shift = 24; shift >= 0; shift -= 8)
      scratch_.push_back(static_cast<char>(size >> shift));
    scratch_.append(bytes);
  };
  for (const std::size_t index : operation_writes_) {
    const Batch::Entry& entry = batch_.entries()[index];
    append(entry.key);
    scratch_.push_back(entry.deleted ? '\1' : '\0');
    append(entry.value);
  }
  return Sha256(scratch_);
}

void CommitterCore::StepTransaction::AppendJournal() {
  const std::uint64_t number = change_number();
  draft_.set_number(number);
  draft_.set_time_ms(now_ms_);
  draft_.set_epoch(head_.epoch);
  draft_.set_writes_digest(std::string(HashView(WritesDigest())));
  scratch_.clear();
  draft_.AppendToString(&scratch_);
  next_head_.frontier.Append(LeafHash(scratch_));
  Write(JournalKey(number), scratch_, false);
}

void CommitterCore::StepTransaction::Undone() {
  for (auto undo = undo_.rbegin(); undo != undo_.rend(); ++undo) {
    batch_.Restore(undo->index, undo->entry);
    writer_[undo->index] = 0;
  }
  for (std::size_t i = operation_begin_; i < batch_.size(); ++i)
    index_.erase(batch_.entries()[i].key);
  batch_.Truncate(operation_begin_);
  writer_.resize(operation_begin_);
}

void CommitterCore::StepTransaction::Write(std::string_view key, std::string_view value,
                                           bool deleted) {
  if (key.empty() || key.size() > kKeyBytesMax || value.size() > kValueBytesMax) {
    too_large_ = true;
    return;
  }
  const auto found = index_.find(key);
  if (found == index_.end()) {
    const std::size_t index = batch_.size();
    if (deleted) {
      batch_.Delete(key);
    } else {
      batch_.Put(key, value);
    }
    index_.emplace(batch_.entries()[index].key, index);
    writer_.push_back(operation_);
    operation_writes_.push_back(index);
    return;
  }
  const std::size_t index = found->second;
  if (writer_[index] != operation_) {
    undo_.push_back({index, batch_.entries()[index]});
    writer_[index] = operation_;
    operation_writes_.push_back(index);
  }
  batch_.Overwrite(index, value, deleted);
}

absl::StatusOr<std::optional<std::string>> CommitterCore::StepTransaction::Get(
    std::string_view key) const {
  if (const auto found = index_.find(key); found != index_.end()) {
    const Batch::Entry& entry = batch_.entries()[found->second];
    if (entry.deleted) return std::nullopt;
    return std::make_optional<std::string>(entry.value);
  }
  if (!IsRegister(key)) return engine_.Get(key);
  if (const auto found = registers_.find(key); found != registers_.end()) return found->second;
  absl::StatusOr<std::optional<std::string>> value = engine_.Get(key);
  if (value.ok()) registers_.emplace(key, *value);
  return value;
}

const Batch& CommitterCore::StepTransaction::Seal() {
  Write(JournalHeadKey(), EncodeJournalHead(next_head_), false);
  return batch_;
}

void CommitterCore::StepTransaction::Keep() {
  head_ = std::move(next_head_);
  for (const Batch::Entry& entry : batch_.entries()) {
    if (!IsRegister(entry.key)) continue;
    registers_.insert_or_assign(
        std::string(entry.key),
        entry.deleted ? std::nullopt : std::make_optional<std::string>(entry.value));
  }
  if (registers_.size() > kRegistersMax) registers_.clear();
}

void CommitterCore::StepTransaction::Drop() {
  head_known_ = false;
  registers_.clear();
}

void CommitterCore::StepTransaction::ClearBatch() {
  index_.clear();
  writer_.clear();
  grown_.clear();
  batch_.Clear();
  operation_ = 0;
}

CommitterCore::CommitterCore(Engine& engine, CommitListener* listener, CommitterLimits limits)
    : engine_(engine), limits_(limits), step_(std::make_unique<StepTransaction>(engine)) {
  if (listener != nullptr) listeners_.push_back(listener);
}

CommitterCore::~CommitterCore() = default;

void CommitterCore::AddListener(CommitListener& listener) { listeners_.push_back(&listener); }

void CommitterCore::Submit(Operation operation, Done done) {
  Queue(std::move(operation), std::move(done), limits_.queued_operations_max);
}

void CommitterCore::SubmitAndHelp(Operation operation, Done done) {
  Queue(std::move(operation), std::move(done),
        std::min(limits_.queued_calls_max, limits_.queued_operations_max));
}

void CommitterCore::Queue(Operation operation, Done done, std::size_t waiting_max) {
  {
    absl::MutexLock lock(&mutex_);
    if (queue_.size() < waiting_max) {
      queue_.push_back({std::move(operation), std::move(done)});
      return;
    }
  }
  done(QueueFull(limits_.retry_after_ms));
}

std::size_t CommitterCore::waiting() const {
  absl::MutexLock lock(&mutex_);
  return queue_.size();
}

const Batch* CommitterCore::Step(std::int64_t now_ms) {
  if (committing_) std::abort();  // a driver that forgot Finish would lose the answers of a batch
  const absl::Status begun = step_->Begin(now_ms);
  std::size_t taken = 0;
  while (taken < limits_.step_operations_max && step_->batch().bytes() < limits_.step_bytes_max) {
    Pending pending;
    {
      absl::MutexLock lock(&mutex_);
      if (queue_.empty()) break;
      pending = std::move(queue_.front());
      queue_.pop_front();
    }
    ++taken;
    if (begun.ok()) {
      step_->Run(pending.operation, std::move(pending.done));
    } else {
      step_->answers().push_back({std::move(pending.done), begun});
    }
  }
  if (step_->batch().empty()) {
    step_->ClearBatch();
    AnswerAll(absl::OkStatus());
    return nullptr;
  }
  committing_ = true;
  return &step_->Seal();
}

void CommitterCore::Finish(const absl::Status& commit_status) {
  if (!committing_) std::abort();
  committing_ = false;
  const std::uint64_t first_change = step_->first_change();
  const std::uint64_t last_change = step_->last_change();
  const std::vector<ChannelName> grown = step_->grown();
  if (commit_status.ok()) {
    step_->Keep();
  } else {
    step_->Drop();
  }
  step_->ClearBatch();
  AnswerAll(commit_status);
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
  if (committing_) {
    committing_ = false;
    step_->Drop();
    step_->ClearBatch();
    AnswerAll(status);
  }
  std::deque<Pending> left;
  {
    absl::MutexLock lock(&mutex_);
    left.swap(queue_);
  }
  for (Pending& pending : left) pending.done(status);
}

// The answers are taken out first: a `done` may submit again.
void CommitterCore::AnswerAll(const absl::Status& failure) {
  std::vector<StepTransaction::Answer> answers;
  answers.swap(step_->answers());
  for (StepTransaction::Answer& answer : answers)
    answer.done(failure.ok() ? answer.status : failure);
}

}  // namespace tripoint::storage
