// Makes, reads and checks spoken references and names (reference.h). Any thread.
#include "proto/contract/reference.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "proto/contract/error.h"
#include "proto/contract/text_form.h"

namespace tripoint::contract {
namespace {

constexpr std::string_view kCheckLetters = "ABCDEFGHJKLMNPRSTUVWXYZ";
constexpr int kModulus = 23;
static_assert(kCheckLetters.size() == kModulus);

// One weight for each character: kind, unit (3), year (2), number (up to 12). All different and
// none 0 modulo the prime 23, so that a changed digit always changes the sum, and so does a swap of
// any two. Fixed for ever: a changed weight would make every reference on paper wrong.
constexpr std::array<int, 18> kWeights = {3,  11, 7, 18, 21, 6, 13, 22, 17,
                                          10, 1,  2, 4,  5,  8, 9,  12, 14};
constexpr std::size_t kKindChars = 1;
constexpr std::size_t kUnitChars = 3;
constexpr std::size_t kYearChars = 2;
constexpr std::size_t kNumberCharsMin = 4;
constexpr std::size_t kNumberCharsMax = 12;
static_assert(kWeights.size() == kKindChars + kUnitChars + kYearChars + kNumberCharsMax);

constexpr std::string_view kKinds = "INFRH";

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool AllDigits(std::string_view text) { return std::all_of(text.begin(), text.end(), IsDigit); }

char CheckLetter(std::string_view characters) {
  int sum = 0;
  for (std::size_t i = 0; i < characters.size(); ++i) {
    const char c = characters[i];
    sum += kWeights[i] * (IsDigit(c) ? c - '0' : c - 'A');
  }
  return kCheckLetters[static_cast<std::size_t>(sum % kModulus)];
}

std::vector<std::string_view> SplitAtDashes(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t dash = text.find('-');
    parts.push_back(text.substr(0, dash));
    if (dash == std::string_view::npos || parts.size() > 5) return parts;
    text.remove_prefix(dash + 1);
  }
}

bool IsUnitShort(std::string_view text) {
  return text.size() == kUnitChars && std::all_of(text.begin(), text.end(), IsUpper);
}

// The canonical written number: at least four digits, no zero before the fifth from the right.
bool IsCanonicalNumber(std::string_view text) {
  if (text.size() < kNumberCharsMin || text.size() > kNumberCharsMax || !AllDigits(text)) {
    return false;
  }
  if (text.size() > kNumberCharsMin && text[0] == '0') return false;
  return text.find_first_not_of('0') != std::string_view::npos;
}

std::uint64_t NumberOf(std::string_view digits) {
  std::uint64_t number = 0;
  for (const char c : digits) number = number * 10 + static_cast<std::uint64_t>(c - '0');
  return number;
}

absl::Status WrongReference(std::string_view text, std::string why) {
  return Error(absl::StatusCode::kInvalidArgument, Reason::kReferenceInvalid,
               fmt::format("{} is not a reference", Quoted(text)), std::move(why),
               "read it again; it looks like I-QNG-26-0093-T");
}

// I-QNG-26-0093-T: the dashes before the number stand at fixed places.
constexpr std::size_t kYearAt = 6;
constexpr std::size_t kNumberAt = 9;
constexpr std::size_t kDashAndCheckChars = 2;

// Canonical text only, without allocating: this runs for each name that the validator sees.
bool IsCanonicalReference(std::string_view text, std::string_view kinds) {
  if (text.size() < kNumberAt + kNumberCharsMin + kDashAndCheckChars || text[1] != '-' ||
      text[5] != '-' || text[8] != '-' || text[text.size() - 2] != '-') {
    return false;
  }
  const std::string_view number =
      text.substr(kNumberAt, text.size() - kNumberAt - kDashAndCheckChars);
  if (kinds.find(text[0]) == std::string_view::npos || !IsUnitShort(text.substr(2, kUnitChars)) ||
      !AllDigits(text.substr(kYearAt, kYearChars)) || !IsCanonicalNumber(number)) {
    return false;
  }
  std::array<char, kWeights.size()> characters = {text[0], text[2], text[3],
                                                  text[4], text[6], text[7]};
  std::copy(number.begin(), number.end(), characters.begin() + 6);
  return CheckLetter({characters.data(), 6 + number.size()}) == text.back();
}

std::optional<NameParts> ParseName(std::string_view name, std::string_view collection,
                                   std::string_view kinds) {
  constexpr std::string_view kUnits = "units/";
  if (!name.starts_with(kUnits)) return std::nullopt;
  name.remove_prefix(kUnits.size());
  const std::size_t slash = name.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view unit = name.substr(0, slash);
  const std::string_view reference =
      name.substr(std::min(name.size(), slash + 1 + collection.size()));
  if (!IsUnitId(unit) || name.substr(slash + 1, collection.size()) != collection ||
      !IsCanonicalReference(reference, kinds)) {
    return std::nullopt;
  }
  return NameParts{.unit = unit,
                   .reference = reference,
                   .year = static_cast<int>(NumberOf(reference.substr(kYearAt, kYearChars))),
                   .number = NumberOf(reference.substr(
                       kNumberAt, reference.size() - kNumberAt - kDashAndCheckChars))};
}

}  // namespace

