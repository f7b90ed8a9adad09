// See backup_file.h. The cryptography is libsodium's: crypto_box_seal and crypto_secretstream.
#include "storage/backup_file.h"

#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

#include "proto/contract/backup_form.h"
#include "proto/contract/disk.h"
#include "proto/contract/error.h"
#include "storage/merkle.h"

namespace tripoint::storage {
namespace {

namespace fs = std::filesystem;
using contract::BackupInvalid;
using contract::BigEndian;
using contract::Error;
using contract::ReadBigEndian;
using contract::Reason;

constexpr std::size_t kPieceBytes = 64u << 10;
constexpr std::size_t kSealBytes = crypto_secretstream_xchacha20poly1305_ABYTES;
constexpr std::size_t kNameBytesMax = 255;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

absl::Status DiskError(const std::string& what, int error) {
  const bool full = contract::IsDiskFull(error);
  return Error(full ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kUnavailable,
               full ? Reason::kDiskFull : Reason::kOutcomeUnknown, what, std::strerror(error),
               full ? "Make room, or name a folder on another disk. Nothing was changed"
                    : "Check the disk and try again. Nothing was changed");
}

absl::Status Unreadable(int error) {
  return DiskError("The backup was not made: a file of the store cannot be read", error);
}

// The state of a stream, which is as good as its key; wiped when it goes.
struct Cipher {
  crypto_secretstream_xchacha20poly1305_state state;
  ~Cipher() { sodium_memzero(&state, sizeof state); }
};

// What binds the first piece to the head before it.
std::string BoundTo(std::string_view head) { return std::string(HashView(Sha256(head))); }

// A name of a store's file: no folder, nothing hidden.
bool IsPlainName(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '.' || c == '_';
         });
}

// A file that is being written; closed when it goes.
class Output {
 public:
  explicit Output(const std::string& path)
      : descriptor_(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) {}
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  // 0, or the error.
  int Write(std::string_view bytes) const {
    if (descriptor_ < 0) return errno == 0 ? EIO : errno;
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return errno;
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return 0;
  }
  int Sync() const { return descriptor_ >= 0 && ::fsync(descriptor_) == 0 ? 0 : errno; }

 private:
  const int descriptor_;
};

// Takes the plain stream apart: name and size of a file, then its bytes, and so on to the end mark.
class Unpacker {
 public:
  explicit Unpacker(std::string folder) : folder_(std::move(folder)) {}

  absl::Status Take(std::string_view bytes) {
    buffer_.append(bytes);
    std::string_view rest = buffer_;
    while (!ended_) {
      if (file_ != nullptr) {
        const std::string_view part =
            rest.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, rest.size())));
        if (const int error = file_->Write(part); error != 0)
          return DiskError("The backup could not be unpacked", error);
        rest.remove_prefix(part.size());
        left_ -= part.size();
        if (left_ > 0) break;
        if (const int error = file_->Sync(); error != 0)
          return DiskError("The backup could not be unpacked", error);
        file_.reset();
        continue;
      }
      if (rest.size() < 2) break;
      const std::size_t name_bytes = static_cast<std::size_t>(ReadBigEndian(rest.substr(0, 2)));
      if (name_bytes == 0) {
        ended_ = true;
        rest.remove_prefix(2);
        break;
      }
      if (rest.size() < 2 + name_bytes + 8) break;
      const std::string name(rest.substr(2, name_bytes));
      if (!IsPlainName(name)) return BackupInvalid("It holds a file with a name that no store has");
      left_ = ReadBigEndian(rest.substr(2 + name_bytes, 8));
      rest.remove_prefix(2 + name_bytes + 8);
      file_ = std::make_unique<Output>(folder_ + "/" + name);
    }
    if (ended_ && !rest.empty()) return BackupInvalid("It holds more than its end");
    buffer_ = std::string(rest);
    return absl::OkStatus();
  }
  bool ended() const { return ended_; }

 private:
  const std::string folder_;
  std::string buffer_;
  std::unique_ptr<Output> file_;
  std::uint64_t left_ = 0;
  bool ended_ = false;
};

}  // namespace

struct BackupWriter::State {
  struct File {
    std::string name;
    std::uint64_t size = 0;
  };
  std::string folder;
  std::vector<File> files;
  std::size_t next_file = 0;
  std::ifstream stream;
  std::uint64_t left = 0;  // of the file that is open
  bool open = false;
  bool last_plain = false;
  bool ended = false;
  std::string head;   // not handed out yet
  std::string plain;  // not encrypted yet
  std::string bound;  // hash of the head: the first piece belongs to it
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  Cipher cipher;

