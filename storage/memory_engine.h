// An engine in memory, for tests and the simulator. Thread-safe. Snapshots are copies of a
// persistent version and stay valid while commits go on.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "storage/engine.h"

namespace tripoint::storage {

class MemoryEngine final : public Engine {
 public:
  MemoryEngine();
  ~MemoryEngine() override;

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override;
  std::unique_ptr<Snapshot> TakeSnapshot() const override;
  absl::Status Commit(const Batch& batch) override;
  // UNIMPLEMENTED / INTERNAL: there is no disk.
  absl::Status Checkpoint(const std::string& directory) override;
  Statistics GetStatistics() const override;

 private:
  struct Store;
  std::shared_ptr<Store> store_;  // shared with the snapshots
};

}  // namespace tripoint::storage
