// Whose store this is and which layout it has. Called once when a node, a test or the simulator
// opens an engine; any thread, before the first committer step.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/engine.h"
#include "tripoint/store/v1/records.pb.h"

namespace tripoint::storage {

// Layout that this software writes. One more with each change of keys or records that older
// software cannot read.
inline constexpr std::uint32_t kSchemaVersion = 4;

// One step forward: brings layout `from` to `from` + 1 by adding to the batch that also raises the
// stamp, so that a crash leaves one layout whole. Steps are appended and never changed.
struct MigrationStep {
  std::uint32_t from = 0;
  const char* name = "";
  absl::Status (*run)(const Engine& engine, Batch& batch) = nullptr;
};

// Takes the steps from the layout of `node` up to layout `target`, each in its own commit, and
// updates `node`. Errors: DATA_LOSS / CORRUPT no step leads on; what a step or the engine gives.
absl::Status Migrate(Engine& engine, store::v1::NodeRecord& node,
                     const std::vector<MigrationStep>& steps, std::uint32_t target);

// Makes an empty engine the store of `unit`: node record and the head of an empty journal.
// `after_loss`: the unit had a store before, which is lost: nothing new is shared until its
// neighbours have returned what they hold (server/operations/recovery.h).
// Errors: ALREADY_EXISTS / ALREADY_EXISTS there is a node record; what the engine gives.
absl::Status InitializeStore(Engine& engine, std::string_view unit, std::uint64_t epoch,
                             std::int64_t now_ms, bool after_loss = false);

// Checks that the store belongs to `unit`, brings an older layout forward, and returns the node
// record. Errors: FAILED_PRECONDITION / CONFIG_INVALID not initialised, or the store of another
// unit; FAILED_PRECONDITION / SCHEMA_NEWER written by newer software; DATA_LOSS / CORRUPT a counter
// of references behind its records. None of them changes anything.
absl::StatusOr<store::v1::NodeRecord> OpenStore(Engine& engine, std::string_view unit);

}  // namespace tripoint::storage
