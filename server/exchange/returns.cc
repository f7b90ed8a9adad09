// See returns.h.
#include "server/exchange/returns.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"
#include "proto/contract/error.h"

namespace tripoint::exchange {
namespace {

using operations::HeldChannel;

contract::ChannelHead HeadOf(const LaneContext& context, const v1::Holding& holding,
                             const Hash& root) {
  return {.sender = context.unit,
          .receiver = context.peer,
          .lane = static_cast<std::uint8_t>(holding.lane()),
          .epoch = holding.epoch(),
          .size = holding.size(),
          .root = root};
}

}  // namespace

// The key signs equal bytes equally, so what it once signed it can recognise; what an earlier key
// signed, be that lost, its certificate proves, which the peer kept.
bool Returns::IsOwn(const v1::Holding& holding) const {
  const std::optional<Hash> root = storage::HashFromBytes(holding.root());
  if (!root.has_value() || holding.size() == 0 || holding.head_signature().empty()) return false;
  const std::string bytes = contract::HeadBytes(HeadOf(context_, holding, *root));
  if (context_.signer.Sign(bytes) == holding.head_signature()) return true;
  return context_.verifier.VerifyOwn(holding.head_certificate(), bytes, holding.head_signature());
}

// False: the peer holds nothing but the present channels.
bool Returns::ReadClaims(const v1::Hello& hello) {
  bool foreign = false;
  for (const v1::Holding& holding : hello.holdings()) {
    if (holding.size() == 0) continue;
    const Hash root = *storage::HashFromBytes(holding.root());
    const contract::ChannelHead head = HeadOf(context_, holding, root);
    const bool receipted =
        context_.verifier.Verify(contract::ReceiptBytes(head), holding.receipt_signature());
    const bool proven = receipted && IsOwn(holding);
    const bool past = holding.epoch() != context_.epoch;
    foreign = foreign || past;
    unproven_ = unproven_ || (past && !proven);
    claims_.push_back({.lane = head.lane,
                       .epoch = holding.epoch(),
                       .size = holding.size(),
                       .root = root,
                       .receipt_signature = holding.receipt_signature(),
                       .receipt_certificate = context_.verifier.Certificate(),
                       .proven = proven});
  }
  return foreign;
}

LaneVerdict Returns::Open(const v1::Hello& hello) {
  Close();
  open_ = true;
  const bool foreign = ReadClaims(hello);
  // A peer that recovers says later what it then holds.
  if (hello.recovering() && !recovering_) return LaneVerdict::Fine();
  if (!recovering_ && !has_past_ && !foreign) return LaneVerdict::Fine();
  Begin(Step::kCompare);
  if (!unproven_) return LaneVerdict::Fine();
  return LaneVerdict::Warn(Reason::kReturnUnproven,
                           "the peer holds channels in this unit's name that it did not sign");
}

void Returns::Close() {
  open_ = unproven_ = asked_ = finished_ = false;
  claims_.clear();
  plan_ = {};
  step_ = Step::kIdle;
  token_ = read_token_ = 0;
  retry_.Succeeded();
  answer_.reset();
  answer_bytes_ = 0;
  answered_ms_ = -1;
}

const HeldChannel* Returns::Proven(v1::Lane lane) const {
  for (const HeldChannel& claim : claims_) {
    if (claim.proven && claim.epoch == context_.epoch && claim.lane == lane) return &claim;
  }
  return nullptr;
}

void Returns::Begin(Step step) {
  step_ = step;
  token_ = 0;
  asked_ = false;
}

// The next thing that the plan asks for.
void Returns::Next() {
  if (!plan_.carries.empty() && plan_.carries.back().under_way) return Begin(Step::kCarry);
  if (!plan_.wants.empty()) {
    const operations::HoldingsPlan::Want& want = plan_.wants.back();
    if (!recovering_) return Begin(Step::kEnter);
    return Begin(want.first == want.held.size ? Step::kTake : Step::kAsk);
  }
  if (!plan_.carries.empty()) return Begin(Step::kCarry);
  if (!recovering_) return Begin(Step::kIdle);
  if (!unproven_) return Begin(Step::kMark);
  if (plan_.ended) return GiveUp();
  // What is not proven is no part of this unit's memory, and perhaps a lie: people decide. Whether
  // they have, the store says.
  Begin(Step::kCompare);
  retry_.Failed(context_.now_ms, context_.limits);
}

// What cannot be had is not asked for again on this stream.
void Returns::DropWant() {
  const HeldChannel held = plan_.wants.back().held;
  for (HeldChannel& claim : claims_) {
    if (claim.lane == held.lane && claim.epoch == held.epoch) claim.proven = false;
  }
  plan_.wants.pop_back();
}

// People have ended the amnesia and this peer proves nothing more: the channels run. The store does
// not say that it has returned, so the next process asks once more.
void Returns::GiveUp() {
  given_up_ = finished_ = true;
  recovering_ = false;
  Begin(Step::kIdle);
}

void Returns::Work() {
  if (!open_ || token_ != 0 || retry_.waiting(context_.now_ms)) return;
  retry_.Elapsed();
  if (step_ == Step::kIdle || step_ == Step::kAsk) return;
  token_ = context_.NewToken();
  switch (step_) {
    case Step::kCompare:
      return context_.actions.push_back(CompareHoldings{.token = token_, .held = claims_});
    case Step::kEnter:
      return context_.actions.push_back(EnterAmnesia{.token = token_});
    case Step::kStore:
      return context_.actions.push_back(
          StoreReturned{.token = token_,
                        .held = plan_.wants.back().held,
                        .first = arrived_.first_position(),
                        .envelopes = {arrived_.envelopes().begin(), arrived_.envelopes().end()}});
    case Step::kTake:
      return context_.actions.push_back(
          TakeReturned{.token = token_, .held = plan_.wants.back().held});
    case Step::kCarry:
      return context_.actions.push_back(CarryOver{.token = token_, .carry = plan_.carries.back()});
    case Step::kMark:
      return context_.actions.push_back(MarkReturned{.token = token_});
    case Step::kIdle:
    case Step::kAsk:
      return;
  }
}

std::int64_t Returns::due_ms() const { return open_ && token_ == 0 ? retry_.due_ms() : 0; }

LaneVerdict Returns::Failed(const absl::Status& status) {
  token_ = 0;
  retry_.Failed(context_.now_ms, context_.limits);
  const contract::Problem problem = contract::ProblemOf(status);
  return LaneVerdict::Warn(problem.reason, problem.what);
}

bool Returns::OnCompared(HoldingsCompared& event, LaneVerdict& verdict) {
  if (token_ == 0 || event.token != token_) return false;
  if (!event.status.ok()) {
    verdict = Failed(event.status);
    return true;
  }
  plan_ = std::move(event.plan);
  if (given_up_) plan_.wants.clear();
  Next();
  return true;
}

bool Returns::OnStored(ReturnStored& event, LaneVerdict& verdict) {
  if (token_ == 0 || event.token != token_) return false;
  token_ = 0;
  if (!event.status.ok()) {
    // Perhaps it was stored all the same: the store says where it stands.
    verdict = Failed(event.status);
    step_ = Step::kCompare;
    return true;
  }
  retry_.Succeeded();
  operations::HoldingsPlan::Want& want = plan_.wants.back();
  if (event.next == 0) {
    unproven_ = true;
    DropWant();
    verdict = LaneVerdict::Warn(Reason::kReturnUnproven,
                                "what the peer returned is not what this unit had signed");
    Next();
    return true;
  }
  want.first = event.next;
  Next();
  return true;
}

bool Returns::OnDone(RecoveryDone& event, LaneVerdict& verdict) {
  if (token_ == 0 || event.token != token_) return false;
  token_ = 0;
  if (!event.status.ok()) {
    verdict = Failed(event.status);
    return true;
  }
  retry_.Succeeded();
  if (step_ == Step::kEnter || step_ == Step::kMark) {
    recovering_ = step_ == Step::kEnter;
    finished_ = true;
    Begin(Step::kIdle);
  } else if (event.done && step_ == Step::kTake) {
    plan_.wants.pop_back();
    Next();
  } else if (event.done && step_ == Step::kCarry) {
    plan_.carries.pop_back();
    Next();
  }
  return true;
}

std::optional<v1::ReturnRequest> Returns::TakeRequest() {
  if (!open_ || step_ != Step::kAsk || asked_ || retry_.waiting(context_.now_ms))
    return std::nullopt;
  asked_ = true;
  asked_ms_ = std::max<std::int64_t>(context_.now_ms, 1);
  const operations::HoldingsPlan::Want& want = plan_.wants.back();
  v1::ReturnRequest request;
  request.set_lane(static_cast<v1::Lane>(want.held.lane));
  request.set_epoch(want.held.epoch);
  request.set_first(want.first);
  return request;
}

LaneVerdict Returns::OnReturned(v1::Returned returned) {
  if (!asked_ || step_ != Step::kAsk) return LaneVerdict::Break("returned: not asked for");
  const operations::HoldingsPlan::Want& want = plan_.wants.back();
  if (returned.lane() != want.held.lane || returned.epoch() != want.held.epoch ||
      returned.first_position() != want.first) {
    return LaneVerdict::Break("returned: not what was asked for");
  }
  const auto count = static_cast<std::uint64_t>(returned.envelopes_size());
  if (count > want.held.size - want.first) return LaneVerdict::Break("returned: beyond the end");
  asked_ = false;
  if (count == 0) {
    if (plan_.ended) {
      unproven_ = true;
      DropWant();
      Next();
    } else {
      Begin(Step::kCompare);  // people may end it meanwhile
      retry_.Failed(context_.now_ms, context_.limits);
    }
    return LaneVerdict::Fine();
  }
  arrived_ = std::move(returned);
  Begin(Step::kStore);
  return LaneVerdict::Fine();
}

LaneVerdict Returns::OnRequest(const v1::ReturnRequest& request, std::size_t bytes_max,
                               std::int64_t& rest_ms) {
  if (read_token_ != 0 || answer_.has_value()) return LaneVerdict::Break("a second return request");
  rest_ms = answered_ms_ < 0 ? -1 : context_.now_ms - answered_ms_;
  request_ = request;
  read_token_ = context_.NewToken();
  context_.actions.push_back(ReadHeld{.token = read_token_,
                                      .lane = request.lane(),
                                      .epoch = request.epoch(),
                                      .first = request.first(),
                                      .max_bytes = bytes_max,
                                      .max_items = context_.limits.batch_items_max});
  return LaneVerdict::Fine();
}

bool Returns::OnHeldRead(HeldRead& event) {
  if (read_token_ == 0 || event.token != read_token_) return false;
  read_token_ = 0;
  answer_.emplace();
  answer_->set_lane(request_.lane());
  answer_->set_epoch(request_.epoch());
  answer_->set_first_position(request_.first());
  answer_bytes_ = 0;
  for (std::string& envelope : event.envelopes) {
    answer_bytes_ += envelope.size() + 8;
    answer_->add_envelopes(std::move(envelope));
  }
  return true;
}

v1::Returned Returns::TakeAnswer() {
  answered_ms_ = context_.now_ms;
  return *std::exchange(answer_, std::nullopt);
}

}  // namespace tripoint::exchange
