// Names, sizes, inodes and times of watched files, as one comparable text. See file_watch.h.
#include "server/runtime/file_watch.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

namespace tripoint::runtime {

FileWatch::FileWatch(std::vector<std::string> folders)
    : folders_(std::move(folders)), reported_(Stamp()), last_seen_(reported_) {}

bool FileWatch::ChangedAndQuiet() {
  std::string now = Stamp();
  const bool quiet = now == last_seen_;
  last_seen_ = std::move(now);
  if (!quiet || last_seen_ == reported_) return false;
  reported_ = last_seen_;
  return true;
}

std::string FileWatch::Stamp() const {
  std::vector<std::string> lines;
  for (const std::string& folder : folders_) {
    std::error_code error;
    for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
      struct stat status = {};
      if (::stat(entry->path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
      lines.push_back(fmt::format("{} {} {} {}.{}", entry->path().string(), status.st_ino,
                                  status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec));
    }
  }
  std::sort(lines.begin(), lines.end());
  return fmt::format("{}", fmt::join(lines, "\n"));
}

}  // namespace tripoint::runtime
