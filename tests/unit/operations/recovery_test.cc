// Goal: after a loss a node gets back what a neighbour holds and can prove, keeps nothing else,
// shares nothing before, gives no number twice, and sends again what nobody had receipted.
#include "server/operations/recovery.h"

#include "proto/contract/reference.h"
#include "storage/keys.h"
#include "storage/names.h"
#include "storage/notice_store.h"
#include "storage/verify_store.h"
#include "tests/unit/operations/world.h"

namespace tripoint::operations {
namespace {

using contract::Reason;

// Begins `epoch` in a world that nothing else runs on.
void NewEpoch(World& world, std::uint64_t epoch, std::string_view cause) {
  ASSERT_TRUE(BeginEpoch(world.engine, epoch, cause, world.now_ms).ok());
  ASSERT_TRUE(CompleteEpoch(world.facts, world.engine, world.now_ms).ok());
  world.core = std::make_unique<storage::CommitterCore>(world.engine);
}

class RecoveryTest : public Tripoint {
 protected:
  // qng_ without its memory, paired with la-attapeu alone.
  std::unique_ptr<World> Fresh() {
    auto fresh =
        std::make_unique<World>(kQuangNgai, std::set<std::string, std::less<>>{kAttapeu}, 12);
    NewEpoch(*fresh, 13, kCauseLoss);
    fresh->facts.recovery = &state_;
    Refresh(*fresh);
    return fresh;
  }
  void Refresh(const World& world) { ASSERT_TRUE(RefreshRecovery(world.engine, state_).ok()); }

