// Decisions about own notices: draft, share, revise, withdraw; and what leaves because of it.
//
// Pure: the notice before and the request in, the notice after and the envelopes to send out; the
// caller stores both in one commit and gives each envelope its `epoch` and `number` (from 1).
// Called by server/operations. Requests have passed contract::Validator. Answers: answer.h.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/contract/vocabulary.h"
#include "server/domain/incident.h"
#include "tripoint/exchange/v1/envelope.pb.h"
#include "tripoint/v1/incident.pb.h"
#include "tripoint/v1/notice.pb.h"

namespace tripoint::domain {

// Who shares and with whom it may. Borrowed for the call.
struct ShareContext {
  std::string_view self;                             // this unit
  const std::set<std::string, std::less<>>& paired;  // units that agreed to the link
  const contract::Vocabulary& vocabulary;
  Stamp stamp;
};

// A new version of a notice and what follows from it.
struct NoticeDecision {
  v1::Notice notice;
  // False: it says what the present version says; `notice` is that one and nothing leaves.
  bool changed = true;
  // Units of the audience that do not get this version, because they are no longer paired.
  std::vector<std::string> left_out = {};
  // In order of their groups; `epoch` and `number` are still to be set.
  std::vector<exchange::v1::Envelope> envelopes;
  // Who gets which field by which rule; each recipient is in one of them.
  std::vector<v1::DisclosureGroup> matrix;
};

// A draft, from the writable fields of `request`; facts are copied from `incident` (nullptr when
// the request names none) when the request has none. Handling becomes the stricter of the two
// codes. `name` is drawn by the caller; empty in a dry run. Errors: INVALID_ARGUMENT /
// FIELD_INVALID (no facts, urgency without reason, life over 5 years), / NEUTRALITY;
// FAILED_PRECONDITION / EXPIRED when `valid_until_ms` has passed, / HANDLING_FORBIDS when kind and
// handling contradict, / ILLEGAL_TRANSITION when the incident is void.
absl::StatusOr<v1::Notice> DraftNotice(const v1::Notice& request, const v1::Incident* incident,
                                       std::string_view self, std::string_view name,
                                       const Stamp& stamp);

struct ShareOrder {
  std::vector<std::string> units = {};
  std::string_view etag = {};
  std::uint32_t ack_within_minutes = 0;  // 0 keeps the draft's; U0 and U1 always ask
  bool release_protected = false;        // the caller's right to it was checked
  // True for a preview: the etag is not asked for.
  bool preview = false;
};

// Releases a draft. Errors: FAILED_PRECONDITION / ILLEGAL_TRANSITION unless DRAFT, / EXPIRED,
// / HANDLING_FORBIDS; ABORTED / STALE_ETAG; those of CheckAudience (policy.h); RESOURCE_EXHAUSTED /
// TOO_LARGE when an envelope would pass its limit.
absl::StatusOr<NoticeDecision> ShareNotice(v1::Notice draft, const ShareOrder& order,
                                           const ShareContext& context);

// DraftNotice and ShareNotice in one step: a notice that begins as RELEASED with version 1. It has
// no name yet, so that one is drawn only for what will be sent: NameDecision gives it. Errors:
// those of both.
absl::StatusOr<NoticeDecision> DraftAndShare(const v1::Notice& request,
                                             const v1::Incident* incident, const ShareOrder& order,
                                             const ShareContext& context);
void NameDecision(NoticeDecision& decision, std::string_view name, std::string_view officer);

struct ReviseOrder {
  std::string_view etag = {};
  std::string_view reason = {};
  bool release_protected = false;
  // A unit that can be reached lacks the present version: it is sent even when nothing changed.
  bool somebody_lacks_it = false;
};

// The next version, to those of its units that are still paired: a link that ended must not keep a
// correction from the others. `request` replaces facts (kept when it has none), handling,
// TLP, validity, acknowledgement time and basis; kind, urgency and purpose stay. Errors:
// PERMISSION_DENIED / NOT_OWNER; FAILED_PRECONDITION / ILLEGAL_TRANSITION unless RELEASED or
// EXPIRED, / UNIT_NOT_PAIRED when no unit can be reached; the rest as ShareNotice and DraftNotice.
absl::StatusOr<NoticeDecision> ReviseNotice(const v1::Notice& before, const v1::Notice& request,
                                            const ReviseOrder& order, const ShareContext& context);

// Takes a released notice back; one envelope tells every recipient that is still paired. Errors:
// PERMISSION_DENIED / NOT_OWNER; FAILED_PRECONDITION / ILLEGAL_TRANSITION unless RELEASED or
// EXPIRED; ABORTED / STALE_ETAG; INVALID_ARGUMENT / FIELD_INVALID without a reason.
absl::StatusOr<NoticeDecision> WithdrawNotice(const v1::Notice& before, std::string_view etag,
                                              std::string_view reason, const ShareContext& context);

// An own notice as an envelope of this unit tells it, which a neighbour returned after a loss;
// `before`: what is known of it, which keeps what never leaves (nullptr: nothing). Of a withdrawal:
// `before`, withdrawn.
v1::Notice OwnNotice(const exchange::v1::Envelope& envelope, const v1::Notice* before);
// Adds the units of the envelope to the notice's audience.
void AddAudience(const exchange::v1::Envelope& envelope, v1::Notice& notice);

// RELEASED reads as EXPIRED once `now_ms` has passed its end of validity; other states as stored.
v1::NoticeState EffectiveState(v1::NoticeState state, std::int64_t valid_until_ms,
                               std::int64_t now_ms);

// `RELEASED` for NOTICE_STATE_RELEASED; the number for a value of a newer version.
std::string StateText(v1::NoticeState state);

}  // namespace tripoint::domain
