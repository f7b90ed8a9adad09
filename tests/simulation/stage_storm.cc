// See stage.h. Bad weather: what is drawn in each second, and what a scenario plans by time.
#include <iterator>
#include <utility>

#include "tests/simulation/check.h"
#include "tests/simulation/stage.h"

namespace tripoint::simulation {
namespace {

constexpr std::size_t kBundlesMax = 200;

}  // namespace

void Stage::StormBegins() {
  network_.SetFaults(weather_.network);
  for (auto& node : nodes_) {
    if (!node->running()) node->Start();
    node->SetCrashChance(weather_.crash_per_mille);
    node->SetLateCommits(weather_.late_per_mille);
    storage::FaultPlan disk = weather_.disk;
    disk.seed ^= world_.random().Next();
    node->SetDisk(disk);
  }
  ++round_;
  storm_ = true;
  for (auto& [node, mouth] : mouths_) mouth->Begin();
  for (const Line& line : scenario_.lines) Plan(line);
}

void Stage::Storm(std::int64_t seconds) {
  for (std::int64_t second = 0; second < seconds; ++second) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) Disturb(static_cast<NodeIndex>(i));
    DisturbByLines(second);
    for (auto& [node, forger] : forgers_) forger.Act(second * kSecondUs);
    for (auto& client : clients_) {
      if (world_.random().Chance(weather_.act_a_second)) client->Act();
      if (world_.random().Chance(weather_.burst_a_second)) client->Burst(weather_.burst_size);
      if (weather_.import_a_second > 0 && world_.random().Chance(weather_.import_a_second))
        client->Import();
      if (weather_.poison() && world_.random().Chance(weather_.poison_a_second)) client->Poison();
    }
    Run(kSecondUs);
  }
}

void Stage::RestartLater(SimNode& node) {
  world_.After(
      world_.random().Between(100'000, std::max<std::int64_t>(weather_.down_us_max, 100'000)),
      [&node] {
        if (!node.running()) node.Start();
      });
}

void Stage::Disturb(NodeIndex i) {
  Random& random = world_.random();
  SimNode& node = Node(i);
  const auto other = static_cast<NodeIndex>(random.Below(nodes_.size()));
  if (random.Chance(weather_.power_a_second) && node.running()) {
    node.Crash();
    RestartLater(node);
  }
  if (other != i && random.Chance(weather_.cut_a_second)) {
    const bool both = random.Chance(600);
    network_.Cut(i, other);
    if (both) network_.Cut(other, i);
    world_.After(random.Between(kSecondUs / 10, 25 * kSecondUs), [this, i, other] {
      network_.Heal(i, other);
      network_.Heal(other, i);
    });
  }
  if (random.Chance(weather_.full_a_second)) {
    FillDisk(node, random.Between(kSecondUs / 10, 10 * kSecondUs));
  }
  if (other != i && random.Chance(weather_.dial_a_second) &&
      node.facts().paired.contains(graph_.roster.units[static_cast<std::size_t>(other)])) {
    network_.Dial(i, other);
  }
  if (random.Chance(weather_.reset_a_second)) network_.ResetOne();
  if (random.Chance(weather_.clock_jump_a_second)) {
    node.JumpClock(random.Between(-weather_.clock_jump_ms_max, weather_.clock_jump_ms_max));
  }
}

// As a real one does: bulk is refused first, a flash last, and back in the other order.
void Stage::FillDisk(SimNode& node, std::int64_t full_us) {
  using storage::DiskStage;
  node.engine().SetStage(DiskStage::kNoBulk);
  InStorm(full_us / 8, [&node] { node.engine().SetStage(DiskStage::kFlashOnly); });
  InStorm(full_us / 2, [&node] { node.engine().SetDiskFull(true); });
  world_.After(full_us, [this, &node] {
    node.engine().SetDiskFull(false);
    if (storm_) node.engine().SetStage(DiskStage::kFlashOnly);
  });
  InStorm(full_us * 5 / 4, [&node] { node.engine().SetStage(DiskStage::kNoBulk); });
  world_.After(full_us * 3 / 2, [&node] { node.engine().SetStage(DiskStage::kAll); });
}

void Stage::DisturbByLines(std::int64_t second) {
  for (const Line& line : scenario_.lines) {
    if (line.kind == "rot") {
      const std::int64_t at_us = second * kSecondUs;
      if (at_us < line["begin"] || at_us >= line["end"]) continue;
      if (world_.random().Chance(static_cast<int>(line["a_second"])))
        Node(Choose(line["node"])).Rot();
    } else if (line.kind == "clock") {
      for (std::size_t i = 0; i < nodes_.size(); ++i) {
        if (line["node"] != kAnyNode && line["node"] != static_cast<std::int64_t>(i)) continue;
        const std::int64_t most_ms = line["years"] * kYearMs;
        if (world_.random().Chance(static_cast<int>(line["jumps"])))
          nodes_[i]->JumpClock(world_.random().Between(-most_ms, most_ms));
        // One second more than has passed.
        if (line["back"] > 0) nodes_[i]->JumpClock(-(line["back"] + 1) * 1000);
      }
    } else if (line.kind == "bundles") {
      const std::int64_t at_us = second * kSecondUs;
      if (at_us >= line["begin"] && at_us < line["end"]) CarryBundles(line);
    }
  }
}

