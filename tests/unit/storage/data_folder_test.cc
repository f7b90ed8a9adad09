// The folder of a node: init, open, lock, other units, newer schemas, damaged logs.
#include "storage/data_folder.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "gtest/gtest.h"
#include "storage/keys.h"
#include "storage/put_aside.h"
#include "tests/unit/storage/fixture.h"

namespace tripoint::storage {
namespace {

namespace fs = std::filesystem;
using contract::Reason;
using contract::ReasonOf;
using testing_support::Draft;
using testing_support::kEpoch;
using testing_support::kNowMs;
using testing_support::TemporaryFolder;

void Write(Engine& engine, int count) {
  CommitterCore core(engine);
  for (int i = 0; i < count; ++i) {
    absl::Status answer;
    core.Submit(
        [](Transaction& transaction) {
          transaction.Put("\x7fkey", std::to_string(transaction.change_number()));
          transaction.Journal(Draft("test.write"));
          return absl::OkStatus();
        },
        [&answer](const absl::Status& status) { answer = status; });
    core.RunOnce(kNowMs);
    ASSERT_TRUE(answer.ok()) << answer;
  }
}

// Goal: init makes private folders and a store that opens; everything else is refused with its
// reason and a next step.
TEST(DataFolder, InitOpensAndOthersAreRefused) {
  const TemporaryFolder folder;
  const std::string data = folder.path + "/data";
  const auto missing = OpenDataFolder(data, "vn-tayninh", {});
  EXPECT_EQ(ReasonOf(missing.status()), Reason::kConfigInvalid);
  EXPECT_EQ(CheckDataFolder(data).message(), missing.status().message());
  EXPECT_FALSE(contract::ProblemOf(missing.status()).next.empty());
  EXPECT_FALSE(fs::exists(data));

  ASSERT_TRUE(InitializeDataFolder(data, "vn-tayninh", kEpoch, kNowMs).ok());
  EXPECT_EQ(ReasonOf(InitializeDataFolder(data, "vn-tayninh", kEpoch, kNowMs)),
            Reason::kAlreadyExists);
  EXPECT_TRUE(CheckDataFolder(data).ok());
  for (const std::string& path : {data, StoreFolder(data), TlsFolder(data)}) {
    EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_all) << path;
  }
  EXPECT_EQ(ReasonOf(OpenDataFolder(data, "vn-angiang", {}).status()), Reason::kConfigInvalid);
  const auto opened = OpenDataFolder(data, "vn-tayninh", {});
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->node.epoch(), kEpoch);
  EXPECT_FALSE(opened->damaged);
  EXPECT_EQ(ReasonOf(OpenDataFolder(data, "vn-tayninh", {}).status()), Reason::kDataLocked);
  EXPECT_EQ(ReasonOf(InitializeDataFolder(data, "vn-tayninh", kEpoch, kNowMs)),
            Reason::kDataLocked);
}

// Goal: keys and records open to other users are refused.
TEST(DataFolder, FolderOpenToOthersIsRefused) {
  const TemporaryFolder folder;
  ASSERT_TRUE(InitializeDataFolder(folder.path, "vn-tayninh", kEpoch, kNowMs).ok());
  for (const std::string& path : {folder.path, StoreFolder(folder.path), TlsFolder(folder.path)}) {
    fs::permissions(path, fs::perms::group_read, fs::perm_options::add);
    const absl::Status refused = OpenDataFolder(folder.path, "vn-tayninh", {}).status();
    EXPECT_EQ(ReasonOf(refused), Reason::kConfigInvalid);
    EXPECT_EQ(contract::ProblemOf(refused).next, "Run `chmod 700 " + path + "`.");
    fs::permissions(path, fs::perms::owner_all);
  }
}

