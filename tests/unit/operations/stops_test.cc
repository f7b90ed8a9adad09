// Goal: a channel that is stopped, on whichever side, is named with its reason wherever a person
// looks, and a stop changes and ends only as it may.
#include <gmock/gmock.h>

#include "tests/unit/operations/world.h"

namespace tripoint::operations {
namespace {

using contract::Reason;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kFork[] = "CHANNEL_FORK";
constexpr char kRolledBack[] = "CHANNEL_ROLLED_BACK";

class Stops : public Tripoint {
 protected:
  // Whether the stop of the routine channel between qng_ and atp_, kept at qng_, changed.
  bool Stop(bool outbound, const std::string& reason) {
    return qng_
        .Run(QuarantineChannel(qng_.facts, {.peer = kAttapeu,
                                            .lane = kRoutine,
                                            .outbound = outbound,
                                            .reason_code = reason,
                                            .text = "told by the test"}))
        .value();
  }
  std::string ReasonHere(bool outbound) {
    const PeerChannels channels = LoadChannels(qng_.engine, kAttapeu).value();
    return outbound ? channels.outbound[kRoutine - 1].quarantine_reason
                    : channels.inbound[kRoutine - 1].quarantine_reason;
  }
  v1::Peer Peer() {
    v1::Peer peer;
    peer.set_unit(kAttapeu);
    EXPECT_TRUE(FillChannels(*qng_.Snapshot(), kAttapeu, kNow, &links_, peer).ok());
    return peer;
  }
  std::vector<std::string> Warnings() {
    v1::NodeStatus status;
    AddChannelWarnings(Peer(), status);
    return {status.warnings().begin(), status.warnings().end()};
  }
  v1::Notice Tracked(const std::string& name) {
    return GetNotice(qng_.facts, *qng_.Snapshot(), name, kNow, &links_).value();
  }

