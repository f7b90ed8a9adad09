// After a loss, as the core decides it: what a peer's claims bring about, and what they must not.
#include <gtest/gtest.h>

#include "server/exchange/core.h"
#include "tests/unit/exchange/fakes.h"

namespace tripoint::exchange {
namespace {

constexpr char kUnit[] = "vn-quangngai";
constexpr char kPeer[] = "la-attapeu";
constexpr std::uint64_t kEpoch = 7;
constexpr std::uint64_t kPast = 5;
constexpr std::uint64_t kPeerEpoch = 9;

// A channel of ours as the peer holds it, both signatures right.
v1::Holding Claim(std::uint64_t epoch, std::uint64_t size) {
  const Hash root = FakeFrontier(kUnit, epoch, v1::LANE_ROUTINE, size, 0).Root();
  const contract::ChannelHead head{.sender = kUnit,
                                   .receiver = kPeer,
                                   .lane = v1::LANE_ROUTINE,
                                   .epoch = epoch,
                                   .size = size,
                                   .root = root};
  v1::Holding holding;
  holding.set_lane(v1::LANE_ROUTINE);
  holding.set_epoch(epoch);
  holding.set_size(size);
  holding.set_root(root.data(), root.size());
  holding.set_head_signature(FakeSignature(kUnit, contract::HeadBytes(head)));
  holding.set_receipt_signature(FakeSignature(kPeer, contract::ReceiptBytes(head)));
  return holding;
}

// A node whose signing fails: KeyHeadSigner then gives no bytes.
class MuteSigner final : public HeadSigner {
 public:
  std::string Certificate() const override { return "certificate of vn-quangngai"; }
  std::string Sign(std::string_view /*bytes*/) override { return ""; }
};

constexpr char kLostKey[] = "a key that burnt with its disk";
constexpr char kLostCertificate[] = "certificate of that key";

// Knows, beside the peer's key, one that this unit had before.
class HistoryVerifier final : public HeadVerifier {
 public:
  absl::Status Trust(std::string_view certificate) override { return peer_.Trust(certificate); }
  bool Verify(std::string_view bytes, std::string_view signature) const override {
    return peer_.Verify(bytes, signature);
  }
  bool VerifyOwn(std::string_view certificate, std::string_view bytes,
                 std::string_view signature) const override {
    return certificate == kLostCertificate && signature == FakeSignature(kLostKey, bytes);
  }
  std::string Certificate() const override { return "certificate of la-attapeu"; }

