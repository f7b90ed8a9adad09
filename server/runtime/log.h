// Structured logs: JSON lines, or text on a terminal. No contents and no personal data, held by the
// types: the event and the names of fields are literals of the source, and a value is a number or
// one of a few checked kinds. There is no way to hand in a run-time string.
//
// Thread-safe and never blocks: lines go through a bounded queue to one writer; what does not fit
// is counted and dropped.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "proto/contract/error.h"
#include "server/runtime/clock.h"

namespace spdlog {
class logger;
namespace details {
class thread_pool;
}
}  // namespace spdlog

namespace tripoint::runtime {

enum class Level : std::uint8_t { kDebug, kInfo, kWarning, kError };

// `debug`, `info`, `warning`, `error`; kInfo for anything else.
Level LevelFromText(std::string_view text);

// A text of the source code. Cannot be made from anything that is known only at run time.
class Literal {
 public:
  template <std::size_t kSize>
  consteval Literal(const char (&text)[kSize])
      : text_(text, kSize - 1) {}  // NOLINT(google-explicit-constructor)
  constexpr std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

// One named value of a line.
class Field {
 public:
  // Any integer, or true and false. A template, so that nothing converts into it (a char pointer
  // would become true).
  template <std::integral Number>
  Field(Literal name, Number number) : Field(name, Json{ToText(number)}) {}
  Field(Literal name, Literal word);
  Field(Literal name, contract::Reason reason);
  // A status becomes its code and its reason; its texts may quote what a caller sent and stay out.
  Field(Literal name, const absl::Status& status);

  // A unit id such as `vn-tayninh`; anything of another form is written as `(malformed)`.
  static Field Unit(Literal name, std::string_view unit);
  // An address of a machine, `10.20.0.4:7443` or `ipv4:10.20.0.4:7443`; another form as
  // `(malformed)`.
  static Field Address(Literal name, std::string_view address);
  // Hex digits of a hash, an epoch or a request id, at most 64; another form as `(malformed)`.
  static Field Hex(Literal name, std::string_view digits);
  // The name of a source file of a library, without its folder; another form as `(malformed)`.
  static Field SourceFile(Literal name, std::string_view path);
  // The words of a library's message as they stand in its source, placeholders not filled in: so
  // they are of no caller. Cut at 200 bytes.
  static Field LibraryFormat(Literal name, std::string_view format);
  // The text of a fault in the node's OWN files (configuration, certificates, data folder), made
  // before any caller's data was read. Cut at 300 bytes.
  static Field OwnFault(Literal name, const absl::Status& status);

 private:
  friend class Log;
  static std::string ToText(bool yes) { return yes ? "true" : "false"; }
  template <std::integral Number>
  static std::string ToText(Number number) {
    return std::to_string(number);
  }
  // A value as it stands in the line. A type of its own, so that no text converts into it.
  struct Json {
    std::string text;
  };
  Field(Literal name, Json value) : name_(name), json_value_(std::move(value.text)) {}
  Literal name_;
  std::string json_value_;
};

class Log {
 public:
  // Takes whole lines without the line end; for tests.
  using Sink = std::function<void(std::string_view line)>;

  // To standard error; as text when that is a terminal. `clock` outlives the log.
  Log(const Clock& clock, Level lowest);
  Log(const Clock& clock, Level lowest, Sink sink);
  // Writes what is queued.
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // `event` is a dotted word such as `peer.up`. At most kLinesPerSecond a second are kept below
  // kError; how many were dropped is in the next line.
  void Write(Level level, Literal event, std::initializer_list<Field> fields = {});
  void Debug(Literal event, std::initializer_list<Field> fields = {}) {
    Write(Level::kDebug, event, fields);
  }
  void Info(Literal event, std::initializer_list<Field> fields = {}) {
    Write(Level::kInfo, event, fields);
  }
  void Warning(Literal event, std::initializer_list<Field> fields = {}) {
    Write(Level::kWarning, event, fields);
  }
  void Error(Literal event, std::initializer_list<Field> fields = {}) {
    Write(Level::kError, event, fields);
  }

  static constexpr int kLinesPerSecond = 200;

 private:
  // The number of dropped lines to report with this one; -1: drop this one too.
  std::int64_t Admit(Level level, std::int64_t now_ms);

  const Clock& clock_;
  const Level lowest_;
  const Sink sink_;
  bool as_text_ = false;
  std::shared_ptr<spdlog::details::thread_pool> writer_;
  std::shared_ptr<spdlog::logger> logger_;

  absl::Mutex mutex_;
  std::int64_t second_ ABSL_GUARDED_BY(mutex_) = 0;
  std::int64_t lines_ ABSL_GUARDED_BY(mutex_) = 0;
  std::int64_t dropped_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace tripoint::runtime
