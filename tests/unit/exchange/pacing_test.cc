// BatchSizer over a modelled link: rate, way there and back, batches sent while the window allows.
#include "server/exchange/pacing.h"

#include <algorithm>
#include <deque>

#include "gtest/gtest.h"

namespace tripoint::exchange {
namespace {

struct ModelLink {
  double bytes_a_second = 0;
  double round_trip_ms = 0;  // empty
};

struct Flow {
  double share = 0;             // of the link's rate, over the second half
  double wait_ms = 0;           // longest time to empty what lies on the link, in that half
  std::size_t batch_bytes = 0;  // at the end
};

// Sends a backlog for `seconds`.
Flow FlowOver(const ModelLink& link, double seconds) {
  struct Batch {
    std::size_t bytes;
    double sent_ms;
    double receipt_ms;
  };
  const Limits limits;
  BatchSizer sizer(limits);
  Flow flow;
  std::deque<Batch> under_way;
  double now_ms = 0;
  double free_ms = 0;
  double arrived = 0;
  std::size_t on_wire = 0;
  bool told = false;
  while (now_ms < seconds * 1000) {
    while (on_wire == 0 || on_wire + sizer.bytes() <= sizer.window_bytes()) {
      const std::size_t bytes = sizer.bytes();
      free_ms = std::max(free_ms, now_ms) + static_cast<double>(bytes) / link.bytes_a_second * 1000;
      under_way.push_back({bytes, now_ms, free_ms + link.round_trip_ms});
      on_wire += bytes;
      if (now_ms >= seconds * 500) flow.wait_ms = std::max(flow.wait_ms, free_ms - now_ms);
    }
    const Batch batch = under_way.front();
    under_way.pop_front();
    now_ms = batch.receipt_ms;
    on_wire -= batch.bytes;
    if (now_ms >= seconds * 500) arrived += static_cast<double>(batch.bytes);
    // Heartbeats are answered by the peer's next one.
    if (!told && now_ms > 3000) {
      told = true;
      sizer.OnHeartbeat(static_cast<std::int64_t>(link.round_trip_ms));
    }
    sizer.OnRoundTrip(static_cast<std::int64_t>(now_ms - batch.sent_ms), batch.bytes);
  }
  flow.share = arrived / (link.bytes_a_second * seconds / 2);
  flow.batch_bytes = sizer.bytes();
  return flow;
}

TEST(BatchSizerTest, ASlowAndLongLinkIsFullAndAFlashWaitsForFourRoundTripsAtMost) {
  const Flow flow = FlowOver({.bytes_a_second = 8000, .round_trip_ms = 650}, 120);
  EXPECT_GT(flow.share, 0.97);
  EXPECT_LE(flow.wait_ms, 4 * 650);
}

TEST(BatchSizerTest, ASlowAndShortLinkKeepsAboutASecondOnTheWire) {
  const Flow flow = FlowOver({.bytes_a_second = 8000, .round_trip_ms = 30}, 120);
  EXPECT_GT(flow.share, 0.97);
  EXPECT_LE(flow.wait_ms, 1100);
}

TEST(BatchSizerTest, AFastAndLongLinkIsFull) {
  const Flow flow = FlowOver({.bytes_a_second = 1'250'000, .round_trip_ms = 600}, 60);
  EXPECT_GT(flow.share, 0.97);
}

TEST(BatchSizerTest, AFastAndShortLinkTakesTheLargestBatches) {
  const Flow flow = FlowOver({.bytes_a_second = 50e6, .round_trip_ms = 1}, 5);
  EXPECT_EQ(flow.batch_bytes, Limits{}.batch_bytes_max);
}

TEST(BatchSizerTest, APeerThatSaysTheLinkIsEndlessGainsNothing) {
  const Limits limits;
  BatchSizer sizer(limits);
  sizer.OnHeartbeat(3'600'000);
  sizer.OnRoundTrip(4 * limits.empty_round_trip_ms_max + 1, sizer.bytes());
  EXPECT_EQ(sizer.bytes(), limits.batch_bytes_start / 2);
  sizer.OnHeartbeat(-5);  // a peer's lie about its own delay
  sizer.OnRoundTrip(limits.round_trip_slow_ms + 1, sizer.bytes());
  EXPECT_EQ(sizer.bytes(), limits.batch_bytes_start / 4);
}

TEST(BatchSizerTest, ANewStreamForgetsTheLink) {
  const Limits limits;
  BatchSizer sizer(limits);
  sizer.OnHeartbeat(600);
  sizer.Reset();
  sizer.OnRoundTrip(limits.round_trip_slow_ms + 1, sizer.bytes());
  EXPECT_EQ(sizer.bytes(), limits.batch_bytes_start / 2);
}

}  // namespace
}  // namespace tripoint::exchange
