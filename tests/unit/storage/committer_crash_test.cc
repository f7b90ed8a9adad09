// Property: over any run of faults and crashes nothing that was answered OK is lost, nothing that
// was refused for a reason of its own appears, numbers stay dense, and the journal verifies.
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "storage/channel_store.h"
#include "storage/names.h"
#include "tests/unit/storage/fixture.h"

namespace tripoint::storage {
namespace {

using testing_support::Draft;
using testing_support::kEpoch;
using testing_support::kNowMs;

const ChannelName kChannel{"la-attapeu", 3};

std::string TestKey(std::uint64_t id) { return "\x7f" + std::to_string(id); }

struct Outcome {
  absl::Status status;
  std::uint64_t number = 0;
};

void CheckRun(std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  FaultEngine engine;
  ASSERT_TRUE(InitializeStore(engine, "vn-tayninh", kEpoch, kNowMs).ok());
  engine.SetPlan({.seed = seed,
                  .fail_lost_per_mille = 50,
                  .fail_stored_per_mille = 50,
                  .fail_later_per_mille = 50,
                  .disk_full_per_mille = 50,
                  .delay_us_max = 0});
  auto core = std::make_unique<CommitterCore>(engine);
  std::map<std::uint64_t, Outcome> outcomes;
  std::uint64_t id = 0;
  const auto submit_some = [&] {
    for (std::uint64_t count = random() % 6; count > 0; --count) {
      const bool fails = random() % 4 == 0;
      Outcome& outcome = outcomes[++id];
      outcome.status = absl::UnknownError("not answered");
      core->Submit(
          [&outcome, fails, key = TestKey(id)](Transaction& transaction) -> absl::Status {
            const auto number = NextNumber(transaction, Kind::kEnvelope, 0);
            if (!number.ok()) return number.status();
            outcome.number = *number;
            transaction.Put(key, std::to_string(*number));
            const std::string bytes = "envelope " + std::to_string(*number);
            PutEnvelope(transaction, *number, bytes);
            const auto position = AppendOutbound(transaction, kChannel, *number, LeafHash(bytes));
            if (!position.ok()) return position.status();
            EXPECT_EQ(*position + 1, *number);
            transaction.Journal(Draft("test.send"));
            return fails ? absl::AbortedError("refused") : absl::OkStatus();
          },
          [&outcome](const absl::Status& status) { outcome.status = status; });
    }
  };
  // The next step is gathered while the disk works, before or after the batch is on it.
  const auto gather_more = [&] {
    submit_some();
    core->Gather(kNowMs);
  };
  for (int round = 0; round < 40; ++round) {
    submit_some();
    const Batch* batch = core->Step(kNowMs);
    const bool before = random() % 2 == 0;
    if (batch != nullptr && before) gather_more();
    switch (random() % 8) {
      case 0:  // the process dies while the disk works
        if (batch != nullptr) engine.Commit(*batch).IgnoreError();
        core->Abandon(absl::UnavailableError("crash"));
        core = std::make_unique<CommitterCore>(engine);
        engine.Crash();
        break;
      case 1:  // before it
        core->Abandon(absl::UnavailableError("crash"));
        core = std::make_unique<CommitterCore>(engine);
        engine.Crash();
        break;
      default:
        if (batch == nullptr) break;
        const absl::Status committed = engine.Commit(*batch);
        if (!before) gather_more();
        core->Finish(committed);
    }
  }
  core->Abandon(absl::UnavailableError("end"));
  engine.Crash();

  const auto snapshot = engine.TakeSnapshot();
  EXPECT_TRUE(VerifyJournal(*snapshot).ok());
  std::uint64_t stored = 0;
  std::set<std::string> numbers;
  for (const auto& [key, outcome] : outcomes) {
    const auto value = snapshot->Get(TestKey(key));
    ASSERT_TRUE(value.ok());
    if (outcome.status.ok()) {
      EXPECT_EQ(*value, std::to_string(outcome.number)) << "acknowledged and lost: " << key;
    } else if (outcome.status.code() == absl::StatusCode::kAborted) {
      EXPECT_EQ(*value, std::nullopt) << "refused and stored: " << key;
    }
    if (value->has_value()) {
      ++stored;
      EXPECT_TRUE(numbers.insert(**value).second) << "number given twice";
    }
  }
  const auto state = GetOutboundChannel(*snapshot, kChannel);
  ASSERT_TRUE(state.ok());
  EXPECT_EQ(state->size(), stored);
  EXPECT_EQ(ReadJournalHead(*snapshot)->frontier.size(), stored);
  const auto envelopes = ReadOutbound(*snapshot, kChannel, kEpoch, 0, 10'000, 10'000'000);
  ASSERT_TRUE(envelopes.ok()) << envelopes.status();
  Frontier frontier;
  for (const ChannelEnvelope& envelope : *envelopes) frontier.Append(LeafHash(envelope.bytes));
  EXPECT_EQ(FrontierHashes(frontier), state->frontier());
}

TEST(CommitterCrash, D2NothingAcknowledgedIsLostOverFiveHundredSeeds) {
  for (std::uint64_t seed = 1; seed <= 500 && !testing::Test::HasFailure(); ++seed) CheckRun(seed);
}

// Goal: the check above can fail: a disk that lies loses what was acknowledged, a torn batch is
// seen by the journal.
TEST(CommitterCrash, R4LyingAndTearingDisksAreNoticed) {
  testing_support::Store store;
  const auto put = [](Transaction& transaction) {
    transaction.Put(TestKey(1), "x");
    transaction.Put(TestKey(2), "x");
    transaction.Journal(Draft("test.put"));
    return absl::OkStatus();
  };
  store.engine.Script(Fault::kLie);
  ASSERT_TRUE(store.Run(put).ok());
  store.engine.Crash();
  EXPECT_EQ(*store.engine.Get(TestKey(1)), std::nullopt);

  int torn = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    testing_support::Store tearing({.seed = seed});
    ASSERT_TRUE(tearing.Run(put).ok());
    tearing.engine.Script(Fault::kTear);
    EXPECT_FALSE(tearing.Run(put).ok());
    EXPECT_FALSE(tearing.Run(put).ok());  // no write after a failed sync until it is opened again
    tearing.engine.Crash();
    torn += VerifyJournal(*tearing.engine.TakeSnapshot()).ok() ? 0 : 1;
  }
  EXPECT_GT(torn, 3);
  EXPECT_LT(torn,
            20);  // a tear before the journal entry leaves only registers and values of no entry
}

}  // namespace
}  // namespace tripoint::storage
