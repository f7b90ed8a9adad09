// See put_aside.h.
#include "storage/put_aside.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
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
constexpr std::size_t kManifestMax = 64u << 20;

std::string NameOf(const char* kind, int number) {
  return std::string(kind) + "-" + std::to_string(number);
}

bool Stands(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

// The first name of <kind>-1 to <kind>-<max> that is free; "" when none is.
std::string FreeName(const std::string& data, const char* kind, int max) {
  for (int number = 1; number <= max; ++number) {
    std::string name = NameOf(kind, number);
    if (!Stands(data + "/" + name)) return name;
  }
  return {};
}

bool IsTable(const fs::path& file) { return file.extension() == ".sst"; }

bool HoldsTables(const std::string& folder, std::error_code& error) {
  bool holds = false;
  for (fs::directory_iterator file(folder, error), end; !error && file != end;
       file.increment(error))
    holds = holds || IsTable(file->path());
  return holds;
}

// Where a copy of the log goes; the oldest of the copies without tables makes room for it.
std::string NameForLog(Files& files, const std::string& data,
                       const std::vector<std::string>& awaited, std::error_code& error) {
  if (std::string free = FreeName(data, "damaged", kDamagedCopiesMax); !free.empty()) return free;
  std::string oldest;
  fs::file_time_type oldest_time;
  for (int number = 1; number <= kDamagedCopiesMax; ++number) {
    const std::string name = NameOf("damaged", number);
    if (std::find(awaited.begin(), awaited.end(), name) != awaited.end()) continue;
    const bool of_a_loss = HoldsTables(data + "/" + name, error);
    if (error) return {};
    if (of_a_loss) continue;
    const fs::file_time_type time = fs::last_write_time(data + "/" + name, error);
    if (error) return {};
    if (!oldest.empty() && time >= oldest_time) continue;
    oldest = name;
    oldest_time = time;
  }
  if (oldest.empty()) return FreeName(data, "damaged", kLossesMax);
  error.assign(files.Remove(data + "/" + oldest), std::generic_category());
  return oldest;
}

bool IsLog(const fs::path& file) {
  const std::string name = file.filename().string();
  return file.extension() == ".log" || name.starts_with("MANIFEST") || name == "CURRENT";
}

// Files of the store into the new folder `target`. Tables are never copied: there may be more of
// them than room.
int Copy(Files& files, const std::string& store, const std::string& target, bool tables) {
  std::error_code error;
  for (fs::directory_iterator file(store, error), end; !error && file != end;
       file.increment(error)) {
    const bool table = IsTable(file->path());
    if (table ? !tables : !IsLog(file->path())) continue;
    const std::string copy = target + "/" + file->path().filename().string();
    int failed = files.Link(file->path().string(), copy);
    if (failed != 0 && !table) {
      failed = files.Copy(file->path().string(), copy);
      if (failed == 0) failed = files.SyncFile(copy);
    }
    if (failed != 0) return failed;
  }
  return error.value();
}

// It has its name only once it is whole, so that starts which ran out of space never use up the
// places; and that name is durable, or a start that ends in between would be judged by nobody.
int PutAside(Files& files, const std::string& data, const std::string& name, bool tables) {
  const std::string partial = data + "/" + name + ".part";
  int error = files.Remove(partial);
  if (error == 0) error = files.MakeFolder(partial);
  if (error == 0) error = Copy(files, StoreFolder(data), partial, tables);
  if (error == 0) error = files.SyncFolder(partial);
  if (error == 0) error = files.Rename(partial, data + "/" + name);
  // Links to tables keep the room that merging gives back.
  if (error != 0) (void)files.Remove(partial);
  return error != 0 ? error : files.SyncFolder(data);
}

// Whether every file that would be put there is a link there already.
bool Holds(const std::string& place, const std::string& store, bool tables) {
  std::error_code error;
  for (fs::directory_iterator file(store, error), end; !error && file != end;
       file.increment(error)) {
    if (!IsLog(file->path()) && !(tables && IsTable(file->path()))) continue;
    if (!fs::equivalent(file->path(), place / file->path().filename(), error)) return false;
  }
  return !error;
}

absl::Status NotPutAside(const std::string& what, int error) {
  return Error(absl::StatusCode::kDataLoss, Reason::kCorrupt,
               "The store is damaged and its " + what + " could not be put aside.",
               std::strerror(error),
               "Free space beside the data folder and start again; nothing was changed.");
}

absl::Status Failed(const std::string& what, int error, const std::string& next) {
  const bool full = contract::IsDiskFull(error);
  return Error(full ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kDataLoss,
               full ? Reason::kDiskFull : Reason::kCorrupt, what, std::strerror(error),
               full ? "Free space on the disk of the data folder and start again." : next);
}

// The manifest that CURRENT names; nullopt: it names none.
std::optional<std::string> ManifestOf(const std::string& store) {
  std::ifstream current(store + "/CURRENT");
  std::string name;
  std::getline(current, name);
  if (!name.starts_with("MANIFEST-") || name.find('/') != std::string::npos) return std::nullopt;
  return store + "/" + name;
}

// Everything into a cut-N, or into none where one has it all. Result: its name.
absl::StatusOr<std::string> PutAllAside(Files& files, const std::string& data) {
  for (std::string& cut : StandingCuts(data)) {
    if (Holds(data + "/" + cut, StoreFolder(data), true)) return std::move(cut);
  }
  std::string name = FreeName(data, "cut", kCutsMax);
  if (name.empty()) {
    return Error(absl::StatusCode::kDataLoss, Reason::kCorrupt,
                 "The store's manifest is torn again, and no start came to judge what was lost.",
                 "What earlier starts cut off stands in " + data + "/cut-1 and following.",
                 "Copy the data folder to another disk and restore a backup.");
  }
  if (const int error = PutAside(files, data, name, true); error != 0)
    return NotPutAside("tables", error);
  return name;
}

std::vector<std::string> NamesOf(const std::string& data, const char* kind, int max) {
  std::vector<std::string> names;
  for (int number = 1; number <= max; ++number) {
    if (Stands(data + "/" + NameOf(kind, number))) names.push_back(NameOf(kind, number));
  }
  return names;
}

// What of a cut could not be read goes among the newest damaged-N.
int KeepUnread(Files& files, const std::string& data, const std::string& cut,
               const std::vector<std::string>& unread, const std::vector<std::string>& awaited) {
  std::error_code error;
  for (fs::directory_iterator file(data + "/" + cut, error), end; !error && file != end;
       file.increment(error)) {
    const std::string path = file->path().string();
    if (!IsTable(file->path())) continue;
    const bool read = std::find(unread.begin(), unread.end(), path) == unread.end();
    const int failed = read ? files.Remove(path) : files.Rename(path, path + ".unread");
    if (failed != 0) return failed;
  }
  if (error) return error.value();
  const std::string place = NameForLog(files, data, awaited, error);
  if (error) return error.value();
  return place.empty() ? EMLINK : files.Rename(data + "/" + cut, data + "/" + place);
}

}  // namespace

