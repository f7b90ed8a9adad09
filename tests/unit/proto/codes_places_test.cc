// Units, dated neighbours, successors, gates, names and import rules. Single thread.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "proto/codes/import_map.h"
#include "proto/contract/error.h"
#include "tests/unit/proto/codes_fixture.h"

namespace tripoint::codes {
namespace {

using ::testing::UnorderedElementsAre;

constexpr char kBefore[] = "2025-06-30";
constexpr char kAfter[] = "2025-07-01";

std::vector<std::string> Ids(const std::vector<const Unit*>& units) {
  std::vector<std::string> ids;
  for (const Unit* unit : units) ids.push_back(unit->id);
  return ids;
}

TEST(Units, FortyOneBeforeTheMergerThirtyEightAfter) {
  // Goal: KH 11, LA 11, VN 19 before 2025-07-01; Viet Nam's 19 became 16.
  const auto count = [](const char* date, const char* country) {
    const auto units = TheRegistry().UnitsAt(date);
    return std::count_if(units.begin(), units.end(),
                         [&](const Unit* unit) { return unit->country == country; });
  };
  EXPECT_EQ(TheRegistry().UnitsAt(kBefore).size(), 41u);
  EXPECT_EQ(count(kBefore, "KH"), 11);
  EXPECT_EQ(count(kBefore, "LA"), 11);
  EXPECT_EQ(count(kBefore, "VN"), 19);
  EXPECT_EQ(TheRegistry().UnitsAt(kAfter).size(), 38u);
  EXPECT_EQ(count(kAfter, "VN"), 16);
  EXPECT_EQ(TheRegistry().UnitsAt("").size(), 38u);
}

TEST(Units, EachHasAUniqueShortCodeAndANameInItsOwnScript) {
  // Goal: three capital letters each, all different; local names in Khmer, Lao or Vietnamese
  // letters.
  std::set<std::string> shorts;
  for (const Unit& unit : TheRegistry().units()) {
    EXPECT_TRUE(shorts.insert(unit.short_code).second) << unit.id;
    EXPECT_EQ(unit.short_code.size(), 3u) << unit.id;
    for (char c : unit.short_code) EXPECT_TRUE(c >= 'A' && c <= 'Z') << unit.id;
    const std::string local(unit.LocalName());
    const unsigned char first = static_cast<unsigned char>(local.at(0));
    if (unit.country == "KH") {
      EXPECT_EQ(first, 0xE1u) << unit.id;
    }
    if (unit.country == "LA") {
      EXPECT_EQ(first, 0xE0u) << unit.id;
    }
    EXPECT_TRUE(unit.names.contains(unit.local_language)) << unit.id;
    EXPECT_FALSE(unit.sources.empty()) << unit.id;
  }
}

TEST(Units, NeighboursAreMutualAtEveryDateAndAcrossABorder) {
  // Goal: at each date on which anything changes, and around it, A borders B exactly when B borders
  // A.
  const Registry& registry = TheRegistry();
  const std::vector<std::pair<std::string, std::size_t>> dates = {
      {"2010-01-01", 37}, {"2013-12-31", 37}, {"2014-01-01", 39},
      {kBefore, 39},      {kAfter, 36},       {"2030-01-01", 36}};
  for (const auto& [date, pairs] : dates) {
    std::size_t contacts = 0;
    for (const Unit* unit : registry.UnitsAt(date)) {
      const auto near = registry.Neighbours(unit->id, date);
      if (date >= "2014-01-01") {
        EXPECT_FALSE(near.empty()) << unit->id << " " << date;
      }
      for (const Unit* other : near) {
        ++contacts;
        ASSERT_NE(other, nullptr);
        EXPECT_TRUE(registry.AreNeighbours(other->id, unit->id, date))
            << unit->id << " " << other->id << " " << date;
        EXPECT_NE(other->country, unit->country);
        EXPECT_TRUE(other->span.Holds(date)) << other->id << " " << date;
      }
    }
    EXPECT_EQ(contacts, 2 * pairs) << date;
  }
}

TEST(Units, MergerMovesNeighbours) {
  // Goal: the demo's three units meet, with Kon Tum before the merger and Quảng Ngãi after it;
  // candidates do not count.
  const Registry& registry = TheRegistry();
  EXPECT_THAT(Ids(registry.Neighbours("la-attapeu", kBefore)),
              UnorderedElementsAre("vn-kontum", "kh-ratanakiri", "kh-stungtreng"));
  EXPECT_THAT(Ids(registry.Neighbours("la-attapeu", kAfter)),
              UnorderedElementsAre("vn-quangngai", "kh-ratanakiri", "kh-stungtreng"));
  EXPECT_TRUE(registry.AreNeighbours("vn-quangngai", "kh-ratanakiri", kAfter));
  EXPECT_FALSE(registry.AreNeighbours("vn-quangngai", "kh-ratanakiri", kBefore));
  EXPECT_TRUE(registry.Neighbours("vn-kontum", kAfter).empty());
  EXPECT_THAT(Ids(registry.Neighbours("vn-quangtri", kAfter)),
              UnorderedElementsAre("la-khammouane", "la-savannakhet", "la-salavan"));
  EXPECT_THAT(registry.UnitById("kh-kandal")->candidates, UnorderedElementsAre("vn-dongthap"));
  EXPECT_FALSE(registry.AreNeighbours("kh-kandal", "vn-dongthap", kAfter));
}

TEST(Units, SuccessorsResolveToValidUnits) {
  // Goal: whoever held an area, somebody holds it at every later date.
  const Registry& registry = TheRegistry();
  EXPECT_EQ(registry.Successor("vn-kontum", kBefore)->id, "vn-kontum");
  EXPECT_EQ(registry.Successor("vn-kontum", kAfter)->id, "vn-quangngai");
  EXPECT_EQ(registry.Successor("vn-longan", "")->id, "vn-tayninh");
  EXPECT_EQ(registry.Successor("nobody", kAfter), nullptr);
  for (const Unit& unit : registry.units()) {
    const Unit* now = registry.Successor(unit.id, "2026-11-22");
    ASSERT_NE(now, nullptr) << unit.id;
    EXPECT_TRUE(now->span.Holds("2026-11-22")) << unit.id;
    EXPECT_EQ(now->country, unit.country);
  }
}

TEST(Units, AreFoundByEveryWayToNameThem) {
  // Goal: id, short code, province code, any name, accents or not, former names.
  const Registry& registry = TheRegistry();
  const std::vector<std::pair<const char*, const char*>> names = {{"la-attapeu", "la-attapeu"},
                                                                  {"LA-ATTAPEU", "la-attapeu"},
                                                                  {"atp", "la-attapeu"},
                                                                  {"LA-AT", "la-attapeu"},
                                                                  {"ອັດຕະປື", "la-attapeu"},
                                                                  {"Attapư", "la-attapeu"},
                                                                  {"រតនគិរី", "kh-ratanakiri"},
                                                                  {"QNG", "vn-quangngai"},
                                                                  {"quang ngai", "vn-quangngai"},
                                                                  {"Quảng Ngãi", "vn-quangngai"},
                                                                  {"VN-28", "vn-kontum"},
                                                                  {"dak lak", "vn-daklak"},
                                                                  {"Thừa Thiên Huế", "vn-hue"},
                                                                  {"thua thien-hue", "vn-hue"},
                                                                  {"Tboung Khmum", "kh-tbongkhmum"},
                                                                  {"LA-KH", "la-khammouane"}};
  for (const auto& [text, id] : names) {
    const Unit* unit = registry.FindUnit(text);
    ASSERT_NE(unit, nullptr) << text;
    EXPECT_EQ(unit->id, id) << text;
  }
  EXPECT_EQ(registry.FindUnit(""), nullptr);
  EXPECT_EQ(registry.FindUnit("   "), nullptr);
  EXPECT_EQ(registry.FindUnit("atlantis"), nullptr);
}

TEST(Units, NamesFollowLanguageAndDate) {
  // Goal: a reader sees the own language where it is known, English letters elsewhere, the name of
  // the day.
  const Registry& registry = TheRegistry();
  EXPECT_EQ(registry.PlaceName("la-attapeu", "lo"), "ອັດຕະປື");
  EXPECT_EQ(registry.PlaceName("la-attapeu", "km"), "Attapeu");
  EXPECT_EQ(registry.PlaceName("vn-hue", "vi", "2024-12-31"), "Thừa Thiên Huế");
  EXPECT_EQ(registry.PlaceName("vn-hue", "vi", "2025-01-01"), "Huế");
  EXPECT_EQ(registry.PlaceName("KH-12", "km"), "ភ្នំពេញ");
  EXPECT_EQ(registry.PlaceName("VN-28", "vi"), "Kon Tum");
  EXPECT_EQ(registry.PlaceName("XX-1", "vi"), "XX-1");
}

TEST(Gates, AreFoundByAnySidesName) {
  // Goal: 50 gates; names of both sides, with and without accents; the unit of a side is that of
  // the date.
  const Registry& registry = TheRegistry();
  EXPECT_EQ(registry.gates().size(), 50u);
  for (const char* name :
       {"Bờ Y", "bo y", "G-BOY", "g-boy", "Phoukeua", "phu cua", "Bờ Y / Phoukeua"}) {
    ASSERT_NE(registry.FindGate(name), nullptr) << name;
    EXPECT_EQ(registry.FindGate(name)->id, "G-BOY") << name;
  }
  const Gate& gate = *registry.FindGate("G-BOY");
  EXPECT_THAT(Ids(registry.GateUnits(gate, kBefore)),
              UnorderedElementsAre("vn-kontum", "la-attapeu"));
  EXPECT_THAT(Ids(registry.GateUnits(gate, kAfter)),
              UnorderedElementsAre("vn-quangngai", "la-attapeu"));
  // Both sides, each in the reader's language where it has a name in it.
  EXPECT_EQ(registry.PlaceName("G-LETHANH", "km"), "Lệ Thanh / អូរយ៉ាដាវ");
  EXPECT_EQ(registry.PlaceName("G-LETHANH", "vi"), "Lệ Thanh / O'Yadav");
  for (const char* language : {"en", "vi", "km", "lo"})
    EXPECT_EQ(registry.PlaceName("G-BOY", language), "Bờ Y / Phoukeua");
  EXPECT_EQ(registry.PlaceName("G-LALAY", "en"), "La Lay");
  EXPECT_EQ(registry.PlaceName("G-DAKRUE", "en"), "Đắk Ruê");
  EXPECT_EQ(registry.PlaceName("G-DOUNG", "vi"), "Doung");
  const Gate& upgraded = *registry.FindGate("Lóng Sập");
  EXPECT_EQ(upgraded.Kind("2024-11-18"), "MAIN");
  EXPECT_EQ(upgraded.Kind("2024-11-19"), "INTERNATIONAL");
  for (const Gate& each : registry.gates()) {
    EXPECT_NE(registry.Find("gate_kinds", each.Kind("")), nullptr) << each.id;
  }
}

TEST(Gates, NearestIsByDistance) {
  // Goal: a position near Bờ Y gives Bờ Y; distances are kilometres on the ground.
  const Registry& registry = TheRegistry();
  const GateDistance near = registry.NearestGate(14.70, 107.56);
  ASSERT_NE(near.gate, nullptr);
  EXPECT_EQ(near.gate->id, "G-BOY");
  EXPECT_LT(near.distance_km, 5);
  EXPECT_NEAR(DistanceKm(0, 0, 0, 1), 111.19, 0.1);
  EXPECT_EQ(
      registry.NearestUnit(14.70, 107.56, kAfter, {"la-attapeu", "kh-ratanakiri", "vn-quangngai"})
          .unit->id,
      "vn-quangngai");
  EXPECT_EQ(registry.NearestUnit(13.8, 107.0, kAfter).unit->id, "kh-ratanakiri");
  EXPECT_EQ(registry.NearestUnit(13.8, 107.0, kAfter, {"nobody"}).unit, nullptr);
}

TEST(Dates, InstantsAreDatedInIndochinaTime) {
  // Goal: the merger begins at midnight in the three countries, not in Greenwich.
  EXPECT_EQ(IsoDate(1751302799), "2025-06-30");
  EXPECT_EQ(IsoDate(1751302800), "2025-07-01");
  EXPECT_EQ(IsoDate(0), "1970-01-01");
}

TEST(Import, WordsOfTheDataSetBecomeCodes) {
  // Goal: the rules choose by goods and roles, and say when nothing fits exactly.
  const Registry& registry = TheRegistry();
  const auto code = [&](ImportFacts facts) { return ImportCategory(registry, facts).code; };
  EXPECT_EQ(code({"INC-1", "drugs", {"heroin"}, {"suspect"}}), "DRG-TRF");
  EXPECT_EQ(code({"INC-1", "drugs", {"heroin"}, {}}), "DRG-FND");
  EXPECT_EQ(code({"INC-1", "smuggling_goods", {"rosewood"}, {"suspect"}}), "ENV-TIM");
  EXPECT_EQ(code({"INC-1", "smuggling_goods", {"firecrackers"}, {"suspect"}}), "CTB-GEN");
  EXPECT_EQ(code({"INC-1", "illegal_crossing", {}, {"traveller", "suspect"}}), "SMG-FAC");
  EXPECT_EQ(code({"INC-1", "illegal_crossing", {}, {"suspect"}}), "BDR-IEN");
  EXPECT_EQ(code({"INC-0041", "health", {}, {}}), "SAF-VET");
  EXPECT_EQ(code({"INC-1", "prp-cat", {}, {}}), "PRP-CAT");
  EXPECT_EQ(code({"INC-1", "nonsense", {}, {}}), "");
  EXPECT_FALSE(ImportCategory(registry, {"INC-1", "returnees", {}, {}}).exact);
  EXPECT_EQ(ImportCode(registry, "goods", "MDMA"), "mdma");
  EXPECT_EQ(ImportCode(registry, "quantity_units", "pill"), "H87");
  EXPECT_EQ(ImportCode(registry, "quantity_units", "kgm"), "KGM");
  EXPECT_EQ(ImportCode(registry, "goods", "moon dust"), "");
}

TEST(Import, EveryRuleLeadsToACode) {
  // Goal: no rule of the two maps names a code that is not there.
  const Registry& registry = TheRegistry();
  for (const Code& rule : registry.List("incident_category_map")->codes()) {
    EXPECT_NE(registry.Find("categories", rule.Column("code")), nullptr) << rule.code;
  }
  for (const Code& term : registry.List("incident_term_map")->codes()) {
    EXPECT_NE(registry.Find(term.Column("list"), term.Column("to")), nullptr) << term.code;
  }
}

}  // namespace
}  // namespace tripoint::codes
