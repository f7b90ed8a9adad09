// What one certificate says, read strictly. Says nothing about who vouches for it: that is trust.h.
//
// Used by the authority, the trust snapshot, the status screens and the CLI. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "certs/identity.h"
#include "certs/openssl.h"

namespace tripoint::certs {

inline constexpr std::size_t kLeafBytesMax = 16 * 1024;  // PEM
inline constexpr std::int64_t kDayS = 86'400;

// The usage of a signing certificate: no TLS library knows it, so that the key can never open a
// connection. 2.25.<uuid> is the arc that anybody may use without asking a registry (ITU-T X.667).
inline constexpr char kSigningUsageOid[] = "2.25.189741316899850271653475351116482508539";

struct CertificateFacts {
  UnitIdentity identity;
  std::string serial;  // lower-case hex
  std::int64_t not_before_s = 0;
  std::int64_t not_after_s = 0;
  // Extended key usage. A certificate without that extension has none of them.
  bool client_usage = false;
  bool server_usage = false;
  bool signing_usage = false;
};

// Parses a text with exactly one PEM certificate, at most kLeafBytesMax. Errors: INVALID_ARGUMENT /
// CERTIFICATE_MALFORMED.
absl::StatusOr<X509Ptr> ParseLeaf(std::string_view pem);

// Reads the facts of a leaf: version 3, not an authority, exactly one URI name in the grammar of
// identity.h, no other names but DNS, no "any" usage. Errors: INVALID_ARGUMENT /
// CERTIFICATE_MALFORMED, with the offending part in `why`.
absl::StatusOr<CertificateFacts> FactsOf(X509* leaf);

// ParseLeaf and FactsOf in one.
absl::StatusOr<CertificateFacts> ReadFacts(std::string_view pem);

// Lines of text about a certificate for people: name, usage, validity, serial. No key.
std::string Describe(const CertificateFacts& facts, std::int64_t now_s);

// Whole days from `now_s` to `not_after_s`, rounded down; negative once it has passed.
std::int64_t DaysLeft(std::int64_t not_after_s, std::int64_t now_s);

}  // namespace tripoint::certs
