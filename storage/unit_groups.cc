// See unit_groups.h.
#include "storage/unit_groups.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "storage/keys.h"
#include "storage/merkle.h"
#include "storage/record_io.h"

namespace tripoint::storage {
namespace {

// In no unit's name.
constexpr char kGroupMark = '#';
constexpr char kUnitEnd = '\n';

// The units of a group as they are stored: in order, each with an end.
std::string GroupText(const UnitNames& units) {
  std::vector<std::string_view> names(units.begin(), units.end());
  std::sort(names.begin(), names.end());
  std::string text;
  for (const std::string_view name : names) text.append(name).push_back(kUnitEnd);
  return text;
}

std::uint8_t PlaceOf(std::string_view group_text) {
  return Sha256(group_text).front() % kGroupPlaces;
}

std::string GroupValue(std::uint8_t place) { return kGroupMark + std::to_string(place); }

// Whether a stored group is one, and stands at its place.
bool IsGroup(std::uint8_t place, std::string_view text) {
  return !text.empty() && text.back() == kUnitEnd && PlaceOf(text) == place;
}

bool Contains(std::string_view group_text, const std::string& unit) {
  return (kUnitEnd + std::string(group_text)).find(kUnitEnd + unit + kUnitEnd) != std::string::npos;
}

std::size_t CountOf(const UnitNames& units) { return static_cast<std::size_t>(units.size()); }

}  // namespace

absl::StatusOr<std::vector<std::string>> EnterUnits(Transaction& transaction,
                                                    const UnitNames& units) {
  if (CountOf(units) < kGroupUnitsMin) return std::vector<std::string>(units.begin(), units.end());
  const std::string text = GroupText(units);
  const std::uint8_t place = PlaceOf(text);
  const absl::StatusOr<std::optional<std::string>> stored = transaction.Get(GroupKey(place));
  if (!stored.ok()) return stored.status();
  if (!stored->has_value()) {
    transaction.Put(GroupKey(place), text);
  } else if (**stored != text) {
    if (!IsGroup(place, **stored)) return DamagedRecord();
    return std::vector<std::string>(units.begin(), units.end());
  }
  return std::vector<std::string>{GroupValue(place)};
}

std::vector<std::string> EnteredUnits(const UnitNames& units) {
  std::vector<std::string> values(units.begin(), units.end());
  if (CountOf(units) >= kGroupUnitsMin) values.push_back(GroupValue(PlaceOf(GroupText(units))));
  return values;
}

absl::StatusOr<std::vector<std::string>> ValuesOfUnit(const Snapshot& snapshot,
                                                      const std::string& unit) {
  if (unit.find_first_of({kGroupMark, kUnitEnd}) != std::string::npos)
    return std::vector<std::string>();
  std::vector<std::string> values{unit};
  const std::string prefix = Key(Space::kNoticeGroup).ToString();
  const std::unique_ptr<Cursor> cursor = snapshot.NewCursor(prefix, PrefixEnd(prefix));
  for (; cursor->Valid(); cursor->Next()) {
    const std::string_view place_bytes = cursor->key().substr(prefix.size());
    if (place_bytes.size() != 1) return DamagedRecord();
    const auto place = static_cast<std::uint8_t>(place_bytes.front());
    if (!IsGroup(place, cursor->value())) return DamagedRecord();
    if (Contains(cursor->value(), unit)) values.push_back(GroupValue(place));
  }
  if (const absl::Status status = cursor->status(); !status.ok()) return status;
  return values;
}

}  // namespace tripoint::storage
