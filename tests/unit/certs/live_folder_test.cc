// Tests of the folder that gRPC watches: only checked sets, swapped in one step.
#include "certs/live_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "certs/files.h"
#include "certs_testing.h"

namespace tripoint::certs {
namespace {

class LiveFolderTest : public testing::Test {
 protected:
  LiveFolderTest() : trust_(TrustOf({vn_.Files()})), live_(*LiveFolder::Open(data_.path())) {
    WritePair(source_.path(), "tls", vn_.Node("vn-a"));
  }
  absl::StatusOr<bool> Reload() { return live_.Reload(source_.path(), *trust_, name_, kNow); }
  std::string InUse() const { return *ReadSmallFile(live_.Watched(1).certificate_path); }
  std::int64_t TimeOf(const std::string& path) const {
    struct stat status {};
    EXPECT_EQ(stat(path.c_str(), &status), 0);
    return status.st_mtime;
  }

  TestCountry vn_{"vn"};
  TempFolder data_;
  TempFolder source_;
  std::shared_ptr<const Trust> trust_;
  LiveFolder live_;
  const UnitIdentity name_ = *MakeIdentity("vn-a");
};

// Goal: good sets are swapped in, the same set is no swap, old folders go, and the key stays
// private.
TEST_F(LiveFolderTest, GoodSetsAreSwapped) {
  ASSERT_TRUE(*Reload());
  EXPECT_FALSE(*Reload());
  const std::string first = InUse();
  EXPECT_EQ(ModeOf(live_.Watched(1).key_path), 0600U);
  EXPECT_EQ(*ReadSmallFile(live_.Watched(1).roots_path), vn_.Files().roots_pem);
  const std::int64_t first_time = TimeOf(live_.Watched(1).key_path);
  for (int i = 0; i < 4; ++i) {
    WritePair(source_.path(), "tls", vn_.Node("vn-a"));
    ASSERT_TRUE(*Reload());
  }
  EXPECT_NE(InUse(), first);
  // Different times within the same second: gRPC would otherwise miss a swap between its two reads.
  EXPECT_NE(TimeOf(live_.Watched(1).key_path), first_time);
  EXPECT_FALSE(std::filesystem::exists(data_ / "tls/3"));
  EXPECT_TRUE(std::filesystem::exists(data_ / "tls/4"));
  EXPECT_TRUE(std::filesystem::is_symlink(data_ / "tls/current"));
}

// Goal: a bad set is never taken; the one in use stays, byte for byte.
TEST_F(LiveFolderTest, BadSetsAreNeverTaken) {
  ASSERT_TRUE(*Reload());
  const std::string used = InUse();
  WriteText(source_ / "tls.pem", vn_.Node("vn-a").certificate_pem);
  EXPECT_EQ(ReasonOf(Reload().status()), "KEY_MISMATCH");
  WriteText(source_ / "tls.pem", "");
  EXPECT_EQ(ReasonOf(Reload().status()), "CONFIG_INVALID");
  WritePair(source_.path(), "tls", vn_.Node("vn-b"));
  EXPECT_EQ(ReasonOf(Reload().status()), "CERTIFICATE_WRONG_NAME");
  EXPECT_EQ(InUse(), used);
}

// Goal: after a restart the set of the last run can be checked and used, and numbers go on.
TEST_F(LiveFolderTest, RestartGoesOnWithTheLastGoodSet) {
  ASSERT_TRUE(*Reload());
  LiveFolder again = *LiveFolder::Open(data_.path());
  EXPECT_TRUE(again.CheckCurrent(*trust_, name_, kNow).ok());
  EXPECT_EQ(ReasonOf(again.CheckCurrent(*trust_, name_, kNow + 91 * kDayS)), "CERTIFICATE_EXPIRED");
  WritePair(source_.path(), "tls", vn_.Node("vn-a"));
  ASSERT_TRUE(*again.Reload(source_.path(), *trust_, name_, kNow));
  EXPECT_TRUE(std::filesystem::exists(data_ / "tls/2"));
  TempFolder empty;
  EXPECT_EQ(ReasonOf(LiveFolder::Open(empty.path())->CheckCurrent(*trust_, name_, kNow)),
            "NOT_FOUND");
}

}  // namespace
}  // namespace tripoint::certs
