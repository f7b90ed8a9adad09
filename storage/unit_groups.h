// Groups of units to which own notices go together: a notice to 40 units has one index entry, that
// of the group, and not 40.
//
// Used by notice_store.cc only. There are 16 places; a group's place follows from its units, and
// the first that comes there stays for ever, so that entries never have to be written again. A
// notice to a group whose place is another's is indexed by its units one by one, as one to few
// units is. Who asks for a unit asks for it and for the groups that it is in. Threads: as the
// reader or the transaction.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "storage/engine.h"
#include "storage/transaction.h"

namespace tripoint::storage {

using UnitNames = google::protobuf::RepeatedPtrField<std::string>;

// Of fewer units each has its entry: that is what neighbours are mostly told.
inline constexpr std::size_t kGroupUnitsMin = 5;
inline constexpr std::uint8_t kGroupPlaces = 16;

// The index values of a notice to `units`: one for their group, or one for each. Takes the group's
// place if that is free. Errors: DATA_LOSS / CORRUPT; what reading gives.
absl::StatusOr<std::vector<std::string>> EnterUnits(Transaction& transaction,
                                                    const UnitNames& units);

// All index values under which a notice to `units` may have been entered, now or in layout 3, which
// had no groups.
std::vector<std::string> EnteredUnits(const UnitNames& units);

// The index values of all notices to `unit`; none for what is no unit's name. Errors: as above.
absl::StatusOr<std::vector<std::string>> ValuesOfUnit(const Snapshot& snapshot,
                                                      const std::string& unit);

}  // namespace tripoint::storage
