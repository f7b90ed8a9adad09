// Goal: the committer learns that no processor is idle, and is not told so of a process that
// sleeps.
#include "server/runtime/busy_meter.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace tripoint::runtime {
namespace {

// Asks until there is an answer, with `idle` between two questions.
template <typename Idle>
double NextShare(BusyMeter& meter, Idle idle) {
  const absl::Time end = absl::Now() + absl::Seconds(20);
  while (absl::Now() < end) {
    if (const std::optional<double> share = meter.Share(); share.has_value()) return *share;
    idle();
  }
  ADD_FAILURE() << "no answer";
  return 0;
}

TEST(BusyMeter, SleepingIsNotBusy) {
  BusyMeter meter;
  const auto sleep = [] { (void)::poll(nullptr, 0, 5); };
  (void)NextShare(meter, sleep);  // since the process began
  EXPECT_LT(NextShare(meter, sleep), 0.5);
  EXPECT_EQ(meter.Share(), std::nullopt);  // too soon
}

// Of one processor, so that other work on the machine is the only thing that can be in the way.
TEST(BusyMeter, SpinningOnAllProcessorsIsBusy) {
  cpu_set_t before;
  CPU_ZERO(&before);
  ASSERT_EQ(::sched_getaffinity(0, sizeof(before), &before), 0);
  int first = 0;
  while (!CPU_ISSET(first, &before)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  ASSERT_EQ(::sched_setaffinity(0, sizeof(one), &one), 0);
  BusyMeter meter;
  (void)NextShare(meter, [] {});
  double most = 0;
  const absl::Time end = absl::Now() + absl::Seconds(20);
  while (most < 0.9 && absl::Now() < end) most = NextShare(meter, [] {});
  EXPECT_GE(most, 0.9);
  EXPECT_LE(most, 1.0);
  ASSERT_EQ(::sched_setaffinity(0, sizeof(before), &before), 0);
}

}  // namespace
}  // namespace tripoint::runtime
