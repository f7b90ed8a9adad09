// The real signatures behind a core: this unit's signing key, and a peer's as its country certified
// it. Made by node.cc; used on the driver's loop thread only, but for KeyHeadSigner::pair.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "certs/signing_key.h"
#include "certs/trust_cache.h"
#include "server/exchange/types.h"

namespace tripoint::exchange {

class KeyHeadSigner final : public HeadSigner {
 public:
  // `certificate_pem`: the signing certificate of `key`.
  KeyHeadSigner(certs::SigningKey key, std::string certificate_pem)
      : key_(std::move(key)),
        certificate_pem_(std::move(certificate_pem)),
        pair_{key_, certificate_pem_} {}

  std::string Certificate() const override { return certificate_pem_; }
  std::string Sign(std::string_view bytes) override;

  // Another key and its certificate. Only within Driver::ReplaceKeys: a stream verifies all that is
  // signed on it with the certificate of its hello.
  void Replace(certs::SigningKey key, std::string certificate_pem) ABSL_LOCKS_EXCLUDED(mutex_);

  // What is in use, for other threads: evidence is signed with it.
  certs::SigningPair pair() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  certs::SigningKey key_;
  std::string certificate_pem_;
  mutable absl::Mutex mutex_;
  certs::SigningPair pair_ ABSL_GUARDED_BY(mutex_);  // the same two
};

class CertificateHeadVerifier final : public HeadVerifier {
 public:
  // `unit`: the peer; `own_unit`: this node's. `now_s`: Unix seconds; the peer's certificate must
  // be valid now, when its key signs.
  CertificateHeadVerifier(std::string unit, std::string own_unit,
                          std::shared_ptr<certs::TrustCache> trust,
                          std::function<std::int64_t()> now_s)
      : unit_(std::move(unit)),
        own_unit_(std::move(own_unit)),
        trust_(std::move(trust)),
        now_s_(std::move(now_s)) {}

  // Errors: those of SignatureVerifier::FromCertificate.
  absl::Status Trust(std::string_view certificate) override;
  bool Verify(std::string_view bytes, std::string_view signature) const override;
  // A certificate that is over counts: a head holds no time, and the key behind it is long out of
  // use. It must have held before now, under the root of today, and be on no revocation list.
  bool VerifyOwn(std::string_view certificate, std::string_view bytes,
                 std::string_view signature) const override;
  std::string Certificate() const override { return certificate_; }

 private:
  const std::string unit_;
  const std::string own_unit_;
  const std::shared_ptr<certs::TrustCache> trust_;
  const std::function<std::int64_t()> now_s_;
  std::optional<certs::SignatureVerifier> verifier_;
  std::string certificate_;  // of verifier_
};

}  // namespace tripoint::exchange
