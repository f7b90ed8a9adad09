// References, their tails, names and units, as people type them. See fuzz.h.
#include <optional>

#include "proto/contract/reference.h"
#include "proto/contract/uuid.h"
#include "storage/names.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/registry.h"

namespace tripoint::fuzz {
namespace {

constexpr std::size_t kNamesEvery = 4;

}  // namespace

std::vector<std::string> Seeds() {
  const std::string incident = contract::MakeReference(
      {.kind = contract::ReferenceKind::kIncident, .unit_short = "QNG", .year = 26, .number = 93});
  return {incident,
          "0093-T",
          "qng-26-0093-t",
          contract::IncidentName("vn-quangngai", incident),
          contract::NoticeName("vn-quangngai", "N-QNG-26-100000-M"),
          "vn-quangngai",
          "7b1d3f4e-0a6c-4d2b-9f10-aa55aa55aa55"};
}

void TakeInput(std::string_view input) {
  if (const auto reference = contract::ParseReference(input); reference.ok()) {
    const std::string canonical = contract::MakeReference(*reference);
    const auto again = contract::ParseReference(canonical);
    Require(again.ok() && *again == *reference);
    Require(contract::ParseTail(canonical).has_value());
  }
  if (const auto tail = contract::ParseTail(input); tail.has_value()) {
    (void)contract::MatchTail("I-QNG-26-0093-T", *tail);
  }
  if (const auto parts = contract::ParseIncidentName(input); parts.has_value()) {
    Require(contract::IncidentName(parts->unit, parts->reference) == input);
    (void)storage::OwnNumber(storage::Kind::kIncident, input);
  }
  if (const auto parts = contract::ParseNoticeName(input); parts.has_value()) {
    Require(contract::NoticeName(parts->unit, parts->reference) == input);
    (void)storage::OwnNumber(storage::Kind::kNotice, input);
  }
  (void)storage::SplitName(input);
  (void)contract::ParseUuid(input);
  (void)contract::IsUnitId(input);
  // A refusal looks for the nearest of all names, which is ten times the rest.
  std::size_t sum = 0;
  for (const char byte : input) sum += static_cast<std::uint8_t>(byte);
  if (sum % kNamesEvery != 0) return;
  (void)TheRegistry().ResolveUnit(input);
  (void)TheRegistry().ResolveGate(input);
}

}  // namespace tripoint::fuzz
