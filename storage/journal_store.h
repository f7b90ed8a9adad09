// The journal: one entry for every commit. Read here; appended by the committer core only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/engine.h"
#include "storage/merkle.h"
#include "tripoint/store/v1/records.pb.h"

namespace tripoint::storage {

struct JournalHead {
  std::uint64_t epoch = 0;
  Frontier frontier;  // size() is the latest change number
};

std::string EncodeJournalHead(const JournalHead& head);

// Errors: FAILED_PRECONDITION / CONFIG_INVALID the store is not initialised; DATA_LOSS / CORRUPT it
// cannot be read.
absl::StatusOr<JournalHead> ReadJournalHead(const Reader& reader);

// Entries after `after_change`, in order and without gaps, at most `limit`. Errors: DATA_LOSS /
// CORRUPT a gap.
absl::StatusOr<std::vector<store::v1::JournalEntry>> ReadJournal(const Snapshot& snapshot,
                                                                 std::uint64_t after_change,
                                                                 std::size_t limit);

// Root over the first `size` entries, from what is stored. Errors: DATA_LOSS / CORRUPT a gap.
absl::StatusOr<Hash> JournalRootAt(const Snapshot& snapshot, std::uint64_t size);
// Goes on from `walked` over at most `entries_max` entries, in order and without gaps; fewer only
// at their end. Errors: DATA_LOSS / CORRUPT a gap.
absl::Status WalkJournal(const Snapshot& snapshot, std::size_t entries_max, Frontier& walked);

// That the entries, walked to their end, are what the head of the same snapshot says. Errors:
// DATA_LOSS / CORRUPT.
absl::Status CheckWalked(const JournalHead& head, const Frontier& walked);

// Walks the whole journal: numbers dense from 1, recomputed root equal to the head's, nothing
// behind the head. About 700,000 entries a second. Errors: DATA_LOSS / CORRUPT what is wrong and
// where.
absl::Status VerifyJournal(const Snapshot& snapshot);

}  // namespace tripoint::storage
