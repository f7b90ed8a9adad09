// Notices on disk, own and received: records, older versions, indexes. Writes on a transaction,
// reads on any reader, lists on a snapshot. Decides nothing: legality is server/domain's.
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

struct StoredNotice {
  std::uint64_t number = 0;  // RecordNumber(year, number in the year)
  store::v1::NoticeRecord record;
};

// Own notices. Sorted by share time, drafts by creation. `number` was drawn in this transaction.
// Errors: INVALID_ARGUMENT / FIELD_INVALID the name is not the one of `number`.
absl::Status CreateNotice(Transaction& transaction, std::uint64_t number,
                          const store::v1::NoticeRecord& record);
// Keeps `before` in the history when the version differs, moves the index entries.
absl::Status UpdateNotice(Transaction& transaction, const StoredNotice& before,
                          const store::v1::NoticeRecord& after);
absl::StatusOr<std::optional<StoredNotice>> FindNotice(const Reader& reader, std::string_view name);
// All that have `number` in their year, the earliest year first.
absl::StatusOr<std::vector<StoredNotice>> FindNoticesByNumber(const Snapshot& snapshot,
                                                              std::uint64_t number);
absl::StatusOr<std::optional<store::v1::NoticeRecord>> FindNoticeVersion(const Reader& reader,
                                                                         std::string_view name,
                                                                         std::uint32_t version);
absl::StatusOr<std::vector<store::v1::NoticeRecord>> ListNoticeVersions(
    const Snapshot& snapshot, std::string_view name, std::uint32_t before_version,
    std::size_t limit);

// Received notices. `record.number` is NextNumber(kReceived, 0). Sorted by first_receive_time_ms.
// Precondition: FindReceived found none of this name in this transaction.
absl::Status CreateReceived(Transaction& transaction, const store::v1::ReceivedRecord& record);
absl::Status UpdateReceived(Transaction& transaction, const store::v1::ReceivedRecord& before,
                            const store::v1::ReceivedRecord& after);
absl::StatusOr<std::optional<store::v1::ReceivedRecord>> FindReceived(const Reader& reader,
                                                                      std::string_view name);
absl::StatusOr<std::optional<store::v1::ReceivedRecord>> FindReceivedVersion(const Reader& reader,
                                                                             std::string_view name,
                                                                             std::uint32_t version);

struct NoticeFilter {
  int state = 0;               // tripoint.v1.NoticeState; 0: all
  std::string kind_code{};     // empty: all
  std::string urgency_code{};  // empty: all
  std::string unit{};          // own: a unit of the audience; received: the owner; empty: all
  bool needs_ack = false;      // received only: asks for an acknowledgement, is in force and has no
                               // answer of that rank
  std::string incident{};      // own only: name of the incident it was made from
};

struct NoticePage {
  std::vector<StoredNotice> notices;
  std::string resume;  // empty: this was the last page
};
struct ReceivedPage {
  std::vector<store::v1::ReceivedRecord> notices;
  std::string resume;
};

// Newest first. Errors: INVALID_ARGUMENT / PAGE_TOKEN_INVALID; what the engine gives.
absl::StatusOr<NoticePage> ListNotices(const Snapshot& snapshot, const NoticeFilter& filter,
                                       std::string_view resume, std::size_t limit);
absl::StatusOr<ReceivedPage> ListReceived(const Snapshot& snapshot, const NoticeFilter& filter,
                                          std::string_view resume, std::size_t limit);

}  // namespace tripoint::storage
