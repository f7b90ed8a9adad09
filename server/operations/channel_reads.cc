// What the exchange reads of its channels. See channels.h. Any thread.
#include <set>
#include <utility>

#include "proto/contract/error.h"
#include "server/operations/channels.h"
#include "server/operations/common.h"
#include "server/operations/recovery_record.h"
#include "storage/channel_store.h"
#include "storage/keys.h"
#include "storage/outbound_log.h"
#include "storage/past_channels.h"

namespace tripoint::operations {
namespace {

using storage::ChannelName;

absl::StatusOr<OutboundState> LoadOutbound(const storage::Reader& reader,
                                           const ChannelName& channel) {
  absl::StatusOr<store::v1::OutboundChannel> stored = storage::GetOutboundChannel(reader, channel);
  if (!stored.ok()) return stored.status();
  OutboundState state;
  state.epoch = stored->epoch();
  absl::StatusOr<storage::Frontier> frontier =
      storage::FrontierOf(stored->size(), stored->frontier());
  if (!frontier.ok()) return frontier.status();
  state.frontier = *std::move(frontier);
  frontier = storage::FrontierOf(stored->receipted_size(), stored->receipted_frontier());
  if (!frontier.ok()) return frontier.status();
  state.receipted = *std::move(frontier);
  state.receipt_signature = stored->receipt_signature();
  state.receipt_epoch = stored->receipt_epoch();
  state.quarantine_reason = stored->quarantine_reason();
  return state;
}

absl::StatusOr<InboundState> FromRecord(const storage::Reader& reader,
                                        const store::v1::InboundChannel& stored) {
  InboundState state;
  state.epoch = stored.epoch();
  absl::StatusOr<storage::Frontier> frontier =
      storage::FrontierOf(stored.size(), stored.frontier());
  if (!frontier.ok()) return frontier.status();
  state.frontier = *std::move(frontier);
  state.head_signature = stored.head_signature();
  absl::StatusOr<std::string> certificate =
      storage::GetCertificate(reader, stored.head_certificate());
  if (!certificate.ok()) return certificate.status();
  state.head_certificate = *std::move(certificate);
  state.receipt_signature = stored.receipt_signature();
  state.quarantine_reason = stored.quarantine_reason();
  return state;
}

absl::StatusOr<InboundState> LoadInbound(const storage::Reader& reader,
                                         const ChannelName& channel) {
  const absl::StatusOr<store::v1::InboundChannel> stored =
      storage::GetInboundChannel(reader, channel);
  if (!stored.ok()) return stored.status();
  return FromRecord(reader, *stored);
}

}  // namespace

absl::StatusOr<OutboundRange> ReadOutboundRange(const storage::Snapshot& snapshot,
                                                std::string_view peer, std::uint8_t lane,
                                                std::uint64_t epoch, std::uint64_t first,
                                                std::size_t bytes_max, std::size_t items_max,
                                                storage::SharedEnvelopes* shared) {
  absl::StatusOr<std::vector<storage::ChannelEnvelope>> read = storage::ReadOutbound(
      snapshot, ChannelName{std::string(peer), lane}, epoch, first, items_max, bytes_max, shared);
  if (!read.ok()) return read.status();
  OutboundRange range;
  range.first = first;
  range.envelopes.reserve(read->size());
  range.leaf_hashes.reserve(read->size());
  for (storage::ChannelEnvelope& envelope : *read) {
    range.leaf_hashes.push_back(envelope.leaf_hash);
    range.envelopes.push_back(std::move(envelope.bytes));
  }
  return range;
}

absl::StatusOr<PeerChannels> LoadChannels(const storage::Reader& reader, std::string_view peer) {
  PeerChannels channels;
  for (std::uint8_t lane = 1; lane <= 3; ++lane) {
    const ChannelName channel{std::string(peer), lane};
    absl::StatusOr<OutboundState> outbound = LoadOutbound(reader, channel);
    if (!outbound.ok()) return outbound.status();
    channels.outbound[lane - 1u] = *std::move(outbound);
    absl::StatusOr<InboundState> inbound = LoadInbound(reader, channel);
    if (!inbound.ok()) return inbound.status();
    channels.inbound[lane - 1u] = *std::move(inbound);
  }
  return channels;
}

absl::StatusOr<storage::Frontier> OutboundFrontier(const storage::Reader& reader,
                                                   std::string_view peer, std::uint8_t lane,
                                                   std::uint64_t epoch) {
  absl::StatusOr<storage::OutboundTail> tail =
      storage::GetOutboundTail(reader, ChannelName{std::string(peer), lane});
  if (!tail.ok()) return tail.status();
  if (tail->epoch != epoch) return storage::Frontier();
  return std::move(tail->frontier);
}

absl::StatusOr<storage::Frontier> OutboundFrontierAt(const storage::Snapshot& snapshot,
                                                     std::string_view peer, std::uint8_t lane,
                                                     std::uint64_t size) {
  return storage::OutboundFrontierAt(snapshot, ChannelName{std::string(peer), lane}, size);
}

absl::StatusOr<std::vector<exchange::v1::Refusal>> ReadRefusals(
    const storage::Snapshot& snapshot, std::string_view peer, std::uint8_t lane,
    std::uint64_t epoch, std::uint64_t first, std::uint64_t end, std::size_t items_max) {
  std::vector<exchange::v1::Refusal> refusals;
  const std::unique_ptr<storage::Cursor> cursor =
      snapshot.NewCursor(storage::QuarantineKey(false, peer, lane, epoch, first),
                         storage::QuarantineKey(false, peer, lane, epoch, end));
  for (; cursor->Valid() && refusals.size() < items_max; cursor->Next()) {
    store::v1::QuarantineRecord record;
    if (!record.ParseFromArray(cursor->value().data(), static_cast<int>(cursor->value().size()))) {
      return Corrupt("A quarantine record cannot be read");
    }
    exchange::v1::Refusal& refusal = refusals.emplace_back();
    refusal.set_position(record.position());
    refusal.set_reason_code(record.reason_code());
  }
  if (!cursor->status().ok()) return cursor->status();
  return refusals;
}

absl::StatusOr<PastChannels> LoadPast(const storage::Snapshot& snapshot, std::string_view peer,
                                      std::size_t limit) {
  PastChannels past;
  for (std::uint8_t lane = 1; lane <= 3; ++lane) {
    const ChannelName channel{std::string(peer), lane};
    const auto inbound = storage::ListInboundPast(snapshot, channel, limit);
    if (!inbound.ok()) return inbound.status();
    for (const store::v1::InboundChannel& record : *inbound) {
      absl::StatusOr<InboundState> state = FromRecord(snapshot, record);
      if (!state.ok()) return state.status();
      past.inbound[lane - 1].push_back(*std::move(state));
    }
    const auto outbound = storage::ListOutboundPast(snapshot, channel, 1);
    if (!outbound.ok()) return outbound.status();
    past.outbound = past.outbound || !outbound->empty();
  }
  const absl::StatusOr<bool> recovering = IsRecovering(snapshot, peer);
  if (!recovering.ok()) return recovering.status();
  past.recovering = *recovering;
  return past;
}

absl::StatusOr<bool> IsRecovering(const storage::Reader& reader, std::string_view peer) {
  const absl::StatusOr<store::v1::NodeRecord> node = ReadNode(reader);
  if (!node.ok()) return node.status();
  return node->has_recovery() && !HasReturned(node->recovery(), peer);
}

absl::StatusOr<std::vector<std::uint64_t>> EndedEpochs(const storage::Snapshot& snapshot,
                                                       std::string_view peer, std::size_t limit) {
  const absl::StatusOr<store::v1::NodeRecord> node = ReadNode(snapshot);
  if (!node.ok()) return node.status();
  std::set<std::uint64_t> ended;
  if (node->recovery().past_epoch() != 0) ended.insert(node->recovery().past_epoch());
  for (std::uint8_t lane = 1; lane <= 3; ++lane) {
    const auto pasts = storage::ListOutboundPast(snapshot, {std::string(peer), lane}, limit);
    if (!pasts.ok()) return pasts.status();
    for (const store::v1::OutboundChannel& past : *pasts) ended.insert(past.epoch());
  }
  ended.erase(node->epoch());
  std::vector<std::uint64_t> epochs(ended.begin(), ended.end());
  if (epochs.size() > limit) epochs.resize(limit);
  return epochs;
}

absl::StatusOr<std::vector<std::string>> ReadHeld(const storage::Snapshot& snapshot,
                                                  std::string_view peer, std::uint8_t lane,
                                                  std::uint64_t epoch, std::uint64_t first,
                                                  std::size_t bytes_max, std::size_t items_max) {
  std::vector<std::string> envelopes;
  const storage::Key prefix =
      storage::PastChannelKey(storage::Space::kInboundEntry, peer, lane, epoch);
  const std::unique_ptr<storage::Cursor> cursor =
      snapshot.NewCursor(storage::EntryKey(storage::Space::kInboundEntry, peer, lane, epoch, first),
                         storage::PrefixEnd(prefix));
  std::size_t bytes = 0;
  for (; cursor->Valid() && envelopes.size() < items_max; cursor->Next()) {
    if (storage::ReadU64(cursor->key().substr(prefix.size())) != first + envelopes.size())
      return storage::ChannelHole({std::string(peer), lane}, first + envelopes.size());
    if (!envelopes.empty() && bytes + cursor->value().size() > bytes_max) break;
    bytes += cursor->value().size();
    envelopes.emplace_back(cursor->value());
  }
  if (const absl::Status status = cursor->status(); !status.ok()) return status;
  return envelopes;
}

}  // namespace tripoint::operations
