// Goal: whatever read fails in the middle of a call, or finds a damaged value, the call fails with
// it. It never answers from half of what is stored, blames nobody's envelope, leaves nothing
// behind, and the next try does what the first one should have done.
#include "tests/unit/storage/failing_reads.h"

#include <functional>
#include <optional>
#include <tuple>

#include "server/operations/backup_note.h"
#include "server/operations/evidence.h"
#include "server/operations/verify_logs.h"
#include "storage/verify_store.h"
#include "tests/unit/operations/world.h"

namespace tripoint::operations {
namespace {

using storage::testing_support::ContentsOf;
using storage::testing_support::DamageEachValue;
using storage::testing_support::DamageEachValueOfChange;
using storage::testing_support::FailEachRead;
using storage::testing_support::FailEachReadOfChange;
using storage::testing_support::SetContents;

template <typename Item>
std::string TextOf(const Page<Item>& page) {
  std::string text = page.next + "\n";
  for (const Item& item : page.items) text += item.SerializeAsString() + "\n";
  return text;
}

// What an answer says, to be compared.
template <typename Result>
auto SaidBy(const Result& result) {
  if constexpr (requires { result.results(); }) {  // a refusal's bytes have no order
    std::string text;
    for (const v1::BatchResult& one : result.results())
      text += one.name() + (one.status().empty() ? " taken " : " refused ");
    return text;
  } else if constexpr (requires { result.SerializeAsString(); }) {
    return result.SerializeAsString();
  } else if constexpr (requires { result.refusals; }) {
    return result.size + result.refusals.size();
  } else if constexpr (requires { result.advanced; }) {
    return result.receipted_size;
  } else {
    return result;
  }
}

class FailingReads : public Tripoint {
 protected:
  // `make()` makes the operation, each time anew. Result: what it did in the end, which stays.
  template <typename Make>
  static auto Change(World& world, const Make& make) {
    auto result = *make().result;
    std::optional<decltype(SaidBy(result))> first;
    const auto renew = [&world] {
      world.core = std::make_unique<storage::CommitterCore>(world.engine);
    };
    const auto attempt = [&] {
      const auto prepared = make();
      const absl::Status status = world.Commit(prepared.operation);
      if (!status.ok()) return status;
      result = *prepared.result;
      if (!first.has_value()) first = SaidBy(result);
      EXPECT_TRUE(SaidBy(result) == *first) << "another answer for want of what was not read";
      return status;
    };
    const auto before = ContentsOf(world.engine);
    EXPECT_GT(DamageEachValueOfChange(world.engine, renew, attempt), 0u);
    SetContents(world.engine, before);
    EXPECT_GT(FailEachReadOfChange(world.engine, renew, attempt), 0u);
    return result;
  }
  // `read(snapshot)` gives a StatusOr of something that can be compared.
  template <typename Read>
  static void Reading(World& world, const Read& read) {
    const auto from_world = [&] { return read(*world.Snapshot()); };
    EXPECT_GT(FailEachRead(world.engine, from_world), 0u);
    EXPECT_GT(DamageEachValue(world.engine, from_world), 0u);
  }

