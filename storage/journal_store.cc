// See journal_store.h.
#include "storage/journal_store.h"

#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "proto/contract/error.h"
#include "storage/keys.h"

namespace tripoint::storage {
namespace {

using contract::Error;
using contract::Reason;

absl::Status Damaged(std::string what) {
  return Error(absl::StatusCode::kDataLoss, Reason::kCorrupt, std::move(what),
               "The journal has one entry for every change; a gap or another root means that "
               "stored data was lost.",
               "Keep the data folder as it is and restore a backup; the neighbours can prove what "
               "they hold.");
}

}  // namespace

std::string EncodeJournalHead(const JournalHead& head) {
  std::string bytes = U64Bytes(head.epoch);
  head.frontier.EncodeTo(bytes);
  return bytes;
}

absl::StatusOr<JournalHead> ReadJournalHead(const Reader& reader) {
  const absl::StatusOr<std::optional<std::string>> bytes = reader.Get(JournalHeadKey());
  if (!bytes.ok()) return bytes.status();
  if (!bytes->has_value()) {
    return Error(absl::StatusCode::kFailedPrecondition, Reason::kConfigInvalid,
                 "The store is not initialised.", "It has no journal.",
                 "Run `tripointd init` for a new node.");
  }
  const std::string_view stored = **bytes;
  if (stored.size() < 8) return Damaged("The head of the journal cannot be read.");
  absl::StatusOr<Frontier> frontier = Frontier::Decode(stored.substr(8));
  if (!frontier.ok()) return frontier.status();
  return JournalHead{ReadU64(stored), std::move(*frontier)};
}

absl::StatusOr<std::vector<store::v1::JournalEntry>> ReadJournal(const Snapshot& snapshot,
                                                                 std::uint64_t after_change,
                                                                 std::size_t limit) {
  std::vector<store::v1::JournalEntry> entries;
  const std::unique_ptr<Cursor> cursor =
      snapshot.NewCursor(JournalKey(after_change + 1), PrefixEnd(Key(Space::kJournal)));
  for (; entries.size() < limit && cursor->Valid(); cursor->Next()) {
    store::v1::JournalEntry& entry = entries.emplace_back();
    const std::string_view value = cursor->value();
    if (!entry.ParseFromArray(value.data(), static_cast<int>(value.size())) ||
        entry.number() != after_change + entries.size()) {
      return Damaged("The journal has a gap after change " +
                     std::to_string(after_change + entries.size() - 1) + ".");
    }
  }
  if (const absl::Status status = cursor->status(); !status.ok()) return status;
  return entries;
}

absl::Status WalkJournal(const Snapshot& snapshot, std::size_t entries_max, Frontier& walked) {
  const std::unique_ptr<Cursor> cursor =
      snapshot.NewCursor(JournalKey(walked.size() + 1), PrefixEnd(Key(Space::kJournal)));
  for (; entries_max > 0 && cursor->Valid(); cursor->Next(), --entries_max) {
    const std::uint64_t number = walked.size() + 1;
    if (cursor->key() != std::string_view(JournalKey(number))) {
      return Damaged("The journal has a gap at change " + std::to_string(number) + ".");
    }
    walked.Append(LeafHash(cursor->value()));
  }
  return cursor->status();
}

absl::StatusOr<Hash> JournalRootAt(const Snapshot& snapshot, std::uint64_t size) {
  Frontier walked;
  const absl::Status status = WalkJournal(snapshot, size, walked);
  if (!status.ok()) return status;
  if (walked.size() != size)
    return Damaged("The journal has a gap at change " + std::to_string(walked.size() + 1) + ".");
  return walked.Root();
}

absl::Status CheckWalked(const JournalHead& head, const Frontier& walked) {
  if (walked.size() != head.frontier.size()) {
    return Damaged("The journal has " + std::to_string(walked.size()) +
                   " entries and its head says " + std::to_string(head.frontier.size()) + ".");
  }
  if (walked.Root() != head.frontier.Root())
    return Damaged("The entries of the journal do not give its root.");
  return absl::OkStatus();
}

absl::Status VerifyJournal(const Snapshot& snapshot) {
  const absl::StatusOr<JournalHead> head = ReadJournalHead(snapshot);
  if (!head.ok()) return head.status();
  Frontier walked;
  const absl::Status status =
      WalkJournal(snapshot, std::numeric_limits<std::size_t>::max(), walked);
  return status.ok() ? CheckWalked(*head, walked) : status;
}

}  // namespace tripoint::storage
