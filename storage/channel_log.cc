// See channel_log.h.
#include "storage/channel_log.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "proto/contract/error.h"
#include "storage/channel_store.h"
#include "storage/keys.h"
#include "storage/outbound_log.h"
#include "storage/record_io.h"

namespace tripoint::storage {
namespace {

constexpr std::uint64_t kEnvelopesAtOnce = 256;

absl::Status Mismatch(std::string what) {
  return contract::Error(absl::StatusCode::kDataLoss, contract::Reason::kCorrupt, std::move(what),
                         "What is stored is not what was hashed when it was stored.",
                         "Stop the node, keep its data folder as it is and restore a backup; the "
                         "peer holds the same channel.");
}

Space KeptSpace(const LogName& log) {
  return log.outbound ? Space::kOutboundFrontier : Space::kInboundFrontier;
}

absl::StatusOr<std::optional<Frontier>> Kept(const Snapshot& snapshot, const LogName& log,
                                             std::uint64_t size) {
  const absl::StatusOr<std::optional<std::string>> bytes =
      snapshot.Get(EntryKey(KeptSpace(log), log.channel.peer, log.channel.lane, log.epoch, size));
  if (!bytes.ok()) return bytes.status();
  if (!bytes->has_value()) return std::nullopt;
  absl::StatusOr<Frontier> decoded = Frontier::Decode(**bytes);
  if (!decoded.ok()) return decoded.status();
  if (decoded->size() != size) return DamagedRecord();
  return std::make_optional(*std::move(decoded));
}

// Leaf hashes of a log in order: outbound ones as they were stored, inbound ones of the envelopes.
class Leaves {
 public:
  Leaves(const Snapshot& snapshot, const LogName& log, std::uint64_t first)
      : log_(log), position_(first) {
    if (log.outbound) {
      outbound_.emplace(snapshot, log.channel, log.epoch, first);
      return;
    }
    const std::string prefix =
        PastChannelKey(Space::kInboundEntry, log.channel.peer, log.channel.lane, log.epoch)
            .ToString();
    inbound_ = snapshot.NewCursor(
        EntryKey(Space::kInboundEntry, log.channel.peer, log.channel.lane, log.epoch, first),
        PrefixEnd(prefix));
  }

  absl::StatusOr<Hash> Next() {
    const std::uint64_t position = position_++;
    if (log_.outbound) {
      const absl::StatusOr<std::optional<OutboundEntry>> entry = outbound_->Next();
      if (!entry.ok()) return entry.status();
      if (!entry->has_value()) return ChannelHole(log_.channel, position);
      return (*entry)->leaf_hash;
    }
    if (!inbound_->Valid() && !inbound_->status().ok()) return inbound_->status();
    if (!inbound_->Valid() ||
        inbound_->key() != std::string_view(EntryKey(Space::kInboundEntry, log_.channel.peer,
                                                     log_.channel.lane, log_.epoch, position))) {
      return ChannelHole(log_.channel, position);
    }
    last_bytes_ = inbound_->value().size();
    const Hash hash = LeafHash(inbound_->value());
    inbound_->Next();
    return hash;
  }

  // Of the envelope that Next read; inbound only.
  std::size_t last_bytes() const { return last_bytes_; }

