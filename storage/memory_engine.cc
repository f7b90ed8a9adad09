// See memory_engine.h.
#include "storage/memory_engine.h"

#include <iterator>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "proto/contract/error.h"

namespace tripoint::storage {
namespace {

// A value as of some commit; nullopt: deleted by it.
struct Version {
  std::uint64_t commit = 0;
  std::optional<std::string> value;
};

absl::Status TooLarge() {
  return contract::Error(absl::StatusCode::kInvalidArgument, contract::Reason::kTooLarge,
                         "A key or value is over its size limit.",
                         "A record has at most 16 MiB and a key 1 KiB.", "Split the record.");
}

}  // namespace

// All versions that a live snapshot may still ask for, oldest first within a key.
struct MemoryEngine::Store {
  absl::Mutex mutex;
  std::map<std::string, std::vector<Version>, std::less<>> versions ABSL_GUARDED_BY(mutex);
  std::multiset<std::uint64_t> snapshots ABSL_GUARDED_BY(mutex);
  std::uint64_t commit ABSL_GUARDED_BY(mutex) = 0;
  std::uint64_t bytes ABSL_GUARDED_BY(mutex) = 0;

  static const std::string* Visible(const std::vector<Version>& of_key, std::uint64_t commit_seen) {
    for (auto version = of_key.rbegin(); version != of_key.rend(); ++version) {
      if (version->commit <= commit_seen)
        return version->value.has_value() ? &*version->value : nullptr;
    }
    return nullptr;
  }

  void Apply(const Batch::Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    const std::uint64_t oldest = snapshots.empty() ? commit : *snapshots.begin();
    auto found = versions.find(entry.key);
    if (found == versions.end()) {
      if (entry.deleted) return;
      found = versions.emplace(std::string(entry.key), std::vector<Version>()).first;
    }
    std::vector<Version>& of_key = found->second;
    Version version{commit,
                    entry.deleted ? std::nullopt : std::make_optional(std::string(entry.value))};
    bytes += entry.value.size();
    // A version is needed while some snapshot is older than its successor.
    while (!of_key.empty() &&
           (of_key.back().commit == commit || (of_key.size() == 1 && snapshots.empty()))) {
      of_key.pop_back();
    }
    of_key.push_back(std::move(version));
    while (of_key.size() > 1 && of_key[1].commit <= oldest) of_key.erase(of_key.begin());
    if (of_key.size() == 1 && !of_key.front().value.has_value()) versions.erase(found);
  }
};

namespace {

template <typename Store>
class MemoryCursor final : public Cursor {
 public:
  MemoryCursor(std::shared_ptr<Store> store, std::uint64_t commit, std::string_view lower,
               std::string_view upper)
      : store_(std::move(store)), commit_(commit), lower_(lower), upper_(upper) {
    Go(lower_, true);
  }

  void Seek(std::string_view key) override { Go(std::max<std::string_view>(key, lower_), true); }
  void Next() override { Go(std::string(key_), false); }
  bool Valid() const override { return valid_; }
  std::string_view key() const override { return key_; }
  std::string_view value() const override { return value_; }
  absl::Status status() const override { return absl::OkStatus(); }

 private:
  void Go(std::string_view from, bool inclusive) {
    absl::MutexLock lock(&store_->mutex);
    auto place =
        inclusive ? store_->versions.lower_bound(from) : store_->versions.upper_bound(from);
    for (; place != store_->versions.end() && (upper_.empty() || place->first < upper_); ++place) {
      const std::string* value = Store::Visible(place->second, commit_);
      if (value == nullptr) continue;
      key_ = place->first;
      value_ = *value;
      valid_ = true;
      return;
    }
    valid_ = false;
  }

  std::shared_ptr<Store> store_;
  const std::uint64_t commit_;
  const std::string lower_;
  const std::string upper_;
  bool valid_ = false;
  std::string key_;
  std::string value_;
};

template <typename Store>
class MemorySnapshot final : public Snapshot {
 public:
  explicit MemorySnapshot(std::shared_ptr<Store> store) : store_(std::move(store)) {
    absl::MutexLock lock(&store_->mutex);
    commit_ = store_->commit;
    store_->snapshots.insert(commit_);
  }
  ~MemorySnapshot() override {
    absl::MutexLock lock(&store_->mutex);
    store_->snapshots.erase(store_->snapshots.find(commit_));
  }

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override {
    absl::MutexLock lock(&store_->mutex);
    const auto found = store_->versions.find(key);
    if (found == store_->versions.end()) return std::nullopt;
    const std::string* value = Store::Visible(found->second, commit_);
    if (value == nullptr) return std::nullopt;
    return std::make_optional(*value);
  }
  std::unique_ptr<Cursor> NewCursor(std::string_view lower, std::string_view upper) const override {
    return std::make_unique<MemoryCursor<Store>>(store_, commit_, lower, upper);
  }

 private:
  std::shared_ptr<Store> store_;
  std::uint64_t commit_ = 0;
};

}  // namespace

MemoryEngine::MemoryEngine() : store_(std::make_shared<Store>()) {}
MemoryEngine::~MemoryEngine() = default;

absl::StatusOr<std::optional<std::string>> MemoryEngine::Get(std::string_view key) const {
  absl::MutexLock lock(&store_->mutex);
  const auto found = store_->versions.find(key);
  if (found == store_->versions.end() || !found->second.back().value.has_value())
    return std::nullopt;
  return found->second.back().value;
}

std::unique_ptr<Snapshot> MemoryEngine::TakeSnapshot() const {
  return std::make_unique<MemorySnapshot<Store>>(store_);
}

absl::Status MemoryEngine::Commit(const Batch& batch) {
  for (const Batch::Entry& entry : batch.entries()) {
    if (entry.key.empty() || entry.key.size() > kKeyBytesMax || entry.value.size() > kValueBytesMax)
      return TooLarge();
  }
  if (batch.empty()) return absl::OkStatus();
  absl::MutexLock lock(&store_->mutex);
  ++store_->commit;
  for (const Batch::Entry& entry : batch.entries()) store_->Apply(entry);
  return absl::OkStatus();
}

absl::Status MemoryEngine::Checkpoint(const std::string& /*directory*/) {
  return contract::Error(absl::StatusCode::kUnimplemented, contract::Reason::kInternal,
                         "The memory engine makes no checkpoints.", "It has no disk.",
                         "Use the RocksDB engine.");
}

Statistics MemoryEngine::GetStatistics() const {
  absl::MutexLock lock(&store_->mutex);
  Statistics statistics;
  statistics.keys_estimate = store_->versions.size();
  statistics.memory_bytes = store_->bytes;
  return statistics;
}

}  // namespace tripoint::storage
