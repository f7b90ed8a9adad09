// The exchange's side of the store: apply what a peer sent, apply what it receipted, read what
// waits for it.
//
// Called by the exchange driver and the simulator. Making a Prepared parses and hashes on the
// caller's thread; the operation runs on the committer's. Lanes are values of
// tripoint.exchange.v1.Lane (1 flash, 2 priority, 3 routine); positions count from 0. Signatures
// were verified by the caller; nothing here knows a key.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/operations/node_facts.h"
#include "server/operations/prepared.h"
#include "storage/engine.h"
#include "storage/merkle.h"
#include "storage/shared_envelopes.h"
#include "tripoint/exchange/v1/exchange.pb.h"

namespace tripoint::operations {

// A run of envelopes from a peer with the head over it.
struct InboundBatch {
  std::string peer;
  std::uint8_t lane = 0;
  std::uint64_t epoch = 0;  // the peer's
  std::uint64_t first_position = 0;
  std::vector<std::string> envelopes;      // as received
  std::vector<storage::Hash> leaf_hashes;  // one for each envelope, or empty: computed
  storage::Frontier frontier;              // behind the last envelope, as the head was verified
  std::string head_signature;              // the peer's, over the head there
  std::string receipt_signature;           // ours, over the same head
  // Signing certificates (PEM) of the two, kept for evidence; empty: none is kept.
  std::string head_certificate = {};
  std::string receipt_certificate = {};
  std::string carrier = {};  // officer who brought it in a bundle; empty: the link did
};

struct AppliedBatch {
  std::uint64_t size = 0;
  storage::Frontier frontier;
  // Envelopes of this batch that were stored and not accepted, in order of position.
  std::vector<exchange::v1::Refusal> refusals;
};

// Stores the batch, takes each envelope in (received notice, new version, withdrawal, statement
// onto an own notice) or puts it into quarantine with a coded reason, and moves the channel, in one
// commit with one journal entry. A bad envelope never refuses the batch. A batch of a new epoch
// starts at position 0; the old channel is kept as past. Errors: FAILED_PRECONDITION /
// UNIT_NOT_PAIRED; ABORTED / LINK_PROTOCOL when first_position is not the stored size; DATA_LOSS /
// CHANNEL_FORK when the root differs or the channel is in quarantine; DATA_LOSS /
// CHANNEL_ROLLED_BACK for an epoch that ended before, or when it is in quarantine for that;
// DATA_LOSS / QUARANTINE_FULL when it is in quarantine for that.
Prepared<AppliedBatch> ApplyBatch(const NodeFacts& node, InboundBatch batch);

// A peer's signed receipt over one of our channels.
struct InboundReceipt {
  std::string peer;
  std::uint8_t lane = 0;
  std::uint64_t epoch = 0;      // ours
  storage::Frontier receipted;  // of our channel at the receipted size, as the receipt was verified
  std::string signature;
  std::string certificate = {};     // with which it verified (PEM), kept for evidence
  std::uint64_t receipt_epoch = 0;  // the peer's when it gave the receipt
  std::vector<exchange::v1::Refusal> refusals;
  std::string carrier = {};  // as of InboundBatch
};

struct AppliedReceipt {
  std::uint64_t receipted_size = 0;
  // False: it said nothing new (same or smaller size); nothing was written.
  bool advanced = false;
};

// Keeps the receipt: everything below `size` is proven stored there. Each refusal becomes a
// quarantine record and ends that delivery as declined with its reason. Errors: ABORTED /
// LINK_PROTOCOL (size beyond the channel, other epoch), DATA_LOSS / CHANNEL_FORK (other root).
Prepared<AppliedReceipt> ApplyReceipt(const NodeFacts& node, InboundReceipt receipt);

// Stops one channel with a coded reason (see contract::ReasonCode); the others go on. An empty
// reason lifts a stop for CHANNEL_ROLLED_BACK or QUARANTINE_FULL, which any other reason replaces;
// no other stop is lifted or replaced. Idempotent; each change is journalled.
struct ChannelStop {
  std::string peer;
  std::uint8_t lane = 0;
  bool outbound = false;
  std::string reason_code;
  std::string text;
  // With an empty reason: the sender has begun a new epoch, which ends any stop.
  bool epoch_over = false;
};
Prepared<bool> QuarantineChannel(const NodeFacts& node, ChannelStop stop);

// Envelopes [first, first + envelopes.size()) of a channel to a peer, with the leaf hashes under
// which they were appended: nothing is signed over an envelope in which a bit flipped since.
struct OutboundRange {
  std::uint64_t first = 0;
  std::vector<std::string> envelopes;
  std::vector<storage::Hash> leaf_hashes;
};

// At most `items_max` envelopes and `bytes_max` bytes, but always the first one. Empty at the end
// of the channel. `shared` as of storage::ReadOutbound. Errors: DATA_LOSS / CORRUPT a hole, or an
// altered envelope, behind what stands before it.
absl::StatusOr<OutboundRange> ReadOutboundRange(const storage::Snapshot& snapshot,
                                                std::string_view peer, std::uint8_t lane,
                                                std::uint64_t epoch, std::uint64_t first,
                                                std::size_t bytes_max, std::size_t items_max,
                                                storage::SharedEnvelopes* shared = nullptr);

struct OutboundState {
  std::uint64_t epoch = 0;
  storage::Frontier frontier;  // its size is the channel's
  storage::Frontier receipted;
  std::string receipt_signature;
  std::uint64_t receipt_epoch = 0;  // the peer's when it gave that receipt; 0: not known
  std::string quarantine_reason;
};

struct InboundState {
  std::uint64_t epoch = 0;
  storage::Frontier frontier;
  std::string head_signature;
  std::string receipt_signature;
  std::string quarantine_reason;
  std::string head_certificate;  // with which head_signature verifies, PEM; empty: not kept
};

// Index 0 is lane 1. A channel that was never written has size 0 and epoch 0.
struct PeerChannels {
  std::array<OutboundState, 3> outbound;
  std::array<InboundState, 3> inbound;
};

// Errors: DATA_LOSS / CORRUPT.
absl::StatusOr<PeerChannels> LoadChannels(const storage::Reader& reader, std::string_view peer);

// Epochs of the six channels that are over.
struct PastChannels {
  std::array<std::vector<InboundState>, 3> inbound;  // at most `limit` of each lane
  bool outbound = false;                             // there are any to the peer
  bool recovering = false;  // the peer has not returned what it holds (recovery.h)
};
absl::StatusOr<PastChannels> LoadPast(const storage::Snapshot& snapshot, std::string_view peer,
                                      std::size_t limit);

// Whether `peer` has still to return what it holds (recovery.h): until then no channel with it
// runs.
absl::StatusOr<bool> IsRecovering(const storage::Reader& reader, std::string_view peer);

// Epochs of this unit that ended, as far as it knows, at most `limit`: what a peer may still hold.
absl::StatusOr<std::vector<std::uint64_t>> EndedEpochs(const storage::Snapshot& snapshot,
                                                       std::string_view peer, std::size_t limit);

// Envelopes of a channel from `peer`, of whatever epoch, as they came, from `first` on; limits as
// ReadOutboundRange. Empty at the end. Errors: DATA_LOSS / CORRUPT a hole.
absl::StatusOr<std::vector<std::string>> ReadHeld(const storage::Snapshot& snapshot,
                                                  std::string_view peer, std::uint8_t lane,
                                                  std::uint64_t epoch, std::uint64_t first,
                                                  std::size_t bytes_max, std::size_t items_max);

// Frontier of a channel to a peer at its present size; the empty one when it is of another epoch
// than `epoch`. Reads one record. Errors: DATA_LOSS / CORRUPT.
absl::StatusOr<storage::Frontier> OutboundFrontier(const storage::Reader& reader,
                                                   std::string_view peer, std::uint8_t lane,
                                                   std::uint64_t epoch);

// Frontier of a channel to a peer at `size`, for comparing with what the peer holds. A bounded walk
// at any size. Errors: OUT_OF_RANGE / FIELD_INVALID beyond the channel.
absl::StatusOr<storage::Frontier> OutboundFrontierAt(const storage::Snapshot& snapshot,
                                                     std::string_view peer, std::uint8_t lane,
                                                     std::uint64_t size);

// Refusals of the channel from `peer` with position in [first, end), in order, at most `items_max`:
// what a receipt over these positions must say. Errors: DATA_LOSS / CORRUPT.
absl::StatusOr<std::vector<exchange::v1::Refusal>> ReadRefusals(
    const storage::Snapshot& snapshot, std::string_view peer, std::uint8_t lane,
    std::uint64_t epoch, std::uint64_t first, std::uint64_t end, std::size_t items_max);

}  // namespace tripoint::operations
