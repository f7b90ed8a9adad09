// The code lists and the registers of units and gates, in one immutable object that every room is
// handed. Made once at the start of the node and of the CLI; cheap to copy, any number of threads
// at once. Reads no clock and no disk: the data is embedded, dates are given by the caller
// (places.h says how).
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/codes/code_list.h"
#include "proto/codes/places.h"
#include "proto/contract/vocabulary.h"

namespace tripoint::codes {

// Version of the data; raised with every change of a list. Rows are added, never removed or given
// another meaning.
inline constexpr std::string_view kCodesVersion = "1.1.0";

struct GateDistance {
  const Gate* gate = nullptr;
  double distance_km = 0;
};

struct UnitDistance {
  const Unit* unit = nullptr;
  double distance_km = 0;
};

class Registry : public contract::Vocabulary {
 public:
  // Reads and checks the embedded data: unique codes, and no unit, gate or successor that names
  // what is not there. Errors: DATA_LOSS / CORRUPT.
  static absl::StatusOr<Registry> Load();

  // Pointers and views that the functions below return live as long as any copy of this registry.

  // --- Code lists. `units` and `gates` are lists too: their codes are the ids.
  std::vector<std::string> ListNames() const;         // those with labels, in alphabetical order
  const CodeList* List(std::string_view list) const;  // null when there is none
  const Code* Find(std::string_view list,
                   std::string_view code) const;  // any case; null when unknown
  const Code* FindWord(std::string_view list,
                       std::string_view word) const;  // code, alias or label, accents or not
  // FindWord for a command line. Errors: INVALID_ARGUMENT / CODE_UNKNOWN with did-you-mean;
  // NOT_FOUND for the list.
  absl::StatusOr<const Code*> ResolveWord(std::string_view list, std::string_view word) const;
  // What a reader of `language` sees: the label, or the English one with ` (CODE)` when it is not
  // translated, or the code as it came when the list does not know it.
  std::string Label(std::string_view list, std::string_view code, std::string_view language) const;
  bool Translated(std::string_view list, std::string_view code, std::string_view language) const;
  // Members of the list that `text` may have meant: canonical codes and aliases, nearest first.
  std::vector<std::string> Suggestions(std::string_view list, std::string_view text,
                                       std::size_t limit = 3) const;

  // contract::Vocabulary.
  std::optional<std::string_view> Check(std::string_view list,
                                        std::string_view code) const override;
  std::string Suggest(std::string_view list, std::string_view code) const override;
  std::vector<std::string_view> Members(std::string_view list) const override;

  // --- Units.
  const std::vector<Unit>& units() const;  // all that ever were, by id
  std::vector<const Unit*> UnitsAt(std::string_view date) const;
  const Unit* UnitById(std::string_view id) const;  // exact; null when unknown
  // Id, short code, ISO province code, or any name in any language, former ones too, accents or
  // not.
  const Unit* FindUnit(std::string_view text) const;
  // FindUnit for a command line. Errors: INVALID_ARGUMENT / UNIT_UNKNOWN with did-you-mean.
  absl::StatusOr<const Unit*> ResolveUnit(std::string_view text) const;
  // The unit that holds the area of `id` at `date`: itself, or the last of its successors that
  // began by then. Null when unknown.
  const Unit* Successor(std::string_view id, std::string_view date) const;
  // Units across a border from `id` at `date`; empty when it was not valid then.
  std::vector<const Unit*> Neighbours(std::string_view id, std::string_view date) const;
  bool AreNeighbours(std::string_view a, std::string_view b, std::string_view date) const;
  // Unit with the nearest middle at `date`, of those in `among` (ids; empty = all). Null when there
  // is none.
  UnitDistance NearestUnit(double latitude_deg, double longitude_deg, std::string_view date,
                           const std::vector<std::string>& among = {}) const;

  // --- Gates.
  const std::vector<Gate>& gates() const;
  const Gate* FindGate(std::string_view text) const;  // id, or any name of any side, accents or not
  // FindGate for a command line. Errors: INVALID_ARGUMENT / CODE_UNKNOWN with did-you-mean.
  absl::StatusOr<const Gate*> ResolveGate(std::string_view text) const;
  std::vector<const Unit*> GateUnits(const Gate& gate,
                                     std::string_view date) const;  // of its sides at `date`
  GateDistance NearestGate(double latitude_deg,
                           double longitude_deg) const;  // gates without a position do not count

  // Name of a unit (id), gate (id) or province (ISO code) in `language`, at `date`; `id` as it came
  // when unknown.
  std::string PlaceName(std::string_view id, std::string_view language,
                        std::string_view date = {}) const;

 private:
  struct Data;
  explicit Registry(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

  std::shared_ptr<const Data> data_;
};

}  // namespace tripoint::codes
