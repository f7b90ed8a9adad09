// How much of the processors that this process may run on it does use.
//
// Made by node.cc for the committer, which asks on whichever thread steps: one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

namespace tripoint::runtime {

struct Usage {
  double share = 0;    // of all processors that the process may run on, 0 to 1
  double used_ms = 0;  // by all its threads
};

class BusyMeter {
 public:
  static constexpr std::int64_t kWindowNs = 20'000'000;

  struct Reading {
    std::int64_t used_ns = 0;  // by the process, since it began
    int processors = 1;        // on which it may run now (taskset, cpusets); a quota is not seen
  };
  // The system's: time since some fixed moment, and what the process used.
  static std::int64_t SystemNs();
  static Reading ReadSystem();

  explicit BusyMeter(std::function<std::int64_t()> now_ns = SystemNs,
                     std::function<Reading()> read = ReadSystem);

  // Since the last answer; nullopt, and nothing is read, until kWindowNs have passed. What other
  // processes take is not in it.
  std::optional<Usage> Lately();

 private:
  const std::function<std::int64_t()> now_ns_;
  const std::function<Reading()> read_;
  std::int64_t last_ns_;
  std::int64_t last_used_ns_;
};

}  // namespace tripoint::runtime
