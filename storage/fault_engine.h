// A memory engine that goes wrong on purpose, by script or by seed: fails, tears, loses what was
// not synced, is full or slow, cannot read. For tests and the simulator. Thread-safe as every
// engine; Crash() while nobody holds a snapshot.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "storage/engine.h"
#include "storage/memory_engine.h"

namespace tripoint::storage {

enum class Fault : std::uint8_t {
  kNone,
  kFailLost,    // OUTCOME_UNKNOWN, and the batch is not there
  kFailStored,  // OUTCOME_UNKNOWN, and the batch is there
  // As a failed fsync (platform.md, R11): OUTCOME_UNKNOWN for this batch and all later ones until
  // Crash(); then it is
  kFailLater,  // there
  kFailTorn,   // not there: the log ends in the middle of it, and opening drops that
  kTear,       // there in part: only verification finds it
  kDiskFull,   // DISK_FULL, and the batch is not there
  kLie,        // OK, and the batch is gone after the next Crash(): a disk that ignores fsync
};

struct FaultPlan {
  std::uint64_t seed = 1;
  // Chance of each fault for each commit, in a thousandth. kTear and kLie come by script only: no
  // engine survives them.
  int fail_lost_per_mille = 0;
  int fail_stored_per_mille = 0;
  int fail_later_per_mille = 0;
  int fail_torn_per_mille = 0;
  int disk_full_per_mille = 0;
  std::int64_t delay_us_max = 0;  // each commit reports a virtual delay of up to this
};

// Reads that are still to be made until one fails, once.
class ReadFault {
 public:
  // 0: none fails.
  void Set(std::uint64_t nth) { left_ = nth; }
  bool pending() const { return left_ != 0; }
  // One read: OK, or UNAVAILABLE / OUTCOME_UNKNOWN when it is the one that fails.
  absl::Status Read();

 private:
  std::atomic<std::uint64_t> left_ = 0;
};

class FaultEngine final : public Engine {
 public:
  explicit FaultEngine(const FaultPlan& plan = {});

  // Faults of the next commits, in order; they go before what the seed says.
  void Script(Fault fault);
  void SetPlan(const FaultPlan& plan);
  // While true every commit gives DISK_FULL; with false there is room for everything.
  void SetDiskFull(bool full);
  // How full the disk is said to be; Commit does not care.
  void SetStage(DiskStage stage);

  // The nth read from now on fails, and none after it: OUTCOME_UNKNOWN. A read is a Get, or a move
  // of a cursor (the first one is made with it), of this engine and of the snapshots that are taken
  // while it waits. 0: none fails.
  void FailRead(std::uint64_t nth) { read_fault_.Set(nth); }
  // The read that FailRead asked for was not made yet.
  bool read_fault_pending() const { return read_fault_.pending(); }

  // Power loss and restart: what was answered OK is there, except under kLie; what was left open is
  // settled.
  void Crash();

  // Writes without a fault and without being counted: what a disk does by itself (a flipped bit).
  void CommitBehind(const Batch& batch);

  // How long the last commit would have taken, for the simulator's clock.
  std::int64_t last_delay_us() const;
  std::uint64_t commits() const;  // Commit calls with a batch that was not empty
  std::uint64_t faults() const;   // of them, with a fault

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override;
  std::unique_ptr<Snapshot> TakeSnapshot() const override;
  absl::Status Commit(const Batch& batch) override;
  absl::Status Checkpoint(const std::string& directory) override;
  Statistics GetStatistics() const override;
  Room GetRoom() const override;

 private:
  std::uint64_t Random() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Fault NextFault() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  MemoryEngine memory_;
  mutable ReadFault read_fault_;
  mutable absl::Mutex mutex_;
  FaultPlan plan_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t random_ ABSL_GUARDED_BY(mutex_);
  std::deque<Fault> script_ ABSL_GUARDED_BY(mutex_);
  std::deque<Batch> at_crash_ ABSL_GUARDED_BY(mutex_);  // applied, in order, by Crash()
  bool disk_full_ ABSL_GUARDED_BY(mutex_) = false;
  DiskStage stage_ ABSL_GUARDED_BY(mutex_) = DiskStage::kAll;
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;
  std::int64_t last_delay_us_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t commits_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t faults_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace tripoint::storage
