// See growth.h.
#include "tests/simulation/growth.h"

#include <unistd.h>

#include <chrono>
#include <ctime>
#include <fstream>
#include <string>

#include "fmt/format.h"
#include "tests/simulation/check.h"
#include "tests/simulation/stage.h"

namespace tripoint::simulation {
namespace {

constexpr std::int64_t kTrafficUs = 600 * kSecondUs;
constexpr std::int64_t kIdleUs = 600 * kSecondUs;
constexpr std::int64_t kQuietWithinUs = 1800 * kSecondUs;

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

// What stood at the end of a phase.
struct Mark {
  double kib = 0;
  double cpu_s = 0;  // of the nodes and their network; not of asking whether all is quiet
  std::uint64_t frames = 0;
};

class Phases {
 public:
  explicit Phases(Stage& stage) : stage_(stage) {}

  void Run(std::int64_t us) {
    const double before = CpuSeconds();
    stage_.Run(us);
    cpu_s_ += CpuSeconds() - before;
  }

  // Milliseconds from now until every receipt is there.
  std::int64_t Settle() {
    const std::int64_t from_us = stage_.world().now_us();
    while (!stage_.Quiet()) {
      Expect(stage_.world().now_us() < from_us + kQuietWithinUs, "everything is receipted");
      Run(kSecondUs / 10);
    }
    return (stage_.world().now_us() - from_us) / 1000;
  }

  void Share(int notices) {
    Random& random = stage_.world().random();
    for (auto& client : stage_.clients()) {
      for (int i = 0; i < notices; ++i)
        stage_.world().After(random.Between(0, kTrafficUs), [&client] { client->Burst(1); });
    }
    Run(kTrafficUs);
  }

  Mark Stand() const {
    Mark mark{.kib = ResidentKib(), .cpu_s = cpu_s_};
    for (const auto& node : stage_.nodes()) {
      for (const std::string& peer : node->facts().paired)
        mark.frames += node->LinkTo(peer).counters.frames_out;
    }
    return mark;
  }

 private:
  Stage& stage_;
  double cpu_s_ = 0;
};

void Print(Stage& stage, const Judgement& judgement, double empty_kib, const Mark& started,
           const Mark& shared, const Mark& idle, double wall_s, std::int64_t settle_ms) {
  const auto nodes = static_cast<double>(stage.nodes().size());
  fmt::print(
      "{{\"nodes\": {}, \"links\": {}, \"notices\": {}, \"envelopes\": {}, \"digest\": "
      "\"{:016x}\", \"steps\": {}, \"virtual_s\": {}, \"wall_s\": {:.3f}, \"settle_ms\": {}, "
      "\"cpu_ms_node\": {:.3f}, \"idle_cpu_ms_node\": {:.3f}, \"frames_node\": {:.1f}, "
      "\"idle_frames_node\": {:.1f}, \"kib_node\": {:.1f}, \"kib_node_shared\": {:.1f}, "
      "\"kib_node_idle\": {:.1f}}}\n",
      stage.nodes().size(), stage.graph().links, stage.model().notices.size(), judgement.envelopes,
      stage.world().digest(), stage.world().steps(), stage.world().now_ms() / 1000, wall_s,
      settle_ms, 1000 * (shared.cpu_s - started.cpu_s) / nodes,
      1000 * (idle.cpu_s - shared.cpu_s) / nodes,
      static_cast<double>(shared.frames - started.frames) / nodes,
      static_cast<double>(idle.frames - shared.frames) / nodes, (started.kib - empty_kib) / nodes,
      (shared.kib - empty_kib) / nodes, (idle.kib - empty_kib) / nodes);
}

}  // namespace

int RunGrowth(std::int64_t nodes, int notices, std::uint64_t seed) {
  const Shared shared;  // code lists, which a simulated network has once
  const auto calm = ParseScenario("calm", "run graph=real\nclock\n");
  if (!calm.ok()) return 2;
  const double empty_kib = ResidentKib();
  const auto begun = std::chrono::steady_clock::now();
  try {
    // Unwatched: the shadow of all channels would be counted as the nodes' memory and CPU.
    Stage stage(shared, {.seed = seed, .scenario = &*calm, .nodes = nodes, .unwatched = true});
    Phases phases(stage);
    stage.StartAll();
    phases.Run(10 * kSecondUs);
    phases.Settle();
    const Mark started = phases.Stand();
    phases.Share(notices);
    const std::int64_t settle_ms = phases.Settle();
    const Mark after_sharing = phases.Stand();
    phases.Run(kIdleUs);
    const Mark idle = phases.Stand();
    const double wall_s =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    Print(stage, stage.Judge(), empty_kib, started, after_sharing, idle, wall_s, settle_ms);
  } catch (const Violation& violation) {
    fmt::print(stderr, "tripoint-sim: {}\n", violation.what());
    return 1;
  }
  return 0;
}

}  // namespace tripoint::simulation
