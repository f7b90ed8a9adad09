// The whole reference data set against the import rules. Single thread; reads one file of the
// source tree.
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <set>
#include <sstream>
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

// What one record of the reference data shows once it is imported.
void AddCodesOf(const Registry& registry, const json& record,
                std::set<std::pair<std::string, std::string>>& shown) {
  ImportFacts facts{
      .id = record.at("id"), .category = record.at("category"), .goods = {}, .roles = {}};
  const json& said = record.at("facts");
  const auto add = [&](const std::string& list, const json& word) {
    shown.emplace(list, ImportCode(registry, list, word.get<std::string>()));
  };
  for (const json& goods : said.value("goods", json::array())) {
    facts.goods.push_back(goods.at("type"));
    add("goods", goods.at("type"));
    if (goods.contains("unit") && goods["unit"].is_string()) add("quantity_units", goods["unit"]);
  }
  for (const json& person : said.value("persons", json::array())) {
    facts.roles.push_back(person.at("role"));
    add("person_roles", person.at("role"));
    if (person.contains("nationality") && person["nationality"].is_string())
      shown.emplace("countries", person["nationality"]);
  }
  for (const json& vehicle : said.value("vehicles", json::array()))
    add("vehicles", vehicle.at("type"));
  for (const json& document : said.value("documents", json::array()))
    add("documents", document.at("type"));
  shown.emplace("categories", ImportCategory(registry, facts).code);
}

TEST(Labels, EveryCodeThatTheDemoShowsIsTranslated) {
  // Goal: what scripts/demo records, imports and shows reads in all four languages. Whole lists:
  // any state or level may stand on its screens.
  const Registry& registry = TheRegistry();
  const std::string codes_folder = TRIPOINT_CODES_DIR;
  std::set<std::pair<std::string, std::string>> shown = {
      {"notice_kinds", "INCIDENT"}, {"notice_kinds", "HOTLINE"}, {"purposes", "P-BORDER"}};
  for (const char* list : {"incident_states", "notice_states", "delivery_states", "urgency",
                           "severity", "handling", "tlp", "certainty", "status", "languages"}) {
    for (const Code& code : registry.List(list)->codes()) shown.emplace(list, code.code);
  }
  std::ifstream records(codes_folder + "/source/incidents.jsonl");
  for (std::string line; std::getline(records, line);)
    AddCodesOf(registry, json::parse(line), shown);
  // Codes that the script itself types, such as "SAF-FLD" and "suspect:VN:2".
  std::ostringstream script;
  script << std::ifstream(codes_folder + "/../../scripts/demo").rdbuf();
  const std::string text = script.str();
  const std::regex word("[\":]([A-Za-z][A-Za-z0-9-]+)(?=[\":])");
  for (std::sregex_iterator it(text.begin(), text.end(), word), end; it != end; ++it) {
    for (const char* list : {"categories", "person_roles", "vehicles", "urgency_reasons"}) {
      if (registry.Find(list, (*it)[1].str()) != nullptr) shown.emplace(list, (*it)[1].str());
    }
  }
  EXPECT_TRUE(shown.contains({"categories", "SAF-FLD"}));
  EXPECT_TRUE(shown.contains({"urgency_reasons", "life-at-risk"}));
  EXPECT_TRUE(shown.contains({"vehicles", "pickup"}));
  for (const auto& [list, code] : shown) {
    for (const std::string_view language : kLanguages)
      EXPECT_TRUE(registry.Translated(list, code, language))
          << list << " " << code << " " << language;
  }
}

}  // namespace
}  // namespace tripoint::codes
