// The crafting of certificates and revocation lists, without any rule about who may have which:
// that is authority.h.
//
// Used by the authority, and by tests that need lying certificates. Any thread. Draws keys and
// serial numbers from OpenSSL's random generator.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "certs/openssl.h"

namespace tripoint::certs {

struct CertificateSpec {
  std::string country;       // C=, upper case
  std::string organization;  // O=
  std::string
      common_name;  // CN=; must not look like a DNS name, or name constraints judge it as one
  std::int64_t not_before_s = 0;
  std::int64_t not_after_s = 0;
  std::string extensions;  // OpenSSL configuration text with a section [extensions]
};

struct RevokedSerial {
  std::string serial;  // hex
  std::int64_t revoke_time_s = 0;
};

KeyPtr NewP256Key();
KeyPtr NewEd25519Key();

// Extensions of a root of `country` ("vn"), and of a leaf with these names ("URI:...", "DNS:...")
// and usages
// ("serverAuth", an OID, ...).
std::string RootExtensions(std::string_view country);
std::string LeafExtensions(const std::vector<std::string>& names,
                           const std::vector<std::string>& usages);

// Signs a certificate for the public part of `subject_key`. Null `issuer`: self-signed with
// `issuer_key`. Serial number: 16 bytes, 126 bits of them random. Errors: INTERNAL / INTERNAL with
// OpenSSL's text.
absl::StatusOr<X509Ptr> MakeCertificate(const CertificateSpec& spec, EVP_PKEY* subject_key,
                                        X509* issuer, EVP_PKEY* issuer_key);

// Signs a revocation list with `number`. Errors: INTERNAL / INTERNAL.
absl::StatusOr<CrlPtr> MakeCrl(const std::vector<RevokedSerial>& revoked, std::int64_t number,
                               std::int64_t now_s, std::int64_t next_update_s, X509* issuer,
                               EVP_PKEY* issuer_key);

// The number of a list; -1 if it has none or one beyond 2^62.
std::int64_t CrlNumber(const X509_CRL* crl);

}  // namespace tripoint::certs
