// Every refusal of Tripoint: what, why and what to do next, with one code a program can act on.
//
// Made by every room, turned into google.rpc.Status by server/rpc and read back by the client.
// Pure; any thread. The reason, why, next and the variables travel as a google.rpc.ErrorInfo
// payload of the absl::Status, so that an absl::Status is all that the rooms hand to each other.
// Texts never hold a person's name, a key or a path to one.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "tripoint/reason.h"

namespace tripoint::contract {

// Domain of every ErrorInfo that a node sends.
inline constexpr std::string_view kErrorDomain = "tripoint";

// One fault in one field of a request. `field` is a proto path such as
// `incident.goods[2].quantity`.
struct FieldFault {
  std::string field;
  std::string what;
};

// What an error says beside its canonical code. `what` is the status message.
struct Problem {
  Reason reason = Reason::kUnspecified;
  std::string what;                              // one sentence: what was refused
  std::string why;                               // one sentence: the rule or the fact behind it
  std::string next;                              // what to do now; a command where there is one
  std::map<std::string, std::string> variables;  // every variable in the texts
  std::vector<FieldFault> faults;                // for FIELD_INVALID: all of them, not the first
  int retry_after_ms = 0;                        // 0: waiting does not help
};

// Makes the status of `problem`. `code` is never kOk.
absl::Status Error(absl::StatusCode code, const Problem& problem);

// Short form for an error without variables.
absl::Status Error(absl::StatusCode code, Reason reason, std::string what, std::string why,
                   std::string next);

// Reads back what Error() put in. A status that Error() did not make gives kUnspecified (kInternal
// code: kInternal) with its message as `what`.
Problem ProblemOf(const absl::Status& status);
Reason ReasonOf(const absl::Status& status);

// `STALE_ETAG` for kStaleEtag, and back. An unknown text gives kUnspecified.
std::string_view ReasonCode(Reason reason);
Reason ReasonFromCode(std::string_view code);

// The CLI's exit code of a reason (ux.md 3.1).
int ExitCode(Reason reason);

}  // namespace tripoint::contract
