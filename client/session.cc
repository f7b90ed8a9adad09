// The real session: gRPC over mutual TLS, accepting exactly the named unit's node.
//
// The caller's thread does everything; gRPC's own threads run only the certificate verifier, which
// leaves its reason in `Refusals`. Calls wait on a completion queue in short steps, so that Ctrl-C
// acts at once.
#include "client/session.h"

#include <fmt/format.h>
#include <grpc/support/log.h>
#include <grpc/support/time.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/channel_arguments.h>

#include <string>
#include <utility>

#include "certs/files.h"
#include "certs/grpc_credentials.h"
#include "certs/node_files.h"
#include "certs/tls_policy.h"
#include "client/session_errors.h"

namespace tripoint::client {
namespace {

constexpr int64_t kStepMs = 200;            // how often Ctrl-C is looked at
constexpr int64_t kFeedSilenceMs = 35'000;  // three heartbeats of 10 s and some
constexpr int kAnswerBytesMax = 16 << 20;

gpr_timespec In(int64_t span_ms) { return gpr_time_from_millis(span_ms, GPR_TIMESPAN); }

grpc::ByteBuffer ToBytes(const google::protobuf::Message& message) {
  const std::string bytes = message.SerializeAsString();
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

bool FromBytes(const grpc::ByteBuffer& bytes, google::protobuf::Message& message) {
  grpc::Slice slice;
  if (!bytes.DumpToSingleSlice(&slice).ok()) return false;
  return message.ParseFromArray(slice.begin(), static_cast<int>(slice.size()));
}

class GrpcSession : public Session {
 public:
  GrpcSession(Link link, const std::shared_ptr<grpc::Channel>& channel, Host& host)
      : link_(std::move(link)), stub_(channel), host_(host) {
    link_.closed = kNeverReached;
  }

  absl::Status Call(std::string_view method, const google::protobuf::Message& request,
                    int64_t timeout_ms, google::protobuf::Message& response) override;
  absl::Status Follow(const v1::WatchChangesRequest& request, const FeedHandler& handler) override;
  std::unique_ptr<RequestStream> Open(std::string_view method) override;
  bool reached() const override { return reached_; }

 private:
  class Stream;

  // Waits for the one operation under way. `idle` is asked after each quiet step; when it says
  // false, or on Ctrl-C, the call is cancelled, and the operation still ends. True: the operation
  // succeeded.
  bool Await(grpc::CompletionQueue& queue, grpc::ClientContext& context,
             const std::function<bool()>& idle);
  int64_t NowS() const { return host_.NowMs() / 1000; }

  // After an answer of the node, and after a call that ended without one.
  void Reached() {
    reached_ = true;
    link_.closed = 0;
  }
  absl::Status Failed(const grpc::Status& status, bool interrupted) {
    // A call that waits for the node to come back ends by its deadline.
    const bool counts = status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                        status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
    if (counts && link_.closed < kNeverReached) ++link_.closed;
    return FromGrpc(status, link_, interrupted, NowS());
  }

  Link link_;
  grpc::GenericStub stub_;
  Host& host_;
  bool reached_ = false;
};

bool GrpcSession::Await(grpc::CompletionQueue& queue, grpc::ClientContext& context,
                        const std::function<bool()>& idle) {
  void* tag = nullptr;
  bool ok = false;
  bool cancelled = false;
  while (queue.AsyncNext(&tag, &ok, In(kStepMs)) == grpc::CompletionQueue::TIMEOUT) {
    if (!cancelled && (host_.Interrupted() || (idle && !idle()))) {
      context.TryCancel();
      cancelled = true;
    }
  }
  return ok && !cancelled;
}

absl::Status GrpcSession::Call(std::string_view method, const google::protobuf::Message& request,
                               int64_t timeout_ms, google::protobuf::Message& response) {
  grpc::CompletionQueue queue;  // one a call: a follower makes calls while its feed waits
  grpc::ClientContext context;
  context.set_deadline(In(timeout_ms));
  // First contact fails at once with its cause. Later the call itself waits for the node to come
  // back: gRPC moves a handshake on only while somebody polls a queue, so pausing between quick
  // failures would never get through.
  context.set_wait_for_ready(reached_);
  const auto call = stub_.PrepareUnaryCall(&context, fmt::format("/tripoint.v1.{}", method),
                                           ToBytes(request), &queue);
  call->StartCall();
  grpc::ByteBuffer bytes;
  grpc::Status status;
  call->Finish(&bytes, &status, this);
  Await(queue, context, nullptr);
  if (!status.ok()) {
    const bool interrupted =
        status.error_code() == grpc::StatusCode::CANCELLED && host_.Interrupted();
    if (!status.error_details().empty()) Reached();
    return Failed(status, interrupted);
  }
  Reached();
  if (!FromBytes(bytes, response)) return absl::DataLossError("the node's answer cannot be read");
  return absl::OkStatus();
}

// One operation at a time, as everything here.
class GrpcSession::Stream : public RequestStream {
 public:
  Stream(GrpcSession& session, std::string method)
      : session_(session), method_(std::move(method)) {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() override {
    if (call_ == nullptr || ended_) return;
    context_.TryCancel();
    End();
  }

  absl::Status Send(const google::protobuf::Message& request, int64_t timeout_ms) override;
  absl::Status Receive(int64_t timeout_ms, google::protobuf::Message& response) override;

 private:
  // Waits for the operation under way until the time is over.
  bool Await(int64_t timeout_ms) {
    const int64_t until_ms = session_.host_.NowMs() + timeout_ms;
    return session_.Await(queue_, context_, [&] {
      is_late_ = session_.host_.NowMs() >= until_ms;
      return !is_late_;
    });
  }
  grpc::Status End() {
    ended_ = true;
    grpc::Status status;
    call_->Finish(&status, this);
    void* tag = nullptr;
    bool ok = false;
    queue_.Next(&tag, &ok);
    return status;
  }
  absl::Status Failed();

  GrpcSession& session_;
  const std::string method_;
  grpc::CompletionQueue queue_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  bool ended_ = false;
  bool is_late_ = false;
  bool unsendable_ = false;
};

absl::Status GrpcSession::Stream::Failed() {
  grpc::Status status = End();
  // A stream that ends by itself before its last answer: the node is stopping.
  if (status.ok()) status = grpc::Status(grpc::StatusCode::CANCELLED, "");
  if (is_late_) status = grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "");
  if (!status.error_details().empty()) session_.Reached();
  return session_.Failed(status, session_.host_.Interrupted());
}

absl::Status GrpcSession::Stream::Send(const google::protobuf::Message& request,
                                       int64_t timeout_ms) {
  if (call_ == nullptr) {
    context_.set_wait_for_ready(session_.reached_);  // as Call
    call_ = session_.stub_.PrepareCall(&context_, method_, &queue_);
    call_->StartCall(this);
    if (!Await(timeout_ms)) return Failed();
  }
  if (unsendable_) return absl::OkStatus();
  call_->Write(ToBytes(request), this);
  if (Await(timeout_ms)) return absl::OkStatus();
  if (is_late_ || session_.host_.Interrupted()) return Failed();
  // The node has ended the stream. Its answers so far are still to be read, and gRPC gives the
  // status only behind them: Receive meets it.
  unsendable_ = true;
  return absl::OkStatus();
}

absl::Status GrpcSession::Stream::Receive(int64_t timeout_ms, google::protobuf::Message& response) {
  grpc::ByteBuffer bytes;
  call_->Read(&bytes, this);
  if (!Await(timeout_ms)) return Failed();
  session_.Reached();
  if (!FromBytes(bytes, response)) return absl::DataLossError("the node's answer cannot be read");
  return absl::OkStatus();
}

std::unique_ptr<RequestStream> GrpcSession::Open(std::string_view method) {
  return std::make_unique<Stream>(*this, fmt::format("/tripoint.v1.{}", method));
}

absl::Status GrpcSession::Follow(const v1::WatchChangesRequest& request,
                                 const FeedHandler& handler) {
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  const auto call = stub_.PrepareCall(&context, "/tripoint.v1.NodeService/WatchChanges", &queue);
  bool ended = false;
  bool silent = false;
  int64_t heard_ms = host_.NowMs();
  int64_t idle_told_ms = 0;
  const auto idle = [&] {
    const int64_t now_ms = host_.NowMs();
    if (now_ms - heard_ms > kFeedSilenceMs) {
      silent = true;
      return false;
    }
    // At once when a burst has ended, then once a second.
    if (idle_told_ms > heard_ms && now_ms - idle_told_ms < 1000) return true;
    idle_told_ms = now_ms;
    ended = !handler.idle();
    return !ended;
  };
  call->StartCall(this);
  bool going = Await(queue, context, idle);
  if (going) {
    call->WriteLast(ToBytes(request), grpc::WriteOptions(), this);
    going = Await(queue, context, idle);
  }
  while (going) {
    grpc::ByteBuffer bytes;
    call->Read(&bytes, this);
    if (!Await(queue, context, idle)) break;
    Reached();
    heard_ms = host_.NowMs();
    v1::Change change;
    if (!FromBytes(bytes, change) || !handler.changed(change)) {
      ended = true;
      context.TryCancel();
      break;
    }
  }
  grpc::Status status;
  call->Finish(&status, this);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  if (ended) return absl::OkStatus();
  if (silent) return Unreachable(link_, "timed out", NowS());
  // A feed has no end of its own: a node that ends it is stopping.
  if (status.ok())
    return FromGrpc(grpc::Status(grpc::StatusCode::CANCELLED, ""), link_, host_.Interrupted(),
                    NowS());
  return Failed(status, host_.Interrupted());
}

void IgnoreLog(gpr_log_func_args* /*args*/) {}

}  // namespace

absl::StatusOr<std::unique_ptr<Session>> ConnectSession(const NodeEntry& node, Host& host) {
  // gRPC writes its own lines to stderr; ours say the same in words that help.
  gpr_set_log_function(IgnoreLog);
  const absl::Status policy = certs::RequireTls13();
  if (!policy.ok()) return policy;
  const int64_t now_s = host.NowMs() / 1000;
  absl::StatusOr<certs::UnitIdentity> expected = certs::MakeIdentity(node.unit);
  if (!expected.ok()) return expected.status();
  const auto trust = certs::LoadTrust(node.RootsFolder(), certs::TrustPolicy{}, now_s, nullptr);
  if (!trust.ok()) return trust.status();
  const std::string certificate_path = node.certificates + "/" + certs::kTlsCertificateName;
  const absl::StatusOr<std::string> pem = certs::ReadSmallFile(certificate_path);
  if (!pem.ok()) return pem.status();
  const absl::StatusOr<certs::CertificateFacts> own = certs::ReadFacts(*pem);
  if (!own.ok()) return own.status();
  const auto checked = certs::CheckTlsFiles(node.certificates, **trust, own->identity, now_s);
  if (!checked.ok()) return checked.status();

  Link link{node, std::make_shared<certs::TrustCache>(*trust), std::make_shared<Refusals>()};
  const std::shared_ptr<Refusals> refusals = link.refusals;
  certs::ChannelTls tls;
  tls.files = {node.certificates + "/" + certs::kTlsKeyName, certificate_path,
               node.RootsFolder() + "/" + expected->country + ".pem", 60};
  tls.trust = link.trust;
  tls.now_s = [&host] { return host.NowMs() / 1000; };
  tls.expected = *expected;
  tls.refused = [refusals](const absl::Status& status) { refusals->Set(status); };
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES,
                   0);  // repeating is the caller's, with the same request_id
  // A node stands in the own network: a proxy of the environment would only see who talks to whom.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, kAnswerBytesMax);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 3000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  const auto channel =
      grpc::CreateCustomChannel(node.address, certs::MakeChannelCredentials(tls), arguments);
  return std::make_unique<GrpcSession>(std::move(link), channel, host);
}

}  // namespace tripoint::client
