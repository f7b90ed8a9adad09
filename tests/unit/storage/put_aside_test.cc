// Goal: what is put aside, kept, dropped or looked into after a damage stays as it was whenever one
// step of it cannot be done, and the error says which. Folders by hand, without an engine.
#include "storage/put_aside.h"

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "proto/contract/error.h"
#include "storage/data_folder.h"
#include "storage/judgement.h"
#include "tests/unit/storage/fixture.h"

namespace tripoint::storage {
namespace {

namespace fs = std::filesystem;
using contract::Reason;
using contract::ReasonOf;

// Fails what ends like this.
class StubbornFiles final : public Files {
 public:
  int Rename(const std::string& from, const std::string& to) override {
    return !stuck.empty() && from.ends_with(stuck) ? EIO : Files::Rename(from, to);
  }
  int Remove(const std::string& path) override {
    return !stuck.empty() && path.ends_with(stuck) ? EIO : Files::Remove(path);
  }
  std::string stuck;
};

class PutAside : public ::testing::Test {
 protected:
  PutAside() {
    Write("store/CURRENT", "MANIFEST-000004\n");
    Write("store/MANIFEST-000004", "edits");
    Write("store/000005.log", "records");
  }
  std::string In(const std::string& name) const { return data_ + "/" + name; }
  void Write(const std::string& name, const std::string& bytes) const {
    fs::create_directories(fs::path(In(name)).parent_path());
    std::ofstream(In(name)) << bytes;
  }
  bool Exists(const std::string& name) const { return fs::exists(In(name)); }
  // damaged-1 to damaged-<count>, the first one the oldest.
  void Damaged(int count, bool with_tables) const {
    for (int number = 1; number <= count; ++number) {
      const std::string name = "damaged-" + std::to_string(number);
      Write(name + (with_tables ? "/000007.sst" : "/CURRENT"), "old");
      fs::last_write_time(In(name),
                          fs::file_time_type::clock::now() - std::chrono::hours(1000 - number));
    }
  }
  void ExpectNothingPutAside(const std::string& why) {
    const absl::Status refused = PutLogAside(files_, data_, {}).status();
    EXPECT_EQ(ReasonOf(refused), Reason::kCorrupt) << refused;
    EXPECT_EQ(contract::ProblemOf(refused).why, why);
    EXPECT_FALSE(Exists("damaged-1.part"));
  }

