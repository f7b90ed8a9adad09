// Names in certificates: see identity.h. Pure; any thread.
#include "certs/identity.h"

#include <fmt/format.h>

#include <algorithm>

#include "proto/contract/error.h"

namespace tripoint::certs {
namespace {

using contract::Error;
using contract::Reason;

constexpr std::string_view kScheme = "spiffe://";
constexpr std::string_view kDomain = ".tripoint/unit/";
constexpr std::string_view kOfficerPart = "/officer/";

bool IsAlphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool IsOfficer(std::string_view officer) {
  if (officer.empty() || officer.size() > kOfficerBytesMax || !IsAlphanumeric(officer.front()))
    return false;
  return std::all_of(officer.begin(), officer.end(),
                     [](char c) { return IsAlphanumeric(c) || c == '.' || c == '_' || c == '-'; });
}

absl::Status BadUri(std::string_view why) {
  return Error(absl::StatusCode::kInvalidArgument, Reason::kCertificateMalformed,
               "The certificate's URI is not a Tripoint name", std::string(why),
               "Ask the authority of that country for a certificate made by `tripointd ca issue`");
}

}  // namespace

bool IsCountry(std::string_view country) {
  return std::find(kCountries.begin(), kCountries.end(), country) != kCountries.end();
}

absl::StatusOr<std::string> CountryOfUnit(std::string_view unit) {
  const bool shaped =
      unit.size() > 3 && unit.size() <= kUnitBytesMax && unit[2] == '-' &&
      IsCountry(unit.substr(0, 2)) && IsAlphanumeric(unit[3]) && IsAlphanumeric(unit.back()) &&
      std::all_of(unit.begin(), unit.end(), [](char c) { return IsAlphanumeric(c) || c == '-'; });
  if (!shaped) {
    return Error(
        absl::StatusCode::kInvalidArgument, Reason::kFieldInvalid, "This is not a unit id",
        "A unit id is a country (kh, la or vn), a hyphen, then letters a-z, digits and hyphens",
        "Write it like vn-tayninh");
  }
  return std::string(unit.substr(0, 2));
}

absl::StatusOr<UnitIdentity> MakeIdentity(std::string_view unit,
                                          std::optional<std::string_view> officer) {
  absl::StatusOr<std::string> country = CountryOfUnit(unit);
  if (!country.ok()) return country.status();
  if (officer.has_value() && !IsOfficer(*officer)) {
    return Error(absl::StatusCode::kInvalidArgument, Reason::kFieldInvalid,
                 "This is not an officer id",
                 "An officer id is 1 to 32 of a-z, 0-9, dot, hyphen and underscore, and starts "
                 "with a letter or digit",
                 "Choose a short service name, not the person's full name");
  }
  UnitIdentity identity{
      .country = *std::move(country), .unit = std::string(unit), .officer = std::nullopt};
  if (officer.has_value()) identity.officer = std::string(*officer);
  return identity;
}

absl::StatusOr<UnitIdentity> ParseUri(std::string_view uri) {
  if (!uri.starts_with(kScheme)) return BadUri("It does not start with spiffe://");
  std::string_view rest = uri.substr(kScheme.size());
  if (rest.size() < 2 || !rest.substr(2).starts_with(kDomain))
    return BadUri("Its domain is not <country>.tripoint/unit/");
  const std::string_view country = rest.substr(0, 2);
  rest.remove_prefix(2 + kDomain.size());
  std::optional<std::string_view> officer;
  const std::size_t slash = rest.find('/');
  const std::string_view unit = rest.substr(0, slash);
  if (slash != std::string_view::npos) {
    rest.remove_prefix(slash);
    if (!rest.starts_with(kOfficerPart))
      return BadUri("After the unit only /officer/<id> may follow");
    officer = rest.substr(kOfficerPart.size());
  }
  absl::StatusOr<UnitIdentity> identity = MakeIdentity(unit, officer);
  if (!identity.ok()) return BadUri(contract::ProblemOf(identity.status()).why);
  // The country stands twice; a name that disagrees with itself could pass one check as one
  // country, the next as another.
  if (identity->country != country)
    return BadUri("The unit does not belong to the country of the domain");
  return identity;
}

std::string FormatUri(const UnitIdentity& identity) {
  std::string uri = fmt::format("{}{}{}{}", kScheme, identity.country, kDomain, identity.unit);
  if (identity.officer.has_value()) uri += fmt::format("{}{}", kOfficerPart, *identity.officer);
  return uri;
}

}  // namespace tripoint::certs
