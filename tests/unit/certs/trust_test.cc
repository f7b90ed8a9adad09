// Tests of the trust snapshot: lying certificates (platform.md T8-T11, P1-P6) and the policy about
// revocation lists.
#include "certs/trust.h"

#include <gtest/gtest.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <filesystem>

#include "certs/trust_cache.h"
#include "certs_testing.h"

namespace tripoint::certs {
namespace {

std::string Verdict(const Trust& trust, const TestPair& pair, PeerRole role = PeerRole::kClient,
                    std::int64_t now_s = kNow) {
  return ReasonOf(trust.Judge(pair.certificate_pem, pair.certificate_pem, role, now_s).status());
}

// Goal: what the authority issues is accepted in exactly the roles that it is for.
TEST(Trust, IssuedCertificatesFitTheirRoles) {
  TestCountry vn("vn");
  const std::shared_ptr<const Trust> trust = TrustOf({vn.Files()});
  EXPECT_EQ(
      trust->Judge(vn.Node("vn-tayninh").certificate_pem, {}, PeerRole::kServer, kNow)->identity,
      *MakeIdentity("vn-tayninh"));
  EXPECT_EQ(Verdict(*trust, vn.Node("vn-tayninh"), PeerRole::kClient), "OK");
  EXPECT_EQ(Verdict(*trust, vn.Officer("vn-tayninh", "huy.nguyen"), PeerRole::kClient), "OK");
  EXPECT_EQ(Verdict(*trust, vn.Officer("vn-tayninh", "huy"), PeerRole::kServer),
            "CERTIFICATE_WRONG_USAGE");
  EXPECT_EQ(Verdict(*trust, vn.Signing("vn-tayninh"), PeerRole::kSigner), "OK");
  EXPECT_EQ(Verdict(*trust, vn.Signing("vn-tayninh"), PeerRole::kClient),
            "CERTIFICATE_WRONG_USAGE");
  EXPECT_EQ(Verdict(*trust, vn.Signing("vn-tayninh"), PeerRole::kServer),
            "CERTIFICATE_WRONG_USAGE");
  EXPECT_EQ(Verdict(*trust, vn.Node("vn-tayninh"), PeerRole::kSigner), "CERTIFICATE_WRONG_USAGE");
}

// Goal (T8): the constraints in the root itself refuse every foreign name that its own key signs.
TEST(Trust, ConstrainedRootCannotNameOthers) {
  TestCountry vn("vn");
  const std::shared_ptr<const Trust> trust = TrustOf({vn.Files()});
  const std::string uri = "URI:spiffe://vn.tripoint/unit/vn-tayninh";
  EXPECT_EQ(Verdict(*trust, vn.Forge({})), "OK");
  EXPECT_EQ(Verdict(*trust, vn.Forge({.names = {uri, "DNS:tayninh.vn.tripoint"}})), "OK");
  EXPECT_EQ(Verdict(*trust, vn.Forge({.names = {uri, "DNS:atp.la.tripoint"}})),
            "CERTIFICATE_WRONG_NAME");
  EXPECT_EQ(Verdict(*trust, vn.Forge({.names = {uri, "DNS:evilvn.tripoint"}})),
            "CERTIFICATE_WRONG_NAME");
  EXPECT_EQ(Verdict(*trust, vn.Forge({.country = "KH"})), "CERTIFICATE_WRONG_NAME");
  EXPECT_EQ(Verdict(*trust, vn.Forge({.common_name = "atp.la.tripoint"})),
            "CERTIFICATE_WRONG_NAME");
}

// Goal (T8, belt and braces): OpenSSL alone, without our reading of names, refuses foreign URIs,
// addresses and mailboxes under the constrained root. Uses the bare verification that gRPC does in
// its handshake.
TEST(Trust, ConstraintsHoldInOpensslItself) {
  TestCountry vn("vn");
  X509_STORE* store = X509_STORE_new();
  X509_STORE_add_cert(store, vn.root());
  const auto verify = [&](const std::vector<std::string>& names) {
    const std::vector<X509Ptr> leaf =
        ReadCertificates(vn.Forge({.names = names}).certificate_pem, 1);
    X509_STORE_CTX* context = X509_STORE_CTX_new();
    X509_STORE_CTX_init(context, store, leaf.front().get(), nullptr);
    X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context), kNow);
    const bool good = X509_verify_cert(context) == 1;
    X509_STORE_CTX_free(context);
    return good;
  };
  const std::string own = "URI:spiffe://vn.tripoint/unit/vn-tayninh";
  EXPECT_TRUE(verify({own}));
  for (const char* foreign :
       {"URI:spiffe://la.tripoint/unit/la-attapeu", "URI:spiffe://evilvn.tripoint/unit/vn-tayninh",
        "URI:spiffe://vn.tripoint.la/unit/vn-tayninh", "URI:urn:uuid:1",
        "URI:spiffe://vn.tripoint@la.tripoint/unit/la-a", "IP:10.0.0.1", "IP:fe80::1",
        "email:duty@la.tripoint", "email:duty@vn.tripoint", "DNS:la.tripoint"}) {
    EXPECT_FALSE(verify({own, foreign})) << foreign;
  }
  X509_STORE_free(store);
}

