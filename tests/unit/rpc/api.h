// A node's API served in this process: real services, in-memory store, an authenticator that
// believes the metadata `officer`. Handlers run on gRPC's threads; everything else on the test's.
#pragma once

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/rpc/bundle_service.h"
#include "server/rpc/codes_service.h"
#include "server/rpc/evidence_service.h"
#include "server/rpc/incident_service.h"
#include "server/rpc/node_service.h"
#include "server/rpc/notice_service.h"
#include "server/rpc/recovery_service.h"
#include "server/runtime/worker_pool.h"
#include "tests/unit/operations/world.h"

namespace tripoint::rpc {

using operations::kAttapeu;
using operations::kNow;
using operations::kQuangNgai;
using operations::RequestId;

// Commits at once on the submitting thread, or, while paused, only keeps what is submitted.
class TestCommitter final : public storage::Committer {
 public:
  explicit TestCommitter(storage::CommitterCore& core) : core_(core) {}
  void Submit(storage::Operation operation, storage::Done done) override {
    core_.Submit(std::move(operation), std::move(done));
    absl::MutexLock lock(&mutex_);
    if (!paused_) RunAll();
  }
  void SubmitAndHelp(storage::Operation operation, storage::Done done) override {
    core_.SubmitAndHelp(std::move(operation), std::move(done));
    absl::MutexLock lock(&mutex_);
    if (!paused_) RunAll();
  }
  bool TakesCalls() const override { return core_.TakesCalls(); }
  void Pause() {
    absl::MutexLock lock(&mutex_);
    paused_ = true;
  }
  void Resume() {
    absl::MutexLock lock(&mutex_);
    paused_ = false;
    RunAll();
  }

 private:
  void RunAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    while (core_.RunOnce(kNow)) {
    }
  }

  storage::CommitterCore& core_;
  absl::Mutex mutex_;
  bool paused_ ABSL_GUARDED_BY(mutex_) = false;
};

// A link that is up and has sent nothing.
class TestLink final : public operations::PeerStatusSource {
 public:
  void FillLink(std::string_view unit, v1::Peer& peer) const override {
    if (unit == kAttapeu) peer.set_state(v1::LINK_STATE_UP);
  }
  std::uint64_t SentSize(std::string_view, std::uint8_t) const override { return 0; }
  std::string StoppedByPeer(std::string_view unit, std::uint8_t lane) const override {
    return unit == kAttapeu && lane == operations::kPriority ? stopped : "";
  }
  void FillTrace(std::string_view unit, v1::ListLinkEventsResponse& response) const override {
    response.set_begin_time_ms(kNow);
    v1::LinkEvent& event = *response.add_events();
    event.set_number(1);
    event.set_kind(v1::LINK_EVENT_KIND_UP);
    event.set_reason_text(std::string(unit));
  }
  std::string stopped;  // reason with which the peer stopped the priority lane; set before a call
};

class Api : public ::testing::Test {
 protected:
  explicit Api(storage::CommitterLimits committer_limits = {}, WatchLimits watch_limits = {})
      : core_(world_.engine, nullptr, committer_limits),
        hub_(
            world_.engine, [this](auto task) { return pool_.Run(std::move(task)); }, watch_limits) {
    core_.AddListener(hub_);
    grpc::ServerBuilder builder;
    builder.RegisterService(&incidents_);
    builder.RegisterService(&notices_);
    builder.RegisterService(&node_);
    builder.RegisterService(&codes_);
    builder.RegisterService(&evidence_);
    builder.RegisterService(&recovery_);
    builder.RegisterService(&bundle_);
    server_ = builder.BuildAndStart();
    channel_ = server_->InProcessChannel({});
    incident_stub_ = v1::IncidentService::NewStub(channel_);
    notice_stub_ = v1::NoticeService::NewStub(channel_);
    node_stub_ = v1::NodeService::NewStub(channel_);
    codes_stub_ = v1::CodesService::NewStub(channel_);
    evidence_stub_ = v1::EvidenceService::NewStub(channel_);
    recovery_stub_ = v1::RecoveryService::NewStub(channel_);
    bundle_stub_ = v1::BundleService::NewStub(channel_);
  }
  ~Api() override {
    hub_.Stop();
    streams_.Stop();
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
    server_->Wait();
    pool_.Stop();
  }

