// What the registry says about units and gates, and how their names are indexed. Any thread.
#include <algorithm>
#include <utility>

#include "proto/codes/fold.h"
#include "proto/codes/registry.h"
#include "proto/codes/registry_data.h"
#include "proto/contract/error.h"

namespace tripoint::codes {
namespace {

using contract::Reason;

constexpr std::size_t kNameBytesMax = 256;

absl::Status Broken(std::string why) {
  return contract::Error(absl::StatusCode::kDataLoss, Reason::kCorrupt,
                         "the registers of units and gates cannot be used", std::move(why),
                         "install the program again; its embedded data is damaged");
}

std::vector<std::string> WordsOf(const Unit& unit) {
  std::vector<std::string> words;
  for (const auto& [language, text] : unit.names) words.push_back(text);
  for (const FormerName& name : unit.former_names) words.push_back(name.text);
  words.insert(words.end(), unit.also.begin(), unit.also.end());
  return words;
}

std::vector<std::string> WordsOf(const Gate& gate) {
  std::vector<std::string> words;
  for (const GateSide& side : gate.sides) {
    for (const auto& [language, text] : side.names) words.push_back(text);
  }
  for (const GateSide& side : gate.sides)
    words.insert(words.end(), side.also.begin(), side.also.end());
  return words;
}

absl::Status Unknown(Reason reason, std::string_view what, std::string_view typed,
                     const std::vector<std::string>& nearest, std::string next) {
  std::string why;
  for (const std::string& near : nearest) why += (why.empty() ? "did you mean " : ", ") + near;
  return contract::Error(
      absl::StatusCode::kInvalidArgument, reason,
      "\"" + std::string(typed.substr(0, 64)) + "\" is not a known " + std::string(what),
      why.empty() ? "nothing in the register is spelled like it" : why + "?", std::move(next));
}

}  // namespace

absl::Status Registry::Data::IndexPlaces() {
  std::vector<contract::Spelling>& unit_spellings = spellings["units"];
  std::vector<contract::Spelling>& gate_spellings = spellings["gates"];
  for (std::size_t i = 0; i < places.units.size(); ++i) {
    const Unit& unit = places.units[i];
    if (!unit_by_id.emplace(unit.id, i).second) return Broken(unit.id + " stands twice");
    const std::string key = SearchKey(unit.id);
    if (!unit_by_word.emplace(key, i).second ||
        !unit_by_word.emplace(SearchKey(unit.short_code), i).second) {
      return Broken(unit.id + " shares its id or short code");
    }
    unit_spellings.push_back(contract::SpellingOf(unit.id, key));
  }
  // Names after ids and codes: a name may never hide another unit's id.
  for (std::size_t i = 0; i < places.units.size(); ++i) {
    for (const ProvinceCode& code : places.units[i].codes)
      unit_by_word.emplace(SearchKey(code.code), i);
    for (const std::string& word : WordsOf(places.units[i])) {
      const std::string key = SearchKey(word);
      unit_by_word.emplace(key, i);
      unit_spellings.push_back(contract::SpellingOf(word, key));
    }
  }
  for (std::size_t i = 0; i < places.gates.size(); ++i) {
    const Gate& gate = places.gates[i];
    const std::string key = SearchKey(gate.id);
    if (!gate_by_word.emplace(key, i).second) return Broken(gate.id + " stands twice");
    gate_spellings.push_back(contract::SpellingOf(gate.id, key));
  }
  for (std::size_t i = 0; i < places.gates.size(); ++i) {
    for (const std::string& word : WordsOf(places.gates[i])) {
      const std::string key = SearchKey(word);
      gate_by_word.emplace(key, i);
      gate_spellings.push_back(contract::SpellingOf(word, key));
    }
    // As it is shown, so that what was read can be typed.
    for (const std::string_view language : kLanguages)
      gate_by_word.emplace(SearchKey(places.gates[i].Name(language)), i);
  }
  return absl::OkStatus();
}

absl::Status Registry::Data::CheckPlaces() const {
  const auto known = [this](const std::string& id) { return unit_by_id.contains(id); };
  for (const Unit& unit : places.units) {
    if (!unit.successor.empty() && !known(unit.successor))
      return Broken(unit.id + " has an unknown successor");
    // A unit that ends names who took over, or its records would belong to nobody.
    if (unit.successor.empty() != unit.span.valid_to.empty())
      return Broken(unit.id + " ends without a successor");
    for (const Neighbour& neighbour : unit.neighbours) {
      if (!known(neighbour.unit)) return Broken(unit.id + " has an unknown neighbour");
    }
  }
  for (const Gate& gate : places.gates) {
    if (gate.sides.size() != 2 || gate.kinds.empty())
      return Broken(gate.id + " lacks a side or a kind");
    for (const GateSide& side : gate.sides) {
      for (const DatedUnit& unit : side.units) {
        if (!known(unit.unit)) return Broken(gate.id + " stands in an unknown unit");
      }
    }
  }
  return absl::OkStatus();
}

absl::Status Registry::Data::AddPlaceLists() {
  // Labels are complete: a name that is not known in a language is shown as its own country writes
  // it in Latin letters.
  std::vector<Code> unit_codes, gate_codes;
  for (const Unit& unit : places.units) {
    Code code{.code = unit.id, .group = unit.country, .aliases = {}, .labels = {}, .columns = {}};
    for (std::size_t i = 0; i < kLanguages.size(); ++i) code.labels[i] = unit.Name(kLanguages[i]);
    unit_codes.push_back(std::move(code));
  }
  for (const Gate& gate : places.gates) {
    Code code{.code = gate.id, .group = {}, .aliases = {}, .labels = {}, .columns = {}};
    for (std::size_t i = 0; i < kLanguages.size(); ++i) code.labels[i] = gate.Name(kLanguages[i]);
    gate_codes.push_back(std::move(code));
  }
  absl::StatusOr<CodeList> unit_list = CodeList::Make("units", std::move(unit_codes));
  if (!unit_list.ok()) return unit_list.status();
  absl::StatusOr<CodeList> gate_list = CodeList::Make("gates", std::move(gate_codes));
  if (!gate_list.ok()) return gate_list.status();
  lists.emplace("units", *std::move(unit_list));
  lists.emplace("gates", *std::move(gate_list));
  return absl::OkStatus();
}

const std::vector<Unit>& Registry::units() const { return data_->places.units; }

std::vector<const Unit*> Registry::UnitsAt(std::string_view date) const {
  std::vector<const Unit*> valid;
  for (const Unit& unit : units()) {
    if (unit.span.Holds(date)) valid.push_back(&unit);
  }
  return valid;
}

const Unit* Registry::UnitById(std::string_view id) const {
  const auto found = data_->unit_by_id.find(id);
  return found == data_->unit_by_id.end() ? nullptr : &units()[found->second];
}

const Unit* Registry::FindUnit(std::string_view text) const {
  if (text.empty() || text.size() > kNameBytesMax) return nullptr;
  const auto found = data_->unit_by_word.find(SearchKey(text));
  return found == data_->unit_by_word.end() ? nullptr : &units()[found->second];
}

absl::StatusOr<const Unit*> Registry::ResolveUnit(std::string_view text) const {
  if (const Unit* unit = FindUnit(text); unit != nullptr) return unit;
  return Unknown(Reason::kUnitUnknown, "unit", text, Suggestions("units", text),
                 "tripoint codes units");
}

const Unit* Registry::Successor(std::string_view id, std::string_view date) const {
  const Unit* unit = UnitById(id);
  // Bounded by the number of units, so that a circle in the data cannot hang a node.
  for (std::size_t step = 0; unit != nullptr && step < units().size(); ++step) {
    const bool ended =
        !unit->span.valid_to.empty() && (date.empty() || unit->span.valid_to <= date);
    if (!ended) break;
    unit = UnitById(unit->successor);
  }
  return unit;
}

std::vector<const Unit*> Registry::Neighbours(std::string_view id, std::string_view date) const {
  std::vector<const Unit*> found;
  const Unit* unit = UnitById(id);
  if (unit == nullptr || !unit->span.Holds(date)) return found;
  for (const Neighbour& neighbour : unit->neighbours) {
    if (neighbour.span.Holds(date)) found.push_back(UnitById(neighbour.unit));
  }
  return found;
}

bool Registry::AreNeighbours(std::string_view a, std::string_view b, std::string_view date) const {
  const std::vector<const Unit*> near = Neighbours(a, date);
  return std::any_of(near.begin(), near.end(), [b](const Unit* unit) { return unit->id == b; });
}

UnitDistance Registry::NearestUnit(double latitude_deg, double longitude_deg, std::string_view date,
                                   const std::vector<std::string>& among) const {
  UnitDistance nearest;
  for (const Unit& unit : units()) {
    const bool asked =
        among.empty() || std::find(among.begin(), among.end(), unit.id) != among.end();
    if (!asked || !unit.span.Holds(date)) continue;
    const double distance =
        DistanceKm(latitude_deg, longitude_deg, unit.latitude_deg, unit.longitude_deg);
    if (nearest.unit == nullptr || distance < nearest.distance_km) nearest = {&unit, distance};
  }
  return nearest;
}

const std::vector<Gate>& Registry::gates() const { return data_->places.gates; }

const Gate* Registry::FindGate(std::string_view text) const {
  if (text.empty() || text.size() > kNameBytesMax) return nullptr;
  const auto found = data_->gate_by_word.find(SearchKey(text));
  return found == data_->gate_by_word.end() ? nullptr : &gates()[found->second];
}

absl::StatusOr<const Gate*> Registry::ResolveGate(std::string_view text) const {
  if (const Gate* gate = FindGate(text); gate != nullptr) return gate;
  return Unknown(Reason::kCodeUnknown, "place", text, Suggestions("gates", text),
                 "tripoint codes gates");
}

std::vector<const Unit*> Registry::GateUnits(const Gate& gate, std::string_view date) const {
  std::vector<const Unit*> found;
  for (const GateSide& side : gate.sides) {
    for (const DatedUnit& unit : side.units) {
      if (unit.span.Holds(date)) found.push_back(UnitById(unit.unit));
    }
  }
  return found;
}

GateDistance Registry::NearestGate(double latitude_deg, double longitude_deg) const {
  GateDistance nearest;
  for (const Gate& gate : gates()) {
    if (!gate.latitude_deg.has_value() || !gate.longitude_deg.has_value()) continue;
    const double distance =
        DistanceKm(latitude_deg, longitude_deg, *gate.latitude_deg, *gate.longitude_deg);
    if (nearest.gate == nullptr || distance < nearest.distance_km) nearest = {&gate, distance};
  }
  return nearest;
}

std::string Registry::PlaceName(std::string_view id, std::string_view language,
                                std::string_view date) const {
  if (const Unit* unit = UnitById(id); unit != nullptr) {
    for (const FormerName& name : unit->former_names) {
      if (name.language == language && !date.empty() && date < name.valid_to) return name.text;
    }
    return std::string(unit->Name(language));
  }
  if (const Code* gate = Find("gates", id); gate != nullptr)
    return gate->labels[LanguageIndex(language)];
  for (const OtherProvince& province : data_->places.other_provinces) {
    if (province.code != id) continue;
    const auto found = province.names.find(language);
    return found == province.names.end() ? province.names.find("en")->second : found->second;
  }
  if (const Unit* unit = FindUnit(id); unit != nullptr) return std::string(unit->Name(language));
  return std::string(id);
}

}  // namespace tripoint::codes
