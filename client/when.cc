// Times and spans as officers write and read them.
#include "client/when.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "client/text.h"

namespace tripoint::client {
namespace {

constexpr std::string_view kTimeExamples =
    R"(Examples: 04:10   "yesterday 23:40"   2026-11-21T04:10)";

// Reads digits from the front of `text`: exactly `count`. Removes them.
std::optional<int> TakeDigits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool Take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

// Local midnight of a date, in UTC milliseconds.
std::optional<int64_t> DayStart(int year, int month, int day) {
  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok() || year < 1970 || year > 2099) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count() * kDayMs - kLocalOffsetMs;
}

// HH:MM or H:MM, seconds if given, as milliseconds of a day.
std::optional<int64_t> TakeTimeOfDay(std::string_view& text) {
  std::string_view rest = text;
  std::optional<int> hour = TakeDigits(rest, 2);
  if (!hour) hour = TakeDigits(rest, 1);
  if (!hour || !Take(rest, ":")) return std::nullopt;
  const std::optional<int> minute = TakeDigits(rest, 2);
  if (!minute || *hour > 23 || *minute > 59) return std::nullopt;
  int64_t time_ms = *hour * kHourMs + *minute * kMinuteMs;
  if (Take(rest, ":")) {
    const std::optional<int> second = TakeDigits(rest, 2);
    if (!second || *second > 59) return std::nullopt;
    time_ms += *second * 1000;
  }
  text = rest;
  return time_ms;
}

// Offset behind a time: nothing, `Z`, `+07`, `+07:00`. Gives what must be added to a +07 reading.
std::optional<int64_t> TakeOffset(std::string_view text) {
  text = Trimmed(text);
  if (text.empty()) return 0;
  if (text == "z" || text == "utc") return kLocalOffsetMs;
  const bool east = Take(text, "+");
  if (!east && !Take(text, "-")) return std::nullopt;
  const std::optional<int> hours = TakeDigits(text, 2);
  if (!hours || *hours > 14) return std::nullopt;
  int minutes = 0;
  if (!text.empty()) {
    Take(text, ":");
    const std::optional<int> more = TakeDigits(text, 2);
    if (!more || !text.empty() || *more > 59) return std::nullopt;
    minutes = *more;
  }
  const int64_t offset_ms = (*hours * kHourMs + minutes * kMinuteMs) * (east ? 1 : -1);
  return kLocalOffsetMs - offset_ms;
}

// A date in any accepted form at the front of `text`; gives its precision too.
std::optional<When> TakeDate(std::string_view& text, int64_t now_ms) {
  const int64_t today_ms = (now_ms + kLocalOffsetMs) / kDayMs * kDayMs - kLocalOffsetMs;
  if (Take(text, "today")) return When{today_ms, "day"};
  if (Take(text, "yesterday")) return When{today_ms - kDayMs, "day"};
  std::string_view rest = text;
  if (text.size() >= 10 && text[2] == '/') {
    const auto day = TakeDigits(rest, 2);
    const bool first = Take(rest, "/");
    const auto month = TakeDigits(rest, 2);
    const bool second = Take(rest, "/");
    const auto year = TakeDigits(rest, 4);
    if (!day || !first || !month || !second || !year) return std::nullopt;
    const auto start = DayStart(*year, *month, *day);
    if (!start) return std::nullopt;
    text = rest;
    return When{*start, "day"};
  }
  const auto year = TakeDigits(rest, 4);
  if (!year) return std::nullopt;
  When when{0, "year"};
  int month = 1;
  int day = 1;
  if (Take(rest, "-")) {
    const auto read_month = TakeDigits(rest, 2);
    if (!read_month) return std::nullopt;
    month = *read_month;
    when.precision = "month";
    if (Take(rest, "-")) {
      const auto read_day = TakeDigits(rest, 2);
      if (!read_day) return std::nullopt;
      day = *read_day;
      when.precision = "day";
    }
  }
  const auto start = DayStart(*year, month, day);
  if (!start) return std::nullopt;
  when.time_ms = *start;
  text = rest;
  return when;
}

std::optional<When> Read(std::string_view text, int64_t now_ms) {
  if (text == "now") return When{now_ms / kMinuteMs * kMinuteMs, "minute"};
  std::string_view rest = text;
  When when;
  std::string_view alone = text;
  if (const auto time = TakeTimeOfDay(alone)) {
    when.time_ms = (now_ms + kLocalOffsetMs) / kDayMs * kDayMs - kLocalOffsetMs + *time;
    rest = alone;
  } else {
    const auto date = TakeDate(rest, now_ms);
    if (!date) return std::nullopt;
    if (rest.empty()) return date;
    if (date->precision != "day" || !(Take(rest, "t") || Take(rest, " "))) return std::nullopt;
    rest = Trimmed(rest);
    const auto time_of_day = TakeTimeOfDay(rest);
    if (!time_of_day) return std::nullopt;
    when.time_ms = date->time_ms + *time_of_day;
  }
  const auto offset = TakeOffset(rest);
  if (!offset) return std::nullopt;
  when.time_ms += *offset;
  return when;
}

struct Civil {
  int year;
  unsigned month, day;
  int64_t of_day_ms;
};

Civil CivilOf(int64_t time_ms, Clock clock) {
  // A file that is checked offline may say any number; it is shown as the end of the calendar.
  constexpr int64_t kYear9999Ms = 253'402'214'400'000;
  const int64_t shifted = std::clamp(time_ms, -kYear9999Ms, kYear9999Ms) +
                          (clock == Clock::kLocal ? kLocalOffsetMs : 0);
  const auto days = std::chrono::floor<std::chrono::days>(std::chrono::milliseconds(shifted));
  const std::chrono::year_month_day date{std::chrono::sys_days(days)};
  return {int{date.year()}, unsigned{date.month()}, unsigned{date.day()},
          shifted - days.count() * kDayMs};
}

}  // namespace

