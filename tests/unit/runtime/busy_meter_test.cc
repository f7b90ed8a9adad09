// Goal: the committer learns how busy the processors are, by the window, and of all of them.
#include "server/runtime/busy_meter.h"

#include <gtest/gtest.h>

#include <optional>

namespace tripoint::runtime {
namespace {

TEST(BusyMeter, SaysWhatWasUsedOfAllProcessorsInAWindow) {
  std::int64_t now_ns = 5;
  BusyMeter::Reading reading{.used_ns = 7, .processors = 2};
  int readings = 0;
  BusyMeter meter([&now_ns] { return now_ns; },
                  [&] {
                    ++readings;
                    return reading;
                  });
  EXPECT_FALSE(meter.Lately().has_value());
  now_ns += BusyMeter::kWindowNs - 1;
  EXPECT_FALSE(meter.Lately().has_value());
  EXPECT_EQ(readings, 1) << "within a window nothing is read";
  now_ns += 1;
  reading.used_ns += BusyMeter::kWindowNs;  // one of two processors
  std::optional<Usage> lately = meter.Lately();
  ASSERT_TRUE(lately.has_value());
  EXPECT_DOUBLE_EQ(lately->share, 0.5);
  EXPECT_DOUBLE_EQ(lately->used_ms, 20);
  EXPECT_FALSE(meter.Lately().has_value());  // too soon
  now_ns += 2 * BusyMeter::kWindowNs;
  reading.used_ns += 5 * BusyMeter::kWindowNs;  // by clocks that do not quite agree
  lately = meter.Lately();
  ASSERT_TRUE(lately.has_value());
  EXPECT_DOUBLE_EQ(lately->share, 1);
}

TEST(BusyMeter, TheSystemCountsWhatIsUsed) {
  const std::int64_t before_ns = BusyMeter::SystemNs();
  const BusyMeter::Reading before = BusyMeter::ReadSystem();
  BusyMeter::Reading now = before;
  while (now.used_ns == before.used_ns) now = BusyMeter::ReadSystem();  // this is what uses it
  EXPECT_GT(BusyMeter::SystemNs(), before_ns);
  EXPECT_GT(now.used_ns, before.used_ns);
  EXPECT_GE(now.processors, 1);
}

}  // namespace
}  // namespace tripoint::runtime
