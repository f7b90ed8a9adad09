// See incident_store.h.
#include "storage/incident_store.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <memory>
#include <utility>

#include "proto/contract/error.h"
#include "storage/index.h"
#include "storage/keys.h"
#include "storage/list.h"
#include "storage/names.h"
#include "storage/record_io.h"

namespace tripoint::storage {
namespace {

using store::v1::IncidentRecord;

// Numbers on disk (storage/README.md). Each entry is paid for at every record, so there is none for
// what the others give: all incidents are those of any state, a group is the categories in it.
enum Field : std::uint8_t { kState = 1, kCategory = 2, kSeverity = 4, kGate = 5 };

constexpr std::size_t kCategoriesOfGroupMax = 64;

constexpr auto kVisit = [](const IncidentRecord& record, const auto& visit) {
  const tripoint::v1::Incident& incident = record.incident();
  visit(kState, std::to_string(static_cast<int>(incident.state())));
  visit(kCategory, incident.facts().category_code());
  visit(kSeverity, std::to_string(incident.facts().severity()));
  if (!incident.facts().place().gate().empty()) visit(kGate, incident.facts().place().gate());
};

std::string SortKeyOf(std::uint64_t number, const IncidentRecord& record) {
  return SortKey(record.incident().facts().occur_time_ms(), number);
}

absl::StatusOr<std::optional<StoredIncident>> Load(const Reader& reader, std::uint64_t number) {
  absl::StatusOr<std::optional<IncidentRecord>> record =
      ReadRecord<IncidentRecord>(reader, RecordKey(Space::kIncident, number));
  if (!record.ok()) return record.status();
  if (!record->has_value()) return DamagedRecord();  // something leads to it
  return std::make_optional(StoredIncident{number, std::move(**record)});
}

// Takes field `number`, a message or text, from the front of a serialised message. nullopt: another
// field is first, or its length is not true.
std::optional<std::string_view> TakeMessage(std::string_view& bytes, int number) {
  google::protobuf::io::CodedInputStream input(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                               static_cast<int>(bytes.size()));
  using google::protobuf::internal::WireFormatLite;
  std::uint32_t size = 0;
  if (input.ReadTag() !=
          WireFormatLite::MakeTag(number, WireFormatLite::WIRETYPE_LENGTH_DELIMITED) ||
      !input.ReadVarint32(&size)) {
    return std::nullopt;
  }
  const auto start = static_cast<std::size_t>(input.CurrentPosition());
  if (size > bytes.size() - start) return std::nullopt;
  const std::string_view taken = bytes.substr(start, size);
  bytes.remove_prefix(start + size);
  return taken;
}

// Whether a serialised message is a row of fields that end where it ends. Does not look into them.
bool HasWholeFields(std::string_view bytes) {
  google::protobuf::io::CodedInputStream input(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                               static_cast<int>(bytes.size()));
  return google::protobuf::internal::WireFormatLite::SkipMessage(&input) &&
         input.ConsumedEntireMessage();
}

absl::StatusOr<Term> TermOfCategory(const Snapshot& snapshot, const std::string& category) {
  if (category.find('-') != std::string::npos) return Term{kCategory, {category}};
  absl::StatusOr<std::vector<std::string>> categories =
      ValuesOf(snapshot, Space::kIncidentIndex, kCategory, category + "-", kCategoriesOfGroupMax);
  if (!categories.ok()) return categories.status();
  return Term{kCategory, *std::move(categories)};
}

absl::StatusOr<std::vector<Term>> TermsOf(const Snapshot& snapshot, const IncidentFilter& filter) {
  std::vector<Term> terms;
  if (!filter.gate.empty()) terms.push_back({kGate, {filter.gate}});
  if (!filter.category.empty()) {
    absl::StatusOr<Term> term = TermOfCategory(snapshot, filter.category);
    if (!term.ok()) return term.status();
    terms.push_back(*std::move(term));
  }
  if (filter.state != 0) terms.push_back({kState, {std::to_string(filter.state)}});
  if (filter.severity_min > 1) {
    Term term{kSeverity, {}};
    for (std::uint32_t severity = filter.severity_min; severity <= 5; ++severity) {
      term.any_of.push_back(std::to_string(severity));
    }
    terms.push_back(std::move(term));
  }
  if (terms.empty()) {
    Term& any_state = terms.emplace_back(Term{kState, {}});
    for (int state = 1; state <= tripoint::v1::IncidentState_MAX; ++state)
      any_state.any_of.push_back(std::to_string(state));
  }
  return terms;
}

}  // namespace

absl::Status CreateIncident(Transaction& transaction, std::uint64_t number,
                            const IncidentRecord& record) {
  const std::string& external_id = record.incident().external_id();
  if (!external_id.empty()) {
    const Key key = ExternalKey(external_id);
    const absl::StatusOr<std::optional<std::string>> taken = transaction.Get(key);
    if (!taken.ok()) return taken.status();
    if (taken->has_value()) {
      return contract::Error(absl::StatusCode::kAlreadyExists, contract::Reason::kAlreadyExists,
                             "An incident with this external id exists already.",
                             "An external id is imported once.",
                             "Read the incident that has it and edit that one.");
    }
    transaction.Put(key, U64Bytes(number));
  }
  if (absl::Status status = CheckOwnName(Kind::kIncident, record.incident().name(), number);
      !status.ok()) {
    return status;
  }
  WriteRecord(transaction, RecordKey(Space::kIncident, number), record);
  PutIndex(transaction, Space::kIncidentIndex, record, SortKeyOf(number, record), kVisit);
  return absl::OkStatus();
}

absl::Status UpdateIncident(Transaction& transaction, const StoredIncident& before,
                            const IncidentRecord& after) {
  if (before.record.incident().version() != after.incident().version()) {
    WriteRecord(
        transaction,
        HistoryKey(Space::kIncidentHistory, before.number, before.record.incident().version()),
        before.record);
  }
  WriteRecord(transaction, RecordKey(Space::kIncident, before.number), after);
  MoveIndex(transaction, Space::kIncidentIndex, before.record,
            SortKeyOf(before.number, before.record), after, SortKeyOf(before.number, after),
            kVisit);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<StoredIncident>> FindIncident(const Reader& reader,
                                                           std::string_view name) {
  const std::optional<std::uint64_t> number = OwnNumber(Kind::kIncident, name);
  if (!number.has_value()) return std::nullopt;
  absl::StatusOr<std::optional<IncidentRecord>> record =
      ReadRecord<IncidentRecord>(reader, RecordKey(Space::kIncident, *number));
  if (!record.ok()) return record.status();
  if (!record->has_value() || (*record)->incident().name() != name) return std::nullopt;
  return std::make_optional(StoredIncident{*number, std::move(**record)});
}

absl::StatusOr<std::optional<std::string>> FindIncidentBytes(const Reader& reader,
                                                             std::string_view name) {
  const std::optional<std::uint64_t> number = OwnNumber(Kind::kIncident, name);
  if (!number.has_value()) return std::nullopt;
  absl::StatusOr<std::optional<std::string>> record =
      reader.Get(RecordKey(Space::kIncident, *number));
  if (!record.ok() || !record->has_value()) return record;
  // Fields are written in the order of their numbers: the incident is all of the record, and its
  // name is the first of it. What has another form, of a newer layout or damaged, is parsed.
  std::string_view rest = **record;
  const std::optional<std::string_view> incident = TakeMessage(rest, 1);
  std::string_view fields = incident.value_or("");
  const std::optional<std::string_view> stored_name = TakeMessage(fields, 1);
  if (!stored_name.has_value() || !rest.empty() || !HasWholeFields(fields)) {
    absl::StatusOr<std::optional<StoredIncident>> parsed = FindIncident(reader, name);
    if (!parsed.ok()) return parsed.status();
    if (!parsed->has_value()) return std::nullopt;
    return std::make_optional((*parsed)->record.incident().SerializeAsString());
  }
  if (*stored_name != name) return std::nullopt;
  (*record)->erase(0, (*record)->size() - incident->size());
  return record;
}

absl::StatusOr<std::vector<StoredIncident>> FindIncidentsByNumber(const Snapshot& snapshot,
                                                                  std::uint64_t number) {
  const absl::StatusOr<std::vector<std::uint64_t>> numbers =
      OwnNumbersOf(snapshot, Kind::kIncident, number);
  if (!numbers.ok()) return numbers.status();
  std::vector<StoredIncident> incidents;
  for (const std::uint64_t candidate : *numbers) {
    absl::StatusOr<std::optional<IncidentRecord>> record =
        ReadRecord<IncidentRecord>(snapshot, RecordKey(Space::kIncident, candidate));
    if (!record.ok()) return record.status();
    if (record->has_value()) incidents.push_back({candidate, std::move(**record)});
  }
  return incidents;
}

absl::StatusOr<std::optional<StoredIncident>> FindIncidentByExternalId(
    const Reader& reader, std::string_view external_id) {
  if (external_id.empty()) return std::nullopt;
  const absl::StatusOr<std::optional<std::string>> number = reader.Get(ExternalKey(external_id));
  if (!number.ok()) return number.status();
  if (!number->has_value()) return std::nullopt;
  if ((*number)->size() != 8) return DamagedRecord();
  return Load(reader, ReadU64(**number));
}

absl::StatusOr<std::optional<IncidentRecord>> FindIncidentVersion(const Reader& reader,
                                                                  std::string_view name,
                                                                  std::uint32_t version) {
  absl::StatusOr<std::optional<StoredIncident>> present = FindIncident(reader, name);
  if (!present.ok()) return present.status();
  if (!present->has_value()) return std::nullopt;
  if ((*present)->record.incident().version() == version)
    return std::make_optional(std::move((*present)->record));
  return ReadRecord<IncidentRecord>(
      reader, HistoryKey(Space::kIncidentHistory, (*present)->number, version));
}

absl::StatusOr<std::vector<IncidentRecord>> ListIncidentVersions(const Snapshot& snapshot,
                                                                 std::string_view name,
                                                                 std::uint32_t before_version,
                                                                 std::size_t limit) {
  absl::StatusOr<std::optional<StoredIncident>> present = FindIncident(snapshot, name);
  if (!present.ok()) return present.status();
  std::vector<IncidentRecord> versions;
  if (!present->has_value() || limit == 0) return versions;
  const std::uint64_t number = (*present)->number;
  const std::uint32_t newest = (*present)->record.incident().version();
  if (before_version == 0 || newest < before_version)
    versions.push_back(std::move((*present)->record));
  const std::uint32_t from =
      before_version == 0 || newest < before_version ? newest : before_version;
  const std::unique_ptr<Cursor> cursor =
      snapshot.NewCursor(HistoryKey(Space::kIncidentHistory, number, from == 0 ? 0 : from - 1),
                         PrefixEnd(RecordKey(Space::kIncidentHistory, number)));
  for (; versions.size() < limit && cursor->Valid(); cursor->Next()) {
    absl::StatusOr<IncidentRecord> record = ParseRecord<IncidentRecord>(cursor->value());
    if (!record.ok()) return record.status();
    versions.push_back(std::move(*record));
  }
  if (const absl::Status status = cursor->status(); !status.ok()) return status;
  return versions;
}

absl::StatusOr<IncidentPage> ListIncidents(const Snapshot& snapshot, const IncidentFilter& filter,
                                           std::string_view resume, std::size_t limit) {
  IndexQuery query;
  query.space = Space::kIncidentIndex;
  absl::StatusOr<std::vector<Term>> terms = TermsOf(snapshot, filter);
  if (!terms.ok()) return terms.status();
  query.terms = *std::move(terms);
  query.time_ms_from = filter.occur_time_ms_from;
  query.time_ms_until = filter.occur_time_ms_until;
  query.resume = std::string(resume);
  query.limit = limit;
  absl::StatusOr<IndexPage> found = QueryIndex(snapshot, query);
  if (!found.ok()) return found.status();
  IncidentPage page;
  page.resume = std::move(found->resume);
  page.incidents.reserve(found->numbers.size());
  for (const std::uint64_t number : found->numbers) {
    absl::StatusOr<std::optional<StoredIncident>> incident = Load(snapshot, number);
    if (!incident.ok()) return incident.status();
    page.incidents.push_back(std::move(**incident));
  }
  return page;
}

}  // namespace tripoint::storage
