// Goal: frontiers and proofs of a stored channel are right at every size and age, and a walk over
// it finds every envelope, hash or position that is not what was stored.
#include "storage/channel_log.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "storage/channel_store.h"
#include "storage/keys.h"
#include "storage/names.h"
#include "storage/past_channels.h"
#include "storage/verify_store.h"
#include "tests/unit/storage/fixture.h"

namespace tripoint::storage {
namespace {

using contract::ProblemOf;
using contract::Reason;
using contract::ReasonOf;
using testing_support::kEpoch;
using testing_support::Store;

constexpr std::uint64_t kCount = 2 * kFrontierEvery + 300;
const ChannelName kLaos{"la-attapeu", 3};
const ChannelName kSekong{"la-sekong", 1};

std::string Body(std::uint64_t position) { return "envelope " + std::to_string(position); }

// The same envelopes sent to la-attapeu and received from la-sekong (epoch 5, ended, then 9).
class ChannelLogTest : public ::testing::Test {
 protected:
  ChannelLogTest() {
    EXPECT_TRUE(store_
                    .Write([](Transaction& transaction) -> absl::Status {
                      for (std::uint64_t i = 0; i < kCount; ++i) {
                        const auto number = NextNumber(transaction, Kind::kEnvelope, 0);
                        PutEnvelope(transaction, *number, Body(i));
                        const auto position =
                            AppendOutbound(transaction, kLaos, *number, LeafHash(Body(i)));
                        if (!position.ok()) return position.status();
                      }
                      return absl::OkStatus();
                    })
                    .ok());
    Receive(5, kCount);
    Receive(9, 3);
  }

  void Receive(std::uint64_t epoch, std::uint64_t count) {
    EXPECT_TRUE(store_
                    .Write([&](Transaction& transaction) {
                      Frontier frontier;
                      for (std::uint64_t i = 0; i < count; ++i) {
                        PutInboundEntry(transaction, kSekong, epoch, i, Body(i));
                        frontier.Append(LeafHash(Body(i)));
                        KeepInboundFrontier(transaction, kSekong, epoch, frontier);
                      }
                      store::v1::InboundChannel state;
                      state.set_epoch(epoch);
                      state.set_size(count);
                      state.set_frontier(FrontierHashes(frontier));
                      return PutInboundChannel(transaction, kSekong, state);
                    })
                    .ok());
  }

  void Damage(std::string_view key, std::string_view value) {
    Batch batch;
    batch.Put(key, value);
    ASSERT_TRUE(store_.engine.Commit(batch).ok());
  }

  // Walks a log to its end in pieces; OK or what is wrong.
  std::string Walked(const LogName& log, const WalkLimits& limits = {}) {
    const auto snapshot = store_.engine.TakeSnapshot();
    const ScanSnapshot scans(*snapshot);
    Frontier walked;
    int pieces = 0;
    while (walked.size() < kCount) {
      const absl::Status status = WalkLog(scans, log, kCount, limits, walked);
      if (!status.ok()) return ProblemOf(status).what;
      ++pieces;
    }
    EXPECT_EQ(walked, Expected(kCount));
    return "OK " + std::to_string(pieces);
  }

  static Frontier Expected(std::uint64_t size) {
    Frontier frontier;
    for (std::uint64_t i = 0; i < size; ++i) frontier.Append(LeafHash(Body(i)));
    return frontier;
  }

