// See library_log.h.
#include "server/runtime/library_log.h"

#include <utility>

namespace tripoint::runtime {

void LibraryLog::Take(std::string_view format) {
  std::int64_t left_out = 0;
  {
    const absl::MutexLock lock(&mutex_);
    const std::int64_t minute = clock_.monotonic_ms() / 60'000;
    if (minute != minute_) {
      minute_ = minute;
      lines_ = 0;
    }
    if (lines_ >= kLinesAMinute) {
      ++left_out_;
      return;
    }
    ++lines_;
    left_out = std::exchange(left_out_, 0);
  }
  log_.Warning(event_, {Field::LibraryFormat("words", format), {"left_out", left_out}});
}

}  // namespace tripoint::runtime
