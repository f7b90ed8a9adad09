// When cores are told of growth: a pair at once, many by many.
#include "server/exchange/growth_pace.h"

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tripoint/exchange/v1/exchange.pb.h"

namespace tripoint::exchange {
namespace {

using storage::ChannelName;

std::set<ChannelName> Channels(std::size_t count, std::uint8_t lane = v1::LANE_ROUTINE) {
  std::set<ChannelName> channels;
  for (std::size_t i = 0; i < count; ++i) channels.insert({"unit-" + std::to_string(i), lane});
  return channels;
}

bool Everybody(const std::string& /*peer*/) { return true; }
bool Nobody(const std::string& /*peer*/) { return false; }

// Result: how many were told.
std::size_t Tell(GrowthPace& pace, std::set<ChannelName> grown, std::int64_t now_ms) {
  return pace.Take(std::move(grown), now_ms, Everybody).size();
}

// Goal: what a node with a few neighbours sends is never held up.
TEST(GrowthPaceTest, FewAreToldEachTime) {
  GrowthPace pace(8);
  for (std::int64_t now_ms = 1000; now_ms < 1020; ++now_ms)
    EXPECT_EQ(Tell(pace, Channels(8), now_ms), 8u);
}

// Goal: a notice to all of 40 goes out at once, the next ones in one frame a channel; each channel
// is told once, and none is forgotten.
TEST(GrowthPaceTest, ManyWaitForEachOtherAndAreToldTogether) {
  GrowthPace pace(8);
  EXPECT_EQ(Tell(pace, Channels(40), 1000), 40u);
  EXPECT_EQ(Tell(pace, Channels(20), 1001), 0u);
  EXPECT_EQ(Tell(pace, Channels(40), 1399), 0u);
  EXPECT_EQ(Tell(pace, {}, 1400), 40u);
  EXPECT_EQ(Tell(pace, {}, 1401), 0u);
}

// Goal: peers that are not there hold nobody up.
TEST(GrowthPaceTest, WhoIsAwayCountsForNothing) {
  GrowthPace pace(8);
  for (std::int64_t now_ms = 1000; now_ms < 1010; ++now_ms)
    EXPECT_EQ(pace.Take(Channels(40), now_ms, Nobody).size(), 40u);
}

// Goal: after a rest nobody waits, and however many they are, not for long.
TEST(GrowthPaceTest, WaitIsBounded) {
  GrowthPace pace(8);
  EXPECT_EQ(Tell(pace, Channels(192), 1000), 192u);
  EXPECT_EQ(Tell(pace, Channels(1), 1000 + GrowthPace::kWaitMsMax - 1), 0u);
  EXPECT_EQ(Tell(pace, {}, 1000 + GrowthPace::kWaitMsMax), 1u);
  EXPECT_EQ(Tell(pace, Channels(3), 1001 + GrowthPace::kWaitMsMax), 3u)
      << "one that was told alone starts no wait";
}

// Goal: a flash never waits, takes nobody else with it, and however many there are, they make the
// others wait no longer.
TEST(GrowthPaceTest, FlashIsToldAtOnce) {
  GrowthPace pace(8);
  EXPECT_EQ(Tell(pace, Channels(40), 1000), 40u);
  EXPECT_EQ(Tell(pace, Channels(40), 1010), 0u);
  for (std::int64_t now_ms = 1011; now_ms < 1400; now_ms += 100) {
    const auto told = pace.Take(Channels(40, v1::LANE_FLASH), now_ms, Everybody);
    EXPECT_EQ(told.size(), 40u);
    for (const ChannelName& channel : told) EXPECT_EQ(channel.lane, v1::LANE_FLASH);
  }
  EXPECT_EQ(Tell(pace, {}, 1400), 40u);
}

// Goal: flashes to many begin no wait.
TEST(GrowthPaceTest, FlashCountsForNothing) {
  GrowthPace pace(8);
  EXPECT_EQ(Tell(pace, Channels(40, v1::LANE_FLASH), 1000), 40u);
  EXPECT_EQ(Tell(pace, Channels(40), 1001), 40u);
}

}  // namespace
}  // namespace tripoint::exchange
