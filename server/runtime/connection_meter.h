// Counts, for the gate's wire rule, what arrives as messages on each connection: a gRPC
// interceptor, so that no service has to think of it.
//
// Added to each server by node_servers.cc. Runs on gRPC's threads.
#pragma once

#include <grpcpp/support/server_interceptor.h>

#include <memory>
#include <vector>

#include "server/runtime/gate.h"

namespace tripoint::runtime {

// `gate` outlives the server.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeConnectionMeter(
    Gate& gate);

}  // namespace tripoint::runtime
