// See growth_pace.h.
#include "server/exchange/growth_pace.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "tripoint/exchange/v1/exchange.pb.h"

namespace tripoint::exchange {

std::vector<storage::ChannelName> GrowthPace::Take(
    std::set<storage::ChannelName> grown, std::int64_t now_ms,
    const std::function<bool(const std::string& peer)>& is_there) {
  waiting_.merge(std::move(grown));
  std::set<storage::ChannelName> told;
  if (now_ms >= next_ms_) {
    told = std::exchange(waiting_, {});
    // Flashes do not count: many of them would hold up the others for ever.
    const auto frames = std::count_if(told.begin(), told.end(), [&](const auto& channel) {
      return channel.lane != v1::LANE_FLASH && is_there(channel.peer);
    });
    if (frames > free_max_) next_ms_ = now_ms + std::min(frames * kFrameMs, kWaitMsMax);
  } else {
    for (auto at = waiting_.begin(); at != waiting_.end();) {
      const auto next = std::next(at);
      if (at->lane == v1::LANE_FLASH) told.insert(waiting_.extract(at));
      at = next;
    }
  }
  return {told.begin(), told.end()};
}

}  // namespace tripoint::exchange
