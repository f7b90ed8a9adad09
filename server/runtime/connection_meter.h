// Counts, for the gate's wire rule, what arrives as messages on each connection: a gRPC
// interceptor, so that no service has to think of it.
//
// Added to each server by node_servers.cc. Runs on gRPC's threads.
#pragma once

#include <grpcpp/support/server_interceptor.h>

#include <memory>
#include <string>
#include <vector>

#include "server/runtime/gate.h"

namespace tripoint::runtime {

// `gate` outlives the server. `raw_methods` are those of our services (by full name, such as
// "/tripoint.v1.IncidentService/GetIncident") whose messages are grpc::ByteBuffer; the messages of
// all others of ours must be protobuf's, since gRPC hands them out as void*.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeConnectionMeter(
    Gate& gate, std::vector<std::string> raw_methods);

}  // namespace tripoint::runtime
