// Ed25519 signatures: see signing_key.h. Thread-safe.
#include "certs/signing_key.h"

#include <fmt/format.h>

#include <utility>

#include "certs/files.h"
#include "proto/contract/error.h"

namespace tripoint::certs {
namespace {

using contract::Error;
using contract::Reason;
using DigestPtr = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;

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

}  // namespace

std::string KeyIdOf(std::string_view public_key) { return Hex(Sha256(public_key)).substr(0, 32); }

absl::StatusOr<SigningKey> SigningKey::Make(KeyPtr key) {
  SigningKey made;
  made.public_key_ = RawPublicKey(key.get());
  if (made.public_key_.empty()) {
    return Error(absl::StatusCode::kFailedPrecondition, Reason::kConfigInvalid,
                 "The signing key cannot be used",
                 "It is not a readable Ed25519 private key without a passphrase",
                 "Make a new pair with `tripointd ca issue --signing`");
  }
  made.key_id_ = KeyIdOf(made.public_key_);
  made.key_ = std::move(key);
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

absl::StatusOr<std::string> SigningKey::Sign(std::string_view bytes) const {
  const DigestPtr context(EVP_MD_CTX_new());
  std::string signature(kSignatureBytes, '\0');
  std::size_t size = signature.size();
  if (context == nullptr ||
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     Bytes(bytes), bytes.size()) != 1 ||
      size != kSignatureBytes) {
    return Error(absl::StatusCode::kInternal, Reason::kInternal, "Signing failed",
                 TakeOpensslError(), "Report this with the version of the node");
  }
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
  if (raw.empty()) {
    return Error(absl::StatusCode::kInvalidArgument, Reason::kCertificateMalformed,
                 "The signing certificate cannot be used", "Its key is not Ed25519",
                 "Ask that unit for a certificate made by `tripointd ca issue --signing`");
  }
  return FromPublicKey(raw);
}

absl::StatusOr<SignatureVerifier> SignatureVerifier::FromPublicKey(std::string_view public_key) {
  SignatureVerifier made;
  if (public_key.size() == kPublicKeyBytes) {
    KeyPtr key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Bytes(public_key),
                                           public_key.size()));
    made.key_ = std::move(key);
  }
  if (made.key_ == nullptr) {
    return Error(absl::StatusCode::kInvalidArgument, Reason::kFieldInvalid,
                 "The public key cannot be used",
                 fmt::format("An Ed25519 public key has {} bytes", kPublicKeyBytes),
                 "Ask that unit for it again");
  }
  made.public_key_ = std::string(public_key);
  made.key_id_ = KeyIdOf(public_key);
  return made;
}

bool SignatureVerifier::Verify(std::string_view bytes, std::string_view signature) const {
  const DigestPtr context(EVP_MD_CTX_new());
  const bool good =
      context != nullptr && signature.size() == kSignatureBytes &&
      EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
      EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(bytes),
                       bytes.size()) == 1;
  if (!good) (void)TakeOpensslError();
  return good;
}

}  // namespace tripoint::certs
