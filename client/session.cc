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

#include "absl/base/thread_annotations.h"
#include "absl/strings/cord.h"
#include "absl/synchronization/mutex.h"
#include "certs/files.h"
#include "certs/grpc_credentials.h"
#include "certs/node_files.h"
#include "certs/tls_policy.h"
#include "client/errors.h"
#include "google/rpc/status.pb.h"

namespace tripoint::client {
namespace {

using contract::Reason;

constexpr int64_t kStepMs = 200;            // how often Ctrl-C is looked at
constexpr int64_t kFeedSilenceMs = 35'000;  // three heartbeats of 10 s and some
constexpr int kAnswerBytesMax = 16 << 20;

gpr_timespec In(int64_t span_ms) { return gpr_time_from_millis(span_ms, GPR_TIMESPAN); }

// Why our verifier did not accept the node that answered. Written by gRPC's threads.
class Refusals {
 public:
  void Set(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_) {
    const absl::MutexLock lock(&mutex_);
    last_ = status;
  }
  absl::Status Last() const ABSL_LOCKS_EXCLUDED(mutex_) {
    const absl::MutexLock lock(&mutex_);
    return last_;
  }

 private:
  mutable absl::Mutex mutex_;
  absl::Status last_ ABSL_GUARDED_BY(mutex_);
};

struct Link {
  NodeEntry node;
  std::shared_ptr<certs::TrustCache> trust;
  std::shared_ptr<Refusals> refusals;
  // Connections that ended without a cause since the node answered last. A node that was there and
  // is gone was stopped or cut off; only when it stays so may its handshake be the reason.
  int closed = 0;
};

bool Mentions(const std::string& text, std::string_view word) {
  return text.find(word) != std::string::npos;
}

// `closed` of a link that this process never reached.
constexpr int kNeverReached = 1000;
constexpr int kHandshakesMin = 3;

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
  bool reached() const override { return reached_; }

 private:
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
