// The crafting of certificates and lists: see certificate_maker.h. Any thread.
#include "certs/certificate_maker.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cctype>
#include <limits>

#include "proto/contract/error.h"

namespace tripoint::certs {
namespace {

using IntegerPtr = std::unique_ptr<ASN1_INTEGER, Freer<ASN1_INTEGER_free>>;
using NumberPtr = std::unique_ptr<BIGNUM, Freer<BN_free>>;
using NamePtr = std::unique_ptr<X509_NAME, Freer<X509_NAME_free>>;
using TimePtr = std::unique_ptr<ASN1_TIME, Freer<ASN1_TIME_free>>;
using RevokedPtr = std::unique_ptr<X509_REVOKED, Freer<X509_REVOKED_free>>;

absl::Status Failed(std::string_view action) {
  return contract::Error(absl::StatusCode::kInternal, contract::Reason::kInternal,
                         fmt::format("{} failed", action), TakeOpensslError(),
                         "Report this with the version of the node");
}

IntegerPtr RandomSerial() {
  unsigned char bytes[16];
  if (RAND_bytes(bytes, sizeof(bytes)) != 1) return nullptr;
  bytes[0] |= 0x40U;  // never zero and always 16 bytes, so that serials look alike in lists
  bytes[0] &= 0x7fU;  // positive in ASN.1 without a 17th byte
  const NumberPtr number(BN_bin2bn(bytes, sizeof(bytes), nullptr));
  return IntegerPtr(BN_to_ASN1_INTEGER(number.get(), nullptr));
}

ConfPtr ParseConf(std::string_view text) {
  const BioPtr bio = ReadBio(text);
  ConfPtr conf(NCONF_new(nullptr));
  long line = 0;
  if (conf != nullptr && NCONF_load_bio(conf.get(), bio.get(), &line) != 1) conf.reset();
  return conf;
}

bool AddName(X509_NAME* name, const char* field, const std::string& value) {
  return value.empty() ||
         X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(value.data()),
                                    static_cast<int>(value.size()), -1, 0) == 1;
}

// Ed25519 brings its own digest and refuses another.
const EVP_MD* DigestFor(EVP_PKEY* key) {
  return EVP_PKEY_get_id(key) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
}

}  // namespace

KeyPtr NewP256Key() { return KeyPtr(EVP_EC_gen("P-256")); }

KeyPtr NewEd25519Key() { return KeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")); }

std::string RootExtensions(std::string_view country) {
  std::string upper(country);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return std::toupper(c); });
  // pathlen:0: no authority below this one. URI: exactly the host of the country's names. One
  // permitted mailbox that cannot exist forbids every other: OpenSSL does not honour an empty
  // excluded e-mail (platform.md T8).
  return fmt::format(
      "[extensions]\n"
      "basicConstraints=critical,CA:TRUE,pathlen:0\n"
      "keyUsage=critical,keyCertSign,cRLSign\n"
      "subjectKeyIdentifier=hash\n"
      "nameConstraints=critical,@constraints\n"
      "[constraints]\n"
      "permitted;DNS.0={0}.tripoint\n"
      "permitted;URI.0={0}.tripoint\n"
      "permitted;dirName.0=subject\n"
      "permitted;email.0=nobody@none.invalid\n"
      "excluded;IP.0=0.0.0.0/0.0.0.0\n"
      "excluded;IP.1=0:0:0:0:0:0:0:0/0:0:0:0:0:0:0:0\n"
      "[subject]\n"
      "C={1}\n",
      country, upper);
}

std::string LeafExtensions(const std::vector<std::string>& names,
                           const std::vector<std::string>& usages) {
  return fmt::format(
      "[extensions]\n"
      "basicConstraints=critical,CA:FALSE\n"
      "keyUsage=critical,digitalSignature\n"
      "extendedKeyUsage=critical,{}\n"
      "subjectAltName={}\n"
      "subjectKeyIdentifier=hash\n"
      "authorityKeyIdentifier=keyid:always\n",
      fmt::join(usages, ","), fmt::join(names, ","));
}

