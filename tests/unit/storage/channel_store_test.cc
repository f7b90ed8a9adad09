// Channels on disk: appending, receipts, ranges, frontiers, epochs, quarantine.
#include "storage/channel_store.h"

#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "storage/channel_log.h"
#include "storage/keys.h"
#include "storage/names.h"
#include "storage/outbound_log.h"
#include "tests/unit/storage/fixture.h"

namespace tripoint::storage {
namespace {

using namespace std::string_view_literals;

using contract::Reason;
using contract::ReasonOf;
using testing_support::kEpoch;
using testing_support::Store;

const ChannelName kLaos{"la-attapeu", 3};
const ChannelName kCambodia{"kh-ratanakiri", 3};

std::string Body(std::uint64_t number) {
  return "envelope " + std::to_string(number) + std::string(100, '.');
}

void Send(Store& store, int count, const std::vector<ChannelName>& channels) {
  ASSERT_TRUE(store
                  .Write([&](Transaction& transaction) -> absl::Status {
                    for (int i = 0; i < count; ++i) {
                      const auto number = NextNumber(transaction, Kind::kEnvelope, 0);
                      if (!number.ok()) return number.status();
                      PutEnvelope(transaction, *number, Body(*number));
                      for (const ChannelName& channel : channels) {
                        const auto position =
                            AppendOutbound(transaction, channel, *number, LeafHash(Body(*number)));
                        if (!position.ok()) return position.status();
                      }
                    }
                    return absl::OkStatus();
                  })
                  .ok());
}

Frontier Expected(std::uint64_t from, std::uint64_t through) {
  Frontier frontier;
  for (std::uint64_t number = from; number <= through; ++number)
    frontier.Append(LeafHash(Body(number)));
  return frontier;
}

// Goal: an envelope in which a bit flipped is not given, so that nothing is signed over it (found
// by the simulator, scenario rot, seed 1); what stands before it is, and so is what stands behind.
TEST(ChannelStore, AnAlteredEnvelopeIsNotGiven) {
  Store store;
  Send(store, 4, {kLaos});
  std::string altered = Body(3);
  altered[3] ^= 1;
  Batch batch;
  batch.Put(EnvelopeKey(kEpoch, 3), altered);
  ASSERT_TRUE(store.engine.Commit(batch).ok());
  const auto read = [&store](std::uint64_t first) {
    return ReadOutbound(*store.engine.TakeSnapshot(), kLaos, kEpoch, first, 100, 1u << 20);
  };
  EXPECT_EQ(read(0)->size(), 2u);
  EXPECT_EQ(read(1)->size(), 1u);
  EXPECT_EQ(ReasonOf(read(2).status()), Reason::kCorrupt);
  ASSERT_EQ(read(3)->size(), 1u);
  EXPECT_EQ(read(3)->front().bytes, Body(4));
  EXPECT_EQ(read(3)->front().leaf_hash, LeafHash(Body(4)));
}

void SetEnvelope(Store& store, std::uint64_t number, const std::string& bytes) {
  Batch batch;
  batch.Put(EnvelopeKey(kEpoch, number), bytes);
  store.engine.CommitBehind(batch);
}

absl::StatusOr<std::vector<ChannelEnvelope>> ReadShared(const Store& store,
                                                        const ChannelName& channel,
                                                        SharedEnvelopes* shared) {
  return ReadOutbound(*store.engine.TakeSnapshot(), channel, kEpoch, 0, 100, 1u << 20, shared);
}

// Goal: what was read for one channel is not read for the next one, even if it could not be.
TEST(ChannelStore, EnvelopesAreReadOnceForAllChannels) {
  Store store;
  Send(store, 3, {kLaos, kCambodia});
  SharedEnvelopes shared(1u << 20);
  ASSERT_TRUE(ReadShared(store, kLaos, &shared).ok());
  for (std::uint64_t number = 1; number <= 3; ++number) SetEnvelope(store, number, "altered");
  const auto known = ReadShared(store, kCambodia, &shared);
  ASSERT_TRUE(known.ok()) << known.status();
  ASSERT_EQ(known->size(), 3u);
  for (std::uint64_t i = 0; i < 3; ++i) {
    EXPECT_EQ((*known)[i].bytes, Body(i + 1));
    EXPECT_EQ((*known)[i].leaf_hash, LeafHash(Body(i + 1)));
  }
  EXPECT_EQ(ReasonOf(ReadShared(store, kCambodia, nullptr).status()), Reason::kCorrupt);
  shared.Clear();
  EXPECT_EQ(ReasonOf(ReadShared(store, kCambodia, &shared).status()), Reason::kCorrupt);
}

// Goal: what is not what was appended is not learned.
TEST(ChannelStore, AlteredEnvelopesAreNotLearned) {
  Store store;
  Send(store, 3, {kLaos});
  SharedEnvelopes shared(1u << 20);
  SetEnvelope(store, 1, "altered");
  EXPECT_EQ(ReasonOf(ReadShared(store, kLaos, &shared).status()), Reason::kCorrupt);
  EXPECT_EQ(shared.Find(LeafHash("altered")), nullptr);
  SetEnvelope(store, 1, Body(1));
  EXPECT_EQ(ReadShared(store, kLaos, &shared)->front().bytes, Body(1));
}

// Goal: an envelope to two units is stored once, each channel has its own positions and root,
// ranges are bounded.
TEST(ChannelStore, EnvelopesAreStoredOnceAndRead) {
  Store store;
  Send(store, 3, {kLaos});
  Send(store, 7, {kLaos, kCambodia});
  const auto snapshot = store.engine.TakeSnapshot();
  const auto laos = GetOutboundChannel(*snapshot, kLaos);
  const auto cambodia = GetOutboundChannel(*snapshot, kCambodia);
  ASSERT_TRUE(laos.ok() && cambodia.ok());
  EXPECT_EQ(laos->epoch(), kEpoch);
  EXPECT_EQ(laos->size(), 10u);
  EXPECT_EQ(cambodia->size(), 7u);
  EXPECT_EQ(*FrontierOf(10, laos->frontier()), Expected(1, 10));
  EXPECT_EQ(*FrontierOf(7, cambodia->frontier()), Expected(4, 10));
  int bodies = 0;
  const std::string prefix = Key(Space::kEnvelope).ToString();
  for (auto cursor = snapshot->NewCursor(prefix, PrefixEnd(prefix)); cursor->Valid();
       cursor->Next())
    ++bodies;
  EXPECT_EQ(bodies, 10);

  const auto all = ReadOutbound(*snapshot, kCambodia, kEpoch, 0, 100, 1u << 20);
  ASSERT_TRUE(all.ok());
  ASSERT_EQ(all->size(), 7u);
  EXPECT_EQ(all->front().bytes, Body(4));
  EXPECT_EQ(all->back().bytes, Body(10));
  EXPECT_EQ(ReadOutbound(*snapshot, kLaos, kEpoch, 8, 100, 1u << 20)->size(), 2u);
  EXPECT_EQ(ReadOutbound(*snapshot, kLaos, kEpoch, 2, 3, 1u << 20)->size(), 3u);
  EXPECT_EQ(ReadOutbound(*snapshot, kLaos, kEpoch, 0, 100, 250)->size(), 2u);
  EXPECT_EQ(ReadOutbound(*snapshot, kLaos, kEpoch, 0, 100, 1)->size(), 1u);
  EXPECT_TRUE(ReadOutbound(*snapshot, kLaos, kEpoch, 10, 100, 1000)->empty());
  EXPECT_TRUE(ReadOutbound(*snapshot, kLaos, kEpoch + 1, 0, 100, 1000)->empty());
  EXPECT_EQ((*GetOutboundEntry(*snapshot, kCambodia, kEpoch, 0))->envelope_number, 4u);
  EXPECT_FALSE(GetOutboundEntry(*snapshot, kCambodia, kEpoch, 7)->has_value());
  EXPECT_FALSE(GetEnvelope(*snapshot, kEpoch, 11)->has_value());
}

// Goal: receipts only climb, name only what was sent, and the root at any later size stays
// computable.
TEST(ChannelStore, ReceiptsClimb) {
  Store store;
  Send(store, 10, {kLaos});
  const auto receipt = [&store](std::uint64_t epoch, std::uint64_t size) {
    absl::StatusOr<bool> moved = false;
    store
        .Write([&](Transaction& transaction) {
          auto state = GetOutboundChannel(transaction, kLaos);
          if (!state.ok()) return state.status();
          moved =
              EnterReceipt(*state, epoch, Expected(1, size), "signature " + std::to_string(size));
          if (!moved.ok()) return moved.status();
          PutOutboundReceipts(transaction, kLaos, *state);
          return absl::OkStatus();
        })
        .IgnoreError();
    return moved;
  };
  EXPECT_TRUE(*receipt(kEpoch, 4));
  EXPECT_FALSE(*receipt(kEpoch, 4));
  EXPECT_FALSE(*receipt(kEpoch, 3));
  EXPECT_EQ(ReasonOf(receipt(kEpoch, 11).status()), Reason::kLinkProtocol);
  EXPECT_EQ(ReasonOf(receipt(kEpoch + 1, 5).status()), Reason::kLinkProtocol);
  auto state = *GetOutboundChannel(store.engine, kLaos);
  EXPECT_EQ(state.receipted_size(), 4u);
  EXPECT_EQ(state.receipt_signature(), "signature 4");
  EXPECT_EQ(*FrontierOf(4, state.receipted_frontier()), Expected(1, 4));
  const auto snapshot = store.engine.TakeSnapshot();
  for (std::uint64_t size = 0; size <= 10; ++size) {
    const auto frontier = OutboundFrontierAt(*snapshot, kLaos, size);
    ASSERT_TRUE(frontier.ok());
    EXPECT_EQ(frontier->Root(), Expected(1, size).Root()) << size;
  }
  EXPECT_FALSE(OutboundFrontierAt(*snapshot, kLaos, 11).ok());
  EXPECT_TRUE(*receipt(kEpoch, 10));
  EXPECT_EQ(GetOutboundChannel(store.engine, kLaos)->receipted_frontier(),
            GetOutboundChannel(store.engine, kLaos)->frontier());
}

// Goal: a receipt over another log than the one that was sent is a fork, wherever the two still
// have a subtree in common.
TEST(ChannelStore, ReceiptOverAnotherLogIsAFork) {
  Store store;
  Send(store, 10, {kLaos});
  for (const std::uint64_t size : {8u, 9u, 10u}) {
    auto state = *GetOutboundChannel(store.engine, kLaos);
    EXPECT_EQ(ReasonOf(EnterReceipt(state, kEpoch, Expected(2, size + 1), "s").status()),
              Reason::kChannelFork)
        << size;
    EXPECT_EQ(state.receipted_size(), 0u);
  }
}

// Goal: the frontier at any size of a long channel comes from one that was kept, and a kept one
// that cannot be read is damage.
TEST(ChannelStore, FrontierOfALongChannelIsNear) {
  Store store;
  constexpr std::uint64_t kSize = 2 * kFrontierEvery + 3;
  Send(store, kSize, {kLaos});
  const auto snapshot = store.engine.TakeSnapshot();
  for (const std::uint64_t size : {std::uint64_t{1}, kFrontierEvery - 1, kFrontierEvery,
                                   kFrontierEvery + 1, 2 * kFrontierEvery, kSize - 1, kSize}) {
    const auto frontier = OutboundFrontierAt(*snapshot, kLaos, size);
    ASSERT_TRUE(frontier.ok()) << frontier.status();
    EXPECT_EQ(*frontier, Expected(1, size)) << size;
  }
  Batch batch;
  batch.Put(EntryKey(Space::kOutboundFrontier, kLaos.peer, kLaos.lane, kEpoch, kFrontierEvery),
            "no frontier");
  batch.Delete(EntryKey(Space::kOutboundEntry, kLaos.peer, kLaos.lane, kEpoch, 15));
  ASSERT_TRUE(store.engine.Commit(batch).ok());
  const auto damaged = store.engine.TakeSnapshot();
  EXPECT_EQ(ReasonOf(OutboundFrontierAt(*damaged, kLaos, kFrontierEvery + 5).status()),
            Reason::kCorrupt);
  // The first leaf is not read again behind the second kept frontier.
  EXPECT_EQ(*OutboundFrontierAt(*damaged, kLaos, kSize - 1), Expected(1, kSize - 1));
}

// Goal: a hole in a channel is damage, never a shorter answer.
// Goal: a channel that lost its tail is damaged; it never begins again in the same epoch, which
// would fork it.
TEST(ChannelStore, ATailThatIsGoneIsDamage) {
  Store store;
  Send(store, 5, {kLaos});
  ASSERT_TRUE(store
                  .Write([](Transaction& transaction) {
                    auto state = *GetOutboundChannel(transaction, kLaos);
                    EXPECT_TRUE(*EnterReceipt(state, kEpoch, Expected(1, 3), "signature"));
                    PutOutboundReceipts(transaction, kLaos, state);
                    transaction.Delete(ChannelKey(Space::kOutboundTail, kLaos.peer, kLaos.lane));
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_EQ(ReasonOf(GetOutboundChannel(store.engine, kLaos).status()), Reason::kCorrupt);
  EXPECT_EQ(ReasonOf(store.Write([](Transaction& transaction) {
              return AppendOutbound(transaction, kLaos, 6, LeafHash("six")).status();
            })),
            Reason::kCorrupt);
}

// Goal: a block under another key than its own gives no envelope for a wrong position.
TEST(ChannelStore, ABlockInAnotherPlaceIsDamage) {
  Store store;
  Send(store, 40, {kLaos});
  const std::string first =
      **store.engine.Get(EntryKey(Space::kOutboundEntry, kLaos.peer, kLaos.lane, kEpoch, 15));
  ASSERT_TRUE(store
                  .Write([&](Transaction& transaction) {
                    transaction.Put(
                        EntryKey(Space::kOutboundEntry, kLaos.peer, kLaos.lane, kEpoch, 31), first);
                    return absl::OkStatus();
                  })
                  .ok());
  const auto snapshot = store.engine.TakeSnapshot();
  EXPECT_EQ(ReasonOf(ReadOutbound(*snapshot, kLaos, kEpoch, 16, 10, 1 << 20).status()),
            Reason::kCorrupt);
}

TEST(ChannelStore, HolesAreDamage) {
  Store store;
  Send(store, 70, {kLaos});
  for (const std::uint64_t last : {63u, 31u}) {  // the last block, one in the middle
    Batch batch;
    batch.Delete(EntryKey(Space::kOutboundEntry, kLaos.peer, kLaos.lane, kEpoch, last));
    ASSERT_TRUE(store.engine.Commit(batch).ok());
    const auto snapshot = store.engine.TakeSnapshot();
    for (const std::uint64_t first : {last - 31, last - 15, last}) {
      EXPECT_EQ(ReasonOf(ReadOutbound(*snapshot, kLaos, kEpoch, first, 100, 1u << 20).status()),
                Reason::kCorrupt)
          << first;
    }
    EXPECT_EQ(ReadOutbound(*snapshot, kLaos, kEpoch, 64, 100, 1u << 20)->size(), 6u);
    EXPECT_EQ(ReasonOf(OutboundFrontierAt(*snapshot, kLaos, last).status()), Reason::kCorrupt);
  }
  Batch batch;
  batch.Put(EntryKey(Space::kOutboundEntry, kLaos.peer, kLaos.lane, kEpoch, 15), "\0short"sv);
  ASSERT_TRUE(store.engine.Commit(batch).ok());
  EXPECT_EQ(ReasonOf(GetOutboundEntry(store.engine, kLaos, kEpoch, 3).status()), Reason::kCorrupt);
  batch.Put(ChannelKey(Space::kOutboundTail, kLaos.peer, kLaos.lane), "short");
  ASSERT_TRUE(store.engine.Commit(batch).ok());
  EXPECT_EQ(ReasonOf(GetOutboundChannel(store.engine, kLaos).status()), Reason::kCorrupt);
}

// Goal: every position of a channel is found, one by one and in ranges, wherever its block ends.
TEST(ChannelStore, EveryPositionIsFoundInItsBlock) {
  for (const int size : {1, 15, 16, 17, 32, 40}) {
    Store store;
    Send(store, size, {kLaos});
    const auto snapshot = store.engine.TakeSnapshot();
    const auto count = static_cast<std::uint64_t>(size);
    for (std::uint64_t position = 0; position < count; ++position) {
      const auto entry = GetOutboundEntry(store.engine, kLaos, kEpoch, position);
      ASSERT_TRUE(entry.ok() && entry->has_value()) << size << " " << position;
      EXPECT_EQ((*entry)->envelope_number, position + 1);
      EXPECT_EQ((*entry)->leaf_hash, LeafHash(Body(position + 1)));
      const auto range = ReadOutbound(*snapshot, kLaos, kEpoch, position, 100, 1u << 20);
      ASSERT_TRUE(range.ok()) << range.status();
      ASSERT_EQ(range->size(), count - position);
      EXPECT_EQ(range->front().bytes, Body(position + 1));
      EXPECT_EQ(range->back().bytes, Body(count));
    }
  }
}

// Goal: a channel of layout 2 goes on where it was: what it had is read as before, and what the
// peer said of it stays.
TEST(ChannelStore, ChannelsOfLayoutTwoGoOn) {
  Store store;
  Batch batch;
  for (std::uint64_t position = 0; position < 21; ++position) {
    const std::uint64_t number = position + 1;
    store::v1::OutboundEntry entry;
    entry.set_envelope_number(number);
    entry.set_leaf_hash(std::string(HashView(LeafHash(Body(number)))));
    entry.set_time_ms(7);
    batch.Put(EntryKey(Space::kOutboundEntry, kLaos.peer, kLaos.lane, kEpoch, position),
              entry.SerializeAsString());
    batch.Put(EnvelopeKey(kEpoch, number), Body(number));
  }
  batch.Put(CounterKey(Kind::kEnvelope, 0), U64Bytes(21));
  store::v1::OutboundChannel state;
  state.set_epoch(kEpoch);
  state.set_size(21);
  state.set_frontier(FrontierHashes(Expected(1, 21)));
  state.set_receipted_size(4);
  state.set_receipted_frontier(FrontierHashes(Expected(1, 4)));
  store::v1::ReceiptMark& mark = *state.add_receipt_marks();
  mark.set_size(4);
  mark.set_time_ms(9);
  batch.Put(ChannelKey(Space::kOutboundChannel, kLaos.peer, kLaos.lane), state.SerializeAsString());
  state.set_epoch(kEpoch - 1);
  batch.Put(PastChannelKey(Space::kOutboundPast, kLaos.peer, kLaos.lane, kEpoch - 1),
            state.SerializeAsString());
  ASSERT_TRUE(store.engine.Commit(batch).ok());
  batch.Clear();
  ASSERT_TRUE(SplitOutboundChannels(store.engine, batch).ok());
  ASSERT_TRUE(store.engine.Commit(batch).ok());

  Send(store, 20, {kLaos});
  const auto snapshot = store.engine.TakeSnapshot();
  const auto now = GetOutboundChannel(*snapshot, kLaos);
  ASSERT_TRUE(now.ok()) << now.status();
  EXPECT_EQ(*FrontierOf(now->size(), now->frontier()), Expected(1, 41));
  EXPECT_EQ(now->receipted_size(), 4u);
  for (const std::uint64_t epoch : {kEpoch, kEpoch - 1}) {
    ASSERT_TRUE(GetOutboundReceipts(*snapshot, kLaos, epoch, state).value());
    EXPECT_EQ(state.size(), epoch == kEpoch ? 0u : 21u);
    EXPECT_EQ(state.receipted_size(), 4u);
    EXPECT_EQ(ReceiptTimeOf(state, 3), 9);
    EXPECT_EQ(ReceiptTimeOf(state, 4), 0);
  }
  for (std::uint64_t position = 0; position < 41; ++position) {
    const auto entry = GetOutboundEntry(*snapshot, kLaos, kEpoch, position);
    ASSERT_TRUE(entry.ok() && entry->has_value()) << position;
    EXPECT_EQ((*entry)->envelope_number, position + 1);
    EXPECT_EQ(ReadOutbound(*snapshot, kLaos, kEpoch, position, 100, 1u << 20)->size(),
              41 - position);
    EXPECT_EQ(*OutboundFrontierAt(*snapshot, kLaos, position), Expected(1, position));
  }
}

// Goal: a node with a new epoch begins each channel anew, and what the old one held stays readable.
TEST(ChannelStore, ANewEpochKeepsTheOldChannel) {
  Store store;
  Send(store, 21, {kLaos});
  JournalHead head = *ReadJournalHead(store.engine);
  head.epoch = kEpoch + 1;
  Batch batch;
  batch.Put(JournalHeadKey(), EncodeJournalHead(head));
  ASSERT_TRUE(store.engine.Commit(batch).ok());
  CommitterCore core(store.engine);
  core.Submit(
      [](Transaction& transaction) {
        for (std::uint64_t number = 22; number <= 24; ++number) {
          PutEnvelope(transaction, number, Body(number));
          EXPECT_TRUE(AppendOutbound(transaction, kLaos, number, LeafHash(Body(number))).ok());
        }
        transaction.Journal(testing_support::Draft("test.write"));
        return absl::OkStatus();
      },
      [](const absl::Status& status) { EXPECT_TRUE(status.ok()); });
  core.RunOnce(testing_support::kNowMs);
  const auto snapshot = store.engine.TakeSnapshot();
  EXPECT_EQ(GetOutboundChannel(*snapshot, kLaos)->epoch(), kEpoch + 1);
  EXPECT_EQ(GetOutboundChannel(*snapshot, kLaos)->size(), 3u);
  store::v1::OutboundChannel past;
  ASSERT_TRUE(GetOutboundReceipts(*snapshot, kLaos, kEpoch, past).value());
  EXPECT_EQ(*FrontierOf(past.size(), past.frontier()), Expected(1, 21));
  EXPECT_FALSE(GetOutboundReceipts(*snapshot, kLaos, kEpoch - 1, past).value());
  EXPECT_EQ(ReadOutbound(*snapshot, kLaos, kEpoch, 0, 100, 1u << 20)->size(), 21u);
  EXPECT_EQ(ReadOutbound(*snapshot, kLaos, kEpoch, 18, 100, 1u << 20)->size(), 3u);
  EXPECT_TRUE(ReadOutbound(*snapshot, kLaos, kEpoch, 21, 100, 1u << 20)->empty());
  EXPECT_EQ(ReadOutbound(*snapshot, kLaos, kEpoch + 1, 0, 100, 1u << 20)->size(), 3u);
  EXPECT_EQ((*GetOutboundEntry(*snapshot, kLaos, kEpoch, 20))->envelope_number, 21u);
}

// Goal: times of receipts are those of the first receipt over a position, and only as many are
// kept.
TEST(ChannelStore, ReceiptTimesAreBounded) {
  store::v1::OutboundChannel state;
  EXPECT_EQ(ReceiptTimeOf(state, 0), 0);
  for (std::uint64_t receipt = 1; receipt <= kReceiptTimesMax + 1; ++receipt) {
    AddReceiptTime(state, 10 * receipt, static_cast<std::int64_t>(receipt));
    if (receipt == 2) {
      EXPECT_EQ(ReceiptTimeOf(state, 0), 1);
      EXPECT_EQ(ReceiptTimeOf(state, 9), 1);
      EXPECT_EQ(ReceiptTimeOf(state, 10), 2);
      EXPECT_EQ(ReceiptTimeOf(state, 20), 0);
    }
  }
  EXPECT_EQ(state.receipt_times().size(), 16 * kReceiptTimesMax);
  EXPECT_EQ(ReceiptTimeOf(state, 19), 0) << "below the oldest that is left";
  EXPECT_EQ(ReceiptTimeOf(state, 20), 3);
}

// Goal: received envelopes keep their bytes; a peer that begins a new epoch gets a new channel and
// the old one is kept.
TEST(ChannelStore, InboundKeepsBytesAndEpochs) {
  Store store;
  const auto receive = [&store](std::uint64_t epoch, std::uint64_t count) {
    ASSERT_TRUE(store
                    .Write([&](Transaction& transaction) {
                      Frontier frontier;
                      for (std::uint64_t position = 0; position < count; ++position) {
                        PutInboundEntry(transaction, kLaos, epoch, position, Body(position + 1));
                        frontier.Append(LeafHash(Body(position + 1)));
                      }
                      store::v1::InboundChannel state;
                      state.set_epoch(epoch);
                      state.set_size(count);
                      state.set_frontier(FrontierHashes(frontier));
                      return PutInboundChannel(transaction, kLaos, state);
                    })
                    .ok());
  };
  EXPECT_EQ(GetInboundChannel(store.engine, kLaos)->size(), 0u);
  receive(5, 6);
  receive(9, 2);
  const auto snapshot = store.engine.TakeSnapshot();
  EXPECT_EQ(GetInboundChannel(*snapshot, kLaos)->epoch(), 9u);
  EXPECT_EQ(**GetInboundEntry(*snapshot, kLaos, 5, 3), Body(4));
  EXPECT_FALSE(GetInboundEntry(*snapshot, kLaos, 9, 3)->has_value());
  const auto frontier_at = [&](std::uint64_t epoch, std::uint64_t size) {
    return FrontierAt(*snapshot, {.outbound = false, .channel = kLaos, .epoch = epoch}, size);
  };
  EXPECT_EQ(frontier_at(5, 6)->Root(), Expected(1, 6).Root());
  EXPECT_EQ(ReasonOf(frontier_at(9, 3).status()), Reason::kCorrupt);
  EXPECT_TRUE(
      (*snapshot->Get(PastChannelKey(Space::kInboundPast, kLaos.peer, kLaos.lane, 5))).has_value());
}

// Goal: quarantined envelopes of both directions are listed page by page.
TEST(ChannelStore, QuarantineIsListedInPages) {
  Store store;
  ASSERT_TRUE(store
                  .Write([](Transaction& transaction) {
                    for (std::uint64_t position = 0; position < 7; ++position) {
                      store::v1::QuarantineRecord record;
                      record.set_unit(position % 2 == 0 ? "la-attapeu" : "kh-ratanakiri");
                      record.set_outbound(position > 4);
                      record.set_lane(3);
                      record.set_epoch(1);
                      record.set_position(position);
                      record.set_reason_code("ENVELOPE_MALFORMED");
                      PutQuarantine(transaction, record);
                    }
                    return absl::OkStatus();
                  })
                  .ok());
  const auto snapshot = store.engine.TakeSnapshot();
  std::string resume;
  std::vector<std::size_t> pages;
  do {
    const auto page = ListQuarantine(*snapshot, resume, 3);
    ASSERT_TRUE(page.ok());
    pages.push_back(page->records.size());
    resume = page->resume;
  } while (!resume.empty());
  EXPECT_EQ(pages, (std::vector<std::size_t>{3, 3, 1}));
  EXPECT_EQ((*GetQuarantine(*snapshot, false, kLaos, 1, 2))->reason_code(), "ENVELOPE_MALFORMED");
  EXPECT_FALSE(GetQuarantine(*snapshot, true, kLaos, 1, 2)->has_value());
  EXPECT_EQ(ReasonOf(ListQuarantine(*snapshot, "elsewhere", 3).status()),
            Reason::kPageTokenInvalid);
}

}  // namespace
}  // namespace tripoint::storage
