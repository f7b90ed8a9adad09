// A country's authority: its root, what it issues, what it revokes.
//
// Behind `tripointd ca ...` (authority_commands.h) and in tests. One object, one thread; processes
// exclude each other by a lock in the folder. The folder (0700):
//   root.key 0600   root.pem   issued.tsv (append only)   crl.pem   lock
// The current time is always a parameter, in Unix seconds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "certs/authority_index.h"
#include "certs/files.h"
#include "certs/identity.h"
#include "certs/openssl.h"

namespace tripoint::certs {

inline constexpr int kRootDays = 3652;    // ten years
inline constexpr int kTlsDays = 90;       // renewed at 60
inline constexpr int kSigningDays = 730;  // old signatures stay valid beyond it
inline constexpr int kIssueDaysMax = 1825;
inline constexpr int kCrlDays = 30;  // to the list's own "next update"
inline constexpr std::int64_t kBackdateS =
    600;  // a unit's clock may be a little behind the authority's

enum class CertificateKind {
  kNode,     // TLS, dials and is dialled; P-256
  kOfficer,  // TLS, dials only; P-256
  kSigning,  // signs heads and receipts, never TLS; Ed25519
};

struct Issued {
  std::string certificate_pem;
  std::string key_pem;  // secret
  std::string serial;
  std::int64_t not_after_s = 0;
};

class Authority {
 public:
  // Makes the folder with a root for `country` (critical name constraints, pathlen 0, P-256, ten
  // years) and an empty revocation list, number 1. Errors: INVALID_ARGUMENT / FIELD_INVALID;
  // ALREADY_EXISTS / ALREADY_EXISTS when the folder holds a root or a key (nothing is changed);
  // file errors of files.h.
  static absl::StatusOr<Authority> Init(const std::string& folder, std::string_view country,
                                        std::int64_t now_s);

  // Opens it, checking that key, root and book agree. Errors: NOT_FOUND, KEY_EXPOSED, KEY_MISMATCH,
  // CORRUPT, DATA_LOCKED.
  static absl::StatusOr<Authority> Open(const std::string& folder);

  // Issues for a name of this country; written in the book before it is returned. `days` 0: the
  // kind's default; the end never passes the root's. kOfficer needs an officer in the name, the
  // others none. Errors: INVALID_ARGUMENT / FIELD_INVALID; PERMISSION_DENIED /
  // CERTIFICATE_WRONG_NAME for another country's unit; FAILED_PRECONDITION / CERTIFICATE_EXPIRED
  // when the root has ended.
  absl::StatusOr<Issued> Issue(CertificateKind kind, const UnitIdentity& name, int days,
                               std::int64_t now_s);

  // Revokes a serial of the book and writes a list with the next number. Revoking twice keeps the
  // first date. Errors: NOT_FOUND / NOT_FOUND when this authority never issued it.
  absl::Status Revoke(std::string_view serial, std::int64_t now_s);
  // Writes a fresh list without revoking anything; to be done before the old one's next update.
  absl::Status RenewCrl(std::int64_t now_s);

  const std::string& country() const { return country_; }
  const std::string& root_pem() const { return root_pem_; }
  const std::string& crl_pem() const { return crl_pem_; }
  const std::vector<IssuedRow>& rows() const { return rows_; }
  std::int64_t root_not_after_s() const;
  std::int64_t crl_number() const { return crl_number_; }

 private:
  Authority(std::string folder, FolderLock lock)
      : folder_(std::move(folder)), lock_(std::move(lock)) {}
  absl::Status Load();

  std::string folder_;
  FolderLock lock_;
  std::string country_;
  KeyPtr key_;
  X509Ptr root_;
  std::string root_pem_;
  std::string crl_pem_;
  std::int64_t crl_number_ = 0;
  std::vector<IssuedRow> rows_;
};

}  // namespace tripoint::certs