absl::StatusOr<std::string> PutLogAside(Files& files, const std::string& data,
                                        const std::vector<std::string>& awaited) {
  for (const std::string& place : awaited) {
    if (Holds(data + "/" + place, StoreFolder(data), false)) return place;
  }
  std::error_code error;
  std::string name = NameForLog(files, data, awaited, error);
  if (error) return NotPutAside("log", error.value());
  if (name.empty()) return NotPutAside("log", EMLINK);
  if (const int failed = PutAside(files, data, name, false); failed != 0)
    return NotPutAside("log", failed);
  return name;
}

absl::StatusOr<bool> CutManifest(Files& files, const std::string& data) {
  const std::optional<std::string> manifest = ManifestOf(StoreFolder(data));
  if (!manifest.has_value()) return false;
  std::string bytes;
  if (ReadWhole(*manifest, kManifestMax, bytes) != 0) return false;
  const std::optional<std::size_t> whole = WholeManifestBytes(bytes);
  if (!whole.has_value()) return false;
  const absl::StatusOr<std::string> cut = PutAllAside(files, data);
  if (!cut.ok()) return cut.status();
  const std::string what = "The torn end of the store's manifest could not be cut off.";
  const std::string partial = *manifest + ".part";
  if (const int failed = files.Write(partial, std::string_view(bytes).substr(0, *whole));
      failed != 0) {
    (void)files.Remove(partial);
    (void)files.Remove(data + "/" + *cut);  // the manifest is as it was
    return Failed(what, failed, "Check the disk of the data folder and start again.");
  }
  // A new file in the place of the old one, which lives on where it was put aside. From here on
  // that stays: nobody knows what a disk did that refuses this.
  int failed = files.Rename(partial, *manifest);
  if (failed == 0) failed = files.SyncFolder(StoreFolder(data));
  if (failed == 0) return true;
  (void)files.Remove(partial);
  return Failed(
      what, failed,
      "Check the disk of the data folder and start again. The store as it was stands in " + data +
          "/" + *cut + ".");
}

std::vector<std::string> StandingCuts(const std::string& data) {
  return NamesOf(data, "cut", kCutsMax);
}

absl::Status KeepCuts(Files& files, const std::string& data) {
  const std::vector<std::string> cuts = StandingCuts(data);
  if (cuts.empty()) return absl::OkStatus();
  int error = 0;
  for (const std::string& cut : cuts) {
    const std::string place = FreeName(data, "damaged", kLossesMax);
    if (error == 0)
      error = place.empty() ? EMLINK : files.Rename(data + "/" + cut, data + "/" + place);
  }
  if (error == 0) error = files.SyncFolder(data);
  if (error == 0) return absl::OkStatus();
  return Failed("What a cut of the manifest lost could not be put among what is kept.", error,
                "Move some damaged-N of the data folder to another disk, or check this one; the "
                "next start tries again.");
}

absl::Status DropCuts(Files& files, const std::string& data, const std::vector<std::string>& unread,
                      const std::vector<std::string>& awaited) {
  const std::vector<std::string> cuts = StandingCuts(data);
  if (cuts.empty()) return absl::OkStatus();
  int error = 0;
  for (const std::string& cut : cuts) {
    const std::string folder = data + "/" + cut;
    const bool all_read = std::none_of(unread.begin(), unread.end(), [&](const std::string& path) {
      return path.starts_with(folder + "/");
    });
    if (error == 0)
      error = all_read ? files.Remove(folder) : KeepUnread(files, data, cut, unread, awaited);
  }
  if (error == 0) error = files.SyncFolder(data);
  if (error == 0) return absl::OkStatus();
  return Failed("What was put aside for a cut of the manifest could not be removed.", error,
                "Check the disk of the data folder; the next start tries again.");
}

std::vector<std::string> PutAsideFolders(const std::string& data) {
  std::vector<std::string> names = NamesOf(data, "damaged", kLossesMax);
  for (std::string& cut : StandingCuts(data)) names.push_back(std::move(cut));
  return names;
}

}  // namespace tripoint::storage
