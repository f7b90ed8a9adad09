// A country's authority: see authority.h. One object, one thread.
#include "certs/authority.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "certs/certificate.h"
#include "certs/certificate_maker.h"
#include "proto/contract/error.h"

namespace tripoint::certs {
namespace {

using contract::Error;
using contract::Reason;

constexpr char kRootKey[] = "/root.key";
constexpr char kRootPem[] = "/root.pem";
constexpr char kIndex[] = "/issued.tsv";
constexpr char kCrl[] = "/crl.pem";
// The book only ever grows, by about 150 bytes a certificate: room for 400,000, since an authority
// that cannot read it can revoke nothing.
constexpr std::size_t kIndexBytesMax = 64U << 20U;

std::string Upper(std::string_view country) {
  std::string upper(country);
  for (char& c : upper) c = static_cast<char>(c - 'a' + 'A');
  return upper;
}

absl::Status Damaged(Reason reason, std::string why) {
  return Error(absl::StatusCode::kFailedPrecondition, reason,
               "The authority's folder cannot be used", std::move(why),
               "Restore the authority's folder from its backup");
}

absl::StatusOr<std::string> CountryOfRoot(X509* root) {
  char text[8] = "";
  X509_NAME_get_text_by_NID(X509_get_subject_name(root), NID_countryName, text, sizeof(text));
  std::string country(text);
  for (char& c : country) c = static_cast<char>(c - 'A' + 'a');
  if (!IsCountry(country))
    return Damaged(Reason::kCorrupt, "The root names no country of Tripoint");
  return country;
}

absl::StatusOr<CertificateSpec> SpecFor(CertificateKind kind, const UnitIdentity& name) {
  if ((kind == CertificateKind::kOfficer) != name.officer.has_value()) {
    return Error(absl::StatusCode::kInvalidArgument, Reason::kFieldInvalid,
                 "The name does not fit the kind of certificate",
                 "An officer's certificate names an officer; a node's and a signing certificate "
                 "name only the unit",
                 "Use --officer alone, or --signing alone, or neither");
  }
  CertificateSpec spec;
  spec.country = Upper(name.country);
  spec.organization = name.unit;
  const std::vector<std::string> names = {"URI:" + FormatUri(name)};
  switch (kind) {
    case CertificateKind::kNode:
      spec.common_name = "node";
      spec.extensions = LeafExtensions(names, {"serverAuth", "clientAuth"});
      break;
    case CertificateKind::kOfficer:
      // With the space it cannot be taken for a DNS name, which "huy.nguyen" alone would be, and
      // refused by the root.
      spec.common_name = fmt::format("officer {}", *name.officer);
      spec.extensions = LeafExtensions(names, {"clientAuth"});
      break;
    case CertificateKind::kSigning:
      spec.common_name = "signing key";
      spec.extensions = LeafExtensions(names, {kSigningUsageOid});
      break;
  }
  return spec;
}

std::string_view KindName(CertificateKind kind) {
  switch (kind) {
    case CertificateKind::kNode:
      return "node";
    case CertificateKind::kOfficer:
      return "officer";
    case CertificateKind::kSigning:
      return "signing";
  }
  return "";
}

}  // namespace

absl::StatusOr<Authority> Authority::Init(const std::string& folder, std::string_view country,
                                          std::int64_t now_s) {
  if (!IsCountry(country)) {
    return Error(absl::StatusCode::kInvalidArgument, Reason::kFieldInvalid,
                 "There is no authority for that country",
                 "The countries of Tripoint are kh, la and vn", "Name one of them, in lower case");
  }
  if (absl::Status made = MakeFolder(folder, 0700); !made.ok()) return made;
  {
    absl::StatusOr<FolderLock> lock = FolderLock::Take(folder);
    if (!lock.ok()) return lock.status();
    for (const char* name : {kRootKey, kRootPem, kIndex, kCrl}) {
      if (!Exists(folder + name)) continue;
      return Error(
          absl::StatusCode::kAlreadyExists, Reason::kAlreadyExists,
          "The folder holds an authority already",
          fmt::format(
              "{} is there, and a root is never overwritten: every unit's certificate hangs on it",
              name + 1),
          "Choose an empty folder");
    }
    const KeyPtr key = NewP256Key();
    const CertificateSpec spec{.country = Upper(country),
                               .organization = "Tripoint",
                               .common_name = fmt::format("Tripoint authority {}", Upper(country)),
                               .not_before_s = now_s - kBackdateS,
                               .not_after_s = now_s + kRootDays * kDayS,
                               .extensions = RootExtensions(country)};
    absl::StatusOr<X509Ptr> root = MakeCertificate(spec, key.get(), nullptr, key.get());
    if (!root.ok()) return root.status();
    absl::StatusOr<CrlPtr> crl =
        MakeCrl({}, 1, now_s, now_s + kCrlDays * kDayS, root->get(), key.get());
    if (!crl.ok()) return crl.status();
    // The key first: a root without its key is worthless, a key without a root is harmless.
    absl::Status written = WriteNewFile(folder + kRootKey, ToPem(key.get()), kSecretMode);
    written.Update(WriteNewFile(folder + kIndex, "# Written by tripointd ca; only ever appended.\n",
                                kPublicMode));
    written.Update(WriteNewFile(folder + kCrl, ToPem(crl->get()), kPublicMode));
    written.Update(WriteNewFile(folder + kRootPem, ToPem(root->get()), kPublicMode));
    if (!written.ok()) return written;
  }
  return Open(folder);
}

absl::StatusOr<Authority> Authority::Open(const std::string& folder) {
  if (!Exists(folder + kRootPem)) {
    return Error(absl::StatusCode::kNotFound, Reason::kNotFound,
                 "There is no authority in that folder", "It has no root.pem",
                 "Make one with `tripointd ca init --country CC --dir DIR`, or name its folder");
  }
  absl::StatusOr<FolderLock> lock = FolderLock::Take(folder);
  if (!lock.ok()) return lock.status();
  Authority authority(folder, *std::move(lock));
  if (absl::Status loaded = authority.Load(); !loaded.ok()) return loaded;
  return authority;
}

absl::Status Authority::Load() {
  absl::StatusOr<std::string> key_pem = ReadSecretFile(folder_ + kRootKey);
  absl::StatusOr<std::string> root_pem = ReadSmallFile(folder_ + kRootPem);
  absl::StatusOr<std::string> index = ReadSmallFile(folder_ + kIndex, kIndexBytesMax);
  absl::StatusOr<std::string> crl_pem = ReadSmallFile(folder_ + kCrl);
  for (const absl::Status& status :
       {key_pem.status(), root_pem.status(), index.status(), crl_pem.status()}) {
    if (!status.ok()) return status;
  }
  key_ = ReadPrivateKey(*key_pem);
  std::vector<X509Ptr> roots = ReadCertificates(*root_pem, 1);
  std::vector<CrlPtr> crls = ReadCrls(*crl_pem, 1);
  if (key_ == nullptr || roots.empty() || crls.empty()) {
    return Damaged(Reason::kCorrupt, "The root, its key or its revocation list cannot be read");
  }
  root_ = std::move(roots.front());
  if (X509_check_private_key(root_.get(), key_.get()) != 1) {
    (void)TakeOpensslError();
    return Damaged(Reason::kKeyMismatch, "root.key does not belong to root.pem");
  }
  absl::StatusOr<std::string> country = CountryOfRoot(root_.get());
  if (!country.ok()) return country.status();
  country_ = *std::move(country);
  root_pem_ = *std::move(root_pem);
  crl_pem_ = *std::move(crl_pem);
  crl_number_ = CrlNumber(crls.front().get());
  absl::StatusOr<std::vector<IssuedRow>> rows = ParseIndex(*index);
  if (!rows.ok()) return rows.status();
  rows_ = *std::move(rows);
  return absl::OkStatus();
}

absl::StatusOr<Issued> Authority::Issue(CertificateKind kind, const UnitIdentity& name, int days,
                                        std::int64_t now_s) {
  if (name.country != country_) {
    return Error(
        absl::StatusCode::kPermissionDenied, Reason::kCertificateWrongName,
        fmt::format("{} is not a unit of this country", name.unit),
        fmt::format(
            "This is the authority of {}; an authority vouches only for its own country's units",
            country_),
        fmt::format("Ask the authority of {}", name.country));
  }
  if (days == 0) days = kind == CertificateKind::kSigning ? kSigningDays : kTlsDays;
  if (days < 1 || days > kIssueDaysMax) {
    return Error(absl::StatusCode::kInvalidArgument, Reason::kFieldInvalid,
                 "The number of days cannot be used",
                 fmt::format("It must be 1 to {}", kIssueDaysMax),
                 "Leave --days away to get the usual number");
  }
  if (now_s >= root_not_after_s()) {
    return Error(absl::StatusCode::kFailedPrecondition, Reason::kCertificateExpired,
                 "The root has expired",
                 fmt::format("It was valid until {}", UtcText(root_not_after_s())),
                 "Make a new root in a new folder and hand it to all units of all countries");
  }
  absl::StatusOr<CertificateSpec> spec = SpecFor(kind, name);
  if (!spec.ok()) return spec.status();
  spec->not_before_s = std::max(now_s - kBackdateS, UnixSeconds(X509_get0_notBefore(root_.get())));
  spec->not_after_s = std::min(now_s + days * kDayS, root_not_after_s());

  const KeyPtr key = kind == CertificateKind::kSigning ? NewEd25519Key() : NewP256Key();
  absl::StatusOr<X509Ptr> certificate = MakeCertificate(*spec, key.get(), root_.get(), key_.get());
  if (!certificate.ok()) return certificate.status();
  Issued issued{.certificate_pem = ToPem(certificate->get()),
                .key_pem = ToPem(key.get()),
                .serial = SerialHex(X509_get0_serialNumber(certificate->get())),
                .not_after_s = spec->not_after_s};
  IssuedRow row{.serial = issued.serial,
                .kind = std::string(KindName(kind)),
                .uri = FormatUri(name),
                .not_after_s = issued.not_after_s,
                .issue_time_s = now_s,
                .revoke_time_s = std::nullopt};
  // In the book before anybody has it: what is not in the book cannot be revoked.
  if (absl::Status noted = AppendLine(folder_ + kIndex, IssuedLine(row)); !noted.ok()) return noted;
  rows_.push_back(std::move(row));
  return issued;
}

absl::Status Authority::Revoke(std::string_view serial, std::int64_t now_s) {
  std::string wanted(serial);
  std::transform(wanted.begin(), wanted.end(), wanted.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  const auto row = std::find_if(rows_.begin(), rows_.end(),
                                [&](const IssuedRow& r) { return r.serial == wanted; });
  if (row == rows_.end()) {
    return Error(absl::StatusCode::kNotFound, Reason::kNotFound,
                 "This authority issued no certificate with that serial",
                 "The serial is not in its book", "List them with `tripointd ca show --dir DIR`");
  }
  if (!row->revoke_time_s.has_value()) {
    if (absl::Status noted = AppendLine(folder_ + kIndex, RevokedLine(wanted, now_s)); !noted.ok())
      return noted;
    row->revoke_time_s = now_s;
  }
  return RenewCrl(now_s);
}

absl::Status Authority::RenewCrl(std::int64_t now_s) {
  std::vector<RevokedSerial> revoked;
  for (const IssuedRow& row : rows_) {
    if (row.revoke_time_s.has_value())
      revoked.push_back({.serial = row.serial, .revoke_time_s = *row.revoke_time_s});
  }
  absl::StatusOr<CrlPtr> crl =
      MakeCrl(revoked, crl_number_ + 1, now_s, now_s + kCrlDays * kDayS, root_.get(), key_.get());
  if (!crl.ok()) return crl.status();
  std::string pem = ToPem(crl->get());
  if (absl::Status written = ReplaceFile(folder_ + kCrl, pem, kPublicMode); !written.ok())
    return written;
  crl_pem_ = std::move(pem);
  ++crl_number_;
  return absl::OkStatus();
}

std::int64_t Authority::root_not_after_s() const {
  return UnixSeconds(X509_get0_notAfter(root_.get()));
}

}  // namespace tripoint::certs
