// When the cores hear that their channels grew: at once, unless so many hear it so often that small
// frames to all of them cost more than what is in them.
//
// A frame costs the sender about 0.2 ms however little it holds (its head is signed, the receipt
// verified and stored), and a notice to 40 peers is 40 frames. So after many frames at once the
// next telling waits a while, and what grew meanwhile goes in one frame a channel. A flash never
// waits. Held by the driver; pure; one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "storage/transaction.h"

namespace tripoint::exchange {

class GrowthPace {
 public:
  // So many frames at once are followed by no wait: a pair and its like never wait.
  static constexpr std::int64_t kFreeMax = 8;
  // What each of more frames adds to the wait: 100 a second in all.
  static constexpr std::int64_t kFrameMs = 10;
  static constexpr std::int64_t kWaitMsMax = 500;

  // `grown`: what grew since the call before, or nothing. `is_there`: whether a frame will go to
  // that peer. Which channels are to be told now; the others wait for a later call.
  std::vector<storage::ChannelName> Take(
      std::set<storage::ChannelName> grown, std::int64_t now_ms,
      const std::function<bool(const std::string& peer)>& is_there);

  bool waiting() const { return !waiting_.empty(); }

 private:
  std::set<storage::ChannelName> waiting_;
  std::int64_t next_ms_ = 0;
};

}  // namespace tripoint::exchange
