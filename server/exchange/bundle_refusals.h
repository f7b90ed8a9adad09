// How bundles are refused: texts that both ways share. Inside server/exchange only; any thread.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "server/exchange/types.h"
#include "server/operations/node_facts.h"
#include "storage/engine.h"

namespace tripoint::exchange {

// DATA_LOSS / BUNDLE_INVALID.
absl::Status RefuseBundle(std::string what, std::string why, std::string next);
// The same for bytes that no honest sender made, or that were changed since.
absl::Status BundleAltered(std::string why);
// FAILED_PRECONDITION / UNIT_NOT_PAIRED.
absl::Status CheckPaired(const operations::NodeFacts& facts, const std::string& unit);
// FAILED_PRECONDITION / AMNESIA while `peer` has not returned what it holds of this node: as on the
// link, no channel runs until then.
absl::Status CheckReturned(const storage::Snapshot& snapshot, const operations::NodeFacts& facts,
                           const std::string& peer);
std::string_view LaneText(v1::Lane lane);
// `routine: stopped, CHANNEL_FORK`.
std::string StoppedText(v1::Lane lane, std::string_view reason_code);

}  // namespace tripoint::exchange