std::string MakeReference(const Reference& reference) {
  const char kind = static_cast<char>(reference.kind);
  const char check = CheckLetter(fmt::format(
      FMT_COMPILE("{}{}{:02}{:04}"), kind, reference.unit_short, reference.year, reference.number));
  return fmt::format(FMT_COMPILE("{}-{}-{:02}-{:04}-{}"), kind, reference.unit_short,
                     reference.year, reference.number, check);
}

absl::StatusOr<Reference> ParseReference(std::string_view text) {
  if (text.size() > 32) return WrongReference(text, "it is longer than any reference");
  const std::string upper = AsciiUpper(text);
  const std::vector<std::string_view> parts = SplitAtDashes(upper);
  if (parts.size() != 5 || parts[0].size() != 1 || !IsUnitShort(parts[1]) ||
      parts[2].size() != kYearChars || !AllDigits(parts[2]) || !IsCanonicalNumber(parts[3]) ||
      parts[4].size() != 1) {
    return WrongReference(text, "it has a kind, a unit, a year, a number and a check letter");
  }
  if (kKinds.find(parts[0][0]) == std::string_view::npos) {
    return WrongReference(text, "its first letter is one of I, N, F, R, H");
  }
  if (!IsCanonicalReference(upper, kKinds)) {
    return WrongReference(text, "its check letter does not fit: a digit or a letter was misread");
  }
  return Reference{.kind = static_cast<ReferenceKind>(parts[0][0]),
                   .unit_short = std::string(parts[1]),
                   .year = static_cast<int>(NumberOf(parts[2])),
                   .number = NumberOf(parts[3])};
}

std::optional<ReferenceTail> ParseTail(std::string_view text) {
  if (text.size() > 32) return std::nullopt;
  const std::string upper = AsciiUpper(text);
  std::vector<std::string_view> parts = SplitAtDashes(upper);
  ReferenceTail tail;
  const auto is_check = [](std::string_view part) {
    return part.size() == 1 && kCheckLetters.find(part[0]) != std::string_view::npos;
  };
  if (parts.size() > 1 && is_check(parts.back())) {
    tail.check = parts.back()[0];
    parts.pop_back();
  }
  if (parts.empty() || parts.size() > 4) return std::nullopt;
  const std::string_view number = parts.back();
  if (number.empty() || number.size() > kNumberCharsMax || !AllDigits(number)) return std::nullopt;
  tail.number = NumberOf(number);
  parts.pop_back();
  if (tail.number == 0) return std::nullopt;
  if (!parts.empty()) {
    if (parts.back().size() != kYearChars || !AllDigits(parts.back())) return std::nullopt;
    tail.year = static_cast<int>(NumberOf(parts.back()));
    parts.pop_back();
  }
  if (!parts.empty()) {
    if (!IsUnitShort(parts.back())) return std::nullopt;
    tail.unit_short = std::string(parts.back());
    parts.pop_back();
  }
  if (!parts.empty()) {
    if (parts[0].size() != 1 || kKinds.find(parts[0][0]) == std::string_view::npos) {
      return std::nullopt;
    }
    tail.kind = static_cast<ReferenceKind>(parts[0][0]);
  }
  return tail;
}

bool MatchTail(std::string_view reference, const ReferenceTail& tail) {
  const absl::StatusOr<Reference> whole = ParseReference(reference);
  if (!whole.ok()) return false;
  return tail.number == whole->number && (!tail.kind || *tail.kind == whole->kind) &&
         (tail.unit_short.empty() || tail.unit_short == whole->unit_short) &&
         (!tail.year || *tail.year == whole->year) &&
         (!tail.check || *tail.check == reference.back());
}

std::string IncidentName(std::string_view unit, std::string_view reference) {
  return fmt::format("units/{}/incidents/{}", unit, reference);
}

std::string NoticeName(std::string_view unit, std::string_view reference) {
  return fmt::format("units/{}/notices/{}", unit, reference);
}

std::optional<NameParts> ParseIncidentName(std::string_view name) {
  return ParseName(name, "incidents/", "I");
}

std::optional<NameParts> ParseNoticeName(std::string_view name) {
  return ParseName(name, "notices/", "NF");
}

bool IsUnitId(std::string_view text) {
  if (text.size() < 4 || text.size() > 40 || text[2] != '-') return false;
  const auto is_lower = [](char c) { return c >= 'a' && c <= 'z'; };
  return is_lower(text[0]) && is_lower(text[1]) &&
         std::all_of(text.begin() + 3, text.end(),
                     [&](char c) { return is_lower(c) || IsDigit(c); });
}

}  // namespace tripoint::contract
