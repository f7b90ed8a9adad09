// The beginning of a backup file: magic, version, header. What follows is a secret stream of pieces
// (storage/backup_file.h). docs/operations.md, "Form of a backup".
//
// Used by the node, by `tripointd restore` and by `tripoint backup`. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tripoint/store/v1/backup.pb.h"

namespace tripoint::contract {

inline constexpr std::uint16_t kBackupVersion = 1;
// So much of a file is enough for ReadBackupHead.
inline constexpr std::size_t kBackupHeadBytesMax = 64u << 10;
inline constexpr std::size_t kBackupKeyBytes = 32;
inline constexpr std::size_t kBackupSaltBytes = 16;

struct BackupHead {
  store::v1::BackupHeader header;
  std::size_t bytes = 0;  // of all of it, in the file
};

// Numbers of the form: big-endian, `bytes` long (at most 8).
std::string BigEndian(std::uint64_t value, int bytes);
std::uint64_t ReadBigEndian(std::string_view bytes);

// DATA_LOSS / BACKUP_INVALID.
absl::Status BackupInvalid(std::string why);

std::string MakeBackupHead(const store::v1::BackupHeader& header);

// Errors: DATA_LOSS / BACKUP_INVALID no backup, or cut short; FAILED_PRECONDITION / SCHEMA_NEWER
// made by a newer version.
absl::StatusOr<BackupHead> ReadBackupHead(std::string_view file);
// Of the file at `path`. Errors: + NOT_FOUND / NOT_FOUND it cannot be read.
absl::StatusOr<BackupHead> ReadBackupHeadOf(const std::string& path);

}  // namespace tripoint::contract
