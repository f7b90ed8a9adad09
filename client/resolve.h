// From what an officer says (`0093-T`) to the record. The check letter of a full reference is
// verified before the node is asked, so that a misheard digit never finds another record. One
// thread.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "client/context.h"
#include "tripoint/v1/incident.pb.h"
#include "tripoint/v1/notice.pb.h"

namespace tripoint::client {

// Last part of a resource name: `I-QNG-26-0093-T`.
std::string ReferenceOf(std::string_view name);

// What the node is asked for: the tail in capitals, or the reference of a full resource name.
// Errors: REFERENCE_INVALID.
absl::StatusOr<std::string> CheckedTail(std::string_view text);

// The one incident of this node that ends like this. Errors: REFERENCE_INVALID, REFERENCE_AMBIGUOUS
// with the list, NOT_FOUND.
absl::StatusOr<v1::Incident> ResolveIncident(Context& context, std::string_view text);

enum class Whose { kOwn, kReceived, kAny };

// The one notice that ends like this, with its deliveries. Errors: as above; NOT_OWNER when it is
// on the other side only.
absl::StatusOr<v1::Notice> ResolveNotice(Context& context, std::string_view text, Whose whose);

}  // namespace tripoint::client
