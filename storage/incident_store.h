// Incidents on disk: record, older versions, indexes. Writes on a transaction, reads on any reader,
// lists on a snapshot. Decides nothing: legality is server/domain's.
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

struct StoredIncident {
  std::uint64_t number = 0;  // RecordNumber(year, number in the year)
  store::v1::IncidentRecord record;
};

// Stores a new incident. Its name, version 1 and times are set by the caller; `number` was drawn in
// this transaction (NextNumber), so it is free: CheckCounters holds that at start.
// Errors: ALREADY_EXISTS / ALREADY_EXISTS the external id is taken; INVALID_ARGUMENT /
// FIELD_INVALID the name is not the one of `number`.
absl::Status CreateIncident(Transaction& transaction, std::uint64_t number,
                            const store::v1::IncidentRecord& record);

// Replaces `before` by `after`: keeps `before` in the history when the version differs, and moves
// the index entries. `before.record` must be what this transaction reads; name and external id do
// not change.
absl::Status UpdateIncident(Transaction& transaction, const StoredIncident& before,
                            const store::v1::IncidentRecord& after);

// By name, by external id, or a version of it (the present one included). nullopt: there is none.
absl::StatusOr<std::optional<StoredIncident>> FindIncident(const Reader& reader,
                                                           std::string_view name);
absl::StatusOr<std::optional<StoredIncident>> FindIncidentByExternalId(
    const Reader& reader, std::string_view external_id);
absl::StatusOr<std::optional<store::v1::IncidentRecord>> FindIncidentVersion(const Reader& reader,
                                                                             std::string_view name,
                                                                             std::uint32_t version);

// The serialised tripoint.v1.Incident of `name`, as it is stored: a read that only passes it on
// need not parse it. Its name and that its fields are whole is checked; what stands in them is not
// looked at: the checksums of the disk's blocks have been. nullopt: there is none.
absl::StatusOr<std::optional<std::string>> FindIncidentBytes(const Reader& reader,
                                                             std::string_view name);

// All that have `number` in their year, the earliest year first.
absl::StatusOr<std::vector<StoredIncident>> FindIncidentsByNumber(const Snapshot& snapshot,
                                                                  std::uint64_t number);

// Versions of `name` below `before_version` (0: all), newest first, at most `limit`. Empty when
// there is no such record.
absl::StatusOr<std::vector<store::v1::IncidentRecord>> ListIncidentVersions(
    const Snapshot& snapshot, std::string_view name, std::uint32_t before_version,
    std::size_t limit);

struct IncidentFilter {
  std::string category{};          // code (`DRG-TRF`) or group (`DRG`); empty: all
  int state = 0;                   // tripoint.v1.IncidentState; 0: all
  std::uint32_t severity_min = 0;  // 0: all
  std::string gate{};              // empty: all
  std::int64_t occur_time_ms_from = 0;
  std::int64_t occur_time_ms_until = 0;
};

struct IncidentPage {
  std::vector<StoredIncident> incidents;  // latest occurrence first
  std::string resume;                     // empty: this was the last page
};

// Errors: INVALID_ARGUMENT / PAGE_TOKEN_INVALID; what the engine gives.
absl::StatusOr<IncidentPage> ListIncidents(const Snapshot& snapshot, const IncidentFilter& filter,
                                           std::string_view resume, std::size_t limit);

}  // namespace tripoint::storage
