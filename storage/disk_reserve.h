// Room on the disk: what opening a store needs, and the reserve file that keeps it free when
// everything else is full. Called by rocks_engine only: at the start, and by whoever commits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "storage/room.h"

namespace tripoint::storage {

// What opening writes, in bytes. Estimates from above, from the sizes of the files in the folder.
struct OpeningNeeds {
  std::uint64_t log_bytes = 0;      // write-ahead logs, which are read into memory
  std::uint64_t without_flush = 0;  // a manifest, an empty log and small files
  std::uint64_t with_flush = 0;     // and a table with what the logs hold
};
OpeningNeeds NeedsOf(const std::string& directory);

// Of the disk of `directory`; nullopt if that cannot be told.
std::optional<DiskSpace> SpaceOf(const std::string& directory);

// Bytes that this process may still write on the disk of `directory`; the greatest number if that
// cannot be told.
std::uint64_t FreeBytes(const std::string& directory);

// The file <directory>/reserve. One thread at a time.
class DiskReserve {
 public:
  // `bytes`: how large it shall be; at most a sixteenth of the disk is taken.
  DiskReserve(std::string directory, std::uint64_t bytes);

  // Gives its room back to the disk.
  void Release() const;
  // Makes it as large as it shall be, or as there is room. True: it is whole.
  bool Fill() const;

 private:
  const std::string directory_;
  const std::string path_;
  const std::uint64_t bytes_;
};

enum class Opening {
  kWithFlush,  // there is room for everything
  kLogKept,    // for the small files only: what the log holds must stay in memory
};
// How there is room to open; the reserve is gone where it was needed. A failed creation of the
// manifest is a known defect of RocksDB 7.8, so nothing is tried that cannot succeed. Errors:
// RESOURCE_EXHAUSTED / DISK_FULL not even for the small files; nothing was changed.
absl::StatusOr<Opening> PrepareOpening(const std::string& directory, std::uint64_t reserve_bytes);

}  // namespace tripoint::storage
