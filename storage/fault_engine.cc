// See fault_engine.h.
#include "storage/fault_engine.h"

#include <utility>

#include "proto/contract/error.h"

namespace tripoint::storage {
namespace {

absl::Status Unknown() {
  return contract::Error(absl::StatusCode::kUnavailable, contract::Reason::kOutcomeUnknown,
                         "Whether the change was stored is not known.",
                         "The disk reported an error while writing.",
                         "Repeat the call with the same request id.");
}

absl::Status Unreadable() {
  return contract::Error(absl::StatusCode::kUnavailable, contract::Reason::kOutcomeUnknown,
                         "The stored data could not be read.",
                         "The disk reported an error while reading.", "Repeat the call.");
}

absl::Status DiskFull() {
  return contract::Error(absl::StatusCode::kResourceExhausted, contract::Reason::kDiskFull,
                         "Nothing was stored: the disk is full.",
                         "The store needs free space to write.",
                         "Free space on the node's disk and repeat the call.");
}

Batch CopyOf(const Batch& batch, std::size_t count) {
  Batch copy;
  for (std::size_t i = 0; i < count; ++i) {
    const Batch::Entry& entry = batch.entries()[i];
    if (entry.deleted) {
      copy.Delete(entry.key);
    } else {
      copy.Put(entry.key, entry.value);
    }
  }
  return copy;
}

// What undoes `batch` from the present state.
Batch InverseOf(const Batch& batch, const Engine& engine) {
  Batch inverse;
  for (const Batch::Entry& entry : batch.entries()) {
    const auto value = engine.Get(entry.key);
    if (value.ok() && value->has_value()) {
      inverse.Put(entry.key, **value);
    } else {
      inverse.Delete(entry.key);
    }
  }
  return inverse;
}

class FaultCursor final : public Cursor {
 public:
  FaultCursor(std::unique_ptr<Cursor> cursor, ReadFault& fault)
      : cursor_(std::move(cursor)), fault_(fault), status_(fault.Read()) {}

  void Seek(std::string_view key) override {
    cursor_->Seek(key);
    status_ = fault_.Read();
  }
  void Next() override {
    cursor_->Next();
    status_ = fault_.Read();
  }
  bool Valid() const override { return status_.ok() && cursor_->Valid(); }
  std::string_view key() const override { return cursor_->key(); }
  std::string_view value() const override { return cursor_->value(); }
  absl::Status status() const override { return status_; }

 private:
  const std::unique_ptr<Cursor> cursor_;
  ReadFault& fault_;
  absl::Status status_;
};

class FaultSnapshot final : public Snapshot {
 public:
  FaultSnapshot(std::unique_ptr<Snapshot> snapshot, ReadFault& fault)
      : snapshot_(std::move(snapshot)), fault_(fault) {}

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override {
    if (absl::Status failed = fault_.Read(); !failed.ok()) return failed;
    return snapshot_->Get(key);
  }
  std::unique_ptr<Cursor> NewCursor(std::string_view lower, std::string_view upper) const override {
    return std::make_unique<FaultCursor>(snapshot_->NewCursor(lower, upper), fault_);
  }