// Goal: init makes an empty folder private; one that others read and that holds something is not
// touched.
TEST(DataFolder, InitMakesOnlyItsOwnFolderPrivate) {
  const TemporaryFolder folder;
  const fs::perms open = fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec;
  const std::string empty = folder.path + "/empty";
  fs::create_directory(empty);
  fs::permissions(empty, open);
  ASSERT_TRUE(InitializeDataFolder(empty, "vn-tayninh", kEpoch, kNowMs).ok());
  EXPECT_EQ(fs::status(empty).permissions(), fs::perms::owner_all);
  fs::permissions(folder.path, open);
  EXPECT_EQ(ReasonOf(InitializeDataFolder(folder.path, "vn-tayninh", kEpoch, kNowMs)),
            Reason::kConfigInvalid);
  EXPECT_EQ(fs::status(folder.path).permissions(), open);
  EXPECT_FALSE(fs::exists(StoreFolder(folder.path)));
}

// Goal: a folder that cannot be made is told, with where to look.
TEST(DataFolder, FolderThatCannotBeMadeIsTold) {
  const TemporaryFolder folder;
  std::ofstream(folder.path + "/file") << "no folder";
  for (const std::string& data : {folder.path + "/file", folder.path + "/file/data"}) {
    const absl::Status refused = InitializeDataFolder(data, "vn-tayninh", kEpoch, kNowMs);
    EXPECT_EQ(ReasonOf(refused), Reason::kConfigInvalid) << refused;
    EXPECT_FALSE(contract::ProblemOf(refused).next.empty());
    EXPECT_EQ(ReasonOf(OpenDataFolder(data, "vn-tayninh", {}).status()), Reason::kConfigInvalid);
  }
  // A file stands where the store would be.
  const std::string data = folder.path + "/data";
  fs::create_directory(data);
  fs::permissions(data, fs::perms::owner_all);
  std::ofstream(StoreFolder(data)) << "no store";
  const absl::Status refused = InitializeDataFolder(data, "vn-tayninh", kEpoch, kNowMs);
  EXPECT_EQ(ReasonOf(refused), Reason::kConfigInvalid) << refused;
  EXPECT_EQ(fs::file_size(StoreFolder(data)), 8u);
}

// Goal: a half-made store that is damaged is not completed, and not made anew over what is there.
TEST(DataFolder, KilledInitThatIsDamagedIsRefused) {
  const TemporaryFolder folder;
  fs::create_directories(StoreFolder(folder.path));
  RocksOptions options;
  options.create = true;
  ASSERT_TRUE(OpenRocksEngine(StoreFolder(folder.path), options).ok());
  std::ofstream(StoreFolder(folder.path) + "/CURRENT", std::ios::trunc) << "MANIFEST-000099\n";
  const absl::Status refused = InitializeDataFolder(folder.path, "vn-tayninh", kEpoch, kNowMs);
  EXPECT_FALSE(refused.ok());
  EXPECT_NE(ReasonOf(refused), Reason::kAlreadyExists) << refused;
  std::ifstream current(StoreFolder(folder.path) + "/CURRENT");
  std::string name;
  current >> name;
  EXPECT_EQ(name, "MANIFEST-000099");
}

TEST(DataFolder, CheckpointThatWasLeftIsRemoved) {
  const TemporaryFolder folder;
  const std::string checkpoint = CheckpointFolder(folder.path);
  EXPECT_FALSE(RemoveCheckpoint(checkpoint));
  for (const char* const left : {"", ".tmp"}) {
    fs::create_directories(checkpoint + left + "/files");
    EXPECT_TRUE(RemoveCheckpoint(checkpoint));
    EXPECT_FALSE(fs::exists(checkpoint + left));
  }
}

