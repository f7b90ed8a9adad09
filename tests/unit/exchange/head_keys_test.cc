// Goal: what an earlier signing key of this unit signed is believed by its certificate, and nothing
// else is: not another unit's, another country's, a revoked one's or one that was never valid.
#include "server/exchange/head_keys.h"

#include <gtest/gtest.h>

#include "tests/unit/certs/certs_testing.h"

namespace tripoint::exchange {
namespace {

using certs::kDayS;
using certs::kNow;
using certs::TestCountry;
using certs::TestPair;

constexpr char kUnit[] = "vn-quangngai";
constexpr char kBytes[] = "the bytes of a head";

class HeadKeysTest : public ::testing::Test {
 protected:
  static std::string Sign(const TestPair& pair) {
    return certs::SigningKey::FromPem(pair.key_pem)->Sign(kBytes);
  }
  bool Believes(const TestPair& pair) { return Believes(pair.certificate_pem, Sign(pair)); }
  bool Believes(const std::string& certificate, const std::string& signature) {
    const CertificateHeadVerifier verifier(
        "la-attapeu", kUnit,
        std::make_shared<certs::TrustCache>(certs::TrustOf({vn_.Files(), la_.Files()}, {}, now_s_)),
        [this] { return now_s_; });
    return verifier.VerifyOwn(certificate, kBytes, signature);
  }

  TestCountry vn_{"vn", kNow - 500 * kDayS};
  TestCountry la_{"la", kNow - 500 * kDayS};
  std::int64_t now_s_ = kNow;
};

TEST_F(HeadKeysTest, AnEarlierKeyOfThisUnitIsBelieved) {
  EXPECT_TRUE(Believes(vn_.Signing(kUnit)));
  // Over for long: a head holds no time, and a disk may be lost at any age of a key.
  EXPECT_TRUE(Believes(vn_.Signing(kUnit, kNow - 400 * kDayS, 30)));
  // A list that nobody renewed takes nothing back.
  now_s_ += 90 * kDayS;
  EXPECT_TRUE(Believes(vn_.Signing(kUnit)));
}

TEST_F(HeadKeysTest, NothingElseIs) {
  const TestPair own = vn_.Signing(kUnit);
  EXPECT_FALSE(Believes(own.certificate_pem, Sign(vn_.Signing(kUnit)))) << "another key";
  EXPECT_FALSE(Believes(own.certificate_pem, ""));
  EXPECT_FALSE(Believes("", Sign(own)));
  EXPECT_FALSE(Believes("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "x"));
  EXPECT_FALSE(Believes(own.certificate_pem + own.certificate_pem, Sign(own)));
  EXPECT_FALSE(Believes(vn_.Signing("vn-gialai"))) << "another unit";
  EXPECT_FALSE(Believes(la_.Signing("la-attapeu"))) << "the peer";
  EXPECT_FALSE(Believes(TestCountry("vn").Signing(kUnit))) << "another root of that name";
  EXPECT_FALSE(Believes(vn_.Signing(kUnit, kNow + 10 * kDayS))) << "not valid yet";
  EXPECT_FALSE(Believes(vn_.Node(kUnit).certificate_pem, Sign(own))) << "not for signing";
}

TEST_F(HeadKeysTest, ARevokedKeyIsNot) {
  const TestPair own = vn_.Signing(kUnit);
  ASSERT_TRUE(Believes(own));
  ASSERT_TRUE(
      vn_.authority().Revoke(certs::ReadFacts(own.certificate_pem)->serial, kNow + kDayS).ok());
  now_s_ += 2 * kDayS;
  EXPECT_FALSE(Believes(own));
  // Nor when it is over besides, or the list old.
  now_s_ += 800 * kDayS;
  EXPECT_FALSE(Believes(own));
}

// Goal: what a node signs after its key was changed holds by the new certificate alone, and the
// peer that is shown a bad one believes nothing more.
TEST_F(HeadKeysTest, SignsWithTheKeyThatWasPutInLast) {
  TestCountry country("vn");  // its list is new: who signs now must be on none
  const TestPair before = country.Signing(kUnit);
  const TestPair after = country.Signing(kUnit);
  KeyHeadSigner signer(*certs::SigningKey::FromPem(before.key_pem), before.certificate_pem);
  CertificateHeadVerifier verifier(
      kUnit, "la-attapeu",
      std::make_shared<certs::TrustCache>(certs::TrustOf({country.Files()}, {}, now_s_)),
      [this] { return now_s_; });
  EXPECT_FALSE(verifier.Verify(kBytes, signer.Sign(kBytes))) << "no certificate was shown yet";
  ASSERT_TRUE(verifier.Trust(signer.Certificate()).ok());
  EXPECT_TRUE(verifier.Verify(kBytes, signer.Sign(kBytes)));

  signer.Replace(*certs::SigningKey::FromPem(after.key_pem), after.certificate_pem);
  EXPECT_EQ(signer.Certificate(), after.certificate_pem);
  EXPECT_EQ(signer.pair().certificate_pem, after.certificate_pem);
  EXPECT_EQ(signer.pair().key.Sign(kBytes), signer.Sign(kBytes));
  EXPECT_FALSE(verifier.Verify(kBytes, signer.Sign(kBytes))) << "by the certificate before";
  ASSERT_TRUE(verifier.Trust(signer.Certificate()).ok());
  EXPECT_EQ(verifier.Certificate(), after.certificate_pem);
  EXPECT_TRUE(verifier.Verify(kBytes, signer.Sign(kBytes)));

  EXPECT_FALSE(verifier.Trust(country.Signing("vn-gialai").certificate_pem).ok());
  EXPECT_EQ(verifier.Certificate(), "");
  EXPECT_FALSE(verifier.Verify(kBytes, signer.Sign(kBytes))) << "none is believed now";
}

}  // namespace
}  // namespace tripoint::exchange
