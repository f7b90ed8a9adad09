// See names.h.
#include "storage/names.h"

#include <memory>

#include "proto/contract/error.h"
#include "proto/contract/reference.h"
#include "storage/record_io.h"

namespace tripoint::storage {
namespace {

using contract::Error;
using contract::Reason;

// References carry two digits of the year: 70 to 99 are of a node whose clock began in 1970.
constexpr int YearFrom(int two_digits) { return two_digits + (two_digits >= 70 ? 1900 : 2000); }
constexpr std::uint64_t kNumberInYearMax = (std::uint64_t{1} << kYearShift) - 1;

// nullopt: no key of a record.
std::optional<int> YearOfRecord(std::string_view key) {
  if (key.size() != RecordKey(Space::kIncident, 0).size()) return std::nullopt;
  return static_cast<int>(ReadU64(key.substr(1)) >> kYearShift);
}

absl::Status NoName() {
  return Error(absl::StatusCode::kInvalidArgument, Reason::kFieldInvalid,
               "The record has no valid name.",
               "A name is units/{unit}/{incidents or notices}/{reference}.", "Correct the name.");
}

absl::Status CounterBehind(int year) {
  return Error(absl::StatusCode::kDataLoss, Reason::kCorrupt,
               "The counter of the references of " + std::to_string(year) +
                   " is behind the records that are stored.",
               "Both are written together; stored data was damaged.",
               "Keep the data folder as it is and restore a backup.");
}

}  // namespace

absl::StatusOr<std::optional<std::uint64_t>> LastNumber(const Reader& reader, Kind kind, int year) {
  const absl::StatusOr<std::optional<std::string>> stored = reader.Get(CounterKey(kind, year));
  if (!stored.ok()) return stored.status();
  if (!stored->has_value()) return std::nullopt;
  if ((*stored)->size() != 8) return DamagedRecord();
  return std::make_optional(ReadU64(**stored));
}

absl::StatusOr<std::uint64_t> NextNumber(Transaction& transaction, Kind kind, int year) {
  const absl::StatusOr<std::optional<std::uint64_t>> last = LastNumber(transaction, kind, year);
  if (!last.ok()) return last.status();
  const std::uint64_t number = last->value_or(0) + 1;
  transaction.Put(CounterKey(kind, year), U64Bytes(number));
  return number;
}

absl::StatusOr<std::uint64_t> CountNumbers(const Snapshot& snapshot, Kind kind) {
  const std::unique_ptr<Cursor> cursor =
      snapshot.NewCursor(CounterKey(kind, 0), CounterKey(kind, 0xffff));
  std::uint64_t count = 0;
  for (; cursor->Valid(); cursor->Next()) {
    if (cursor->value().size() != 8) return DamagedRecord();
    count += ReadU64(cursor->value());
  }
  if (const absl::Status status = cursor->status(); !status.ok()) return status;
  return count;
}

std::optional<NameParts> SplitName(std::string_view name) {
  constexpr std::string_view kUnits = "units/";
  if (name.substr(0, kUnits.size()) != kUnits) return std::nullopt;
  name.remove_prefix(kUnits.size());
  const std::size_t first = name.find('/');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = name.find('/', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const NameParts parts{name.substr(0, first), name.substr(first + 1, second - first - 1),
                        name.substr(second + 1)};
  if (parts.owner.empty() || parts.reference.empty() ||
      parts.reference.find('/') != std::string_view::npos ||
      (parts.collection != "incidents" && parts.collection != "notices") ||
      name.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  return parts;
}

std::optional<std::uint64_t> OwnNumber(Kind kind, std::string_view name) {
  const std::optional<contract::NameParts> parts =
      kind == Kind::kIncident ? contract::ParseIncidentName(name) : contract::ParseNoticeName(name);
  if (!parts.has_value()) return std::nullopt;
  return RecordNumber(YearFrom(parts->year), parts->number);
}

absl::StatusOr<std::vector<std::uint64_t>> OwnNumbersOf(const Snapshot& snapshot, Kind kind,
                                                        std::uint64_t number) {
  std::vector<std::uint64_t> numbers;
  if (number > kNumberInYearMax) return numbers;
  const std::unique_ptr<Cursor> cursor =
      snapshot.NewCursor(CounterKey(kind, 0), CounterKey(kind, 0xffff));
  const std::size_t year_at = CounterKey(kind, 0).size() - 2;
  for (; cursor->Valid(); cursor->Next()) {
    const std::string_view year = cursor->key().substr(year_at);
    if (year.size() != 2) return DamagedRecord();
    numbers.push_back(RecordNumber(
        static_cast<std::uint8_t>(year[0]) << 8 | static_cast<std::uint8_t>(year[1]), number));
  }
  if (const absl::Status status = cursor->status(); !status.ok()) return status;
  return numbers;
}

absl::StatusOr<std::optional<std::uint64_t>> FindReceivedNumber(const Reader& reader,
                                                                std::string_view name) {
  const std::optional<NameParts> parts = SplitName(name);
  if (!parts.has_value() || parts->collection != "notices") return std::nullopt;
  const absl::StatusOr<std::optional<std::string>> number =
      reader.Get(ReferenceKey(Kind::kReceived, parts->reference, parts->owner));
  if (!number.ok()) return number.status();
  if (!number->has_value()) return std::nullopt;
  if ((*number)->size() != 8) return DamagedRecord();
  return std::make_optional(ReadU64(**number));
}

absl::StatusOr<std::vector<ReferenceHit>> FindReceivedTail(const Snapshot& snapshot,
                                                           std::string_view tail,
                                                           std::size_t limit) {
  std::vector<ReferenceHit> hits;
  if (tail.empty() || tail.find('\0') != std::string_view::npos) return hits;
  const std::string prefix = ReferenceTailPrefix(Kind::kReceived, tail).ToString();
  const std::unique_ptr<Cursor> cursor = snapshot.NewCursor(prefix, PrefixEnd(prefix));
  for (; cursor->Valid() && hits.size() < limit; cursor->Next()) {
    const std::string_view rest = cursor->key().substr(2);  // space, kind
    const std::size_t end = rest.find('\0');
    if (end == std::string_view::npos || cursor->value().size() != 8) return DamagedRecord();
    ReferenceHit& hit = hits.emplace_back();
    hit.reference.assign(rest.rend() - static_cast<std::ptrdiff_t>(end), rest.rend());
    hit.owner.assign(rest.substr(end + 1));
  }
  if (const absl::Status status = cursor->status(); !status.ok()) return status;
  return hits;
}

absl::Status PutReceivedReference(Transaction& transaction, std::string_view name,
                                  std::uint64_t number) {
  const std::optional<NameParts> parts = SplitName(name);
  if (!parts.has_value()) return NoName();
  transaction.Put(ReferenceKey(Kind::kReceived, parts->reference, parts->owner), U64Bytes(number));
  return absl::OkStatus();
}

absl::Status CheckOwnName(Kind kind, std::string_view name, std::uint64_t number) {
  return OwnNumber(kind, name) == number ? absl::OkStatus() : NoName();
}

absl::Status CheckCounters(const Snapshot& snapshot, Kind kind, Space records) {
  const std::string prefix = Key(records).ToString();
  const std::unique_ptr<Cursor> cursor = snapshot.NewCursor(prefix, PrefixEnd(prefix));
  while (cursor->Valid()) {
    const std::optional<int> year = YearOfRecord(cursor->key());
    if (!year.has_value()) return DamagedRecord();
    const absl::StatusOr<std::optional<std::string>> last = snapshot.Get(CounterKey(kind, *year));
    if (!last.ok()) return last.status();
    if (!last->has_value() || (*last)->size() != 8) return CounterBehind(*year);
    cursor->Seek(RecordKey(records, RecordNumber(*year, ReadU64(**last) + 1)));
    if (cursor->Valid() && YearOfRecord(cursor->key()) == year) return CounterBehind(*year);
  }
  return cursor->status();
}

}  // namespace tripoint::storage
