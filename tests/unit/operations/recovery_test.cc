// Goal: after a loss a node gets back what a neighbour holds and can prove, keeps nothing else,
// shares nothing before, gives no number twice, and sends again what nobody had receipted.
#include "server/operations/recovery.h"

#include "proto/contract/reference.h"
#include "server/operations/backup_note.h"
#include "storage/keys.h"
#include "storage/names.h"
#include "storage/notice_store.h"
#include "storage/past_channels.h"
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
  ASSERT_TRUE(FillStatus(qng_.facts, *qng_.Snapshot(), qng_.now_ms, status).ok());
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

// Goal: what was altered since it was appended is not sent again in our name: the start says where
// it is and leaves the epoch uncompleted, and goes on once the store has what it had.
TEST_F(RecoveryTest, AlteredIsNotCarriedOver) {
  (void)Shared(qng_, {kAttapeu});
  const std::string key = storage::EnvelopeKey(qng_.epoch(), 1).ToString();
  const std::string bytes = qng_.engine.Get(key)->value();
  const auto set = [&](const std::string& value) {
    storage::Batch batch;
    batch.Put(key, value);
    ASSERT_TRUE(qng_.engine.Commit(batch).ok());
  };
  std::string altered = bytes;
  altered[altered.size() / 2] ^= 1;
  set(altered);
  ASSERT_TRUE(BeginEpoch(qng_.engine, 44, kCauseRestore, qng_.now_ms).ok());
  const absl::Status refused = CompleteEpoch(qng_.facts, qng_.engine, qng_.now_ms);
  EXPECT_EQ(ReasonOf(refused), Reason::kCorrupt) << refused;
  EXPECT_NE(refused.message().find("position 0"), std::string::npos) << refused;
  EXPECT_EQ(LoadChannels(qng_.engine, kAttapeu)->outbound[kRoutine - 1u].frontier.size(), 0u);
  set(bytes);
  ASSERT_TRUE(CompleteEpoch(qng_.facts, qng_.engine, qng_.now_ms).ok());
  EXPECT_EQ(LoadChannels(qng_.engine, kAttapeu)->outbound[kRoutine - 1u].frontier.size(), 1u);
}

// Goal: when the last unit that was missing is no longer paired, the amnesia ends at the next
// start.
TEST_F(RecoveryTest, AmnesiaWithoutNeighboursEnds) {
  World world{kQuangNgai, {kAttapeu, kRatanakiri}, 12};
  NewEpoch(world, 13, kCauseRestore);
  const auto held = [&] {
    EXPECT_TRUE(CompleteEpoch(world.facts, world.engine, world.now_ms).ok());
    RecoveryState state;
    EXPECT_TRUE(RefreshRecovery(world.engine, state).ok());
    return state.sharing_held.load();
  };
  EXPECT_TRUE(held());
  EXPECT_FALSE(world.Run(PeerReturned(world.facts, kAttapeu)).value());
  EXPECT_TRUE(held()) << "one is missing still";
  world.facts.paired = {kAttapeu};
  EXPECT_FALSE(held());
  EXPECT_EQ(world.LastEntry().action(), "node.recovered");
  const std::uint64_t changes = world.Changes();
  EXPECT_FALSE(held());
  EXPECT_EQ(world.Changes(), changes) << "once";
}

// Goal: a configuration without any neighbour proves that none is missing as little as that all
// have returned: the amnesia goes on, says so, and ends by a supervisor's word.
TEST_F(RecoveryTest, ConfigurationWithoutAnyPeerEndsNoAmnesia) {
  World world{kQuangNgai, {}, 12};
  NewEpoch(world, 13, kCauseRestore);
  ASSERT_TRUE(CompleteEpoch(world.facts, world.engine, world.now_ms).ok());
  RecoveryState state;
  ASSERT_TRUE(RefreshRecovery(world.engine, state).ok());
  EXPECT_TRUE(state.sharing_held);
  v1::NodeStatus status;
  ASSERT_TRUE(FillStatus(world.facts, *world.Snapshot(), world.now_ms, status).ok());
  ASSERT_EQ(status.warnings_size(), 1);
  EXPECT_NE(status.warnings(0).find("names no neighbour"), std::string::npos);
  EXPECT_TRUE(world.Run(EndAmnesia(world.facts, {"vy"}, "it stands alone")).value().empty());
  ASSERT_TRUE(RefreshRecovery(world.engine, state).ok());
  EXPECT_FALSE(state.sharing_held);
  EXPECT_EQ(world.LastEntry().action(), "node.recovered");
}

