// tripoint.v1.CodesService: code lists and registries of this node, read from memory.
//
// Made by node.cc. gRPC calls the handlers on its callback threads.
#pragma once

#include "server/rpc/call_context.h"
#include "tripoint/v1/codes.grpc.pb.h"

namespace tripoint::rpc {

class CodesService final : public v1::CodesService::CallbackService {
 public:
  // `backend` outlives the server.
  explicit CodesService(const Backend& backend);

  grpc::ServerUnaryReactor* ListCodes(grpc::CallbackServerContext* context,
                                      const v1::ListCodesRequest* request,
                                      v1::ListCodesResponse* response) override;
  grpc::ServerUnaryReactor* ListUnits(grpc::CallbackServerContext* context,
                                      const v1::ListUnitsRequest* request,
                                      v1::ListUnitsResponse* response) override;
  grpc::ServerUnaryReactor* ListGates(grpc::CallbackServerContext* context,
                                      const v1::ListGatesRequest* request,
                                      v1::ListGatesResponse* response) override;

 private:
  const Backend& backend_;
};

}  // namespace tripoint::rpc
