// D2, D4 and R11 (platform.md sections 4 and 8) on the real engine: power cuts with four kinds of
// torn ends, and each call to the disk failing once. TRIPOINT_POWER_CUTS says how many cuts,
// TRIPOINT_EVERY_FAULT=1 tries every call.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "tests/unit/storage/faulty_store.h"

// RocksDB 7.8 forgets a table in memory when the disk fails while it begins the next one; the
// process of a node ends then. LeakSanitizer asks this program for what it must not report.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
  return "leak:rocksdb::DBImpl::SwitchMemtable\n";
}

namespace tripoint::storage {
namespace {

namespace fs = std::filesystem;
using testing_support::Answer;
using testing_support::Fault;
using testing_support::FaultDisk;
using testing_support::Setting;
using testing_support::Tail;
using testing_support::Verdict;

class Faulty : public testing_support::FaultyStore {};

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
