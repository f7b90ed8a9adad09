// A backup as a file: what is packed comes out, and nothing that was cut, altered or made for
// another key.
#include "storage/backup_file.h"

#include <sodium.h>

#include <filesystem>
#include <fstream>

#include "gtest/gtest.h"
#include "proto/contract/backup_form.h"
#include "proto/contract/error.h"
#include "tests/unit/storage/fixture.h"

namespace tripoint::storage {
namespace {

namespace fs = std::filesystem;
using contract::Reason;
using contract::ReasonOf;
using testing_support::TemporaryFolder;

void WriteFile(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class BackupFile : public ::testing::Test {
 protected:
  BackupFile() {
    EXPECT_GE(sodium_init(), 0);
    public_.resize(crypto_box_PUBLICKEYBYTES);
    secret_.resize(crypto_box_SECRETKEYBYTES);
    crypto_box_keypair(reinterpret_cast<unsigned char*>(public_.data()),
                       reinterpret_cast<unsigned char*>(secret_.data()));
    fs::create_directory(from_);
    WriteFile(from_ + "/CURRENT", "MANIFEST-000005\n");
    WriteFile(from_ + "/000012.sst", std::string(200'000, 's') + "end");
    WriteFile(from_ + "/empty", "");
    store::v1::BackupHeader header;
    header.set_unit("vn-tayninh");
    header.set_public_key(public_);
    auto writer = BackupWriter::Open(from_, header);
    EXPECT_TRUE(writer.ok()) << writer.status();
    std::string bytes;
    while (true) {
      const auto piece = (*writer)->Next();
      EXPECT_TRUE(piece.ok()) << piece.status();
      if (!piece.ok() || piece->empty()) break;
      EXPECT_LE(piece->size(), 128u << 10);
      bytes += *piece;
    }
    EXPECT_EQ((*writer)->done_bytes(), (*writer)->total_bytes());
    file_ = bytes;
  }

  absl::Status Unpack(std::string_view bytes, std::string_view secret) {
    WriteFile(folder_.path + "/backup.tpb", bytes);
    fs::remove_all(into_);
    return UnpackBackup(folder_.path + "/backup.tpb", secret, into_);
  }

  const TemporaryFolder folder_;
  const std::string from_ = folder_.path + "/from";
  const std::string into_ = folder_.path + "/into";
  std::string public_, secret_, file_;
};

TEST_F(BackupFile, ComesOutAsItWentIn) {
  ASSERT_TRUE(Unpack(file_, secret_).ok());
  for (const char* name : {"/CURRENT", "/000012.sst", "/empty"})
    EXPECT_EQ(ReadFile(into_ + name), ReadFile(from_ + name)) << name;
  EXPECT_EQ(file_.find("MANIFEST-000005"), std::string::npos) << "it is encrypted";
}

// Goal: any length but the whole one is refused.
TEST_F(BackupFile, CutShortIsRefused) {
  for (std::size_t size = 0; size < file_.size(); size += size < 400 ? 1 : 997)
    EXPECT_EQ(ReasonOf(Unpack(file_.substr(0, size), secret_)), Reason::kBackupInvalid) << size;
  EXPECT_EQ(ReasonOf(Unpack(file_ + "x", secret_)), Reason::kBackupInvalid);
}

// Goal: one bit anywhere is noticed.
TEST_F(BackupFile, AlteredIsRefused) {
  for (std::size_t at = 0; at < file_.size(); at += at < 400 ? 1 : 499) {
    std::string altered = file_;
    altered[at] = static_cast<char>(altered[at] ^ 1);
    EXPECT_FALSE(Unpack(altered, secret_).ok()) << at;
  }
}

TEST_F(BackupFile, OtherKeyAndNewerFormAreRefused) {
  std::string other = secret_;
  other[5] = static_cast<char>(other[5] ^ 64);
  EXPECT_EQ(ReasonOf(Unpack(file_, other)), Reason::kPassPhraseWrong);
  std::string newer = file_;
  newer[9] = 2;
  EXPECT_EQ(ReasonOf(Unpack(newer, secret_)), Reason::kSchemaNewer);
  fs::create_directory(folder_.path + "/there");
  WriteFile(folder_.path + "/backup.tpb", file_);
  EXPECT_FALSE(UnpackBackup(folder_.path + "/backup.tpb", secret_, folder_.path + "/there").ok());
}

}  // namespace
}  // namespace tripoint::storage
