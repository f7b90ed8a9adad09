// Takes a library's warnings into the log, seldom enough that they drown nothing.
//
// One for each library; made by node.cc for RocksDB. Thread-safe.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/runtime/clock.h"
#include "server/runtime/log.h"

namespace tripoint::runtime {

class LibraryLog {
 public:
  static constexpr std::int64_t kLinesAMinute = 10;

  // The references outlive it.
  LibraryLog(Literal event, const Clock& clock, Log& log)
      : event_(event), clock_(clock), log_(log) {}

  // Writes a warning with `format`, the library's words without their values. At most kLinesAMinute
  // in a minute; how many were left out is in the next line.
  void Take(std::string_view format);

 private:
  const Literal event_;
  const Clock& clock_;
  Log& log_;
  absl::Mutex mutex_;
  std::int64_t minute_ ABSL_GUARDED_BY(mutex_) = -1;
  std::int64_t lines_ ABSL_GUARDED_BY(mutex_) = 0;
  std::int64_t left_out_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace tripoint::runtime
