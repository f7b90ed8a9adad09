// The names that certificates carry: which country, which unit, which officer.
//
// Used by every room that authenticates somebody. Pure; any thread.
// Grammar (exact; no percent-encoding, no trailing slash, no query, no upper case):
//   spiffe://<cc>.tripoint/unit/<unit>
//   spiffe://<cc>.tripoint/unit/<unit>/officer/<officer>
//   <cc>       vn, la or kh
//   <unit>     <cc>- and then 1 to 37 of [a-z0-9-], first and last a letter or digit
//   <officer>  1 to 32 of [a-z0-9._-], the first a letter or digit (so that "." and ".." are no
//   names)
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tripoint::certs {

inline constexpr std::array<std::string_view, 3> kCountries = {"kh", "la", "vn"};
inline constexpr std::size_t kUnitBytesMax = 40;
inline constexpr std::size_t kOfficerBytesMax = 32;

// Who a certificate names. Made only by the functions below, so that the fields always obey the
// grammar.
struct UnitIdentity {
  std::string country;                 // "vn"
  std::string unit;                    // "vn-tayninh"
  std::optional<std::string> officer;  // empty: the node (or its signing key) itself

  bool operator==(const UnitIdentity&) const = default;
};

// True for the code of a country that has an authority: lower case, one of kCountries.
bool IsCountry(std::string_view country);

// The country of a unit id, "vn" for "vn-tayninh". Errors: INVALID_ARGUMENT / FIELD_INVALID.
absl::StatusOr<std::string> CountryOfUnit(std::string_view unit);

// The identity of a unit, or of an officer of it. Errors: INVALID_ARGUMENT / FIELD_INVALID.
absl::StatusOr<UnitIdentity> MakeIdentity(std::string_view unit,
                                          std::optional<std::string_view> officer = std::nullopt);

// Reads exactly the grammar above; FormatUri(*ParseUri(x)) == x. Errors: INVALID_ARGUMENT /
// CERTIFICATE_MALFORMED.
absl::StatusOr<UnitIdentity> ParseUri(std::string_view uri);

// Writes the URI of an identity.
std::string FormatUri(const UnitIdentity& identity);

}  // namespace tripoint::certs
