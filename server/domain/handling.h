// Handling and TLP (stricter wins), urgency and lanes, kinds of notices and how long they live.
//
// Tables as code, because they decide what leaves; a test compares them with the code lists of
// proto/codes. Pure; any thread. Called by notice.cc, policy.cc and admission.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tripoint/exchange/v1/envelope.pb.h"

namespace tripoint::domain {

// How far a matter may travel; ordered. The value is the row of TLP 2.0.
enum class Reach : std::uint8_t {
  kClear = 0,
  kGreen = 1,
  kAmber = 2,
  kAmberStrict = 3,
  kRed = 4,
};

struct Handling {
  std::string handling_code;  // H0 to H3
  std::string tlp_code;       // CLEAR to RED
  Reach reach = Reach::kAmberStrict;

  friend bool operator==(const Handling&, const Handling&) = default;
};

// What holds when `handling_code` and `tlp_code` are stated: the stricter of the two, spelled out
// in both codes. Empty means H2 and AMBER+STRICT (for kind PUBLIC, where nothing else is
// stated, H0 and CLEAR). H1 is at least GREEN, H2 at least AMBER+STRICT, H3 is RED; from
// AMBER+STRICT on it is at least H2. nullopt for a code that this version does not know.
std::optional<Handling> StricterOf(std::string_view handling_code, std::string_view tlp_code,
                                   std::string_view kind_code = {});

// Lane of an urgency: U0 flash; U1, U2 priority; U3, U4 routine. LANE_UNSPECIFIED when unknown.
exchange::v1::Lane LaneOf(std::string_view urgency_code);

// Whether the urgency needs a coded reason: U0 and U1.
bool UrgencyNeedsReason(std::string_view urgency_code);

// Time to acknowledge within, in minutes; 0 when the urgency asks for none.
int AckMinutesOf(std::string_view urgency_code);

inline constexpr std::int64_t kDayMs = 24LL * 60 * 60 * 1000;
// No notice lives longer (domain.md 5.4).
inline constexpr std::int64_t kNoticeLifeMsMax = 5LL * 365 * kDayMs;

struct NoticeKind {
  std::string_view code;
  std::int64_t life_ms;  // when nothing else is said
  bool holds_persons;    // false: persons are never sent under this kind
  bool about_nationals;  // persons only to the country whose document they hold
  bool never_protected;  // persons under protection are never sent under this kind
};

// nullptr for a kind of a newer version.
const NoticeKind* FindNoticeKind(std::string_view kind_code);

// Whether the category is within crime, border order and safety: one of the groups of domain.md
// 5.1, as `DRG-TRF` or the group alone. A category of a newer list within a group is neutral; a
// new group is not, until this table knows it (promise 11).
bool IsNeutralCategory(std::string_view category_code);

// `VN` for `vn-quangngai`.
std::string CountryOf(std::string_view unit);

}  // namespace tripoint::domain
