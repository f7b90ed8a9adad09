// Channels on disk: envelopes (once each), what each outbound channel refers to, what arrived, and
// the state of both. Writes on a transaction, reads on any reader, ranges on a snapshot. Verifies
// no signature: the exchange does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/engine.h"
#include "storage/merkle.h"
#include "storage/shared_envelopes.h"
#include "storage/transaction.h"
#include "tripoint/store/v1/records.pb.h"

namespace tripoint::storage {

// Frontier fields of the records (32 bytes a hash, no size) from and to a Frontier.
// Errors: DATA_LOSS / CORRUPT the length does not fit the size.
absl::StatusOr<Frontier> FrontierOf(std::uint64_t size, std::string_view hashes);
std::string FrontierHashes(const Frontier& frontier);

// Stores an envelope's bytes under (transaction.epoch(), number). `number` is NextNumber(kEnvelope,
// 0).
void PutEnvelope(Transaction& transaction, std::uint64_t number, std::string_view bytes);
absl::StatusOr<std::optional<std::string>> GetEnvelope(const Reader& reader, std::uint64_t epoch,
                                                       std::uint64_t number);

// State of the channel to `peer`. A channel that was never written is empty: size 0, epoch 0.
absl::StatusOr<store::v1::OutboundChannel> GetOutboundChannel(const Reader& reader,
                                                              const ChannelName& channel);
// What the peer said of it in `epoch`, be that over, into `state`, whose memory is used again: a
// notice has one for each recipient. Without size and frontier, which cost a look at the log.
// False: nothing was sent in that epoch.
absl::StatusOr<bool> GetOutboundReceipts(const Reader& reader, const ChannelName& channel,
                                         std::uint64_t epoch, store::v1::OutboundChannel& state);
// Replaces what the peer said. Size and frontier of `state` are not looked at: only AppendOutbound
// moves them.
void PutOutboundReceipts(Transaction& transaction, const ChannelName& channel,
                         const store::v1::OutboundChannel& state);

// Every so many envelopes the frontier of an outbound channel is kept, so that the one at any size
// is near: a peer that comes back with an old state costs one seek and a short walk.
inline constexpr std::uint64_t kFrontierEvery = 1024;

// Appends a stored envelope to the channel and returns its position, from 0. Starts the channel
// anew (size 0) when its state is of another epoch than the node's; that one is kept aside. Tells
// ChannelGrew.
absl::StatusOr<std::uint64_t> AppendOutbound(Transaction& transaction, const ChannelName& channel,
                                             std::uint64_t envelope_number, const Hash& leaf_hash);

// Begins the channel anew, empty, in the node's epoch: the tail that the caller puts. `before`, of
// an earlier epoch, is kept as past, with all that no receipt covers to be carried over
// (past_channels.h).
struct OutboundTail;
absl::StatusOr<OutboundTail> BeginOutboundEpoch(Transaction& transaction,
                                                const ChannelName& channel, OutboundTail before);

// Enters a verified receipt into `state`: the peer durably holds what `receipted` covers. The
// caller computed that frontier from what it sent and verified the signature over its root; reading
// the leaves a second time on the committer's thread was a fifth of a catch-up. A receipt that is
// not ahead of the stored one changes nothing and gives false. Errors: ABORTED / LINK_PROTOCOL over
// another epoch or more than was sent; DATA_LOSS / CHANNEL_FORK its log is not the beginning of
// this one.
absl::StatusOr<bool> EnterReceipt(store::v1::OutboundChannel& state, std::uint64_t epoch,
                                  const Frontier& receipted, std::string_view signature);

// Times of the latest receipts, so that a delivery can say when it was made without a write for
// each notice: enters one, dropping the oldest beyond the limit; and when the envelope at
// `position` became stored, by the first receipt over it. 0: it did not, or so long ago that only
// the proof is left.
inline constexpr std::size_t kReceiptTimesMax = 64;
void AddReceiptTime(store::v1::OutboundChannel& state, std::uint64_t size, std::int64_t time_ms);
std::int64_t ReceiptTimeOf(const store::v1::OutboundChannel& state, std::uint64_t position);

// One envelope of a channel.
struct ChannelEnvelope {
  std::string bytes;
  Hash leaf_hash = {};  // of `bytes`, and as it was when the envelope was appended
};

// Envelopes from `first` on: at most `count_max`, and no more once `bytes_max` is reached, but at
// least one if there is one. Those that `shared` knows are not read again, the others it learns;
// null: none is known. Errors: DATA_LOSS / CORRUPT a hole, or an envelope that was altered since it
// was appended; what stands before such an envelope is given first.
absl::StatusOr<std::vector<ChannelEnvelope>> ReadOutbound(
    const Snapshot& snapshot, const ChannelName& channel, std::uint64_t epoch, std::uint64_t first,
    std::size_t count_max, std::size_t bytes_max, SharedEnvelopes* shared = nullptr);
// Frontier of the first `size` entries: from a kept one over fewer than kFrontierEvery leaf hashes.
// Errors: OUT_OF_RANGE / FIELD_INVALID `size` is past the end; DATA_LOSS / CORRUPT a hole.
absl::StatusOr<Frontier> OutboundFrontierAt(const Snapshot& snapshot, const ChannelName& channel,
                                            std::uint64_t size);

// State of the channel from `peer`. A channel that was never written is empty: size 0, epoch 0.
absl::StatusOr<store::v1::InboundChannel> GetInboundChannel(const Reader& reader,
                                                            const ChannelName& channel);
// Replaces it; a state of another epoch is kept aside.
absl::Status PutInboundChannel(Transaction& transaction, const ChannelName& channel,
                               const store::v1::InboundChannel& state);
// Stores one received envelope. The state is put once, after the last of a batch.
void PutInboundEntry(Transaction& transaction, const ChannelName& channel, std::uint64_t epoch,
                     std::uint64_t position, std::string_view bytes);
absl::StatusOr<std::optional<std::string>> GetInboundEntry(const Reader& reader,
                                                           const ChannelName& channel,
                                                           std::uint64_t epoch,
                                                           std::uint64_t position);
// Keeps the frontier of a channel when its size is a multiple of kFrontierEvery, so that a proof of
// any age is a short walk too; in place of one that another history left there. To be told every
// size.
void KeepInboundFrontier(Transaction& transaction, const ChannelName& channel, std::uint64_t epoch,
                         const Frontier& frontier);
void KeepOutboundFrontier(Transaction& transaction, const ChannelName& channel, std::uint64_t epoch,
                          const Frontier& frontier);

// The signing certificate (PEM) of kept signatures, once for all that it signed. The id is 16
// bytes; empty for an empty text.
std::string CertificateId(std::string_view pem);
absl::Status KeepCertificate(Transaction& transaction, std::string_view id, std::string_view pem);
// Empty for an empty id. Errors: DATA_LOSS / CORRUPT it is not there.
absl::StatusOr<std::string> GetCertificate(const Reader& reader, std::string_view id);

// Envelopes that were stored and not accepted, or that a peer refused. Newest-first order is not
// kept: by unit, lane, epoch, position. `resume` is the `resume` of the page before.
void PutQuarantine(Transaction& transaction, const store::v1::QuarantineRecord& record);
absl::StatusOr<std::optional<store::v1::QuarantineRecord>> GetQuarantine(const Reader& reader,
                                                                         bool outbound,
                                                                         const ChannelName& channel,
                                                                         std::uint64_t epoch,
                                                                         std::uint64_t position);
struct QuarantinePage {
  std::vector<store::v1::QuarantineRecord> records;
  std::string resume;  // empty: this was the last page
};
absl::StatusOr<QuarantinePage> ListQuarantine(const Snapshot& snapshot, std::string_view resume,
                                              std::size_t limit);

}  // namespace tripoint::storage
