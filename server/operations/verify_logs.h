// Recomputes stored logs from the disk, a bounded piece a call. Reads one snapshot by scans; any
// thread that may wait for the disk. Writes nothing and keeps nothing: where to go on is the
// answer's.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "storage/channel_log.h"
#include "storage/engine.h"
#include "tripoint/v1/evidence.pb.h"

namespace tripoint::operations {

struct LogsPiece {
  v1::VerifyLogsResponse answer;  // without the page token
  std::string next;               // empty at the end, and only there
};

// The piece behind `after` (the `next` before it; empty: the beginning): the journal unless
// `request` names a unit, then channels. What is wrong in a log is its `problem`, and the next log
// follows. A channel that grows meanwhile is read to where it then ends. Errors: INVALID_ARGUMENT /
// PAGE_TOKEN_INVALID; UNAVAILABLE when the disk does not answer.
absl::StatusOr<LogsPiece> VerifyLogs(const storage::Snapshot& snapshot,
                                     const v1::VerifyLogsRequest& request, std::string_view after,
                                     const storage::WalkLimits& limits = {});

}  // namespace tripoint::operations
