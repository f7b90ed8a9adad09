// See channel_store.h.
#include "storage/channel_store.h"

#include <memory>
#include <utility>

#include "proto/contract/error.h"
#include "storage/keys.h"
#include "storage/record_io.h"

namespace tripoint::storage {
namespace {

using contract::Error;
using contract::Reason;
using store::v1::InboundChannel;
using store::v1::OutboundChannel;
using store::v1::OutboundEntry;
using store::v1::QuarantineRecord;

absl::Status Hole(const ChannelName& channel, std::uint64_t position) {
  return Error(
      absl::StatusCode::kDataLoss, Reason::kCorrupt,
      "The channel with " + channel.peer + " misses its envelope " + std::to_string(position) + ".",
      "A channel has every position up to its size; stored data was lost.",
      "Stop the node, keep its data folder as it is and restore a backup.");
}

template <typename Channel>
absl::StatusOr<Channel> ReadChannel(const Reader& reader, Space space, const ChannelName& channel) {
  absl::StatusOr<std::optional<Channel>> state =
      ReadRecord<Channel>(reader, ChannelKey(space, channel.peer, channel.lane));
  if (!state.ok()) return state.status();
  return state->has_value() ? std::move(**state) : Channel();
}

template <typename Channel>
absl::Status ReplaceChannel(Transaction& transaction, Space space, Space past,
                            const ChannelName& channel, const Channel& state) {
  const absl::StatusOr<Channel> before = ReadChannel<Channel>(transaction, space, channel);
  if (!before.ok()) return before.status();
  if (before->size() != 0 && before->epoch() != state.epoch()) {
    WriteRecord(transaction, PastChannelKey(past, channel.peer, channel.lane, before->epoch()),
                *before);
  }
  WriteRecord(transaction, ChannelKey(space, channel.peer, channel.lane), state);
  return absl::OkStatus();
}

// The kept frontier that is nearest before `size`; the empty one when there is none.
absl::StatusOr<Frontier> KeptFrontier(const Snapshot& snapshot, const ChannelName& channel,
                                      const OutboundChannel& state, std::uint64_t size) {
  Frontier frontier;
  if (size >= kFrontierEvery) {
    const std::uint64_t kept = size - size % kFrontierEvery;
    const absl::StatusOr<std::optional<std::string>> bytes = snapshot.Get(
        EntryKey(Space::kOutboundFrontier, channel.peer, channel.lane, state.epoch(), kept));
    if (!bytes.ok()) return bytes.status();
    if (bytes->has_value()) {  // layout 1 kept none
      absl::StatusOr<Frontier> decoded = Frontier::Decode(**bytes);
      if (!decoded.ok()) return decoded;
      if (decoded->size() != kept) return DamagedRecord();
      frontier = *std::move(decoded);
    }
  }
  if (state.receipted_size() <= frontier.size() || state.receipted_size() > size) return frontier;
  return FrontierOf(state.receipted_size(), state.receipted_frontier());
}

// Reads envelopes whose numbers climb, as those of a channel do: the first by its key, the others
// mostly as the next ones of a cursor, which costs a step instead of a search.
class EnvelopeReader {
 public:
  EnvelopeReader(const Snapshot& snapshot, std::uint64_t epoch)
      : snapshot_(snapshot), epoch_(epoch) {}

  // nullopt: there is none of this number.
  absl::StatusOr<std::optional<std::string>> Read(std::uint64_t number) {
    const Key wanted = EnvelopeKey(epoch_, number);
    if (!std::exchange(begun_, true)) return snapshot_.Get(wanted);
    if (cursor_ == nullptr) {
      cursor_ = snapshot_.NewCursor(wanted, PrefixEnd(Key(Space::kEnvelope).U64(epoch_)));
    } else {
      for (int steps = 0; cursor_->Valid() && cursor_->key() < wanted && steps < kStepsMax; ++steps)
        cursor_->Next();
      if (!cursor_->Valid() || cursor_->key() != std::string_view(wanted)) cursor_->Seek(wanted);
    }
    if (!cursor_->Valid()) {
      if (const absl::Status status = cursor_->status(); !status.ok()) return status;
      return std::nullopt;
    }
    if (cursor_->key() != std::string_view(wanted)) return std::nullopt;
    return std::make_optional(std::string(cursor_->value()));
  }

