// Backups: the file as somebody brings it, and what stands behind its encryption, which is made
// right here so that it is reached. See fuzz.h.
#include <sodium.h>

#include <filesystem>
#include <map>

#include "proto/contract/backup_form.h"
#include "storage/backup_file.h"
#include "storage/merkle.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/shared_memory.h"

namespace tripoint::fuzz {
namespace {

namespace fs = std::filesystem;
using Files = std::map<std::string, std::string>;

enum Mode : std::uint8_t { kFile, kContents, kModes };

unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

const MemoryFolder& Folder() {
  static const MemoryFolder kFolder;
  return kFolder;
}

// The same in every process, so that an input stays what it is.
struct Keys {
  std::string public_key = std::string(crypto_box_PUBLICKEYBYTES, '\0');
  std::string secret_key = std::string(crypto_box_SECRETKEYBYTES, '\0');
  std::string stream_key = std::string(crypto_secretstream_xchacha20poly1305_KEYBYTES, 'k');
  store::v1::BackupHeader header;

  Keys() {
    Require(sodium_init() >= 0);
    const std::string seed(crypto_box_SEEDBYTES, 's');
    crypto_box_seed_keypair(Bytes(public_key), Bytes(secret_key), Bytes(seed));
    std::string sealed(stream_key.size() + crypto_box_SEALBYTES, '\0');
    Require(crypto_box_seal(Bytes(sealed), Bytes(stream_key), stream_key.size(),
                            Bytes(public_key)) == 0);
    header.set_unit("vn-tayninh");
    header.set_public_key(public_key);
    header.set_sealed_key(sealed);
  }
};

const Keys& TheKeys() {
  static const Keys kKeys;
  return kKeys;
}

// A backup whose plain stream is `plain`, in pieces of `piece` bytes.
std::string Sealed(std::string_view plain, std::size_t piece) {
  crypto_secretstream_xchacha20poly1305_state state;
  store::v1::BackupHeader header = TheKeys().header;
  std::string stream_header(crypto_secretstream_xchacha20poly1305_HEADERBYTES, '\0');
  crypto_secretstream_xchacha20poly1305_init_push(&state, Bytes(stream_header),
                                                  Bytes(TheKeys().stream_key));
  header.set_stream_header(stream_header);
  std::string file = contract::MakeBackupHead(header);
  std::string bound(storage::HashView(storage::Sha256(file)));
  do {
    const std::string_view part = plain.substr(0, piece);
    plain.remove_prefix(part.size());
    std::string sealed(part.size() + crypto_secretstream_xchacha20poly1305_ABYTES, '\0');
    crypto_secretstream_xchacha20poly1305_push(
        &state, Bytes(sealed), nullptr, Bytes(part), part.size(), Bytes(bound), bound.size(),
        plain.empty() ? crypto_secretstream_xchacha20poly1305_TAG_FINAL
                      : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE);
    bound.clear();
    file += contract::BigEndian(sealed.size(), 4) + sealed;
  } while (!plain.empty());
  return file;
}

absl::Status Unpack(std::string_view file, const std::string& into) {
  const std::string path = Folder() / "file";
  MemoryFolder::Write(path, file);
  return storage::UnpackBackup(path, TheKeys().secret_key, into);
}

Files ReadAll(const std::string& folder) {
  Files files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    Require(entry.is_regular_file());
    files[entry.path().filename().string()] = MemoryFolder::Read(entry.path().string());
  }
  return files;
}

// What was unpacked is packed and unpacked to the same.
void PackAgain(const Files& files, const std::string& from) {
  auto writer = storage::BackupWriter::Open(from, TheKeys().header);
  Require(writer.ok());
  std::string file;
  while (true) {
    const auto piece = (*writer)->Next();
    Require(piece.ok());
    if (piece->empty()) break;
    file += *piece;
  }
  const std::string again = Folder() / "again";
  Require(Unpack(file, again).ok());
  Require(ReadAll(again) == files);
  fs::remove_all(again);
}

void TakeContents(std::string_view plain, std::size_t piece) {
  const std::string into = Folder() / "into";
  const bool whole = Unpack(Sealed(plain, piece), into).ok();
  // Nothing is written anywhere but into its folder.
  for (const auto& entry : fs::directory_iterator(Folder().path()))
    Require(entry.path().filename() == "file" || entry.path().filename() == "into");
  const Files files = ReadAll(into);
  std::size_t bytes = 0;
  for (const auto& [name, contents] : files) bytes += name.size() + contents.size();
  Require(bytes <= plain.size());
  if (whole && !files.empty()) PackAgain(files, into);
  fs::remove_all(into);
}

std::string PlainOf(const Files& files) {
  std::string plain;
  for (const auto& [name, contents] : files) {
    plain += contract::BigEndian(name.size(), 2) + name + contract::BigEndian(contents.size(), 8) +
             contents;
  }
  return plain + std::string(2, '\0');
}

}  // namespace

std::vector<std::string> Seeds() {
  const Files files = {{"CURRENT", "MANIFEST-000005\n"}, {"000012.sst", "table"}, {"empty", ""}};
  const std::string plain = PlainOf(files);
  const auto of = [](Mode mode, std::string_view bytes) {
    return std::string(1, static_cast<char>(mode)) + std::string(bytes);
  };
  return {of(kFile, Sealed(plain, 1000)), of(kFile, Sealed(plain, 10)),
          of(kContents, std::string("\0", 1) + plain), of(kContents, "\6" + plain),
          of(kContents, std::string("\0", 1) + PlainOf({}))};
}

void TakeInput(std::string_view input) {
  Reader reader(input);
  if (reader.Byte() % kModes == kFile) {
    const std::string_view file = reader.Rest();
    const auto head = contract::ReadBackupHead(file);
    if (!head.ok()) return;
    Require(head->bytes <= file.size());
    const std::string into = Folder() / "into";
    (void)Unpack(file, into);
    fs::remove_all(into);
    return;
  }
  const std::size_t piece = 1 + reader.Byte();
  TakeContents(reader.Rest(), piece == 1 ? 60'000 : piece);
}

}  // namespace tripoint::fuzz
