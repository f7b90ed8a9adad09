// One port of the node: gate, gRPC server, limits (platform.md section 3). The API and the exchange
// port are two of these.
//
// Made by node.cc on the main thread, stopped there; what runs behind it is on gRPC's threads and
// the gate's.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/config.h"
#include "server/runtime/clock.h"
#include "server/runtime/gate.h"
#include "server/runtime/library_calls.h"
#include "server/runtime/log.h"

namespace tripoint {

struct PortOptions {
  std::string listen;
  runtime::GateLimits gate;
  std::size_t message_bytes_max = 0;
  std::int64_t calls_per_connection_max = 0;
  std::int64_t memory_mib = 0;
  std::int64_t connection_age_s =
      0;  // then the caller must connect again, and is judged again; 60 s of grace
  bool reflection = false;  // describe the services to developers' tools
};

// The officers' port, and the neighbours', as the configuration says.
PortOptions ApiPortOptions(const Config& config);
PortOptions ExchangePortOptions(const Config& config);

class Port {
 public:
  // Binds the address and serves nobody yet. Errors: FAILED_PRECONDITION / CONFIG_INVALID.
  static absl::StatusOr<std::unique_ptr<Port>> Bind(runtime::Literal name, PortOptions options,
                                                    const runtime::Clock& clock, runtime::Log& log);
  // Stops at once, if Stop was not called.
  ~Port();

  std::string address() const { return gate_->bound_address(); }
  runtime::GateCounts counts() const { return gate_->counts(); }

  // Counts a unary call for the gate. Any thread.
  void CountCall(const grpc::ServerContextBase& call, std::size_t request_bytes) {
    gate_->CountCall(call.peer(), request_bytes);
  }

  // Serves `services`, which outlive this, and gRPC health. `may_call`: for credentials that leave
  // the judging to handlers, see library_calls.h; empty: they do not. Errors: INTERNAL / INTERNAL.
  absl::Status Serve(const std::vector<grpc::Service*>& services,
                     const std::shared_ptr<grpc::ServerCredentials>& credentials,
                     runtime::MayCall may_call = {});

  // Health says NOT_SERVING and nobody new is accepted; calls under way go on.
  void BeginStop();
  // Waits for the calls under way until `deadline_ms` from now, then cancels them. Further calls do
  // nothing.
  void Stop(std::int64_t deadline_ms);

 private:
  Port(PortOptions options, std::unique_ptr<runtime::Gate> gate);
  void SetArguments(grpc::ServerBuilder& builder) const;

  const PortOptions options_;
  std::unique_ptr<runtime::Gate> gate_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace tripoint
