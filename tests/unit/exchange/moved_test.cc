// Goal: after a bundle moved channels in the store, a core says and believes what the store says,
// at whatever moment it is told.
#include <gtest/gtest.h>

#include "server/exchange/core.h"
#include "tests/unit/exchange/fakes.h"

namespace tripoint::exchange {
namespace {

constexpr char kUnit[] = "vn-quangngai";
constexpr char kPeer[] = "la-attapeu";
constexpr std::uint64_t kEpoch = 7;
constexpr std::uint64_t kPeerEpoch = 9;
constexpr std::size_t kRoutine = 2;

contract::ChannelHead HeadOf(const char* sender, const char* receiver, std::uint64_t epoch,
                             std::uint64_t size) {
  return {.sender = sender,
          .receiver = receiver,
          .lane = v1::LANE_ROUTINE,
          .epoch = epoch,
          .size = size,
          .root = FakeFrontier(sender, epoch, v1::LANE_ROUTINE, size, 0).Root()};
}

class MovedTest : public ::testing::Test {
 protected:
  MovedTest() {
    CoreConfig config;
    config.unit = kUnit;
    config.peer = kPeer;
    config.epoch = kEpoch;
    config.outbound[kRoutine].frontier = FakeFrontier(kUnit, kEpoch, v1::LANE_ROUTINE, 5, 0);
    config.inbound[kRoutine] = Inbound(kPeerEpoch, 3);
    core_ = std::make_unique<Core>(std::move(config), signer_, verifier_);
  }
  static InboundState Inbound(std::uint64_t epoch, std::uint64_t size) {
    InboundState state;
    state.epoch = epoch;
    state.frontier = FakeFrontier(kPeer, epoch, v1::LANE_ROUTINE, size, 0);
    return state;
  }
  std::vector<Action> Step(Event event) {
    now_ms_ += 1;
    std::vector<Action> actions =
        core_->Step({.monotonic_ms = now_ms_, .wall_ms = now_ms_}, std::move(event));
    for (const Action& action : actions) {
      if (const auto* send = std::get_if<Send>(&action)) {
        sent_.push_back(send->frame);
      } else if (const auto* read = std::get_if<ReadChannels>(&action)) {
        reads_.push_back(read->token);
      } else if (const auto* commit = std::get_if<CommitBatch>(&action)) {
        commits_.push_back(commit->token);
      } else if (const auto* receipt = std::get_if<CommitReceipt>(&action)) {
        receipts_.push_back(receipt->token);
      } else if (const auto* alert = std::get_if<Alert>(&action)) {
        alerts_.push_back(alert->reason);
      }
    }
    return actions;
  }
  void Hear(v1::Frame frame) {
    (void)Step(FrameReceived{.stream = stream_, .frame = std::move(frame)});
    (void)Step(FrameSent{.stream = stream_});
  }
  // A stream on which the peer says that it has sent `size` and holds `held`.
  void Meet(std::uint64_t size, std::uint64_t held) {
    (void)Step(StreamOpened{.stream = ++stream_, .dialled_by_us = false});
    (void)Step(FrameSent{.stream = stream_});
    v1::Frame frame;
    v1::Hello& hello = *frame.mutable_hello();
    hello.set_version_min(1);
    hello.set_version_max(2);
    hello.set_unit(kPeer);
    hello.set_epoch(kPeerEpoch);
    hello.set_signing_certificate("certificate of la-attapeu");
    v1::Head& head = *hello.add_outbound();
    head.set_lane(v1::LANE_ROUTINE);
    head.set_epoch(kPeerEpoch);
    head.set_size(size);
    head.set_root(std::string(storage::HashView(HeadOf(kPeer, kUnit, kPeerEpoch, size).root)));
    v1::Receipt& receipt = *hello.add_inbound();
    receipt.set_lane(v1::LANE_ROUTINE);
    receipt.set_epoch(kEpoch);
    receipt.set_size(held);
    receipt.set_root(std::string(storage::HashView(HeadOf(kUnit, kPeer, kEpoch, held).root)));
    Hear(std::move(frame));
  }
  void Batch(std::uint64_t first, std::uint64_t end) {
    v1::Frame frame;
    v1::Batch& batch = *frame.mutable_batch();
    batch.set_lane(v1::LANE_ROUTINE);
    batch.set_epoch(kPeerEpoch);
    batch.set_first_position(first);
    for (std::uint64_t i = first; i < end; ++i)
      batch.add_envelopes(FakeEnvelope(kPeer, kPeerEpoch, v1::LANE_ROUTINE, i, 0));
    const contract::ChannelHead head = HeadOf(kPeer, kUnit, kPeerEpoch, end);
    batch.mutable_head()->set_lane(v1::LANE_ROUTINE);
    batch.mutable_head()->set_epoch(kPeerEpoch);
    batch.mutable_head()->set_size(end);
    batch.mutable_head()->set_root(std::string(storage::HashView(head.root)));
    batch.mutable_head()->set_signature(FakeSignature(kPeer, contract::HeadBytes(head)));
    Hear(std::move(frame));
  }
  // The store says so.
  void Answer(std::uint64_t inbound, std::uint64_t receipted, std::uint64_t epoch = kPeerEpoch) {
    ASSERT_FALSE(reads_.empty());
    ChannelsRead read{.token = reads_.back(),
                      .status = absl::OkStatus(),
                      .outbound = {},
                      .inbound = {},
                      .inbound_past = {}};
    read.inbound[kRoutine] = Inbound(epoch, inbound);
    read.outbound[kRoutine].frontier = FakeFrontier(kUnit, kEpoch, v1::LANE_ROUTINE, 5, 0);
    read.outbound[kRoutine].receipted = FakeFrontier(kUnit, kEpoch, v1::LANE_ROUTINE, receipted, 0);
    read.outbound[kRoutine].receipt_epoch = kPeerEpoch;
    read.outbound[kRoutine].receipt_signature = "by hand";
    (void)Step(std::move(read));
  }
  // Sizes that the last hello said: held here, and receipted by the peer.
  std::pair<std::uint64_t, std::uint64_t> LastHello() const {
    for (auto frame = sent_.rbegin(); frame != sent_.rend(); ++frame) {
      if (!frame->has_hello()) continue;
      std::uint64_t held = 0;
      for (const v1::Receipt& receipt : frame->hello().inbound()) {
        if (receipt.lane() == v1::LANE_ROUTINE) held = receipt.size();
      }
      return {held, frame->hello().outbound(kRoutine).receipted_size()};
    }
    return {};
  }
  int Hellos() const {
    int hellos = 0;
    for (const v1::Frame& frame : sent_) hellos += frame.has_hello() ? 1 : 0;
    return hellos;
  }

