// The file with the secret of a backup: what is read of it, and what is refused.
#include "certs/backup_key.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "gtest/gtest.h"
#include "proto/contract/error.h"
#include "tests/unit/certs/certs_testing.h"

namespace tripoint::certs {
namespace {

using contract::Reason;

TEST(SecretLine, FirstLineOfAPrivateFileOrAPipe) {
  const TempFolder folder;
  const std::string path = folder / "phrase";
  std::ofstream(path) << "correct horse\nsecond line\n";
  std::filesystem::permissions(path, std::filesystem::perms::owner_read);
  EXPECT_EQ(ReadSecretLine(path).value(), "correct horse");
  const std::string pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::thread writer([&] { std::ofstream(pipe) << "from a pipe\n"; });
  EXPECT_EQ(ReadSecretLine(pipe).value(), "from a pipe");
  writer.join();
}

// Goal: refused with the reason; where the file lies is in no text, since texts travel.
TEST(SecretLine, RefusalsNameNoFolder) {
  const TempFolder folder;
  const std::string path = folder / "phrase";
  const auto refused = [&](Reason reason) {
    const absl::Status status = ReadSecretLine(path).status();
    EXPECT_EQ(contract::ReasonOf(status), reason);
    const contract::Problem problem = contract::ProblemOf(status);
    EXPECT_EQ((problem.what + problem.why + problem.next).find(folder.path()), std::string::npos);
    EXPECT_NE(problem.what.find("phrase"), std::string::npos) << problem.what;
  };
  refused(Reason::kNotFound);
  std::ofstream(path).flush();
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  refused(Reason::kConfigInvalid);
  std::ofstream(path) << "correct horse\n";
  std::filesystem::permissions(
      path, std::filesystem::perms::owner_read | std::filesystem::perms::group_read);
  refused(Reason::kKeyExposed);
}

TEST(SecretLine, HexOfAKeyAndBack) {
  const std::string key("\x00\x01\xfe\xffsomething that is no key at all", 32);
  ASSERT_EQ(key.size(), 32u);
  EXPECT_EQ(HexKey(key).substr(0, 8), "0001feff");
  EXPECT_EQ(ReadPublicKey(HexKey(key)).value(), key);
}

}  // namespace
}  // namespace tripoint::certs
