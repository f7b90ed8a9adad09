// simulated_network: what a node costs as the network grows. Whole nodes on the simulated network,
// calm weather, by seed; one JSON line. Run by scripts/bench --case network. One thread.
//
//   simulated_network --nodes=N [--notices=K] [--seed=S]
//
// The first 38 nodes are the units in force with their real neighbours (proto/codes/units.json);
// more nodes are copies of that graph, each joined to the one before it by three links. Each node
// shares K notices, to some or all of its neighbours, over ten minutes.
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "tests/simulation/check.h"
#include "tests/simulation/client.h"
#include "tests/simulation/judge.h"
#include "tests/simulation/run.h"
#include "tests/simulation/sim_node.h"

namespace tripoint::simulation {
namespace {

constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kWallBaseMs = 1'790'000'000'000;
constexpr std::int64_t kTrafficS = 600;
constexpr std::int64_t kIdleS = 600;
constexpr std::int64_t kQuietWithinS = 1800;
constexpr std::string_view kDate = "2026-09-22";

// The registry and, in the list of units, the copies.
class MoreUnits final : public contract::Vocabulary {
 public:
  MoreUnits(const codes::Registry& registry, const std::vector<std::string>& units)
      : registry_(registry), units_(units.begin(), units.end()) {}

  std::optional<std::string_view> Check(std::string_view list,
                                        std::string_view code) const override {
    if (list != "units") return registry_.Check(list, code);
    const auto found = units_.find(code);
    if (found == units_.end()) return std::nullopt;
    return *found;
  }
  std::string Suggest(std::string_view list, std::string_view code) const override {
    return registry_.Suggest(list, code);
  }

 private:
  const codes::Registry& registry_;
  const std::set<std::string, std::less<>> units_;
};

struct Graph {
  Roster roster;
  std::vector<std::string> short_codes;
  std::vector<std::set<std::string, std::less<>>> paired;
  std::size_t links = 0;

  void Join(std::size_t a, std::size_t b) {
    if (a == b || a >= paired.size() || b >= paired.size()) return;
    if (paired[a].insert(roster.units[b]).second) ++links;
    paired[b].insert(roster.units[a]);
  }
};

Graph MakeGraph(const codes::Registry& registry, std::size_t count) {
  const std::vector<const codes::Unit*> real = registry.UnitsAt(kDate);
  Graph graph;
  graph.paired.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t copy = i / real.size();
    const codes::Unit& unit = *real[i % real.size()];
    graph.roster.Add(copy == 0 ? unit.id : fmt::format("{}{}", unit.id, copy));
    graph.short_codes.push_back(unit.short_code);
  }
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t first = i / real.size() * real.size();
    for (const codes::Unit* other : registry.Neighbours(real[i - first]->id, kDate)) {
      for (std::size_t k = 0; k < real.size(); ++k) {
        if (real[k] == other) graph.Join(i, first + k);
      }
    }
    if (first > 0 && i - first < 3) graph.Join(i, i - real.size());
  }
  // Whose neighbours are all in the part of the last copy that is left out.
  for (std::size_t i = 0; i < count; ++i) {
    if (graph.paired[i].empty()) graph.Join(i, i == 0 ? 1 : i - 1);
  }
  return graph;
}

double CpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double ResidentKib() {
  std::ifstream file("/proc/self/statm");
  double pages = 0;
  file >> pages >> pages;
  return pages * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1024;
}

class Stage {
 public:
  Stage(const Shared& shared, std::uint64_t seed, std::size_t count)
      : world_(seed),
        network_(world_),
        graph_(MakeGraph(shared.registry, count)),
        units_(shared.registry, graph_.roster.units),
        validator_(units_) {
    for (std::size_t i = 0; i < count; ++i) {
      operations::NodeFacts facts;
      facts.unit = graph_.roster.units[i];
      facts.unit_short = graph_.short_codes[i];
      facts.vocabulary = &units_;
      facts.validator = &validator_;
      facts.paired = graph_.paired[i];
      nodes_.push_back(std::make_unique<SimNode>(world_, network_, graph_.roster,
                                                 static_cast<NodeIndex>(i), std::move(facts),
                                                 kWallBaseMs));
      clients_.push_back(std::make_unique<Client>(world_, *nodes_.back(), model_));
    }
  }

  void Start() {
    for (auto& node : nodes_) node->Start();
    Run(10);
    while (!Quiet()) Run(1);
  }

  void Share(int notices) {
    for (auto& client : clients_) {
      for (int i = 0; i < notices; ++i) {
        world_.After(world_.random().Between(0, kTrafficS * kSecondUs),
                     [&client] { client->Burst(1); });
      }
    }
    Run(kTrafficS);
  }

  // Milliseconds from now until every receipt is there.
  std::int64_t Settle() {
    const std::int64_t from_us = world_.now_us();
    while (!Quiet()) {
      Expect(world_.now_us() < from_us + kQuietWithinS * kSecondUs, "everything is receipted");
      RunUs(kSecondUs / 10);
    }
    return (world_.now_us() - from_us) / 1000;
  }

