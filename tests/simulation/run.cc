// See run.h. A run: build the nodes, let officers work while things break, heal everything, wait
// until all is quiet, judge. One thread.
#include "tests/simulation/run.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "proto/contract/error.h"
#include "server/operations/channels.h"
#include "server/operations/reads.h"
#include "storage/channel_store.h"
#include "storage/journal_store.h"
#include "tests/simulation/check.h"
#include "tests/simulation/client.h"
#include "tests/simulation/judge.h"
#include "tests/simulation/model.h"
#include "tests/simulation/sim_node.h"

namespace tripoint::simulation {
namespace {

constexpr std::int64_t kSecondUs = 1'000'000;
// 2026-09-22: the simulated clocks stand near it, or years away.
constexpr std::int64_t kWallBaseMs = 1'790'000'000'000;
constexpr std::int64_t kYearMs = 365LL * 24 * 60 * 60 * 1000;
// After everything healed, the longest back-off (5 min) and the longest repetition pass well within
// this.
constexpr std::int64_t kQuietWithinUs = 30LL * 60 * kSecondUs;

codes::Registry LoadRegistry() {
  auto registry = codes::Registry::Load();
  ExpectOk(registry.status(), "the embedded code lists load");
  return *std::move(registry);
}

// How a run goes wrong; drawn from the seed so that some runs are calm in one respect and wild in
// another.
struct Weather {
  int crash_per_mille = 0;
  int reset_per_mille = 0;
  int cut_per_second = 0;    // per mille
  int full_per_second = 0;   // per mille
  int power_per_second = 0;  // per mille: an outright crash of a node
  int dial_per_second = 0;   // per mille: an extra dial, for duplicate connections
  bool poison = false;
  bool slow_disk = false;
  storage::FaultPlan disk;
  NetworkFaults network;
};

Weather DrawWeather(Random& random) {
  Weather weather;
  if (random.Chance(600)) weather.crash_per_mille = static_cast<int>(random.Below(15));
  if (random.Chance(700)) weather.reset_per_mille = static_cast<int>(random.Below(60));
  if (random.Chance(700)) weather.cut_per_second = static_cast<int>(random.Below(150));
  if (random.Chance(300)) weather.full_per_second = static_cast<int>(random.Below(60));
  if (random.Chance(500)) weather.power_per_second = static_cast<int>(random.Below(40));
  if (random.Chance(500)) weather.dial_per_second = static_cast<int>(random.Below(200));
  weather.poison = random.Chance(300);
  weather.disk.seed = random.Next();
  if (random.Chance(500)) {
    weather.disk.fail_lost_per_mille = static_cast<int>(random.Below(6));
    weather.disk.fail_stored_per_mille = static_cast<int>(random.Below(6));
    weather.disk.fail_later_per_mille = static_cast<int>(random.Below(6));
    weather.disk.disk_full_per_mille = static_cast<int>(random.Below(10));
  }
  if (random.Chance(400)) weather.disk.delay_us_max = 30'000;
  if (random.Chance(300)) weather.network.latency_us_max = 600'000;
  if (random.Chance(300)) weather.network.bytes_a_second = 8'000;
  weather.network.reset_per_mille = weather.reset_per_mille;
  return weather;
}

class Stage {
 public:
  Stage(const Shared& shared, const RunOptions& options)
      : shared_(shared),
        world_(options.seed),
        network_(world_),
        weather_(DrawWeather(world_.random())) {
    if (options.keep_trace) world_.KeepText();
    Build();
  }

