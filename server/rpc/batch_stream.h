// A gRPC stream of batches, each answered in order once it is durable: RecordIncidents and
// ShareNotices. Made by the services' handlers. What happens when: batch_flow.h.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/contract/validate.h"
#include "server/rpc/batch_flow.h"
#include "server/rpc/call_context.h"

namespace tripoint::rpc {

template <typename Request, typename Response>
class BatchStream final : public grpc::ServerBidiReactor<Request, Response>, public BatchFlow {
 public:
  // Asks who calls, checks, and makes the operation; may move from the request.
  using Prepare = std::function<absl::StatusOr<operations::Prepared<Response>>(Request&)>;

  BatchStream(const Backend& backend, BatchStreams& streams, grpc::CallbackServerContext* context,
              Prepare prepare)
      : BatchFlow(backend.committer),
        streams_(streams),
        context_(context),
        prepare_(std::move(prepare)) {}

  void OnReadDone(bool ok) override { ReadDone(ok); }
  void OnWriteDone(bool ok) override { WriteDone(ok); }
  void OnCancel() override { Cut(); }
  // Last use of this object by gRPC: the list's reference may be the last one.
  void OnDone() override { streams_.Remove(this); }

 private:
  void Read() override { this->StartRead(&incoming_); }
  void Write(const google::protobuf::MessageLite& answer) override {
    this->StartWrite(static_cast<const Response*>(&answer));
  }
  void End(const absl::Status& status) override { this->Finish(ToGrpcStatus(status)); }
  absl::StatusOr<Batch> Take() override {
    const std::size_t bytes = incoming_.ByteSizeLong();
    absl::StatusOr<operations::Prepared<Response>> prepared = prepare_(incoming_);
    if (!prepared.ok()) return prepared.status();
    return Batch{UnlessCancelled(context_, std::move(prepared->operation)),
                 std::move(prepared->result), bytes};
  }

  BatchStreams& streams_;
  grpc::CallbackServerContext* const context_;
  const Prepare prepare_;
  Request incoming_;
};

// A stream that ends at once.
template <typename Request, typename Response>
class RefusedStream final : public grpc::ServerBidiReactor<Request, Response> {
 public:
  explicit RefusedStream(const absl::Status& status) { this->Finish(ToGrpcStatus(status)); }
  void OnDone() override { delete this; }
};

// Opens the stream for a caller who may; `prepare` asks again with each batch, so that a revocation
// acts on the next one.
template <typename Request, typename Response, typename Prepare>
grpc::ServerBidiReactor<Request, Response>* OpenBatchStream(const Backend& backend,
                                                            BatchStreams& streams,
                                                            grpc::CallbackServerContext* context,
                                                            domain::Permission permission,
                                                            Prepare prepare) {
  absl::Status admitted = Admit(backend, *context, permission).status();
  if (admitted.ok()) {
    const auto stream = std::make_shared<BatchStream<Request, Response>>(backend, streams, context,
                                                                         std::move(prepare));
    admitted = streams.Add(stream);
    if (admitted.ok()) {
      stream->Begin();
      return stream.get();  // held by `streams` until OnDone
    }
  }
  return new RefusedStream<Request, Response>(admitted);
}

// The contract, for the batch as a whole (its error) and for each item (its verdict); all of it is
// brought to its canonical form.
template <typename Request>
absl::StatusOr<std::vector<absl::Status>> CheckEach(const Backend& backend, Request& batch) {
  const contract::Validator& validator = *backend.node.validator;
  const absl::Status outer = validator.CheckInputOuter(batch);
  if (!outer.ok()) return outer;
  std::vector<absl::Status> verdicts;
  verdicts.reserve(static_cast<std::size_t>(batch.requests_size()));
  for (auto& one : *batch.mutable_requests()) verdicts.push_back(validator.CheckInput(one));
  return verdicts;
}

}  // namespace tripoint::rpc
