// Small questions that a unit or a gate answers about itself. Pure; any thread.
#include "proto/codes/places.h"

#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <numbers>

namespace tripoint::codes {
namespace {

constexpr double kEarthRadiusKm = 6371.0088;
constexpr std::int64_t kIndochinaOffsetSeconds = 7 * 3600;

double Radians(double degrees) { return degrees * std::numbers::pi / 180; }

}  // namespace

bool Span::Holds(std::string_view date) const {
  if (date.empty()) return valid_to.empty();
  return (valid_from.empty() || valid_from <= date) && (valid_to.empty() || date < valid_to);
}

std::string_view Unit::LocalName() const { return Name(local_language); }

std::string_view Unit::Name(std::string_view language) const {
  if (const auto found = names.find(language); found != names.end()) return found->second;
  const auto english = names.find("en");
  return english == names.end() ? std::string_view(id) : std::string_view(english->second);
}

std::string_view Gate::Kind(std::string_view date) const {
  for (const DatedKind& kind : kinds) {
    if (kind.span.Holds(date)) return kind.kind;
  }
  return {};
}

std::string_view GateSide::Name(std::string_view language) const {
  // English before the others: what somebody else's script says is of no use to a reader.
  for (const std::string_view tongue : {language, std::string_view("en"), std::string_view("vi")}) {
    if (const auto found = names.find(tongue); found != names.end()) return found->second;
  }
  return names.empty() ? std::string_view() : std::string_view(names.begin()->second);
}

std::string Gate::Name(std::string_view language) const {
  std::string name;
  for (const GateSide& side : sides) {
    const std::string_view part = side.Name(language);
    if (part.empty() || part == name) continue;
    name.append(name.empty() ? "" : " / ").append(part);
  }
  return name.empty() ? id : name;
}

double DistanceKm(double latitude_a_deg, double longitude_a_deg, double latitude_b_deg,
                  double longitude_b_deg) {
  const double a = Radians(latitude_a_deg);
  const double b = Radians(latitude_b_deg);
  const double half_height = std::sin((b - a) / 2);
  const double half_width = std::sin(Radians(longitude_b_deg - longitude_a_deg) / 2);
  const double chord =
      half_height * half_height + std::cos(a) * std::cos(b) * half_width * half_width;
  return 2 * kEarthRadiusKm * std::asin(std::sqrt(std::fmin(1.0, chord)));
}

std::string IsoDate(std::int64_t unix_seconds) {
  using std::chrono::days;
  using std::chrono::seconds;
  const std::chrono::sys_seconds instant{seconds{unix_seconds + kIndochinaOffsetSeconds}};
  const std::chrono::year_month_day date{std::chrono::floor<days>(instant)};
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02u", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return text.data();
}

}  // namespace tripoint::codes
