// Making a trust snapshot from files, everything checked before anything is believed: see trust.h.
// Any thread.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "certs/certificate_maker.h"
#include "certs/files.h"
#include "certs/trust.h"
#include "proto/contract/error.h"

namespace tripoint::certs {
namespace {

using contract::Error;
using contract::Reason;
using ConstraintsPtr = std::unique_ptr<NAME_CONSTRAINTS, Freer<NAME_CONSTRAINTS_free>>;

constexpr std::int64_t kRootWarnS = 365 * kDayS;

absl::Status Bad(Reason reason, std::string what, std::string why) {
  return Error(absl::StatusCode::kFailedPrecondition, reason, std::move(what), std::move(why),
               "Nothing was changed. Get the file again from that country's authority, by hand or "
               "from a neighbour");
}

bool IsRootOf(X509* root, std::string_view country) {
  char text[8] = "";
  X509_NAME_get_text_by_NID(X509_get_subject_name(root), NID_countryName, text, sizeof(text));
  return std::string_view(text).size() == 2 && (text[0] | 0x20) == country[0] &&
         (text[1] | 0x20) == country[1] && X509_check_ca(root) == 1 &&
         X509_self_signed(root, 1) == 1;
}

// Whether the root itself is held to its country by critical constraints on URIs.
bool IsConstrained(X509* root, std::string_view country) {
  int critical = 0;
  const ConstraintsPtr constraints(static_cast<NAME_CONSTRAINTS*>(
      X509_get_ext_d2i(root, NID_name_constraints, &critical, nullptr)));
  if (constraints == nullptr || critical != 1) return false;
  const std::string host = fmt::format("{}.tripoint", country);
  int uris = 0;
  for (int i = 0; i < sk_GENERAL_SUBTREE_num(constraints->permittedSubtrees); ++i) {
    const GENERAL_NAME* base = sk_GENERAL_SUBTREE_value(constraints->permittedSubtrees, i)->base;
    if (base->type != GEN_URI) continue;
    const ASN1_IA5STRING* uri = base->d.uniformResourceIdentifier;
    if (std::string_view(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                         static_cast<std::size_t>(ASN1_STRING_length(uri))) != host) {
      return false;
    }
    ++uris;
  }
  return uris > 0;
}

X509* SignerOf(X509_CRL* crl, const std::vector<X509Ptr>& roots) {
  for (const X509Ptr& root : roots) {
    if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(root.get())) == 0 &&
        X509_CRL_verify(crl, X509_get0_pubkey(root.get())) == 1) {
      return root.get();
    }
  }
  (void)TakeOpensslError();
  return nullptr;
}

absl::Status CheckCrl(X509_CRL* crl, const std::vector<X509Ptr>& roots, std::string_view country) {
  const std::string what = fmt::format("{}.crl cannot be used", country);
  if (SignerOf(crl, roots) == nullptr)
    return Bad(Reason::kCrlInvalid, what, "No root of that country signed it");
  if (CrlNumber(crl) < 0) return Bad(Reason::kCrlInvalid, what, "It has no number");
  if (X509_CRL_get0_nextUpdate(crl) == nullptr)
    return Bad(Reason::kCrlInvalid, what, "It does not say when it ends");
  for (int i = 0; i < X509_CRL_get_ext_count(crl); ++i) {
    // A critical extension narrows a list (to some reasons, to another issuer); ours are always
    // whole.
    if (X509_EXTENSION_get_critical(X509_CRL_get_ext(crl, i)) == 1) {
      return Bad(Reason::kCrlInvalid, what, "It is a partial list; only whole lists are used");
    }
  }
  return absl::OkStatus();
}

bool IsNewer(const X509_CRL* crl, const X509_CRL* than) {
  if (CrlNumber(crl) != CrlNumber(than)) return CrlNumber(crl) > CrlNumber(than);
  return UnixSeconds(X509_CRL_get0_lastUpdate(crl)) > UnixSeconds(X509_CRL_get0_lastUpdate(than));
}

// A list appended behind an older one of the same root takes its place: the older would count as
// stale, and its age as the country's.
void KeepNewest(const std::vector<X509Ptr>& roots, std::vector<CrlPtr>& crls) {
  std::vector<CrlPtr> newest;
  for (CrlPtr& crl : crls) {
    const X509* signer = SignerOf(crl.get(), roots);
    const auto same = std::find_if(newest.begin(), newest.end(), [&](const CrlPtr& kept) {
      return SignerOf(kept.get(), roots) == signer;
    });
    if (same == newest.end()) {
      newest.push_back(std::move(crl));
    } else if (IsNewer(crl.get(), same->get())) {
      *same = std::move(crl);
    }
  }
  crls = std::move(newest);
}

}  // namespace

