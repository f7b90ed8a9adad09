// After a loss, as the core decides it: what a peer's claims bring about, and what they must not.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "proto/contract/error.h"
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
    config.limits = limits_;
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
    if (alter_hello_) alter_hello_(hello);
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

  // Goes on in time until the core asks for it; null: it does not.
  template <typename Wanted>
  const Wanted* Await() {
    for (int i = 0; i < 100 && Find<Wanted>(done_) == nullptr; ++i) {
      now_ms_ += limits_.retry_ms / 10;
      done_ = Step(Tick{});
    }
    return Find<Wanted>(done_);
  }
  // Whatever the core has to send, until it is a frame that `wanted` takes.
  template <typename Wanted>
  std::optional<v1::Frame> AwaitFrame(const Wanted& wanted) {
    for (int i = 0; i < 10; ++i) {
      if (const Send* const send = Find<Send>(done_); send != nullptr && wanted(send->frame))
        return send->frame;
      done_ = Step(FrameSent{.stream = 1});
    }
    return std::nullopt;
  }
  // The peer answers with the envelopes [first, end).
  void Return(std::uint64_t first, std::uint64_t end, std::uint64_t epoch = kPast) {
    v1::Frame frame;
    v1::Returned& returned = *frame.mutable_returned();
    returned.set_lane(v1::LANE_ROUTINE);
    returned.set_epoch(epoch);
    returned.set_first_position(first);
    for (std::uint64_t i = first; i < end; ++i)
      returned.add_envelopes(FakeEnvelope(kUnit, kPast, v1::LANE_ROUTINE, i, 0));
    done_ = Step(FrameReceived{.stream = 1, .frame = std::move(frame)});
  }
  // The claim of `size` envelopes is wanted from `first` on; the request is on its way.
  void Ask(std::uint64_t size, std::uint64_t first = 0) {
    Meet({Claim(kPast, size)}, true);
    const auto* const compare = Find<CompareHoldings>(done_);
    ASSERT_NE(compare, nullptr);
    operations::HoldingsPlan plan;
    plan.wants.push_back({compare->held[0], first});
    done_ = Step(HoldingsCompared{.token = compare->token, .status = {}, .plan = plan});
    const auto request =
        AwaitFrame([](const v1::Frame& frame) { return frame.has_return_request(); });
    ASSERT_TRUE(request.has_value());
    EXPECT_EQ(request->return_request().first(), first);
  }

  Limits limits_;
  FakeSigner signer_{kUnit};
  MuteSigner mute_;
  HeadSigner* signs_ = &signer_;
  HistoryVerifier verifier_;
  std::function<void(v1::Hello&)> alter_hello_;  // the peer's next hellos
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

// Goal: so it is at a size that has to be looked up; and what the peer says it holds must be what
// it has our signature for.
TEST_F(ReturnsTest, ForkThatWeSignedIsARollbackWhereverItIs) {
  const Hash root = FakeFrontier("else", kEpoch, v1::LANE_ROUTINE, 2, 0).Root();
  const contract::ChannelHead head{.sender = kUnit,
                                   .receiver = kPeer,
                                   .lane = v1::LANE_ROUTINE,
                                   .epoch = kEpoch,
                                   .size = 2,
                                   .root = root};
  v1::Holding other = Claim(kEpoch, 2);
  other.set_root(root.data(), root.size());
  const auto looked_up = [&](const std::string& signer) {
    other.set_head_signature(FakeSignature(signer, contract::HeadBytes(head)));
    other.set_receipt_signature(FakeSignature(kPeer, contract::ReceiptBytes(head)));
    Meet({other});
    const auto* const asked = Find<ReadFrontier>(done_);
    ASSERT_NE(asked, nullptr);
    done_ = Step(FrontierRead{.token = asked->token,
                              .status = {},
                              .frontier = FakeFrontier(kUnit, kEpoch, v1::LANE_ROUTINE, 2, 0)});
    EXPECT_TRUE(Alerted(Reason::kChannelFork));
  };
  looked_up(kUnit);
  EXPECT_NE(Find<OwnRollback>(done_), nullptr);
  looked_up("thief");
  EXPECT_EQ(Find<OwnRollback>(done_), nullptr);
  // It says that it holds other three than it has our signature for.
  other.set_size(3);
  const std::vector<std::function<void(v1::Receipt&)>> others = {
      [](v1::Receipt& said) { said.set_size(3); },
      [](v1::Receipt& said) { said.set_size(2); },
      [](v1::Receipt& said) { said.set_epoch(kPast); },
      [](v1::Receipt& said) { said.set_root(std::string(32, 'r')); },
  };
  for (std::size_t i = 0; i < others.size(); ++i) {
    contract::ChannelHead whole = head;
    whole.size = 3;
    other.set_head_signature(FakeSignature(kUnit, contract::HeadBytes(whole)));
    other.set_receipt_signature(FakeSignature(kPeer, contract::ReceiptBytes(whole)));
    alter_hello_ = [&](v1::Hello& hello) { others[i](*hello.mutable_inbound(0)); };
    Meet({other});
    EXPECT_EQ(Find<OwnRollback>(done_) != nullptr, i == 0) << i;
  }
}