  absl::Status Fill();
  std::string Seal();
};

// Gathers a piece of the plain stream.
absl::Status BackupWriter::State::Fill() {
  while (plain.size() < kPieceBytes && !last_plain) {
    if (!open) {
      if (next_file == files.size()) {
        plain += BigEndian(0, 2);
        last_plain = true;
        break;
      }
      const File& file = files[next_file++];
      plain += BigEndian(file.name.size(), 2) + file.name + BigEndian(file.size, 8);
      left = file.size;
      stream = std::ifstream(folder + "/" + file.name, std::ios::binary);
      open = true;
    }
    std::array<char, kPieceBytes> bytes;
    const auto wanted = static_cast<std::streamsize>(std::min<std::uint64_t>(left, bytes.size()));
    if (wanted > 0 && !stream.read(bytes.data(), wanted)) return Unreadable(EIO);
    plain.append(bytes.data(), static_cast<std::size_t>(wanted));
    left -= static_cast<std::uint64_t>(wanted);
    done += static_cast<std::uint64_t>(wanted);
    if (left == 0) open = false;
  }
  return absl::OkStatus();
}

std::string BackupWriter::State::Seal() {
  const std::size_t size = std::min(plain.size(), kPieceBytes);
  const bool final = last_plain && size == plain.size();
  std::string sealed(size + kSealBytes, '\0');
  (void)crypto_secretstream_xchacha20poly1305_push(
      &cipher.state, Bytes(sealed), nullptr, Bytes(plain), size, Bytes(bound), bound.size(),
      final ? crypto_secretstream_xchacha20poly1305_TAG_FINAL
            : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE);
  bound.clear();
  plain.erase(0, size);
  ended = final;
  return BigEndian(sealed.size(), 4) + sealed;
}

BackupWriter::BackupWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
BackupWriter::~BackupWriter() = default;

std::uint64_t BackupWriter::done_bytes() const { return state_->done; }
std::uint64_t BackupWriter::total_bytes() const { return state_->total; }

absl::StatusOr<std::unique_ptr<BackupWriter>> BackupWriter::Open(const std::string& folder,
                                                                 store::v1::BackupHeader header) {
  if (sodium_init() < 0) std::abort();  // no randomness on this machine
  if (header.public_key().size() != crypto_box_PUBLICKEYBYTES) {
    return Error(absl::StatusCode::kInvalidArgument, Reason::kFieldInvalid,
                 "No key was named to which the backup is encrypted",
                 "A backup holds everything that the unit has recorded",
                 "Name a pass phrase or a key: tripoint backup now --help");
  }
  auto state = std::make_unique<State>();
  state->folder = folder;
  std::error_code error;
  for (fs::directory_iterator file(folder, error), end; !error && file != end;
       file.increment(error)) {
    const std::string name = file->path().filename().string();
    std::error_code unreadable;
    if (!file->is_regular_file(unreadable) || !IsPlainName(name)) continue;
    const std::uintmax_t size = file->file_size(unreadable);
    if (unreadable) return Unreadable(unreadable.value());
    state->files.push_back({name, size});
    state->total += size;
  }
  if (error || state->files.empty()) {
    return Error(absl::StatusCode::kNotFound, Reason::kNotFound, "There is nothing to back up",
                 error.message(), "Look at the node's log");
  }
  header.set_total_bytes(state->total);
  std::string key(crypto_secretstream_xchacha20poly1305_KEYBYTES, '\0');
  crypto_secretstream_xchacha20poly1305_keygen(Bytes(key));
  std::string sealed(key.size() + crypto_box_SEALBYTES, '\0');
  const int boxed =
      crypto_box_seal(Bytes(sealed), Bytes(key), key.size(), Bytes(header.public_key()));
  std::string stream_header(crypto_secretstream_xchacha20poly1305_HEADERBYTES, '\0');
  (void)crypto_secretstream_xchacha20poly1305_init_push(&state->cipher.state, Bytes(stream_header),
                                                        Bytes(key));
  sodium_memzero(key.data(), key.size());
  if (boxed != 0) {
    return Error(absl::StatusCode::kInvalidArgument, Reason::kFieldInvalid,
                 "The backup cannot be encrypted to this key", "It is no X25519 public key",
                 "Make one with: tripoint backup key --out FILE");
  }
  header.set_sealed_key(sealed);
  header.set_stream_header(stream_header);
  state->head = contract::MakeBackupHead(header);
  state->bound = BoundTo(state->head);
  return std::unique_ptr<BackupWriter>(new BackupWriter(std::move(state)));
}

