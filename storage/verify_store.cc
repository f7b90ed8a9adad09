// See verify_store.h.
#include "storage/verify_store.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "proto/contract/error.h"
#include "storage/channel_log.h"
#include "storage/channel_store.h"
#include "storage/journal_store.h"
#include "storage/keys.h"
#include "storage/outbound_log.h"
#include "storage/past_channels.h"
#include "storage/record_io.h"

namespace tripoint::storage {
namespace {

absl::Status OtherRoot(const ChannelName& channel) {
  return contract::Error(absl::StatusCode::kDataLoss, contract::Reason::kCorrupt,
                         "The envelopes of a channel with " + channel.peer +
                             " do not give the root that is kept of it",
                         "Stored data was damaged or altered",
                         "Keep the data as it is and restore a backup");
}

absl::Status VerifyOutbound(const Snapshot& snapshot, const ChannelName& channel,
                            std::uint64_t epoch, std::uint64_t size, std::string_view hashes,
                            StoreReport& report) {
  if (size == 0) return absl::OkStatus();
  Frontier walked;
  while (walked.size() < size) {
    const absl::StatusOr<PastEnvelope> envelope =
        GetPastEnvelope(snapshot, channel, epoch, walked.size());
    if (!envelope.ok()) return envelope.status();
    walked.Append(envelope->entry.leaf_hash);
  }
  if (FrontierHashes(walked) != hashes) return OtherRoot(channel);
  ++report.channels;
  report.envelopes += size;
  return absl::OkStatus();
}

absl::Status VerifyInbound(const Snapshot& snapshot, const ChannelName& channel,
                           const store::v1::InboundChannel& state, StoreReport& report) {
  if (state.size() == 0) return absl::OkStatus();
  Frontier walked;
  const LogName log{.outbound = false, .channel = channel, .epoch = state.epoch()};
  const WalkLimits all{.entries_max = state.size(), .bytes_max = SIZE_MAX};
  const absl::Status status = WalkLog(snapshot, log, state.size(), all, walked);
  if (!status.ok()) return status;
  if (FrontierHashes(walked) != state.frontier()) return OtherRoot(channel);
  ++report.channels;
  report.envelopes += state.size();
  return absl::OkStatus();
}

// Calls `verify` with the name of each channel of a key space, and what is kept of it. Keys of past
// epochs have the epoch behind the name.
template <typename Verify>
absl::Status ForEachChannel(const Snapshot& snapshot, Space space, bool past, Verify verify) {
  const std::string prefix = Key(space).ToString();
  const std::unique_ptr<Cursor> cursor = snapshot.NewCursor(prefix, PrefixEnd(prefix));
  for (; cursor->Valid(); cursor->Next()) {
    std::string_view name = cursor->key().substr(prefix.size());
    name.remove_suffix(std::min<std::size_t>(name.size(), past ? 8 : 0));
    const absl::StatusOr<ChannelName> channel = ChannelOfKey(name);
    if (!channel.ok()) return channel.status();
    if (absl::Status verified = verify(*channel, cursor->value()); !verified.ok()) return verified;
  }
  return cursor->status();
}

// Every key and value once, so that each block's checksum was looked at.
absl::Status ReadAll(const Snapshot& snapshot, StoreReport& report) {
  const std::unique_ptr<Cursor> cursor = snapshot.NewScan({}, {});
  for (; cursor->Valid(); cursor->Next()) ++report.keys;
  return cursor->status();
}

}  // namespace

absl::StatusOr<StoreReport> VerifyStore(const Snapshot& snapshot) {
  StoreReport report;
  if (absl::Status read = ReadAll(snapshot, report); !read.ok()) return read;
  if (absl::Status journal = VerifyJournal(snapshot); !journal.ok()) return journal;
  const absl::StatusOr<JournalHead> head = ReadJournalHead(snapshot);
  if (!head.ok()) return head.status();
  report.changes = head->frontier.size();
  for (const bool past : {false, true}) {
    absl::Status verified =
        ForEachChannel(snapshot, past ? Space::kInboundPast : Space::kInboundChannel, past,
                       [&](const ChannelName& channel, std::string_view value) -> absl::Status {
                         const auto state = ParseRecord<store::v1::InboundChannel>(value);
                         if (!state.ok()) return state.status();
                         return VerifyInbound(snapshot, channel, *state, report);
                       });
    if (!verified.ok()) return verified;
  }
  absl::Status verified =
      ForEachChannel(snapshot, Space::kOutboundTail, false,
                     [&](const ChannelName& channel, std::string_view) -> absl::Status {
                       const absl::StatusOr<OutboundTail> tail = GetOutboundTail(snapshot, channel);
                       if (!tail.ok()) return tail.status();
                       return VerifyOutbound(snapshot, channel, tail->epoch, tail->frontier.size(),
                                             FrontierHashes(tail->frontier), report);
                     });
  if (!verified.ok()) return verified;
  verified =
      ForEachChannel(snapshot, Space::kOutboundPast, true,
                     [&](const ChannelName& channel, std::string_view value) -> absl::Status {
                       const auto state = ParseRecord<store::v1::OutboundChannel>(value);
                       if (!state.ok()) return state.status();
                       return VerifyOutbound(snapshot, channel, state->epoch(), state->size(),
                                             state->frontier(), report);
                     });
  if (!verified.ok()) return verified;
  return report;
}

}  // namespace tripoint::storage
