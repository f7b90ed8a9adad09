// The accept gate: one of our own accept loops before each gRPC port (platform.md section 3;
// gRPC 1.51 stops accepting for good after EMFILE and cannot cut an abusive HTTP/2 peer). It
// accepts, counts, caps, hands the socket to gRPC, keeps a duplicate, and shuts whoever sends much
// more than what arrives as messages.
//
// Made by node_servers.cc, one a port, each with its own thread. All public functions are
// thread-safe after Start.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/runtime/clock.h"
#include "server/runtime/gate_connections.h"
#include "server/runtime/log.h"
#include "server/runtime/socket.h"
#include "server/runtime/thread.h"

namespace tripoint::runtime {

class Gate {
 public:
  // Takes over the accepted, non-blocking socket. On the gate's thread.
  using Deliver = std::function<void(int listener, int descriptor)>;

  // Binds and listens, but accepts nobody before Start. `name` is the port's name in logs and ps.
  // Errors: FAILED_PRECONDITION / CONFIG_INVALID.
  static absl::StatusOr<std::unique_ptr<Gate>> Listen(Literal name, std::string_view address,
                                                      GateLimits limits, const Clock& clock,
                                                      Log& log);
  // Stops.
  ~Gate();

  // `127.0.0.1:7443`; with the real port where the configuration said 0.
  std::string bound_address() const { return bound_address_; }

  void Start(Deliver deliver);
  // Accepts nobody any more. Connections live on.
  void StopAccepting();
  // Cuts all connections and joins the thread. Further calls do nothing.
  void Stop();

  // Cuts the connection that gRPC calls `peer` (grpc::ServerContext::peer()). False: not here.
  bool Shut(std::string_view peer) { return connections_.Shut(peer); }
  // Where the messages of that connection are counted; null: not here. See connection_meter.h.
  std::shared_ptr<DeliveredCounter> CounterOf(std::string_view peer) {
    return connections_.CounterOf(peer);
  }
  // Counts a unary call there. Peers that are not here are not counted.
  void CountCall(std::string_view peer, std::size_t bytes) { connections_.CountCall(peer, bytes); }
  GateCounts counts() const { return connections_.counts(); }

 private:
  Gate(Literal name, Descriptor listener, GateLimits limits, const Clock& clock, Log& log);
  void Loop();
  void AcceptWaiting();
  // The table of descriptors is full: gives up the reserve to turn one caller away, so that the
  // backlog moves on.
  void TurnOneAway();
  void WakeUp();

  const Literal name_;
  const GateLimits limits_;
  const Clock& clock_;
  Log& log_;
  Descriptor listener_;
  const std::string bound_address_;
  Descriptor epoll_;
  Descriptor wake_;
  Descriptor reserve_;
  Deliver deliver_;
  GateConnections connections_;
  bool accepting_ = false;  // the gate's thread
  std::int64_t warned_ms_ = -60'000;
  std::atomic<bool> stop_accepting_{false};
  std::atomic<bool> stopping_{false};
  std::unique_ptr<Thread> thread_;
};

}  // namespace tripoint::runtime