// Goal: who receives learns from its own receipt, which the sender shows, that its data is old;
// from nothing that it did not sign.
TEST_F(ReturnsTest, OnlyOurOwnReceiptProvesThatWeLostWhatWeReceived) {
  const Hash root = FakeFrontier(kPeer, kPeerEpoch, v1::LANE_ROUTINE, 5, 0).Root();
  const contract::ChannelHead receipted{.sender = kPeer,
                                        .receiver = kUnit,
                                        .lane = v1::LANE_ROUTINE,
                                        .epoch = kPeerEpoch,
                                        .size = 5,
                                        .root = root};
  const std::string right = FakeSignature(kUnit, contract::ReceiptBytes(receipted));
  const auto shown = [&](const std::function<void(v1::Head&)>& alter) {
    alter_hello_ = [&](v1::Hello& hello) {
      v1::Head& head = *hello.add_outbound();
      head.set_lane(v1::LANE_ROUTINE);
      head.set_epoch(kPeerEpoch);
      head.set_size(5);
      head.set_root(root.data(), root.size());
      head.set_receipted_size(5);
      head.set_receipted_root(root.data(), root.size());
      head.set_receipt_epoch(kEpoch);
      head.set_receipt_signature(right);
      alter(head);
    };
    Meet({});
    EXPECT_TRUE(Alerted(Reason::kChannelRolledBack)) << "it is told in any case";
    return Find<OwnRollback>(done_) != nullptr;
  };
  EXPECT_TRUE(shown([](v1::Head&) {}));
  EXPECT_FALSE(shown([](v1::Head& head) { head.set_receipt_epoch(kPast); }));
  EXPECT_FALSE(shown([](v1::Head& head) { head.mutable_receipted_root()->pop_back(); }));
  EXPECT_FALSE(shown([](v1::Head& head) { head.set_receipted_size(4); }));
  EXPECT_FALSE(shown([](v1::Head& head) { head.set_receipt_signature(std::string(64, 'x')); }));
  signs_ = &mute_;
  EXPECT_FALSE(shown([](v1::Head& head) { head.clear_receipt_signature(); }));
}