  void Play() {
    const std::int64_t chaos_s = world_.random().Between(20, 60);
    network_.SetFaults(weather_.network);
    // Each bad envelope stops its channel, and a later stream makes it go on.
    exchange::Limits limits;
    if (weather_.poison) {
      limits.refused_bytes_burst = 1000;
      limits.refused_bytes_a_second = 20;
      limits.stream_age_ms = 60'000;
    }
    for (auto& node : nodes_) {
      node->SetLimits(limits);
      node->Start();
      node->SetCrashChance(weather_.crash_per_mille);
      storage::FaultPlan disk = weather_.disk;
      disk.seed ^= world_.random().Next();
      node->engine().SetPlan(disk);
    }
    for (std::int64_t second = 0; second < chaos_s; ++second) {
      for (std::size_t i = 0; i < nodes_.size(); ++i) Disturb(static_cast<NodeIndex>(i));
      for (auto& client : clients_) {
        if (world_.random().Chance(500)) client->Act();
        if (world_.random().Chance(10)) client->Burst(20);
        if (weather_.poison && world_.random().Chance(30)) client->Poison();
      }
      world_.RunUntil(world_.now_us() + kSecondUs);
    }
    Calm();
    WaitUntilQuiet();
  }

  void Judge(RunResult& result) {
    std::vector<SimNode*> nodes;
    for (auto& node : nodes_) nodes.push_back(node.get());
    const Judgement judgement = JudgeNodes(nodes, model_);
    result.notices = model_.notices.size();
    result.envelopes = judgement.envelopes;
    result.quarantined = judgement.quarantined;
  }

  void Report(RunResult& result) const {
    result.steps = world_.steps();
    result.digest = world_.digest();
    result.virtual_ms = world_.now_ms();
    result.trace = world_.lines();
    for (const auto& node : nodes_) {
      result.crashes += node->counters().crashes;
      result.unknown_outcomes += node->counters().unknown_outcomes;
    }
    for (const auto& client : clients_) result.requests_answered += client->answered();
  }

 private:
  void Build() {
    static constexpr std::pair<const char*, const char*> kUnits[] = {{"vn-quangngai", "QNG"},
                                                                     {"la-attapeu", "ATP"},
                                                                     {"kh-ratanakiri", "RTK"},
                                                                     {"vn-gialai", "GLI"},
                                                                     {"la-sekong", "SKG"}};
    const auto count = static_cast<std::size_t>(world_.random().Between(2, 5));
    for (std::size_t i = 0; i < count; ++i) roster_.Add(kUnits[i].first);
    const bool clocks_are_mad = world_.random().Chance(250);
    for (std::size_t i = 0; i < count; ++i) {
      operations::NodeFacts facts;
      facts.unit = roster_.units[i];
      facts.unit_short = kUnits[i].second;
      facts.vocabulary = &shared_.registry;
      facts.validator = &shared_.validator;
      for (std::size_t peer = 0; peer < count; ++peer) {
        // A ring with chords: three units are all paired, five not all.
        const std::size_t apart = (peer + count - i) % count;
        if (peer != i && (apart == 1 || apart == count - 1 || count < 4))
          facts.paired.insert(roster_.units[peer]);
      }
      const std::int64_t skew_ms = clocks_are_mad
                                       ? world_.random().Between(-8 * kYearMs, 8 * kYearMs)
                                       : world_.random().Between(-60'000, 60'000);
      nodes_.push_back(std::make_unique<SimNode>(world_, network_, roster_,
                                                 static_cast<NodeIndex>(i), std::move(facts),
                                                 kWallBaseMs + skew_ms));
      SimNode* node = nodes_.back().get();
      node->SetRestart([this, node] { RestartLater(*node); });
      clients_.push_back(std::make_unique<Client>(world_, *node, model_));
    }
  }

  void RestartLater(SimNode& node) {
    world_.After(world_.random().Between(100'000, 8 * kSecondUs), [&node] {
      if (!node.running()) node.Start();
    });
  }

