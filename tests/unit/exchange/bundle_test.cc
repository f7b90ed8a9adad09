// Goal: what waits for a peer arrives by hand exactly as by the link, its receipts come back the
// same way, and whatever is wrong with a bundle changes nothing. Two whole stores, real
// certificates.
#include "server/exchange/bundle.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "evidence/signed_file.h"
#include "server/limits.h"
#include "storage/keys.h"
#include "storage/outbound_log.h"
#include "tests/unit/exchange/bundle_units.h"
#include "tests/unit/storage/failing_reads.h"

namespace tripoint::exchange {
namespace {

TEST_F(BundleTest, ThereAndBackIsAsByTheLink) {
  const auto urgent = operations::Shared(qng_, {kAttapeu}, "U2");
  const auto notice = operations::Shared(qng_, {kAttapeu});
  operations::Shared(qng_, {kAttapeu});
  const std::vector<std::string> there = Export(vn_, kAttapeu);
  ASSERT_EQ(there.size(), 1u);
  EXPECT_EQ(there[0].find("fireworks"), std::string::npos) << "contents are encrypted";
  EXPECT_EQ(Import(la_, there), "OK 3 0 0 0");
  EXPECT_TRUE(atp_.Notice(notice.name()).has_facts());
  EXPECT_EQ(Import(la_, there), "OK 0 3 0 0");
  const std::vector<std::string> back = Export(la_, kQuangNgai);
  EXPECT_EQ(Import(vn_, back), "OK 0 0 0 3");
  EXPECT_EQ(Import(vn_, back), "OK 0 0 0 0");
  EXPECT_EQ(operations::To(qng_.Notice(notice.name()), kAttapeu).state(),
            tripoint::v1::DELIVERY_STATE_STORED);
  // Nothing waits any more; what remains is to be receipted by nobody.
  EXPECT_EQ(Reason(vn_.bundles.Make(kAttapeu, "", "").status()), "NOT_FOUND");
  // The link goes on where the bundle ended.
  operations::Shared(qng_, {kAttapeu});
  operations::Carry(qng_, atp_);
  EXPECT_EQ(operations::LoadChannels(atp_.engine, kQuangNgai)->inbound[2].frontier,
            operations::LoadChannels(qng_.engine, kAttapeu)->outbound[2].frontier);
}

TEST_F(BundleTest, MixedWithTheLinkNothingIsLostOrDoubled) {
  for (int i = 0; i < 4; ++i) operations::Shared(qng_, {kAttapeu});
  const std::vector<std::string> four = Export(vn_, kAttapeu);
  // The link brings two of them, and more after the bundle was made.
  auto batch = operations::NextBatch(qng_, atp_, operations::kRoutine, 2);
  ASSERT_TRUE(atp_.Run(operations::ApplyBatch(atp_.facts, *std::move(batch))).ok());
  EXPECT_EQ(Import(la_, four), "OK 2 2 0 0");
  for (int i = 0; i < 3; ++i) operations::Shared(qng_, {kAttapeu});
  const std::vector<std::string> seven = Export(vn_, kAttapeu);
  // And once more while the import is under way.
  la_.committer.before = [this] {
    auto meanwhile = operations::NextBatch(qng_, atp_, operations::kRoutine, 1);
    ASSERT_TRUE(atp_.Run(operations::ApplyBatch(atp_.facts, *std::move(meanwhile))).ok());
  };
  EXPECT_EQ(Import(la_, seven), "OK 2 5 0 0");
  EXPECT_EQ(Import(la_, four), "OK 0 4 0 0");
  EXPECT_EQ(operations::LoadChannels(atp_.engine, kQuangNgai)->inbound[2].frontier,
            operations::LoadChannels(qng_.engine, kAttapeu)->outbound[2].frontier);
  // Receipts by the link after those by hand.
  EXPECT_EQ(Import(vn_, Export(la_, kQuangNgai)), "OK 0 0 0 7");
  operations::Carry(qng_, atp_);
}

TEST_F(BundleTest, ALongBacklogIsSeveralPartsAndOrderCounts) {
  for (int i = 0; i < 40; ++i) {
    auto request = operations::NoticeRequest(qng_.NextId());
    request.mutable_notice()->mutable_facts()->mutable_narrative()->set_text(
        std::string(16'000, 'x'));
    request.mutable_notice()->mutable_facts()->mutable_narrative()->set_language_code("en");
    const auto draft = qng_.Run(operations::CreateNotice(qng_.facts, {"huy"}, request)).value();
    ASSERT_TRUE(qng_.Run(operations::ShareNotice(
                             qng_.facts, {"huy"},
                             operations::ShareRequest(draft, {kAttapeu}, qng_.NextId())))
                    .ok());
  }
  for (int revision = 0; revision < 4; ++revision) {
    const auto notices =
        operations::ListNotices(qng_.facts, *qng_.Snapshot(), {}, "", kNow, nullptr).value();
    for (const auto& stored : notices.items) {
      auto changed = stored;
      changed.mutable_facts()->set_title("Number " + std::to_string(revision));
      ASSERT_TRUE(
          qng_.Run(operations::ReviseNotice(qng_.facts, {"huy"},
                                            operations::ReviseRequest(changed, qng_.NextId())))
              .ok());
    }
  }
  const std::vector<std::string> parts = Export(vn_, kAttapeu);
  ASSERT_GE(parts.size(), 2u);
  for (const std::string& part : parts) EXPECT_LE(part.size(), kBundlePartBytesMax);
  ExpectRefused(la_, parts[1], "BUNDLE_INVALID");
  // All are checked before the first is taken in.
  std::string reached;
  for (const std::string& part : parts) {
    const absl::StatusOr<TakenPart> checked = la_.bundles.Check(part, reached);
    ASSERT_TRUE(checked.ok()) << checked.status();
    reached = checked->reached;
  }
  EXPECT_EQ(atp_.Changes(), 0u);
  EXPECT_EQ(Reason(la_.bundles.Check(parts[1], "").status()), "BUNDLE_INVALID");
  EXPECT_EQ(Reason(la_.bundles.Check(parts[1], "no such thing").status()), "BUNDLE_INVALID");
  EXPECT_EQ(Import(la_, parts), "OK 200 0 0 0");
}

TEST_F(BundleTest, WhatIsWrongIsRefusedAndChangesNothing) {
  operations::Shared(qng_, {kAttapeu, kRatanakiri});
  const std::string good = Export(vn_, kAttapeu)[0];
  std::mt19937 random(5);  // NOLINT: the same bytes each time
  for (int i = 0; i < 400; ++i) {
    std::string altered = good;
    altered[random() % altered.size()] ^= static_cast<char>(1 << (random() % 8));
    if (altered == good) continue;
    const absl::StatusOr<TakenPart> taken = la_.bundles.Take(altered, "son");
    ASSERT_FALSE(taken.ok());
  }
  EXPECT_EQ(atp_.Changes(), 0u);
  for (std::size_t size = 0; size < good.size(); size += 97)
    ExpectRefused(la_, good.substr(0, size), "BUNDLE_INVALID");
  ExpectRefused(la_, good + "x", "BUNDLE_INVALID");
  std::string newer = good;
  newer[19] = 9;
  ExpectRefused(la_, newer, "SCHEMA_NEWER");
  // For another unit, of one that is not paired, and to a key that was changed since.
  ExpectRefused(vn_, good, "BUNDLE_INVALID");
  atp_.facts.paired.erase(kQuangNgai);
  ExpectRefused(la_, good, "UNIT_NOT_PAIRED");
  atp_.facts.paired.insert(kQuangNgai);
  const TestPair before = std::exchange(la_.tls, country_la_.Node(kAttapeu, kNowS));
  ExpectRefused(la_, good, "BUNDLE_INVALID");
  la_.tls = before;
  la_.committer.fault =
      contract::Error(absl::StatusCode::kResourceExhausted, contract::Reason::kDiskFull, "full",
                      "no room", "make room");
  ExpectRefused(la_, good, "DISK_FULL");
  la_.committer.fault = absl::OkStatus();
  EXPECT_EQ(Import(la_, {good}), "OK 1 0 0 0");
}

// Goal: whatever read fails, a bundle is made whole or not at all, and one that was taken in by
// half is taken in by the next try: nothing is lost, and nothing is there twice.
TEST_F(BundleTest, ReadsFailThenTheNextTryDoesTheRest) {
  using storage::testing_support::ContentsOf;
  using storage::testing_support::DamageEachValue;
  using storage::testing_support::FailEachRead;
  using storage::testing_support::SetContents;
  operations::Shared(qng_, {kAttapeu}, "U2");
  operations::Shared(qng_, {kAttapeu});
  SendUnreadable(1);
  operations::Shared(atp_, {kQuangNgai});
  const auto made = [](Unit& from, const char* unit) {
    return [&from, unit]() -> absl::StatusOr<std::pair<std::uint64_t, std::uint64_t>> {
      const absl::StatusOr<MadePart> part = from.bundles.Make(unit, "", "");
      if (!part.ok()) return part.status();
      return std::pair(part->envelopes, part->receipts);
    };
  };
  EXPECT_GT(FailEachRead(qng_.engine, made(vn_, kAttapeu)), 0u);
  EXPECT_GT(DamageEachValue(qng_.engine, made(vn_, kAttapeu)), 0u);
  // `part` into `to`, each read failing once.
  const auto take = [](Unit& to, const std::string& part) {
    const auto check = [&]() -> absl::StatusOr<std::uint64_t> {
      const absl::StatusOr<TakenPart> taken = to.bundles.Check(part, "");
      if (!taken.ok()) return taken.status();
      return taken->taken.envelopes + taken->taken.receipted;
    };
    EXPECT_GT(FailEachRead(to.world.engine, check), 0u);
    EXPECT_GT(DamageEachValue(to.world.engine, check), 0u);
    const auto before = ContentsOf(to.world.engine);
    const auto renew = [&] {
      SetContents(to.world.engine, before);
      to.world.core = std::make_unique<storage::CommitterCore>(to.world.engine);
    };
    ASSERT_TRUE(to.bundles.Take(part, "son").ok());
    const std::string stands = Stands(to.world);
    bool failed = true;
    for (std::uint64_t nth = 1; failed; ++nth) {
      renew();
      to.world.engine.FailRead(nth);
      const absl::StatusOr<TakenPart> taken = to.bundles.Take(part, "son");
      failed = !to.world.engine.read_fault_pending();
      to.world.engine.FailRead(0);
      EXPECT_TRUE(taken.ok() || failed);
      if (!taken.ok()) {
        storage::testing_support::ExpectReadFailed(taken.status());
        EXPECT_TRUE(to.bundles.Take(part, "son").ok()) << "read " << nth;
      }
      EXPECT_EQ(Stands(to.world), stands) << "read " << nth;
    }
  };
  take(la_, Export(vn_, kAttapeu).at(0));
  EXPECT_GT(FailEachRead(atp_.engine, made(la_, kQuangNgai)), 0u);
  EXPECT_GT(DamageEachValue(atp_.engine, made(la_, kQuangNgai)), 0u);
  take(vn_, Export(la_, kQuangNgai).at(0));
  EXPECT_EQ(operations::LoadChannels(qng_.engine, kAttapeu)->outbound[2].receipted.size(), 2u);
}

// Goal: a file may be years old; only a history that its maker says comes after the one that is
// here takes its place, and an older one never does.
TEST_F(BundleTest, ANewHistoryIsTakenUpOnlyWhenItSaysWhichItFollows) {
  operations::Shared(qng_, {kAttapeu});
  const std::vector<std::string> old = Export(vn_, kAttapeu);
  EXPECT_EQ(Import(la_, old), "OK 1 0 0 0");
  operations::Shared(qng_, {kAttapeu});
  const std::vector<std::string> older = Export(vn_, kAttapeu);
  NewEpoch(qng_, 99);
  EXPECT_EQ(Reason(Renewed(vn_, 99).bundles.Make(kAttapeu, "", "").status()), "AMNESIA");
  ASSERT_TRUE(qng_.Run(operations::PeerReturned(qng_.facts, kAttapeu)).ok());
  Unit renewed = Renewed(vn_, 99);
  // Both envelopes again, since no receipt came back.
  EXPECT_EQ(Import(la_, Export(renewed, kAttapeu)), "OK 2 0 0 0");
  EXPECT_EQ(operations::LoadChannels(atp_.engine, kQuangNgai)->inbound[2].epoch, 99u);
  ExpectRefused(la_, old[0], "BUNDLE_INVALID");
  ExpectRefused(la_, older[0], "BUNDLE_INVALID");
  EXPECT_EQ(Import(renewed, Export(la_, kQuangNgai)), "OK 0 0 0 2");
}

// Goal: receipts that a neighbour signed before its epoch was renewed say nothing any more.
TEST_F(BundleTest, ReceiptsOfAnEndedHistoryAreRefused) {
  operations::Shared(qng_, {kAttapeu});
  EXPECT_EQ(Import(la_, Export(vn_, kAttapeu)), "OK 1 0 0 0");
  const std::vector<std::string> old = Export(la_, kQuangNgai);
  NewEpoch(atp_, 77);
  ASSERT_TRUE(atp_.Run(operations::PeerReturned(atp_.facts, kQuangNgai)).ok());
  Unit renewed = Renewed(la_, 77);
  EXPECT_EQ(Import(vn_, Export(renewed, kQuangNgai)), "OK 0 0 0 1");
  ASSERT_EQ(operations::LoadChannels(qng_.engine, kAttapeu)->outbound[2].receipt_epoch, 77u);
  ExpectRefused(vn_, old[0], "BUNDLE_INVALID");
}

// Goal: while a neighbour has not returned what it holds, no channel with it runs by hand either.
TEST_F(BundleTest, ARecoveringNodeWaitsForItsLink) {
  operations::Shared(qng_, {kAttapeu});
  operations::Shared(atp_, {kQuangNgai});
  const std::vector<std::string> there = Export(vn_, kAttapeu);
  NewEpoch(atp_, 77);
  Unit renewed = Renewed(la_, 77);
  ExpectRefused(renewed, there[0], "AMNESIA");
  EXPECT_EQ(Reason(renewed.bundles.Make(kQuangNgai, "", "").status()), "AMNESIA");
  ASSERT_TRUE(atp_.Run(operations::PeerReturned(atp_.facts, kQuangNgai)).ok());
  EXPECT_EQ(Import(renewed, there), "OK 1 0 0 0");
}

// Goal: one stopped lane holds up no other; who imports is told.
TEST_F(BundleTest, AStoppedLaneIsLeftOutAndTheOthersPass) {
  operations::Shared(qng_, {kAttapeu});
  EXPECT_EQ(Import(la_, Export(vn_, kAttapeu)), "OK 1 0 0 0");
  ASSERT_TRUE(atp_.Run(operations::QuarantineChannel(atp_.facts, {.peer = kQuangNgai,
                                                                  .lane = operations::kRoutine,
                                                                  .outbound = false,
                                                                  .reason_code = "CHANNEL_FORK",
                                                                  .text = "for the test"}))
                  .ok());
  operations::Shared(qng_, {kAttapeu});
  operations::Shared(qng_, {kAttapeu}, "U2");
  const absl::StatusOr<TakenPart> taken = la_.bundles.Take(Export(vn_, kAttapeu)[0], "son");
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_EQ(taken->taken.envelopes, 1u);
  EXPECT_EQ(taken->taken.left_out, std::vector<std::string>{"routine: stopped, CHANNEL_FORK"});
  ASSERT_TRUE(qng_.Run(operations::QuarantineChannel(qng_.facts, {.peer = kAttapeu,
                                                                  .lane = operations::kRoutine,
                                                                  .outbound = true,
                                                                  .reason_code = "CHANNEL_FORK",
                                                                  .text = "for the test"}))
                  .ok());
  const absl::StatusOr<MadePart> made = vn_.bundles.Make(kAttapeu, "", "");
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->left_out, std::vector<std::string>{"routine: stopped, CHANNEL_FORK"});
}

// Goal: one call at a time, so that no receipt is made over what the core was not told of.
TEST_F(BundleTest, ASecondCallIsToldToComeAgain) {
  operations::Shared(qng_, {kAttapeu});
  const std::string part = Export(vn_, kAttapeu)[0];
  la_.committer.before = [this, part] {
    EXPECT_EQ(Reason(la_.bundles.Make(kQuangNgai, "", "").status()), "QUEUE_FULL");
    EXPECT_EQ(Reason(la_.bundles.Take(part, "son").status()), "QUEUE_FULL");
    EXPECT_EQ(Reason(la_.bundles.Check(part, "").status()), "QUEUE_FULL");
    EXPECT_TRUE(la_.moved.empty());
  };
  EXPECT_EQ(Import(la_, {part}), "OK 1 0 0 0");
  EXPECT_EQ(la_.moved, std::vector<std::string>{kQuangNgai});
  EXPECT_EQ(Import(la_, {part}), "OK 0 1 0 0");
  EXPECT_EQ(la_.moved.size(), 1u) << "what changed nothing leaves the link alone";
}

// Goal: a bit that flipped in what waits is never signed.
TEST_F(BundleTest, ARottenEnvelopeIsNotExported) {
  operations::Shared(qng_, {kAttapeu});
  const auto snapshot = qng_.Snapshot();
  const storage::Key from(storage::Space::kEnvelope);
  const auto cursor = snapshot->NewCursor(from, storage::PrefixEnd(from));
  ASSERT_TRUE(cursor->Valid());
  std::string rotten(cursor->value());
  rotten[rotten.size() / 2] ^= 4;
  storage::Batch batch;
  batch.Put(std::string(cursor->key()), rotten);
  ASSERT_TRUE(qng_.engine.Commit(batch).ok());
  EXPECT_EQ(Reason(vn_.bundles.Make(kAttapeu, "", "").status()), "CORRUPT");
}

// Goal: a node whose disk is older than a receipt learns that, and nothing is changed.
TEST_F(BundleTest, AReceiptOverMoreThanWasSentIsNoReceipt) {
  operations::Shared(qng_, {kAttapeu});
  operations::Shared(qng_, {kAttapeu});
  EXPECT_EQ(Import(la_, Export(vn_, kAttapeu)), "OK 2 0 0 0");
  const std::vector<std::string> back = Export(la_, kQuangNgai);
  World copy(kQuangNgai, {kAttapeu}, qng_.epoch());
  copy.now_ms += 1000;
  Unit twin(copy, country_vn_, trust_);
  twin.tls = vn_.tls;
  operations::Shared(copy, {kAttapeu});
  ExpectRefused(twin, back[0], "CHANNEL_ROLLED_BACK");
  operations::Shared(copy, {kAttapeu});
  ExpectRefused(twin, back[0], "CHANNEL_FORK");
}

// Goal: out of order, the later one is refused until the earlier one is here.
TEST_F(BundleTest, TheSecondBundleWaitsForTheFirst) {
  operations::Shared(qng_, {kAttapeu});
  const std::vector<std::string> first = Export(vn_, kAttapeu);
  operations::Carry(qng_, atp_);
  operations::Shared(qng_, {kAttapeu});
  const std::vector<std::string> second = Export(vn_, kAttapeu);
  // The receiver comes back without its memory and has the sender's word that nothing is missing.
  World empty(kAttapeu, {kQuangNgai}, 44);
  Unit fresh(empty, country_la_, trust_);
  fresh.tls = la_.tls;
  ExpectRefused(fresh, second[0], "BUNDLE_INVALID");
  EXPECT_EQ(Import(fresh, first), "OK 1 0 0 0");
  EXPECT_EQ(Import(fresh, second), "OK 1 0 0 0");
  EXPECT_EQ(Import(fresh, first), "OK 0 1 0 0") << "an old one after newer ones";
  EXPECT_EQ(empty.LastEntry().actor(), "officer/son") << "who brought it";
}

// Goal: a batch for which a filling disk has no room keeps no receipt out.
TEST_F(BundleTest, ReceiptsAreTakenBeforeABatchThatIsRefused) {
  operations::Shared(qng_, {kAttapeu});
  EXPECT_EQ(Import(la_, Export(vn_, kAttapeu)), "OK 1 0 0 0");
  operations::Shared(atp_, {kQuangNgai});
  const std::vector<std::string> back = Export(la_, kQuangNgai);
  vn_.committer.before = [this] {
    vn_.committer.before = [this] {
      vn_.committer.fault = contract::Error(absl::StatusCode::kResourceExhausted,
                                            contract::Reason::kDiskFull, "full", "no room", "wait");
    };
  };
  EXPECT_EQ(Import(vn_, back), "DISK_FULL");
  vn_.committer.fault = absl::OkStatus();
  EXPECT_EQ(Import(vn_, back), "OK 1 0 0 0") << "the receipt was taken in before";
}

// Goal: a channel with more refusals than a receipt holds is receipted all the same.
TEST_F(BundleTest, ManyRefusalsGoInSeveralReceipts) {
  constexpr std::uint64_t kBad = limits::kReceiptRefusalsMax + 10;
  SendUnreadable(kBad);
  EXPECT_EQ(Import(la_, Export(vn_, kAttapeu)), fmt::format("OK {} 0 {} 0", kBad, kBad));
  const absl::StatusOr<MadePart> back = la_.bundles.Make(kQuangNgai, "", "");
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->receipts, 2u);
  EXPECT_EQ(Import(vn_, Export(la_, kQuangNgai)), fmt::format("OK 0 0 0 {}", kBad));
  EXPECT_EQ(storage::GetOutboundChannel(qng_.engine, {kAttapeu, operations::kRoutine})->refused(),
            kBad);
}

TEST_F(BundleTest, ForeignSendersAndOtherHistoriesAreRefused) {
  operations::Shared(qng_, {kAttapeu});
  // Sealed by somebody whom another root of the same name made.
  TestCountry other_vn("vn", kNowS - 3600);
  Unit liar(qng_, other_vn, trust_);
  liar.seen[kAttapeu] = la_.tls.certificate_pem;
  ExpectRefused(la_, Export(liar, kAttapeu)[0], "CERTIFICATE_UNTRUSTED");
  EXPECT_EQ(Import(la_, Export(vn_, kAttapeu)), "OK 1 0 0 0");
  // The same unit with another store under the same epoch: a fork; with another epoch: a new
  // history.
  for (const auto& [epoch, reason] : std::map<std::uint64_t, std::string>{
           {qng_.epoch(), "CHANNEL_FORK"}, {99, "BUNDLE_INVALID"}}) {
    World copy(kQuangNgai, {kAttapeu}, epoch);
    copy.now_ms += 1000;
    Unit twin(copy, country_vn_, trust_);
    twin.seen[kAttapeu] = la_.tls.certificate_pem;
    operations::Shared(copy, {kAttapeu});
    operations::Shared(copy, {kAttapeu});
    ExpectRefused(la_, Export(twin, kAttapeu)[0], reason);
  }
  // To whom it is encrypted is judged too.
  EXPECT_EQ(Reason(vn_.bundles.Make(kAttapeu, vn_.tls.certificate_pem, "").status()),
            "CERTIFICATE_WRONG_NAME");
  EXPECT_EQ(Reason(vn_.bundles.Make(kAttapeu, la_.signing.certificate_pem, "").status()),
            "CERTIFICATE_WRONG_USAGE");
  vn_.seen.clear();
  EXPECT_EQ(Reason(vn_.bundles.Make(kAttapeu, "", "").status()), "CERTIFICATE_UNTRUSTED");
  EXPECT_EQ(Reason(vn_.bundles.Make("vn-gialai", "", "").status()), "UNIT_NOT_PAIRED");
}

TEST_F(BundleTest, RefusalsTravelWithTheReceiptsBack) {
  const auto notice = operations::Shared(qng_, {kAttapeu});
  EXPECT_EQ(Import(la_, Export(vn_, kAttapeu)), "OK 1 0 0 0");
  SendUnreadable(1);
  EXPECT_EQ(Import(la_, Export(vn_, kAttapeu)), "OK 1 1 1 0");
  EXPECT_EQ(Import(vn_, Export(la_, kQuangNgai)), "OK 0 0 0 2");
  const auto refused =
      storage::GetQuarantine(qng_.engine, true, {kAttapeu, operations::kRoutine}, qng_.epoch(), 1);
  ASSERT_TRUE(refused.ok() && refused->has_value());
  EXPECT_EQ((*refused)->reason_code(), "ENVELOPE_MALFORMED");
}

}  // namespace
}  // namespace tripoint::exchange
