// See notice_store.h.
#include "storage/notice_store.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "storage/index.h"
#include "storage/keys.h"
#include "storage/list.h"
#include "storage/names.h"
#include "storage/record_io.h"
#include "storage/unit_groups.h"

namespace tripoint::storage {
namespace {

using store::v1::NoticeRecord;
using store::v1::ReceivedRecord;

// Numbers on disk (storage/README.md); the same for own and received notices. All notices are those
// of any state: an entry of its own would be paid for at every record.
enum Field : std::uint8_t {
  kState = 1,
  kKind = 2,
  kUrgency = 3,
  kUnit = 4,
  kNeedsAck = 5,
  kIncident = 6
};

std::string_view ReferenceOf(std::string_view name) {
  const std::optional<NameParts> parts = SplitName(name);
  return parts.has_value() ? parts->reference : std::string_view();
}

// A notice and what it is found by as one to its units (unit_groups.h).
struct NoticeEntry {
  const NoticeRecord& record;
  std::vector<std::string> units;
};

constexpr auto kVisitNotice = [](const NoticeEntry& entry, const auto& visit) {
  const tripoint::v1::Notice& notice = entry.record.notice();
  visit(kState, std::to_string(static_cast<int>(notice.state())));
  visit(kKind, notice.kind_code());
  visit(kUrgency, notice.urgency_code());
  for (const std::string& unit : entry.units) visit(kUnit, unit);
  if (const std::string_view incident = ReferenceOf(notice.incident()); !incident.empty())
    visit(kIncident, incident);
};

// Waits for an answer while it is in force and no officer here has acknowledged, acted or declined.
bool NeedsAck(const ReceivedRecord& record) {
  return record.needs_ack() &&
         record.state() == static_cast<std::uint32_t>(tripoint::v1::NOTICE_STATE_RELEASED) &&
         record.answer().state() <
             static_cast<std::uint32_t>(tripoint::v1::DELIVERY_STATE_ACKNOWLEDGED);
}

constexpr auto kVisitReceived = [](const ReceivedRecord& record, const auto& visit) {
  visit(kState, std::to_string(record.state()));
  visit(kKind, record.kind_code());
  visit(kUrgency, record.urgency_code());
  visit(kUnit, record.owner());
  if (NeedsAck(record)) visit(kNeedsAck, std::string_view());
};

std::string SortKeyOf(std::uint64_t number, const NoticeRecord& record) {
  const tripoint::v1::Notice& notice = record.notice();
  return SortKey(notice.share_time_ms() != 0 ? notice.share_time_ms() : notice.create_time_ms(),
                 number);
}

std::string SortKeyOf(const ReceivedRecord& record) {
  return SortKey(record.first_receive_time_ms(), record.number());
}

template <typename Record>
absl::StatusOr<Record> Load(const Reader& reader, Space space, std::uint64_t number) {
  absl::StatusOr<std::optional<Record>> record =
      ReadRecord<Record>(reader, RecordKey(space, number));
  if (!record.ok()) return record.status();
  if (!record->has_value()) return DamagedRecord();  // something leads to it
  return std::move(**record);
}

// `units`: the values by which notices to or from filter.unit are found.
IndexQuery QueryOf(Space space, const NoticeFilter& filter, std::vector<std::string> units,
                   std::string_view resume, std::size_t limit) {
  IndexQuery query;
  query.space = space;
  query.resume = std::string(resume);
  query.limit = limit;
  if (filter.needs_ack) query.terms.push_back({kNeedsAck, {""}});
  if (!filter.incident.empty())
    query.terms.push_back({kIncident, {std::string(ReferenceOf(filter.incident))}});
  if (!filter.unit.empty()) query.terms.push_back({kUnit, std::move(units)});
  if (!filter.kind_code.empty()) query.terms.push_back({kKind, {filter.kind_code}});
  if (!filter.urgency_code.empty()) query.terms.push_back({kUrgency, {filter.urgency_code}});
  if (filter.state != 0) query.terms.push_back({kState, {std::to_string(filter.state)}});
  if (query.terms.empty()) {
    Term& any_state = query.terms.emplace_back(Term{kState, {}});
    for (int state = 1; state <= tripoint::v1::NoticeState_MAX; ++state)
      any_state.any_of.push_back(std::to_string(state));
  }
  return query;
}

bool HaveSameAudience(const NoticeRecord& one, const NoticeRecord& other) {
  const auto& units = one.notice().audience();
  const auto& others = other.notice().audience();
  return std::equal(units.begin(), units.end(), others.begin(), others.end());
}

// All entries by unit that there may be of `record`, for MoveIndex to delete, but those that are in
// `kept`: it writes them, whether they were there or not.
std::vector<std::string> EntriesToDrop(const NoticeRecord& record,
                                       const std::vector<std::string>& kept) {
  std::vector<std::string> units = EnteredUnits(record.notice().audience());
  std::erase_if(units, [&kept](const std::string& unit) {
    return std::find(kept.begin(), kept.end(), unit) != kept.end();
  });
  return units;
}

}  // namespace

absl::Status CreateNotice(Transaction& transaction, std::uint64_t number,
                          const NoticeRecord& record) {
  if (absl::Status status = CheckOwnName(Kind::kNotice, record.notice().name(), number);
      !status.ok()) {
    return status;
  }
  absl::StatusOr<std::vector<std::string>> units =
      EnterUnits(transaction, record.notice().audience());
  if (!units.ok()) return units.status();
  WriteRecord(transaction, RecordKey(Space::kNotice, number), record);
  PutIndex(transaction, Space::kNoticeIndex, NoticeEntry{record, *std::move(units)},
           SortKeyOf(number, record), kVisitNotice);
  return absl::OkStatus();
}

absl::Status UpdateNotice(Transaction& transaction, const StoredNotice& before,
                          const NoticeRecord& after) {
  if (before.record.notice().version() != after.notice().version()) {
    WriteRecord(transaction,
                HistoryKey(Space::kNoticeHistory, before.number, before.record.notice().version()),
                before.record);
  }
  WriteRecord(transaction, RecordKey(Space::kNotice, before.number), after);
  const std::string sort_key_before = SortKeyOf(before.number, before.record);
  const std::string sort_key_after = SortKeyOf(before.number, after);
  NoticeEntry entry_before{before.record, {}};
  NoticeEntry entry_after{after, {}};
  const bool same_place = sort_key_before == sort_key_after;
  // At the same place and to the same units, the entries by unit stay as they are, whichever they
  // are: an answer or a withdrawal asks for no group.
  if (!same_place || !HaveSameAudience(before.record, after)) {
    absl::StatusOr<std::vector<std::string>> units =
        EnterUnits(transaction, after.notice().audience());
    if (!units.ok()) return units.status();
    entry_after.units = *std::move(units);
    entry_before.units =
        EntriesToDrop(before.record, same_place ? entry_after.units : std::vector<std::string>());
  }
  MoveIndex(transaction, Space::kNoticeIndex, entry_before, sort_key_before, entry_after,
            sort_key_after, kVisitNotice);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<StoredNotice>> FindNotice(const Reader& reader,
                                                       std::string_view name) {
  const std::optional<std::uint64_t> number = OwnNumber(Kind::kNotice, name);
  if (!number.has_value()) return std::nullopt;
  absl::StatusOr<std::optional<NoticeRecord>> record =
      ReadRecord<NoticeRecord>(reader, RecordKey(Space::kNotice, *number));
  if (!record.ok()) return record.status();
  if (!record->has_value() || (*record)->notice().name() != name) return std::nullopt;
  return std::make_optional(StoredNotice{*number, std::move(**record)});
}

absl::StatusOr<std::vector<StoredNotice>> FindNoticesByNumber(const Snapshot& snapshot,
                                                              std::uint64_t number) {
  const absl::StatusOr<std::vector<std::uint64_t>> numbers =
      OwnNumbersOf(snapshot, Kind::kNotice, number);
  if (!numbers.ok()) return numbers.status();
  std::vector<StoredNotice> notices;
  for (const std::uint64_t candidate : *numbers) {
    absl::StatusOr<std::optional<NoticeRecord>> record =
        ReadRecord<NoticeRecord>(snapshot, RecordKey(Space::kNotice, candidate));
    if (!record.ok()) return record.status();
    if (record->has_value()) notices.push_back({candidate, std::move(**record)});
  }
  return notices;
}

absl::StatusOr<std::optional<NoticeRecord>> FindNoticeVersion(const Reader& reader,
                                                              std::string_view name,
                                                              std::uint32_t version) {
  absl::StatusOr<std::optional<StoredNotice>> present = FindNotice(reader, name);
  if (!present.ok()) return present.status();
  if (!present->has_value()) return std::nullopt;
  if ((*present)->record.notice().version() == version)
    return std::make_optional(std::move((*present)->record));
  return ReadRecord<NoticeRecord>(reader,
                                  HistoryKey(Space::kNoticeHistory, (*present)->number, version));
}

absl::StatusOr<std::vector<NoticeRecord>> ListNoticeVersions(const Snapshot& snapshot,
                                                             std::string_view name,
                                                             std::uint32_t before_version,
                                                             std::size_t limit) {
  absl::StatusOr<std::optional<StoredNotice>> present = FindNotice(snapshot, name);
  if (!present.ok()) return present.status();
  std::vector<NoticeRecord> versions;
  if (!present->has_value() || limit == 0) return versions;
  const std::uint64_t number = (*present)->number;
  const std::uint32_t newest = (*present)->record.notice().version();
  const bool with_newest = before_version == 0 || newest < before_version;
  if (with_newest) versions.push_back(std::move((*present)->record));
  const std::uint32_t below = with_newest ? newest : before_version;
  const std::unique_ptr<Cursor> cursor =
      snapshot.NewCursor(HistoryKey(Space::kNoticeHistory, number, below == 0 ? 0 : below - 1),
                         PrefixEnd(RecordKey(Space::kNoticeHistory, number)));
  for (; versions.size() < limit && cursor->Valid(); cursor->Next()) {
    absl::StatusOr<NoticeRecord> record = ParseRecord<NoticeRecord>(cursor->value());
    if (!record.ok()) return record.status();
    versions.push_back(std::move(*record));
  }
  if (const absl::Status status = cursor->status(); !status.ok()) return status;
  return versions;
}

absl::Status CreateReceived(Transaction& transaction, const ReceivedRecord& record) {
  if (absl::Status status = PutReceivedReference(transaction, record.name(), record.number());
      !status.ok()) {
    return status;
  }
  WriteRecord(transaction, RecordKey(Space::kReceived, record.number()), record);
  PutIndex(transaction, Space::kReceivedIndex, record, SortKeyOf(record), kVisitReceived);
  return absl::OkStatus();
}

absl::Status UpdateReceived(Transaction& transaction, const ReceivedRecord& before,
                            const ReceivedRecord& after) {
  if (before.version() != after.version()) {
    WriteRecord(transaction, HistoryKey(Space::kReceivedHistory, before.number(), before.version()),
                before);
  }
  WriteRecord(transaction, RecordKey(Space::kReceived, before.number()), after);
  MoveIndex(transaction, Space::kReceivedIndex, before, SortKeyOf(before), after, SortKeyOf(after),
            kVisitReceived);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<ReceivedRecord>> FindReceived(const Reader& reader,
                                                           std::string_view name) {
  const absl::StatusOr<std::optional<std::uint64_t>> number = FindReceivedNumber(reader, name);
  if (!number.ok()) return number.status();
  if (!number->has_value()) return std::nullopt;
  absl::StatusOr<ReceivedRecord> record = Load<ReceivedRecord>(reader, Space::kReceived, **number);
  if (!record.ok()) return record.status();
  return std::make_optional(std::move(*record));
}

absl::StatusOr<std::optional<ReceivedRecord>> FindReceivedVersion(const Reader& reader,
                                                                  std::string_view name,
                                                                  std::uint32_t version) {
  absl::StatusOr<std::optional<ReceivedRecord>> present = FindReceived(reader, name);
  if (!present.ok() || !present->has_value() || (*present)->version() == version) return present;
  return ReadRecord<ReceivedRecord>(
      reader, HistoryKey(Space::kReceivedHistory, (*present)->number(), version));
}

absl::StatusOr<NoticePage> ListNotices(const Snapshot& snapshot, const NoticeFilter& filter,
                                       std::string_view resume, std::size_t limit) {
  absl::StatusOr<std::vector<std::string>> units = std::vector<std::string>();
  if (!filter.unit.empty()) units = ValuesOfUnit(snapshot, filter.unit);
  if (!units.ok()) return units.status();
  absl::StatusOr<IndexPage> found =
      QueryIndex(snapshot, QueryOf(Space::kNoticeIndex, filter, *std::move(units), resume, limit));
  if (!found.ok()) return found.status();
  NoticePage page;
  page.resume = std::move(found->resume);
  for (const std::uint64_t number : found->numbers) {
    absl::StatusOr<NoticeRecord> record = Load<NoticeRecord>(snapshot, Space::kNotice, number);
    if (!record.ok()) return record.status();
    page.notices.push_back({number, std::move(*record)});
  }
  return page;
}

absl::StatusOr<ReceivedPage> ListReceived(const Snapshot& snapshot, const NoticeFilter& filter,
                                          std::string_view resume, std::size_t limit) {
  absl::StatusOr<IndexPage> found =
      QueryIndex(snapshot, QueryOf(Space::kReceivedIndex, filter, {filter.unit}, resume, limit));
  if (!found.ok()) return found.status();
  ReceivedPage page;
  page.resume = std::move(found->resume);
  for (const std::uint64_t number : found->numbers) {
    absl::StatusOr<ReceivedRecord> record =
        Load<ReceivedRecord>(snapshot, Space::kReceived, number);
    if (!record.ok()) return record.status();
    page.notices.push_back(std::move(*record));
  }
  return page;
}

}  // namespace tripoint::storage
