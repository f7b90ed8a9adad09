// A refusal as gRPC carries it. See status_convert.h.
#include "server/rpc/status_convert.h"

#include "server/operations/rpc_status.h"

namespace tripoint::rpc {

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const google::rpc::Status rpc = operations::ToRpcStatus(status);
  return {static_cast<grpc::StatusCode>(rpc.code()), rpc.message(), rpc.SerializeAsString()};
}

}  // namespace tripoint::rpc
