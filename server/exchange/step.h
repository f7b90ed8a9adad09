// What goes into a core (events) and what comes out of it (actions). Order of actions is part of
// the contract: see Core::Step.
//
// Made and consumed by the driver and the simulator. Pure values; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "server/exchange/types.h"
#include "server/operations/recovery.h"

namespace tripoint::exchange {

// ---- Events ----

// A stream of this pair is ready in both directions (a dialled one: the peer accepted it).
struct StreamOpened {
  StreamId stream = 0;
  bool dialled_by_us = false;
};
struct FrameReceived {
  StreamId stream = 0;
  v1::Frame frame;
};
// The transport took the oldest Send of this stream: the next may follow.
struct FrameSent {
  StreamId stream = 0;
};
// The stream ended without our asking for it.
struct StreamClosed {
  StreamId stream = 0;
  Reason reason = Reason::kUnspecified;
  std::string text;
};
// The answer to Dial when no stream came of it.
struct DialFailed {
  Reason reason = Reason::kUnspecified;
  std::string text;
};
// Time has passed. Due at Core::next_tick_ms(); more often does no harm.
struct Tick {};
// The channel to the peer has new entries, durably. `frontier` is the one at its new size.
struct ChannelGrew {
  v1::Lane lane = v1::LANE_UNSPECIFIED;
  Frontier frontier;
};
// The answer to ReadRange: envelopes from `first` on, one leaf hash each, with which whoever read
// them compared them: one over altered bytes would be signed and stop the channel for good.
struct RangeRead {
  Token token = 0;
  absl::Status status;
  std::vector<std::string> envelopes;
  std::vector<Hash> leaf_hashes;
};
// The answer to ReadFrontier.
struct FrontierRead {
  Token token = 0;
  absl::Status status;
  Frontier frontier;
};
// The answer to ReadRefusals.
struct RefusalsRead {
  Token token = 0;
  absl::Status status;
  std::vector<v1::Refusal> refusals;
};
// The answer to CommitBatch. OK: the batch is durable. Any error: the outcome may be unknown;
// `durable` is then what the store says after it, when it could be read.
struct BatchCommitted {
  Token token = 0;
  absl::Status status;
  std::vector<v1::Refusal> refusals;  // envelopes of this batch that went into quarantine
  std::optional<InboundState> durable;
};
// The answer to CommitReceipt.
struct ReceiptCommitted {
  Token token = 0;
  absl::Status status;
};
// The answer to CompareHoldings.
struct HoldingsCompared {
  Token token = 0;
  absl::Status status;
  operations::HoldingsPlan plan;
};
// The answer to ReadHeld. Empty: nothing could be read.
struct HeldRead {
  Token token = 0;
  std::vector<std::string> envelopes;
};
// The answer to StoreReturned. `next`: position to ask for; 0: another root, it was dropped.
struct ReturnStored {
  Token token = 0;
  absl::Status status;
  std::uint64_t next = 0;
};
// The answer to TakeReturned and CarryOver (`done`: nothing is left of it), MarkReturned and
// EnterAmnesia.
struct RecoveryDone {
  Token token = 0;
  absl::Status status;
  bool done = false;
};
// A bundle moved channels with the peer in the store, beside this core: nothing that it knows of
// them holds. It ends its stream, waits for its own commits, reads the store anew and goes on.
struct MovedByHand {};
// The answer to ReadChannels: what the store says of all six.
struct ChannelsRead {
  Token token = 0;
  absl::Status status;
  std::array<OutboundState, kLanes> outbound;
  std::array<InboundState, kLanes> inbound;
  std::array<std::vector<InboundState>, kLanes> inbound_past;
};
// The node stops or the link is switched off: say goodbye, dial no more.
struct Stop {};

using Event = std::variant<StreamOpened, FrameReceived, FrameSent, StreamClosed, DialFailed, Tick,
                           ChannelGrew, RangeRead, FrontierRead, RefusalsRead, BatchCommitted,
                           ReceiptCommitted, HoldingsCompared, HeldRead, ReturnStored, RecoveryDone,
                           MovedByHand, ChannelsRead, Stop>;

// ---- Actions ----

// Open a stream to the peer: answered by StreamOpened{dialled_by_us} or DialFailed, once.
struct Dial {};
// Hand `frame` to the transport: answered by FrameSent, unless the stream ends first. At most two
// are unanswered, and the second is only ever a Goodbye.
struct Send {
  StreamId stream = 0;
  v1::Frame frame;
};
// Read [first, first + n) of the channel to the peer, n <= max_items and about max_bytes, but at
// least one envelope, however large. Answered by RangeRead.
struct ReadRange {
  Token token = 0;
  v1::Lane lane = v1::LANE_UNSPECIFIED;
  std::uint64_t first = 0;
  std::size_t max_bytes = 0;
  std::size_t max_items = 0;
};
// The frontier of the channel to the peer at `size`. Answered by FrontierRead.
struct ReadFrontier {
  Token token = 0;
  v1::Lane lane = v1::LANE_UNSPECIFIED;
  std::uint64_t size = 0;
};
// Refusals of the channel from the peer with position in [first, end), in order, at most
// `max_items`. Answered by RefusalsRead.
struct ReadRefusals {
  Token token = 0;
  v1::Lane lane = v1::LANE_UNSPECIFIED;
  std::uint64_t epoch = 0;
  std::uint64_t first = 0;
  std::uint64_t end = 0;
  std::size_t max_items = 0;
};
// Store, in one durable commit: the envelopes at [first_position, state.frontier.size()) and the
// channel's new state. A state of another epoch than the stored one begins at 0 and keeps the old
// channel as past. Answered by BatchCommitted, for one lane in the order asked.
struct CommitBatch {
  Token token = 0;
  v1::Lane lane = v1::LANE_UNSPECIFIED;
  std::uint64_t first_position = 0;
  std::vector<std::string> envelopes;  // as received; verified against the peer's signed head
  std::vector<Hash> leaf_hashes;
  InboundState state;
  // With which state's receipt signature verifies, PEM.
  std::string receipt_certificate;
};
// Keep the peer's receipt over one of our channels. Answered by ReceiptCommitted.
struct CommitReceipt {
  Token token = 0;
  v1::Lane lane = v1::LANE_UNSPECIFIED;
  Frontier receipted;
  std::string signature;
  std::string certificate;          // with which `signature` verified, PEM
  std::uint64_t receipt_epoch = 0;  // the peer's
  std::vector<v1::Refusal> refusals;
};
// Send what was handed over before (at most a second), then end the stream. No StreamClosed is
// owed for it.
struct CloseStream {
  StreamId stream = 0;
  Reason reason = Reason::kUnspecified;
  std::string text;
};
// Tell people; goes into the log and the node's state. `lane` is LANE_UNSPECIFIED for the link.
struct Alert {
  Reason reason = Reason::kUnspecified;
  v1::Lane lane = v1::LANE_UNSPECIFIED;
  bool outbound = false;
  std::string text;
};
// Mark one channel as stopped, durably; with kUnspecified: a stop for CHANNEL_ROLLED_BACK or
// QUARANTINE_FULL is over.
// Not answered; try again until stored. Losing it is safe: fault or agreement is found again at the
// next hello.
struct PersistQuarantine {
  v1::Lane lane = v1::LANE_UNSPECIFIED;
  bool outbound = false;
  Reason reason = Reason::kUnspecified;
  std::string text;
  // With kUnspecified: whatever the stop was for, its sender has begun a new epoch.
  bool epoch_over = false;
};

// Read all six channels from the store, as at a start. Answered by ChannelsRead.
struct ReadChannels {
  Token token = 0;
};
// What follows from what the peer says it holds. Answered by HoldingsCompared.
struct CompareHoldings {
  Token token = 0;
  std::vector<operations::HeldChannel> held;
};
// Read envelopes of a channel from the peer, of whatever epoch, from `first` on: at most max_items
// and about max_bytes, but at least one if there is one. Answered by HeldRead.
struct ReadHeld {
  Token token = 0;
  v1::Lane lane = v1::LANE_UNSPECIFIED;
  std::uint64_t epoch = 0;
  std::uint64_t first = 0;
  std::size_t max_bytes = 0;
  std::size_t max_items = 0;
};
// operations::StoreReturned. Answered by ReturnStored.
struct StoreReturned {
  Token token = 0;
  operations::HeldChannel held;
  std::uint64_t first = 0;
  std::vector<std::string> envelopes;
};
// operations::TakeReturned, CarryOver, PeerReturned and BeginAmnesia. Answered by RecoveryDone.
struct TakeReturned {
  Token token = 0;
  operations::HeldChannel held;
};
struct CarryOver {
  Token token = 0;
  operations::HoldingsPlan::Carry carry;
};
struct MarkReturned {
  Token token = 0;
};
struct EnterAmnesia {
  Token token = 0;
};
// The peer proved, with this unit's own signature, that this node's data is older than what it had
// sent: the node must stop sending and begin a new epoch. Not answered; the channel is stopped too.
struct OwnRollback {
  v1::Lane lane = v1::LANE_UNSPECIFIED;
};

using Action =
    std::variant<Dial, Send, ReadRange, ReadFrontier, ReadRefusals, CommitBatch, CommitReceipt,
                 CloseStream, Alert, PersistQuarantine, CompareHoldings, ReadHeld, StoreReturned,
                 TakeReturned, CarryOver, MarkReturned, EnterAmnesia, OwnRollback, ReadChannels>;

}  // namespace tripoint::exchange
