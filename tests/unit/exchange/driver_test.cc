// Goal: two drivers over real gRPC streams on loopback bring everything across and proven, through
// restarts and with a peer that cannot be reached, and stop promptly.
#include "server/exchange/driver.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "server/exchange/driver_streams.h"
#include "storage/keys.h"
#include "tests/unit/exchange/driver_node.h"

namespace tripoint::exchange {
namespace {

TEST_F(DriverTest, BothWaysThenAllIsProvenAndRefusalsAreTold) {
  StartBoth();
  left_.Append(v1::LANE_ROUTINE, 300);
  right_.Append(v1::LANE_FLASH, 5);
  right_.Append(v1::LANE_PRIORITY, 40);
  ASSERT_TRUE(left_.AwaitProven(v1::LANE_ROUTINE, 300));
  ASSERT_TRUE(right_.AwaitProven(v1::LANE_FLASH, 5));
  ASSERT_TRUE(right_.AwaitProven(v1::LANE_PRIORITY, 40));
  EXPECT_EQ(left_.Channels().outbound[2].frontier.Root(),
            right_.Channels().inbound[2].frontier.Root());
  EXPECT_EQ(right_.Channels().outbound[1].frontier.Root(),
            left_.Channels().inbound[1].frontier.Root());
  const std::optional<LinkStatus> status = left_.driver().StatusOf("vn-quangngai");
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->state, LinkState::kUp);
  EXPECT_FALSE(status->dialled_by_us);
}

TEST_F(DriverTest, PeerIsRestartedThenItGoesOnFromWhereItStood) {
  StartBoth();
  left_.Append(v1::LANE_ROUTINE, 50);
  ASSERT_TRUE(left_.AwaitProven(v1::LANE_ROUTINE, 50));
  right_.Stop();
  left_.Append(v1::LANE_ROUTINE, 50);
  right_.Start(left_.address());
  ASSERT_TRUE(left_.AwaitProven(v1::LANE_ROUTINE, 100));
  EXPECT_EQ(right_.Channels().inbound[2].frontier.size(), 100u);
}

// Goal: growth that waits for its turn is told without anything else happening.
TEST_F(DriverTest, HeldBackGrowthIsToldByTime) {
  Limits limits;
  limits.frames_free_max = 0;  // each frame is followed by a wait
  left_.set_limits(limits);
  StartBoth();
  // One of two in a row waits in most rounds; nothing else would ever tell of it.
  for (std::uint64_t size = 2; size <= 40; size += 2) {
    left_.Append(v1::LANE_ROUTINE, 1);
    left_.Append(v1::LANE_ROUTINE, 1);
    ASSERT_TRUE(left_.AwaitProven(v1::LANE_ROUTINE, size));
  }
}

// Goal: without room on either disk nothing counts as stored or proven; both sides say so, try
// again, and nothing is lost or there twice.
TEST_F(DriverTest, DiskIsFullThenNothingCountsUntilThereIsRoom) {
  Limits limits;
  limits.retry_ms = 20;
  limits.retry_ms_max = 100;
  left_.set_limits(limits);
  right_.set_limits(limits);
  StartBoth();
  left_.Append(v1::LANE_ROUTINE, 1);
  ASSERT_TRUE(left_.AwaitProven(v1::LANE_ROUTINE, 1));
  const auto not_stored = [](TestNode& node, const char* peer, bool outbound) {
    tripoint::v1::ListLinkEventsResponse trace;
    node.driver().FillTrace(peer, trace);
    return std::count_if(trace.events().begin(), trace.events().end(), [&](const auto& event) {
      return event.kind() == tripoint::v1::LINK_EVENT_KIND_NOT_STORED &&
             event.outbound() == outbound && event.reason_code() == "DISK_FULL";
    });
  };
  right_.engine().SetDiskFull(true);
  left_.Append(v1::LANE_ROUTINE, 20);
  ASSERT_TRUE(right_.watch().Await([&] { return not_stored(right_, "kh-ratanakiri", false) > 0; }));
  EXPECT_EQ(right_.Channels().inbound[2].frontier.size(), 1u);
  EXPECT_EQ(left_.Channels().outbound[2].receipted.size(), 1u);
  // Now it stores them, and the receipt meets a full disk.
  left_.engine().SetDiskFull(true);
  right_.engine().SetDiskFull(false);
  ASSERT_TRUE(left_.watch().Await([&] { return not_stored(left_, "vn-quangngai", true) > 0; }));
  EXPECT_EQ(right_.Channels().inbound[2].frontier.size(), 21u);
  EXPECT_EQ(left_.Channels().outbound[2].receipted.size(), 1u);
  left_.engine().SetDiskFull(false);
  ASSERT_TRUE(left_.AwaitProven(v1::LANE_ROUTINE, 21));
  EXPECT_EQ(left_.Channels().outbound[2].receipted, right_.Channels().inbound[2].frontier);
}

// Goal: a sender that ended between the peer's storing and its own keeping of the receipt goes on
// from what the peer holds.
TEST_F(DriverTest, PeerHoldsMoreThanWasProvenThenTheRestIsSent) {
  StartBoth();
  left_.Append(v1::LANE_ROUTINE, 10);
  ASSERT_TRUE(left_.AwaitProven(v1::LANE_ROUTINE, 10));
  const storage::Key receipts =
      storage::ChannelKey(storage::Space::kOutboundChannel, "vn-quangngai", v1::LANE_ROUTINE);
  const std::string earlier = left_.engine().Get(receipts)->value();
  left_.Append(v1::LANE_ROUTINE, 5);
  ASSERT_TRUE(left_.AwaitProven(v1::LANE_ROUTINE, 15));
  left_.Stop();
  right_.Stop();
  storage::Batch batch;
  batch.Put(receipts, earlier);
  left_.engine().CommitBehind(batch);
  ASSERT_EQ(left_.Channels().outbound[2].receipted.size(), 10u);
  left_.Start("");
  left_.Append(v1::LANE_ROUTINE, 5);
  ASSERT_TRUE(
      left_.watch().Await([&] { return left_.Channels().outbound[2].frontier.size() == 20; }));
  right_.Start(left_.address());
  ASSERT_TRUE(left_.AwaitProven(v1::LANE_ROUTINE, 20));
  EXPECT_EQ(right_.Channels().inbound[2].frontier.size(), 20u);
}

TEST_F(DriverTest, BothDialThenOneStreamIsKeptAndAllArrives) {
  left_.Start("");
  right_.Start("");
  const std::string left_address = left_.address();
  const std::string right_address = right_.address();
  left_.Stop();
  right_.Stop();
  left_.Start(right_address);
  right_.Start(left_address);
  left_.Append(v1::LANE_FLASH, 3);
  right_.Append(v1::LANE_FLASH, 4);
  EXPECT_TRUE(left_.AwaitProven(v1::LANE_FLASH, 3));
  EXPECT_TRUE(right_.AwaitProven(v1::LANE_FLASH, 4));
}

TEST_F(DriverTest, KeysAreReplacedThenTheLinkComesBackAndGoesOn) {
  StartBoth();
  left_.Append(v1::LANE_FLASH, 1);
  ASSERT_TRUE(left_.AwaitProven(v1::LANE_FLASH, 1));
  left_.driver().ReplaceKeys([] {});
  left_.Append(v1::LANE_FLASH, 1);
  EXPECT_TRUE(left_.AwaitProven(v1::LANE_FLASH, 2));
  EXPECT_EQ(left_.driver().StatusOf("vn-quangngai")->counters.opened, 2u);
}

// Goal: what only the link knows, that the peer stopped a lane of ours, is told for that lane, for
// as long as there is a link that says so.
TEST_F(DriverTest, PeerStoppedALaneThenThatLaneSaysWhyUntilTheLinkEnds) {
  StartBoth();
  left_.Append(v1::LANE_ROUTINE, 1);
  ASSERT_TRUE(left_.AwaitProven(v1::LANE_ROUTINE, 1));
  right_.StopInbound(v1::LANE_ROUTINE, "CHANNEL_FORK");
  right_.Stop();
  right_.Start(left_.address());
  const auto why = [this](v1::Lane lane) {
    return left_.driver().StoppedByPeer("vn-quangngai", static_cast<std::uint8_t>(lane));
  };
  ASSERT_TRUE(left_.watch().Await([&] { return why(v1::LANE_ROUTINE) == "CHANNEL_FORK"; }));
  EXPECT_EQ(why(v1::LANE_FLASH), "");
  EXPECT_EQ(why(v1::LANE_PRIORITY), "");
  EXPECT_EQ(left_.driver().StoppedByPeer("la-attapeu", 3), "");
  EXPECT_EQ(left_.driver().StoppedByPeer("vn-quangngai", 9), "");
  tripoint::v1::Peer peer;
  left_.driver().FillLink("vn-quangngai", peer);
  EXPECT_EQ(peer.state(), tripoint::v1::LINK_STATE_QUARANTINED);
  EXPECT_EQ(peer.reason_code(), "CHANNEL_FORK");
  right_.Stop();
  EXPECT_TRUE(left_.watch().Await([&] { return why(v1::LANE_ROUTINE).empty(); }));
}

TEST_F(DriverTest, PeerCannotBeReachedThenItSaysSoAndStopsAtOnce) {
  left_.Start("127.0.0.1:1");  // nobody listens there
  ASSERT_TRUE(left_.watch().Await(
      [&] { return left_.driver().StatusOf("vn-quangngai")->next_dial_ms > 0; }));
  tripoint::v1::Peer peer;
  left_.driver().FillLink("vn-quangngai", peer);
  EXPECT_EQ(peer.reason_code(), "LINK_LOST");
  EXPECT_GT(peer.next_dial_time_ms(), 0);
  tripoint::v1::ListLinkEventsResponse trace;
  left_.driver().FillTrace("vn-quangngai", trace);
  ASSERT_EQ(trace.events_size(), 2);
  EXPECT_EQ(trace.events(0).kind(), tripoint::v1::LINK_EVENT_KIND_DIAL_FAILED);
  EXPECT_EQ(trace.events(0).reason_code(), "LINK_LOST");
  EXPECT_FALSE(trace.events(0).reason_text().empty());
  const absl::Time before = absl::Now();
  left_.Stop();
  EXPECT_LT(absl::Now() - before, absl::Seconds(10));
}

// Goal: the trace tells the life of a link in its order, on both sides, and why each part ended.
// Keeps what is left of the last stream until the test takes it.
class Ends final : public StreamObserver {
 public:
  void OnOpened(StreamId) override {}
  void OnFrame(StreamId, std::unique_ptr<v1::Frame>) override {}
  void OnReadEnd(StreamId) override { read_end.Notify(); }
  void OnWritten(StreamId, bool) override {}
  void OnCut(StreamId) override {}
  void OnEnded(StreamId, const absl::Status&) override {}
  void OnGone(std::shared_ptr<void> left) override {
    rest = std::move(left);
    gone.Notify();
  }

