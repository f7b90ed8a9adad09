// The life-cycle of incidents and what their facts mean together (incident.h). Any thread.
#include "server/domain/incident.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "proto/contract/error.h"
#include "proto/contract/text_form.h"
#include "server/domain/handling.h"

namespace tripoint::domain {
namespace {

using contract::Error;
using contract::Problem;
using contract::Reason;

constexpr std::uint64_t kHashStart = 14695981039346656037ULL;
constexpr std::uint64_t kHashPrime = 1099511628211ULL;

// FNV-1a: it tells versions apart, it protects nothing.
std::uint64_t Hash(std::uint64_t hash, std::string_view text) {
  for (const char c : text) {
    hash = (hash ^ static_cast<std::uint8_t>(c)) * kHashPrime;
  }
  return hash;
}

struct StateRow {
  v1::IncidentState state;
  std::vector<v1::IncidentState> next;
};

// domain.md 5.6. What both sides work on is not voided, and what is closed comes back only by
// reopening, so that the history says so.
const std::array<StateRow, 9>& StateTable() {
  static const std::array<StateRow, 9> table = {{
      {v1::INCIDENT_STATE_UNSPECIFIED, {}},
      {v1::INCIDENT_STATE_DRAFT, {v1::INCIDENT_STATE_OPEN, v1::INCIDENT_STATE_VOID}},
      {v1::INCIDENT_STATE_OPEN,
       {v1::INCIDENT_STATE_VERIFYING, v1::INCIDENT_STATE_JOINT, v1::INCIDENT_STATE_RESOLVED,
        v1::INCIDENT_STATE_CLOSED, v1::INCIDENT_STATE_VOID}},
      {v1::INCIDENT_STATE_VERIFYING,
       {v1::INCIDENT_STATE_OPEN, v1::INCIDENT_STATE_JOINT, v1::INCIDENT_STATE_RESOLVED,
        v1::INCIDENT_STATE_CLOSED, v1::INCIDENT_STATE_VOID}},
      {v1::INCIDENT_STATE_JOINT,
       {v1::INCIDENT_STATE_VERIFYING, v1::INCIDENT_STATE_RESOLVED, v1::INCIDENT_STATE_CLOSED}},
      {v1::INCIDENT_STATE_RESOLVED, {v1::INCIDENT_STATE_CLOSED, v1::INCIDENT_STATE_REOPENED}},
      {v1::INCIDENT_STATE_CLOSED, {v1::INCIDENT_STATE_REOPENED}},
      {v1::INCIDENT_STATE_REOPENED,
       {v1::INCIDENT_STATE_VERIFYING, v1::INCIDENT_STATE_JOINT, v1::INCIDENT_STATE_RESOLVED,
        v1::INCIDENT_STATE_CLOSED}},
      {v1::INCIDENT_STATE_VOID, {}},
  }};
  return table;
}

absl::Status Invalid(std::vector<contract::FieldFault> faults) {
  Problem problem;
  problem.reason = Reason::kFieldInvalid;
  problem.what = fmt::format("{} {} fixing: {}: {}", faults.size(),
                             faults.size() == 1 ? "field needs" : "fields need",
                             faults.front().field, faults.front().what);
  problem.why = "the fields contradict each other or what the record already says";
  problem.next = "correct the fields that are named and send again";
  problem.faults = std::move(faults);
  return Error(absl::StatusCode::kInvalidArgument, problem);
}

absl::Status NotPossible(const v1::Incident& incident, std::string what) {
  Problem problem;
  problem.reason = Reason::kIllegalTransition;
  std::string possible;
  for (const v1::IncidentState next : NextStates(incident.state())) {
    if (!possible.empty()) possible += ", ";
    possible += StateText(next);
  }
  problem.what = std::move(what);
  problem.why = possible.empty()
                    ? fmt::format("{} is final", StateText(incident.state()))
                    : fmt::format("from {} it may go to {}", StateText(incident.state()), possible);
  problem.next = possible.empty() ? "record a new incident" : "choose one of these states";
  problem.variables = {
      {"name", incident.name()}, {"state", StateText(incident.state())}, {"next_states", possible}};
  return Error(absl::StatusCode::kFailedPrecondition, problem);
}

void StampVersion(v1::Incident& incident, const v1::Incident& before, std::string_view reason,
                  const Stamp& stamp) {
  incident.set_version(before.version() + 1);
  // A clock that was set back does not make a later version look older.
  incident.set_update_time_ms(std::max(stamp.now_ms, before.update_time_ms()));
  incident.set_updater(std::string(stamp.officer));
  incident.set_change_reason(std::string(reason));
  incident.set_etag(
      MakeEtag(incident.name(), incident.version(), incident.update_time_ms(), incident.updater()));
}

bool HasPlace(const v1::Place& place) {
  return !place.gate().empty() || place.has_marker() || place.has_coordinates() ||
         !place.locality().empty();
}

}  // namespace

std::string MakeEtag(std::string_view name, std::uint32_t version, std::int64_t update_time_ms,
                     std::string_view updater) {
  std::uint64_t hash = Hash(kHashStart, name);
  hash = Hash(hash, fmt::format(FMT_COMPILE("/{}/{}/"), version, update_time_ms));
  hash = Hash(hash, updater);
  return fmt::format(FMT_COMPILE("{}-{:016x}"), version, hash);
}

absl::Status CheckEtag(std::string_view name, std::string_view actual, std::string_view given) {
  if (actual == given) return absl::OkStatus();
  Problem problem;
  problem.reason = Reason::kStaleEtag;
  problem.what = fmt::format("{} changed since you read it", name);
  problem.why = "another version was stored meanwhile; yours would have overwritten it";
  problem.next = "read it again and repeat the change";
  problem.variables = {{"name", std::string(name)}};
  return Error(absl::StatusCode::kAborted, problem);
}

absl::Status CheckFacts(const v1::Facts& facts, std::int64_t now_ms, std::string_view path) {
  if (!facts.category_code().empty() && !IsNeutralCategory(facts.category_code())) {
    return Error(
        absl::StatusCode::kInvalidArgument, Reason::kNeutrality,
        fmt::format("category {} is not exchanged", contract::Quoted(facts.category_code())),
        "Tripoint holds crime, border order and safety only",
        "code the act itself, or leave it to the national bureau");
  }
  std::vector<contract::FieldFault> faults;
  if (!HasPlace(facts.place())) {
    faults.push_back({fmt::format("{}.place", path),
                      "needs at least one of gate, marker, coordinates, locality"});
  }
  if (facts.occur_time_ms() > now_ms + kFutureToleranceMs) {
    faults.push_back({fmt::format("{}.occur_time_ms", path), "is more than 24 hours ahead"});
  }
  for (int i = 0; i < facts.goods_size(); ++i) {
    if (facts.goods(i).quantity() > 0 && facts.goods(i).unit_code().empty()) {
      faults.push_back(
          {fmt::format("{}.goods[{}].unit_code", path, i), "is required with a quantity"});
    }
  }
  return faults.empty() ? absl::OkStatus() : Invalid(std::move(faults));
}

void FillFactDefaults(v1::Facts& facts) {
  if (facts.certainty_code().empty()) facts.set_certainty_code("unknown");
  if (facts.status_code().empty()) facts.set_status_code("ACTUAL");
  if (facts.occur_precision_code().empty()) facts.set_occur_precision_code("minute");
}

absl::StatusOr<v1::Incident> CreateIncident(v1::Incident request, std::string_view name,
                                            const Stamp& stamp) {
  if (absl::Status status = CheckFacts(request.facts(), stamp.now_ms, "incident.facts");
      !status.ok()) {
    return status;
  }
  v1::Incident incident;
  incident.set_name(std::string(name));
  *incident.mutable_facts() = std::move(*request.mutable_facts());
  FillFactDefaults(*incident.mutable_facts());
  incident.set_state(v1::INCIDENT_STATE_OPEN);
  incident.set_external_id(std::move(*request.mutable_external_id()));
  if (request.has_source()) *incident.mutable_source() = std::move(*request.mutable_source());
  incident.set_create_time_ms(stamp.now_ms);
  incident.set_creator(std::string(stamp.officer));
  StampVersion(incident, v1::Incident(), "", stamp);
  return incident;
}

absl::StatusOr<v1::Incident> UpdateIncident(const v1::Incident& before, const v1::Incident& request,
                                            std::string_view etag, std::string_view reason,
                                            const Stamp& stamp) {
  if (absl::Status status = CheckEtag(before.name(), before.etag(), etag); !status.ok()) {
    return status;
  }
  if (before.state() == v1::INCIDENT_STATE_CLOSED || before.state() == v1::INCIDENT_STATE_VOID) {
    return NotPossible(before, fmt::format("{} is {} and cannot be edited", before.name(),
                                           StateText(before.state())));
  }
  v1::Incident incident = before;
  *incident.mutable_facts() = request.facts();
  if (request.facts().status_code().empty()) {
    incident.mutable_facts()->set_status_code(before.facts().status_code());
  }
  FillFactDefaults(*incident.mutable_facts());
  if (incident.facts().status_code() != before.facts().status_code()) {
    return Invalid({{"incident.facts.status_code",
                     fmt::format("stays {}: ACTUAL, EXERCISE and TEST never change",
                                 before.facts().status_code())}});
  }
  if (absl::Status status = CheckFacts(incident.facts(), stamp.now_ms, "incident.facts");
      !status.ok()) {
    return status;
  }
  if (request.has_source()) *incident.mutable_source() = request.source();
  if (incident.SerializeAsString() == before.SerializeAsString()) return before;
  StampVersion(incident, before, reason, stamp);
  return incident;
}

const std::vector<v1::IncidentState>& NextStates(v1::IncidentState state) {
  for (const StateRow& row : StateTable()) {
    if (row.state == state) return row.next;
  }
  return StateTable().front().next;
}

std::string StateText(v1::IncidentState state) {
  constexpr std::string_view kPrefix = "INCIDENT_STATE_";
  const std::string& text = v1::IncidentState_Name(state);
  return text.empty() ? fmt::format("{}", static_cast<int>(state)) : text.substr(kPrefix.size());
}

bool NeedsReason(v1::IncidentState to) {
  return to == v1::INCIDENT_STATE_CLOSED || to == v1::INCIDENT_STATE_VOID ||
         to == v1::INCIDENT_STATE_REOPENED;
}

absl::StatusOr<v1::Incident> ChangeIncidentState(const v1::Incident& before, v1::IncidentState to,
                                                 std::string_view etag, std::string_view reason,
                                                 const Stamp& stamp) {
  if (absl::Status status = CheckEtag(before.name(), before.etag(), etag); !status.ok()) {
    return status;
  }
  const auto& possible = NextStates(before.state());
  if (std::find(possible.begin(), possible.end(), to) == possible.end()) {
    return NotPossible(before, to == before.state()
                                   ? fmt::format("{} is {} already", before.name(), StateText(to))
                                   : fmt::format("{} is {} and cannot become {}", before.name(),
                                                 StateText(before.state()), StateText(to)));
  }
  if (NeedsReason(to) && reason.empty()) {
    return Invalid({{"reason", fmt::format("is required for {}", StateText(to))}});
  }
  v1::Incident incident = before;
  incident.set_state(to);
  StampVersion(incident, before, reason, stamp);
  return incident;
}

}  // namespace tripoint::domain
