// Goal: evidence is collected for what was sent and for what was received, under a head that was
// really signed, and the check of stored logs names the log that is damaged.
#include "server/operations/evidence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/operations/verify_logs.h"
#include "storage/channel_store.h"
#include "storage/keys.h"
#include "tests/unit/operations/world.h"

namespace tripoint::operations {
namespace {

using contract::Reason;
using exchange::v1::Evidence;
using ::testing::HasSubstr;

bool Holds(const Evidence& evidence) {
  std::vector<storage::Hash> proof;
  for (const std::string& hash : evidence.inclusion_proof())
    proof.push_back(*storage::HashFromBytes(hash));
  const storage::Hash leaf = *storage::HashFromBytes(evidence.leaf_hash());
  return (evidence.envelope().empty() || storage::LeafHash(evidence.envelope()) == leaf) &&
         storage::VerifyInclusion(leaf, evidence.position(), evidence.size(), proof,
                                  *storage::HashFromBytes(evidence.root()));
}

class EvidenceTest : public Tripoint {
 protected:
  absl::StatusOr<CollectedEvidence> Collect(const World& world, const std::string& notice,
                                            const std::string& unit = "", std::uint32_t version = 0,
                                            bool without_contents = false) {
    v1::ExportEvidenceRequest request;
    request.set_notice(notice);
    request.set_unit(unit);
    request.set_version(version);
    request.set_without_contents(without_contents);
    return CollectEvidence(world.facts, *world.Snapshot(), request);
  }
};

TEST_F(EvidenceTest, OfWhatWasSentAndOfWhatWasReceived) {
  Shared(qng_, {kAttapeu});
  const v1::Notice notice = Shared(qng_, {kAttapeu, kRatanakiri});
  // Before any receipt: sent, and the head is this node's to sign.
  auto sent = Collect(qng_, notice.name(), kAttapeu);
  ASSERT_TRUE(sent.ok()) << sent.status();
  EXPECT_TRUE(Holds(sent->evidence));
  EXPECT_FALSE(sent->evidence.has_head());
  EXPECT_FALSE(sent->evidence.has_receipt());

  Carry(qng_, atp_);
  Shared(qng_, {kAttapeu});  // not carried: the head stays the one that was receipted
  sent = Collect(qng_, notice.name(), kAttapeu);
  ASSERT_TRUE(sent.ok()) << sent.status();
  const Evidence& mine = sent->evidence;
  EXPECT_TRUE(Holds(mine));
  EXPECT_EQ(mine.exporter_unit(), kQuangNgai);
  EXPECT_EQ(mine.sender_unit(), kQuangNgai);
  EXPECT_EQ(mine.receiver_unit(), kAttapeu);
  EXPECT_EQ(mine.position(), 1u);
  EXPECT_EQ(mine.size(), 2u);
  EXPECT_EQ(mine.receipt().signature(), "receipt");
  EXPECT_EQ(mine.receipt().certificate(), "certificate of la-attapeu");
  EXPECT_EQ(mine.receipt().time_ms(), kNow);

  const auto received = Collect(atp_, notice.name());
  ASSERT_TRUE(received.ok()) << received.status();
  const Evidence& theirs = received->evidence;
  EXPECT_TRUE(Holds(theirs));
  EXPECT_EQ(theirs.exporter_unit(), kAttapeu);
  EXPECT_EQ(theirs.sender_unit(), kQuangNgai);
  EXPECT_EQ(theirs.root(), mine.root());
  EXPECT_EQ(theirs.envelope(), mine.envelope());
  EXPECT_EQ(theirs.head().signature(), "head");
  EXPECT_EQ(theirs.head().certificate(), "certificate of vn-quangngai");
  EXPECT_EQ(theirs.receipt().certificate(), "certificate of la-attapeu");
  EXPECT_EQ(theirs.head().time_ms(), kNow);

  const auto bare = Collect(atp_, notice.name(), "", 0, true);
  EXPECT_TRUE(bare->evidence.envelope().empty());
  EXPECT_TRUE(Holds(bare->evidence));
}

TEST_F(EvidenceTest, OfEarlierVersionsAndByTheEndOfAReference) {
  const v1::Notice first = Shared(qng_, {kAttapeu});
  v1::Notice changed = first;
  changed.mutable_facts()->set_title("Pickup with 15 sacks");
  ASSERT_TRUE(
      qng_.Run(ReviseNotice(qng_.facts, {"huy"}, ReviseRequest(changed, qng_.NextId()))).ok());
  Carry(qng_, atp_);
  const std::string tail = first.name().substr(first.name().size() - 6);
  for (World* world : {&qng_, &atp_}) {
    const auto latest = Collect(*world, tail);
    ASSERT_TRUE(latest.ok()) << latest.status();
    EXPECT_EQ(latest->version, 3u);  // the draft was the first
    EXPECT_EQ(latest->notice, first.name());
    EXPECT_THAT(latest->evidence.envelope(), HasSubstr("15 sacks"));
    const auto older = Collect(*world, first.name(), "", 2);
    ASSERT_TRUE(older.ok()) << older.status();
    EXPECT_EQ(older->version, 2u);
    EXPECT_THAT(older->evidence.envelope(), HasSubstr("14 sacks"));
    EXPECT_TRUE(Holds(older->evidence));
    EXPECT_EQ(ReasonOf(Collect(*world, first.name(), "", 7).status()), Reason::kNotFound);
  }
}

TEST_F(EvidenceTest, NeverOfAnotherVersionThanTheOneAskedFor) {
  v1::Notice notice = Shared(qng_, {kAttapeu, kRatanakiri});
  qng_.facts.paired.erase(kRatanakiri);
  notice.mutable_facts()->set_title("Pickup with 15 sacks");
  ASSERT_TRUE(
      qng_.Run(ReviseNotice(qng_.facts, {"huy"}, ReviseRequest(notice, qng_.NextId()))).ok());
  EXPECT_EQ(Collect(qng_, notice.name(), kAttapeu, 3)->version, 3u);
  EXPECT_EQ(Collect(qng_, notice.name(), kRatanakiri, 2)->version, 2u);
  EXPECT_EQ(Collect(qng_, notice.name(), kRatanakiri)->version, 2u);
  const absl::Status refused = Collect(qng_, notice.name(), kRatanakiri, 3).status();
  EXPECT_EQ(ReasonOf(refused), Reason::kNotFound);
  EXPECT_THAT(contract::ProblemOf(refused).why, HasSubstr("version 2"));
}

TEST_F(EvidenceTest, SaysWhatIsMissing) {
  const v1::Notice notice = Shared(qng_, {kAttapeu, kRatanakiri});
  EXPECT_EQ(ReasonOf(Collect(qng_, notice.name()).status()), Reason::kFieldInvalid);
  EXPECT_EQ(ReasonOf(Collect(qng_, notice.name(), "vn-gialai").status()), Reason::kFieldInvalid);
  EXPECT_EQ(ReasonOf(Collect(qng_, "units/vn-quangngai/notices/N-QNG-26-9999-X").status()),
            Reason::kReferenceInvalid);
  EXPECT_EQ(ReasonOf(Collect(atp_, notice.name()).status()), Reason::kNotFound);
  EXPECT_EQ(ReasonOf(Collect(qng_, "nonsense").status()), Reason::kReferenceInvalid);
  const v1::Notice draft =
      qng_.Run(CreateNotice(qng_.facts, {"huy"}, NoticeRequest(qng_.NextId()))).value();
  EXPECT_EQ(ReasonOf(Collect(qng_, draft.name()).status()), Reason::kNotFound);
  // Stored by software that kept no certificate.
  std::optional<InboundBatch> batch = NextBatch(qng_, atp_, kRoutine);
  batch->head_certificate.clear();
  batch->receipt_certificate.clear();
  ASSERT_TRUE(atp_.Run(ApplyBatch(atp_.facts, *std::move(batch))).ok());
  const auto received = Collect(atp_, notice.name());
  EXPECT_EQ(ReasonOf(received.status()), Reason::kNotFound);
  EXPECT_THAT(contract::ProblemOf(received.status()).next, HasSubstr("next envelope"));
  // The next head covers it too.
  Shared(qng_, {kAttapeu});
  Carry(qng_, atp_);
  EXPECT_TRUE(Collect(atp_, notice.name()).ok());
}

TEST_F(EvidenceTest, ACertificateIsStoredOnceForAllThatItSigned) {
  const auto certificates = [this] {
    int count = 0;
    const std::string prefix = storage::Key(storage::Space::kCertificate).ToString();
    const auto snapshot = atp_.Snapshot();
    for (auto cursor = snapshot->NewCursor(prefix, storage::PrefixEnd(prefix)); cursor->Valid();
         cursor->Next())
      ++count;
    return count;
  };
  for (int i = 0; i < 3; ++i) {
    Shared(qng_, {kAttapeu}, "U3");
    Shared(qng_, {kAttapeu}, "U2");
    Carry(qng_, atp_);
  }
  EXPECT_EQ(certificates(), 2);  // the peer's and our own
}

std::vector<v1::VerifiedLog> AllLogs(const World& world, const std::string& unit = "",
                                     std::size_t entries_max = 2) {
  v1::VerifyLogsRequest request;
  request.set_unit(unit);
  std::vector<v1::VerifiedLog> logs;
  std::string after;
  for (int calls = 0; calls < 1000; ++calls) {
    absl::StatusOr<LogsPiece> piece =
        VerifyLogs(*world.Snapshot(), request, after, {.entries_max = entries_max});
    EXPECT_TRUE(piece.ok()) << piece.status();
    if (!piece.ok()) break;
    for (const v1::VerifiedLog& log : piece->answer.logs()) logs.push_back(log);
    after = piece->next;
    if (after.empty()) break;
  }
  return logs;
}

std::string Described(const v1::VerifiedLog& log) {
  return (log.unit().empty() ? "journal"
                             : log.unit() + (log.outbound() ? " out " : " in ") + log.lane()) +
         " " + std::to_string(log.size()) + (log.problem().empty() ? "" : ": " + log.problem());
}

TEST_F(EvidenceTest, EveryStoredLogIsRecomputedInPieces) {
  for (int i = 0; i < 5; ++i) Shared(qng_, {kAttapeu, kRatanakiri});
  Shared(qng_, {kAttapeu}, "U2");
  const v1::Notice there = Shared(atp_, {kQuangNgai});
  Carry(qng_, atp_);
  Carry(atp_, qng_);
  for (const std::size_t entries_max : {1u, 2u, 3u, 100u}) {
    std::vector<std::string> told;
    for (const v1::VerifiedLog& log : AllLogs(qng_, "", entries_max)) {
      told.push_back(Described(log));
      if (log.unit() == kAttapeu && log.outbound() && log.lane() == "routine") {
        EXPECT_EQ(
            log.root(),
            storage::HashText(LoadChannels(qng_.engine, kAttapeu)->outbound[2].frontier.Root()));
      }
    }
    EXPECT_EQ(told,
              (std::vector<std::string>{"journal " + std::to_string(qng_.Changes()),
                                        "kh-ratanakiri out routine 5", "la-attapeu out priority 1",
                                        "la-attapeu out routine 5", "la-attapeu in routine 1"}))
        << entries_max;
  }
  EXPECT_EQ(AllLogs(qng_, kRatanakiri).size(), 1u);
  EXPECT_EQ(AllLogs(rtk_, kQuangNgai).size(), 0u);
}

TEST_F(EvidenceTest, DamageIsNamedWithItsLogAndTheOthersGoOn) {
  for (int i = 0; i < 5; ++i) Shared(qng_, {kAttapeu});
  Carry(qng_, atp_);
  const auto damage = [this](std::string_view key, std::string_view value) {
    storage::Batch batch;
    batch.Put(key, value);
    ASSERT_TRUE(atp_.engine.Commit(batch).ok());
  };
  damage(storage::EntryKey(storage::Space::kInboundEntry, kQuangNgai, kRoutine, qng_.epoch(), 3),
         "altered");
  damage(storage::JournalKey(1), "altered");
  std::vector<std::string> told;
  for (const v1::VerifiedLog& log : AllLogs(atp_)) told.push_back(Described(log));
  ASSERT_EQ(told.size(), 2u);
  EXPECT_THAT(told[0], HasSubstr("do not give its root"));
  EXPECT_THAT(told[1], HasSubstr("another root at size 5"));
}

// Goal: a channel that ended proves what it proved: at the sender that began a new epoch, at the
// receiver that keeps the old one as past, and what waited is proven where it was carried to.
TEST_F(EvidenceTest, OfEpochsThatEnded) {
  const v1::Notice notice = Shared(qng_, {kAttapeu});
  Carry(qng_, atp_);
  const v1::Notice waiting = Shared(qng_, {kAttapeu});
  qng_.NewEpoch(12, kCauseRestore);
  Carry(qng_, atp_);  // atp_ now holds epoch 11 as past
  for (const World* world : {&qng_, &atp_}) {
    const auto past = Collect(*world, notice.name());
    ASSERT_TRUE(past.ok()) << past.status();
    EXPECT_EQ(past->evidence.epoch(), 11u);
    EXPECT_EQ(past->evidence.size(), 1u);
    EXPECT_EQ(past->evidence.receipt().certificate(), "certificate of la-attapeu");
    EXPECT_TRUE(Holds(past->evidence));
    EXPECT_EQ(past->evidence.has_head(), world == &atp_);
    const auto carried = Collect(*world, waiting.name());
    ASSERT_TRUE(carried.ok()) << carried.status();
    EXPECT_EQ(carried->evidence.epoch(), 12u);
    EXPECT_EQ(carried->evidence.position(), 0u);
    EXPECT_TRUE(carried->evidence.has_receipt());
    EXPECT_TRUE(Holds(carried->evidence));
    for (const v1::VerifiedLog& log : AllLogs(*world)) EXPECT_EQ(log.problem(), "");
  }
  const std::vector<v1::VerifiedLog> logs = AllLogs(qng_, kAttapeu);
  ASSERT_EQ(logs.size(), 2u);
  EXPECT_FALSE(logs[0].past());
  EXPECT_TRUE(logs[1].past());
  EXPECT_EQ(logs[1].size(), 2u) << "what waited stays in the epoch that it was appended in, too";
}

// Goal: what a neighbour returned after a loss is evidence again, under the receipt that came with
// it; a receipt that no certificate was kept for is left out, never shown with another's.
TEST_F(EvidenceTest, OfWhatANeighbourReturned) {
  Shared(qng_, {kAttapeu});
  const v1::Notice notice = Shared(qng_, {kAttapeu});
  Carry(qng_, atp_);
  const InboundState in = LoadChannels(atp_.engine, kQuangNgai).value().inbound[kRoutine - 1u];
  for (const std::string certificate : {"its certificate of today", ""}) {
    World fresh{kQuangNgai, {kAttapeu}, 12};
    fresh.NewEpoch(13, kCauseLoss);
    EXPECT_EQ(ReasonOf(Collect(fresh, notice.name()).status()), Reason::kNotFound);
    const HeldChannel held{.lane = kRoutine,
                           .epoch = in.epoch,
                           .size = in.frontier.size(),
                           .root = in.frontier.Root(),
                           .receipt_signature = "receipt of today",
                           .receipt_certificate = certificate,
                           .proven = true};
    ReturnedRun run{.peer = kAttapeu, .held = held, .first = 0, .envelopes = {}};
    run.envelopes =
        ReadHeld(*atp_.Snapshot(), kQuangNgai, kRoutine, held.epoch, 0, 1u << 20, 10).value();
    ASSERT_EQ(fresh.Run(StoreReturned(fresh.facts, run)).value(), held.size);
    EXPECT_EQ(ReasonOf(Collect(fresh, notice.name()).status()), Reason::kNotFound);
    ASSERT_TRUE(fresh.Run(TakeReturned(fresh.facts, kAttapeu, held)).value());
    const auto back = Collect(fresh, notice.name());
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(back->evidence.epoch(), 11u);
    EXPECT_EQ(back->evidence.position(), 1u);
    EXPECT_EQ(back->evidence.envelope(), Collect(atp_, notice.name())->evidence.envelope());
    EXPECT_TRUE(Holds(back->evidence));
    EXPECT_EQ(back->evidence.has_receipt(), !certificate.empty());
    EXPECT_EQ(back->evidence.receipt().certificate(), certificate);
    for (const v1::VerifiedLog& log : AllLogs(fresh)) EXPECT_EQ(log.problem(), "");
  }
}

// Goal: a channel that begins a new history between two calls is read anew, and not called damaged.
TEST_F(EvidenceTest, ANewEpochBetweenTwoCallsIsNoDamage) {
  for (int i = 0; i < 3; ++i) Shared(qng_, {kAttapeu});
  Carry(qng_, atp_);
  v1::VerifyLogsRequest request;
  request.set_unit(kQuangNgai);
  const absl::StatusOr<LogsPiece> first =
      VerifyLogs(*atp_.Snapshot(), request, "", {.entries_max = 2});
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_EQ(first->answer.done(), 2u);
  World renewed(kQuangNgai, {kAttapeu}, 99);
  for (int i = 0; i < 4; ++i) Shared(renewed, {kAttapeu});
  Carry(renewed, atp_);
  const absl::StatusOr<LogsPiece> second =
      VerifyLogs(*atp_.Snapshot(), request, first->next, {.entries_max = 100});
  ASSERT_TRUE(second.ok()) << second.status();
  ASSERT_GE(second->answer.logs_size(), 1);
  for (const v1::VerifiedLog& log : second->answer.logs()) EXPECT_EQ(log.problem(), "");
  EXPECT_EQ(second->answer.logs(0).size(), 4u);
}

}  // namespace
}  // namespace tripoint::operations
