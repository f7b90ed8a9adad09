// The invariants of every step: an independent shadow of each channel between honest nodes, against
// which each commit, each frame and each restart is judged as it happens. What can only be said of
// a quiet network is judge.h's.
//
// Hung into the nodes and the network by the stage. Reads stores and frames, never a node's own
// opinion, but for what a lane has sent. One thread: the simulation's.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "storage/merkle.h"
#include "tests/simulation/model.h"
#include "tests/simulation/network.h"
#include "tests/simulation/sim_node.h"
#include "tripoint/store/v1/records.pb.h"

namespace tripoint::simulation {

// Throws Violation for the first step after which one of these does not hold:
//   a channel only grows, dense, never with one envelope twice, and each envelope is addressed to
//   its receiver, of its sender and of its lane;
//   a receiver holds exactly the sender's bytes, in order; receipts, at both ends and on the wire,
//   say no more than the receiver's disk holds, with the root of those bytes;
//   what goes over the wire is durable at its sender and equal each time it goes;
//   no batch of another lane goes while a flash waits, and none on a stream on which its channel
//   was stopped; whatever an honest node keeps from anybody, heads and receipts, is signed by that
//   one over just what is kept; after a restart every record that an officer was told of is there,
//   and the journal is whole;
//   an envelope that a liar forged is in quarantine for what it is, and of its record everything
//   stands as what was genuine said it.
class Watch final : public NodeWatch, public Observer {
 public:
  Watch(const World& world, const Roster& roster, const Model& model)
      : world_(world), roster_(roster), model_(model) {}

  void Add(SimNode& node) { nodes_.push_back(&node); }
  std::uint64_t checks() const { return checks_; }
  // Envelopes of liars that came to honest nodes and were refused, by reason.
  const std::map<contract::Reason, int>& refused() const { return refused_; }

  void OnStarted(SimNode& node) override;
  void OnGrown(SimNode& node, std::string_view peer, std::uint8_t lane) override;
  void OnStored(SimNode& node, std::string_view peer, std::uint8_t lane) override;
  void OnProven(SimNode& node, std::string_view peer, std::uint8_t lane) override;
  void OnSpoken(NodeIndex from, NodeIndex to, const exchange::v1::Frame& frame) override;
  void OnHeard(NodeIndex from, NodeIndex to, std::uint64_t stream,
               const exchange::v1::Frame& frame) override;

 private:
  struct Channel {
    std::uint64_t epoch = 0;  // the sender's
    storage::Frontier frontier;
    std::vector<storage::Hash> leaves;
    std::vector<storage::Hash> roots;  // at each size, from 0
    std::set<storage::Hash> distinct;
    std::uint64_t stored = 0;     // seen at the receiver, and equal
    std::uint64_t receipted = 0;  // seen at the sender
    // A flash lane: since when, and on which stream, other batches pass what waits in it; 0: none.
    std::int64_t passed_us = 0;
    std::uint64_t passed_on = 0;
    std::uint64_t stopped_on = 0;  // stream on which the receiver's stop was heard; 0: none
  };

  // What the genuine envelopes of a channel said of a notice.
  struct Said {
    std::uint32_t version = 0;
    std::string title;
    std::string handling_code;
    bool withdrawn = false;
  };

  bool Honest(std::string_view unit) const { return !model_.untrusted.contains(unit); }
  Channel& Of(SimNode& sender, std::string_view receiver, std::uint8_t lane);
  SimNode& Node(std::string_view unit) {
    return *nodes_[static_cast<std::size_t>(roster_.IndexOf(unit))];
  }
  void CheckBatch(SimNode& from, SimNode& to, const exchange::v1::Batch& batch);
  void CheckHead(SimNode& from, SimNode& to, const exchange::v1::Head& head);
  void CheckReceipt(SimNode& from, SimNode& to, const exchange::v1::Receipt& receipt);
  void CheckPriority(SimNode& from, SimNode& to);
  void CheckSigned(SimNode& node, std::string_view peer, std::uint8_t lane);
  void CheckRecords(SimNode& node);
  void CheckEnvelopes(SimNode& node);
  void ReadEnvelopes(SimNode& node, const std::string& peer, std::uint8_t lane,
                     std::set<std::string>& touched);
  void CheckForgery(SimNode& node, const std::string& peer, const ModelForgery& forgery,
                    const store::v1::QuarantineRecord* refused);
  void CheckStands(SimNode& node, const std::string& name);

  const World& world_;
  const Roster& roster_;
  const Model& model_;
  std::vector<SimNode*> nodes_;
  std::map<std::pair<NodeIndex, NodeIndex>, std::array<Channel, 3>> channels_;
  // Receiver, name -> what it was told.
  std::map<std::pair<std::string, std::string>, Said> said_;
  // Sender, receiver, lane -> epoch, and how many of its envelopes were looked at.
  std::map<std::tuple<std::string, std::string, std::uint8_t>,
           std::pair<std::uint64_t, std::uint64_t>>
      read_;
  std::map<contract::Reason, int> refused_;
  std::uint64_t checks_ = 0;
};

}  // namespace tripoint::simulation
