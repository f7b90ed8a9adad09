// The log of an outbound channel: which envelope stands at which position, and the frontier over
// them. Written by channel_store.cc and schema.cc only, read by server/operations too.
//
// An envelope to 40 units lengthens 40 logs, so appending is what counts: one small register a
// channel (the tail: frontier and newest entries), which a step writes once, and a key for each
// block of 16 positions. Bytes: storage/README.md, "Outbound log". Threads: as the reader or the
// transaction.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/batch.h"
#include "storage/engine.h"
#include "storage/merkle.h"
#include "storage/transaction.h"

namespace tripoint::storage {

// Which envelope stands at a position.
struct OutboundEntry {
  std::uint64_t envelope_number = 0;
  std::int64_t time_ms = 0;  // when it was appended
  Hash leaf_hash = {};
};

// nullopt: the channel is not that long, or of another epoch. Errors: DATA_LOSS / CORRUPT.
absl::StatusOr<std::optional<OutboundEntry>> GetOutboundEntry(const Reader& reader,
                                                              const ChannelName& channel,
                                                              std::uint64_t epoch,
                                                              std::uint64_t position);

// The register of a channel. Positions of `open`: the last ones below the frontier's size.
struct OutboundTail {
  std::uint64_t epoch = 0;
  Frontier frontier;
  std::string open;  // encoded entries that are in no block yet
};

// A channel that was never written: epoch 0, size 0. Errors: DATA_LOSS / CORRUPT.
absl::StatusOr<OutboundTail> GetOutboundTail(const Reader& reader, const ChannelName& channel);
void PutOutboundTail(Transaction& transaction, const ChannelName& channel,
                     const OutboundTail& tail);

// Appends to `tail`, and moves its open entries to their block when that is full.
void AppendEntry(Transaction& transaction, const ChannelName& channel, const OutboundEntry& entry,
                 OutboundTail& tail);
// Moves the open entries to their block, full or not: the epoch is over.
void CloseTail(Transaction& transaction, const ChannelName& channel, OutboundTail& tail);

// Entries of one epoch in order of position, beginning at `first`.
class OutboundEntries {
 public:
  OutboundEntries(const Snapshot& snapshot, const ChannelName& channel, std::uint64_t epoch,
                  std::uint64_t first);

  // The next one; nullopt at the end. Errors: DATA_LOSS / CORRUPT for a hole or a damaged block.
  absl::StatusOr<std::optional<OutboundEntry>> Next();

 private:
  absl::Status Load();

  const Snapshot& snapshot_;
  const ChannelName channel_;
  const std::uint64_t epoch_;
  const std::string prefix_;  // of the keys of this epoch
  std::uint64_t position_;    // of the next entry
  std::unique_ptr<Cursor> cursor_;
  bool tail_taken_ = false;
  std::string block_;              // encoded entries that were read
  std::uint64_t block_first_ = 0;  // position of the first of them
};

// For the log of an epoch that is over: position of the first entry of the block that ends a log of
// `size`; an entry put back among the open ones.
std::uint64_t BlockFirst(std::uint64_t size);
void AddOpenEntry(OutboundTail& tail, const OutboundEntry& entry);
// Removes the blocks that begin in [first, end).
void DropBlocks(Transaction& transaction, const ChannelName& channel, std::uint64_t epoch,
                std::uint64_t first, std::uint64_t end);

// The error for a position that must be there and is not.
absl::Status ChannelHole(const ChannelName& channel, std::uint64_t position);
// The one for an envelope whose bytes are not those of its leaf any more.
absl::Status ChannelAltered(const ChannelName& channel, std::uint64_t position);

// Layout 2 to 3: tails of the present channels, receipt times of all. The entries stay as they are
// and are read as blocks of one.
absl::Status SplitOutboundChannels(const Engine& engine, Batch& batch);

}  // namespace tripoint::storage
