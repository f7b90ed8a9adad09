// Envelopes that stand in several channels: read once, right, and not too many.
#include "storage/shared_envelopes.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "storage/channel_store.h"
#include "storage/keys.h"
#include "storage/names.h"
#include "tests/unit/storage/fixture.h"

namespace tripoint::storage {
namespace {

using contract::Reason;
using contract::ReasonOf;
using testing_support::kEpoch;
using testing_support::Store;

const ChannelName kLaos{"la-attapeu", 3};
const ChannelName kCambodia{"kh-ratanakiri", 3};

std::string Body(std::uint64_t number) { return "envelope " + std::to_string(number); }

// The numbers 1 to 3, to both.
void SendThree(Store& store) {
  ASSERT_TRUE(store
                  .Write([](Transaction& transaction) -> absl::Status {
                    for (int i = 0; i < 3; ++i) {
                      const auto number = NextNumber(transaction, Kind::kEnvelope, 0);
                      if (!number.ok()) return number.status();
                      PutEnvelope(transaction, *number, Body(*number));
                      for (const ChannelName& channel : {kLaos, kCambodia}) {
                        const auto position =
                            AppendOutbound(transaction, channel, *number, LeafHash(Body(*number)));
                        if (!position.ok()) return position.status();
                      }
                    }
                    return absl::OkStatus();
                  })
                  .ok());
}

void SetEnvelope(Store& store, std::uint64_t number, const std::string& bytes) {
  Batch batch;
  batch.Put(EnvelopeKey(kEpoch, number), bytes);
  store.engine.CommitBehind(batch);
}

absl::StatusOr<std::vector<ChannelEnvelope>> Read(const Store& store, const ChannelName& channel,
                                                  SharedEnvelopes* shared) {
  return ReadOutbound(*store.engine.TakeSnapshot(), channel, kEpoch, 0, 100, 1u << 20, shared);
}

// Goal: what was read for one channel is not read for the next one, even if it could not be.
TEST(SharedEnvelopes, ReadOnceForAllChannels) {
  Store store;
  SendThree(store);
  SharedEnvelopes shared(1u << 20);
  ASSERT_TRUE(Read(store, kLaos, &shared).ok());
  for (std::uint64_t number = 1; number <= 3; ++number) SetEnvelope(store, number, "altered");
  const auto known = Read(store, kCambodia, &shared);
  ASSERT_TRUE(known.ok()) << known.status();
  ASSERT_EQ(known->size(), 3u);
  for (const ChannelEnvelope& envelope : *known) {
    EXPECT_EQ(envelope.bytes, Body(envelope.position + 1));
    EXPECT_EQ(envelope.leaf_hash, LeafHash(envelope.bytes));
  }
  EXPECT_EQ(ReasonOf(Read(store, kCambodia, nullptr).status()), Reason::kCorrupt);
  shared.Clear();
  EXPECT_EQ(ReasonOf(Read(store, kCambodia, &shared).status()), Reason::kCorrupt);
}

// Goal: what is not what was appended is not learned.
TEST(SharedEnvelopes, AlteredOnesAreNotLearned) {
  Store store;
  SendThree(store);
  SharedEnvelopes shared(1u << 20);
  SetEnvelope(store, 1, "altered");
  EXPECT_EQ(ReasonOf(Read(store, kLaos, &shared).status()), Reason::kCorrupt);
  EXPECT_EQ(shared.Find(LeafHash("altered")), nullptr);
  SetEnvelope(store, 1, Body(1));
  EXPECT_EQ(Read(store, kLaos, &shared)->front().bytes, Body(1));
}

// Goal: bounded by bytes; the oldest go, and one that is too long for all pushes nobody out.
TEST(SharedEnvelopes, OldestGoFirst) {
  const auto body = [](int i) { return std::to_string(i) + std::string(99, '.'); };
  SharedEnvelopes shared(350);
  for (int i = 0; i < 10; ++i) {
    shared.Keep(LeafHash(body(i)), body(i));
    shared.Keep(LeafHash(body(i)), body(i));  // again: changes nothing
  }
  for (int i = 0; i < 10; ++i) {
    const std::string* const found = shared.Find(LeafHash(body(i)));
    ASSERT_EQ(found != nullptr, i >= 7) << i;
    if (found != nullptr) {
      EXPECT_EQ(*found, body(i));
    }
  }
  const std::string long_one(351, '.');
  shared.Keep(LeafHash(long_one), long_one);
  EXPECT_EQ(shared.Find(LeafHash(long_one)), nullptr);
  EXPECT_NE(shared.Find(LeafHash(body(9))), nullptr);
  // Emptied, it takes as much as a new one.
  shared.Clear();
  for (int i = 0; i < 3; ++i) shared.Keep(LeafHash(body(i)), body(i));
  for (int i = 0; i < 3; ++i) EXPECT_NE(shared.Find(LeafHash(body(i))), nullptr) << i;
}

}  // namespace
}  // namespace tripoint::storage