void Stage::CarryBundles(const Line& line) {
  Random& random = world_.random();
  for (auto& node : nodes_) {
    if (!random.Chance(static_cast<int>(line["made"])) || node->facts().paired.empty()) continue;
    auto peer = node->facts().paired.begin();
    std::advance(peer, static_cast<std::ptrdiff_t>(random.Below(node->facts().paired.size())));
    // Small parts, so that there are several.
    const auto bytes_max = static_cast<std::size_t>(random.Between(200, 20'000));
    for (Carried& part : node->ExportBundle(*peer, bytes_max)) {
      if (bundles_.size() < kBundlesMax) bundles_.push_back(std::move(part));
    }
  }
  for (std::size_t i = 0; i < nodes_.size() && !bundles_.empty(); ++i) {
    if (!random.Chance(static_cast<int>(line["brought"]))) continue;
    const Carried& part = bundles_[random.Below(bundles_.size())];
    Node(graph_.roster.IndexOf(part.receiver)).ImportBundle(part);
  }
  // Some are lost.
  if (bundles_.size() == kBundlesMax) bundles_.erase(bundles_.begin(), bundles_.begin() + 100);
}

void Stage::InStorm(std::int64_t us, std::function<void()> work) {
  world_.After(us, [this, round = round_, work = std::move(work)] {
    if (storm_ && round == round_) work();
  });
}

void Stage::Plan(const Line& line) {
  if (line.kind == "partition") {
    PlanPartition(line);
  } else if (line.kind == "peer") {
    const NodeIndex node = Choose(line["node"]);
    const bool stalled = line["mode"] == 1;
    InStorm(line["begin"], [this, node, stalled, line] {
      world_.Trace(Node(node).unit() + (stalled ? " stalls" : " is slow"));
      if (stalled) return network_.SetStalled(node, true);
      network_.SetSlow(node, line["rate"], line["latency"]);
    });
    InStorm(line["end"], [this, node, stalled] {
      if (stalled) return network_.SetStalled(node, false);
      network_.SetSlow(node, 0, 0);
    });
  } else if (line.kind == "rollback" && round_ == 1) {
    PlanRollback(line);
  }
}

void Stage::PlanPartition(const Line& line) {
  const NodeIndex from = Choose(line["from"]);
  std::vector<std::pair<NodeIndex, NodeIndex>> links;
  for (const std::string& peer : Node(from).facts().paired) {
    const NodeIndex to = graph_.roster.IndexOf(peer);
    if (line["to"] != kAnyNode && line["to"] != to) continue;
    links.emplace_back(from, to);
    if (line["mode"] != 1) links.emplace_back(to, from);
  }
  if (line["mode"] == 2) {
    InStorm(line["begin"], [this, links, line, round = round_] {
      Flap(links, line["every"], world_.now_us() + line["end"] - line["begin"], round);
    });
    return;
  }
  InStorm(line["begin"], [this, links] {
    world_.Trace("partition");
    for (const auto& [a, b] : links) network_.Cut(a, b);
  });
  InStorm(line["end"], [this, links] {
    for (const auto& [a, b] : links) network_.Heal(a, b);
  });
}

void Stage::Flap(const std::vector<std::pair<NodeIndex, NodeIndex>>& links, std::int64_t every_us,
                 std::int64_t end_us, std::uint64_t round) {
  if (!storm_ || round != round_) return;
  const bool over = world_.now_us() >= end_us;
  for (const auto& [a, b] : links) {
    if (over || network_.IsCut(a, b)) {
      network_.Heal(a, b);
    } else {
      network_.Cut(a, b);
    }
  }
  if (over) return;
  world_.After(std::max<std::int64_t>(every_us, 1000),
               [this, links, every_us, end_us, round] { Flap(links, every_us, end_us, round); });
}

void Stage::PlanRollback(const Line& line) {
  const NodeIndex index = Choose(line["node"]);
  InStorm(line["copied"], [this, index] {
    world_.Trace(Node(index).unit() + " is copied");
    copies_[index] = Node(index).CopyDisk();
  });
  InStorm(line["restored"], [this, index, anew = line["epoch"] == 1] {
    SimNode& node = Node(index);
    if (node.running()) node.Crash();
    node.PutBack(copies_[index]);
    model_.untrusted.insert(node.unit());
    if (anew) {
      model_.restored.insert(node.unit());
      node.RenewEpoch();
    }
    RestartLater(node);
  });
}

}  // namespace tripoint::simulation
