// Calls to the node in use: repeated with the same bytes (so the same request_id) while the node is
// away, within the time that the user gives. Between the commands and the session. One thread.
#pragma once

#include <deque>
#include <functional>
#include <memory>
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

  // The same for anything that may be tried again as it is. `attempt` gets the time that is left.
  absl::Status Persist(const std::function<absl::Status(int64_t left_ms)>& attempt);

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

// Requests of one method over a stream, a few under way at once. While the node is away, what was
// not answered is sent again in a new stream, as Caller does with a call.
class StreamCaller {
 public:
  using Answered = std::function<absl::Status(const google::protobuf::Message& response)>;

  // `caller` and `response`, which every answer is read into, outlive this.
  StreamCaller(Caller& caller, std::string method, google::protobuf::Message& response)
      : caller_(caller), method_(std::move(method)), response_(response) {}

  // Sends it; waits for the first answer when kInFlight requests have none. `answered` hears the
  // answer, now or in a later call; its error ends this one. Errors: Caller::Ask's.
  absl::Status Send(std::unique_ptr<google::protobuf::Message> request, Answered answered);
  // Waits for all answers.
  absl::Status Finish();

 private:
  // Half of what a node takes in: it is never the reason that a write waits.
  static constexpr std::size_t kInFlight = 4;
  struct Pending {
    std::unique_ptr<google::protobuf::Message> request;
    Answered answered;
  };
  absl::Status SendUnsent(int64_t left_ms);
  absl::Status TakeAnswer();

  Caller& caller_;
  const std::string method_;
  google::protobuf::Message& response_;
  std::deque<Pending> pending_;  // not answered
  std::size_t sent_ = 0;         // of them, in the stream that is open
  std::unique_ptr<RequestStream> stream_;
};

}  // namespace tripoint::client
