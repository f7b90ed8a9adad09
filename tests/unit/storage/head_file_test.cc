// The head file when the disk does not do as it is told, and when it is synced; its slots:
// damage_test.cc.
#include "storage/head_file.h"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <ios>
#include <string>
#include <string_view>

#include "gtest/gtest.h"
#include "proto/contract/error.h"
#include "storage/keys.h"
#include "tests/unit/storage/failing_calls.h"
#include "tests/unit/storage/fixture.h"

namespace tripoint::storage {
namespace {

// What the head file syncs with fsync is its folder, the file itself with fdatasync.
std::atomic<int>& folder_syncs = testing_support::fsyncs;
std::atomic<int>& folder_syncs_that_fail = testing_support::fsyncs_that_fail;
std::atomic<int>& file_syncs = testing_support::fdatasyncs;
std::atomic<int>& file_syncs_that_fail = testing_support::fdatasyncs_that_fail;

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

// Goal: a slot of which the disk took a part, or nothing, is no slot: the one before stays, what is
// said is whether there was no room, and the next call writes it whole.
TEST_F(HeadKeeperTest, SlotThatHasNoRoomIsWrittenAgain) {
  ASSERT_TRUE(keeper_.Settle(Head(1)).ok());
  ASSERT_TRUE(keeper_.Settle(Head(2)).ok());  // both slots are there, the second begins at 512
  std::filesystem::resize_file(path_, 512);
  const std::uint64_t left = Read();
  {
    const testing_support::FileSizeLimit limit(560);
    EXPECT_EQ(contract::ReasonOf(keeper_.Settle(Head(3))), contract::Reason::kDiskFull);
    EXPECT_EQ(Read(), left);
  }
  {
    const testing_support::FileSizeLimit limit(0);
    const absl::Status refused = keeper_.Keep(Head(4), 1'000);
    EXPECT_EQ(contract::ReasonOf(refused), contract::Reason::kOutcomeUnknown) << refused;
    EXPECT_EQ(Read(), left);
  }
  ASSERT_TRUE(keeper_.Settle(Head(5)).ok());
  EXPECT_EQ(Read(), 5u);
}

// Goal: whatever keeps the head file from being written or read is told with what to do about it,
// and a start never takes it for a file that is not there.
TEST(HeadFileTest, WhatCannotBeOpenedIsTold) {
  const testing_support::TemporaryFolder folder;
  const std::string file = folder.path + "/file";
  std::ofstream(file) << "no folder";
  const std::string under_a_file = file + "/head";
  EXPECT_EQ(contract::ReasonOf(HeadKeeper(under_a_file).Settle({})),
            contract::Reason::kOutcomeUnknown);
  const absl::Status refused = ReadHeadFile(under_a_file).status();
  EXPECT_EQ(contract::ReasonOf(refused), contract::Reason::kConfigInvalid);
  const std::string path = HeadFile(folder.path);
  ASSERT_TRUE(HeadKeeper(path).Settle({.epoch = 1, .size = 7, .root = {}}).ok());
  {
    const testing_support::OpenFileLimit limit;
    const absl::Status none_left = ReadHeadFile(path).status();
    EXPECT_EQ(contract::ReasonOf(none_left), contract::Reason::kOutcomeUnknown) << none_left;
    EXPECT_FALSE(contract::ProblemOf(none_left).next.empty());
  }
  EXPECT_EQ((*ReadHeadFile(path))->size, 7u);
}

// Goal: a head is another one by each of its parts.
TEST_F(HeadKeeperTest, HeadsDifferByEpochSizeAndRoot) {
  KeptHead head = Head(3);
  ASSERT_TRUE(keeper_.Settle(head).ok());
  for (int part = 0; part < 3; ++part) {
    if (part == 0) ++head.epoch;
    if (part == 1) ++head.size;
    if (part == 2) head.root[5] ^= 1;
    ASSERT_TRUE(keeper_.Settle(head).ok());
    EXPECT_EQ(**ReadHeadFile(path_), head);
  }
}

}  // namespace
}  // namespace tripoint::storage
