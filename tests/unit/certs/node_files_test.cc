// Tests of the checks that stand before a node uses its own certificate folder.
#include "certs/node_files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <random>

#include "certs/files.h"
#include "certs/openssl.h"
#include "certs_testing.h"

namespace tripoint::certs {
namespace {

class NodeFilesTest : public testing::Test {
 protected:
  NodeFilesTest() : trust_(TrustOf({vn_.Files()})) {
    WritePair(folder_.path(), "tls", vn_.Node("vn-quangngai"));
    WritePair(folder_.path(), "signing", vn_.Signing("vn-quangngai"));
  }
  absl::Status Check(std::int64_t now_s = kNow) const {
    return CheckNodeFiles(folder_.path(), *trust_, "vn-quangngai", now_s).status();
  }

  TestCountry vn_{"vn"};
  TempFolder folder_;
  std::shared_ptr<const Trust> trust_;
};

// Goal: a good folder passes and gives the checked contents.
TEST_F(NodeFilesTest, GoodFolderPasses) {
  const absl::StatusOr<NodeFiles> files =
      CheckNodeFiles(folder_.path(), *trust_, "vn-quangngai", kNow);
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_EQ(files->tls.facts.not_after_s, kNow + 90 * kDayS);
  EXPECT_EQ(files->signing.key.key_id().size(), 32U);
}

// Goal: the sentence of ux.md for a certificate of another unit, with the promise that nothing was
// changed.
TEST_F(NodeFilesTest, OtherUnitIsNamedInTheText) {
  WritePair(folder_.path(), "tls", vn_.Node("vn-gialai"));
  const contract::Problem problem = contract::ProblemOf(Check());
  EXPECT_EQ(problem.what,
            "tls.pem: This certificate is for unit vn-gialai, this node is vn-quangngai");
  EXPECT_NE(problem.next.find("Nothing was changed"), std::string::npos);
  EXPECT_EQ(ReasonOf(Check()), "CERTIFICATE_WRONG_NAME");
}

// Goal (T3): each way in which a swap could break every handshake or abort the process is caught
// before.
TEST_F(NodeFilesTest, EveryBadSwapIsCaught) {
  const TestPair good = vn_.Node("vn-quangngai");
  const TestPair other = vn_.Node("vn-quangngai");
  const auto with = [&](const std::string& certificate, const std::string& key,
                        unsigned mode = 0600) {
    WriteText(folder_ / "tls.pem", certificate);
    WriteText(folder_ / "tls.key", key, mode);
    return ReasonOf(Check());
  };
  EXPECT_EQ(with(good.certificate_pem, good.key_pem), "OK");
  EXPECT_EQ(with(good.certificate_pem, other.key_pem), "KEY_MISMATCH");
  EXPECT_EQ(with(good.certificate_pem, good.key_pem, 0644), "KEY_EXPOSED");
  EXPECT_EQ(with(good.certificate_pem, good.key_pem, 0660), "KEY_EXPOSED");
  EXPECT_EQ(with("", good.key_pem), "CONFIG_INVALID");
  EXPECT_EQ(with(good.certificate_pem, ""), "CONFIG_INVALID");
  EXPECT_EQ(with(good.certificate_pem.substr(0, 300), good.key_pem), "CERTIFICATE_MALFORMED");
  EXPECT_EQ(with(good.certificate_pem, good.key_pem.substr(0, 80)), "CONFIG_INVALID");
  EXPECT_EQ(with(good.key_pem, good.key_pem), "CERTIFICATE_MALFORMED");
  const TestPair signing = vn_.Signing("vn-quangngai");
  EXPECT_EQ(with(signing.certificate_pem, signing.key_pem), "CERTIFICATE_WRONG_USAGE");
  const TestPair caller_only = vn_.Forge({.unit = "vn-quangngai", .usages = {"clientAuth"}});
  EXPECT_EQ(with(caller_only.certificate_pem, caller_only.key_pem), "CERTIFICATE_WRONG_USAGE");
  const TestPair self = SelfSigned({.unit = "vn-quangngai"});
  EXPECT_EQ(with(self.certificate_pem, self.key_pem), "CERTIFICATE_UNTRUSTED");
  std::filesystem::remove(folder_ / "tls.pem");
  EXPECT_EQ(ReasonOf(Check()), "NOT_FOUND");
}

// Goal: dates and revocation of the own certificate, the signing pair, and an officer's folder
// without one.
TEST_F(NodeFilesTest, DatesSigningPairAndOfficer) {
  EXPECT_EQ(ReasonOf(Check(kNow + 91 * kDayS)), "CERTIFICATE_EXPIRED");
  EXPECT_EQ(ReasonOf(Check(kNow - 601)), "CERTIFICATE_NOT_YET_VALID");
  WritePair(folder_.path(), "signing", vn_.Node("vn-quangngai"));
  EXPECT_EQ(ReasonOf(Check()), "CERTIFICATE_WRONG_USAGE");
  std::filesystem::remove(folder_ / "signing.key");
  EXPECT_EQ(ReasonOf(Check()), "NOT_FOUND");
  TempFolder officer;
  WritePair(officer.path(), "tls", vn_.Officer("vn-quangngai", "huy"));
  EXPECT_TRUE(
      CheckTlsFiles(officer.path(), *trust_, *MakeIdentity("vn-quangngai", "huy"), kNow).ok());
  EXPECT_EQ(
      ReasonOf(
          CheckTlsFiles(officer.path(), *trust_, *MakeIdentity("vn-quangngai"), kNow).status()),
      "CERTIFICATE_WRONG_NAME");
}

// Goal: no error text gives away where a key lies or what is in it.
TEST_F(NodeFilesTest, TextsHoldNoPathAndNoKey) {
  std::filesystem::permissions(folder_ / "tls.key", std::filesystem::perms(0644));
  const contract::Problem problem = contract::ProblemOf(Check());
  for (const std::string& text : {problem.what, problem.why, problem.next}) {
    EXPECT_EQ(text.find(folder_.path()), std::string::npos) << text;
    EXPECT_EQ(text.find("PRIVATE KEY"), std::string::npos) << text;
  }
}

// Goal (T19): a refused dialler learns from its own files what may be wrong, with or without roots
// at hand.
TEST_F(NodeFilesTest, OwnCertificateIsExplained) {
  const OwnCertificate fine =
      ExplainOwnCertificate(folder_.path(), trust_.get(), kNow + 62 * kDayS);
  EXPECT_TRUE(fine.status.ok());
  EXPECT_EQ(fine.days_left, 28);
  EXPECT_EQ(fine.warning_days, 30);
  const OwnCertificate over =
      ExplainOwnCertificate(folder_.path(), trust_.get(), kNow + 91 * kDayS);
  EXPECT_EQ(ReasonOf(over.status), "CERTIFICATE_EXPIRED");
  EXPECT_EQ(over.days_left, -1);
  EXPECT_NE(over.text.find("has expired"), std::string::npos) << over.text;
  EXPECT_EQ(ReasonOf(ExplainOwnCertificate(folder_.path(), nullptr, kNow + 91 * kDayS).status),
            "CERTIFICATE_EXPIRED");
  const std::string serial =
      CheckNodeFiles(folder_.path(), *trust_, "vn-quangngai", kNow)->tls.facts.serial;
  ASSERT_TRUE(vn_.authority().Revoke(serial, kNow).ok());
  EXPECT_EQ(
      ReasonOf(ExplainOwnCertificate(folder_.path(), TrustOf({vn_.Files()}).get(), kNow).status),
      "CERTIFICATE_REVOKED");
  EXPECT_EQ(ReasonOf(ExplainOwnCertificate("/nonexistent", nullptr, kNow).status), "NOT_FOUND");
}

// Goal: warnings come at 30, 14, 7 and 1 days.
TEST(ExpiryWarning, StepsAreThirtyFourteenSevenOne) {
  EXPECT_EQ(ExpiryWarningDays(31), 0);
  EXPECT_EQ(ExpiryWarningDays(30), 30);
  EXPECT_EQ(ExpiryWarningDays(14), 14);
  EXPECT_EQ(ExpiryWarningDays(8), 14);
  EXPECT_EQ(ExpiryWarningDays(7), 7);
  EXPECT_EQ(ExpiryWarningDays(0), 1);
  EXPECT_EQ(ExpiryWarningDays(-5), 1);
}

// A random damage of a text: a bit, a byte, some zeroed or cut out, the end cut off.
std::string Harmed(std::string text, std::mt19937_64& random) {
  const std::size_t at = random() % text.size();
  switch (random() % 5) {
    case 0:
      text[at] = static_cast<char>(text[at] ^ (1 << random() % 8));
      break;
    case 1:
      text[at] = "ABCabc+/=09\n"[random() % 12];
      break;
    case 2:
      text.replace(at, 20, std::string(std::min<std::size_t>(20, text.size() - at), '\0'));
      break;
    case 3:
      text.erase(at, random() % 70 + 1);
      break;
    default:
      text.resize(at);
  }
  return text;
}

// The secret number of an EC key. Its encoding has parts that nothing reads.
std::string SecretOf(const std::string& pem) {
  BIGNUM* number = nullptr;
  EXPECT_EQ(EVP_PKEY_get_bn_param(ReadPrivateKey(pem).get(), "priv", &number), 1);
  std::string bytes(static_cast<std::size_t>(BN_num_bytes(number)), '\0');
  BN_bn2bin(number, reinterpret_cast<unsigned char*>(bytes.data()));
  BN_free(number);
  return bytes;
}

// Goal (D5): keys and certificates damaged at random: refused, or as they were. What is read is
// what was checked, so nothing can change after it.
TEST_F(NodeFilesTest, D5DamagedKeysAreRefusedOrHarmless) {
  std::mt19937_64 random(20'261'122);
  const NodeFiles whole = CheckNodeFiles(folder_.path(), *trust_, "vn-quangngai", kNow).value();
  const auto der = [](const std::string& pem) {
    return ToPem(ReadCertificates(pem, 1).at(0).get());
  };
  std::map<std::string, int> refused;
  for (const char* name : {"tls.pem", "tls.key", "signing.pem", "signing.key"}) {
    const std::string text = ReadSmallFile(folder_ / name).value();
    const unsigned mode = ModeOf(folder_ / name);
    for (int i = 0; i < 400; ++i) {
      const std::string harmed = Harmed(text, random);
      WriteText(folder_ / name, harmed, mode);
      const absl::StatusOr<NodeFiles> files =
          CheckNodeFiles(folder_.path(), *trust_, "vn-quangngai", kNow);
      if (!files.ok()) {
        ++refused[name];
        continue;
      }
      EXPECT_EQ(der(files->tls.certificate_pem), der(whole.tls.certificate_pem)) << harmed;
      EXPECT_EQ(der(files->signing.certificate_pem), der(whole.signing.certificate_pem)) << harmed;
      EXPECT_EQ(SecretOf(files->tls.key_pem), SecretOf(whole.tls.key_pem)) << harmed;
      EXPECT_EQ(files->signing.key.Sign("text"), whole.signing.key.Sign("text")) << harmed;
    }
    WriteText(folder_ / name, text, mode);
    EXPECT_GT(refused[name], 250) << name;
  }
}

// Goal (D5): a damaged root or revocation list is refused or judges as before; never is somebody
// believed who was not.
TEST_F(NodeFilesTest, D5DamagedRootsBelieveNobodyElse) {
  std::mt19937_64 random(20'261'122);
  const TestPair revoked = vn_.Node("vn-gialai");
  ASSERT_TRUE(vn_.authority().Revoke(ReadFacts(revoked.certificate_pem)->serial, kNow).ok());
  const TestPair stranger = UnconstrainedCountry("vn").Forge({});
  const CountryFiles whole = vn_.Files();
  int loaded = 0;
  for (int i = 0; i < 800; ++i) {
    CountryFiles files = whole;
    std::string& text = i % 2 == 0 ? files.roots_pem : files.crl_pem;
    text = Harmed(text, random);
    const auto trust = MakeTrust({files}, {}, kNow, nullptr);
    if (!trust.ok()) continue;
    ++loaded;
    for (const TestPair& pair : {revoked, stranger}) {
      EXPECT_FALSE(
          (*trust)->Judge(pair.certificate_pem, {}, PeerRole::kClient, kNow, CrlRule::kPolicy).ok())
          << text;
    }
  }
  EXPECT_LT(loaded, 400);
}

}  // namespace
}  // namespace tripoint::certs
