// Calls of the services that gRPC itself brings (health, reflection): judged here, since no handler
// of ours sees them.
//
// Added to the officers' port by node_servers.cc. Runs on gRPC's threads.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_interceptor.h>

#include <functional>
#include <memory>

namespace tripoint::runtime {

// Whether the caller may call here, judged now; logs a refusal itself. Thread-safe, does not block.
using MayCall = std::function<bool(const grpc::ServerContextBase&)>;

// Cancels each call of a service that is not ours whose caller may not call: a certificate that was
// revoked while its connection stood. It is told CANCELLED and no more; the reason is in the log.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeLibraryCallJudge(
    MayCall may_call);

}  // namespace tripoint::runtime
