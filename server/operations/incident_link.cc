// See incident_link.h.
#include "server/operations/incident_link.h"

#include "server/operations/common.h"

namespace tripoint::operations {
namespace {

// Notices that an incident names by itself; the list of notices by incident knows them all.
constexpr int kNoticesNamedMax = 256;

}  // namespace

absl::StatusOr<std::optional<storage::StoredIncident>> IncidentBehind(const storage::Reader& reader,
                                                                      const v1::Notice& notice) {
  if (notice.incident().empty()) return std::nullopt;
  absl::StatusOr<std::optional<storage::StoredIncident>> found =
      storage::FindIncident(reader, notice.incident());
  if (found.ok() && !found->has_value()) {
    return NotFound("incident", notice.incident(),
                    "List what there is with: tripoint incident list");
  }
  return found;
}

absl::Status LinkIncident(storage::Transaction& transaction,
                          const storage::StoredIncident& incident, const std::string& notice) {
  if (incident.record.incident().notices_size() >= kNoticesNamedMax) return absl::OkStatus();
  store::v1::IncidentRecord after = incident.record;
  after.mutable_incident()->add_notices(notice);
  return storage::UpdateIncident(transaction, incident, after);
}

}  // namespace tripoint::operations