TEST_F(ReturnsTest, NothingThatIsHeldProvesNothing) {
  Meet({Claim(kPast, 0)});
  EXPECT_EQ(Find<CompareHoldings>(done_), nullptr);
  EXPECT_EQ(Find<OwnRollback>(done_), nullptr);
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

// Goal: a store that fails at any step is told of, nothing goes on without it, and then the same
// step is taken again; what was perhaps stored is asked of the store first.
TEST_F(ReturnsTest, StoreFailsAtAnyStepThenTheStepIsTakenAgain) {
  limits_.silence_ms = 1'000'000;
  limits_.alert_ms = 0;
  const absl::Status failed =
      contract::Error(absl::StatusCode::kUnavailable, Reason::kOutcomeUnknown, "no answer", "", "");
  operations::HoldingsPlan plan;
  const auto compare = [&] {
    const auto* const asked = Await<CompareHoldings>();
    ASSERT_NE(asked, nullptr);
    done_ = Step(HoldingsCompared{.token = asked->token, .status = failed, .plan = {}});
    EXPECT_TRUE(Alerted(Reason::kOutcomeUnknown));
    EXPECT_EQ(Find<CompareHoldings>(done_), nullptr) << "not at once";
    const auto* const again = Await<CompareHoldings>();
    ASSERT_NE(again, nullptr);
    done_ = Step(HoldingsCompared{.token = again->token, .status = {}, .plan = plan});
  };
  Meet({Claim(kPast, 2)}, true);
  ASSERT_NE(Find<CompareHoldings>(done_), nullptr);
  plan.wants.push_back({Find<CompareHoldings>(done_)->held[0], 0});
  plan.carries.push_back({.lane = 3, .epoch = kPast, .first = 0, .under_way = false});
  compare();
  ASSERT_TRUE(
      AwaitFrame([](const v1::Frame& frame) { return frame.has_return_request(); }).has_value());
  Return(0, 2);
  const auto* const store = Find<StoreReturned>(done_);
  ASSERT_NE(store, nullptr);
  done_ = Step(ReturnStored{.token = store->token, .status = failed, .next = 0});
  plan.wants[0].first = 2;  // it was
  compare();
  const auto twice = [&](auto wanted) {
    using Wanted = decltype(wanted);
    const auto* const asked = Await<Wanted>();
    ASSERT_NE(asked, nullptr);
    done_ = Step(RecoveryDone{.token = asked->token, .status = failed, .done = false});
    EXPECT_TRUE(Alerted(Reason::kOutcomeUnknown));
    const auto* const again = Await<Wanted>();
    ASSERT_NE(again, nullptr);
    // A part of it; then what is left.
    if constexpr (!std::is_same_v<Wanted, MarkReturned>) {
      done_ = Step(RecoveryDone{.token = again->token, .status = {}, .done = false});
      ASSERT_NE(Find<Wanted>(done_), nullptr);
    }
    const auto token = Find<Wanted>(done_)->token;
    EXPECT_EQ(
        Find<CloseStream>(Step(RecoveryDone{.token = token + 99, .status = {}, .done = true})),
        nullptr)
        << "the answer to something else";
    done_ = Step(RecoveryDone{.token = token, .status = {}, .done = true});
  };
  twice(TakeReturned{});
  twice(CarryOver{});
  twice(MarkReturned{});
  EXPECT_NE(Find<CloseStream>(done_), nullptr);
}

TEST_F(ReturnsTest, PiecesAreAskedForOneAfterTheOther) {
  Ask(5, 1);
  Return(1, 3);
  const auto* const store = Find<StoreReturned>(done_);
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(store->first, 1u);
  EXPECT_EQ(
      Find<TakeReturned>(Step(ReturnStored{.token = store->token + 99, .status = {}, .next = 5})),
      nullptr)
      << "the answer to something else";
  done_ = Step(ReturnStored{.token = store->token, .status = {}, .next = 3});
  const auto request =
      AwaitFrame([](const v1::Frame& frame) { return frame.has_return_request(); });
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->return_request().first(), 3u);
}

// Goal: what is returned is what was asked for, or the link ends; nothing of it is kept.
TEST_F(ReturnsTest, OtherThingsThanWereAskedForBreakTheProtocol) {
  const std::vector<std::function<void()>> others = {
      [this] { Return(0, 1, kPast - 1); },  // another epoch
      [this] { Return(1, 2); },             // another place
      [this] { Return(0, 3); },             // more than there is
  };
  for (const auto& other : others) {
    Ask(2);
    other();
    EXPECT_TRUE(Alerted(Reason::kLinkProtocol));
    EXPECT_EQ(Find<StoreReturned>(done_), nullptr);
  }
}

