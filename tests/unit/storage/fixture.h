// A store in memory with a committer that is stepped by hand; shared by the storage tests.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "proto/contract/error.h"
#include "storage/committer_core.h"
#include "storage/fault_engine.h"
#include "storage/journal_store.h"
#include "storage/schema.h"
#include "tripoint/store/v1/records.pb.h"

namespace tripoint::storage::testing_support {

inline constexpr std::uint64_t kEpoch = 0x1122334455667788;
inline constexpr std::int64_t kNowMs = 1'770'000'000'000;

inline store::v1::JournalEntry Draft(const std::string& action) {
  store::v1::JournalEntry entry;
  entry.set_actor("officer/o-1");
  entry.set_action(action);
  return entry;
}

// A fault engine without faults counts commits and can be told to fail.
class Store {
 public:
  explicit Store(const FaultPlan& plan = {}) : engine(plan), core(engine) {
    EXPECT_TRUE(InitializeStore(engine, "vn-tayninh", kEpoch, kNowMs).ok());
  }

  // Runs one operation to its end and returns its answer.
  absl::Status Run(Operation operation, std::int64_t now_ms = kNowMs) {
    absl::Status answer = absl::UnknownError("not answered");
    core.Submit(std::move(operation), [&answer](const absl::Status& status) { answer = status; });
    core.RunOnce(now_ms);
    return answer;
  }

  // Runs `write` and journals it.
  absl::Status Write(const Operation& write, std::int64_t now_ms = kNowMs) {
    return Run(
        [&write](Transaction& transaction) {
          absl::Status status = write(transaction);
          if (status.ok()) transaction.Journal(Draft("test.write"));
          return status;
        },
        now_ms);
  }

  FaultEngine engine;
  CommitterCore core;
};

// A folder of its own under the test's, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = ::testing::TempDir() + "storage-XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    path = pattern;
  }
  ~TemporaryFolder() {
    std::error_code error;
    std::filesystem::remove_all(path, error);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string path;
};

}  // namespace tripoint::storage::testing_support
