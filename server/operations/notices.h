// Changes to notices: draft, share, revise, withdraw (owner) and answer (recipient). Called by
// server/rpc and the simulator.
//
// Threads, idempotency and `validate_only` as incidents.h.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/operations/node_facts.h"
#include "server/operations/prepared.h"
#include "storage/engine.h"
#include "tripoint/v1/notice.pb.h"

namespace tripoint::operations {

// Drafts a notice; with `incident` set and `facts` empty the facts are the incident's.
// Errors: NOT_FOUND (incident), ALREADY_EXISTS / REQUEST_ID_REUSED; what domain refuses.
Prepared<v1::Notice> CreateNotice(const NodeFacts& node, const Actor& actor,
                                  v1::CreateNoticeRequest request);

// Releases a draft to `units`: makes the envelopes (one for each group of recipients that gets the
// same fields), one channel entry a recipient, the new version and the journal entry, all in one
// commit. Errors: NOT_FOUND, ABORTED / STALE_ETAG, FAILED_PRECONDITION / ILLEGAL_TRANSITION,
// INVALID_ARGUMENT / AUDIENCE_EMPTY, / AUDIENCE_SELF, / UNIT_UNKNOWN, FAILED_PRECONDITION /
// UNIT_NOT_PAIRED, / EXPIRED, / HANDLING_FORBIDS.
Prepared<v1::ShareNoticeResponse> ShareNotice(const NodeFacts& node, const Actor& actor,
                                              v1::ShareNoticeRequest request);

// CreateNotice and ShareNotice of many notices in one commit, each by itself and written once: as
// released, with version 1. `checked` as in BatchCreateIncidents. What is refused leaves nothing
// and stands in its result; a failure of the store fails all. One journal entry.
Prepared<v1::BatchShareNoticesResponse> BatchShareNotices(const NodeFacts& node, const Actor& actor,
                                                          v1::BatchShareNoticesRequest request,
                                                          std::vector<absl::Status> checked);

// What ShareNotice would send to whom and by which rule, at `now_ms`. Writes nothing. Errors: as
// ShareNotice. Without `name` it plans for `draft`, made ready as CreateNotice would (the CLI's dry
// run of an incident).
absl::StatusOr<v1::ShareNoticeResponse> PlanShare(const NodeFacts& node,
                                                  const storage::Reader& reader,
                                                  const v1::ShareNoticeRequest& request,
                                                  std::int64_t now_ms);

// Sends a new version of a released notice to the same units. Errors: as ShareNotice,
// PERMISSION_DENIED / NOT_OWNER.
Prepared<v1::Notice> ReviseNotice(const NodeFacts& node, const Actor& actor,
                                  const v1::ReviseNoticeRequest& request);

// Takes a released notice back: every recipient is told. Errors: as ReviseNotice.
Prepared<v1::Notice> WithdrawNotice(const NodeFacts& node, const Actor& actor,
                                    const v1::WithdrawNoticeRequest& request);

// Answers a received notice; the owner gets a statement in the lane the notice came by.
// Errors: NOT_FOUND, PERMISSION_DENIED / NOT_OWNER (an own notice), ALREADY_EXISTS /
// ALREADY_ACKNOWLEDGED with who and when, FAILED_PRECONDITION / ILLEGAL_TRANSITION, /
// UNIT_NOT_PAIRED.
Prepared<v1::Notice> AcknowledgeNotice(const NodeFacts& node, const Actor& actor,
                                       const v1::AcknowledgeNoticeRequest& request);

}  // namespace tripoint::operations