 private:
  const std::unique_ptr<Snapshot> snapshot_;
  ReadFault& fault_;
};

}  // namespace

absl::Status ReadFault::Read() {
  std::uint64_t left = left_;
  while (left != 0 && !left_.compare_exchange_weak(left, left - 1)) {
  }
  return left == 1 ? Unreadable() : absl::OkStatus();
}

FaultEngine::FaultEngine(const FaultPlan& plan) : plan_(plan), random_(plan.seed) {}

void FaultEngine::Script(Fault fault) {
  absl::MutexLock lock(&mutex_);
  script_.push_back(fault);
}

void FaultEngine::SetPlan(const FaultPlan& plan) {
  absl::MutexLock lock(&mutex_);
  plan_ = plan;
  random_ = plan.seed;
}

void FaultEngine::SetDiskFull(bool full) {
  absl::MutexLock lock(&mutex_);
  disk_full_ = full;
  if (!full) stage_ = DiskStage::kAll;
}

void FaultEngine::SetStage(DiskStage stage) {
  absl::MutexLock lock(&mutex_);
  stage_ = stage;
}

Room FaultEngine::GetRoom() const {
  constexpr std::uint64_t kUsable = std::uint64_t{100} << 30;
  const Floors floors;
  absl::MutexLock lock(&mutex_);
  const auto refused = static_cast<Importance>(static_cast<int>(stage_) - 1);
  const std::uint64_t free =
      stage_ == DiskStage::kAll ? kUsable : FloorOf(refused, floors, kUsable) - 1;
  return {
      .stage = stage_, .space = {.usable_bytes = kUsable, .free_bytes = free}, .floors = floors};
}

void FaultEngine::Crash() {
  absl::MutexLock lock(&mutex_);
  // Newest first: the inverse of a lie was taken over the state that earlier lies had left.
  while (!at_crash_.empty()) {
    const absl::Status applied = memory_.Commit(at_crash_.back());
    applied.IgnoreError();  // every entry was within its limits when it came
    at_crash_.pop_back();
  }
  script_.clear();
  broken_ = false;
}

void FaultEngine::CommitBehind(const Batch& batch) {
  const absl::Status written = memory_.Commit(batch);
  written.IgnoreError();  // every entry was within its limits when it came
}

std::int64_t FaultEngine::last_delay_us() const {
  absl::MutexLock lock(&mutex_);
  return last_delay_us_;
}

std::uint64_t FaultEngine::commits() const {
  absl::MutexLock lock(&mutex_);
  return commits_;
}

std::uint64_t FaultEngine::faults() const {
  absl::MutexLock lock(&mutex_);
  return faults_;
}

absl::StatusOr<std::optional<std::string>> FaultEngine::Get(std::string_view key) const {
  if (absl::Status failed = read_fault_.Read(); !failed.ok()) return failed;
  return memory_.Get(key);
}

std::unique_ptr<Snapshot> FaultEngine::TakeSnapshot() const {
  if (!read_fault_.pending()) return memory_.TakeSnapshot();
  return std::make_unique<FaultSnapshot>(memory_.TakeSnapshot(), read_fault_);
}

// SplitMix64: equal seeds give equal faults on every platform.
std::uint64_t FaultEngine::Random() {
  random_ += 0x9e3779b97f4a7c15;
  std::uint64_t mixed = random_;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return mixed ^ (mixed >> 31);
}

Fault FaultEngine::NextFault() {
  last_delay_us_ =
      plan_.delay_us_max == 0
          ? 0
          : static_cast<std::int64_t>(Random() % static_cast<std::uint64_t>(plan_.delay_us_max));
  if (disk_full_) return Fault::kDiskFull;
  if (!script_.empty()) {
    const Fault fault = script_.front();
    script_.pop_front();
    return fault;
  }
  int draw = static_cast<int>(Random() % 1000);
  if ((draw -= plan_.fail_lost_per_mille) < 0) return Fault::kFailLost;
  if ((draw -= plan_.fail_stored_per_mille) < 0) return Fault::kFailStored;
  if ((draw -= plan_.fail_later_per_mille) < 0) return Fault::kFailLater;
  if ((draw -= plan_.disk_full_per_mille) < 0) return Fault::kDiskFull;
  if ((draw -= plan_.fail_torn_per_mille) < 0) return Fault::kFailTorn;
  return Fault::kNone;
}

absl::Status FaultEngine::Commit(const Batch& batch) {
  absl::MutexLock lock(&mutex_);
  if (batch.empty()) return absl::OkStatus();
  ++commits_;
  const Fault fault = NextFault();
  if (broken_) {
    ++faults_;
    return Unknown();
  }
  if (fault != Fault::kNone) ++faults_;
  switch (fault) {
    case Fault::kNone:
      at_crash_.clear();  // an honest sync settles what earlier ones only promised
      return memory_.Commit(batch);
    case Fault::kFailLost:
      return Unknown();
    case Fault::kFailStored: {
      const absl::Status stored = memory_.Commit(batch);
      return stored.ok() ? Unknown() : stored;
    }
    case Fault::kFailLater:
      at_crash_.push_back(CopyOf(batch, batch.size()));
      broken_ = true;
      return Unknown();
    case Fault::kFailTorn:
      broken_ = true;
      return Unknown();
    case Fault::kTear:
      broken_ = true;
      at_crash_.push_back(CopyOf(batch, static_cast<std::size_t>(Random() % batch.size())));
      return Unknown();
    case Fault::kDiskFull:
      return DiskFull();
    case Fault::kLie:
      at_crash_.push_back(InverseOf(batch, memory_));
      return memory_.Commit(batch);
  }
  return Unknown();
}

absl::Status FaultEngine::Checkpoint(const std::string& directory) {
  return memory_.Checkpoint(directory);
}

Statistics FaultEngine::GetStatistics() const {
  Statistics statistics = memory_.GetStatistics();
  absl::MutexLock lock(&mutex_);
  statistics.writes_stopped = disk_full_;
  return statistics;
}

}  // namespace tripoint::storage
