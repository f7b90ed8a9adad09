// D5 (platform.md section 8) and its rows R5, R7, R9: damage of every kind of file in a data folder
// is noticed before the first answer, or has changed nothing.
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <random>

#include "gtest/gtest.h"
#include "storage/data_folder.h"
#include "storage/head_file.h"
#include "storage/journal_store.h"
#include "storage/keys.h"
#include "tests/unit/storage/fixture.h"

namespace tripoint::storage {
namespace {

namespace fs = std::filesystem;
using testing_support::Draft;
using testing_support::kEpoch;
using testing_support::kNowMs;
using testing_support::TemporaryFolder;

constexpr char kUnit[] = "vn-tayninh";
constexpr int kChanges = 60;

void WriteSome(Engine& engine, int count) {
  CommitterCore core(engine);
  for (int i = 0; i < count; ++i) {
    core.Submit(
        [](Transaction& transaction) {
          const std::string number = std::to_string(transaction.change_number());
          transaction.Put("\x7fkey" + number, std::string(300, 'v') + number);
          transaction.Journal(Draft("test.write"));
          return absl::OkStatus();
        },
        [](const absl::Status& status) { ASSERT_TRUE(status.ok()) << status; });
    ASSERT_TRUE(core.RunOnce(kNowMs));
  }
}

void KeepHead(const Engine& engine, const std::string& data) {
  const auto head = ReadJournalHead(engine);
  ASSERT_TRUE(head.ok());
  ASSERT_TRUE(WriteHeadFile(HeadFile(data), {.epoch = head->epoch,
                                             .size = head->frontier.size(),
                                             .root = head->frontier.Root()})
                  .ok());
}

// A data folder with tables, a log with changes that are in no table, and a head file.
std::string MakeStore(const std::string& folder) {
  const std::string data = folder + "/whole";
  EXPECT_TRUE(InitializeDataFolder(data, kUnit, kEpoch, kNowMs).ok());
  for (const int count : {kChanges / 2, kChanges / 2}) {
    const auto opened = OpenDataFolder(data, kUnit, {});  // opening makes the log before a table
    EXPECT_TRUE(opened.ok()) << opened.status();
    if (!opened.ok()) break;
    WriteSome(*opened->engine, count);
    KeepHead(*opened->engine, data);
  }
  return data;
}

std::string KindOf(const fs::path& file) {
  const std::string name = file.filename().string();
  for (const char* kind :
       {"MANIFEST", "OPTIONS", "CURRENT", "IDENTITY", "LOCK", "reserve", "head"}) {
    if (name.rfind(kind, 0) == 0) return kind;
  }
  return file.extension().string();
}

// Everything in a store; nullopt: a part of it is refused with an error when it is read.
std::optional<std::string> Contents(const Engine& engine) {
  std::string text;
  const auto snapshot = engine.TakeSnapshot();
  const auto cursor = snapshot->NewScan({}, {});
  for (; cursor->Valid(); cursor->Next()) {
    text.append(cursor->key());
    text.append(cursor->value());
  }
  if (!cursor->status().ok()) return std::nullopt;
  return text;
}

enum class Outcome { kHarmless, kNoticed, kSilent };

// As the node does: the opening, then reads.
Outcome Judge(const std::string& data, const std::string& whole) {
  const auto opened = OpenDataFolder(data, kUnit, {});
  if (!opened.ok() || opened->lost) return Outcome::kNoticed;
  const std::optional<std::string> contents = Contents(*opened->engine);
  if (!contents.has_value()) return Outcome::kNoticed;
  return *contents == whole ? Outcome::kHarmless : Outcome::kSilent;
}

class Damage : public ::testing::Test {
 protected:
  Damage() : data_(MakeStore(folder_.path)) {
    // Of a copy: opening changes the files.
    fs::copy(data_, folder_.path + "/read", fs::copy_options::recursive);
    const auto opened = OpenDataFolder(folder_.path + "/read", kUnit, {});
    EXPECT_TRUE(opened.ok()) << opened.status();
    if (opened.ok()) whole_ = Contents(*opened->engine).value();
  }

  Outcome After(const fs::path& relative, const std::function<void(const fs::path&)>& harm) const {
    const fs::path copy = folder_.path + "/copy";
    fs::remove_all(copy);
    fs::copy(data_, copy, fs::copy_options::recursive);
    harm(copy / relative);
    return Judge(copy.string(), whole_);
  }

  std::vector<fs::path> Files() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(data_)) {
      if (entry.is_regular_file()) files.push_back(fs::relative(entry.path(), data_));
    }
    return files;
  }

