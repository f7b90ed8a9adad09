// Goal: a node that lost its store, or goes on from an old copy of it, gets back over real streams
// what its neighbour holds and can prove, whatever fails in the middle, and only then shares again.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "storage/keys.h"
#include "storage/past_channels.h"
#include "storage/verify_store.h"
#include "tests/unit/exchange/driver_node.h"
#include "tests/unit/storage/failing_reads.h"

namespace tripoint::exchange {
namespace {

using storage::testing_support::ContentsOf;
using storage::testing_support::SetContents;

constexpr char kLeft[] = "kh-ratanakiri";
constexpr char kRight[] = "vn-quangngai";
constexpr std::uint8_t kRoutine = v1::LANE_ROUTINE;
constexpr char kRecovered[] = "peer.returned,node.recovered";

class DriverReturns : public DriverTest {
 protected:
  DriverReturns() {
    Limits limits;
    limits.batch_items_max = 100;  // what comes back takes several pieces
    limits.retry_ms = 20;
    limits.retry_ms_max = 100;
    limits.dial_ms = 50;
    left_.set_limits(limits);
    right_.set_limits(limits);
  }
  // Left has sent `count` envelopes, and its neighbour holds them.
  // The left node sends twenty, and stops with the disk that it had after ten.
  void SendAndPutBackAnOldCopy() {
    StartBoth();
    Send(10);
    left_.Stop();
    const auto copy = ContentsOf(left_.engine());
    left_.Start("");
    Send(10);
    EXPECT_FALSE(left_.rolled_back());
    left_.Stop();
    SetContents(left_.engine(), copy);
  }
  void Send(int count) {
    left_.Append(v1::LANE_ROUTINE, count);
    sent_ += static_cast<std::uint64_t>(count);
    ASSERT_TRUE(left_.AwaitProven(v1::LANE_ROUTINE, sent_));
  }
  void SendAndLose(int count, bool known) {
    StartBoth();
    Send(count);
    left_.Stop();
    left_.LoseStore(12, known);
  }
  bool AwaitJournalled(TestNode& node, const std::string& action) {
    return node.watch().Await([&] { return node.Journalled(action) > 0; });
  }
  // What left had sent in `epoch`, as far as it has it back; empty: nothing.
  store::v1::OutboundChannel Back(std::uint64_t epoch = 11) {
    return storage::GetOutboundPast(left_.engine(), {kRight, kRoutine}, epoch)
        .value()
        .value_or(store::v1::OutboundChannel());
  }
  void ExpectAllBack() {
    const store::v1::OutboundChannel back = Back();
    EXPECT_EQ(back.size(), sent_);
    EXPECT_EQ(back.receipted_size(), sent_) << "with the receipt of who returned it";
    const operations::PastChannels there =
        operations::LoadPast(*right_.engine().TakeSnapshot(), kLeft, 16).value();
    const operations::PeerChannels present = right_.Channels();
    const operations::InboundState& held =
        present.inbound[2].epoch == 11 ? present.inbound[2] : there.inbound[2].at(0);
    EXPECT_EQ(back.frontier(), storage::FrontierHashes(held.frontier));
    EXPECT_FALSE(operations::IsRecovering(left_.engine(), kRight).value());
    EXPECT_TRUE(storage::VerifyStore(*left_.engine().TakeSnapshot()).ok());
  }
  std::uint64_t sent_ = 0;
};

TEST_F(DriverReturns, AllComesBackBeforeTheChannelsRunAgain) {
  StartBoth();
  right_.Append(v1::LANE_PRIORITY, 20);
  ASSERT_TRUE(right_.AwaitProven(v1::LANE_PRIORITY, 20));
  Send(250);
  left_.Stop();
  left_.LoseStore(12, true);
  left_.Start("");
  left_.Append(v1::LANE_ROUTINE, 5);
  ASSERT_TRUE(left_.AwaitProven(v1::LANE_ROUTINE, 5));
  EXPECT_EQ(left_.Journalled(kRecovered), 1) << "before anything new was sent";
  EXPECT_GE(left_.Journalled("peer.return"), 3);
  EXPECT_GT(left_.recovery_changes(), 0) << "the node is told";
  ExpectAllBack();
  // What the neighbour had sent is sent again.
  EXPECT_TRUE(
      left_.watch().Await([&] { return left_.Channels().inbound[1].frontier.size() == 20; }));
}

TEST_F(DriverReturns, LossThatNobodyKnowsOfIsProvenByTheNeighbour) {
  SendAndLose(30, false);
  left_.Start("");
  ASSERT_TRUE(AwaitJournalled(left_, "node.amnesia"));
  ASSERT_TRUE(AwaitJournalled(left_, kRecovered));
  ExpectAllBack();
}

TEST_F(DriverReturns, DiskIsFullThenNothingIsTakenUntilThereIsRoom) {
  SendAndLose(150, true);
  left_.engine().SetDiskFull(true);
  left_.Start("");
  ASSERT_TRUE(left_.watch().Await([&] { return left_.engine().faults() >= 3; }));
  EXPECT_EQ(Back().returned_size(), 0u);
  left_.engine().SetDiskFull(false);
  ASSERT_TRUE(AwaitJournalled(left_, kRecovered));
  ExpectAllBack();
}

TEST_F(DriverReturns, ReadsFailThenTheyAreMadeAgain) {
  for (TestNode* const faulty : {&left_, &right_}) {
    if (faulty == &left_) {
      SendAndLose(150, true);
    } else {
      left_.Stop();
      left_.LoseStore(14, true);
    }
    left_.Start("");
    int failures = 0;
    ASSERT_TRUE(left_.watch().Await([&] {
      if (!faulty->engine().read_fault_pending())
        faulty->engine().FailRead(static_cast<std::uint64_t>(++failures));
      // The second stream is the one on which the channels run.
      const auto status = left_.driver().StatusOf(kRight);
      return failures > 12 || (status.has_value() && status->counters.opened > 1);
    }));
    faulty->engine().FailRead(0);
    EXPECT_GT(failures, 1);
    ASSERT_TRUE(AwaitJournalled(left_, kRecovered));
    ExpectAllBack();
  }
}

TEST_F(DriverReturns, OtherBytesAreNotTakenAndAnOfficerEndsTheWait) {
  SendAndLose(150, true);
  storage::Batch damage;
  damage.Put(storage::EntryKey(storage::Space::kInboundEntry, kLeft, kRoutine, 11, 120), "altered");
  right_.engine().CommitBehind(damage);
  left_.Start("");
  left_.Append(v1::LANE_ROUTINE, 2);
  ASSERT_TRUE(AwaitJournalled(left_, "peer.return_refused"));
  EXPECT_EQ(Back().size(), 0u) << "not even what came before it";
  EXPECT_TRUE(operations::IsRecovering(left_.engine(), kRight).value());
  EXPECT_EQ(left_.Channels().outbound[2].receipted.size(), 0u) << "nothing was sent";
  ASSERT_TRUE(
      left_.Run(operations::EndAmnesia(left_.facts(), {"vy"}, "they lost it").operation).ok());
  ASSERT_TRUE(left_.AwaitProven(v1::LANE_ROUTINE, 2));
  EXPECT_EQ(left_.Journalled(kRecovered), 0);
}

TEST_F(DriverReturns, OldCopyIsFoundOutAndItsNewEpochGetsTheRest) {
  SendAndPutBackAnOldCopy();
  left_.Start("");
  ASSERT_TRUE(left_.watch().Await([&] { return left_.rolled_back(); }));
  left_.Stop();
  left_.BeginEpoch(13, operations::kCauseRollback);
  left_.Start("");
  ASSERT_TRUE(AwaitJournalled(left_, kRecovered));
  ExpectAllBack();
}

// Goal: so is an old copy of who receives: by its own receipt, which the sender shows.
TEST_F(DriverReturns, OldCopyOfTheReceiverIsFoundOutByItsOwnReceipt) {
  StartBoth();
  Send(10);
  right_.Stop();
  const auto copy = ContentsOf(right_.engine());
  right_.Start(left_.address());
  Send(10);
  right_.Stop();
  SetContents(right_.engine(), copy);
  right_.Start(left_.address());
  ASSERT_TRUE(right_.watch().Await([&] { return right_.rolled_back(); }));
  EXPECT_FALSE(left_.rolled_back());
  right_.Stop();
  right_.BeginEpoch(33, operations::kCauseRollback);
  right_.Start(left_.address());
  // Its new epoch says that it knows: the rest is sent again.
  ASSERT_TRUE(
      right_.watch().Await([&] { return right_.Channels().inbound[2].frontier.size() == 20; }));
  EXPECT_EQ(right_.Channels().inbound[2].frontier, left_.Channels().outbound[2].frontier);
}

TEST_F(DriverReturns, NeighbourLostWhatItHadReceiptedThenItIsSentInTheNewEpoch) {
  StartBoth();
  Send(10);
  left_.Stop();
  right_.Stop();
  left_.BeginEpoch(12, operations::kCauseRestore);
  right_.LoseStore(23, false);
  StartBoth();
  ASSERT_TRUE(left_.AwaitProven(v1::LANE_ROUTINE, 10));
  EXPECT_EQ(left_.Journalled("notice.carry"), 1);
  EXPECT_EQ(right_.Channels().inbound[2].epoch, 12u);
}

// Goal: a stop that the disk has no room for holds all the same, and is stored as soon as it can.
TEST_F(DriverReturns, StopIsNotStoredThenItIsTriedAgain) {
  SendAndPutBackAnOldCopy();
  right_.engine().SetDiskFull(true);
  left_.Start("");
  const auto shown = [&] { return right_.driver().StatusOf(kLeft)->lanes[2].inbound_quarantine; };
  ASSERT_TRUE(right_.watch().Await(
      [&] { return shown() == "CHANNEL_ROLLED_BACK" && right_.engine().faults() > 0; }));
  EXPECT_EQ(right_.Channels().inbound[2].quarantine_reason, "");
  right_.engine().SetDiskFull(false);
  ASSERT_TRUE(right_.watch().Await(
      [&] { return right_.Channels().inbound[2].quarantine_reason == "CHANNEL_ROLLED_BACK"; }));
  EXPECT_EQ(right_.Journalled("peer.quarantine"), 1);
}

}  // namespace
}  // namespace tripoint::exchange