 private:
  const LogName log_;
  std::uint64_t position_;
  std::size_t last_bytes_ = 0;
  std::optional<OutboundEntries> outbound_;
  std::unique_ptr<Cursor> inbound_;
};

absl::Status CheckKept(const Snapshot& snapshot, const LogName& log, const Frontier& walked) {
  if (walked.size() % kFrontierEvery != 0) return absl::OkStatus();
  const absl::StatusOr<std::optional<Frontier>> kept = Kept(snapshot, log, walked.size());
  if (!kept.ok()) return kept.status();
  if (!kept->has_value() || **kept == walked) return absl::OkStatus();
  return Mismatch("The envelopes up to position " + std::to_string(walked.size()) +
                  " do not give the hashes that were kept there.");
}

// In the order of NextLog.
constexpr std::array kStateSpaces = {Space::kOutboundChannel, Space::kOutboundPast,
                                     Space::kInboundChannel, Space::kInboundPast};

// The channel whose state `key` holds; without the epoch of a present one.
std::optional<StoredLog> ParseStateKey(std::string_view key) {
  const auto space = static_cast<Space>(static_cast<std::uint8_t>(key.front()));
  StoredLog log;
  log.key = std::string(key);
  log.past = space == Space::kOutboundPast || space == Space::kInboundPast;
  log.name.outbound = space == Space::kOutboundChannel || space == Space::kOutboundPast;
  const std::size_t end = key.find('\0', 1);
  if (end == std::string_view::npos || key.size() != end + 2 + (log.past ? 8 : 0))
    return std::nullopt;
  log.name.channel.peer = std::string(key.substr(1, end - 1));
  log.name.channel.lane = static_cast<std::uint8_t>(key[end + 1]);
  if (log.past) log.name.epoch = ReadU64(key.substr(end + 2));
  return log;
}

std::uint64_t EpochOf(bool outbound, std::string_view state) {
  if (outbound) {
    const auto record = ParseRecord<store::v1::OutboundChannel>(state);
    return record.ok() ? record->epoch() : 0;
  }
  const auto record = ParseRecord<store::v1::InboundChannel>(state);
  return record.ok() ? record->epoch() : 0;
}

// Up to `end`; stops after `bytes_max`.
absl::Status WalkOutbound(const Snapshot& snapshot, const LogName& log, std::uint64_t end,
                          std::size_t bytes_max, Frontier& walked) {
  std::size_t bytes = 0;
  while (walked.size() < end && bytes < bytes_max) {
    const absl::StatusOr<std::vector<ChannelEnvelope>> some =
        ReadOutbound(snapshot, log.channel, log.epoch, walked.size(),
                     std::min(kEnvelopesAtOnce, end - walked.size()), bytes_max - bytes);
    if (!some.ok()) return some.status();
    if (some->empty()) return ChannelHole(log.channel, walked.size());
    for (const ChannelEnvelope& envelope : *some) {
      bytes += envelope.bytes.size();
      walked.Append(envelope.leaf_hash);
      if (const absl::Status kept = CheckKept(snapshot, log, walked); !kept.ok()) return kept;
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::optional<std::string>> ScanSnapshot::Get(std::string_view key) const {
  const std::unique_ptr<Cursor> cursor = snapshot_.NewScan(key, std::string(key).append(1, '\0'));
  if (cursor->Valid()) return std::make_optional(std::string(cursor->value()));
  if (!cursor->status().ok()) return cursor->status();
  return std::nullopt;
}

absl::StatusOr<Frontier> FrontierAt(const Snapshot& snapshot, const LogName& log,
                                    std::uint64_t size, Frontier near) {
  Frontier frontier = std::move(near);
  if (const std::uint64_t at = size - size % kFrontierEvery; at > frontier.size()) {
    absl::StatusOr<std::optional<Frontier>> kept = Kept(snapshot, log, at);
    if (!kept.ok()) return kept.status();
    if (kept->has_value()) frontier = **std::move(kept);
  }
  if (frontier.size() == size) return frontier;
  Leaves leaves(snapshot, log, frontier.size());
  const absl::Status extended = ExtendFrontier(
      frontier, size, [&leaves](std::uint64_t /*position*/) { return leaves.Next(); });
  if (!extended.ok()) return extended;
  return frontier;
}

absl::StatusOr<std::vector<Hash>> ProofAt(const Snapshot& snapshot, const LogName& log,
                                          std::uint64_t position, std::uint64_t size) {
  return InclusionProof(
      position, size,
      [&](std::uint64_t at) -> absl::StatusOr<Frontier> { return FrontierAt(snapshot, log, at); },
      [&](std::uint64_t at) { return Leaves(snapshot, log, at).Next(); });
}

absl::StatusOr<std::optional<store::v1::OutboundChannel>> OutboundOf(const Reader& reader,
                                                                     const ChannelName& channel,
                                                                     std::uint64_t epoch) {
  absl::StatusOr<store::v1::OutboundChannel> present = GetOutboundChannel(reader, channel);
  if (!present.ok()) return present.status();
  if (present->epoch() == epoch) return std::make_optional(*std::move(present));
  return ReadRecord<store::v1::OutboundChannel>(
      reader, PastChannelKey(Space::kOutboundPast, channel.peer, channel.lane, epoch));
}

absl::StatusOr<std::optional<store::v1::InboundChannel>> InboundOf(const Reader& reader,
                                                                   const ChannelName& channel,
                                                                   std::uint64_t epoch) {
  absl::StatusOr<store::v1::InboundChannel> present = GetInboundChannel(reader, channel);
  if (!present.ok()) return present.status();
  if (present->epoch() == epoch) return std::make_optional(*std::move(present));
  return ReadRecord<store::v1::InboundChannel>(
      reader, PastChannelKey(Space::kInboundPast, channel.peer, channel.lane, epoch));
}

absl::StatusOr<std::optional<StoredLog>> NextLog(const Snapshot& snapshot, std::string_view after,
                                                 std::string_view peer) {
  bool begun = after.empty();
  for (const Space space : kStateSpaces) {
    const std::string prefix = Key(space).ToString();
    if (!begun && !after.starts_with(prefix)) continue;
    const std::string from = begun ? prefix : std::string(after).append(1, '\0');
    begun = true;
    const std::unique_ptr<Cursor> cursor = snapshot.NewCursor(from, PrefixEnd(prefix));
    for (; cursor->Valid(); cursor->Next()) {
      std::optional<StoredLog> log = ParseStateKey(cursor->key());
      if (!log.has_value()) return DamagedRecord();
      if (!peer.empty() && log->name.channel.peer != peer) continue;
      if (!log->past) log->name.epoch = EpochOf(log->name.outbound, cursor->value());
      return log;
    }
    if (!cursor->status().ok()) return cursor->status();
  }
  return std::nullopt;
}

absl::Status WalkLog(const Snapshot& snapshot, const LogName& log, std::uint64_t size,
                     const WalkLimits& limits, Frontier& walked) {
  const std::uint64_t end =
      std::min(size, walked.size() + std::max<std::uint64_t>(limits.entries_max, 1));
  if (log.outbound) return WalkOutbound(snapshot, log, end, limits.bytes_max, walked);
  Leaves leaves(snapshot, log, walked.size());
  for (std::size_t bytes = 0; walked.size() < end && bytes < limits.bytes_max;
       bytes += leaves.last_bytes()) {
    const absl::StatusOr<Hash> leaf = leaves.Next();
    if (!leaf.ok()) return leaf.status();
    walked.Append(*leaf);
    if (const absl::Status kept = CheckKept(snapshot, log, walked); !kept.ok()) return kept;
  }
  return absl::OkStatus();
}

}  // namespace tripoint::storage
