// See backup_key.h.
#include "certs/backup_key.h"

#include <fmt/format.h>
#include <sodium.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "certs/files.h"
#include "certs/openssl.h"
#include "proto/contract/backup_form.h"
#include "proto/contract/error.h"

namespace tripoint::certs {
namespace {

using contract::Error;
using contract::Reason;

// Header values that a person could have written are no reason to take all memory of a machine.
constexpr std::uint64_t kMemoryMax = std::uint64_t{1} << 30;
constexpr std::uint64_t kOperationsMax = 16;

static_assert(crypto_box_PUBLICKEYBYTES == contract::kBackupKeyBytes);
static_assert(crypto_pwhash_SALTBYTES == contract::kBackupSaltBytes);

unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

BackupKeys Blank() {
  if (sodium_init() < 0) std::abort();  // no randomness on this machine
  BackupKeys keys;
  keys.public_key.resize(crypto_box_PUBLICKEYBYTES);
  keys.secret_key.resize(crypto_box_SECRETKEYBYTES);
  return keys;
}

absl::StatusOr<std::string> FromHex(std::string_view hex) {
  std::string key(crypto_box_PUBLICKEYBYTES, '\0');
  std::size_t length = 0;
  if (sodium_hex2bin(Bytes(key), key.size(), hex.data(), hex.size(), nullptr, &length, nullptr) !=
          0 ||
      length != key.size()) {
    return Error(absl::StatusCode::kInvalidArgument, Reason::kFieldInvalid,
                 "This is no key of a backup", "A key is 64 hexadecimal digits",
                 "Make one with: tripoint backup key --out FILE");
  }
  return key;
}

}  // namespace

BackupKeys::~BackupKeys() { sodium_memzero(secret_key.data(), secret_key.size()); }

PassPhraseCost NewPassPhraseCost() {
  if (sodium_init() < 0) std::abort();  // no randomness on this machine
  PassPhraseCost cost{.salt = std::string(crypto_pwhash_SALTBYTES, '\0'),
                      .operations = crypto_pwhash_OPSLIMIT_MODERATE,
                      .memory = crypto_pwhash_MEMLIMIT_MODERATE};
  randombytes_buf(cost.salt.data(), cost.salt.size());
  return cost;
}

absl::StatusOr<BackupKeys> KeysOfPassPhrase(std::string_view phrase, const PassPhraseCost& cost) {
  if (phrase.size() < kPassPhraseBytesMin || phrase.size() > kPassPhraseBytesMax) {
    return Error(absl::StatusCode::kInvalidArgument, Reason::kFieldInvalid,
                 "The pass phrase is too short or too long",
                 "It guards everything that the unit has recorded: 12 to 1,024 bytes (a Khmer or "
                 "Lao letter is three)",
                 "Take four or more words that do not belong together");
  }
  if (cost.salt.size() != crypto_pwhash_SALTBYTES || cost.memory > kMemoryMax ||
      cost.memory < crypto_pwhash_MEMLIMIT_MIN || cost.operations > kOperationsMax ||
      cost.operations < crypto_pwhash_OPSLIMIT_MIN) {
    return Error(absl::StatusCode::kDataLoss, Reason::kBackupInvalid,
                 "The backup cannot be opened with a pass phrase",
                 "It was made for a key, or its header is damaged",
                 "Give the key's file with --key-file, or use another backup");
  }
  BackupKeys keys = Blank();
  std::string seed(crypto_box_SEEDBYTES, '\0');
  if (crypto_pwhash(Bytes(seed), seed.size(), phrase.data(), phrase.size(), Bytes(cost.salt),
                    cost.operations, static_cast<std::size_t>(cost.memory),
                    crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return Error(absl::StatusCode::kResourceExhausted, Reason::kInternal,
                 "There is not enough memory for the pass phrase",
                 fmt::format("Its key needs {} MiB, so that guessing is dear", cost.memory >> 20),
                 "Free memory and try again");
  }
  (void)crypto_box_seed_keypair(Bytes(keys.public_key), Bytes(keys.secret_key), Bytes(seed));
  sodium_memzero(seed.data(), seed.size());
  return keys;
}

BackupKeys NewBackupKeys() {
  BackupKeys keys = Blank();
  (void)crypto_box_keypair(Bytes(keys.public_key), Bytes(keys.secret_key));
  return keys;
}

absl::StatusOr<BackupKeys> KeysOfSecret(std::string_view hex) {
  absl::StatusOr<std::string> secret = FromHex(hex);
  if (!secret.ok()) return secret.status();
  BackupKeys keys = Blank();
  keys.secret_key = *std::move(secret);
  (void)crypto_scalarmult_base(Bytes(keys.public_key), Bytes(keys.secret_key));
  return keys;
}

absl::StatusOr<std::string> ReadPublicKey(std::string_view hex) { return FromHex(hex); }

std::string HexKey(std::string_view key) { return Hex(key); }

absl::StatusOr<std::string> ReadSecretLine(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_fifo(path, error)) {  // another program's output, that lies nowhere
    std::ifstream pipe(path);
    std::string line;
    if (std::getline(pipe, line)) return line;
    return Error(absl::StatusCode::kNotFound, Reason::kNotFound,
                 "The pipe with the secret is empty", "The program that writes it gave nothing",
                 "Look at what that program says");
  }
  absl::StatusOr<std::string> text = ReadSecretFile(path);
  if (!text.ok()) return text.status();
  std::string line = text->substr(0, text->find('\n'));
  sodium_memzero(text->data(), text->size());
  return line;
}

absl::StatusOr<BackupKeys> OpenKeys(const store::v1::BackupHeader& header, std::string_view phrase,
                                    std::string_view key_hex) {
  absl::StatusOr<BackupKeys> keys =
      key_hex.empty() ? KeysOfPassPhrase(phrase, {.salt = header.salt(),
                                                  .operations = header.operations_limit(),
                                                  .memory = header.memory_limit()})
                      : KeysOfSecret(key_hex);
  if (!keys.ok()) return keys.status();
  if (keys->public_key != header.public_key()) {
    return Error(absl::StatusCode::kInvalidArgument, Reason::kPassPhraseWrong,
                 "The pass phrase or key does not open this backup",
                 "It was encrypted to another one", "Try again. Nothing was changed");
  }
  return keys;
}

}  // namespace tripoint::certs
