// Tests of a country's authority and of the commands over it.
#include "certs/authority.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "certs/authority_commands.h"
#include "certs/certificate.h"
#include "certs_testing.h"

namespace tripoint::certs {
namespace {

// Goal: the folder holds what it should, secrets readable by the owner alone, and the root is held
// to its country.
TEST(Authority, InitWritesRootWithCriticalConstraintsAndPrivateModes) {
  TempFolder folder;
  const absl::StatusOr<Authority> made = Authority::Init(folder / "ca", "la", kNow);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(ModeOf(folder / "ca"), 0700U);
  EXPECT_EQ(ModeOf(folder / "ca/root.key"), 0600U);
  EXPECT_EQ(made->crl_number(), 1);
  EXPECT_EQ(made->root_not_after_s(), kNow + kRootDays * kDayS);
  const std::vector<X509Ptr> root = ReadCertificates(made->root_pem(), 1);
  ASSERT_EQ(root.size(), 1U);
  int critical = 0;
  NAME_CONSTRAINTS* constraints = static_cast<NAME_CONSTRAINTS*>(
      X509_get_ext_d2i(root[0].get(), NID_name_constraints, &critical, nullptr));
  ASSERT_NE(constraints, nullptr);
  EXPECT_EQ(critical, 1);
  EXPECT_EQ(sk_GENERAL_SUBTREE_num(constraints->permittedSubtrees), 4);
  EXPECT_EQ(sk_GENERAL_SUBTREE_num(constraints->excludedSubtrees), 2);
  NAME_CONSTRAINTS_free(constraints);
  EXPECT_EQ(X509_get_pathlen(root[0].get()), 0);
}

// Goal: an existing root is never overwritten, whatever is left of it.
TEST(Authority, InitOverAnyRemainIsRefusedAndChangesNothing) {
  for (const char* name : {"root.key", "root.pem", "issued.tsv", "crl.pem"}) {
    TempFolder folder;
    WriteText(folder / name, "old");
    EXPECT_EQ(ReasonOf(Authority::Init(folder.path(), "vn", kNow).status()), "ALREADY_EXISTS")
        << name;
    std::string left;
    std::ifstream(folder / name) >> left;
    EXPECT_EQ(left, "old");
  }
  TempFolder folder;
  EXPECT_EQ(ReasonOf(Authority::Init(folder.path(), "th", kNow).status()), "FIELD_INVALID");
}

// Goal: what each kind may be used for, for how long, and that serials are long and different.
TEST(Authority, IssuedKindsHaveTheirOwnUsageAndTerm) {
  TestCountry vn("vn");
  const CertificateFacts node = *ReadFacts(vn.Node("vn-tayninh").certificate_pem);
  const CertificateFacts officer =
      *ReadFacts(vn.Officer("vn-tayninh", "huy.nguyen").certificate_pem);
  const CertificateFacts signing = *ReadFacts(vn.Signing("vn-tayninh").certificate_pem);
  EXPECT_TRUE(node.client_usage && node.server_usage && !node.signing_usage);
  EXPECT_TRUE(officer.client_usage && !officer.server_usage && !officer.signing_usage);
  EXPECT_TRUE(!signing.client_usage && !signing.server_usage && signing.signing_usage);
  EXPECT_EQ(FormatUri(officer.identity), "spiffe://vn.tripoint/unit/vn-tayninh/officer/huy.nguyen");
  EXPECT_EQ(node.not_after_s, kNow + 90 * kDayS);
  EXPECT_EQ(signing.not_after_s, kNow + 730 * kDayS);
  EXPECT_EQ(node.serial.size(), 32U);
  EXPECT_NE(node.serial, officer.serial);
}

// Goal: an authority cannot be made to vouch for another country, by its own code or by a term
// beyond its root.
TEST(Authority, ForeignUnitAndBadTermAreRefused) {
  TestCountry vn("vn");
  EXPECT_EQ(ReasonOf(vn.authority()
                         .Issue(CertificateKind::kNode, *MakeIdentity("kh-svayrieng"), 0, kNow)
                         .status()),
            "CERTIFICATE_WRONG_NAME");
  EXPECT_EQ(ReasonOf(vn.authority()
                         .Issue(CertificateKind::kNode, *MakeIdentity("vn-a"), 99'999, kNow)
                         .status()),
            "FIELD_INVALID");
  EXPECT_EQ(
      ReasonOf(
          vn.authority().Issue(CertificateKind::kOfficer, *MakeIdentity("vn-a"), 0, kNow).status()),
      "FIELD_INVALID");
  const std::int64_t late_s = kNow + (kRootDays - 10) * kDayS;
  const absl::StatusOr<Issued> last =
      vn.authority().Issue(CertificateKind::kNode, *MakeIdentity("vn-a"), 90, late_s);
  ASSERT_TRUE(last.ok());
  EXPECT_EQ(last->not_after_s, vn.authority().root_not_after_s());
  EXPECT_EQ(
      ReasonOf(vn.authority()
                   .Issue(CertificateKind::kNode, *MakeIdentity("vn-a"), 1, late_s + 11 * kDayS)
                   .status()),
      "CERTIFICATE_EXPIRED");
}

// Goal: the book survives reopening, numbers of lists only grow, and a second revocation keeps the
// first date.
TEST(Authority, RevocationsAreInTheBookAndNumbersGrow) {
  TempFolder folder;
  std::string serial;
  {
    absl::StatusOr<Authority> vn = Authority::Init(folder.path(), "vn", kNow);
    serial = vn->Issue(CertificateKind::kNode, *MakeIdentity("vn-a"), 0, kNow)->serial;
    ASSERT_TRUE(vn->Revoke(serial, kNow + 5).ok());
    EXPECT_EQ(vn->crl_number(), 2);
    EXPECT_EQ(ReasonOf(vn->Revoke("00ff", kNow)), "NOT_FOUND");
    EXPECT_EQ(ReasonOf(Authority::Open(folder.path()).status()), "DATA_LOCKED");
  }
  absl::StatusOr<Authority> again = Authority::Open(folder.path());
  ASSERT_TRUE(again.ok()) << again.status();
  ASSERT_EQ(again->rows().size(), 1U);
  EXPECT_EQ(again->rows()[0].revoke_time_s, kNow + 5);
  ASSERT_TRUE(again->Revoke(serial, kNow + 9).ok());
  EXPECT_EQ(again->rows()[0].revoke_time_s, kNow + 5);
  EXPECT_EQ(again->crl_number(), 3);
}

// Goal: what a full disk cut short is no part of the next line: the authority opens again.
TEST(Authority, IssueAfterATornLineThenTheBookIsWhole) {
  TempFolder folder;
  ASSERT_TRUE(Authority::Init(folder.path(), "vn", kNow).ok());
  std::ofstream(folder / "issued.tsv", std::ios::app) << "issued\tbb\tno";
  ASSERT_TRUE(Authority::Open(folder.path())
                  ->Issue(CertificateKind::kNode, *MakeIdentity("vn-a"), 0, kNow)
                  .ok());
  const absl::StatusOr<Authority> again = Authority::Open(folder.path());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->rows().size(), 1U);
}

// Goal: an authority that has issued for years still opens, issues and revokes.
TEST(Authority, TenThousandCertificatesThenItStillOpens) {
  TempFolder folder;
  ASSERT_TRUE(Authority::Init(folder.path(), "vn", kNow).ok());
  {
    std::ofstream book(folder / "issued.tsv", std::ios::app);
    const std::string rest = "\tofficer\tspiffe://vn.tripoint/unit/vn-tayninh/officer/huy.nguyen";
    for (int i = 10'000; i < 20'000; ++i)
      book << "issued\t" << std::string(30, 'a') << i << rest << "\t1795000000\t1795000000\n";
  }
  absl::StatusOr<Authority> authority = Authority::Open(folder.path());
  ASSERT_TRUE(authority.ok()) << authority.status();
  EXPECT_EQ(authority->rows().size(), 10'000U);
  EXPECT_TRUE(authority->Revoke(std::string(30, 'a') + "10000", kNow).ok());
}

// Goal: a torn last line of the book is passed over, any other damage is named; a root key open to
// others is refused.
TEST(Authority, DamagedFolderIsNamed) {
  EXPECT_EQ(ParseIndex("issued\taa\tnode\turi\t1\t2\nissued\tbb\tno")->size(), 1U);
  EXPECT_EQ(ReasonOf(ParseIndex("issued\taa\tnode\turi\t1\n").status()), "CORRUPT");
  EXPECT_EQ(ReasonOf(ParseIndex("revoked\taa\t1\n").status()), "CORRUPT");
  TempFolder folder;
  ASSERT_TRUE(Authority::Init(folder.path(), "vn", kNow).ok());
  std::filesystem::permissions(folder / "root.key", std::filesystem::perms(0640));
  EXPECT_EQ(ReasonOf(Authority::Open(folder.path()).status()), "KEY_EXPOSED");
  WriteText(folder / "root.key", ToPem(NewP256Key().get()), 0600);
  EXPECT_EQ(ReasonOf(Authority::Open(folder.path()).status()), "KEY_MISMATCH");
  EXPECT_EQ(ReasonOf(Authority::Open(folder / "no").status()), "NOT_FOUND");
}

// Goal: the commands as an IT officer runs them, from an empty folder to a revoked node.
TEST(AuthorityCommands, WholeLifeOfANode) {
  TempFolder folder;
  const std::string ca = folder / "ca";
  const std::string out = folder / "node";
  ASSERT_TRUE(RunAuthorityInit({.country = "vn", .folder = ca}, kNow).ok());
  AuthorityIssueOptions issue;
  issue.folder = ca;
  issue.unit = "vn-tayninh";
  issue.out = out;
  const absl::StatusOr<std::string> text = RunAuthorityIssue(issue, kNow);
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_NE(text->find("spiffe://vn.tripoint/unit/vn-tayninh"), std::string::npos);
  EXPECT_EQ(text->find("PRIVATE"), std::string::npos);
  for (const char* key : {"tls.key", "signing.key"}) EXPECT_EQ(ModeOf(out + "/" + key), 0600U);
  for (const char* name : {"tls.pem", "signing.pem", "roots/vn.pem", "roots/vn.crl"}) {
    EXPECT_TRUE(std::filesystem::exists(out + "/" + name)) << name;
  }
  EXPECT_EQ(ReasonOf(RunAuthorityIssue(issue, kNow).status()), "ALREADY_EXISTS");

  issue.unit = "la-attapeu";
  issue.out = folder / "other";
  EXPECT_EQ(ReasonOf(RunAuthorityIssue(issue, kNow).status()), "CERTIFICATE_WRONG_NAME");
  EXPECT_FALSE(std::filesystem::exists(folder / "other"));

  const absl::StatusOr<std::string> revoked = RunAuthorityRevoke(
      {.folder = ca, .serial = {}, .certificate_path = out + "/tls.pem"}, kNow + 60);
  ASSERT_TRUE(revoked.ok()) << revoked.status();
  const absl::StatusOr<std::string> shown =
      RunAuthorityShow({.folder = ca, .certificate_path = {}}, kNow + 120);
  ASSERT_TRUE(shown.ok());
  EXPECT_NE(shown->find("revoked 2027-01-15T"), std::string::npos) << *shown;
  const absl::StatusOr<std::string> one =
      RunAuthorityShow({.folder = {}, .certificate_path = out + "/tls.pem"}, kNow + 91 * kDayS);
  ASSERT_TRUE(one.ok());
  EXPECT_NE(one->find("EXPIRED"), std::string::npos) << *one;
}

// Goal: a renewal makes only the transport pair; options that exclude each other are refused before
// anything is written.
TEST(AuthorityCommands, KindsOfIssueExcludeEachOther) {
  TempFolder folder;
  ASSERT_TRUE(RunAuthorityInit({.country = "kh", .folder = folder / "ca"}, kNow).ok());
  AuthorityIssueOptions issue;
  issue.folder = folder / "ca";
  issue.unit = "kh-svayrieng";
  issue.out = folder / "renewed";
  issue.tls_only = true;
  ASSERT_TRUE(RunAuthorityIssue(issue, kNow).ok());
  EXPECT_FALSE(std::filesystem::exists(folder / "renewed/signing.key"));
  issue.officer = "sok";
  issue.out = folder / "x";
  EXPECT_EQ(ReasonOf(RunAuthorityIssue(issue, kNow).status()), "FIELD_INVALID");
  EXPECT_EQ(ReasonOf(RunAuthorityShow({}, kNow).status()), "FIELD_INVALID");
  EXPECT_FALSE(std::filesystem::exists(folder / "x"));
}

}  // namespace
}  // namespace tripoint::certs
