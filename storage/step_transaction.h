// The committer's view: the open step with its batch, and the batch below it that is being
// committed.
//
// Part of committer_core.cc, which alone includes it; the threads are the core's. Begin, Run and
// Seal make a step; Stage::answers, grown and the change numbers of a sealed stage belong to who
// finishes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "storage/absence_filter.h"
#include "storage/batch.h"
#include "storage/committer.h"
#include "storage/engine.h"
#include "storage/journal_store.h"
#include "storage/merkle.h"
#include "storage/transaction.h"
#include "tripoint/store/v1/records.pb.h"

namespace tripoint::storage {

// Debian's abseil hashes its own string_view only.
struct BytesHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view bytes) const {
    return absl::Hash<absl::string_view>{}({bytes.data(), bytes.size()});
  }
};
template <typename Key, typename Value>
using BytesMap = absl::flat_hash_map<Key, Value, BytesHash, std::equal_to<>>;

// One entry a key in the batch, found by `index`.
struct Stage {
  Batch batch;
  BytesMap<std::string_view, std::size_t> index;  // keys live in the batch's arena
  Answers answers;
  std::vector<ChannelName> grown;
  std::uint64_t first_change = 0;
  std::uint64_t last_change = 0;

  const Batch::Entry* Find(std::string_view key) const {
    const auto found = index.find(key);
    return found == index.end() ? nullptr : &batch.entries()[found->second];
  }
  void Clear() {
    index.clear();
    batch.Clear();
    grown.clear();
  }
};

// The open step, and below it the one that is being committed or was committed last. An operation
// remembers what it overwrote, so that it can be undone.
class StepTransaction final : public Transaction {
 public:
  explicit StepTransaction(const Engine& engine) : engine_(engine) {}

  // A step: Begin and Run for its operations, Seal; Drop when what is durable is not known.
  absl::Status Begin(std::int64_t now_ms);
  void Run(const Operation& operation, Done done);
  Stage& Seal();
  void ClearOpen();
  void Drop();

  // What was stored before this was made is still to be learned.
  AbsenceFilter& absent() { return absent_; }

  Stage& open() { return *open_; }
  const Stage& open() const { return *open_; }

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override;
  std::int64_t now_ms() const override { return now_ms_; }
  std::uint64_t change_number() const override { return next_head_.frontier.size() + 1; }
  std::uint64_t epoch() const override { return next_head_.epoch; }
  void Put(std::string_view key, std::string_view value) override { Write(key, value, false); }
  void Delete(std::string_view key) override { Write(key, {}, true); }
  void Journal(const store::v1::JournalEntry& draft) override {
    if (++journalled_ == 1) draft_ = draft;
  }
  void CountsAs(Importance importance) override { importance_ = importance; }
  void ChannelGrew(const ChannelName& channel) override { operation_grown_.push_back(channel); }

 private:
  struct Undo {
    std::size_t index = 0;
    Batch::Entry entry;
  };

  void Write(std::string_view key, std::string_view value, bool deleted);
  absl::Status Check();
  absl::Status CheckRoom();
  void AppendJournal();
  void Undone();
  Hash WritesDigest();

  const Engine& engine_;
  std::int64_t now_ms_ = 0;
  bool head_known_ = false;
  JournalHead next_head_;  // with the entries of the open step
  // Values of registers before the open step; emptied whenever what is durable is not known.
  mutable BytesMap<std::string, std::optional<std::string>> registers_;

  std::optional<Room> room_;  // of the open step, once it was asked for

  AbsenceFilter absent_;
  Stage stages_[2];
  Stage* open_ = &stages_[0];
  const Stage* below_ = nullptr;
  std::vector<std::uint32_t> writer_;  // for each entry: the operation that wrote it last

  // Of the running operation.
  std::uint32_t operation_ = 0;
  std::size_t operation_begin_ = 0;  // entries before it
  std::vector<std::size_t>
      operation_writes_;  // entries that it wrote, in the order of their first write
  std::vector<Undo> undo_;
  std::vector<ChannelName> operation_grown_;
  Importance importance_ = Importance::kFlash;
  int journalled_ = 0;
  bool too_large_ = false;
  store::v1::JournalEntry draft_;
  std::string scratch_;
};

}  // namespace tripoint::storage
