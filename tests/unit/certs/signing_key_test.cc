// Tests of Ed25519 signatures and of the certificates behind them.
#include "certs/signing_key.h"

#include <gtest/gtest.h>

#include "certs_testing.h"

namespace tripoint::certs {
namespace {

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

// Goal: the known answers of RFC 8032, section 7.1, tests 1 to 3.
TEST(SigningKey, KnownAnswersOfRfc8032) {
  struct Vector {
    const char* seed;
    const char* public_key;
    const char* message;
    const char* signature;
  };
  for (const Vector& v :
       {Vector{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
               "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
               "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61"
               "e39701cf9b46bd25bf5"
               "f0595bbe24655141438e7a100b"},
        Vector{"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
               "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
               "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458"
               "f3613d0f11d8c387b2e"
               "aeb4302aeeb00d291612bb0c00"},
        Vector{"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
               "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
               "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae6"
               "7f760984dc6594a7c15"
               "e9716ed28dc027beceea1ec40a"}}) {
    const absl::StatusOr<SigningKey> key = SigningKey::FromSeed(FromHex(v.seed));
    ASSERT_TRUE(key.ok()) << key.status();
    EXPECT_EQ(Hex(key->public_key()), v.public_key);
    EXPECT_EQ(Hex(key->Sign(FromHex(v.message))), v.signature);
    const absl::StatusOr<SignatureVerifier> verifier =
        SignatureVerifier::FromPublicKey(key->public_key());
    EXPECT_TRUE(verifier->Verify(FromHex(v.message), FromHex(v.signature)));
    EXPECT_EQ(verifier->key_id(), key->key_id());
    EXPECT_EQ(key->key_id(), Hex(Sha256(FromHex(v.public_key))).substr(0, 32));
  }
}

// Goal: one flipped bit anywhere, or a wrong length, is no signature.
TEST(SigningKey, ChangedBytesDoNotVerify) {
  const SigningKey key = *SigningKey::FromSeed(std::string(32, 'k'));
  const SignatureVerifier verifier = *SignatureVerifier::FromPublicKey(key.public_key());
  const std::string signature = key.Sign("head 7");
  EXPECT_TRUE(verifier.Verify("head 7", signature));
  EXPECT_FALSE(verifier.Verify("head 8", signature));
  EXPECT_FALSE(verifier.Verify("head 7", signature.substr(0, 63)));
  EXPECT_FALSE(verifier.Verify("head 7", signature + "x"));
  EXPECT_FALSE(verifier.Verify("head 7", ""));
  for (std::size_t i = 0; i < signature.size(); ++i) {
    std::string changed = signature;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(verifier.Verify("head 7", changed)) << i;
  }
}

// Goal: bytes that no secret key belongs to are refused as a key: under such points signatures
// could be made by anybody, or verify for several texts.
TEST(SignatureVerifier, BytesThatAreNoKeyAreRefused) {
  TestCountry vn("vn");
  const std::shared_ptr<const Trust> trust = TrustOf({vn.Files()});
  const auto certified = [&](const std::string& point) {
    const TestPair pair = vn.Forge({.usages = {kSigningUsageOid}, .ed25519_point = point});
    return ReasonOf(
        SignatureVerifier::FromCertificate(pair.certificate_pem, *trust, "vn-tayninh", kNow)
            .status());
  };
  const std::string good = SigningKey::FromSeed(std::string(32, 'k'))->public_key();
  const std::string point_of_order_one = FromHex("01") + std::string(31, '\0');
  const std::string point_of_order_eight =
      FromHex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05");
  const std::string not_canonical = FromHex("ee") + std::string(30, '\xff') + FromHex("7f");
  EXPECT_TRUE(SignatureVerifier::FromPublicKey(good).ok());
  EXPECT_EQ(certified(good), ReasonOf(absl::OkStatus()));
  EXPECT_EQ(certified(point_of_order_eight), "CERTIFICATE_MALFORMED");
  for (const std::string& bytes :
       {std::string(), good.substr(1), good + "x", std::string(32, '\0'), std::string(32, '\xff'),
        point_of_order_one, point_of_order_eight, not_canonical}) {
    EXPECT_EQ(ReasonOf(SignatureVerifier::FromPublicKey(bytes).status()), "FIELD_INVALID")
        << Hex(bytes);
  }
}

// Goal: a key file is used only when it is private and of the right kind.
TEST(SigningKey, LoadRefusesOpenModesAndOtherKeys) {
  TempFolder folder;
  TestCountry vn("vn");
  const TestPair pair = vn.Signing("vn-tayninh");
  WriteText(folder / "signing.key", pair.key_pem, 0640);
  EXPECT_EQ(ReasonOf(SigningKey::Load(folder / "signing.key").status()), "KEY_EXPOSED");
  WriteText(folder / "signing.key", pair.key_pem, 0600);
  EXPECT_TRUE(SigningKey::Load(folder / "signing.key").ok());
  WriteText(folder / "signing.key", vn.Node("vn-tayninh").key_pem, 0600);
  EXPECT_EQ(ReasonOf(SigningKey::Load(folder / "signing.key").status()), "CONFIG_INVALID");
  WriteText(folder / "signing.key", pair.key_pem.substr(0, 60), 0600);
  EXPECT_EQ(ReasonOf(SigningKey::Load(folder / "signing.key").status()), "CONFIG_INVALID");
  EXPECT_EQ(ReasonOf(SigningKey::Load(folder / "none").status()), "NOT_FOUND");
}

TEST(SigningKey, SeedOfAnotherLengthIsNoKey) {
  EXPECT_EQ(ReasonOf(SigningKey::FromSeed(std::string(31, 'k')).status()), "CONFIG_INVALID");
}

// Goal: a signature is believed only by a signing certificate of that unit under its own country's
// root.
TEST(SignatureVerifier, CertificateMustBeOfTheUnitAndForSigning) {
  TestCountry vn("vn");
  TestCountry la("la");
  const std::shared_ptr<const Trust> trust = TrustOf({vn.Files(), la.Files()});
  const TestPair pair = vn.Signing("vn-tayninh");
  const SigningKey key = *SigningKey::FromPem(pair.key_pem);
  const absl::StatusOr<SignatureVerifier> verifier =
      SignatureVerifier::FromCertificate(pair.certificate_pem, *trust, "vn-tayninh", kNow);
  ASSERT_TRUE(verifier.ok()) << verifier.status();
  EXPECT_TRUE(verifier->Verify("head", key.Sign("head")));
  const auto reason = [&](const std::string& pem, const char* unit, std::int64_t at_s) {
    return ReasonOf(SignatureVerifier::FromCertificate(pem, *trust, unit, at_s).status());
  };
  EXPECT_EQ(reason(pair.certificate_pem, "vn-gialai", kNow), "CERTIFICATE_WRONG_NAME");
  EXPECT_EQ(reason(vn.Node("vn-tayninh").certificate_pem, "vn-tayninh", kNow),
            "CERTIFICATE_WRONG_USAGE");
  EXPECT_EQ(reason(pair.certificate_pem, "vn-tayninh", kNow + 731 * kDayS), "CERTIFICATE_EXPIRED");
  // A P-256 key with the signing usage, made by an authority that forgot the rule.
  EXPECT_EQ(reason(vn.Forge({.usages = {kSigningUsageOid}}).certificate_pem, "vn-tayninh", kNow),
            "CERTIFICATE_MALFORMED");
}

// Goal: an old signature stays valid after its certificate has ended, judged at the time of
// signing.
TEST(SignatureVerifier, OldCertificateIsGoodForItsOwnTime) {
  TestCountry vn("vn");
  const TestPair pair = vn.Signing("vn-tayninh", kNow, 30);
  ASSERT_TRUE(vn.authority().RenewCrl(kNow + 100 * kDayS).ok());
  const std::shared_ptr<const Trust> trust = TrustOf({vn.Files()}, {}, kNow + 100 * kDayS);
  EXPECT_TRUE(
      SignatureVerifier::FromCertificate(pair.certificate_pem, *trust, "vn-tayninh", kNow + kDayS)
          .ok());
}

}  // namespace
}  // namespace tripoint::certs