 private:
  FakeVerifier peer_{kPeer};
};

// The claim as the lost key signed it.
v1::Holding SignedBefore(v1::Holding claim) {
  const contract::ChannelHead head{.sender = kUnit,
                                   .receiver = kPeer,
                                   .lane = static_cast<std::uint8_t>(claim.lane()),
                                   .epoch = claim.epoch(),
                                   .size = claim.size(),
                                   .root = *storage::HashFromBytes(claim.root())};
  claim.set_head_signature(FakeSignature(kLostKey, contract::HeadBytes(head)));
  claim.set_head_certificate(kLostCertificate);
  return claim;
}

class ReturnsTest : public ::testing::Test {
 protected:
  // Opens a stream and hears `claims`; what the core does about them.
  void Meet(const std::vector<v1::Holding>& claims, bool recovering = false,
            std::uint32_t version = 2, std::uint64_t own_size = 3) {
    CoreConfig config;
    config.unit = kUnit;
    config.peer = kPeer;
    config.epoch = kEpoch;
    config.recovering = recovering;
    config.outbound[2].frontier = FakeFrontier(kUnit, kEpoch, v1::LANE_ROUTINE, own_size, 0);
    core_ = std::make_unique<Core>(std::move(config), *signs_, verifier_);
    now_ms_ = 0;
    Greet(claims, 1, version);
  }
  // The next stream.
  void Greet(const std::vector<v1::Holding>& claims, StreamId stream, std::uint32_t version = 2) {
    const auto opened = Step(StreamOpened{.stream = stream, .dialled_by_us = false});
    if (const Send* const send = Find<Send>(opened); send != nullptr) hello_ = send->frame.hello();
    (void)Step(FrameSent{.stream = stream});
    v1::Frame frame;
    v1::Hello& hello = *frame.mutable_hello();
    hello.set_version_min(1);
    hello.set_version_max(version);
    hello.set_unit(kPeer);
    hello.set_epoch(kPeerEpoch);
    hello.set_signing_certificate("certificate of la-attapeu");
    for (const v1::Holding& claim : claims) {
      *hello.add_holdings() = claim;
      if (claim.epoch() != kEpoch) continue;
      v1::Receipt& held = *hello.add_inbound();
      held.set_lane(claim.lane());
      held.set_epoch(claim.epoch());
      held.set_size(claim.size());
      held.set_root(claim.root());
    }
    done_ = Step(FrameReceived{.stream = stream, .frame = std::move(frame)});
  }
  const v1::Hello& Hello() const { return hello_; }
  std::vector<Action> Step(Event event) {
    now_ms_ += 1;
    return core_->Step({.monotonic_ms = now_ms_, .wall_ms = now_ms_}, std::move(event));
  }
  template <typename Wanted>
  const Wanted* Find(const std::vector<Action>& actions) const {
    for (const Action& action : actions) {
      if (const auto* found = std::get_if<Wanted>(&action)) return found;
    }
    return nullptr;
  }
  bool Alerted(Reason reason) const {
    for (const Action& action : done_) {
      const auto* alert = std::get_if<Alert>(&action);
      if (alert != nullptr && alert->reason == reason) return true;
    }
    return false;
  }

