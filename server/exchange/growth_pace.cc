// See growth_pace.h.
#include "server/exchange/growth_pace.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "tripoint/exchange/v1/exchange.pb.h"

namespace tripoint::exchange {

std::vector<storage::ChannelName> GrowthPace::Take(std::set<storage::ChannelName> grown,
                                                   std::int64_t now_ms) {
  waiting_.merge(std::move(grown));
  std::set<storage::ChannelName> told;
  if (now_ms >= next_ms_) {
    told = std::exchange(waiting_, {});
  } else {
    for (auto at = waiting_.begin(); at != waiting_.end();) {
      const auto next = std::next(at);
      if (at->lane == v1::LANE_FLASH) told.insert(waiting_.extract(at));
      at = next;
    }
  }
  return {told.begin(), told.end()};
}

void GrowthPace::Told(std::size_t frames, std::int64_t now_ms) {
  if (frames <= kFreeMax) return;
  const auto wait_ms = std::min(static_cast<std::int64_t>(frames) * kFrameMs, kWaitMsMax);
  next_ms_ = std::max(next_ms_, now_ms + wait_ms);
}

}  // namespace tripoint::exchange
