// The whole reference data set against the import rules. Single thread; reads one file of the
// source tree.
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "proto/codes/import_map.h"
#include "tests/unit/proto/codes_fixture.h"

namespace tripoint::codes {
namespace {

using nlohmann::json;

TEST(ImportData, EveryRecordHasACategoryAUnitAndCodes) {
  // Goal: the demo's import leaves no record out: each has a category, each place and word is
  // known.
  const Registry& registry = TheRegistry();
  std::ifstream file(std::string(TRIPOINT_CODES_DIR) + "/source/incidents.jsonl");
  std::size_t records = 0;
  std::size_t inexact = 0;
  for (std::string line; std::getline(file, line); ++records) {
    const json record = json::parse(line);
    ImportFacts facts{
        .id = record.at("id"), .category = record.at("category"), .goods = {}, .roles = {}};
    const json& said = record.at("facts");
    for (const json& goods : said.value("goods", json::array())) {
      facts.goods.push_back(goods.at("type"));
      EXPECT_NE(ImportCode(registry, "goods", facts.goods.back()), "") << facts.goods.back();
      const std::string unit =
          goods.contains("unit") && goods["unit"].is_string() ? goods["unit"] : json("KGM");
      EXPECT_NE(ImportCode(registry, "quantity_units", unit), "") << unit;
    }
    for (const json& person : said.value("persons", json::array())) {
      facts.roles.push_back(person.at("role"));
      EXPECT_NE(ImportCode(registry, "person_roles", facts.roles.back()), "") << facts.roles.back();
    }
    for (const auto& [key, list] :
         {std::pair{"vehicles", "vehicles"}, {"documents", "documents"}}) {
      for (const json& thing : said.value(key, json::array())) {
        EXPECT_NE(ImportCode(registry, list, thing.at("type").get<std::string>()), "") << thing;
      }
    }
    const ImportedCategory category = ImportCategory(registry, facts);
    EXPECT_NE(registry.Find("categories", category.code), nullptr) << facts.id;
    if (!category.exact) ++inexact;
    if (record.at("gate").is_string()) {
      EXPECT_NE(registry.Find("gates", record.at("gate").get<std::string>()), nullptr) << facts.id;
    }
    const std::string province = record.at("province");
    EXPECT_NE(registry.PlaceName(province, "en"), province) << facts.id;
    EXPECT_NE(
        ImportCode(registry, "time_precision", record.at("date_precision").get<std::string>()), "");
  }
  EXPECT_EQ(records, 113u);
  // Most records fit a category of ours; a rule that stops fitting would raise this number.
  EXPECT_LE(inexact, 16u);
}

}  // namespace
}  // namespace tripoint::codes
