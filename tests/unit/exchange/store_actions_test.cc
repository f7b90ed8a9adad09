// Goal: what a core asks of a store that cannot be read comes back as that error, or as nothing:
// never as an empty channel, a short range or a plan that would send or ask for something else.
#include "server/exchange/store_actions.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "storage/channel_store.h"
#include "storage/names.h"
#include "storage/past_channels.h"
#include "storage/schema.h"
#include "tests/unit/storage/failing_reads.h"
#include "tests/unit/storage/fixture.h"

namespace tripoint::exchange {
namespace {

using storage::testing_support::FailEachRead;

constexpr char kUnit[] = "vn-quangngai";
constexpr char kPeer[] = "la-attapeu";
constexpr std::uint64_t kPast = 7;
constexpr std::uint64_t kEpoch = storage::testing_support::kEpoch;
constexpr std::size_t kBytes = 1u << 20;

// Channels of a pair in both directions, each with an epoch that is over.
class StoreActions : public ::testing::Test {
 protected:
  StoreActions() {
    const absl::Status written = store_.Write([](storage::Transaction& transaction) {
      for (int i = 0; i < 20; ++i) {
        const auto number = storage::NextNumber(transaction, storage::Kind::kEnvelope, 0);
        if (!number.ok()) return number.status();
        const std::string bytes = "envelope " + std::to_string(i);
        storage::PutEnvelope(transaction, *number, bytes);
        const auto position = storage::AppendOutbound(transaction, {kPeer, v1::LANE_ROUTINE},
                                                      *number, storage::LeafHash(bytes));
        if (!position.ok()) return position.status();
      }
      store::v1::OutboundChannel past;
      past.set_epoch(kPast);
      storage::PutOutboundPast(transaction, {kPeer, v1::LANE_ROUTINE}, past);
      for (const std::uint64_t epoch : {std::uint64_t{3}, std::uint64_t{4}}) {
        storage::Frontier frontier;
        for (std::uint64_t i = 0; i < 2; ++i) {
          const std::string bytes = "from the peer " + std::to_string(i);
          storage::PutInboundEntry(transaction, {kPeer, v1::LANE_ROUTINE}, epoch, i, bytes);
          frontier.Append(storage::LeafHash(bytes));
        }
        store::v1::InboundChannel state;
        state.set_epoch(epoch);
        state.set_size(frontier.size());
        state.set_frontier(storage::FrontierHashes(frontier));
        const absl::Status put =
            storage::PutInboundChannel(transaction, {kPeer, v1::LANE_ROUTINE}, state);
        if (!put.ok()) return put;
      }
      store::v1::QuarantineRecord refused;
      refused.set_unit(kPeer);
      refused.set_lane(v1::LANE_ROUTINE);
      refused.set_epoch(4);
      refused.set_position(1);
      refused.set_reason_code("ENVELOPE_MALFORMED");
      storage::PutQuarantine(transaction, refused);
      return absl::OkStatus();
    });
    EXPECT_TRUE(written.ok()) << written;
  }
  // `say(event)` is what the event says beside its status.
  template <typename Read, typename Say>
  void Fails(const Read& read, const Say& say) {
    using Said = decltype(say(read(*store_.engine.TakeSnapshot())));
    EXPECT_GT(FailEachRead(store_.engine,
                           [&]() -> absl::StatusOr<Said> {
                             const auto event = read(*store_.engine.TakeSnapshot());
                             EXPECT_EQ(event.token, 5u);
                             if (event.status.ok()) return say(event);
                             EXPECT_EQ(say(event), Said()) << "and nothing else";
                             return event.status;
                           }),
              0u);
  }
  storage::testing_support::Store store_;
};

TEST_F(StoreActions, ReadsThatFailSaySo) {
  Fails(
      [](const storage::Snapshot& of) {
        return DoRead(of, kPeer, kEpoch,
                      ReadRange{.token = 5,
                                .lane = v1::LANE_ROUTINE,
                                .first = 1,
                                .max_bytes = kBytes,
                                .max_items = 100});
      },
      [](const RangeRead& read) {
        EXPECT_EQ(read.leaf_hashes.size(), read.envelopes.size());
        return read.envelopes;
      });
  Fails(
      [](const storage::Snapshot& of) {
        return DoRead(of, kPeer, ReadFrontier{.token = 5, .lane = v1::LANE_ROUTINE, .size = 17});
      },
      [](const FrontierRead& read) { return read.frontier.size(); });
  Fails(
      [](const storage::Snapshot& of) {
        return DoRead(of, kPeer,
                      ReadRefusals{.token = 5,
                                   .lane = v1::LANE_ROUTINE,
                                   .epoch = 4,
                                   .first = 0,
                                   .end = 2,
                                   .max_items = 10});
      },
      [](const RefusalsRead& read) { return read.refusals.size(); });
  Fails(
      [](const storage::Snapshot& of) {
        return DoRead(of, kPeer, kEpoch,
                      CompareHoldings{.token = 5,
                                      .held = {{.lane = v1::LANE_ROUTINE,
                                                .epoch = kPast,
                                                .size = 3,
                                                .root = {},
                                                .receipt_signature = {},
                                                .proven = true}}});
      },
      [](const HoldingsCompared& compared) { return compared.plan.wants.size(); });
}

TEST_F(StoreActions, HeldThatCannotBeReadIsNotGiven) {
  const auto held = [&] {
    return DoRead(*store_.engine.TakeSnapshot(), kPeer,
                  ReadHeld{.token = 5,
                           .lane = v1::LANE_ROUTINE,
                           .epoch = 4,
                           .first = 0,
                           .max_bytes = kBytes,
                           .max_items = 10})
        .envelopes;
  };
  EXPECT_EQ(held(), (std::vector<std::string>{"from the peer 0", "from the peer 1"}));
  for (const std::uint64_t nth : {1u, 2u}) {
    store_.engine.FailRead(nth);
    EXPECT_EQ(held(), std::vector<std::string>());
  }
}

TEST_F(StoreActions, ChannelsAreLoadedWholeOrNotAtAll) {
  const auto sizes = [](const CoreConfig& config) {
    EXPECT_EQ(config.inbound[2].epoch, 4u);
    EXPECT_EQ(config.inbound_past[2].at(0).epoch, 3u);
    EXPECT_TRUE(config.has_past);
    return std::vector{config.outbound[2].frontier.size(), config.inbound[2].frontier.size()};
  };
  EXPECT_GT(FailEachRead(store_.engine,
                         [&]() -> absl::StatusOr<std::vector<std::uint64_t>> {
                           CoreConfig config;
                           config.unit = kUnit;
                           config.peer = kPeer;
                           config.epoch = kEpoch;
                           const absl::Status loaded = LoadChannelStates(store_.engine, config);
                           if (!loaded.ok()) return loaded;
                           return sizes(config);
                         }),
            0u);
  EXPECT_GT(FailEachRead(store_.engine,
                         [&]() -> absl::StatusOr<std::uint64_t> {
                           const ChannelsRead read =
                               DoRead(store_.engine, kPeer, kEpoch, ReadChannels{.token = 5});
                           EXPECT_EQ(read.token, 5u);
                           if (!read.status.ok()) return read.status;
                           return read.outbound[2].frontier.size();
                         }),
            0u);
  EXPECT_GT(
      FailEachRead(store_.engine,
                   [&] { return GrownFrontier(store_.engine, kPeer, v1::LANE_ROUTINE, kEpoch); }),
      0u);
}

// Goal: after a commit whose outcome is not known the core goes by what the store holds, and by
// nothing when that cannot be told.
TEST_F(StoreActions, DurableStateIsTheStoresOrUnknown) {
  EXPECT_EQ(DurableInbound(store_.engine, kPeer, v1::LANE_ROUTINE)->frontier.size(), 2u);
  EXPECT_EQ(DurableInbound(store_.engine, kPeer, v1::LANE_FLASH)->frontier.size(), 0u);
  store_.engine.FailRead(1);
  EXPECT_FALSE(DurableInbound(store_.engine, kPeer, v1::LANE_ROUTINE).has_value());
}

// A channel of another epoch of this unit is past: nothing of it is sent as if it were the present.
TEST_F(StoreActions, ChannelOfAnotherEpochBeginsEmpty) {
  CoreConfig config;
  config.peer = kPeer;
  config.epoch = kEpoch + 1;
  ASSERT_TRUE(LoadChannelStates(store_.engine, config).ok());
  EXPECT_EQ(config.outbound[2].frontier.size(), 0u);
  EXPECT_EQ(GrownFrontier(store_.engine, kPeer, v1::LANE_ROUTINE, kEpoch + 1)->size(), 0u);
}

}  // namespace
}  // namespace tripoint::exchange
