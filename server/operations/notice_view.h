// A notice as officers see it, put together from its record, its channel and its answers.
//
// Used by notice_changes.cc (for the answer of a change) and notice_reads.cc. Any thread.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "server/operations/node_facts.h"
#include "server/operations/reads.h"
#include "storage/engine.h"
#include "tripoint/store/v1/records.pb.h"
#include "tripoint/v1/notice.pb.h"

namespace tripoint::operations {

// An own notice with one delivery for each recipient. Takes the record, whose contents become the
// notice's. `links` as in reads.h.
absl::StatusOr<v1::Notice> OwnView(const NodeFacts& node, const storage::Reader& reader,
                                   store::v1::NoticeRecord record, std::int64_t now_ms,
                                   const PeerStatusSource* links);

// A received notice, from the envelope that it came in, with this unit's own answer as its one
// delivery. A withdrawn one keeps the contents of its last version.
absl::StatusOr<v1::Notice> ReceivedView(const NodeFacts& node, const storage::Reader& reader,
                                        const store::v1::ReceivedRecord& record,
                                        std::int64_t now_ms);

}  // namespace tripoint::operations
