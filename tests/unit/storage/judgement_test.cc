// What a damage cost is judged once and never forgotten, and not on the head file's word alone.
#include "storage/judgement.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "storage/data_folder.h"
#include "storage/head_file.h"
#include "storage/keys.h"
#include "storage/put_aside.h"
#include "tests/unit/storage/fixture.h"
#include "tests/unit/storage/rocks_engine_faults.h"
#include "tests/unit/storage/torn_store.h"

namespace tripoint::storage {
namespace {

namespace fs = std::filesystem;
using contract::Reason;
using contract::ReasonOf;
using testing_support::Draft;
using testing_support::Garbage;
using testing_support::kEpoch;
using testing_support::kNowMs;
using testing_support::ReadFile;
using testing_support::TemporaryFolder;

constexpr char kUnit[] = "vn-tayninh";

// A store of which kChanges are in the log; the head file knows kKept of them.
class Judged : public ::testing::Test {
 protected:
  static constexpr int kChanges = 20;
  static constexpr int kKept = 10;

  Judged() : data_(folder_.path + "/data") {
    EXPECT_TRUE(InitializeDataFolder(data_, kUnit, kEpoch, kNowMs).ok());
    const auto opened = Open();
    EXPECT_TRUE(opened.ok()) << opened.status();
    CommitterCore core(*opened->engine);
    for (int i = 1; i <= kChanges; ++i) {
      core.Submit(
          [](Transaction& transaction) {
            transaction.Put("\x7fkey", std::to_string(transaction.change_number()));
            transaction.Journal(Draft("test.write"));
            return absl::OkStatus();
          },
          [](const absl::Status& status) { EXPECT_TRUE(status.ok()) << status; });
      core.RunOnce(kNowMs);
      if (i != kKept) continue;
      const auto head = ReadJournalHead(*opened->engine);
      EXPECT_TRUE(HeadKeeper(HeadFile(data_))
                      .Settle({.epoch = head->epoch,
                               .size = head->frontier.size(),
                               .root = head->frontier.Root()})
                      .ok());
    }
  }

  absl::StatusOr<OpenedStore> Open(const std::string& unit = kUnit) const {
    RocksOptions options;
    options.reserve_bytes = 0;
    return OpenDataFolder(data_, unit, options);
  }
  fs::path Log() const {
    for (const auto& file : fs::directory_iterator(StoreFolder(data_))) {
      if (file.path().extension() == ".log" && file.file_size() > 0) return file.path();
    }
    ADD_FAILURE() << "no log";
    return {};
  }
  void TearLog() const { fs::resize_file(Log(), fs::file_size(Log()) - 7); }
  // Of the record with change `number`; those behind it are whole.
  void DamageLog(int number) const {
    std::string bytes = ReadFile(Log());
    const std::size_t key = bytes.find(JournalKey(static_cast<std::uint64_t>(number)));
    ASSERT_NE(key, std::string::npos);
    bytes[key + 12] = static_cast<char>(bytes[key + 12] ^ 1);
    std::ofstream(Log(), std::ios::binary) << bytes;
  }
  void ExpectLost(bool lost) const {
    const auto opened = Open();
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(opened->lost, lost);
  }

  static void BeginEpoch(const OpenedStore& opened) {
    store::v1::NodeRecord node = opened.node;
    node.mutable_recovery()->set_past_epoch(node.epoch());
    node.set_epoch(node.epoch() + 1);
    Batch batch;
    batch.Put(NodeKey(), node.SerializeAsString());
    EXPECT_TRUE(opened.engine->Commit(batch).ok());
  }

