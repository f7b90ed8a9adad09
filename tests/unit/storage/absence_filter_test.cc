// The filter that spares reads: never wrong about what is stored, useful for what is not.
#include "storage/absence_filter.h"

#include <string>

#include "gtest/gtest.h"
#include "storage/keys.h"
#include "storage/request_store.h"
#include "tests/unit/storage/fixture.h"

namespace tripoint::storage {
namespace {

using testing_support::Draft;
using testing_support::Store;

constexpr int kMany = 10'000;

std::string IdOf(int number) { return "request " + std::to_string(1'000'000 + number); }

Operation PutRequests(int first, int count) {
  return [=](Transaction& transaction) {
    for (int i = first; i < first + count; ++i) {
      store::v1::RequestRecord record;
      record.set_name(std::to_string(i));
      PutRequest(transaction, IdOf(i), record);
    }
    transaction.Put(ExternalKey("external"), "1");
    transaction.Put(ReferenceKey(Kind::kNotice, "N-ATP-26-0001-B", "la-attapeu"), "1");
    transaction.Journal(Draft("test.put"));
    return absl::OkStatus();
  };
}

// Goal: before everything is learned nothing is called absent; then nothing that is stored is, and
// nearly everything else.
TEST(AbsenceFilter, KnowsWhatIsNotThere) {
  Store store;
  ASSERT_TRUE(store.Run(PutRequests(0, kMany)).ok());
  AbsenceFilter filter;
  EXPECT_FALSE(filter.CertainlyAbsent(RequestKey(IdOf(kMany))));
  int pieces = 0;
  for (; !filter.learned(); ++pieces) ASSERT_TRUE(filter.Learn(store.engine, 1000).ok());
  EXPECT_GT(pieces, 10);
  for (int i = 0; i < kMany; ++i) ASSERT_FALSE(filter.CertainlyAbsent(RequestKey(IdOf(i)))) << i;
  EXPECT_FALSE(filter.CertainlyAbsent(ExternalKey("external")));
  EXPECT_FALSE(
      filter.CertainlyAbsent(ReferenceKey(Kind::kNotice, "N-ATP-26-0001-B", "la-attapeu")));
  int absent = 0;
  for (int i = kMany; i < 2 * kMany; ++i)
    absent += filter.CertainlyAbsent(RequestKey(IdOf(i))) ? 1 : 0;
  EXPECT_GT(absent, kMany * 99 / 100);
}

// Goal: what is written while the committer learns is known too, wherever it lies, and a stored
// request is found whatever was learned; also one that was deleted and came again in one step.
TEST(AbsenceFilter, WritesWhileItLearnsAreKnown) {
  Store store;
  ASSERT_TRUE(store.Run(PutRequests(0, 100)).ok());
  CommitterCore core(store.engine);
  const auto run = [&](Operation operation) {
    absl::Status answer = absl::UnknownError("not answered");
    core.Submit(std::move(operation), [&](const absl::Status& status) { answer = status; });
    core.RunOnce(testing_support::kNowMs);
    return answer;
  };
  bool known = false;
  for (int round = 0; !known; ++round) {
    const absl::StatusOr<bool> learned = core.LearnKeys(7);
    ASSERT_TRUE(learned.ok());
    known = *learned;
    ASSERT_LT(round, 1000) << "it ends";
    if (round < 20) {  // before and behind the place where it reads
      ASSERT_TRUE(run(PutRequests(200 + round, 1)).ok());
      ASSERT_TRUE(run(PutRequests(-200 - round, 1)).ok());
    }
  }
  ASSERT_TRUE(run([](Transaction& transaction) {
                transaction.Delete(RequestKey(IdOf(500)));
                return PutRequests(500, 1)(transaction);
              }).ok());
  ASSERT_TRUE(run([](Transaction& transaction) {
                for (const int there : {0, 99, 200, 219, -200, -219, 500}) {
                  EXPECT_TRUE(FindRequest(transaction, IdOf(there))->has_value()) << there;
                }
                for (const int missing : {100, 199, 220, -220, 501}) {
                  EXPECT_FALSE(FindRequest(transaction, IdOf(missing))->has_value()) << missing;
                }
                return absl::OkStatus();
              }).ok());
}

}  // namespace
}  // namespace tripoint::storage
