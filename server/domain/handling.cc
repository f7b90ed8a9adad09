// The tables of handling, urgency, kinds and groups (handling.h). Any thread.
#include "server/domain/handling.h"

#include <algorithm>
#include <array>

#include "proto/contract/text_form.h"

namespace tripoint::domain {
namespace {

constexpr std::array<std::string_view, 5> kTlpCodes = {"CLEAR", "GREEN", "AMBER", "AMBER+STRICT",
                                                       "RED"};
constexpr std::array<std::string_view, 4> kHandlingCodes = {"H0", "H1", "H2", "H3"};
// The least reach that each handling code leaves.
constexpr std::array<Reach, 4> kReachOfHandling = {Reach::kClear, Reach::kGreen,
                                                   Reach::kAmberStrict, Reach::kRed};
constexpr std::size_t kH2 = 2;

struct Urgency {
  std::string_view code;
  exchange::v1::Lane lane;
  bool needs_reason;
  int ack_minutes;
};

constexpr std::array<Urgency, 5> kUrgencies = {{
    {"U0", exchange::v1::LANE_FLASH, true, 5},
    {"U1", exchange::v1::LANE_PRIORITY, true, 30},
    {"U2", exchange::v1::LANE_PRIORITY, false, 0},
    {"U3", exchange::v1::LANE_ROUTINE, false, 0},
    {"U4", exchange::v1::LANE_ROUTINE, false, 0},
}};

// domain.md 5.4; code, life, holds_persons, about_nationals, never_protected (5.2).
constexpr std::array<NoticeKind, 23> kKinds = {{
    {"HOTLINE", 3 * kDayMs, true, false, false},
    {"INCIDENT", 1095 * kDayMs, true, false, false},
    {"WARNING", 365 * kDayMs, false, false, false},
    {"WANTED", 365 * kDayMs, true, false, true},
    {"MISSING", 365 * kDayMs, true, false, false},
    {"IDENTIFY", 365 * kDayMs, true, false, false},
    {"VICTIM_ASSIST", 365 * kDayMs, true, false, false},
    {"OBJECT", 365 * kDayMs, false, false, false},
    {"VERIFY", 180 * kDayMs, true, false, false},
    {"ENTRY_EXIT", 90 * kDayMs, true, false, false},
    {"RETURNEE", 365 * kDayMs, true, true, false},
    {"FOREIGN_NATIONAL", 365 * kDayMs, true, true, true},
    {"HANDOVER", 365 * kDayMs, true, false, false},
    {"JOINT_OP", 365 * kDayMs, true, false, false},
    {"PATROL", 1 * kDayMs, false, false, false},
    {"EVENT_PLAN", 1 * kDayMs, false, false, false},
    {"GATE", 30 * kDayMs, false, false, false},
    {"SITREP", 365 * kDayMs, false, false, false},
    {"BRIEFING", 1095 * kDayMs, false, false, false},
    {"REG_BULLETIN", 365 * kDayMs, false, false, false},
    {"PUBLIC", 365 * kDayMs, false, false, false},
    {"SUBJECT_REQUEST", 180 * kDayMs, true, false, false},
    {"ADMIN", 365 * kDayMs, false, false, false},
}};

// domain.md 5.1: ordinary-law crime, border order and safety.
constexpr std::array<std::string_view, 19> kNeutralGroups = {
    "DRG", "THB", "CSE", "SMG", "CYB", "GMB", "CTB", "TRD", "ENV", "ARM",
    "VEH", "PER", "PRP", "FIN", "DOC", "FUG", "LAB", "BDR", "SAF"};

template <std::size_t kCount>
std::optional<std::size_t> IndexOf(const std::array<std::string_view, kCount>& codes,
                                   std::string_view code) {
  const auto found = std::find(codes.begin(), codes.end(), code);
  if (found == codes.end()) return std::nullopt;
  return static_cast<std::size_t>(found - codes.begin());
}

const Urgency* FindUrgency(std::string_view code) {
  for (const Urgency& urgency : kUrgencies) {
    if (urgency.code == code) return &urgency;
  }
  return nullptr;
}

}  // namespace

std::optional<Handling> StricterOf(std::string_view handling_code, std::string_view tlp_code,
                                   std::string_view kind_code) {
  const bool is_public =
      kind_code == "PUBLIC" && handling_code.empty() && (tlp_code.empty() || tlp_code == "CLEAR");
  if (handling_code.empty()) handling_code = is_public ? "H0" : "H2";
  if (tlp_code.empty()) tlp_code = is_public ? "CLEAR" : "AMBER+STRICT";
  const auto handling = IndexOf(kHandlingCodes, handling_code);
  const auto tlp = IndexOf(kTlpCodes, tlp_code);
  if (!handling || !tlp) return std::nullopt;
  const Reach reach = std::max(static_cast<Reach>(*tlp), kReachOfHandling[*handling]);
  const std::size_t floor = reach >= Reach::kAmberStrict ? kH2 : 0;
  return Handling{.handling_code = std::string(kHandlingCodes[std::max(*handling, floor)]),
                  .tlp_code = std::string(kTlpCodes[static_cast<std::size_t>(reach)]),
                  .reach = reach};
}

exchange::v1::Lane LaneOf(std::string_view urgency_code) {
  const Urgency* urgency = FindUrgency(urgency_code);
  return urgency == nullptr ? exchange::v1::LANE_UNSPECIFIED : urgency->lane;
}

bool UrgencyNeedsReason(std::string_view urgency_code) {
  const Urgency* urgency = FindUrgency(urgency_code);
  return urgency != nullptr && urgency->needs_reason;
}

int AckMinutesOf(std::string_view urgency_code) {
  const Urgency* urgency = FindUrgency(urgency_code);
  return urgency == nullptr ? 0 : urgency->ack_minutes;
}

const NoticeKind* FindNoticeKind(std::string_view kind_code) {
  for (const NoticeKind& kind : kKinds) {
    if (kind.code == kind_code) return &kind;
  }
  return nullptr;
}

bool IsNeutralCategory(std::string_view category_code) {
  const std::size_t dash = category_code.find('-');
  return contract::IsCodeForm(category_code) && dash + 1 != category_code.size() &&
         IndexOf(kNeutralGroups, category_code.substr(0, dash)).has_value();
}

std::string CountryOf(std::string_view unit) { return contract::AsciiUpper(unit.substr(0, 2)); }

}  // namespace tripoint::domain