  const TemporaryFolder folder_;
  const std::string data_;
};

// Goal: a loss that only the damage tells, since there is no head file, is told by every start
// until a new epoch is stored.
TEST_F(Judged, LossIsToldUntilTheEpochIsStored) {
  fs::remove(HeadFile(data_));
  TearLog();
  for (int start = 0; start < 3; ++start) ExpectLost(true);
}

// Goal: a start that ended between the cut of the log and the verdict leaves the verdict to the
// next one, which looks as closely.
TEST_F(Judged, CutLogIsJudgedByTheNextStart) {
  TearLog();
  EXPECT_EQ(ReasonOf(Open("vn-angiang").status()), Reason::kConfigInvalid);
  const auto opened = Open();
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->damaged);
  EXPECT_FALSE(opened->lost);
}
TEST_F(Judged, CutLogWithoutHeadFileIsJudgedByTheNextStart) {
  TearLog();
  fs::remove(HeadFile(data_));
  EXPECT_EQ(ReasonOf(Open("vn-angiang").status()), Reason::kConfigInvalid);
  ExpectLost(true);
}

// Goal: what was written behind the damage was acknowledged, though the head file is too old to
// know.
TEST_F(Judged, RecordsBehindTheDamageAreALoss) {
  DamageLog(15);
  ExpectLost(true);
  ExpectLost(true);
}

// Goal: with the new epoch stored nothing is told any more, whether or not the node lived to remove
// the mark; and the next loss is.
TEST_F(Judged, StoredEpochEndsIt) {
  fs::remove(HeadFile(data_));
  TearLog();
  for (const bool lived : {false, true}) {
    {
      const auto opened = Open();
      ASSERT_TRUE(opened.ok()) << opened.status();
      EXPECT_TRUE(opened->lost);
      EXPECT_TRUE(fs::exists(JudgementFile(data_)));
      BeginEpoch(*opened);
      if (lived) {
        EXPECT_TRUE(EpochStored(data_).ok());
        EXPECT_FALSE(fs::exists(JudgementFile(data_)));
      }
    }
    {
      const auto opened = Open();
      ASSERT_TRUE(opened.ok()) << opened.status();
      EXPECT_FALSE(opened->lost);
      EXPECT_FALSE(fs::exists(JudgementFile(data_)));
      Batch batch;
      batch.Put("\x7fkey", "in the log again");
      EXPECT_TRUE(opened->engine->Commit(batch).ok());
    }
    std::ofstream(Log(), std::ios::binary | std::ios::app) << std::string(40, '\x7f');
  }
}

// Goal: a mark that was damaged itself, or says what a later version writes, counts as the worst.
TEST_F(Judged, UnreadableMarkIsTheWorst) {
  for (const char* text : {"", "unjudged", "lost 17\n", "lost x\nend\n", "later 1\nend\n"}) {
    std::ofstream(JudgementFile(data_), std::ios::trunc) << text;
    ExpectLost(true);
  }
  fs::remove(JudgementFile(data_));
  fs::create_symlink(JudgementFile(data_), JudgementFile(data_));
  EXPECT_EQ(ReasonOf(Open().status()), Reason::kCorrupt);
}

// Goal: without what was put aside nothing proves that it held no more.
TEST_F(Judged, DeletedEvidenceIsALoss) {
  TearLog();
  EXPECT_EQ(ReasonOf(Open("vn-angiang").status()), Reason::kConfigInvalid);
  ASSERT_TRUE(fs::remove_all(data_ + "/damaged-1") > 0);
  ExpectLost(true);
}

// Goal: the same damage, met again and again, does not push the first copy of it out.
TEST_F(Judged, RefusedStartsKeepOneCopy) {
  TearLog();
  const std::string log = ReadFile(Log());
  const std::string name = Log().filename().string();
  const auto disk = std::make_shared<testing_support::FaultDisk>();
  const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(disk);
  disk->CutPowerAt(1);
  RocksOptions options;
  options.reserve_bytes = 0;
  options.env = env.get();
  for (int start = 0; start < 6; ++start)
    EXPECT_EQ(ReasonOf(OpenDataFolder(data_, kUnit, options).status()), Reason::kCorrupt);
  EXPECT_EQ(ReadFile(data_ + "/damaged-1/" + name), log);
  EXPECT_FALSE(fs::exists(data_ + "/damaged-2"));
  ExpectLost(false);
}

// Goal: a head file that is there and cannot be read refuses the start before anything is changed.
TEST_F(Judged, UnreadableHeadFileRefusesTheStart) {
  TearLog();
  const std::string log = ReadFile(Log());
  fs::rename(HeadFile(data_), data_ + "/kept");
  const auto expect = [&](const fs::path& target, Reason reason) {
    fs::remove_all(HeadFile(data_));
    fs::create_symlink(target, HeadFile(data_));
    const absl::Status refused = Open().status();
    EXPECT_EQ(ReasonOf(refused), reason) << refused;
    EXPECT_FALSE(contract::ProblemOf(refused).next.empty());
    EXPECT_EQ(ReadFile(Log()), log);
    EXPECT_TRUE(PutAsideFolders(data_).empty());
  };
  expect(HeadFile(data_), Reason::kConfigInvalid);     // a loop
  expect(StoreFolder(data_), Reason::kConfigInvalid);  // a folder
  expect("/proc/self/mem", Reason::kCorrupt);          // the first byte of it gives EIO
  EXPECT_FALSE(HeadKeeper(HeadFile(data_)).Settle({}).ok());
  fs::remove(HeadFile(data_));
  fs::rename(data_ + "/kept", HeadFile(data_));
  ExpectLost(false);
}

class JudgedCut : public testing_support::TornStore {};

// Goal: tables that only a lost part of the manifest named, with more than the head file knows.
TEST_F(JudgedCut, TablesBeyondTheJournalAreALoss) {
  const std::string head = ReadFile(HeadFile(data_));
  LoseSyncedEdits();
  for (const auto& file : fs::directory_iterator(StoreFolder(data_))) {
    if (file.path().extension() == ".log") fs::resize_file(file.path(), 0);
  }
  fs::remove(HeadFile(data_));
  ASSERT_TRUE(HeadKeeper(HeadFile(data_))
                  .Settle({.epoch = kEpoch, .size = 0, .root = Frontier().Root()})
                  .ok());
  const std::vector<std::string> tables = Tables(StoreFolder(data_));
  const auto opened = Open();
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->lost);
  EXPECT_EQ(Tables(data_ + "/damaged-2"), tables);
}

