#include "storage/rocks_engine.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/unit/storage/fixture.h"

namespace tripoint::storage {
namespace {

namespace fs = std::filesystem;
using contract::Reason;
using contract::ReasonOf;
using testing_support::TemporaryFolder;

RocksOptions Creating() {
  RocksOptions options;
  options.create = true;
  return options;
}

void Fill(Engine& engine, int count) {
  for (int i = 0; i < count; ++i) {
    Batch batch;
    batch.Put("key" + std::to_string(1000 + i), std::string(200, 'v'));
    ASSERT_TRUE(engine.Commit(batch).ok());
  }
}

fs::path LogFile(const std::string& directory) {
  fs::path found;
  for (const auto& file : fs::directory_iterator(directory)) {
    if (file.path().extension() == ".log" && file.file_size() > 0) found = file.path();
  }
  return found;
}

// Goal: data is made by create only, and never over existing data.
TEST(RocksEngine, CreateAndOpenAreNotTheSame) {
  const TemporaryFolder folder;
  const std::string directory = folder.path + "/store";
  EXPECT_EQ(ReasonOf(OpenRocksEngine(directory, {}).status()), Reason::kConfigInvalid);
  EXPECT_FALSE(fs::exists(directory + "/CURRENT"));
  ASSERT_TRUE(OpenRocksEngine(directory, Creating()).ok());
  EXPECT_EQ(ReasonOf(OpenRocksEngine(directory, Creating()).status()), Reason::kAlreadyExists);
  EXPECT_TRUE(OpenRocksEngine(directory, {}).ok());
}

// Goal: a second opener is told that the data is in use, and the first goes on.
TEST(RocksEngine, SecondOpenerIsRefused) {
  const TemporaryFolder folder;
  const auto first = OpenRocksEngine(folder.path + "/store", Creating());
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(ReasonOf(OpenRocksEngine(folder.path + "/store", {}).status()), Reason::kDataLocked);
  Fill(**first, 1);
}

// Goal: a torn tail of the log is refused by the strict mode and cut by point-in-time; a flipped
// byte in the middle is never opened as whole.
TEST(RocksEngine, DamagedLogNeedsPointInTime) {
  const TemporaryFolder folder;
  const std::string directory = folder.path + "/store";
  {
    const auto engine = OpenRocksEngine(directory, Creating());
    ASSERT_TRUE(engine.ok());
    Fill(**engine, 50);
  }
  const fs::path log = LogFile(directory);
  ASSERT_FALSE(log.empty());
  fs::resize_file(log, fs::file_size(log) - 7);
  EXPECT_EQ(ReasonOf(OpenRocksEngine(directory, {}).status()), Reason::kCorrupt);
  RocksOptions lenient;
  lenient.recovery = RecoveryMode::kPointInTime;
  const auto engine = OpenRocksEngine(directory, lenient);
  ASSERT_TRUE(engine.ok()) << engine.status();
  EXPECT_TRUE((*engine)->Get("key1048")->has_value());
  EXPECT_FALSE((*engine)->Get("key1049")->has_value());
}

// Goal: damaged blocks are found on reading: an error and the fatal call, never a wrong or
// shortened answer.
TEST(RocksEngine, DamagedTableIsReported) {
  const TemporaryFolder folder;
  const std::string directory = folder.path + "/store";
  {
    RocksOptions options = Creating();
    const auto engine = OpenRocksEngine(directory, options);
    ASSERT_TRUE(engine.ok());
    Fill(**engine, 400);
    ASSERT_TRUE((*engine)->Checkpoint(folder.path + "/copy").ok());  // flushes into a table
  }
  for (const auto& file : fs::directory_iterator(folder.path + "/copy")) {
    if (file.path().extension() != ".sst") continue;
    std::fstream bytes(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(600);
    bytes.write("damage", 6);
  }
  std::vector<absl::Status> fatal;
  RocksOptions options;
  options.on_fatal = [&fatal](const absl::Status& status) { fatal.push_back(status); };
  const auto engine = OpenRocksEngine(folder.path + "/copy", options);
  ASSERT_TRUE(engine.ok()) << engine.status();
  const auto snapshot = (*engine)->TakeSnapshot();
  const auto cursor = snapshot->NewCursor("", "");
  int seen = 0;
  for (; cursor->Valid(); cursor->Next()) ++seen;
  EXPECT_LT(seen, 400);
  EXPECT_EQ(ReasonOf(cursor->status()), Reason::kCorrupt);
  ASSERT_EQ(fatal.size(), 1u);
  EXPECT_EQ(ReasonOf(fatal.front()), Reason::kCorrupt);
  Batch batch;
  batch.Put("a", "b");
  EXPECT_EQ(ReasonOf((*engine)->Commit(batch)), Reason::kOutcomeUnknown);
  EXPECT_TRUE((*engine)->GetStatistics().writes_stopped);
}

}  // namespace
}  // namespace tripoint::storage
