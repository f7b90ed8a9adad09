// Changes to incidents: record, correct, move along the life-cycle. Called by server/rpc and the
// simulator.
//
// The functions run on the caller's thread and copy what they need; the operations run on the
// committer's. Requests have passed contract validation. Every change is idempotent by
// `request_id`: the same id with the same request answers as the first time, another request gives
// ALREADY_EXISTS / REQUEST_ID_REUSED. With `validate_only` an operation checks all of it and writes
// nothing.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "server/operations/node_facts.h"
#include "server/operations/prepared.h"
#include "tripoint/v1/incident.pb.h"

namespace tripoint::operations {

// Records an incident in state OPEN; a known `external_id` with the same contents answers with what
// is there. Errors: ALREADY_EXISTS / ALREADY_EXISTS (external_id with other contents), /
// REQUEST_ID_REUSED; what domain refuses.
Prepared<v1::Incident> CreateIncident(const NodeFacts& node, const Actor& actor,
                                      v1::CreateIncidentRequest request);

// Records many in one commit. `checked` holds one status for each request (contract validation, by
// the caller): what is not OK is answered with it. Each is recorded by itself, unless
// `all_or_nothing`: then one bad record means that none is recorded, the operation ends with
// ABORTED / BATCH_REFUSED, and `*result` may be read all the same: it says what was wrong with
// which.
Prepared<v1::BatchCreateIncidentsResponse> BatchCreateIncidents(
    const NodeFacts& node, const Actor& actor, v1::BatchCreateIncidentsRequest request,
    std::vector<absl::Status> checked);

// Replaces the facts. Errors: NOT_FOUND, ABORTED / STALE_ETAG, FAILED_PRECONDITION /
// ILLEGAL_TRANSITION.
Prepared<v1::Incident> UpdateIncident(const NodeFacts& node, const Actor& actor,
                                      const v1::UpdateIncidentRequest& request);

// Moves an incident along its life-cycle. Errors: as UpdateIncident.
Prepared<v1::Incident> ChangeIncidentState(const NodeFacts& node, const Actor& actor,
                                           const v1::ChangeIncidentStateRequest& request);

}  // namespace tripoint::operations
