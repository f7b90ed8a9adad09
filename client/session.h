// A connection to one node's operators' port, without any word of gRPC.
//
// Made by ConnectSession (session.cc; it and session_errors are the only files of client/ that see
// gRPC) or by a test. Used from one thread.
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/host.h"
#include "client/settings.h"
#include "tripoint/v1/node.pb.h"

namespace tripoint::client {

// What a follower does with the feed. Both return false to end it.
struct FeedHandler {
  std::function<bool(const v1::Change&)> changed;
  // Nothing came for a moment (a fifth of a second at first, then each second).
  std::function<bool()> idle;
};

// Requests of one method over one stream, each answered in order. Ends the stream when it goes.
class RequestStream {
 public:
  virtual ~RequestStream() = default;

  // Sends one more; OK says only that it is on its way. After an error the stream is of no use.
  // Errors of both: Session::Call's.
  virtual absl::Status Send(const google::protobuf::Message& request, int64_t timeout_ms) = 0;
  // Waits for the answer to the first request that has none yet.
  virtual absl::Status Receive(int64_t timeout_ms, google::protobuf::Message& response) = 0;
};

class Session {
 public:
  virtual ~Session() = default;

  // One call, once, without repeating. `method` is such as `IncidentService/GetIncident`. Errors:
  // the node's refusal with its reason, why and next; NODE_UNREACHABLE, CALL_TIMEOUT or a
  // certificate reason when there was no answer; INTERRUPTED.
  virtual absl::Status Call(std::string_view method, const google::protobuf::Message& request,
                            int64_t timeout_ms, google::protobuf::Message& response) = 0;

  // A stream of `method`; contacts the node with the first request. The session outlives it.
  virtual std::unique_ptr<RequestStream> Open(std::string_view method) = 0;

  // Follows NodeService/WatchChanges until `handler` ends it (OK), the user interrupts
  // (INTERRUPTED) or the connection ends. A feed that says nothing for three heartbeats is given
  // up: NODE_UNREACHABLE.
  virtual absl::Status Follow(const v1::WatchChangesRequest& request,
                              const FeedHandler& handler) = 0;

  // True once any answer of the node has arrived.
  virtual bool reached() const = 0;
};

using Connect =
    std::function<absl::StatusOr<std::unique_ptr<Session>>(const NodeEntry& node, Host& host)>;

// The real one: checks the officer's own files first, then makes a channel that accepts exactly
// `node.unit`'s certificate. Contacts nobody yet. Errors: those of certs::CheckTlsFiles;
// CONFIG_INVALID for a wrong entry.
absl::StatusOr<std::unique_ptr<Session>> ConnectSession(const NodeEntry& node, Host& host);

}  // namespace tripoint::client
