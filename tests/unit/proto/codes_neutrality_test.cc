// What must never be a code: domain.md 5.1, "deliberately absent". Single thread.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "proto/codes/fold.h"
#include "tests/unit/proto/codes_fixture.h"

namespace tripoint::codes {
namespace {

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words(1);
  for (char c : Fold(text)) {
    if ((c >= 'a' && c <= 'z') || static_cast<unsigned char>(c) >= 0x80) {
      words.back() += c;
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  return words;
}

// First forbidden word or pair of words in the text; empty when there is none.
std::string Forbidden(std::string_view text) {
  static const std::set<std::string> kBeginnings = {
      "opinion",    "speech",   "media",      "journalis",
      "assembl",    "protest",  "demonstrat", "politic",
      "religio",    "ethnic",   "tribe",      "minorit",
      "reactionar", "hostile",  "sedit",      "insult",
      "defam",      "espionag", "spy",        "spies",
      "desert",     "troop",    "deploy",     "demarcat",
      "asylum",     "treason",  "terror",     "militar",
      "soldier",    "dissent",  "ideolog",    "sexual orientation",
      "faith",      "church"};
  static const std::set<std::string> kWhole = {
      "ngo",    "ngos",  "party", "parties",        "association", "union",
      "strike", "press", "army",  "language group", "border guard"};
  // Vietnamese words lose their accents here: chính trị, tôn giáo, dân tộc, biểu tình, quân sự,
  // phản động, khủng bố, gián điệp.
  static const std::set<std::string> kPairs = {"chinh tri", "ton giao",  "dan toc",  "bieu tinh",
                                               "quan su",   "phan dong", "khung bo", "gian diep"};
  const std::vector<std::string> words = Words(text);
  for (std::size_t i = 0; i < words.size(); ++i) {
    for (const std::string& beginning : kBeginnings) {
      if (words[i].starts_with(beginning)) return words[i];
    }
    if (kWhole.contains(words[i])) return words[i];
    const std::string pair = i + 1 < words.size() ? words[i] + " " + words[i + 1] : "";
    if (kWhole.contains(pair) || kPairs.contains(pair)) return pair;
  }
  return {};
}

TEST(Neutrality, CheckerFindsWhatIsForbidden) {
  // Goal: the check below can fail.
  for (const char* text :
       {"Protest", "Illegal assembly", "Religious group", "Party member", "Tội phạm chính trị",
        "Ethnicity", "Border guard deployment", "POL-TERRORISM", "Trade union"}) {
    EXPECT_NE(Forbidden(text), "") << text;
  }
  EXPECT_EQ(Forbidden("Cattle theft"), "");
  EXPECT_EQ(Forbidden("Unidentified body, third count"), "");
}

TEST(Neutrality, NoListNamesAForbiddenTopic) {
  // Goal: no code, alias, column or label of any list that records can carry is about belief,
  // politics, ethnicity, assembly or military matters.
  for (const std::string& name : TheRegistry().ListNames()) {
    EXPECT_EQ(Forbidden(name), "") << name;
    for (const Code& code : TheRegistry().List(name)->codes()) {
      std::vector<std::string> texts = {code.code, code.group, code.labels[0], code.labels[1]};
      texts.insert(texts.end(), code.aliases.begin(), code.aliases.end());
      for (const auto& [column, text] : code.columns) texts.push_back(column);
      for (const std::string& text : texts)
        EXPECT_EQ(Forbidden(text), "") << name << " " << code.code << ": " << text;
    }
  }
}

TEST(Neutrality, SealedFlagsAreSealed) {
  // Goal: the flags that design.md, promise 6, says can never leave are marked so in the data.
  for (const char* flag : {"PRT-ASY", "PRT-REF", "PRT-RSK", "PRT-WIT"}) {
    const Code* code = TheRegistry().Find("protection_flags", flag);
    ASSERT_NE(code, nullptr) << flag;
    EXPECT_EQ(code->Column("replicates"), "sealed") << flag;
  }
}

TEST(Neutrality, CategoriesAreThoseOfTheDomain) {
  // Goal: the number of categories is a decision, not an accident: a new one changes this line and
  // needs a reason.
  EXPECT_EQ(TheRegistry().List("categories")->codes().size(), 94u);
  EXPECT_EQ(TheRegistry().List("category_groups")->codes().size(), 19u);
}

}  // namespace
}  // namespace tripoint::codes
