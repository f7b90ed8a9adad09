// See session_errors.h.
#include "client/session_errors.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "absl/strings/cord.h"
#include "certs/node_files.h"
#include "client/errors.h"
#include "google/rpc/status.pb.h"

namespace tripoint::client {
namespace {

using contract::Reason;

constexpr int kHandshakesMin = 3;

bool Mentions(const std::string& text, std::string_view word) {
  return text.find(word) != std::string::npos;
}

// `REASON: what. why. next` as certs::ToPlainStatus writes it, for refusals that come before any
// handler.
bool PlainReason(const std::string& message, absl::StatusCode code, absl::Status& status) {
  const std::size_t colon = message.find(": ");
  if (colon == std::string::npos) return false;
  const Reason reason = contract::ReasonFromCode(message.substr(0, colon));
  if (reason == Reason::kUnspecified) return false;
  // The first sentence says what, the last what to do next, and what is between them why.
  std::string what = message.substr(colon + 2);
  std::string why;
  std::string next;
  if (const std::size_t last = what.rfind(". "); last != std::string::npos) {
    next = what.substr(last + 2);
    what.resize(last);
  }
  if (const std::size_t first = what.find(". "); first != std::string::npos) {
    why = what.substr(first + 2);
    what.resize(first);
  }
  status = contract::Error(code, reason, std::move(what), std::move(why), std::move(next));
  return true;
}

}  // namespace

absl::Status Unreachable(const Link& link, const std::string& detail, int64_t now_s) {
  const std::string what =
      fmt::format("node {} cannot be reached at {}", link.node.name, link.node.address);
  const auto made = [&](const std::string& why, const std::string& next) {
    return contract::Error(absl::StatusCode::kUnavailable, Reason::kNodeUnreachable, what, why,
                           next);
  };
  if (Mentions(detail, "Connection refused")) {
    return made("nothing listens at that address (connection refused)",
                "start the node there, or correct the address: tripoint node add " +
                    link.node.name + " ...");
  }
  if (Mentions(detail, "resolution")) {
    return made("the host name is not known here", "check the address: tripoint node list");
  }
  if (Mentions(detail, "timed out") || Mentions(detail, "imeout") || Mentions(detail, "No route") ||
      Mentions(detail, "unreachable")) {
    return made("no answer from that address: the machine is off, or the network between is down",
                "try again; nothing was changed by this call");
  }
  const absl::Status refused = link.refusals->Last();
  if (!refused.ok()) {
    const contract::Problem problem = contract::ProblemOf(refused);
    return made(
        fmt::format("a node answered there, but its certificate was not accepted ({}): {}. {}",
                    contract::ReasonCode(problem.reason), problem.what, problem.why),
        problem.next.empty() ? "check the address and unit: tripoint node list" : problem.next);
  }
  if (link.closed < kHandshakesMin) {
    return made("the node went away: it stopped, restarts, or the network between broke",
                "try again; whether it acted is not known: look with list or show");
  }
  const auto trust = link.trust->Current();
  const certs::OwnCertificate own =
      certs::ExplainOwnCertificate(link.node.certificates, trust.get(), now_s);
  return made(
      fmt::format("the connection was closed in the TLS handshake. Your own certificate: {}",
                  own.text),
      own.status.ok() ? "the node may not accept certificates of your unit; ask its IT officer"
                      : contract::ProblemOf(own.status).next);
}

absl::Status FromGrpc(const grpc::Status& status, const Link& link, bool interrupted,
                      int64_t now_s) {
  if (status.ok()) return absl::OkStatus();
  if (interrupted) {
    return contract::Error(
        absl::StatusCode::kCancelled, Reason::kInterrupted, "interrupted",
        "you stopped it before the node answered",
        "the same command may be run again; check with list or show what was done");
  }
  const auto code = static_cast<absl::StatusCode>(status.error_code());
  google::rpc::Status details;
  if (!status.error_details().empty() && details.ParseFromString(status.error_details()) &&
      details.details_size() > 0) {
    absl::Status out(code, details.message());
    for (const auto& detail : details.details())
      out.SetPayload(detail.type_url(), absl::Cord(detail.value()));
    return out;
  }
  // gRPC's own words for both directions: a node of another version may have other limits.
  if (code == absl::StatusCode::kResourceExhausted &&
      (Mentions(status.error_message(), "message larger than max") ||
       Mentions(status.error_message(), "message exceeds maximum size")))
    return TooLargeError(fmt::format("a message to or from node {} is too large", link.node.name));
  absl::Status plain;
  if (PlainReason(status.error_message(), code, plain)) return plain;
  if (code == absl::StatusCode::kUnavailable)
    return Unreachable(link, status.error_message(), now_s);
  // Nobody here cancelled: a stopping node ends its calls like this, or the connection broke in the
  // middle.
  if (code == absl::StatusCode::kCancelled || status.error_message() == "Stream removed") {
    return contract::Error(
        absl::StatusCode::kUnavailable, Reason::kNodeUnreachable,
        fmt::format("node {} ended the connection", link.node.name),
        "it is stopping or restarting; whether it acted is not known",
        "try again: a repeated command is safe once you have looked (list, show)");
  }
  if (code == absl::StatusCode::kDeadlineExceeded && link.closed >= kHandshakesMin &&
      link.closed < kNeverReached) {
    const auto trust = link.trust->Current();
    return contract::Error(
        code, Reason::kCallTimeout,
        fmt::format("node {} did not answer in several tries", link.node.name),
        "it is off, or the connection ends in the handshake. Your own certificate: " +
            certs::ExplainOwnCertificate(link.node.certificates, trust.get(), now_s).text,
        "see to the node; this goes on when it answers");
  }
  if (code == absl::StatusCode::kDeadlineExceeded) {
    return contract::Error(code, Reason::kCallTimeout,
                           fmt::format("node {} did not answer in time", link.node.name),
                           "it may be busy, or the network slow; whether it acted is not known",
                           "try again with a longer --timeout, such as --timeout 60s");
  }
  if (code == absl::StatusCode::kUnimplemented) {
    return contract::Error(code, Reason::kVersionUnsupported,
                           fmt::format("node {} does not know this call", link.node.name),
                           "it runs another version than this command",
                           "compare: tripoint version, tripoint status");
  }
  return absl::Status(code, status.error_message());
}

}  // namespace tripoint::client