// Goal: a table that is not whole proves nothing; it stays, among the newest copies.
TEST_F(JudgedCut, TableThatIsNotWholeIsKept) {
  Append(HalfAnEdit());
  std::ofstream(StoreFolder(data_) + "/000200.sst") << Garbage(5000);
  const auto opened = Open();
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_FALSE(opened->lost);
  EXPECT_TRUE(opened->untidy.ok()) << opened->untidy;
  EXPECT_EQ(ReadFile(data_ + "/damaged-2/000200.sst.unread"), Garbage(5000));
  EXPECT_TRUE(Tables(data_ + "/damaged-2").empty());
  EXPECT_FALSE(Exists("cut-1"));
}

// Goal: what was put aside and cannot be removed is told, costs nothing, and goes at the next
// start.
TEST_F(JudgedCut, UntidyEndIsToldAndTriedAgain) {
  class Stubborn final : public Files {
    int Remove(const std::string& path) override {
      return path.ends_with("/cut-1") ? EIO : Files::Remove(path);
    }
  };
  Stubborn files;
  RocksOptions options;
  options.reserve_bytes = 0;
  Append(HalfAnEdit());
  {
    const auto opened = OpenDataFolder(data_, kUnit, options, files);
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_FALSE(opened->lost);
    EXPECT_EQ(ReasonOf(opened->untidy), Reason::kCorrupt) << opened->untidy;
    EXPECT_TRUE(Exists("cut-1"));
  }
  const auto opened = Open();
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->untidy.ok()) << opened->untidy;
  EXPECT_FALSE(opened->lost);
  EXPECT_FALSE(Exists("cut-1"));
}

// Goal: RocksDB, which gives numbers that the lost end of the manifest had given, writes over none
// of the files that were put aside.
TEST_F(JudgedCut, WhatWasPutAsideIsNeverWrittenOver) {
  Append(HalfAnEdit());
  std::vector<std::string> added;
  for (int number = 1; number < 300; ++number) {
    char name[16];
    std::snprintf(name, sizeof(name), "/%06d.sst", number);
    if (fs::exists(StoreFolder(data_) + name)) continue;
    added.push_back(name);
    std::ofstream(StoreFolder(data_) + name) << "half a table";
  }
  RocksOptions options;
  options.reserve_bytes = 0;
  // Another unit: refused after the store was opened, before anything was judged.
  EXPECT_EQ(ReasonOf(OpenDataFolder(data_, "vn-angiang", options).status()),
            Reason::kConfigInvalid);
  for (const std::string& name : added)
    EXPECT_EQ(ReadFile(data_ + "/cut-1" + name), "half a table") << name;
  const auto opened = Open();
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_FALSE(opened->lost);
}

// Goal: a cut store that then does not open gives an end that a supervisor does not try again, and
// the next start on a disk that works judges as this one would have.
TEST_F(JudgedCut, CutThatDoesNotOpenIsAFinalError) {
  Append(HalfAnEdit());
  const auto disk = std::make_shared<testing_support::FaultDisk>();
  const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(disk);
  disk->CutPowerAt(1);
  RocksOptions options;
  options.reserve_bytes = 0;
  options.env = env.get();
  for (int start = 0; start < 6; ++start) {
    const absl::Status refused = OpenDataFolder(data_, kUnit, options).status();
    const contract::Problem problem = contract::ProblemOf(refused);
    EXPECT_EQ(problem.reason, Reason::kCorrupt) << refused;
    EXPECT_NE(problem.next.find("cut-1"), std::string::npos) << problem.next;
  }
  const auto opened = Open();
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->damaged);
  EXPECT_FALSE(opened->lost);
}

}  // namespace
}  // namespace tripoint::storage
