// The owner's decisions and the envelopes that follow (notice.h). Any thread.
#include "server/domain/notice.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "proto/contract/error.h"
#include "server/domain/answer.h"
#include "server/domain/handling.h"
#include "server/domain/policy.h"
#include "server/limits.h"

namespace tripoint::domain {
namespace {

using contract::Error;
using contract::Problem;
using contract::Reason;

constexpr std::int64_t kMinuteMs = 60'000;
// For a kind that this version does not know; its officers can state another end.
constexpr std::int64_t kUnknownKindLifeMs = 30 * kDayMs;

absl::Status Invalid(std::string field, std::string what) {
  Problem problem;
  problem.reason = Reason::kFieldInvalid;
  problem.what = fmt::format("1 field needs fixing: {}: {}", field, what);
  problem.why = "a notice must say enough, and no more, for those who get it";
  problem.next = "correct the field that is named and send again";
  problem.faults = {{std::move(field), std::move(what)}};
  return Error(absl::StatusCode::kInvalidArgument, problem);
}

absl::Status UnknownHandling() {
  return Invalid("notice.handling_code", "is not a handling that this version knows");
}

absl::Status Expired(std::string what, std::string next) {
  return Error(absl::StatusCode::kFailedPrecondition, Reason::kExpired, std::move(what),
               "nobody should act on a notice after its end of validity", std::move(next));
}

absl::Status NotPossible(const v1::Notice& notice, std::string_view verb, std::string next) {
  Problem problem;
  problem.reason = Reason::kIllegalTransition;
  problem.what =
      fmt::format("{} is {} and cannot be {}", notice.name(), StateText(notice.state()), verb);
  problem.why = "a notice goes from DRAFT to RELEASED, and from there to EXPIRED or WITHDRAWN";
  problem.next = std::move(next);
  problem.variables = {{"name", notice.name()}, {"state", StateText(notice.state())}};
  return Error(absl::StatusCode::kFailedPrecondition, problem);
}

absl::Status CheckOwner(const v1::Notice& notice, std::string_view self) {
  if (notice.owner() == self) return absl::OkStatus();
  Problem problem;
  problem.reason = Reason::kNotOwner;
  problem.what = fmt::format("{} belongs to {}", notice.name(), notice.owner());
  problem.why = "only the owner edits a notice; a recipient answers it";
  problem.next = fmt::format("acknowledge it with a note, or ask {} to change it", notice.owner());
  problem.variables = {{"name", notice.name()}, {"owner", notice.owner()}};
  return Error(absl::StatusCode::kPermissionDenied, problem);
}

bool IsOut(v1::NoticeState state) {
  return state == v1::NOTICE_STATE_RELEASED || state == v1::NOTICE_STATE_EXPIRED;
}

void StampVersion(v1::Notice& notice, std::uint32_t version, const Stamp& stamp) {
  notice.set_version(version);
  notice.set_update_time_ms(std::max(stamp.now_ms, notice.update_time_ms()));
  notice.set_etag(MakeEtag(notice.name(), version, notice.update_time_ms(), stamp.officer));
}

absl::Status SettleHandling(v1::Notice& notice) {
  const auto handling = StricterOf(notice.handling_code(), notice.tlp_code(), notice.kind_code());
  if (!handling) return UnknownHandling();
  if (notice.kind_code() == "PUBLIC" && handling->reach != Reach::kClear) {
    return Error(absl::StatusCode::kFailedPrecondition, Reason::kHandlingForbids,
                 fmt::format("a PUBLIC notice cannot be {} and TLP:{}", handling->handling_code,
                             handling->tlp_code),
                 "PUBLIC means H0 and TLP:CLEAR; anything stricter is not for the public",
                 "leave handling out, or choose another kind");
  }
  notice.set_handling_code(handling->handling_code);
  notice.set_tlp_code(handling->tlp_code);
  return absl::OkStatus();
}

absl::Status SettleValidity(v1::Notice& notice, std::int64_t now_ms) {
  if (notice.valid_until_ms() == 0) {
    const NoticeKind* kind = FindNoticeKind(notice.kind_code());
    notice.set_valid_until_ms(now_ms + (kind == nullptr ? kUnknownKindLifeMs : kind->life_ms));
  }
  if (notice.valid_until_ms() <= now_ms) {
    return Expired("the end of validity has passed", "state a later end of validity");
  }
  if (notice.valid_until_ms() > now_ms + kNoticeLifeMsMax) {
    return Invalid("notice.valid_until_ms", "is more than 5 years ahead");
  }
  if (notice.ack_by_ms() < 0) return Invalid("notice.ack_by_ms", "is negative");
  return absl::OkStatus();
}

absl::Status SettleFacts(v1::Notice& notice, const v1::Notice& request, const v1::Facts* otherwise,
                         std::int64_t now_ms) {
  if (request.has_facts()) {
    *notice.mutable_facts() = request.facts();
    if (otherwise != nullptr && request.facts().status_code().empty()) {
      notice.mutable_facts()->set_status_code(otherwise->status_code());
    }
  } else if (otherwise != nullptr) {
    *notice.mutable_facts() = *otherwise;
  } else {
    return Invalid("notice.facts", "is required without an incident");
  }
  FillFactDefaults(*notice.mutable_facts());
  // An exercise must never be read as the real thing, nor the other way round.
  if (otherwise != nullptr && !otherwise->status_code().empty() &&
      otherwise->status_code() != notice.facts().status_code()) {
    return Invalid(
        "notice.facts.status_code",
        fmt::format("stays {}: ACTUAL, EXERCISE and TEST never change", otherwise->status_code()));
  }
  return CheckFacts(notice.facts(), now_ms, "notice.facts");
}

exchange::v1::Envelope MakeEnvelope(const v1::Notice& notice, std::vector<std::string> audience,
                                    const ShareContext& context) {
  exchange::v1::Envelope envelope;
  envelope.set_origin_unit(std::string(context.self));
  envelope.set_lane(LaneOf(notice.urgency_code()));
  for (std::string& unit : audience) envelope.add_audience(std::move(unit));
  envelope.set_handling_code(notice.handling_code());
  envelope.set_tlp_code(notice.tlp_code());
  envelope.set_purpose_code(notice.purpose_code());
  envelope.set_create_time_ms(context.stamp.now_ms);
  envelope.set_valid_until_ms(notice.valid_until_ms());
  return envelope;
}

// What leaves beside the facts: no field of the notice is missing in the dry run.
void AddWordCells(const v1::Notice& notice, std::string_view basis_sent,
                  v1::DisclosureGroup& matrix) {
  const auto add = [&](std::string_view field, bool sent, std::string_view rule) {
    v1::DisclosureCell& cell = *matrix.add_cells();
    cell.set_field(field.data(), field.size());
    cell.set_sent(sent);
    cell.set_rule(rule.data(), rule.size());
  };
  if (!notice.basis().empty()) add("basis", !basis_sent.empty(), "basis-with-persons");
  if (!notice.change_reason().empty()) add("change_reason", true, "basic-facts");
}

// The version that stands in `decision.notice`, as each group of `units` may see it.
absl::Status Disclose(NoticeDecision& decision, const std::vector<std::string>& units,
                      bool release_protected, const ShareContext& context) {
  v1::Notice& notice = decision.notice;
  const auto handling = StricterOf(notice.handling_code(), notice.tlp_code(), notice.kind_code());
  if (!handling) return UnknownHandling();
  Disclosure disclosure = Evaluate(notice.facts(),
                                   PolicyInput{.kind_code = notice.kind_code(),
                                               .handling = *handling,
                                               .basis = notice.basis(),
                                               .release_protected = release_protected,
                                               .from_incident = !notice.incident().empty()},
                                   units);
  std::set<std::string> held;
  for (RecipientGroup& group : disclosure.groups) {
    exchange::v1::Envelope envelope = MakeEnvelope(notice, std::move(group.units), context);
    exchange::v1::NoticeVersion& body = *envelope.mutable_notice_version();
    body.set_name(notice.name());
    body.set_version(notice.version());
    body.set_kind_code(notice.kind_code());
    body.set_urgency_code(notice.urgency_code());
    body.set_urgency_reason_code(notice.urgency_reason_code());
    // A case number says something about a person; without persons it has no business abroad.
    const bool with_persons = group.facts.persons_size() > 0;
    if (with_persons) body.set_basis(notice.basis());
    for (v1::DisclosureGroup& matrix : group.matrix) {
      AddWordCells(notice, body.basis(), matrix);
      decision.matrix.push_back(std::move(matrix));
    }
    *body.mutable_facts() = std::move(group.facts);
    body.set_ack_by_ms(notice.ack_by_ms());
    body.set_change_reason(notice.change_reason());
    for (std::string& field : group.held_fields) {
      held.insert(field);
      body.add_held_fields(std::move(field));
    }
    if (envelope.ByteSizeLong() + limits::kKibibyte > limits::kEnvelopeBytesMax) {
      return Error(absl::StatusCode::kInvalidArgument, Reason::kTooLarge,
                   fmt::format("the notice would take {} bytes", envelope.ByteSizeLong()),
                   fmt::format("an envelope has at most {} bytes", limits::kEnvelopeBytesMax),
                   "shorten the texts or split the matter");
    }
    decision.envelopes.push_back(std::move(envelope));
  }
  notice.clear_held_fields();
  for (const std::string& field : held) notice.add_held_fields(field);
  return absl::OkStatus();
}

// The units of the audience that can still be told; the others are `left_out`.
std::vector<std::string> Reachable(const ShareContext& context, NoticeDecision& decision) {
  std::vector<std::string> reachable;
  for (const std::string& unit : decision.notice.audience()) {
    (context.paired.contains(unit) ? reachable : decision.left_out).push_back(unit);
  }
  return reachable;
}

absl::Status NobodyReachable(const v1::Notice& notice) {
  Problem problem;
  problem.reason = Reason::kUnitNotPaired;
  problem.what = fmt::format("{} can be sent to none of its units", notice.name());
  problem.why = "this node is no longer paired with any of them";
  problem.next = "have the link agreed again, or withdraw the notice";
  problem.variables = {{"name", notice.name()}};
  return Error(absl::StatusCode::kFailedPrecondition, problem);
}

// Whether a new version would tell nobody anything that the present one does not. What is held back
// counts: the same facts with persons released are other contents.
bool SaysTheSame(v1::Notice before, v1::Notice after) {
  for (v1::Notice* notice : {&before, &after}) {
    notice->clear_version();
    notice->clear_etag();
    notice->clear_update_time_ms();
    notice->clear_change_reason();
  }
  return before.SerializeAsString() == after.SerializeAsString();
}

// Until when an acknowledgement is asked; 0 = none is.
absl::StatusOr<std::int64_t> AckBy(const v1::Notice& draft, std::uint32_t within_minutes,
                                   std::int64_t now_ms) {
  if (within_minutes > 0) return now_ms + within_minutes * kMinuteMs;
  if (draft.ack_by_ms() > now_ms) return draft.ack_by_ms();
  if (draft.ack_by_ms() > 0) {
    return Expired("the time to acknowledge by has passed", "state how long they have now");
  }
  const int minutes = AckMinutesOf(draft.urgency_code());
  return minutes == 0 ? 0 : now_ms + minutes * kMinuteMs;
}

}  // namespace

absl::StatusOr<v1::Notice> DraftNotice(const v1::Notice& request, const v1::Incident* incident,
                                       std::string_view self, std::string_view name,
                                       const Stamp& stamp) {
  v1::Notice notice;
  notice.set_name(std::string(name));
  notice.set_kind_code(request.kind_code());
  notice.set_urgency_code(request.urgency_code());
  notice.set_urgency_reason_code(request.urgency_reason_code());
  notice.set_handling_code(request.handling_code());
  notice.set_tlp_code(request.tlp_code());
  notice.set_purpose_code(request.purpose_code());
  notice.set_basis(request.basis());
  notice.set_valid_until_ms(request.valid_until_ms());
  notice.set_ack_by_ms(request.ack_by_ms());
  if (incident != nullptr) {
    if (incident->state() == v1::INCIDENT_STATE_VOID) {
      return Error(absl::StatusCode::kFailedPrecondition, Reason::kIllegalTransition,
                   fmt::format("{} is VOID", incident->name()),
                   "a void incident is a mistake and is not shared", "share another incident");
    }
    notice.set_incident(incident->name());
  }
  if (absl::Status status = SettleFacts(
          notice, request, incident == nullptr ? nullptr : &incident->facts(), stamp.now_ms);
      !status.ok()) {
    return status;
  }
  if (UrgencyNeedsReason(notice.urgency_code()) && notice.urgency_reason_code().empty()) {
    return Invalid("notice.urgency_reason_code",
                   fmt::format("is required for {}", notice.urgency_code()));
  }
  if (absl::Status status = SettleHandling(notice); !status.ok()) return status;
  if (absl::Status status = SettleValidity(notice, stamp.now_ms); !status.ok()) return status;
  notice.set_state(v1::NOTICE_STATE_DRAFT);
  notice.set_direction(v1::NOTICE_DIRECTION_SENT);
  notice.set_owner(std::string(self));
  notice.set_create_time_ms(stamp.now_ms);
  notice.set_creator(std::string(stamp.officer));
  StampVersion(notice, 1, stamp);
  return notice;
}

absl::StatusOr<NoticeDecision> ShareNotice(v1::Notice draft, const ShareOrder& order,
                                           const ShareContext& context) {
  const std::int64_t now_ms = context.stamp.now_ms;
  if (absl::Status status = CheckOwner(draft, context.self); !status.ok()) return status;
  if (!order.preview) {
    if (absl::Status status = CheckEtag(draft.name(), draft.etag(), order.etag); !status.ok()) {
      return status;
    }
  }
  if (draft.state() != v1::NOTICE_STATE_DRAFT) {
    return NotPossible(draft, "shared", "revise it, or draft a new notice");
  }
  if (draft.valid_until_ms() <= now_ms) {
    return Expired(fmt::format("{} expired before it was shared", draft.name()),
                   "draft it again with a later end of validity");
  }
  auto units = CheckAudience(context.self, order.units, context.paired, context.vocabulary);
  if (!units.ok()) return units.status();
  const auto ack_by_ms = AckBy(draft, order.ack_within_minutes, now_ms);
  if (!ack_by_ms.ok()) return ack_by_ms.status();

  NoticeDecision decision;
  v1::Notice& notice = decision.notice;
  notice = std::move(draft);
  notice.set_ack_by_ms(*ack_by_ms);
  notice.set_state(v1::NOTICE_STATE_RELEASED);
  notice.set_share_time_ms(now_ms);
  notice.clear_audience();
  for (const std::string& unit : *units) notice.add_audience(unit);
  StampVersion(notice, notice.version() + 1, context.stamp);
  if (absl::Status status = Disclose(decision, *units, order.release_protected, context);
      !status.ok()) {
    return status;
  }
  return decision;
}

absl::StatusOr<NoticeDecision> DraftAndShare(const v1::Notice& request,
                                             const v1::Incident* incident, const ShareOrder& order,
                                             const ShareContext& context) {
  absl::StatusOr<v1::Notice> draft =
      DraftNotice(request, incident, context.self, {}, context.stamp);
  if (!draft.ok()) return draft.status();
  draft->set_version(0);  // the draft is no version of its own: nobody ever sees it
  ShareOrder at_once = order;
  at_once.preview = true;  // nor has it an etag
  return ShareNotice(*std::move(draft), at_once, context);
}

void NameDecision(NoticeDecision& decision, std::string_view name, std::string_view officer) {
  v1::Notice& notice = decision.notice;
  notice.set_name(std::string(name));
  notice.set_etag(MakeEtag(name, notice.version(), notice.update_time_ms(), officer));
  for (exchange::v1::Envelope& envelope : decision.envelopes) {
    envelope.mutable_notice_version()->set_name(std::string(name));
  }
}

absl::StatusOr<NoticeDecision> ReviseNotice(const v1::Notice& before, const v1::Notice& request,
                                            const ReviseOrder& order, const ShareContext& context) {
  const std::int64_t now_ms = context.stamp.now_ms;
  if (absl::Status status = CheckOwner(before, context.self); !status.ok()) return status;
  if (absl::Status status = CheckEtag(before.name(), before.etag(), order.etag); !status.ok()) {
    return status;
  }
  if (!IsOut(before.state())) {
    return NotPossible(
        before, "revised",
        before.state() == v1::NOTICE_STATE_DRAFT ? "share it first" : "draft a new notice");
  }
  if (order.reason.empty()) return Invalid("reason", "is required: the recipients read it");
  NoticeDecision decision;
  v1::Notice& notice = decision.notice;
  notice = before;
  // A unit that is no longer paired keeps the old version; that must not keep the others at it.
  const std::vector<std::string> units = Reachable(context, decision);
  if (units.empty()) return NobodyReachable(before);
  if (absl::Status status = SettleFacts(notice, request, &before.facts(), now_ms); !status.ok()) {
    return status;
  }
  if (!request.handling_code().empty() || !request.tlp_code().empty()) {
    notice.set_handling_code(request.handling_code());
    notice.set_tlp_code(request.tlp_code());
  }
  if (absl::Status status = SettleHandling(notice); !status.ok()) return status;
  if (request.valid_until_ms() != 0) notice.set_valid_until_ms(request.valid_until_ms());
  notice.set_ack_by_ms(request.ack_by_ms());
  notice.set_basis(request.basis());
  if (absl::Status status = SettleValidity(notice, now_ms); !status.ok()) return status;
  notice.set_state(v1::NOTICE_STATE_RELEASED);
  notice.set_change_reason(std::string(order.reason));
  StampVersion(notice, before.version() + 1, context.stamp);
  if (absl::Status status = Disclose(decision, units, order.release_protected, context);
      !status.ok()) {
    return status;
  }
  if (!order.somebody_lacks_it && SaysTheSame(before, notice)) {
    notice = before;
    decision.envelopes.clear();
    decision.left_out.clear();  // nothing leaves, so nobody is left out
    decision.changed = false;
  }
  return decision;
}

absl::StatusOr<NoticeDecision> WithdrawNotice(const v1::Notice& before, std::string_view etag,
                                              std::string_view reason,
                                              const ShareContext& context) {
  if (absl::Status status = CheckOwner(before, context.self); !status.ok()) return status;
  if (absl::Status status = CheckEtag(before.name(), before.etag(), etag); !status.ok()) {
    return status;
  }
  if (!IsOut(before.state())) {
    return NotPossible(before, "withdrawn",
                       before.state() == v1::NOTICE_STATE_DRAFT
                           ? "nobody has it: nothing needs to be taken back"
                           : "every recipient was told already");
  }
  if (reason.empty()) return Invalid("reason", "is required: the recipients read it");
  NoticeDecision decision;
  v1::Notice& notice = decision.notice;
  notice = before;
  notice.set_state(v1::NOTICE_STATE_WITHDRAWN);
  notice.set_change_reason(std::string(reason));
  StampVersion(notice, before.version() + 1, context.stamp);
  std::vector<std::string> reachable = Reachable(context, decision);
  if (reachable.empty()) return decision;
  exchange::v1::Envelope envelope = MakeEnvelope(notice, std::move(reachable), context);
  exchange::v1::NoticeWithdrawal& body = *envelope.mutable_notice_withdrawal();
  body.set_name(notice.name());
  body.set_version(notice.version());
  body.set_reason(std::string(reason));
  decision.envelopes.push_back(std::move(envelope));
  return decision;
}

v1::Notice OwnNotice(const exchange::v1::Envelope& envelope, const v1::Notice* before) {
  const Stamp stamp{.now_ms = envelope.create_time_ms(), .officer = {}};
  if (envelope.has_notice_withdrawal()) {
    v1::Notice notice = before != nullptr ? *before : v1::Notice();
    notice.set_state(v1::NOTICE_STATE_WITHDRAWN);
    notice.set_change_reason(envelope.notice_withdrawal().reason());
    StampVersion(notice, envelope.notice_withdrawal().version(), stamp);
    return notice;
  }
  v1::Notice notice = ReceivedNotice(envelope);
  notice.set_direction(v1::NOTICE_DIRECTION_SENT);
  notice.set_create_time_ms(stamp.now_ms);
  notice.set_share_time_ms(stamp.now_ms);
  if (before != nullptr) {
    notice.set_incident(before->incident());
    notice.set_creator(before->creator());
    notice.set_create_time_ms(before->create_time_ms());
    if (before->share_time_ms() != 0) notice.set_share_time_ms(before->share_time_ms());
    *notice.mutable_audience() = before->audience();
    notice.set_update_time_ms(before->update_time_ms());
  }
  AddAudience(envelope, notice);
  StampVersion(notice, notice.version(), stamp);
  return notice;
}

void AddAudience(const exchange::v1::Envelope& envelope, v1::Notice& notice) {
  for (const std::string& unit : envelope.audience()) {
    if (std::find(notice.audience().begin(), notice.audience().end(), unit) ==
        notice.audience().end()) {
      notice.add_audience(unit);
    }
  }
}

v1::NoticeState EffectiveState(v1::NoticeState state, std::int64_t valid_until_ms,
                               std::int64_t now_ms) {
  const bool is_over = valid_until_ms > 0 && valid_until_ms <= now_ms;
  return state == v1::NOTICE_STATE_RELEASED && is_over ? v1::NOTICE_STATE_EXPIRED : state;
}

std::string StateText(v1::NoticeState state) {
  constexpr std::string_view kPrefix = "NOTICE_STATE_";
  const std::string& text = v1::NoticeState_Name(state);
  return text.empty() ? fmt::format("{}", static_cast<int>(state)) : text.substr(kPrefix.size());
}

}  // namespace tripoint::domain
