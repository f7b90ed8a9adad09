// Spoken references, `I-QNG-26-0093-T`: kind, unit, year, number, check letter; and the resource
// names that end in one, `units/vn-quangngai/incidents/I-QNG-26-0093-T`.
//
// Pure; any thread. The check letter is one of 23 (no I, O, Q: they sound or look like others) and
// refuses every single wrong digit, every wrong kind or check letter, and every swap of two
// characters before it, whether neighbours or not. One limit, inherent in 26 letters and 23 check
// letters: within the unit, A and X, B and Y, C and Z are not told apart; no two units differ that
// way (a test holds it against the registry).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tripoint::contract {

enum class ReferenceKind : char {
  kIncident = 'I',
  kNotice = 'N',
  kFlash = 'F',     // a notice in the flash lane
  kRequest = 'R',   // named here so that its letter stays free
  kHandover = 'H',  // likewise
};

struct Reference {
  ReferenceKind kind = ReferenceKind::kIncident;
  std::string unit_short;    // three capital letters, such as `QNG`
  int year = 0;              // last two digits, 0 to 99
  std::uint64_t number = 0;  // from 1; at least four digits when written

  friend bool operator==(const Reference&, const Reference&) = default;
};

// `I-QNG-26-0093-T`. Precondition: three letters A-Z, year 0 to 99, number 1 to 999,999,999,999.
std::string MakeReference(const Reference& reference);

// Reads a full reference, any case. Errors: INVALID_ARGUMENT / FIELD_INVALID; a wrong check letter
// says that a digit or letter was misread.
absl::StatusOr<Reference> ParseReference(std::string_view text);

// What a tail such as `0093-T`, `93-t` or `QNG-26-0093-T` says. The number is always there.
struct ReferenceTail {
  std::optional<ReferenceKind> kind;
  std::string unit_short;  // empty when not said
  std::optional<int> year;
  std::uint64_t number = 0;
  std::optional<char> check;
};

// nullopt when `text` is no tail of a reference.
std::optional<ReferenceTail> ParseTail(std::string_view text);

// Whether `reference` (canonical, as in a name) ends in what `tail` says.
bool MatchTail(std::string_view reference, const ReferenceTail& tail);

// A resource name in its parts. Views into the parsed text.
struct NameParts {
  std::string_view unit;       // `vn-quangngai`
  std::string_view reference;  // `I-QNG-26-0093-T`
  int year = 0;                // two digits
  std::uint64_t number = 0;    // within the year
};

std::string IncidentName(std::string_view unit, std::string_view reference);
std::string NoticeName(std::string_view unit, std::string_view reference);

// Canonical names only; nullopt for every other text, also for a wrong check letter or a kind that
// does not belong there (incidents: I; notices: N and F).
std::optional<NameParts> ParseIncidentName(std::string_view name);
std::optional<NameParts> ParseNoticeName(std::string_view name);

// Whether `text` has the form of a unit id: `vn-` and such, then 1 to 37 of a-z, 0-9.
bool IsUnitId(std::string_view text);

}  // namespace tripoint::contract
