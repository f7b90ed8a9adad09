// Strict reading of one certificate: see certificate.h. Pure; any thread.
#include "certs/certificate.h"

#include <fmt/format.h>
#include <openssl/asn1.h>
#include <openssl/objects.h>

#include "proto/contract/error.h"

namespace tripoint::certs {
namespace {

using contract::Error;
using contract::Reason;

using NamesPtr = std::unique_ptr<GENERAL_NAMES, Freer<GENERAL_NAMES_free>>;
using UsagesPtr = std::unique_ptr<EXTENDED_KEY_USAGE, Freer<EXTENDED_KEY_USAGE_free>>;
using ObjectPtr = std::unique_ptr<ASN1_OBJECT, Freer<ASN1_OBJECT_free>>;

absl::Status Malformed(std::string why) {
  return Error(absl::StatusCode::kInvalidArgument, Reason::kCertificateMalformed,
               "The certificate cannot be read or has a forbidden form", std::move(why),
               "Ask the authority of that country for a certificate made by `tripointd ca issue`");
}

absl::StatusOr<UnitIdentity> SoleIdentity(X509* leaf) {
  // With a null index OpenSSL gives nothing when the extension stands twice: a second list could
  // hide a second name.
  int critical = 0;
  const NamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(leaf, NID_subject_alt_name, &critical, nullptr)));
  if (names == nullptr) return Malformed("It has no list of names, or more than one");
  std::string uri;
  int uris = 0;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_URI) {
      ++uris;
      const ASN1_IA5STRING* text = name->d.uniformResourceIdentifier;
      // By length, so that a zero byte cannot end the name early for us and late for somebody else.
      uri.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                 static_cast<std::size_t>(ASN1_STRING_length(text)));
    } else if (name->type != GEN_DNS) {
      return Malformed("It carries a name that is neither a URI nor a DNS name");
    }
  }
  if (uris != 1)
    return Malformed(fmt::format("It must carry exactly one URI, it carries {}", uris));
  return ParseUri(uri);
}

absl::Status ReadUsages(X509* leaf, CertificateFacts* facts) {
  const UsagesPtr usages(static_cast<EXTENDED_KEY_USAGE*>(
      X509_get_ext_d2i(leaf, NID_ext_key_usage, nullptr, nullptr)));
  const ObjectPtr signing(OBJ_txt2obj(kSigningUsageOid, 1));
  if (usages == nullptr)
    return Malformed("It does not say what it may be used for (extended key usage)");
  for (int i = 0; i < sk_ASN1_OBJECT_num(usages.get()); ++i) {
    const ASN1_OBJECT* usage = sk_ASN1_OBJECT_value(usages.get(), i);
    const int nid = OBJ_obj2nid(usage);
    if (nid == NID_anyExtendedKeyUsage)
      return Malformed("It may be used for anything, which is not allowed");
    facts->client_usage |= nid == NID_client_auth;
    facts->server_usage |= nid == NID_server_auth;
    facts->signing_usage |= OBJ_cmp(usage, signing.get()) == 0;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<X509Ptr> ParseLeaf(std::string_view pem) {
  if (pem.size() > kLeafBytesMax)
    return Malformed(fmt::format("It is larger than {} bytes", kLeafBytesMax));
  std::vector<X509Ptr> all = ReadCertificates(pem, 1);
  if (all.empty()) return Malformed("The text is not exactly one readable PEM certificate");
  return std::move(all.front());
}

absl::StatusOr<CertificateFacts> FactsOf(X509* leaf) {
  if (X509_get_version(leaf) != 2) return Malformed("It is not an X.509 version 3 certificate");
  const std::uint32_t flags = X509_get_extension_flags(leaf);
  if ((flags & (EXFLAG_INVALID | EXFLAG_CRITICAL)) != 0) {
    return Malformed("It has a broken extension, or a critical one that nobody here understands");
  }
  if (X509_check_ca(leaf) != 0)
    return Malformed("It belongs to an authority; a unit's certificate may not sign others");
  CertificateFacts facts;
  absl::StatusOr<UnitIdentity> identity = SoleIdentity(leaf);
  if (!identity.ok()) return identity.status();
  facts.identity = *std::move(identity);
  if (absl::Status usages = ReadUsages(leaf, &facts); !usages.ok()) return usages;
  facts.serial = SerialHex(X509_get0_serialNumber(leaf));
  facts.not_before_s = UnixSeconds(X509_get0_notBefore(leaf));
  facts.not_after_s = UnixSeconds(X509_get0_notAfter(leaf));
  return facts;
}

absl::StatusOr<CertificateFacts> ReadFacts(std::string_view pem) {
  const absl::StatusOr<X509Ptr> leaf = ParseLeaf(pem);
  return leaf.ok() ? FactsOf(leaf->get()) : leaf.status();
}

std::string Describe(const CertificateFacts& facts, std::int64_t now_s) {
  std::string use;
  if (facts.server_usage) use += " node (dials and is dialled)";
  if (facts.client_usage && !facts.server_usage) use += " caller only";
  if (facts.signing_usage) use += " signs heads and receipts, never a connection";
  std::string state = fmt::format("{} days left", DaysLeft(facts.not_after_s, now_s));
  if (now_s > facts.not_after_s) state = "EXPIRED";
  if (now_s < facts.not_before_s) state = "NOT YET VALID";
  return fmt::format("name    {}\nuse    {}\nvalid   {} to {} ({})\nserial  {}\n",
                     FormatUri(facts.identity), use, UtcText(facts.not_before_s),
                     UtcText(facts.not_after_s), state, facts.serial);
}

std::int64_t DaysLeft(std::int64_t not_after_s, std::int64_t now_s) {
  const std::int64_t left_s = not_after_s - now_s;
  return left_s >= 0 ? left_s / kDayS : -((-left_s + kDayS - 1) / kDayS);
}

}  // namespace tripoint::certs
