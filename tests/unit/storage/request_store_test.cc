// Idempotency records: first answers, expiry, bounded sweeps.
#include "storage/request_store.h"

#include <string>

#include "gtest/gtest.h"
#include "storage/channel_store.h"
#include "storage/incident_store.h"
#include "storage/keys.h"
#include "storage/memory_engine.h"
#include "storage/schema.h"
#include "tests/unit/storage/fixture.h"

namespace tripoint::storage {
namespace {

using contract::Reason;
using contract::ReasonOf;
using testing_support::kEpoch;
using testing_support::kNowMs;
using testing_support::Store;

std::string Id(int number) {
  std::string id = "request-id-";
  id += std::to_string(10000 + number);
  return id;  // 16 bytes
}

// Goal: records older than seven days go, in bounded pieces that go round; younger ones stay; the
// sweep is journalled.
TEST(RequestStore, SweepForgetsOldOnesPieceByPiece) {
  Store store;
  ASSERT_TRUE(store
                  .Write([](Transaction& transaction) {
                    for (int i = 0; i < 100; ++i) {
                      store::v1::RequestRecord record;
                      record.set_name("units/vn-tayninh/incidents/I-" + std::to_string(i));
                      record.set_version(1);
                      record.set_time_ms(kNowMs + (i % 2 == 0 ? 0 : kRequestLifeMs));
                      PutRequest(transaction, Id(i), record);
                    }
                    return absl::OkStatus();
                  })
                  .ok());
  const std::int64_t later_ms = kNowMs + kRequestLifeMs + 1;
  std::string resume;
  int pieces = 0;
  std::size_t forgotten = 0;
  do {
    const auto expired = FindExpiredRequests(*store.engine.TakeSnapshot(), later_ms, resume, 30);
    ASSERT_TRUE(expired.ok());
    EXPECT_LE(expired->request_ids.size(), 30u);
    forgotten += expired->request_ids.size();
    resume = expired->resume;
    ++pieces;
    EXPECT_TRUE(
        store.Run([&](Transaction& transaction) { return SweepRequests(transaction, *expired); })
            .ok());
  } while (!resume.empty());
  EXPECT_EQ(forgotten, 50u);
  EXPECT_GE(pieces, 4);
  EXPECT_EQ(*FindRequest(store.engine, Id(0)), std::nullopt);
  EXPECT_EQ((*FindRequest(store.engine, Id(1)))->version(), 1u);
  EXPECT_EQ(ReadJournal(*store.engine.TakeSnapshot(), 1, 1)->front().action(), "request.expire");
}

// Goal: at exactly seven days the answer is still known.
TEST(RequestStore, SevenDaysAreKept) {
  Store store;
  ASSERT_TRUE(store
                  .Write([](Transaction& transaction) {
                    store::v1::RequestRecord record;
                    record.set_time_ms(kNowMs);
                    PutRequest(transaction, Id(1), record);
                    return absl::OkStatus();
                  })
                  .ok());
  const auto snapshot = store.engine.TakeSnapshot();
  EXPECT_TRUE(FindExpiredRequests(*snapshot, kNowMs + kRequestLifeMs, "", 10)->request_ids.empty());
  EXPECT_EQ(FindExpiredRequests(*snapshot, kNowMs + kRequestLifeMs + 1, "", 10)->request_ids.size(),
            1u);
}

// Goal: a store of a newer layout, of another unit, or none at all is refused and stays as it is.
TEST(Schema, ForeignStoresAreRefusedUnchanged) {
  MemoryEngine engine;
  EXPECT_EQ(ReasonOf(OpenStore(engine, "vn-tayninh").status()), Reason::kConfigInvalid);
  ASSERT_TRUE(InitializeStore(engine, "vn-tayninh", kEpoch, kNowMs).ok());
  EXPECT_EQ(ReasonOf(InitializeStore(engine, "vn-tayninh", 1, 1)), Reason::kAlreadyExists);
  auto node = OpenStore(engine, "vn-tayninh");
  ASSERT_TRUE(node.ok());
  EXPECT_EQ(node->epoch(), kEpoch);
  EXPECT_EQ(node->schema_version(), kSchemaVersion);
  EXPECT_EQ(ReasonOf(OpenStore(engine, "vn-angiang").status()), Reason::kConfigInvalid);

  node->set_schema_version(kSchemaVersion + 1);
  const std::string newer = node->SerializeAsString();
  Batch batch;
  batch.Put(NodeKey(), newer);
  ASSERT_TRUE(engine.Commit(batch).ok());
  EXPECT_EQ(ReasonOf(OpenStore(engine, "vn-tayninh").status()), Reason::kSchemaNewer);
  EXPECT_EQ(**engine.Get(NodeKey()), newer);
}

store::v1::NodeRecord NodeOf(const Engine& engine) {
  store::v1::NodeRecord node;
  EXPECT_TRUE(node.ParseFromString(**engine.Get(NodeKey())));
  return node;
}

// The beginning of a batch that makes `engine`'s store one of an earlier layout.
Batch OfLayout(Engine& engine, std::uint32_t version) {
  EXPECT_TRUE(InitializeStore(engine, "vn-tayninh", 7, 1).ok());
  store::v1::NodeRecord node = NodeOf(engine);
  node.set_schema_version(version);
  Batch batch;
  batch.Put(NodeKey(), node.SerializeAsString());
  return batch;
}

// Goal: a store of layout 1, with the entries that layout 2 has no more, is taken over and read.
TEST(Schema, StoreOfLayoutOneIsTakenOver) {
  MemoryEngine engine;
  Batch batch = OfLayout(engine, 1);
  batch.Put(IndexKey(Space::kIncidentIndex, 0, "", SortKey(1000, RecordNumber(2026, 1))), {});
  batch.Put(ReferenceKey(Kind::kIncident, "I-TNI-26-0001-X", "vn-tayninh"),
            U64Bytes(RecordNumber(2026, 1)));
  ASSERT_TRUE(engine.Commit(batch).ok());
  const auto opened = OpenStore(engine, "vn-tayninh");
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->schema_version(), kSchemaVersion);
  EXPECT_EQ(NodeOf(engine).schema_version(), kSchemaVersion);
  const auto listed = ListIncidents(*engine.TakeSnapshot(), {}, "", 10);
  ASSERT_TRUE(listed.ok());
  EXPECT_TRUE(listed->incidents.empty()) << "an old entry of the index is never read";
}

// Goal: a store of layout 2 is taken over: a channel stands where it stood, with what the peer
// said.
TEST(Schema, StoreOfLayoutTwoIsTakenOver) {
  MemoryEngine engine;
  Batch batch = OfLayout(engine, 2);
  Frontier frontier;
  for (int i = 0; i < 5; ++i) frontier.Append(LeafHash(std::to_string(i)));
  store::v1::OutboundChannel state;
  state.set_epoch(7);
  state.set_size(5);
  state.set_frontier(FrontierHashes(frontier));
  state.set_receipted_size(2);
  batch.Put(ChannelKey(Space::kOutboundChannel, "la-attapeu", 3), state.SerializeAsString());
  ASSERT_TRUE(engine.Commit(batch).ok());
  const auto opened = OpenStore(engine, "vn-tayninh");
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->schema_version(), kSchemaVersion);
  const auto channel = GetOutboundChannel(engine, {"la-attapeu", 3});
  ASSERT_TRUE(channel.ok()) << channel.status();
  EXPECT_EQ(channel->SerializeAsString(), state.SerializeAsString());
}