 private:
  static constexpr int kStepsMax = 4;  // beyond, a search is cheaper

  const Snapshot& snapshot_;
  const std::uint64_t epoch_;
  bool begun_ = false;
  std::unique_ptr<Cursor> cursor_;
};

}  // namespace

absl::StatusOr<Frontier> FrontierOf(std::uint64_t size, std::string_view hashes) {
  return Frontier::Decode(U64Bytes(size).append(hashes));
}

std::string FrontierHashes(const Frontier& frontier) { return frontier.Encode().substr(8); }

void PutEnvelope(Transaction& transaction, std::uint64_t number, std::string_view bytes) {
  transaction.Put(EnvelopeKey(transaction.epoch(), number), bytes);
}

absl::StatusOr<std::optional<std::string>> GetEnvelope(const Reader& reader, std::uint64_t epoch,
                                                       std::uint64_t number) {
  return reader.Get(EnvelopeKey(epoch, number));
}

absl::StatusOr<OutboundChannel> GetOutboundChannel(const Reader& reader,
                                                   const ChannelName& channel) {
  return ReadChannel<OutboundChannel>(reader, Space::kOutboundChannel, channel);
}

absl::Status PutOutboundChannel(Transaction& transaction, const ChannelName& channel,
                                const OutboundChannel& state) {
  return ReplaceChannel(transaction, Space::kOutboundChannel, Space::kOutboundPast, channel, state);
}

absl::StatusOr<std::uint64_t> AppendOutbound(Transaction& transaction, const ChannelName& channel,
                                             std::uint64_t envelope_number, const Hash& leaf_hash) {
  absl::StatusOr<OutboundChannel> state = GetOutboundChannel(transaction, channel);
  if (!state.ok()) return state.status();
  if (state->epoch() != transaction.epoch()) {
    OutboundChannel fresh;
    fresh.set_epoch(transaction.epoch());
    if (absl::Status status = PutOutboundChannel(transaction, channel, fresh); !status.ok())
      return status;
    *state = std::move(fresh);
  }
  absl::StatusOr<Frontier> frontier = FrontierOf(state->size(), state->frontier());
  if (!frontier.ok()) return frontier.status();
  const std::uint64_t position = frontier->size();
  frontier->Append(leaf_hash);
  state->set_size(frontier->size());
  state->set_frontier(FrontierHashes(*frontier));

  OutboundEntry entry;
  entry.set_envelope_number(envelope_number);
  entry.set_leaf_hash(std::string(HashView(leaf_hash)));
  entry.set_time_ms(transaction.now_ms());
  WriteRecord(transaction,
              EntryKey(Space::kOutboundEntry, channel.peer, channel.lane, state->epoch(), position),
              entry);
  WriteRecord(transaction, ChannelKey(Space::kOutboundChannel, channel.peer, channel.lane), *state);
  if (frontier->size() % kFrontierEvery == 0) {
    transaction.Put(EntryKey(Space::kOutboundFrontier, channel.peer, channel.lane, state->epoch(),
                             frontier->size()),
                    frontier->Encode());
  }
  transaction.ChannelGrew(channel);
  return position;
}

absl::StatusOr<bool> EnterReceipt(OutboundChannel& state, std::uint64_t epoch,
                                  const Frontier& receipted, std::string_view signature) {
  if (epoch != state.epoch() || receipted.size() > state.size()) {
    return Error(absl::StatusCode::kAborted, Reason::kLinkProtocol,
                 "A receipt covers more than was sent, or another epoch",
                 "A receipt is the signed head of what this node sent.",
                 "Report it to the peer's operators; the link starts again.");
  }
  if (receipted.size() <= state.receipted_size()) return false;
  const absl::StatusOr<Frontier> sent = FrontierOf(state.size(), state.frontier());
  if (!sent.ok()) return sent.status();
  if (!receipted.MayBegin(*sent)) {
    return Error(absl::StatusCode::kDataLoss, Reason::kChannelFork,
                 "A receipt is over other envelopes than those that were sent",
                 "Its root differs from the root of this channel at the same size.",
                 "Keep the channel stopped and call the peer's operators.");
  }
  state.set_receipted_size(receipted.size());
  state.set_receipted_frontier(FrontierHashes(receipted));
  state.set_receipt_signature(std::string(signature));
  return true;
}

absl::StatusOr<std::vector<ChannelEnvelope>> ReadOutbound(const Snapshot& snapshot,
                                                          const ChannelName& channel,
                                                          std::uint64_t epoch, std::uint64_t first,
                                                          std::size_t count_max,
                                                          std::size_t bytes_max) {
  std::vector<ChannelEnvelope> envelopes;
  std::size_t bytes = 0;
  const std::string prefix =
      PastChannelKey(Space::kOutboundEntry, channel.peer, channel.lane, epoch).ToString();
  const std::unique_ptr<Cursor> cursor = snapshot.NewCursor(
      EntryKey(Space::kOutboundEntry, channel.peer, channel.lane, epoch, first), PrefixEnd(prefix));
  EnvelopeReader reader(snapshot, epoch);
  for (; cursor->Valid() && envelopes.size() < count_max && bytes < bytes_max; cursor->Next()) {
    const std::uint64_t position = ReadU64(cursor->key().substr(prefix.size()));
    if (position != first + envelopes.size()) return Hole(channel, first + envelopes.size());
    const absl::StatusOr<OutboundEntry> entry = ParseRecord<OutboundEntry>(cursor->value());
    if (!entry.ok()) return entry.status();
    absl::StatusOr<std::optional<std::string>> envelope = reader.Read(entry->envelope_number());
    if (!envelope.ok()) return envelope.status();
    if (!envelope->has_value()) return Hole(channel, position);
    if (!envelopes.empty() && bytes + (*envelope)->size() > bytes_max) break;
    bytes += (*envelope)->size();
    envelopes.push_back({position, std::move(**envelope)});
  }
  if (const absl::Status status = cursor->status(); !status.ok()) return status;
  return envelopes;
}

absl::StatusOr<std::optional<OutboundEntry>> GetOutboundEntry(const Reader& reader,
                                                              const ChannelName& channel,
                                                              std::uint64_t epoch,
                                                              std::uint64_t position) {
  return ReadRecord<OutboundEntry>(
      reader, EntryKey(Space::kOutboundEntry, channel.peer, channel.lane, epoch, position));
}

absl::StatusOr<Frontier> OutboundFrontierAt(const Snapshot& snapshot, const ChannelName& channel,
                                            std::uint64_t size) {
  const absl::StatusOr<OutboundChannel> state = GetOutboundChannel(snapshot, channel);
  if (!state.ok()) return state.status();
  if (size > state->size()) {
    return Error(
        absl::StatusCode::kOutOfRange, Reason::kFieldInvalid, "The channel is not that long.",
        "It has " + std::to_string(state->size()) + " envelopes.", "Ask for a size up to that.");
  }
  if (size == state->size()) return FrontierOf(size, state->frontier());
  absl::StatusOr<Frontier> frontier = KeptFrontier(snapshot, channel, *state, size);
  if (!frontier.ok()) return frontier.status();
  const std::string prefix =
      PastChannelKey(Space::kOutboundEntry, channel.peer, channel.lane, state->epoch()).ToString();
  const std::unique_ptr<Cursor> cursor = snapshot.NewCursor(
      EntryKey(Space::kOutboundEntry, channel.peer, channel.lane, state->epoch(), frontier->size()),
      PrefixEnd(prefix));
  for (; frontier->size() < size; cursor->Next()) {
    if (!cursor->Valid()) {
      return cursor->status().ok() ? Hole(channel, frontier->size()) : cursor->status();
    }
    if (ReadU64(cursor->key().substr(prefix.size())) != frontier->size())
      return Hole(channel, frontier->size());
    const absl::StatusOr<OutboundEntry> entry = ParseRecord<OutboundEntry>(cursor->value());
    if (!entry.ok()) return entry.status();
    const std::optional<Hash> hash = HashFromBytes(entry->leaf_hash());
    if (!hash.has_value()) return DamagedRecord();
    frontier->Append(*hash);
  }
  return frontier;
}

absl::StatusOr<InboundChannel> GetInboundChannel(const Reader& reader, const ChannelName& channel) {
  return ReadChannel<InboundChannel>(reader, Space::kInboundChannel, channel);
}

absl::Status PutInboundChannel(Transaction& transaction, const ChannelName& channel,
                               const InboundChannel& state) {
  return ReplaceChannel(transaction, Space::kInboundChannel, Space::kInboundPast, channel, state);
}

void PutInboundEntry(Transaction& transaction, const ChannelName& channel, std::uint64_t epoch,
                     std::uint64_t position, std::string_view bytes) {
  transaction.Put(EntryKey(Space::kInboundEntry, channel.peer, channel.lane, epoch, position),
                  bytes);
}

absl::StatusOr<std::optional<std::string>> GetInboundEntry(const Reader& reader,
                                                           const ChannelName& channel,
                                                           std::uint64_t epoch,
                                                           std::uint64_t position) {
  return reader.Get(EntryKey(Space::kInboundEntry, channel.peer, channel.lane, epoch, position));
}

absl::StatusOr<Frontier> InboundFrontierAt(const Snapshot& snapshot, const ChannelName& channel,
                                           std::uint64_t epoch, std::uint64_t size) {
  Frontier frontier;
  const absl::Status status =
      ExtendFrontier(frontier, size, [&](std::uint64_t position) -> absl::StatusOr<Hash> {
        const absl::StatusOr<std::optional<std::string>> bytes =
            GetInboundEntry(snapshot, channel, epoch, position);
        if (!bytes.ok()) return bytes.status();
        if (!bytes->has_value()) return Hole(channel, position);
        return LeafHash(**bytes);
      });
  if (!status.ok()) return status;
  return frontier;
}

void PutQuarantine(Transaction& transaction, const QuarantineRecord& record) {
  WriteRecord(
      transaction,
      QuarantineKey(record.outbound(), record.unit(), static_cast<std::uint8_t>(record.lane()),
                    record.epoch(), record.position()),
      record);
}

absl::StatusOr<std::optional<QuarantineRecord>> GetQuarantine(const Reader& reader, bool outbound,
                                                              const ChannelName& channel,
                                                              std::uint64_t epoch,
                                                              std::uint64_t position) {
  return ReadRecord<QuarantineRecord>(
      reader, QuarantineKey(outbound, channel.peer, channel.lane, epoch, position));
}

absl::StatusOr<QuarantinePage> ListQuarantine(const Snapshot& snapshot, std::string_view resume,
                                              std::size_t limit) {
  const std::string prefix = Key(Space::kQuarantine).ToString();
  if (!resume.empty() && resume.substr(0, 1) != prefix) {
    return Error(absl::StatusCode::kInvalidArgument, Reason::kPageTokenInvalid,
                 "The page token does not belong to this list.",
                 "It was made by another node or query.", "List again from the first page.");
  }
  QuarantinePage page;
  const std::unique_ptr<Cursor> cursor =
      snapshot.NewCursor(resume.empty() ? prefix : resume, PrefixEnd(prefix));
  for (; cursor->Valid(); cursor->Next()) {
    if (page.records.size() == limit) {
      page.resume = std::string(cursor->key());
      return page;
    }
    absl::StatusOr<QuarantineRecord> record = ParseRecord<QuarantineRecord>(cursor->value());
    if (!record.ok()) return record.status();
    page.records.push_back(std::move(*record));
  }
  if (const absl::Status status = cursor->status(); !status.ok()) return status;
  return page;
}

}  // namespace tripoint::storage
