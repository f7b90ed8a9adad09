// How many calls may wait for the committer: as many as it works off in a few milliseconds.
//
// Kept by CommitterCore, told by its driver how long the operations of a step took. Where calls
// arrive faster than they can be refused, what is left of the processor stores a change in ten
// times its usual time: a line that is short otherwise then keeps an accepted call waiting too
// long. Only while more are refused than stored: a node that is merely slow, or meets a burst,
// takes as many as ever. The time that the disk takes does not count: one sync serves any number of
// calls. Pure; one thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace tripoint::storage {

class CallsLimit {
 public:
  static constexpr std::size_t kCallsMin = 32;
  static constexpr std::size_t kWorkMs = 5;
  // Of one measurement: fewer say little by a clock of milliseconds.
  static constexpr std::size_t kOperationsMin = 64;

  explicit CallsLimit(std::size_t calls_max) : calls_max_(calls_max), calls_(calls_max) {}

  // `operations` were run within `work_ms`, without waiting for the disk; `refused` calls were
  // refused since the last time.
  void Worked(std::size_t operations, std::int64_t work_ms, std::size_t refused) {
    operations_ += operations;
    work_ms_ += static_cast<std::size_t>(std::max<std::int64_t>(work_ms, 0));
    refused_ += refused;
    if (operations_ < kOperationsMin) return;
    const std::size_t in_time = kWorkMs * operations_ / std::max<std::size_t>(work_ms_, 1);
    const bool overloaded = refused_ > operations_;
    calls_ = overloaded ? std::min(calls_max_, std::max(kCallsMin, in_time)) : calls_max_;
    operations_ = work_ms_ = refused_ = 0;
  }
  std::size_t calls() const { return calls_; }

 private:
  const std::size_t calls_max_;
  std::size_t calls_;
  std::size_t operations_ = 0;
  std::size_t work_ms_ = 0;
  std::size_t refused_ = 0;
};

}  // namespace tripoint::storage