  void Disturb(NodeIndex i) {
    Random& random = world_.random();
    SimNode& node = *nodes_[static_cast<std::size_t>(i)];
    const auto other = static_cast<NodeIndex>(random.Below(nodes_.size()));
    if (random.Chance(weather_.power_per_second) && node.running()) {
      node.Crash();
      RestartLater(node);
    }
    if (other != i && random.Chance(weather_.cut_per_second)) {
      const bool both = random.Chance(600);
      network_.Cut(i, other);
      if (both) network_.Cut(other, i);
      world_.After(random.Between(kSecondUs / 10, 25 * kSecondUs), [this, i, other] {
        network_.Heal(i, other);
        network_.Heal(other, i);
      });
    }
    if (random.Chance(weather_.full_per_second)) {
      node.engine().SetDiskFull(true);
      world_.After(random.Between(kSecondUs / 10, 10 * kSecondUs),
                   [&node] { node.engine().SetDiskFull(false); });
    }
    if (other != i && random.Chance(weather_.dial_per_second) &&
        node.facts().paired.contains(roster_.units[static_cast<std::size_t>(other)])) {
      network_.Dial(i, other);
    }
    if (random.Chance(weather_.reset_per_mille)) network_.ResetOne();
    if (random.Chance(5)) node.JumpClock(random.Between(-kYearMs, kYearMs));
  }

  void Calm() {
    world_.Trace("calm");
    network_.HealAll();
    network_.SetFaults(NetworkFaults{});
    for (auto& node : nodes_) {
      node->SetCrashChance(0);
      node->engine().SetPlan(storage::FaultPlan{});
      node->engine().SetDiskFull(false);
    }
  }

  bool Quiet() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      SimNode& node = *nodes_[i];
      if (!node.running() || !clients_[i]->idle()) return false;
      for (const std::string& peer : node.facts().paired) {
        const exchange::LinkStatus link = node.LinkTo(peer);
        if (link.state != exchange::LinkState::kUp) return false;
        for (const exchange::LaneStatus& lane : link.lanes) {
          if (lane.receipted_size != lane.outbound_size) return false;
          if (!lane.inbound_quarantine.empty() || !lane.stopped_by_peer.empty()) return false;
        }
      }
    }
    return true;
  }

  void WaitUntilQuiet() {
    const std::int64_t limit_us = world_.now_us() + kQuietWithinUs;
    // Twice, with time in between: what was quiet must stay so.
    int quiet = 0;
    while (quiet < 2) {
      world_.RunUntil(world_.now_us() + 2 * kSecondUs);
      network_.HealAll();  // a cut that was planned before the calm
      for (auto& node : nodes_) node->engine().SetDiskFull(false);
      quiet = Quiet() ? quiet + 1 : 0;
      Expect(world_.now_us() < limit_us,
             "everything arrives within 30 minutes after the last fault" + WhatWaits());
    }
  }

  std::string WhatWaits() {
    std::string text;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      text += "; " + nodes_[i]->unit() + (nodes_[i]->running() ? " runs" : " is down") +
              (clients_[i]->idle() ? "" : ", its officer waits");
      for (const std::string& peer : nodes_[i]->facts().paired) {
        const exchange::LinkStatus link = nodes_[i]->LinkTo(peer);
        text += ", link to " + peer + " state " + std::to_string(static_cast<int>(link.state)) +
                " reason " + std::string(contract::ReasonCode(link.last_reason)) + " " +
                link.last_text;
        for (const exchange::LaneStatus& lane : link.lanes) {
          text += " " + std::to_string(lane.receipted_size) + "/" +
                  std::to_string(lane.outbound_size) + lane.outbound_quarantine +
                  lane.stopped_by_peer;
        }
      }
    }
    return text;
  }

  const Shared& shared_;
  World world_;
  Network network_;
  Weather weather_;
  Roster roster_;
  Model model_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace

Shared::Shared() : registry(LoadRegistry()), validator(registry) {}

RunResult RunSeed(const Shared& shared, const RunOptions& options) {
  RunResult result;
  result.seed = options.seed;
  Stage stage(shared, options);
  try {
    stage.Play();
    stage.Judge(result);
  } catch (const Violation& violation) {
    result.held = false;
    result.violation = violation.what();
  }
  stage.Report(result);
  return result;
}

}  // namespace tripoint::simulation
