// Goal: each call on a file gives the system's own error, and 0 only when all of it was done.
#include "storage/files.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "gtest/gtest.h"
#include "tests/unit/storage/failing_calls.h"
#include "tests/unit/storage/fixture.h"

namespace tripoint::storage {
namespace {

namespace fs = std::filesystem;
using testing_support::FileSizeLimit;
using testing_support::fsyncs_that_fail;

class FilesTest : public ::testing::Test {
 protected:
  std::string In(const std::string& name) const { return folder_.path + "/" + name; }
  std::string ReadBack(const std::string& name) const {
    std::ifstream file(In(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  const testing_support::TemporaryFolder folder_;
  Files& files_ = MachineFiles();
};

TEST_F(FilesTest, NamesThatAreTakenOrMissing) {
  EXPECT_EQ(files_.MakeFolder(In("folder")), 0);
  EXPECT_EQ(files_.MakeFolder(In("folder")), EEXIST);
  EXPECT_EQ(files_.MakeFolder(In("missing/folder")), ENOENT);
  EXPECT_EQ(files_.Write(In("one"), "1"), 0);
  EXPECT_EQ(files_.Link(In("one"), In("two")), 0);
  EXPECT_EQ(files_.Link(In("one"), In("two")), EEXIST);
  EXPECT_EQ(files_.Link(In("missing"), In("three")), ENOENT);
  EXPECT_EQ(files_.Copy(In("missing"), In("three")), ENOENT);
  EXPECT_EQ(files_.Rename(In("missing"), In("three")), ENOENT);
  EXPECT_EQ(files_.Rename(In("one"), In("folder")), EISDIR);
  EXPECT_EQ(files_.Remove(In("missing")), 0) << "it is not there";
  EXPECT_EQ(files_.Remove(In("one/within")), ENOTDIR);
  EXPECT_EQ(files_.Remove(In("folder")), 0);
  EXPECT_FALSE(fs::exists(In("folder")));
  EXPECT_EQ(ReadBack("two"), "1");
}

TEST_F(FilesTest, WriteIsWholeOrAnError) {
  EXPECT_EQ(files_.Write(In("missing/file"), "x"), ENOENT);
  EXPECT_EQ(files_.Write(folder_.path, "x"), EISDIR);
  EXPECT_EQ(files_.Write("/dev/full", "x"), ENOSPC);
  const std::string bytes(5000, 'b');
  {
    // The first write takes a part; what is left finds no room.
    const FileSizeLimit limit(4096);
    EXPECT_EQ(files_.Write(In("cut"), bytes), EFBIG);
  }
  EXPECT_EQ(fs::file_size(In("cut")), 4096u);
  fsyncs_that_fail = 1;
  EXPECT_EQ(files_.Write(In("unsynced"), bytes), EIO);
  EXPECT_EQ(fsyncs_that_fail, 0);
  EXPECT_EQ(files_.Write(In("cut"), bytes), 0);
  EXPECT_EQ(ReadBack("cut"), bytes);
}

TEST_F(FilesTest, SyncsThatFailAreTold) {
  EXPECT_EQ(files_.SyncFile(In("missing")), ENOENT);
  EXPECT_EQ(files_.SyncFolder(In("missing")), ENOENT);
  EXPECT_EQ(files_.Write(In("file"), "x"), 0);
  EXPECT_EQ(files_.SyncFolder(In("file")), ENOTDIR);
  fsyncs_that_fail = 2;
  EXPECT_EQ(files_.SyncFile(In("file")), EIO);
  EXPECT_EQ(files_.SyncFolder(folder_.path), EIO);
  EXPECT_EQ(files_.SyncFile(In("file")), 0);
  EXPECT_EQ(files_.SyncFolder(folder_.path), 0);
}

TEST_F(FilesTest, ReadIsWholeOrAnError) {
  const std::string bytes(200'000, 'b');
  EXPECT_EQ(files_.Write(In("file"), bytes), 0);
  std::string read;
  EXPECT_EQ(ReadWhole(In("file"), 1u << 20, read), 0);
  EXPECT_EQ(read, bytes);
  read.clear();
  EXPECT_EQ(ReadWhole(In("file"), 100'000, read), EFBIG);
  read.clear();
  EXPECT_EQ(ReadWhole(In("missing"), 100, read), ENOENT);
  EXPECT_EQ(ReadWhole(folder_.path, 100, read), EISDIR);
}

}  // namespace
}  // namespace tripoint::storage
