// The steps that every call goes through. See call_context.h.
#include "server/rpc/call_context.h"

#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/slice.h>

#include <cstdlib>

#include "proto/contract/error.h"
#include "proto/contract/validate.h"

namespace tripoint::rpc {

absl::StatusOr<domain::Caller> Permitted(absl::StatusOr<domain::Caller> caller,
                                         domain::Permission permission) {
  if (!caller.ok()) return caller;
  const absl::Status permitted = domain::CheckPermission(*caller, permission);
  if (!permitted.ok()) return permitted;
  return caller;
}

absl::StatusOr<domain::Caller> Admit(const Backend& backend, const grpc::ServerContextBase& context,
                                     domain::Permission permission) {
  return Permitted(backend.authenticate(context), permission);
}

absl::StatusOr<domain::Caller> Know(const Backend& backend, const grpc::ServerContextBase& context,
                                    std::size_t request_bytes) {
  absl::StatusOr<domain::Caller> caller = backend.authenticate(context);
  if (caller.ok()) backend.count_call(context, request_bytes);
  return caller;
}

absl::StatusOr<domain::Caller> AdmitRequest(const Backend& backend,
                                            const grpc::ServerContextBase& context,
                                            domain::Permission permission,
                                            google::protobuf::Message& request) {
  absl::StatusOr<domain::Caller> caller =
      Permitted(Know(backend, context, SizeOf(request)), permission);
  if (!caller.ok()) return caller;
  const absl::Status valid = backend.node.validator->CheckInput(request);
  if (!valid.ok()) return valid;
  return caller;
}

storage::Operation UnlessCancelled(const grpc::ServerContextBase* context,
                                   storage::Operation operation) {
  return [context, operation = std::move(operation)](storage::Transaction& transaction) {
    if (context->IsCancelled()) return absl::CancelledError("the caller is gone");
    return operation(transaction);
  };
}

absl::StatusOr<domain::Caller> AdmitRaw(const Backend& backend,
                                        const grpc::ServerContextBase& context,
                                        domain::Permission permission, grpc::ByteBuffer& bytes,
                                        google::protobuf::Message& request) {
  absl::StatusOr<domain::Caller> caller =
      Permitted(Know(backend, context, SizeOf(bytes)), permission);
  if (!caller.ok()) return caller;
  if (!grpc::SerializationTraits<google::protobuf::MessageLite>::Deserialize(&bytes, &request)
           .ok()) {
    return contract::Error(absl::StatusCode::kInvalidArgument, contract::Reason::kFieldInvalid,
                           "The request is no message of the contract",
                           "its bytes cannot be parsed; nothing was done",
                           "Make requests with code generated from the contract");
  }
  const absl::Status valid = backend.node.validator->CheckInput(request);
  if (!valid.ok()) return valid;
  return caller;
}

void Fill(grpc::ByteBuffer& response, std::string_view message) {
  const grpc::Slice slice(message.data(), message.size());
  grpc::ByteBuffer bytes(&slice, 1);
  response.Swap(&bytes);
}

void Fill(grpc::ByteBuffer& response, const google::protobuf::Message& message) {
  bool own = false;
  const grpc::Status status =
      grpc::SerializationTraits<google::protobuf::MessageLite>::Serialize(message, &response, &own);
  if (!status.ok()) std::abort();  // over 2 GiB: no message of ours
}

grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context, const grpc::Status& status) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(status);
  return reactor;
}

grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context, const absl::Status& status) {
  return Answer(context, ToGrpcStatus(status));
}

}  // namespace tripoint::rpc
