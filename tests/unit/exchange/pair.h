// Two cores, two trivial stores and a hostile pipe between them, on one simulated clock: all of it
// follows from a seed.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "server/exchange/core.h"
#include "tests/unit/exchange/fakes.h"

namespace tripoint::exchange {

// How bad the world is. Probabilities in thousandths for each occasion.
struct Weather {
  int dial_fails = 0;
  int cut = 0;     // a stream ends at the handing over of a frame
  int drop = 0;    // one frame is lost though the stream lives: no transport does that; bugs do
  int repeat = 0;  // one frame comes twice
  int read_fails = 0;
  int commit_fails = 0;       // and nothing was stored
  int commit_unknown = 0;     // reported as failed and stored all the same
  int crash = 0;              // of a node, at a commit: what was not stored is lost
  bool only_flashes = false;  // a nearly full disk: other lanes' commits fail
  int refuse = 100;           // envelopes that the receiver puts into quarantine
  std::int64_t delay_ms_max = 40;
};

class Pair {
 public:
  Pair(std::uint64_t seed, const Limits& limits);

  // Runs for `duration_ms` of simulated time; new envelopes come up now and then if `growing`.
  void Run(std::int64_t duration_ms, const Weather& weather, bool growing);

  // What is wrong now; empty: nothing. `settled`: everything must have arrived and be proven.
  std::string Fault(bool settled) const;
  std::uint64_t delivered() const;
  bool trace = false;  // prints every action: for looking at one seed
  std::uint64_t steps() const { return steps_; }
  std::int64_t now_ms() const { return now_ms_; }
  bool Settled() const;
  Core& core(int side) { return *nodes_[static_cast<std::size_t>(side)].core; }
  void Append(int side, v1::Lane lane, int count);

 private:
  struct Channel {
    std::vector<std::string> envelopes;
    Frontier frontier;
    std::set<std::uint64_t> refused;
  };
  struct Node {
    std::string unit;
    std::unique_ptr<FakeSigner> signer;
    std::unique_ptr<FakeVerifier> verifier;
    std::unique_ptr<Core> core;
    std::uint64_t life = 0;  // counts restarts: what was meant for an earlier one is void
    // Durable.
    std::array<Channel, kLanes> out;
    std::array<Channel, kLanes> in;
    std::array<InboundState, kLanes> in_state;
    std::array<OutboundState, kLanes> out_state;
    std::array<std::set<std::uint64_t>, kLanes> told;  // refusals that came with stored receipts
    std::string fault;
    std::int64_t tick_ms = 0;
    std::int64_t commit_ms = 0;  // when the last commit is answered
  };
  struct Wire {
    bool open[2] = {false, false};
    int dialler = 0;
    bool cut = false;
    std::int64_t last_ms[2] = {0, 0};  // arrival of the last frame towards each side: order is kept
  };

  Node& node(int side) { return nodes_[static_cast<std::size_t>(side)]; }
  void Start(int side);
  void Crash(int side);
  void Hand(int side, Event event);
  void Do(int side, Action& action);
  void DoDial(int side);
  void DoSend(int side, Send& send);
  void CloseWire(StreamId id, int by);
  void DoCommit(int side, CommitBatch& commit);
  void DoProve(int side, CommitReceipt& receipt);
  void ReadEnvelopes(int side, const ReadRange& read);
  void At(std::int64_t delay_ms, std::function<void()> what);
  void Answer(int side, std::int64_t delay_ms, Event event);
  bool Chance(int thousandths) { return static_cast<int>(random_() % 1000) < thousandths; }
  std::int64_t Delay() {
    return 1 +
           static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(weather_.delay_ms_max));
  }
  void ScheduleTick(int side);
  void Trace(int side, const Action& action) const;

  struct Due {
    std::int64_t at_ms;
    std::uint64_t order;
    std::function<void()> what;
    bool operator<(const Due& other) const {
      return at_ms != other.at_ms ? at_ms > other.at_ms : order > other.order;
    }
  };
  std::mt19937_64 random_;
  Limits limits_;
  Weather weather_;
  std::array<Node, 2> nodes_;
  std::map<StreamId, Wire> wires_;
  StreamId last_stream_ = 0;
  std::priority_queue<Due> due_;
  std::uint64_t order_ = 0;
  std::uint64_t steps_ = 0;
  std::int64_t now_ms_ = 0;
};

}  // namespace tripoint::exchange
