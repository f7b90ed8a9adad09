// Counts, for the gate's wire rule, what arrives as messages of streams on each connection: a gRPC
// interceptor, so that no service has to think of it.
//
// Unary calls of ours are counted where their caller is admitted (server/rpc, call_context.h): an
// interceptor costs a call a tenth of a point read, twelve thousand instructions, whatever it does.
//
// Added to each server by node_servers.cc. Runs on gRPC's threads.
#pragma once

#include <grpcpp/support/server_interceptor.h>

#include <memory>

#include "server/runtime/gate.h"

namespace tripoint::runtime {

// `gate` outlives the server. The messages of our streams must be protobuf's, since gRPC hands them
// out as void*.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeConnectionMeter(
    Gate& gate);

}  // namespace tripoint::runtime