// Goal: a backup counts from when its maker says that it is kept; too old and missing ones are
// said.
TEST_F(RecoveryTest, AgeOfTheLatestBackupIsSaid) {
  constexpr std::int64_t kHourMs = 3'600'000;
  const auto warnings = [&](std::int64_t later_ms) {
    v1::NodeStatus status;
    EXPECT_TRUE(FillStatus(qng_.facts, *qng_.Snapshot(), qng_.now_ms + later_ms, status).ok());
    return std::pair(status.warnings_size() == 0 ? std::string() : status.warnings(0), status);
  };
  EXPECT_EQ(warnings(36 * kHourMs).first, "");
  EXPECT_NE(warnings(37 * kHourMs).first.find("no backup of this node"), std::string::npos);
  EXPECT_EQ(warnings(0).second.backup_time_ms(), 0);
  qng_.now_ms += 40 * kHourMs;
  const std::int64_t begun_ms = qng_.now_ms;
  qng_.now_ms += kHourMs;  // making it took so long: what it holds is as old as its beginning
  EXPECT_TRUE(qng_.Run(NoteBackup({"vy"}, begun_ms, 7)).value());
  EXPECT_EQ(qng_.LastEntry().action(), "node.backup");
  EXPECT_EQ(qng_.LastEntry().actor(), "officer/vy");
  EXPECT_EQ(warnings(0).second.backup_time_ms(), begun_ms);
  EXPECT_EQ(warnings(0).second.backup_change_number(), 7u);
  EXPECT_EQ(warnings(35 * kHourMs).first, "");
  EXPECT_NE(warnings(36 * kHourMs).first.find("37 h old"), std::string::npos);
  EXPECT_NE(warnings(99 * kHourMs).first.find("4 days old"), std::string::npos);
  EXPECT_NE(warnings(99 * kHourMs).first.find("tripoint backup now"), std::string::npos);
  // One that began earlier and was slower is no later one.
  const std::uint64_t changes = qng_.Changes();
  EXPECT_FALSE(qng_.Run(NoteBackup({"vy"}, qng_.now_ms, 6)).value());
  EXPECT_EQ(qng_.Changes(), changes);
}

// Goal: an officer's word opens links with claims that nobody can prove.
// Goal: after the amnesia has ended, a neighbour that shows its proofs one by one has to return
// again on its own link, and holds up nobody else.
TEST_F(RecoveryTest, ProofInDosesHoldsUpNobodyElse) {
  const auto fresh = Fresh();
  EXPECT_TRUE(fresh->Run(PeerReturned(fresh->facts, kAttapeu)).value()) << "it was the last one";
  Refresh(*fresh);
  ASSERT_FALSE(state_.sharing_held);
  EXPECT_TRUE(fresh->Run(BeginAmnesia(fresh->facts, kAttapeu)).value());
  EXPECT_EQ(fresh->LastEntry().action(), "peer.returns_again") << "the node has no amnesia";
  Refresh(*fresh);
  EXPECT_FALSE(state_.sharing_held);
  EXPECT_FALSE(fresh->Run(PeerReturned(fresh->facts, kAttapeu)).value()) << "it had ended before";
}

TEST_F(RecoveryTest, PlanSaysWhetherTheAmnesiaIsOver) {
  const auto fresh = Fresh();
  EXPECT_FALSE(CompareHoldings(*fresh->Snapshot(), kAttapeu, 13, {}).value().ended);
  (void)fresh->Run(EndAmnesia(fresh->facts, {"vy"}, "their key was lost")).value();
  EXPECT_TRUE(CompareHoldings(*fresh->Snapshot(), kAttapeu, 13, {}).value().ended);
}

// Goal: what a peer could not show, because it has too many epochs, is not taken for lost.
TEST_F(RecoveryTest, WhatCouldNotBeShownIsNotCarried) {
  (void)Shared(qng_, {kAttapeu});
  (void)Carry(qng_, atp_);
  NewEpoch(qng_, 44, kCauseRestore);
  std::vector<HeldChannel> shown;
  const auto show = [&shown](std::uint8_t lane, std::uint64_t epoch) {
    HeldChannel& claim = shown.emplace_back();
    claim.lane = lane;
    claim.epoch = epoch;
    claim.size = 1;
  };
  for (std::uint64_t i = 0; i + 1 < kHoldingsShownMax; ++i) {
    show(kRoutine, 100 + i);
    show(kFlash, 100 + i);
  }
  EXPECT_EQ(CompareHoldings(*qng_.Snapshot(), kAttapeu, 44, shown).value().carries.size(), 1u);
  show(kRoutine, 200);
  EXPECT_TRUE(CompareHoldings(*qng_.Snapshot(), kAttapeu, 44, shown).value().carries.empty());
}

