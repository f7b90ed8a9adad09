// Goal: whatever an officer asks wrongly changes nothing and says why; whatever a peer sends
// wrongly is stored, put aside with a reason, and stops nothing behind it.
#include <gmock/gmock.h>

#include "tests/unit/operations/world.h"

namespace tripoint::operations {
namespace {

using contract::Reason;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// ---- What officers ask ----

class ShareRefused : public Tripoint {
 protected:
  void SetUp() override {
    draft_ = qng_.Run(CreateNotice(qng_.facts, {"huy"}, NoticeRequest(qng_.NextId()))).value();
    changes_ = qng_.Changes();
  }
  // Refused by the share and by the dry run alike, without a trace.
  void ExpectRefused(const v1::ShareNoticeRequest& request, Reason reason) {
    EXPECT_EQ(ReasonOf(qng_.Run(ShareNotice(qng_.facts, {"huy"}, request)).status()), reason);
    EXPECT_EQ(ReasonOf(PlanShare(qng_.facts, *qng_.Snapshot(), request, kNow).status()), reason);
    EXPECT_EQ(qng_.Changes(), changes_);
    for (const std::string& peer : qng_.facts.paired) {
      const auto channels = LoadChannels(qng_.engine, peer);  // outlives the loop over its member
      ASSERT_TRUE(channels.ok());
      for (const OutboundState& channel : channels->outbound) {
        EXPECT_EQ(channel.frontier.size(), 0u);
      }
    }
  }

