// One whole node in the simulation: the real domain, operations, committer core and exchange cores
// over a fault engine, driven by simulated events instead of threads, sockets and clocks.
//
// What survives a crash is the engine; everything else is built again by Start(), as the node's
// composition root does.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/exchange/bundle_contents.h"
#include "server/exchange/core.h"
#include "server/operations/node_facts.h"
#include "storage/committer_core.h"
#include "storage/fault_engine.h"
#include "tests/simulation/network.h"
#include "tests/simulation/world.h"

namespace tripoint::simulation {

// What a node of the federation is, known to all: index in the network is the position in this
// list.
struct Roster {
  std::vector<std::string> units;
  std::map<std::string, NodeIndex, std::less<>> index;
  void Add(const std::string& unit);
  NodeIndex IndexOf(std::string_view unit) const;
};

struct NodeCounters {
  std::uint64_t crashes = 0;
  std::uint64_t unknown_outcomes = 0;
  std::map<std::pair<NodeIndex, contract::Reason>, int> alerts;  // about which peer, what
  std::uint64_t carried = 0;  // envelopes and receipted envelopes that came in bundles
};

class SimNode;

// Is told of each step of a node that changed its store, after it was stored.
class NodeWatch {
 public:
  virtual ~NodeWatch() = default;
  virtual void OnStarted(SimNode& node) = 0;
  virtual void OnGrown(SimNode& node, std::string_view peer, std::uint8_t lane) = 0;
  virtual void OnStored(SimNode& node, std::string_view peer, std::uint8_t lane) = 0;
  virtual void OnProven(SimNode& node, std::string_view peer, std::uint8_t lane) = 0;
};

// A part of a bundle as it lies about, carried by nobody yet.
struct Carried {
  std::string receiver;
  exchange::BundleOrigin origin;
  exchange::v1::BundleContents contents;
};

// All that a node's disk holds.
using DiskCopy = std::vector<std::pair<std::string, std::string>>;

class SimNode final : public Endpoint, public storage::CommitListener {
 public:
  SimNode(World& world, Network& network, const Roster& roster, NodeIndex index,
          operations::NodeFacts facts, std::int64_t clock_offset_ms);
  ~SimNode() override;

  // Makes the store (once), then the volatile part. Precondition: down.
  void Start();
  // kill -9 and power loss: everything volatile is gone, the disk keeps what was synced.
  void Crash();
  bool running() const { return volatile_ != nullptr; }

  // Chance of a crash at each step of a commit: before it, after it, after its answer.
  void SetCrashChance(int per_mille) { crash_per_mille_ = per_mille; }
  // Chance that a commit is visible only when it is done, as on a real disk.
  void SetLateCommits(int per_mille) { late_per_mille_ = per_mille; }
  // Of the cores that the next start makes.
  void SetLimits(const exchange::Limits& limits) { limits_ = limits; }
  // Sets the wall clock forward or back, as a bad battery or an officer does.
  void JumpClock(std::int64_t by_ms) {
    clock_offset_ms_ += by_ms;
    clock_jumped_ = true;
  }
  bool clock_jumped() const { return clock_jumped_; }
  // What its commits meet from now on, also after a restart.
  void SetDisk(const storage::FaultPlan& plan) {
    plan_ = plan;
    engine_.SetPlan(plan);
  }
  // `watch` outlives the node, or null.
  void SetWatch(NodeWatch* watch) { watch_ = watch; }
  DiskCopy CopyDisk() const;
  // Precondition: down. What is on the disk now is gone.
  void PutBack(const DiskCopy& copy);
  // At the next start, as the restore of a backup does: a new epoch for what is on the disk.
  void RenewEpoch() { renew_epoch_ = true; }
  // Flips a bit of an envelope that some peer has not receipted, if there is any; Repair undoes
  // all.
  void Rot();
  void Repair();
  bool rotten() const { return !rotten_.empty(); }
  // Rotten, or so lately that a lane may still wait before it reads again.
  bool reads_held_up() const {
    return rotten() || (repaired_us_ > 0 &&
                        world_.now_us() - repaired_us_ < 1000 * exchange::Limits{}.retry_ms_max);
  }
  // A bundle to `peer`, in parts of about `bytes_max`; empty: nothing waits, or there is none now.
  std::vector<Carried> ExportBundle(const std::string& peer, std::size_t bytes_max);
  // Takes a part in. Nothing is done while another one is taken in or the node is down.
  void ImportBundle(const Carried& part);
  // Restarts by itself after a crash of its own making.
  void SetRestart(std::function<void()> on_crash) { on_crash_ = std::move(on_crash); }

