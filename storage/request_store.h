// First answers to requests, so that a repeated call changes nothing and gets the same answer. Kept
// for seven days.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/engine.h"
#include "storage/transaction.h"
#include "tripoint/store/v1/records.pb.h"

namespace tripoint::storage {

inline constexpr std::int64_t kRequestLifeMs = std::int64_t{7} * 24 * 3600 * 1000;
inline constexpr std::size_t kRequestIdBytes = 16;

// `request_id` is the 16 bytes of the UUID.
absl::StatusOr<std::optional<store::v1::RequestRecord>> FindRequest(const Reader& reader,
                                                                    std::string_view request_id);
void PutRequest(Transaction& transaction, std::string_view request_id,
                const store::v1::RequestRecord& record);

// One bounded piece of the sweep: looks at up to `visits_max` records from `resume` on. No index by
// time is kept, since it would cost every write; the sweep goes round and round instead.
struct ExpiredRequests {
  std::vector<std::string> request_ids;
  std::string resume;  // where the next piece begins; empty: from the start again
};
absl::StatusOr<ExpiredRequests> FindExpiredRequests(const Snapshot& snapshot, std::int64_t now_ms,
                                                    std::string_view resume,
                                                    std::size_t visits_max);
// Forgets them and journals `request.expire` with their count. Nothing to do when there are none.
absl::Status SweepRequests(Transaction& transaction, const ExpiredRequests& expired);

}  // namespace tripoint::storage
