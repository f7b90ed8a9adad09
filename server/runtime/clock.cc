// The clocks of the operating system. See clock.h.
#include "server/runtime/clock.h"

#include <chrono>

namespace tripoint::runtime {
namespace {

template <typename TimePoint>
std::int64_t Milliseconds(TimePoint point) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(point.time_since_epoch()).count();
}

}  // namespace

std::int64_t SystemClock::wall_ms() const { return Milliseconds(std::chrono::system_clock::now()); }

std::int64_t SystemClock::monotonic_ms() const {
  return Milliseconds(std::chrono::steady_clock::now());
}

}  // namespace tripoint::runtime