// Goal (T9, P1-P3): a root without any constraints still cannot name a unit of another country, on
// either side.
TEST(Trust, RootOfAnotherCountryIsNeverAsked) {
  TestCountry vn("vn");
  UnconstrainedCountry kh("kh");
  const std::shared_ptr<const Trust> trust = TrustOf({vn.Files(), kh.Files()});
  const TestPair lie = kh.Forge({.unit = "vn-tayninh", .country = "VN"});
  EXPECT_EQ(Verdict(*trust, lie, PeerRole::kClient), "CERTIFICATE_UNTRUSTED");
  EXPECT_EQ(Verdict(*trust, lie, PeerRole::kServer), "CERTIFICATE_UNTRUSTED");
  EXPECT_EQ(Verdict(*trust, kh.Forge({.unit = "kh-svayrieng", .country = "KH"})), "OK");
  // Also when the liar sends its root along.
  EXPECT_EQ(ReasonOf(trust
                         ->Judge(lie.certificate_pem, lie.certificate_pem + kh.Files().roots_pem,
                                 PeerRole::kClient, kNow)
                         .status()),
            "CERTIFICATE_UNTRUSTED");
  ASSERT_FALSE(trust->warnings().empty());
  EXPECT_NE(trust->warnings()[0].find("kh is not constrained"), std::string::npos)
      << trust->warnings()[0];
}

// Goal: every form of name list other than one URI (and DNS names) is malformed, whoever signed it.
TEST(Trust, ForbiddenFormsAreMalformed) {
  UnconstrainedCountry vn("vn");
  const std::shared_ptr<const Trust> trust = TrustOf({vn.Files()});
  const std::string uri = "URI:spiffe://vn.tripoint/unit/vn-tayninh";
  const std::string ca =
      "[extensions]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,"
      "keyCertSign\nextendedKeyUsage=clientAuth\n"
      "subjectAltName=" +
      uri + "\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid:always\n";
  const std::string unknown =
      LeafExtensions({uri}, {"clientAuth"}) + "2.25.1=critical,ASN1:UTF8String:who knows\n";
  const std::string no_usage =
      "[extensions]\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,"
      "digitalSignature\nsubjectAltName=" +
      uri + "\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid:always\n";
  EXPECT_EQ(Verdict(*trust, vn.Forge({})), "OK");
  for (const Lie& lie :
       {Lie{.names = {uri, "URI:spiffe://vn.tripoint/unit/vn-gialai"}}, Lie{.names = {uri, uri}},
        Lie{.names = {"DNS:a.vn.tripoint"}}, Lie{.names = {uri, "IP:10.0.0.1"}},
        Lie{.names = {uri, "email:a@vn.tripoint"}}, Lie{.names = {uri, "otherName:1.2.3.4;UTF8:x"}},
        Lie{.names = {"URI:spiffe://vn.tripoint/unit/la-attapeu"}},
        Lie{.names = {"URI:spiffe://vn.tripoint/unit/vn-tayninh/"}},
        Lie{.usages = {"anyExtendedKeyUsage", "clientAuth"}}, Lie{.extensions = ca},
        Lie{.extensions = unknown}, Lie{.extensions = no_usage}}) {
    EXPECT_EQ(Verdict(*trust, vn.Forge(lie)), "CERTIFICATE_MALFORMED") << lie.extensions;
  }
}

