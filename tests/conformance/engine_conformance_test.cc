// One suite for every engine: what storage/engine.h promises, checked against a map.
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "proto/contract/error.h"
#include "storage/engine.h"
#include "storage/fault_engine.h"
#include "storage/memory_engine.h"
#include "storage/rocks_engine.h"

namespace tripoint::storage {
namespace {

using contract::Reason;

struct Maker {
  std::string name;
  std::function<std::unique_ptr<Engine>(const std::string& directory)> make;
  bool has_disk = false;

  friend void PrintTo(const Maker& maker, std::ostream* out) { *out << maker.name; }
};

std::unique_ptr<Engine> MakeRocks(const std::string& directory) {
  RocksOptions options;
  options.create = !std::filesystem::exists(directory + "/CURRENT");
  options.write_buffer_bytes = 256 * 1024;  // small, so that flushes and compactions take part
  auto engine = OpenRocksEngine(directory, options);
  EXPECT_TRUE(engine.ok()) << engine.status();
  return engine.ok() ? std::move(*engine) : nullptr;
}

class EngineConformance : public testing::TestWithParam<Maker> {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "conformance-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    engine_ = GetParam().make(directory_ + "/store");
    ASSERT_NE(engine_, nullptr);
  }
  void TearDown() override {
    engine_.reset();
    std::filesystem::remove_all(directory_);
  }

  std::optional<std::string> Get(const Reader& reader, std::string_view key) {
    auto value = reader.Get(key);
    EXPECT_TRUE(value.ok()) << value.status();
    return value.ok() ? *value : std::nullopt;
  }
  void Put(std::string_view key, std::string_view value) {
    Batch batch;
    batch.Put(key, value);
    ASSERT_TRUE(engine_->Commit(batch).ok());
  }
  static std::map<std::string, std::string> Scan(const Snapshot& snapshot, std::string_view lower,
                                                 std::string_view upper) {
    std::map<std::string, std::string> found;
    std::string last;
    const auto cursor = snapshot.NewCursor(lower, upper);
    for (; cursor->Valid(); cursor->Next()) {
      EXPECT_TRUE(last.empty() || last < cursor->key());
      last = std::string(cursor->key());
      found[last] = std::string(cursor->value());
    }
    EXPECT_TRUE(cursor->status().ok()) << cursor->status();
    return found;
  }

