// Tests of the names in certificates: the grammar is exact in both directions.
#include "certs/identity.h"

#include <gtest/gtest.h>

#include "certs_testing.h"

namespace tripoint::certs {
namespace {

// Goal: every name that the grammar allows survives reading and writing unchanged.
TEST(Identity, GoodUrisRoundTrip) {
  for (const char* uri :
       {"spiffe://vn.tripoint/unit/vn-tayninh", "spiffe://la.tripoint/unit/la-attapeu",
        "spiffe://kh.tripoint/unit/kh-ratanakiri/officer/sok.dara_2-b",
        "spiffe://vn.tripoint/unit/vn-a", "spiffe://vn.tripoint/unit/vn-kon-tum9/officer/7"}) {
    const absl::StatusOr<UnitIdentity> identity = ParseUri(uri);
    ASSERT_TRUE(identity.ok()) << uri << identity.status();
    EXPECT_EQ(FormatUri(*identity), uri);
  }
  const UnitIdentity officer = *ParseUri("spiffe://vn.tripoint/unit/vn-tayninh/officer/huy");
  EXPECT_EQ(officer.country, "vn");
  EXPECT_EQ(officer.unit, "vn-tayninh");
  EXPECT_EQ(officer.officer, "huy");
}

// Goal: nothing but the exact grammar is read; each line is a trick that a laxer reader would take
// for a unit.
TEST(Identity, EveryOtherUriIsMalformed) {
  const std::string_view with_zero("spiffe://vn.tripoint/unit/vn-tayninh\0x", 38);
  for (const std::string_view uri :
       {std::string_view(""),
        std::string_view("spiffe://vn.tripoint/unit/"),
        std::string_view("spiffe://vn.tripoint/unit/vn-"),
        std::string_view("spiffe://vn.tripoint/unit/la-attapeu"),
        std::string_view("spiffe://vn.tripoint/unit/vn-tayninh/"),
        std::string_view("spiffe://vn.tripoint/unit/vn-tayninh/officer/"),
        std::string_view("spiffe://vn.tripoint/unit/vn-tayninh/officer/a/b"),
        std::string_view("spiffe://vn.tripoint/unit/vn-tayninh/officer/.."),
        std::string_view("spiffe://vn.tripoint/unit/vn-tayninh/officer/huy%20x"),
        std::string_view(
            "spiffe://vn.tripoint/unit/vn-tayninh/officer/123456789012345678901234567890123"),
        std::string_view("spiffe://vn.tripoint/unit/vn-tayninh/role/duty"),
        std::string_view("spiffe://vn.tripoint/unit/vn-TayNinh"),
        std::string_view("spiffe://VN.tripoint/unit/vn-tayninh"),
        std::string_view("SPIFFE://vn.tripoint/unit/vn-tayninh"),
        std::string_view("https://vn.tripoint/unit/vn-tayninh"),
        std::string_view("spiffe://vn.tripoint:443/unit/vn-tayninh"),
        std::string_view("spiffe://user@vn.tripoint/unit/vn-tayninh"),
        std::string_view("spiffe://th.tripoint/unit/th-ubon"),
        std::string_view("spiffe://vn.tripoint.evil/unit/vn-tayninh"),
        std::string_view("spiffe://vn.tripoint/unit/vn-tayninh?x=1"),
        std::string_view("spiffe://vn.tripoint/unit/vn-tayninh#a"),
        std::string_view("spiffe://vn.tripoint//unit/vn-tayninh"),
        std::string_view("spiffe://vn.tripoint/unit/vn-tay/../x"),
        std::string_view("spiffe://vn.tripoint/unit/vn-tay_ninh"),
        std::string_view("spiffe://vn.tripoint/unit/vn--tayninh"),
        std::string_view("spiffe://vn.tripoint/unit/vn-tayninh-"),
        std::string_view(" spiffe://vn.tripoint/unit/vn-tayninh"),
        std::string_view("spiffe://vn.tripoint/unit/vn-tayninh\n"),
        with_zero}) {
    EXPECT_EQ(ReasonOf(ParseUri(uri).status()), "CERTIFICATE_MALFORMED") << uri;
  }
}

// Goal: ids typed by people are refused as fields, with the rule in the text.
TEST(Identity, BadIdsAreInvalidFields) {
  EXPECT_EQ(ReasonOf(MakeIdentity("tayninh").status()), "FIELD_INVALID");
  EXPECT_EQ(ReasonOf(MakeIdentity("vn-" + std::string(38, 'a')).status()), "FIELD_INVALID");
  EXPECT_EQ(ReasonOf(MakeIdentity("vn-tayninh", "Nguyễn Huy").status()), "FIELD_INVALID");
  EXPECT_EQ(*CountryOfUnit("kh-svayrieng"), "kh");
}

}  // namespace
}  // namespace tripoint::certs
