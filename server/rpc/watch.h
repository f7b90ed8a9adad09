// Followers of the journal: each pulls pieces of it by its own cursor, at its own speed.
//
// Made by node.cc before the committer starts. A follower costs its cursor and at most one piece of
// the journal, however far behind it is: what it was not sent yet stays on disk. The committer's
// thread only posts "there is more"; reading is the worker pool's, sending is gRPC's.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "storage/committer.h"
#include "storage/engine.h"
#include "tripoint/v1/node.pb.h"

namespace tripoint::rpc {

struct WatchLimits {
  std::size_t watchers_max = 256;
  std::size_t piece_items_max = 64;
  std::size_t piece_scan_max = 1024;  // entries looked at for one piece, with a filter
  std::int64_t heartbeat_ms = 9'000;  // the contract says 10 s at the latest
};

class WatchHub final : public storage::CommitListener {
 public:
  // Queues work on the pool; may refuse.
  using Run = std::function<absl::Status(std::function<void()>)>;
  // Whether the caller may go on; asked with every heartbeat, so that revocation ends a watch too.
  using Recheck = std::function<absl::Status()>;

  // `engine` is initialised and outlives the hub; so does what `run` uses.
  WatchHub(const storage::Engine& engine, Run run, WatchLimits limits = {});
  ~WatchHub() override;
  WatchHub(const WatchHub&) = delete;
  WatchHub& operator=(const WatchHub&) = delete;

  // Starts a watch. The first message is a heartbeat with the change number that it starts after.
  // The call ends with OUT_OF_RANGE / FIELD_INVALID when the journal does not reach that far,
  // RESOURCE_EXHAUSTED / QUEUE_FULL when there are too many, UNAVAILABLE / SHUTTING_DOWN.
  grpc::ServerWriteReactor<v1::Change>* Watch(Recheck recheck,
                                              const v1::WatchChangesRequest& request);

  // A watch that ends with `status` at once.
  static grpc::ServerWriteReactor<v1::Change>* Refuse(const absl::Status& status);

  void OnCommitted(std::uint64_t first_change, std::uint64_t last_change,
                   const std::vector<storage::ChannelName>& grown) override;

  // Time passes; any thread, about once a second. Sends heartbeats that are due.
  void Tick(std::int64_t monotonic_ms);

  // Ends all watches and refuses new ones. gRPC's Shutdown cuts those whose callers do not read.
  void Stop();

  std::size_t watchers() const;
  // Journal entries read for watchers since the start.
  std::uint64_t changes_read() const { return changes_read_.load(); }

 private:
  class Watcher;

  std::vector<std::shared_ptr<Watcher>> Watchers() const;
  void PumpAll();
  void Remove(const Watcher* watcher);

  const storage::Engine& engine_;
  const Run run_;
  const WatchLimits limits_;
  std::atomic<std::uint64_t> last_change_{0};
  std::atomic<std::int64_t> now_ms_{0};
  std::atomic<bool> pump_queued_{false};
  std::atomic<std::uint64_t> changes_read_{0};

  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::shared_ptr<Watcher>> watchers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tripoint::rpc