  // Context of a call by an officer whose id is the role, such as `officer` or `auditor`.
  struct Call {
    explicit Call(const std::string& officer = "officer") {
      if (!officer.empty()) context.AddMetadata("officer", officer);
      context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    }
    grpc::ClientContext* get() { return &context; }
    grpc::ClientContext context;
  };

  absl::StatusOr<domain::Caller> Believe(const grpc::ServerContextBase& context) {
    last_context_ = &context;
    const auto& metadata = context.client_metadata();
    const auto found = metadata.find("officer");
    if (found == metadata.end() || revoked_.load()) {
      return contract::Error(absl::StatusCode::kUnauthenticated, contract::Reason::kCallerUnknown,
                             "No certificate", "A certificate says who calls.", "Use one.");
    }
    const std::string officer(found->second.data(), found->second.size());
    const std::optional<domain::Role> role = domain::RoleFromText(officer);
    return domain::Caller{officer, role.has_value() ? domain::Roles{*role} : domain::Roles{}};
  }

  // A unary call by bytes; `method` is its full name, such as tripoint.v1.NodeService.GetPeer.
  grpc::Status CallRaw(const std::string& method, std::string_view bytes,
                       const std::string& officer = "officer") {
    grpc::GenericStub generic(channel_);
    const grpc::Slice slice(bytes.data(), bytes.size());
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer answer;
    Call call(officer);
    grpc::CompletionQueue queue;
    const std::size_t dot = method.rfind('.');
    const auto reader = generic.PrepareUnaryCall(
        call.get(), "/" + method.substr(0, dot) + "/" + method.substr(dot + 1), request, &queue);
    reader->StartCall();
    grpc::Status status;
    reader->Finish(&answer, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    EXPECT_TRUE(queue.Next(&tag, &ok));
    return status;
  }

  // The same of a stream, of which the caller sends one message and no more.
  grpc::Status StreamRaw(const std::string& method, const std::string& officer) {
    grpc::GenericStub generic(channel_);
    Call call(officer);
    grpc::CompletionQueue queue;
    const auto wait = [&queue] {
      void* tag = nullptr;
      bool ok = false;
      EXPECT_TRUE(queue.Next(&tag, &ok));
      return ok;
    };
    const std::size_t dot = method.rfind('.');
    const auto stream = generic.PrepareCall(
        call.get(), "/" + method.substr(0, dot) + "/" + method.substr(dot + 1), &queue);
    stream->StartCall(nullptr);
    (void)wait();
    const grpc::Slice nothing("", 0);
    stream->WriteLast(grpc::ByteBuffer(&nothing, 1), {}, nullptr);
    (void)wait();
    grpc::ByteBuffer answer;
    do stream->Read(&answer, nullptr);
    while (wait());
    grpc::Status status;
    stream->Finish(&status, nullptr);
    (void)wait();
    return status;
  }

  v1::Incident NewIncident(int id) {
    v1::Incident incident;
    Call call;
    const grpc::Status status = incident_stub_->CreateIncident(
        &call.context, operations::IncidentRequest(RequestId(id)), &incident);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return incident;
  }
  v1::Notice NewDraft(int id) {
    v1::Notice notice;
    Call call;
    const grpc::Status status = notice_stub_->CreateNotice(
        &call.context, operations::NoticeRequest(RequestId(id)), &notice);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return notice;
  }

  operations::World world_{kQuangNgai, {kAttapeu}, 11};
  storage::CommitterCore core_;
  TestCommitter committer_{core_};
  TestLink link_;
  std::atomic<bool> revoked_{false};
  std::atomic<const grpc::ServerContextBase*> last_context_{nullptr};  // of the last call
  std::atomic<int> counted_calls_{0};
  std::atomic<std::size_t> counted_bytes_{0};
  runtime::WorkerPool pool_{"reads", 2, 64};
  Backend backend_{.node = world_.facts,
                   .registry = codes::TheRegistry(),
                   .engine = world_.engine,
                   .committer = committer_,
                   .peers = link_,
                   .authenticate = [this](const auto& context) { return Believe(context); },
                   .run = [this](auto task) { return pool_.Run(std::move(task)); },
                   .now_ms = [] { return kNow; },
                   .page_tokens = PageTokens(std::string(32, 'k')),
                   .fill_status = [](v1::NodeStatus& status) { status.set_version("test"); },
                   .signing_pair =
                       [] {
                         return certs::SigningPair{
                             *certs::SigningKey::FromSeed(std::string(32, 's')), "certificate"};
                       },
                   .revocation_list = [](std::string_view) { return std::string("list"); },
                   .count_call =
                       [this](const auto&, std::size_t bytes) {
                         ++counted_calls_;
                         counted_bytes_ += bytes;
                       }};
  WatchHub hub_;
  BatchStreams streams_;
  IncidentService incidents_{backend_, streams_};
  NoticeService notices_{backend_, streams_};
  NodeService node_{backend_, hub_};
  CodesService codes_{backend_};
  EvidenceService evidence_{backend_};
  RecoveryService recovery_{backend_,
                            {.checkpoint_folder = "/nonexistent",
                             .software = "test",
                             .engine = world_.engine,
                             .recovery_changed = [] {}}};
  // Parts that say how often they were asked for; and who brought the last one.
  BundleService bundle_{
      backend_,
      {.make = [](const v1::ExportBundleRequest& request, std::string_view after,
                  v1::ExportBundleResponse& response) -> absl::StatusOr<std::string> {
         response.set_part(request.unit() + std::string(after));
         return after == "++" ? std::string() : std::string(after) + "+";
       },
       .take = [this](const v1::ImportBundleRequest& /*request*/, const std::string& officer,
                      v1::ImportBundleResponse& /*response*/) -> absl::Status {
         carrier_ = officer;
         return absl::OkStatus();
       }}};
  std::string carrier_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::IncidentService::Stub> incident_stub_;
  std::unique_ptr<v1::NoticeService::Stub> notice_stub_;
  std::unique_ptr<v1::NodeService::Stub> node_stub_;
  std::unique_ptr<v1::CodesService::Stub> codes_stub_;
  std::unique_ptr<v1::EvidenceService::Stub> evidence_stub_;
  std::unique_ptr<v1::RecoveryService::Stub> recovery_stub_;
  std::unique_ptr<v1::BundleService::Stub> bundle_stub_;
};

// What a refusal carries, as any gRPC client would read it.
struct Details {
  int error_infos = 0;
  std::string reason;
  std::string domain;
  std::map<std::string, std::string> metadata;
  std::vector<std::string> fields;
  bool has_retry = false;
};

inline Details DetailsOf(const grpc::Status& status) {
  Details details;
  google::rpc::Status rpc;
  EXPECT_TRUE(rpc.ParseFromString(status.error_details()));
  EXPECT_EQ(rpc.code(), static_cast<int>(status.error_code()));
  EXPECT_EQ(rpc.message(), status.error_message());
  for (const google::protobuf::Any& any : rpc.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::BadRequest bad_request;
    google::rpc::RetryInfo retry;
    if (any.UnpackTo(&info)) {
      ++details.error_infos;
      details.reason = info.reason();
      details.domain = info.domain();
      details.metadata = {info.metadata().begin(), info.metadata().end()};
      // Promise 10: every refusal says what, why and what to do next.
      EXPECT_NE(rpc.message(), "") << info.reason();
      EXPECT_NE(details.metadata["why"], "") << rpc.message();
      EXPECT_NE(details.metadata["next"], "") << rpc.message();
    } else if (any.UnpackTo(&bad_request)) {
      for (const auto& violation : bad_request.field_violations()) {
        details.fields.push_back(violation.field());
      }
    } else if (any.UnpackTo(&retry)) {
      details.has_retry = retry.retry_delay().seconds() > 0 || retry.retry_delay().nanos() > 0;
    }
  }
  return details;
}

}  // namespace tripoint::rpc
