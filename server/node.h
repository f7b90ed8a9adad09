// The composition root: builds the rooms in order and stops them in reverse. The only place that
// wires objects.
//
// Made and stopped on the main thread by command_run.cc. Threads: server/README.md.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/config.h"
#include "server/runtime/clock.h"
#include "server/runtime/log.h"
#include "server/runtime/random.h"

namespace tripoint {

class Node {
 public:
  // Told on any thread, perhaps more than once: the store must be opened again, so the process has
  // to end.
  using OnStoreFailed = std::function<void(const absl::Status&)>;
  // Told on the exchange's thread: a neighbour proved that this node's data is older than what it
  // had sent. The node must be stopped and started again as rolled back.
  using OnRolledBack = std::function<void()>;

  struct Events {
    OnStoreFailed store_failed;
    OnRolledBack rolled_back;
  };

  // Opens the data, starts every thread and serves both ports. All references outlive the node.
  // `rolled_back`: the data proved to be older than what was sent: a new epoch begins.
  // Errors, and nothing is left running or changed: CONFIG_INVALID, SCHEMA_NEWER, DATA_LOCKED,
  // CORRUPT, DISK_FULL, and those of the certificates (KEY_MISMATCH, NOT_FOUND, CERTIFICATE_...,
  // CRL_...).
  static absl::StatusOr<std::unique_ptr<Node>> Start(const Config& config,
                                                     const runtime::Clock& clock,
                                                     runtime::Random& random, runtime::Log& log,
                                                     Events events, bool rolled_back);
  // Stops.
  ~Node();

  // With the real ports.
  std::string api_address() const;
  std::string exchange_address() const;

  // Takes up changed certificates and roots now. Any thread.
  void Reload();

  // Finishes the calls under way (at most `limits.drain_s`), writes what was accepted, closes the
  // store. Further calls do nothing.
  void Stop();
  // Answers the calls under way for at most `deadline_ms` and cuts the rest; for a store that
  // failed.
  void StopPorts(std::int64_t deadline_ms);

 private:
  struct Rooms;
  explicit Node(std::unique_ptr<Rooms> rooms);

  std::unique_ptr<Rooms> rooms_;
};

}  // namespace tripoint
