// The checks of a certificate folder: see node_files.h. Any thread.
#include "certs/node_files.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "certs/files.h"
#include "proto/contract/error.h"

namespace tripoint::certs {
namespace {

using contract::Error;
using contract::Reason;

constexpr char kUnchanged[] = "Nothing was changed";

// The same error, naming the file, and saying that the working node goes on as before.
absl::Status About(std::string_view file, const absl::Status& status) {
  contract::Problem problem = contract::ProblemOf(status);
  problem.what = fmt::format("{}: {}", file, problem.what);
  problem.next =
      problem.next.empty() ? kUnchanged : fmt::format("{}. {}", kUnchanged, problem.next);
  return Error(status.code(), problem);
}

std::string NameText(const UnitIdentity& identity) {
  return identity.officer.has_value() ? fmt::format("an officer of unit {}", identity.unit)
                                      : fmt::format("unit {}", identity.unit);
}

struct Pair {
  std::string certificate_pem;
  std::string key_pem;
  CertificateFacts facts;
};

bool IsWholePair(EVP_PKEY* key) {
  const std::unique_ptr<EVP_PKEY_CTX, Freer<EVP_PKEY_CTX_free>> context(
      EVP_PKEY_CTX_new(key, nullptr));
  return context != nullptr && EVP_PKEY_pairwise_check(context.get()) == 1;
}

absl::StatusOr<Pair> ReadPair(const std::string& folder, const char* certificate_name,
                              const char* key_name) {
  absl::StatusOr<std::string> certificate_pem =
      ReadSmallFile(fmt::format("{}/{}", folder, certificate_name));
  if (!certificate_pem.ok()) return About(certificate_name, certificate_pem.status());
  absl::StatusOr<std::string> key_pem = ReadSecretFile(fmt::format("{}/{}", folder, key_name));
  if (!key_pem.ok()) return About(key_name, key_pem.status());
  const absl::StatusOr<X509Ptr> leaf = ParseLeaf(*certificate_pem);
  if (!leaf.ok()) return About(certificate_name, leaf.status());
  absl::StatusOr<CertificateFacts> facts = FactsOf(leaf->get());
  if (!facts.ok()) return About(certificate_name, facts.status());
  const KeyPtr key = ReadPrivateKey(*key_pem);
  if (key == nullptr) {
    return About(key_name, Error(absl::StatusCode::kFailedPrecondition, Reason::kConfigInvalid,
                                 "The private key cannot be read",
                                 "It is damaged, cut off, or protected by a passphrase",
                                 "Put the file back from its source"));
  }
  // The first compares public halves only: a damaged secret half would fail in each handshake.
  if (X509_check_private_key(leaf->get(), key.get()) != 1 || !IsWholePair(key.get())) {
    (void)TakeOpensslError();
    return About(key_name,
                 Error(absl::StatusCode::kFailedPrecondition, Reason::kKeyMismatch,
                       fmt::format("The private key does not belong to {}", certificate_name),
                       "The two files come from different pairs, or the key is damaged",
                       "Put both files of one pair into the folder"));
  }
  return Pair{*std::move(certificate_pem), *std::move(key_pem), *std::move(facts)};
}

absl::Status CheckName(const UnitIdentity& found, const UnitIdentity& expected, const char* file) {
  if (found == expected) return absl::OkStatus();
  const std::string self = expected.officer.has_value()
                               ? fmt::format("this is {}", NameText(expected))
                               : fmt::format("this node is {}", expected.unit);
  return Error(absl::StatusCode::kInvalidArgument, Reason::kCertificateWrongName,
               fmt::format("{}: This certificate is for {}, {}", file, NameText(found), self),
               "A node works only under its own name",
               "Nothing was changed. Ask for a certificate in the right name");
}

absl::Status CheckPair(const Pair& pair, const Trust& trust, const UnitIdentity& expected,
                       PeerRole role, const char* file, std::int64_t now_s) {
  // The name first: for a certificate of another unit every other fault is beside the point.
  if (absl::Status name = CheckName(pair.facts.identity, expected, file); !name.ok()) return name;
  const absl::StatusOr<Judgement> judgement =
      trust.Judge(pair.certificate_pem, {}, role, now_s, CrlRule::kOnlyRevoked);
  return judgement.ok() ? absl::OkStatus() : About(file, judgement.status());
}

}  // namespace

absl::StatusOr<TlsFiles> CheckTlsFiles(const std::string& folder, const Trust& trust,
                                       const UnitIdentity& expected, std::int64_t now_s) {
  absl::StatusOr<Pair> pair = ReadPair(folder, kTlsCertificateName, kTlsKeyName);
  if (!pair.ok()) return pair.status();
  absl::Status fit =
      CheckPair(*pair, trust, expected, PeerRole::kClient, kTlsCertificateName, now_s);
  if (fit.ok() && !expected.officer.has_value()) {
    fit = CheckPair(*pair, trust, expected, PeerRole::kServer, kTlsCertificateName, now_s);
  }
  if (!fit.ok()) return fit;
  return TlsFiles{std::move(pair->certificate_pem), std::move(pair->key_pem),
                  std::move(pair->facts)};
}

absl::StatusOr<SigningFiles> CheckSigningFiles(const std::string& folder, const Trust& trust,
                                               const UnitIdentity& expected, std::int64_t now_s) {
  absl::StatusOr<Pair> pair = ReadPair(folder, kSigningCertificateName, kSigningKeyName);
  if (!pair.ok()) return pair.status();
  absl::Status fit =
      CheckPair(*pair, trust, expected, PeerRole::kSigner, kSigningCertificateName, now_s);
  if (!fit.ok()) return fit;
  absl::StatusOr<SigningKey> key = SigningKey::FromPem(pair->key_pem);
  if (!key.ok()) return About(kSigningKeyName, key.status());
  return SigningFiles{std::move(pair->certificate_pem), *std::move(key), std::move(pair->facts)};
}

absl::StatusOr<NodeFiles> CheckNodeFiles(const std::string& folder, const Trust& trust,
                                         std::string_view unit, std::int64_t now_s) {
  const absl::StatusOr<UnitIdentity> expected = MakeIdentity(unit);
  if (!expected.ok()) return expected.status();
  absl::StatusOr<TlsFiles> tls = CheckTlsFiles(folder, trust, *expected, now_s);
  if (!tls.ok()) return tls.status();
  absl::StatusOr<SigningFiles> signing = CheckSigningFiles(folder, trust, *expected, now_s);
  if (!signing.ok()) return signing.status();
  return NodeFiles{*std::move(tls), *std::move(signing)};
}

OwnCertificate ExplainOwnCertificate(const std::string& folder, const Trust* trust,
                                     std::int64_t now_s) {
  OwnCertificate own;
  const absl::StatusOr<Pair> pair = ReadPair(folder, kTlsCertificateName, kTlsKeyName);
  own.status = pair.status();
  if (pair.ok()) {
    own.not_after_s = pair->facts.not_after_s;
    own.days_left = DaysLeft(own.not_after_s, now_s);
    own.warning_days = ExpiryWarningDays(own.days_left);
    if (trust != nullptr) {
      own.status =
          trust->Judge(pair->certificate_pem, {}, PeerRole::kClient, now_s, CrlRule::kOnlyRevoked)
              .status();
    } else if (now_s >= pair->facts.not_after_s || now_s < pair->facts.not_before_s) {
      const bool over = now_s >= pair->facts.not_after_s;
      own.status = Error(absl::StatusCode::kUnauthenticated,
                         over ? Reason::kCertificateExpired : Reason::kCertificateNotYetValid,
                         over ? "The certificate has expired" : "The certificate is not valid yet",
                         fmt::format("It is valid from {} to {}; this machine's clock says {}",
                                     UtcText(pair->facts.not_before_s),
                                     UtcText(pair->facts.not_after_s), UtcText(now_s)),
                         over ? "Renew it: tripointd ca issue" : "Check this machine's clock");
    }
  }
  if (own.status.ok()) {
    own.text = fmt::format(
        "Your own certificate ({}) is valid for {} more days. The other side may hold a list that "
        "revokes it, lack your country's root, or not be paired with you.",
        NameText(pair->facts.identity), own.days_left);
  } else {
    const contract::Problem problem = contract::ProblemOf(own.status);
    own.text =
        fmt::format("Your own certificate: {}. {}. {}.", problem.what, problem.why, problem.next);
  }
  return own;
}

int ExpiryWarningDays(std::int64_t days_left) {
  for (const int days : {1, 7, 14, 30}) {
    if (days_left <= days) return days;
  }
  return 0;
}

}  // namespace tripoint::certs
