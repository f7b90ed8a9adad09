// The gate's table of connections: who is in, how many from where, how much came over the wire and
// how much of it became messages. Thread-safe.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/runtime/socket.h"

namespace tripoint::runtime {

struct GateLimits {
  int connections_max = 512;
  int per_address_max = 128;
  // New connections a second from one address; twice as many at once.
  int per_address_second_max = 100;
  int segment_bytes_max = 0;  // of TCP, both directions; 0: what the interface takes
  // Wire rule: a connection is cut when it received more than wire_free_bytes + kWireFactor x
  // delivered. The free part holds what may honestly be under way undelivered: the largest message,
  // and several at once.
  bool wire_rule = true;
  std::int64_t wire_free_bytes = 2 << 20;
  std::int64_t check_interval_ms = 250;

  static constexpr std::int64_t kWireFactor = 4;
};

// What arrived as messages. Each message counts kPerMessageBytes beside its size, for headers and
// frames; what we send counts too, since it makes the peer send window updates and
// acknowledgements.
class DeliveredCounter {
 public:
  static constexpr std::int64_t kPerMessageBytes = 512;
  static constexpr std::int64_t kSentShare = 16;  // a sixteenth of what was sent
  void Received(std::int64_t bytes) {
    bytes_.fetch_add(bytes + kPerMessageBytes, std::memory_order_relaxed);
  }
  void Sent(std::int64_t bytes) {
    bytes_.fetch_add(bytes / kSentShare + kPerMessageBytes, std::memory_order_relaxed);
  }
  std::int64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> bytes_{0};
};

struct GateCounts {
  std::int64_t open = 0;
  std::uint64_t accepted = 0;
  std::uint64_t refused_total = 0;        // over connections_max
  std::uint64_t refused_per_address = 0;  // over per_address_max or too fast
  std::uint64_t refused_no_descriptor = 0;
  std::uint64_t cut = 0;  // by the wire rule
};

class GateConnections {
 public:
  explicit GateConnections(const GateLimits& limits) : limits_(limits) {}

  enum class Verdict : std::uint8_t { kAdmitted, kTooMany, kTooManyFromAddress, kNoDescriptor };
  // Judges a fresh connection and, when it may stay, keeps a duplicate of its descriptor;
  // `duplicate` gets its number.
  Verdict Admit(int descriptor, const PeerName& name, std::int64_t now_ms, int& duplicate);
  // The connection has ended: closes the duplicate, which keeps the socket alive until then.
  void Forget(int duplicate);
  // Cuts every connection that breaks the wire rule; returns the names of those.
  std::vector<std::string> CutByWireRule();
  void ShutAll();
  bool Shut(std::string_view peer);
  std::shared_ptr<DeliveredCounter> CounterOf(std::string_view peer);
  // A unary call of so many bytes arrived, and will be answered.
  void CountCall(std::string_view peer, std::size_t bytes);
  void CountNoDescriptor();
  GateCounts counts() const;

 private:
  struct Connection {
    Descriptor duplicate;
    PeerName name;
    std::shared_ptr<DeliveredCounter> delivered;
    bool shut = false;
  };
  struct Machine {
    int open = 0;
    double tokens = 0;
    std::int64_t refilled_ms = 0;
  };
  // Takes one token of the machine's bucket. False: it comes too fast.
  bool TakeToken(Machine& machine, std::int64_t now_ms) const;
  void DropQuietMachines(std::int64_t now_ms) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const GateLimits limits_;
  mutable absl::Mutex mutex_;
  std::unordered_map<int, Connection> connections_ ABSL_GUARDED_BY(mutex_);  // by duplicate
  // Null: not here.
  Connection* Find(std::string_view peer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::map<std::string, int, std::less<>> by_name_ ABSL_GUARDED_BY(mutex_);
  std::unordered_map<std::string, Machine> machines_ ABSL_GUARDED_BY(mutex_);
  GateCounts counts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tripoint::runtime
