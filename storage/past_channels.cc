// See past_channels.h.
#include "storage/past_channels.h"

#include <memory>
#include <utility>

#include "storage/keys.h"
#include "storage/names.h"
#include "storage/record_io.h"

namespace tripoint::storage {
namespace {

using store::v1::InboundChannel;
using store::v1::OutboundChannel;

// Numbers that a node never gives: a returned envelope whose own number belongs to another one here
// (this node went on from an old copy of its data) is kept under one of them.
constexpr std::uint64_t kOtherNumbers = std::uint64_t{1} << 62;

template <typename Channel>
absl::StatusOr<std::vector<Channel>> ListPast(const Snapshot& snapshot, Space space,
                                              const ChannelName& channel, std::size_t limit) {
  std::vector<Channel> found;
  const std::string prefix = ChannelKey(space, channel.peer, channel.lane).ToString();
  const std::unique_ptr<Cursor> cursor = snapshot.NewCursor(prefix, PrefixEnd(prefix));
  for (; cursor->Valid() && found.size() < limit; cursor->Next()) {
    absl::StatusOr<Channel> state = ParseRecord<Channel>(cursor->value());
    if (!state.ok()) return state.status();
    found.push_back(*std::move(state));
  }
  if (const absl::Status status = cursor->status(); !status.ok()) return status;
  return found;
}

// The number under which the bytes of a returned envelope stand.
absl::StatusOr<std::uint64_t> KeepEnvelope(Transaction& transaction, std::uint64_t epoch,
                                           std::uint64_t number, const std::string& bytes) {
  const absl::StatusOr<std::optional<std::string>> known = GetEnvelope(transaction, epoch, number);
  if (!known.ok()) return known.status();
  if (known->has_value() && **known == bytes) return number;
  if (known->has_value() || number == 0 || number >= kOtherNumbers) {
    const absl::StatusOr<std::uint64_t> drawn = NextNumber(transaction, Kind::kEnvelope, 0);
    if (!drawn.ok()) return drawn.status();
    number = kOtherNumbers + *drawn;
  }
  transaction.Put(EnvelopeKey(epoch, number), bytes);
  return number;
}

// The tail of a past log at `frontier`, with its open entries, so that it can be lengthened.
absl::StatusOr<OutboundTail> ReopenTail(const Reader& reader, const ChannelName& channel,
                                        std::uint64_t epoch, Frontier frontier) {
  OutboundTail tail{.epoch = epoch, .frontier = std::move(frontier), .open = {}};
  const std::uint64_t size = tail.frontier.size();
  for (std::uint64_t position = BlockFirst(size); position < size; ++position) {
    const absl::StatusOr<std::optional<OutboundEntry>> entry =
        GetOutboundEntry(reader, channel, epoch, position);
    if (!entry.ok()) return entry.status();
    if (!entry->has_value()) return ChannelHole(channel, position);
    AddOpenEntry(tail, **entry);
  }
  return tail;
}

}  // namespace

absl::StatusOr<std::vector<ChannelName>> ListOutboundChannels(const Snapshot& snapshot) {
  std::vector<ChannelName> channels;
  const std::string prefix = Key(Space::kOutboundTail).ToString();
  const std::unique_ptr<Cursor> cursor = snapshot.NewCursor(prefix, PrefixEnd(prefix));
  for (; cursor->Valid(); cursor->Next()) {
    absl::StatusOr<ChannelName> channel = ChannelOfKey(cursor->key().substr(prefix.size()));
    if (!channel.ok()) return channel.status();
    channels.push_back(*std::move(channel));
  }
  if (const absl::Status status = cursor->status(); !status.ok()) return status;
  return channels;
}

absl::Status CloseOutbound(Transaction& transaction, const ChannelName& channel) {
  absl::StatusOr<OutboundTail> tail = GetOutboundTail(transaction, channel);
  if (!tail.ok()) return tail.status();
  if (tail->epoch == transaction.epoch() || tail->epoch == 0) return absl::OkStatus();
  const absl::StatusOr<OutboundTail> fresh = BeginOutboundEpoch(transaction, channel, *tail);
  if (!fresh.ok()) return fresh.status();
  PutOutboundTail(transaction, channel, *fresh);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<OutboundChannel>> GetOutboundPast(const Reader& reader,
                                                               const ChannelName& channel,
                                                               std::uint64_t epoch) {
  return ReadRecord<OutboundChannel>(
      reader, PastChannelKey(Space::kOutboundPast, channel.peer, channel.lane, epoch));
}

void PutOutboundPast(Transaction& transaction, const ChannelName& channel,
                     const OutboundChannel& state) {
  WriteRecord(transaction,
              PastChannelKey(Space::kOutboundPast, channel.peer, channel.lane, state.epoch()),
              state);
}

absl::StatusOr<std::vector<OutboundChannel>> ListOutboundPast(const Snapshot& snapshot,
                                                              const ChannelName& channel,
                                                              std::size_t limit) {
  return ListPast<OutboundChannel>(snapshot, Space::kOutboundPast, channel, limit);
}

absl::StatusOr<std::vector<InboundChannel>> ListInboundPast(const Snapshot& snapshot,
                                                            const ChannelName& channel,
                                                            std::size_t limit) {
  return ListPast<InboundChannel>(snapshot, Space::kInboundPast, channel, limit);
}

absl::StatusOr<PastEnvelope> GetPastEnvelope(const Reader& reader, const ChannelName& channel,
                                             std::uint64_t epoch, std::uint64_t position) {
  const absl::StatusOr<std::optional<OutboundEntry>> entry =
      GetOutboundEntry(reader, channel, epoch, position);
  if (!entry.ok()) return entry.status();
  if (!entry->has_value()) return ChannelHole(channel, position);
  absl::StatusOr<std::optional<std::string>> bytes =
      GetEnvelope(reader, epoch, (*entry)->envelope_number);
  if (!bytes.ok()) return bytes.status();
  if (!bytes->has_value()) return ChannelHole(channel, position);
  if (LeafHash(**bytes) != (*entry)->leaf_hash) return ChannelAltered(channel, position);
  return PastEnvelope{.position = position, .entry = **entry, .bytes = **std::move(bytes)};
}

absl::Status AppendReturned(Transaction& transaction, const ChannelName& channel,
                            OutboundChannel& state, const std::vector<std::string>& envelopes,
                            const std::vector<std::uint64_t>& numbers) {
  const bool begun = state.returned_size() > state.receipted_size();
  absl::StatusOr<Frontier> frontier =
      begun ? FrontierOf(state.size(), state.frontier())
            : FrontierOf(state.receipted_size(), state.receipted_frontier());
  if (!frontier.ok()) return frontier.status();
  absl::StatusOr<OutboundTail> tail =
      ReopenTail(transaction, channel, state.epoch(), *std::move(frontier));
  if (!tail.ok()) return tail.status();
  // Blocks behind the end of the one that is written next are another history's.
  if (!begun)
    DropBlocks(transaction, channel, state.epoch(), BlockFirst(tail->frontier.size()),
               state.size());
  for (std::size_t i = 0; i < envelopes.size(); ++i) {
    const absl::StatusOr<std::uint64_t> number =
        KeepEnvelope(transaction, state.epoch(), numbers[i], envelopes[i]);
    if (!number.ok()) return number.status();
    AppendEntry(transaction, channel, {*number, transaction.now_ms(), LeafHash(envelopes[i])},
                *tail);
    KeepOutboundFrontier(transaction, channel, tail->epoch, tail->frontier);
  }
  CloseTail(transaction, channel, *tail);
  state.set_size(tail->frontier.size());
  state.set_frontier(FrontierHashes(tail->frontier));
  state.set_returned_size(tail->frontier.size());
  return absl::OkStatus();
}

absl::Status DropReturned(Transaction& transaction, const ChannelName& channel,
                          OutboundChannel& state) {
  absl::StatusOr<Frontier> frontier =
      FrontierOf(state.receipted_size(), state.receipted_frontier());
  if (!frontier.ok()) return frontier.status();
  absl::StatusOr<OutboundTail> tail =
      ReopenTail(transaction, channel, state.epoch(), *std::move(frontier));
  if (!tail.ok()) return tail.status();
  // What stands behind it in its block is written over; later blocks are behind the end.
  CloseTail(transaction, channel, *tail);
  state.set_size(tail->frontier.size());
  state.set_frontier(FrontierHashes(tail->frontier));
  state.clear_returned_size();
  state.clear_taken_size();
  state.clear_claimed_size();
  state.clear_claimed_root();
  return absl::OkStatus();
}

}  // namespace tripoint::storage
