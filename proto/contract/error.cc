// See error.h. Pure; any thread.
#include "proto/contract/error.h"

#include "absl/strings/cord.h"
#include "google/rpc/error_details.pb.h"

namespace tripoint::contract {
namespace {

constexpr char kErrorInfoUrl[] = "type.googleapis.com/google.rpc.ErrorInfo";
constexpr char kBadRequestUrl[] = "type.googleapis.com/google.rpc.BadRequest";
constexpr char kRetryInfoUrl[] = "type.googleapis.com/google.rpc.RetryInfo";

template <typename Message>
bool ReadPayload(const absl::Status& status, const char* url, Message& message) {
  const auto payload = status.GetPayload(url);
  return payload.has_value() && message.ParseFromString(std::string(*payload));
}

}  // namespace

absl::Status Error(absl::StatusCode code, const Problem& problem) {
  absl::Status status(code, problem.what);
  google::rpc::ErrorInfo info;
  info.set_domain(std::string(kErrorDomain));
  info.set_reason(std::string(ReasonCode(problem.reason)));
  for (const auto& [name, value] : problem.variables) (*info.mutable_metadata())[name] = value;
  (*info.mutable_metadata())["why"] = problem.why;
  (*info.mutable_metadata())["next"] = problem.next;
  status.SetPayload(kErrorInfoUrl, absl::Cord(info.SerializeAsString()));
  if (!problem.faults.empty()) {
    google::rpc::BadRequest bad_request;
    for (const FieldFault& fault : problem.faults) {
      auto* violation = bad_request.add_field_violations();
      violation->set_field(fault.field);
      violation->set_description(fault.what);
    }
    status.SetPayload(kBadRequestUrl, absl::Cord(bad_request.SerializeAsString()));
  }
  if (problem.retry_after_ms > 0) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(problem.retry_after_ms / 1000);
    retry.mutable_retry_delay()->set_nanos(problem.retry_after_ms % 1000 * 1'000'000);
    status.SetPayload(kRetryInfoUrl, absl::Cord(retry.SerializeAsString()));
  }
  return status;
}

absl::Status Error(absl::StatusCode code, Reason reason, std::string what, std::string why,
                   std::string next) {
  return Error(code, Problem{.reason = reason,
                             .what = std::move(what),
                             .why = std::move(why),
                             .next = std::move(next),
                             .variables = {},
                             .faults = {},
                             .retry_after_ms = 0});
}

Problem ProblemOf(const absl::Status& status) {
  Problem problem;
  problem.what = std::string(status.message());
  google::rpc::ErrorInfo info;
  if (ReadPayload(status, kErrorInfoUrl, info)) {
    problem.reason = ReasonFromCode(info.reason());
    for (const auto& [name, value] : info.metadata()) {
      if (name == "why") {
        problem.why = value;
      } else if (name == "next") {
        problem.next = value;
      } else {
        problem.variables[name] = value;
      }
    }
  } else if (status.code() == absl::StatusCode::kInternal) {
    problem.reason = Reason::kInternal;
  }
  google::rpc::BadRequest bad_request;
  if (ReadPayload(status, kBadRequestUrl, bad_request)) {
    for (const auto& violation : bad_request.field_violations()) {
      problem.faults.push_back({violation.field(), violation.description()});
    }
  }
  google::rpc::RetryInfo retry;
  if (ReadPayload(status, kRetryInfoUrl, retry)) {
    problem.retry_after_ms = static_cast<int>(retry.retry_delay().seconds() * 1000 +
                                              retry.retry_delay().nanos() / 1'000'000);
  }
  return problem;
}

Reason ReasonOf(const absl::Status& status) { return ProblemOf(status).reason; }

std::string_view ReasonCode(Reason reason) {
  return kReasonRows[static_cast<std::size_t>(reason)].code;
}

Reason ReasonFromCode(std::string_view code) {
  for (std::size_t i = 0; i < kReasonRows.size(); ++i) {
    if (kReasonRows[i].code == code) return static_cast<Reason>(i);
  }
  return Reason::kUnspecified;
}

int ExitCode(Reason reason) { return kReasonRows[static_cast<std::size_t>(reason)].exit_code; }

}  // namespace tripoint::contract
