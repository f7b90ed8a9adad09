// Goal: what cannot be measured or reserved is no full disk, and no reason not to open.
#include "storage/disk_reserve.h"

#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include "gtest/gtest.h"
#include "tests/unit/storage/fixture.h"

namespace tripoint::storage {
namespace {

namespace fs = std::filesystem;

TEST(DiskReserve, FolderThatIsNotThere) {
  const testing_support::TemporaryFolder folder;
  const std::string missing = folder.path + "/not/there";
  EXPECT_FALSE(SpaceOf(missing).has_value());
  EXPECT_EQ(FreeBytes(missing), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(NeedsOf(missing).log_bytes, 0u);
  EXPECT_FALSE(DiskReserve(missing, 1000).Fill());
  // Measured where it will be made.
  const auto opening = PrepareOpening(missing, 1000);
  ASSERT_TRUE(opening.ok()) << opening.status();
  EXPECT_EQ(*opening, Opening::kWithFlush);
  EXPECT_FALSE(fs::exists(folder.path + "/not"));
  const std::string relative = "no folder of this test";
  EXPECT_EQ(PrepareOpening(relative, 1000).value(), Opening::kWithFlush);
}

TEST(DiskReserve, NeedsAreOfFilesThatAreThere) {
  const testing_support::TemporaryFolder folder;
  std::ofstream(folder.path + "/000005.log") << std::string(1000, 'l');
  std::ofstream(folder.path + "/000006.log") << std::string(500, 'l');
  std::ofstream(folder.path + "/MANIFEST-000004") << std::string(700, 'm');
  std::ofstream(folder.path + "/MANIFEST-000003") << std::string(300, 'm');
  std::ofstream(folder.path + "/000007.sst") << std::string(9000, 't');
  fs::create_symlink("gone", folder.path + "/000008.log");
  fs::create_directory(folder.path + "/000009.log");
  const OpeningNeeds needs = NeedsOf(folder.path);
  EXPECT_EQ(needs.log_bytes, 1500u);
  EXPECT_EQ(needs.with_flush - needs.without_flush, 3000u);
  const OpeningNeeds none = NeedsOf(folder.path + "/000009.log");
  EXPECT_EQ(needs.without_flush - none.without_flush, 700u) << "the larger manifest";
}

TEST(DiskReserve, IsFilledOnceAndGivenBack) {
  const testing_support::TemporaryFolder folder;
  const DiskReserve reserve(folder.path, 100'000);
  ASSERT_TRUE(reserve.Fill());
  EXPECT_EQ(fs::file_size(folder.path + "/reserve"), 100'000u);
  EXPECT_TRUE(reserve.Fill()) << "it is there";
  reserve.Release();
  EXPECT_FALSE(fs::exists(folder.path + "/reserve"));
  reserve.Release();  // nothing is there
  fs::create_directory(folder.path + "/reserve");
  EXPECT_FALSE(reserve.Fill()) << "a folder stands in its place";
  EXPECT_TRUE(fs::is_directory(folder.path + "/reserve"));
}

}  // namespace
}  // namespace tripoint::storage
