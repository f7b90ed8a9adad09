// Goal: the main job by hand between nodes in memory: shared at one, stored with a receipt at the
// other, read, answered, and known to the owner; with every envelope stored once.
#include <gmock/gmock.h>

#include <functional>

#include "tests/unit/operations/world.h"

namespace tripoint::operations {
namespace {

using contract::Reason;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class MainJob : public Tripoint {
 protected:
  absl::StatusOr<v1::Notice> Answer(World& world, const std::string& name,
                                    v1::DeliveryState outcome) {
    return world.Run(
        AcknowledgeNotice(world.facts, {"somphone"}, AnswerRequest(name, outcome, world.NextId())));
  }
};

TEST_F(MainJob, SharedStoredAcknowledgedAndKnownToTheOwner) {
  const v1::Notice shared = Shared(qng_, {kAttapeu, kRatanakiri});
  EXPECT_EQ(shared.state(), v1::NOTICE_STATE_RELEASED);
  EXPECT_EQ(To(shared, kAttapeu).state(), v1::DELIVERY_STATE_QUEUED);
  EXPECT_EQ(qng_.LastEntry().action(), "notice.share");

  // One batch across, no receipt yet: nothing is proven.
  const InboundBatch batch = NextBatch(qng_, atp_, kRoutine).value();
  ASSERT_THAT(batch.envelopes, SizeIs(1));
  const AppliedBatch applied = atp_.Run(ApplyBatch(atp_.facts, batch)).value();
  EXPECT_THAT(applied.refusals, IsEmpty());
  EXPECT_EQ(atp_.LastEntry().actor(), "peer/vn-quangngai");
  EXPECT_EQ(atp_.LastEntry().action(), "received.store");
  FakeLinks links;
  links.sent_size = 1;
  EXPECT_EQ(
      To(GetNotice(qng_.facts, *qng_.Snapshot(), shared.name(), kNow, &links).value(), kAttapeu)
          .state(),
      v1::DELIVERY_STATE_SENT);

  // The receipt makes it stored, for that recipient only.
  qng_.now_ms = kNow + 500;
  ASSERT_TRUE(
      qng_.Run(ApplyReceipt(qng_.facts, ReceiptFor(qng_, atp_, kRoutine, applied)))->advanced);
  EXPECT_EQ(To(qng_.Notice(shared.name()), kAttapeu).state(), v1::DELIVERY_STATE_STORED);
  EXPECT_EQ(To(qng_.Notice(shared.name()), kAttapeu).state_time_ms(), kNow + 500);
  EXPECT_EQ(To(qng_.Notice(shared.name()), kRatanakiri).state(), v1::DELIVERY_STATE_QUEUED);

  // What arrived says what was shared, and not from which incident.
  const v1::Notice received = atp_.Notice(shared.name());
  EXPECT_EQ(received.direction(), v1::NOTICE_DIRECTION_RECEIVED);
  EXPECT_EQ(received.owner(), kQuangNgai);
  EXPECT_EQ(received.facts().category_code(), "CTB-GEN");
  EXPECT_EQ(received.facts().goods_size(), 1);
  EXPECT_EQ(received.incident(), "");

  // Seen and acknowledged there; both statements come back in the same lane.
  ASSERT_TRUE(Answer(atp_, shared.name(), v1::DELIVERY_STATE_SEEN).ok());
  const v1::Notice answered = Answer(atp_, shared.name(), v1::DELIVERY_STATE_ACKNOWLEDGED).value();
  EXPECT_EQ(answered.deliveries(0).state(), v1::DELIVERY_STATE_ACKNOWLEDGED);
  EXPECT_EQ(LoadChannels(atp_.engine, kQuangNgai)->outbound[kRoutine - 1].frontier.size(), 2u);
  EXPECT_THAT(Carry(atp_, qng_), IsEmpty());
  const v1::Delivery known = To(qng_.Notice(shared.name()), kAttapeu);
  EXPECT_EQ(known.state(), v1::DELIVERY_STATE_ACKNOWLEDGED);
  EXPECT_EQ(known.officer(), "somphone");
}

// Whoever follows a list with filters asks for each notice that changed, by its reference.
TEST_F(MainJob, TailAndFiltersHoldTogether) {
  const v1::Notice shared = Shared(qng_, {kAttapeu});
  (void)Carry(qng_, atp_);
  const auto found = [&](World& world, const std::function<void(v1::ListNoticesRequest&)>& ask) {
    v1::ListNoticesRequest request;
    request.set_reference_tail(shared.name().substr(shared.name().rfind('/') + 1));
    ask(request);
    return !ListNotices(world.facts, *world.Snapshot(), request, {}, kNow, nullptr)->items.empty();
  };
  EXPECT_TRUE(found(qng_, [](auto& ask) { ask.set_unit(kAttapeu); }));
  EXPECT_FALSE(found(qng_, [](auto& ask) { ask.set_unit(kRatanakiri); }));
  EXPECT_FALSE(found(qng_, [](auto& ask) { ask.set_needs_ack(true); }));
  EXPECT_TRUE(found(qng_, [&](auto& ask) { ask.set_incident(shared.incident()); }));
  EXPECT_FALSE(found(qng_, [](auto& ask) { ask.set_incident("units/vn-quangngai/incidents/x"); }));
  EXPECT_TRUE(found(atp_, [](auto& ask) { ask.set_unit(kQuangNgai); }));
  EXPECT_FALSE(found(atp_, [](auto& ask) { ask.set_unit(kRatanakiri); }));
  for (World* world : {&qng_, &atp_}) {
    EXPECT_TRUE(found(*world, [&](auto& ask) { ask.set_urgency_code(shared.urgency_code()); }));
    EXPECT_FALSE(found(*world, [](auto& ask) { ask.set_urgency_code("U0"); }));
    EXPECT_TRUE(found(*world, [&](auto& ask) { ask.set_kind_code(shared.kind_code()); }));
    EXPECT_FALSE(found(*world, [](auto& ask) { ask.set_kind_code("HOTLINE"); }));
    EXPECT_TRUE(found(*world, [](auto& ask) { ask.set_state(v1::NOTICE_STATE_RELEASED); }));
    EXPECT_FALSE(found(*world, [](auto& ask) { ask.set_state(v1::NOTICE_STATE_DRAFT); }));
  }
}

TEST_F(MainJob, ChannelsOfBothSidesHaveEqualRoots) {
  for (int i = 0; i < 5; ++i) (void)Shared(qng_, {kAttapeu, kRatanakiri});
  (void)Carry(qng_, atp_);
  const PeerChannels sender = LoadChannels(qng_.engine, kAttapeu).value();
  const PeerChannels receiver = LoadChannels(atp_.engine, kQuangNgai).value();
  EXPECT_EQ(sender.outbound[kRoutine - 1].frontier.size(), 5u);
  EXPECT_EQ(sender.outbound[kRoutine - 1].frontier, receiver.inbound[kRoutine - 1].frontier);
  EXPECT_EQ(sender.outbound[kRoutine - 1].receipted, receiver.inbound[kRoutine - 1].frontier);
  EXPECT_EQ(sender.outbound[kRoutine - 1].receipt_epoch, atp_.epoch());
  EXPECT_EQ(receiver.inbound[kRoutine - 1].epoch, qng_.epoch());
  EXPECT_EQ(OutboundFrontierAt(*qng_.Snapshot(), kAttapeu, kRoutine, 5).value(),
            receiver.inbound[kRoutine - 1].frontier);
}

TEST_F(MainJob, OneEnvelopeServesAllRecipients) {
  (void)Shared(qng_, {kAttapeu, kRatanakiri});
  const OutboundRange lao =
      ReadOutboundRange(*qng_.Snapshot(), kAttapeu, kRoutine, qng_.epoch(), 0, 1 << 20, 10).value();
  const OutboundRange khmer =
      ReadOutboundRange(*qng_.Snapshot(), kRatanakiri, kRoutine, qng_.epoch(), 0, 1 << 20, 10)
          .value();
  ASSERT_THAT(lao.envelopes, SizeIs(1));
  EXPECT_EQ(lao.envelopes, khmer.envelopes);
  EXPECT_EQ(lao.leaf_hashes[0], storage::LeafHash(lao.envelopes[0]));
}

TEST_F(MainJob, UrgencyDecidesTheLane) {
  (void)Shared(qng_, {kAttapeu}, "U2");
  const PeerChannels channels = LoadChannels(qng_.engine, kAttapeu).value();
  EXPECT_EQ(channels.outbound[kFlash - 1].frontier.size(), 0u);
  EXPECT_EQ(channels.outbound[kPriority - 1].frontier.size(), 1u);
  EXPECT_EQ(channels.outbound[kRoutine - 1].frontier.size(), 0u);
}

TEST_F(MainJob, FlashNoticeHasItsOwnLetterAndLane) {
  v1::CreateNoticeRequest request = NoticeRequest(qng_.NextId(), "U0");
  request.mutable_notice()->set_urgency_reason_code(
      codes::TheRegistry().List("urgency_reasons")->codes().front().code);
  const v1::Notice draft = qng_.Run(CreateNotice(qng_.facts, {"huy"}, request)).value();
  EXPECT_THAT(draft.name(), ::testing::HasSubstr("/notices/F-QNG-26-0001-"));
  ASSERT_TRUE(
      qng_.Run(ShareNotice(qng_.facts, {"huy"}, ShareRequest(draft, {kAttapeu}, qng_.NextId())))
          .ok());
  EXPECT_EQ(LoadChannels(qng_.engine, kAttapeu)->outbound[kFlash - 1].frontier.size(), 1u);
}

TEST_F(MainJob, RevisionReachesTheRecipientAndAsksForAnAnswerAgain) {
  const v1::Notice shared = Shared(qng_, {kAttapeu});
  (void)Carry(qng_, atp_);
  ASSERT_TRUE(Answer(atp_, shared.name(), v1::DELIVERY_STATE_ACKNOWLEDGED).ok());
  (void)Carry(atp_, qng_);

  v1::ReviseNoticeRequest revise;
  *revise.mutable_notice() = qng_.Notice(shared.name());
  revise.mutable_notice()->mutable_facts()->set_severity(4);
  revise.set_etag(revise.notice().etag());
  revise.set_reason("second truck found");
  revise.set_request_id(qng_.NextId());
  const auto revised = qng_.Run(ReviseNotice(qng_.facts, {"huy"}, revise));
  ASSERT_TRUE(revised.ok()) << revised.status();
  EXPECT_EQ(revised->version(), shared.version() + 1);
  EXPECT_EQ(To(*revised, kAttapeu).state(), v1::DELIVERY_STATE_QUEUED);
  // Repeating it sends nothing more.
  const std::uint64_t changes = qng_.Changes();
  EXPECT_EQ(qng_.Run(ReviseNotice(qng_.facts, {"huy"}, revise))->version(), revised->version());
  EXPECT_EQ(qng_.Changes(), changes);

  (void)Carry(qng_, atp_);
  EXPECT_EQ(To(qng_.Notice(shared.name()), kAttapeu).state(), v1::DELIVERY_STATE_STORED);
  const v1::Notice received = atp_.Notice(shared.name());
  EXPECT_EQ(received.version(), revised->version());
  EXPECT_EQ(received.facts().severity(), 4u);
  EXPECT_EQ(received.change_reason(), "second truck found");
  EXPECT_EQ(received.deliveries(0).state(), v1::DELIVERY_STATE_STORED);
  EXPECT_TRUE(Answer(atp_, shared.name(), v1::DELIVERY_STATE_ACKNOWLEDGED).ok());
}

TEST_F(MainJob, WithdrawnNoticeStaysReadableAndTakesNoAnswer) {
  const v1::Notice shared = Shared(qng_, {kAttapeu});
  (void)Carry(qng_, atp_);
  v1::WithdrawNoticeRequest withdraw;
  withdraw.set_name(shared.name());
  withdraw.set_etag(shared.etag());
  withdraw.set_reason("wrong vehicle");
  withdraw.set_request_id(qng_.NextId());
  const v1::Notice withdrawn = qng_.Run(WithdrawNotice(qng_.facts, {"huy"}, withdraw)).value();
  EXPECT_EQ(withdrawn.state(), v1::NOTICE_STATE_WITHDRAWN);
  EXPECT_EQ(qng_.Run(WithdrawNotice(qng_.facts, {"huy"}, withdraw))->version(),
            withdrawn.version());
  (void)Carry(qng_, atp_);
  const v1::Notice received = atp_.Notice(shared.name());
  EXPECT_EQ(received.state(), v1::NOTICE_STATE_WITHDRAWN);
  EXPECT_EQ(received.change_reason(), "wrong vehicle");
  EXPECT_EQ(received.facts().category_code(), "CTB-GEN");
  EXPECT_EQ(ReasonOf(Answer(atp_, shared.name(), v1::DELIVERY_STATE_ACKNOWLEDGED).status()),
            Reason::kIllegalTransition);
}

TEST_F(MainJob, SecondAcknowledgementSaysWhoWasFirst) {
  const v1::Notice shared = Shared(qng_, {kAttapeu});
  (void)Carry(qng_, atp_);
  const v1::AcknowledgeNoticeRequest request =
      AnswerRequest(shared.name(), v1::DELIVERY_STATE_ACKNOWLEDGED, RequestId(70));
  ASSERT_TRUE(atp_.Run(AcknowledgeNotice(atp_.facts, {"somphone"}, request)).ok());
  const std::uint64_t changes = atp_.Changes();
  // The same request is answered as before; another one is a conflict.
  EXPECT_TRUE(atp_.Run(AcknowledgeNotice(atp_.facts, {"somphone"}, request)).ok());
  EXPECT_EQ(atp_.Changes(), changes);
  const absl::Status second = Answer(atp_, shared.name(), v1::DELIVERY_STATE_ACKNOWLEDGED).status();
  EXPECT_EQ(second.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ReasonOf(second), Reason::kAlreadyAcknowledged);
}

TEST_F(MainJob, InboxAndNeedsAckFollowTheAnswers) {
  const v1::Notice draft =
      qng_.Run(CreateNotice(qng_.facts, {"huy"}, NoticeRequest(qng_.NextId()))).value();
  v1::ShareNoticeRequest share = ShareRequest(draft, {kAttapeu}, qng_.NextId());
  share.set_ack_within_minutes(120);
  ASSERT_TRUE(qng_.Run(ShareNotice(qng_.facts, {"huy"}, share)).ok());
  (void)Shared(qng_, {kAttapeu});
  (void)Carry(qng_, atp_);
  v1::ListNoticesRequest inbox;
  inbox.set_direction(v1::NOTICE_DIRECTION_RECEIVED);
  const auto list = [this, &inbox] {
    return ListNotices(atp_.facts, *atp_.Snapshot(), inbox, {}, atp_.now_ms, {}).value().items;
  };
  EXPECT_THAT(list(), SizeIs(2));
  inbox.set_needs_ack(true);
  ASSERT_THAT(list(), SizeIs(1));
  EXPECT_EQ(list()[0].name(), draft.name());
  ASSERT_TRUE(Answer(atp_, draft.name(), v1::DELIVERY_STATE_ACKNOWLEDGED).ok());
  EXPECT_THAT(list(), IsEmpty());
}

TEST_F(MainJob, ExpiredNoticeReadsAndFiltersAsExpired) {
  v1::CreateNoticeRequest request = NoticeRequest(qng_.NextId());
  request.mutable_notice()->set_valid_until_ms(kNow + 60'000);
  const v1::Notice draft = qng_.Run(CreateNotice(qng_.facts, {"huy"}, request)).value();
  ASSERT_TRUE(
      qng_.Run(ShareNotice(qng_.facts, {"huy"}, ShareRequest(draft, {kAttapeu}, qng_.NextId())))
          .ok());
  qng_.now_ms = kNow + 61'000;
  EXPECT_EQ(qng_.Notice(draft.name()).state(), v1::NOTICE_STATE_EXPIRED);
  v1::ListNoticesRequest list;
  list.set_state(v1::NOTICE_STATE_RELEASED);
  const auto count = [&] {
    return ListNotices(qng_.facts, *qng_.Snapshot(), list, {}, qng_.now_ms, {})->items.size();
  };
  EXPECT_EQ(count(), 0u);
  list.set_state(v1::NOTICE_STATE_EXPIRED);
  EXPECT_EQ(count(), 1u);
}

TEST_F(MainJob, JournalTellsAFollowerEverythingInOrder) {
  const v1::Notice shared = Shared(qng_, {kAttapeu});
  (void)Carry(qng_, atp_);
  ASSERT_TRUE(Answer(atp_, shared.name(), v1::DELIVERY_STATE_SEEN).ok());
  (void)Carry(atp_, qng_);
  std::vector<std::string> actions;
  for (std::uint64_t after = 0; after < qng_.Changes();) {
    const JournalPiece piece = ReadJournal(*qng_.Snapshot(), after, 1, 10, {}).value();
    ASSERT_THAT(piece.changes, SizeIs(1));
    EXPECT_EQ(piece.changes[0].number(), after + 1);
    actions.push_back(piece.changes[0].action());
    after = piece.through;
  }
  EXPECT_THAT(actions,
              ElementsAre("notice.create", "notice.share", "receipt.store", "statement.store"));
  const JournalPiece filtered =
      ReadJournal(*qng_.Snapshot(), 0, 10, 10, {"statement", "receipt"}).value();
  EXPECT_THAT(filtered.changes, SizeIs(2));
  EXPECT_EQ(filtered.through, qng_.Changes());
}

TEST_F(MainJob, StatusCountsWhatWasRecordedSentAndReceived) {
  ASSERT_TRUE(qng_.Run(CreateIncident(qng_.facts, {"huy"}, IncidentRequest(qng_.NextId()))).ok());
  ASSERT_TRUE(qng_.Run(CreateNotice(qng_.facts, {"huy"}, NoticeRequest(qng_.NextId()))).ok());
  (void)Shared(qng_, {kAttapeu});
  v1::Peer peer;
  ASSERT_TRUE(FillChannels(*qng_.Snapshot(), kAttapeu, kNow + 7'000, nullptr, peer).ok());
  EXPECT_EQ(peer.queued(), 1u);
  EXPECT_EQ(peer.channels_size(), 6);
  EXPECT_EQ(peer.channels(4).lane(), "routine");
  EXPECT_EQ(peer.channels(4).oldest_waiting_ms(), 7'000);
  (void)Carry(qng_, atp_);
  ASSERT_TRUE(FillChannels(*qng_.Snapshot(), kAttapeu, kNow, nullptr, peer).ok());
  EXPECT_EQ(peer.queued(), 0u);
  v1::NodeStatus status;
  ASSERT_TRUE(FillStatus(qng_.facts, *qng_.Snapshot(), qng_.now_ms, status).ok());
  EXPECT_EQ(status.unit(), kQuangNgai);
  EXPECT_EQ(status.incidents(), 1u);
  EXPECT_EQ(status.notices_sent(), 1u);
  EXPECT_EQ(status.change_number(), qng_.Changes());
  v1::NodeStatus there;
  ASSERT_TRUE(FillStatus(atp_.facts, *atp_.Snapshot(), atp_.now_ms, there).ok());
  EXPECT_EQ(there.notices_received(), 1u);
}

TEST_F(MainJob, RepeatedDraftIsOneNoticeAndLinksItsIncidentOnce) {
  const v1::Incident incident =
      qng_.Run(CreateIncident(qng_.facts, {"huy"}, IncidentRequest(qng_.NextId()))).value();
  v1::CreateNoticeRequest request = NoticeRequest(qng_.NextId());
  request.mutable_notice()->set_incident(incident.name());
  const v1::Notice first = qng_.Run(CreateNotice(qng_.facts, {"huy"}, request)).value();
  const std::uint64_t changes = qng_.Changes();
  EXPECT_EQ(qng_.Run(CreateNotice(qng_.facts, {"huy"}, request))->SerializeAsString(),
            first.SerializeAsString());
  EXPECT_EQ(qng_.Changes(), changes);
  EXPECT_THAT(GetIncident(qng_.facts, qng_.engine, incident.name())->notices(), SizeIs(1));
  request.mutable_notice()->set_urgency_code("U4");
  EXPECT_EQ(ReasonOf(qng_.Run(CreateNotice(qng_.facts, {"huy"}, request)).status()),
            Reason::kRequestIdReused);
}

TEST_F(MainJob, DraftFromAnIncidentLinksBothAndSharesNoneOfIt) {
  const v1::Incident incident =
      qng_.Run(CreateIncident(qng_.facts, {"huy"}, IncidentRequest(qng_.NextId()))).value();
  v1::CreateNoticeRequest request = NoticeRequest(qng_.NextId());
  request.mutable_notice()->clear_facts();
  request.mutable_notice()->set_incident(incident.name());
  const v1::Notice draft = qng_.Run(CreateNotice(qng_.facts, {"huy"}, request)).value();
  EXPECT_EQ(draft.facts().title(), incident.facts().title());
  const v1::Incident linked = GetIncident(qng_.facts, qng_.engine, incident.name()).value();
  EXPECT_THAT(linked.notices(), ElementsAre(draft.name()));
  EXPECT_EQ(linked.etag(), incident.etag());
  v1::ListNoticesRequest list;
  list.set_incident(incident.name());
  EXPECT_THAT(ListNotices(qng_.facts, *qng_.Snapshot(), list, {}, kNow, {})->items, SizeIs(1));
}

}  // namespace
}  // namespace tripoint::operations
