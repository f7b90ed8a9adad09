// Decisions of and about recipients: what a received envelope does to a received notice, what an
// officer answers, and how the owner takes that answer in.
//
// Pure. Called by server/operations. Nobody edits what another owns: a recipient adds its own
// statements, and only the owner's envelopes change a received notice.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/domain/notice.h"
#include "tripoint/exchange/v1/envelope.pb.h"
#include "tripoint/store/v1/records.pb.h"
#include "tripoint/v1/notice.pb.h"

namespace tripoint::domain {

// The notice as an admitted NoticeVersion envelope tells it, seen by the recipient `self`:
// RELEASED, direction RECEIVED, without times and answer of this node.
v1::Notice ReceivedNotice(const exchange::v1::Envelope& envelope);

// What to do with a version that arrived. Versions may overtake each other between lanes.
enum class Arrival : std::uint8_t {
  kFirst,  // not known yet
  kNewer,  // replaces what is known
  kStale,  // older than, or the same as, what is known: nothing changes
};
// `known_version` 0 = not known. A withdrawal has a version of its own: it is newer or stale too.
Arrival ClassifyArrival(std::uint32_t known_version, std::uint32_t version);

struct AnswerOrder {
  v1::DeliveryState outcome = v1::DELIVERY_STATE_UNSPECIFIED;
  std::string_view reason_code = {};
  const v1::Text* note = nullptr;  // may be nullptr
};

struct AnswerDecision {
  // False: nothing climbed (seen again, after more was said); nothing is stored or sent.
  bool changed = false;
  store::v1::Answer answer;
  // To the owner, in the lane of the notice; `epoch` and `number` are still to be set.
  exchange::v1::Envelope envelope;
};

// Answers `notice` (received, as ReceivedNotice and the stored record give it, `state` included);
// `present` is this unit's answer so far, nullptr when none. An answer to an older version does not
// stand against one to a newer. Past its end of validity an answer is taken all the same, marked as
// late by the reason EXPIRED when the officer gives none: it tells the owner the truth, an act in
// time may be told late, and a clock that is wrong must not silence a unit. Errors:
// PERMISSION_DENIED / NOT_OWNER (an own notice); ALREADY_EXISTS / ALREADY_ACKNOWLEDGED with who and
// when; FAILED_PRECONDITION / ILLEGAL_TRANSITION (withdrawn, or not an outcome that an officer
// gives); INVALID_ARGUMENT / FIELD_INVALID (declined without reason); FAILED_PRECONDITION /
// UNIT_NOT_PAIRED (the owner).
absl::StatusOr<AnswerDecision> AnswerNotice(const v1::Notice& notice,
                                            const store::v1::Answer* present,
                                            const AnswerOrder& order, const ShareContext& context);

// Whether the owner's record of a recipient moves from `present` to `next`: to a newer version, or
// up the ladder within the same one.
bool AnswerClimbs(const store::v1::Answer& present, const store::v1::Answer& next);

// The answer that an admitted statement makes; `now_ms` is when it arrived here.
store::v1::Answer AnswerOf(const exchange::v1::NoticeStatement& statement, std::int64_t now_ms);

// Whether a received notice still asks its officers for an acknowledgement: asked for, still in
// force, and not acknowledged, actioned or declined in this version.
bool NeedsAck(const v1::Notice& notice, const store::v1::Answer* answer);

// `acknowledged` for DELIVERY_STATE_ACKNOWLEDGED and back, for the outcomes that officers give;
// empty / UNSPECIFIED for all else.
std::string_view OutcomeCode(v1::DeliveryState state);
v1::DeliveryState OutcomeFromCode(std::string_view code);

}  // namespace tripoint::domain
