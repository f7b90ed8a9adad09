// Structured logs over spdlog. See log.h.
#include "server/runtime/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace tripoint::runtime {
namespace {

constexpr std::size_t kQueueLines = 4096;
constexpr std::size_t kFaultBytesMax = 300;
constexpr std::size_t kFormatBytesMax = 200;
constexpr std::size_t kUnitBytesMax = 40;
constexpr std::size_t kAddressBytesMax = 80;
constexpr std::size_t kHexBytesMax = 64;
constexpr std::string_view kMalformed = "(malformed)";
constexpr std::array<std::string_view, 4> kLevelNames = {"debug", "info", "warning", "error"};

// Quotes for JSON; everything outside printable ASCII is escaped, so that a line stays one line
// everywhere.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (character == '"' || character == '\\') {
      quoted += '\\';
      quoted += character;
    } else if (byte < 0x20 || byte > 0x7e) {
      quoted += fmt::format("\\u{:04x}", static_cast<unsigned>(byte));
    } else {
      quoted += character;
    }
  }
  return quoted + '"';
}

std::string QuotedIf(std::string_view text, std::size_t bytes_max, std::string_view allowed) {
  const bool fits =
      !text.empty() && text.size() <= bytes_max && text.find_first_not_of(allowed) == text.npos;
  return Quoted(fits ? text : kMalformed);
}

std::string UtcText(std::int64_t now_ms) {
  const std::int64_t seconds = now_ms / 1000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(seconds)),
                     now_ms % 1000);
}

}  // namespace

Level LevelFromText(std::string_view text) {
  const auto found = std::find(kLevelNames.begin(), kLevelNames.end(), text);
  return found == kLevelNames.end() ? Level::kInfo
                                    : static_cast<Level>(found - kLevelNames.begin());
}

Field::Field(Literal name, Literal word) : Field(name, Json{Quoted(word.text())}) {}
Field::Field(Literal name, contract::Reason reason)
    : Field(name, Json{Quoted(contract::ReasonCode(reason))}) {}

Field::Field(Literal name, const absl::Status& status)
    : Field(name, Json{Quoted(fmt::format("{}/{}", absl::StatusCodeToString(status.code()),
                                          contract::ReasonCode(contract::ReasonOf(status))))}) {}

Field Field::Unit(Literal name, std::string_view unit) {
  return {name, Json{QuotedIf(unit, kUnitBytesMax, "abcdefghijklmnopqrstuvwxyz0123456789-")}};
}

Field Field::Address(Literal name, std::string_view address) {
  // Host names, IPv4 and IPv6 with a port, and gRPC's prefix and percent-coded brackets.
  return {name,
          Json{QuotedIf(address, kAddressBytesMax,
                        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-[]%")}};
}

Field Field::Hex(Literal name, std::string_view digits) {
  return {name, Json{QuotedIf(digits, kHexBytesMax, "0123456789abcdef")}};
}

Field Field::SourceFile(Literal name, std::string_view path) {
  return {name, Json{QuotedIf(path.substr(path.rfind('/') + 1), kUnitBytesMax,
                              "abcdefghijklmnopqrstuvwxyz0123456789_.")}};
}

Field Field::LibraryFormat(Literal name, std::string_view format) {
  return {name, Json{Quoted(format.substr(0, kFormatBytesMax))}};
}

Field Field::OwnFault(Literal name, const absl::Status& status) {
  const contract::Problem problem = contract::ProblemOf(status);
  std::string text = problem.why.empty() ? problem.what : problem.what + ": " + problem.why;
  text.resize(std::min(text.size(), kFaultBytesMax));
  return {name, Json{Quoted(text)}};
}

Log::Log(const Clock& clock, Level lowest)
    : clock_(clock), lowest_(lowest), as_text_(::isatty(STDERR_FILENO) == 1) {
  writer_ = std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1);
  logger_ = std::make_shared<spdlog::async_logger>(
      "tripointd", std::make_shared<spdlog::sinks::stderr_sink_mt>(), writer_,
      spdlog::async_overflow_policy::overrun_oldest);
  logger_->set_pattern("%v");
  logger_->set_level(spdlog::level::trace);
  logger_->flush_on(spdlog::level::trace);
}

Log::Log(const Clock& clock, Level lowest, Sink sink)
    : clock_(clock), lowest_(lowest), sink_(std::move(sink)) {}

Log::~Log() = default;  // the pool's destructor writes what is queued and joins

std::int64_t Log::Admit(Level level, std::int64_t now_ms) {
  const absl::MutexLock lock(&mutex_);
  const std::int64_t second = now_ms / 1000;
  if (second != second_) {
    second_ = second;
    lines_ = 0;
  }
  if (lines_ >= kLinesPerSecond && level != Level::kError) {
    ++dropped_;
    return -1;
  }
  ++lines_;
  return std::exchange(dropped_, 0);
}

void Log::Write(Level level, Literal event, std::initializer_list<Field> fields) {
  if (level < lowest_) return;
  const std::int64_t dropped = Admit(level, clock_.monotonic_ms());
  if (dropped < 0) return;
  const std::string_view level_name = kLevelNames[static_cast<std::size_t>(level)];
  const std::string time = UtcText(clock_.wall_ms());
  std::string line = as_text_ ? fmt::format("{} {:7} {}", time, level_name, event.text())
                              : fmt::format(R"({{"time":"{}","level":"{}","event":"{}")", time,
                                            level_name, event.text());
  const auto append = [&](std::string_view name, std::string_view value) {
    line += as_text_ ? fmt::format(" {}={}", name, value) : fmt::format(",\"{}\":{}", name, value);
  };
  for (const Field& field : fields) append(field.name_.text(), field.json_value_);
  if (dropped > 0) append("dropped", fmt::to_string(dropped));
  if (!as_text_) line += '}';
  if (sink_) {
    sink_(line);
  } else {
    logger_->log(spdlog::level::info, line);
  }
}

}  // namespace tripoint::runtime
