// Mouths that are not the node's own: a liar, which says what its node never said, and software of
// another protocol version. Behind each stands a whole honest node, so all else goes on as usual.
//
// Made by the stage, one a node, called by the network. One thread: the simulation's.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "storage/merkle.h"
#include "tests/simulation/network.h"
#include "tests/simulation/scenario.h"
#include "tests/simulation/sim_node.h"
#include "tests/simulation/world.h"

namespace tripoint::simulation {

// In the order of the words of a scenario's lie line. From kBackDated on they are a Forger's.
enum class Lie : std::uint8_t {
  kFork,
  kReplay,
  kSignature,
  kGarbage,
  kSize,
  kBounds,
  kReceipt,
  kResend,
  kEpoch,
  kSilence,
  kHeads,
  kShorter,
  kBackDated,
  kAudience,
  kMixup,
};

class FalseMouth final : public Mouth {
 public:
  FalseMouth(World& world, const Roster& roster, std::string unit)
      : world_(world), roster_(roster), unit_(std::move(unit)) {}

  // A lie or version line of this node.
  void Learn(const Line& line);
  // Times of lies count from here; before it and after Stop the mouth is honest.
  void Begin() { begun_us_ = world_.now_us(); }
  void Stop() { begun_us_ = -1; }
  std::uint64_t lies() const { return lies_; }

  bool Speak(NodeIndex to, exchange::v1::Frame& frame,
             std::vector<exchange::v1::Frame>& more) override;
  void Hear(exchange::v1::Frame& frame) override;

 private:
  using Frame = exchange::v1::Frame;

  bool Tell(Lie lie, NodeIndex to, Frame& frame, std::vector<Frame>& more);
  bool Fork(NodeIndex to, Frame& frame);
  bool Signature(Frame& frame);
  bool Garbage(Frame& frame);
  bool Size(Frame& frame);
  bool Bounds(Frame& frame, std::vector<Frame>& more);
  bool Receipt(NodeIndex to, Frame& frame);
  bool Resend(Frame& frame);
  bool Epoch(Frame& frame);
  bool Heads(Frame& frame, bool shorter);
  void Remember(NodeIndex to, const Frame& frame);
  void Sign(NodeIndex to, exchange::v1::Head& head) const;
  std::string RandomBytes(std::size_t count);

  World& world_;
  const Roster& roster_;
  const std::string unit_;
  std::vector<Line> lines_;
  std::int64_t omits_ = 0;
  bool adds_ = false;
  std::int64_t begun_us_ = -1;
  std::uint64_t lies_ = 0;
  std::map<std::pair<NodeIndex, int>, std::vector<storage::Hash>> leaves_;  // said, by lane
  std::map<NodeIndex, std::vector<Frame>> said_;  // the newest, for replays
  std::map<NodeIndex, bool> silent_;              // until the next hello
};

}  // namespace tripoint::simulation
