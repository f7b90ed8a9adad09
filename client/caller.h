// Calls to the node in use: repeated with the same bytes (so the same request_id) while the node is
// away, within the time that the user gives. Between the commands and the session. One thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "client/render.h"
#include "client/session.h"

namespace tripoint::client {

class Caller {
 public:
  // All borrowed; they outlive the caller.
  Caller(Host& host, Session& session, Printer& printer, NodeEntry node, int64_t timeout_ms)
      : host_(host),
        session_(session),
        printer_(printer),
        node_(std::move(node)),
        timeout_ms_(timeout_ms) {}

  // Calls, and repeats UNAVAILABLE and QUEUE_FULL with growing pauses until the timeout. Before the
  // node was reached once, at most two seconds: somebody who typed a wrong address should not wait.
  // Errors: Session::Call's.
  absl::Status Ask(std::string_view method, const google::protobuf::Message& request,
                   google::protobuf::Message& response);

  template <typename Response>
  absl::StatusOr<Response> Call(std::string_view method, const google::protobuf::Message& request) {
    Response response;
    absl::Status status = Ask(method, request, response);
    if (!status.ok()) return status;
    return response;
  }

  Session& session() { return session_; }
  const NodeEntry& node() const { return node_; }

 private:
  Host& host_;
  Session& session_;
  Printer& printer_;
  const NodeEntry node_;
  const int64_t timeout_ms_;
  bool told_ = false;  // that the node is away; said once until it answers
};

}  // namespace tripoint::client
