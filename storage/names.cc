// See names.h.
#include "storage/names.h"

#include <algorithm>
#include <memory>

#include "proto/contract/error.h"
#include "storage/record_io.h"

namespace tripoint::storage {
namespace {

using contract::Error;
using contract::Reason;

}  // namespace

absl::StatusOr<std::uint64_t> NextNumber(Transaction& transaction, Kind kind, int year) {
  const Key key = CounterKey(kind, year);
  const absl::StatusOr<std::optional<std::string>> stored = transaction.Get(key);
  if (!stored.ok()) return stored.status();
  if (stored->has_value() && (*stored)->size() != 8) return DamagedRecord();
  const std::uint64_t number = stored->has_value() ? ReadU64(**stored) + 1 : 1;
  transaction.Put(key, U64Bytes(number));
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

absl::StatusOr<std::optional<std::uint64_t>> FindNumber(const Reader& reader, Kind kind,
                                                        std::string_view name) {
  const std::optional<NameParts> parts = SplitName(name);
  if (!parts.has_value() || (kind == Kind::kIncident) != (parts->collection == "incidents"))
    return std::nullopt;
  const absl::StatusOr<std::optional<std::string>> number =
      reader.Get(ReferenceKey(kind, parts->reference, parts->owner));
  if (!number.ok()) return number.status();
  if (!number->has_value()) return std::nullopt;
  if ((*number)->size() != 8) return DamagedRecord();
  return std::make_optional(ReadU64(**number));
}

absl::StatusOr<std::vector<ReferenceHit>> FindReferenceTail(const Snapshot& snapshot, Kind kind,
                                                            std::string_view tail,
                                                            std::size_t limit) {
  std::vector<ReferenceHit> hits;
  if (tail.empty() || tail.find('\0') != std::string_view::npos) return hits;
  const std::string prefix = ReferenceTailPrefix(kind, tail).ToString();
  const std::unique_ptr<Cursor> cursor = snapshot.NewCursor(prefix, PrefixEnd(prefix));
  for (; cursor->Valid() && hits.size() < limit; cursor->Next()) {
    const std::string_view rest = cursor->key().substr(2);  // space, kind
    const std::size_t end = rest.find('\0');
    if (end == std::string_view::npos || cursor->value().size() != 8) return DamagedRecord();
    ReferenceHit& hit = hits.emplace_back();
    hit.reference.assign(rest.rend() - static_cast<std::ptrdiff_t>(end), rest.rend());
    hit.owner.assign(rest.substr(end + 1));
    hit.number = ReadU64(cursor->value());
  }
  if (const absl::Status status = cursor->status(); !status.ok()) return status;
  return hits;
}

absl::Status PutReference(Transaction& transaction, Kind kind, std::string_view name,
                          std::uint64_t number) {
  const std::optional<NameParts> parts = SplitName(name);
  if (!parts.has_value()) {
    return Error(absl::StatusCode::kInvalidArgument, Reason::kFieldInvalid,
                 "The record has no valid name.",
                 "A name is units/{unit}/{incidents or notices}/{reference}.", "Correct the name.");
  }
  const Key key = ReferenceKey(kind, parts->reference, parts->owner);
  const absl::StatusOr<std::optional<std::string>> present = transaction.Get(key);
  if (!present.ok()) return present.status();
  if (present->has_value()) {
    return Error(absl::StatusCode::kAlreadyExists, Reason::kAlreadyExists,
                 "A record named " + std::string(name) + " exists already.",
                 "Names are never reused.", "Read the record that has the name.");
  }
  transaction.Put(key, U64Bytes(number));
  return absl::OkStatus();
}

}  // namespace tripoint::storage
