// tripoint.v1.IncidentService: who calls, is it well formed, decide, submit, answer.
//
// Made by node.cc. gRPC calls the handlers on its callback threads; see call_context.h.
#pragma once

#include "server/rpc/batch_stream.h"
#include "server/rpc/call_context.h"
#include "tripoint/v1/incident.grpc.pb.h"

namespace tripoint::rpc {

class IncidentService final : public v1::IncidentService::CallbackService {
 public:
  // Both outlive the server.
  IncidentService(const Backend& backend, BatchStreams& streams)
      : backend_(backend), streams_(streams) {}

  grpc::ServerUnaryReactor* CreateIncident(grpc::CallbackServerContext* context,
                                           const v1::CreateIncidentRequest* request,
                                           v1::Incident* response) override;
  grpc::ServerBidiReactor<v1::BatchCreateIncidentsRequest, v1::BatchCreateIncidentsResponse>*
  RecordIncidents(grpc::CallbackServerContext* context) override;
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
  BatchStreams& streams_;
};

}  // namespace tripoint::rpc
