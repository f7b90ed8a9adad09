// A node's store on a disk that fails (rocks_engine_faults.h): what its callers were told, and what
// a start on a good disk makes of it. Test thread only.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "storage/data_folder.h"
#include "storage/head_file.h"
#include "storage/journal_store.h"
#include "storage/rocks_engine.h"
#include "tests/unit/storage/fixture.h"
#include "tests/unit/storage/rocks_engine_faults.h"

namespace tripoint::storage::testing_support {

inline constexpr char kUnit[] = "vn-tayninh";

inline std::uint64_t Setting(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

enum class Answer { kStored, kRefused, kUnknown };

// What a start on a good disk says.
struct Verdict {
  bool noticed = false;   // refused as damaged, or opened and known to have lost something
  std::size_t gone = 0;   // changes that were answered with a yes and are not there
  std::size_t first = 0;  // of them
};

// A node's store on a faulty disk: what it was told, and what is there when it is opened again.
class FaultyStore : public ::testing::Test {
 protected:
  // An open store and its committer.
  struct Life {
    explicit Life(const std::shared_ptr<FaultDisk>& disk) : env(rocksdb::NewCompositeEnv(disk)) {}
    std::unique_ptr<rocksdb::Env> env;
    OpenedStore store;
    std::unique_ptr<CommitterCore> core;
    std::optional<HeadKeeper> head;  // on a disk that is well
    std::int64_t head_ms = 0;
  };

  void Make(const std::string& name) {
    data_ = folder_.path + "/" + name;
    answers_.clear();
    kept_ = 0;
    ASSERT_TRUE(InitializeDataFolder(data_, kUnit, kEpoch, kNowMs).ok());
  }
  RocksOptions Options(rocksdb::Env* env) {
    RocksOptions options;
    options.env = env;
    options.write_buffer_bytes = 64 * 1024;  // tables are made while it runs
    options.floors.flash_bytes = 0;
    options.reserve_bytes = 0;
    options.on_fatal = [this](const absl::Status& /*status*/) { fatal_ = true; };
    return options;
  }

  // Null: it did not open.
  std::unique_ptr<Life> Open(const std::shared_ptr<FaultDisk>& disk) {
    fatal_ = false;
    auto life = std::make_unique<Life>(disk);
    auto opened = OpenDataFolder(data_, kUnit, Options(life->env.get()));
    if (!opened.ok()) return nullptr;
    life->store = std::move(*opened);
    life->head.emplace(HeadFile(data_));
    KeepHead(*life);
    life->core = std::make_unique<CommitterCore>(*life->store.engine);
    return life;
  }
  // A life of the node: opens, makes `count` changes of two keys each, and goes. True: it opened.
  bool Live(const std::shared_ptr<FaultDisk>& disk, int count) {
    const std::unique_ptr<Life> life = Open(disk);
    for (int i = 0; life != nullptr && i < count; ++i) (void)Change(*life);
    return life != nullptr;
  }
  Answer Change(Life& life) {
    const std::size_t number = answers_.size();
    const std::string value(random_() % 4000, static_cast<char>('a' + number % 26));
    absl::Status answer = absl::UnknownError("not answered");
    life.core->Submit(
        [&](Transaction& transaction) {
          for (const char half : {'a', 'b'}) transaction.Put(KeyOf(half, number), value);
          transaction.Journal(Draft("test.write"));
          return absl::OkStatus();
        },
        [&answer](const absl::Status& status) { answer = status; });
    while (life.core->RunOnce(kNowMs)) {
    }
    code_ = answer.code();
    answers_[number] = answer.ok() ? Answer::kStored
                       : contract::ReasonOf(answer) == contract::Reason::kDiskFull
                           ? Answer::kRefused
                           : Answer::kUnknown;
    if (answer.ok()) ++stored_;
    if (answer.ok() && number % 4 == 0) KeepHead(life);
    return answers_[number];
  }
  static std::string KeyOf(char half, std::size_t number) {
    return std::string("\x7f") + half + std::to_string(number);
  }
  // As the node does, when it has opened and each second.
  void KeepHead(Life& life) {
    const auto head = ReadJournalHead(*life.store.engine);
    if (!head.ok()) return;
    const absl::Status kept = life.head->Keep(
        {.epoch = head->epoch, .size = head->frontier.size(), .root = head->frontier.Root()},
        life.head_ms += 1000);
    if (kept.ok()) kept_ = answers_.size();
  }

  // Opened on a good disk. Whatever the disk was: nothing is there by half, nor what was refused.
  Verdict Judge(const std::string& what) {
    Verdict verdict;
    const auto opened = OpenDataFolder(data_, kUnit, Options(nullptr));
    verdict.noticed = contract::ReasonOf(opened.status()) == contract::Reason::kCorrupt ||
                      (opened.ok() && opened->lost);
    if (!opened.ok()) {
      EXPECT_TRUE(verdict.noticed) << what << ": " << opened.status();
      return verdict;
    }
    for (const auto& [number, answer] : answers_) {
      const bool a = opened->engine->Get(KeyOf('a', number))->has_value();
      const bool b = opened->engine->Get(KeyOf('b', number))->has_value();
      EXPECT_EQ(a, b) << what << ": change " << number << " is there by half";
      EXPECT_FALSE(a && answer == Answer::kRefused) << what << ": " << number << " was refused";
      if (!a && answer == Answer::kStored && verdict.gone++ == 0) verdict.first = number;
    }
    EXPECT_TRUE(VerifyJournal(*opened->engine->TakeSnapshot()).ok()) << what;
    return verdict;
  }
  // Of an honest disk: it opens, and all that was answered is there.
  void ExpectAll(const std::string& what) {
    const Verdict verdict = Judge(what);
    ASSERT_FALSE(verdict.noticed) << what << ": the start speaks of damage or of a loss";
    ASSERT_EQ(verdict.gone, 0u) << what << ": change " << verdict.first << " was answered";
  }

  const TemporaryFolder folder_;
  std::string data_;
  absl::StatusCode code_ = absl::StatusCode::kOk;  // of the last change
  std::map<std::size_t, Answer> answers_;
  std::size_t stored_ = 0;  // of them, and of those of folders before
  std::size_t kept_ = 0;    // changes that the head file knows
  std::mt19937_64 random_{20'261'122};
  bool fatal_ = false;
};

}  // namespace tripoint::storage::testing_support
