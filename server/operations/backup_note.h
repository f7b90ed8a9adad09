// That a backup of this node is kept somewhere: whoever made it says so, and status counts its age.
//
// Called by server/rpc; the operation runs where the step runs.
#pragma once

#include <cstdint>

#include "server/operations/node_facts.h"
#include "server/operations/prepared.h"

namespace tripoint::operations {

// Notes a backup that was begun at `begin_time_ms` (UTC) and holds at least `change_number` as the
// latest one, journalled as `node.backup`. One that holds less than the latest changes nothing
// (false).
Prepared<bool> NoteBackup(const Actor& actor, std::int64_t begin_time_ms,
                          std::uint64_t change_number);

}  // namespace tripoint::operations
