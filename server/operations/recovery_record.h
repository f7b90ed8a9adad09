// The node record and its Recovery, as the operations of recovery.cc and returned.cc read and write
// it. Where the step runs.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/operations/common.h"
#include "server/operations/node_facts.h"
#include "storage/keys.h"
#include "storage/record_io.h"
#include "storage/transaction.h"
#include "tripoint/store/v1/records.pb.h"

namespace tripoint::operations {

inline absl::StatusOr<store::v1::NodeRecord> ReadNode(const storage::Reader& reader) {
  absl::StatusOr<std::optional<store::v1::NodeRecord>> node =
      storage::ReadRecord<store::v1::NodeRecord>(reader, storage::NodeKey());
  if (!node.ok()) return node.status();
  if (!node->has_value()) return Corrupt("The node record is missing");
  return **std::move(node);
}

inline void PutNode(storage::Transaction& transaction, const store::v1::NodeRecord& node) {
  storage::WriteRecord(transaction, storage::NodeKey(), node);
}

inline bool HasReturned(const store::v1::Recovery& recovery, std::string_view peer) {
  return std::find(recovery.returned_units().begin(), recovery.returned_units().end(), peer) !=
         recovery.returned_units().end();
}

// Neighbours that have not returned what they hold.
inline std::vector<std::string> MissingUnits(const NodeFacts& node,
                                             const store::v1::Recovery& recovery) {
  std::vector<std::string> missing;
  for (const std::string& unit : node.paired) {
    if (!HasReturned(recovery, unit)) missing.push_back(unit);
  }
  return missing;
}

}  // namespace tripoint::operations