  Store store_;
  const LogName sent_{.outbound = true, .channel = kLaos, .epoch = kEpoch};
  const LogName received_{.outbound = false, .channel = kSekong, .epoch = 5};
};

TEST_F(ChannelLogTest, FrontiersAndProofsAtEverySizeAndAge) {
  const auto snapshot = store_.engine.TakeSnapshot();
  for (const LogName& log : {sent_, received_}) {
    for (const std::uint64_t size : {1ul, 2ul, 17ul, 1023ul, 1024ul, 1025ul, 2048ul, kCount}) {
      const Hash root = Expected(size).Root();
      EXPECT_EQ(FrontierAt(*snapshot, log, size)->Root(), root) << size;
      for (const std::uint64_t position : {0ul, 1ul, size / 2, size - 1}) {
        if (position >= size) continue;
        const auto proof = ProofAt(*snapshot, log, position, size);
        ASSERT_TRUE(proof.ok()) << proof.status();
        EXPECT_TRUE(VerifyInclusion(LeafHash(Body(position)), position, size, *proof, root))
            << position << " of " << size;
      }
    }
    EXPECT_EQ(ReasonOf(ProofAt(*snapshot, log, 7, 7).status()), Reason::kFieldInvalid);
    EXPECT_EQ(ReasonOf(FrontierAt(*snapshot, log, kCount + 1).status()), Reason::kCorrupt);
  }
  // Without kept frontiers, as older software stored an inbound channel.
  Batch batch;
  for (const std::uint64_t size : {1024ul, 2048ul})
    batch.Delete(EntryKey(Space::kInboundFrontier, kSekong.peer, kSekong.lane, 5, size));
  ASSERT_TRUE(store_.engine.Commit(batch).ok());
  const auto older = store_.engine.TakeSnapshot();
  EXPECT_EQ(FrontierAt(*older, received_, 2050)->Root(), Expected(2050).Root());
  EXPECT_TRUE(VerifyInclusion(LeafHash(Body(3)), 3, 2050, *ProofAt(*older, received_, 3, 2050),
                              Expected(2050).Root()));
}

TEST_F(ChannelLogTest, StatesOfPastAndPresentEpochsAreFound) {
  EXPECT_EQ((*InboundOf(store_.engine, kSekong, 5))->size(), kCount);
  EXPECT_EQ((*InboundOf(store_.engine, kSekong, 9))->size(), 3u);
  EXPECT_FALSE(InboundOf(store_.engine, kSekong, 7)->has_value());
  EXPECT_EQ((*OutboundOf(store_.engine, kLaos, kEpoch))->size(), kCount);
  EXPECT_FALSE(OutboundOf(store_.engine, kLaos, 1)->has_value());
  const auto snapshot = store_.engine.TakeSnapshot();
  std::vector<std::string> logs;
  std::string after;
  while (const auto next = *NextLog(*snapshot, after, "")) {
    after = next->key;
    logs.push_back(next->name.channel.peer + (next->name.outbound ? " out " : " in ") +
                   std::to_string(next->name.epoch) + (next->past ? " past" : ""));
  }
  EXPECT_EQ(logs, (std::vector<std::string>{"la-attapeu out " + std::to_string(kEpoch),
                                            "la-sekong in 9", "la-sekong in 5 past"}));
  EXPECT_EQ((*NextLog(*snapshot, "", "la-sekong"))->name.epoch, 9u);
  EXPECT_FALSE(NextLog(*snapshot, "", "kh-ratanakiri")->has_value());
}

// Goal: an old copy of the data that ran on alone leaves nothing of its history in that which a
// neighbour returned: neither entries nor kept frontiers.
TEST_F(ChannelLogTest, AReturnedHistoryReplacesTheOneThatRanOnAlone) {
  constexpr std::uint64_t kShared = 1000;
  JournalHead head = *ReadJournalHead(store_.engine);
  head.epoch = kEpoch + 1;
  Batch batch;
  batch.Put(JournalHeadKey(), EncodeJournalHead(head));
  ASSERT_TRUE(store_.engine.Commit(batch).ok());
  std::vector<std::string> envelopes;
  std::vector<std::uint64_t> numbers;
  Frontier whole = Expected(kShared);
  for (std::uint64_t i = kShared; i < kCount - 10; ++i) {
    envelopes.push_back("another " + std::to_string(i));
    numbers.push_back(i + 1);
    whole.Append(LeafHash(envelopes.back()));
  }
  CommitterCore core(store_.engine);
  core.Submit(
      [&](Transaction& transaction) {
        auto state = GetOutboundChannel(transaction, kLaos);
        EXPECT_TRUE(EnterReceipt(*state, kEpoch, Expected(kShared), "receipt").value());
        PutOutboundReceipts(transaction, kLaos, *state);
        EXPECT_TRUE(CloseOutbound(transaction, kLaos).ok());
        auto past = GetOutboundPast(transaction, kLaos, kEpoch);
        (*past)->set_carry_next((*past)->carry_end());
        EXPECT_TRUE(AppendReturned(transaction, kLaos, **past, envelopes, numbers).ok());
        PutOutboundPast(transaction, kLaos, **past);
        transaction.Journal(testing_support::Draft("test.write"));
        return absl::OkStatus();
      },
      [](const absl::Status& status) { EXPECT_TRUE(status.ok()) << status; });
  core.RunOnce(testing_support::kNowMs);
  const auto snapshot = store_.engine.TakeSnapshot();
  EXPECT_EQ(*FrontierAt(*snapshot, sent_, whole.size()), whole);
  const auto proof = ProofAt(*snapshot, sent_, 5, whole.size());
  ASSERT_TRUE(proof.ok()) << proof.status();
  EXPECT_TRUE(VerifyInclusion(LeafHash(Body(5)), 5, whole.size(), *proof, whole.Root()));
  Frontier walked;
  const absl::Status walk = WalkLog(*snapshot, sent_, whole.size(), {}, walked);
  EXPECT_TRUE(walk.ok()) << walk;
  EXPECT_EQ(walked, whole);
}

TEST_F(ChannelLogTest, AWalkGoesInPiecesAndFindsWhatIsWrong) {
  for (const LogName& log : {sent_, received_}) {
    EXPECT_EQ(Walked(log), "OK 1");
    EXPECT_EQ(Walked(log, {.entries_max = 1000, .bytes_max = 1u << 20}), "OK 3");
    EXPECT_EQ(Walked(log, {.entries_max = kCount, .bytes_max = 10'000}), "OK 3");
  }
  Damage(EnvelopeKey(kEpoch, 1501), "another");
  EXPECT_EQ(Walked(sent_),
            "The envelope at position 1500 of the channel with la-attapeu is not the one that was "
            "appended there.");
  Damage(EnvelopeKey(kEpoch, 1501), Body(1500));
  EXPECT_EQ(Walked(sent_), "OK 1");
  const std::string key =
      EntryKey(Space::kInboundEntry, kSekong.peer, kSekong.lane, 5, 1500).ToString();
  Damage(key, "another");
  EXPECT_EQ(Walked(received_),
            "The envelopes up to position 2048 do not give the hashes that were kept there.");
  Batch batch;
  batch.Delete(key);
  ASSERT_TRUE(store_.engine.Commit(batch).ok());
  EXPECT_EQ(Walked(received_), "The channel with la-sekong misses its envelope 1500.");
}

// Goal: a kept frontier that stands at another size than its own is no short cut.
TEST_F(ChannelLogTest, AKeptFrontierInAnotherPlaceIsDamage) {
  for (const LogName& log : {sent_, received_}) {
    Damage(EntryKey(log.outbound ? Space::kOutboundFrontier : Space::kInboundFrontier,
                    log.channel.peer, log.channel.lane, log.epoch, 1024),
           Expected(2048).Encode());
    EXPECT_EQ(ReasonOf(FrontierAt(*store_.engine.TakeSnapshot(), log, 1500).status()),
              Reason::kCorrupt);
    EXPECT_EQ(Walked(log), "A stored record cannot be read.");
  }
}

// Goal: a check of the whole store recomputes every channel, of past epochs too, and no changed
// envelope, root or state of one passes.
TEST_F(ChannelLogTest, VerifyStoreFindsWhateverWasChanged) {
  const auto verdict = [this]() -> std::string {
    const auto report = VerifyStore(*store_.engine.TakeSnapshot());
    if (!report.ok()) {
      EXPECT_EQ(ReasonOf(report.status()), Reason::kCorrupt) << report.status();
      return ProblemOf(report.status()).what;
    }
    EXPECT_EQ(report->channels, 3u);
    EXPECT_EQ(report->envelopes, 2 * kCount + 3);
    EXPECT_GT(report->keys, 2 * kCount);
    return "OK";
  };
  EXPECT_EQ(verdict(), "OK");
  const std::string state_key =
      ChannelKey(Space::kInboundChannel, kSekong.peer, kSekong.lane).ToString();
  auto other_root = *GetInboundChannel(*store_.engine.TakeSnapshot(), kSekong);
  other_root.mutable_frontier()->back() ^= 1;
  const auto entry = [](std::uint64_t epoch, std::uint64_t at) {
    return EntryKey(Space::kInboundEntry, kSekong.peer, kSekong.lane, epoch, at).ToString();
  };
  const std::string_view not_its_root =
      "The envelopes of a channel with la-sekong do not give the root that is kept of it";
  const struct {
    std::string key, value;
    std::string_view what;
  } damages[] = {
      {EnvelopeKey(kEpoch, 1501).ToString(), "another",
       "The envelope at position 1500 of the channel with la-attapeu is not the one that was "
       "appended there."},
      {entry(5, kCount - 1), "another", not_its_root},
      {entry(5, 1500), "another",
       "The envelopes up to position 2048 do not give the hashes that were kept there."},
      {entry(9, 1), "another", not_its_root},
      {state_key, other_root.SerializeAsString(), not_its_root},
  };
  for (const auto& [key, value, what] : damages) {
    const std::string before = **store_.engine.Get(key);
    Damage(key, value);
    EXPECT_EQ(verdict(), what);
    Damage(key, before);
    EXPECT_EQ(verdict(), "OK");
  }
  Damage(state_key, "\xff");
  EXPECT_NE(verdict(), "OK");
}

}  // namespace
}  // namespace tripoint::storage