  FakeLinks links_;
};

TEST_F(Stops, LaneThatThePeerStoppedIsNamedAtItsRecipientAndChannel) {
  const std::string name = Shared(qng_, {kAttapeu, kRatanakiri}).name();
  EXPECT_THAT(Warnings(), IsEmpty());
  links_.stopped[{kAttapeu, kRoutine}] = kFork;
  const v1::Delivery stopped = To(Tracked(name), kAttapeu);
  EXPECT_EQ(stopped.state(), v1::DELIVERY_STATE_QUEUED);
  EXPECT_EQ(stopped.hold(), v1::DELIVERY_HOLD_STOPPED_THERE);
  EXPECT_EQ(stopped.reason_code(), kFork);
  const v1::Delivery other = To(Tracked(name), kRatanakiri);
  EXPECT_EQ(other.hold(), v1::DELIVERY_HOLD_UNSPECIFIED);
  EXPECT_EQ(other.reason_code(), "");
  const v1::Peer peer = Peer();
  for (const v1::ChannelStatus& channel : peer.channels()) {
    const bool is_it = channel.outbound() && channel.lane() == "routine";
    EXPECT_EQ(channel.peer_quarantine_reason(), is_it ? kFork : "") << channel.lane();
    EXPECT_EQ(channel.quarantine_reason(), "") << channel.lane();
  }
  EXPECT_THAT(Warnings(), ElementsAre(AllOf(HasSubstr("routine channel to la-attapeu"),
                                            HasSubstr("by its side"), HasSubstr(kFork),
                                            HasSubstr("tripoint peer show la-attapeu"))));
  // A list says the same as the one notice.
  v1::ListNoticesRequest list;
  const auto page = ListNotices(qng_.facts, *qng_.Snapshot(), list, {}, kNow, &links_).value();
  ASSERT_THAT(page.items, SizeIs(1));
  EXPECT_EQ(To(page.items[0], kAttapeu).reason_code(), kFork);
}

TEST_F(Stops, ChannelThatThisNodeStoppedIsNamedToo) {
  const std::string name = Shared(qng_, {kAttapeu, kRatanakiri}).name();
  EXPECT_TRUE(Stop(true, kRolledBack));
  EXPECT_EQ(To(Tracked(name), kAttapeu).hold(), v1::DELIVERY_HOLD_STOPPED_HERE);
  EXPECT_EQ(To(Tracked(name), kAttapeu).reason_code(), kRolledBack);
  EXPECT_EQ(To(Tracked(name), kRatanakiri).hold(), v1::DELIVERY_HOLD_UNSPECIFIED);
  EXPECT_TRUE(Stop(false, kFork));
  EXPECT_THAT(
      Warnings(),
      ElementsAre(
          AllOf(HasSubstr("routine channel to la-attapeu is stopped: "), HasSubstr(kRolledBack)),
          AllOf(HasSubstr("routine channel from la-attapeu is stopped: "), HasSubstr(kFork))));
}

TEST_F(Stops, RollbackIsLiftedOrBecomesAForkAndAForkStays) {
  for (const bool outbound : {true, false}) {
    SCOPED_TRACE(outbound);
    std::uint64_t changes = qng_.Changes();
    EXPECT_FALSE(Stop(outbound, "")) << "nothing is stopped";
    EXPECT_EQ(qng_.Changes(), changes);
    EXPECT_TRUE(Stop(outbound, kRolledBack));
    EXPECT_EQ(qng_.LastEntry().action(), "peer.quarantine");
    EXPECT_FALSE(Stop(outbound, kRolledBack));
    EXPECT_TRUE(Stop(outbound, ""));
    EXPECT_EQ(ReasonHere(outbound), "");
    EXPECT_EQ(qng_.LastEntry().action(), "peer.resume");
    EXPECT_EQ(qng_.LastEntry().actor(), "node");
    EXPECT_THAT(qng_.LastEntry().names(), ElementsAre("units/la-attapeu/channels/routine"));
    EXPECT_EQ(qng_.Changes(), changes + 2);
    EXPECT_TRUE(Stop(outbound, kRolledBack));
    EXPECT_TRUE(Stop(outbound, kFork)) << "it turned out to be worse";
    changes = qng_.Changes();
    EXPECT_FALSE(Stop(outbound, ""));
    EXPECT_FALSE(Stop(outbound, kRolledBack));
    EXPECT_EQ(ReasonHere(outbound), kFork);
    EXPECT_EQ(qng_.Changes(), changes);
  }
}

// Goal: what the store answers to a batch of a stopped channel never makes the stop worse than it
// is: a rollback may pass, a fork does not.
TEST_F(Stops, BatchOfAStoppedChannelIsRefusedForTheReasonOfTheStopUntilItIsLifted) {
  (void)Shared(atp_, {kQuangNgai});
  const InboundBatch batch = NextBatch(atp_, qng_, kRoutine).value();
  EXPECT_TRUE(qng_.Run(ApplyBatch(qng_.facts, batch)).ok());
  (void)Shared(atp_, {kQuangNgai});
  const InboundBatch next = NextBatch(atp_, qng_, kRoutine).value();
  EXPECT_TRUE(Stop(false, kRolledBack));
  EXPECT_EQ(ReasonOf(qng_.Run(ApplyBatch(qng_.facts, next)).status()), Reason::kChannelRolledBack);
  EXPECT_TRUE(Stop(false, ""));
  EXPECT_TRUE(qng_.Run(ApplyBatch(qng_.facts, next)).ok());
  (void)Shared(atp_, {kQuangNgai});
  EXPECT_TRUE(Stop(false, "HEAD_SIGNATURE_INVALID"));
  const absl::Status refused =
      qng_.Run(ApplyBatch(qng_.facts, NextBatch(atp_, qng_, kRoutine).value())).status();
  EXPECT_EQ(ReasonOf(refused), Reason::kChannelFork);
  EXPECT_THAT(contract::ProblemOf(refused).why, HasSubstr("HEAD_SIGNATURE_INVALID"));
}

}  // namespace
}  // namespace tripoint::operations
