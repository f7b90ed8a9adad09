// The time by which stored things are too old to be kept: a wall clock that is not believed when it
// leaps ahead.
//
// Made by Housekeeping, used on its thread. A clock that is set a week ahead by mistake would
// otherwise age every request id at once, and repeated calls would be done twice.
#pragma once

#include <cstdint>
#include <optional>

#include "server/runtime/clock.h"

namespace tripoint::runtime {

class AgeClock {
 public:
  // Corrections of a good clock stay below this; a leap beyond it is ignored until the next start.
  static constexpr std::int64_t kLeapMsMax = 3'600'000;
  // A node that seems to have been away for longer gives its clock as much time to be put right.
  static constexpr std::int64_t kDoubtMs = std::int64_t{24} * 3'600'000;

  // `last_change_ms`: when the store was changed last, by its journal; nullopt: never. Starts now.
  AgeClock(const Clock& clock, std::optional<std::int64_t> last_change_ms);

  // At most what has passed since the start, added to the time of the start. nullopt: it is not
  // known yet, so nothing is old.
  std::optional<std::int64_t> NowMs() const;

 private:
  const Clock& clock_;
  const std::int64_t wall_start_ms_;
  const std::int64_t monotonic_start_ms_;
  const bool doubtful_;
};

}  // namespace tripoint::runtime
