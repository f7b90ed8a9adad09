// Ed25519 signatures: see signing_key.h. Thread-safe.
#include "certs/signing_key.h"

#include <fmt/format.h>
#include <sodium.h>

#include <array>
#include <cstdlib>
#include <utility>

#include "certs/files.h"
#include "proto/contract/error.h"

namespace tripoint::certs {
namespace {

using contract::Error;
using contract::Reason;

static_assert(crypto_sign_BYTES == kSignatureBytes);
static_assert(crypto_sign_PUBLICKEYBYTES == kPublicKeyBytes);

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// Empty when it is no Ed25519 key.
std::string RawPublicKey(const EVP_PKEY* key) {
  std::string raw(kPublicKeyBytes, '\0');
  std::size_t size = raw.size();
  if (key == nullptr || EVP_PKEY_get_id(key) != EVP_PKEY_ED25519 ||
      EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(raw.data()), &size) != 1 ||
      size != kPublicKeyBytes) {
    (void)TakeOpensslError();
    return {};
  }
  return raw;
}

void PrepareSodium() {
  if (sodium_init() < 0) std::abort();  // no randomness on this machine
}

}  // namespace

// As libsodium has it: the seed of RFC 8032, then the public key. Wiped with the last copy of the
// key; the text that it was read from is its reader's.
class SigningKey::Secret {
 public:
  explicit Secret(const std::array<unsigned char, crypto_sign_SEEDBYTES>& seed) {
    std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> public_key;
    crypto_sign_seed_keypair(public_key.data(), bytes_.data(), seed.data());
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { sodium_memzero(bytes_.data(), bytes_.size()); }

  const unsigned char* data() const { return bytes_.data(); }

 private:
  std::array<unsigned char, crypto_sign_SECRETKEYBYTES> bytes_ = {};
};

std::string KeyIdOf(std::string_view public_key) { return Hex(Sha256(public_key)).substr(0, 32); }

absl::StatusOr<SigningKey> SigningKey::Make(KeyPtr key) {
  PrepareSodium();
  SigningKey made;
  made.public_key_ = RawPublicKey(key.get());
  std::array<unsigned char, crypto_sign_SEEDBYTES> seed = {};
  std::size_t size = seed.size();
  if (made.public_key_.empty() ||
      EVP_PKEY_get_raw_private_key(key.get(), seed.data(), &size) != 1) {
    (void)TakeOpensslError();
    return Error(absl::StatusCode::kFailedPrecondition, Reason::kConfigInvalid,
                 "The signing key cannot be used",
                 "It is not a readable Ed25519 private key without a passphrase",
                 "Make a new pair with `tripointd ca issue --signing`");
  }
  made.key_id_ = KeyIdOf(made.public_key_);
  made.secret_ = std::make_shared<const Secret>(seed);
  sodium_memzero(seed.data(), seed.size());
  return made;
}

absl::StatusOr<SigningKey> SigningKey::Load(const std::string& path) {
  const absl::StatusOr<std::string> pem = ReadSecretFile(path);
  return pem.ok() ? FromPem(*pem) : pem.status();
}

absl::StatusOr<SigningKey> SigningKey::FromPem(std::string_view pem) {
  return Make(ReadPrivateKey(pem));
}

absl::StatusOr<SigningKey> SigningKey::FromSeed(std::string_view seed) {
  KeyPtr key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, Bytes(seed), seed.size()));
  return Make(std::move(key));
}

std::string SigningKey::Sign(std::string_view bytes) const {
  std::string signature(kSignatureBytes, '\0');
  crypto_sign_detached(reinterpret_cast<unsigned char*>(signature.data()), nullptr, Bytes(bytes),
                       bytes.size(), secret_->data());
  return signature;
}

absl::StatusOr<SignatureVerifier> SignatureVerifier::FromCertificate(
    std::string_view certificate_pem, const Trust& trust, std::string_view unit, std::int64_t at_s,
    CrlRule rule) {
  const absl::StatusOr<Judgement> judgement =
      trust.Judge(certificate_pem, {}, PeerRole::kSigner, at_s, rule);
  if (!judgement.ok()) return judgement.status();
  if (judgement->identity.unit != unit) {
    return Error(absl::StatusCode::kUnauthenticated, Reason::kCertificateWrongName,
                 fmt::format("The signing certificate is for unit {}, not for {}",
                             judgement->identity.unit, unit),
                 "A unit signs only with its own key", "Ask that unit for its signing certificate");
  }
  const absl::StatusOr<X509Ptr> leaf = ParseLeaf(certificate_pem);
  if (!leaf.ok()) return leaf.status();
  const std::string raw = RawPublicKey(X509_get0_pubkey(leaf->get()));
  absl::StatusOr<SignatureVerifier> made = FromPublicKey(raw);
  if (made.ok()) return made;
  return Error(absl::StatusCode::kInvalidArgument, Reason::kCertificateMalformed,
               "The signing certificate cannot be used",
               raw.empty() ? "Its key is not Ed25519" : "No secret key can belong to its key",
               "Ask that unit for a certificate made by `tripointd ca issue --signing`");
}

absl::StatusOr<SignatureVerifier> SignatureVerifier::FromPublicKey(std::string_view public_key) {
  PrepareSodium();
  if (public_key.size() != kPublicKeyBytes ||
      crypto_core_ed25519_is_valid_point(Bytes(public_key)) != 1) {
    return Error(absl::StatusCode::kInvalidArgument, Reason::kFieldInvalid,
                 "The public key cannot be used",
                 fmt::format("An Ed25519 public key has {} bytes, to which a secret key can belong",
                             kPublicKeyBytes),
                 "Ask that unit for it again");
  }
  SignatureVerifier made;
  made.public_key_ = std::string(public_key);
  made.key_id_ = KeyIdOf(public_key);
  return made;
}

bool SignatureVerifier::Verify(std::string_view bytes, std::string_view signature) const {
  return signature.size() == kSignatureBytes &&
         crypto_sign_verify_detached(Bytes(signature), Bytes(bytes), bytes.size(),
                                     Bytes(public_key_)) == 0;
}

}  // namespace tripoint::certs
