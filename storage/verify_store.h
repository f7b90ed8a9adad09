// Recomputes from the disk what a store says of itself: the journal, every channel's root, every
// envelope.
//
// Used by `tripointd restore` and `verify-backup`. Reads everything once; one thread.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "storage/engine.h"

namespace tripoint::storage {

struct StoreReport {
  std::uint64_t changes = 0;    // of the journal
  std::uint64_t channels = 0;   // of both directions, past epochs too
  std::uint64_t envelopes = 0;  // in them
  std::uint64_t keys = 0;       // all records, read through to their checksums
};

// Errors: DATA_LOSS / CORRUPT what is wrong and where.
absl::StatusOr<StoreReport> VerifyStore(const Snapshot& snapshot);

}  // namespace tripoint::storage
