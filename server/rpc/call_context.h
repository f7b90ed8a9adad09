// What the handlers are given, and the steps that every call goes through in the same order: a
// change may be refused because too many wait; authenticate, permission by role (before existence),
// contract, then the work.
//
// Handlers run on gRPC's two callback threads. A change that comes alone is committed on the one
// that brought it (Committer::SubmitAndHelp); all others go to the committer's thread; point reads
// are answered at once, lists and status go to the worker pool. No handler throws.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "certs/signing_key.h"
#include "google/protobuf/message.h"
#include "proto/codes/registry.h"
#include "server/domain/access.h"
#include "server/operations/node_facts.h"
#include "server/operations/peer_status.h"
#include "server/operations/prepared.h"
#include "server/operations/reads.h"
#include "server/rpc/page_token.h"
#include "server/rpc/status_convert.h"
#include "storage/committer.h"
#include "storage/engine.h"

namespace tripoint::rpc {

// Who calls, with the roles that this node gave. Asked for every call, so that a revoked
// certificate or a changed role acts on the next one. Errors go to the caller as they are:
// UNAUTHENTICATED or PERMISSION_DENIED. Thread-safe.
using Authenticate = std::function<absl::StatusOr<domain::Caller>(const grpc::ServerContextBase&)>;

// What the services work with. Made by node.cc; outlives the gRPC server. All of it is thread-safe.
struct Backend {
  const operations::NodeFacts& node;
  const codes::Registry& registry;
  const storage::Engine& engine;
  storage::Committer& committer;
  const operations::PeerStatusSource& peers;
  Authenticate authenticate;
  // Queues work on the pool: runtime::WorkerPool::Run.
  std::function<absl::Status(std::function<void()>)> run;
  std::function<std::int64_t()> now_ms;  // UTC, milliseconds since 1970
  PageTokens page_tokens;
  // What a change is told while the committer takes none. Made once: a node with too many calls has
  // no time to make it for each.
  grpc::Status queue_full = ToGrpcStatus(storage::QueueFull());
  // What neither store nor links know: version, start time, days left of certificates, bytes on
  // disk, warnings.
  std::function<void(v1::NodeStatus&)> fill_status;
  // The signing key in use with its certificate, and a country's revocation list (PEM; empty:
  // none).
  std::function<certs::SigningPair()> signing_pair = {};
  std::function<std::string(std::string_view country)> revocation_list = {};
  // Told once of each unary call of a known caller, however it ends, with the size of its request:
  // the gate cuts who sends much that is none (runtime/connection_meter.h, which counts streams by
  // itself).
  std::function<void(const grpc::ServerContextBase&, std::size_t request_bytes)> count_call =
      [](const grpc::ServerContextBase&, std::size_t) {};
};

// The request of a call, to be brought to its canonical form in place. gRPC made the message for
// this call alone and hands it out as const; a copy of it was a thirtieth of a bulk call.
template <typename Request>
Request& OwnRequest(const Request* request) {
  return *const_cast<Request*>(request);
}

// `caller`, if it is one and has the permission.
absl::StatusOr<domain::Caller> Permitted(absl::StatusOr<domain::Caller> caller,
                                         domain::Permission permission);

// Authenticates and checks the permission.
absl::StatusOr<domain::Caller> Admit(const Backend& backend, const grpc::ServerContextBase& context,
                                     domain::Permission permission);

// Of a unary call: authenticates and counts it. What strangers send earns them nothing.
absl::StatusOr<domain::Caller> Know(const Backend& backend, const grpc::ServerContextBase& context,
                                    std::size_t request_bytes);

// Of a unary call: Know, the permission, then the contract: `request` is brought to its canonical
// form in place.
absl::StatusOr<domain::Caller> AdmitRequest(const Backend& backend,
                                            const grpc::ServerContextBase& context,
                                            domain::Permission permission,
                                            google::protobuf::Message& request);

// AdmitRequest for a raw method: parses `bytes`, which are then gone, into `request`, once the
// caller is admitted. A request that does not parse is INVALID_ARGUMENT / FIELD_INVALID.
absl::StatusOr<domain::Caller> AdmitRaw(const Backend& backend,
                                        const grpc::ServerContextBase& context,
                                        domain::Permission permission, grpc::ByteBuffer& bytes,
                                        google::protobuf::Message& request);

// The answer of a raw method: a message, serialised already or here. It is swapped in, since gRPC's
// buffers know no move: an assignment makes a second one.
void Fill(grpc::ByteBuffer& response, std::string_view message);
void Fill(grpc::ByteBuffer& response, const google::protobuf::Message& message);

// `operation`, unless the caller is gone or its deadline has passed when its turn comes: then
// nothing is written. The context lives until the call is finished, which is after the operation.
storage::Operation UnlessCancelled(const grpc::ServerContextBase* context,
                                   storage::Operation operation);

// Ends the call with `status`.
grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context, const grpc::Status& status);
grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context, const absl::Status& status);

inline std::size_t SizeOf(const grpc::ByteBuffer& request) { return request.Length(); }
inline std::size_t SizeOf(const google::protobuf::Message& request) {
  return request.ByteSizeLong();
}

// Refuses a change while the committer takes none (Committer::TakesCalls), before all other work
// but that of knowing the caller.
template <typename Request>
grpc::ServerUnaryReactor* RefuseForFullQueue(const Backend& backend,
                                             grpc::CallbackServerContext* context,
                                             const Request& request) {
  const absl::StatusOr<domain::Caller> caller = Know(backend, *context, SizeOf(request));
  return caller.ok() ? Answer(context, backend.queue_full) : Answer(context, caller.status());
}

// The answer of a method whose messages are typed.
template <typename Response>
void Fill(Response& response, Response&& result) {
  response = std::move(result);
}

// Submits what was prepared and answers with its result once it is durable.
template <typename Result, typename Response>
grpc::ServerUnaryReactor* Submit(const Backend& backend, grpc::CallbackServerContext* context,
                                 operations::Prepared<Result> prepared, Response* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  backend.committer.SubmitAndHelp(
      UnlessCancelled(context, std::move(prepared.operation)),
      [reactor, response, result = std::move(prepared.result)](const absl::Status& status) {
        if (status.ok()) Fill(*response, std::move(*result));
        reactor->Finish(ToGrpcStatus(status));
      });
  return reactor;
}

// Runs `work`, which fills the response and returns a status, on the pool and answers with it.
template <typename Work>
grpc::ServerUnaryReactor* RunOnPool(const Backend& backend, grpc::CallbackServerContext* context,
                                    Work work) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const absl::Status queued = backend.run([reactor, context, work = std::move(work)]() mutable {
    // Who is gone is not worth the reading.
    reactor->Finish(context->IsCancelled() ? grpc::Status::CANCELLED : ToGrpcStatus(work()));
  });
  if (!queued.ok()) reactor->Finish(ToGrpcStatus(queued));
  return reactor;
}

}  // namespace tripoint::rpc
