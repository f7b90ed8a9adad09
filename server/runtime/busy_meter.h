// How much of the processors that this process may use it does use.
//
// Made by node.cc for the committer, which asks on whichever thread steps: one at a time.
#pragma once

#include <cstdint>
#include <optional>

namespace tripoint::runtime {

class BusyMeter {
 public:
  static constexpr std::int64_t kWindowNs = 20'000'000;

  // The share of all processors that the system lets this process use, 0 to 1, that its threads ran
  // since the last answer; nullopt until kWindowNs have passed. What other processes take is not in
  // it.
  std::optional<double> Share();

 private:
  std::int64_t began_ns_ = 0;
  std::int64_t used_ns_ = 0;  // by the process, until then
};

}  // namespace tripoint::runtime
