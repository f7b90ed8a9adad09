// The head file when the disk does not do as it is told, and when it is synced; its slots:
// damage_test.cc.
#include "storage/head_file.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <ios>
#include <string>
#include <string_view>

#include "gtest/gtest.h"
#include "proto/contract/error.h"
#include "storage/keys.h"
#include "tests/unit/storage/fixture.h"

namespace {
std::atomic<int> folder_syncs_that_fail = 0;
std::atomic<int> folder_syncs = 0;
std::atomic<int> file_syncs_that_fail = 0;
std::atomic<int> file_syncs = 0;
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
extern "C" int fdatasync(int descriptor) {
  ++file_syncs;
  if (file_syncs_that_fail > 0) {
    --file_syncs_that_fail;
    errno = EIO;
    return -1;
  }
  return static_cast<int>(syscall(SYS_fdatasync, descriptor));
}

namespace tripoint::storage {
namespace {

// Goal: a name that may not be durable is not taken for one: the sync of the folder is tried again
// until it succeeds, and nothing is called kept before.
TEST(HeadFileTest, FailedSyncOfTheFolderIsTriedAgain) {
  const testing_support::TemporaryFolder folder;
  const std::string path = HeadFile(folder.path);
  const auto write = [&path](std::uint64_t size) {
    return HeadKeeper(path).Settle({.epoch = testing_support::kEpoch, .size = size, .root = {}});
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

class HeadKeeperTest : public ::testing::Test {
 protected:
  static KeptHead Head(std::uint64_t size) {
    return {.epoch = testing_support::kEpoch, .size = size, .root = {}};
  }
  std::uint64_t Read() const { return (*ReadHeadFile(path_))->size; }
  // The file with the slot that was written last taken away: what a cut of the power may leave.
  std::uint64_t ReadWithoutTheNewest() const {
    const KeptHead newest = **ReadHeadFile(path_);
    const std::string torn = path_ + ".torn";
    std::filesystem::copy_file(path_, torn, std::filesystem::copy_options::overwrite_existing);
    for (const std::streamoff slot : {0, 512}) {
      std::fstream file(torn, std::ios::in | std::ios::out | std::ios::binary);
      std::string bytes(24, '\0');
      file.seekg(slot).read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
      if (ReadU64(std::string_view(bytes).substr(16)) != newest.size) continue;
      file.seekp(slot).write("torn", 4);
    }
    const auto left = ReadHeadFile(torn);
    return left->has_value() ? (*left)->size : 0;
  }

  const testing_support::TemporaryFolder folder_;
  const std::string path_ = HeadFile(folder_.path);
  HeadKeeper keeper_{path_};
};

// Goal: a growing journal is kept each second without waiting for the disk, which others wait for;
// what was synced last stays whatever becomes of the writes after it.
TEST_F(HeadKeeperTest, GrowthIsSyncedOnceInTenSecondsAndTheSyncedSlotIsNotTouched) {
  ASSERT_TRUE(keeper_.Settle(Head(1)).ok());
  const int before = file_syncs;
  std::int64_t now_ms = 5'000;
  for (std::uint64_t size = 2; size < 12; ++size, now_ms += 1'000) {
    ASSERT_TRUE(keeper_.Keep(Head(size), now_ms).ok());
    EXPECT_EQ(Read(), size) << "the end of the process loses nothing";
    EXPECT_EQ(ReadWithoutTheNewest(), 1u);
  }
  EXPECT_EQ(file_syncs, before);
  ASSERT_TRUE(keeper_.Keep(Head(12), now_ms).ok());
  EXPECT_EQ(file_syncs, before + 1);
  ASSERT_TRUE(keeper_.Keep(Head(13), now_ms + 1'000).ok());
  EXPECT_EQ(ReadWithoutTheNewest(), 12u);
  EXPECT_EQ(file_syncs, before + 1);
}

// Goal: the last change before a pause is durable with the call after it, and rest costs nothing.
TEST_F(HeadKeeperTest, RestIsSyncedOnce) {
  ASSERT_TRUE(keeper_.Settle(Head(1)).ok());
  const int before = file_syncs;
  ASSERT_TRUE(keeper_.Keep(Head(2), 1'000).ok());
  EXPECT_EQ(file_syncs, before);
  for (std::int64_t now_ms = 2'000; now_ms < 30'000; now_ms += 1'000)
    ASSERT_TRUE(keeper_.Keep(Head(2), now_ms).ok());
  ASSERT_TRUE(keeper_.Settle(Head(2)).ok());
  EXPECT_EQ(file_syncs, before + 1);
  EXPECT_EQ(Read(), 2u);
}

// Goal: a sync that failed is no sync: it is tried again, with the bytes, which the system may have
// dropped.
TEST_F(HeadKeeperTest, FailedSyncIsTriedAgain) {
  ASSERT_TRUE(keeper_.Settle(Head(1)).ok());
  ASSERT_TRUE(keeper_.Keep(Head(2), 1'000).ok());
  const int before = file_syncs;
  file_syncs_that_fail = 1;
  EXPECT_EQ(contract::ReasonOf(keeper_.Keep(Head(2), 2'000)), contract::Reason::kOutcomeUnknown);
  EXPECT_EQ(ReadWithoutTheNewest(), 1u);
  ASSERT_TRUE(keeper_.Keep(Head(2), 3'000).ok());
  EXPECT_EQ(file_syncs, before + 2);
  ASSERT_TRUE(keeper_.Keep(Head(3), 4'000).ok());
  EXPECT_EQ(ReadWithoutTheNewest(), 2u);
}

// Goal: a new process makes durable what the one before left unsynced before it touches the other
// slot, which is all that a cut of the power would have left.
TEST_F(HeadKeeperTest, NextProcessSyncsWhatWasLeftBeforeItWrites) {
  ASSERT_TRUE(keeper_.Settle(Head(1)).ok());
  ASSERT_TRUE(keeper_.Keep(Head(2), 1'000).ok());
  for (const bool at_start : {true, false}) {
    HeadKeeper next(path_);
    const auto write = [&] { return at_start ? next.Settle(Head(3)) : next.Keep(Head(3), 1'000); };
    file_syncs_that_fail = 1;
    EXPECT_EQ(contract::ReasonOf(write()), contract::Reason::kOutcomeUnknown);
    EXPECT_EQ(Read(), 2u);
    EXPECT_EQ(ReadWithoutTheNewest(), 1u) << "the slot that was synced is as it was";
  }
  HeadKeeper next(path_);
  const int before = file_syncs;
  ASSERT_TRUE(next.Keep(Head(3), 1'000).ok());
  EXPECT_EQ(file_syncs, before + 2);
  EXPECT_EQ(ReadWithoutTheNewest(), 2u);
}

}  // namespace
}  // namespace tripoint::storage
