// A backup as a file: what is packed comes out, and nothing that was cut, altered or made for
// another key.
#include "storage/backup_file.h"

#include <sodium.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "proto/contract/backup_form.h"
#include "proto/contract/error.h"
#include "storage/merkle.h"
#include "tests/unit/storage/failing_calls.h"
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
    auto writer = BackupWriter::Open(from_, Header());
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

  store::v1::BackupHeader Header() const {
    store::v1::BackupHeader header;
    header.set_unit("vn-tayninh");
    header.set_public_key(public_);
    return header;
  }
  // A whole backup of the folder, or why there is none.
  static absl::StatusOr<std::string> Pack(const std::string& folder,
                                          const store::v1::BackupHeader& header) {
    auto writer = BackupWriter::Open(folder, header);
    if (!writer.ok()) return writer.status();
    std::string bytes;
    while (true) {
      const auto piece = (*writer)->Next();
      if (!piece.ok()) return piece.status();
      if (piece->empty()) return bytes;
      bytes += *piece;
    }
  }
  // The file that somebody makes who has the public key: any pieces of a plain stream, the last one
  // marked as such, behind a header that `alter` changed.
  std::string Forged(const std::vector<std::string>& pieces,
                     const std::function<void(store::v1::BackupHeader&)>& alter = {}) const {
    const auto bytes = [](std::string& text) {
      return reinterpret_cast<unsigned char*>(text.data());
    };
    store::v1::BackupHeader header = Header();
    std::string key(crypto_secretstream_xchacha20poly1305_KEYBYTES, 'k');
    std::string sealed(key.size() + crypto_box_SEALBYTES, '\0');
    std::string public_key = public_;
    EXPECT_EQ(crypto_box_seal(bytes(sealed), bytes(key), key.size(), bytes(public_key)), 0);
    crypto_secretstream_xchacha20poly1305_state state;
    std::string stream_header(crypto_secretstream_xchacha20poly1305_HEADERBYTES, '\0');
    (void)crypto_secretstream_xchacha20poly1305_init_push(&state, bytes(stream_header), bytes(key));
    header.set_sealed_key(sealed);
    header.set_stream_header(stream_header);
    if (alter) alter(header);
    std::string file = contract::MakeBackupHead(header);
    std::string bound(HashView(Sha256(file)));
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      std::string plain = pieces[i];
      std::string piece(plain.size() + crypto_secretstream_xchacha20poly1305_ABYTES, '\0');
      (void)crypto_secretstream_xchacha20poly1305_push(
          &state, bytes(piece), nullptr, bytes(plain), plain.size(), bytes(bound), bound.size(),
          i + 1 == pieces.size() ? crypto_secretstream_xchacha20poly1305_TAG_FINAL
                                 : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE);
      bound.clear();
      file += contract::BigEndian(piece.size(), 4) + piece;
    }
    return file;
  }
  // One file of the plain stream.
  static std::string Plain(const std::string& name, const std::string& bytes) {
    return contract::BigEndian(name.size(), 2) + name + contract::BigEndian(bytes.size(), 8) +
           bytes;
  }
  static std::string End() { return contract::BigEndian(0, 2); }

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
  EXPECT_FALSE(
      UnpackBackup(folder_.path + "/backup.tpb", secret_, folder_.path + "/not/there").ok());
  EXPECT_EQ(ReasonOf(Unpack(file_, secret_.substr(1))), Reason::kPassPhraseWrong);
}

// Goal: whoever knows the public key can make a backup that opens; what he puts in it leaves the
// folder nowhere, and what no node would have made is refused.
TEST_F(BackupFile, ForgedNamesLeaveTheFolderNowhere) {
  for (const std::string& name :
       {std::string("../evil"), std::string("/tmp/evil"), std::string("a/b"),
        std::string(".hidden"), std::string("with space"), std::string("nul\0l", 5),
        std::string(256, 'n')}) {
    EXPECT_EQ(ReasonOf(Unpack(Forged({Plain(name, "evil") + End()}), secret_)),
              Reason::kBackupInvalid)
        << name;
    EXPECT_TRUE(fs::is_empty(into_)) << name;
  }
  EXPECT_FALSE(fs::exists(folder_.path + "/evil"));
  const std::string longest(255, 'n');
  ASSERT_TRUE(Unpack(Forged({Plain(longest, "x") + Plain("A-z_0.9", "y") + End()}), secret_).ok());
  EXPECT_EQ(ReadFile(into_ + "/" + longest), "x");
  EXPECT_EQ(ReadFile(into_ + "/A-z_0.9"), "y");
}

TEST_F(BackupFile, PiecesMayEndAnywhere) {
  std::vector<std::string> bytes;
  for (const char byte : Plain("one", "first") + Plain("two", "") + Plain("three", "3") + End())
    bytes.emplace_back(1, byte);
  bytes.emplace_back();
  ASSERT_TRUE(Unpack(Forged(bytes), secret_).ok());
  EXPECT_EQ(ReadFile(into_ + "/one"), "first");
  EXPECT_EQ(ReadFile(into_ + "/three"), "3");
  EXPECT_EQ(fs::file_size(into_ + "/two"), 0u);
}

