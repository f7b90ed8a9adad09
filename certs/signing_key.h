// Ed25519 signatures over heads and receipts: the node's own key, and a peer's as its country
// certified it.
//
// Used by the exchange driver and the committer's callers. Const after making; thread-safe. What is
// signed are bytes as they travel, never a message re-serialised. libsodium signs and verifies, in
// less than half the time of OpenSSL 3.0, which reads keys and judges certificates
// (docs/decisions/2026-11-23-libsodium-signs.md).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "certs/openssl.h"
#include "certs/trust.h"

namespace tripoint::certs {

inline constexpr std::size_t kSignatureBytes = 64;
inline constexpr std::size_t kPublicKeyBytes = 32;

// First 16 bytes of SHA-256 of the raw public key, in hex (32 characters).
std::string KeyIdOf(std::string_view public_key);

class SigningKey {
 public:
  // Loads signing.key. Errors: those of ReadSecretFile (NOT_FOUND, KEY_EXPOSED, CONFIG_INVALID);
  // FAILED_PRECONDITION / CONFIG_INVALID when it is no Ed25519 key.
  static absl::StatusOr<SigningKey> Load(const std::string& path);
  static absl::StatusOr<SigningKey> FromPem(std::string_view pem);
  // From the 32 secret bytes of RFC 8032; for tests and simulation.
  static absl::StatusOr<SigningKey> FromSeed(std::string_view seed);

  // The 64 bytes of the signature.
  std::string Sign(std::string_view bytes) const;
  const std::string& public_key() const { return public_key_; }
  const std::string& key_id() const { return key_id_; }

 private:
  class Secret;
  static absl::StatusOr<SigningKey> Make(KeyPtr key);
  std::shared_ptr<const Secret> secret_;
  std::string public_key_;
  std::string key_id_;
};

// A signing key and its certificate.
struct SigningPair {
  SigningKey key;
  std::string certificate_pem;
};

class SignatureVerifier {
 public:
  // The key of a signing certificate that chains to its country's root, was valid at `at_s` (when
  // it signed, so that old signatures stay valid), is not revoked by a list of any age that `rule`
  // allows, and names exactly `unit`.
  // Errors: those of Trust::Judge; UNAUTHENTICATED / CERTIFICATE_WRONG_NAME; CERTIFICATE_MALFORMED
  // if not Ed25519, or a key that nobody can have the secret of.
  static absl::StatusOr<SignatureVerifier> FromCertificate(std::string_view certificate_pem,
                                                           const Trust& trust,
                                                           std::string_view unit, std::int64_t at_s,
                                                           CrlRule rule = CrlRule::kPolicy);
  // From 32 raw bytes that were certified before (key history). Errors: INVALID_ARGUMENT /
  // FIELD_INVALID: another length, or no point that a key can be (small order, not canonical).
  static absl::StatusOr<SignatureVerifier> FromPublicKey(std::string_view public_key);

  bool Verify(std::string_view bytes, std::string_view signature) const;
  const std::string& public_key() const { return public_key_; }
  const std::string& key_id() const { return key_id_; }

 private:
  std::string public_key_;
  std::string key_id_;
};

}  // namespace tripoint::certs
