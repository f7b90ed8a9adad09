// See outbound_log.h.
#include "storage/outbound_log.h"

#include <bit>
#include <utility>

#include "storage/channel_store.h"
#include "storage/keys.h"
#include "storage/record_io.h"
#include "tripoint/store/v1/records.pb.h"

namespace tripoint::storage {
namespace {

constexpr std::uint64_t kBlockEntries = 16;
constexpr std::size_t kEntryBytes = 8 + 8 + kHashBytes;
// First byte of a block. No record of layout 2 begins with it: no field has the number 0.
constexpr char kBlockForm = '\0';

void EncodeEntry(const OutboundEntry& entry, std::string& target) {
  target += U64Bytes(entry.envelope_number);
  target += U64Bytes(static_cast<std::uint64_t>(entry.time_ms));
  target.append(HashView(entry.leaf_hash));
}

OutboundEntry DecodeEntry(std::string_view bytes) {
  return {.envelope_number = ReadU64(bytes),
          .time_ms = static_cast<std::int64_t>(ReadU64(bytes.substr(8))),
          .leaf_hash = *HashFromBytes(bytes.substr(16, kHashBytes))};
}

// Entries of a block and the position of the first.
struct Block {
  std::uint64_t first = 0;
  std::string entries;

  bool Has(std::uint64_t position) const {
    return position >= first && position - first < entries.size() / kEntryBytes;
  }
};

// The position in the key of the block of `position`: the last that it may hold.
std::uint64_t BlockPosition(std::uint64_t position) { return position | (kBlockEntries - 1); }

// `key_position`: the one in the block's key.
absl::StatusOr<Block> DecodeBlock(std::uint64_t key_position, std::string_view bytes) {
  if (!bytes.empty() && bytes.front() == kBlockForm) {
    bytes.remove_prefix(1);
    if (bytes.size() <= 8 || (bytes.size() - 8) % kEntryBytes != 0) return DamagedRecord();
    Block block{ReadU64(bytes), std::string(bytes.substr(8))};
    const std::uint64_t last = block.first + block.entries.size() / kEntryBytes - 1;
    if (BlockPosition(block.first) != key_position || last > key_position) return DamagedRecord();
    return block;
  }
  const auto record = ParseRecord<store::v1::OutboundEntry>(bytes);
  if (!record.ok()) return record.status();
  const std::optional<Hash> hash = HashFromBytes(record->leaf_hash());
  if (!hash.has_value()) return DamagedRecord();
  Block block{key_position, {}};
  EncodeEntry({record->envelope_number(), record->time_ms(), *hash}, block.entries);
  return block;
}

// All entries of a block have this key, so that it is found without a search.
Key BlockKey(const ChannelName& channel, std::uint64_t epoch, std::uint64_t position) {
  return EntryKey(Space::kOutboundEntry, channel.peer, channel.lane, epoch,
                  BlockPosition(position));
}

void PutBlock(Transaction& transaction, const ChannelName& channel, OutboundTail& tail) {
  if (tail.open.empty()) return;
  const std::uint64_t first = tail.frontier.size() - tail.open.size() / kEntryBytes;
  std::string bytes(1, kBlockForm);
  bytes += U64Bytes(first);
  bytes.append(tail.open);
  transaction.Put(BlockKey(channel, tail.epoch, first), bytes);
  tail.open.clear();
}

Block OpenBlock(const OutboundTail& tail) {
  return {tail.frontier.size() - tail.open.size() / kEntryBytes, tail.open};
}

void EncodeTail(const OutboundTail& tail, std::string& target) {
  target += U64Bytes(tail.epoch);
  tail.frontier.EncodeTo(target);
  target.append(tail.open);
}

// The receipt times of layout 2, one message each.
void MoveReceiptMarks(store::v1::OutboundChannel& state) {
  for (const store::v1::ReceiptMark& mark : state.receipt_marks())
    AddReceiptTime(state, mark.size(), mark.time_ms());
  state.clear_receipt_marks();
}

}  // namespace

absl::Status ChannelHole(const ChannelName& channel, std::uint64_t position) {
  return contract::Error(
      absl::StatusCode::kDataLoss, contract::Reason::kCorrupt,
      "The channel with " + channel.peer + " misses its envelope " + std::to_string(position) + ".",
      "A channel has every position up to its size; stored data was lost.",
      "Stop the node, keep its data folder as it is and restore a backup.");
}

absl::Status ChannelAltered(const ChannelName& channel, std::uint64_t position) {
  return contract::Error(absl::StatusCode::kDataLoss, contract::Reason::kCorrupt,
                         "The envelope at position " + std::to_string(position) +
                             " of the channel with " + channel.peer +
                             " is not the one that was appended there.",
                         "Stored data has changed.",
                         "Stop the node, keep its data folder as it is and restore a backup.");
}

absl::StatusOr<OutboundTail> GetOutboundTail(const Reader& reader, const ChannelName& channel) {
  const absl::StatusOr<std::optional<std::string>> found =
      reader.Get(ChannelKey(Space::kOutboundTail, channel.peer, channel.lane));
  if (!found.ok()) return found.status();
  OutboundTail tail;
  if (!found->has_value()) return tail;
  const std::string_view bytes = **found;
  if (bytes.size() < 16) return DamagedRecord();
  tail.epoch = ReadU64(bytes);
  const std::size_t hashes =
      static_cast<std::size_t>(std::popcount(ReadU64(bytes.substr(8)))) * kHashBytes;
  absl::StatusOr<Frontier> frontier = Frontier::Decode(bytes.substr(8, 8 + hashes));
  if (!frontier.ok()) return frontier.status();
  tail.frontier = *std::move(frontier);
  tail.open = bytes.substr(16 + hashes);
  const std::size_t open = tail.open.size() / kEntryBytes;
  if (tail.open.size() % kEntryBytes != 0 || open > tail.frontier.size() || open >= kBlockEntries) {
    return DamagedRecord();
  }
  return tail;
}

void PutOutboundTail(Transaction& transaction, const ChannelName& channel,
                     const OutboundTail& tail) {
  thread_local std::string bytes;
  bytes.clear();
  EncodeTail(tail, bytes);
  transaction.Put(ChannelKey(Space::kOutboundTail, channel.peer, channel.lane), bytes);
}

void AppendEntry(Transaction& transaction, const ChannelName& channel, const OutboundEntry& entry,
                 OutboundTail& tail) {
  tail.frontier.Append(entry.leaf_hash);
  EncodeEntry(entry, tail.open);
  if (tail.frontier.size() % kBlockEntries == 0) PutBlock(transaction, channel, tail);
}

void CloseTail(Transaction& transaction, const ChannelName& channel, OutboundTail& tail) {
  PutBlock(transaction, channel, tail);
}

absl::StatusOr<std::optional<OutboundEntry>> GetOutboundEntry(const Reader& reader,
                                                              const ChannelName& channel,
                                                              std::uint64_t epoch,
                                                              std::uint64_t position) {
  const auto entry_of = [position](const Block& block) {
    return std::make_optional(DecodeEntry(
        std::string_view(block.entries).substr((position - block.first) * kEntryBytes)));
  };
  const absl::StatusOr<OutboundTail> tail = GetOutboundTail(reader, channel);
  if (!tail.ok()) return tail.status();
  if (const Block open = OpenBlock(*tail); tail->epoch == epoch && open.Has(position))
    return entry_of(open);
  const Key whole = BlockKey(channel, epoch, position);
  const Key single = EntryKey(Space::kOutboundEntry, channel.peer, channel.lane, epoch, position);
  for (const Key* key : {&whole, &single}) {
    const absl::StatusOr<std::optional<std::string>> bytes = reader.Get(*key);
    if (!bytes.ok()) return bytes.status();
    if (!bytes->has_value()) continue;
    const absl::StatusOr<Block> block =
        DecodeBlock(key == &whole ? BlockPosition(position) : position, **bytes);
    if (!block.ok()) return block.status();
    if (block->Has(position)) return entry_of(*block);
  }
  return std::nullopt;
}

std::uint64_t BlockFirst(std::uint64_t size) { return size - size % kBlockEntries; }

void AddOpenEntry(OutboundTail& tail, const OutboundEntry& entry) { EncodeEntry(entry, tail.open); }

void DropBlocks(Transaction& transaction, const ChannelName& channel, std::uint64_t epoch,
                std::uint64_t first, std::uint64_t end) {
  for (; first < end; first += kBlockEntries) transaction.Delete(BlockKey(channel, epoch, first));
}

OutboundEntries::OutboundEntries(const Snapshot& snapshot, const ChannelName& channel,
                                 std::uint64_t epoch, std::uint64_t first)
    : snapshot_(snapshot),
      channel_(channel),
      epoch_(epoch),
      prefix_(PastChannelKey(Space::kOutboundEntry, channel.peer, channel.lane, epoch).ToString()),
      position_(first),
      cursor_(snapshot.NewCursor(
          EntryKey(Space::kOutboundEntry, channel.peer, channel.lane, epoch, first),
          PrefixEnd(prefix_))) {}

// The next block: from the keys as long as there are, then what is open. None at the end.
absl::Status OutboundEntries::Load() {
  Block block;
  if (cursor_->Valid()) {
    const std::string_view first = cursor_->key().substr(prefix_.size());
    if (first.size() != 8) return DamagedRecord();
    absl::StatusOr<Block> decoded = DecodeBlock(ReadU64(first), cursor_->value());
    if (!decoded.ok()) return decoded.status();
    block = *std::move(decoded);
    cursor_->Next();
    // The last block of an epoch that is over may be short.
    if (position_ > block.first && !block.Has(position_)) return Load();
  } else {
    if (!cursor_->status().ok()) return cursor_->status();
    if (std::exchange(tail_taken_, true)) return absl::OkStatus();
    const absl::StatusOr<OutboundTail> tail = GetOutboundTail(snapshot_, channel_);
    if (!tail.ok()) return tail.status();
    if (tail->epoch != epoch_ || position_ >= tail->frontier.size()) return absl::OkStatus();
    block = OpenBlock(*tail);
  }
  if (!block.Has(position_)) return ChannelHole(channel_, position_);
  block_first_ = block.first;
  block_ = std::move(block.entries);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<OutboundEntry>> OutboundEntries::Next() {
  if ((position_ - block_first_) * kEntryBytes >= block_.size()) {
    block_.clear();
    if (const absl::Status status = Load(); !status.ok()) return status;
    if (block_.empty()) return std::nullopt;
  }
  const std::size_t offset = (position_ - block_first_) * kEntryBytes;
  ++position_;
  return std::make_optional(DecodeEntry(std::string_view(block_).substr(offset)));
}

absl::Status SplitOutboundChannels(const Engine& engine, Batch& batch) {
  const std::unique_ptr<Snapshot> snapshot = engine.TakeSnapshot();
  for (const Space space : {Space::kOutboundChannel, Space::kOutboundPast}) {
    const std::string prefix = Key(space).ToString();
    const std::unique_ptr<Cursor> cursor = snapshot->NewCursor(prefix, PrefixEnd(prefix));
    for (; cursor->Valid(); cursor->Next()) {
      absl::StatusOr<store::v1::OutboundChannel> state =
          ParseRecord<store::v1::OutboundChannel>(cursor->value());
      if (!state.ok()) return state.status();
      MoveReceiptMarks(*state);
      if (space == Space::kOutboundChannel) {
        absl::StatusOr<Frontier> frontier = FrontierOf(state->size(), state->frontier());
        if (!frontier.ok()) return frontier.status();
        std::string tail;
        EncodeTail({state->epoch(), *std::move(frontier), {}}, tail);
        std::string key = Key(Space::kOutboundTail).ToString();
        batch.Put(key.append(cursor->key().substr(prefix.size())), tail);
        state->clear_size();
        state->clear_frontier();
      }
      batch.Put(cursor->key(), state->SerializeAsString());
    }
    if (!cursor->status().ok()) return cursor->status();
  }
  return absl::OkStatus();
}

}  // namespace tripoint::storage
