// Goal: a stream of batches answers each in order once it is durable, takes in no more than its
// bound, asks again with each batch who calls, and ends at what it cannot take with nothing lost or
// doubled.
#include <gmock/gmock.h>

#include <thread>

#include "server/limits.h"
#include "tests/unit/rpc/api.h"

namespace tripoint::rpc {
namespace {

using grpc::StatusCode;

v1::BatchCreateIncidentsRequest BatchOf(int first_id, int count = 1) {
  v1::BatchCreateIncidentsRequest batch;
  for (int i = 0; i < count; ++i) {
    *batch.add_requests() = operations::IncidentRequest(RequestId(first_id + i));
  }
  return batch;
}

v1::NoticeToShare Item(int id, std::vector<std::string> units = {kAttapeu}) {
  v1::NoticeToShare item;
  *item.mutable_notice() = operations::NoticeRequest(RequestId(id)).notice();
  for (std::string& unit : units) item.add_units(std::move(unit));
  item.set_request_id(RequestId(id));
  return item;
}

class Batches : public Api {
 protected:
  using Api::Api;

  class Recording {
   public:
    explicit Recording(v1::IncidentService::Stub& stub, const std::string& officer = "officer")
        : call_(officer), line_(stub.RecordIncidents(&call_.context)) {}
    bool Send(const v1::BatchCreateIncidentsRequest& batch) { return line_->Write(batch); }
    v1::BatchCreateIncidentsResponse Next() {
      v1::BatchCreateIncidentsResponse response;
      EXPECT_TRUE(line_->Read(&response));
      return response;
    }
    void Cancel() { call_.context.TryCancel(); }
    grpc::Status End() {
      line_->WritesDone();
      v1::BatchCreateIncidentsResponse response;
      EXPECT_FALSE(line_->Read(&response));
      return line_->Finish();
    }

   private:
    Call call_;
    std::unique_ptr<
        grpc::ClientReaderWriter<v1::BatchCreateIncidentsRequest, v1::BatchCreateIncidentsResponse>>
        line_;
  };

  class Sharing {
   public:
    explicit Sharing(v1::NoticeService::Stub& stub, const std::string& officer = "officer")
        : call_(officer), line_(stub.ShareNotices(&call_.context)) {}
    v1::BatchShareNoticesResponse Ask(const std::vector<v1::NoticeToShare>& items) {
      v1::BatchShareNoticesRequest batch;
      for (const v1::NoticeToShare& item : items) *batch.add_requests() = item;
      line_->Write(batch);
      v1::BatchShareNoticesResponse response;
      line_->Read(&response);
      return response;
    }
    grpc::Status End() {
      line_->WritesDone();
      return line_->Finish();
    }

   private:
    Call call_;
    std::unique_ptr<
        grpc::ClientReaderWriter<v1::BatchShareNoticesRequest, v1::BatchShareNoticesResponse>>
        line_;
  };

