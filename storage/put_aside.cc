// See put_aside.h.
#include "storage/put_aside.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>
#include <utility>

#include "proto/contract/disk.h"
#include "proto/contract/error.h"
#include "storage/data_folder.h"
#include "storage/manifest_tail.h"

namespace tripoint::storage {
namespace {

namespace fs = std::filesystem;
using contract::Error;
using contract::Reason;

// Starts that cut and ended before anybody judged.
constexpr int kCutsMax = 4;
// Losses, each of which ended an epoch and called an officer.
constexpr int kLossesMax = 99;
// A manifest grows by a few hundred bytes a table and is made anew at each start.
constexpr std::uintmax_t kManifestMax = 64u << 20;

std::string Place(const std::string& data, const char* kind, int number) {
  return data + "/" + kind + "-" + std::to_string(number);
}

// The first name of <kind>-1 to <kind>-<max> that is free; "" when none is.
std::string FreePlace(const std::string& data, const char* kind, int max) {
  for (int number = 1; number <= max; ++number) {
    std::error_code error;
    std::string place = Place(data, kind, number);
    if (!fs::exists(place, error)) return place;
  }
  return {};
}

bool IsTable(const fs::path& file) { return file.extension() == ".sst"; }

// Where a copy of the log goes; the oldest of the copies without tables makes room for it.
std::string PlaceForLog(const std::string& data, std::error_code& error) {
  if (std::string free = FreePlace(data, "damaged", kDamagedCopiesMax); !free.empty()) return free;
  std::string oldest;
  fs::file_time_type oldest_time;
  for (int number = 1; number <= kDamagedCopiesMax; ++number) {
    const std::string place = Place(data, "damaged", number);
    fs::directory_iterator files(place, error);
    if (error) return {};
    if (std::any_of(begin(files), end(files), [](const auto& file) { return IsTable(file); }))
      continue;
    const fs::file_time_type time = fs::last_write_time(place, error);
    if (error) return {};
    if (!oldest.empty() && time >= oldest_time) continue;
    oldest = place;
    oldest_time = time;
  }
  if (oldest.empty()) return FreePlace(data, "damaged", kLossesMax);
  fs::remove_all(oldest, error);
  return oldest;
}

bool IsLog(const fs::path& file) {
  const std::string name = file.filename().string();
  return file.extension() == ".log" || name.starts_with("MANIFEST") || name == "CURRENT";
}

// Files of the store into the new folder `target`: as links where the disk has them, which takes no
// room and is as good as a copy, since RocksDB removes such files and never changes one (no log is
// used twice, each opening makes a new manifest). Tables are never copied: there may be more of
// them than room.
void Copy(const std::string& store, const std::string& target, bool tables,
          std::error_code& error) {
  for (fs::directory_iterator file(store, error), end; !error && file != end;
       file.increment(error)) {
    const bool table = IsTable(file->path());
    if (table ? !tables : !IsLog(file->path())) continue;
    const fs::path copy = fs::path(target) / file->path().filename();
    fs::create_hard_link(file->path(), copy, error);
    if (error && !table) {
      error.clear();
      fs::copy_file(file->path(), copy, error);
    }
    if (error) return;
  }
}

// It has its name only once it is whole, so that starts which ran out of space never use up the
// places.
void PutAside(const std::string& data, const std::string& place, bool tables,
              std::error_code& error) {
  const std::string partial = place + ".part";
  fs::remove_all(partial, error);
  error.clear();
  fs::create_directory(partial, error);
  if (!error) fs::permissions(partial, fs::perms::owner_all, error);
  if (!error) Copy(StoreFolder(data), partial, tables, error);
  if (!error) error.assign(contract::SyncFolder(partial), std::generic_category());
  if (!error) fs::rename(partial, place, error);
  if (!error) return;
  std::error_code ignored;  // links to tables keep the room that merging gives back
  fs::remove_all(partial, ignored);
}

absl::Status NotPutAside(const std::string& what, const std::string& why) {
  return Error(absl::StatusCode::kDataLoss, Reason::kCorrupt,
               "The store is damaged and its " + what + " could not be put aside.", why,
               "Free space beside the data folder and start again; nothing was changed.");
}

absl::Status NotCut(int error) {
  const bool full = contract::IsDiskFull(error);
  return Error(full ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kUnavailable,
               full ? Reason::kDiskFull : Reason::kOutcomeUnknown,
               "The torn end of the store's manifest could not be cut off.", std::strerror(error),
               full ? "Free space on the disk of the data folder and start again."
                    : "Check the disk of the data folder and start again.");
}

// A new file in the place of `path`, whose old contents live on where they were put aside. Result:
// 0, or the error, and then nothing was changed.
int Replace(const std::string& path, std::string_view bytes) {
  const std::string partial = path + ".part";
  const int descriptor =
      ::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (descriptor < 0) return errno;
  int error = 0;
  for (std::string_view rest = bytes; error == 0 && !rest.empty();) {
    const ssize_t written = ::write(descriptor, rest.data(), rest.size());
    if (written < 0 && errno != EINTR) error = errno;
    if (written > 0) rest.remove_prefix(static_cast<std::size_t>(written));
  }
  if (error == 0 && ::fsync(descriptor) != 0) error = errno;
  ::close(descriptor);
  if (error == 0 && ::rename(partial.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) (void)::unlink(partial.c_str());
  return error;
}

std::optional<std::string> ReadFile(const std::string& path) {
  std::error_code error;
  if (fs::file_size(path, error) > kManifestMax || error) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file.good() && !file.eof()) return std::nullopt;
  return bytes;
}

// The manifest that CURRENT names; nullopt: it names none.
std::optional<std::string> ManifestOf(const std::string& store) {
  std::ifstream current(store + "/CURRENT");
  std::string name;
  std::getline(current, name);
  if (!name.starts_with("MANIFEST-") || name.find('/') != std::string::npos) return std::nullopt;
  return store + "/" + name;
}

}  // namespace

absl::Status PutLogAside(const std::string& data) {
  std::error_code error;
  const std::string place = PlaceForLog(data, error);
  if (!error && place.empty()) error = std::make_error_code(std::errc::too_many_files_open);
  if (!error) PutAside(data, place, false, error);
  if (!error) error.assign(contract::SyncFolder(data), std::generic_category());
  return error ? NotPutAside("log", error.message()) : absl::OkStatus();
}

absl::StatusOr<bool> CutManifest(const std::string& data) {
  const std::optional<std::string> manifest = ManifestOf(StoreFolder(data));
  if (!manifest.has_value()) return false;
  const std::optional<std::string> bytes = ReadFile(*manifest);
  if (!bytes.has_value()) return false;
  const std::optional<std::size_t> whole = WholeManifestBytes(*bytes);
  if (!whole.has_value()) return false;
  const std::string place = FreePlace(data, "cut", kCutsMax);
  if (place.empty()) {
    return Error(absl::StatusCode::kDataLoss, Reason::kCorrupt,
                 "The store's manifest is torn again, and no start came to judge what was lost.",
                 "What earlier starts cut off stands in " + data + "/cut-1 and following.",
                 "Copy the data folder to another disk and restore a backup.");
  }
  std::error_code error;
  PutAside(data, place, true, error);
  // Its name must be there before the cut is, or a start that ends in between is never judged.
  if (!error) error.assign(contract::SyncFolder(data), std::generic_category());
  if (error) return NotPutAside("tables", error.message());
  if (const int failed = Replace(*manifest, std::string_view(*bytes).substr(0, *whole));
      failed != 0) {
    fs::remove_all(place, error);
    return NotCut(failed);
  }
  if (const int failed = contract::SyncFolder(StoreFolder(data)); failed != 0)
    return NotCut(failed);
  return true;
}

bool CutStands(const std::string& data) {
  for (int number = 1; number <= kCutsMax; ++number) {
    std::error_code error;
    if (fs::exists(Place(data, "cut", number), error)) return true;
  }
  return false;
}

void JudgeCut(const std::string& data, bool lost) {
  for (int number = 1; number <= kCutsMax; ++number) {
    std::error_code error;
    const std::string cut = Place(data, "cut", number);
    if (!fs::exists(cut, error)) continue;
    if (!lost) {
      fs::remove_all(cut, error);
    } else if (const std::string place = FreePlace(data, "damaged", kLossesMax); !place.empty()) {
      fs::rename(cut, place, error);
    }
  }
}

}  // namespace tripoint::storage
