// The share of the processors in use. See busy_meter.h.
#include "server/runtime/busy_meter.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <utility>

namespace tripoint::runtime {
namespace {

std::int64_t NowNs(clockid_t clock) {
  constexpr std::int64_t kNsPerSecond = 1'000'000'000;
  timespec now = {};
  (void)::clock_gettime(clock, &now);  // both clocks are there on every Linux
  return now.tv_sec * kNsPerSecond + now.tv_nsec;
}

int Processors() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof(allowed), &allowed) == 0) return CPU_COUNT(&allowed);
  return static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));  // more than a cpu_set_t has room for
}

}  // namespace

std::int64_t BusyMeter::SystemNs() { return NowNs(CLOCK_MONOTONIC); }

BusyMeter::Reading BusyMeter::ReadSystem() {
  return {.used_ns = NowNs(CLOCK_PROCESS_CPUTIME_ID), .processors = std::max(Processors(), 1)};
}

BusyMeter::BusyMeter(std::function<std::int64_t()> now_ns, std::function<Reading()> read)
    : now_ns_(std::move(now_ns)),
      read_(std::move(read)),
      last_ns_(now_ns_()),
      last_used_ns_(read_().used_ns) {}

std::optional<Usage> BusyMeter::Lately() {
  constexpr double kNsPerMs = 1e6;
  const std::int64_t now_ns = now_ns_();
  const std::int64_t passed_ns = now_ns - last_ns_;
  // Asked in every step: the reading costs two calls of the system, the clock none.
  if (passed_ns < kWindowNs) return std::nullopt;
  const Reading now = read_();
  const auto used_ns = static_cast<double>(now.used_ns - last_used_ns_);
  last_ns_ = now_ns;
  last_used_ns_ = now.used_ns;
  return Usage{.share = std::min(used_ns / (static_cast<double>(passed_ns) * now.processors), 1.0),
               .used_ms = used_ns / kNsPerMs};
}

}  // namespace tripoint::runtime
