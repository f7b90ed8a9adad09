// Ownership of OpenSSL's objects and the few conversions that every file of certs/ needs.
//
// Internal to certs/ (and its tests). Any thread.
#pragma once

#include <openssl/bio.h>
#include <openssl/conf.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tripoint::certs {

template <auto kFree>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
inline void FreeBio(BIO* bio) { BIO_free(bio); }

using BioPtr = std::unique_ptr<BIO, Freer<FreeBio>>;
using ConfPtr = std::unique_ptr<CONF, Freer<NCONF_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using X509Ptr = std::unique_ptr<X509, Freer<X509_free>>;
using CrlPtr = std::unique_ptr<X509_CRL, Freer<X509_CRL_free>>;
using StorePtr = std::unique_ptr<X509_STORE, Freer<X509_STORE_free>>;

// A read-only BIO over `text`, which must outlive it.
BioPtr ReadBio(std::string_view text);
BioPtr MemoryBio();
std::string TextOf(BIO* memory);

// All certificates (or lists) in a PEM text, in order; at most `count_max`. Nothing else may stand
// between them but text outside of PEM blocks. Empty result: none, too many, or one that cannot be
// parsed.
std::vector<X509Ptr> ReadCertificates(std::string_view pem, std::size_t count_max);
std::vector<CrlPtr> ReadCrls(std::string_view pem, std::size_t count_max);
// A private key without a passphrase; null if it cannot be read. Never asks on a terminal.
KeyPtr ReadPrivateKey(std::string_view pem);

std::string ToPem(X509* certificate);
std::string ToPem(X509_CRL* crl);
std::string ToPem(EVP_PKEY* private_key);

// Unix seconds of an ASN.1 time. A time that cannot be read gives INT64_MIN.
std::int64_t UnixSeconds(const ASN1_TIME* time);
// Lower-case hex of a serial number, of bytes, and SHA-256 (32 raw bytes).
std::string SerialHex(const ASN1_INTEGER* serial);
std::string Hex(std::string_view bytes);
std::string Sha256(std::string_view bytes);
// `2026-11-22T02:14:35Z`.
std::string UtcText(std::int64_t unix_s);

// The text of OpenSSL's last error; empties the thread's error queue, so that it never leaks into
// gRPC's next handshake.
std::string TakeOpensslError();

}  // namespace tripoint::certs
