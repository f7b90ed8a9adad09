// Goal: nothing that is stored grows old because a clock was set ahead.
#include "server/runtime/age_clock.h"

#include <gtest/gtest.h>

namespace tripoint::runtime {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kStartMs = 1'790'000'000'000;

class SetClock final : public Clock {
 public:
  std::int64_t wall_ms() const override { return wall; }
  std::int64_t monotonic_ms() const override { return monotonic; }
  void Pass(std::int64_t ms) {
    wall += ms;
    monotonic += ms;
  }
  std::int64_t wall = kStartMs;
  std::int64_t monotonic = 5;
};

TEST(AgeClock, GoodClockPassesAndMayBeCorrected) {
  SetClock clock;
  const AgeClock age(clock, kStartMs - kHourMs);
  clock.Pass(200 * kHourMs);
  EXPECT_EQ(age.NowMs(), kStartMs + 200 * kHourMs);
  clock.wall += AgeClock::kLeapMsMax / 2;
  EXPECT_EQ(age.NowMs(), clock.wall);
  clock.wall = kStartMs - kHourMs;  // set back: everything is younger
  EXPECT_EQ(age.NowMs(), kStartMs - kHourMs);
}

TEST(AgeClock, LeapAheadAgesNothing) {
  SetClock clock;
  const AgeClock age(clock, std::nullopt);
  clock.Pass(kHourMs);
  clock.wall += 8 * 24 * kHourMs;
  EXPECT_EQ(age.NowMs(), kStartMs + kHourMs + AgeClock::kLeapMsMax);
}

TEST(AgeClock, StartFarBehindTheLastChangeWaitsADay) {
  SetClock clock;
  const AgeClock age(clock, kStartMs - 30 * 24 * kHourMs);
  EXPECT_EQ(age.NowMs(), std::nullopt);
  clock.Pass(AgeClock::kDoubtMs - 1);
  EXPECT_EQ(age.NowMs(), std::nullopt);
  clock.Pass(1);
  EXPECT_EQ(age.NowMs(), kStartMs + AgeClock::kDoubtMs);
}

}  // namespace
}  // namespace tripoint::runtime