absl::StatusOr<When> ParseWhen(std::string_view text, int64_t now_ms) {
  const std::string plain = ToLowerAscii(AsciiDigits(Trimmed(text)));
  const std::optional<When> when = plain.size() > 40 ? std::nullopt : Read(plain, now_ms);
  if (when && when->time_ms > 0) return *when;
  return absl::InvalidArgumentError(
      fmt::format("\"{}\" is not a time. {}", Truncate(text, 40), kTimeExamples));
}

absl::StatusOr<int64_t> ParseSpan(std::string_view text) {
  const std::string plain = ToLowerAscii(AsciiDigits(Trimmed(text)));
  const absl::Status bad = absl::InvalidArgumentError(fmt::format(
      "\"{}\" is not a span of time. Examples: 30s   5m   2h   3d", Truncate(text, 40)));
  int64_t total_ms = 0;
  std::string_view rest = plain;
  if (rest.empty()) return bad;
  while (!rest.empty()) {
    int64_t value = 0;
    std::size_t digits = 0;
    while (digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9' && digits < 9) {
      value = value * 10 + (rest[digits++] - '0');
    }
    if (digits == 0) return bad;
    rest.remove_prefix(digits);
    int64_t unit_ms = 0;
    if (Take(rest, "ms")) {
      unit_ms = 1;
    } else if (Take(rest, "s")) {
      unit_ms = 1000;
    } else if (Take(rest, "m")) {
      unit_ms = kMinuteMs;
    } else if (Take(rest, "h")) {
      unit_ms = kHourMs;
    } else if (Take(rest, "d")) {
      unit_ms = kDayMs;
    } else {
      return bad;
    }
    total_ms += value * unit_ms;
    if (total_ms > 366 * kDayMs) {
      return absl::InvalidArgumentError(
          fmt::format("\"{}\" is too long: at most 366d", Truncate(text, 40)));
    }
  }
  if (total_ms <= 0) return bad;
  return total_ms;
}

std::string TimeText(int64_t time_ms, Clock clock, std::string_view precision) {
  if (time_ms == 0) return "-";
  const Civil at =
      CivilOf(time_ms, precision == "minute" || precision.empty() ? clock : Clock::kLocal);
  if (precision == "year") return fmt::format("{:04}", at.year);
  if (precision == "month") return fmt::format("{:02}/{:04}", at.month, at.year);
  if (precision == "day") return fmt::format("{:02}/{:02}/{:04}", at.day, at.month, at.year);
  return fmt::format("{:02}/{:02}/{:04} {:02}:{:02} {}", at.day, at.month, at.year,
                     at.of_day_ms / kHourMs, at.of_day_ms / kMinuteMs % 60,
                     clock == Clock::kLocal ? "+07" : "UTC");
}

std::string ClockText(int64_t time_ms, Clock clock) {
  const Civil at = CivilOf(time_ms, clock);
  return fmt::format("{:02}:{:02}:{:02} {}", at.of_day_ms / kHourMs, at.of_day_ms / kMinuteMs % 60,
                     at.of_day_ms / 1000 % 60, clock == Clock::kLocal ? "+07" : "UTC");
}

std::string IsoText(int64_t time_ms, Clock clock) {
  if (time_ms == 0) return "";
  const Civil at = CivilOf(time_ms, clock);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}", at.year, at.month, at.day,
                     at.of_day_ms / kHourMs, at.of_day_ms / kMinuteMs % 60,
                     at.of_day_ms / 1000 % 60, clock == Clock::kLocal ? "+07:00" : "Z");
}

std::string SpanText(int64_t span_ms) {
  const int64_t seconds = span_ms / 1000;
  if (seconds < 1) return fmt::format("{} ms", span_ms);
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{} min {:02} s", seconds / 60, seconds % 60);
  if (seconds < 86400) return fmt::format("{} h {:02} min", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{} d {} h", seconds / 86400, seconds / 3600 % 24);
}

}  // namespace tripoint::client
