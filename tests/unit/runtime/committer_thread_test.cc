// Goal: what is submitted is durable when it is answered, a stop loses nothing that was accepted,
// and an engine whose state is unknown is never written again.
#include "server/runtime/committer_thread.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "proto/contract/error.h"
#include "storage/committer_core.h"
#include "storage/fault_engine.h"
#include "storage/journal_store.h"
#include "storage/schema.h"
#include "storage/stand_back.h"
#include "tripoint/store/v1/records.pb.h"

namespace tripoint::runtime {
namespace {

constexpr absl::Duration kDeadline = absl::Seconds(20);

storage::Operation PutOperation(std::string key) {
  return [key = std::move(key)](storage::Transaction& transaction) {
    transaction.Put(key, "value");
    store::v1::JournalEntry entry;
    entry.set_action("test.put");
    transaction.Journal(entry);
    return absl::OkStatus();
  };
}

class CommitterThreadTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(storage::InitializeStore(engine_, "vn-quangngai", 7, 1).ok());
    core_ = std::make_unique<storage::CommitterCore>(engine_, nullptr, storage::CommitterLimits{});
    committer_ = std::make_unique<CommitterThread>(
        *core_, engine_, clock_,
        [this](const absl::Status&) {
          ++fatal_;
          told_.Notify();
        },
        [] { return std::nullopt; });
  }

  // Submits and waits for the answer.
  absl::Status Put(const std::string& key) {
    absl::Status answer;
    absl::Notification answered;
    committer_->Submit(PutOperation(key), [&](const absl::Status& status) {
      answer = status;
      answered.Notify();
    });
    EXPECT_TRUE(answered.WaitForNotificationWithTimeout(kDeadline));
    return answer;
  }

  SystemClock clock_;
  storage::FaultEngine engine_;
  std::atomic<int> fatal_ = 0;
  absl::Notification told_;
  std::unique_ptr<storage::CommitterCore> core_;
  std::unique_ptr<CommitterThread> committer_;
};

TEST_F(CommitterThreadTest, AnswerComesWhenItIsDurable) {
  ASSERT_TRUE(Put("\x7ekey").ok());
  const auto value = engine_.Get("\x7ekey");
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(*value, "value");
}

TEST_F(CommitterThreadTest, StopFinishesWhatWasAcceptedAndRefusesTheRest) {
  std::atomic<int> stored = 0;
  for (int i = 0; i < 200; ++i) {
    committer_->Submit(PutOperation("\x7ek" + std::to_string(i)), [&](const absl::Status& status) {
      if (status.ok()) ++stored;
    });
  }
  committer_->Stop();
  EXPECT_EQ(stored, 200);
  EXPECT_EQ(contract::ReasonOf(Put("\x7elate")), contract::Reason::kShuttingDown);
  EXPECT_FALSE(engine_.Get("\x7elate")->has_value());
}

TEST_F(CommitterThreadTest, UnknownOutcomeIsFatalAndNothingIsWrittenAfterIt) {
  engine_.Script(storage::Fault::kFailLost);
  EXPECT_EQ(contract::ReasonOf(Put("\x7e"
                                   "a")),
            contract::Reason::kOutcomeUnknown);
  ASSERT_TRUE(told_.WaitForNotificationWithTimeout(kDeadline));
  EXPECT_FALSE(Put("\x7e"
                   "b")
                   .ok());
  EXPECT_FALSE(engine_
                   .Get("\x7e"
                        "b")
                   ->has_value());
  committer_->Stop();
  EXPECT_EQ(fatal_, 1);
}

TEST_F(CommitterThreadTest, FullDiskIsAnAnswerAndNotTheEnd) {
  engine_.SetDiskFull(true);
  EXPECT_EQ(contract::ReasonOf(Put("\x7e"
                                   "a")),
            contract::Reason::kDiskFull);
  engine_.SetDiskFull(false);
  EXPECT_TRUE(Put("\x7e"
                  "b")
                  .ok());
  EXPECT_EQ(fatal_, 0);
}

// Moves by hand.
class HandClock final : public Clock {
 public:
  std::int64_t wall_ms() const override { return ms_; }
  std::int64_t monotonic_ms() const override { return ms_; }
  void Advance(std::int64_t ms) { ms_ += ms; }

 private:
  std::atomic<std::int64_t> ms_ = 1'800'000'000'000;
};

