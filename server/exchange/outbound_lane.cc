// See outbound_lane.h.
#include "server/exchange/outbound_lane.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"
#include "proto/contract/error.h"

namespace tripoint::exchange {
namespace {

// Bytes that a batch may have beside its envelopes: head, lengths.
constexpr std::size_t kBatchOverheadBytes = 16u << 10;

}  // namespace

OutboundLane::OutboundLane(LaneContext& context, v1::Lane lane, OutboundState state)
    : context_(context),
      lane_(lane),
      state_(std::move(state)),
      proven_(state_.receipted),
      proven_epoch_(state_.receipt_epoch) {}

contract::ChannelHead OutboundLane::ChannelHeadOf(const Frontier& frontier) const {
  return {.sender = context_.unit,
          .receiver = context_.peer,
          .lane = static_cast<std::uint8_t>(lane_),
          .epoch = context_.epoch,
          .size = frontier.size(),
          .root = frontier.Root()};
}

LaneVerdict OutboundLane::Open(std::uint64_t peer_epoch, const v1::Receipt* held,
                               bool peer_renewed) {
  Close();
  peer_epoch_ = peer_epoch;
  progress_ms_ = context_.now_ms;
  const bool rolled_back = IsRollback(quarantine());
  if (!quarantine().empty() && !rolled_back) return LaneVerdict::Fine();
  // A receipt over an earlier epoch of ours says nothing about this one.
  const bool same_log = held != nullptr && held->epoch() == context_.epoch;
  const std::uint64_t held_size = same_log ? held->size() : 0;
  if (held_size > size()) {
    if (rolled_back) return LaneVerdict::Fine();  // still
    return LaneVerdict::Quarantine(
        Reason::kChannelRolledBack,
        fmt::format("the peer holds {} envelopes of this channel, it has {} here", held_size,
                    size()));
  }
  LaneVerdict verdict = LaneVerdict::Fine();
  if (held_size < proven_.size()) {
    const bool renewed = proven_epoch_ != 0 ? proven_epoch_ != peer_epoch
                                            : peer_renewed || renewed_epoch_ == peer_epoch;
    std::string text = fmt::format("the peer gave a receipt for {} envelopes and now holds {}",
                                   proven_.size(), held_size);
    if (!renewed && rolled_back) return LaneVerdict::Fine();  // still
    if (!renewed) return LaneVerdict::Quarantine(Reason::kChannelRolledBack, std::move(text));
    renewed_epoch_ = peer_epoch;
    verdict = LaneVerdict::Warn(Reason::kPeerEpochNew, text + "; the rest is sent again");
  }
  probing_ = rolled_back;
  std::optional<Hash> root = Frontier().Root();
  if (same_log) root = storage::HashFromBytes(held->root());
  if (LaneVerdict located = Locate(held_size, root); !located.fine()) return located;
  return verdict;
}

void OutboundLane::Close() {
  mode_ = Mode::kClosed;
  probing_ = false;
  stopped_by_peer_.clear();
  held_ = sent_ = Frontier();
  in_flight_.clear();
  in_flight_bytes_ = 0;
  locate_token_ = 0;
  early_receipt_.reset();
  DropReady();
  read_retry_.Succeeded();
}

void OutboundLane::DropReady() {
  read_token_ = 0;
  ready_.clear();
  ready_leaves_.clear();
  ready_bytes_ = 0;
}

// Finds our own frontier at `size`, at once where it is known.
LaneVerdict OutboundLane::Locate(std::uint64_t size, std::optional<Hash> root) {
  mode_ = Mode::kLocating;
  locate_size_ = size;
  locate_root_ = root;
  locate_token_ = 0;
  DropReady();
  if (size == this->size()) return Located(state_.frontier);
  if (size == proven_.size()) return Located(proven_);
  if (size == 0) return Located(Frontier());
  return LaneVerdict::Fine();  // Work asks for it
}

LaneVerdict OutboundLane::Located(const Frontier& frontier) {
  if (locate_root_.has_value() && frontier.Root() != *locate_root_) {
    return LaneVerdict::Quarantine(
        Reason::kChannelFork,
        fmt::format("the peer holds another root at size {} of this channel", frontier.size()));
  }
  if (probing_) Lift();
  // After Resend the receipts of what came before may still be on their way.
  if (locate_root_.has_value()) held_ = frontier;
  sent_ = frontier;
  mode_ = Mode::kRunning;
  progress_ms_ = context_.now_ms;
  if (early_receipt_.has_value()) {
    const v1::Receipt receipt = std::move(*early_receipt_);
    early_receipt_.reset();
    Sample sample;
    return OnReceipt(receipt, sample);
  }
  return LaneVerdict::Fine();
}

// The peer that lost what it had signed for is gone: this one holds what it should, with our own
// root, or has begun anew since.
void OutboundLane::Lift() {
  probing_ = false;
  state_.quarantine_reason.clear();
  lifted_ = fmt::format("the rollback is over: the roots agree at size {}", locate_size_);
  context_.actions.push_back(PersistQuarantine{.lane = lane_,
                                               .outbound = true,
                                               .reason = Reason::kUnspecified,
                                               .text = lifted_,
                                               .epoch_over = false});
}

void OutboundLane::Grew(const Frontier& frontier) {
  if (frontier.size() <= size()) return;  // told late
  if (size() == held_.size()) progress_ms_ = context_.now_ms;
  state_.frontier = frontier;
}

void OutboundLane::Reload(OutboundState state) {
  Close();
  Grew(state.frontier);
  if (state.receipted.size() <= proven_.size()) return;
  state_.receipted = proven_ = std::move(state.receipted);
  state_.receipt_signature = std::move(state.receipt_signature);
  state_.receipt_epoch = proven_epoch_ = state.receipt_epoch;
  waiting_proof_.reset();
  storing_proof_.reset();
  commit_retry_.Succeeded();
}

LaneVerdict OutboundLane::OnReceipt(const v1::Receipt& receipt, Sample& sample) {
  if (mode_ == Mode::kClosed || Halted()) return LaneVerdict::Fine();
  if (receipt.epoch() != context_.epoch) return LaneVerdict::Break("receipt of another epoch");
  if (receipt.size() > size()) {
    return LaneVerdict::Break(
        fmt::format("receipt for {} envelopes of a channel of {}", receipt.size(), size()));
  }
  if (receipt.size() < held_.size()) return LaneVerdict::Fine();  // older than what is known
  const auto answered =
      std::find_if(in_flight_.begin(), in_flight_.end(),
                   [&](const InFlight& batch) { return batch.end.size() == receipt.size(); });
  if (answered != in_flight_.end()) {
    sample = {.round_trip_ms = context_.now_ms - answered->sent_ms, .batch_bytes = answered->bytes};
    const Frontier end = answered->end;
    if (LaneVerdict verdict = TakeProof(end, receipt); !verdict.fine()) return verdict;
    while (!in_flight_.empty() && in_flight_.front().end.size() <= end.size()) {
      in_flight_bytes_ -= in_flight_.front().bytes;
      in_flight_.pop_front();
    }
    held_ = end;
    progress_ms_ = context_.now_ms;
    return LaneVerdict::Fine();
  }
  if (mode_ == Mode::kLocating && locate_root_.has_value() && receipt.size() == locate_size_) {
    early_receipt_ = receipt;
    return LaneVerdict::Fine();
  }
  if (mode_ == Mode::kRunning && receipt.size() == held_.size()) {
    return TakeProof(held_, receipt);
  }
  if (mode_ == Mode::kLocating && receipt.size() < locate_size_) return LaneVerdict::Fine();
  // The peer finished storing what an earlier stream had brought: compare there and go on from
  // there. What was sent meanwhile is sent again and is known to the peer.
  in_flight_.clear();
  in_flight_bytes_ = 0;
  early_receipt_ = receipt;
  return Locate(receipt.size(), storage::HashFromBytes(receipt.root()));
}

LaneVerdict OutboundLane::TakeProof(const Frontier& frontier, const v1::Receipt& receipt) {
  if (receipt.root() != storage::HashView(frontier.Root())) {
    return LaneVerdict::Quarantine(
        Reason::kChannelFork,
        fmt::format("the peer's receipt has another root at size {}", receipt.size()));
  }
  if (!context_.verifier.Verify(contract::ReceiptBytes(ChannelHeadOf(frontier)),
                                receipt.signature())) {
    return LaneVerdict::Quarantine(
        Reason::kHeadSignatureInvalid,
        fmt::format("the signature of the receipt at size {} does not verify", receipt.size()));
  }
  if (frontier.size() <= proven_.size()) return LaneVerdict::Fine();
  const std::uint64_t old_size = proven_.size();
  proven_ = frontier;
  proven_epoch_ = peer_epoch_;
  if (!waiting_proof_.has_value()) waiting_proof_ = Proof{};
  waiting_proof_->frontier = frontier;
  waiting_proof_->signature = receipt.signature();
  waiting_proof_->certificate = context_.verifier.Certificate();
  waiting_proof_->receipt_epoch = peer_epoch_;
  for (const v1::Refusal& refusal : receipt.refusals()) {
    // What was receipted before keeps its outcome.
    if (refusal.position() >= old_size) waiting_proof_->refusals.push_back(refusal);
  }
  StartCommit();
  return LaneVerdict::Fine();
}

void OutboundLane::StartCommit() {
  if (commit_token_ != 0 || commit_retry_.waiting(context_.now_ms)) return;
  if (!storing_proof_.has_value()) {
    if (!waiting_proof_.has_value()) return;
    storing_proof_ = std::move(waiting_proof_);
    waiting_proof_.reset();
  }
  commit_token_ = context_.NewToken();
  commit_retry_.Elapsed();
  context_.actions.push_back(CommitReceipt{.token = commit_token_,
                                           .lane = lane_,
                                           .receipted = storing_proof_->frontier,
                                           .signature = storing_proof_->signature,
                                           .certificate = storing_proof_->certificate,
                                           .receipt_epoch = storing_proof_->receipt_epoch,
                                           .refusals = storing_proof_->refusals});
}

bool OutboundLane::OnReceiptCommitted(ReceiptCommitted& event, LaneVerdict& verdict) {
  if (commit_token_ == 0 || event.token != commit_token_) return false;
  commit_token_ = 0;
  if (event.status.ok()) {
    state_.receipted = storing_proof_->frontier;
    state_.receipt_signature = storing_proof_->signature;
    state_.receipt_epoch = storing_proof_->receipt_epoch;
    storing_proof_.reset();
    commit_retry_.Succeeded();
    return true;
  }
  commit_retry_.Failed(context_.now_ms, context_.limits);
  const contract::Problem problem = contract::ProblemOf(event.status);
  verdict = LaneVerdict::Warn(problem.reason, problem.what);
  return true;
}

LaneVerdict OutboundLane::OnHeld(const v1::Receipt& held) {
  // The peer's hello may have been written before it knew what it holds.
  if (IsRollback(quarantine()) && Halted() && held.epoch() == context_.epoch &&
      held.size() >= proven_.size() && held.size() <= size()) {
    probing_ = true;
    return Locate(held.size(), storage::HashFromBytes(held.root()));
  }
  if (mode_ == Mode::kClosed || Halted() || held.epoch() != context_.epoch) {
    return LaneVerdict::Fine();
  }
  if (held.size() > size()) {
    return LaneVerdict::Quarantine(
        Reason::kChannelRolledBack,
        fmt::format("the peer holds {} envelopes of this channel, it has {} here", held.size(),
                    size()));
  }
  return LaneVerdict::Fine();
}

LaneVerdict OutboundLane::OnResend(const v1::Resend& resend) {
  if (mode_ != Mode::kRunning || Stopped()) return LaneVerdict::Fine();
  if (resend.epoch() != context_.epoch) return LaneVerdict::Break("resend of another epoch");
  if (resend.size() < held_.size()) return LaneVerdict::Break("resend of what was receipted");
  if (resend.size() >= sent_.size()) return LaneVerdict::Fine();
  while (!in_flight_.empty() && in_flight_.back().end.size() > resend.size()) {
    in_flight_bytes_ -= in_flight_.back().bytes;
    in_flight_.pop_back();
  }
  const auto known = [&](const Frontier& frontier) {
    if (frontier.size() != resend.size()) return false;
    sent_ = frontier;
    DropReady();
    return true;
  };
  if (known(held_) || (!in_flight_.empty() && known(in_flight_.back().end)))
    return LaneVerdict::Fine();
  return Locate(resend.size(), std::nullopt);
}

bool OutboundLane::OnStoppedByPeer(const std::string& reason_code) {
  if (mode_ == Mode::kClosed || !stopped_by_peer_.empty()) return false;
  stopped_by_peer_ = reason_code;
  DropReady();
  return true;
}

bool OutboundLane::OnRangeRead(RangeRead& event, LaneVerdict& verdict) {
  if (read_token_ == 0 || event.token != read_token_) return false;
  read_token_ = 0;
  const Limits& limits = context_.limits;
  if (!event.status.ok()) {
    read_retry_.Failed(context_.now_ms, limits);
    const contract::Problem problem = contract::ProblemOf(event.status);
    verdict = LaneVerdict::Warn(problem.reason, problem.what);
    return true;
  }
  std::size_t count = 0;
  std::size_t bytes = 0;
  const std::size_t count_max =
      std::min({event.envelopes.size(), event.leaf_hashes.size(), limits.batch_items_max,
                static_cast<std::size_t>(size() - read_first_)});
  for (; count < count_max; ++count) {
    const std::string& envelope = event.envelopes[count];
    if (envelope.empty() || envelope.size() > limits.envelope_bytes_max) break;
    const std::size_t more = bytes + envelope.size() + 8;
    if (count > 0 && more > limits.frame_bytes_max - kBatchOverheadBytes) break;
    bytes = more;
  }
  if (count == 0) {
    read_retry_.Failed(context_.now_ms, limits);
    verdict = LaneVerdict::Warn(
        Reason::kCorrupt,
        fmt::format("the envelope at position {} cannot be sent: missing or too long",
                    read_first_));
    return true;
  }
  read_retry_.Succeeded();
  event.envelopes.resize(count);
  event.leaf_hashes.resize(count);
  ready_ = std::move(event.envelopes);
  ready_leaves_ = std::move(event.leaf_hashes);
  ready_bytes_ = bytes;
  return true;
}

bool OutboundLane::OnFrontierRead(FrontierRead& event, LaneVerdict& verdict) {
  if (locate_token_ == 0 || event.token != locate_token_) return false;
  locate_token_ = 0;
  if (!event.status.ok() || event.frontier.size() != locate_size_) {
    read_retry_.Failed(context_.now_ms, context_.limits);
    const contract::Problem problem = contract::ProblemOf(event.status);
    verdict = LaneVerdict::Warn(event.status.ok() ? Reason::kInternal : problem.reason,
                                "the frontier of the channel could not be read: " + problem.what);
    return true;
  }
  read_retry_.Succeeded();
  verdict = Located(event.frontier);
  return true;
}

void OutboundLane::Work(std::size_t batch_bytes) {
  StartCommit();
  if (Stopped() || read_retry_.waiting(context_.now_ms)) return;
  read_retry_.Elapsed();
  if (mode_ == Mode::kLocating && locate_token_ == 0) {
    locate_token_ = context_.NewToken();
    context_.actions.push_back(
        ReadFrontier{.token = locate_token_, .lane = lane_, .size = locate_size_});
  }
  if (mode_ == Mode::kRunning) StartRead(batch_bytes);
}

void OutboundLane::StartRead(std::size_t batch_bytes) {
  if (read_token_ != 0 || !ready_.empty() || sent_.size() >= size()) return;
  if (in_flight_.size() >= context_.limits.window_batches_max) return;
  read_token_ = context_.NewToken();
  read_first_ = sent_.size();
  context_.actions.push_back(ReadRange{.token = read_token_,
                                       .lane = lane_,
                                       .first = read_first_,
                                       .max_bytes = batch_bytes,
                                       .max_items = context_.limits.batch_items_max});
}

bool OutboundLane::BatchReady() const {
  // The peer first repeats the receipt of what it holds: its refusals stay bounded by one window.
  if (waiting_proof_.has_value() && waiting_proof_->refusals.size() >= context_.limits.refusals_max)
    return false;
  return mode_ == Mode::kRunning && !Stopped() && !ready_.empty() &&
         proven_.size() >= held_.size() && in_flight_.size() < context_.limits.window_batches_max;
}

std::optional<v1::Batch> OutboundLane::TakeBatch(LaneVerdict& verdict) {
  Frontier end = sent_;
  for (const Hash& leaf : ready_leaves_) end.Append(leaf);
  if (end.size() == size() && end.Root() != state_.frontier.Root()) {
    DropReady();
    read_retry_.Failed(context_.now_ms, context_.limits);
    verdict = LaneVerdict::Warn(
        Reason::kCorrupt,
        fmt::format("the entries of the channel do not give its root at size {}", size()));
    return std::nullopt;
  }
  v1::Batch batch;
  batch.set_lane(lane_);
  batch.set_epoch(context_.epoch);
  batch.set_first_position(sent_.size());
  for (std::string& envelope : ready_) batch.add_envelopes(std::move(envelope));
  const contract::ChannelHead head = ChannelHeadOf(end);
  *batch.mutable_head() = Head();
  batch.mutable_head()->set_size(end.size());
  batch.mutable_head()->set_root(head.root.data(), head.root.size());
  batch.mutable_head()->set_signature(context_.signer.Sign(contract::HeadBytes(head)));
  if (in_flight_.empty()) progress_ms_ = context_.now_ms;
  in_flight_.push_back({.end = end, .bytes = ready_bytes_, .sent_ms = context_.now_ms});
  in_flight_bytes_ += ready_bytes_;
  sent_ = std::move(end);
  DropReady();
  return batch;
}

v1::Head OutboundLane::Head() const {
  v1::Head head;
  head.set_lane(lane_);
  head.set_epoch(context_.epoch);
  head.set_size(size());
  const Hash root = state_.frontier.Root();
  head.set_root(root.data(), root.size());
  head.set_receipted_size(state_.receipted.size());
  return head;
}

v1::Head OutboundLane::HelloHead() const {
  v1::Head head = Head();
  if (state_.receipted.size() == 0 || state_.receipt_epoch == 0) return head;
  const Hash root = state_.receipted.Root();
  head.set_receipted_root(root.data(), root.size());
  head.set_receipt_signature(state_.receipt_signature);
  head.set_receipt_epoch(state_.receipt_epoch);
  return head;
}

std::int64_t OutboundLane::waiting_since_ms() const {
  // A peer that holds all and does not repeat its receipt holds the lane up as well.
  const bool waits = held_.size() < size() || proven_.size() < held_.size();
  if (mode_ == Mode::kClosed || Stopped() || !waits) return 0;
  if (read_retry_.due_ms() != 0) return 0;
  return std::max<std::int64_t>(progress_ms_, 1);
}

std::int64_t OutboundLane::due_ms() const {
  const std::int64_t commit_ms = commit_token_ == 0 ? commit_retry_.due_ms() : 0;
  const bool reads = mode_ != Mode::kClosed && !Stopped();
  const std::int64_t read_ms = reads ? read_retry_.due_ms() : 0;
  return commit_ms != 0 && read_ms != 0 ? std::min(commit_ms, read_ms) : commit_ms + read_ms;
}

void OutboundLane::Quarantine(Reason reason) {
  state_.quarantine_reason = std::string(contract::ReasonCode(reason));
  probing_ = false;
  lifted_.clear();
  mode_ = Mode::kClosed;
  in_flight_.clear();
  in_flight_bytes_ = 0;
  DropReady();
}

}  // namespace tripoint::exchange
