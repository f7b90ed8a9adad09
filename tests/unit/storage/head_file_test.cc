// The head file when the disk does not do as it is told; its slots: damage_test.cc.
#include "storage/head_file.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>

#include "gtest/gtest.h"
#include "proto/contract/error.h"
#include "tests/unit/storage/fixture.h"

namespace {
std::atomic<int> folder_syncs_that_fail = 0;
std::atomic<int> folder_syncs = 0;
}  // namespace

// In the place of the C library's, for this whole program: what the head file syncs with it is its
// folder, the file itself with fdatasync.
extern "C" int fsync(int descriptor) {
  ++folder_syncs;
  if (folder_syncs_that_fail > 0) {
    --folder_syncs_that_fail;
    errno = EIO;
    return -1;
  }
  return static_cast<int>(syscall(SYS_fsync, descriptor));
}

namespace tripoint::storage {
namespace {

// Goal: a name that may not be durable is not taken for one: the sync of the folder is tried again
// until it succeeds, and nothing is called kept before.
TEST(HeadFileTest, FailedSyncOfTheFolderIsTriedAgain) {
  const testing_support::TemporaryFolder folder;
  const std::string path = HeadFile(folder.path);
  const auto write = [&path](std::uint64_t size) {
    return WriteHeadFile(path, {.epoch = testing_support::kEpoch, .size = size, .root = {}});
  };
  folder_syncs_that_fail = 2;
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(contract::ReasonOf(write(1)), contract::Reason::kOutcomeUnknown);
    EXPECT_FALSE(ReadHeadFile(path)->has_value());
  }
  EXPECT_EQ(folder_syncs_that_fail, 0) << "the second write tried again";
  ASSERT_TRUE(write(2).ok());
  EXPECT_EQ((*ReadHeadFile(path))->size, 2u);
  const int before = folder_syncs;
  ASSERT_TRUE(write(3).ok());
  EXPECT_EQ(folder_syncs, before) << "the name is there for good";
}

}  // namespace
}  // namespace tripoint::storage
