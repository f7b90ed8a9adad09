// Numbers and references: counters for each kind and year, and the way from a name or the tail of a
// reference to the record. Used by the stores and server/operations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/engine.h"
#include "storage/keys.h"
#include "storage/transaction.h"

namespace tripoint::storage {

// Takes the next number of (kind, year), from 1, without gaps: an operation that fails gives it
// back. `year` is the full year of the reference for incidents and notices, and 0 for received
// notices and envelopes.
absl::StatusOr<std::uint64_t> NextNumber(Transaction& transaction, Kind kind, int year);

// Records of `kind` ever numbered, all years.
absl::StatusOr<std::uint64_t> CountNumbers(const Snapshot& snapshot, Kind kind);

// `units/{owner}/{incidents|notices}/{reference}` in parts; the views are into `name`. nullopt for
// any other form.
struct NameParts {
  std::string_view owner;
  std::string_view collection;
  std::string_view reference;
};
std::optional<NameParts> SplitName(std::string_view name);

// A record that a reference leads to.
struct ReferenceHit {
  std::string reference;
  std::string owner;
  std::uint64_t number = 0;
};

// The record named `name`, or nullopt.
absl::StatusOr<std::optional<std::uint64_t>> FindNumber(const Reader& reader, Kind kind,
                                                        std::string_view name);

// Up to `limit` records of `kind` whose reference ends in `tail` (upper case, as references are
// written). Two or more hits mean that the tail is not unique. An empty tail finds nothing.
absl::StatusOr<std::vector<ReferenceHit>> FindReferenceTail(const Snapshot& snapshot, Kind kind,
                                                            std::string_view tail,
                                                            std::size_t limit);

// Makes `name` findable. Errors: INVALID_ARGUMENT / FIELD_INVALID not a resource name;
// ALREADY_EXISTS / ALREADY_EXISTS it leads to another record.
absl::Status PutReference(Transaction& transaction, Kind kind, std::string_view name,
                          std::uint64_t number);

}  // namespace tripoint::storage