  const TemporaryFolder folder_;
  const std::string data_;
  std::string whole_;
};

void Flip(const fs::path& file, std::uint64_t at, int bit) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(at));
  const auto byte = static_cast<char>(stream.get() ^ (1 << bit));
  stream.seekp(static_cast<std::streamoff>(at));
  stream.put(byte);
}

// Goal: bits flipped at random in every kind of file, ends cut off, files removed: never a silent
// gap or hole.
TEST_F(Damage, EveryKindOfFileIsNoticedOrHarmless) {
  std::mt19937_64 random(20'261'122);
  std::map<std::string, std::map<Outcome, int>> seen;
  for (const fs::path& file : Files()) {
    const std::string kind = KindOf(file);
    if (kind == "LOCK" || kind == "reserve") continue;  // nothing is read from them
    const std::uint64_t size = fs::file_size(data_ + "/" + file.string());
    const auto judge = [&](const char* what, const std::function<void(const fs::path&)>& harm) {
      const Outcome outcome = After(file, harm);
      ++seen[kind][outcome];
      EXPECT_NE(outcome, Outcome::kSilent) << what << " in " << file;
    };
    for (int i = 0; i < 6 && size > 0; ++i) {
      const std::uint64_t at = random() % size;
      const int bit = static_cast<int>(random() % 8);
      judge("a bit", [=](const fs::path& path) { Flip(path, at, bit); });
    }
    judge("a cut",
          [&](const fs::path& path) { fs::resize_file(path, size - size / 3 - (size > 0)); });
    judge("a zeroed tail", [&](const fs::path& path) {
      fs::resize_file(path, size / 2);
      fs::resize_file(path, size);
    });
    judge("a removal", [](const fs::path& path) { fs::remove(path); });
  }
  for (const char* kind : {".sst", ".log", "MANIFEST", "CURRENT", "OPTIONS", "head"})
    EXPECT_TRUE(seen.contains(kind)) << kind << " is a kind of file that a store has";
  EXPECT_GT(seen[".sst"][Outcome::kNoticed], 0);
  EXPECT_GT(seen[".log"][Outcome::kNoticed], 0);
}

// Goal (R5, R9): a log that is gone, or empty, opens as if nothing had been in it; the head file
// knows better.
TEST_F(Damage, LostLogIsToldByTheHeadFile) {
  for (const bool removed : {true, false}) {
    const fs::path copy = folder_.path + "/copy";
    fs::remove_all(copy);
    fs::copy(data_, copy, fs::copy_options::recursive);
    for (const auto& entry : fs::directory_iterator(copy / "store")) {
      if (entry.path().extension() != ".log") continue;
      removed ? static_cast<void>(fs::remove(entry.path())) : fs::resize_file(entry.path(), 0);
    }
    const auto opened = OpenDataFolder(copy.string(), kUnit, {});
    EXPECT_TRUE(!opened.ok() || opened->lost);
  }
}

// Goal: a torn end that was never acknowledged costs no epoch.
TEST_F(Damage, TornEndBehindTheHeadIsNoLoss) {
  const fs::path copy = folder_.path + "/copy";
  fs::copy(data_, copy, fs::copy_options::recursive);
  for (const auto& entry : fs::directory_iterator(copy / "store")) {
    if (entry.path().extension() == ".log" && fs::file_size(entry.path()) > 0)
      std::ofstream(entry.path(), std::ios::app | std::ios::binary) << std::string(40, '\x7f');
  }
  const auto opened = OpenDataFolder(copy.string(), kUnit, {});
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->damaged);
  EXPECT_FALSE(opened->lost);
}

// Goal: of two slots one may be torn at any time.
TEST(HeadFileTest, OneTornSlotLeavesTheOther) {
  const TemporaryFolder folder;
  const std::string path = HeadFile(folder.path);
  EXPECT_FALSE(ReadHeadFile(path).has_value());
  for (std::uint64_t size = 1; size <= 5; ++size) {
    ASSERT_TRUE(WriteHeadFile(path, {.epoch = kEpoch, .size = size, .root = {}}).ok());
    EXPECT_EQ(ReadHeadFile(path)->size, size);
  }
  Flip(path, 20, 0);  // the first slot has the fifth
  EXPECT_EQ(ReadHeadFile(path)->size, 4u);
  ASSERT_TRUE(WriteHeadFile(path, {.epoch = kEpoch, .size = 6, .root = {}}).ok());
  EXPECT_EQ(ReadHeadFile(path)->size, 6u);
  fs::resize_file(path, 3);
  EXPECT_FALSE(ReadHeadFile(path).has_value());
}

}  // namespace
}  // namespace tripoint::storage
