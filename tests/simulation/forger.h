// A compromised unit: its channels are whole, dense and well signed, and the envelopes in them lie.
// It writes them into its own store, behind the operations that would refuse them; all else of its
// node goes on as usual. What lies about frames and histories is mouth.h's.
//
// Made by the stage for `lie` lines about envelopes, called once a second of bad weather. One
// thread: the simulation's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proto/contract/error.h"
#include "tests/simulation/model.h"
#include "tests/simulation/scenario.h"
#include "tests/simulation/sim_node.h"
#include "tests/simulation/world.h"
#include "tripoint/exchange/v1/envelope.pb.h"

namespace tripoint::simulation {

class Forger {
 public:
  // All outlive it.
  Forger(World& world, SimNode& node, Model& model) : world_(world), node_(node), model_(model) {}

  // Whether a lie line is about envelopes, so that it is a forger's.
  static bool Forges(const Line& line);
  void Learn(const Line& line) { lines_.push_back(line); }
  // One second of the weather, `at_us` after its begin.
  void Act(std::int64_t at_us);

 private:
  using Envelope = exchange::v1::Envelope;

  // One lie, ready to be appended: what it says, and what an honest receiver must call it.
  struct Forgery {
    Envelope envelope = {};
    std::string raw = {};   // instead of the envelope, as it is
    std::string tail = {};  // bytes behind the envelope, which a parser merges into it
    std::string name = {};  // of the record that it is about
    contract::Reason refusal = contract::Reason::kUnspecified;
    bool of_newest = false;  // a lie only while its version is the newest, and not withdrawn
  };

  std::optional<Forgery> BackDated(const std::string& peer);
  std::optional<Forgery> Widened(const std::string& peer);
  std::optional<Forgery> MixedUp(const std::string& peer);
  // A notice version that this unit sent to `peer`, or any of its bodies; none: nothing yet.
  std::optional<Envelope> Sent(const std::string& peer, bool version);
  // The bytes of a notice version that it received from an honest unit other than `peer`.
  std::optional<std::string> Received(const std::string& peer);
  // Name of a notice of `owner` (of anybody but `owner` if not `is`), not shared with this unit if
  // `hidden`.
  std::optional<std::string> NameOf(const std::string& owner, bool is, bool hidden);
  Envelope Statement(const std::string& peer, const std::string& name, std::uint32_t version) const;
  void Append(const std::string& peer, Forgery forgery);
  std::uint64_t Below(std::uint64_t bound) { return world_.random().Below(bound); }

  World& world_;
  SimNode& node_;
  Model& model_;
  std::vector<Line> lines_;
};

}  // namespace tripoint::simulation