  // As Carry, but no read goes well at first. Result: how many refusals came back.
  std::size_t CarryThroughFailures(World& from, World& to, std::uint8_t lane) {
    const auto batch = NextBatch(from, to, lane);
    EXPECT_TRUE(batch.has_value());
    if (!batch.has_value()) return 0;
    const AppliedBatch applied = Change(to, [&] { return ApplyBatch(to.facts, *batch); });
    EXPECT_TRUE(Change(from, [&] {
                  return ApplyReceipt(from.facts, ReceiptFor(from, to, lane, applied));
                }).advanced);
    return applied.refusals.size();
  }
  v1::Notice Revised(World& world, const v1::Notice& notice, const std::string& title) {
    v1::ReviseNoticeRequest request = ReviseRequest(notice, world.NextId());
    request.mutable_notice()->mutable_facts()->set_title(title);
    return Change(world, [&] { return ReviseNotice(world.facts, {"huy"}, request); });
  }
};

TEST_F(FailingReads, OfChangesToIncidents) {
  v1::CreateIncidentRequest create = IncidentRequest(qng_.NextId());
  create.mutable_incident()->set_external_id("IMP-1");
  const auto creating = [&] { return CreateIncident(qng_.facts, {"huy"}, create); };
  const v1::Incident first = Change(qng_, creating);
  EXPECT_EQ(Change(qng_, creating).name(), first.name()) << "the first answer again";
  create.set_request_id(qng_.NextId());
  EXPECT_EQ(Change(qng_, creating).name(), first.name()) << "by its external id";

  v1::UpdateIncidentRequest update;
  *update.mutable_incident() = first;
  update.mutable_incident()->mutable_facts()->set_severity(4);
  update.set_etag(first.etag());
  update.set_request_id(qng_.NextId());
  const v1::Incident second =
      Change(qng_, [&] { return UpdateIncident(qng_.facts, {"huy"}, update); });
  EXPECT_EQ(second.version(), 2u);
  EXPECT_EQ(Change(qng_, creating).version(), 2u) << "compared with the first version";

  v1::ChangeIncidentStateRequest state;
  state.set_name(first.name());
  state.set_etag(second.etag());
  state.set_state(v1::INCIDENT_STATE_RESOLVED);
  state.set_request_id(qng_.NextId());
  EXPECT_EQ(Change(qng_, [&] { return ChangeIncidentState(qng_.facts, {"huy"}, state); }).version(),
            3u);

  v1::BatchCreateIncidentsRequest batch;
  *batch.add_requests() = IncidentRequest(qng_.NextId());
  batch.mutable_requests(0)->mutable_incident()->set_external_id("IMP-2");
  *batch.add_requests() = create;
  const auto response = Change(qng_, [&] {
    return BatchCreateIncidents(qng_.facts, {"huy"}, batch, std::vector<absl::Status>(2));
  });
  ASSERT_EQ(response.results_size(), 2);
  EXPECT_FALSE(response.results(0).existed());
  EXPECT_TRUE(response.results(1).existed());
}

TEST_F(FailingReads, OfANoticeOnItsWayThereAndOfTheAnswerBack) {
  const v1::Incident incident =
      qng_.Run(CreateIncident(qng_.facts, {"huy"}, IncidentRequest(qng_.NextId()))).value();
  v1::CreateNoticeRequest create = NoticeRequest(qng_.NextId());
  create.mutable_notice()->set_incident(incident.name());
  create.mutable_notice()->clear_facts();
  const v1::Notice draft = Change(qng_, [&] { return CreateNotice(qng_.facts, {"huy"}, create); });
  const v1::ShareNoticeRequest share = ShareRequest(draft, {kAttapeu, kRatanakiri}, qng_.NextId());
  const auto sharing = [&] { return ShareNotice(qng_.facts, {"huy"}, share); };
  const v1::Notice shared = Change(qng_, sharing).notice();
  EXPECT_EQ(Change(qng_, sharing).notice().version(), shared.version()) << "the first answer again";
  EXPECT_EQ(CarryThroughFailures(qng_, atp_, kRoutine), 0u) << "a read is no fault of an envelope";

  for (const auto outcome : {v1::DELIVERY_STATE_SEEN, v1::DELIVERY_STATE_ACKNOWLEDGED}) {
    const auto answer = AnswerRequest(shared.name(), outcome, atp_.NextId());
    EXPECT_EQ(
        To(Change(atp_, [&] { return AcknowledgeNotice(atp_.facts, {"huy"}, answer); }), kAttapeu)
            .state(),
        outcome);
  }
  EXPECT_EQ(CarryThroughFailures(atp_, qng_, kRoutine), 0u);
  EXPECT_EQ(To(qng_.Notice(shared.name()), kAttapeu).state(), v1::DELIVERY_STATE_ACKNOWLEDGED);

  const v1::Notice revised = Revised(qng_, qng_.Notice(shared.name()), "15 sacks");
  EXPECT_EQ(CarryThroughFailures(qng_, atp_, kRoutine), 0u);
  const auto withdrawal = WithdrawRequest(revised, qng_.NextId());
  (void)Change(qng_, [&] { return WithdrawNotice(qng_.facts, {"huy"}, withdrawal); });
  EXPECT_EQ(CarryThroughFailures(qng_, atp_, kRoutine), 0u);
  EXPECT_EQ(atp_.Notice(shared.name()).state(), v1::NOTICE_STATE_WITHDRAWN);
  for (const World* world : {&qng_, &atp_})
    EXPECT_TRUE(storage::VerifyStore(*world->Snapshot()).ok());
}

TEST_F(FailingReads, OfABatchOfNotices) {
  v1::BatchShareNoticesRequest batch;
  for (int i = 0; i < 2; ++i) {
    v1::NoticeToShare& item = *batch.add_requests();
    *item.mutable_notice() = NoticeRequest(RequestId(100 + i)).notice();
    item.add_units(kAttapeu);
    item.set_request_id(RequestId(100 + i));
  }
  batch.mutable_requests(1)->set_units(0, kQuangNgai);  // itself: refused, and the other is not
  const auto response = Change(qng_, [&] {
    return BatchShareNotices(qng_.facts, {"huy"}, batch, std::vector<absl::Status>(2));
  });
  ASSERT_EQ(response.results_size(), 2);
  EXPECT_EQ(response.results(0).status(), "");
  EXPECT_NE(response.results(1).status(), "");
}

// Refusals, stops and versions that came before: what a peer says that is not simply new.
TEST_F(FailingReads, OfWhatIsRefusedStoppedOrKnown) {
  v1::Notice notice = Shared(qng_, {kAttapeu});
  (void)Carry(qng_, atp_);
  notice = Revised(qng_, notice, "15 sacks");
  (void)Carry(qng_, atp_);
  // Restored, it sends both versions again, then one that is no envelope.
  const OutboundRange both =
      ReadOutboundRange(*qng_.Snapshot(), kAttapeu, kRoutine, 11, 0, 1u << 20, 10).value();
  InboundBatch again;
  again.peer = kQuangNgai;
  again.lane = kRoutine;
  again.epoch = 77;
  again.envelopes = both.envelopes;
  again.envelopes.push_back("no envelope");
  for (const std::string& bytes : again.envelopes) again.frontier.Append(storage::LeafHash(bytes));
  again.head_certificate = "another";
  const AppliedBatch applied = Change(atp_, [&] { return ApplyBatch(atp_.facts, again); });
  ASSERT_EQ(applied.refusals.size(), 1u);
  EXPECT_EQ(applied.refusals[0].position(), 2u);
  Reading(atp_, [](const storage::Snapshot& snapshot) -> absl::StatusOr<std::string> {
    const auto refusals = ReadRefusals(snapshot, kQuangNgai, kRoutine, 77, 0, 3, 10);
    if (!refusals.ok()) return refusals.status();
    return refusals->at(0).SerializeAsString();
  });

  // What we sent was refused there.
  (void)Shared(qng_, {kAttapeu});
  InboundReceipt receipt;
  receipt.peer = kAttapeu;
  receipt.lane = kRoutine;
  receipt.epoch = 11;
  receipt.receipted = LoadChannels(qng_.engine, kAttapeu)->outbound[kRoutine - 1u].frontier;
  receipt.signature = "receipt";
  receipt.certificate = "another";
  receipt.refusals.emplace_back().set_position(2);
  receipt.refusals.back().set_reason_code("ENVELOPE_MALFORMED");
  EXPECT_TRUE(Change(qng_, [&] { return ApplyReceipt(qng_.facts, receipt); }).advanced);

  for (const bool outbound : {true, false}) {
    ChannelStop stop;
    stop.peer = kAttapeu;
    stop.lane = kRoutine;
    stop.outbound = outbound;
    stop.reason_code = "CHANNEL_ROLLED_BACK";
    EXPECT_TRUE(Change(qng_, [&] { return QuarantineChannel(qng_.facts, stop); }));
    stop.reason_code = "";
    EXPECT_TRUE(Change(qng_, [&] { return QuarantineChannel(qng_.facts, stop); }));
  }
  EXPECT_TRUE(Change(qng_, [&] { return NoteBackup({"vy"}, kNow, 1); }));
}

TEST_F(FailingReads, OfANewEpochAndOfWhatComesBackInIt) {
  const v1::Notice first = Shared(qng_, {kAttapeu});
  const v1::Notice second = Revised(qng_, Shared(qng_, {kAttapeu}), "15 sacks");
  (void)qng_.Run(WithdrawNotice(qng_.facts, {"huy"}, WithdrawRequest(first, qng_.NextId())));
  const v1::Notice theirs = Shared(atp_, {kQuangNgai});
  (void)Carry(atp_, qng_);
  (void)qng_.Run(AcknowledgeNotice(
      qng_.facts, {"huy"},
      AnswerRequest(theirs.name(), v1::DELIVERY_STATE_ACKNOWLEDGED, qng_.NextId())));
  (void)Carry(qng_, atp_);
  const InboundState in = LoadChannels(atp_.engine, kQuangNgai)->inbound[kRoutine - 1u];
  const HeldChannel held{.lane = kRoutine,
                         .epoch = in.epoch,
                         .size = in.frontier.size(),
                         .root = in.frontier.Root(),
                         .receipt_signature = "receipt",
                         .receipt_certificate = "certificate",
                         .proven = true};
  ReturnedRun run{.peer = kAttapeu, .held = held, .first = 0, .envelopes = {}};
  run.envelopes =
      ReadHeld(*atp_.Snapshot(), kQuangNgai, kRoutine, held.epoch, 0, 1u << 20, 100).value();
  EXPECT_GT(FailEachRead(atp_.engine,
                         [&] {
                           return ReadHeld(*atp_.Snapshot(), kQuangNgai, kRoutine, held.epoch, 0,
                                           1u << 20, 100);
                         }),
            0u);

  World fresh{kQuangNgai, {kAttapeu}, 12};
  fresh.NewEpoch(13, kCauseLoss);
  RecoveryState recovery;
  fresh.facts.recovery = &recovery;
  // In two pieces: the second lengthens what the first left.
  ReturnedRun piece = run;
  piece.envelopes.resize(2);
  EXPECT_EQ(Change(fresh, [&] { return StoreReturned(fresh.facts, piece); }), 2u);
  Reading(fresh, [&](const storage::Snapshot& snapshot) -> absl::StatusOr<std::uint64_t> {
    const auto plan = CompareHoldings(snapshot, kAttapeu, 13, {held});
    if (!plan.ok()) return plan.status();
    return plan->wants.at(0).first;
  });
  ReturnedRun forged = run;
  forged.first = 2;
  forged.envelopes.erase(forged.envelopes.begin(), forged.envelopes.begin() + 2);
  piece = forged;
  forged.envelopes.back() = "something else";
  const auto before = ContentsOf(fresh.engine);
  EXPECT_EQ(Change(fresh, [&] { return StoreReturned(fresh.facts, forged); }), 0u);
  SetContents(fresh.engine, before);
  EXPECT_EQ(Change(fresh, [&] { return StoreReturned(fresh.facts, piece); }), held.size);
  EXPECT_TRUE(Change(fresh, [&] { return TakeReturned(fresh.facts, kAttapeu, held); }));
  EXPECT_EQ(fresh.Notice(first.name()).state(), v1::NOTICE_STATE_WITHDRAWN);
  EXPECT_EQ(fresh.Notice(second.name()).facts().title(), "15 sacks");
  EXPECT_TRUE(Change(fresh, [&] { return PeerReturned(fresh.facts, kAttapeu); }));
  EXPECT_TRUE(Change(fresh, [&] { return BeginAmnesia(fresh.facts, kAttapeu); }));
  EXPECT_EQ(Change(fresh, [&] { return EndAmnesia(fresh.facts, {"vy"}, "enough"); }),
            std::vector<std::string>{kAttapeu});

  // The answer that came back meets its notice.
  ASSERT_TRUE(RefreshRecovery(fresh.engine, recovery).ok());
  ASSERT_TRUE(recovery.answers_kept);
  const auto batch = NextBatch(atp_, fresh, kRoutine);
  ASSERT_TRUE(batch.has_value());
  (void)Change(fresh, [&] { return ApplyBatch(fresh.facts, *batch); });
  EXPECT_EQ(To(fresh.Notice(theirs.name()), kQuangNgai).state(), v1::DELIVERY_STATE_ACKNOWLEDGED);
  EXPECT_TRUE(storage::VerifyStore(*fresh.Snapshot()).ok());
}

// A start that cannot read fails, and the next one does what is left, once.
TEST_F(FailingReads, OfTheStartInANewEpoch) {
  (void)Shared(qng_, {kAttapeu, kRatanakiri});
  (void)Carry(qng_, atp_);
  const v1::Notice waiting = Shared(qng_, {kAttapeu});
  const auto before = ContentsOf(qng_.engine);
  const auto start = [&] {
    absl::Status begun = BeginEpoch(qng_.engine, 44, kCauseRestore, kNow);
    return begun.ok() ? CompleteEpoch(qng_.facts, qng_.engine, kNow) : begun;
  };
  ASSERT_TRUE(start().ok());
  const auto sent = [&] {
    return ReadOutboundRange(*qng_.Snapshot(), kAttapeu, kRoutine, 44, 0, 1u << 20, 10)
        .value()
        .envelopes.size();
  };
  EXPECT_EQ(sent(), 1u);
  for (std::uint64_t nth = 1;; ++nth) {
    SCOPED_TRACE(nth);
    SetContents(qng_.engine, before);
    qng_.engine.FailRead(nth);
    const absl::Status status = start();
    const bool failed = !qng_.engine.read_fault_pending();
    qng_.engine.FailRead(0);
    if (!failed) break;
    storage::testing_support::ExpectReadFailed(status);
    // The epoch stands or does not: a start asks for the rest of what it finds.
    const bool begun = storage::ReadJournalHead(qng_.engine)->epoch == 44;
    ASSERT_TRUE((begun ? CompleteEpoch(qng_.facts, qng_.engine, kNow) : start()).ok());
    EXPECT_EQ(sent(), 1u);
    RecoveryState state;
    ASSERT_TRUE(RefreshRecovery(qng_.engine, state).ok());
    EXPECT_TRUE(state.sharing_held);
    EXPECT_TRUE(storage::VerifyStore(*qng_.Snapshot()).ok());
  }
  // What the neighbour lost that it had receipted is carried over too.
  qng_.core = std::make_unique<storage::CommitterCore>(qng_.engine);
  const auto plan = [&](const storage::Snapshot& snapshot) -> absl::StatusOr<std::size_t> {
    const auto compared = CompareHoldings(snapshot, kAttapeu, 44, {});
    if (!compared.ok()) return compared.status();
    return compared->carries.size();
  };
  Reading(qng_, plan);
  const auto carry = CompareHoldings(*qng_.Snapshot(), kAttapeu, 44, {})->carries.at(0);
  EXPECT_TRUE(Change(qng_, [&] { return CarryOver(qng_.facts, kAttapeu, carry); }));
  EXPECT_EQ(sent(), 2u);
  EXPECT_EQ(To(qng_.Notice(waiting.name()), kAttapeu).state(), v1::DELIVERY_STATE_QUEUED);
}

// Records, lists, queues, channels, evidence: the whole answer or none.
TEST_F(FailingReads, OfWhatOfficersRead) {
  v1::CreateIncidentRequest create = IncidentRequest(qng_.NextId());
  const v1::Incident incident = qng_.Run(CreateIncident(qng_.facts, {"huy"}, create)).value();
  v1::UpdateIncidentRequest update;
  *update.mutable_incident() = incident;
  update.mutable_incident()->mutable_facts()->set_severity(4);
  update.set_etag(incident.etag());
  update.set_request_id(qng_.NextId());
  ASSERT_TRUE(qng_.Run(UpdateIncident(qng_.facts, {"huy"}, update)).ok());
  v1::Notice notice = Shared(qng_, {kAttapeu, kRatanakiri});
  const auto withdrawn = Shared(qng_, {kAttapeu});
  (void)qng_.Run(WithdrawNotice(qng_.facts, {"huy"}, WithdrawRequest(withdrawn, qng_.NextId())));
  (void)Carry(qng_, atp_);
  notice = qng_.Notice(notice.name());
  notice.mutable_facts()->set_title("15 sacks");
  (void)qng_.Run(ReviseNotice(qng_.facts, {"huy"}, ReviseRequest(notice, qng_.NextId())));

  using storage::Snapshot;
  FakeLinks links;
  Reading(qng_, [&](const Snapshot& of) { return GetIncidentBytes(of, incident.name()); });
  Reading(qng_, [&](const Snapshot& of) -> absl::StatusOr<std::string> {
    const auto page = ListIncidentVersions(qng_.facts, of, incident.name(), 0, {});
    if (!page.ok()) return page.status();
    return TextOf(*page);
  });
  const auto incidents = [&](const std::function<void(v1::ListIncidentsRequest&)>& ask) {
    v1::ListIncidentsRequest request;
    ask(request);
    Reading(qng_, [&](const Snapshot& of) -> absl::StatusOr<std::string> {
      const auto page = ListIncidents(qng_.facts, of, request, {});
      if (!page.ok()) return page.status();
      EXPECT_EQ(page->items.size(), 1u);
      return TextOf(*page);
    });
  };
  incidents([](auto& request) { request.set_reference_tail("0001"); });
  incidents([&](auto& request) {
    const std::string& name = incident.name();
    request.set_reference_tail(name.substr(name.size() - 4));
  });
  incidents([](auto& request) {
    request.set_category_code("CTB");
    request.set_severity_min(3);
    request.set_gate("G-BOY");
  });
  const auto notices = [&](World& world, const std::function<void(v1::ListNoticesRequest&)>& ask) {
    v1::ListNoticesRequest request;
    ask(request);
    Reading(world, [&](const Snapshot& of) -> absl::StatusOr<std::string> {
      const auto page = ListNotices(world.facts, of, request, {}, kNow, &links);
      if (!page.ok()) return page.status();
      EXPECT_FALSE(page->items.empty());
      return TextOf(*page);
    });
  };
  notices(qng_, [](auto& /*request*/) {});
  notices(qng_, [](auto& request) { request.set_unit(kAttapeu); });
  notices(atp_, [](auto& request) { request.set_direction(v1::NOTICE_DIRECTION_RECEIVED); });
  for (World* world : {&qng_, &atp_}) {
    notices(*world, [&](auto& request) {
      request.set_reference_tail(notice.name().substr(notice.name().size() - 6));
    });
  }
  links.down[kRatanakiri] = "LINK_LOST";
  Reading(qng_, [&](const Snapshot& of) -> absl::StatusOr<std::string> {
    const auto page = ListQueue(qng_.facts, of, {}, {}, &links);
    if (!page.ok()) return page.status();
    EXPECT_EQ(page->items.size(), 3u);
    return TextOf(*page);
  });
  Reading(qng_, [&](const Snapshot& of) -> absl::StatusOr<std::string> {
    v1::Peer peer;
    const absl::Status status = FillChannels(of, kAttapeu, kNow, &links, peer);
    if (!status.ok()) return status;
    return peer.SerializeAsString();
  });
  Reading(qng_, [&](const Snapshot& of) -> absl::StatusOr<std::string> {
    v1::NodeStatus node;
    const absl::Status status = FillStatus(qng_.facts, of, kNow, node);
    if (!status.ok()) return status;
    return node.SerializeAsString();
  });
  Reading(qng_, [](const Snapshot& of) -> absl::StatusOr<std::size_t> {
    const auto piece = ReadJournal(of, 0, 100, 100, {});
    if (!piece.ok()) return piece.status();
    return piece->changes.size();
  });
  for (World* world : {&qng_, &atp_}) {
    for (const std::uint32_t version : {0u, 2u}) {
      v1::ExportEvidenceRequest request;
      request.set_notice(notice.name());
      request.set_version(version);
      if (world == &qng_) request.set_unit(kAttapeu);
      Reading(*world, [&](const Snapshot& of) -> absl::StatusOr<std::string> {
        const auto evidence = CollectEvidence(world->facts, of, request);
        if (!evidence.ok()) return evidence.status();
        return evidence->evidence.SerializeAsString();
      });
    }
    // Damage is part of its answer.
    const auto check = [&]() -> absl::StatusOr<std::string> {
      const auto of = world->Snapshot();
      const auto piece = VerifyLogs(*of, {}, "", {.entries_max = 3});
      if (!piece.ok()) return piece.status();
      // From the middle of it on, as the next call does.
      const auto rest = VerifyLogs(*of, {}, piece->next, {.entries_max = 100});
      if (!rest.ok()) return rest.status();
      for (const v1::VerifiedLog& log : rest->answer.logs()) EXPECT_EQ(log.problem(), "");
      return piece->answer.SerializeAsString() + rest->answer.SerializeAsString();
    };
    EXPECT_GT(FailEachRead(world->engine, check), 0u);
  }
}

// What the exchange reads when a link begins.
TEST_F(FailingReads, OfTheChannelsOfALink) {
  (void)Shared(qng_, {kAttapeu});
  (void)Carry(qng_, atp_);
  qng_.NewEpoch(44, kCauseRestore);
  (void)Shared(atp_, {kQuangNgai});
  (void)Carry(atp_, qng_);
  using storage::Snapshot;
  Reading(qng_, [](const Snapshot& of) -> absl::StatusOr<std::tuple<std::uint64_t, std::uint64_t>> {
    const auto channels = LoadChannels(of, kAttapeu);
    if (!channels.ok()) return channels.status();
    return std::tuple(channels->inbound[kRoutine - 1u].frontier.size(),
                      channels->outbound[kRoutine - 1u].epoch);
  });
  Reading(qng_, [](const Snapshot& of) -> absl::StatusOr<std::tuple<bool, bool>> {
    const auto past = LoadPast(of, kAttapeu, 16);
    if (!past.ok()) return past.status();
    return std::tuple(past->outbound, past->recovering);
  });
  Reading(qng_, [](const Snapshot& of) { return IsRecovering(of, kAttapeu); });
  Reading(qng_, [](const Snapshot& of) { return EndedEpochs(of, kAttapeu, 16); });
  Reading(atp_, [](const Snapshot& of) { return OutboundFrontier(of, kQuangNgai, kRoutine, 22); });
  Reading(atp_, [](const Snapshot& of) { return OutboundFrontierAt(of, kQuangNgai, kRoutine, 1); });
  Reading(atp_, [](const Snapshot& of) -> absl::StatusOr<std::vector<std::string>> {
    const auto range = ReadOutboundRange(of, kQuangNgai, kRoutine, 22, 0, 1u << 20, 10);
    if (!range.ok()) return range.status();
    return range->envelopes;
  });
}

}  // namespace
}  // namespace tripoint::operations
