// Changes to incidents. See incidents.h.
#include <utility>

#include "proto/contract/error.h"
#include "server/domain/incident.h"
#include "server/operations/batch_results.h"
#include "server/operations/common.h"
#include "server/operations/incidents.h"
#include "server/operations/naming.h"
#include "server/operations/rpc_status.h"
#include "storage/incident_store.h"

namespace tripoint::operations {
namespace {

using contract::Error;
using contract::Problem;
using contract::Reason;

constexpr std::string_view kListHint = "List what there is with: tripoint incident list";

// The version that an earlier call with the same request id made.
absl::StatusOr<v1::Incident> IncidentAt(const storage::Reader& reader,
                                        const store::v1::RequestRecord& answer) {
  absl::StatusOr<std::optional<store::v1::IncidentRecord>> found =
      storage::FindIncidentVersion(reader, answer.name(), answer.version());
  if (!found.ok()) return found.status();
  if (!found->has_value()) return Corrupt("The incident of an answered request is missing");
  return (*found)->incident();
}

absl::StatusOr<storage::StoredIncident> MustFind(const storage::Reader& reader,
                                                 const std::string& name) {
  if (name.empty()) return FieldMissing("incident.name", "required: the incident to change");
  absl::StatusOr<std::optional<storage::StoredIncident>> found =
      storage::FindIncident(reader, name);
  if (!found.ok()) return found.status();
  if (!found->has_value()) return NotFound("incident", name, kListHint);
  return **std::move(found);
}

// Whether an import brings what an earlier one brought: the first version counts, since officers
// may have corrected it afterwards.
bool SameContents(const v1::Incident& first, const v1::Incident& again) {
  return first.facts().SerializeAsString() == again.facts().SerializeAsString() &&
         first.source().SerializeAsString() == again.source().SerializeAsString();
}

absl::StatusOr<std::optional<v1::Incident>> FindImported(const storage::Reader& reader,
                                                         const v1::Incident& incident) {
  if (incident.external_id().empty()) return std::nullopt;
  absl::StatusOr<std::optional<storage::StoredIncident>> found =
      storage::FindIncidentByExternalId(reader, incident.external_id());
  if (!found.ok()) return found.status();
  if (!found->has_value()) return std::nullopt;
  const v1::Incident& present = (*found)->record.incident();
  absl::StatusOr<std::optional<store::v1::IncidentRecord>> first =
      storage::FindIncidentVersion(reader, present.name(), 1);
  if (!first.ok()) return first.status();
  if (!first->has_value()) return Corrupt("The first version of an incident is missing");
  if (SameContents((*first)->incident(), incident)) return present;
  Problem problem;
  problem.reason = Reason::kAlreadyExists;
  problem.what = "The external id is taken by " + present.name();
  problem.why = "A record with this external id was recorded before, with other contents.";
  problem.next = "Correct that record with: tripoint incident edit";
  problem.variables["name"] = present.name();
  return Error(absl::StatusCode::kAlreadyExists, problem);
}

struct Created {
  v1::Incident incident;
  bool written = false;
};

// One record, without journal entry. Nothing is written when it fails. Takes the contents out of
// `request`: an operation runs once.
absl::StatusOr<Created> CreateOne(const NodeFacts& node, const Actor& actor,
                                  v1::CreateIncidentRequest& request, const RequestStamp& stamp,
                                  storage::Transaction& transaction) {
  absl::StatusOr<std::optional<store::v1::RequestRecord>> answered =
      FindFirstAnswer(transaction, stamp);
  if (!answered.ok()) return answered.status();
  if (answered->has_value()) {
    absl::StatusOr<v1::Incident> first = IncidentAt(transaction, **answered);
    if (!first.ok()) return first.status();
    return Created{*std::move(first), false};
  }
  // Checked with an empty name: a number is drawn only for what will be stored, so that references
  // have no holes.
  absl::StatusOr<v1::Incident> incident =
      domain::CreateIncident(std::move(*request.mutable_incident()), {},
                             {.now_ms = transaction.now_ms(), .officer = actor.officer});
  if (!incident.ok()) return incident.status();
  absl::StatusOr<std::optional<v1::Incident>> imported = FindImported(transaction, *incident);
  if (!imported.ok()) return imported.status();
  if (imported->has_value()) return Created{**std::move(imported), false};
  if (request.validate_only()) return Created{*std::move(incident), false};

  absl::StatusOr<DrawnName> drawn = DrawIncidentName(node, transaction);
  if (!drawn.ok()) return drawn.status();
  incident->set_name(drawn->name);
  incident->set_etag(domain::MakeEtag(drawn->name, incident->version(), incident->update_time_ms(),
                                      incident->updater()));
  store::v1::IncidentRecord record;
  *record.mutable_incident() = *std::move(incident);
  const absl::Status stored = storage::CreateIncident(transaction, drawn->number, record);
  if (!stored.ok()) return stored;
  RememberAnswer(transaction, stamp, record.incident().name(), record.incident().version());
  return Created{std::move(*record.mutable_incident()), true};
}

// Stores `after`, remembers the answer and journals.
absl::Status Replace(storage::Transaction& transaction, const Actor& actor,
                     const RequestStamp& stamp, const storage::StoredIncident& before,
                     const v1::Incident& after, std::string_view action) {
  store::v1::IncidentRecord record = before.record;
  *record.mutable_incident() = after;
  const absl::Status stored = storage::UpdateIncident(transaction, before, record);
  if (!stored.ok()) return stored;
  RememberAnswer(transaction, stamp, after.name(), after.version());
  WriteJournal(transaction, {.actor = OfficerActor(actor),
                             .action = std::string(action),
                             .names = {after.name()},
                             .count = 0,
                             .reason = after.change_reason()});
  return absl::OkStatus();
}

// What update and change of state share: first answer, find, decide, store.
template <typename Request, typename Decide>
Prepared<v1::Incident> PrepareChange(const Actor& actor, const Request& request, std::string name,
                                     std::string_view action, Decide decide) {
  auto result = std::make_shared<v1::Incident>();
  return {[actor, request, stamp = StampOfCopy(request), name = std::move(name), action, decide,
           result](storage::Transaction& transaction) -> absl::Status {
            transaction.CountsAs(storage::Importance::kRoutine);
            absl::StatusOr<std::optional<store::v1::RequestRecord>> answered =
                FindFirstAnswer(transaction, stamp);
            if (!answered.ok()) return answered.status();
            if (answered->has_value()) {
              absl::StatusOr<v1::Incident> first = IncidentAt(transaction, **answered);
              if (!first.ok()) return first.status();
              *result = *std::move(first);
              return absl::OkStatus();
            }
            absl::StatusOr<storage::StoredIncident> before = MustFind(transaction, name);
            if (!before.ok()) return before.status();
            absl::StatusOr<v1::Incident> after =
                decide(before->record.incident(), request,
                       domain::Stamp{.now_ms = transaction.now_ms(), .officer = actor.officer});
            if (!after.ok()) return after.status();
            *result = *std::move(after);
            // What changes nothing is no version: a repetition finds the same and says the same.
            const bool unchanged = result->version() == before->record.incident().version();
            if (request.validate_only() || unchanged) return absl::OkStatus();
            return Replace(transaction, actor, stamp, *before, *result, action);
          },
          result};
}

absl::Status BatchRefused() {
  return Error(absl::StatusCode::kAborted, Reason::kBatchRefused,
               "Not recorded, because another record of the batch was refused",
               "All or nothing was asked for.",
               "Correct the refused records and send the batch again.");
}

}  // namespace

Prepared<v1::Incident> CreateIncident(const NodeFacts& node, const Actor& actor,
                                      v1::CreateIncidentRequest request) {
  auto result = std::make_shared<v1::Incident>();
  RequestStamp stamp = StampOf(request);
  return {[&node, actor, request = std::move(request), stamp = std::move(stamp),
           result](storage::Transaction& transaction) mutable -> absl::Status {
            transaction.CountsAs(storage::Importance::kRoutine);
            absl::StatusOr<Created> created = CreateOne(node, actor, request, stamp, transaction);
            if (!created.ok()) return created.status();
            *result = std::move(created->incident);
            if (!created->written) return absl::OkStatus();
            WriteJournal(transaction, {.actor = OfficerActor(actor),
                                       .action = "incident.create",
                                       .names = {result->name()},
                                       .count = 0,
                                       .reason = {}});
            return absl::OkStatus();
          },
          result};
}

Prepared<v1::BatchCreateIncidentsResponse> BatchCreateIncidents(
    const NodeFacts& node, const Actor& actor, v1::BatchCreateIncidentsRequest request,
    std::vector<absl::Status> checked) {
  auto result = std::make_shared<v1::BatchCreateIncidentsResponse>();
  std::vector<RequestStamp> stamps;
  stamps.reserve(checked.size());
  for (v1::CreateIncidentRequest& one : *request.mutable_requests()) stamps.push_back(StampOf(one));
  return {[&node, actor, request = std::move(request), checked = std::move(checked),
           stamps = std::move(stamps),
           result](storage::Transaction& transaction) mutable -> absl::Status {
            transaction.CountsAs(storage::Importance::kBulk);
            std::vector<std::string> names;
            std::uint64_t written = 0;
            bool refused = false;
            for (int i = 0; i < request.requests_size(); ++i) {
              const auto index = static_cast<std::size_t>(i);
              v1::BatchResult& one = *result->add_results();
              absl::StatusOr<Created> created =
                  checked[index].ok() ? CreateOne(node, actor, *request.mutable_requests(i),
                                                  stamps[index], transaction)
                                      : checked[index];
              if (!created.ok()) {
                if (FailsTheBatch(created.status())) return created.status();
                refused = true;
                Refuse(created.status(), one);
                continue;
              }
              one.set_name(created->incident.name());
              one.set_existed(!created->written && !created->incident.name().empty());
              if (!created->written) continue;
              ++written;
              if (names.size() < kJournalNamesMax) names.push_back(created->incident.name());
            }
            if (refused && request.all_or_nothing()) {
              const std::string others = ToRpcStatus(BatchRefused()).SerializeAsString();
              for (v1::BatchResult& one : *result->mutable_results()) {
                if (!one.status().empty() || one.existed()) continue;
                one.clear_name();
                one.set_status(others);
              }
              return BatchRefused();
            }
            if (written == 0) return absl::OkStatus();
            WriteJournal(transaction, {.actor = OfficerActor(actor),
                                       .action = "incident.create",
                                       .names = std::move(names),
                                       .count = written,
                                       .reason = {}});
            return absl::OkStatus();
          },
          result};
}

Prepared<v1::Incident> UpdateIncident(const NodeFacts& /*node*/, const Actor& actor,
                                      const v1::UpdateIncidentRequest& request) {
  return PrepareChange(actor, request, request.incident().name(), "incident.update",
                       [](const v1::Incident& before, const v1::UpdateIncidentRequest& wanted,
                          const domain::Stamp& stamp) {
                         return domain::UpdateIncident(before, wanted.incident(), wanted.etag(),
                                                       wanted.reason(), stamp);
                       });
}

Prepared<v1::Incident> ChangeIncidentState(const NodeFacts& /*node*/, const Actor& actor,
                                           const v1::ChangeIncidentStateRequest& request) {
  return PrepareChange(actor, request, request.name(), "incident.state",
                       [](const v1::Incident& before, const v1::ChangeIncidentStateRequest& wanted,
                          const domain::Stamp& stamp) {
                         return domain::ChangeIncidentState(before, wanted.state(), wanted.etag(),
                                                            wanted.reason(), stamp);
                       });
}

}  // namespace tripoint::operations
