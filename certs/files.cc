// Small files, written whole or not at all: see files.h. Any thread.
#include "certs/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "proto/contract/disk.h"
#include "proto/contract/error.h"

namespace tripoint::certs {
namespace {

using contract::Error;
using contract::Reason;

// Closes on every way out. `Close()` early to see the error that close itself may report.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) close(value_);
  }
  int get() const { return value_; }
  int Close() { return close(std::exchange(value_, -1)); }

 private:
  int value_;
};

std::string NameOf(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}
std::string FolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

absl::Status SystemError(std::string_view action, const std::string& path, int number) {
  const std::string what = fmt::format("{} could not be {}", NameOf(path), action);
  const std::string why = std::error_code(number, std::generic_category()).message();
  if (number == ENOENT) {
    return Error(absl::StatusCode::kNotFound, Reason::kNotFound, what, why,
                 "Check the folder's name and its contents");
  }
  if (contract::IsDiskFull(number)) {
    return Error(absl::StatusCode::kResourceExhausted, Reason::kDiskFull, what, why,
                 "Free space, then repeat");
  }
  return Error(absl::StatusCode::kFailedPrecondition, Reason::kConfigInvalid, what, why,
               "Check the owner and the mode of the file and of its folder");
}

absl::StatusOr<std::string> Read(const std::string& path, bool secret, std::size_t bytes_max) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (file.get() < 0) return SystemError("opened", path, errno);
  struct stat status {};
  if (fstat(file.get(), &status) != 0) return SystemError("read", path, errno);
  if (!S_ISREG(status.st_mode) || status.st_size <= 0 ||
      status.st_size > static_cast<off_t>(bytes_max)) {
    return Error(absl::StatusCode::kFailedPrecondition, Reason::kConfigInvalid,
                 fmt::format("{} cannot be used", NameOf(path)),
                 fmt::format("It is no regular file, empty, or larger than {} bytes", bytes_max),
                 "Put the file back from its source");
  }
  if (secret && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return Error(
        absl::StatusCode::kFailedPrecondition, Reason::kKeyExposed,
        fmt::format("{} can be read by other accounts", NameOf(path)),
        fmt::format("Its mode is {:04o}; a private key or another secret must be 0600 or 0400",
                    status.st_mode & 07777U),
        fmt::format("chmod 600 {}; if another account may have read it, make a new one",
                    NameOf(path)));
  }
  std::string contents(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t done = 0;
  while (done < contents.size()) {
    const ssize_t got = read(file.get(), contents.data() + done, contents.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return SystemError("read whole", path, got < 0 ? errno : EIO);
    done += static_cast<std::size_t>(got);
  }
  return contents;
}

absl::Status WriteAll(int descriptor, const std::string& path, std::string_view contents) {
  while (!contents.empty()) {
    const ssize_t put = write(descriptor, contents.data(), contents.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return SystemError("written", path, errno);
    contents.remove_prefix(static_cast<std::size_t>(put));
  }
  if (fsync(descriptor) != 0) return SystemError("synced", path, errno);
  return absl::OkStatus();
}

absl::Status Write(const std::string& path, std::string_view contents, mode_t mode, bool replace) {
  // The process id keeps two processes from sharing a temporary file; O_EXCL keeps out a planted
  // one.
  const std::string temporary = fmt::format("{}.new.{}", path, getpid());
  unlink(temporary.c_str());
  Descriptor file(
      open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
  if (file.get() < 0) return SystemError("made", path, errno);
  absl::Status status = WriteAll(file.get(), path, contents);
  // fchmod, because the umask cut the mode that open was given.
  if (status.ok() && fchmod(file.get(), mode) != 0)
    status = SystemError("given its mode", path, errno);
  if (status.ok() && file.Close() != 0) status = SystemError("closed", path, errno);
  if (status.ok() && replace && rename(temporary.c_str(), path.c_str()) != 0) {
    status = SystemError("put in its place", path, errno);
  }
  if (status.ok() && !replace && link(temporary.c_str(), path.c_str()) != 0) {
    // link, not rename, because rename would silently replace a file made since it was looked for.
    status = errno == EEXIST
                 ? Error(absl::StatusCode::kAlreadyExists, Reason::kAlreadyExists,
                         fmt::format("{} exists already", NameOf(path)),
                         "A file that is there is never overwritten",
                         "Choose another name or folder, or move the old one away first")
                 : SystemError("put in its place", path, errno);
  }
  if (!replace || !status.ok()) unlink(temporary.c_str());
  return status.ok() ? SyncFolder(FolderOf(path)) : status;
}

}  // namespace

absl::StatusOr<std::string> ReadSmallFile(const std::string& path, std::size_t bytes_max) {
  return Read(path, false, bytes_max);
}
absl::StatusOr<std::string> ReadSecretFile(const std::string& path) {
  return Read(path, true, kSmallFileBytesMax);
}

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

absl::Status MakeFolder(const std::string& path, mode_t mode) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return absl::OkStatus();
  if (const int failed = contract::MakeFolder(path); failed != 0)
    return SystemError("made", path, failed);
  if (chmod(path.c_str(), mode) != 0) return SystemError("given its mode", path, errno);
  return absl::OkStatus();
}

absl::Status WriteNewFile(const std::string& path, std::string_view contents, mode_t mode) {
  return Write(path, contents, mode, false);
}

absl::Status ReplaceFile(const std::string& path, std::string_view contents, mode_t mode) {
  return Write(path, contents, mode, true);
}

absl::Status AppendLine(const std::string& path, std::string_view line) {
  const Descriptor file(
      open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kPublicMode));
  if (file.get() < 0) return SystemError("opened", path, errno);
  struct stat status {};
  if (fstat(file.get(), &status) != 0) return SystemError("read", path, errno);
  // A line that a crash or a full disk cut short was never confirmed to anybody; the next one must
  // not be glued to it.
  off_t whole = status.st_size;
  for (char last = 0; whole > 0; --whole) {
    if (pread(file.get(), &last, 1, whole - 1) != 1) return SystemError("read", path, errno);
    if (last == '\n') break;
  }
  if (whole != status.st_size && ftruncate(file.get(), whole) != 0)
    return SystemError("cut to its last whole line", path, errno);
  return WriteAll(file.get(), path, fmt::format("{}\n", line));
}

absl::Status SwapLink(const std::string& link, const std::string& target) {
  const std::string temporary = fmt::format("{}.new.{}", link, getpid());
  unlink(temporary.c_str());
  if (symlink(target.c_str(), temporary.c_str()) != 0) return SystemError("made", link, errno);
  if (rename(temporary.c_str(), link.c_str()) != 0) return SystemError("swapped", link, errno);
  return SyncFolder(FolderOf(link));
}

absl::Status SyncFolder(const std::string& folder) {
  const int error = contract::SyncFolder(folder);
  return error == 0 ? absl::OkStatus() : SystemError("synced", folder, error);
}

absl::StatusOr<FolderLock> FolderLock::Take(const std::string& folder) {
  const std::string path = folder + "/lock";
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kSecretMode);
  if (descriptor < 0) return SystemError("opened", path, errno);
  FolderLock lock(descriptor);
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    return Error(absl::StatusCode::kFailedPrecondition, Reason::kDataLocked,
                 "The folder of the authority is in use",
                 "Another process works in it at this moment",
                 "Wait until it has ended, then repeat");
  }
  return lock;
}

FolderLock::FolderLock(FolderLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

}  // namespace tripoint::certs
