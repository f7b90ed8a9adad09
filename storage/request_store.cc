// See request_store.h.
#include "storage/request_store.h"

#include <memory>
#include <utility>

#include "storage/keys.h"
#include "storage/record_io.h"

namespace tripoint::storage {

absl::StatusOr<std::optional<store::v1::RequestRecord>> FindRequest(const Reader& reader,
                                                                    std::string_view request_id) {
  return ReadRecord<store::v1::RequestRecord>(reader, RequestKey(request_id));
}

void PutRequest(Transaction& transaction, std::string_view request_id,
                const store::v1::RequestRecord& record) {
  WriteRecord(transaction, RequestKey(request_id), record);
}

absl::StatusOr<ExpiredRequests> FindExpiredRequests(const Snapshot& snapshot, std::int64_t now_ms,
                                                    std::string_view resume,
                                                    std::size_t visits_max) {
  ExpiredRequests expired;
  const std::string prefix = Key(Space::kRequest).ToString();
  const std::unique_ptr<Cursor> cursor =
      snapshot.NewCursor(prefix + std::string(resume), PrefixEnd(prefix));
  std::size_t visits = 0;
  for (; cursor->Valid(); cursor->Next()) {
    if (visits++ == visits_max) {
      expired.resume = std::string(cursor->key().substr(1));
      return expired;
    }
    const absl::StatusOr<store::v1::RequestRecord> record =
        ParseRecord<store::v1::RequestRecord>(cursor->value());
    if (!record.ok()) return record.status();
    if (record->time_ms() < now_ms - kRequestLifeMs)
      expired.request_ids.emplace_back(cursor->key().substr(1));
  }
  if (const absl::Status status = cursor->status(); !status.ok()) return status;
  return expired;
}

absl::Status SweepRequests(Transaction& transaction, const ExpiredRequests& expired) {
  if (expired.request_ids.empty()) return absl::OkStatus();
  for (const std::string& request_id : expired.request_ids)
    transaction.Delete(RequestKey(request_id));
  store::v1::JournalEntry entry;
  entry.set_actor("node");
  entry.set_action("request.expire");
  entry.set_count(expired.request_ids.size());
  transaction.Journal(entry);
  return absl::OkStatus();
}

}  // namespace tripoint::storage
