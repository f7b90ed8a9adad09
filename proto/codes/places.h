// Border units and gates as dated data about stable ids, as units.json and gates.json hold them.
// Read once by Registry::Load; plain values, immutable afterwards, any thread.
//
// Dates are ISO dates (`2025-07-01`) that the caller gives: nothing here reads a clock. A span
// holds from its first day up to, not including, its `valid_to`; empty ends are open. An empty date
// asks for the open end: the newest state.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace tripoint::codes {

struct Span {
  std::string valid_from;
  std::string valid_to;

  bool Holds(std::string_view date) const;
};

// Text by language: vi, km, lo, en. A missing one is not known, and never invented.
using Names = std::map<std::string, std::string, std::less<>>;

struct FormerName {
  std::string language;
  std::string text;
  std::string valid_to;
};

struct ProvinceCode {
  std::string code;  // ISO 3166-2
  Span span;
};

struct Neighbour {
  std::string unit;
  Span span;
  bool verified = false;  // false: only the outlines show it, no text was read
  std::string source;
};

// A provincial police unit.
struct Unit {
  std::string id;          // `vn-quangngai`; stable, never reused
  std::string short_code;  // `QNG`; three letters, unique, stands in references
  std::string country;     // KH, LA or VN
  std::string local_language;
  Names names;
  std::vector<FormerName> former_names;
  std::vector<std::string> also;  // further spellings, for searching
  std::vector<ProvinceCode> codes;
  double latitude_deg = 0;  // middle of its area, approximate
  double longitude_deg = 0;
  Span span;
  std::string successor;  // unit that took over at `span.valid_to`; empty when it goes on
  std::vector<Neighbour> neighbours;    // across a border only
  std::vector<std::string> candidates;  // very short contacts that nothing confirms: not neighbours
  bool verified = false;
  std::vector<std::string> unverified;  // fields that were not checked in a source
  std::vector<std::string> sources;

  // Its name in the script of its own country.
  std::string_view LocalName() const;
  // Its name in `language`; English where it is not known in that language.
  std::string_view Name(std::string_view language) const;
};

// A province that is no border unit but occurs in records.
struct OtherProvince {
  std::string code;
  std::string country;
  Names names;
};

struct DatedUnit {
  std::string unit;
  Span span;
};

struct GateSide {
  std::string country;
  std::vector<DatedUnit> units;
  Names names;  // empty when the name on this side is not verified
  std::vector<std::string> also;

  // Its name in `language`; else in English, else as its country writes it. Empty when not known.
  std::string_view Name(std::string_view language) const;
};

struct DatedKind {
  std::string kind;  // code list gate_kinds
  Span span;
};

// A gate or crossing.
struct Gate {
  std::string id;  // `G-BOY`
  std::vector<DatedKind> kinds;
  // Approximate by 5 to 10 km; nullopt when no position is known.
  std::optional<double> latitude_deg;
  std::optional<double> longitude_deg;
  std::vector<GateSide> sides;  // two
  bool verified = false;
  std::string note;
  std::string source;

  std::string_view Kind(std::string_view date) const;
  // Both sides' names, `Bờ Y / Phoukeua`, each as GateSide::Name: one of them would leave the other
  // side's officers searching. One name where the sides share it or only one is known.
  std::string Name(std::string_view language) const;
};

struct Places {
  std::vector<Unit> units;
  std::vector<Gate> gates;
  std::vector<OtherProvince> other_provinces;
};

// Reads both files. Errors: DATA_LOSS / CORRUPT.
absl::StatusOr<Places> ReadPlaces(std::string_view units_json, std::string_view gates_json);

// Great-circle distance in kilometres.
double DistanceKm(double latitude_a_deg, double longitude_a_deg, double latitude_b_deg,
                  double longitude_b_deg);

// The date of an instant in the three countries (UTC+7, no summer time), such as `2025-07-01`.
std::string IsoDate(std::int64_t unix_seconds);

}  // namespace tripoint::codes