  // The routine channel of qng_ as atp_ holds it, and its envelopes.
  HeldChannel Held() const {
    const PeerChannels channels = LoadChannels(atp_.engine, kQuangNgai).value();
    const InboundState& in = channels.inbound[kRoutine - 1u];
    return {.lane = kRoutine,
            .epoch = in.epoch,
            .size = in.frontier.size(),
            .root = in.frontier.Root(),
            .receipt_signature = "receipt",
            .proven = true};
  }
  ReturnedRun Run(const HeldChannel& held, std::uint64_t first, std::size_t count) const {
    return {.peer = kAttapeu,
            .held = held,
            .first = first,
            .envelopes =
                ReadHeld(*atp_.Snapshot(), kQuangNgai, kRoutine, held.epoch, first, 1u << 20, count)
                    .value()};
  }
  RecoveryState state_;
};

TEST_F(RecoveryTest, EverythingThatWasSharedComesBack) {
  const v1::Notice first = Shared(qng_, {kAttapeu});
  const v1::Notice second = Shared(qng_, {kAttapeu});
  const v1::Notice revised =
      qng_.Run(ReviseNotice(qng_.facts, {"huy"},
                            [&] {
                              auto request = ReviseRequest(second, qng_.NextId());
                              request.mutable_notice()->mutable_facts()->set_title("15 sacks");
                              return request;
                            }()))
          .value();
  (void)qng_.Run(WithdrawNotice(qng_.facts, {"huy"}, WithdrawRequest(first, qng_.NextId())))
      .value();
  (void)Carry(qng_, atp_);
  const HeldChannel held = Held();
  ASSERT_EQ(held.size, 4u);

  const auto fresh = Fresh();
  EXPECT_EQ(
      ReasonOf(
          fresh->Run(CreateNotice(fresh->facts, {"huy"}, NoticeRequest(fresh->NextId()))).status()),
      Reason::kAmnesia);
  const HoldingsPlan plan = CompareHoldings(*fresh->Snapshot(), kAttapeu, 13, {held}).value();
  ASSERT_EQ(plan.wants.size(), 1u);
  EXPECT_EQ(plan.wants[0].first, 0u);
  EXPECT_EQ(fresh->Run(StoreReturned(fresh->facts, Run(held, 0, 3))).value(), 3u);
  EXPECT_FALSE(storage::FindNotice(fresh->engine, first.name()).value().has_value())
      << "nothing counts before the root is right";
  // A stream that ends here goes on where it was.
  EXPECT_EQ(CompareHoldings(*fresh->Snapshot(), kAttapeu, 13, {held}).value().wants[0].first, 3u);
  EXPECT_EQ(ReasonOf(fresh->Run(StoreReturned(fresh->facts, Run(held, 2, 1))).status()),
            Reason::kLinkProtocol);
  EXPECT_EQ(fresh->Run(StoreReturned(fresh->facts, Run(held, 3, 1))).value(), 4u);
  EXPECT_TRUE(fresh->Run(TakeReturned(fresh->facts, kAttapeu, held)).value());
  EXPECT_TRUE(fresh->Run(TakeReturned(fresh->facts, kAttapeu, held)).value()) << "and again";
  EXPECT_TRUE(CompareHoldings(*fresh->Snapshot(), kAttapeu, 13, {held}).value().wants.empty());

  EXPECT_EQ(fresh->Notice(first.name()).state(), v1::NOTICE_STATE_WITHDRAWN);
  const v1::Notice back = fresh->Notice(second.name());
  EXPECT_EQ(back.version(), revised.version());
  EXPECT_EQ(back.facts().title(), "15 sacks");
  EXPECT_EQ(back.direction(), v1::NOTICE_DIRECTION_SENT);
  EXPECT_EQ(To(back, kAttapeu).state(), v1::DELIVERY_STATE_STORED);
  EXPECT_TRUE(storage::VerifyStore(*fresh->Snapshot()).ok());

  EXPECT_TRUE(fresh->Run(PeerReturned(fresh->facts, kAttapeu)).value()) << "it was the last one";
  Refresh(*fresh);
  const v1::Notice next = Shared(*fresh, {kAttapeu});
  EXPECT_NE(next.name(), first.name());
  EXPECT_NE(next.name(), second.name());
  EXPECT_TRUE(storage::VerifyStore(*fresh->Snapshot()).ok());
}

// Goal: N- and F-references share their numbers. After a rollback another notice may have the
// number of one that comes back: it stays as it is.
TEST_F(RecoveryTest, ANumberThatWasGivenAgainIsNotOverwritten) {
  const v1::Notice lost = Shared(qng_, {kAttapeu});
  (void)Carry(qng_, atp_);
  const HeldChannel held = Held();
  const auto fresh = Fresh();
  const std::uint64_t number = *storage::OwnNumber(storage::Kind::kNotice, lost.name());
  store::v1::NoticeRecord present;
  *present.mutable_notice() = lost;
  present.mutable_notice()->set_name(contract::NoticeName(
      kQuangNgai, contract::MakeReference(
                      {.kind = contract::ReferenceKind::kFlash,
                       .unit_short = "QNG",
                       .year = static_cast<int>((number >> storage::kYearShift) % 100),
                       .number = number & ((std::uint64_t{1} << storage::kYearShift) - 1)})));
  ASSERT_TRUE(fresh
                  ->Commit([&](storage::Transaction& transaction) {
                    transaction.Journal({});
                    return storage::CreateNotice(transaction, number, present);
                  })
                  .ok());
  ASSERT_EQ(fresh->Run(StoreReturned(fresh->facts, Run(held, 0, 1))).value(), held.size);
  EXPECT_TRUE(fresh->Run(TakeReturned(fresh->facts, kAttapeu, held)).value());
  EXPECT_TRUE(storage::FindNotice(fresh->engine, present.notice().name()).value().has_value());
  EXPECT_FALSE(storage::FindNotice(fresh->engine, lost.name()).value().has_value());
}

// Goal: a peer that returns something else leaves nothing behind and has not returned.
TEST_F(RecoveryTest, OtherRootIsDroppedWhole) {
  const v1::Notice notice = Shared(qng_, {kAttapeu});
  (void)Shared(qng_, {kAttapeu});
  (void)Carry(qng_, atp_);
  const HeldChannel held = Held();
  const auto fresh = Fresh();
  ReturnedRun forged = Run(held, 0, 2);
  forged.envelopes[1] = forged.envelopes[0];
  EXPECT_EQ(fresh->Run(StoreReturned(fresh->facts, forged)).value(), 0u);
  EXPECT_FALSE(storage::FindNotice(fresh->engine, notice.name()).value().has_value());
  EXPECT_EQ(CompareHoldings(*fresh->Snapshot(), kAttapeu, 13, {held}).value().wants[0].first, 0u);
  // The truth is taken all the same.
  EXPECT_EQ(fresh->Run(StoreReturned(fresh->facts, Run(held, 0, 2))).value(), 2u);
  EXPECT_TRUE(fresh->Run(TakeReturned(fresh->facts, kAttapeu, held)).value());
  EXPECT_TRUE(storage::FindNotice(fresh->engine, notice.name()).value().has_value());
  EXPECT_TRUE(storage::VerifyStore(*fresh->Snapshot()).ok());
}

// Goal: an own answer comes back before the notice that it is about, and meets it when it comes.
TEST_F(RecoveryTest, AnswerWaitsForItsNotice) {
  World atp{kAttapeu, {kQuangNgai}, 22};
  World qng{kQuangNgai, {kAttapeu}, 11};
  const v1::Notice theirs = Shared(atp, {kQuangNgai});
  (void)Carry(atp, qng);
  (void)qng
      .Run(AcknowledgeNotice(
          qng.facts, {"huy"},
          AnswerRequest(theirs.name(), v1::DELIVERY_STATE_ACKNOWLEDGED, qng.NextId())))
      .value();
  (void)Carry(qng, atp);
  const PeerChannels channels = LoadChannels(atp.engine, kQuangNgai).value();
  const InboundState& in = channels.inbound[kRoutine - 1u];
  const HeldChannel held{.lane = kRoutine,
                         .epoch = in.epoch,
                         .size = in.frontier.size(),
                         .root = in.frontier.Root(),
                         .receipt_signature = "receipt",
                         .proven = true};
  const auto fresh = Fresh();
  ReturnedRun run{.peer = kAttapeu, .held = held, .first = 0, .envelopes = {}};
  run.envelopes =
      ReadHeld(*atp.Snapshot(), kQuangNgai, kRoutine, held.epoch, 0, 1u << 20, 10).value();
  EXPECT_EQ(fresh->Run(StoreReturned(fresh->facts, run)).value(), held.size);
  EXPECT_TRUE(fresh->Run(TakeReturned(fresh->facts, kAttapeu, held)).value());
  Refresh(*fresh);
  EXPECT_TRUE(state_.answers_kept);
  // The neighbour sends its notice to the new life of this unit.
  const auto batch = NextBatch(atp, *fresh, kRoutine);
  ASSERT_TRUE(batch.has_value());
  ASSERT_TRUE(fresh->Run(ApplyBatch(fresh->facts, *batch)).ok());
  const v1::Notice back = fresh->Notice(theirs.name());
  EXPECT_EQ(To(back, kQuangNgai).state(), v1::DELIVERY_STATE_ACKNOWLEDGED);
  EXPECT_FALSE(back.needs_ack());
  Refresh(*fresh);
  EXPECT_FALSE(state_.answers_kept);
}

// Goal: what no receipt covers goes out in the new epoch, once, and its delivery is followed there;
// references go on behind a gap.
TEST_F(RecoveryTest, UnreceiptedIsCarriedOver) {
  (void)Shared(qng_, {kAttapeu});
  (void)Carry(qng_, atp_);
  const v1::Notice waiting = Shared(qng_, {kAttapeu});
  NewEpoch(qng_, 44, kCauseRestore);
  ASSERT_TRUE(CompleteEpoch(qng_.facts, qng_.engine, qng_.now_ms).ok()) << "nothing is left to do";
  const PeerChannels channels = LoadChannels(qng_.engine, kAttapeu).value();
  EXPECT_EQ(channels.outbound[kRoutine - 1u].epoch, 44u);
  EXPECT_EQ(channels.outbound[kRoutine - 1u].frontier.size(), 1u);
  const OutboundRange range =
      ReadOutboundRange(*qng_.Snapshot(), kAttapeu, kRoutine, 44, 0, 1u << 20, 10).value();
  exchange::v1::Envelope envelope;
  ASSERT_TRUE(envelope.ParseFromString(range.envelopes.at(0)));
  EXPECT_EQ(envelope.notice_version().name(), waiting.name());
  EXPECT_EQ(envelope.epoch(), 44u);
  EXPECT_EQ(To(qng_.Notice(waiting.name()), kAttapeu).state(), v1::DELIVERY_STATE_QUEUED);
  v1::NodeStatus status;
  ASSERT_TRUE(FillStatus(qng_.facts, *qng_.Snapshot(), status).ok());
  EXPECT_EQ(status.notices_sent(), 2u) << "numbers that were left out are no notices";
  ASSERT_EQ(status.warnings_size(), 1);
  EXPECT_NE(status.warnings(0).find("AMNESIA"), std::string::npos);
  EXPECT_EQ(qng_.Run(EndAmnesia(qng_.facts, {"vy"}, "the drill is over")).value(),
            (std::vector<std::string>{kRatanakiri, kAttapeu}));
  const v1::Notice next = Shared(qng_, {kAttapeu});
  EXPECT_NE(next.name().find("-20001-"), std::string::npos) << next.name();
  // A neighbour that lost what it had receipted is sent it again, once.
  const HoldingsPlan plan = CompareHoldings(*qng_.Snapshot(), kAttapeu, 44, {}).value();
  ASSERT_EQ(plan.carries.size(), 1u);
  EXPECT_TRUE(qng_.Run(CarryOver(qng_.facts, kAttapeu, plan.carries[0])).value());
  EXPECT_TRUE(CompareHoldings(*qng_.Snapshot(), kAttapeu, 44, {}).value().carries.empty());
  EXPECT_EQ(LoadChannels(qng_.engine, kAttapeu).value().outbound[kRoutine - 1u].frontier.size(),
            3u);
  EXPECT_TRUE(storage::VerifyStore(*qng_.Snapshot()).ok());
}

}  // namespace
}  // namespace tripoint::operations
