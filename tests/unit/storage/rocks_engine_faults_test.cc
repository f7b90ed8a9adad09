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

// A node's store on a faulty disk: what it was told, and what is there when it is opened again.
class Faulty : public ::testing::Test {
 protected:
  void Make(const std::string& name) {
    data_ = folder_.path + "/" + name;
    answers_.clear();
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

  // A life of the node: opens, makes `count` changes of two keys each, and goes. True: it opened.
  bool Live(const std::shared_ptr<FaultDisk>& disk, int count) {
    fatal_ = false;
    const auto env = rocksdb::NewCompositeEnv(disk);
    const auto opened = OpenDataFolder(data_, kUnit, Options(env.get()));
    if (!opened.ok()) return false;
    KeepHead(*opened->engine);
    CommitterCore core(*opened->engine);
    for (int i = 0; i < count; ++i) Change(core, *opened->engine);
    return true;
  }
  void Change(CommitterCore& core, const Engine& engine) {
    const std::size_t number = answers_.size();
    const std::string value(random_() % 4000, static_cast<char>('a' + number % 26));
    absl::Status answer = absl::UnknownError("not answered");
    core.Submit(
        [&](Transaction& transaction) {
          for (const char* key : {"\x7f"
                                  "a",
                                  "\x7f"
                                  "b"})
            transaction.Put(key + std::to_string(number), value);
          transaction.Journal(Draft("test.write"));
          return absl::OkStatus();
        },
        [&answer](const absl::Status& status) { answer = status; });
    while (core.RunOnce(kNowMs)) {
    }
    code_ = answer.code();
    answers_[number] = answer.ok()                             ? Answer::kStored
                       : ReasonOf(answer) == Reason::kDiskFull ? Answer::kRefused
                                                               : Answer::kUnknown;
    if (answer.ok() && number % 4 == 0) KeepHead(engine);
  }
  // As the node does, when it has opened and each second.
  void KeepHead(const Engine& engine) {
    const auto head = ReadJournalHead(engine);
    if (!head.ok()) return;
    (void)WriteHeadFile(
        HeadFile(data_),
        {.epoch = head->epoch, .size = head->frontier.size(), .root = head->frontier.Root()});
  }

  // Opened on a good disk: all that was answered is there, nothing is there by half.
  // `refusable`: it may be refused as damaged instead, and then stays as it is.
  void Judge(const std::string& what, bool refusable = false) {
    const auto opened = OpenDataFolder(data_, kUnit, Options(nullptr));
    if (refusable && ReasonOf(opened.status()) == Reason::kCorrupt) {
      ++refused_;
      return Make("after-" + std::to_string(refused_));
    }
    ASSERT_TRUE(opened.ok()) << what << ": " << opened.status();
    EXPECT_FALSE(opened->lost) << what;
    for (const auto& [number, answer] : answers_) {
      const bool a = opened->engine
                         ->Get(
                             "\x7f"
                             "a" +
                             std::to_string(number))
                         ->has_value();
      const bool b = opened->engine
                         ->Get(
                             "\x7f"
                             "b" +
                             std::to_string(number))
                         ->has_value();
      ASSERT_EQ(a, b) << what << ": change " << number << " is there by half";
      if (answer == Answer::kStored) {
        ASSERT_TRUE(a) << what << ": change " << number << " was answered and is gone";
      }
      if (answer == Answer::kRefused) {
        ASSERT_FALSE(a) << what << ": change " << number << " was refused and is there";
      }
    }
    ASSERT_TRUE(VerifyJournal(*opened->engine->TakeSnapshot()).ok()) << what;
  }

  const TemporaryFolder folder_;
  std::string data_;
  absl::StatusCode code_ = absl::StatusCode::kOk;  // of the last change
  std::map<std::size_t, Answer> answers_;
  std::mt19937_64 random_{20'261'122};
  bool fatal_ = false;
  int refused_ = 0;
};

// Goal: nothing that was answered is lost, whatever the disk makes of what was not synced. Half an
// edit at the end of the manifest, with zeros or garbage behind it, is refused: that is noticed,
// and no loss.
TEST_F(Faulty, D2R2PowerCutsLoseNothingThatWasAnswered) {
  Make("cuts");
  const std::uint64_t cuts = Setting("TRIPOINT_POWER_CUTS", 60);
  for (std::uint64_t cut = 0; cut < cuts && !HasFatalFailure(); ++cut) {
    if (answers_.size() > 2000) Make("cuts-" + std::to_string(cut));
    const auto disk = std::make_shared<FaultDisk>();
    disk->CutPowerAt(random_() % 120 + 1);
    (void)Live(disk, 40);
    const auto tail = static_cast<Tail>(cut % 4);
    disk->Forget(tail, random_);
    Judge("cut " + std::to_string(cut) + ", tail " + std::to_string(cut % 4),
          tail == Tail::kGarbled || tail == Tail::kZeroed);
  }
  std::printf("%d of %llu power cuts refused\n", refused_, static_cast<unsigned long long>(cuts));
  EXPECT_LE(refused_, static_cast<int>(cuts / 10 + 2));
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
         nth <= calls + 10 && !HasFatalFailure(); nth += step) {
      const std::string name = std::to_string(static_cast<int>(fault)) + "-" + std::to_string(nth);
      Make(name);
      const auto disk = std::make_shared<FaultDisk>();
      disk->FailAt(nth, fault);
      (void)Live(disk, 30);
      Judge(name);
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
    const auto env = rocksdb::NewCompositeEnv(disk);
    fatal_ = false;
    const auto opened = OpenDataFolder(data_, kUnit, Options(env.get()));
    ASSERT_TRUE(opened.ok()) << opened.status();
    CommitterCore core(*opened->engine);
    Change(core, *opened->engine);
    ASSERT_EQ(answers_.rbegin()->second, Answer::kStored);
    disk->FailNextSyncOfLog();
    for (int i = 0; i < 3; ++i) {
      Change(core, *opened->engine);
      EXPECT_EQ(answers_.rbegin()->second, Answer::kUnknown);
    }
    EXPECT_TRUE(fatal_);
  }
  Judge("after the sync failed");
}

// Goal (R10): a log that finds the disk full is an unknown outcome, and no reason to end: writing
// goes on by itself.
TEST_F(Faulty, R10FullLogIsNotTheEnd) {
  Make("full");
  const auto disk = std::make_shared<FaultDisk>();
  {
    const auto env = rocksdb::NewCompositeEnv(disk);
    fatal_ = false;
    const auto opened = OpenDataFolder(data_, kUnit, Options(env.get()));
    ASSERT_TRUE(opened.ok()) << opened.status();
    CommitterCore core(*opened->engine);
    Change(core, *opened->engine);
    ASSERT_EQ(answers_.rbegin()->second, Answer::kStored);
    disk->FillBeforeNextWriteToLog();
    Change(core, *opened->engine);
    EXPECT_EQ(answers_.rbegin()->second, Answer::kUnknown);
    EXPECT_EQ(code_, absl::StatusCode::kResourceExhausted) << "UNAVAILABLE would end the node";
    EXPECT_FALSE(fatal_);
    const absl::Time limit = absl::Now() + absl::Seconds(30);
    while (answers_.rbegin()->second != Answer::kStored && absl::Now() < limit) {
      absl::SleepFor(absl::Milliseconds(20));  // RocksDB looks for room by itself
      Change(core, *opened->engine);
    }
    EXPECT_EQ(answers_.rbegin()->second, Answer::kStored);
  }
  Judge("after the log was full");
}

}  // namespace
}  // namespace tripoint::storage
