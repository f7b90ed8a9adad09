// Decisions about incidents: record, correct, move along the life-cycle.
//
// Pure: the record before and the request in, the record after out; the caller stores it. Called
// by server/operations where the committer's step runs. Requests have passed contract::Validator.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tripoint/v1/entities.pb.h"
#include "tripoint/v1/incident.pb.h"

namespace tripoint::domain {

// When and by whom a change is made. `now_ms` is this node's clock: it stamps, it orders nothing.
struct Stamp {
  std::int64_t now_ms = 0;
  std::string_view officer = {};
};

// Tolerance for times of occurrence ahead of this node's clock.
inline constexpr std::int64_t kFutureToleranceMs = 24LL * 60 * 60 * 1000;

// Text that differs for each version of a record: `3-6f1c09d2a47be855`.
std::string MakeEtag(std::string_view name, std::uint32_t version, std::int64_t update_time_ms,
                     std::string_view updater);

// OK when `given` is `actual`. Errors: ABORTED / STALE_ETAG, naming the record.
absl::Status CheckEtag(std::string_view name, std::string_view actual, std::string_view given);

// What the fields of `facts` mean together: the category is within crime, border order and safety;
// the place has at least one member; it did not happen more than 24 h ahead; goods with a quantity
// have a unit. Faults are named below `path` (such as `incident.facts`).
// Errors: INVALID_ARGUMENT / FIELD_INVALID with every fault, or / NEUTRALITY.
absl::Status CheckFacts(const v1::Facts& facts, std::int64_t now_ms, std::string_view path);

// Fills in what empty means: certainty `unknown`, status `ACTUAL`, time to the `minute`.
void FillFactDefaults(v1::Facts& facts);

// The first version, in state OPEN, from the writable fields of `request`. `name` is drawn by the
// caller; empty in a dry run. Errors: those of CheckFacts.
absl::StatusOr<v1::Incident> CreateIncident(v1::Incident request, std::string_view name,
                                            const Stamp& stamp);

// The next version with other facts (and source, where given). Errors: ABORTED / STALE_ETAG,
// FAILED_PRECONDITION / ILLEGAL_TRANSITION when closed or void, those of CheckFacts, and
// FIELD_INVALID for a change of `status_code` (ACTUAL, EXERCISE, TEST never change).
absl::StatusOr<v1::Incident> UpdateIncident(const v1::Incident& before, const v1::Incident& request,
                                            std::string_view etag, std::string_view reason,
                                            const Stamp& stamp);

// States that may follow `state`, in the order of the life-cycle (domain.md 5.6).
const std::vector<v1::IncidentState>& NextStates(v1::IncidentState state);

// `OPEN` for INCIDENT_STATE_OPEN; the number for a value of a newer version.
std::string StateText(v1::IncidentState state);

// Whether a move to `to` needs a reason: closing, voiding, reopening.
bool NeedsReason(v1::IncidentState to);

// The next version in state `to`. Errors: ABORTED / STALE_ETAG, FAILED_PRECONDITION /
// ILLEGAL_TRANSITION with the states that are possible, INVALID_ARGUMENT / FIELD_INVALID when a
// reason is missing.
absl::StatusOr<v1::Incident> ChangeIncidentState(const v1::Incident& before, v1::IncidentState to,
                                                 std::string_view etag, std::string_view reason,
                                                 const Stamp& stamp);

}  // namespace tripoint::domain
