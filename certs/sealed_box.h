// Encryption to the key of a unit's certificate, for what is carried by hand: CMS AuthEnvelopedData
// (RFC 5083), ephemeral ECDH to the P-256 key of tls.pem, AES-256-GCM. All of it is OpenSSL's.
//
// Used by server/exchange for bundles. Pure but for OpenSSL's randomness; any thread. It says
// nothing about who encrypted: the seal of the file does.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tripoint::certs {

inline constexpr std::size_t kBoxBytesMax = 8u << 20;

// `plain` for whoever has the key of `certificate_pem`, which the caller has judged. DER. Errors:
// INVALID_ARGUMENT / CERTIFICATE_MALFORMED (no certificate, or a key that cannot be used so);
// INTERNAL / INTERNAL.
absl::StatusOr<std::string> EncryptTo(std::string_view certificate_pem, std::string_view plain);

// Errors: DATA_LOSS / BUNDLE_INVALID: not for this key, cut, or altered.
absl::StatusOr<std::string> Decrypt(std::string_view certificate_pem, std::string_view key_pem,
                                    std::string_view box);

}  // namespace tripoint::certs