// Goal (P4): wrong usage, dates on both sides of now, self-signed, unknown country.
TEST(Trust, WrongUsageDatesAndSignersAreRefusedWithTheirReason) {
  TestCountry vn("vn");
  const std::shared_ptr<const Trust> trust = TrustOf({vn.Files()});
  EXPECT_EQ(Verdict(*trust, vn.Forge({.usages = {"serverAuth"}}), PeerRole::kClient),
            "CERTIFICATE_WRONG_USAGE");
  EXPECT_EQ(Verdict(*trust, vn.Forge({.usages = {"codeSigning"}}), PeerRole::kClient),
            "CERTIFICATE_WRONG_USAGE");
  EXPECT_EQ(Verdict(*trust, vn.Forge({.usages = {"clientAuth", kSigningUsageOid}})),
            "CERTIFICATE_WRONG_USAGE");
  EXPECT_EQ(Verdict(*trust, vn.Forge({.not_after_s = kNow - 1})), "CERTIFICATE_EXPIRED");
  EXPECT_EQ(Verdict(*trust, vn.Forge({.not_before_s = kNow + 1})), "CERTIFICATE_NOT_YET_VALID");
  EXPECT_EQ(Verdict(*trust, SelfSigned({})), "CERTIFICATE_UNTRUSTED");
  TestCountry other_vn("vn");
  EXPECT_EQ(Verdict(*trust, other_vn.Node("vn-tayninh")), "CERTIFICATE_UNTRUSTED");
  TestCountry la("la");
  EXPECT_EQ(Verdict(*trust, la.Node("la-attapeu")), "CERTIFICATE_UNTRUSTED");
}

// Goal: hostile texts in place of certificates end in a coded refusal, never in a long computation.
TEST(Trust, HostileTextsAreMalformed) {
  TestCountry vn("vn");
  const std::shared_ptr<const Trust> trust = TrustOf({vn.Files()});
  const std::string good = vn.Node("vn-tayninh").certificate_pem;
  for (const std::string& leaf :
       {std::string(), std::string("x"), good + good, good.substr(0, good.size() / 2),
        std::string(kLeafBytesMax, ' ') + good, good.substr(0, 60) + "!!!!" + good.substr(64)}) {
    EXPECT_EQ(ReasonOf(trust->Judge(leaf, {}, PeerRole::kClient, kNow).status()),
              "CERTIFICATE_MALFORMED");
  }
  std::string chain;
  for (int i = 0; i < 100; ++i) chain += good;
  EXPECT_EQ(ReasonOf(trust->Judge(good, chain, PeerRole::kClient, kNow).status()),
            "CERTIFICATE_MALFORMED");
  EXPECT_EQ(ReasonOf(trust->Judge(good, "garbage", PeerRole::kClient, kNow).status()),
            "CERTIFICATE_MALFORMED");
}

// Goal (P6): the whole table of the policy about the age of lists, to the second.
TEST(TrustCrl, AgePolicyTable) {
  TestCountry vn("vn");
  const TestPair pair = vn.Node("vn-tayninh", kNow, 300);
  CountryFiles without = vn.Files();
  without.crl_pem.clear();
  const std::int64_t next_s = kNow + kCrlDays * kDayS;
  const std::shared_ptr<const Trust> required = TrustOf({without}, {.crl_required = true});
  EXPECT_EQ(Verdict(*required, pair), "CRL_MISSING");
  EXPECT_EQ(required->StateOfCrl("vn", kNow), CrlState::kNone);
  EXPECT_EQ(Verdict(*TrustOf({without}), pair), "OK");
  const std::shared_ptr<const Trust> trust = TrustOf({vn.Files()}, {.crl_required = true});
  EXPECT_EQ(Verdict(*trust, pair, PeerRole::kClient, next_s - 1), "OK");
  EXPECT_EQ(trust->StateOfCrl("vn", next_s - 1), CrlState::kFresh);
  const absl::StatusOr<Judgement> stale =
      trust->Judge(pair.certificate_pem, {}, PeerRole::kClient, next_s + 6 * kDayS);
  ASSERT_TRUE(stale.ok()) << stale.status();
  EXPECT_TRUE(stale->crl_stale);
  EXPECT_EQ(trust->StateOfCrl("vn", next_s + 6 * kDayS), CrlState::kStale);
  EXPECT_EQ(Verdict(*trust, pair, PeerRole::kClient, next_s + 7 * kDayS), "OK");
  EXPECT_EQ(Verdict(*trust, pair, PeerRole::kClient, next_s + 7 * kDayS + 1), "CRL_TOO_OLD");
  EXPECT_EQ(trust->StateOfCrl("vn", next_s + 8 * kDayS), CrlState::kTooOld);
  // A node's own certificate is not refused for the age of a list.
  EXPECT_TRUE(trust
                  ->Judge(pair.certificate_pem, {}, PeerRole::kClient, next_s + 8 * kDayS,
                          CrlRule::kOnlyRevoked)
                  .ok());
}

