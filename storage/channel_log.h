// The Merkle log of a channel as it is on the disk, either direction and any epoch: frontiers,
// proofs, and the walk that recomputes it.
//
// Used by evidence, by the check of stored logs and by channel_store. Reads one snapshot; any
// thread. Every kFrontierEvery entries a frontier was kept, so that frontiers and proofs cost short
// walks at any size; where none was (an inbound channel of older software) the walk begins at 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/engine.h"
#include "storage/merkle.h"
#include "storage/transaction.h"
#include "tripoint/store/v1/records.pb.h"

namespace tripoint::storage {

struct LogName {
  bool outbound = false;
  ChannelName channel;
  std::uint64_t epoch = 0;
};

// Frontier of the first `size` entries, from a kept one or `near`, an earlier one of the same log.
// Errors: DATA_LOSS / CORRUPT a hole.
absl::StatusOr<Frontier> FrontierAt(const Snapshot& snapshot, const LogName& log,
                                    std::uint64_t size, Frontier near = {});

// Proof that the entry at `position` is in the log of `size` entries (RFC 9162 2.1.3). Reads fewer
// than 64 * kFrontierEvery entries. Errors: OUT_OF_RANGE / FIELD_INVALID unless position < size;
// DATA_LOSS / CORRUPT.
absl::StatusOr<std::vector<Hash>> ProofAt(const Snapshot& snapshot, const LogName& log,
                                          std::uint64_t position, std::uint64_t size);

// What is stored of a channel in `epoch`, be that over; nullopt: nothing was. Size and frontier are
// those at the end of the epoch, or now. Errors: DATA_LOSS / CORRUPT.
absl::StatusOr<std::optional<store::v1::OutboundChannel>> OutboundOf(const Reader& reader,
                                                                     const ChannelName& channel,
                                                                     std::uint64_t epoch);
absl::StatusOr<std::optional<store::v1::InboundChannel>> InboundOf(const Reader& reader,
                                                                   const ChannelName& channel,
                                                                   std::uint64_t epoch);

// A channel's log that is stored, and the key of its state, by which the logs are ordered.
struct StoredLog {
  std::string key;
  LogName name;
  bool past = false;
};

// The first log behind the state key `after`, empty for the first of all; outbound before inbound.
// Only those with `peer` unless that is empty. nullopt: there is none. Errors: those of reading; a
// state that cannot be read is given with epoch 0.
absl::StatusOr<std::optional<StoredLog>> NextLog(const Snapshot& snapshot, std::string_view after,
                                                 std::string_view peer);

// How much one call of WalkLog reads at most; at least one entry.
struct WalkLimits {
  std::size_t entries_max = 50'000;
  std::size_t bytes_max = 32u << 20;
};

// Goes on from `walked` towards `size`, hashing the envelopes themselves, and compares with what
// was stored beside them: the hash of each outbound entry and the kept frontiers. Errors: DATA_LOSS
// / CORRUPT what does not match, and at which position.
absl::Status WalkLog(const Snapshot& snapshot, const LogName& log, std::uint64_t size,
                     const WalkLimits& limits, Frontier& walked);

// A snapshot that is read by scans only: for a check of stored data, which nobody waits for and
// which may well find a bad block without the node having to end (engine.h, NewScan).
class ScanSnapshot final : public Snapshot {
 public:
  // `snapshot` outlives this.
  explicit ScanSnapshot(const Snapshot& snapshot) : snapshot_(snapshot) {}
  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override;
  std::unique_ptr<Cursor> NewCursor(std::string_view lower, std::string_view upper) const override {
    return snapshot_.NewScan(lower, upper);
  }

 private:
  const Snapshot& snapshot_;
};

}  // namespace tripoint::storage
