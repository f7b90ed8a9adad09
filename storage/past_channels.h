// Channels of epochs that are over: what is kept of them, what is put into the channels of the
// present epoch again, and what a peer returned of them after a loss. docs/protocol.md, "New
// epoch".
//
// Used by server/operations. Writes on a transaction, reads on any reader, lists on a snapshot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/channel_store.h"
#include "storage/engine.h"
#include "storage/outbound_log.h"
#include "storage/transaction.h"
#include "tripoint/store/v1/records.pb.h"

namespace tripoint::storage {

// All outbound channels that were ever written.
absl::StatusOr<std::vector<ChannelName>> ListOutboundChannels(const Snapshot& snapshot);

// Keeps the channel as past when it is of an earlier epoch, and plans to put into the present one
// what no receipt covers. Idempotent.
absl::Status CloseOutbound(Transaction& transaction, const ChannelName& channel);

// The channel as it was in `epoch`; nullopt: nothing was ever sent in it.
absl::StatusOr<std::optional<store::v1::OutboundChannel>> GetOutboundPast(
    const Reader& reader, const ChannelName& channel, std::uint64_t epoch);
void PutOutboundPast(Transaction& transaction, const ChannelName& channel,
                     const store::v1::OutboundChannel& state);

// Epochs of a channel that are over, at most `limit`, in no order of time. Outbound and inbound.
absl::StatusOr<std::vector<store::v1::OutboundChannel>> ListOutboundPast(const Snapshot& snapshot,
                                                                         const ChannelName& channel,
                                                                         std::size_t limit);
absl::StatusOr<std::vector<store::v1::InboundChannel>> ListInboundPast(const Snapshot& snapshot,
                                                                       const ChannelName& channel,
                                                                       std::size_t limit);

// An envelope of a past outbound channel, compared with its leaf: what is sent again in a new epoch
// is signed anew. Errors: DATA_LOSS / CORRUPT.
struct PastEnvelope {
  std::uint64_t position = 0;
  OutboundEntry entry;
  std::string bytes;
};
absl::StatusOr<PastEnvelope> GetPastEnvelope(const Reader& reader, const ChannelName& channel,
                                             std::uint64_t epoch, std::uint64_t position);

// Writes what the peer returned into the log of a past epoch, from where it stands in `state`
// (`returned_size`, or the receipted size at the first time), in place of what stood there: own
// envelopes that the peer never had are in the present epoch by then: no carry is under way.
// `numbers`: of each envelope,
// as its origin gave it. Moves size, frontier and returned_size of `state`, which the caller puts.
// Errors: DATA_LOSS / CORRUPT.
absl::Status AppendReturned(Transaction& transaction, const ChannelName& channel,
                            store::v1::OutboundChannel& state,
                            const std::vector<std::string>& envelopes,
                            const std::vector<std::uint64_t>& numbers);

// Takes it back: the log ends at the receipted size.
absl::Status DropReturned(Transaction& transaction, const ChannelName& channel,
                          store::v1::OutboundChannel& state);

}  // namespace tripoint::storage
