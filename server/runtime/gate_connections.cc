// The gate's table of connections. See gate_connections.h.
#include "server/runtime/gate_connections.h"

#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <utility>

namespace tripoint::runtime {
namespace {

constexpr std::size_t kMachinesRemembered = 4096;
constexpr double kMsPerSecond = 1000.0;

// Payload bytes that the kernel received in order; -1 when it does not say.
std::int64_t WireBytes(int descriptor) {
  tcp_info information = {};
  socklen_t size = sizeof(information);
  if (::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &information, &size) != 0) return -1;
  if (size < offsetof(tcp_info, tcpi_bytes_received) + sizeof(information.tcpi_bytes_received))
    return -1;
  return static_cast<std::int64_t>(information.tcpi_bytes_received);
}

}  // namespace

bool GateConnections::TakeToken(Machine& machine, std::int64_t now_ms) const {
  const double rate = limits_.per_address_second_max;
  const double passed_s = static_cast<double>(now_ms - machine.refilled_ms) / kMsPerSecond;
  machine.tokens = std::min(2 * rate, machine.tokens + passed_s * rate);
  machine.refilled_ms = now_ms;
  if (machine.tokens < 1) return false;
  machine.tokens -= 1;
  return true;
}

void GateConnections::DropQuietMachines(std::int64_t now_ms) {
  if (machines_.size() < kMachinesRemembered) return;
  std::erase_if(machines_, [now_ms](const auto& entry) {
    return entry.second.open == 0 && now_ms - entry.second.refilled_ms > 2 * kMsPerSecond;
  });
}

GateConnections::Verdict GateConnections::Admit(int descriptor, const PeerName& name,
                                                std::int64_t now_ms, int& duplicate) {
  const absl::MutexLock lock(&mutex_);
  if (static_cast<int>(connections_.size()) >= limits_.connections_max) {
    ++counts_.refused_total;
    return Verdict::kTooMany;
  }
  DropQuietMachines(now_ms);
  const auto [entry, fresh] = machines_.try_emplace(name.machine);
  Machine& machine = entry->second;
  if (fresh) machine = {0, 2.0 * limits_.per_address_second_max, now_ms};
  if (machine.open >= limits_.per_address_max || !TakeToken(machine, now_ms)) {
    ++counts_.refused_per_address;
    return Verdict::kTooManyFromAddress;
  }
  Descriptor kept(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
  if (!kept.open()) {
    ++counts_.refused_no_descriptor;
    return Verdict::kNoDescriptor;
  }
  duplicate = kept.number();
  ++machine.open;
  ++counts_.accepted;
  by_name_[name.connection] = duplicate;
  connections_.emplace(
      duplicate, Connection{std::move(kept), name, std::make_shared<DeliveredCounter>(), false});
  return Verdict::kAdmitted;
}

void GateConnections::Forget(int duplicate) {
  const absl::MutexLock lock(&mutex_);
  const auto found = connections_.find(duplicate);
  if (found == connections_.end()) return;
  const PeerName& name = found->second.name;
  if (const auto machine = machines_.find(name.machine); machine != machines_.end())
    --machine->second.open;
  // The same machine may have taken the same port again in the meantime: its entry belongs to the
  // newer connection.
  if (const auto by_name = by_name_.find(name.connection);
      by_name != by_name_.end() && by_name->second == duplicate) {
    by_name_.erase(by_name);
  }
  connections_.erase(found);
}

std::vector<std::string> GateConnections::CutByWireRule() {
  std::vector<std::string> cut;
  const absl::MutexLock lock(&mutex_);
  if (!limits_.wire_rule) return cut;
  for (auto& [duplicate, connection] : connections_) {
    if (connection.shut) continue;
    const std::int64_t wire = WireBytes(duplicate);
    if (wire <= limits_.wire_free_bytes + GateLimits::kWireFactor * connection.delivered->bytes())
      continue;
    ::shutdown(duplicate, SHUT_RDWR);
    connection.shut = true;
    ++counts_.cut;
    cut.push_back(connection.name.connection);
  }
  return cut;
}

void GateConnections::ShutAll() {
  const absl::MutexLock lock(&mutex_);
  for (auto& [duplicate, connection] : connections_) {
    ::shutdown(duplicate, SHUT_RDWR);
    connection.shut = true;
  }
}

GateConnections::Connection* GateConnections::Find(std::string_view peer) {
  const auto found = by_name_.find(peer);
  return found == by_name_.end() ? nullptr : &connections_.at(found->second);
}

bool GateConnections::Shut(std::string_view peer) {
  const absl::MutexLock lock(&mutex_);
  Connection* const connection = Find(peer);
  if (connection == nullptr) return false;
  ::shutdown(connection->duplicate.number(), SHUT_RDWR);
  connection->shut = true;
  return true;
}

std::shared_ptr<DeliveredCounter> GateConnections::CounterOf(std::string_view peer) {
  const absl::MutexLock lock(&mutex_);
  const Connection* const connection = Find(peer);
  return connection == nullptr ? nullptr : connection->delivered;
}

void GateConnections::CountCall(std::string_view peer, std::size_t bytes) {
  const absl::MutexLock lock(&mutex_);
  const Connection* const connection = Find(peer);
  if (connection == nullptr) return;
  connection->delivered->Received(static_cast<std::int64_t>(bytes));
  // What the peer sends for the answer's sake (window updates) fits what each message counts at
  // least.
  connection->delivered->Sent(0);
}

void GateConnections::CountNoDescriptor() {
  const absl::MutexLock lock(&mutex_);
  ++counts_.refused_no_descriptor;
}

GateCounts GateConnections::counts() const {
  const absl::MutexLock lock(&mutex_);
  GateCounts counts = counts_;
  counts.open = static_cast<std::int64_t>(connections_.size());
  return counts;
}

}  // namespace tripoint::runtime
