// A wall clock that is not believed when it leaps. See age_clock.h.
#include "server/runtime/age_clock.h"

#include <algorithm>

namespace tripoint::runtime {

AgeClock::AgeClock(const Clock& clock, std::optional<std::int64_t> last_change_ms)
    : clock_(clock),
      wall_start_ms_(clock.wall_ms()),
      monotonic_start_ms_(clock.monotonic_ms()),
      doubtful_(last_change_ms.has_value() && wall_start_ms_ - *last_change_ms > kDoubtMs) {}

std::optional<std::int64_t> AgeClock::NowMs() const {
  const std::int64_t passed_ms = clock_.monotonic_ms() - monotonic_start_ms_;
  if (doubtful_ && passed_ms < kDoubtMs) return std::nullopt;
  return std::min(clock_.wall_ms(), wall_start_ms_ + passed_ms + kLeapMsMax);
}

}  // namespace tripoint::runtime
