// Finds records by what officers say of a reference: `0093-T`, `93-t`, `QNG-26-0093-T`.
//
// Used by incident_reads.cc and notice_reads.cc. Any thread; reads one snapshot.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/engine.h"
#include "storage/keys.h"

namespace tripoint::operations {

// Resource names of up to `limit` records of `kind` that the tail fits. A tail without check letter
// fits whatever letter the record has. Errors: INVALID_ARGUMENT / REFERENCE_INVALID for a text that
// is no tail.
absl::StatusOr<std::vector<std::string>> FindByTail(const storage::Snapshot& snapshot,
                                                    storage::Kind kind, std::string_view tail,
                                                    std::size_t limit);

}  // namespace tripoint::operations
