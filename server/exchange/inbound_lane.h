// One channel from the peer: checks batches, has them stored, gives receipts. Part of the core.
//
// Two sizes: `durable` is what the store has answered for and what receipts speak of; `accepted`
// runs ahead of it by the batches whose commits are under way, so that a fast link is not held up
// by one sync after the other.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/exchange/lane.h"
#include "server/exchange/pacing.h"

namespace tripoint::exchange {

class InboundLane {
 public:
  // `past`: its earlier epochs.
  InboundLane(LaneContext& context, v1::Lane lane, InboundState state,
              std::vector<InboundState> past);

  // No commit is under way: a hello may speak of this lane.
  bool Settled() const { return commits_.empty(); }

  // The peer's hello: `head` is the channel as it has it, null when it has none.
  LaneVerdict Open(std::uint64_t peer_epoch, const v1::Head* head);
  void Close();

  // The store was read anew. Precondition: Settled(), no stream.
  void Reload(InboundState state, std::vector<InboundState> past);

  // `duplicate`, `gap`: set when the batch brought nothing for this reason.
  LaneVerdict OnBatch(v1::Batch batch, bool& duplicate, bool& gap);
  // A head of a heartbeat.
  LaneVerdict OnHead(const v1::Head& head);
  // Answers; false: the token is not of this lane.
  bool OnBatchCommitted(BatchCommitted& event, LaneVerdict& verdict);
  bool OnRefusalsRead(RefusalsRead& event);
  // Does what is due: at the end of each step.
  void Work();

  // The receipt that is owed, and from now on is not. nullopt: none.
  std::optional<v1::Receipt> TakeReceipt();
  bool ReceiptOwed() const { return open_ && receipt_owed_ && !refusals_from_.has_value(); }
  // The peer is to send again from here on. Told once for each time it is found.
  std::optional<v1::Resend> TakeResend();
  bool ResendOwed() const { return open_ && resend_owed_; }

  // What the hello and the heartbeat say that is held here.
  v1::Receipt Held() const;

  // The peer shows a receipt that this unit gave in its present epoch, over more than is held.
  bool LostReceipted(const v1::Head& head) const;
  // Everything that is held of the channel, of whatever epoch, with the proofs.
  void AddHoldings(v1::Hello& hello) const;

  void Quarantine(Reason reason);
  const std::string& quarantine() const { return durable_.quarantine_reason; }
  // What the peer is told: empty while a stop may turn out to be over.
  std::string told_quarantine() const { return Halted() ? quarantine() : std::string(); }
  // Which stop ended and why, once.
  Lifted TakeLifted() { return std::exchange(lifted_, {}); }
  const InboundState& durable() const { return durable_; }
  // When Work has something to do; 0: nothing planned.
  std::int64_t due_ms() const;

 private:
  struct Commit {
    Token token = 0;
    InboundState state;
    std::uint64_t first = 0;
    std::size_t bytes = 0;
    std::vector<std::uint32_t> sizes;  // of each envelope
  };
  bool Halted() const { return !quarantine().empty() && !probing_; }
  // The channel is to be the one of `peer_epoch`; false: that one had ended.
  bool EnterEpoch(std::uint64_t peer_epoch);
  void RememberEnded(std::uint64_t epoch);
  void Lift(Reason stop, std::string text);
  void LiftRollback(std::uint64_t size);
  // Counts what was refused of `commit`, and stops the channel when that was too much.
  LaneVerdict SpendQuota(const Commit& commit, const std::vector<v1::Refusal>& refusals);
  LaneVerdict OnKnown(const v1::Batch& batch);
  LaneVerdict Accept(v1::Batch batch);
  LaneVerdict CommitFailed(const BatchCommitted& event);
  contract::ChannelHead ChannelHeadOf(std::uint64_t size, const Hash& root) const;
  void AskAgain();
  void AddRefusals(std::vector<v1::Refusal> refusals);
  // Refusals from `first` on are not in memory: no receipt leaves before they were read.
  void NeedRefusals(std::uint64_t first);
  void ReadMissingRefusals();

  LaneContext& context_;
  const v1::Lane lane_;
  RefusalQuota quota_;
  InboundState durable_;
  Frontier accepted_;
  std::vector<std::uint64_t> past_epochs_;  // seen by this process; older ones the store knows
  // The channel that the present epoch replaces, for as long as nothing of the present one was
  // stored: until then it is what the store holds, and its epoch has not ended.
  std::optional<InboundState> replaced_;
  std::vector<InboundState> past_;  // before those two
  std::deque<Commit> commits_;
  std::size_t commit_bytes_ = 0;
  bool failed_ = false;  // a commit failed; those after it are waited for and count for nothing
  Retry retry_;

  // Of the present stream.
  bool open_ = false;
  // In quarantine for a rollback, and the sizes fit again: the roots decide.
  bool probing_ = false;
  Lifted lifted_;
  bool receipt_owed_ = false;
  std::optional<std::uint64_t> refusals_from_;
  Token refusals_token_ = 0;
  Retry refusals_retry_;
  std::vector<v1::Refusal> refusals_;  // for the next receipt
  bool resend_owed_ = false;
  std::int64_t resend_ms_ = 0;  // when it was last asked for; 0: not since the last progress
  std::int64_t progress_ms_ = 0;
};

}  // namespace tripoint::exchange