// Goal: a revoked certificate is refused with fresh and with stale lists, under both rules; others
// are not.
TEST(TrustCrl, RevokedIsRefusedAlsoWhenStale) {
  TestCountry vn("vn");
  const TestPair bad = vn.Node("vn-tayninh", kNow, 300);
  const TestPair good = vn.Node("vn-gialai", kNow, 300);
  ASSERT_TRUE(vn.authority().Revoke(ReadFacts(bad.certificate_pem)->serial, kNow).ok());
  const std::shared_ptr<const Trust> trust = TrustOf({vn.Files()});
  EXPECT_EQ(Verdict(*trust, bad), "CERTIFICATE_REVOKED");
  EXPECT_EQ(Verdict(*trust, good), "OK");
  EXPECT_EQ(Verdict(*trust, bad, PeerRole::kClient, kNow + (kCrlDays + 3) * kDayS),
            "CERTIFICATE_REVOKED");
  EXPECT_EQ(
      ReasonOf(trust->Judge(bad.certificate_pem, {}, PeerRole::kClient, kNow, CrlRule::kOnlyRevoked)
                   .status()),
      "CERTIFICATE_REVOKED");
  // Our clock behind the list's date: the list is still believed.
  EXPECT_EQ(Verdict(*trust, bad, PeerRole::kClient, kNow - 30), "CERTIFICATE_REVOKED");
}

// Goal: garbage, a changed byte, another country's list and an older list are refused, and the old
// snapshot goes on.
TEST(TrustCrl, BadOrOlderListsAreRefusedWhenLoading) {
  TestCountry vn("vn");
  TestCountry la("la");
  const CountryFiles first = vn.Files();
  ASSERT_TRUE(vn.authority().RenewCrl(kNow + 1).ok());
  const std::shared_ptr<const Trust> trust = TrustOf({vn.Files()});
  EXPECT_EQ(trust->ListFor("vn", vn.Node("vn-a").certificate_pem).number, 2);
  EXPECT_EQ(trust->ListFor("vn", la.Node("la-a").certificate_pem).number, -1);
  const auto load = [&](std::string crl) {
    CountryFiles files = vn.Files();
    files.crl_pem = std::move(crl);
    return ReasonOf(MakeTrust({files}, {}, kNow, trust.get()).status());
  };
  EXPECT_EQ(load("garbage"), "CRL_INVALID");
  EXPECT_EQ(load(la.Files().crl_pem), "CRL_INVALID");
  EXPECT_EQ(load(first.crl_pem), "CRL_OLDER");
  EXPECT_EQ(load(""), "CRL_OLDER");
  EXPECT_EQ(load(vn.Files().crl_pem), "OK");
  // One digit of the list's own end, in the signed bytes.
  const std::vector<CrlPtr> crl = ReadCrls(vn.Files().crl_pem, 1);
  unsigned char* der = nullptr;
  const int size = i2d_X509_CRL(crl.front().get(), &der);
  std::string bytes(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  const std::size_t end_date = bytes.find("2702140800");
  ASSERT_NE(end_date, std::string::npos);
  bytes[end_date + 1] = '9';
  const unsigned char* at = reinterpret_cast<const unsigned char*>(bytes.data());
  const CrlPtr tampered(d2i_X509_CRL(nullptr, &at, size));
  EXPECT_EQ(load(ToPem(tampered.get())), "CRL_INVALID");
  EXPECT_EQ((*MakeTrust({vn.Files()}, {}, kNow, trust.get()))->epoch(), trust->epoch() + 1);
}

// A list that the country's root signed. `partial`: only the changes since another one.
std::string ListOf(const TestCountry& country, bool numbered, bool ends, bool partial) {
  const CrlPtr crl(X509_CRL_new());
  const auto time = [](std::int64_t at_s) {
    return std::unique_ptr<ASN1_TIME, Freer<ASN1_TIME_free>>(ASN1_TIME_set(nullptr, at_s));
  };
  EXPECT_EQ(X509_CRL_set_version(crl.get(), 1), 1);
  EXPECT_EQ(X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(country.root())), 1);
  EXPECT_EQ(X509_CRL_set1_lastUpdate(crl.get(), time(kNow).get()), 1);
  if (ends) {
    EXPECT_EQ(X509_CRL_set1_nextUpdate(crl.get(), time(kNow + kDayS).get()), 1);
  }
  const std::unique_ptr<ASN1_INTEGER, Freer<ASN1_INTEGER_free>> number(ASN1_INTEGER_new());
  EXPECT_EQ(ASN1_INTEGER_set(number.get(), 7), 1);
  if (numbered) {
    EXPECT_EQ(X509_CRL_add1_ext_i2d(crl.get(), NID_crl_number, number.get(), 0, 0), 1);
  }
  if (partial) {
    EXPECT_EQ(X509_CRL_add1_ext_i2d(crl.get(), NID_delta_crl, number.get(), 1, 0), 1);
  }
  EXPECT_GT(X509_CRL_sign(crl.get(), country.root_key(), EVP_sha256()), 0);
  return ToPem(crl.get());
}

