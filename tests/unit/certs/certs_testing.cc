// Countries, nodes and lying certificates: see certs_testing.h.
#include "certs_testing.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include "certs/files.h"

namespace tripoint::certs {
namespace {

KeyPtr KeyOf(const Lie& lie) {
  if (lie.ed25519_point.empty()) return lie.ed25519 ? NewEd25519Key() : NewP256Key();
  return KeyPtr(EVP_PKEY_new_raw_public_key(
      EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(lie.ed25519_point.data()),
      lie.ed25519_point.size()));
}

TestPair Sign(const Lie& lie, X509* issuer, EVP_PKEY* issuer_key) {
  CertificateSpec spec;
  spec.country = lie.country.empty() ? "VN" : lie.country;
  spec.organization = lie.unit;
  spec.common_name = lie.common_name.empty() ? "node" : lie.common_name;
  spec.not_before_s = lie.not_before_s;
  spec.not_after_s = lie.not_after_s;
  std::vector<std::string> names = lie.names;
  if (names.empty())
    names.push_back("URI:spiffe://" + lie.unit.substr(0, 2) + ".tripoint/unit/" + lie.unit);
  spec.extensions = lie.extensions.empty() ? LeafExtensions(names, lie.usages) : lie.extensions;
  const KeyPtr key = KeyOf(lie);
  const absl::StatusOr<X509Ptr> made =
      MakeCertificate(spec, key.get(), issuer, issuer_key == nullptr ? key.get() : issuer_key);
  EXPECT_TRUE(made.ok()) << made.status();
  if (!made.ok()) return {};
  return {ToPem(made->get()), lie.ed25519_point.empty() ? ToPem(key.get()) : std::string()};
}

TestPair PairOf(const absl::StatusOr<Issued>& issued) {
  EXPECT_TRUE(issued.ok()) << issued.status();
  return issued.ok() ? TestPair{issued->certificate_pem, issued->key_pem} : TestPair{};
}

}  // namespace

TempFolder::TempFolder() {
  std::string name = testing::TempDir() + "/certs.XXXXXX";
  EXPECT_NE(mkdtemp(name.data()), nullptr);
  path_ = name;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

TestCountry::TestCountry(std::string_view country, std::int64_t now_s) {
  absl::StatusOr<Authority> made = Authority::Init(folder_ / "ca", country, now_s);
  EXPECT_TRUE(made.ok()) << made.status();
  authority_ = std::make_unique<Authority>(*std::move(made));
  root_ = std::move(ReadCertificates(authority_->root_pem(), 1).front());
  key_ = ReadPrivateKey(*ReadSecretFile(folder_ / "ca/root.key"));
}

TestPair TestCountry::Node(std::string_view unit, std::int64_t now_s, int days) {
  return PairOf(authority_->Issue(CertificateKind::kNode, *MakeIdentity(unit), days, now_s));
}

TestPair TestCountry::Officer(std::string_view unit, std::string_view officer, std::int64_t now_s) {
  return PairOf(
      authority_->Issue(CertificateKind::kOfficer, *MakeIdentity(unit, officer), 0, now_s));
}

TestPair TestCountry::Signing(std::string_view unit, std::int64_t now_s, int days) {
  return PairOf(authority_->Issue(CertificateKind::kSigning, *MakeIdentity(unit), days, now_s));
}

TestPair TestCountry::Forge(const Lie& lie) const { return Sign(lie, root_.get(), key_.get()); }

CountryFiles TestCountry::Files() const {
  return {authority_->country(), authority_->root_pem(), authority_->crl_pem()};
}

UnconstrainedCountry::UnconstrainedCountry(std::string_view country, std::int64_t now_s)
    : country_(country), key_(NewP256Key()) {
  CertificateSpec spec;
  spec.country = country == "kh" ? "KH" : country == "la" ? "LA" : "VN";
  spec.common_name = "unconstrained authority";
  spec.not_before_s = now_s - 600;
  spec.not_after_s = now_s + 365 * kDayS;
  spec.extensions =
      "[extensions]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
      "subjectKeyIdentifier=hash\n";
  root_ = *MakeCertificate(spec, key_.get(), nullptr, key_.get());
}

TestPair UnconstrainedCountry::Forge(const Lie& lie) const {
  return Sign(lie, root_.get(), key_.get());
}

CountryFiles UnconstrainedCountry::Files() const { return {country_, ToPem(root_.get()), {}}; }

TestPair SelfSigned(const Lie& lie) {
  Lie self = lie;
  self.extensions =
      "[extensions]\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
      "extendedKeyUsage=serverAuth,clientAuth\nsubjectKeyIdentifier=hash\n"
      "subjectAltName=URI:spiffe://" +
      lie.unit.substr(0, 2) + ".tripoint/unit/" + lie.unit + "\n";
  return Sign(self, nullptr, nullptr);
}

void WriteText(const std::string& path, std::string_view text, unsigned mode) {
  std::ofstream(path, std::ios::trunc) << text;
  EXPECT_EQ(chmod(path.c_str(), mode), 0);
}

void WritePair(const std::string& folder, std::string_view stem, const TestPair& pair) {
  std::filesystem::create_directories(folder);
  WriteText(folder + "/" + std::string(stem) + ".pem", pair.certificate_pem);
  WriteText(folder + "/" + std::string(stem) + ".key", pair.key_pem, 0600);
}

unsigned ModeOf(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777U;
}

std::shared_ptr<const Trust> TrustOf(const std::vector<CountryFiles>& files,
                                     const TrustPolicy& policy, std::int64_t now_s) {
  absl::StatusOr<std::shared_ptr<const Trust>> trust = MakeTrust(files, policy, now_s, nullptr);
  EXPECT_TRUE(trust.ok()) << trust.status();
  return trust.ok() ? *trust : nullptr;
}

std::string ReasonOf(const absl::Status& status) {
  return status.ok() ? "OK" : std::string(contract::ReasonCode(contract::ReasonOf(status)));
}

}  // namespace tripoint::certs