// Goal: what waited for a unit that was not paired when the epoch ended is sent in the present
// epoch before anything that the unit returns is written over it.
TEST_F(RecoveryTest, UnfinishedCarryComesBeforeTheReturn) {
  (void)Shared(qng_, {kAttapeu});
  (void)Carry(qng_, atp_);
  const HeldChannel held = Held();
  // An old copy of qng_, which went its own way: two more that nobody ever saw.
  World old{kQuangNgai, {kAttapeu}, qng_.epoch()};
  const v1::Notice first = Shared(old, {kAttapeu});
  const v1::Notice second = Shared(old, {kAttapeu});
  old.facts.paired = {};
  NewEpoch(old, 44, kCauseRestore);
  old.facts.paired = {kAttapeu};
  HoldingsPlan plan = CompareHoldings(*old.Snapshot(), kAttapeu, 44, {held}).value();
  ASSERT_EQ(plan.wants.size(), 1u);
  ASSERT_FALSE(plan.carries.empty());
  EXPECT_TRUE(plan.carries.back().under_way);
  EXPECT_EQ(ReasonOf(old.Run(StoreReturned(old.facts, Run(held, 0, 1))).status()),
            Reason::kLinkProtocol);
  EXPECT_TRUE(old.Run(CarryOver(old.facts, kAttapeu, plan.carries.back())).value());
  plan = CompareHoldings(*old.Snapshot(), kAttapeu, 44, {held}).value();
  EXPECT_TRUE(plan.carries.empty());
  EXPECT_EQ(old.Run(StoreReturned(old.facts, Run(held, 0, 1))).value(), held.size);
  EXPECT_TRUE(old.Run(TakeReturned(old.facts, kAttapeu, held)).value());
  std::vector<std::string> names;
  const OutboundRange sent =
      ReadOutboundRange(*old.Snapshot(), kAttapeu, kRoutine, 44, 0, 1u << 20, 10).value();
  for (const std::string& bytes : sent.envelopes) {
    exchange::v1::Envelope envelope;
    ASSERT_TRUE(envelope.ParseFromString(bytes));
    names.push_back(envelope.notice_version().name());
  }
  EXPECT_EQ(names, (std::vector<std::string>{first.name(), second.name()}));
  EXPECT_TRUE(storage::VerifyStore(*old.Snapshot()).ok());
}

// Goal: a counter that cannot be read is damage, not the number 0: nothing is taken in.
TEST_F(RecoveryTest, DamagedCounterIsDamage) {
  const v1::Notice lost = Shared(qng_, {kAttapeu});
  (void)Carry(qng_, atp_);
  const HeldChannel held = Held();
  const auto fresh = Fresh();
  const std::uint64_t number = *storage::OwnNumber(storage::Kind::kNotice, lost.name());
  const storage::Key counter =
      storage::CounterKey(storage::Kind::kNotice, static_cast<int>(number >> storage::kYearShift));
  const std::string whole = fresh->engine.Get(counter).value().value();
  const auto put = [&](const std::string& value) {
    storage::Batch batch;
    batch.Put(counter, value);
    ASSERT_TRUE(fresh->engine.Commit(batch).ok());
    fresh->core = std::make_unique<storage::CommitterCore>(fresh->engine);
  };
  put(whole.substr(0, 3));
  ASSERT_EQ(fresh->Run(StoreReturned(fresh->facts, Run(held, 0, 1))).value(), held.size);
  EXPECT_EQ(ReasonOf(fresh->Run(TakeReturned(fresh->facts, kAttapeu, held)).status()),
            Reason::kCorrupt);
  EXPECT_FALSE(storage::FindNotice(fresh->engine, lost.name()).value().has_value());
  put(whole);
  EXPECT_TRUE(fresh->Run(TakeReturned(fresh->facts, kAttapeu, held)).value());
  EXPECT_TRUE(storage::FindNotice(fresh->engine, lost.name()).value().has_value());
}

// Goal: of a return that is dropped half taken in, the true one that follows is taken in from its
// beginning.
TEST_F(RecoveryTest, DroppedReturnForgetsWhatWasTakenOfIt) {
  constexpr std::size_t kNotices = 140;  // more than one piece
  for (std::size_t i = 0; i < kNotices; ++i) (void)Shared(qng_, {kAttapeu});
  (void)Carry(qng_, atp_);
  const HeldChannel first = Held();
  ASSERT_EQ(first.size, kNotices);
  const v1::Notice last = Shared(qng_, {kAttapeu});
  (void)Carry(qng_, atp_);
  const HeldChannel longer = Held();
  const auto fresh = Fresh();
  const auto store = [&](const HeldChannel& held) {
    std::uint64_t next = 0;
    while (next < held.size) {
      ReturnedRun run = Run(held, next, 1000);
      run.envelopes.resize(std::min<std::size_t>(run.envelopes.size(), held.size - next));
      next = fresh->Run(StoreReturned(fresh->facts, std::move(run))).value();
      ASSERT_NE(next, 0u);
    }
  };
  store(first);
  EXPECT_FALSE(fresh->Run(TakeReturned(fresh->facts, kAttapeu, first)).value());
  // The stream ended; by the next one the peer holds more, so the return begins anew.
  EXPECT_EQ(CompareHoldings(*fresh->Snapshot(), kAttapeu, 13, {longer}).value().wants[0].first, 0u);
  store(longer);
  const auto past = storage::GetOutboundPast(fresh->engine, {kAttapeu, kRoutine}, longer.epoch);
  EXPECT_EQ(past.value().value().taken_size(), 0u);
  while (!fresh->Run(TakeReturned(fresh->facts, kAttapeu, longer)).value()) {
  }
  EXPECT_TRUE(storage::FindNotice(fresh->engine, last.name()).value().has_value());
  EXPECT_TRUE(storage::VerifyStore(*fresh->Snapshot()).ok());
}

}  // namespace
}  // namespace tripoint::operations
