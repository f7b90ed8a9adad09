// tripoint.v1.IncidentService. See incident_service.h.
#include "server/rpc/incident_service.h"

#include <memory>
#include <utility>
#include <vector>

#include "server/operations/incidents.h"

namespace tripoint::rpc {

using domain::Permission;

IncidentService::IncidentService(const Backend& backend, BatchStreams& streams)
    : backend_(backend), streams_(streams) {}

grpc::ServerUnaryReactor* IncidentService::CreateIncident(grpc::CallbackServerContext* context,
                                                          const grpc::ByteBuffer* request,
                                                          grpc::ByteBuffer* response) {
  if (!backend_.committer.TakesCalls()) return RefuseForFullQueue(backend_, context, *request);
  v1::CreateIncidentRequest checked;
  const absl::StatusOr<domain::Caller> caller =
      AdmitRaw(backend_, *context, Permission::kWriteIncidents, OwnRequest(request), checked);
  if (!caller.ok()) return Answer(context, caller.status());
  return Submit(backend_, context,
                operations::CreateIncident(backend_.node, {caller->officer}, std::move(checked)),
                response);
}

grpc::ServerBidiReactor<v1::BatchCreateIncidentsRequest, v1::BatchCreateIncidentsResponse>*
IncidentService::RecordIncidents(grpc::CallbackServerContext* context) {
  return OpenBatchStream<v1::BatchCreateIncidentsRequest, v1::BatchCreateIncidentsResponse>(
      backend_, streams_, context, Permission::kWriteIncidents,
      [this, context](v1::BatchCreateIncidentsRequest& batch)
          -> absl::StatusOr<operations::Prepared<v1::BatchCreateIncidentsResponse>> {
        const absl::StatusOr<domain::Caller> caller =
            Admit(backend_, *context, Permission::kWriteIncidents);
        if (!caller.ok()) return caller.status();
        absl::StatusOr<std::vector<absl::Status>> verdicts = CheckEach(backend_, batch);
        if (!verdicts.ok()) return verdicts.status();
        return operations::BatchCreateIncidents(backend_.node, {caller->officer}, std::move(batch),
                                                *std::move(verdicts));
      });
}

grpc::ServerUnaryReactor* IncidentService::GetIncident(grpc::CallbackServerContext* context,
                                                       const grpc::ByteBuffer* request,
                                                       grpc::ByteBuffer* response) {
  v1::GetIncidentRequest checked;
  const absl::StatusOr<domain::Caller> caller =
      AdmitRaw(backend_, *context, Permission::kReadIncidents, OwnRequest(request), checked);
  if (!caller.ok()) return Answer(context, caller.status());
  const absl::StatusOr<std::string> incident =
      operations::GetIncidentBytes(backend_.engine, checked.name());
  if (!incident.ok()) return Answer(context, incident.status());
  Fill(*response, *incident);
  return Answer(context, absl::OkStatus());
}

grpc::ServerUnaryReactor* IncidentService::ListIncidents(grpc::CallbackServerContext* context,
                                                         const v1::ListIncidentsRequest* request,
                                                         v1::ListIncidentsResponse* response) {
  v1::ListIncidentsRequest& checked = OwnRequest(request);
  const absl::StatusOr<domain::Caller> caller =
      AdmitRequest(backend_, *context, Permission::kReadIncidents, checked);
  if (!caller.ok()) return Answer(context, caller.status());
  return RunOnPool(
      backend_, context, [this, response, checked = std::move(checked)]() -> absl::Status {
        const v1::ListIncidentsRequest query = QueryOf(checked);
        const absl::StatusOr<std::string> after =
            backend_.page_tokens.Read(query, checked.page_token());
        if (!after.ok()) return after.status();
        const std::unique_ptr<storage::Snapshot> snapshot = backend_.engine.TakeSnapshot();
        absl::StatusOr<operations::Page<v1::Incident>> page =
            operations::ListIncidents(backend_.node, *snapshot, checked, *after);
        if (!page.ok()) return page.status();
        response->set_next_page_token(backend_.page_tokens.Make(query, page->next));
        for (v1::Incident& item : page->items) *response->add_incidents() = std::move(item);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* IncidentService::UpdateIncident(grpc::CallbackServerContext* context,
                                                          const v1::UpdateIncidentRequest* request,
                                                          v1::Incident* response) {
  if (!backend_.committer.TakesCalls()) return RefuseForFullQueue(backend_, context, *request);
  // The name stands in the resource, where it is an identifier.
  v1::UpdateIncidentRequest& checked = OwnRequest(request);
  const absl::StatusOr<domain::Caller> caller =
      AdmitRequest(backend_, *context, Permission::kWriteIncidents, checked);
  if (!caller.ok()) return Answer(context, caller.status());
  return Submit(backend_, context,
                operations::UpdateIncident(backend_.node, {caller->officer}, checked), response);
}

grpc::ServerUnaryReactor* IncidentService::ChangeIncidentState(
    grpc::CallbackServerContext* context, const v1::ChangeIncidentStateRequest* request,
    v1::Incident* response) {
  if (!backend_.committer.TakesCalls()) return RefuseForFullQueue(backend_, context, *request);
  v1::ChangeIncidentStateRequest& checked = OwnRequest(request);
  const absl::StatusOr<domain::Caller> caller =
      AdmitRequest(backend_, *context, Permission::kWriteIncidents, checked);
  if (!caller.ok()) return Answer(context, caller.status());
  return Submit(backend_, context,
                operations::ChangeIncidentState(backend_.node, {caller->officer}, checked),
                response);
}

grpc::ServerUnaryReactor* IncidentService::ListIncidentVersions(
    grpc::CallbackServerContext* context, const v1::ListIncidentVersionsRequest* request,
    v1::ListIncidentVersionsResponse* response) {
  v1::ListIncidentVersionsRequest& checked = OwnRequest(request);
  const absl::StatusOr<domain::Caller> caller =
      AdmitRequest(backend_, *context, Permission::kReadIncidents, checked);
  if (!caller.ok()) return Answer(context, caller.status());
  return RunOnPool(
      backend_, context, [this, response, checked = std::move(checked)]() -> absl::Status {
        const v1::ListIncidentVersionsRequest query = QueryOf(checked);
        const absl::StatusOr<std::string> after =
            backend_.page_tokens.Read(query, checked.page_token());
        if (!after.ok()) return after.status();
        const std::unique_ptr<storage::Snapshot> snapshot = backend_.engine.TakeSnapshot();
        absl::StatusOr<operations::Page<v1::Incident>> page = operations::ListIncidentVersions(
            backend_.node, *snapshot, checked.name(), checked.page_size(), *after);
        if (!page.ok()) return page.status();
        response->set_next_page_token(backend_.page_tokens.Make(query, page->next));
        for (v1::Incident& item : page->items) *response->add_versions() = std::move(item);
        return absl::OkStatus();
      });
}

}  // namespace tripoint::rpc
