// `tripointd run`: the life of the process around the node. See commands.h.
#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <memory>

#include "absl/synchronization/mutex.h"
#include "certs/tls_policy.h"
#include "server/commands.h"
#include "server/config.h"
#include "server/limits.h"
#include "server/node.h"
#include "server/report.h"
#include "server/runtime/clock.h"
#include "server/runtime/grpc_log.h"
#include "server/runtime/log.h"
#include "server/runtime/process_limits.h"
#include "server/runtime/random.h"
#include "server/runtime/signals.h"

namespace tripoint {
namespace {

// A stop that does not come to its end is ended by SIGALRM this long after the drain limit.
constexpr unsigned kStopGraceS = 10;
constexpr std::int64_t kLastAnswersMs = 500;
constexpr std::int64_t kBetweenEpochsMs = 3'600'000;

// Measured (docs/performance.md, "Memory"): a node at rest has 24 threads, 23 descriptors and 1.2
// GiB of address space, of which 43 MiB are in use; the rest is what the C library reserves for
// each thread. The store opens up to 512 tables. A connection takes two descriptors.
constexpr std::uint64_t kAddressBytes = 1024 * limits::kMebibyte;  // beside what is configured
constexpr int kThreads = 64;
constexpr std::uint64_t kDescriptorsMin = 640;

absl::Status CheckLimits(const Config& config, runtime::Log& log) {
  const std::uint64_t descriptors = runtime::RaiseDescriptorLimit();
  const auto connections =
      static_cast<std::uint64_t>(config.api_connections_max + config.exchange_connections_max);
  const std::uint64_t wanted = kDescriptorsMin + 2 * connections;
  if (descriptors >= kDescriptorsMin && descriptors < wanted) {
    log.Warning("node.few_descriptors", {{"limit", descriptors}, {"wanted", wanted}});
  }
  const auto configured = static_cast<std::uint64_t>(
      config.block_cache_mib + 2 * config.write_buffer_mib + config.grpc_memory_mib);
  return runtime::CheckProcessLimits(
      {.address_bytes = kAddressBytes + configured * limits::kMebibyte,
       .descriptors = kDescriptorsMin,
       .threads = kThreads});
}

// What ends a run of the node. Set on any thread.
struct Ends {
  std::atomic<bool> store_failed = false;
  std::atomic<bool> rolled_back = false;
  std::atomic<std::int64_t> rolled_back_ms = 0;  // monotonic; 0: never
};

// Waits for the end. True: asked for.
bool ServeUntilStopped(Node& node, runtime::Signals& signals, const Ends& ends) {
  while (!ends.store_failed && !ends.rolled_back) {
    switch (signals.Wait(-1)) {
      case runtime::Signals::Event::kStop:
        return true;
      case runtime::Signals::Event::kReload:
        node.Reload();
        break;
      default:
        break;
    }
  }
  return false;
}

}  // namespace

int CommandRun(const std::string& config_path) {
  // Debian's abseil follows the order of every lock it takes: 4 % of a busy node. clang's
  // annotations and ThreadSanitizer look for that in our builds.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  // Bytes of a peer that are no UTF-8 are refused with a reason; protobuf's own line about them
  // would hold contents.
  google::protobuf::SetLogHandler(nullptr);
  (void)::umask(kPrivateMask);
  runtime::Signals signals;  // before any thread, which would take the signals' default
  if (absl::Status status = certs::RequireTls13(); !status.ok()) return ReportError(status);
  const absl::StatusOr<Config> config = LoadConfig(config_path);
  if (!config.ok()) return ReportError(config.status());

  const runtime::SystemClock clock;
  runtime::SystemRandom random;
  runtime::Log log(clock, runtime::LevelFromText(config->log_level));
  if (absl::Status status = CheckLimits(*config, log); !status.ok()) return ReportError(status);
  const runtime::GrpcLog grpc_log(log);
  Ends ends;
  const Node::Events events{.store_failed =
                                [&](const absl::Status& status) {
                                  log.Error("store.failed", {{"status", status}});
                                  ends.store_failed = true;
                                  signals.Wake();
                                },
                            .rolled_back =
                                [&] {
                                  // A peer that lies must not keep the node busy with new epochs.
                                  const std::int64_t now_ms = clock.monotonic_ms();
                                  const std::int64_t last_ms = ends.rolled_back_ms;
                                  if (last_ms != 0 && now_ms - last_ms < kBetweenEpochsMs) return;
                                  ends.rolled_back_ms = std::max<std::int64_t>(now_ms, 1);
                                  ends.rolled_back = true;
                                  signals.Wake();
                                }};
  std::unique_ptr<Node> node;
  bool asked = false;
  do {
    const bool rolled_back = ends.rolled_back.exchange(false);
    auto started = Node::Start(*config, clock, random, log, events, rolled_back);
    if (!started.ok()) return ReportError(started.status());
    node = *std::move(started);
    fmt::print("ready api={} exchange={}\n", node->api_address(), node->exchange_address());
    (void)std::fflush(stdout);
    asked = ServeUntilStopped(*node, signals, ends);
    // The end of this copy of the memory: what it sent to anybody since stays as a past epoch.
    if (!asked && !ends.store_failed) {
      node->Stop();
      node.reset();
    }
  } while (!asked && !ends.store_failed);
  (void)::alarm(static_cast<unsigned>(config->drain_s) + kStopGraceS);
  if (!asked) {
    // Nothing may be written any more, not even by destructors: answer who waits, and leave.
    node->StopPorts(kLastAnswersMs);
    fmt::print(stderr,
               "error: The store failed and must be opened again\n"
               "  next: start the node again; a supervisor does. The log says what failed\n");
    ::_exit(kExitStoreFailed);
  }
  log.Info("node.stopping");
  node->Stop();
  log.Info("node.stopped");
  return kExitDone;
}

}  // namespace tripoint
