// What becomes of each item of a batch: the rule that incidents and notices share.
//
// Used by incident_changes.cc and notice_batch.cc, where the step runs. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "proto/contract/error.h"
#include "server/operations/common.h"
#include "server/operations/rpc_status.h"
#include "tripoint/v1/entities.pb.h"

namespace tripoint::operations {

// The store's own failures are not one item's: nothing of the batch stands then. What has no reason
// of ours is a fault of this software, and no verdict on an item either.
inline bool FailsTheBatch(const absl::Status& status) {
  return status.code() == absl::StatusCode::kDataLoss ||
         status.code() == absl::StatusCode::kUnavailable ||
         contract::ReasonOf(status) == contract::Reason::kUnspecified;
}

inline void Refuse(const absl::Status& status, v1::BatchResult& result) {
  result.set_status(ToRpcStatus(status).SerializeAsString());
}

}  // namespace tripoint::operations
