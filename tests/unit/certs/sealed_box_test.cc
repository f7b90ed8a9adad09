// Goal: only the node of the certificate reads what is encrypted to it, nobody changes it
// unnoticed, and the newest certificate of a neighbour is at hand after a restart.
#include "certs/sealed_box.h"

#include <gtest/gtest.h>

#include <fstream>

#include "certs/peer_certificates.h"
#include "tests/unit/certs/certs_testing.h"

namespace tripoint::certs {
namespace {

TEST(SealedBox, OnlyTheReceiverReadsIt) {
  TestCountry la("la");
  const TestPair receiver = la.Node("la-attapeu");
  const TestPair other = la.Node("la-attapeu");
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{2u << 20}}) {
    const std::string plain(size, 'p');
    const absl::StatusOr<std::string> box = EncryptTo(receiver.certificate_pem, plain);
    ASSERT_TRUE(box.ok()) << box.status();
    EXPECT_EQ(box->find("pppp"), std::string::npos);
    EXPECT_NE(*box, *EncryptTo(receiver.certificate_pem, plain)) << "another key each time";
    const absl::StatusOr<std::string> back =
        Decrypt(receiver.certificate_pem, receiver.key_pem, *box);
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(*back, plain);
    EXPECT_EQ(ReasonOf(Decrypt(other.certificate_pem, other.key_pem, *box).status()),
              "BUNDLE_INVALID");
  }
}

TEST(SealedBox, NothingIsChangedOrCutUnnoticed) {
  TestCountry la("la");
  const TestPair receiver = la.Node("la-attapeu");
  const std::string plain = "what was carried";
  const std::string box = *EncryptTo(receiver.certificate_pem, plain);
  for (std::size_t at = 0; at < box.size(); ++at) {
    std::string altered = box;
    altered[at] ^= 1;
    const auto opened = Decrypt(receiver.certificate_pem, receiver.key_pem, altered);
    // Who encrypted, and names of what is used, are not part of what is sealed here: the file is.
    EXPECT_EQ(opened.ok() ? *opened : plain, plain) << at;
    EXPECT_FALSE(Decrypt(receiver.certificate_pem, receiver.key_pem, box.substr(0, at)).ok()) << at;
  }
  EXPECT_EQ(ReasonOf(Decrypt(receiver.certificate_pem, receiver.key_pem,
                             std::string(kBoxBytesMax + 1, '0'))
                         .status()),
            "BUNDLE_INVALID");
}

TEST(SealedBox, ACertificateThatCannotBeUsedSoIsRefused) {
  TestCountry la("la");
  EXPECT_EQ(ReasonOf(EncryptTo(la.Signing("la-attapeu").certificate_pem, "x").status()),
            "CERTIFICATE_MALFORMED");
  EXPECT_EQ(ReasonOf(EncryptTo("no certificate", "x").status()), "CERTIFICATE_MALFORMED");
}

TEST(PeerCertificates, TheNewestIsKeptOverARestart) {
  TempFolder folder;
  TestCountry la("la", kNow - kDayS);
  const std::string before = la.Node("la-attapeu", kNow - 3600).certificate_pem;
  const std::string now = la.Node("la-attapeu", kNow).certificate_pem;
  {
    PeerCertificates certificates(folder / "peers");
    EXPECT_EQ(certificates.Of("la-attapeu"), "");
    EXPECT_TRUE(certificates.Remember("la-attapeu", before).ok());
    EXPECT_TRUE(certificates.Remember("la-attapeu", now).ok());
    EXPECT_TRUE(certificates.Remember("la-attapeu", before).ok()) << "from an old bundle";
    EXPECT_EQ(certificates.Of("la-attapeu"), now);
    EXPECT_FALSE(certificates.Remember("la-attapeu", "no certificate").ok());
  }
  PeerCertificates again(folder / "peers");
  EXPECT_EQ(again.Of("la-attapeu"), now);
  EXPECT_EQ(again.Of("la-sekong"), "");
  std::ofstream(folder / "peers/la-attapeu.pem") << "damaged";
  EXPECT_TRUE(again.Remember("la-attapeu", before).ok());
  EXPECT_EQ(again.Of("la-attapeu"), before);
}

}  // namespace
}  // namespace tripoint::certs
