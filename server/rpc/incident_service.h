// tripoint.v1.IncidentService: who calls, is it well formed, decide, submit, answer.
//
// Made by node.cc. gRPC calls the handlers on its callback threads; see call_context.h.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include "server/rpc/batch_stream.h"
#include "server/rpc/call_context.h"
#include "tripoint/v1/incident.grpc.pb.h"

namespace tripoint::rpc {

// A point read hands out the stored bytes: parsing a record and serialising it again was a seventh
// of a call. A new record that the node has no time for is refused before its request is parsed.
using IncidentServiceBase = v1::IncidentService::WithRawCallbackMethod_CreateIncident<
    v1::IncidentService::WithRawCallbackMethod_GetIncident<v1::IncidentService::CallbackService>>;

class IncidentService final : public IncidentServiceBase {
 public:
  // Both outlive the server.
  IncidentService(const Backend& backend, BatchStreams& streams);

  grpc::ServerUnaryReactor* CreateIncident(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;
  grpc::ServerBidiReactor<v1::BatchCreateIncidentsRequest, v1::BatchCreateIncidentsResponse>*
  RecordIncidents(grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* GetIncident(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;
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
