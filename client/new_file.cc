// See new_file.h.
#include "client/new_file.h"

#include <fcntl.h>
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

}  // namespace

absl::Status FileError(const std::string& what, int number) {
  if (number == EEXIST) {
    return contract::Error(absl::StatusCode::kAlreadyExists, Reason::kAlreadyExists, what,
                           "there is such a file already, and none is ever replaced",
                           "name another one");
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
  ::unlink(part_.c_str());  // of a run that was killed
  descriptor_ = ::open(part_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, certs::kSecretMode);
  error_ = descriptor_ < 0 ? errno : 0;
}

NewFile::~NewFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  if (!kept_) ::unlink(part_.c_str());
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
