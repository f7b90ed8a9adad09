// What `tripointd ca init|issue|revoke|show` does, after its options were parsed and before its
// text is printed.
//
// Called by server/main's command line, and by the demo through it. One thread. Each returns the
// text for stdout. `issue` writes into `out` (nothing there is ever overwritten):
//   node      tls.pem tls.key signing.pem signing.key   (--tls-only: only the first two; --signing:
//   only the last two) officer   tls.pem tls.key both      roots/<cc>.pem roots/<cc>.crl of the
//   issuing country; the other countries' two are copied beside them
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace tripoint::certs {

struct AuthorityInitOptions {
  std::string country;  // --country vn
  std::string folder;   // --dir
};

struct AuthorityIssueOptions {
  std::string folder;    // --dir
  std::string unit;      // --unit vn-tayninh
  std::string officer;   // --officer huy; empty: for the node
  bool signing = false;  // --signing: only a new signing pair
  bool tls_only =
      false;  // --tls-only: only a new TLS pair (the renewal each 60 days keeps the signing key)
  std::string out;  // --out
  int days = 0;     // --days; 0: 90 for TLS, 730 for signing
};

struct AuthorityRevokeOptions {
  std::string folder;  // --dir
  std::string serial;  // --serial, or
  std::string
      certificate_path;  // --cert FILE; with neither, only a fresh revocation list is written
};

struct AuthorityShowOptions {
  std::string folder;            // --dir, or
  std::string certificate_path;  // --cert FILE
};

// Errors of all four: those of authority.h; INVALID_ARGUMENT / FIELD_INVALID for options that
// exclude each other.
absl::StatusOr<std::string> RunAuthorityInit(const AuthorityInitOptions& options,
                                             std::int64_t now_s);
absl::StatusOr<std::string> RunAuthorityIssue(const AuthorityIssueOptions& options,
                                              std::int64_t now_s);
absl::StatusOr<std::string> RunAuthorityRevoke(const AuthorityRevokeOptions& options,
                                               std::int64_t now_s);
absl::StatusOr<std::string> RunAuthorityShow(const AuthorityShowOptions& options,
                                             std::int64_t now_s);

}  // namespace tripoint::certs
