// See stage.h. Building, the phases, the verdict. What goes wrong: stage_storm.cc.
#include "tests/simulation/stage.h"

#include <algorithm>
#include <utility>

#include "proto/contract/error.h"
#include "tests/simulation/check.h"

namespace tripoint::simulation {
namespace {

// 2026-09-22: the simulated clocks stand near it, or years away.
constexpr std::int64_t kWallBaseMs = 1'790'000'000'000;

}  // namespace

Stage::Stage(const Shared& shared, const RunOptions& options)
    : shared_(shared),
      world_(options.seed),
      network_(world_),
      scenario_(options.scenario == nullptr ? Scenario{} : *options.scenario),
      run_(scenario_.Only("run")),
      drawn_(options.scenario == nullptr),
      watch_(world_, graph_.roster, model_) {
  weather_ = drawn_ ? DrawWeather(world_.random()) : WeatherOf(scenario_, world_.random());
  if (options.keep_trace) world_.KeepText();
  if (options.storm_us > 0) run_.values["for"] = options.storm_us;
  Build(options);
}

void Stage::Build(const RunOptions& options) {
  std::int64_t count = drawn_ ? world_.random().Between(2, 5) : run_["nodes"];
  if (options.nodes > 0) count = options.nodes;
  graph_ = MakeGraph(shared_.registry, static_cast<GraphForm>(run_["graph"]),
                     static_cast<std::size_t>(count));
  units_ = std::make_unique<MoreUnits>(shared_.registry, graph_.roster.units);
  validator_ = std::make_unique<contract::Validator>(*units_);
  const bool clocks_are_mad = drawn_ && world_.random().Chance(250);
  for (std::size_t i = 0; i < graph_.roster.units.size(); ++i) {
    operations::NodeFacts facts;
    facts.unit = graph_.roster.units[i];
    facts.unit_short = graph_.short_codes[i];
    facts.vocabulary = units_.get();
    facts.validator = validator_.get();
    facts.paired = graph_.paired[i];
    const std::int64_t skew_ms = ClockSkewMs(i, clocks_are_mad);
    nodes_.push_back(std::make_unique<SimNode>(world_, network_, graph_.roster,
                                               static_cast<NodeIndex>(i), std::move(facts),
                                               kWallBaseMs + skew_ms));
    SimNode* node = nodes_.back().get();
    node->SetRestart([this, node] { RestartLater(*node); });
    if (!options.unwatched) node->SetWatch(&watch_);
    watch_.Add(*node);
    clients_.push_back(std::make_unique<Client>(world_, *node, model_));
  }
  if (!options.unwatched) network_.SetObserver(&watch_);
  TeachLies();
  model_.unruly = weather_.network.drop_per_mille > 0 || weather_.network.duplicate_per_mille > 0;
  ApplyVersions();
}

std::int64_t Stage::ClockSkewMs(std::size_t node, bool mad) {
  if (mad) return world_.random().Between(-8 * kYearMs, 8 * kYearMs);
  for (const Line& line : scenario_.lines) {
    if (line.kind != "clock" || line["wrong"] == 0) continue;
    if (line["node"] == kAnyNode || line["node"] == static_cast<std::int64_t>(node))
      return line["wrong"] * kYearMs;
  }
  return world_.random().Between(-60'000, 60'000);
}

FalseMouth& Stage::MouthOf(std::size_t node) {
  std::unique_ptr<FalseMouth>& mouth = mouths_[node];
  if (mouth == nullptr) {
    mouth = std::make_unique<FalseMouth>(world_, graph_.roster, nodes_[node]->unit());
    network_.SetMouth(static_cast<NodeIndex>(node), mouth.get());
  }
  return *mouth;
}

void Stage::TeachLies() {
  for (const Line& line : scenario_.lines) {
    if (line.kind != "lie" && line.kind != "version") continue;
    const auto index = static_cast<std::size_t>(line["node"]);
    if (line.kind == "lie") {
      model_.untrusted.insert(nodes_[index]->unit());
      model_.liars.insert(nodes_[index]->unit());
    }
    if (Forger::Forges(line)) {
      model_.forged = true;
      forgers_.try_emplace(index, world_, *nodes_[index], model_).first->second.Learn(line);
    } else {
      MouthOf(index).Learn(line);
    }
  }
}

// Limits of every node, and who has no version in common with whom.
void Stage::ApplyVersions() {
  std::vector<exchange::Limits> limits(nodes_.size());
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    // Each bad envelope stops its channel, and a later stream makes it go on.
    if (weather_.poison()) {
      limits[i].refused_bytes_burst = 1000;
      limits[i].refused_bytes_a_second = 20;
      limits[i].stream_age_ms = 60'000;
    }
    for (const Line& line : scenario_.lines) {
      if (line.kind != "version" || line["node"] != static_cast<std::int64_t>(i)) continue;
      limits[i].version_min = static_cast<std::uint32_t>(line["least"]);
      limits[i].version_max = static_cast<std::uint32_t>(line["most"]);
    }
    nodes_[i]->SetLimits(limits[i]);
  }
  for (std::size_t a = 0; a < nodes_.size(); ++a) {
    for (const std::string& peer : nodes_[a]->facts().paired) {
      const auto b = static_cast<std::size_t>(graph_.roster.IndexOf(peer));
      if (std::min(limits[a].version_max, limits[b].version_max) <
          std::max(limits[a].version_min, limits[b].version_min))
        model_.apart.insert({nodes_[a]->unit(), peer});
    }
  }
}

