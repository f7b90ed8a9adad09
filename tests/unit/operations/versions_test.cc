// Goal: what a new version, a withdrawal or the end of validity does to what was said before, and
// whom a version reaches when a link ended.
#include <gmock/gmock.h>

#include "tests/unit/operations/world.h"

namespace tripoint::operations {
namespace {

using contract::Reason;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Versions : public Tripoint {
 protected:
  // A notice to both neighbours that asks for an acknowledgement, stored and acknowledged there.
  v1::Notice Acknowledged() {
    const v1::Notice draft =
        qng_.Run(CreateNotice(qng_.facts, {"huy"}, NoticeRequest(qng_.NextId()))).value();
    v1::ShareNoticeRequest share = ShareRequest(draft, {kAttapeu, kRatanakiri}, qng_.NextId());
    share.set_ack_within_minutes(120);
    const v1::Notice shared = qng_.Run(ShareNotice(qng_.facts, {"huy"}, share)).value().notice();
    EXPECT_TRUE(shared.needs_ack());
    CarryAll();
    for (World* world : {&atp_, &rtk_}) {
      EXPECT_TRUE(world->Notice(shared.name()).needs_ack());
      EXPECT_TRUE(Answer(*world, shared.name(), v1::DELIVERY_STATE_ACKNOWLEDGED).ok());
      EXPECT_FALSE(world->Notice(shared.name()).needs_ack());
    }
    CarryAll();
    EXPECT_FALSE(qng_.Notice(shared.name()).needs_ack());
    return qng_.Notice(shared.name());
  }
  void CarryAll() {
    for (World* world : {&atp_, &rtk_}) {
      (void)Carry(qng_, *world);
      (void)Carry(*world, qng_);
    }
  }
  absl::StatusOr<v1::Notice> Answer(World& world, const std::string& name,
                                    v1::DeliveryState outcome) {
    return world.Run(
        AcknowledgeNotice(world.facts, {"somphone"}, AnswerRequest(name, outcome, world.NextId())));
  }
  v1::ReviseNoticeRequest Worse(const v1::Notice& notice) {
    v1::ReviseNoticeRequest revise = ReviseRequest(notice, qng_.NextId());
    revise.mutable_notice()->mutable_facts()->set_severity(notice.facts().severity() + 1);
    return revise;
  }
  absl::StatusOr<v1::Notice> Revise(const v1::ReviseNoticeRequest& request) {
    return qng_.Run(ReviseNotice(qng_.facts, {"huy"}, request));
  }
  void Unpair(const std::string& unit) { qng_.facts.paired.erase(unit); }
  void PairAgain(const std::string& unit) { qng_.facts.paired.insert(unit); }
};

TEST_F(Versions, AcknowledgementOfTheOldVersionStaysInSightOnBothSides) {
  const v1::Notice shared = Acknowledged();
  const v1::Notice revised = Revise(Worse(shared)).value();
  EXPECT_TRUE(revised.needs_ack()) << "a new version asks anew";
  EXPECT_EQ(To(revised, kAttapeu).state(), v1::DELIVERY_STATE_QUEUED);
  EXPECT_EQ(To(revised, kAttapeu).earlier().state(), v1::DELIVERY_STATE_ACKNOWLEDGED);
  CarryAll();
  const auto expect_earlier = [&](const v1::Delivery& delivery, v1::DeliveryState state) {
    EXPECT_EQ(delivery.state(), state);
    EXPECT_EQ(delivery.version(), revised.version());
    EXPECT_EQ(delivery.earlier().state(), v1::DELIVERY_STATE_ACKNOWLEDGED);
    EXPECT_EQ(delivery.earlier().version(), shared.version());
    EXPECT_EQ(delivery.earlier().officer(), "somphone");
    EXPECT_GT(delivery.earlier().time_ms(), 0);
  };
  expect_earlier(To(qng_.Notice(shared.name()), kAttapeu), v1::DELIVERY_STATE_STORED);
  expect_earlier(atp_.Notice(shared.name()).deliveries(0), v1::DELIVERY_STATE_STORED);
  EXPECT_TRUE(atp_.Notice(shared.name()).needs_ack());
  // That the new one was opened makes the old acknowledgement no less said.
  ASSERT_TRUE(Answer(atp_, shared.name(), v1::DELIVERY_STATE_SEEN).ok());
  CarryAll();
  expect_earlier(To(qng_.Notice(shared.name()), kAttapeu), v1::DELIVERY_STATE_SEEN);
  expect_earlier(atp_.Notice(shared.name()).deliveries(0), v1::DELIVERY_STATE_SEEN);
  // Nor does yet another version that nobody acknowledged in between.
  (void)Revise(Worse(qng_.Notice(shared.name()))).value();
  CarryAll();
  EXPECT_EQ(To(qng_.Notice(shared.name()), kAttapeu).earlier().version(), shared.version());
  EXPECT_EQ(atp_.Notice(shared.name()).deliveries(0).earlier().version(), shared.version());
}

TEST_F(Versions, WithdrawnNoticeNeedsNoAnswerAndKeepsWhatWasSaid) {
  const v1::Notice shared = Acknowledged();
  const v1::Notice withdrawn =
      qng_.Run(WithdrawNotice(qng_.facts, {"huy"}, WithdrawRequest(shared, qng_.NextId()))).value();
  CarryAll();
  for (const v1::Notice& notice :
       {withdrawn, qng_.Notice(shared.name()), atp_.Notice(shared.name())}) {
    EXPECT_EQ(notice.state(), v1::NOTICE_STATE_WITHDRAWN);
    EXPECT_FALSE(notice.needs_ack());
    EXPECT_EQ(notice.deliveries(0).earlier().state(), v1::DELIVERY_STATE_ACKNOWLEDGED);
    EXPECT_EQ(notice.deliveries(0).earlier().version(), shared.version());
    EXPECT_EQ(notice.deliveries(0).version(), withdrawn.version());
  }
  v1::ListNoticesRequest inbox;
  inbox.set_needs_ack(true);
  EXPECT_THAT(ListNotices(atp_.facts, *atp_.Snapshot(), inbox, {}, kNow, nullptr)->items,
              IsEmpty());
}

TEST_F(Versions, WithdrawalThatWasNeverAnsweredNeedsNoAnswerEither) {
  const v1::Notice draft =
      qng_.Run(CreateNotice(qng_.facts, {"huy"}, NoticeRequest(qng_.NextId()))).value();
  v1::ShareNoticeRequest share = ShareRequest(draft, {kAttapeu}, qng_.NextId());
  share.set_ack_within_minutes(120);
  const v1::Notice shared = qng_.Run(ShareNotice(qng_.facts, {"huy"}, share)).value().notice();
  CarryAll();
  (void)qng_.Run(WithdrawNotice(qng_.facts, {"huy"}, WithdrawRequest(shared, qng_.NextId())))
      .value();
  CarryAll();
  EXPECT_FALSE(qng_.Notice(shared.name()).needs_ack());
  EXPECT_FALSE(atp_.Notice(shared.name()).needs_ack());
  EXPECT_FALSE(atp_.Notice(shared.name()).deliveries(0).has_earlier());
}

TEST_F(Versions, AnswerPastTheEndIsTakenAndSaysThatItIsLate) {
  v1::CreateNoticeRequest request = NoticeRequest(qng_.NextId());
  request.mutable_notice()->set_valid_until_ms(kNow + 60'000);
  const v1::Notice draft = qng_.Run(CreateNotice(qng_.facts, {"huy"}, request)).value();
  v1::ShareNoticeRequest share = ShareRequest(draft, {kAttapeu}, qng_.NextId());
  share.set_ack_within_minutes(120);
  ASSERT_TRUE(qng_.Run(ShareNotice(qng_.facts, {"huy"}, share)).ok());
  CarryAll();
  atp_.now_ms = qng_.now_ms = kNow + 61'000;
  EXPECT_FALSE(atp_.Notice(draft.name()).needs_ack()) << "nobody is asked any more";
  EXPECT_FALSE(qng_.Notice(draft.name()).needs_ack());
  const v1::Notice late = Answer(atp_, draft.name(), v1::DELIVERY_STATE_ACKNOWLEDGED).value();
  EXPECT_EQ(late.deliveries(0).state(), v1::DELIVERY_STATE_ACKNOWLEDGED);
  EXPECT_EQ(late.deliveries(0).reason_code(), "EXPIRED");
  CarryAll();
  EXPECT_EQ(To(qng_.Notice(draft.name()), kAttapeu).state(), v1::DELIVERY_STATE_ACKNOWLEDGED);
  EXPECT_EQ(To(qng_.Notice(draft.name()), kAttapeu).reason_code(), "EXPIRED");
}

TEST_F(Versions, RevisionAfterALinkEndedReachesTheOthersAndNamesWhoWasLeftOut) {
  const v1::Notice shared = Acknowledged();
  Unpair(kRatanakiri);
  v1::ReviseNoticeRequest revise = Worse(shared);
  revise.set_validate_only(true);
  const v1::Notice preview = Revise(revise).value();
  ASSERT_THAT(preview.deliveries(), SizeIs(1));
  EXPECT_EQ(To(preview, kRatanakiri).hold(), v1::DELIVERY_HOLD_NOT_PAIRED);
  revise.set_validate_only(false);
  const v1::Notice revised = Revise(revise).value();
  EXPECT_EQ(To(revised, kAttapeu).version(), revised.version());
  EXPECT_EQ(To(revised, kAttapeu).hold(), v1::DELIVERY_HOLD_UNSPECIFIED);
  const v1::Delivery left_out = To(revised, kRatanakiri);
  EXPECT_EQ(left_out.version(), shared.version());
  EXPECT_EQ(left_out.state(), v1::DELIVERY_STATE_ACKNOWLEDGED) << "of the version that it has";
  EXPECT_EQ(left_out.hold(), v1::DELIVERY_HOLD_NOT_PAIRED);
  EXPECT_EQ(left_out.reason_code(), "UNIT_NOT_PAIRED");
  (void)Carry(qng_, atp_);
  EXPECT_EQ(atp_.Notice(shared.name()).version(), revised.version());
  // Once the link is agreed again, it still is not there, and the same revision brings it.
  PairAgain(kRatanakiri);
  EXPECT_EQ(To(qng_.Notice(shared.name()), kRatanakiri).hold(), v1::DELIVERY_HOLD_NOT_PAIRED);
  const v1::Notice again = Revise(ReviseRequest(qng_.Notice(shared.name()), qng_.NextId())).value();
  EXPECT_EQ(again.version(), revised.version() + 1);
  EXPECT_EQ(To(again, kRatanakiri).hold(), v1::DELIVERY_HOLD_UNSPECIFIED);
  CarryAll();
  EXPECT_EQ(rtk_.Notice(shared.name()).facts().severity(), revised.facts().severity());
}

TEST_F(Versions, RevisionThatNobodyWouldGetIsRefused) {
  const v1::Notice shared = Acknowledged();
  Unpair(kRatanakiri);
  Unpair(kAttapeu);
  const std::uint64_t changes = qng_.Changes();
  EXPECT_EQ(ReasonOf(Revise(Worse(shared)).status()), Reason::kUnitNotPaired);
  EXPECT_EQ(qng_.Changes(), changes);
  // Taking back is recorded all the same, and says that nobody was told.
  const v1::Notice withdrawn =
      qng_.Run(WithdrawNotice(qng_.facts, {"huy"}, WithdrawRequest(shared, qng_.NextId()))).value();
  EXPECT_EQ(withdrawn.state(), v1::NOTICE_STATE_WITHDRAWN);
  for (const v1::Delivery& delivery : withdrawn.deliveries()) {
    EXPECT_EQ(delivery.hold(), v1::DELIVERY_HOLD_NOT_PAIRED);
    EXPECT_EQ(delivery.reason_code(), "UNIT_NOT_PAIRED");
    EXPECT_EQ(delivery.version(), shared.version());
  }
}

TEST_F(Versions, WithdrawalAfterALinkEndedTellsTheOthersAndNamesWhoWasLeftOut) {
  const v1::Notice shared = Acknowledged();
  Unpair(kAttapeu);
  v1::WithdrawNoticeRequest withdraw = WithdrawRequest(shared, qng_.NextId());
  withdraw.set_validate_only(true);
  EXPECT_EQ(To(qng_.Run(WithdrawNotice(qng_.facts, {"huy"}, withdraw)).value(), kAttapeu).hold(),
            v1::DELIVERY_HOLD_NOT_PAIRED);
  withdraw.set_validate_only(false);
  const v1::Notice withdrawn = qng_.Run(WithdrawNotice(qng_.facts, {"huy"}, withdraw)).value();
  EXPECT_EQ(To(withdrawn, kAttapeu).hold(), v1::DELIVERY_HOLD_NOT_PAIRED);
  EXPECT_EQ(To(withdrawn, kRatanakiri).hold(), v1::DELIVERY_HOLD_UNSPECIFIED);
  (void)Carry(qng_, rtk_);
  EXPECT_EQ(rtk_.Notice(shared.name()).state(), v1::NOTICE_STATE_WITHDRAWN);
}

TEST_F(Versions, RevisionThatChangesNothingSendsNothingUntilSomebodyRefusedIt) {
  const v1::Notice shared = Shared(qng_, {kAttapeu});
  const std::uint64_t changes = qng_.Changes();
  const v1::ReviseNoticeRequest same = ReviseRequest(shared, qng_.NextId());
  EXPECT_EQ(Revise(same)->version(), shared.version());
  EXPECT_EQ(Revise(same)->etag(), shared.etag());
  EXPECT_EQ(qng_.Changes(), changes);
  // The other side could not take it and was mended since: the same goes out again.
  InboundReceipt receipt;
  receipt.peer = kAttapeu;
  receipt.lane = kRoutine;
  receipt.epoch = qng_.epoch();
  receipt.receipted = LoadChannels(qng_.engine, kAttapeu)->outbound[kRoutine - 1].frontier;
  receipt.signature = "receipt";
  receipt.refusals.emplace_back().set_reason_code("ENVELOPE_MALFORMED");
  ASSERT_TRUE(qng_.Run(ApplyReceipt(qng_.facts, receipt)).ok());
  EXPECT_EQ(Revise(same)->version(), shared.version() + 1);
}

TEST_F(Versions, EditThatChangesNothingIsNoVersion) {
  const v1::Incident incident =
      qng_.Run(CreateIncident(qng_.facts, {"huy"}, IncidentRequest(qng_.NextId()))).value();
  v1::UpdateIncidentRequest update;
  *update.mutable_incident() = incident;
  update.set_etag(incident.etag());
  update.set_reason("pressed twice");
  update.set_request_id(qng_.NextId());
  const std::uint64_t changes = qng_.Changes();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(qng_.Run(UpdateIncident(qng_.facts, {"lan"}, update))->SerializeAsString(),
              incident.SerializeAsString());
  }
  EXPECT_EQ(qng_.Changes(), changes);
  update.mutable_incident()->mutable_facts()->set_severity(5);
  update.set_request_id(qng_.NextId());
  EXPECT_EQ(qng_.Run(UpdateIncident(qng_.facts, {"lan"}, update))->version(), 2u);
}

}  // namespace
}  // namespace tripoint::operations
