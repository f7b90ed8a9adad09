// A folder in memory for targets whose reader takes a path: a disk would be most of their time.
// One thread.
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzz.h"

namespace tripoint::fuzz {

// Removed at the end of the process.
class MemoryFolder {
 public:
  MemoryFolder() {
    const std::filesystem::path memory = "/dev/shm";
    std::error_code error;
    path_ =
        (std::filesystem::is_directory(memory, error) ? memory
                                                      : std::filesystem::temp_directory_path()) /
        "tripoint-fuzz-XXXXXX";
    Require(::mkdtemp(path_.data()) != nullptr);
  }
  ~MemoryFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  MemoryFolder(const MemoryFolder&) = delete;
  MemoryFolder& operator=(const MemoryFolder&) = delete;

  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }
  const std::string& path() const { return path_; }

  // By the system's calls alone: streams took longer than what reads the file.
  static void Write(const std::string& path, std::string_view bytes) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    Require(file >= 0 &&
            ::write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    ::close(file);
  }
  static std::string Read(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat facts {};
    Require(file >= 0 && ::fstat(file, &facts) == 0);
    std::string bytes(static_cast<std::size_t>(facts.st_size), '\0');
    Require(::read(file, bytes.data(), bytes.size()) == facts.st_size);
    ::close(file);
    return bytes;
  }

 private:
  std::string path_;
};

}  // namespace tripoint::fuzz