  std::string directory_;
  std::unique_ptr<Engine> engine_;
};

// Goal: what is committed is read, what is not is absent, and a deletion takes away.
TEST_P(EngineConformance, PutGetDelete) {
  EXPECT_EQ(Get(*engine_, "a"), std::nullopt);
  Put("a", "1");
  EXPECT_EQ(Get(*engine_, "a"), "1");
  Put("a", "");
  EXPECT_EQ(Get(*engine_, "a"), "");
  Batch batch;
  batch.Delete("a");
  batch.Delete("never there");
  ASSERT_TRUE(engine_->Commit(batch).ok());
  EXPECT_EQ(Get(*engine_, "a"), std::nullopt);
}

// Goal: within a batch the entries count in order, and an empty batch is nothing.
TEST_P(EngineConformance, LastEntryOfABatchWins) {
  Batch batch;
  batch.Put("k", "first");
  batch.Delete("k");
  batch.Put("k", "last");
  batch.Put("gone", "x");
  batch.Delete("gone");
  ASSERT_TRUE(engine_->Commit(batch).ok());
  EXPECT_EQ(Get(*engine_, "k"), "last");
  EXPECT_EQ(Get(*engine_, "gone"), std::nullopt);
  EXPECT_TRUE(engine_->Commit(Batch()).ok());
}

// Goal: keys are bytes: zero, high bytes and prefixes keep unsigned order.
TEST_P(EngineConformance, KeysAreOrderedAsUnsignedBytes) {
  const std::vector<std::string> keys = {std::string("\0", 1),
                                         std::string("\0\0", 2),
                                         "a",
                                         std::string("a\0", 2),
                                         "ab",
                                         "\x7f",
                                         "\x80",
                                         "\xff",
                                         "\xff\xff"};
  for (const std::string& key : keys) Put(key, key);
  const auto snapshot = engine_->TakeSnapshot();
  const auto cursor = snapshot->NewCursor("", "");
  for (const std::string& key : keys) {
    ASSERT_TRUE(cursor->Valid());
    EXPECT_EQ(cursor->key(), key);
    EXPECT_EQ(cursor->value(), key);
    cursor->Next();
  }
  EXPECT_FALSE(cursor->Valid());
}

// Goal: lower bound included, upper bound excluded, Seek goes both ways and never leaves the
// bounds.
TEST_P(EngineConformance, CursorStaysWithinBounds) {
  for (char letter = 'a'; letter <= 'h'; ++letter) Put(std::string(1, letter), "v");
  const auto snapshot = engine_->TakeSnapshot();
  EXPECT_EQ(Scan(*snapshot, "c", "f").size(), 3u);
  const auto cursor = snapshot->NewCursor("c", "f");
  ASSERT_TRUE(cursor->Valid());
  EXPECT_EQ(cursor->key(), "c");
  cursor->Seek("e");
  ASSERT_TRUE(cursor->Valid());
  EXPECT_EQ(cursor->key(), "e");
  cursor->Seek("a");
  ASSERT_TRUE(cursor->Valid());
  EXPECT_EQ(cursor->key(), "c");
  cursor->Seek("dd");
  ASSERT_TRUE(cursor->Valid());
  EXPECT_EQ(cursor->key(), "e");
  cursor->Seek("f");
  EXPECT_FALSE(cursor->Valid());
  EXPECT_TRUE(cursor->status().ok());
  EXPECT_TRUE(Scan(*snapshot, "x", "").empty());
}

// Goal: a snapshot, and a cursor on it, show the moment they were taken, whatever is committed
// later.
TEST_P(EngineConformance, SnapshotDoesNotMove) {
  Put("a", "1");
  Put("b", "1");
  const auto before = engine_->TakeSnapshot();
  const auto cursor = before->NewCursor("", "");
  Batch batch;
  batch.Put("a", "2");
  batch.Delete("b");
  batch.Put("c", "2");
  ASSERT_TRUE(engine_->Commit(batch).ok());
  EXPECT_EQ(Get(*before, "a"), "1");
  EXPECT_EQ(Get(*before, "b"), "1");
  EXPECT_EQ(Get(*before, "c"), std::nullopt);
  EXPECT_EQ(Scan(*before, "", ""), (std::map<std::string, std::string>{{"a", "1"}, {"b", "1"}}));
  ASSERT_TRUE(cursor->Valid());
  cursor->Next();
  ASSERT_TRUE(cursor->Valid());
  EXPECT_EQ(cursor->key(), "b");
  EXPECT_EQ(Scan(*engine_->TakeSnapshot(), "", ""),
            (std::map<std::string, std::string>{{"a", "2"}, {"c", "2"}}));
}

// Goal: limits refuse the whole batch with TOO_LARGE and store nothing of it.
TEST_P(EngineConformance, OverLimitStoresNothing) {
  Batch batch;
  batch.Put("small", "x");
  batch.Put(std::string(kKeyBytesMax + 1, 'k'), "x");
  EXPECT_EQ(contract::ReasonOf(engine_->Commit(batch)), Reason::kTooLarge);
  EXPECT_EQ(Get(*engine_, "small"), std::nullopt);
  batch.Clear();
  batch.Put("small", "x");
  batch.Put("", "x");
  EXPECT_FALSE(engine_->Commit(batch).ok());
  EXPECT_EQ(Get(*engine_, "small"), std::nullopt);
  batch.Clear();
  batch.Put(std::string(kKeyBytesMax, 'k'), std::string(1u << 20, 'v'));
  EXPECT_TRUE(engine_->Commit(batch).ok());
  EXPECT_EQ(Get(*engine_, std::string(kKeyBytesMax, 'k'))->size(), 1u << 20);
}

// Goal: any run of batches leaves what a map would hold, by get and by scan, over snapshots of all
// ages.
TEST_P(EngineConformance, RandomRunEqualsAMap) {
  std::mt19937_64 random(20261122);
  std::map<std::string, std::string> model;
  std::vector<std::pair<std::unique_ptr<Snapshot>, std::map<std::string, std::string>>> kept;
  for (int round = 0; round < 300; ++round) {
    Batch batch;
    for (int write = 0; write < 20; ++write) {
      const std::string key = "key" + std::to_string(random() % 400);
      if (random() % 4 == 0) {
        batch.Delete(key);
        model.erase(key);
      } else {
        const std::string value(random() % 600, static_cast<char>('a' + random() % 26));
        batch.Put(key, value);
        model[key] = value;
      }
    }
    ASSERT_TRUE(engine_->Commit(batch).ok());
    if (round % 50 == 0) kept.emplace_back(engine_->TakeSnapshot(), model);
    const std::string key = "key" + std::to_string(random() % 400);
    const auto expected = model.find(key);
    EXPECT_EQ(Get(*engine_, key),
              expected == model.end() ? std::nullopt : std::make_optional(expected->second));
  }
  for (const auto& [snapshot, then] : kept) EXPECT_EQ(Scan(*snapshot, "", ""), then);
  EXPECT_EQ(Scan(*engine_->TakeSnapshot(), "", ""), model);
  EXPECT_GT(engine_->GetStatistics().keys_estimate, 0u);
}

// Goal: readers on other threads see whole batches only.
TEST_P(EngineConformance, ReadersSeeWholeBatches) {
  std::atomic<bool> stop{false};
  std::atomic<int> torn{0};
  Put("x", "0");
  Put("y", "0");
  std::thread reader([&] {
    while (!stop) {
      const auto snapshot = engine_->TakeSnapshot();
      const auto x = snapshot->Get("x");
      const auto y = snapshot->Get("y");
      if (!x.ok() || !y.ok() || *x != *y) ++torn;
    }
  });
  for (int i = 1; i <= 300; ++i) {
    Batch batch;
    batch.Put("x", std::to_string(i));
    batch.Put("y", std::to_string(i));
    EXPECT_TRUE(engine_->Commit(batch).ok());
  }
  stop = true;
  reader.join();
  EXPECT_EQ(torn, 0);
}

// Goal: an engine with a disk keeps all of it over a reopening, and a checkpoint is a whole store
// of its moment.
TEST_P(EngineConformance, DiskKeepsAndCheckpointCopies) {
  Put("a", "1");
  if (!GetParam().has_disk) {
    EXPECT_EQ(engine_->Checkpoint(directory_ + "/copy").code(), absl::StatusCode::kUnimplemented);
    return;
  }
  ASSERT_TRUE(engine_->Checkpoint(directory_ + "/copy").ok());
  EXPECT_EQ(contract::ReasonOf(engine_->Checkpoint(directory_ + "/copy")), Reason::kAlreadyExists);
  Put("a", "2");
  engine_.reset();
  engine_ = GetParam().make(directory_ + "/store");
  ASSERT_NE(engine_, nullptr);
  EXPECT_EQ(Get(*engine_, "a"), "2");
  EXPECT_GT(engine_->GetStatistics().disk_bytes, 0u);
  const auto copy = GetParam().make(directory_ + "/copy");
  ASSERT_NE(copy, nullptr);
  EXPECT_EQ(Get(*copy, "a"), "1");
}

INSTANTIATE_TEST_SUITE_P(
    Engines, EngineConformance,
    testing::Values(
        Maker{"Memory", [](const std::string&) { return std::make_unique<MemoryEngine>(); }, false},
        Maker{"Fault", [](const std::string&) { return std::make_unique<FaultEngine>(); }, false},
        Maker{"Rocks", MakeRocks, true}),
    [](const testing::TestParamInfo<Maker>& tested) { return tested.param.name; });

}  // namespace
}  // namespace tripoint::storage
