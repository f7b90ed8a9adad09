// See bundle_refusals.h.
#include "server/exchange/bundle_refusals.h"

#include <utility>

#include "proto/contract/error.h"
#include "server/operations/channels.h"

namespace tripoint::exchange {

using contract::Error;

absl::Status RefuseBundle(std::string what, std::string why, std::string next) {
  return Error(absl::StatusCode::kDataLoss, Reason::kBundleInvalid, std::move(what), std::move(why),
               std::move(next));
}

absl::Status BundleAltered(std::string why) {
  return RefuseBundle("The bundle cannot be taken in", std::move(why),
                      "Copy the file again, or have the sender make the bundle again");
}

absl::Status CheckPaired(const operations::NodeFacts& facts, const std::string& unit) {
  if (facts.IsPaired(unit)) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, Reason::kUnitNotPaired,
               "This node is not paired with " + unit,
               "Only a unit that both sides' operators agreed to is a peer.",
               "See the peers with: tripoint peer list");
}

absl::Status CheckReturned(const storage::Snapshot& snapshot, const operations::NodeFacts& facts,
                           const std::string& peer) {
  const absl::StatusOr<bool> recovering = operations::IsRecovering(snapshot, peer);
  if (!recovering.ok()) return recovering.status();
  if (!*recovering) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, Reason::kAmnesia,
               "No bundles go to or come from " + peer + " yet",
               facts.unit + " lost part of its memory, and " + peer +
                   " has not returned what it holds of it; only the link does that",
               "Let the link come up once, then make the bundle again");
}

std::string StoppedText(v1::Lane lane, std::string_view reason_code) {
  return std::string(LaneText(lane)) + ": stopped, " + std::string(reason_code);
}

std::string_view LaneText(v1::Lane lane) {
  switch (lane) {
    case v1::LANE_FLASH:
      return "flash";
    case v1::LANE_PRIORITY:
      return "priority";
    default:
      return "routine";
  }
}

}  // namespace tripoint::exchange
