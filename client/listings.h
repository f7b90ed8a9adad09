// The lists of incidents and notices: paging, filters and following, shared by the commands that
// show them. One thread.
#pragma once

#include "absl/status/statusor.h"
#include "client/watch.h"
#include "tripoint/v1/incident.pb.h"
#include "tripoint/v1/notice.pb.h"

namespace tripoint::client {

// Incidents by `filter`, in any number of pages.
Listing IncidentListing(Context& context, Caller& node, const v1::ListIncidentsRequest& filter);
// Own notices, or with NOTICE_DIRECTION_RECEIVED the inbox.
Listing NoticeListing(Context& context, Caller& node, const v1::ListNoticesRequest& filter);

// --limit of a list: a whole number, empty = usual. Errors: FIELD_INVALID.
absl::StatusOr<int> ReadLimit(const std::string& text);

}  // namespace tripoint::client