// Goal: an init that was killed between the engine and the node record is completed by the next
// one.
TEST(DataFolder, KilledInitIsCompleted) {
  const TemporaryFolder folder;
  fs::create_directories(StoreFolder(folder.path));
  RocksOptions options;
  options.create = true;
  ASSERT_TRUE(OpenRocksEngine(StoreFolder(folder.path), options).ok());
  ASSERT_TRUE(InitializeDataFolder(folder.path, "vn-tayninh", kEpoch, kNowMs).ok());
  EXPECT_TRUE(OpenDataFolder(folder.path, "vn-tayninh", {}).ok());
}

// Goal: power cuts, which are harmless, do not use up the places for what was damaged: the newest
// copies are there, and what has tables, which is of a loss, stays.
TEST(DataFolder, NewestDamageIsPutAside) {
  constexpr int kCuts = 7;
  const TemporaryFolder folder;
  ASSERT_TRUE(InitializeDataFolder(folder.path, "vn-tayninh", kEpoch, kNowMs).ok());
  const auto read = [](const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  };
  fs::create_directories(folder.path + "/damaged-2");
  std::ofstream(folder.path + "/damaged-2/000007.sst") << "of a loss";
  for (int cut = 0; cut < kCuts; ++cut) {
    {
      const auto opened = OpenDataFolder(folder.path, "vn-tayninh", {});
      ASSERT_TRUE(opened.ok()) << opened.status();
      Write(*opened->engine, 5 + cut);
    }
    fs::path log;
    for (const auto& file : fs::directory_iterator(StoreFolder(folder.path))) {
      if (file.path().extension() != ".log" || file.file_size() < 8) continue;
      log = file.path();
      fs::resize_file(log, file.file_size() - 7);
    }
    const std::string torn = read(log);
    ASSERT_FALSE(torn.empty());
    const auto opened = OpenDataFolder(folder.path, "vn-tayninh", {});
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_TRUE(opened->damaged);
    int copies = 0;
    for (int number = 1; number <= 2 * kDamagedCopiesMax; ++number) {
      const fs::path copy = folder.path + "/damaged-" + std::to_string(number);
      if (read(copy / log.filename()) == torn) ++copies;
      EXPECT_EQ(fs::exists(copy), number <= std::max(cut + 2, 2) && number <= kDamagedCopiesMax)
          << number << " after " << cut;
    }
    EXPECT_EQ(copies, 1) << cut;
    EXPECT_EQ(read(folder.path + "/damaged-2/000007.sst"), "of a loss");
  }
}

// Goal: a torn tail of the log opens as damaged with the log kept aside; a journal with a hole does
// not open.
TEST(DataFolder, DamageIsCutOrRefused) {
  const TemporaryFolder folder;
  ASSERT_TRUE(InitializeDataFolder(folder.path, "vn-tayninh", kEpoch, kNowMs).ok());
  {
    const auto opened = OpenDataFolder(folder.path, "vn-tayninh", {});
    ASSERT_TRUE(opened.ok());
    Write(*opened->engine, 20);
  }
  for (const auto& file : fs::directory_iterator(StoreFolder(folder.path))) {
    if (file.path().extension() == ".log" && file.file_size() > 7)
      fs::resize_file(file.path(), file.file_size() - 7);
  }
  // What a start that ran out of space left behind counts for nothing.
  fs::create_directories(folder.path + "/damaged-1.part/CURRENT");
  {
    const auto opened = OpenDataFolder(folder.path, "vn-tayninh", {});
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_TRUE(opened->damaged);
    EXPECT_FALSE(fs::exists(folder.path + "/damaged-1.part"));
    EXPECT_TRUE(fs::exists(folder.path + "/damaged-1/CURRENT"));
    EXPECT_EQ(ReadJournalHead(*opened->engine)->frontier.size(), 19u);
    Batch batch;
    batch.Delete(JournalKey(12));
    ASSERT_TRUE(opened->engine->Commit(batch).ok());
  }
  EXPECT_EQ(ReasonOf(OpenDataFolder(folder.path, "vn-tayninh", {}).status()), Reason::kCorrupt);
}

}  // namespace
}  // namespace tripoint::storage
