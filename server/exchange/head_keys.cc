// See head_keys.h.
#include "server/exchange/head_keys.h"

#include <algorithm>

#include "certs/certificate.h"

namespace tripoint::exchange {

std::string KeyHeadSigner::Sign(std::string_view bytes) { return key_.Sign(bytes); }

void KeyHeadSigner::Replace(certs::SigningKey key, std::string certificate_pem) {
  key_ = std::move(key);
  certificate_pem_ = std::move(certificate_pem);
  const absl::MutexLock lock(&mutex_);
  pair_ = {key_, certificate_pem_};
}

certs::SigningPair KeyHeadSigner::pair() const {
  const absl::MutexLock lock(&mutex_);
  return pair_;
}

absl::Status CertificateHeadVerifier::Trust(std::string_view certificate) {
  verifier_.reset();
  certificate_.clear();
  absl::StatusOr<certs::SignatureVerifier> verifier =
      certs::SignatureVerifier::FromCertificate(certificate, *trust_->Current(), unit_, now_s_());
  if (!verifier.ok()) return verifier.status();
  verifier_ = *std::move(verifier);
  certificate_ = std::string(certificate);
  return absl::OkStatus();
}

bool CertificateHeadVerifier::Verify(std::string_view bytes, std::string_view signature) const {
  return verifier_.has_value() && verifier_->Verify(bytes, signature);
}

bool CertificateHeadVerifier::VerifyOwn(std::string_view certificate, std::string_view bytes,
                                        std::string_view signature) const {
  if (certificate.empty()) return false;
  const absl::StatusOr<certs::CertificateFacts> facts = certs::ReadFacts(certificate);
  if (!facts.ok()) return false;
  const absl::StatusOr<certs::SignatureVerifier> key = certs::SignatureVerifier::FromCertificate(
      certificate, *trust_->Current(), own_unit_, std::min(now_s_(), facts->not_after_s - 1),
      certs::CrlRule::kOnlyRevoked);
  return key.ok() && key->Verify(bytes, signature);
}

}  // namespace tripoint::exchange
