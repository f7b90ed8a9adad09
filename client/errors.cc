// How a refusal is shown.
#include "client/errors.h"

#include <algorithm>
#include <utility>

#include "client/json.h"
#include "client/text.h"

namespace tripoint::client {
namespace {

using contract::Problem;
using contract::Reason;

int ExitOfCode(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return kExitDone;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return kExitUsage;
    case absl::StatusCode::kNotFound:
      return kExitNotFound;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return kExitNotAllowed;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
      return kExitUnreachable;
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kAborted:
      return kExitConflict;
    case absl::StatusCode::kDataLoss:
      return kExitIntegrity;
    case absl::StatusCode::kCancelled:
      return kExitInterrupted;
    default:
      return kExitRefused;
  }
}

std::string Member(std::string_view name, std::string_view value) {
  return JsonString(name) + ":" + JsonString(value);
}

}  // namespace

absl::Status UsageError(std::string_view what, std::string_view why, std::string_view next) {
  // What was typed or read from a file may be no UTF-8, and these texts travel as protobuf strings.
  return contract::Error(absl::StatusCode::kInvalidArgument, Reason::kUsage, Harmless(what),
                         Harmless(why), Harmless(next));
}

absl::Status TooLargeError(std::string what) {
  return contract::Error(absl::StatusCode::kInvalidArgument, Reason::kTooLarge, std::move(what),
                         "a node takes at most " + std::to_string(kRequestBytesMax >> 20) +
                             " MiB in one call; nothing was changed",
                         "shorten the texts, or do it in several commands");
}

void Faults::Add(std::string_view flag, std::string_view what) {
  faults_.push_back({Harmless(flag), Harmless(what)});
}

void Faults::AddStatus(const std::string& flag, const absl::Status& status) {
  if (status.ok()) return;
  const Problem problem = contract::ProblemOf(status);
  std::string text = problem.what;
  if (!problem.why.empty())
    text += (text.ends_with('?') || text.ends_with('.') ? " " : ". ") + problem.why;
  if (!problem.next.empty()) text += "   " + problem.next;
  Add(flag, text);
}

absl::Status Faults::ToStatus(std::string_view effect) const {
  if (faults_.empty()) return absl::OkStatus();
  Problem problem;
  problem.reason = Reason::kFieldInvalid;
  problem.what = faults_.size() == 1 ? "1 value needs fixing"
                                     : std::to_string(faults_.size()) + " values need fixing";
  problem.what += "; " + std::string(effect);
  problem.faults = faults_;
  return contract::Error(absl::StatusCode::kInvalidArgument, problem);
}

int ExitCodeOf(const absl::Status& status) {
  if (status.ok()) return kExitDone;
  const Reason reason = contract::ReasonOf(status);
  const int by_reason = contract::ExitCode(reason);
  // A refusal never looks like success, whatever a row of the table says.
  if (reason == Reason::kUnspecified || by_reason == kExitDone) return ExitOfCode(status.code());
  return by_reason;
}

std::string ErrorCodeOf(const absl::Status& status) {
  const Reason reason = contract::ReasonOf(status);
  if (reason != Reason::kUnspecified) return ToLowerAscii(contract::ReasonCode(reason));
  return ToLowerAscii(absl::StatusCodeToString(status.code()));
}

std::string ErrorText(const absl::Status& status, bool colour) {
  const Problem problem = contract::ProblemOf(status);
  std::string out = colour ? "\x1b[1;31merror:\x1b[0m " : "error: ";
  out += Harmless(problem.what) + "\n";
  int flag_columns = 0;
  for (const auto& fault : problem.faults)
    flag_columns = std::max(flag_columns, DisplayColumns(fault.field));
  for (const auto& fault : problem.faults) {
    out += "  " + Padded(Harmless(fault.field), std::min(flag_columns, 40)) + "   " +
           Harmless(fault.what) + "\n";
  }
  if (!problem.why.empty()) out += "  why:  " + Harmless(problem.why) + "\n";
  if (!problem.next.empty()) out += "  next: " + Harmless(problem.next) + "\n";
  return out;
}

std::string ErrorJson(const absl::Status& status) {
  const Problem problem = contract::ProblemOf(status);
  std::string out = "{\"error\":{" + Member("code", ErrorCodeOf(status)) + "," +
                    Member("what", problem.what) + "," + Member("why", problem.why) + "," +
                    Member("next", problem.next);
  if (!problem.faults.empty()) {
    out += ",\"fields\":[";
    for (std::size_t i = 0; i < problem.faults.size(); ++i) {
      const auto& fault = problem.faults[i];
      out += (i > 0 ? "," : "") + ("{" + Member("field", fault.field)) + "," +
             Member("what", fault.what) + "}";
    }
    out += "]";
  }
  return out + ",\"exit\":" + std::to_string(ExitCodeOf(status)) + "}}\n";
}

}  // namespace tripoint::client
