// See disk.h.
#include "proto/contract/disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <vector>

namespace tripoint::contract {

bool IsDiskFull(int error) { return error == ENOSPC || error == EDQUOT; }

int SyncFolder(const std::string& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return errno;
  const int error = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  return error;
}

int MakeFolder(const std::string& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> missing;
  std::filesystem::path at = std::filesystem::absolute(folder, error);
  if (!at.has_filename()) at = at.parent_path();
  // Also when it is there: who made it may have ended before its name was durable. Where others
  // keep the folder above closed, they made both.
  if (!error && std::filesystem::is_directory(at, error)) {
    const int unsynced = SyncFolder(at.parent_path().string());
    return unsynced == EACCES ? 0 : unsynced;
  }
  if (error == std::errc::no_such_file_or_directory) error.clear();
  while (!error && !std::filesystem::is_directory(at, error) && at.has_relative_path()) {
    if (at.has_filename()) missing.push_back(at);
    at = at.parent_path();
    if (error == std::errc::no_such_file_or_directory) error.clear();
  }
  for (auto next = missing.rbegin(); !error && next != missing.rend(); ++next) {
    std::filesystem::create_directory(*next, error);
    if (!error) error.assign(SyncFolder(next->parent_path().string()), std::generic_category());
  }
  return error.value();
}

}  // namespace tripoint::contract
