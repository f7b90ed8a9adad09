// See disk_reserve.h.
#include "storage/disk_reserve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <system_error>
#include <utility>

#include "proto/contract/error.h"

namespace tripoint::storage {
namespace {

namespace fs = std::filesystem;

// The options file, CURRENT, the folder's own growth, and blocks that are begun.
constexpr std::uint64_t kSmallFilesBytes = 256u << 10;
constexpr std::uint64_t kPartOfTheDisk = 16;
constexpr mode_t kMode = 0600;

absl::Status NoRoom(std::uint64_t needed, std::uint64_t free) {
  return contract::Error(
      absl::StatusCode::kResourceExhausted, contract::Reason::kDiskFull,
      "The store cannot be opened: the disk is full.",
      "Opening writes up to " + SizeWords(needed) + "; " + SizeWords(free) + " are free.",
      "Free " + SizeWords(needed) +
          " on the disk of the data folder and start again; nothing was changed.");
}

// The folder itself, or what it will be made in.
std::string NearestExisting(std::string directory) {
  std::error_code error;
  while (!fs::exists(directory, error) && directory.find('/') != std::string::npos)
    directory.resize(directory.rfind('/'));
  return directory;
}

}  // namespace

OpeningNeeds NeedsOf(const std::string& directory) {
  OpeningNeeds needs;
  std::uint64_t manifest_bytes = 0;
  std::error_code error;
  for (fs::directory_iterator file(directory, error), end; !error && file != end;
       file.increment(error)) {
    std::error_code unreadable;
    const std::uintmax_t size = file->file_size(unreadable);
    if (unreadable) continue;
    if (file->path().extension() == ".log") needs.log_bytes += size;
    if (file->path().filename().string().starts_with("MANIFEST"))
      manifest_bytes = std::max<std::uint64_t>(manifest_bytes, size);
  }
  needs.without_flush = manifest_bytes + kSmallFilesBytes;
  // A table of short records is larger than their log: each key has a trailer and its bits in the
  // filter.
  needs.with_flush = needs.without_flush + 2 * needs.log_bytes;
  return needs;
}

std::uint64_t FreeBytes(const std::string& directory) {
  std::error_code error;
  const fs::space_info space = fs::space(directory, error);
  return error ? std::numeric_limits<std::uint64_t>::max() : space.available;
}

std::optional<DiskSpace> SpaceOf(const std::string& directory) {
  std::error_code error;
  const fs::space_info space = fs::space(directory, error);
  if (error || space.capacity < space.free) return std::nullopt;
  return DiskSpace{.usable_bytes = space.capacity - space.free + space.available,
                   .free_bytes = space.available};
}

absl::StatusOr<Opening> PrepareOpening(const std::string& directory, std::uint64_t reserve_bytes) {
  const std::string existing = NearestExisting(directory);
  const OpeningNeeds needs = NeedsOf(directory);
  if (FreeBytes(existing) >= needs.with_flush) return Opening::kWithFlush;
  const DiskReserve reserve(directory, reserve_bytes);
  reserve.Release();
  const std::uint64_t free = FreeBytes(existing);
  if (free >= needs.with_flush) return Opening::kWithFlush;
  if (free >= needs.without_flush) return Opening::kLogKept;
  (void)reserve.Fill();
  return NoRoom(needs.without_flush, free);
}

DiskReserve::DiskReserve(std::string directory, std::uint64_t bytes)
    : directory_(std::move(directory)), path_(directory_ + "/reserve"), bytes_(bytes) {}

void DiskReserve::Release() const { (void)::unlink(path_.c_str()); }

bool DiskReserve::Fill() const {
  std::error_code error;
  const fs::space_info space = fs::space(directory_, error);
  if (error) return false;
  const std::uint64_t wanted = std::min<std::uint64_t>(bytes_, space.capacity / kPartOfTheDisk);
  const int descriptor = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, kMode);
  if (descriptor < 0) return false;
  struct stat facts = {};
  std::uint64_t size = 0;
  if (::fstat(descriptor, &facts) == 0) size = static_cast<std::uint64_t>(facts.st_size);
  const std::uint64_t possible = std::min(wanted, size + space.available);
  // Real blocks: a file with holes would keep nothing free.
  if (possible > size && ::posix_fallocate(descriptor, static_cast<off_t>(size),
                                           static_cast<off_t>(possible - size)) == 0) {
    size = possible;
  }
  ::close(descriptor);
  return size >= wanted;
}

}  // namespace tripoint::storage