void Stage::StartAll() {
  for (auto& node : nodes_) node->Start();
}

void Stage::Play() {
  std::int64_t storm_s = drawn_ ? world_.random().Between(20, 60) : run_["for"] / kSecondUs;
  if (drawn_ && run_["for"] != scenario_.Only("run")["for"]) storm_s = run_["for"] / kSecondUs;
  for (std::int64_t round = 0; round < run_["rounds"]; ++round) {
    StormBegins();
    Storm(storm_s);
    Calm();
    WaitUntilQuiet();
    const Judgement judgement = Judge();
    envelopes_ = judgement.envelopes;
    quarantined_ = judgement.quarantined;
  }
  CheckExpectations();
}

Judgement Stage::Judge() {
  std::vector<SimNode*> nodes;
  for (auto& node : nodes_) nodes.push_back(node.get());
  return JudgeNodes(nodes, graph_.roster, model_);
}

void Stage::Report(RunResult& result) const {
  result.steps = world_.steps();
  result.digest = world_.digest();
  result.checks = watch_.checks();
  result.nodes = nodes_.size();
  result.links = graph_.links;
  result.notices = model_.notices.size();
  result.envelopes = envelopes_;
  result.quarantined = quarantined_;
  result.virtual_ms = world_.now_ms();
  result.trace = world_.lines();
  for (const auto& node : nodes_) {
    result.crashes += node->counters().crashes;
    result.unknown_outcomes += node->counters().unknown_outcomes;
    result.carried += node->counters().carried;
    if (model_.untrusted.contains(node->unit())) continue;
    for (const auto& [alert, count] : node->counters().alerts)
      result.alerts[std::string(contract::ReasonCode(alert.second))] += count;
  }
  for (const auto& client : clients_) result.requests_answered += client->answered();
  for (const auto& [node, mouth] : mouths_) result.lies += mouth->lies();
  for (const auto& [reason, count] : watch_.refused()) {
    result.lies += static_cast<std::uint64_t>(count);
    result.alerts[std::string(contract::ReasonCode(reason))] += count;
  }
}

void Stage::Calm() {
  world_.Trace("calm");
  storm_ = false;
  for (auto& [node, mouth] : mouths_) mouth->Stop();
  network_.HealAll();
  network_.SetFaults(NetworkFaults{});
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    SimNode& node = *nodes_[i];
    network_.SetSlow(static_cast<NodeIndex>(i), 0, 0);
    node.SetCrashChance(0);
    node.SetDisk(storage::FaultPlan{});
    node.engine().SetDiskFull(false);
    if (node.rotten()) node.Repair();
  }
}

bool Stage::Quiet() const {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const SimNode& node = *nodes_[i];
    if (!node.running() || node.sharing_held()) return false;
    if (!clients_[i]->idle() && !model_.untrusted.contains(node.unit())) return false;
    for (const std::string& peer : node.facts().paired) {
      if (!model_.Owed(node.unit(), peer)) continue;
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

void Stage::WaitUntilQuiet() {
  const std::int64_t limit_us = world_.now_us() + run_["settle"];
  // Twice, with time in between: what was quiet must stay so.
  int quiet = 0;
  while (quiet < 2) {
    Run(2 * kSecondUs);
    network_.HealAll();  // a cut that was planned before the calm
    for (auto& node : nodes_) node->engine().SetDiskFull(false);
    quiet = Quiet() ? quiet + 1 : 0;
    if (world_.now_us() >= limit_us)
      Expect(false, "everything arrives in time after the last fault" + WhatWaits());
  }
}

std::string Stage::WhatWaits() const {
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
  return text.substr(0, 4000);
}

void Stage::CheckExpectations() const {
  RunResult result;
  Report(result);
  Expect(!scenario_.Has("bundles") || result.carried > 0, "bundles bring something");
  for (const Line& line : scenario_.lines) {
    if (line.kind != "expect") continue;
    const int count = TimesNoticed(result.alerts, line);
    // What a liar says is chance: at least so often is for all runs together (run.h, Unnoticed).
    const bool enough = scenario_.Has("lie") || count >= line["least"];
    Expect(enough && count <= line["most"], NoticedAsSaid(line, count));
  }
}

NodeIndex Stage::Choose(std::int64_t node) {
  return static_cast<NodeIndex>(
      node == kAnyNode ? static_cast<std::int64_t>(world_.random().Below(nodes_.size())) : node);
}

}  // namespace tripoint::simulation
