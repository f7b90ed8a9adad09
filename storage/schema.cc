// See schema.h.
#include "storage/schema.h"

#include <optional>
#include <string>
#include <utility>

#include "proto/contract/error.h"
#include "storage/journal_store.h"
#include "storage/keys.h"
#include "storage/names.h"
#include "storage/outbound_log.h"

namespace tripoint::storage {
namespace {

using contract::Error;
using contract::Reason;

absl::Status Damaged() {
  return Error(absl::StatusCode::kDataLoss, Reason::kCorrupt,
               "The node record of the store cannot be read.", "The stored data is damaged.",
               "Keep the data folder as it is and restore a backup.");
}

// What there is stays and is read as it is; only older software must not come back, since it would
// miss records in its lists. From layout 1: the entries that layout 2 has no more are never read,
// and what it has more is made as channels grow. From layout 3: a notice to many units is found by
// their entries, as one of layout 4 is by their group.
absl::Status NothingToWrite(const Engine& /*engine*/, Batch& /*batch*/) { return absl::OkStatus(); }

// All steps ever made.
std::vector<MigrationStep> Steps() {
  return {{1, "fewer keys a record", &NothingToWrite},
          {2, "channels in two halves, entries in blocks", &SplitOutboundChannels},
          {3, "groups of units", &NothingToWrite}};
}

absl::Status CheckNumbers(const Engine& engine) {
  const std::unique_ptr<Snapshot> snapshot = engine.TakeSnapshot();
  if (absl::Status status = CheckCounters(*snapshot, Kind::kIncident, Space::kIncident);
      !status.ok()) {
    return status;
  }
  return CheckCounters(*snapshot, Kind::kNotice, Space::kNotice);
}

}  // namespace

absl::Status Migrate(Engine& engine, store::v1::NodeRecord& node,
                     const std::vector<MigrationStep>& steps, std::uint32_t target) {
  for (const MigrationStep& step : steps) {
    if (step.from != node.schema_version() || node.schema_version() >= target) continue;
    Batch batch;
    if (absl::Status status = step.run(engine, batch); !status.ok()) return status;
    store::v1::NodeRecord raised = node;
    raised.set_schema_version(step.from + 1);
    batch.Put(NodeKey(), raised.SerializeAsString());
    if (absl::Status status = engine.Commit(batch); !status.ok()) return status;
    node = raised;
  }
  return node.schema_version() == target ? absl::OkStatus() : Damaged();
}

absl::Status InitializeStore(Engine& engine, std::string_view unit, std::uint64_t epoch,
                             std::int64_t now_ms, bool after_loss) {
  const absl::StatusOr<std::optional<std::string>> present = engine.Get(NodeKey());
  if (!present.ok()) return present.status();
  if (present->has_value()) {
    return Error(absl::StatusCode::kAlreadyExists, Reason::kAlreadyExists,
                 "The store is initialised already.", "A store is never overwritten.",
                 "Start the node with `tripointd run`.");
  }
  store::v1::NodeRecord node;
  node.set_unit(std::string(unit));
  node.set_epoch(epoch);
  node.set_schema_version(kSchemaVersion);
  node.set_create_time_ms(now_ms);
  if (after_loss) {
    node.mutable_recovery()->set_cause("loss");
    node.mutable_recovery()->set_begin_time_ms(now_ms);
  }
  JournalHead head;
  head.epoch = epoch;
  Batch batch;
  batch.Put(NodeKey(), node.SerializeAsString());
  batch.Put(JournalHeadKey(), EncodeJournalHead(head));
  return engine.Commit(batch);
}

absl::StatusOr<store::v1::NodeRecord> OpenStore(Engine& engine, std::string_view unit) {
  const absl::StatusOr<std::optional<std::string>> bytes = engine.Get(NodeKey());
  if (!bytes.ok()) return bytes.status();
  if (!bytes->has_value()) {
    return Error(absl::StatusCode::kFailedPrecondition, Reason::kConfigInvalid,
                 "The store is not initialised.", "It has no node record.",
                 "Run `tripointd init` for a new node.");
  }
  store::v1::NodeRecord node;
  if (!node.ParseFromString(**bytes)) return Damaged();
  // Before anything else is believed: a newer layout may have given every other field another
  // meaning.
  if (node.schema_version() > kSchemaVersion) {
    return Error(absl::StatusCode::kFailedPrecondition, Reason::kSchemaNewer,
                 "The data was written by a newer version of Tripoint.",
                 "It has layout " + std::to_string(node.schema_version()) +
                     "; this version knows up to " + std::to_string(kSchemaVersion) + ".",
                 "Start the newer tripointd again; nothing was changed.");
  }
  if (node.unit() != unit) {
    return Error(
        absl::StatusCode::kFailedPrecondition, Reason::kConfigInvalid,
        "The data folder belongs to unit " + node.unit() + ", not to " + std::string(unit) + ".",
        "A node keeps the records of one unit only.",
        "Correct `unit` or the data folder in the configuration; nothing was changed.");
  }
  if (absl::Status status = Migrate(engine, node, Steps(), kSchemaVersion); !status.ok())
    return status;
  if (absl::Status status = CheckNumbers(engine); !status.ok()) return status;
  return node;
}

}  // namespace tripoint::storage
