// The roots folder as somebody brings it: roots, revocation lists, and a certificate that is judged
// by them. As texts, and as the bytes within them, which are put into their armour here. See
// fuzz.h.
#include <openssl/pem.h>

#include <memory>
#include <utility>

#include "certs/authority.h"
#include "certs/openssl.h"
#include "certs/signing_key.h"
#include "certs/trust.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/shared_memory.h"

namespace tripoint::fuzz {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;
constexpr char kUnit[] = "vn-tayninh";
// What is compared with what was there before costs twice as much as the rest, which is OpenSSL
// reading the same roots again.
constexpr std::size_t kComparedEvery = 8;

// What an input is made of. Armoured: the first byte is odd.
struct Parts {
  std::string roots;
  std::string lists;
  std::string leaf;
};

std::string Armoured(const char* name, std::string_view bytes) {
  if (bytes.empty()) return {};
  const certs::BioPtr memory = certs::MemoryBio();
  Require(PEM_write_bio(memory.get(), name, "",
                        reinterpret_cast<const unsigned char*>(bytes.data()),
                        static_cast<long>(bytes.size())) > 0);
  return certs::TextOf(memory.get());
}

Parts PartsOf(std::string_view input) {
  Reader reader(input);
  const bool armour = reader.Byte() % 2 == 1;
  const std::string_view roots = reader.Bytes(reader.Word());
  const std::string_view lists = reader.Bytes(reader.Word());
  const std::string_view leaf = reader.Rest();
  if (!armour) return {std::string(roots), std::string(lists), std::string(leaf)};
  return {Armoured("CERTIFICATE", roots), Armoured("X509 CRL", lists),
          Armoured("CERTIFICATE", leaf)};
}

std::string Written(bool armoured, std::string_view roots, std::string_view lists,
                    std::string_view leaf) {
  std::string input(1, armoured ? '\1' : '\0');
  for (const std::string_view part : {roots, lists}) {
    input.push_back(static_cast<char>(part.size() >> 8));
    input.push_back(static_cast<char>(part.size() & 0xff));
    input += part;
  }
  return input.append(leaf);
}

// The bytes of the only block of a PEM text.
std::string Bare(std::string_view pem) {
  const certs::BioPtr memory = certs::ReadBio(pem);
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* bytes = nullptr;
  long size = 0;
  Require(PEM_read_bio(memory.get(), &name, &header, &bytes, &size) == 1);
  std::string bare(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(name);
  OPENSSL_free(header);
  OPENSSL_free(bytes);
  return bare;
}

void Judge(const certs::Trust& trust, const std::string& leaf) {
  for (const auto role :
       {certs::PeerRole::kClient, certs::PeerRole::kServer, certs::PeerRole::kSigner}) {
    const auto judged = trust.Judge(leaf, leaf, role, kNow);
    if (!judged.ok()) continue;
    Require(judged->identity.country == "vn" && judged->identity.unit.starts_with("vn-"));
    Require(judged->not_after_s > kNow && judged->good_from_s <= kNow &&
            kNow < judged->good_until_s);
  }
  (void)certs::SignatureVerifier::FromCertificate(leaf, trust, kUnit, kNow);
}

}  // namespace

std::vector<std::string> Seeds() {
  const MemoryFolder folder;
  auto authority = certs::Authority::Init(folder / "ca", "vn", kNow);
  Require(authority.ok());
  const auto identity = certs::MakeIdentity(kUnit);
  const auto node = authority->Issue(certs::CertificateKind::kNode, *identity, 0, kNow);
  const auto signing = authority->Issue(certs::CertificateKind::kSigning, *identity, 0, kNow);
  Require(node.ok() && signing.ok());
  const std::string& roots = authority->root_pem();
  std::vector<std::string> seeds;
  const auto add = [&](const std::string& leaf) {
    seeds.push_back(Written(false, roots, authority->crl_pem(), leaf));
    seeds.push_back(Written(true, Bare(roots), Bare(authority->crl_pem()), Bare(leaf)));
  };
  add(node->certificate_pem);
  seeds.push_back(Written(false, roots, "", node->certificate_pem));
  seeds.push_back(Written(false, roots + roots, authority->crl_pem(), ""));
  Require(authority->Revoke(node->serial, kNow).ok());
  add(node->certificate_pem);
  add(signing->certificate_pem);
  return seeds;
}

void TakeInput(std::string_view input) {
  const Parts parts = PartsOf(input);
  const std::vector<certs::CountryFiles> files = {{"vn", parts.roots, parts.lists}};
  const auto trust = certs::MakeTrust(files, {}, kNow, nullptr);
  if (!trust.ok()) return;
  Require((*trust)->Knows("vn") && !(*trust)->Knows("la"));
  Require((*trust)->RootsPemOf("vn") == parts.roots);
  Require(((*trust)->StateOfCrl("vn", kNow) == certs::CrlState::kNone) == parts.lists.empty());
  Judge(**trust, parts.leaf);
  std::size_t sum = 0;
  for (const char byte : input) sum += static_cast<std::uint8_t>(byte);
  if (sum % kComparedEvery != 0) return;
  // The same again is no older.
  const auto again = certs::MakeTrust(files, {}, kNow, trust->get());
  Require(again.ok() && (*again)->SameFilesAs(**trust) &&
          (*again)->epoch() == (*trust)->epoch() + 1);
  // To take the lists away is going back.
  const auto without = certs::MakeTrust({{"vn", parts.roots, ""}}, {}, kNow, trust->get());
  Require(without.ok() == parts.lists.empty());
}

}  // namespace tripoint::fuzz
