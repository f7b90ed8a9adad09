// Goal: the trace of a link stays small whatever happens, keeps what matters, and ends nothing
// without a coded reason.
#include "server/exchange/trace.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace tripoint::exchange {
namespace {

using tripoint::v1::LinkEvent;
namespace api = tripoint::v1;

v1::Frame BatchFrame(v1::Lane lane, std::uint64_t first, int envelopes) {
  v1::Frame frame;
  frame.mutable_batch()->set_lane(lane);
  frame.mutable_batch()->set_first_position(first);
  for (int i = 0; i < envelopes; ++i) frame.mutable_batch()->add_envelopes("12345");
  return frame;
}

v1::Frame ReceiptFrame(v1::Lane lane, std::uint64_t size) {
  v1::Frame frame;
  frame.mutable_receipt()->set_lane(lane);
  frame.mutable_receipt()->set_size(size);
  return frame;
}

TEST(Trace, TrafficOfALaneIsCountedIntoRunsOfTenSeconds) {
  LinkTrace trace;
  trace.Add(1000, api::LINK_EVENT_KIND_UP, false);
  for (int i = 0; i < 100; ++i) {
    trace.AddFrame(1000 + i * 200, true, BatchFrame(v1::LANE_ROUTINE, i * 3, 3));
    trace.AddFrame(1000 + i * 200 + 100, false, ReceiptFrame(v1::LANE_ROUTINE, i * 3 + 3));
  }
  v1::Frame heartbeat;
  heartbeat.mutable_heartbeat();
  trace.AddFrame(30'000, true, heartbeat);
  const std::vector<LinkEvent> events = trace.Events();
  ASSERT_EQ(events.size(), 5u);  // up, two runs each way
  EXPECT_EQ(events[4].kind(), api::LINK_EVENT_KIND_UP);
  EXPECT_EQ(events[3].kind(), api::LINK_EVENT_KIND_BATCH);
  EXPECT_EQ(events[3].lane(), "routine");
  EXPECT_TRUE(events[3].outbound());
  EXPECT_EQ(events[3].count(), 51u);
  EXPECT_EQ(events[3].envelopes(), 153u);
  EXPECT_EQ(events[3].bytes(), 765u);
  EXPECT_EQ(events[3].size(), 153u);
  EXPECT_EQ(events[3].time_ms(), 1000);
  EXPECT_EQ(events[3].last_time_ms(), 11'000);
  EXPECT_EQ(events[0].kind(), api::LINK_EVENT_KIND_RECEIPT);
  EXPECT_EQ(events[0].size(), 300u);
  // What the link did in between stays in sight, and other lanes are other runs.
  trace.Add(21'000, api::LINK_EVENT_KIND_CLOSED, false, {}, contract::Reason::kLinkLost);
  trace.AddFrame(21'100, true, BatchFrame(v1::LANE_ROUTINE, 300, 1));
  trace.AddFrame(21'200, true, BatchFrame(v1::LANE_FLASH, 0, 1));
  trace.AddFrame(21'300, false, BatchFrame(v1::LANE_FLASH, 0, 1));
  EXPECT_EQ(trace.Events().size(), 9u);
}

TEST(Trace, TriesThatFailAlikeAreCountedAndAnotherReasonIsNot) {
  LinkTrace trace;
  const auto fail = [&](std::int64_t time_ms, contract::Reason reason) {
    trace.Add(time_ms, api::LINK_EVENT_KIND_DIALLING, true);
    trace.Add(time_ms + 5, api::LINK_EVENT_KIND_DIAL_FAILED, true, {}, reason, "refused");
  };
  for (int i = 0; i < 10'000; ++i) fail(i * 100, contract::Reason::kLinkLost);
  fail(2'000'000, contract::Reason::kCertificateExpired);
  const std::vector<LinkEvent> events = trace.Events();
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[0].reason_code(), "CERTIFICATE_EXPIRED");
  EXPECT_EQ(events[2].kind(), api::LINK_EVENT_KIND_DIAL_FAILED);
  EXPECT_EQ(events[2].count(), 10'000u);
  EXPECT_EQ(events[2].time_ms(), 5);
  EXPECT_EQ(events[2].last_time_ms(), 999'905);
}

TEST(Trace, IsBoundedAndTrafficDrivesOutNothingOfTheLink) {
  LinkTrace trace;
  trace.Add(1, api::LINK_EVENT_KIND_CLOSED, false, {}, contract::Reason::kLinkSilent,
            std::string(5000, 'x') + "\x1b[31m");
  for (int i = 0; i < 10'000; ++i) {
    trace.AddFrame(i * 20'000, true, BatchFrame(v1::LANE_ROUTINE, i, 1));
  }
  std::vector<LinkEvent> events = trace.Events();
  EXPECT_EQ(events.size(), LinkTrace::kKept + 1);
  EXPECT_EQ(events.back().kind(), api::LINK_EVENT_KIND_CLOSED);
  EXPECT_LE(events.back().reason_text().size(), LinkTrace::kTextBytesMax);
  for (int i = 0; i < 1000; ++i) {
    trace.Add(i, i % 2 == 0 ? api::LINK_EVENT_KIND_OPENED : api::LINK_EVENT_KIND_UP, false);
  }
  events = trace.Events();
  EXPECT_EQ(events.size(), 2 * LinkTrace::kKept);
  for (std::size_t i = 1; i < events.size(); ++i)
    EXPECT_GT(events[i - 1].number(), events[i].number()) << "newest first";
}

// Goal: whoever calls in the peer's name as often as he likes hides nothing of what the link did.
TEST(Trace, RefusedCallersDriveOutNothingOfTheLink) {
  LinkTrace trace;
  trace.Add(1, api::LINK_EVENT_KIND_CLOSED, false, {}, contract::Reason::kLinkSilent);
  for (int i = 0; i < 10'000; ++i) {
    trace.Add(
        i, api::LINK_EVENT_KIND_CALLER_REFUSED, false, {},
        i % 2 == 0 ? contract::Reason::kCertificateExpired : contract::Reason::kCertificateRevoked);
    if (i % 100 == 0) trace.AddFrame(i, true, BatchFrame(v1::LANE_ROUTINE, i, 1));
  }
  const std::vector<LinkEvent> events = trace.Events();
  EXPECT_EQ(events.size(), LinkTrace::kKept + 2);
  EXPECT_EQ(events.back().kind(), api::LINK_EVENT_KIND_CLOSED);
  EXPECT_EQ(events.front().kind(), api::LINK_EVENT_KIND_CALLER_REFUSED);
  const auto run = std::find_if(events.begin(), events.end(), [](const LinkEvent& event) {
    return event.kind() == api::LINK_EVENT_KIND_BATCH;
  });
  ASSERT_NE(run, events.end());
  EXPECT_EQ(run->count(), 100u) << "a refused caller ends no run";
}

// Goal: who looks later never reads an end without why.
TEST(Trace, EndsAndRefusalsAlwaysHaveACode) {
  for (const auto kind : {api::LINK_EVENT_KIND_DIAL_FAILED, api::LINK_EVENT_KIND_CALLER_REFUSED,
                          api::LINK_EVENT_KIND_CLOSED, api::LINK_EVENT_KIND_STOPPED,
                          api::LINK_EVENT_KIND_NOT_STORED}) {
    LinkTrace trace;
    trace.Add(1, kind, false, {}, contract::Reason::kUnspecified);
    EXPECT_EQ(trace.Events().at(0).reason_code(), "UNSPECIFIED");
  }
}

// Goal: whatever the clock of the machine does, and whatever lane a peer invents, each event says
// when and where it was as well as can be.
TEST(Trace, ClockThatIsSetBackBeginsAnotherRun) {
  LinkTrace trace;
  trace.AddFrame(50'000, false, BatchFrame(v1::LANE_FLASH, 0, 1));
  trace.AddFrame(20'000, false, BatchFrame(v1::LANE_FLASH, 1, 1));
  trace.AddFrame(21'000, false, BatchFrame(v1::LANE_FLASH, 2, 1));
  trace.AddFrame(21'000, false, BatchFrame(static_cast<v1::Lane>(9), 0, 1));
  const std::vector<LinkEvent> events = trace.Events();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].lane(), "");
  EXPECT_EQ(events[1].time_ms(), 20'000);
  EXPECT_EQ(events[1].count(), 2u);
  EXPECT_EQ(events[2].count(), 1u);
}

// Goal: an alert that is not about the stop before it is an event of its own.
TEST(Trace, AlertOfAnotherReasonOrWayIsSaid) {
  LinkTrace trace;
  trace.Add(1, api::LINK_EVENT_KIND_STOPPED, true, "routine", contract::Reason::kChannelFork);
  trace.Add(1, api::LINK_EVENT_KIND_ALERT, true, "routine", contract::Reason::kCorrupt);
  EXPECT_EQ(trace.Events().size(), 2u);
  trace.Add(1, api::LINK_EVENT_KIND_STOPPED, true, "routine", contract::Reason::kChannelFork);
  trace.Add(1, api::LINK_EVENT_KIND_ALERT, false, "routine", contract::Reason::kChannelFork);
  EXPECT_EQ(trace.Events().size(), 4u);
  trace.Add(2, api::LINK_EVENT_KIND_DIAL_FAILED, true, {}, contract::Reason::kLinkLost);
  trace.Add(2, api::LINK_EVENT_KIND_DIAL_FAILED, true, {}, contract::Reason::kLinkLost);
  EXPECT_EQ(trace.Events().size(), 5u) << "counted";
}

TEST(Trace, StopIsSaidOnce) {
  LinkTrace trace;
  trace.Add(1, api::LINK_EVENT_KIND_STOPPED, true, "routine", contract::Reason::kChannelFork);
  trace.Add(1, api::LINK_EVENT_KIND_ALERT, true, "routine", contract::Reason::kChannelFork);
  EXPECT_EQ(trace.Events().size(), 1u);
  trace.Add(1, api::LINK_EVENT_KIND_ALERT, true, "flash", contract::Reason::kChannelFork);
  EXPECT_EQ(trace.Events().size(), 2u);
  trace.Add(5, api::LINK_EVENT_KIND_LIFTED, true, "flash", contract::Reason::kChannelRolledBack);
  trace.Add(5, api::LINK_EVENT_KIND_ALERT, true, "flash", contract::Reason::kUnspecified);
  EXPECT_EQ(trace.Events().size(), 3u);
  // Hours later: another thing.
  trace.Add(9, api::LINK_EVENT_KIND_ALERT, true, "flash", contract::Reason::kChannelFork);
  EXPECT_EQ(trace.Events().size(), 4u);
}

}  // namespace
}  // namespace tripoint::exchange
