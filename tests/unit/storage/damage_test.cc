// D5 (platform.md section 8) and its rows R5, R7, R9: damage of every kind of file in a data folder
// is noticed before the first answer, or has changed nothing. TRIPOINT_DAMAGES says how many random
// damages are tried beside the systematic ones; TRIPOINT_DAMAGE_SEED which.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

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
// More than a usual start checks of the journal (data_folder.cc).
constexpr int kChanges = 1100;
constexpr int kChangesInLog = 30;

// Not one that a table can compress away.
std::string Value(std::uint64_t number) {
  std::mt19937_64 random(number);
  std::string value;
  while (value.size() < 200) value += U64Bytes(random());
  return value;
}

void WriteSome(Engine& engine, int count) {
  CommitterCore core(engine);
  for (int i = 0; i < count; ++i) {
    core.Submit(
        [](Transaction& transaction) {
          const std::uint64_t number = transaction.change_number();
          transaction.Put("\x7fkey" + std::to_string(number), Value(number));
          transaction.Journal(Draft("test.write"));
          return absl::OkStatus();
        },
        [](const absl::Status& status) { ASSERT_TRUE(status.ok()) << status; });
    if (i % 30 == 29 || i + 1 == count) {
      while (core.RunOnce(kNowMs)) {
      }
    }
  }
}

void KeepHead(const Engine& engine, const std::string& data) {
  const auto head = ReadJournalHead(engine);
  ASSERT_TRUE(head.ok());
  ASSERT_TRUE(
      HeadKeeper(HeadFile(data))
          .Settle(
              {.epoch = head->epoch, .size = head->frontier.size(), .root = head->frontier.Root()})
          .ok());
}

// A data folder with several tables, a manifest that grew while the store was open, a log with
// changes that are in no table, and a head file.
std::string MakeStore(const std::string& folder) {
  const std::string data = folder + "/whole";
  EXPECT_TRUE(InitializeDataFolder(data, kUnit, kEpoch, kNowMs).ok());
  for (const int count : {kChangesInLog, kChanges, kChangesInLog}) {
    RocksOptions options;
    options.write_buffer_bytes = 64 * 1024;  // the long round makes tables while it runs
    options.reserve_bytes = 0;
    // Opening makes the log before a table.
    const auto opened = OpenDataFolder(data, kUnit, std::move(options));
    EXPECT_TRUE(opened.ok()) << opened.status();
    if (!opened.ok()) break;
    WriteSome(*opened->engine, count);
    KeepHead(*opened->engine, data);
  }
  return data;
}

// Nothing is read from the others.
bool IsRead(const fs::path& file) {
  const std::string name = file.filename().string();
  return name != "LOCK" && name != "reserve";
}

