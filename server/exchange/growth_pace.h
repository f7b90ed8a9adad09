// When the cores hear that their channels grew: at once, unless so many hear it so often that small
// frames to all of them cost more than what is in them.
//
// A frame costs the sender about 0.2 ms however little it holds (its head is signed, the receipt
// verified and stored), and a notice to 40 peers is 40 frames. So after many frames at once the
// next telling waits a while, and what grew meanwhile goes in one frame a channel. A flash never
// waits. Held by the driver; pure; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "storage/transaction.h"

namespace tripoint::exchange {

class GrowthPace {
 public:
  // What each frame adds to the wait: 100 a second in all, or a frame a channel in half a second.
  static constexpr std::int64_t kFrameMs = 10;
  static constexpr std::int64_t kWaitMsMax = 500;

  // After so many frames at once nobody waits: a pair and its like never do.
  explicit GrowthPace(std::size_t free_max) : free_max_(static_cast<std::int64_t>(free_max)) {}

  // `grown`: what grew since the call before, or nothing. `is_there`: whether a frame will go to
  // that peer. Which channels are to be told now; the others wait for a later call.
  std::vector<storage::ChannelName> Take(
      std::set<storage::ChannelName> grown, std::int64_t now_ms,
      const std::function<bool(const std::string& peer)>& is_there);

 private:
  const std::int64_t free_max_;
  std::set<storage::ChannelName> waiting_;
  std::int64_t next_ms_ = 0;
};

}  // namespace tripoint::exchange