// Goal: a list that does not say which it is, when it ends, or that it is whole, is none, though
// the root itself signed it.
TEST(TrustCrl, ListsThatDoNotSayAllAreRefused) {
  TestCountry vn("vn");
  const auto why = [&](bool numbered, bool ends, bool partial) {
    CountryFiles files = vn.Files();
    files.crl_pem = ListOf(vn, numbered, ends, partial);
    const absl::Status status = MakeTrust({files}, {}, kNow, nullptr).status();
    return status.ok() ? "OK" : ReasonOf(status) + ": " + contract::ProblemOf(status).why;
  };
  EXPECT_EQ(why(true, true, false), "OK");
  EXPECT_EQ(why(false, true, false), "CRL_INVALID: It has no number");
  EXPECT_EQ(why(true, false, false), "CRL_INVALID: It does not say when it ends");
  EXPECT_EQ(why(true, true, true), "CRL_INVALID: It is a partial list; only whole lists are used");
}

// Goal: of two things that are wrong people are told the one that a new list would not help.
TEST(TrustCrl, DatesThatAreOverComeBeforeTheList) {
  TestCountry vn("vn");
  const TestPair pair = vn.Node("vn-tayninh", kNow, 20);
  CountryFiles without = vn.Files();
  without.crl_pem.clear();
  const std::shared_ptr<const Trust> required = TrustOf({without}, {.crl_required = true});
  EXPECT_EQ(Verdict(*required, pair), "CRL_MISSING");
  EXPECT_EQ(Verdict(*required, pair, PeerRole::kClient, kNow + 21 * kDayS), "CERTIFICATE_EXPIRED");
  EXPECT_EQ(Verdict(*required, pair, PeerRole::kClient, kNow - 21 * kDayS),
            "CERTIFICATE_NOT_YET_VALID");
  const std::shared_ptr<const Trust> old = TrustOf({vn.Files()});
  EXPECT_EQ(Verdict(*old, pair, PeerRole::kClient, kNow + (kCrlDays + 8) * kDayS),
            "CERTIFICATE_EXPIRED");
}

// Goal: the operator is warned of a list and of a root before they stop a neighbour.
TEST(TrustCrl, WarningsSayWhatWillEnd) {
  TestCountry vn("vn");
  const auto warned = [&](std::int64_t now_s, const std::string& text) {
    const std::vector<std::string> warnings = TrustOf({vn.Files()}, {}, now_s)->warnings();
    return std::any_of(warnings.begin(), warnings.end(), [&](const std::string& warning) {
      return warning.find(text) != std::string::npos;
    });
  };
  const std::int64_t next_s = kNow + kCrlDays * kDayS;
  EXPECT_FALSE(warned(next_s - 1, "revocation list"));
  EXPECT_TRUE(warned(next_s + kDayS, "the revocation list of vn is stale"));
  EXPECT_TRUE(warned(next_s + 8 * kDayS, "the revocation list of vn is too old"));
  const std::int64_t end_s = UnixSeconds(X509_get0_notAfter(vn.root()));
  EXPECT_FALSE(warned(end_s - 366 * kDayS, "the root of vn ends at"));
  EXPECT_TRUE(warned(end_s - 364 * kDayS, "the root of vn ends at"));
  CountryFiles without = vn.Files();
  without.crl_pem.clear();
  EXPECT_EQ(TrustOf({without})->warnings(),
            std::vector<std::string>{"no revocation list of vn has been seen"});
}

