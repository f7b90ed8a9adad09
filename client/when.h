// Times and spans as officers write and read them. All three countries are UTC+7 without summer
// time (ux.md section 2, fact h), so local time is a constant offset and needs no time zone data.
//
// Pure; any thread. Times are UTC in milliseconds since 1970.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tripoint::client {

inline constexpr int64_t kMinuteMs = 60'000;
inline constexpr int64_t kHourMs = 60 * kMinuteMs;
inline constexpr int64_t kDayMs = 24 * kHourMs;
inline constexpr int64_t kLocalOffsetMs = 7 * kHourMs;

// A time with how exactly it was given: `minute`, `day`, `month` or `year` (code list
// time_precision).
struct When {
  int64_t time_ms = 0;
  std::string precision = "minute";
  bool operator==(const When&) const = default;
};

// Reads `now`, `04:10`, `today 04:10`, `yesterday 23:40`, `today`, `yesterday`, `2026-11-21T04:10`,
// `2026-11-21 04:10`, `21/11/2026 04:10`, with `Z` or `+07:00` behind if wanted, `2026-11-21`,
// `2026-11`, `2026`. Without an offset +07 is meant. Khmer and Lao digits count. Errors:
// INVALID_ARGUMENT with examples.
absl::StatusOr<When> ParseWhen(std::string_view text, int64_t now_ms);

// Reads `90s`, `5m`, `2h`, `3d`, `2h30m`, also `500ms`. Positive, up to 366 d. Errors:
// INVALID_ARGUMENT with examples.
absl::StatusOr<int64_t> ParseSpan(std::string_view text);

enum class Clock { kLocal, kUtc };

// `21/11/2026 04:10 +07`; a day, month or year alone when no more is known. 0 gives `-`.
std::string TimeText(int64_t time_ms, Clock clock, std::string_view precision = "minute");
// `04:10:22 +07` of the same.
std::string ClockText(int64_t time_ms, Clock clock);
// `2026-11-21T04:10:22+07:00` or `...Z`, for programs. 0 gives nothing.
std::string IsoText(int64_t time_ms, Clock clock);
// `4 min 18 s`, `2 h 05 min`, `3 d 4 h`.
std::string SpanText(int64_t span_ms);

}  // namespace tripoint::client
