// Goal: stricter wins, whatever the order; and the tables in code say what the code lists say.
#include "server/domain/handling.h"

#include <gtest/gtest.h>

#include "tests/unit/domain/fixtures.h"

namespace tripoint::domain {
namespace {

TEST(Handling, StricterOfTheTwoCodesHolds) {
  const auto text = [](std::string_view handling, std::string_view tlp, std::string_view kind) {
    const auto both = StricterOf(handling, tlp, kind);
    return both ? both->handling_code + " " + both->tlp_code : "unknown";
  };
  EXPECT_EQ(text("", "", "INCIDENT"), "H2 AMBER+STRICT");
  EXPECT_EQ(text("", "CLEAR", "INCIDENT"), "H2 AMBER+STRICT");
  EXPECT_EQ(text("H0", "", ""), "H2 AMBER+STRICT");
  EXPECT_EQ(text("H0", "CLEAR", ""), "H0 CLEAR");
  EXPECT_EQ(text("H0", "AMBER", ""), "H0 AMBER");
  EXPECT_EQ(text("H1", "CLEAR", ""), "H1 GREEN");
  EXPECT_EQ(text("H2", "GREEN", ""), "H2 AMBER+STRICT");
  EXPECT_EQ(text("H0", "RED", ""), "H2 RED");
  EXPECT_EQ(text("H3", "CLEAR", ""), "H3 RED");
  EXPECT_EQ(text("", "", "PUBLIC"), "H0 CLEAR");
  EXPECT_EQ(text("", "CLEAR", "PUBLIC"), "H0 CLEAR");
  EXPECT_EQ(text("H2", "", "PUBLIC"), "H2 AMBER+STRICT");
  EXPECT_EQ(text("H4", "", ""), "unknown");
  EXPECT_EQ(text("", "WHITE", ""), "unknown");
}

TEST(Handling, EveryPairIsAtLeastAsStrictAsEachCodeAndSettlesAtOnce) {
  for (const char* handling : {"H0", "H1", "H2", "H3"}) {
    for (const char* tlp : {"CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"}) {
      const Handling both = StricterOf(handling, tlp).value();
      EXPECT_GE(both.reach, StricterOf("H0", tlp)->reach);
      EXPECT_GE(both.reach, StricterOf(handling, "CLEAR")->reach);
      EXPECT_GE(both.handling_code, handling);
      EXPECT_EQ(StricterOf(both.handling_code, both.tlp_code), both);
    }
  }
}

TEST(Handling, UrgenciesAgreeWithTheCodeList) {
  for (const codes::Code& code : codes::TheRegistry().List("urgency")->codes()) {
    const std::string_view lane = code.Column("lane");
    const auto expected = lane == "flash"      ? exchange::v1::LANE_FLASH
                          : lane == "priority" ? exchange::v1::LANE_PRIORITY
                                               : exchange::v1::LANE_ROUTINE;
    EXPECT_EQ(LaneOf(code.code), expected) << code.code;
    EXPECT_EQ(UrgencyNeedsReason(code.code), code.Column("reason") == "required") << code.code;
    EXPECT_EQ(AckMinutesOf(code.code), code.Number("ack_minutes").value_or(0)) << code.code;
  }
  EXPECT_EQ(LaneOf("U9"), exchange::v1::LANE_UNSPECIFIED);
}

TEST(Handling, NoticeKindsAgreeWithTheCodeList) {
  int kinds = 0;
  for (const codes::Code& code : codes::TheRegistry().List("notice_kinds")->codes()) {
    const NoticeKind* kind = FindNoticeKind(code.code);
    ASSERT_NE(kind, nullptr) << code.code;
    EXPECT_EQ(kind->life_ms, code.Number("life_days").value() * kDayMs) << code.code;
    EXPECT_EQ(kind->holds_persons, code.Column("personal") == "yes") << code.code;
    EXPECT_LE(kind->life_ms, kNoticeLifeMsMax);
    ++kinds;
  }
  EXPECT_EQ(kinds, 23);
  EXPECT_EQ(FindNoticeKind("RUMOUR"), nullptr);
}

TEST(Handling, EveryCategoryIsNeutralAndNothingElseIs) {
  for (const codes::Code& code : codes::TheRegistry().List("categories")->codes()) {
    EXPECT_TRUE(IsNeutralCategory(code.code)) << code.code;
  }
  for (const codes::Code& code : codes::TheRegistry().List("category_groups")->codes()) {
    EXPECT_TRUE(IsNeutralCategory(code.code)) << code.code;
  }
  EXPECT_TRUE(IsNeutralCategory("DRG-NEW"));
  for (const char* code :
       {"", "POL-OPN", "REL-ANY", "MIL-TRP", "drg-trf", "DRGX", "DRG-", "DRG TRF", "-", "ETH"}) {
    EXPECT_FALSE(IsNeutralCategory(code)) << code;
  }
}

}  // namespace
}  // namespace tripoint::domain