  FakeSigner signer_{kUnit};
  MuteSigner mute_;
  HeadSigner* signs_ = &signer_;
  HistoryVerifier verifier_;
  std::unique_ptr<Core> core_;
  std::vector<Action> done_;
  v1::Hello hello_;
  std::int64_t now_ms_ = 0;
};

// Goal: where signing fails, a claim without a signature proves nothing: not over a past channel,
// and not that this node's data is old.
TEST_F(ReturnsTest, NoSignatureProvesNothing) {
  signs_ = &mute_;
  v1::Holding bare = Claim(kEpoch, 5);
  bare.clear_head_signature();
  Meet({bare});
  EXPECT_EQ(Find<OwnRollback>(done_), nullptr);
  v1::Holding past = Claim(kPast, 5);
  past.clear_head_signature();
  Meet({past});
  EXPECT_EQ(Find<EnterAmnesia>(done_), nullptr);
}

// Goal: what a version does not have breaks its protocol.
TEST_F(ReturnsTest, VersionOneHasNoReturns) {
  for (const bool asks : {true, false}) {
    Meet({}, false, 1);
    v1::Frame frame;
    if (asks) {
      frame.mutable_return_request()->set_lane(v1::LANE_ROUTINE);
      frame.mutable_return_request()->set_epoch(kPast);
    } else {
      frame.mutable_returned()->set_lane(v1::LANE_ROUTINE);
      frame.mutable_returned()->set_epoch(kPast);
    }
    done_ = Step(FrameReceived{.stream = 1, .frame = std::move(frame)});
    EXPECT_EQ(Find<ReadHeld>(done_), nullptr);
    EXPECT_TRUE(Alerted(Reason::kLinkProtocol)) << asks;
  }
}

// Goal: what agrees costs nothing, and nothing is asked.
TEST_F(ReturnsTest, SameHistoryAsksNothing) {
  Meet({Claim(kEpoch, 3)});
  EXPECT_EQ(Find<CompareHoldings>(done_), nullptr);
  EXPECT_EQ(Find<OwnRollback>(done_), nullptr);
}

// Goal: our own signature over more than we have shows an old copy of the data; a claim without it
// stops the channel and nothing else.
TEST_F(ReturnsTest, OnlyOurOwnSignatureProvesARollback) {
  Meet({Claim(kEpoch, 5)});
  EXPECT_NE(Find<OwnRollback>(done_), nullptr);
  EXPECT_NE(Find<PersistQuarantine>(done_), nullptr);
  v1::Holding forged = Claim(kEpoch, 5);
  forged.mutable_head_signature()->assign(64, 'x');
  Meet({forged});
  EXPECT_EQ(Find<OwnRollback>(done_), nullptr);
  EXPECT_NE(Find<PersistQuarantine>(done_), nullptr);
  EXPECT_TRUE(Alerted(Reason::kChannelRolledBack));
}

// Goal: another root that we had signed is our fault, and an unsigned one a fork.
TEST_F(ReturnsTest, ForkThatWeSignedIsARollback) {
  v1::Holding other = Claim(kEpoch, 3);
  const Hash root = FakeFrontier("else", kEpoch, v1::LANE_ROUTINE, 3, 0).Root();
  const contract::ChannelHead head{.sender = kUnit,
                                   .receiver = kPeer,
                                   .lane = v1::LANE_ROUTINE,
                                   .epoch = kEpoch,
                                   .size = 3,
                                   .root = root};
  other.set_root(root.data(), root.size());
  other.set_head_signature(FakeSignature(kUnit, contract::HeadBytes(head)));
  other.set_receipt_signature(FakeSignature(kPeer, contract::ReceiptBytes(head)));
  Meet({other});
  EXPECT_NE(Find<OwnRollback>(done_), nullptr);
  other.set_head_signature(std::string(64, 'x'));
  Meet({other});
  EXPECT_EQ(Find<OwnRollback>(done_), nullptr);
  EXPECT_TRUE(Alerted(Reason::kChannelFork));
}

// Goal: a node that does not know of its past learns it from a neighbour's proof, and from nothing
// less; then it shares nothing and the stream is made anew.
TEST_F(ReturnsTest, UnknownPastBeginsAmnesiaOnlyWhenProven) {
  Meet({Claim(kPast, 4)});
  const auto* compare = Find<CompareHoldings>(done_);
  ASSERT_NE(compare, nullptr);
  ASSERT_EQ(compare->held.size(), 1u);
  EXPECT_TRUE(compare->held[0].proven);
  operations::HoldingsPlan plan;
  plan.wants.push_back({compare->held[0], 0});
  done_ = Step(HoldingsCompared{.token = compare->token, .status = {}, .plan = plan});
  const auto* enter = Find<EnterAmnesia>(done_);
  ASSERT_NE(enter, nullptr);
  done_ = Step(RecoveryDone{.token = enter->token, .status = {}, .done = true});
  EXPECT_NE(Find<CloseStream>(done_), nullptr);

  v1::Holding forged = Claim(kPast, 4);
  forged.mutable_head_signature()->assign(64, 'x');
  Meet({forged});
  EXPECT_TRUE(Alerted(Reason::kReturnUnproven));
  compare = Find<CompareHoldings>(done_);
  ASSERT_NE(compare, nullptr);
  EXPECT_FALSE(compare->held[0].proven);
}

// Goal: a unit whose signing key is lost believes what its earlier certificate proves, keeps what
// the peer's receipt verified with, and believes nothing without that certificate.
TEST_F(ReturnsTest, ALostKeysSignatureIsProvenByItsCertificate) {
  Meet({SignedBefore(Claim(kPast, 4))}, true);
  EXPECT_FALSE(Alerted(Reason::kReturnUnproven));
  const auto* compare = Find<CompareHoldings>(done_);
  ASSERT_NE(compare, nullptr);
  EXPECT_TRUE(compare->held[0].proven);
  EXPECT_EQ(compare->held[0].receipt_certificate, "certificate of la-attapeu");
  // An old copy of the data, found after the key changed.
  Meet({SignedBefore(Claim(kEpoch, 5))});
  EXPECT_NE(Find<OwnRollback>(done_), nullptr);

  v1::Holding bare = SignedBefore(Claim(kPast, 4));
  bare.clear_head_certificate();
  v1::Holding foreign = SignedBefore(Claim(kPast, 4));
  foreign.set_head_certificate("certificate of la-attapeu");
  v1::Holding unreceipted = SignedBefore(Claim(kPast, 4));
  unreceipted.set_receipt_signature(unreceipted.head_signature());
  for (const v1::Holding& claim : {bare, foreign, unreceipted}) {
    Meet({claim}, true);
    EXPECT_TRUE(Alerted(Reason::kReturnUnproven));
    EXPECT_FALSE(Find<CompareHoldings>(done_)->held[0].proven);
  }
}

// Goal: while a node recovers no channel runs; it asks, keeps, takes in, says that the peer has
// returned, and only then the stream is made anew.
TEST_F(ReturnsTest, RecoversStepByStep) {
  Meet({Claim(kPast, 2)}, true);
  const auto* compare = Find<CompareHoldings>(done_);
  ASSERT_NE(compare, nullptr);
  operations::HoldingsPlan plan;
  plan.wants.push_back({compare->held[0], 0});
  done_ = Step(HoldingsCompared{.token = compare->token, .status = {}, .plan = plan});
  const Send* send = Find<Send>(done_);
  if (send == nullptr) {
    done_ = Step(FrameSent{.stream = 1});
    send = Find<Send>(done_);
  }
  ASSERT_NE(send, nullptr);
  ASSERT_TRUE(send->frame.has_return_request());
  EXPECT_EQ(send->frame.return_request().first(), 0u);

  v1::Frame frame;
  v1::Returned& returned = *frame.mutable_returned();
  returned.set_lane(v1::LANE_ROUTINE);
  returned.set_epoch(kPast);
  returned.add_envelopes(FakeEnvelope(kUnit, kPast, v1::LANE_ROUTINE, 0, 0));
  returned.add_envelopes(FakeEnvelope(kUnit, kPast, v1::LANE_ROUTINE, 1, 0));
  done_ = Step(FrameReceived{.stream = 1, .frame = frame});
  const auto* store = Find<StoreReturned>(done_);
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(store->envelopes.size(), 2u);
  done_ = Step(ReturnStored{.token = store->token, .status = {}, .next = 2});
  const auto* take = Find<TakeReturned>(done_);
  ASSERT_NE(take, nullptr);
  done_ = Step(RecoveryDone{.token = take->token, .status = {}, .done = true});
  const auto* mark = Find<MarkReturned>(done_);
  ASSERT_NE(mark, nullptr);
  done_ = Step(RecoveryDone{.token = mark->token, .status = {}, .done = true});
  EXPECT_NE(Find<CloseStream>(done_), nullptr);
}

// Goal: what does not have the root that we signed ends nothing: the peer has not returned.
TEST_F(ReturnsTest, UnprovenReturnDoesNotEndTheAmnesia) {
  Meet({Claim(kPast, 1)}, true);
  const auto* compare = Find<CompareHoldings>(done_);
  ASSERT_NE(compare, nullptr);
  operations::HoldingsPlan plan;
  plan.wants.push_back({compare->held[0], 0});
  (void)Step(HoldingsCompared{.token = compare->token, .status = {}, .plan = plan});
  (void)Step(FrameSent{.stream = 1});
  v1::Frame frame;
  v1::Returned& returned = *frame.mutable_returned();
  returned.set_lane(v1::LANE_ROUTINE);
  returned.set_epoch(kPast);
  returned.add_envelopes("something else");
  done_ = Step(FrameReceived{.stream = 1, .frame = frame});
  const auto* store = Find<StoreReturned>(done_);
  ASSERT_NE(store, nullptr);
  done_ = Step(ReturnStored{.token = store->token, .status = {}, .next = 0});
  EXPECT_TRUE(Alerted(Reason::kReturnUnproven));
  EXPECT_EQ(Find<MarkReturned>(done_), nullptr);
  EXPECT_TRUE(core_->status().state == LinkState::kUp);
}

// Goal: a claim that is not proven shuts the link only until an officer's word ends the amnesia,
// and what it was about is not asked for.
TEST_F(ReturnsTest, UnprovenClaimIsLetPassWhenTheAmnesiaIsOver) {
  v1::Holding forged = Claim(kPast, 4);
  forged.mutable_head_signature()->assign(64, 'x');
  Meet({forged}, true);
  const auto* compare = Find<CompareHoldings>(done_);
  ASSERT_NE(compare, nullptr);
  done_ = Step(HoldingsCompared{.token = compare->token, .status = {}, .plan = {}});
  EXPECT_EQ(Find<MarkReturned>(done_), nullptr);
  EXPECT_EQ(Find<CompareHoldings>(done_), nullptr) << "not at once again";
  const std::int64_t due_ms = core_->next_tick_ms();
  ASSERT_LE(due_ms, now_ms_ + Limits().retry_ms);
  now_ms_ = std::max(now_ms_, due_ms);
  done_ = Step(Tick{});
  while (Find<CompareHoldings>(done_) == nullptr && now_ms_ <= Limits().retry_ms + 10) {
    now_ms_ = std::max(now_ms_, core_->next_tick_ms() - 1);
    done_ = Step(Tick{});
  }
  compare = Find<CompareHoldings>(done_);
  ASSERT_NE(compare, nullptr) << "it looks again";
  operations::HoldingsPlan plan;
  plan.ended = true;
  done_ = Step(HoldingsCompared{.token = compare->token, .status = {}, .plan = plan});
  EXPECT_EQ(Find<MarkReturned>(done_), nullptr) << "it has not returned";
  EXPECT_NE(Find<CloseStream>(done_), nullptr);
  Greet({forged}, 2);
  EXPECT_EQ(Find<CloseStream>(done_), nullptr);
  EXPECT_FALSE(Hello().recovering());
}

// Goal: nor does a peer that proves a claim and then returns something else, or nothing, or begins
// the amnesia again for all.
TEST_F(ReturnsTest, FalseReturnIsLetPassWhenTheAmnesiaIsOver) {
  for (const bool nothing : {false, true}) {
    Meet({Claim(kPast, 1)}, true);
    const auto* compare = Find<CompareHoldings>(done_);
    ASSERT_NE(compare, nullptr);
    operations::HoldingsPlan plan;
    plan.ended = true;
    plan.wants.push_back({compare->held[0], 0});
    (void)Step(HoldingsCompared{.token = compare->token, .status = {}, .plan = plan});
    (void)Step(FrameSent{.stream = 1});
    v1::Frame frame;
    v1::Returned& returned = *frame.mutable_returned();
    returned.set_lane(v1::LANE_ROUTINE);
    returned.set_epoch(kPast);
    if (!nothing) returned.add_envelopes("something else");
    done_ = Step(FrameReceived{.stream = 1, .frame = frame});
    if (!nothing) {
      const auto* store = Find<StoreReturned>(done_);
      ASSERT_NE(store, nullptr);
      done_ = Step(ReturnStored{.token = store->token, .status = {}, .next = 0});
    }
    EXPECT_NE(Find<CloseStream>(done_), nullptr);
    Greet({Claim(kPast, 1)}, 2);
    compare = Find<CompareHoldings>(done_);
    ASSERT_NE(compare, nullptr);
    plan.wants.push_back({compare->held[0], 0});
    done_ = Step(HoldingsCompared{.token = compare->token, .status = {}, .plan = plan});
    EXPECT_EQ(Find<EnterAmnesia>(done_), nullptr);
    EXPECT_EQ(Find<CloseStream>(done_), nullptr);
  }
}

// Goal: after the end of an amnesia one claim that the peer cannot serve now does not keep what it
// proves of the others from being taken in.
TEST_F(ReturnsTest, OneEmptyAnswerLeavesTheOtherClaims) {
  Meet({Claim(kPast, 1), Claim(kPast - 1, 1)}, true);
  const auto* compare = Find<CompareHoldings>(done_);
  ASSERT_NE(compare, nullptr);
  ASSERT_EQ(compare->held.size(), 2u);
  operations::HoldingsPlan plan;
  plan.ended = true;
  plan.wants.push_back({compare->held[1], 0});
  plan.wants.push_back({compare->held[0], 0});
  (void)Step(HoldingsCompared{.token = compare->token, .status = {}, .plan = plan});
  (void)Step(FrameSent{.stream = 1});
  v1::Frame frame;
  frame.mutable_returned()->set_lane(v1::LANE_ROUTINE);
  frame.mutable_returned()->set_epoch(kPast);
  done_ = Step(FrameReceived{.stream = 1, .frame = frame});
  EXPECT_EQ(Find<CloseStream>(done_), nullptr);
  const Send* const send = Find<Send>(done_);
  ASSERT_NE(send, nullptr);
  EXPECT_EQ(send->frame.return_request().epoch(), kPast - 1);
}

// Goal: what an earlier life of this pair left to be sent again is put into the present epoch
// before the peer is asked for anything that would be written over it.
TEST_F(ReturnsTest, CarryUnderWayComesFirst) {
  Meet({Claim(kPast, 2)}, true);
  const auto* compare = Find<CompareHoldings>(done_);
  ASSERT_NE(compare, nullptr);
  operations::HoldingsPlan plan;
  plan.wants.push_back({compare->held[0], 0});
  plan.carries.push_back({.lane = 3, .epoch = kPast, .first = 0, .under_way = false});
  plan.carries.push_back({.lane = 3, .epoch = kPast, .first = 1, .under_way = true});
  done_ = Step(HoldingsCompared{.token = compare->token, .status = {}, .plan = plan});
  const auto* carry = Find<CarryOver>(done_);
  ASSERT_NE(carry, nullptr);
  EXPECT_TRUE(carry->carry.under_way);
  (void)Step(FrameSent{.stream = 1});
  done_ = Step(RecoveryDone{.token = carry->token, .status = {}, .done = true});
  EXPECT_EQ(Find<CarryOver>(done_), nullptr);
  const Send* const send = Find<Send>(done_);
  ASSERT_NE(send, nullptr);
  EXPECT_TRUE(send->frame.has_return_request());
}

// Goal: what was not asked for, or asked twice at once, breaks the protocol.
TEST_F(ReturnsTest, UnaskedReturnsBreakTheProtocol) {
  for (const bool request : {false, true}) {
    Meet({});
    v1::Frame frame;
    if (request) {
      frame.mutable_return_request()->set_lane(v1::LANE_ROUTINE);
      frame.mutable_return_request()->set_epoch(kPeerEpoch);
      (void)Step(FrameReceived{.stream = 1, .frame = frame});
    } else {
      frame.mutable_returned()->set_lane(v1::LANE_ROUTINE);
    }
    done_ = Step(FrameReceived{.stream = 1, .frame = frame});
    EXPECT_TRUE(Alerted(Reason::kLinkProtocol));
  }
}

// Goal: with a peer of version 1 the channels run and the node stays in amnesia, aloud.
TEST_F(ReturnsTest, OlderPeerCannotReturn) {
  Meet({}, true, 1);
  EXPECT_TRUE(Alerted(Reason::kAmnesia));
  EXPECT_EQ(Find<CompareHoldings>(done_), nullptr);
}

}  // namespace
}  // namespace tripoint::exchange
