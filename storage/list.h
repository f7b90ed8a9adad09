// Lists without scans: walks the index entries of several filters at once and jumps each to where
// the others are. Used by the typed stores on a snapshot; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/engine.h"
#include "storage/keys.h"

namespace tripoint::storage {

// Holds for a record when one of the values does.
struct Term {
  std::uint8_t field = 0;
  std::vector<std::string> any_of;
};

struct IndexQuery {
  Space space = Space::kIncidentIndex;
  std::vector<Term> terms;         // all must hold; at least one
  std::int64_t time_ms_from = 0;   // 0: open; inclusive
  std::int64_t time_ms_until = 0;  // 0: open; exclusive
  std::string resume;              // IndexPage::resume of the page before; empty: from the newest
  std::size_t limit = 50;
  // Bounds the work of a page whatever the filters are: steps of a cursor, of which a search costs
  // eight. Filters that never meet end a page after a millisecond or two.
  std::size_t steps_max = 8192;
};

struct IndexPage {
  std::vector<std::uint64_t> numbers;  // newest first
  // Where the next page begins; empty: this was the last. A page may be short, even empty, and not
  // be the last.
  std::string resume;
};

// Values of `field` in the index that begin with `prefix`, in order, at most `count_max`: one seek
// for each, however many records have it.
absl::StatusOr<std::vector<std::string>> ValuesOf(const Snapshot& snapshot, Space space,
                                                  std::uint8_t field, std::string_view prefix,
                                                  std::size_t count_max);

// A term without values holds for no record.
// Errors: INVALID_ARGUMENT / PAGE_TOKEN_INVALID `resume` is not one of ours; what the engine gives.
absl::StatusOr<IndexPage> QueryIndex(const Snapshot& snapshot, const IndexQuery& query);

}  // namespace tripoint::storage
