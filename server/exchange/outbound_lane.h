// One channel to the peer: finds out where the peer stands, reads and sends from there, checks its
// receipts. Part of the core.
//
// On a stream a lane goes from kLocating (root at the peer's size is compared with ours) to
// kRunning; a fault of history ends in quarantine, which outlives streams and restarts.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/exchange/lane.h"

namespace tripoint::exchange {

class OutboundLane {
 public:
  OutboundLane(LaneContext& context, v1::Lane lane, OutboundState state);

  // The peer's hello: `held` is what it has of this channel, null for nothing. `peer_renewed`: it
  // is known to have begun a new epoch since.
  LaneVerdict Open(std::uint64_t peer_epoch, const v1::Receipt* held, bool peer_renewed);
  void Close();

  // No commit of a receipt is under way.
  bool Settled() const { return commit_token_ == 0; }
  // The store was read anew. Precondition: Settled(), no stream.
  void Reload(OutboundState state);

  void Grew(const Frontier& frontier);
  // `round_trip_ms`, `batch_bytes`: set when the receipt answers a batch.
  struct Sample {
    std::int64_t round_trip_ms = -1;
    std::size_t batch_bytes = 0;
  };
  LaneVerdict OnReceipt(const v1::Receipt& receipt, Sample& sample);
  // What a heartbeat says that the peer holds.
  LaneVerdict OnHeld(const v1::Receipt& held);
  LaneVerdict OnResend(const v1::Resend& resend);
  // True: it was news.
  bool OnStoppedByPeer(const std::string& reason_code);
  // Answers; false: the token is not of this lane.
  bool OnRangeRead(RangeRead& event, LaneVerdict& verdict);
  bool OnFrontierRead(FrontierRead& event, LaneVerdict& verdict);
  bool OnReceiptCommitted(ReceiptCommitted& event, LaneVerdict& verdict);

  // Starts the reads and commits that are due. `batch_bytes`: present size of a batch.
  void Work(std::size_t batch_bytes);
  // A batch is read and the lane's own window has room.
  bool BatchReady() const;
  std::size_t ready_bytes() const { return ready_bytes_; }
  bool more_than_ready() const { return sent_.size() + ready_.size() < size(); }
  // Precondition: BatchReady(). nullopt: what was read does not match the channel (`verdict`).
  std::optional<v1::Batch> TakeBatch(LaneVerdict& verdict);

  v1::Head Head() const;  // unsigned
  v1::Head HelloHead() const;
  std::size_t in_flight_bytes() const { return in_flight_bytes_; }
  bool in_flight() const { return !in_flight_.empty(); }
  // Something waits for the peer, is not held up here, and did not move since; 0: no.
  std::int64_t waiting_since_ms() const;
  std::int64_t due_ms() const;

  void Quarantine(Reason reason);
  const std::string& quarantine() const { return state_.quarantine_reason; }
  // What the peer is told: empty while a stop may turn out to be over.
  std::string told_quarantine() const { return Halted() ? quarantine() : std::string(); }
  // Why a stop ended, once; empty: none did.
  Lifted TakeLifted() {
    return {.reason = Reason::kChannelRolledBack, .text = std::exchange(lifted_, {})};
  }
  const std::string& stopped_by_peer() const { return stopped_by_peer_; }
  std::uint64_t size() const { return state_.frontier.size(); }
  std::uint64_t sent_size() const { return sent_.size(); }
  std::uint64_t held_size() const { return held_.size(); }
  std::uint64_t receipted_size() const { return state_.receipted.size(); }

 private:
  enum class Mode : std::uint8_t { kClosed, kLocating, kRunning };
  struct InFlight {
    Frontier end;
    std::size_t bytes = 0;
    std::int64_t sent_ms = 0;
  };
  // A receipt that was verified and is not durable here yet.
  struct Proof {
    Frontier frontier;
    std::string signature;
    std::string certificate;  // with which it verified
    std::uint64_t receipt_epoch = 0;
    std::vector<v1::Refusal> refusals;
  };

  LaneVerdict Locate(std::uint64_t size, std::optional<Hash> root);
  LaneVerdict Located(const Frontier& frontier);
  LaneVerdict TakeProof(const Frontier& frontier, const v1::Receipt& receipt);
  void StartCommit();
  void StartRead(std::size_t batch_bytes);
  void DropReady();
  void Lift();
  bool Halted() const { return !quarantine().empty() && !probing_; }
  bool Stopped() const { return Halted() || !stopped_by_peer_.empty(); }
  contract::ChannelHead ChannelHeadOf(const Frontier& frontier) const;

  LaneContext& context_;
  const v1::Lane lane_;
  OutboundState state_;  // durable, but for quarantine_reason, which may be ahead
  Frontier proven_;      // newest verified receipt; ahead of state_.receipted while that is stored
  std::uint64_t proven_epoch_ = 0;  // the peer's epoch when it gave it; 0: not known
  // The peer's epoch in which it said that it had lost what it receipted, that one being not known.
  std::uint64_t renewed_epoch_ = 0;

  std::optional<Proof> waiting_proof_;
  std::optional<Proof> storing_proof_;
  Token commit_token_ = 0;
  Retry commit_retry_;

  // Of the present stream.
  Mode mode_ = Mode::kClosed;
  // In quarantine for a rollback, and the sizes fit again: the roots decide.
  bool probing_ = false;
  std::string lifted_;
  std::uint64_t peer_epoch_ = 0;
  std::string stopped_by_peer_;
  Frontier held_;  // what the peer holds of this channel
  Frontier sent_;  // how far it was sent
  std::deque<InFlight> in_flight_;
  std::size_t in_flight_bytes_ = 0;
  std::int64_t progress_ms_ = 0;

  Token locate_token_ = 0;
  std::uint64_t locate_size_ = 0;
  std::optional<Hash> locate_root_;  // empty: after Resend, nothing is claimed
  std::optional<v1::Receipt> early_receipt_;

  Token read_token_ = 0;
  std::uint64_t read_first_ = 0;
  std::vector<std::string> ready_;  // the next batch
  std::vector<Hash> ready_leaves_;
  std::size_t ready_bytes_ = 0;
  Retry read_retry_;
};

}  // namespace tripoint::exchange
