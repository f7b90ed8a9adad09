// Reads units.json and gates.json. The one file here that sees nlohmann/json; its exceptions end
// here. Called by Registry::Load, in the thread that starts the node.
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "proto/codes/places.h"
#include "proto/contract/error.h"

namespace tripoint::codes {
namespace {

using nlohmann::json;

// A null or missing text is empty: an open end of a span, no successor.
std::string Text(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? std::string() : found->get<std::string>();
}

std::optional<double> Degrees(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? std::nullopt
                                                   : std::optional(found->get<double>());
}

Span SpanOf(const json& object) { return {Text(object, "valid_from"), Text(object, "valid_to")}; }

Unit UnitOf(const json& row) {
  Unit unit;
  unit.id = row.at("id").get<std::string>();
  unit.short_code = row.at("short").get<std::string>();
  unit.country = row.at("country").get<std::string>();
  unit.local_language = row.at("lang_local").get<std::string>();
  unit.names = row.at("names").get<Names>();
  for (const json& name : row.at("former_names")) {
    unit.former_names.push_back({Text(name, "lang"), Text(name, "text"), Text(name, "valid_to")});
  }
  unit.also = row.at("also").get<std::vector<std::string>>();
  for (const json& code : row.at("codes")) unit.codes.push_back({Text(code, "code"), SpanOf(code)});
  unit.latitude_deg = row.at("lat").get<double>();
  unit.longitude_deg = row.at("lon").get<double>();
  unit.span = SpanOf(row);
  unit.successor = Text(row, "successor");
  for (const json& neighbour : row.at("neighbours")) {
    unit.neighbours.push_back({Text(neighbour, "unit"), SpanOf(neighbour),
                               neighbour.at("verified").get<bool>(), Text(neighbour, "source")});
  }
  for (const json& candidate : row.at("neighbour_candidates"))
    unit.candidates.push_back(Text(candidate, "unit"));
  unit.verified = row.at("verified").get<bool>();
  unit.unverified = row.at("unverified").get<std::vector<std::string>>();
  unit.sources = row.at("sources").get<std::vector<std::string>>();
  return unit;
}

Gate GateOf(const json& row) {
  Gate gate;
  gate.id = row.at("id").get<std::string>();
  for (const json& kind : row.at("kinds")) gate.kinds.push_back({Text(kind, "kind"), SpanOf(kind)});
  gate.latitude_deg = Degrees(row, "lat");
  gate.longitude_deg = Degrees(row, "lon");
  for (const json& side_row : row.at("sides")) {
    GateSide side;
    side.country = Text(side_row, "country");
    for (const json& unit : side_row.at("units"))
      side.units.push_back({Text(unit, "unit"), SpanOf(unit)});
    side.names = side_row.at("names").get<Names>();
    side.also = side_row.at("also").get<std::vector<std::string>>();
    gate.sides.push_back(std::move(side));
  }
  gate.verified = row.at("verified").get<bool>();
  gate.note = Text(row, "note");
  gate.source = Text(row, "source");
  return gate;
}

}  // namespace

absl::StatusOr<Places> ReadPlaces(std::string_view units_json, std::string_view gates_json) {
  try {
    const json units = json::parse(units_json);
    const json gates = json::parse(gates_json);
    Places places;
    for (const json& row : units.at("units")) places.units.push_back(UnitOf(row));
    for (const json& row : units.at("other_provinces")) {
      places.other_provinces.push_back(
          {Text(row, "code"), Text(row, "country"), row.at("names").get<Names>()});
    }
    for (const json& row : gates.at("gates")) places.gates.push_back(GateOf(row));
    return places;
  } catch (const json::exception& error) {
    return contract::Error(absl::StatusCode::kDataLoss, contract::Reason::kCorrupt,
                           "the registers of units and gates cannot be read", error.what(),
                           "install the program again; its embedded data is damaged");
  }
}

}  // namespace tripoint::codes
