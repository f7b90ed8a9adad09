// D2, D4 and R11 (platform.md sections 4 and 8) on the real engine: power cuts with four kinds of
// torn ends, and each call to the disk failing once. TRIPOINT_POWER_CUTS says how many cuts,
// TRIPOINT_EVERY_FAULT=1 tries every call.
#include "tests/unit/storage/rocks_engine_faults.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "storage/data_folder.h"
#include "storage/head_file.h"
#include "storage/journal_store.h"
#include "storage/rocks_engine.h"
#include "tests/unit/storage/fixture.h"

// RocksDB 7.8 forgets a table in memory when the disk fails while it begins the next one; the
// process of a node ends then. LeakSanitizer asks this program for what it must not report.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
  return "leak:rocksdb::DBImpl::SwitchMemtable\n";
}

namespace tripoint::storage {
namespace {

namespace fs = std::filesystem;
using contract::Reason;
using contract::ReasonOf;
using testing_support::Draft;
using testing_support::Fault;
using testing_support::FaultDisk;
using testing_support::kEpoch;
using testing_support::kNowMs;
using testing_support::Tail;
using testing_support::TemporaryFolder;

constexpr char kUnit[] = "vn-tayninh";

std::uint64_t Setting(const char* name, std::uint64_t otherwise) {
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
class Faulty : public ::testing::Test {
 protected:
  // An open store and its committer.
  struct Life {
    explicit Life(const std::shared_ptr<FaultDisk>& disk) : env(rocksdb::NewCompositeEnv(disk)) {}
    std::unique_ptr<rocksdb::Env> env;
    OpenedStore store;
    std::unique_ptr<CommitterCore> core;
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
    options.space_floor_bytes = 0;
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
    KeepHead(*life->store.engine);
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
    answers_[number] = answer.ok()                             ? Answer::kStored
                       : ReasonOf(answer) == Reason::kDiskFull ? Answer::kRefused
                                                               : Answer::kUnknown;
    if (answer.ok()) ++stored_;
    if (answer.ok() && number % 4 == 0) KeepHead(*life.store.engine);
    return answers_[number];
  }
  static std::string KeyOf(char half, std::size_t number) {
    return std::string("\x7f") + half + std::to_string(number);
  }
  // As the node does, when it has opened and each second.
  void KeepHead(const Engine& engine) {
    const auto head = ReadJournalHead(engine);
    if (!head.ok()) return;
    const absl::Status kept = WriteHeadFile(
        HeadFile(data_),
        {.epoch = head->epoch, .size = head->frontier.size(), .root = head->frontier.Root()});
    if (kept.ok()) kept_ = answers_.size();
  }

  // Opened on a good disk. Whatever the disk was: nothing is there by half, nor what was refused.
  Verdict Judge(const std::string& what) {
    Verdict verdict;
    const auto opened = OpenDataFolder(data_, kUnit, Options(nullptr));
    verdict.noticed =
        ReasonOf(opened.status()) == Reason::kCorrupt || (opened.ok() && opened->lost);
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

// Goal: nothing that was answered is lost, and every start succeeds, whatever the disk makes of
// what was not synced.
TEST_F(Faulty, D2R2PowerCutsLoseNothingThatWasAnswered) {
  Make("cuts");
  const std::uint64_t cuts = Setting("TRIPOINT_POWER_CUTS", 60);
  for (std::uint64_t cut = 0; cut < cuts && !HasFailure(); ++cut) {
    if (answers_.size() > 2000) Make("cuts-" + std::to_string(cut));
    const auto disk = std::make_shared<FaultDisk>();
    disk->CutPowerAt(random_() % 120 + 1);
    (void)Live(disk, 40);
    disk->Forget(static_cast<Tail>(cut % 4), random_);
    ExpectAll("cut " + std::to_string(cut) + ", tail " + std::to_string(cut % 4));
  }
  std::printf("%zu changes answered before %llu power cuts\n", stored_,
              static_cast<unsigned long long>(cuts));
  EXPECT_GT(stored_, 8 * cuts) << "cuts before anything was answered prove nothing";
}

// Goal (R4), and what shows that the test above can fail: a disk that lies about its syncs loses
// what was answered; the judge sees it, and so does the node in all that the head file knows.
TEST_F(Faulty, D2R4DiskThatLiesIsNoticed) {
  constexpr int kCuts = 24;
  int losses = 0;
  int noticed = 0;
  for (int cut = 0; cut < kCuts && !HasFailure(); ++cut) {
    Make("lies-" + std::to_string(cut));
    const auto disk = std::make_shared<FaultDisk>();
    disk->LieAboutLogs();
    disk->CutPowerAt(random_() % 120 + 1);
    (void)Live(disk, 40);
    disk->Forget(static_cast<Tail>(cut % 4), random_);
    const Verdict verdict = Judge("lie " + std::to_string(cut));
    losses += verdict.gone > 0 ? 1 : 0;
    noticed += verdict.noticed ? 1 : 0;
    if (verdict.gone > 0 && verdict.first < kept_) {
      EXPECT_TRUE(verdict.noticed) << "lie " << cut << ": change " << verdict.first << " of "
                                   << kept_ << " that the head file knows is gone";
    }
  }
  std::printf("%d of %d cuts lost something, %d were noticed at the start\n", losses, kCuts,
              noticed);
  EXPECT_GT(losses, kCuts / 3);
  EXPECT_GT(noticed, kCuts / 3);
}

// Goal: a call that fails once, whichever it is and however, makes an answer unknown at most.
TEST_F(Faulty, D4EveryCallMayFailOnce) {
  Make("counted");
  const auto counted = std::make_shared<FaultDisk>();
  ASSERT_TRUE(Live(counted, 30));
  const std::uint64_t calls = counted->calls();
  ASSERT_GT(calls, 60u);
  const std::uint64_t step = Setting("TRIPOINT_EVERY_FAULT", 0) != 0 ? 1 : 13;
  for (const Fault fault : {Fault::kIo, Fault::kNoSpace, Fault::kShortWrite}) {
    for (std::uint64_t nth = 1 + static_cast<std::uint64_t>(fault) * 2;
         nth <= calls + 10 && !HasFailure(); nth += step) {
      const std::string name = std::to_string(static_cast<int>(fault)) + "-" + std::to_string(nth);
      Make(name);
      const auto disk = std::make_shared<FaultDisk>();
      disk->FailAt(nth, fault);
      (void)Live(disk, 30);
      ExpectAll(name);
      fs::remove_all(data_);
    }
  }
}

// Goal (R11): after a sync of the log that failed nothing more is answered with a yes, the process
// is told to end, and opening again finds all that was answered.
TEST_F(Faulty, R11FailedSyncEndsTheLife) {
  Make("sync");
  ASSERT_TRUE(Live(std::make_shared<FaultDisk>(), 5));
  const auto disk = std::make_shared<FaultDisk>();
  {
    const std::unique_ptr<Life> life = Open(disk);
    ASSERT_NE(life, nullptr);
    ASSERT_EQ(Change(*life), Answer::kStored);
    disk->FailNextSyncOfLog();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(Change(*life), Answer::kUnknown);
    EXPECT_TRUE(fatal_);
  }
  ExpectAll("after the sync failed");
}

// Goal (R10): a log that finds the disk full is an unknown outcome, and no reason to end: writing
// goes on by itself.
TEST_F(Faulty, R10FullLogIsNotTheEnd) {
  Make("full");
  const auto disk = std::make_shared<FaultDisk>();
  {
    const std::unique_ptr<Life> life = Open(disk);
    ASSERT_NE(life, nullptr);
    ASSERT_EQ(Change(*life), Answer::kStored);
    disk->FillBeforeNextWriteToLog();
    Answer answer = Change(*life);
    EXPECT_EQ(answer, Answer::kUnknown);
    EXPECT_EQ(code_, absl::StatusCode::kResourceExhausted) << "UNAVAILABLE would end the node";
    EXPECT_FALSE(fatal_);
    const absl::Time limit = absl::Now() + absl::Seconds(30);
    while (answer != Answer::kStored && absl::Now() < limit) {
      absl::SleepFor(absl::Milliseconds(20));  // RocksDB looks for room by itself
      answer = Change(*life);
    }
    EXPECT_EQ(answer, Answer::kStored);
  }
  ExpectAll("after the log was full");
}

}  // namespace
}  // namespace tripoint::storage