absl::StatusOr<Trust::Country> Trust::MakeCountry(const CountryFiles& files) {
  const std::string name = fmt::format("{}.pem cannot be used", files.country);
  Country country;
  country.roots_pem = files.roots_pem;
  country.crl_pem = files.crl_pem;
  country.roots = ReadCertificates(files.roots_pem, kRootsMax);
  country.store.reset(X509_STORE_new());
  if (country.roots.empty() || country.store == nullptr) {
    return Bad(Reason::kConfigInvalid, name,
               fmt::format("It does not hold one or {} readable certificates", kRootsMax));
  }
  for (const X509Ptr& root : country.roots) {
    if (!IsRootOf(root.get(), files.country)) {
      return Bad(Reason::kConfigInvalid, name,
                 fmt::format("It holds something else than a root of {}", files.country));
    }
    X509_STORE_add_cert(country.store.get(), root.get());
  }
  if (files.crl_pem.empty()) return country;
  country.crls = ReadCrls(files.crl_pem, kCrlsMax);
  if (country.crls.empty()) {
    return Bad(Reason::kCrlInvalid, fmt::format("{}.crl cannot be used", files.country),
               "It cannot be read");
  }
  for (const CrlPtr& crl : country.crls) {
    if (absl::Status fit = CheckCrl(crl.get(), country.roots, files.country); !fit.ok()) return fit;
  }
  KeepNewest(country.roots, country.crls);
  for (const CrlPtr& crl : country.crls) X509_STORE_add_crl(country.store.get(), crl.get());
  return country;
}

absl::Status Trust::CheckNotOlder(const Country& now, const Country& before) {
  for (const CrlPtr& old : before.crls) {
    const X509* signer = SignerOf(old.get(), now.roots);
    if (signer == nullptr) continue;  // that root is gone, and its list with it
    std::int64_t newest = -1;
    for (const CrlPtr& crl : now.crls) {
      if (SignerOf(crl.get(), now.roots) == signer) newest = std::max(newest, CrlNumber(crl.get()));
    }
    if (newest >= CrlNumber(old.get())) continue;
    const std::string have = newest < 0 ? "is gone" : fmt::format("has number {}", newest);
    return Bad(
        Reason::kCrlOlder, "The revocation list is older than the one in use",
        fmt::format("The new one {}, the one in use has number {}", have, CrlNumber(old.get())));
  }
  return absl::OkStatus();
}

void Trust::Warn(const std::string& name, const Country& country, std::int64_t now_s) {
  for (const X509Ptr& root : country.roots) {
    if (!IsConstrained(root.get(), name)) {
      warnings_.push_back(fmt::format(
          "the root of {} is not constrained to its country; only this node's own check is", name));
    }
    const std::int64_t end_s = UnixSeconds(X509_get0_notAfter(root.get()));
    if (end_s - now_s < kRootWarnS)
      warnings_.push_back(fmt::format("the root of {} ends at {}", name, UtcText(end_s)));
  }
  const CrlState state = StateOfCrl(name, now_s);
  if (state == CrlState::kNone)
    warnings_.push_back(fmt::format("no revocation list of {} has been seen", name));
  if (state == CrlState::kStale)
    warnings_.push_back(fmt::format("the revocation list of {} is stale", name));
  if (state == CrlState::kTooOld)
    warnings_.push_back(fmt::format("the revocation list of {} is too old", name));
}

absl::StatusOr<std::shared_ptr<const Trust>> MakeTrust(const std::vector<CountryFiles>& files,
                                                       const TrustPolicy& policy,
                                                       std::int64_t now_s, const Trust* previous) {
  auto trust = std::make_shared<Trust>();
  trust->policy_ = policy;
  if (previous != nullptr) trust->epoch_ = previous->epoch_ + 1;
  for (const CountryFiles& one : files) {
    if (!IsCountry(one.country))
      return Bad(Reason::kConfigInvalid, "A root has an unknown country", one.country);
    absl::StatusOr<Trust::Country> country = Trust::MakeCountry(one);
    if (!country.ok()) return country.status();
    if (previous != nullptr) {
      const auto before = previous->countries_.find(one.country);
      if (before != previous->countries_.end()) {
        if (absl::Status newer = Trust::CheckNotOlder(*country, before->second); !newer.ok())
          return newer;
      }
    }
    trust->countries_.insert_or_assign(one.country, *std::move(country));
  }
  if (trust->countries_.empty()) {
    return Bad(
        Reason::kConfigInvalid, "The roots folder holds no root",
        "At least the root of this unit's own country must be there (kh.pem, la.pem or vn.pem)");
  }
  for (const auto& [name, country] : trust->countries_) trust->Warn(name, country, now_s);
  return trust;
}

absl::StatusOr<std::optional<CountryFiles>> ReadCountryFiles(const std::string& roots_folder,
                                                             std::string_view country) {
  const std::string stem = fmt::format("{}/{}", roots_folder, country);
  if (!Exists(stem + ".pem")) return std::nullopt;
  CountryFiles files{.country = std::string(country), .roots_pem = {}, .crl_pem = {}};
  absl::StatusOr<std::string> roots = ReadSmallFile(stem + ".pem");
  if (!roots.ok()) return roots.status();
  files.roots_pem = *std::move(roots);
  if (!Exists(stem + ".crl")) return files;
  absl::StatusOr<std::string> crl = ReadSmallFile(stem + ".crl");
  if (!crl.ok()) return crl.status();
  files.crl_pem = *std::move(crl);
  return files;
}

absl::StatusOr<std::shared_ptr<const Trust>> LoadTrust(const std::string& roots_folder,
                                                       const TrustPolicy& policy,
                                                       std::int64_t now_s, const Trust* previous) {
  std::vector<CountryFiles> files;
  for (const std::string_view country : kCountries) {
    absl::StatusOr<std::optional<CountryFiles>> one = ReadCountryFiles(roots_folder, country);
    if (!one.ok()) return one.status();
    if (one->has_value()) files.push_back(**std::move(one));
  }
  return MakeTrust(files, policy, now_s, previous);
}

}  // namespace tripoint::certs