// A committer by a clock that only its operations move, on processors as busy as is said.
class CommitterThreadOverload : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(storage::InitializeStore(engine_, "vn-quangngai", 7, 1).ok());
    core_ = std::make_unique<storage::CommitterCore>(engine_);
    committer_ = std::make_unique<CommitterThread>(
        *core_, engine_, clock_, [](const absl::Status&) { FAIL(); },
        [this] { return std::make_optional(Usage{.share = busy_, .used_ms = 0}); });
  }

  // How many calls are taken while the writer is held up; twice as many are refused.
  int Taken() {
    absl::Notification held;
    absl::Notification go_on;
    std::atomic<int> answered = 0;
    const auto count = [&answered](const absl::Status& status) { answered += status.ok() ? 1 : 0; };
    std::thread first([&] {
      committer_->SubmitAndHelp(
          [&](storage::Transaction& transaction) {
            held.Notify();
            go_on.WaitForNotification();
            return PutOperation("\x7eheld")(transaction);
          },
          count);
    });
    EXPECT_TRUE(held.WaitForNotificationWithTimeout(kDeadline));
    int calls = 0;
    for (; committer_->TakesCalls(); ++calls) {
      committer_->SubmitAndHelp(
          [this](storage::Transaction& transaction) {
            clock_.Advance(10);
            return PutOperation("\x7ekey")(transaction);
          },
          count);
    }
    for (int i = 0; i < 2 * calls; ++i) EXPECT_FALSE(committer_->TakesCalls());
    go_on.Notify();
    first.join();
    Put();  // answered after all of these
    EXPECT_EQ(answered, calls + 1);
    return calls;
  }
  void Put() {
    absl::Notification answered;
    committer_->Submit(PutOperation("\x7elast"),
                       [&answered](const absl::Status&) { answered.Notify(); });
    EXPECT_TRUE(answered.WaitForNotificationWithTimeout(kDeadline));
  }

  storage::FaultEngine engine_;
  std::unique_ptr<storage::CommitterCore> core_;
  HandClock clock_;
  std::atomic<double> busy_ = 0;
  std::unique_ptr<CommitterThread> committer_;
};

// Goal: in an overload in which each change takes long fewer may wait.
TEST_F(CommitterThreadOverload, FewerCallsWait) {
  EXPECT_EQ(Taken(), 128);
  EXPECT_EQ(Taken(), 32);
}

// Goal: in an overload in which no processor is idle steps keep a pace, and fewer calls may wait.
TEST_F(CommitterThreadOverload, StepsKeepAPace) {
  constexpr int kSteps = 10;
  EXPECT_EQ(Taken(), 128);
  busy_ = 1;
  EXPECT_EQ(Taken(), 32);
  const absl::Time began = absl::Now();
  for (int i = 0; i < kSteps; ++i) Put();
  // The first may be due at once.
  EXPECT_GE(absl::Now() - began, absl::Milliseconds((kSteps - 1) * storage::CallsLimit::kPaceMs));
  EXPECT_LT(Taken(), 32);
}

// Goal: where there is more work than processors, who takes calls comes before who stores.
TEST_F(CommitterThreadTest, StoringThreadsStandBack) {
  const int own = ::getpriority(PRIO_PROCESS, 0);
  int niceness = -1;
  absl::Notification answered;
  committer_->Submit(
      [&niceness](storage::Transaction& transaction) {
        niceness = ::getpriority(PRIO_PROCESS, 0);
        return PutOperation("\x7ekey")(transaction);
      },
      [&](const absl::Status& status) {
        EXPECT_TRUE(status.ok()) << status;
        answered.Notify();
      });
  ASSERT_TRUE(answered.WaitForNotificationWithTimeout(kDeadline));
  EXPECT_EQ(niceness, std::min(own + storage::kStoringNiceness, 19));
}

// Goal: a change that comes alone is committed and answered on the thread that brought it, before
// the call returns.
TEST_F(CommitterThreadTest, LoneCallerCommitsOnItsOwnThread) {
  for (const char* key : {"\x7e"
                          "first",
                          "\x7e"
                          "second"}) {
    std::thread::id answered_on;
    committer_->SubmitAndHelp(PutOperation(key), [&](const absl::Status& status) {
      EXPECT_TRUE(status.ok()) << status;
      answered_on = std::this_thread::get_id();
    });
    EXPECT_EQ(answered_on, std::this_thread::get_id());
    EXPECT_EQ(*engine_.Get(key), "value");
  }
}

