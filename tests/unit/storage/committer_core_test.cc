// The single writer: isolation, order, group commit, journal, bounds, failures.
#include "storage/committer_core.h"

#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "storage/calls_limit.h"
#include "storage/channel_store.h"
#include "storage/journal_store.h"
#include "storage/keys.h"
#include "storage/merkle.h"
#include "storage/names.h"
#include "tests/unit/storage/fixture.h"

namespace tripoint::storage {
namespace {

using contract::Reason;
using contract::ReasonOf;
using testing_support::Draft;
using testing_support::kEpoch;
using testing_support::kNowMs;
using testing_support::Store;

std::string TestKey(const std::string& name) { return "\x7f" + name; }

std::optional<std::string> Value(const Engine& engine, const std::string& name) {
  const auto value = engine.Get(TestKey(name));
  EXPECT_TRUE(value.ok());
  return value.ok() ? *value : std::nullopt;
}

Operation PutOperation(const std::string& name, const std::string& value) {
  return [=](Transaction& transaction) {
    transaction.Put(TestKey(name), value);
    transaction.Journal(Draft("test.put"));
    return absl::OkStatus();
  };
}

// Goal: many waiting operations cost one commit of the engine, run in order and see each other's
// writes.
TEST(CommitterCore, ManyOperationsAreOneCommit) {
  Store store;
  const std::uint64_t commits_before = store.engine.commits();
  std::vector<int> answered;
  for (int i = 0; i < 100; ++i) {
    store.core.Submit(
        [](Transaction& transaction) -> absl::Status {
          const auto before = transaction.Get(TestKey("counter"));
          if (!before.ok()) return before.status();
          transaction.Put(TestKey("counter"), before->value_or("") + "x");
          transaction.Journal(Draft("test.count"));
          return absl::OkStatus();
        },
        [&answered, i](const absl::Status& status) {
          EXPECT_TRUE(status.ok());
          answered.push_back(i);
        });
  }
  EXPECT_TRUE(store.core.RunOnce(kNowMs));
  EXPECT_EQ(store.engine.commits() - commits_before, 1u);
  ASSERT_EQ(answered.size(), 100u);
  EXPECT_TRUE(std::is_sorted(answered.begin(), answered.end()));
  EXPECT_EQ(Value(store.engine, "counter")->size(), 100u);
  EXPECT_FALSE(store.core.RunOnce(kNowMs));
}

// Goal: a failing operation leaves no trace: not its new keys, not what it overwrote or deleted,
// not its number.
TEST(CommitterCore, FailingOperationLeavesNoTrace) {
  Store store;
  ASSERT_TRUE(store.Run(PutOperation("old", "durable")).ok());
  std::vector<absl::StatusCode> codes;
  const auto collect = [&codes](const absl::Status& status) { codes.push_back(status.code()); };
  store.core.Submit(PutOperation("same step", "first"), collect);
  store.core.Submit(
      [](Transaction& transaction) -> absl::Status {
        EXPECT_EQ(transaction.change_number(), 3u);
        transaction.Put(TestKey("old"), "spoiled");
        transaction.Put(TestKey("same step"), "spoiled");
        transaction.Put(TestKey("same step"), "spoiled twice");
        transaction.Delete(TestKey("old"));
        transaction.Put(TestKey("new"), "spoiled");
        EXPECT_EQ(*NextNumber(transaction, Kind::kIncident, 2026), 1u);
        transaction.ChannelGrew({"la-attapeu", 1});
        transaction.Journal(Draft("test.fail"));
        return absl::FailedPreconditionError("no");
      },
      collect);
  store.core.Submit(
      [](Transaction& transaction) -> absl::Status {
        EXPECT_EQ(**transaction.Get(TestKey("old")), "durable");
        EXPECT_EQ(**transaction.Get(TestKey("same step")), "first");
        EXPECT_EQ(*transaction.Get(TestKey("new")), std::nullopt);
        EXPECT_EQ(*NextNumber(transaction, Kind::kIncident, 2026), 1u);
        EXPECT_EQ(transaction.change_number(), 3u);
        transaction.Journal(Draft("test.after"));
        return absl::OkStatus();
      },
      collect);
  store.core.RunOnce(kNowMs);
  EXPECT_EQ(codes, (std::vector<absl::StatusCode>{absl::StatusCode::kOk,
                                                  absl::StatusCode::kFailedPrecondition,
                                                  absl::StatusCode::kOk}));
  EXPECT_EQ(Value(store.engine, "old"), "durable");
  EXPECT_EQ(Value(store.engine, "same step"), "first");
  EXPECT_EQ(Value(store.engine, "new"), std::nullopt);
  const auto entries = ReadJournal(*store.engine.TakeSnapshot(), 0, 10);
  ASSERT_TRUE(entries.ok());
  ASSERT_EQ(entries->size(), 3u);
  EXPECT_EQ((*entries)[2].action(), "test.after");
}

// Goal: change numbers are dense from 1 over steps, failures and readings, and the root is that of
// the entries.
TEST(CommitterCore, JournalIsDenseAndItsRootIsRecomputed) {
  Store store;
  std::uint64_t expected = 0;
  for (int i = 0; i < 50; ++i) {
    for (int j = 0; j <= i % 4; ++j) {
      const bool fail = (i + j) % 5 == 0;
      store.core.Submit(
          [fail](Transaction& transaction) -> absl::Status {
            transaction.Put(TestKey("x"), std::to_string(transaction.change_number()));
            transaction.Journal(Draft("test.write"));
            return fail ? absl::AbortedError("stale") : absl::OkStatus();
          },
          [](const absl::Status& status) { status.IgnoreError(); });
      expected += fail ? 0 : 1;
    }
    store.core.RunOnce(kNowMs + i);
  }
  const auto snapshot = store.engine.TakeSnapshot();
  EXPECT_TRUE(VerifyJournal(*snapshot).ok());
  const auto head = ReadJournalHead(*snapshot);
  ASSERT_TRUE(head.ok());
  EXPECT_EQ(head->epoch, kEpoch);
  EXPECT_EQ(head->frontier.size(), expected);
  Frontier recomputed;
  for (std::uint64_t number = 1; number <= expected; ++number) {
    recomputed.Append(LeafHash(**snapshot->Get(JournalKey(number))));
  }
  EXPECT_EQ(recomputed.Root(), head->frontier.Root());
  const auto entries = ReadJournal(*snapshot, expected - 3, 100);
  ASSERT_TRUE(entries.ok());
  ASSERT_EQ(entries->size(), 3u);
  EXPECT_EQ(entries->back().number(), expected);
  EXPECT_EQ(entries->back().epoch(), kEpoch);
  EXPECT_EQ(entries->back().writes_digest().size(), kHashBytes);
  EXPECT_EQ(entries->back().actor(), "officer/o-1");
}

// Goal: a changed, missing or added journal entry is found.
TEST(CommitterCore, TamperedJournalIsFound) {
  for (const int damage : {0, 1, 2}) {
    Store store;
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(store.Run(PutOperation("k", std::to_string(i))).ok());
    ASSERT_TRUE(VerifyJournal(*store.engine.TakeSnapshot()).ok());
    Batch batch;
    if (damage == 0) batch.Put(JournalKey(3), **store.engine.Get(JournalKey(2)));
    if (damage == 1) batch.Delete(JournalKey(3));
    if (damage == 2) batch.Put(JournalKey(6), "more");
    ASSERT_TRUE(store.engine.Commit(batch).ok());
    EXPECT_EQ(ReasonOf(VerifyJournal(*store.engine.TakeSnapshot())), Reason::kCorrupt) << damage;
  }
}

// Goal: an operation that writes must journal once; what only reads or fails costs no commit.
TEST(CommitterCore, WritesMustBeJournalledOnce) {
  Store store;
  const std::uint64_t commits_before = store.engine.commits();
  const auto silent = [](Transaction& transaction) {
    transaction.Put(TestKey("silent"), "x");
    return absl::OkStatus();
  };
  EXPECT_EQ(ReasonOf(store.Run(silent)), Reason::kInternal);
  const auto twice = [](Transaction& transaction) {
    transaction.Put(TestKey("twice"), "x");
    transaction.Journal(Draft("a"));
    transaction.Journal(Draft("b"));
    return absl::OkStatus();
  };
  EXPECT_EQ(ReasonOf(store.Run(twice)), Reason::kInternal);
  EXPECT_TRUE(
      store.Run([](Transaction& transaction) { return transaction.Get(TestKey("x")).status(); })
          .ok());
  EXPECT_EQ(store.engine.commits(), commits_before);
  EXPECT_EQ(Value(store.engine, "silent"), std::nullopt);
  EXPECT_EQ(Value(store.engine, "twice"), std::nullopt);
  const auto large = [](Transaction& transaction) {
    transaction.Put(TestKey("large"), std::string(kValueBytesMax + 1, 'x'));
    transaction.Journal(Draft("a"));
    return absl::OkStatus();
  };
  EXPECT_EQ(ReasonOf(store.Run(large)), Reason::kTooLarge);
}

// Goal: the queue is bounded and says when to come back; a step takes no more than its limits.
TEST(CommitterCore, QueueAndStepAreBounded) {
  FaultEngine engine;
  ASSERT_TRUE(InitializeStore(engine, "vn-tayninh", kEpoch, kNowMs).ok());
  CommitterCore core(engine, nullptr,
                     {.queued_operations_max = 10,
                      .step_operations_max = 4,
                      .step_bytes_max = 1000,
                      .retry_after_ms = 70});
  int accepted = 0;
  absl::Status refused;
  for (int i = 0; i < 11; ++i) {
    core.Submit(
        PutOperation("k" + std::to_string(i), std::string(i < 4 ? 10 : 900, 'x')),
        [&](const absl::Status& status) { status.ok() ? ++accepted : (refused = status, 0); });
  }
  EXPECT_EQ(ReasonOf(refused), Reason::kQueueFull);
  EXPECT_EQ(contract::ProblemOf(refused).retry_after_ms, 70);
  EXPECT_EQ(core.waiting(), 10u);
  core.RunOnce(kNowMs);
  EXPECT_EQ(accepted, 4);
  core.RunOnce(kNowMs);  // 900 bytes, 900 bytes: past the limit after the second
  EXPECT_EQ(accepted, 6);
  while (core.RunOnce(kNowMs)) {
  }
  EXPECT_EQ(accepted, 10);
}

// Goal: calls of officers, who wait for the answer, are refused while few of them wait, however
// many batches and what neighbours sent, which have windows of their own, wait with them.
TEST(CommitterCore, CallsAreRefusedWhileFewOfThemWait) {
  FaultEngine engine;
  ASSERT_TRUE(InitializeStore(engine, "vn-tayninh", kEpoch, kNowMs).ok());
  CommitterCore core(engine, nullptr,
                     {.queued_operations_max = 5, .queued_calls_max = 2, .retry_after_ms = 70});
  int stored = 0;
  int refused = 0;
  const auto count = [&](const absl::Status& status) { ++(status.ok() ? stored : refused); };
  core.Submit(PutOperation("a", "1"), count);
  core.Submit(PutOperation("b", "1"), count);
  core.SubmitAndHelp(PutOperation("c", "1"), count);
  EXPECT_TRUE(core.TakesCalls());
  core.SubmitAndHelp(PutOperation("d", "1"), count);
  EXPECT_FALSE(core.TakesCalls());
  core.SubmitAndHelp(PutOperation("e", "1"), count);  // who did not ask is not refused for that
  EXPECT_EQ(refused, 0);
  core.SubmitAndHelp(PutOperation("f", "1"), count);  // the whole queue is full
  EXPECT_EQ(refused, 1);
  while (core.RunOnce(kNowMs)) {
  }
  EXPECT_EQ(stored, 5);
  EXPECT_TRUE(core.TakesCalls());
  core.SubmitAndHelp(PutOperation("g", "1"), count);
  core.SubmitAndHelp(PutOperation("h", "1"), count);
  EXPECT_FALSE(core.TakesCalls());
  core.Abandon(absl::UnavailableError("test"));
  EXPECT_TRUE(core.TakesCalls());
}

// Goal: fewer calls wait while more are refused than stored and the work of each takes long, never
// fewer than the least; as many as ever when it is quick again, few are refused, or bulk takes the
// time.
TEST(CommitterCore, FewerCallsWaitInAnOverload) {
  FaultEngine engine;
  ASSERT_TRUE(InitializeStore(engine, "vn-tayninh", kEpoch, kNowMs).ok());
  CommitterCore core(engine);
  const auto taken = [&core](int refused) {
    int calls = 0;
    for (; core.TakesCalls(); ++calls)
      core.SubmitAndHelp(PutOperation("a", "1"), [](const absl::Status&) {});
    for (int i = 1; i < refused; ++i) EXPECT_FALSE(core.TakesCalls());
    while (core.RunOnce(kNowMs)) {
    }
    return calls;
  };
  const auto calls = [](std::size_t count) {
    return Gathered{.operations = count, .calls = count};
  };
  EXPECT_EQ(taken(101), 128);
  core.Worked(calls(50), 400);  // too few to say anything
  EXPECT_EQ(taken(101), 128);
  core.Worked(calls(50), 4);  // 100 in 404 ms
  EXPECT_EQ(taken(101), 32);
  core.Worked(calls(100), 10);
  EXPECT_EQ(taken(101), 50);
  core.Worked(calls(100), 0);
  EXPECT_EQ(taken(101), 128);
  core.Worked(calls(100), 1000);
  EXPECT_EQ(taken(101), 32);
  core.Worked({.operations = 100, .calls = 99}, 1000);
  EXPECT_EQ(taken(101), 128);
  core.Worked(calls(100), 1000);
  EXPECT_EQ(taken(100), 32);
  core.Worked(calls(100), 1000);  // no more refused than stored
  EXPECT_EQ(taken(1), 128);
}

// Goal: while calls come faster than they can be refused and no processor is idle, fewer and fewer
// are taken, at a pace, until one is; not by a busy node that refuses few, nor by one that has
// time, nor by one that others than the refused keep busy; and it is over with the overload.
TEST(CallsLimit, KeepsAPaceWhileNoProcessorIsIdle) {
  constexpr double kUsedMs = 20;  // a window of one processor
  CallsLimit limit(128);
  const auto busy = [&limit](double share, std::size_t refused = 10'000) {
    limit.Worked(0, 0, refused);
    limit.Busy(share, kUsedMs);
  };
  busy(1.0, 0);
  EXPECT_FALSE(limit.paced());  // busy alone is no fault
  limit.Worked(100, 1, 101);
  EXPECT_FALSE(limit.paced());
  busy(0.9);
  EXPECT_FALSE(limit.paced());  // the refusals are another's fault, such as a slow disk's
  busy(1.0, 113);
  EXPECT_FALSE(limit.paced());  // refusing takes under an eighth of it: readers are what is busy
  busy(1.0, 114);
  EXPECT_TRUE(limit.paced());
  EXPECT_EQ(limit.calls(), 48U);
  busy(1.0);
  EXPECT_EQ(limit.calls(), 36U);
  for (int i = 0; i < 100; ++i) busy(1.0);
  EXPECT_EQ(limit.calls(), CallsLimit::kPacedCallsMin);
  busy(0.97);
  EXPECT_EQ(limit.calls(), CallsLimit::kPacedCallsMin);  // just right
  busy(0.9);
  EXPECT_EQ(limit.calls(), 5U);
  busy(1.0, 0);
  EXPECT_EQ(limit.calls(), 6U);  // busy with something else
  for (int i = 0; i < 100; ++i) busy(0.9);
  EXPECT_EQ(limit.calls(), 128U);
  EXPECT_FALSE(limit.paced());
  busy(1.0);
  EXPECT_TRUE(limit.paced());
  busy(0.1);  // nobody called since
  EXPECT_FALSE(limit.paced());
  busy(1.0);
  limit.Worked(64, 1, 0);
  limit.Worked(200'000, 1, 0);  // more stored than was refused: over
  EXPECT_EQ(limit.calls(), 128U);
  EXPECT_FALSE(limit.paced());
}

// Goal: after a commit whose outcome is unknown the core reads again, so that numbers go on right
// whether the batch was stored or not, and everybody in the step is told "unknown", also those who
// failed after reading its state.
TEST(CommitterCore, UnknownOutcomeIsReadAgain) {
  for (const Fault fault : {Fault::kFailLost, Fault::kFailStored}) {
    Store store;
    ASSERT_TRUE(store.Run(PutOperation("a", "1")).ok());
    store.engine.Script(fault);
    std::vector<Reason> reasons;
    const auto number = [](std::uint64_t* taken) {
      return [taken](Transaction& transaction) -> absl::Status {
        *taken = *NextNumber(transaction, Kind::kIncident, 2026);
        transaction.Journal(Draft("test.number"));
        return absl::OkStatus();
      };
    };
    std::uint64_t first = 0;
    std::uint64_t second = 0;
    const auto collect = [&reasons](const absl::Status& status) {
      reasons.push_back(ReasonOf(status));
    };
    store.core.Submit(number(&first), collect);
    store.core.Submit([](Transaction&) { return absl::AbortedError("read what was not durable"); },
                      collect);
    store.core.RunOnce(kNowMs);
    EXPECT_EQ(reasons, (std::vector<Reason>{Reason::kOutcomeUnknown, Reason::kOutcomeUnknown}));
    ASSERT_TRUE(store.Run(number(&second)).ok());
    EXPECT_EQ(first, 1u);
    EXPECT_EQ(second, fault == Fault::kFailLost ? 1u : 2u);
    const auto snapshot = store.engine.TakeSnapshot();
    EXPECT_TRUE(VerifyJournal(*snapshot).ok());
    EXPECT_EQ(ReadJournalHead(*snapshot)->frontier.size(), fault == Fault::kFailLost ? 2u : 3u);
  }
}

// Goal: a full disk refuses with its own reason, stores nothing, and ends when space returns.
TEST(CommitterCore, FullDiskRefusesAndEnds) {
  Store store;
  store.engine.SetDiskFull(true);
  EXPECT_EQ(ReasonOf(store.Run(PutOperation("a", "1"))), Reason::kDiskFull);
  EXPECT_EQ(Value(store.engine, "a"), std::nullopt);
  store.engine.SetDiskFull(false);
  EXPECT_TRUE(store.Run(PutOperation("a", "2")).ok());
  EXPECT_EQ(Value(store.engine, "a"), "2");
}

// Goal: the listener hears of durable changes only, after the answers, with each grown channel
// once.
TEST(CommitterCore, ListenerHearsDurableChanges) {
  struct Ear final : CommitListener {
    void OnCommitted(std::uint64_t first, std::uint64_t last,
                     const std::vector<ChannelName>& grown) override {
      heard.push_back(std::to_string(first) + "-" + std::to_string(last) + ":" +
                      std::to_string(grown.size()) + (answered ? "" : " before the answer"));
    }
    std::vector<std::string> heard;
    bool answered = false;
  };
  Store store;
  Ear ear;
  store.core.AddListener(ear);
  const auto grow = [](Transaction& transaction) {
    transaction.Put(TestKey("g"), "x");
    transaction.ChannelGrew({"la-attapeu", 1});
    transaction.ChannelGrew({"kh-ratanakiri", 1});
    transaction.Journal(Draft("test.grow"));
    return absl::OkStatus();
  };
  const auto answer = [&ear](const absl::Status&) { ear.answered = true; };
  store.core.Submit(grow, answer);
  store.core.Submit(grow, answer);
  store.core.RunOnce(kNowMs);
  store.engine.Script(Fault::kFailLost);
  store.core.Submit(grow, answer);
  store.core.RunOnce(kNowMs);
  store.core.Submit(PutOperation("a", "1"), answer);
  store.core.RunOnce(kNowMs);
  EXPECT_EQ(ear.heard, (std::vector<std::string>{"1-2:2", "3-3:0"}));
}

// Goal: the step that is gathered while a batch is being committed sees that batch's writes, its
// deletions and its registers, and goes on with its change numbers.
TEST(CommitterCore, NextStepSeesTheBatchThatIsBeingCommitted) {
  Store store;
  ASSERT_TRUE(store.Run(PutOperation("gone", "1")).ok());
  int answers = 0;
  const auto count = [&answers](const absl::Status& status) {
    EXPECT_TRUE(status.ok()) << status;
    ++answers;
  };
  store.core.Submit(
      [](Transaction& transaction) {
        EXPECT_EQ(*NextNumber(transaction, Kind::kEnvelope, 0), 1u);
        transaction.Put(TestKey("a"), "1");
        transaction.Delete(TestKey("gone"));
        transaction.Journal(Draft("test.first"));
        return absl::OkStatus();
      },
      count);
  const Batch* const first = store.core.Step(kNowMs);
  ASSERT_NE(first, nullptr);
  store.core.Submit(
      [](Transaction& transaction) {
        EXPECT_EQ(*NextNumber(transaction, Kind::kEnvelope, 0), 2u);
        EXPECT_EQ(**transaction.Get(TestKey("a")), "1");
        EXPECT_EQ(*transaction.Get(TestKey("gone")), std::nullopt);
        EXPECT_EQ(transaction.change_number(), 3u);
        transaction.Put(TestKey("a"), "2");
        transaction.Journal(Draft("test.second"));
        return absl::OkStatus();
      },
      count);
  store.core.Gather(kNowMs);
  EXPECT_EQ(store.core.gathered(), 1u);
  EXPECT_EQ(answers, 0);
  ASSERT_TRUE(store.engine.Commit(*first).ok());
  store.core.Finish(absl::OkStatus());
  EXPECT_EQ(answers, 1) << "the gathered one waits for its own batch";
  EXPECT_EQ(Value(store.engine, "a"), "1");

  const Batch* const second = store.core.Seal();
  ASSERT_NE(second, nullptr);
  ASSERT_TRUE(store.engine.Commit(*second).ok());
  store.core.Finish(absl::OkStatus());
  EXPECT_EQ(answers, 2);
  EXPECT_EQ(Value(store.engine, "a"), "2");
  const auto snapshot = store.engine.TakeSnapshot();
  EXPECT_TRUE(VerifyJournal(*snapshot).ok());
  EXPECT_EQ(ReadJournalHead(*snapshot)->frontier.size(), 3u);
}

// Goal: when a batch is not committed, everything that was gathered on top of it gets the same
// answer, also what had failed by itself, and none of it is stored; the next change starts from
// what is durable.
TEST(CommitterCore, FailedCommitFailsWhatWasGatheredOnIt) {
  Store store;
  std::vector<absl::StatusCode> answers;
  const auto note = [&answers](const absl::Status& status) { answers.push_back(status.code()); };
  store.core.Submit(PutOperation("a", "1"), note);
  ASSERT_NE(store.core.Step(kNowMs), nullptr);
  store.core.Submit(PutOperation("b", "1"), note);
  store.core.Submit([](Transaction&) { return absl::AlreadyExistsError("a is there"); }, note);
  store.core.Gather(kNowMs);
  store.core.Finish(absl::ResourceExhaustedError("full"));
  EXPECT_EQ(answers.size(), 1u);
  EXPECT_EQ(store.core.Seal(), nullptr);
  EXPECT_EQ(answers, std::vector<absl::StatusCode>(3, absl::StatusCode::kResourceExhausted));

  EXPECT_TRUE(store.Run(PutOperation("c", "1")).ok());
  EXPECT_EQ(Value(store.engine, "a"), std::nullopt);
  EXPECT_EQ(Value(store.engine, "b"), std::nullopt);
  EXPECT_EQ(Value(store.engine, "c"), "1");
  const auto snapshot = store.engine.TakeSnapshot();
  EXPECT_TRUE(VerifyJournal(*snapshot).ok());
  EXPECT_EQ(ReadJournalHead(*snapshot)->frontier.size(), 1u);
}

// Goal: stopping answers what waits, what was gathered and what was being committed, and nothing of
// it is stored.
TEST(CommitterCore, AbandonAnswersEverything) {
  Store store;
  int answers = 0;
  const auto count = [&answers](const absl::Status& status) {
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
    ++answers;
  };
  store.core.Submit(PutOperation("a", "1"), count);
  ASSERT_NE(store.core.Step(kNowMs), nullptr);
  store.core.Submit(PutOperation("b", "1"), count);
  store.core.Gather(kNowMs);
  store.core.Submit(PutOperation("c", "1"), count);
  store.core.Abandon(absl::UnavailableError("stopping"));
  EXPECT_EQ(answers, 3);
  EXPECT_EQ(Value(store.engine, "a"), std::nullopt);
  EXPECT_TRUE(store.Run(PutOperation("d", "1")).ok());
  EXPECT_EQ(ReadJournalHead(store.engine)->frontier.size(), 1u);
}

// Goal: without a head the committer refuses, it does not invent a journal.
TEST(CommitterCore, UninitialisedStoreIsRefused) {
  FaultEngine engine;
  CommitterCore core(engine);
  absl::Status answer;
  core.Submit(PutOperation("a", "1"), [&](const absl::Status& status) { answer = status; });
  core.RunOnce(kNowMs);
  EXPECT_EQ(ReasonOf(answer), Reason::kConfigInvalid);
  EXPECT_EQ(engine.commits(), 0u);
}

}  // namespace
}  // namespace tripoint::storage
