// Says whether files changed since the last look, by their stamps. Polled by housekeeping:
// certificates change a few times a year, and inotify misses what a network file system or a
// replaced symlink does.
//
// One thread.
#pragma once

#include <string>
#include <vector>

namespace tripoint::runtime {

class FileWatch {
 public:
  // `folders`: their files are watched, not those of folders in them. Symlinks are followed. A
  // missing folder is empty.
  explicit FileWatch(std::vector<std::string> folders);

  // True if a file came, went or changed since the last call (or since the constructor), and
  // nothing has changed any more since then: a copy that is still being written waits for the next
  // look.
  bool ChangedAndQuiet();

 private:
  std::string Stamp() const;

  const std::vector<std::string> folders_;
  std::string reported_;
  std::string last_seen_;
};

}  // namespace tripoint::runtime