std::string KindOf(const fs::path& file) {
  const std::string name = file.filename().string();
  for (const char* kind : {"MANIFEST", "OPTIONS", "CURRENT", "IDENTITY", "head"}) {
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
  RocksOptions options;
  options.reserve_bytes = 0;
  const auto opened = OpenDataFolder(data, kUnit, std::move(options));
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

void Overwrite(const fs::path& file, std::uint64_t at, std::string_view bytes) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekp(static_cast<std::streamoff>(at));
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

void Flip(const fs::path& file, std::uint64_t at, int bit) {
  std::ifstream stream(file, std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(at));
  Overwrite(file, at, std::string(1, static_cast<char>(stream.get() ^ (1 << bit))));
}

// A damage drawn at random: a bit, a byte, a run that is zeroed, an end that is cut off.
std::string Harm(const fs::path& file, std::mt19937_64& random) {
  const std::uint64_t size = fs::file_size(file);
  const std::uint64_t at = random() % size;
  const auto run = static_cast<std::size_t>(std::min<std::uint64_t>(size - at, random() % 600 + 1));
  switch (random() % 4) {
    case 0:
      Flip(file, at, static_cast<int>(random() % 8));
      return "a bit at " + std::to_string(at);
    case 1:
      Overwrite(file, at, std::string(1, static_cast<char>(random())));
      return "a byte at " + std::to_string(at);
    case 2:
      Overwrite(file, at, std::string(run, '\0'));
      return std::to_string(run) + " zeros at " + std::to_string(at);
    default:
      fs::resize_file(file, at);
      return "a cut at " + std::to_string(at);
  }
}

std::uint64_t Setting(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// Goal: files of every kind damaged at random: never a silent gap or hole.
TEST_F(Damage, D5R7RandomDamageIsNoticedOrHarmless) {
  std::mt19937_64 random(Setting("TRIPOINT_DAMAGE_SEED", 20'261'122));
  const std::uint64_t damages = Setting("TRIPOINT_DAMAGES", 70);
  std::map<std::string, std::vector<fs::path>> kinds;
  for (const fs::path& file : Files()) {
    if (IsRead(file) && fs::file_size(data_ + "/" + file.string()) > 0)
      kinds[KindOf(file)].push_back(file);
  }
  std::map<std::string, std::map<Outcome, int>> seen;
  for (std::uint64_t i = 0; i < damages; ++i) {
    const auto kind = std::next(kinds.begin(), static_cast<std::ptrdiff_t>(i % kinds.size()));
    const fs::path& file = kind->second[random() % kind->second.size()];
    std::string harm;
    const Outcome outcome = After(file, [&](const fs::path& path) { harm = Harm(path, random); });
    ++seen[kind->first][outcome];
    ASSERT_NE(outcome, Outcome::kSilent) << harm << " in " << file << ", damage " << i;
  }
  for (const auto& [kind, outcomes] : seen) {
    std::printf("%-10s %d noticed, %d harmless\n", kind.c_str(),
                outcomes.contains(Outcome::kNoticed) ? outcomes.at(Outcome::kNoticed) : 0,
                outcomes.contains(Outcome::kHarmless) ? outcomes.at(Outcome::kHarmless) : 0);
  }
}

// Goal: each file of a store in turn: bits flipped, the end cut off, half of it zeroed, removed.
TEST_F(Damage, D5R7EveryKindOfFileIsNoticedOrHarmless) {
  std::mt19937_64 random(20'261'122);
  std::map<std::string, std::map<Outcome, int>> seen;
  for (const fs::path& file : Files()) {
    const std::string kind = KindOf(file);
    if (!IsRead(file)) continue;
    const std::uint64_t size = fs::file_size(data_ + "/" + file.string());
    const auto judge = [&](const char* what, const std::function<void(const fs::path&)>& harm) {
      const Outcome outcome = After(file, harm);
      ++seen[kind][outcome];
      EXPECT_NE(outcome, Outcome::kSilent) << what << " in " << file;
    };
    for (int i = 0; i < 2 && size > 0; ++i) {
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
TEST_F(Damage, R5R9LostLogIsToldByTheHeadFile) {
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

// Goal: a node that ends between its new epoch and the next head draws no second epoch; a head of
// any other epoch is judged as before.
TEST_F(Damage, DeathBeforeTheNextHeadDrawsNoSecondEpoch) {
  const fs::path copy = folder_.path + "/copy";
  fs::copy(data_, copy, fs::copy_options::recursive);
  for (const auto& entry : fs::directory_iterator(copy / "store")) {
    if (entry.path().extension() == ".log") fs::resize_file(entry.path(), 0);
  }
  const auto enter = [&](std::uint64_t epoch, std::uint64_t past_epoch) {
    const auto opened = OpenDataFolder(copy.string(), kUnit, {});
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_TRUE(opened->lost);
    store::v1::NodeRecord node = opened->node;
    node.set_epoch(epoch);
    node.mutable_recovery()->set_past_epoch(past_epoch);
    Batch batch;
    batch.Put(NodeKey(), node.SerializeAsString());
    ASSERT_TRUE(opened->engine->Commit(batch).ok());
    ASSERT_TRUE(EpochStored(copy.string()).ok());
  };
  enter(kEpoch + 1, kEpoch - 1);
  enter(kEpoch + 2, kEpoch);
  const auto opened = OpenDataFolder(copy.string(), kUnit, {});
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_FALSE(opened->lost);
}

// Goal: a torn end that was never acknowledged costs no epoch.
TEST_F(Damage, R2TornEndBehindTheHeadIsNoLoss) {
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
  EXPECT_FALSE(ReadHeadFile(path)->has_value());
  for (std::uint64_t size = 1; size <= 5; ++size) {
    ASSERT_TRUE(HeadKeeper(path).Settle({.epoch = kEpoch, .size = size, .root = {}}).ok());
    EXPECT_EQ((*ReadHeadFile(path))->size, size);
  }
  Flip(path, 20, 0);  // the first slot has the fifth
  EXPECT_EQ((*ReadHeadFile(path))->size, 4u);
  ASSERT_TRUE(HeadKeeper(path).Settle({.epoch = kEpoch, .size = 6, .root = {}}).ok());
  EXPECT_EQ((*ReadHeadFile(path))->size, 6u);
  fs::resize_file(path, 3);
  EXPECT_FALSE(ReadHeadFile(path)->has_value());
}

}  // namespace
}  // namespace tripoint::storage
