// Ownership and conversions for OpenSSL: see openssl.h. Any thread.
#include "certs/openssl.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <ctime>
#include <limits>

#include "absl/time/time.h"

namespace tripoint::certs {
namespace {

// Answers every question for a passphrase with none: a daemon must never wait on a terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

template <typename Pointer, typename Reader>
std::vector<Pointer> ReadAll(std::string_view pem, std::size_t count_max, Reader reader) {
  std::vector<Pointer> all;
  const BioPtr bio = ReadBio(pem);
  while (bio != nullptr) {
    Pointer one(reader(bio.get(), nullptr, &NoPassphrase, nullptr));
    if (one == nullptr) {
      // "No start line" is the ordinary end; anything else is a damaged block, which spoils the
      // whole text.
      const bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
      ERR_clear_error();
      if (!ended) all.clear();
      return all;
    }
    if (all.size() == count_max) {
      all.clear();
      return all;
    }
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace

BioPtr ReadBio(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

BioPtr MemoryBio() { return BioPtr(BIO_new(BIO_s_mem())); }

std::string TextOf(BIO* memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

std::vector<X509Ptr> ReadCertificates(std::string_view pem, std::size_t count_max) {
  return ReadAll<X509Ptr>(pem, count_max, &PEM_read_bio_X509);
}

std::vector<CrlPtr> ReadCrls(std::string_view pem, std::size_t count_max) {
  return ReadAll<CrlPtr>(pem, count_max, &PEM_read_bio_X509_CRL);
}

KeyPtr ReadPrivateKey(std::string_view pem) {
  const BioPtr bio = ReadBio(pem);
  KeyPtr key(bio == nullptr ? nullptr
                            : PEM_read_bio_PrivateKey(bio.get(), nullptr, &NoPassphrase, nullptr));
  ERR_clear_error();
  return key;
}

std::string ToPem(X509* certificate) {
  const BioPtr bio = MemoryBio();
  PEM_write_bio_X509(bio.get(), certificate);
  return TextOf(bio.get());
}

std::string ToPem(X509_CRL* crl) {
  const BioPtr bio = MemoryBio();
  PEM_write_bio_X509_CRL(bio.get(), crl);
  return TextOf(bio.get());
}

std::string ToPem(EVP_PKEY* private_key) {
  const BioPtr bio = MemoryBio();
  PEM_write_bio_PKCS8PrivateKey(bio.get(), private_key, nullptr, nullptr, 0, nullptr, nullptr);
  return TextOf(bio.get());
}

std::int64_t UnixSeconds(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1)
    return std::numeric_limits<std::int64_t>::min();
  return timegm(&parts);
}

std::string SerialHex(const ASN1_INTEGER* serial) {
  const std::unique_ptr<BIGNUM, Freer<BN_free>> number(ASN1_INTEGER_to_BN(serial, nullptr));
  if (number == nullptr) return {};
  std::string bytes(static_cast<std::size_t>(BN_num_bytes(number.get())), '\0');
  BN_bn2bin(number.get(), reinterpret_cast<unsigned char*>(bytes.data()));
  return Hex(bytes);
}

std::string Hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const unsigned value = static_cast<unsigned char>(c);
    text.push_back(kDigits[value >> 4U]);
    text.push_back(kDigits[value & 15U]);
  }
  return text;
}

std::string Sha256(std::string_view bytes) {
  std::string digest(32, '\0');
  unsigned int size = 0;
  EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), &size,
             EVP_sha256(), nullptr);
  return digest;
}

std::string UtcText(std::int64_t unix_s) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(unix_s), absl::UTCTimeZone());
}

std::string TakeOpensslError() {
  char text[256] = "";
  ERR_error_string_n(ERR_peek_last_error(), text, sizeof(text));
  ERR_clear_error();
  return text;
}

}  // namespace tripoint::certs
