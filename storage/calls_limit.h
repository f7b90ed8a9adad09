// How many calls may wait for the committer: as many as it works off in a few milliseconds.
//
// Kept by CommitterCore, told by its driver how long the operations of a step took and how busy the
// processors are. Where calls arrive faster than they can be refused, all of the processor is used,
// whatever is left after refusing stores, and the line that waits in gRPC, which nobody sees, never
// becomes shorter. So while more are refused than stored
// - fewer may wait when the work of each takes long (it takes ten times as long then);
// - and when no processor time is left and refusing takes much of it, steps are made at a pace, and
// fewer and fewer may wait for
//   the next one until there is some: what is idle is what works off the line.
// A node that is merely slow, or meets a burst, takes as many as ever. The time that the disk takes
// does not count: one sync serves any number of calls. Pure; one thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace tripoint::storage {

class CallsLimit {
 public:
  static constexpr std::size_t kCallsMin = 32;
  static constexpr std::size_t kWorkMs = 5;
  // Of one measurement: fewer say little by a clock of milliseconds.
  static constexpr std::size_t kOperationsMin = 64;
  // At a pace: a step each kPaceMs, or each sync where that takes longer, so that at 4 calls a step
  // up to 800 a second are taken however busy the node is.
  static constexpr std::int64_t kPaceMs = 5;
  static constexpr std::size_t kPacedCallsMin = 4;
  static constexpr double kBusy = 0.98;
  static constexpr double kIdle = 0.96;
  static constexpr double kQuiet = 0.5;
  // About what refusing a call takes of a processor, and the part of all that the process used from
  // which on it is refusing that keeps it busy, and not readers or merging.
  static constexpr double kRefusalMs = 0.022;
  static constexpr double kRefusingShare = 0.125;

  explicit CallsLimit(std::size_t calls_max)
      : calls_max_(calls_max), in_time_(calls_max), at_pace_(calls_max) {}

  // `operations` were run within `work_ms`, without waiting for the disk; `refused` calls were
  // refused since the last time.
  void Worked(std::size_t operations, std::int64_t work_ms, std::size_t refused) {
    operations_ += operations;
    work_ms_ += static_cast<std::size_t>(std::max<std::int64_t>(work_ms, 0));
    refused_ += refused;
    refused_lately_ += refused;
    if (operations_ < kOperationsMin) return;
    const std::size_t in_time = kWorkMs * operations_ / std::max<std::size_t>(work_ms_, 1);
    overloaded_ = refused_ > operations_;
    in_time_ = overloaded_ ? std::max(kCallsMin, in_time) : calls_max_;
    if (!overloaded_) at_pace_ = calls_max_;
    operations_ = work_ms_ = refused_ = 0;
  }

  // The share of its processors that the process used since the last time, 0 to 1, and how much
  // that was.
  void Busy(double share, double used_ms) {
    const double refusing_ms = kRefusalMs * static_cast<double>(std::exchange(refused_lately_, 0));
    if (share < kQuiet) at_pace_ = calls_max_;
    if (!overloaded_) return;
    if (share > kBusy && refusing_ms >= kRefusingShare * used_ms) {
      at_pace_ = std::max(kPacedCallsMin, std::min(at_pace_, 2 * kCallsMin) * 3 / 4);
    } else if (share < kIdle || share > kBusy) {
      at_pace_ = std::min(calls_max_, at_pace_ + at_pace_ / 8 + 1);
    }
  }

  std::size_t calls() const { return std::min({calls_max_, in_time_, at_pace_}); }
  // Steps are to begin kPaceMs after one another.
  bool paced() const { return at_pace_ < calls_max_; }

 private:
  const std::size_t calls_max_;
  bool overloaded_ = false;
  std::size_t in_time_;
  std::size_t at_pace_;
  std::size_t operations_ = 0;
  std::size_t work_ms_ = 0;
  std::size_t refused_ = 0;
  std::size_t refused_lately_ = 0;
};

}  // namespace tripoint::storage