  // Hands an operation to the committer; `done` is not called if the node dies first. False: the
  // node is down.
  bool Submit(storage::Operation operation, storage::Done done);

  storage::FaultEngine& engine() { return engine_; }
  const operations::NodeFacts& facts() const { return facts_; }
  const std::string& unit() const { return facts_.unit; }
  const NodeCounters& counters() const { return counters_; }
  std::int64_t wall_ms() const { return world_.now_ms() + clock_offset_ms_; }
  bool sharing_held() const { return recovery_.sharing_held; }
  std::uint64_t epoch() const { return epoch_; }  // 0: never started
  // Present link status of a peer; down node: a default one.
  exchange::LinkStatus LinkTo(std::string_view peer) const;

  // Endpoint.
  bool OnAccepted(NodeIndex from, std::uint64_t stream) override;
  void OnDialled(NodeIndex to, std::uint64_t stream) override;
  void OnDialFailed(NodeIndex to) override;
  void OnFrame(NodeIndex from, std::uint64_t stream, const exchange::v1::Frame& frame) override;
  void OnSent(NodeIndex to, std::uint64_t stream) override;
  void OnClosed(NodeIndex peer, std::uint64_t stream) override;

  // storage::CommitListener.
  void OnCommitted(std::uint64_t first_change, std::uint64_t last_change,
                   const std::vector<storage::ChannelName>& grown) override;

 private:
  struct Link;
  struct Volatile;

  void Feed(Link& link, exchange::Event event);
  void Handle(Link& link, exchange::Action action);
  // ReadFrontier and ReadRefusals.
  template <typename Action>
  void Read(Link& link, const Action& action);
  void Do(Link& link, const exchange::ReadRange& action);
  void Do(Link& link, exchange::CommitBatch action);
  void Do(Link& link, exchange::CommitReceipt action);
  void Do(Link& link, const exchange::PersistQuarantine& action);
  // What brings back the memory of a node that lost it; false: another kind of action.
  bool DoReturns(Link& link, exchange::Action& action);
  template <typename RecoveryAction>
  void Recover(Link& link, const RecoveryAction& action);
  void EnterEpoch();
  void StoreQuarantine(Link& link, const exchange::PersistQuarantine& action);
  struct Import;
  void GoOn(const std::shared_ptr<Import>& import);
  void EndImport(const std::shared_ptr<Import>& import, const absl::Status& status);
  void PlanTick(Link& link);
  void Tell(void (NodeWatch::*what)(SimNode&, std::string_view, std::uint8_t), const Link& link,
            exchange::v1::Lane lane);
  void PlanStep();
  void Step();
  void Finish(const absl::Status& status);
  bool MaybeCrash();
  // Runs `work` after a while unless the node died in between.
  void Later(std::int64_t delay_us, std::function<void()> work);
  Link* LinkOf(NodeIndex peer);
  exchange::Time Now() const { return {.monotonic_ms = world_.now_ms(), .wall_ms = wall_ms()}; }

  World& world_;
  Network& network_;
  const Roster& roster_;
  const NodeIndex index_;
  operations::RecoveryState recovery_;
  operations::NodeFacts facts_;
  storage::FaultPlan plan_;
  bool renew_epoch_ = false;
  std::int64_t clock_offset_ms_;
  bool clock_jumped_ = false;
  std::uint64_t epoch_ = 0;
  int crash_per_mille_ = 0;
  int late_per_mille_ = 0;
  exchange::Limits limits_;
  std::function<void()> on_crash_;
  NodeWatch* watch_ = nullptr;
  NodeCounters counters_;
  std::map<std::string, std::string> rotten_;  // key -> what stood there
  std::int64_t repaired_us_ = 0;               // 0: never
  storage::FaultEngine engine_;
  std::uint64_t incarnation_ = 0;
  std::unique_ptr<Volatile> volatile_;
};

}  // namespace tripoint::simulation
