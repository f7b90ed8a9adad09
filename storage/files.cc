// See files.h.
#include "storage/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "proto/contract/disk.h"

namespace tripoint::storage {

namespace fs = std::filesystem;

int Files::MakeFolder(const std::string& path) {
  return ::mkdir(path.c_str(), S_IRWXU) == 0 ? 0 : errno;
}

int Files::Link(const std::string& from, const std::string& to) {
  return ::link(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

int Files::Copy(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::copy_file(from, to, error);
  return error.value();
}

int Files::Write(const std::string& path, std::string_view bytes) {
  const int descriptor =
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (descriptor < 0) return errno;
  int error = 0;
  while (error == 0 && !bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) error = errno;
    if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (error == 0 && ::fsync(descriptor) != 0) error = errno;
  ::close(descriptor);
  return error;
}

int Files::SyncFile(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return errno;
  const int error = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  return error;
}

int Files::SyncFolder(const std::string& path) { return contract::SyncFolder(path); }

int Files::Rename(const std::string& from, const std::string& to) {
  return std::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

int Files::Remove(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  return error.value();
}

int ReadWhole(const std::string& path, std::size_t bytes_max, std::string& bytes) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return errno;
  char piece[64 * 1024];
  int error = 0;
  while (error == 0 && bytes.size() < bytes_max) {
    const ssize_t got = ::read(descriptor, piece, sizeof(piece));
    if (got < 0 && errno != EINTR) error = errno;
    if (got == 0) break;
    if (got > 0) bytes.append(piece, static_cast<std::size_t>(got));
  }
  ::close(descriptor);
  return error == 0 && bytes.size() >= bytes_max ? EFBIG : error;
}

Files& MachineFiles() {
  static Files files;
  return files;
}

}  // namespace tripoint::storage
