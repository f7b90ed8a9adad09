// One run in being: whole nodes, their officers, the weather and what a scenario plans by time.
//
// Made by run.cc and growth.cc, driven phase by phase. One thread: the caller's.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/client.h"
#include "tests/simulation/forger.h"
#include "tests/simulation/graph.h"
#include "tests/simulation/judge.h"
#include "tests/simulation/model.h"
#include "tests/simulation/mouth.h"
#include "tests/simulation/network.h"
#include "tests/simulation/run.h"
#include "tests/simulation/scenario.h"
#include "tests/simulation/sim_node.h"
#include "tests/simulation/watch.h"
#include "tests/simulation/weather.h"
#include "tests/simulation/world.h"

namespace tripoint::simulation {

inline constexpr std::int64_t kSecondUs = 1'000'000;
inline constexpr std::int64_t kYearMs = 365LL * 24 * 60 * 60 * 1000;

class Stage {
 public:
  Stage(const Shared& shared, const RunOptions& options);

  // The whole run: rounds of bad weather, calm and verdict. Throws Violation.
  void Play();

  // Its parts, for runs of another shape.
  void StartAll();
  void Run(std::int64_t us) { world_.RunUntil(world_.now_us() + us); }
  bool Quiet() const;
  // Until all is quiet and stays so. Throws Violation when it does not come to that in time.
  void WaitUntilQuiet();
  Judgement Judge();
  void Report(RunResult& result) const;

  World& world() { return world_; }
  const Graph& graph() const { return graph_; }
  const Model& model() const { return model_; }
  std::vector<std::unique_ptr<SimNode>>& nodes() { return nodes_; }
  std::vector<std::unique_ptr<Client>>& clients() { return clients_; }

 private:
  void Build(const RunOptions& options);
  std::int64_t ClockSkewMs(std::size_t node, bool mad);
  FalseMouth& MouthOf(std::size_t node);
  void TeachLies();
  void ApplyVersions();
  void StormBegins();
  void Storm(std::int64_t seconds);
  void Disturb(NodeIndex i);
  void DisturbByLines(std::int64_t second);
  void FillDisk(SimNode& node, std::int64_t full_us);
  void Plan(const Line& line);
  void PlanPartition(const Line& line);
  void Flap(const std::vector<std::pair<NodeIndex, NodeIndex>>& links, std::int64_t every_us,
            std::int64_t end_us, std::uint64_t round);
  void PlanRollback(const Line& line);
  void CarryBundles(const Line& line);
  // `work` after `us` of the round, unless the weather has ended.
  void InStorm(std::int64_t us, std::function<void()> work);
  void RestartLater(SimNode& node);
  void Calm();
  void CheckExpectations() const;
  NodeIndex Choose(std::int64_t node);
  SimNode& Node(NodeIndex node) { return *nodes_[static_cast<std::size_t>(node)]; }
  std::string WhatWaits() const;

  const Shared& shared_;
  World world_;
  Network network_;
  Weather weather_;
  Scenario scenario_;
  Line run_;
  bool drawn_ = true;  // no scenario: everything from the seed
  Graph graph_;
  std::unique_ptr<MoreUnits> units_;
  std::unique_ptr<contract::Validator> validator_;
  Model model_;
  Watch watch_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::map<std::size_t, std::unique_ptr<FalseMouth>> mouths_;
  std::map<std::size_t, Forger> forgers_;
  std::map<NodeIndex, DiskCopy> copies_;
  std::vector<Carried> bundles_;  // that lie about
  std::uint64_t round_ = 0;
  bool storm_ = false;
  std::uint64_t quarantined_ = 0;
  std::uint64_t envelopes_ = 0;
};

}  // namespace tripoint::simulation
