// The certificate folder of a node (or officer): checked whole before any of it is used, and
// explained when it fails.
//
// Used at start, before each hot reload (live_folder.h), by `doctor` and `peer show`, and by the
// client. Any thread. The folder: tls.pem tls.key (transport), signing.pem signing.key (heads and
// receipts; a node only). Why before: gRPC answers a pair that does not match by failing every
// handshake, and an empty file by aborting the process (platform.md T3); and it tells a refused
// dialler nothing (T19), so that a node must look at its own files.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "certs/certificate.h"
#include "certs/identity.h"
#include "certs/signing_key.h"
#include "certs/trust.h"

namespace tripoint::certs {

inline constexpr char kTlsCertificateName[] = "tls.pem";
inline constexpr char kTlsKeyName[] = "tls.key";
inline constexpr char kSigningCertificateName[] = "signing.pem";
inline constexpr char kSigningKeyName[] = "signing.key";

// Checked contents, read once: what was checked is what is used.
struct TlsFiles {
  std::string certificate_pem;
  std::string key_pem;  // secret
  CertificateFacts facts;
};
struct SigningFiles {
  std::string certificate_pem;
  SigningKey key;
  CertificateFacts facts;
};
struct NodeFiles {
  TlsFiles tls;
  SigningFiles signing;
};

// Checks tls.pem and tls.key for `expected`: both readable, the key's mode, the pair, dates, chain
// to the root of its country, usage (an officer dials; a node also is dialled), name, not revoked.
// The age of revocation lists is no fault. Errors, each ending in "Nothing was changed": NOT_FOUND,
// KEY_EXPOSED, KEY_MISMATCH, CONFIG_INVALID, and Trust::Judge's.
absl::StatusOr<TlsFiles> CheckTlsFiles(const std::string& folder, const Trust& trust,
                                       const UnitIdentity& expected, std::int64_t now_s);
// The same for signing.pem and signing.key.
absl::StatusOr<SigningFiles> CheckSigningFiles(const std::string& folder, const Trust& trust,
                                               const UnitIdentity& expected, std::int64_t now_s);
// Both, for a node of `unit`.
absl::StatusOr<NodeFiles> CheckNodeFiles(const std::string& folder, const Trust& trust,
                                         std::string_view unit, std::int64_t now_s);

// What a node (or client) says about its own certificate when a peer closed the connection without
// a word.
struct OwnCertificate {
  absl::Status status;           // OK: nothing wrong with it as far as this machine knows
  std::string text;              // one or two sentences for people, whatever the status
  std::int64_t not_after_s = 0;  // 0: it cannot be read
  std::int64_t days_left = 0;
  int warning_days = 0;  // the lowest of 30, 14, 7, 1 that is reached; 0: more than 30 days left
};
// `trust` may be null (a client without roots): then only form and dates are looked at.
OwnCertificate ExplainOwnCertificate(const std::string& folder, const Trust* trust,
                                     std::int64_t now_s);

// The lowest of 30, 14, 7, 1 that `days_left` has reached; 0 when none.
int ExpiryWarningDays(std::int64_t days_left);

}  // namespace tripoint::certs
