// Which roots are believed, for which names, and what was revoked: one immutable snapshot, and the
// judgement of a leaf.
//
// Made by LoadTrust from the roots folder, held and replaced through TrustCache, asked by the
// handshake verifier, by every call, by the checks of a node's own files and by SignatureVerifier.
// Const and thread-safe. No network, no clock. The roots folder: <cc>.pem (one root, two while it
// is being replaced) and <cc>.crl (a revocation list of each root).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "certs/certificate.h"
#include "certs/identity.h"
#include "certs/openssl.h"

namespace tripoint::certs {

struct TrustPolicy {
  bool crl_required = false;  // true: a country without any revocation list is refused
  std::int64_t crl_grace_s =
      7 * kDayS;  // after a list's next update: accepted, marked stale; then refused
};

// What the certificate is about to be used for.
enum class PeerRole {
  kClient,  // it dialled us
  kServer,  // we dialled it
  kSigner,  // it signed a head or a receipt
};
inline constexpr std::size_t kPeerRoles = 3;

// How strictly the age of revocation lists is taken. kOnlyRevoked is for a node's own certificate:
// an old list is no reason to stop recording.
enum class CrlRule { kPolicy, kOnlyRevoked };

enum class CrlState { kNone, kFresh, kStale, kTooOld };

struct Judgement {
  UnitIdentity identity;
  std::string serial;
  std::int64_t not_after_s = 0;
  bool crl_stale = false;
  // The judgement holds for good_from_s <= now < good_until_s, as long as the snapshot is the same.
  std::int64_t good_from_s = 0;
  std::int64_t good_until_s = 0;
};

// The two texts of one country, as they stand in the roots folder. Empty `crl_pem`: no list was
// ever seen.
struct CountryFiles {
  std::string country;
  std::string roots_pem;
  std::string crl_pem;
};

class Trust {
 public:
  static constexpr std::size_t kRootsMax = 2;  // a country's: the present one and its successor
  static constexpr std::size_t kCrlsMax = 8;   // in one file; the newest of each root is used
  static constexpr std::size_t kChainMax = 4;  // certificates that a peer may send
  static constexpr std::size_t kChainBytesMax = 65'536;

  // Judges `leaf_pem` at `now_s`, using only the roots of the country that its own name claims
  // (platform.md T9). Errors (INVALID_ARGUMENT when malformed, else UNAUTHENTICATED), by reason:
  //   CERTIFICATE_MALFORMED, CERTIFICATE_UNTRUSTED, CERTIFICATE_EXPIRED, CERTIFICATE_NOT_YET_VALID,
  //   CERTIFICATE_REVOKED, CERTIFICATE_WRONG_USAGE, CERTIFICATE_WRONG_NAME (a name outside the
  //   root's constraints), CRL_MISSING, CRL_TOO_OLD.
  absl::StatusOr<Judgement> Judge(std::string_view leaf_pem, std::string_view sent_chain_pem,
                                  PeerRole role, std::int64_t now_s,
                                  CrlRule rule = CrlRule::kPolicy) const;

  // Grows by one with every snapshot made after another; a cached judgement of another epoch is
  // void.
  std::uint64_t epoch() const { return epoch_; }
  bool Knows(std::string_view country) const;
  CrlState StateOfCrl(std::string_view country, std::int64_t now_s) const;
  // The list in which a certificate of the country would stand: that of the root that signed it.
  struct ListSeen {
    std::int64_t number = -1;  // -1: there is none
    std::int64_t time_s = 0;   // when it was made (thisUpdate), Unix seconds
  };
  ListSeen ListFor(std::string_view country, std::string_view leaf_pem) const;
  // Whether both were made of the same texts: then every judgement is the same too.
  bool SameFilesAs(const Trust& other) const;
  // The texts of one country, empty when it is not known: its roots, its revocation lists (the
  // newest of each root, whatever else the file holds).
  std::string RootsPemOf(std::string_view country) const;
  std::string CrlPemOf(std::string_view country) const;
  // All roots in one text, for the list of accepted authorities in the handshake.
  std::string RootsPem() const;
  // Things an operator should know: a root without name constraints, a root that ends soon, a stale
  // list.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  friend absl::StatusOr<std::shared_ptr<const Trust>> MakeTrust(
      const std::vector<CountryFiles>& files, const TrustPolicy& policy, std::int64_t now_s,
      const Trust* previous);
  struct Country {
    std::string roots_pem;
    std::string crl_pem;
    std::vector<X509Ptr> roots;
    std::vector<CrlPtr> crls;
    StorePtr store;
  };
  static absl::StatusOr<Country> MakeCountry(const CountryFiles& files);
  static absl::Status CheckNotOlder(const Country& now, const Country& before);
  void Warn(const std::string& name, const Country& country, std::int64_t now_s);

  TrustPolicy policy_;
  std::uint64_t epoch_ = 1;
  std::map<std::string, Country, std::less<>> countries_;
  std::vector<std::string> warnings_;
};

// Makes a snapshot from texts. With `previous`: its epoch plus one, and no list older than the one
// it holds. Errors: FAILED_PRECONDITION with CONFIG_INVALID (no root at all, a root that is none,
// or of another country), CRL_INVALID (unreadable, or not signed by the country's root), CRL_OLDER
// (lower number, or the list is gone).
absl::StatusOr<std::shared_ptr<const Trust>> MakeTrust(const std::vector<CountryFiles>& files,
                                                       const TrustPolicy& policy,
                                                       std::int64_t now_s, const Trust* previous);

// The texts of `country` in the roots folder; nullopt: it has no <cc>.pem. Errors: those of reading
// a file.
absl::StatusOr<std::optional<CountryFiles>> ReadCountryFiles(const std::string& roots_folder,
                                                             std::string_view country);

// Reads the roots folder and makes the snapshot; on any error the caller goes on with `previous`,
// which is untouched.
absl::StatusOr<std::shared_ptr<const Trust>> LoadTrust(const std::string& roots_folder,
                                                       const TrustPolicy& policy,
                                                       std::int64_t now_s, const Trust* previous);

}  // namespace tripoint::certs
