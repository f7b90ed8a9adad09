// How a refusal reaches the person or the program that called: text on stderr, an object in the
// JSON modes, an exit code.
//
// Used by every command and by app.cc, which prints once. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "proto/contract/error.h"

namespace tripoint::client {

// Exit codes without a refusal behind them (ux.md 3.1); the others come from contract::ExitCode.
inline constexpr int kExitDone = 0;
inline constexpr int kExitRefused = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitNotFound = 3;
inline constexpr int kExitNotAllowed = 4;
inline constexpr int kExitUnreachable = 5;
inline constexpr int kExitConflict = 6;
inline constexpr int kExitTimeUp = 7;
inline constexpr int kExitPartly = 8;
inline constexpr int kExitIntegrity = 9;
inline constexpr int kExitInterrupted = 130;

// The command line cannot be understood: INVALID_ARGUMENT / USAGE, exit 2.
absl::Status UsageError(std::string_view what, std::string_view why, std::string_view next);

// More than a node takes in one call: INVALID_ARGUMENT / TOO_LARGE, exit 2.
inline constexpr std::size_t kRequestBytesMax = 4 << 20;
absl::Status TooLargeError(std::string what);

// All faults of a command line, so that they are shown together (ux.md session 1).
class Faults {
 public:
  // `flag` as typed, such as `--when`; `what` one sentence that ends with what would be right.
  void Add(std::string_view flag, std::string_view what);
  // Adds the fault of `status` unless it is OK.
  void AddStatus(const std::string& flag, const absl::Status& status);
  bool empty() const { return faults_.empty(); }
  // OK without faults; else INVALID_ARGUMENT / FIELD_INVALID. `effect` says that nothing was done.
  absl::Status ToStatus(std::string_view effect) const;

 private:
  std::vector<contract::FieldFault> faults_;
};

// Exit code of a refusal; 0 of OK.
int ExitCodeOf(const absl::Status& status);

// `unit_unknown`: fixed, English, lower case. A status that no node of ours made gives its
// canonical code.
std::string ErrorCodeOf(const absl::Status& status);

// What, why and next as text for a terminal. `colour` paints the first word.
std::string ErrorText(const absl::Status& status, bool colour);

// One line: {"error":{"code":..,"what":..,"why":..,"next":..,"exit":N}} with "fields" when there
// are several faults.
std::string ErrorJson(const absl::Status& status);

}  // namespace tripoint::client