  std::uint64_t IncidentsStored() {
    v1::NodeStatus status;
    EXPECT_TRUE(node_stub_->GetStatus(Call("sync").get(), {}, &status).ok());
    return status.incidents();
  }
  static absl::StatusCode CodeOf(const v1::BatchResult& result) {
    google::rpc::Status refusal;
    EXPECT_TRUE(refusal.ParseFromString(result.status()));
    return static_cast<absl::StatusCode>(refusal.code());
  }
};

TEST_F(Batches, EachIsAnsweredInOrderAndTheBadRecordWithItsFaults) {
  Recording stream(*incident_stub_);
  for (int i = 0; i < 5; ++i) {
    v1::BatchCreateIncidentsRequest batch = BatchOf(1 + 10 * i, 3);
    batch.mutable_requests(1)->mutable_incident()->mutable_facts()->set_severity(9);
    batch.mutable_requests(2)->set_request_id("nonsense");
    ASSERT_TRUE(stream.Send(batch));
  }
  for (int i = 0; i < 5; ++i) {
    const v1::BatchCreateIncidentsResponse response = stream.Next();
    ASSERT_EQ(response.results_size(), 3);
    EXPECT_THAT(response.results(0).name(),
                ::testing::HasSubstr("-000" + std::to_string(1 + i) + "-"));
    EXPECT_EQ(CodeOf(response.results(1)), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(CodeOf(response.results(2)), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_TRUE(stream.End().ok());
  EXPECT_EQ(IncidentsStored(), 5u);
}

TEST_F(Batches, StreamWithoutABatchEndsWell) { EXPECT_TRUE(Recording(*incident_stub_).End().ok()); }

TEST_F(Batches, AllOrNothingSaysWhichRecordWasWrongAndTheStreamGoesOn) {
  Recording stream(*incident_stub_);
  v1::BatchCreateIncidentsRequest batch = BatchOf(1, 2);
  batch.mutable_requests(1)->mutable_incident()->mutable_facts()->set_severity(9);
  batch.set_all_or_nothing(true);
  stream.Send(batch);
  const v1::BatchCreateIncidentsResponse refused = stream.Next();
  EXPECT_EQ(CodeOf(refused.results(0)), absl::StatusCode::kAborted);
  EXPECT_EQ(CodeOf(refused.results(1)), absl::StatusCode::kInvalidArgument);
  stream.Send(BatchOf(3));
  EXPECT_NE(stream.Next().results(0).name(), "");
  EXPECT_TRUE(stream.End().ok());
  EXPECT_EQ(IncidentsStored(), 1u);
}

TEST_F(Batches, RepeatedStreamAddsNothing) {
  for (const bool again : {false, true}) {
    Recording stream(*incident_stub_);
    stream.Send(BatchOf(1, 4));
    const v1::BatchCreateIncidentsResponse response = stream.Next();
    for (const v1::BatchResult& result : response.results()) {
      EXPECT_EQ(result.existed(), again);
      EXPECT_NE(result.name(), "");
    }
    EXPECT_TRUE(stream.End().ok());
  }
  EXPECT_EQ(IncidentsStored(), 4u);
}

TEST_F(Batches, EmptyBatchAndOneOverTheBoundEndTheStreamAfterWhatCameBefore) {
  for (const int count : {0, 201}) {
    Recording stream(*incident_stub_);
    stream.Send(BatchOf(1));
    stream.Send(BatchOf(1000, count));
    EXPECT_NE(stream.Next().results(0).name(), "");
    const grpc::Status end = stream.End();
    EXPECT_EQ(end.error_code(), StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(DetailsOf(end).reason, "FIELD_INVALID");
  }
  EXPECT_EQ(IncidentsStored(), 1u);
}

TEST_F(Batches, NoMoreAreTakenInThanTheBoundWhileTheyAreNotDurable) {
  committer_.Pause();
  Recording stream(*incident_stub_);
  constexpr int kSent = 3 * static_cast<int>(limits::kStreamBatchesMax);
  std::thread sender([&stream] {
    for (int i = 0; i < kSent; ++i) EXPECT_TRUE(stream.Send(BatchOf(1 + i)));
  });
  while (core_.waiting() < limits::kStreamBatchesMax) std::this_thread::yield();
  // Another caller is served meanwhile, round trips in which the other batches arrive; were they
  // read, they would wait too.
  for (int i = 0; i < 20; ++i) IncidentsStored();
  EXPECT_EQ(core_.waiting(), limits::kStreamBatchesMax);
  committer_.Resume();
  for (int i = 0; i < kSent; ++i) EXPECT_EQ(stream.Next().results_size(), 1);
  sender.join();
  EXPECT_TRUE(stream.End().ok());
  EXPECT_EQ(IncidentsStored(), static_cast<std::uint64_t>(kSent));
}

TEST_F(Batches, RevocationActsOnTheNextBatch) {
  Recording stream(*incident_stub_);
  stream.Send(BatchOf(1));
  EXPECT_NE(stream.Next().results(0).name(), "");
  revoked_ = true;
  stream.Send(BatchOf(2));
  const grpc::Status end = stream.End();
  EXPECT_EQ(end.error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(DetailsOf(end).reason, "CALLER_UNKNOWN");
  revoked_ = false;
  EXPECT_EQ(IncidentsStored(), 1u);
}

TEST_F(Batches, StopAnswersWhatWasTakenInAndThenSaysSo) {
  Recording idle(*incident_stub_);
  idle.Send(BatchOf(90));
  idle.Next();
  committer_.Pause();
  Recording busy(*incident_stub_);
  busy.Send(BatchOf(1));
  while (core_.waiting() < 1) std::this_thread::yield();
  streams_.Stop();
  committer_.Resume();
  EXPECT_NE(busy.Next().results(0).name(), "");
  for (Recording* stream : {&busy, &idle}) {
    const grpc::Status end = stream->End();
    EXPECT_EQ(end.error_code(), StatusCode::UNAVAILABLE);
    EXPECT_EQ(DetailsOf(end).reason, "SHUTTING_DOWN");
  }
  EXPECT_EQ(DetailsOf(Recording(*incident_stub_).End()).reason, "SHUTTING_DOWN");
}

TEST_F(Batches, BatchOfACallerWhoIsGoneIsNotMadeAndItsRepetitionIs) {
  committer_.Pause();
  {
    Recording stream(*incident_stub_);
    stream.Send(BatchOf(1, 2));
    while (core_.waiting() < 1) std::this_thread::yield();
    stream.Cancel();
    // The operation still waits, so the server's side of the call still exists.
    while (!last_context_.load()->IsCancelled()) std::this_thread::yield();
    committer_.Resume();
    EXPECT_EQ(stream.End().error_code(), StatusCode::CANCELLED);
  }
  EXPECT_EQ(IncidentsStored(), 0u);
  Recording again(*incident_stub_);
  again.Send(BatchOf(1, 2));
  EXPECT_FALSE(again.Next().results(1).existed());
  EXPECT_TRUE(again.End().ok());
}

TEST_F(Batches, NoticesAreSharedAndWhatPolicyRefusesIsAnswered) {
  Sharing stream(*notice_stub_);
  v1::NoticeToShare garbage = Item(4);
  garbage.mutable_notice()->set_kind_code("GOSSIP");
  v1::NoticeToShare protecting = Item(5);
  protecting.set_release_protected(true);
  const v1::BatchShareNoticesResponse response =
      stream.Ask({Item(1), Item(2, {}), Item(3, {"la-sekong"}), garbage, protecting});
  ASSERT_EQ(response.results_size(), 5);
  EXPECT_NE(response.results(0).name(), "");
  EXPECT_EQ(CodeOf(response.results(1)), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(response.results(2)), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(CodeOf(response.results(3)), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(response.results(4)), absl::StatusCode::kPermissionDenied);
  EXPECT_TRUE(stream.Ask({Item(1)}).results(0).existed());
  EXPECT_TRUE(stream.End().ok());
  Sharing supervisor(*notice_stub_, "supervisor");
  EXPECT_NE(supervisor.Ask({protecting}).results(0).name(), "");
  EXPECT_TRUE(supervisor.End().ok());
  v1::GetNoticeRequest get;
  get.set_name(response.results(0).name());
  v1::Notice notice;
  ASSERT_TRUE(notice_stub_->GetNotice(Call().get(), get, &notice).ok());
  EXPECT_EQ(notice.deliveries(0).state(), v1::DELIVERY_STATE_QUEUED);
}

TEST_F(Batches, OnlyWhoMayOpensAStream) {
  for (int i = 0; i < domain::kRoleCount; ++i) {
    const auto role = static_cast<domain::Role>(i);
    const std::string officer(domain::RoleText(role));
    const auto expect = [&](const grpc::Status& end, domain::Permission permission) {
      EXPECT_EQ(end.ok(), domain::IsPermitted({role}, permission)) << officer;
      if (!end.ok()) {
        EXPECT_EQ(DetailsOf(end).reason, "ROLE_MISSING");
      }
    };
    expect(Recording(*incident_stub_, officer).End(), domain::Permission::kWriteIncidents);
    expect(Sharing(*notice_stub_, officer).End(), domain::Permission::kShareNotices);
  }
  EXPECT_EQ(Recording(*incident_stub_, "").End().error_code(), StatusCode::UNAUTHENTICATED);
}

TEST_F(Batches, TooManyStreamsAreRefusedWithAHint) {
  std::vector<std::unique_ptr<Recording>> open;
  for (std::size_t i = 0; i < limits::kBatchStreamsMax; ++i) {
    open.push_back(std::make_unique<Recording>(*incident_stub_));
    open.back()->Send(BatchOf(static_cast<int>(i) + 1));
    open.back()->Next();
  }
  const grpc::Status end = Recording(*incident_stub_).End();
  EXPECT_EQ(DetailsOf(end).reason, "QUEUE_FULL");
  EXPECT_TRUE(DetailsOf(end).has_retry);
  for (const auto& stream : open) EXPECT_TRUE(stream->End().ok());
}

class FullQueueBatches : public Batches {
 protected:
  FullQueueBatches() : Batches(storage::CommitterLimits{.queued_operations_max = 0}) {}
};

TEST_F(FullQueueBatches, BusyNodeEndsTheStreamWithAHint) {
  Recording stream(*incident_stub_);
  stream.Send(BatchOf(1));
  const grpc::Status end = stream.End();
  EXPECT_EQ(end.error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(DetailsOf(end).reason, "QUEUE_FULL");
  EXPECT_TRUE(DetailsOf(end).has_retry);
}

}  // namespace
}  // namespace tripoint::rpc