  const testing_support::TemporaryFolder folder_;
  const std::string data_ = folder_.path;
  StubbornFiles files_;
};

TEST_F(PutAside, CopyOnWhichTheVerdictRestsStays) {
  Damaged(4, false);
  EXPECT_EQ(*PutLogAside(files_, data_, {"damaged-1"}), "damaged-2");
  EXPECT_TRUE(Exists("damaged-2/000005.log"));
  EXPECT_EQ(fs::file_size(In("damaged-1/CURRENT")), 3u);
  EXPECT_EQ(*PutLogAside(files_, data_, {"damaged-1", "damaged-2"}), "damaged-2")
      << "the very same files stand there";
}

TEST_F(PutAside, LossesAreKeptUntilThereIsNoName) {
  Damaged(4, true);
  EXPECT_EQ(*PutLogAside(files_, data_, {}), "damaged-5");
  Damaged(99, true);
  ExpectNothingPutAside("Too many links");
  Write("cut-1/CURRENT", "x");
  Write("cut-2/CURRENT", "x");
  EXPECT_EQ(contract::ProblemOf(KeepCuts(files_, data_)).why, "Too many links");
  EXPECT_EQ(StandingCuts(data_), (std::vector<std::string>{"cut-1", "cut-2"}));
  fs::remove_all(In("damaged-50"));
  fs::remove_all(In("damaged-60"));
  EXPECT_TRUE(KeepCuts(files_, data_).ok());
  EXPECT_TRUE(StandingCuts(data_).empty());
  EXPECT_TRUE(Exists("damaged-50/CURRENT") && Exists("damaged-60/CURRENT"));
}

TEST_F(PutAside, PlaceThatIsNoFolderIsNotPassedOver) {
  for (int number = 1; number <= 4; ++number) Write("damaged-" + std::to_string(number), "a file");
  ExpectNothingPutAside("Not a directory");
  Write("cut-1/000008.sst", "half a table");
  EXPECT_EQ(ReasonOf(DropCuts(files_, data_, {In("cut-1/000008.sst")}, {})), Reason::kCorrupt);
  EXPECT_TRUE(Exists("cut-1/000008.sst.unread")) << "and nothing else of it went";
}

TEST_F(PutAside, ManifestThatIsNoneIsNotCut) {
  for (const char* const current :
       {"", "000004.log\n", "MANIFEST-../../x\n", "MANIFEST-000099\n"}) {
    Write("store/CURRENT", current);
    EXPECT_FALSE(CutManifest(files_, data_).value()) << current;
  }
  fs::create_directory(In("store/MANIFEST-000099"));
  EXPECT_FALSE(CutManifest(files_, data_).value());
  EXPECT_TRUE(PutAsideFolders(data_).empty());
}

// Goal: the first cut that cannot be kept or dropped ends it: the next start finds all of the rest.
TEST_F(PutAside, FirstCutThatCannotBeMovedEndsIt) {
  for (const char* const cut : {"cut-1", "cut-2"}) {
    Write(std::string(cut) + "/000008.sst", "half a table");
    Write(std::string(cut) + "/000009.sst", "a table");
  }
  files_.stuck = "/cut-1";
  EXPECT_EQ(ReasonOf(KeepCuts(files_, data_)), Reason::kCorrupt);
  EXPECT_EQ(ReasonOf(DropCuts(files_, data_, {}, {})), Reason::kCorrupt);
  EXPECT_EQ(StandingCuts(data_), (std::vector<std::string>{"cut-1", "cut-2"}));
  const std::vector<std::string> unread = {In("cut-1/000008.sst")};
  for (const char* const stuck : {"/000008.sst", "/000009.sst", "/cut-1"}) {
    files_.stuck = stuck;
    EXPECT_EQ(ReasonOf(DropCuts(files_, data_, unread, {})), Reason::kCorrupt) << stuck;
    EXPECT_TRUE(Exists("cut-1")) << stuck;
    EXPECT_TRUE(Exists("cut-2/000009.sst")) << stuck;
  }
  files_.stuck.clear();
  EXPECT_TRUE(DropCuts(files_, data_, unread, {}).ok());
  EXPECT_TRUE(StandingCuts(data_).empty());
  EXPECT_TRUE(Exists("damaged-1/000008.sst.unread"));
  EXPECT_FALSE(Exists("damaged-1/000009.sst"));
}

TEST_F(PutAside, UnreadTableNeedsAPlace) {
  Damaged(99, true);
  Write("cut-1/000008.sst", "half a table");
  EXPECT_EQ(contract::ProblemOf(DropCuts(files_, data_, {In("cut-1/000008.sst")}, {})).why,
            "Too many links");
  EXPECT_TRUE(Exists("cut-1"));
  fs::remove_all(In("cut-1"));
  Write("cut-1", "a file");
  EXPECT_EQ(contract::ProblemOf(DropCuts(files_, data_, {In("cut-1/000008.sst")}, {})).why,
            "Not a directory");
}

// Goal: what cannot be looked into proves nothing, and is told.
TEST_F(PutAside, EvidenceThatCannotBeReadIsNoProof) {
  Write("damaged-1/CURRENT", "x");
  Write("damaged-1/000005.log", "no record");
  const auto nothing = KeptBeyond(data_, {"damaged-1"}, 5);
  ASSERT_TRUE(nothing.ok()) << nothing.status();
  EXPECT_FALSE(nothing->more);
  EXPECT_TRUE(nothing->unread.empty());
  Write("damaged-1/000008.sst.unread", "half a table");
  Write("damaged-1/000009.sst", "half a table");
  const auto unread = KeptBeyond(data_, {"damaged-1"}, 5);
  ASSERT_TRUE(unread.ok()) << unread.status();
  EXPECT_FALSE(unread->more);
  EXPECT_EQ(unread->unread.size(), 2u);
  EXPECT_TRUE(KeptBeyond(data_, {"damaged-1", "damaged-2"}, 5)->more) << "one is gone";
  Write("damaged-2", "a file");
  EXPECT_EQ(ReasonOf(KeptBeyond(data_, {"damaged-1", "damaged-2"}, 5).status()), Reason::kCorrupt);
  fs::create_directory(In("damaged-1/000006.log"));
  const absl::Status refused = KeptBeyond(data_, {"damaged-1"}, 5).status();
  EXPECT_EQ(ReasonOf(refused), Reason::kCorrupt);
  EXPECT_EQ(contract::ProblemOf(refused).why, "Is a directory");
}

// Goal: a loss is over with the epoch that was begun because of it, and with no other.
TEST_F(PutAside, LossEndsWithItsOwnEpoch) {
  const auto lost = [](std::uint64_t in, std::uint64_t epoch, std::uint64_t past) {
    store::v1::NodeRecord node;
    node.set_epoch(epoch);
    if (past != 0) node.mutable_recovery()->set_past_epoch(past);
    return Judgement{.unjudged = false, .awaited = {}, .lost_in = in}.LostIn(node);
  };
  EXPECT_TRUE(lost(7, 7, 0));
  EXPECT_TRUE(lost(7, 8, 0)) << "nothing says why it was begun";
  EXPECT_TRUE(lost(7, 8, 6)) << "because of another loss";
  EXPECT_TRUE(lost(7, 7, 7));
  EXPECT_FALSE(lost(7, 8, 7));
  EXPECT_TRUE(lost(0, 8, 7)) << "in an epoch that cannot be told";
  EXPECT_FALSE(Judgement().LostIn({}));
}

// Goal: the verdict goes only when what it rests on is safe.
TEST_F(PutAside, StoredEpochForgetsTheVerdictLast) {
  EXPECT_TRUE(EpochStored(data_, files_).ok()) << "there is none";
  ASSERT_TRUE(WriteJudgement(files_, data_, {.unjudged = false, .awaited = {}, .lost_in = 7}).ok());
  Write("cut-1/CURRENT", "x");
  files_.stuck = "/cut-1";
  EXPECT_EQ(ReasonOf(EpochStored(data_, files_)), Reason::kCorrupt);
  EXPECT_EQ(ReadJudgement(data_)->lost_in, 7u);
  files_.stuck.clear();
  EXPECT_TRUE(EpochStored(data_, files_).ok());
  EXPECT_TRUE(ReadJudgement(data_)->empty());
  EXPECT_TRUE(Exists("damaged-1"));
  fs::create_symlink(JudgementFile(data_), JudgementFile(data_));
  EXPECT_EQ(ReasonOf(EpochStored(data_, files_)), Reason::kCorrupt);
  fs::remove(JudgementFile(data_));
  for (const char* const text : {"lost 17x\nend\n", "lost -1\nend\n", "lost\nend\n"}) {
    Write("judgement", text);
    EXPECT_EQ(ReadJudgement(data_)->lost_in, 0u) << text;
  }
  Write("judgement", std::string(5000, 'x'));
  EXPECT_EQ(ReadJudgement(data_)->lost_in, 0u) << "longer than any that is written";
}

}  // namespace
}  // namespace tripoint::storage