// Goal: a leaf holds no longer than the root above it, and the refusal says whose date is over.
TEST(Trust, EndOfTheRootEndsItsCertificates) {
  TestCountry vn("vn");
  const std::int64_t end_s = UnixSeconds(X509_get0_notAfter(vn.root()));
  const TestPair pair = vn.Forge({.not_after_s = end_s + kDayS});
  const std::shared_ptr<const Trust> trust = TrustOf({vn.Files()});
  const auto judge = [&](std::int64_t now_s) {
    return trust->Judge(pair.certificate_pem, {}, PeerRole::kClient, now_s, CrlRule::kOnlyRevoked);
  };
  ASSERT_TRUE(judge(end_s - kDayS).ok()) << judge(end_s - kDayS).status();
  EXPECT_LE(judge(end_s - kDayS)->good_until_s, end_s);
  const absl::Status over = judge(end_s + 1).status();
  EXPECT_EQ(ReasonOf(over), "CERTIFICATE_EXPIRED");
  EXPECT_EQ(contract::ProblemOf(over).what,
            "The authority above the certificate of vn-tayninh has expired");
}

// Goal: of two roots of a country each answers for its own certificates: the list of the one says
// nothing about those of the other.
TEST(TrustCrl, ListIsThatOfTheRootThatSigned) {
  TestCountry before("vn");
  TestCountry after("vn");
  CountryFiles both = before.Files();
  both.roots_pem += after.Files().roots_pem;
  const std::shared_ptr<const Trust> trust = TrustOf({both});
  EXPECT_EQ(trust->ListFor("vn", before.Node("vn-a").certificate_pem).number, 1);
  EXPECT_EQ(trust->ListFor("vn", after.Node("vn-a").certificate_pem).number, -1);
  EXPECT_EQ(trust->ListFor("vn", "garbage").number, -1);
  EXPECT_EQ(trust->ListFor("la", before.Node("vn-a").certificate_pem).number, -1);
}

// Goal: of several lists of one root in a file the newest counts, wherever it stands: an older one
// neither makes the country stale nor hides a revocation.
TEST(TrustCrl, NewestListOfEachRootIsKept) {
  TestCountry vn("vn");
  const TestPair revoked = vn.Node("vn-a");
  const CountryFiles first = vn.Files();
  const absl::StatusOr<CertificateFacts> facts = ReadFacts(revoked.certificate_pem);
  constexpr std::int64_t kLater = kNow + 20 * kDayS;
  ASSERT_TRUE(vn.authority().Revoke(facts->serial, kLater).ok());
  const CountryFiles second = vn.Files();
  for (const std::string& text : {first.crl_pem + second.crl_pem, second.crl_pem + first.crl_pem,
                                  first.crl_pem + second.crl_pem + second.crl_pem}) {
    CountryFiles both = second;
    both.crl_pem = text;
    const std::shared_ptr<const Trust> trust = TrustOf({both}, {}, kLater);
    const auto seen = [&revoked](const Trust& by) {
      return by.ListFor("vn", revoked.certificate_pem);
    };
    EXPECT_EQ(seen(*trust).number, 2);
    EXPECT_EQ(trust->CrlPemOf("vn"), second.crl_pem)
        << "evidence carries no list that is done with";
    EXPECT_EQ(seen(*trust).time_s, seen(*TrustOf({second}, {}, kLater)).time_s);
    EXPECT_GT(seen(*trust).time_s, seen(*TrustOf({first})).time_s);
    EXPECT_EQ(Verdict(*trust, revoked, PeerRole::kClient, kLater), "CERTIFICATE_REVOKED");
    // The first one has ended long ago by then; the second has not.
    constexpr std::int64_t kEndOfFirst = kNow + 45 * kDayS;
    EXPECT_EQ(trust->StateOfCrl("vn", kEndOfFirst),
              TrustOf({second})->StateOfCrl("vn", kEndOfFirst));
    EXPECT_EQ(trust->StateOfCrl("vn", kLater), CrlState::kFresh);
  }
  CountryFiles many = second;
  for (std::size_t i = 0; i < Trust::kCrlsMax; ++i) many.crl_pem += first.crl_pem;
  EXPECT_EQ(ReasonOf(MakeTrust({many}, {}, kLater, nullptr).status()), "CRL_INVALID");
}