  FakeSigner signer_{kUnit};
  FakeVerifier verifier_{kPeer};
  std::unique_ptr<Core> core_;
  std::vector<v1::Frame> sent_;
  std::vector<Token> reads_;
  std::vector<Token> commits_;
  std::vector<Token> receipts_;
  std::vector<Reason> alerts_;
  StreamId stream_ = 0;
  std::int64_t now_ms_ = 1;
};

TEST_F(MovedTest, WithoutAStreamTheNextHelloSaysWhatTheStoreSays) {
  (void)Step(MovedByHand{});
  Answer(8, 4);
  Meet(8, 4);
  EXPECT_EQ(LastHello(), std::make_pair(std::uint64_t{8}, std::uint64_t{4}));
  EXPECT_TRUE(core_->status().lanes[kRoutine].inbound_quarantine.empty());
  EXPECT_TRUE(alerts_.empty());
}

TEST_F(MovedTest, NoHelloGoesBeforeTheStoreWasRead) {
  (void)Step(MovedByHand{});
  Meet(8, 4);
  EXPECT_EQ(Hellos(), 0);
  Answer(8, 4);
  EXPECT_EQ(LastHello(), std::make_pair(std::uint64_t{8}, std::uint64_t{4}));
}

TEST_F(MovedTest, AStreamEndsAndWhatIsUnderWayIsWaitedFor) {
  Meet(6, 0);
  Batch(3, 5);
  ASSERT_EQ(commits_.size(), 1u);
  (void)Step(MovedByHand{});
  ASSERT_TRUE(sent_.back().has_goodbye());
  EXPECT_EQ(sent_.back().goodbye().reason_code(), "LINK_RENEWED");
  EXPECT_TRUE(reads_.empty()) << "the commit may be the last word";
  (void)Step(BatchCommitted{
      .token = commits_[0], .status = absl::OkStatus(), .refusals = {}, .durable = {}});
  ASSERT_EQ(reads_.size(), 1u);
  // Told again: what is being read may be from before.
  (void)Step(MovedByHand{});
  ASSERT_EQ(reads_.size(), 2u);
  ChannelsRead early{.token = reads_[0],
                     .status = absl::OkStatus(),
                     .outbound = {},
                     .inbound = {},
                     .inbound_past = {}};
  (void)Step(std::move(early));
  Answer(7, 2);
  Meet(7, 2);
  EXPECT_EQ(LastHello(), std::make_pair(std::uint64_t{7}, std::uint64_t{2}));
}

// Goal: a receipt of the link that is being stored while the store is read is neither lost nor the
// end of the node: the store is read again.
TEST_F(MovedTest, AReceiptThatIsBeingStoredIsWaitedFor) {
  Meet(3, 5);
  v1::Frame frame;
  v1::Receipt& receipt = *frame.mutable_receipt();
  const contract::ChannelHead head = HeadOf(kUnit, kPeer, kEpoch, 5);
  receipt.set_lane(v1::LANE_ROUTINE);
  receipt.set_epoch(kEpoch);
  receipt.set_size(5);
  receipt.set_root(std::string(storage::HashView(head.root)));
  receipt.set_signature(FakeSignature(kPeer, contract::ReceiptBytes(head)));
  Hear(std::move(frame));
  ASSERT_EQ(receipts_.size(), 1u);
  (void)Step(MovedByHand{});
  (void)Step(ReceiptCommitted{.token = receipts_[0],
                              .status = contract::Error(absl::StatusCode::kResourceExhausted,
                                                        Reason::kDiskFull, "a", "b", "c")});
  ASSERT_EQ(reads_.size(), 1u);
  now_ms_ += 60'000;
  (void)Step(Tick{});
  ASSERT_EQ(receipts_.size(), 2u) << "it is tried again";
  ChannelsRead read{.token = reads_[0],
                    .status = absl::OkStatus(),
                    .outbound = {},
                    .inbound = {},
                    .inbound_past = {}};
  read.inbound[kRoutine] = Inbound(kPeerEpoch, 3);
  read.outbound[kRoutine].frontier = FakeFrontier(kUnit, kEpoch, v1::LANE_ROUTINE, 6, 0);
  read.outbound[kRoutine].receipted = FakeFrontier(kUnit, kEpoch, v1::LANE_ROUTINE, 6, 0);
  (void)Step(std::move(read));
  (void)Step(ReceiptCommitted{.token = receipts_[1], .status = absl::OkStatus()});
  ASSERT_EQ(reads_.size(), 2u);
  Answer(3, 5);
  Meet(3, 5);
  EXPECT_EQ(LastHello(), std::make_pair(std::uint64_t{3}, std::uint64_t{5}));
}

// Goal: a batch of the link that came too late is no alarm and is not asked for again.
TEST_F(MovedTest, ACommitThatABundleOvertookIsNoAlarm) {
  Meet(6, 0);
  Batch(3, 5);
  (void)Step(BatchCommitted{
      .token = commits_.at(0),
      .status = contract::Error(absl::StatusCode::kAborted, Reason::kLinkProtocol, "a", "b", "c"),
      .refusals = {},
      .durable = Inbound(kPeerEpoch, 6)});
  EXPECT_TRUE(alerts_.empty());
  EXPECT_EQ(core_->status().lanes[kRoutine].inbound_size, 6u);
}

// Goal: after an error the store's word counts, with the stop that stands in it, but no word about
// another history.
TEST_F(MovedTest, AStopThatTheStoreKnowsIsTheLanesToo) {
  for (const std::uint64_t epoch : {kPeerEpoch + 1, kPeerEpoch}) {
    Meet(6, 0);
    Batch(3, 5);
    InboundState durable = Inbound(epoch, 4);
    durable.quarantine_reason = "CHANNEL_FORK";
    (void)Step(BatchCommitted{.token = commits_.back(),
                              .status = contract::Error(absl::StatusCode::kUnavailable,
                                                        Reason::kOutcomeUnknown, "a", "b", "c"),
                              .refusals = {},
                              .durable = durable});
    EXPECT_EQ(alerts_.back(), Reason::kOutcomeUnknown);
    const LaneStatus lane = core_->status().lanes[kRoutine];
    EXPECT_EQ(lane.inbound_quarantine, epoch == kPeerEpoch ? "CHANNEL_FORK" : "");
    EXPECT_EQ(lane.inbound_size, epoch == kPeerEpoch ? 4u : 3u);
    now_ms_ += 60'000;
    (void)Step(Tick{});
  }
}

// Goal: who holds less than it receipted by hand is noticed as after a receipt by the link.
TEST_F(MovedTest, AReceiptByHandBindsThePeer) {
  (void)Step(MovedByHand{});
  Answer(3, 4);
  Meet(3, 2);
  EXPECT_EQ(core_->status().lanes[kRoutine].outbound_quarantine, "CHANNEL_ROLLED_BACK");
}

// Goal: a stop that the store may not know yet stays; a new history by hand ends it.
TEST_F(MovedTest, AStopStaysUnlessAnotherHistoryIsHere) {
  Meet(2, 0);  // fewer than were received
  ASSERT_EQ(core_->status().lanes[kRoutine].inbound_quarantine, "CHANNEL_ROLLED_BACK");
  (void)Step(MovedByHand{});
  Answer(3, 0);
  EXPECT_EQ(core_->status().lanes[kRoutine].inbound_quarantine, "CHANNEL_ROLLED_BACK");
  (void)Step(MovedByHand{});
  Answer(1, 0, kPeerEpoch + 1);
  EXPECT_EQ(core_->status().lanes[kRoutine].inbound_quarantine, "");
  EXPECT_EQ(core_->status().lanes[kRoutine].inbound_epoch, kPeerEpoch + 1);
}

// Goal: a store that cannot be read is asked again, and no stream speaks meanwhile.
TEST_F(MovedTest, AFailedReadIsTriedAgain) {
  (void)Step(MovedByHand{});
  ChannelsRead failed{
      .token = reads_.at(0),
      .status = contract::Error(absl::StatusCode::kDataLoss, Reason::kCorrupt, "a", "b", "c"),
      .outbound = {},
      .inbound = {},
      .inbound_past = {}};
  (void)Step(std::move(failed));
  EXPECT_EQ(alerts_, std::vector<Reason>{Reason::kCorrupt});
  Meet(3, 0);
  EXPECT_EQ(Hellos(), 0);
  now_ms_ += 1000;
  (void)Step(Tick{});
  ASSERT_EQ(reads_.size(), 2u);
  Answer(3, 0);
  EXPECT_EQ(Hellos(), 1);
}

}  // namespace
}  // namespace tripoint::exchange