// Goal: steps run in order, each once and together with its stamp; a missing step stops at the last
// good layout.
TEST(Schema, MigrationsGoForwardStepByStep) {
  MemoryEngine engine;
  store::v1::NodeRecord node;
  node.set_schema_version(1);
  const auto mark = [](const Engine& before, Batch& marks) {
    marks.Put("\x7f", before.Get("\x7f")->value_or("") + "one ");
    return absl::OkStatus();
  };
  const auto two = [](const Engine& before, Batch& marks) {
    marks.Put("\x7f", before.Get("\x7f")->value_or("") + "two");
    return absl::OkStatus();
  };
  const auto fail = [](const Engine&, Batch&) { return absl::InternalError("no"); };
  EXPECT_TRUE(Migrate(engine, node, {{1, "one", mark}, {2, "two", two}}, 3).ok());
  EXPECT_EQ(node.schema_version(), 3u);
  EXPECT_EQ(**engine.Get("\x7f"), "one two");
  EXPECT_FALSE(Migrate(engine, node, {{3, "three", fail}}, 4).ok());
  EXPECT_EQ(node.schema_version(), 3u);
  EXPECT_EQ(ReasonOf(Migrate(engine, node, {{1, "one", mark}}, 4)), Reason::kCorrupt);
}

}  // namespace
}  // namespace tripoint::storage
