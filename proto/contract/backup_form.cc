// See backup_form.h.
#include "proto/contract/backup_form.h"

#include <fstream>
#include <utility>

#include "proto/contract/error.h"

namespace tripoint::contract {
namespace {

constexpr std::string_view kMagic = "TPBACKUP";
constexpr std::size_t kFixedBytes = 8 + 2 + 4;  // magic, version, length of the header

}  // namespace

std::string BigEndian(std::uint64_t value, int bytes) {
  std::string text;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    text.push_back(static_cast<char>(value >> shift));
  return text;
}

std::uint64_t ReadBigEndian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<std::uint8_t>(byte);
  return value;
}

absl::Status BackupInvalid(std::string why) {
  return Error(absl::StatusCode::kDataLoss, Reason::kBackupInvalid, "The backup is not whole",
               std::move(why), "Use another copy of it, or another backup. Nothing was changed");
}

std::string MakeBackupHead(const store::v1::BackupHeader& header) {
  const std::string text = header.SerializeAsString();
  return std::string(kMagic) + BigEndian(kBackupVersion, 2) + BigEndian(text.size(), 4) + text;
}

absl::StatusOr<BackupHead> ReadBackupHead(std::string_view file) {
  if (file.substr(0, kMagic.size()) != kMagic || file.size() < kFixedBytes)
    return BackupInvalid("It does not begin as a backup does");
  const std::uint64_t version = ReadBigEndian(file.substr(kMagic.size(), 2));
  if (version > kBackupVersion) {
    return Error(absl::StatusCode::kFailedPrecondition, Reason::kSchemaNewer,
                 "The backup was made by a newer version of Tripoint",
                 "It has form " + std::to_string(version) + "; this version knows form " +
                     std::to_string(kBackupVersion),
                 "Use the newer programs. Nothing was changed");
  }
  const std::uint64_t length = ReadBigEndian(file.substr(kMagic.size() + 2, 4));
  if (version == 0 || length > kBackupHeadBytesMax - kFixedBytes)
    return BackupInvalid("Its header is damaged");
  if (file.size() < kFixedBytes + length) return BackupInvalid("It ends within its header");
  BackupHead head;
  head.bytes = kFixedBytes + length;
  const std::string_view text = file.substr(kFixedBytes, length);
  if (!head.header.ParseFromArray(text.data(), static_cast<int>(text.size())) ||
      head.header.unit().empty() || head.header.public_key().size() != kBackupKeyBytes) {
    return BackupInvalid("Its header is damaged");
  }
  return head;
}

absl::StatusOr<BackupHead> ReadBackupHeadOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return Error(absl::StatusCode::kNotFound, Reason::kNotFound, "The backup cannot be read",
                 "It is missing or not readable", "Name the backup's file. Nothing was changed");
  }
  std::string begin(kBackupHeadBytesMax, '\0');
  file.read(begin.data(), static_cast<std::streamsize>(begin.size()));
  begin.resize(static_cast<std::size_t>(file.gcount()));
  return ReadBackupHead(begin);
}

}  // namespace tripoint::contract
