// Goal: notices that are drafted and shared in one step are what two calls would have made, each by
// itself, once however often they are sent, with one journal entry for all.
#include <gmock/gmock.h>

#include "google/rpc/status.pb.h"
#include "tests/unit/operations/world.h"

namespace tripoint::operations {
namespace {

using contract::Reason;

v1::NoticeToShare Item(int id, std::vector<std::string> units = {kAttapeu}) {
  v1::NoticeToShare item;
  *item.mutable_notice() = NoticeRequest(RequestId(id)).notice();
  for (std::string& unit : units) item.add_units(std::move(unit));
  item.set_request_id(RequestId(id));
  return item;
}

v1::BatchShareNoticesRequest BatchOf(std::vector<v1::NoticeToShare> items) {
  v1::BatchShareNoticesRequest batch;
  for (v1::NoticeToShare& item : items) *batch.add_requests() = std::move(item);
  return batch;
}

absl::Status StatusOf(const v1::BatchResult& result) {
  google::rpc::Status refusal;
  EXPECT_TRUE(refusal.ParseFromString(result.status()));
  absl::Status status(static_cast<absl::StatusCode>(refusal.code()), refusal.message());
  for (const auto& detail : refusal.details()) {
    status.SetPayload(detail.type_url(), absl::Cord(detail.value()));
  }
  return status;
}

class NoticeBatch : public Tripoint {
 protected:
  absl::StatusOr<v1::BatchShareNoticesResponse> Share(const v1::BatchShareNoticesRequest& batch) {
    return qng_.Run(BatchShareNotices(
        qng_.facts, {"huy"}, batch,
        std::vector<absl::Status>(static_cast<std::size_t>(batch.requests_size()))));
  }
  std::uint64_t NoticesOf(const World& world) {
    v1::NodeStatus status;
    EXPECT_TRUE(FillStatus(world.facts, *world.Snapshot(), world.now_ms, status).ok());
    return status.notices_sent() + status.notices_received();
  }
};

TEST_F(NoticeBatch, NoticeIsReleasedAtOnceAndArrivesAsAfterTwoCalls) {
  const auto response = Share(BatchOf({Item(101), Item(102, {kAttapeu, kRatanakiri})})).value();
  ASSERT_EQ(response.results_size(), 2);
  for (const v1::BatchResult& result : response.results()) {
    EXPECT_EQ(result.status(), "");
    EXPECT_FALSE(result.existed());
    const v1::Notice notice = qng_.Notice(result.name());
    EXPECT_EQ(notice.state(), v1::NOTICE_STATE_RELEASED);
    EXPECT_EQ(notice.version(), 1u);
    EXPECT_EQ(notice.share_time_ms(), kNow);
    EXPECT_EQ(notice.creator(), "huy");
    EXPECT_NE(notice.etag(), "");
    EXPECT_EQ(notice.deliveries(0).state(), v1::DELIVERY_STATE_QUEUED);
  }
  EXPECT_EQ(Carry(qng_, atp_).size(), 0u);
  EXPECT_EQ(Carry(qng_, rtk_).size(), 0u);
  EXPECT_EQ(NoticesOf(rtk_), 1u);

  // The same as draft and share make, but for name, version and etag.
  const v1::Notice two_calls = Shared(qng_, {kAttapeu});
  Carry(qng_, atp_);
  v1::Notice received = atp_.Notice(response.results(0).name());
  v1::Notice other = atp_.Notice(two_calls.name());
  for (v1::Notice* notice : {&received, &other}) {
    notice->clear_name();
    notice->clear_version();
    notice->clear_etag();
    for (v1::Delivery& delivery : *notice->mutable_deliveries()) delivery.clear_version();
  }
  EXPECT_EQ(received.DebugString(), other.DebugString());
}

TEST_F(NoticeBatch, OneJournalEntryNamesThemAndTheirIncident) {
  const v1::Incident incident =
      qng_.Run(CreateIncident(qng_.facts, {"huy"}, IncidentRequest(RequestId(90)))).value();
  v1::NoticeToShare from = Item(1);
  from.mutable_notice()->clear_facts();
  from.mutable_notice()->set_incident(incident.name());
  v1::NoticeToShare again = from;
  again.set_request_id(RequestId(2));
  const std::uint64_t changes = qng_.Changes();
  const auto response = Share(BatchOf({from, again, Item(3)})).value();
  EXPECT_EQ(qng_.Changes(), changes + 1);
  const store::v1::JournalEntry entry = qng_.LastEntry();
  EXPECT_EQ(entry.action(), "notice.share");
  EXPECT_EQ(entry.actor(), "officer/huy");
  EXPECT_EQ(entry.count(), 4u);
  EXPECT_THAT(entry.names(),
              ::testing::ElementsAre(response.results(0).name(), response.results(1).name(),
                                     response.results(2).name(), incident.name()));
  EXPECT_EQ(GetIncident(qng_.facts, qng_.engine, incident.name())->notices_size(), 2);
}

TEST_F(NoticeBatch, SameBatchTwiceAddsNothing) {
  const auto first = Share(BatchOf({Item(1), Item(2)})).value();
  const std::uint64_t changes = qng_.Changes();
  const auto again = Share(BatchOf({Item(1), Item(2), Item(2)})).value();
  EXPECT_EQ(qng_.Changes(), changes);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(again.results(i).existed());
    EXPECT_EQ(again.results(i).name(), first.results(std::min(i, 1)).name());
  }
  // Within one batch too.
  const auto twins = Share(BatchOf({Item(7), Item(7)})).value();
  EXPECT_FALSE(twins.results(0).existed());
  EXPECT_TRUE(twins.results(1).existed());
  EXPECT_EQ(NoticesOf(qng_), 3u);
}

TEST_F(NoticeBatch, RequestIdWithOtherContentsIsRefused) {
  ASSERT_TRUE(Share(BatchOf({Item(1)})).ok());
  const auto response = Share(BatchOf({Item(1, {kRatanakiri})})).value();
  EXPECT_EQ(ReasonOf(StatusOf(response.results(0))), Reason::kRequestIdReused);
}

TEST_F(NoticeBatch, EachRefusalHasItsReasonAndTheOthersGo) {
  v1::NoticeToShare no_incident = Item(5);
  no_incident.mutable_notice()->set_incident("units/vn-quangngai/incidents/I-QNG-26-0009-A");
  v1::NoticeToShare expired = Item(6);
  expired.mutable_notice()->set_valid_until_ms(kNow - 1);
  v1::NoticeToShare forbidden = Item(7);
  forbidden.mutable_notice()->set_kind_code("PUBLIC");
  forbidden.mutable_notice()->set_handling_code("H3");
  v1::BatchShareNoticesRequest batch =
      BatchOf({Item(1, {}), Item(2), Item(3, {kQuangNgai}), Item(4, {"la-sekong"}), no_incident,
               expired, forbidden, Item(8), Item(9)});
  std::vector<absl::Status> checked(9);
  checked[8] =
      contract::Error(absl::StatusCode::kPermissionDenied, Reason::kRoleMissing, "no", "no", "ask");
  const auto response = qng_.Run(BatchShareNotices(qng_.facts, {"huy"}, batch, checked)).value();
  const std::vector<Reason> wanted = {
      Reason::kAudienceEmpty,   Reason::kUnspecified, Reason::kAudienceSelf,
      Reason::kUnitNotPaired,   Reason::kNotFound,    Reason::kExpired,
      Reason::kHandlingForbids, Reason::kUnspecified, Reason::kRoleMissing};
  for (int i = 0; i < response.results_size(); ++i) {
    const v1::BatchResult& result = response.results(i);
    const Reason reason = wanted[static_cast<std::size_t>(i)];
    EXPECT_EQ(result.status().empty(), reason == Reason::kUnspecified) << i;
    EXPECT_EQ(result.name().empty(), reason != Reason::kUnspecified) << i;
    if (reason != Reason::kUnspecified) {
      EXPECT_EQ(ReasonOf(StatusOf(result)), reason) << i;
    }
  }
  EXPECT_EQ(NoticesOf(qng_), 2u);
  EXPECT_EQ(qng_.LastEntry().count(), 2u);
  // No number was lost on what was refused, neither of notices nor of envelopes.
  EXPECT_THAT(response.results(1).name(), ::testing::HasSubstr("-0001-"));
  EXPECT_THAT(response.results(7).name(), ::testing::HasSubstr("-0002-"));
  EXPECT_EQ(Carry(qng_, atp_).size(), 0u);
  EXPECT_EQ(NoticesOf(atp_), 2u);
}

TEST_F(NoticeBatch, BatchOfRefusalsAloneWritesNothing) {
  ASSERT_TRUE(Share(BatchOf({Item(1, {}), Item(2, {kQuangNgai})})).ok());
  EXPECT_EQ(qng_.Changes(), 0u);
}

TEST_F(NoticeBatch, FlashGoesByTheFlashLaneUnderItsLetter) {
  v1::NoticeToShare flash = Item(1);
  flash.mutable_notice()->set_urgency_code("U0");
  flash.mutable_notice()->set_urgency_reason_code("life-at-risk");
  const auto response = Share(BatchOf({flash})).value();
  ASSERT_EQ(response.results(0).status(), "") << StatusOf(response.results(0));
  EXPECT_THAT(response.results(0).name(), ::testing::HasSubstr("/F-QNG-26-0001-"));
  EXPECT_TRUE(NextBatch(qng_, atp_, kFlash).has_value());
}

TEST_F(NoticeBatch, SharedNoticeIsRevisedAndWithdrawnLikeAnyOther) {
  const std::string name = Share(BatchOf({Item(1)}))->results(0).name();
  v1::ReviseNoticeRequest revise;
  *revise.mutable_notice() = qng_.Notice(name);
  revise.mutable_notice()->mutable_facts()->set_title("Two trucks, not one");
  revise.set_etag(qng_.Notice(name).etag());
  revise.set_reason("more is known");
  revise.set_request_id(RequestId(50));
  const v1::Notice revised = qng_.Run(ReviseNotice(qng_.facts, {"huy"}, revise)).value();
  EXPECT_EQ(revised.version(), 2u);
  Carry(qng_, atp_);
  EXPECT_EQ(atp_.Notice(name).version(), 2u);
  // The first answer is still there.
  EXPECT_TRUE(Share(BatchOf({Item(1)}))->results(0).existed());
}

}  // namespace
}  // namespace tripoint::operations
