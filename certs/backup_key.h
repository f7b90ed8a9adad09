// Keys to which backups are encrypted: from a pass phrase, or a pair that somebody keeps elsewhere.
// The node sees only public keys.
//
// Used by `tripoint backup` and `tripointd restore`; main thread. Secrets are wiped when they go.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tripoint/store/v1/backup.pb.h"

namespace tripoint::certs {

struct BackupKeys {
  std::string public_key;  // 32 bytes, X25519
  std::string secret_key;  // 32 bytes

  BackupKeys() = default;
  BackupKeys(BackupKeys&&) = default;
  BackupKeys& operator=(BackupKeys&&) = default;
  ~BackupKeys();
};

// How a key comes of a pass phrase: Argon2id with a salt of 16 bytes.
struct PassPhraseCost {
  std::string salt;
  std::uint64_t operations = 0;
  std::uint64_t memory = 0;  // bytes
};

inline constexpr std::size_t kPassPhraseBytesMin = 12;
inline constexpr std::size_t kPassPhraseBytesMax = 1024;

// A fresh salt at the usual cost (0.5 s, 256 MiB).
PassPhraseCost NewPassPhraseCost();
// Errors: INVALID_ARGUMENT / FIELD_INVALID too short or long; DATA_LOSS / BACKUP_INVALID the cost
// is none that a backup has; RESOURCE_EXHAUSTED / INTERNAL not enough memory.
absl::StatusOr<BackupKeys> KeysOfPassPhrase(std::string_view phrase, const PassPhraseCost& cost);

BackupKeys NewBackupKeys();
// A secret or public key in hex, as `tripoint backup key` writes it. Errors: INVALID_ARGUMENT /
// FIELD_INVALID.
absl::StatusOr<BackupKeys> KeysOfSecret(std::string_view hex);
absl::StatusOr<std::string> ReadPublicKey(std::string_view hex);
std::string HexKey(std::string_view key);

// The first line of a file that only its owner can read, or of a pipe. Errors: those of
// ReadSecretFile (files.h).
absl::StatusOr<std::string> ReadSecretLine(const std::string& path);

// The secret key that opens a backup with this header. `phrase` or `key_hex` is empty. Errors:
// INVALID_ARGUMENT / PASS_PHRASE_WRONG; those of the functions above.
absl::StatusOr<BackupKeys> OpenKeys(const store::v1::BackupHeader& header, std::string_view phrase,
                                    std::string_view key_hex);

}  // namespace tripoint::certs
