// A refusal as gRPC carries it. Called by every handler of this room and by node.cc's guards. Pure.
#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace tripoint::rpc {

// Code, message, and a google.rpc.Status with the details (one ErrorInfo; BadRequest; RetryInfo) in
// `grpc-status-details-bin`, where every gRPC client looks for it.
grpc::Status ToGrpcStatus(const absl::Status& status);

}  // namespace tripoint::rpc
