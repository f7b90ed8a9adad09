// Answers of recipients, on both sides (answer.h). Any thread.
#include "server/domain/answer.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "proto/contract/error.h"
#include "server/domain/handling.h"

namespace tripoint::domain {
namespace {

using contract::Problem;
using contract::Reason;

constexpr std::array<std::pair<v1::DeliveryState, std::string_view>, 4> kOutcomes = {{
    {v1::DELIVERY_STATE_SEEN, "seen"},
    {v1::DELIVERY_STATE_ACKNOWLEDGED, "acknowledged"},
    {v1::DELIVERY_STATE_ACTIONED, "actioned"},
    {v1::DELIVERY_STATE_DECLINED, "declined"},
}};

absl::Status Refuse(absl::StatusCode code, Reason reason, const v1::Notice& notice,
                    std::string what, std::string why, std::string next) {
  Problem problem;
  problem.reason = reason;
  problem.what = std::move(what);
  problem.why = std::move(why);
  problem.next = std::move(next);
  problem.variables = {{"name", notice.name()}, {"owner", notice.owner()}};
  return contract::Error(code, problem);
}

absl::Status Invalid(std::string field, std::string what) {
  Problem problem;
  problem.reason = Reason::kFieldInvalid;
  problem.what = fmt::format("1 field needs fixing: {}: {}", field, what);
  problem.why = "the owner must be able to act on the answer";
  problem.next = "correct the field that is named and send again";
  problem.faults = {{std::move(field), std::move(what)}};
  return contract::Error(absl::StatusCode::kInvalidArgument, problem);
}

absl::Status AlreadyAnswered(const v1::Notice& notice, const store::v1::Answer& present) {
  Problem problem;
  problem.reason = Reason::kAlreadyAcknowledged;
  const std::string_view outcome = OutcomeCode(static_cast<v1::DeliveryState>(present.state()));
  problem.what = fmt::format("{} was already {} by {}", notice.name(), outcome, present.officer());
  problem.why = "the first answer of a unit stands; the owner has been told";
  problem.next = "nothing: it is taken care of";
  problem.variables = {{"name", notice.name()},
                       {"officer", present.officer()},
                       {"outcome", std::string(outcome)},
                       {"time_ms", fmt::format("{}", present.time_ms())}};
  return contract::Error(absl::StatusCode::kAlreadyExists, problem);
}

// ACTIONED and DECLINED end the ladder; neither turns into the other.
bool IsFinal(std::uint32_t state) {
  return state == v1::DELIVERY_STATE_ACTIONED || state == v1::DELIVERY_STATE_DECLINED;
}

absl::Status CheckAnswerable(const v1::Notice& notice, const AnswerOrder& order,
                             const ShareContext& context) {
  constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;
  if (notice.owner() == context.self) {
    return Refuse(absl::StatusCode::kPermissionDenied, Reason::kNotOwner, notice,
                  fmt::format("{} is our own notice", notice.name()),
                  "its recipients answer it, not its owner", "follow it, revise or withdraw it");
  }
  if (OutcomeCode(order.outcome).empty()) {
    return Refuse(kPrecondition, Reason::kIllegalTransition, notice,
                  fmt::format("{} cannot be answered with that", notice.name()),
                  "an officer says SEEN, ACKNOWLEDGED, ACTIONED or DECLINED; the rest is measured",
                  "choose one of these");
  }
  if (notice.state() == v1::NOTICE_STATE_WITHDRAWN && order.outcome != v1::DELIVERY_STATE_SEEN) {
    return Refuse(kPrecondition, Reason::kIllegalTransition, notice,
                  fmt::format("{} was withdrawn by {}", notice.name(), notice.owner()),
                  "a withdrawn notice must not be acted on", "stop acting on it");
  }
  if (order.outcome == v1::DELIVERY_STATE_DECLINED && order.reason_code.empty()) {
    return Invalid("reason_code", "is required for DECLINED");
  }
  if (!context.paired.contains(notice.owner())) {
    return Refuse(kPrecondition, Reason::kUnitNotPaired, notice,
                  fmt::format("this node is no longer paired with {}", notice.owner()),
                  "the answer could not reach the owner", "have the link agreed again");
  }
  return absl::OkStatus();
}

}  // namespace

v1::Notice ReceivedNotice(const exchange::v1::Envelope& envelope) {
  const exchange::v1::NoticeVersion& body = envelope.notice_version();
  v1::Notice notice;
  notice.set_name(body.name());
  notice.set_kind_code(body.kind_code());
  notice.set_urgency_code(body.urgency_code());
  notice.set_urgency_reason_code(body.urgency_reason_code());
  notice.set_handling_code(envelope.handling_code());
  notice.set_tlp_code(envelope.tlp_code());
  // A peer of another version may have stated two codes that differ: the stricter holds here.
  if (const auto handling =
          StricterOf(envelope.handling_code(), envelope.tlp_code(), body.kind_code())) {
    notice.set_handling_code(handling->handling_code);
    notice.set_tlp_code(handling->tlp_code);
  }
  notice.set_purpose_code(envelope.purpose_code());
  notice.set_basis(body.basis());
  *notice.mutable_audience() = envelope.audience();
  notice.set_valid_until_ms(envelope.valid_until_ms());
  notice.set_ack_by_ms(body.ack_by_ms());
  *notice.mutable_facts() = body.facts();
  notice.set_state(v1::NOTICE_STATE_RELEASED);
  notice.set_version(body.version());
  notice.set_direction(v1::NOTICE_DIRECTION_RECEIVED);
  notice.set_owner(envelope.origin_unit());
  notice.set_change_reason(body.change_reason());
  *notice.mutable_held_fields() = body.held_fields();
  return notice;
}

Arrival ClassifyArrival(std::uint32_t known_version, std::uint32_t version) {
  if (known_version == 0) return Arrival::kFirst;
  return version > known_version ? Arrival::kNewer : Arrival::kStale;
}

absl::StatusOr<AnswerDecision> AnswerNotice(const v1::Notice& notice,
                                            const store::v1::Answer* present,
                                            const AnswerOrder& order, const ShareContext& context) {
  if (absl::Status status = CheckAnswerable(notice, order, context); !status.ok()) return status;
  AnswerDecision decision;
  store::v1::Answer& answer = decision.answer;
  answer.set_state(static_cast<std::uint32_t>(order.outcome));
  answer.set_time_ms(context.stamp.now_ms);
  answer.set_reason_code(std::string(order.reason_code));
  if (notice.state() == v1::NOTICE_STATE_EXPIRED && order.outcome != v1::DELIVERY_STATE_SEEN &&
      order.reason_code.empty()) {
    answer.set_reason_code(std::string(contract::ReasonCode(Reason::kExpired)));
  }
  answer.set_officer(std::string(context.stamp.officer));
  answer.set_version(notice.version());
  if (order.note != nullptr) {
    answer.set_note(order.note->text());
    answer.set_note_language_code(order.note->language_code());
  }
  if (present != nullptr && !AnswerClimbs(*present, answer)) {
    decision.answer = *present;
    if (order.outcome == v1::DELIVERY_STATE_SEEN) return decision;  // opened once more
    return AlreadyAnswered(notice, *present);
  }
  decision.changed = true;
  exchange::v1::Envelope& envelope = decision.envelope;
  envelope.set_origin_unit(std::string(context.self));
  envelope.set_lane(LaneOf(notice.urgency_code()));
  // An urgency of a newer version: the answer must travel all the same.
  if (envelope.lane() == exchange::v1::LANE_UNSPECIFIED) {
    envelope.set_lane(exchange::v1::LANE_PRIORITY);
  }
  envelope.add_audience(notice.owner());
  envelope.set_handling_code(notice.handling_code());
  envelope.set_tlp_code(notice.tlp_code());
  envelope.set_purpose_code(notice.purpose_code());
  envelope.set_create_time_ms(context.stamp.now_ms);
  envelope.set_valid_until_ms(notice.valid_until_ms());
  exchange::v1::NoticeStatement& body = *envelope.mutable_notice_statement();
  body.set_name(notice.name());
  body.set_version(notice.version());
  body.set_outcome_code(std::string(OutcomeCode(order.outcome)));
  body.set_reason_code(answer.reason_code());
  body.set_officer(std::string(context.stamp.officer));
  if (order.note != nullptr) *body.mutable_note() = *order.note;
  body.set_time_ms(context.stamp.now_ms);
  return decision;
}

bool AnswerClimbs(const store::v1::Answer& present, const store::v1::Answer& next) {
  if (next.version() != present.version()) return next.version() > present.version();
  return !IsFinal(present.state()) && next.state() > present.state();
}

store::v1::Answer AnswerOf(const exchange::v1::NoticeStatement& statement, std::int64_t now_ms) {
  store::v1::Answer answer;
  answer.set_state(static_cast<std::uint32_t>(OutcomeFromCode(statement.outcome_code())));
  answer.set_time_ms(now_ms);
  answer.set_reason_code(statement.reason_code());
  answer.set_officer(statement.officer());
  answer.set_note(statement.note().text());
  answer.set_note_language_code(statement.note().language_code());
  answer.set_version(statement.version());
  return answer;
}

bool NeedsAck(const v1::Notice& notice, const store::v1::Answer* answer) {
  if (notice.ack_by_ms() == 0 || notice.state() != v1::NOTICE_STATE_RELEASED) return false;
  return answer == nullptr || answer->version() < notice.version() ||
         answer->state() < v1::DELIVERY_STATE_ACKNOWLEDGED;
}

std::string_view OutcomeCode(v1::DeliveryState state) {
  for (const auto& [outcome, code] : kOutcomes) {
    if (outcome == state) return code;
  }
  return {};
}

v1::DeliveryState OutcomeFromCode(std::string_view code) {
  for (const auto& [outcome, text] : kOutcomes) {
    if (text == code) return outcome;
  }
  return v1::DELIVERY_STATE_UNSPECIFIED;
}

}  // namespace tripoint::domain