// Goal: a file in the roots folder that is no root of that country is named; an empty folder is no
// trust.
TEST(TrustLoad, FolderIsReadStrictly) {
  TempFolder folder;
  TestCountry vn("vn");
  TestCountry la("la");
  EXPECT_EQ(ReasonOf(LoadTrust(folder.path(), {}, kNow, nullptr).status()), "CONFIG_INVALID");
  WriteText(folder / "vn.pem", vn.Files().roots_pem);
  WriteText(folder / "vn.crl", vn.Files().crl_pem);
  const absl::StatusOr<std::shared_ptr<const Trust>> trust =
      LoadTrust(folder.path(), {}, kNow, nullptr);
  ASSERT_TRUE(trust.ok()) << trust.status();
  EXPECT_TRUE((*trust)->Knows("vn"));
  EXPECT_FALSE((*trust)->Knows("la"));
  EXPECT_TRUE((*trust)->warnings().empty());
  for (const std::string& bad :
       {la.Files().roots_pem, std::string("x"), vn.Node("vn-a").certificate_pem,
        SelfSigned({}).certificate_pem, std::string()}) {
    WriteText(folder / "vn.pem", bad);
    EXPECT_EQ(ReasonOf(LoadTrust(folder.path(), {}, kNow, trust->get()).status()),
              "CONFIG_INVALID");
  }
}

TEST(TrustLoad, WhatCannotBeReadIsNoTrust) {
  TempFolder folder;
  TestCountry vn("vn");
  std::filesystem::create_directory(folder / "vn.pem");
  EXPECT_NE(ReasonOf(LoadTrust(folder.path(), {}, kNow, nullptr).status()), "OK");
  std::filesystem::remove(folder / "vn.pem");
  WriteText(folder / "vn.pem", vn.Files().roots_pem);
  std::filesystem::create_directory(folder / "vn.crl");
  EXPECT_NE(ReasonOf(LoadTrust(folder.path(), {}, kNow, nullptr).status()), "OK")
      << "a list that is there and cannot be read is not passed over";
  CountryFiles unknown = vn.Files();
  unknown.country = "th";
  EXPECT_EQ(ReasonOf(MakeTrust({unknown}, {}, kNow, nullptr).status()), "CONFIG_INVALID");
}

// Goal: while a root is replaced, leaves under the old and under the new one are both accepted.
TEST(TrustLoad, TwoRootsOfOneCountryWorkSideBySide) {
  TestCountry old_vn("vn");
  TestCountry new_vn("vn", kNow + 5);
  const CountryFiles both{"vn", old_vn.Files().roots_pem + new_vn.Files().roots_pem,
                          old_vn.Files().crl_pem + new_vn.Files().crl_pem};
  const std::shared_ptr<const Trust> trust = TrustOf({both}, {.crl_required = true});
  EXPECT_EQ(Verdict(*trust, old_vn.Node("vn-a"), PeerRole::kClient, kNow + 10), "OK");
  EXPECT_EQ(Verdict(*trust, new_vn.Node("vn-a"), PeerRole::kClient, kNow + 10), "OK");
}

// Goal: a judgement is made once, and again after its dates, after another snapshot, and for
// another role.
TEST(TrustCache, RemembersUntilDatesOrSnapshotChange) {
  TestCountry vn("vn");
  const TestPair pair = vn.Node("vn-tayninh", kNow, 20);
  TrustCache cache(TrustOf({vn.Files()}));
  const auto judge = [&](std::int64_t now_s, PeerRole role = PeerRole::kClient) {
    return ReasonOf(cache.Judge(pair.certificate_pem, {}, role, now_s).status());
  };
  EXPECT_FALSE(cache.LastEndOf("vn-tayninh").has_value());
  for (int i = 0; i < 10; ++i) EXPECT_EQ(judge(kNow + i), "OK");
  EXPECT_EQ(cache.full_judgements(), 1U);
  EXPECT_EQ(cache.LastEndOf("vn-tayninh"), ReadFacts(pair.certificate_pem)->not_after_s);
  EXPECT_EQ(judge(kNow, PeerRole::kServer), "OK");
  EXPECT_EQ(cache.full_judgements(), 2U);
  EXPECT_EQ(judge(kNow + 20 * kDayS - 1), "OK");
  EXPECT_EQ(judge(kNow + 20 * kDayS + 1), "CERTIFICATE_EXPIRED");
  EXPECT_EQ(judge(kNow), "OK");
  ASSERT_TRUE(vn.authority().Revoke(ReadFacts(pair.certificate_pem)->serial, kNow).ok());
  const std::shared_ptr<const Trust> before = cache.Current();
  cache.Replace(*MakeTrust({vn.Files()}, {}, kNow, before.get()));
  EXPECT_EQ(judge(kNow), "CERTIFICATE_REVOKED");
  EXPECT_FALSE(cache.Current()->SameFilesAs(*before));
  EXPECT_TRUE((*MakeTrust({vn.Files()}, {}, kNow, nullptr))->SameFilesAs(*cache.Current()));
}

