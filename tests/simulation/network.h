// The simulated network: streams between nodes that are slow, cut, reset, held back and opened
// twice.
//
// A stream is what gRPC gives: ordered, reliable while it lives, and it may die at any moment, for
// the two ends at different times. A partition holds back everything between two nodes, in one
// direction or both; when it heals, a stream that still lives goes on where it was. Beyond what
// gRPC allows, frames may be lost, come twice or late inside a living stream, and a node may speak
// through a Mouth that is not its own.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/simulation/world.h"
#include "tripoint/exchange/v1/exchange.pb.h"

namespace tripoint::simulation {

using NodeIndex = int;

// What a node does when the network has something for it.
class Endpoint {
 public:
  virtual ~Endpoint() = default;
  // False: refused (the node is down or does not know the caller).
  virtual bool OnAccepted(NodeIndex from, std::uint64_t stream) = 0;
  virtual void OnDialled(NodeIndex to, std::uint64_t stream) = 0;
  virtual void OnDialFailed(NodeIndex to) = 0;
  virtual void OnFrame(NodeIndex from, std::uint64_t stream, const exchange::v1::Frame& frame) = 0;
  virtual void OnSent(NodeIndex to, std::uint64_t stream) = 0;
  virtual void OnClosed(NodeIndex peer, std::uint64_t stream) = 0;
};

// Changes what a node says and hears: a liar, or software of another version.
class Mouth {
 public:
  virtual ~Mouth() = default;
  // May change `frame` and add frames that follow it; false: nothing is sent.
  virtual bool Speak(NodeIndex to, exchange::v1::Frame& frame,
                     std::vector<exchange::v1::Frame>& more) = 0;
  virtual void Hear(exchange::v1::Frame& /*frame*/) {}
};

// Sees each frame twice: as its node made it, before any Mouth, and as it comes to the other.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void OnSpoken(NodeIndex from, NodeIndex to, const exchange::v1::Frame& frame) = 0;
  virtual void OnHeard(NodeIndex from, NodeIndex to, std::uint64_t stream,
                       const exchange::v1::Frame& frame) = 0;
};

struct NetworkFaults {
  std::int64_t latency_us_max = 40'000;
  std::int64_t bytes_a_second = 2'000'000;
  // Chances of a frame:
  int reset_per_mille = 0;  // to kill its stream
  int drop_per_mille = 0;   // to be lost inside it
  int duplicate_per_mille = 0;
  int delay_per_mille = 0;
  std::int64_t delay_us_max = 0;
};

class Network {
 public:
  explicit Network(World& world) : world_(world) {}

  void Attach(NodeIndex node, Endpoint* endpoint) { endpoints_[node] = endpoint; }
  void SetFaults(const NetworkFaults& faults) { faults_ = faults; }

  // Holds back what `from` sends to `to`.
  void Cut(NodeIndex from, NodeIndex to) { cut_.insert({from, to}); }
  void Heal(NodeIndex from, NodeIndex to);
  void HealAll();
  bool IsCut(NodeIndex from, NodeIndex to) const {
    return cut_.contains({from, to}) || stalled_.contains(from) || stalled_.contains(to);
  }
  // A stalled node takes and says nothing, and its streams live.
  void SetStalled(NodeIndex node, bool stalled);
  // What this node sends; 0 and 0: as all others.
  void SetSlow(NodeIndex node, std::int64_t bytes_a_second, std::int64_t latency_us_max);
  // `mouth` and `observer` outlive the network, or null.
  void SetMouth(NodeIndex node, Mouth* mouth) { mouths_[node] = mouth; }
  void SetObserver(Observer* observer) { observer_ = observer; }

  void Dial(NodeIndex from, NodeIndex to);
  void Send(NodeIndex from, std::uint64_t stream, const exchange::v1::Frame& frame);
  // `from` ends the stream; the other end hears of it after what was sent before.
  void Close(NodeIndex from, std::uint64_t stream);
  // The node is gone: its streams die, and the other ends hear of it sometime, or never (silent).
  void Crash(NodeIndex node);
  // Kills one living stream, if there is any.
  void ResetOne();

 private:
  struct Direction {
    std::deque<std::string> held;  // serialised frames that wait for a cut to heal; "" is the close
    std::int64_t free_us = 0;      // when the wire is free again
    std::int64_t last_arrival_us = 0;  // of what was sent before
    bool open = true;                  // the receiving end still listens
  };
  struct Stream {
    NodeIndex dialler = 0;
    NodeIndex accepter = 0;
    Direction forth;
    Direction back;
  };
  Direction& DirectionFrom(Stream& stream, NodeIndex from) {
    return from == stream.dialler ? stream.forth : stream.back;
  }
  static NodeIndex Other(const Stream& stream, NodeIndex node) {
    return node == stream.dialler ? stream.accepter : stream.dialler;
  }
  void Transmit(std::uint64_t id, NodeIndex from, std::string bytes);
  void Deliver(std::uint64_t id, NodeIndex from, const std::string& bytes);
  void EndAt(std::uint64_t id, NodeIndex node);
  // Sends what was held back and is cut off no longer.
  void Release();
  void Put(NodeIndex from, std::uint64_t stream, const exchange::v1::Frame& frame);
  std::int64_t Latency(NodeIndex from);
  // Draws only when there is a chance: weather that is not used changes no seed.
  bool Hit(int per_mille) { return per_mille > 0 && world_.random().Chance(per_mille); }

  World& world_;
  NetworkFaults faults_;
  std::map<NodeIndex, Endpoint*> endpoints_;
  std::set<std::pair<NodeIndex, NodeIndex>> cut_;
  std::set<NodeIndex> stalled_;
  struct Slow {
    std::int64_t bytes_a_second = 0;
    std::int64_t latency_us_max = 0;
  };
  std::map<NodeIndex, Slow> slow_;
  std::map<NodeIndex, Mouth*> mouths_;
  Observer* observer_ = nullptr;
  std::map<std::uint64_t, Stream> streams_;
  std::uint64_t next_stream_ = 1;
};

}  // namespace tripoint::simulation
