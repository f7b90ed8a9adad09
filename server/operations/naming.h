// Draws numbers and names of own records. Used by incident_changes.cc and notice_changes.cc,
// where the step runs.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "server/operations/node_facts.h"
#include "storage/transaction.h"

namespace tripoint::operations {

struct DrawnName {
  std::string name;
  std::uint64_t number = 0;  // storage::RecordNumber
};

// `units/{unit}/incidents/I-...`; the year is the one of the transaction's time.
absl::StatusOr<DrawnName> DrawIncidentName(const NodeFacts& node,
                                           storage::Transaction& transaction);

// `units/{unit}/notices/N-...`, or `F-...` for a notice of the flash lane. Both letters share one
// row of numbers, so that `0007` alone never means two notices.
absl::StatusOr<DrawnName> DrawNoticeName(const NodeFacts& node, storage::Transaction& transaction,
                                         bool flash);

// A well-formed name of an own notice that stands for no notice: for a look at what has no name
// yet. Draws nothing.
std::string AnyNoticeName(const NodeFacts& node);

}  // namespace tripoint::operations