// Goal: what is shown of a unit's certificate is that of its node, the last that was accepted; an
// officer's or a refused one is not taken for it.
TEST(TrustCache, KnowsTheLastCertificateOfEachNode) {
  TestCountry vn("vn");
  const TestPair first = vn.Node("vn-tayninh", kNow, 20);
  const TestPair renewed = vn.Node("vn-tayninh", kNow, 40);
  TrustCache cache(TrustOf({vn.Files()}));
  const auto judge = [&](const TestPair& pair, std::int64_t now_s = kNow) {
    return ReasonOf(cache.Judge(pair.certificate_pem, {}, PeerRole::kClient, now_s).status());
  };
  EXPECT_EQ(cache.LastLeafOf("vn-tayninh"), "");
  EXPECT_EQ(judge(vn.Officer("vn-tayninh", "huy")), "OK");
  EXPECT_EQ(judge(first, kNow + 30 * kDayS), "CERTIFICATE_EXPIRED");
  EXPECT_EQ(cache.LastLeafOf("vn-tayninh"), "");
  EXPECT_FALSE(cache.Recall(first.certificate_pem, PeerRole::kClient, kNow).has_value());
  EXPECT_EQ(judge(first), "OK");
  EXPECT_EQ(cache.LastLeafOf("vn-tayninh"), first.certificate_pem);
  EXPECT_EQ(cache.Recall(first.certificate_pem, PeerRole::kClient, kNow)->unit, "vn-tayninh");
  EXPECT_EQ(judge(renewed), "OK");
  EXPECT_EQ(cache.LastLeafOf("vn-tayninh"), renewed.certificate_pem);
  EXPECT_EQ(cache.LastEndOf("vn-tayninh"), ReadFacts(renewed.certificate_pem)->not_after_s);
}

// Goal: an authority that issues without end fills no memory, and takes nothing from the units that
// are known.
TEST(TrustCache, UnitsWithoutEndAreNotRemembered) {
  TestCountry vn("vn");
  TrustCache cache(TrustOf({vn.Files()}));
  std::vector<TestPair> pairs;
  for (std::size_t i = 0; i <= TrustCache::kEntriesMax; ++i) {
    pairs.push_back(vn.Forge({.unit = "vn-u" + std::to_string(i)}));
    ASSERT_TRUE(cache.Judge(pairs.back().certificate_pem, {}, PeerRole::kClient, kNow).ok());
  }
  EXPECT_EQ(cache.LastLeafOf("vn-u" + std::to_string(TrustCache::kEntriesMax)), "");
  EXPECT_FALSE(cache.Recall(pairs[0].certificate_pem, PeerRole::kClient, kNow).has_value())
      << "judgements begin anew when there are too many";
  const TestPair renewed = vn.Forge({.unit = "vn-u0"});
  ASSERT_TRUE(cache.Judge(renewed.certificate_pem, {}, PeerRole::kClient, kNow).ok());
  EXPECT_EQ(cache.LastLeafOf("vn-u0"), renewed.certificate_pem);
}

// Goal: a cached judgement does not outlive the days of grace of a list.
TEST(TrustCache, ForgetsWhenTheListTurnsTooOld) {
  TestCountry vn("vn");
  const TestPair pair = vn.Node("vn-tayninh", kNow, 300);
  TrustCache cache(TrustOf({vn.Files()}));
  const std::int64_t next_s = kNow + kCrlDays * kDayS;
  const auto judge = [&](std::int64_t now_s) {
    return cache.Judge(pair.certificate_pem, {}, PeerRole::kClient, now_s);
  };
  EXPECT_FALSE(judge(kNow)->crl_stale);
  EXPECT_TRUE(judge(next_s + 1)->crl_stale);
  EXPECT_EQ(ReasonOf(judge(next_s + 7 * kDayS + 1).status()), "CRL_TOO_OLD");
}

}  // namespace
}  // namespace tripoint::certs
