// The incident that a notice is made from, and the notices that an incident names.
//
// Used by notice_changes.cc and notice_batch.cc. Any thread; the write belongs to the committer's.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/incident_store.h"
#include "storage/transaction.h"
#include "tripoint/v1/notice.pb.h"

namespace tripoint::operations {

// nullopt when the notice names none. Errors: NOT_FOUND / NOT_FOUND; the store's.
absl::StatusOr<std::optional<storage::StoredIncident>> IncidentBehind(const storage::Reader& reader,
                                                                      const v1::Notice& notice);

// Names the notice in its incident, which stays the version that it is.
absl::Status LinkIncident(storage::Transaction& transaction,
                          const storage::StoredIncident& incident, const std::string& notice);

}  // namespace tripoint::operations
