// See core.h. A bundle stored envelopes or receipts beside this core: to it that is what a restart
// is, but for what it keeps of stops and of refused envelopes.
#include <algorithm>
#include <utility>

#include "proto/contract/error.h"
#include "server/exchange/core.h"

namespace tripoint::exchange {

void Core::On(MovedByHand) {
  if (stopped_) return;
  if (link_.stream.id != 0)
    EndStream(Ending::kGoodbye, Reason::kLinkRenewed, "a bundle was taken in");
  moved_ = true;
  moved_token_ = 0;  // what is being read may be from before
}

bool Core::AllSettled() const {
  return std::all_of(inbound_.begin(), inbound_.end(),
                     [](const InboundLane& lane) { return lane.Settled(); }) &&
         std::all_of(outbound_.begin(), outbound_.end(),
                     [](const OutboundLane& lane) { return lane.Settled(); });
}

// A commit that is under way may be the last word on a channel, or may have come too late.
void Core::ReadMovedChannels() {
  if (!moved_ || moved_token_ != 0 || moved_retry_.waiting(now_.monotonic_ms)) return;
  if (!AllSettled()) return;
  moved_retry_.Elapsed();
  moved_token_ = context_.NewToken();
  actions_.push_back(ReadChannels{.token = moved_token_});
}

void Core::On(ChannelsRead event) {
  if (moved_token_ == 0 || event.token != moved_token_) return;
  moved_token_ = 0;
  if (!event.status.ok()) {
    moved_retry_.Failed(now_.monotonic_ms, config_.limits);
    const contract::Problem problem = contract::ProblemOf(event.status);
    return RaiseAlert(problem.reason, v1::LANE_UNSPECIFIED, false, problem.what);
  }
  moved_retry_.Succeeded();
  // A receipt that waited was committed meanwhile, or is being: what was read may be from before.
  if (!AllSettled()) return;
  moved_ = false;
  for (std::size_t i = 0; i < kLanes; ++i) {
    inbound_[i].Reload(std::move(event.inbound[i]), std::move(event.inbound_past[i]));
    outbound_[i].Reload(std::move(event.outbound[i]));
  }
}

}  // namespace tripoint::exchange
