// The share of the processors in use. See busy_meter.h.
#include "server/runtime/busy_meter.h"

#include <sched.h>

#include <algorithm>
#include <ctime>

namespace tripoint::runtime {
namespace {

std::int64_t NowNs(clockid_t clock) {
  constexpr std::int64_t kNsPerSecond = 1'000'000'000;
  timespec now = {};
  (void)::clock_gettime(clock, &now);  // both clocks are there on every Linux
  return now.tv_sec * kNsPerSecond + now.tv_nsec;
}

// Those it may be run on, which an operator can change at any time (taskset, cgroups).
int Processors() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  const bool known = ::sched_getaffinity(0, sizeof(allowed), &allowed) == 0;
  return known ? std::max(CPU_COUNT(&allowed), 1) : 1;
}

}  // namespace

std::optional<double> BusyMeter::Share() {
  const std::int64_t now_ns = NowNs(CLOCK_MONOTONIC);
  const std::int64_t passed_ns = now_ns - began_ns_;
  if (passed_ns < kWindowNs) return std::nullopt;
  const std::int64_t used_ns = NowNs(CLOCK_PROCESS_CPUTIME_ID);
  const double share = static_cast<double>(used_ns - used_ns_) /
                       (static_cast<double>(passed_ns) * static_cast<double>(Processors()));
  began_ns_ = now_ns;
  used_ns_ = used_ns;
  return std::min(share, 1.0);
}

}  // namespace tripoint::runtime