  v1::Notice draft_;
  std::uint64_t changes_ = 0;
};

TEST_F(ShareRefused, EmptyAudienceMeansNobody) {
  ExpectRefused(ShareRequest(draft_, {}, RequestId(90)), Reason::kAudienceEmpty);
}
TEST_F(ShareRefused, OwnUnitIsNoRecipient) {
  ExpectRefused(ShareRequest(draft_, {kQuangNgai}, RequestId(90)), Reason::kAudienceSelf);
}
TEST_F(ShareRefused, UnknownUnitIsRefused) {
  ExpectRefused(ShareRequest(draft_, {"la-atapeu"}, RequestId(90)), Reason::kUnitUnknown);
}
TEST_F(ShareRefused, UnpairedUnitIsRefusedEvenBesideAPairedOne) {
  ExpectRefused(ShareRequest(draft_, {kAttapeu, "la-sekong"}, RequestId(90)),
                Reason::kUnitNotPaired);
}
TEST_F(ShareRefused, StaleEtagIsRefused) {
  v1::ShareNoticeRequest request = ShareRequest(draft_, {kAttapeu}, RequestId(90));
  request.set_etag("0-stale");
  ExpectRefused(request, Reason::kStaleEtag);
}
TEST_F(ShareRefused, UnknownNoticeIsRefused) {
  v1::ShareNoticeRequest request = ShareRequest(draft_, {kAttapeu}, RequestId(90));
  request.set_name("units/vn-quangngai/notices/N-QNG-26-0999-A");
  ExpectRefused(request, Reason::kNotFound);
}
TEST_F(ShareRefused, ReleasedNoticeIsNotSharedAgain) {
  v1::ShareNoticeRequest request = ShareRequest(draft_, {kAttapeu}, RequestId(90));
  const v1::Notice shared = qng_.Run(ShareNotice(qng_.facts, {"huy"}, request)).value().notice();
  const std::uint64_t changes = qng_.Changes();
  EXPECT_EQ(ReasonOf(qng_.Run(ShareNotice(qng_.facts, {"huy"},
                                          ShareRequest(shared, {kAttapeu}, RequestId(91))))
                         .status()),
            Reason::kIllegalTransition);
  EXPECT_EQ(qng_.Changes(), changes);
}

TEST_F(ShareRefused, RepeatedShareGivesTheFirstAnswerWithItsMatrixAndSendsNothing) {
  const v1::ShareNoticeRequest request =
      ShareRequest(draft_, {kAttapeu, kRatanakiri}, RequestId(90));
  const v1::ShareNoticeResponse first = qng_.Run(ShareNotice(qng_.facts, {"huy"}, request)).value();
  const v1::ShareNoticeResponse again = qng_.Run(ShareNotice(qng_.facts, {"huy"}, request)).value();
  ASSERT_EQ(first.groups_size(), 1);
  EXPECT_EQ(first.groups(0).units_size(), 2);
  EXPECT_GT(first.groups(0).cells_size(), 0);
  EXPECT_EQ(again.SerializeAsString(), first.SerializeAsString());
  EXPECT_EQ(LoadChannels(qng_.engine, kAttapeu)->outbound[kRoutine - 1].frontier.size(), 1u);
  v1::ShareNoticeRequest other = request;
  other.clear_units();
  other.add_units(kAttapeu);
  EXPECT_EQ(ReasonOf(qng_.Run(ShareNotice(qng_.facts, {"huy"}, other)).status()),
            Reason::kRequestIdReused);
}

TEST_F(ShareRefused, DryRunShowsTheMatrixAndSendsNothing) {
  const v1::ShareNoticeRequest request = ShareRequest(draft_, {kAttapeu}, RequestId(90));
  const v1::ShareNoticeResponse plan =
      PlanShare(qng_.facts, *qng_.Snapshot(), request, kNow).value();
  ASSERT_EQ(plan.groups_size(), 1);
  EXPECT_GT(plan.groups(0).cells_size(), 0);
  EXPECT_EQ(qng_.Changes(), changes_);
  const v1::ShareNoticeResponse made = qng_.Run(ShareNotice(qng_.facts, {"huy"}, request)).value();
  ASSERT_EQ(made.groups_size(), 1);
  EXPECT_EQ(made.groups(0).SerializeAsString(), plan.groups(0).SerializeAsString());
}

TEST_F(ShareRefused, DryRunOfAnIncidentNeedsNoDraft) {
  const v1::Incident incident =
      qng_.Run(CreateIncident(qng_.facts, {"huy"}, IncidentRequest(RequestId(80)))).value();
  v1::ShareNoticeRequest request;
  request.add_units(kAttapeu);
  request.set_validate_only(true);
  *request.mutable_draft() = NoticeRequest("").notice();
  request.mutable_draft()->clear_facts();
  request.mutable_draft()->set_incident(incident.name());
  const auto plan = PlanShare(qng_.facts, *qng_.Snapshot(), request, kNow);
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_EQ(plan->groups_size(), 1);
  EXPECT_GT(plan->groups(0).cells_size(), 0);
}

TEST_F(ShareRefused, OnlyTheOwnerRevisesAndOnlyRecipientsAnswer) {
  const v1::Notice shared = Shared(qng_, {kAttapeu});
  (void)Carry(qng_, atp_);
  v1::WithdrawNoticeRequest withdraw;
  withdraw.set_name(shared.name());
  withdraw.set_etag("x");
  withdraw.set_reason("not ours");
  withdraw.set_request_id(RequestId(91));
  const absl::Status not_owner =
      atp_.Run(WithdrawNotice(atp_.facts, {"somphone"}, withdraw)).status();
  EXPECT_EQ(not_owner.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(ReasonOf(not_owner), Reason::kNotOwner);
  EXPECT_EQ(ReasonOf(qng_.Run(AcknowledgeNotice(
                                  qng_.facts, {"huy"},
                                  AnswerRequest(shared.name(), v1::DELIVERY_STATE_ACKNOWLEDGED,
                                                RequestId(92))))
                         .status()),
            Reason::kNotOwner);
  EXPECT_EQ(
      ReasonOf(qng_.Run(AcknowledgeNotice(qng_.facts, {"huy"},
                                          AnswerRequest("units/la-attapeu/notices/N-ATP-26-0001-A",
                                                        v1::DELIVERY_STATE_SEEN, RequestId(93))))
                   .status()),
      Reason::kNotFound);
}

// ---- What peers send ----

class Border : public Tripoint {
 protected:
  // A batch of one envelope, appended to what qng_'s channel at atp_ holds, whatever qng_ says.
  InboundBatch Forged(const std::string& bytes, std::uint8_t lane = kRoutine) {
    const InboundState state = LoadChannels(atp_.engine, kQuangNgai)->inbound[lane - 1u];
    InboundBatch batch;
    batch.peer = kQuangNgai;
    batch.lane = lane;
    batch.epoch = state.epoch == 0 ? qng_.epoch() : state.epoch;
    batch.first_position = state.frontier.size();
    batch.envelopes = {bytes};
    batch.frontier = state.frontier;
    batch.frontier.Append(storage::LeafHash(bytes));
    return batch;
  }
  AppliedBatch Apply(InboundBatch batch) {
    const auto applied = atp_.Run(ApplyBatch(atp_.facts, std::move(batch)));
    EXPECT_TRUE(applied.ok()) << applied.status();
    return applied.ok() ? *applied : AppliedBatch();
  }
  void ExpectRefused(const std::string& bytes, const std::string& reason) {
    const AppliedBatch applied = Apply(Forged(bytes));
    ASSERT_THAT(applied.refusals, SizeIs(1)) << reason;
    EXPECT_EQ(applied.refusals[0].reason_code(), reason);
    EXPECT_EQ(applied.refusals[0].position(), applied.size - 1);
  }
  // The envelope that qng_ would send for a fresh notice to atp_.
  exchange::v1::Envelope Good() {
    (void)Shared(qng_, {kAttapeu});
    const std::uint64_t size =
        LoadChannels(qng_.engine, kAttapeu)->outbound[kRoutine - 1].frontier.size();
    exchange::v1::Envelope envelope;
    EXPECT_TRUE(envelope.ParseFromString(
        ReadOutboundRange(*qng_.Snapshot(), kAttapeu, kRoutine, qng_.epoch(), size - 1, 1 << 20, 1)
            ->envelopes[0]));
    return envelope;
  }
};

TEST_F(Border, BadEnvelopesAreQuarantinedAndTheGoodOneBehindThemArrives) {
  exchange::v1::Envelope envelope = Good();
  ExpectRefused("\xff\xff\xff random bytes", "ENVELOPE_MALFORMED");
  ExpectRefused(envelope.SerializeAsString().substr(0, 40), "ENVELOPE_MALFORMED");
  exchange::v1::Envelope other = envelope;
  other.set_origin_unit(kRatanakiri);
  ExpectRefused(other.SerializeAsString(), "ENVELOPE_WRONG_ORIGIN");
  other = envelope;
  other.set_audience(0, kRatanakiri);
  ExpectRefused(other.SerializeAsString(), "ENVELOPE_WRONG_AUDIENCE");
  other = envelope;
  other.mutable_notice_version()->mutable_facts()->set_category_code("ZZZ-YYY");
  ExpectRefused(other.SerializeAsString(), "NEUTRALITY");

  const AppliedBatch applied = Apply(Forged(envelope.SerializeAsString()));
  EXPECT_THAT(applied.refusals, IsEmpty());
  EXPECT_EQ(applied.size, 6u);
  EXPECT_EQ(atp_.Notice(envelope.notice_version().name()).state(), v1::NOTICE_STATE_RELEASED);
  EXPECT_THAT(ReadRefusals(*atp_.Snapshot(), kQuangNgai, kRoutine, qng_.epoch(), 0, 6, 100).value(),
              SizeIs(5));
  EXPECT_THAT(ReadRefusals(*atp_.Snapshot(), kQuangNgai, kRoutine, qng_.epoch(), 1, 4, 2).value(),
              SizeIs(2));
  v1::NodeStatus status;
  ASSERT_TRUE(FillStatus(atp_.facts, *atp_.Snapshot(), atp_.now_ms, status).ok());
  EXPECT_EQ(status.quarantined(), 5u);
}

TEST_F(Border, SameVersionWithOtherContentsIsAConflictAndTheFirstStays) {
  exchange::v1::Envelope envelope = Good();
  Apply(Forged(envelope.SerializeAsString()));
  const std::uint32_t severity = envelope.notice_version().facts().severity();
  envelope.mutable_notice_version()->mutable_facts()->set_severity(5);
  ExpectRefused(envelope.SerializeAsString(), "ENVELOPE_CONFLICT");
  EXPECT_EQ(atp_.Notice(envelope.notice_version().name()).facts().severity(), severity);
}

TEST_F(Border, SameVersionAgainUnderANewNumberIsNoConflict) {
  exchange::v1::Envelope envelope = Good();
  Apply(Forged(envelope.SerializeAsString()));
  envelope.set_number(77);
  EXPECT_THAT(Apply(Forged(envelope.SerializeAsString())).refusals, IsEmpty());
  v1::NodeStatus status;
  ASSERT_TRUE(FillStatus(atp_.facts, *atp_.Snapshot(), atp_.now_ms, status).ok());
  EXPECT_EQ(status.notices_received(), 1u);
}

TEST_F(Border, OlderVersionIsStoredAndChangesNothing) {
  exchange::v1::Envelope envelope = Good();
  const exchange::v1::Envelope older = envelope;
  envelope.mutable_notice_version()->set_version(9);
  Apply(Forged(envelope.SerializeAsString()));
  EXPECT_THAT(Apply(Forged(older.SerializeAsString())).refusals, IsEmpty());
  EXPECT_EQ(atp_.Notice(older.notice_version().name()).version(), 9u);
}

TEST_F(Border, WithdrawalOfANoticeThatWasNeverAcceptedIsRefused) {
  exchange::v1::Envelope envelope = Good();
  const std::string name = envelope.notice_version().name();
  envelope.mutable_notice_withdrawal()->set_name(name);
  envelope.mutable_notice_withdrawal()->set_version(2);
  envelope.mutable_notice_withdrawal()->set_reason("gone");
  ExpectRefused(envelope.SerializeAsString(), "NOT_FOUND");
}

TEST_F(Border, StatementsOfStrangersAndAboutStrangersAreRefused) {
  // The notice went to Ratanakiri only; Attapeu makes a statement about it all the same.
  const v1::Notice theirs = Shared(rtk_, {kQuangNgai});
  (void)Carry(rtk_, qng_);
  ASSERT_TRUE(qng_.Run(AcknowledgeNotice(
                           qng_.facts, {"huy"},
                           AnswerRequest(theirs.name(), v1::DELIVERY_STATE_SEEN, RequestId(60))))
                  .ok());
  exchange::v1::Envelope statement;
  ASSERT_TRUE(statement.ParseFromString(
      ReadOutboundRange(*qng_.Snapshot(), kRatanakiri, kRoutine, qng_.epoch(), 0, 1 << 20, 1)
          ->envelopes[0]));
  statement.set_audience(0, kAttapeu);
  // About a notice of a third unit: not theirs to speak of here.
  ExpectRefused(statement.SerializeAsString(), "ENVELOPE_WRONG_ORIGIN");
  // About a notice of ours that we never sent them.
  const v1::Notice own = Shared(atp_, {kRatanakiri});
  statement.mutable_notice_statement()->set_name(own.name());
  ExpectRefused(statement.SerializeAsString(), "NOT_FOUND");
  EXPECT_EQ(atp_.Notice(own.name()).deliveries(0).state(), v1::DELIVERY_STATE_QUEUED);
}

TEST_F(Border, RefusalTravelsBackAndEndsTheDelivery) {
  const v1::Notice shared = Shared(qng_, {kAttapeu});
  InboundReceipt receipt;
  receipt.peer = kAttapeu;
  receipt.lane = kRoutine;
  receipt.epoch = qng_.epoch();
  receipt.receipted = LoadChannels(qng_.engine, kAttapeu)->outbound[kRoutine - 1].frontier;
  receipt.signature = "receipt";
  exchange::v1::Refusal& refusal = receipt.refusals.emplace_back();
  refusal.set_position(0);
  refusal.set_reason_code("HANDLING_FORBIDS");
  ASSERT_TRUE(qng_.Run(ApplyReceipt(qng_.facts, receipt)).ok());
  const v1::Notice notice = qng_.Notice(shared.name());
  EXPECT_EQ(notice.deliveries(0).state(), v1::DELIVERY_STATE_DECLINED);
  EXPECT_EQ(notice.deliveries(0).reason_code(), "HANDLING_FORBIDS");
  EXPECT_THAT(qng_.LastEntry().names(), ::testing::Contains(shared.name()));
  // The same receipt again says nothing new.
  const std::uint64_t changes = qng_.Changes();
  EXPECT_FALSE(qng_.Run(ApplyReceipt(qng_.facts, receipt))->advanced);
  EXPECT_EQ(qng_.Changes(), changes);
}

TEST_F(Border, ReceiptOverMoreOrOtherEnvelopesIsRefused) {
  (void)Shared(qng_, {kAttapeu});
  InboundReceipt receipt;
  receipt.peer = kAttapeu;
  receipt.lane = kRoutine;
  receipt.epoch = qng_.epoch();
  receipt.receipted.Append(storage::LeafHash("something else"));
  EXPECT_EQ(ReasonOf(qng_.Run(ApplyReceipt(qng_.facts, receipt)).status()), Reason::kChannelFork);
  receipt.receipted.Append(storage::LeafHash("and more"));
  EXPECT_EQ(ReasonOf(qng_.Run(ApplyReceipt(qng_.facts, receipt)).status()), Reason::kLinkProtocol);
  EXPECT_EQ(LoadChannels(qng_.engine, kAttapeu)->outbound[kRoutine - 1].receipted.size(), 0u);
}

TEST_F(Border, BatchWithGapOverlapOrOtherRootIsRefusedWhole) {
  for (int i = 0; i < 3; ++i) (void)Shared(qng_, {kAttapeu});
  const InboundBatch whole = NextBatch(qng_, atp_, kRoutine).value();
  InboundBatch gap = whole;
  gap.first_position = 1;
  EXPECT_EQ(ReasonOf(atp_.Run(ApplyBatch(atp_.facts, gap)).status()), Reason::kLinkProtocol);
  InboundBatch other = whole;
  other.envelopes[1] += "x";
  other.leaf_hashes.clear();
  EXPECT_EQ(ReasonOf(atp_.Run(ApplyBatch(atp_.facts, other)).status()), Reason::kChannelFork);
  EXPECT_EQ(atp_.Changes(), 0u);
  Apply(whole);
  EXPECT_EQ(ReasonOf(atp_.Run(ApplyBatch(atp_.facts, whole)).status()), Reason::kLinkProtocol);
  EXPECT_EQ(atp_.Changes(), 1u);
}

TEST_F(Border, UnpairedPeerIsRefused) {
  InboundBatch batch = Forged(Good().SerializeAsString());
  batch.peer = "la-sekong";
  EXPECT_EQ(ReasonOf(atp_.Run(ApplyBatch(atp_.facts, batch)).status()), Reason::kUnitNotPaired);
}

TEST_F(Border, NewEpochStartsAnewAndAnOldOneNeverReturns) {
  const exchange::v1::Envelope envelope = Good();
  Apply(Forged(envelope.SerializeAsString()));
  InboundBatch restored = Forged(envelope.SerializeAsString());
  restored.epoch = 99;
  EXPECT_EQ(ReasonOf(atp_.Run(ApplyBatch(atp_.facts, restored)).status()), Reason::kLinkProtocol);
  restored.first_position = 0;
  restored.frontier = storage::Frontier();
  restored.frontier.Append(storage::LeafHash(restored.envelopes[0]));
  EXPECT_EQ(Apply(restored).size, 1u);
  EXPECT_EQ(LoadChannels(atp_.engine, kQuangNgai)->inbound[kRoutine - 1].epoch, 99u);
  restored.epoch = qng_.epoch();
  EXPECT_EQ(ReasonOf(atp_.Run(ApplyBatch(atp_.facts, restored)).status()),
            Reason::kChannelRolledBack);
}

TEST_F(Border, StoppedChannelTakesNothingAndTheOthersGoOn) {
  Apply(Forged(Good().SerializeAsString()));
  const ChannelStop stop{.peer = kQuangNgai,
                         .lane = kRoutine,
                         .outbound = false,
                         .reason_code = "CHANNEL_FORK",
                         .text = "roots differ at 7"};
  EXPECT_TRUE(atp_.Run(QuarantineChannel(atp_.facts, stop)).value());
  EXPECT_FALSE(atp_.Run(QuarantineChannel(atp_.facts, stop)).value());
  EXPECT_EQ(atp_.Changes(), 2u);
  const exchange::v1::Envelope envelope = Good();
  EXPECT_FALSE(atp_.Run(ApplyBatch(atp_.facts, Forged(envelope.SerializeAsString()))).ok());
  (void)Shared(qng_, {kAttapeu}, "U2");
  EXPECT_EQ(Apply(NextBatch(qng_, atp_, kPriority).value()).size, 1u);
}

// Goal: a peer that begins a new history after its old one was stopped is heard again, and the stop
// stays on record with the old one.
TEST_F(Border, NewEpochAfterAStopIsTakenIn) {
  const std::string bytes = Good().SerializeAsString();
  Apply(Forged(bytes));
  const ChannelStop stop{.peer = kQuangNgai,
                         .lane = kRoutine,
                         .outbound = false,
                         .reason_code = "CHANNEL_ROLLED_BACK",
                         .text = "an old copy ran"};
  ASSERT_TRUE(atp_.Run(QuarantineChannel(atp_.facts, stop)).value());
  InboundBatch anew = Forged(bytes);
  anew.epoch = 99;
  anew.first_position = 0;
  anew.frontier = storage::Frontier();
  anew.frontier.Append(storage::LeafHash(bytes));
  EXPECT_EQ(Apply(anew).size, 1u);
  EXPECT_EQ(LoadChannels(atp_.engine, kQuangNgai)->inbound[kRoutine - 1].quarantine_reason, "");
  anew.epoch = qng_.epoch();
  EXPECT_EQ(ReasonOf(atp_.Run(ApplyBatch(atp_.facts, anew)).status()), Reason::kChannelRolledBack);
}

}  // namespace
}  // namespace tripoint::operations