TEST_F(BackupFile, OtherEndsThanOneAreRefused) {
  const std::string file = Plain("one", "first");
  const std::vector<std::vector<std::string>> forged = {
      {file},                             // no end
      {file.substr(0, file.size() - 1)},  // within a file
      {file + End() + "x"},               // more in the piece of the end
      {file + End(), Plain("two", "x")},  // another piece behind it
      {file + End(), ""},                 // right
  };
  for (std::size_t i = 0; i < forged.size(); ++i) {
    const absl::Status unpacked = Unpack(Forged(forged[i]), secret_);
    EXPECT_EQ(ReasonOf(unpacked),
              i + 1 == forged.size() ? Reason::kUnspecified : Reason::kBackupInvalid)
        << i << unpacked;
  }
  for (const auto& alter : std::vector<std::function<void(store::v1::BackupHeader&)>>{
           [](store::v1::BackupHeader& header) { header.mutable_sealed_key()->pop_back(); },
           [](store::v1::BackupHeader& header) { header.mutable_stream_header()->pop_back(); }}) {
    EXPECT_EQ(ReasonOf(Unpack(Forged({End()}, alter), secret_)), Reason::kBackupInvalid);
  }
}

// Goal: a backup that the disk did not take whole, or of which a sync failed, is not called
// restored.
TEST_F(BackupFile, DiskThatRefusesIsTold) {
  EXPECT_EQ(ReasonOf(Unpack(Forged({Plain("one", "1") + Plain("one", "2") + End()}), secret_)),
            Reason::kOutcomeUnknown)
      << "the name is taken";
  WriteFile(folder_.path + "/backup.tpb", file_);
  const auto unpack = [&] {
    fs::remove_all(into_);
    return UnpackBackup(folder_.path + "/backup.tpb", secret_, into_);
  };
  {
    const testing_support::FileSizeLimit limit(1000);
    EXPECT_EQ(ReasonOf(unpack()), Reason::kOutcomeUnknown);
  }
  const int before = testing_support::fsyncs;
  ASSERT_TRUE(unpack().ok());
  const int syncs = testing_support::fsyncs - before;
  EXPECT_EQ(syncs, 5) << "three files, their names, and the folder's own";
  for (int failing = 0; failing < syncs; ++failing) {
    testing_support::fsyncs_before = failing;
    testing_support::fsyncs_that_fail = 1;
    EXPECT_EQ(ReasonOf(unpack()), Reason::kOutcomeUnknown) << failing;
    EXPECT_EQ(testing_support::fsyncs_that_fail, 0);
  }
  EXPECT_TRUE(unpack().ok());
}

TEST_F(BackupFile, WhatCannotBePackedIsTold) {
  EXPECT_EQ(ReasonOf(Pack(folder_.path + "/missing", Header()).status()), Reason::kNotFound);
  const std::string empty = folder_.path + "/empty-one";
  fs::create_directory(empty);
  fs::create_directory(empty + "/folder");
  WriteFile(empty + "/.hidden", "x");
  fs::create_symlink("circle", empty + "/circle");
  EXPECT_EQ(ReasonOf(Pack(empty, Header()).status()), Reason::kNotFound) << "no file of a store";
  store::v1::BackupHeader header = Header();
  header.clear_public_key();
  EXPECT_EQ(ReasonOf(Pack(from_, header).status()), Reason::kFieldInvalid);
  // A point that no key can be: everybody would know what is sealed to it.
  header.set_public_key(std::string(crypto_box_PUBLICKEYBYTES, '\0'));
  EXPECT_EQ(ReasonOf(Pack(from_, header).status()), Reason::kFieldInvalid);
  // A file that is shorter than it was when the backup began.
  auto writer = BackupWriter::Open(from_, Header());
  ASSERT_TRUE(writer.ok()) << writer.status();
  fs::resize_file(from_ + "/000012.sst", 100'000);
  absl::Status status;
  for (int pieces = 0; status.ok() && pieces < 10; ++pieces) status = (*writer)->Next().status();
  EXPECT_EQ(ReasonOf(status), Reason::kOutcomeUnknown) << status;
}

// Goal: files that fill a piece to its end are packed as others are.
TEST_F(BackupFile, EverySizeAroundAPieceComesBack) {
  for (const std::size_t size : {65'536u - 30u, 65'536u - 20u, 65'536u, 65'537u, 131'072u - 22u}) {
    fs::remove_all(from_);
    fs::create_directory(from_);
    WriteFile(from_ + "/000012.sst", std::string(size, 's'));
    const auto packed = Pack(from_, Header());
    ASSERT_TRUE(packed.ok()) << packed.status();
    ASSERT_TRUE(Unpack(*packed, secret_).ok()) << size;
    EXPECT_EQ(ReadFile(into_ + "/000012.sst"), std::string(size, 's'));
  }
}

}  // namespace
}  // namespace tripoint::storage
