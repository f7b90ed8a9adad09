// Goal: whatever the network, the stores and crashes do, everything arrives exactly once and in
// order, what is proven is stored, every refusal is told, and after healing all of it arrives.
#include "tests/unit/exchange/pair.h"

#include <string>

#include "gtest/gtest.h"

namespace tripoint::exchange {
namespace {

// Set it to a seed that failed, to see all of its actions.
constexpr std::uint64_t kTraceSeed = 0;

Limits SmallLimits() {
  Limits limits;
  limits.batch_bytes_start = 600;  // many batches of few envelopes
  limits.batch_bytes_min = 300;
  limits.batch_bytes_max = 4000;
  limits.window_bytes_max = 8000;
  limits.dial_ms_max = 20'000;
  return limits;
}

// One run: bad weather, then calm until all is settled.
void RunSeed(std::uint64_t seed, const Weather& storm) {
  Pair pair(seed, SmallLimits());
  pair.trace = kTraceSeed == seed;
  pair.Run(20'000, storm, true);
  ASSERT_EQ(pair.Fault(false), "") << "seed " << seed << " at " << pair.now_ms();
  const Weather calm;
  pair.Run(300'000, calm, false);
  ASSERT_EQ(pair.Fault(true), "") << "seed " << seed << " at " << pair.now_ms();
  ASSERT_GT(pair.delivered(), 0u) << "seed " << seed;
}

TEST(CorePair, NetworkCutsAndDialsFailThenAllArrivesOnceInOrder) {
  for (std::uint64_t seed = 1; seed <= 700; ++seed) {
    RunSeed(seed, {.dial_fails = 200, .cut = 60});
    if (HasFatalFailure()) return;
  }
}

TEST(CorePair, FramesAreLostAndRepeatedThenAllArrivesOnceInOrder) {
  for (std::uint64_t seed = 1001; seed <= 1500; ++seed) {
    RunSeed(seed, {.cut = 10, .drop = 30, .repeat = 30});
    if (HasFatalFailure()) return;
  }
}

TEST(CorePair, StoresFailAndNodesCrashThenAllArrivesOnceInOrder) {
  for (std::uint64_t seed = 2001; seed <= 2800; ++seed) {
    RunSeed(seed, {.dial_fails = 50,
                   .cut = 20,
                   .read_fails = 40,
                   .commit_fails = 50,
                   .commit_unknown = 30,
                   .crash = 20});
    if (HasFatalFailure()) return;
  }
}

// Goal: equal seeds give equal runs, so that a failure can be replayed.
TEST(CorePair, SameSeedTwiceThenSameRun) {
  const Weather storm{.dial_fails = 100,
                      .cut = 30,
                      .drop = 10,
                      .repeat = 10,
                      .read_fails = 10,
                      .commit_fails = 20,
                      .commit_unknown = 10,
                      .crash = 10};
  Pair first(42, SmallLimits());
  Pair second(42, SmallLimits());
  first.Run(20'000, storm, true);
  second.Run(20'000, storm, true);
  EXPECT_EQ(first.steps(), second.steps());
  EXPECT_EQ(first.delivered(), second.delivered());
}

// Goal: an idle link stays up on heartbeats alone and nothing spins.
TEST(CorePair, IdleForAnHourThenOneStreamAndFewSteps) {
  Limits limits;
  limits.stream_age_ms = 2 * 3'600'000;
  Pair pair(7, limits);
  pair.Append(0, v1::LANE_FLASH, 1);
  pair.Run(10'000, {}, true);
  pair.Append(0, v1::LANE_FLASH, 1);
  const std::uint64_t before = pair.steps();
  pair.Run(3'600'000, {.refuse = 0}, true);
  EXPECT_LE(pair.core(0).status().counters.opened, 2u);
  EXPECT_EQ(pair.core(0).status().state, LinkState::kUp);
  EXPECT_LT(pair.steps() - before, 12'000u);  // heartbeats: received, sent and ticked, both sides
}

// Goal: what a nearly full disk refuses for an hour waits at its sender: the link stays up, each
// flash passes, and with room again all of it arrives.
TEST(CorePair, NearlyFullForAnHourThenFlashesPassOnOneStream) {
  Limits limits;
  limits.stream_age_ms = 2 * 3'600'000;
  Pair pair(9, limits);
  pair.Append(0, v1::LANE_FLASH, 1);
  pair.Run(10'000, {}, false);
  const std::uint64_t opened = pair.core(1).status().counters.opened;
  pair.Append(0, v1::LANE_ROUTINE, 3);
  pair.Append(0, v1::LANE_PRIORITY, 300);
  for (int minute = 0; minute < 60; ++minute) {
    const std::uint64_t before = pair.delivered();
    pair.Append(0, v1::LANE_FLASH, 1);
    pair.Run(60'000, {.only_flashes = true}, false);
    EXPECT_EQ(pair.delivered(), before + 1) << minute;
  }
  EXPECT_EQ(pair.core(0).status().counters.stalls, 0u);
  EXPECT_EQ(pair.core(1).status().counters.opened, opened);
  pair.Run(60'000, {}, false);
  EXPECT_EQ(pair.Fault(true), "");
}

// Goal: a backlog grows the batch on a fast link.
TEST(CorePair, FastLinkAndBacklogThenBatchGrows) {
  Pair pair(8, Limits{});
  pair.Append(0, v1::LANE_ROUTINE, 4000);
  pair.Run(60'000, {.refuse = 0}, false);
  EXPECT_EQ(pair.Fault(true), "");
  EXPECT_GT(pair.core(0).status().batch_bytes, 16u << 10);
}

}  // namespace
}  // namespace tripoint::exchange