  void Run(std::int64_t seconds) { RunUs(seconds * kSecondUs); }

  std::uint64_t Frames() const {
    std::uint64_t frames = 0;
    for (const auto& node : nodes_) {
      for (const std::string& peer : node->facts().paired)
        frames += node->LinkTo(peer).counters.frames_out;
    }
    return frames;
  }

  Judgement Judge() {
    std::vector<SimNode*> nodes;
    for (auto& node : nodes_) nodes.push_back(node.get());
    return JudgeNodes(nodes, model_);
  }

  double cpu_s() const { return cpu_s_; }
  std::size_t links() const { return graph_.links; }
  std::size_t notices() const { return model_.notices.size(); }
  const World& world() const { return world_; }

 private:
  void RunUs(std::int64_t us) {
    const double before = CpuSeconds();
    world_.RunUntil(world_.now_us() + us);
    cpu_s_ += CpuSeconds() - before;
  }

  bool Quiet() const {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (!clients_[i]->idle()) return false;
      for (const std::string& peer : nodes_[i]->facts().paired) {
        const exchange::LinkStatus link = nodes_[i]->LinkTo(peer);
        if (link.state != exchange::LinkState::kUp) return false;
        for (const exchange::LaneStatus& lane : link.lanes) {
          if (lane.receipted_size != lane.outbound_size) return false;
        }
      }
    }
    return true;
  }

  World world_;
  Network network_;
  const Graph graph_;
  const MoreUnits units_;
  const contract::Validator validator_;
  Model model_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
  std::vector<std::unique_ptr<Client>> clients_;
  double cpu_s_ = 0;  // of the nodes and their network; not of asking whether all is quiet
};

int Run(std::size_t count, int notices, std::uint64_t seed) {
  const Shared shared;  // code lists, which a simulated network has once
  const double empty_kib = ResidentKib();
  const auto begun = std::chrono::steady_clock::now();
  Stage stage(shared, seed, count);
  stage.Start();
  const double started_kib = ResidentKib();
  const std::uint64_t frames_started = stage.Frames();
  const double cpu_started_s = stage.cpu_s();
  stage.Share(notices);
  const std::int64_t settle_ms = stage.Settle();
  const double shared_kib = ResidentKib();
  const std::uint64_t frames_shared = stage.Frames();
  const double cpu_shared_s = stage.cpu_s();
  stage.Run(kIdleS);
  const double idle_kib = ResidentKib();
  const std::uint64_t frames_idle = stage.Frames();
  const double cpu_idle_s = stage.cpu_s();
  const double wall_s =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  const Judgement judgement = stage.Judge();
  const auto nodes = static_cast<double>(count);
  const auto a_node = [&](std::uint64_t from, std::uint64_t to) {
    return static_cast<double>(to - from) / nodes;
  };
  std::printf(
      "%s\n",
      fmt::format("{{\"nodes\": {}, \"links\": {}, \"notices\": {}, \"envelopes\": {}, "
                  "\"digest\": \"{:016x}\", \"steps\": {}, \"virtual_s\": {}, \"wall_s\": {:.3f}, "
                  "\"settle_ms\": {}, \"cpu_ms_node\": {:.3f}, \"idle_cpu_ms_node\": {:.3f}, "
                  "\"frames_node\": {:.1f}, \"idle_frames_node\": {:.1f}, \"kib_node\": {:.1f}, "
                  "\"kib_node_shared\": {:.1f}, \"kib_node_idle\": {:.1f}}}",
                  count, stage.links(), stage.notices(), judgement.envelopes,
                  stage.world().digest(), stage.world().steps(), stage.world().now_ms() / 1000,
                  wall_s, settle_ms, 1000 * (cpu_shared_s - cpu_started_s) / nodes,
                  1000 * (cpu_idle_s - cpu_shared_s) / nodes, a_node(frames_started, frames_shared),
                  a_node(frames_shared, frames_idle), (started_kib - empty_kib) / nodes,
                  (shared_kib - empty_kib) / nodes, (idle_kib - empty_kib) / nodes)
          .c_str());
  return 0;
}

std::uint64_t Option(int argc, char** argv, std::string_view name, std::uint64_t value) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word(argv[i]);
    if (word.substr(0, name.size()) == name)
      value = std::strtoull(argv[i] + name.size(), nullptr, 10);
  }
  return value;
}

}  // namespace
}  // namespace tripoint::simulation

int main(int argc, char** argv) {
  using namespace tripoint::simulation;
  const std::uint64_t nodes = Option(argc, argv, "--nodes=", 41);
  const std::uint64_t notices = Option(argc, argv, "--notices=", 20);
  if (nodes < 2 || nodes > 10'000 || notices > 10'000) {
    std::fprintf(stderr, "simulated_network: 2 to 10,000 nodes, at most 10,000 notices a node\n");
    return 1;
  }
  try {
    return Run(nodes, static_cast<int>(notices), Option(argc, argv, "--seed=", 1));
  } catch (const Violation& violation) {
    std::fprintf(stderr, "simulated_network: %s\n", violation.what());
    return 1;
  }
}
