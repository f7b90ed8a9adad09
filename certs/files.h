// Small files of certs/: read with limits, written whole or not at all.
//
// For certs/ and for those who read certificates or write a file whole: node_identity, the client.
// Any thread; one writer a folder (the authority takes FolderLock). Paths never
// appear in an error text, only the file's own name, because texts travel.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace tripoint::certs {

inline constexpr std::size_t kSmallFileBytesMax = 1U << 20U;
inline constexpr mode_t kSecretMode = 0600;
inline constexpr mode_t kPublicMode = 0644;

// Reads a whole file. Errors: NOT_FOUND / NOT_FOUND; FAILED_PRECONDITION / CONFIG_INVALID when it
// is empty, larger than `bytes_max`, no regular file, or unreadable.
absl::StatusOr<std::string> ReadSmallFile(const std::string& path,
                                          std::size_t bytes_max = kSmallFileBytesMax);
// The same for a private key: also refuses one that group or others may read. Errors: +
// KEY_EXPOSED.
absl::StatusOr<std::string> ReadSecretFile(const std::string& path);

bool Exists(const std::string& path);
// Makes `path` (and its parents) with `mode` if absent. Errors: FAILED_PRECONDITION /
// CONFIG_INVALID.
absl::Status MakeFolder(const std::string& path, mode_t mode);

// Writes a file through a temporary one, synced, with exactly `mode`. WriteNewFile refuses to
// replace: ALREADY_EXISTS. Errors: RESOURCE_EXHAUSTED / DISK_FULL; FAILED_PRECONDITION /
// CONFIG_INVALID.
absl::Status WriteNewFile(const std::string& path, std::string_view contents, mode_t mode);
absl::Status ReplaceFile(const std::string& path, std::string_view contents, mode_t mode);
// Appends one line to a file and syncs it. A last line that was cut short goes away.
absl::Status AppendLine(const std::string& path, std::string_view line);
// Points `link` at `target` in one step, synced.
absl::Status SwapLink(const std::string& link, const std::string& target);
absl::Status SyncFolder(const std::string& folder);

// An exclusive lock on a folder, held for the object's life.
class FolderLock {
 public:
  // Errors: FAILED_PRECONDITION / DATA_LOCKED when another process holds it.
  static absl::StatusOr<FolderLock> Take(const std::string& folder);
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

 private:
  explicit FolderLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace tripoint::certs
