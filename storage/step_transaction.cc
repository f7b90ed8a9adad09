// See step_transaction.h.
#include "storage/step_transaction.h"

#include <algorithm>
#include <utility>

#include "proto/contract/error.h"
#include "storage/keys.h"

namespace tripoint::storage {
namespace {

using contract::Error;
using contract::Reason;

constexpr std::size_t kRegistersMax = 8192;

absl::Status Fault(std::string what) {
  return Error(absl::StatusCode::kInternal, Reason::kInternal, std::move(what),
               "Every change has exactly one entry in the journal.",
               "Report this with the node's log.");
}

}  // namespace

absl::Status StepTransaction::Begin(std::int64_t now_ms) {
  now_ms_ = now_ms;
  room_.reset();
  if (!head_known_) {
    absl::StatusOr<JournalHead> head = ReadJournalHead(engine_);
    if (!head.ok()) return head.status();
    next_head_ = std::move(*head);
    head_known_ = true;
  }
  if (open_->batch.empty()) open_->first_change = change_number();
  return absl::OkStatus();
}

void StepTransaction::Run(const Operation& operation, Done done) {
  ++operation_;
  operation_begin_ = open_->batch.size();
  operation_writes_.clear();
  undo_.clear();
  operation_grown_.clear();
  importance_ = Importance::kFlash;
  journalled_ = 0;
  too_large_ = false;

  absl::Status status = operation(*this);
  if (status.ok()) status = Check();
  if (status.ok()) {
    if (journalled_ == 1) AppendJournal();
    for (ChannelName& channel : operation_grown_) {
      if (std::find(open_->grown.begin(), open_->grown.end(), channel) == open_->grown.end())
        open_->grown.push_back(std::move(channel));
    }
  } else {
    Undone();
  }
  open_->answers.Add(std::move(done), std::move(status));
}

absl::Status StepTransaction::CheckRoom() {
  // Of a flash the engine says it when it commits.
  if (importance_ == Importance::kFlash || operation_writes_.empty()) return absl::OkStatus();
  if (!room_.has_value()) room_ = engine_.GetRoom();
  return room_->Takes(importance_) ? absl::OkStatus() : NoRoomFor(importance_, *room_);
}

absl::Status StepTransaction::Check() {
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
  return CheckRoom();
}

// Also for an overwritten entry the newest value stands in the batch, so the digest covers what the
// operation left.
Hash StepTransaction::WritesDigest() {
  scratch_.clear();
  const auto append = [this](std::string_view bytes) {
    const auto size = static_cast<std::uint32_t>(bytes.size());
    for (int shift = 24; shift >= 0; shift -= 8)
      scratch_.push_back(static_cast<char>(size >> shift));
    scratch_.append(bytes);
  };
  for (const std::size_t index : operation_writes_) {
    const Batch::Entry& entry = open_->batch.entries()[index];
    append(entry.key);
    scratch_.push_back(entry.deleted ? '\1' : '\0');
    append(entry.value);
  }
  return Sha256(scratch_);
}

void StepTransaction::AppendJournal() {
  const std::uint64_t number = change_number();
  draft_.set_number(number);
  draft_.set_time_ms(now_ms_);
  draft_.set_epoch(next_head_.epoch);
  draft_.set_writes_digest(std::string(HashView(WritesDigest())));
  scratch_.clear();
  draft_.AppendToString(&scratch_);
  next_head_.frontier.Append(LeafHash(scratch_));
  Write(JournalKey(number), scratch_, false);
}

void StepTransaction::Undone() {
  for (auto undo = undo_.rbegin(); undo != undo_.rend(); ++undo) {
    open_->batch.Restore(undo->index, undo->entry);
    writer_[undo->index] = 0;
  }
  for (std::size_t i = operation_begin_; i < open_->batch.size(); ++i)
    open_->index.erase(open_->batch.entries()[i].key);
  open_->batch.Truncate(operation_begin_);
  writer_.resize(operation_begin_);
}

void StepTransaction::Write(std::string_view key, std::string_view value, bool deleted) {
  if (key.empty() || key.size() > kKeyBytesMax || value.size() > kValueBytesMax) {
    too_large_ = true;
    return;
  }
  if (!deleted && AbsenceFilter::Covers(key)) absent_.Add(key);
  Batch& batch = open_->batch;
  const auto found = open_->index.find(key);
  if (found == open_->index.end()) {
    const std::size_t index = batch.size();
    if (deleted) {
      batch.Delete(key);
    } else {
      batch.Put(key, value);
    }
    open_->index.emplace(batch.entries()[index].key, index);
    writer_.push_back(operation_);
    operation_writes_.push_back(index);
    return;
  }
  const std::size_t index = found->second;
  if (writer_[index] != operation_) {
    undo_.push_back({index, batch.entries()[index]});
    writer_[index] = operation_;
    operation_writes_.push_back(index);
  }
  batch.Overwrite(index, value, deleted);
}

absl::StatusOr<std::optional<std::string>> StepTransaction::Get(std::string_view key) const {
  const Batch::Entry* entry = open_->Find(key);
  if (entry == nullptr && below_ != nullptr) entry = below_->Find(key);
  if (entry != nullptr) {
    if (entry->deleted) return std::nullopt;
    return std::make_optional<std::string>(entry->value);
  }
  if (!IsRegister(key)) {
    if (AbsenceFilter::Covers(key) && absent_.CertainlyAbsent(key)) return std::nullopt;
    return engine_.Get(key);
  }
  if (const auto found = registers_.find(key); found != registers_.end()) return found->second;
  absl::StatusOr<std::optional<std::string>> value = engine_.Get(key);
  if (value.ok()) registers_.emplace(key, *value);
  return value;
}

// The other stage was committed: what it held is read from the engine from now on.
Stage& StepTransaction::Seal() {
  Write(JournalHeadKey(), EncodeJournalHead(next_head_), false);
  Stage& sealed = *open_;
  sealed.last_change = next_head_.frontier.size();
  for (const Batch::Entry& entry : sealed.batch.entries()) {
    if (!IsRegister(entry.key)) continue;
    registers_.insert_or_assign(
        std::string(entry.key),
        entry.deleted ? std::nullopt : std::make_optional<std::string>(entry.value));
  }
  if (registers_.size() > kRegistersMax) registers_.clear();
  below_ = open_;
  open_ = open_ == &stages_[0] ? &stages_[1] : &stages_[0];
  ClearOpen();
  return sealed;
}

void StepTransaction::ClearOpen() {
  open_->Clear();
  writer_.clear();
  operation_ = 0;
}

void StepTransaction::Drop() {
  head_known_ = false;
  registers_.clear();
  below_ = nullptr;
  ClearOpen();
}

}  // namespace tripoint::storage
