// tripoint.v1.IncidentService: who calls, is it well formed, decide, submit, answer.
//
// Made by node.cc. gRPC calls the handlers on its callback threads; see call_context.h.
#pragma once

#include "server/rpc/call_context.h"
#include "tripoint/v1/incident.grpc.pb.h"

namespace tripoint::rpc {

class IncidentService final : public v1::IncidentService::CallbackService {
 public:
  // `backend` outlives the server.
  explicit IncidentService(const Backend& backend) : backend_(backend) {}

  grpc::ServerUnaryReactor* CreateIncident(grpc::CallbackServerContext* context,
                                           const v1::CreateIncidentRequest* request,
                                           v1::Incident* response) override;
  grpc::ServerUnaryReactor* BatchCreateIncidents(
      grpc::CallbackServerContext* context, const v1::BatchCreateIncidentsRequest* request,
      v1::BatchCreateIncidentsResponse* response) override;
  grpc::ServerUnaryReactor* GetIncident(grpc::CallbackServerContext* context,
                                        const v1::GetIncidentRequest* request,
                                        v1::Incident* response) override;
  grpc::ServerUnaryReactor* ListIncidents(grpc::CallbackServerContext* context,
                                          const v1::ListIncidentsRequest* request,
                                          v1::ListIncidentsResponse* response) override;
  grpc::ServerUnaryReactor* UpdateIncident(grpc::CallbackServerContext* context,
                                           const v1::UpdateIncidentRequest* request,
                                           v1::Incident* response) override;
  grpc::ServerUnaryReactor* ChangeIncidentState(grpc::CallbackServerContext* context,
                                                const v1::ChangeIncidentStateRequest* request,
                                                v1::Incident* response) override;
  grpc::ServerUnaryReactor* ListIncidentVersions(
      grpc::CallbackServerContext* context, const v1::ListIncidentVersionsRequest* request,
      v1::ListIncidentVersionsResponse* response) override;

 private:
  const Backend& backend_;
};

}  // namespace tripoint::rpc