absl::StatusOr<X509Ptr> MakeCertificate(const CertificateSpec& spec, EVP_PKEY* subject_key,
                                        X509* issuer, EVP_PKEY* issuer_key) {
  X509Ptr certificate(X509_new());
  const IntegerPtr serial = RandomSerial();
  const NamePtr subject(X509_NAME_new());
  if (certificate == nullptr || serial == nullptr || subject == nullptr || subject_key == nullptr) {
    return Failed("Making a certificate");
  }
  const bool filled =
      X509_set_version(certificate.get(), 2) == 1 &&
      X509_set_serialNumber(certificate.get(), serial.get()) == 1 &&
      AddName(subject.get(), "C", spec.country) && AddName(subject.get(), "O", spec.organization) &&
      AddName(subject.get(), "CN", spec.common_name) &&
      X509_set_subject_name(certificate.get(), subject.get()) == 1 &&
      X509_set_issuer_name(certificate.get(),
                           issuer == nullptr ? subject.get() : X509_get_subject_name(issuer)) ==
          1 &&
      ASN1_TIME_set(X509_getm_notBefore(certificate.get()), spec.not_before_s) != nullptr &&
      ASN1_TIME_set(X509_getm_notAfter(certificate.get()), spec.not_after_s) != nullptr &&
      X509_set_pubkey(certificate.get(), subject_key) == 1;
  if (!filled) return Failed("Filling a certificate");

  const ConfPtr conf = ParseConf(spec.extensions);
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer == nullptr ? certificate.get() : issuer, certificate.get(),
                 nullptr, nullptr, 0);
  X509V3_set_nconf(&context, conf.get());
  if (conf == nullptr ||
      X509V3_EXT_add_nconf(conf.get(), &context, "extensions", certificate.get()) != 1) {
    return Failed("Adding the extensions of a certificate");
  }
  if (X509_sign(certificate.get(), issuer_key, DigestFor(issuer_key)) <= 0)
    return Failed("Signing a certificate");
  return certificate;
}

absl::StatusOr<CrlPtr> MakeCrl(const std::vector<RevokedSerial>& revoked, std::int64_t number,
                               std::int64_t now_s, std::int64_t next_update_s, X509* issuer,
                               EVP_PKEY* issuer_key) {
  CrlPtr crl(X509_CRL_new());
  const TimePtr last(ASN1_TIME_set(nullptr, now_s));
  const TimePtr next(ASN1_TIME_set(nullptr, next_update_s));
  if (crl == nullptr || last == nullptr || next == nullptr ||
      X509_CRL_set_version(crl.get(), 1) != 1 ||
      X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(issuer)) != 1 ||
      X509_CRL_set1_lastUpdate(crl.get(), last.get()) != 1 ||
      X509_CRL_set1_nextUpdate(crl.get(), next.get()) != 1) {
    return Failed("Making a revocation list");
  }
  for (const RevokedSerial& one : revoked) {
    BIGNUM* raw = nullptr;
    const bool parsed = BN_hex2bn(&raw, one.serial.c_str()) > 0;
    const NumberPtr value(raw);
    const IntegerPtr serial(parsed ? BN_to_ASN1_INTEGER(value.get(), nullptr) : nullptr);
    const TimePtr time(ASN1_TIME_set(nullptr, one.revoke_time_s));
    RevokedPtr entry(X509_REVOKED_new());
    if (serial == nullptr || time == nullptr || entry == nullptr ||
        X509_REVOKED_set_serialNumber(entry.get(), serial.get()) != 1 ||
        X509_REVOKED_set_revocationDate(entry.get(), time.get()) != 1 ||
        X509_CRL_add0_revoked(crl.get(), entry.get()) != 1) {
      return Failed("Adding to a revocation list");
    }
    (void)entry.release();  // the list owns it now
  }
  const IntegerPtr crl_number(ASN1_INTEGER_new());
  if (crl_number == nullptr || ASN1_INTEGER_set_int64(crl_number.get(), number) != 1 ||
      X509_CRL_add1_ext_i2d(crl.get(), NID_crl_number, crl_number.get(), 0, 0) != 1) {
    return Failed("Numbering a revocation list");
  }
  const ConfPtr conf = ParseConf("[extensions]\nauthorityKeyIdentifier=keyid:always\n");
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, nullptr, nullptr, crl.get(), 0);
  X509V3_set_nconf(&context, conf.get());
  if (conf == nullptr ||
      X509V3_EXT_CRL_add_nconf(conf.get(), &context, "extensions", crl.get()) != 1 ||
      X509_CRL_sort(crl.get()) != 1 ||
      X509_CRL_sign(crl.get(), issuer_key, DigestFor(issuer_key)) <= 0) {
    return Failed("Signing a revocation list");
  }
  return crl;
}

std::int64_t CrlNumber(const X509_CRL* crl) {
  const IntegerPtr number(
      static_cast<ASN1_INTEGER*>(X509_CRL_get_ext_d2i(crl, NID_crl_number, nullptr, nullptr)));
  std::int64_t value = -1;
  if (number == nullptr || ASN1_INTEGER_get_int64(&value, number.get()) != 1) return -1;
  return value < 0 || value > (std::int64_t{1} << 62U) ? -1 : value;
}

}  // namespace tripoint::certs
