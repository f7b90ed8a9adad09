// Numbers and references: counters for each kind and year, and the way from a name or a number to
// the record. An own record is found by arithmetic, since its reference says its number; a received
// one by a stored reference. Used by the stores and server/operations.
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

// The last number that was drawn in `year`; nullopt: none yet. Errors: DATA_LOSS / CORRUPT.
absl::StatusOr<std::optional<std::uint64_t>> LastNumber(const Reader& reader, Kind kind, int year);

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

// The number that an own record of this name would have: RecordNumber of the year and number in
// its reference (`I-QNG-26-0093-T`). nullopt: no such name of `kind`. Whether the record exists,
// and is called so, is for who reads it.
std::optional<std::uint64_t> OwnNumber(Kind kind, std::string_view name);

// Numbers that own records with `number` in their year may have, one for each year in which `kind`
// was numbered so far, the earliest first.
absl::StatusOr<std::vector<std::uint64_t>> OwnNumbersOf(const Snapshot& snapshot, Kind kind,
                                                        std::uint64_t number);

// The received notice named `name`, or nullopt.
absl::StatusOr<std::optional<std::uint64_t>> FindReceivedNumber(const Reader& reader,
                                                                std::string_view name);

// Names of up to `limit` received notices whose reference ends in `tail` (upper case, as references
// are written). Two or more hits mean that the tail is not unique. An empty tail finds nothing.
struct ReferenceHit {
  std::string reference;
  std::string owner;
};
absl::StatusOr<std::vector<ReferenceHit>> FindReceivedTail(const Snapshot& snapshot,
                                                           std::string_view tail,
                                                           std::size_t limit);

// Makes the received notice `name` findable. Precondition: FindReceivedNumber found none in this
// transaction. Errors: INVALID_ARGUMENT / FIELD_INVALID not a resource name.
absl::Status PutReceivedReference(Transaction& transaction, std::string_view name,
                                  std::uint64_t number);

// That `name` is the one of the own record `number`. Errors: INVALID_ARGUMENT / FIELD_INVALID.
absl::Status CheckOwnName(Kind kind, std::string_view name, std::uint64_t number);

// That no own record has a number that is still to be drawn: what lets a new record be put without
// a look at what is there. Two seeks a year, at start. Errors: DATA_LOSS / CORRUPT.
absl::Status CheckCounters(const Snapshot& snapshot, Kind kind, Space records);

}  // namespace tripoint::storage
