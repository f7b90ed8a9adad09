// See new_file.h.
#include "client/new_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "certs/files.h"
#include "proto/contract/disk.h"
#include "proto/contract/error.h"

namespace tripoint::client {
namespace {

namespace fs = std::filesystem;
using contract::Reason;

std::string NameOf(const std::string& path) { return fs::path(path).filename().string(); }

// No link(2): a stick that officers carry has none.
int RenameAnew(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  std::error_code ignored;
  if (fs::exists(to, ignored)) return EEXIST;
  return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

// Whether `path` still names what is open.
bool StillNames(const std::string& path, int descriptor) {
  struct stat open = {};
  struct stat named = {};
  return ::fstat(descriptor, &open) == 0 && ::lstat(path.c_str(), &named) == 0 &&
         open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

// Two runs with one name must not write one file, and what a killed run left must not stay on the
// stick: who writes holds a lock, and a part without one is removed. -1: errno says why; EBUSY:
// another run has it.
int OpenPart(const std::string& part) {
  constexpr int kTries = 16;  // each lost to another run that began at the same moment
  for (int i = 0; i < kTries; ++i) {
    int descriptor =
        ::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, certs::kSecretMode);
    const bool is_new = descriptor >= 0;
    if (!is_new && errno != EEXIST) return -1;
    // A pipe of that name would wait for a reader.
    if (!is_new) descriptor = ::open(part.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor < 0 && errno == ENOENT) continue;
    if (descriptor < 0) return -1;
    // A file system without locks has no second run to fear but by chance.
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      ::close(descriptor);
      errno = EBUSY;
      return -1;
    }
    const bool ours = StillNames(part, descriptor);
    if (is_new && ours) return descriptor;
    const int refused = ours && ::unlink(part.c_str()) != 0 ? errno : 0;
    ::close(descriptor);
    if (refused != 0) {  // another's file, which we may write and not remove
      errno = refused;
      return -1;
    }
  }
  errno = EBUSY;
  return -1;
}

}  // namespace

absl::Status FileError(const std::string& what, int number) {
  if (number == EEXIST) {
    return contract::Error(absl::StatusCode::kAlreadyExists, Reason::kAlreadyExists, what,
                           "there is such a file already, and none is ever replaced",
                           "name another one");
  }
  if (number == EBUSY) {
    return contract::Error(absl::StatusCode::kAlreadyExists, Reason::kAlreadyExists, what,
                           "another run is writing it at this moment",
                           "wait for its end, or name another file");
  }
  const bool full = contract::IsDiskFull(number);
  return contract::Error(absl::StatusCode::kFailedPrecondition,
                         full ? Reason::kDiskFull : Reason::kConfigInvalid, what,
                         std::system_category().message(number),
                         full ? "make room there, or name another folder; nothing is left behind"
                              : "name a folder that can be written");
}

NewFile::NewFile(std::string path) : path_(std::move(path)), part_(path_ + ".part") {
  std::error_code ignored;
  if (fs::exists(path_, ignored)) {
    error_ = EEXIST;
    return;
  }
  descriptor_ = OpenPart(part_);
  error_ = descriptor_ < 0 ? errno : 0;
}

NewFile::~NewFile() {
  if (descriptor_ < 0) return;
  // Before the lock goes: after that the name may be another run's.
  if (!kept_) ::unlink(part_.c_str());
  ::close(descriptor_);
}

absl::Status NewFile::Write(std::string_view bytes) {
  while (error_ == 0 && !bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      error_ = errno;
    } else {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  return error_ == 0 ? absl::OkStatus() : FileError("cannot write " + NameOf(path_), error_);
}

absl::Status NewFile::Keep() {
  if (error_ == 0 && ::fsync(descriptor_) != 0) error_ = errno;
  if (error_ == 0) error_ = RenameAnew(part_, path_);
  if (error_ != 0) return FileError("cannot write " + NameOf(path_), error_);
  kept_ = true;
  const std::string folder = fs::path(path_).parent_path().string();
  return certs::SyncFolder(folder.empty() ? "." : folder);
}

}  // namespace tripoint::client