  absl::Notification read_end;
  absl::Notification gone;
  std::shared_ptr<void> rest;
};

// Goal: the last channel of a process that has no server yet does not end on a thread of gRPC's,
// which would wait for itself and then use what it has freed (ASan: a double free, each time).
TEST(DialledStreamTest, LastChannelOfAProcessEndsOnAnotherThreadThanGrpcs) {
  for (int dials = 0; dials < 20; ++dials) {
    Ends ends;
    auto* stream = new DialledStream(
        1, ends, grpc::CreateChannel("127.0.0.1:1", grpc::InsecureChannelCredentials()));
    stream->Start();
    ASSERT_TRUE(ends.read_end.WaitForNotificationWithTimeout(absl::Seconds(20)));
    stream->Release();
    ASSERT_TRUE(ends.gone.WaitForNotificationWithTimeout(absl::Seconds(20)));
    ASSERT_NE(ends.rest, nullptr);
    EXPECT_EQ(ends.rest.use_count(), 1) << "nobody else drops it";
  }
}

TEST_F(DriverTest, TraceTellsTheLifeOfTheLink) {
  namespace api = tripoint::v1;
  // Oldest first, as `kind`, `kind:lane` or `kind:REASON`.
  const auto trace = [](TestNode& node, const char* peer) {
    api::ListLinkEventsResponse response;
    node.driver().FillTrace(peer, response);
    EXPECT_GT(response.begin_time_ms(), 0);
    std::vector<std::string> said;
    for (auto event = response.events().rbegin(); event != response.events().rend(); ++event) {
      std::string text = api::LinkEventKind_Name(event->kind()).substr(sizeof("LINK_EVENT_KIND"));
      text += event->outbound() ? " out" : "";
      if (!event->lane().empty()) text += " " + event->lane();
      if (!event->reason_code().empty()) text += " " + event->reason_code();
      said.push_back(text);
    }
    return said;
  };
  const auto has = [](const std::vector<std::string>& said, const std::string& text) {
    return std::find(said.begin(), said.end(), text) != said.end();
  };
  left_.Start("");
  left_.driver().CallerRefused("vn-quangngai", contract::Error(absl::StatusCode::kUnauthenticated,
                                                               Reason::kCertificateRevoked,
                                                               "revoked", "on the list", "none"));
  right_.Start(left_.address());
  right_.Append(v1::LANE_FLASH, 2);
  ASSERT_TRUE(right_.AwaitProven(v1::LANE_FLASH, 2));
  EXPECT_EQ(trace(left_, "vn-quangngai"),
            (std::vector<std::string>{"CALLER_REFUSED CERTIFICATE_REVOKED", "OPENED", "UP",
                                      "BATCH flash", "RECEIPT out flash"}));
  EXPECT_EQ(trace(right_, "kh-ratanakiri"),
            (std::vector<std::string>{"DIALLING out", "OPENED out", "UP", "BATCH out flash",
                                      "RECEIPT flash"}));
  right_.Stop();
  ASSERT_TRUE(left_.watch().Await(
      [&] { return has(trace(left_, "vn-quangngai"), "CLOSED SHUTTING_DOWN"); }));
  api::ListLinkEventsResponse none;
  left_.driver().FillTrace("la-attapeu", none);
  EXPECT_EQ(none.events_size(), 0);
}

TEST_F(DriverTest, RefusedEnvelopesWithoutEndThenTheChannelStopsAndGoesOnWhenThereIsRoom) {
  Limits limits;
  limits.refused_bytes_burst = 200'000;
  limits.refused_bytes_a_second = 1;
  limits.batch_items_max = 20;
  left_.set_limits(limits);
  right_.set_limits(limits);
  StartBoth();
  right_.Append(v1::LANE_ROUTINE, 2000);  // all of them are refused
  right_.Append(v1::LANE_FLASH, 5);
  const auto stopped = [&] {
    return left_.Channels().inbound[2].quarantine_reason == "QUARANTINE_FULL";
  };
  ASSERT_TRUE(left_.watch().Await(stopped));
  ASSERT_TRUE(right_.AwaitProven(v1::LANE_FLASH, 5)) << "the other channels go on";
  // The peer learns it, and shows it.
  ASSERT_TRUE(right_.watch().Await([&] {
    return right_.driver().StatusOf("kh-ratanakiri")->lanes[2].stopped_by_peer == "QUARANTINE_FULL";
  }));
  tripoint::v1::Peer peer;
  left_.driver().FillLink("vn-quangngai", peer);
  EXPECT_EQ(peer.state(), tripoint::v1::LINK_STATE_QUARANTINED);
  // A window may have been under way: twice eight batches of twenty small ones.
  const std::uint64_t held = left_.RefusedBytes(v1::LANE_ROUTINE);
  EXPECT_GE(held, 200'000u);
  EXPECT_LT(held, 200'000u + 16 * 20 * 1100);
  EXPECT_LT(left_.Channels().inbound[2].frontier.size(), 2000u);
  EXPECT_EQ(left_.Journalled("peer.quarantine"), 1);
  // Another stream alone makes no room.
  left_.driver().ReplaceKeys([] {});
  ASSERT_TRUE(left_.watch().Await(
      [&] { return left_.driver().StatusOf("vn-quangngai")->counters.opened == 2; }));
  EXPECT_TRUE(stopped());
  EXPECT_EQ(left_.Journalled("peer.quarantine"), 1);
  // A restart does: the operators have mended what was wrong.
  left_.Stop();
  limits.refused_bytes_burst = 100'000'000;
  left_.set_limits(limits);
  left_.Start("");
  EXPECT_TRUE(right_.AwaitProven(v1::LANE_ROUTINE, 2000));
  EXPECT_EQ(left_.Channels().inbound[2].quarantine_reason, "");
  EXPECT_EQ(left_.Journalled("peer.resume"), 1);
}

TEST_F(DriverTest, StreamIsOldThenItIsMadeAnewWhoeverDialled) {
  Limits limits;
  limits.stream_age_ms = 600;
  right_.set_limits(limits);  // it dials; the other side would keep the stream for an hour
  StartBoth();
  ASSERT_TRUE(left_.watch().Await(
      [&] { return left_.driver().StatusOf("vn-quangngai")->counters.opened >= 2; }));
  right_.Append(v1::LANE_FLASH, 3);
  EXPECT_TRUE(right_.AwaitProven(v1::LANE_FLASH, 3));
}

TEST_F(DriverTest, RefusedWithoutAWordThenItsOwnCertificateIsExplained) {
  left_.set_own_fault(contract::Error(absl::StatusCode::kUnauthenticated,
                                      Reason::kCertificateExpired, "The certificate has expired",
                                      "It was valid until yesterday",
                                      "Renew it: tripointd ca issue"));
  left_.Start("127.0.0.1:1");
  ASSERT_TRUE(left_.watch().Await(
      [&] { return left_.driver().StatusOf("vn-quangngai")->next_dial_ms > 0; }));
  tripoint::v1::Peer peer;
  left_.driver().FillLink("vn-quangngai", peer);
  EXPECT_EQ(peer.reason_code(), "CERTIFICATE_EXPIRED");
  EXPECT_EQ(peer.reason_text(),
            "this node's own certificate. The certificate has expired: It was valid until "
            "yesterday. Renew it: tripointd ca issue");
}

TEST_F(DriverTest, CallerWasRefusedThenTheLinkSaysWhyUntilItIsUp) {
  left_.Start("");
  left_.driver().CallerRefused("la-attapeu", absl::UnauthenticatedError("no peer of ours"));
  left_.driver().CallerRefused(
      "vn-quangngai",
      contract::Error(absl::StatusCode::kUnauthenticated, Reason::kCertificateRevoked,
                      "The certificate was revoked\n", "It is on the list", "none"));
  tripoint::v1::Peer peer;
  left_.driver().FillLink("vn-quangngai", peer);
  EXPECT_EQ(peer.reason_code(), "CERTIFICATE_REVOKED");
  EXPECT_EQ(peer.reason_text().find('\n'), std::string::npos);
  EXPECT_NE(peer.reason_text().find("in the name of vn-quangngai was refused here"),
            std::string::npos)
      << peer.reason_text();
  right_.Start(left_.address());
  ASSERT_TRUE(left_.watch().Await(
      [&] { return left_.driver().StatusOf("vn-quangngai")->state == LinkState::kUp; }));
  peer.Clear();
  left_.driver().FillLink("vn-quangngai", peer);
  EXPECT_EQ(peer.reason_code(), "");
}

TEST_F(DriverTest, FinishedStreamDoesNotEndThenStopIsBoundedAllTheSame) {
  StartBoth();
  left_.Append(v1::LANE_FLASH, 1);
  ASSERT_TRUE(left_.AwaitProven(v1::LANE_FLASH, 1));
  left_.ends().Hold();
  const absl::Time before = absl::Now();
  left_.driver().Stop();
  EXPECT_LT(absl::Now() - before, absl::Seconds(10));
  left_.ends().Release();
  left_.Stop();  // what was left ends with the server, before the driver is gone
}

TEST_F(DriverTest, UnpairedCallerThenRefusedWithReason) {
  left_.Serve("la-attapeu");
  left_.Start("");
  auto stub = v1::ExchangeService::NewStub(
      grpc::CreateChannel(left_.address(), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  auto stream = stub->Link(&context);
  v1::Frame frame;
  EXPECT_FALSE(stream->Read(&frame));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(status.error_message().rfind("UNIT_NOT_PAIRED", 0), 0u) << status.error_message();
}

}  // namespace
}  // namespace tripoint::exchange
