// See inbound_lane.h.
#include "server/exchange/inbound_lane.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"
#include "proto/contract/error.h"

namespace tripoint::exchange {
namespace {

// A sender keeps its window; twice of it leaves room for what it sends again.
constexpr std::size_t kWindowSlack = 2;
constexpr std::size_t kPastEpochsMax = 64;

// What a refused envelope takes besides its bytes: its record, keys, and share of the journal.
constexpr std::int64_t kRefusalBytes = 1024;

bool StopsChannel(Reason reason) {
  return reason == Reason::kChannelFork || reason == Reason::kChannelRolledBack ||
         reason == Reason::kQuarantineFull;
}

LaneVerdict QuotaStop() {
  return LaneVerdict::Quarantine(
      Reason::kQuarantineFull,
      "more was refused than is kept here; it goes on when there is room, or after a restart");
}

}  // namespace

InboundLane::InboundLane(LaneContext& context, v1::Lane lane, InboundState state,
                         std::vector<InboundState> past)
    : context_(context),
      lane_(lane),
      quota_(context.limits),
      durable_(std::move(state)),
      accepted_(durable_.frontier),
      past_(std::move(past)) {}

contract::ChannelHead InboundLane::ChannelHeadOf(std::uint64_t size, const Hash& root) const {
  return {.sender = context_.peer,
          .receiver = context_.unit,
          .lane = static_cast<std::uint8_t>(lane_),
          .epoch = durable_.epoch,
          .size = size,
          .root = root};
}

LaneVerdict InboundLane::Open(std::uint64_t peer_epoch, const v1::Head* head) {
  Close();
  open_ = true;
  progress_ms_ = context_.now_ms;
  if (!EnterEpoch(peer_epoch)) {
    if (!quarantine().empty()) return LaneVerdict::Fine();  // and a fork stays a fork
    return LaneVerdict::Quarantine(Reason::kChannelRolledBack,
                                   "the peer is back in an epoch that it had ended");
  }
  if (quota_.Spent(context_.now_ms)) {
    // A new epoch of the peer ends a stop, and makes no room.
    return quarantine().empty() ? QuotaStop() : LaneVerdict::Fine();
  }
  if (IsQuotaStop(quarantine())) {
    Lift(Reason::kQuarantineFull, "there is room for refused envelopes again");
  }
  const bool rolled_back = IsRollback(quarantine());
  if (!quarantine().empty() && !rolled_back) return LaneVerdict::Fine();
  v1::Head empty;
  if (head == nullptr) {
    const Hash root = Frontier().Root();
    empty.set_root(storage::HashView(root).data(), root.size());
    head = &empty;
  }
  const std::uint64_t size = durable_.frontier.size();
  if (rolled_back && head->size() < size) return LaneVerdict::Fine();  // still
  probing_ = rolled_back;
  if (LaneVerdict verdict = OnHead(*head); !verdict.fine()) return verdict;
  if (probing_ && head->size() == size)
    LiftRollback(size);  // of a longer one the next batch decides
  if (size > 0) {
    // The stored one may be under a signing key that has been replaced since.
    const contract::ChannelHead held = ChannelHeadOf(size, durable_.frontier.Root());
    durable_.receipt_signature = context_.signer.Sign(contract::ReceiptBytes(held));
  }
  if (head->receipted_size() < size) {
    // The receipt was lost with a stream or a crash, and its refusals with it: both are said again.
    receipt_owed_ = true;
    NeedRefusals(head->receipted_size());
  } else if (head->receipted_size() > size) {
    return LaneVerdict::Warn(
        Reason::kChannelRolledBack,
        fmt::format("the peer has a receipt of this unit for {} envelopes, {} are held here",
                    head->receipted_size(), size));
  }
  return LaneVerdict::Fine();
}

bool InboundLane::EnterEpoch(std::uint64_t peer_epoch) {
  const std::uint64_t old_epoch = durable_.epoch;
  if (old_epoch == peer_epoch) return true;
  const bool nothing_stored = durable_.frontier.size() == 0;
  if (replaced_.has_value() && nothing_stored && replaced_->epoch == peer_epoch) {
    // Another store was there for a moment and gave nothing: this is the one that is held here.
    const std::string quarantine_reason = quarantine();
    if (!quarantine_reason.empty()) RememberEnded(old_epoch);
    durable_ = *std::exchange(replaced_, std::nullopt);
    if (quarantine().empty()) durable_.quarantine_reason = quarantine_reason;
    accepted_ = durable_.frontier;
    std::erase(past_epochs_, peer_epoch);
    return true;
  }
  if (std::find(past_epochs_.begin(), past_epochs_.end(), peer_epoch) != past_epochs_.end())
    return false;
  if (old_epoch != 0 && !nothing_stored) {
    if (replaced_.has_value() && past_.size() < kHoldingsMax)
      past_.push_back(*std::move(replaced_));
    replaced_ = durable_;
  }
  if (old_epoch != 0 && !(nothing_stored && quarantine().empty())) RememberEnded(old_epoch);
  if (!quarantine().empty()) {
    context_.actions.push_back(PersistQuarantine{.lane = lane_,
                                                 .outbound = false,
                                                 .reason = Reason::kUnspecified,
                                                 .text = "the peer has begun a new epoch",
                                                 .epoch_over = true});
  }
  durable_ = InboundState{};  // a quarantine ends with the epoch it was about
  durable_.epoch = peer_epoch;
  accepted_ = Frontier();
  return true;
}

void InboundLane::RememberEnded(std::uint64_t epoch) {
  if (past_epochs_.size() >= kPastEpochsMax) past_epochs_.erase(past_epochs_.begin());
  past_epochs_.push_back(epoch);
}

void InboundLane::Lift(Reason stop, std::string text) {
  durable_.quarantine_reason.clear();
  lifted_ = {.reason = stop, .text = std::move(text)};
  // Before the commit of what comes next, which the store refuses to a stopped channel.
  context_.actions.push_back(PersistQuarantine{.lane = lane_,
                                               .outbound = false,
                                               .reason = Reason::kUnspecified,
                                               .text = lifted_.text,
                                               .epoch_over = false});
}

// The root over what is held here is the peer's too, at `size`: the original is back.
void InboundLane::LiftRollback(std::uint64_t size) {
  probing_ = false;
  Lift(Reason::kChannelRolledBack,
       fmt::format("the rollback is over: the roots agree at size {}", size));
}

LaneVerdict InboundLane::SpendQuota(const Commit& commit,
                                    const std::vector<v1::Refusal>& refusals) {
  std::int64_t bytes = 0;
  for (const v1::Refusal& refusal : refusals) {
    const std::uint64_t index = refusal.position() - commit.first;
    bytes += kRefusalBytes;
    if (index < commit.sizes.size()) bytes += commit.sizes[index];
  }
  if (bytes == 0) return LaneVerdict::Fine();
  quota_.Spend(context_.now_ms, bytes);
  // Batches behind this one may be under way: what they bring is bounded by the window.
  return quota_.Spent(context_.now_ms) && quarantine().empty() ? QuotaStop() : LaneVerdict::Fine();
}

void InboundLane::Close() {
  open_ = false;
  probing_ = false;
  receipt_owed_ = false;
  refusals_from_.reset();
  refusals_token_ = 0;
  refusals_retry_.Succeeded();
  refusals_.clear();
  resend_owed_ = false;
  resend_ms_ = 0;
}

void InboundLane::Reload(InboundState state, std::vector<InboundState> past) {
  Close();
  // Of the history that was here before, this lane knows best whether it is stopped: the store may
  // still have to be told.
  if (state.epoch == durable_.epoch || replaced_.has_value()) {
    state.quarantine_reason = quarantine();
  } else if (durable_.frontier.size() > 0) {
    RememberEnded(durable_.epoch);
  }
  std::erase(past_epochs_, state.epoch);
  replaced_.reset();
  past_ = std::move(past);
  durable_ = std::move(state);
  accepted_ = durable_.frontier;
  failed_ = false;
  retry_.Succeeded();
}

LaneVerdict InboundLane::OnHead(const v1::Head& head) {
  if (!open_ || Halted()) return LaneVerdict::Fine();
  const std::uint64_t size = durable_.frontier.size();
  if (head.size() < size) {
    return LaneVerdict::Quarantine(
        Reason::kChannelRolledBack,
        fmt::format("the peer's channel has {} envelopes, {} were received", head.size(), size));
  }
  if (head.size() == size && head.root() != storage::HashView(durable_.frontier.Root())) {
    return LaneVerdict::Quarantine(Reason::kChannelFork,
                                   fmt::format("another root at the same size {}", size));
  }
  // Behind, and nothing came for long: what was sent is lost somewhere; ask.
  const bool waits =
      Settled() && head.size() > size && resend_ms_ == 0 && !retry_.waiting(context_.now_ms);
  if (waits && context_.now_ms - progress_ms_ > context_.limits.progress_ms / 2) AskAgain();
  return LaneVerdict::Fine();
}

LaneVerdict InboundLane::OnBatch(v1::Batch batch, bool& duplicate, bool& gap) {
  if (!open_ || Halted()) return LaneVerdict::Fine();
  if (batch.epoch() != durable_.epoch) return LaneVerdict::Break("batch of another epoch");
  if (failed_ || retry_.waiting(context_.now_ms))
    return LaneVerdict::Fine();  // asked for again later
  if (batch.head().size() <= accepted_.size()) {
    duplicate = true;
    return OnKnown(batch);
  }
  if (batch.first_position() > accepted_.size()) {
    gap = true;
    AskAgain();
    return LaneVerdict::Fine();
  }
  return Accept(std::move(batch));
}

LaneVerdict InboundLane::OnKnown(const v1::Batch& batch) {
  const v1::Head& head = batch.head();
  if (head.size() == durable_.frontier.size() &&
      head.root() != storage::HashView(durable_.frontier.Root())) {
    return LaneVerdict::Quarantine(Reason::kChannelFork,
                                   fmt::format("another root at the same size {}", head.size()));
  }
  if (durable_.frontier.size() > 0) receipt_owed_ = true;
  return LaneVerdict::Fine();
}

LaneVerdict InboundLane::Accept(v1::Batch batch) {
  std::size_t bytes = 0;
  for (const std::string& envelope : batch.envelopes()) bytes += envelope.size();
  const Limits& limits = context_.limits;
  if (commits_.size() >= kWindowSlack * limits.window_batches_max ||
      commit_bytes_ + bytes > kWindowSlack * limits.window_bytes_max + limits.frame_bytes_max) {
    return LaneVerdict::Break("more in flight than the window allows");
  }
  const std::optional<Hash> root = storage::HashFromBytes(batch.head().root());
  if (!root.has_value()) return LaneVerdict::Break("batch: root is not 32 bytes");
  const contract::ChannelHead head = ChannelHeadOf(batch.head().size(), *root);
  if (!context_.verifier.Verify(contract::HeadBytes(head), batch.head().signature())) {
    return LaneVerdict::Quarantine(
        Reason::kHeadSignatureInvalid,
        fmt::format("the signature of the head at size {} does not verify", head.size));
  }
  // What is held already is left out: the root at the end speaks for it too.
  const std::uint64_t first = accepted_.size();
  CommitBatch commit{.token = 0,
                     .lane = lane_,
                     .first_position = first,
                     .envelopes = {},
                     .leaf_hashes = {},
                     .state = {},
                     .receipt_certificate = context_.signer.Certificate()};
  Frontier frontier = accepted_;
  for (auto i = static_cast<int>(first - batch.first_position()); i < batch.envelopes_size(); ++i) {
    commit.leaf_hashes.push_back(storage::LeafHash(batch.envelopes(i)));
    frontier.Append(commit.leaf_hashes.back());
    commit.envelopes.push_back(std::move(*batch.mutable_envelopes(i)));
  }
  if (frontier.Root() != *root) {
    return LaneVerdict::Quarantine(
        Reason::kChannelFork,
        fmt::format("the signed root at size {} is not the root of what was received", head.size));
  }
  if (probing_) LiftRollback(head.size);
  commit.token = context_.NewToken();
  commit.state = {.epoch = durable_.epoch,
                  .frontier = frontier,
                  .head_signature = batch.head().signature(),
                  .receipt_signature = context_.signer.Sign(contract::ReceiptBytes(head)),
                  .quarantine_reason = {},
                  .head_certificate = context_.verifier.Certificate()};
  Commit waiting{
      .token = commit.token, .state = commit.state, .first = first, .bytes = bytes, .sizes = {}};
  for (const std::string& envelope : commit.envelopes) {
    waiting.sizes.push_back(static_cast<std::uint32_t>(envelope.size()));
  }
  commits_.push_back(std::move(waiting));
  commit_bytes_ += bytes;
  accepted_ = std::move(frontier);
  progress_ms_ = context_.now_ms;
  resend_ms_ = 0;
  context_.actions.push_back(std::move(commit));
  return LaneVerdict::Fine();
}

bool InboundLane::OnBatchCommitted(BatchCommitted& event, LaneVerdict& verdict) {
  const auto found = std::find_if(commits_.begin(), commits_.end(), [&](const Commit& commit) {
    return commit.token == event.token;
  });
  if (found == commits_.end()) return false;
  Commit commit = std::move(*found);
  commit_bytes_ -= commit.bytes;
  const bool in_order = found == commits_.begin();
  commits_.erase(found);
  if (event.status.ok()) {
    const bool certain = in_order && !failed_;
    const std::uint64_t old_size = durable_.frontier.size();
    const std::string quarantine_reason = durable_.quarantine_reason;  // may have come meanwhile
    if (commit.state.frontier.size() > old_size) durable_ = std::move(commit.state);
    durable_.quarantine_reason = quarantine_reason;
    if (certain) retry_.Succeeded();
    verdict = SpendQuota(commit, event.refusals);
    if (open_) {
      receipt_owed_ = true;
      AddRefusals(std::move(event.refusals));
      // A commit before it was stored after all: what it refused was never told.
      if (!certain) NeedRefusals(old_size);
    }
  } else {
    verdict = CommitFailed(event);
  }
  if (commits_.empty() && failed_) {
    failed_ = false;
    accepted_ = durable_.frontier;
    receipt_owed_ = open_ && durable_.frontier.size() > 0;
  }
  return true;
}

LaneVerdict InboundLane::CommitFailed(const BatchCommitted& event) {
  const bool first_failure = !failed_;
  failed_ = true;
  bool by_hand = false;
  if (event.durable.has_value() && event.durable->epoch == durable_.epoch &&
      event.durable->frontier.size() >= durable_.frontier.size()) {
    const std::string quarantine_reason = durable_.quarantine_reason;
    const bool more = event.durable->frontier.size() > durable_.frontier.size();
    if (open_ && more) NeedRefusals(durable_.frontier.size());
    by_hand = more && absl::IsAborted(event.status);
    durable_ = *event.durable;
    if (durable_.quarantine_reason.empty()) durable_.quarantine_reason = quarantine_reason;
  }
  if (!first_failure) return LaneVerdict::Fine();
  retry_.Failed(context_.now_ms, context_.limits);
  // A bundle was quicker.
  if (by_hand) return LaneVerdict::Fine();
  const contract::Problem problem = contract::ProblemOf(event.status);
  if (StopsChannel(problem.reason)) return LaneVerdict::Quarantine(problem.reason, problem.what);
  return LaneVerdict::Warn(problem.reason, problem.what);
}

std::int64_t InboundLane::due_ms() const {
  if (!open_) return 0;
  const std::int64_t commit_ms = Settled() ? retry_.due_ms() : 0;
  const std::int64_t read_ms = refusals_token_ == 0 ? refusals_retry_.due_ms() : 0;
  return commit_ms != 0 && read_ms != 0 ? std::min(commit_ms, read_ms) : commit_ms + read_ms;
}

void InboundLane::Work() {
  if (open_) ReadMissingRefusals();
  if (retry_.due_ms() == 0 || retry_.waiting(context_.now_ms) || !Settled()) return;
  retry_.Elapsed();
  resend_ms_ = 0;
  AskAgain();
}

void InboundLane::AskAgain() {
  // Every batch behind a gap would ask: once in a while is enough.
  if (resend_ms_ != 0 && context_.now_ms - resend_ms_ < 2 * context_.limits.retry_ms) return;
  resend_ms_ = context_.now_ms;
  resend_owed_ = open_ && !Halted();
}

void InboundLane::AddRefusals(std::vector<v1::Refusal> refusals) {
  for (v1::Refusal& refusal : refusals) refusals_.push_back(std::move(refusal));
  std::sort(refusals_.begin(), refusals_.end(),
            [](const v1::Refusal& a, const v1::Refusal& b) { return a.position() < b.position(); });
  const auto same = [](const v1::Refusal& a, const v1::Refusal& b) {
    return a.position() == b.position();
  };
  refusals_.erase(std::unique(refusals_.begin(), refusals_.end(), same), refusals_.end());
  // A sender that keeps the window never gets here.
  if (refusals_.size() > context_.limits.refusals_max)
    refusals_.resize(context_.limits.refusals_max);
}

void InboundLane::NeedRefusals(std::uint64_t first) {
  refusals_from_ = std::min(first, refusals_from_.value_or(first));
  refusals_token_ = 0;  // a read under way is of too little
}

void InboundLane::ReadMissingRefusals() {
  if (!refusals_from_.has_value() || refusals_token_ != 0 ||
      refusals_retry_.waiting(context_.now_ms))
    return;
  refusals_retry_.Elapsed();
  refusals_token_ = context_.NewToken();
  context_.actions.push_back(ReadRefusals{.token = refusals_token_,
                                          .lane = lane_,
                                          .epoch = durable_.epoch,
                                          .first = *refusals_from_,
                                          .end = durable_.frontier.size(),
                                          .max_items = context_.limits.refusals_max});
}

bool InboundLane::OnRefusalsRead(RefusalsRead& event) {
  if (refusals_token_ == 0 || event.token != refusals_token_) return false;
  refusals_token_ = 0;
  if (!event.status.ok()) {
    refusals_retry_.Failed(context_.now_ms, context_.limits);
    return true;
  }
  refusals_from_.reset();
  refusals_retry_.Succeeded();
  AddRefusals(std::move(event.refusals));
  return true;
}

v1::Receipt InboundLane::Held() const {
  // The original may be the one that comes next: to it this must not look like a loss.
  const bool replaced = replaced_.has_value() && durable_.frontier.size() == 0;
  const InboundState& held = replaced ? *replaced_ : durable_;
  v1::Receipt receipt;
  receipt.set_lane(lane_);
  receipt.set_epoch(held.epoch);
  receipt.set_size(held.frontier.size());
  const Hash root = held.frontier.Root();
  receipt.set_root(root.data(), root.size());
  receipt.set_signature(held.receipt_signature);
  return receipt;
}

bool InboundLane::LostReceipted(const v1::Head& head) const {
  const std::optional<Hash> root = storage::HashFromBytes(head.receipted_root());
  if (head.receipt_epoch() != context_.epoch || !root.has_value() ||
      head.receipt_signature().empty()) {
    return false;
  }
  const std::uint64_t held = durable_.epoch == head.epoch() ? durable_.frontier.size() : 0;
  if (head.receipted_size() <= held) return false;
  contract::ChannelHead receipted = ChannelHeadOf(head.receipted_size(), *root);
  receipted.epoch = head.epoch();
  return context_.signer.Sign(contract::ReceiptBytes(receipted)) == head.receipt_signature();
}

void InboundLane::AddHoldings(v1::Hello& hello) const {
  std::size_t count = 0;
  const auto add = [&](const InboundState& held) {
    if (held.frontier.size() == 0 || ++count > kHoldingsMax) return;
    v1::Holding* holding = hello.add_holdings();
    const Hash root = held.frontier.Root();
    holding->set_lane(lane_);
    holding->set_epoch(held.epoch);
    holding->set_size(held.frontier.size());
    holding->set_root(root.data(), root.size());
    holding->set_head_signature(held.head_signature);
    if (held.head_certificate.size() <= context_.limits.certificate_bytes_max)
      holding->set_head_certificate(held.head_certificate);
    contract::ChannelHead head = ChannelHeadOf(held.frontier.size(), root);
    head.epoch = held.epoch;
    // Anew: the stored one may be under a key that has been replaced since.
    holding->set_receipt_signature(context_.signer.Sign(contract::ReceiptBytes(head)));
  };
  add(durable_);
  if (replaced_.has_value()) add(*replaced_);
  for (const InboundState& held : past_) add(held);
}

std::optional<v1::Receipt> InboundLane::TakeReceipt() {
  if (!ReceiptOwed()) return std::nullopt;
  receipt_owed_ = false;
  if (durable_.frontier.size() == 0) return std::nullopt;
  v1::Receipt receipt = Held();
  for (v1::Refusal& refusal : refusals_) *receipt.add_refusals() = std::move(refusal);
  refusals_.clear();
  return receipt;
}

std::optional<v1::Resend> InboundLane::TakeResend() {
  if (!ResendOwed()) return std::nullopt;
  resend_owed_ = false;
  v1::Resend resend;
  resend.set_lane(lane_);
  resend.set_epoch(durable_.epoch);
  resend.set_size(accepted_.size());
  return resend;
}

void InboundLane::Quarantine(Reason reason) {
  probing_ = false;
  lifted_ = {};
  // A rollback may pass, and must not take with it what does not.
  if (!quarantine().empty() && !IsRollback(quarantine())) return;
  durable_.quarantine_reason = std::string(contract::ReasonCode(reason));
  resend_owed_ = false;
}

}  // namespace tripoint::exchange