absl::StatusOr<std::string> BackupWriter::Next() {
  if (!state_->head.empty()) return std::exchange(state_->head, {});
  if (state_->ended) return std::string();
  if (absl::Status filled = state_->Fill(); !filled.ok()) return filled;
  return state_->Seal();
}

absl::Status UnpackBackup(const std::string& path, std::string_view secret_key,
                          const std::string& folder) {
  if (sodium_init() < 0) std::abort();  // no randomness on this machine
  const absl::StatusOr<contract::BackupHead> head = contract::ReadBackupHeadOf(path);
  if (!head.ok()) return head.status();
  const store::v1::BackupHeader& header = head->header;
  std::string key(crypto_secretstream_xchacha20poly1305_KEYBYTES, '\0');
  if (header.sealed_key().size() != key.size() + crypto_box_SEALBYTES ||
      header.stream_header().size() != crypto_secretstream_xchacha20poly1305_HEADERBYTES) {
    return BackupInvalid("Its header is damaged");
  }
  if (secret_key.size() != crypto_box_SECRETKEYBYTES ||
      crypto_box_seal_open(Bytes(key), Bytes(header.sealed_key()), header.sealed_key().size(),
                           Bytes(header.public_key()), Bytes(secret_key)) != 0) {
    return Error(absl::StatusCode::kInvalidArgument, Reason::kPassPhraseWrong,
                 "The pass phrase or key does not open this backup",
                 "It was encrypted to another one, or its header was altered",
                 "Try again, or use another copy. Nothing was changed");
  }
  Cipher cipher;
  const int begun = crypto_secretstream_xchacha20poly1305_init_pull(
      &cipher.state, Bytes(header.stream_header()), Bytes(key));
  sodium_memzero(key.data(), key.size());
  if (begun != 0) return BackupInvalid("Its header is damaged");
  std::ifstream file(path, std::ios::binary);
  std::string begin(head->bytes, '\0');
  file.read(begin.data(), static_cast<std::streamsize>(begin.size()));
  std::string bound = BoundTo(begin);

  std::error_code error;
  if (!fs::create_directory(folder, error))
    return DiskError("Cannot make " + folder, error.value() != 0 ? error.value() : EEXIST);
  Unpacker unpacker(folder);
  std::string sealed;
  std::string plain;
  for (bool final = false; !final;) {
    std::array<char, 4> length_bytes;
    if (!file.read(length_bytes.data(), length_bytes.size()))
      return BackupInvalid("It ends before its end mark: it was cut short");
    const std::uint64_t length = ReadBigEndian({length_bytes.data(), length_bytes.size()});
    if (length < kSealBytes || length > kPieceBytes + kSealBytes)
      return BackupInvalid("A piece of it is damaged or was altered");
    sealed.resize(length);
    if (!file.read(sealed.data(), static_cast<std::streamsize>(length)))
      return BackupInvalid("It ends within a piece: it was cut short");
    plain.resize(length - kSealBytes);
    unsigned char tag = 0;
    if (crypto_secretstream_xchacha20poly1305_pull(&cipher.state, Bytes(plain), nullptr, &tag,
                                                   Bytes(sealed), sealed.size(), Bytes(bound),
                                                   bound.size()) != 0) {
      return BackupInvalid("A piece of it is damaged or was altered");
    }
    bound.clear();
    final = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
    if (absl::Status taken = unpacker.Take(plain); !taken.ok()) return taken;
  }
  if (!unpacker.ended() || file.peek() != std::ifstream::traits_type::eof())
    return BackupInvalid("Its end is not where it should be");
  // The names of the files, and the folder's own.
  int unsynced = contract::SyncFolder(folder);
  if (unsynced == 0) unsynced = contract::SyncFolder(fs::path(folder).parent_path().string());
  return unsynced == 0 ? absl::OkStatus() : DiskError("The backup could not be unpacked", unsynced);
}

}  // namespace tripoint::storage