// Goal: a peer that cannot serve what it claimed is asked again, after a look at the store: people
// may have ended the amnesia meanwhile.
TEST_F(ReturnsTest, EmptyAnswerIsAskedForAgainLater) {
  Ask(2);
  Return(0, 0);
  EXPECT_EQ(Find<CloseStream>(done_), nullptr);
  EXPECT_EQ(Find<CompareHoldings>(done_), nullptr) << "not at once";
  const auto* const compare = Await<CompareHoldings>();
  ASSERT_NE(compare, nullptr);
  EXPECT_TRUE(compare->held[0].proven);
}

TEST_F(ReturnsTest, NothingIsReturnedInTimeThenTheStreamIsMadeAnew) {
  limits_.silence_ms = 1'000'000;
  Ask(2);
  now_ms_ += limits_.progress_ms + 1;
  done_ = Step(Tick{});
  const auto* const close = Find<CloseStream>(done_);
  ASSERT_NE(close, nullptr);
  EXPECT_EQ(close->reason, Reason::kLinkStalled);
}

// Goal: a peer gets what is held of it, large answers announced, so that a slow line is not taken
// for a dead one.
TEST_F(ReturnsTest, PeerGetsWhatIsHeldAndLargeAnswersAreAnnounced) {
  Meet({});
  v1::Frame frame;
  frame.mutable_return_request()->set_lane(v1::LANE_ROUTINE);
  frame.mutable_return_request()->set_epoch(kPeerEpoch);
  frame.mutable_return_request()->set_first(4);
  done_ = Step(FrameReceived{.stream = 1, .frame = std::move(frame)});
  const auto* const read = Find<ReadHeld>(done_);
  ASSERT_NE(read, nullptr);
  EXPECT_EQ(read->first, 4u);
  const Token token = read->token;
  const std::string large(10 * limits_.batch_bytes_start, 'e');
  done_ = Step(HeldRead{.token = token + 99, .envelopes = {"of another question"}});
  EXPECT_FALSE(AwaitFrame([](const v1::Frame& sent) { return sent.has_returned(); }).has_value());
  done_ = Step(HeldRead{.token = token, .envelopes = {large}});
  std::uint32_t announced = 0;
  const auto answer = AwaitFrame([&](const v1::Frame& sent) {
    if (sent.has_heartbeat()) announced = std::max(announced, sent.heartbeat().next_bytes());
    return sent.has_returned();
  });
  ASSERT_TRUE(answer.has_value());
  EXPECT_GE(announced, large.size());
  EXPECT_EQ(answer->returned().first_position(), 4u);
  ASSERT_EQ(answer->returned().envelopes_size(), 1);
  EXPECT_EQ(answer->returned().envelopes(0), large);
}

// Goal: while the peer recovers, its old word about what it holds is not acted on.
TEST_F(ReturnsTest, PeerThatRecoversIsNotComparedWithYet) {
  Meet({});
  (void)Step(StreamClosed{.stream = 1, .reason = Reason::kLinkLost, .text = ""});
  (void)Step(StreamOpened{.stream = 2, .dialled_by_us = false});
  v1::Frame frame;
  v1::Hello& hello = *frame.mutable_hello();
  hello.set_version_min(1);
  hello.set_version_max(2);
  hello.set_unit(kPeer);
  hello.set_epoch(kPeerEpoch + 1);
  hello.set_signing_certificate("certificate of la-attapeu");
  hello.set_recovering(true);
  *hello.add_holdings() = Claim(kPast, 4);
  done_ = Step(FrameReceived{.stream = 2, .frame = std::move(frame)});
  EXPECT_EQ(Find<CompareHoldings>(done_), nullptr);
  EXPECT_EQ(Find<PersistQuarantine>(done_), nullptr);
}

// Goal: with a peer of version 1 the channels run and the node stays in amnesia, aloud.
TEST_F(ReturnsTest, OlderPeerCannotReturn) {
  Meet({}, true, 1);
  EXPECT_TRUE(Alerted(Reason::kAmnesia));
  EXPECT_EQ(Find<CompareHoldings>(done_), nullptr);
}

}  // namespace
}  // namespace tripoint::exchange
