// What only the RocksDB engine can show: real files, locks, full disks, damaged logs.
#include "storage/rocks_engine.h"

#include <sys/mount.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
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
TEST(RocksEngine, R9CreateAndOpenAreNotTheSame) {
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

// Goal: ample room is measured once for a moment, and anew after it; each time where there is no
// clock, or where something is refused.
TEST(RocksEngine, AmpleRoomStandsForAMoment) {
  const TemporaryFolder folder;
  std::int64_t now_ms = 1000;
  struct Row {
    std::string name;
    unsigned bulk_percent = 100;
    bool with_clock = true;
    bool stands = false;
  };
  for (const Row& row :
       {Row{.name = "ample", .stands = true}, Row{.name = "timeless", .with_clock = false},
        Row{.name = "refusing", .bulk_percent = 0}}) {
    RocksOptions options = Creating();
    options.floors = {.bulk_percent = row.bulk_percent, .routine_percent = 100};
    if (row.with_clock) options.monotonic_ms = [&now_ms] { return now_ms; };
    const auto engine = OpenRocksEngine(folder.path + "/" + row.name, std::move(options));
    ASSERT_TRUE(engine.ok()) << engine.status();
    const Room before = (*engine)->GetRoom();
    // A disk of the tests without a gibibyte to spare is measured each time, clock or not.
    const bool stands = row.stands && IsAmple(before);
    std::ofstream file(folder.path + "/more");
    file << std::string(64u << 20, 'x');
    file.close();
    now_ms += kRoomStandsMs - 1;
    EXPECT_EQ((*engine)->GetRoom().space.free_bytes == before.space.free_bytes, stands) << row.name;
    now_ms += 1;
    EXPECT_NE((*engine)->GetRoom().space.free_bytes, before.space.free_bytes) << row.name;
    fs::remove(folder.path + "/more");
  }
}

// Goal: a batch that holds what no record may be changes nothing, and an empty one is no change.
TEST(RocksEngine, BatchOfNoUseChangesNothing) {
  const TemporaryFolder folder;
  const auto engine = OpenRocksEngine(folder.path + "/store", Creating());
  ASSERT_TRUE(engine.ok());
  EXPECT_TRUE((*engine)->Commit(Batch()).ok());
  const std::string longest(kKeyBytesMax, 'k');
  for (const auto& [key, bytes] : std::vector<std::pair<std::string, std::size_t>>{
           {"", 1}, {longest + "k", 1}, {"key", kValueBytesMax + 1}}) {
    Batch batch;
    batch.Put("before", "it");
    batch.Put(key, std::string(bytes, 'v'));
    EXPECT_EQ(ReasonOf((*engine)->Commit(batch)), Reason::kTooLarge);
    EXPECT_FALSE((*engine)->Get("before")->has_value());
  }
  Batch batch;
  batch.Put(longest, std::string(kValueBytesMax, 'v'));
  ASSERT_TRUE((*engine)->Commit(batch).ok());
  EXPECT_EQ((*engine)->Get(longest)->value().size(), kValueBytesMax);
}

// Goal: a checkpoint is never made over what is there, and says when it cannot be made.
TEST(RocksEngine, CheckpointNeedsAPlaceOfItsOwn) {
  const TemporaryFolder folder;
  const auto engine = OpenRocksEngine(folder.path + "/store", Creating());
  ASSERT_TRUE(engine.ok());
  Fill(**engine, 3);
  const std::string place = folder.path + "/checkpoint";
  ASSERT_TRUE((*engine)->Checkpoint(place).ok());
  EXPECT_EQ(ReasonOf((*engine)->Checkpoint(place)), Reason::kAlreadyExists);
  EXPECT_EQ(ReasonOf((*engine)->Checkpoint(folder.path + "/not/there")), Reason::kOutcomeUnknown);
  const auto copy = OpenRocksEngine(place, {});
  ASSERT_TRUE(copy.ok()) << copy.status();
  EXPECT_EQ((*copy)->Get("key1002")->value(), std::string(200, 'v'));
}

// Goal: what RocksDB warns of is told to the node, which logs it where there is room.
TEST(RocksEngine, WarningsGoToTheNodesLog) {
  const TemporaryFolder folder;
  std::vector<std::string> lines;
  RocksOptions options = Creating();
  options.on_log = [&lines](std::string_view line) { lines.emplace_back(line); };
  ASSERT_TRUE(OpenRocksEngine(folder.path + "/store", options).ok());
  EXPECT_FALSE(lines.empty());
  EXPECT_FALSE(fs::exists(folder.path + "/store/LOG"));
}

// Goal: a node that dies again and again, sooner than tables can be merged, still stores when it is
// open: each opening makes a table of the log, and RocksDB writes nothing while there are too many.
// Found by tests/integration/test_fire.py: after 330 kills no change was answered any more.
TEST(RocksEngineDeathTest, ManyDeathsDoNotStopTheWriting) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // a process of its own
  constexpr int kDeaths = 45;
  constexpr std::uint64_t kSlowTables = 20;  // with so many RocksDB writes more slowly
  const char* const inherited = std::getenv("TRIPOINT_DEATHS_FOLDER");
  const TemporaryFolder own;
  const std::string directory = inherited != nullptr ? inherited : own.path + "/store";
  if (inherited == nullptr) {
    const auto engine = OpenRocksEngine(directory, Creating());
    ASSERT_TRUE(engine.ok());
    // So much that merging it takes longer than a process lives.
    std::mt19937_64 random(1);
    for (int i = 0; i < 100; ++i) {
      Batch batch;
      for (int j = 0; j < 1000; ++j) {
        std::string value(1000, '\0');
        for (char& byte : value) byte = static_cast<char>(random());
        batch.Put("k" + std::to_string(100'000 + i * 1000 + j), value);
      }
      ASSERT_TRUE((*engine)->Commit(batch).ok());
    }
    ::setenv("TRIPOINT_DEATHS_FOLDER", directory.c_str(), 1);
  }
  for (int death = 0; death < kDeaths; ++death) {
    EXPECT_EXIT(
        {
          const auto engine = OpenRocksEngine(directory, {});
          if (!engine.ok() || (*engine)->GetStatistics().unmerged_tables >= kSlowTables) ::_exit(2);
          Batch batch;
          batch.Put("a", "from the first");
          batch.Put("z", "to the last");
          ::_exit((*engine)->Commit(batch).ok() ? 0 : 1);
        },
        ::testing::ExitedWithCode(0), "");
    ASSERT_FALSE(HasFailure()) << death;
  }
  ::unsetenv("TRIPOINT_DEATHS_FOLDER");
}

// Goal: a torn tail of the log is refused by the strict mode and cut by point-in-time; a flipped
// byte in the middle is never opened as whole.
TEST(RocksEngine, R5DamagedLogNeedsPointInTime) {
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
TEST(RocksEngine, R8DamagedTableIsReported) {
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
  // A walk that nobody waits for says it, and ends no node.
  const auto scan = snapshot->NewScan("", "");
  while (scan->Valid()) scan->Next();
  EXPECT_EQ(ReasonOf(scan->status()), Reason::kCorrupt);
  EXPECT_TRUE(fatal.empty());
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

// Goal: a really full disk refuses with its own reason, reads go on, writing comes back by itself
// when space returns, and nothing that was acknowledged is lost. Needs the right to mount a small
// tmpfs.
TEST(RocksEngine, R10FullDiskComesBack) {
  const TemporaryFolder folder;
  const std::string disk = folder.path + "/disk";
  fs::create_directories(disk);
  if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=8m") != 0) {
    ASSERT_EQ(std::getenv("CI"), nullptr) << "CI has the right to mount a tmpfs and must use it";
    GTEST_SKIP() << "no right to mount a tmpfs";
  }
  std::vector<Reason> troubles;
  bool fatal = false;
  int acknowledged = 0;
  const auto write = [&](Engine& engine, int count) {
    for (int i = 0; i < count; ++i) {
      Batch batch;
      batch.Put("key" + std::to_string(100000 + acknowledged),
                std::string(4000, static_cast<char>('a' + i % 26)));
      const absl::Status status = engine.Commit(batch);
      if (!status.ok()) return status;
      ++acknowledged;
    }
    return absl::OkStatus();
  };
  {
    RocksOptions options = Creating();
    options.write_buffer_bytes = 256 * 1024;
    options.on_fatal = [&fatal](const absl::Status&) { fatal = true; };
    options.on_trouble = [&troubles](const absl::Status& status) {
      troubles.push_back(ReasonOf(status));
    };
    const auto engine = OpenRocksEngine(disk + "/store", options);
    ASSERT_TRUE(engine.ok()) << engine.status();
    ASSERT_TRUE(write(**engine, 50).ok());
    for (int cycle = 0; cycle < 3; ++cycle) {
      {
        std::ofstream ballast(disk + "/ballast", std::ios::binary);
        const std::string block(4096, 'b');
        while (ballast.write(block.data(), 4096).flush()) {
        }
      }
      const absl::Status full = write(**engine, 500);
      EXPECT_EQ(ReasonOf(full), Reason::kDiskFull) << full;
      for (int i = 0; i < 100; ++i) EXPECT_EQ(ReasonOf(write(**engine, 1)), Reason::kDiskFull);
      EXPECT_TRUE((*engine)->GetStatistics().writes_stopped);
      EXPECT_TRUE((*engine)->Get("key100000")->has_value());
      fs::remove(disk + "/ballast");
      const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
      absl::Status again = write(**engine, 1);
      while (!again.ok() && std::chrono::steady_clock::now() < deadline) again = write(**engine, 1);
      EXPECT_TRUE(again.ok()) << again;
      EXPECT_TRUE(write(**engine, 50).ok());
    }
    EXPECT_FALSE(fatal);
    EXPECT_FALSE((*engine)->GetStatistics().writes_stopped);
  }
  {
    const auto engine = OpenRocksEngine(disk + "/store", {});
    EXPECT_TRUE(engine.ok()) << engine.status();
    for (int i = 0; engine.ok() && i < acknowledged; ++i) {
      EXPECT_TRUE((*engine)->Get("key" + std::to_string(100000 + i))->has_value()) << i;
    }
  }
  EXPECT_FALSE(troubles.empty());
  EXPECT_EQ(umount(disk.c_str()), 0);
}

// Goal: when another process takes the last space under the engine's feet (here: no floor), the
// answer is "full" or the fatal call; the process never dies of an assertion, and opening again
// finds everything acknowledged.
TEST(RocksEngine, LogThatMeetsTheEndOfTheDisk) {
  const TemporaryFolder folder;
  const std::string disk = folder.path + "/disk";
  fs::create_directories(disk);
  if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=8m") != 0) {
    ASSERT_EQ(std::getenv("CI"), nullptr) << "CI has the right to mount a tmpfs and must use it";
    GTEST_SKIP() << "no right to mount a tmpfs";
  }
  int acknowledged = 0;
  bool fatal = false;
  {
    RocksOptions options = Creating();
    options.write_buffer_bytes = 256 * 1024;
    options.floors.flash_bytes = 0;
    options.on_fatal = [&fatal](const absl::Status&) { fatal = true; };
    const auto engine = OpenRocksEngine(disk + "/store", options);
    ASSERT_TRUE(engine.ok()) << engine.status();
    std::ofstream ballast(disk + "/ballast", std::ios::binary);
    const std::string block(4096, 'b');
    while (ballast.write(block.data(), 4096).flush()) {
    }
    ballast.close();
    for (int i = 0; i < 200; ++i) {
      if (i == 150) fs::remove(disk + "/ballast");
      Batch batch;
      batch.Put("key" + std::to_string(100000 + acknowledged), std::string(4000, 'x'));
      const absl::Status status = (*engine)->Commit(batch);
      if (status.ok()) ++acknowledged;
      if (!status.ok()) {
        EXPECT_TRUE(ReasonOf(status) == Reason::kDiskFull ||
                    ReasonOf(status) == Reason::kOutcomeUnknown)
            << status;
      }
    }
    EXPECT_TRUE(fatal || acknowledged > 0);
  }
  {
    const auto engine = OpenRocksEngine(disk + "/store", {});
    EXPECT_TRUE(engine.ok()) << engine.status();
    for (int i = 0; engine.ok() && i < acknowledged; ++i) {
      EXPECT_TRUE((*engine)->Get("key" + std::to_string(100000 + i))->has_value()) << i;
    }
  }
  EXPECT_EQ(umount(disk.c_str()), 0);
}

}  // namespace
}  // namespace tripoint::storage