// Goal: helpers, the committer's thread and a stop step one at a time, and every accepted change is
// answered once and is there.
TEST_F(CommitterThreadTest, ManyHelpersAndAStopLoseNothing) {
  constexpr int kThreads = 4;
  constexpr int kEach = 200;
  std::atomic<int> stored = 0;
  std::atomic<int> refused = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < kThreads; ++caller) {
    callers.emplace_back([&, caller] {
      for (int i = 0; i < kEach; ++i) {
        std::string key = "\x7e" + std::to_string(caller) + "/" + std::to_string(i);
        const auto done = [&](const absl::Status& status) { ++(status.ok() ? stored : refused); };
        if (i % 3 == 0) {
          committer_->Submit(PutOperation(std::move(key)), done);
        } else {
          committer_->SubmitAndHelp(PutOperation(std::move(key)), done);
        }
        if (caller == 0 && i == kEach / 2) committer_->Stop();
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(stored + refused, kThreads * kEach);
  EXPECT_GE(stored, kEach / 2);
  int found = 0;
  for (int caller = 0; caller < kThreads; ++caller) {
    for (int i = 0; i < kEach; ++i) {
      found += engine_.Get("\x7e" + std::to_string(caller) + "/" + std::to_string(i))->has_value();
    }
  }
  EXPECT_EQ(found, stored);
  EXPECT_EQ(storage::ReadJournalHead(engine_)->frontier.size(), static_cast<std::uint64_t>(found));
}

// An engine whose commits wait until they are let go.
class GatedEngine final : public storage::Engine {
 public:
  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override {
    return engine.Get(key);
  }
  std::unique_ptr<storage::Snapshot> TakeSnapshot() const override { return engine.TakeSnapshot(); }
  absl::Status Commit(const storage::Batch& batch) override {
    if (!reached.HasBeenNotified()) reached.Notify();
    EXPECT_TRUE(go_on.WaitForNotificationWithTimeout(kDeadline));
    return engine.Commit(batch);
  }
  absl::Status Checkpoint(const std::string& directory) override {
    return engine.Checkpoint(directory);
  }
  storage::Statistics GetStatistics() const override { return engine.GetStatistics(); }

  storage::FaultEngine engine;
  absl::Notification reached;
  absl::Notification go_on;
};

// Goal: while a batch is on its way to the disk the next step is made, on what the batch holds, and
// nobody is answered before his own batch is durable.
TEST(CommitterThread, NextStepIsMadeWhileTheDiskWorks) {
  GatedEngine gated;
  ASSERT_TRUE(storage::InitializeStore(gated.engine, "vn-quangngai", 7, 1).ok());
  storage::CommitterCore core(gated, nullptr, storage::CommitterLimits{.step_operations_max = 1});
  SystemClock clock;
  CommitterThread committer(
      core, gated, clock, [](const absl::Status&) {}, [] { return std::nullopt; });

  absl::Notification second_waits;
  absl::Notification second_ran;
  std::atomic<int> answered = 0;
  committer.Submit(
      [&](storage::Transaction& transaction) {
        EXPECT_TRUE(second_waits.WaitForNotificationWithTimeout(kDeadline));
        transaction.Put("\x7e large", std::string(512u << 10, 'x'));  // worth the disk's thread
        return PutOperation(
            "\x7e"
            "first")(transaction);
      },
      [&](const absl::Status& status) { answered += status.ok() ? 1 : 0; });
  committer.Submit(
      [&](storage::Transaction& transaction) {
        EXPECT_EQ(**transaction.Get("\x7e"
                                    "first"),
                  "value");
        second_ran.Notify();
        return PutOperation(
            "\x7e"
            "second")(transaction);
      },
      [&](const absl::Status& status) { answered += status.ok() ? 1 : 0; });
  second_waits.Notify();
  EXPECT_TRUE(gated.reached.WaitForNotificationWithTimeout(kDeadline));
  EXPECT_TRUE(second_ran.WaitForNotificationWithTimeout(kDeadline));
  EXPECT_EQ(answered, 0);
  gated.go_on.Notify();
  committer.Stop();
  EXPECT_EQ(answered, 2);
  EXPECT_EQ(storage::ReadJournalHead(gated.engine)->frontier.size(), 2u);
}

}  // namespace
}  // namespace tripoint::runtime
