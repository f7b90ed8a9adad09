// Code lists: reading them, finding codes, labels and their fallback, did-you-mean. Single thread.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unicode/translit.h>
#include <unicode/unistr.h>
#include <unicode/uscript.h>

#include <memory>
#include <set>
#include <sstream>
#include <string>

#include "proto/codes/code_list.h"
#include "proto/codes/embedded.h"
#include "proto/codes/fold.h"
#include "proto/contract/error.h"
#include "tests/unit/proto/codes_fixture.h"

namespace tripoint::codes {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(CodeList, MalformedTextIsRefused) {
  // Goal: a damaged list stops the start instead of being half used.
  for (const char* text :
       {"", "# only a comment\n", "code\tlabel_en\nA\tx\ty\n", "code\tlabel_en\nA\tx\na\ty\n",
        "code\tlabel_en\n\tx\n", "code\talias\nA\tflood\nB\tflood\n"}) {
    const auto list = CodeList::Parse("sample", text);
    ASSERT_FALSE(list.ok()) << text;
    EXPECT_EQ(contract::ReasonOf(list.status()), contract::Reason::kCorrupt) << text;
  }
}

TEST(CodeList, RowsKeepTheirColumns) {
  // Goal: further columns, numbers and aliases of a row are read; missing cells at the end are
  // empty.
  const auto list = CodeList::Parse(
      "sample", "# c\ncode\talias\tminutes\tlabel_en\tlabel_lo\nU0\tflash,now\t5\tFlash\n");
  ASSERT_TRUE(list.ok()) << list.status();
  const Code* code = list->Find("u0");
  ASSERT_NE(code, nullptr);
  EXPECT_EQ(code->Number("minutes"), 5);
  EXPECT_EQ(code->Number("nothing"), std::nullopt);
  EXPECT_THAT(code->aliases, ElementsAre("flash", "now"));
  EXPECT_EQ(code->labels[LanguageIndex("lo")], "");
  EXPECT_EQ(list->FindWord("NOW"), code);
}

TEST(Registry, EveryListParsesWithEnglishLabels) {
  // Goal: each embedded list is there, is not empty, and every row can be read in English at least.
  std::size_t lists = 0;
  for (std::string_view file : EmbeddedNames()) {
    if (!file.ends_with(".tsv")) continue;
    ++lists;
    const CodeList* list = TheRegistry().List(file.substr(0, file.size() - 4));
    ASSERT_NE(list, nullptr) << file;
    EXPECT_FALSE(list->codes().empty()) << file;
    for (const Code& code : list->codes()) {
      if (list->has_labels()) {
        EXPECT_NE(code.labels[0], "") << file << " " << code.code;
      }
      for (const std::string& label : code.labels) {
        EXPECT_EQ(label.find_first_of("\t\r\""), std::string::npos) << file << " " << code.code;
      }
    }
  }
  EXPECT_GE(lists, 30u);
}

TEST(Registry, GroupsAndReferencesBetweenListsResolve) {
  // Goal: every category has a group, every unit of goods and every presumed flag is a code.
  const Registry& registry = TheRegistry();
  for (const Code& code : registry.List("categories")->codes()) {
    EXPECT_NE(registry.Find("category_groups", code.group), nullptr) << code.code;
    EXPECT_EQ(code.code.substr(0, 4), code.group + "-");
  }
  for (const Code& code : registry.List("goods")->codes()) {
    const auto unit = code.Column("default_unit");
    if (!unit.empty()) {
      EXPECT_NE(registry.Find("quantity_units", unit), nullptr) << code.code;
    }
  }
  for (const Code& code : registry.List("person_roles")->codes()) {
    const auto flag = code.Column("presumed_flag");
    if (!flag.empty()) {
      EXPECT_NE(registry.Find("protection_flags", flag), nullptr) << code.code;
    }
  }
}

TEST(Registry, ScriptsOfLabelsAreTheirOwn) {
  // Goal: a label in the wrong column is caught: Khmer and Lao labels hold letters of their script,
  // Vietnamese none.
  const auto holds = [](const std::string& text, const char* lead) {
    return text.find(lead) != std::string::npos;
  };
  const auto khmer = [&](const std::string& t) {
    return holds(t, "\xE1\x9E") || holds(t, "\xE1\x9F");
  };
  const auto lao = [&](const std::string& t) {
    return holds(t, "\xE0\xBA") || holds(t, "\xE0\xBB");
  };
  const std::set<std::string> same = {"tlp", "gates",
                                      "units"};  // standard or names that stay in Latin letters
  for (const std::string& name : TheRegistry().ListNames()) {
    for (const Code& code : TheRegistry().List(name)->codes()) {
      const std::string at = name + " " + code.code;
      if (!same.contains(name) && code.code != "mdma") {
        if (!code.labels[2].empty()) {
          EXPECT_TRUE(khmer(code.labels[2])) << at;
        }
        if (!code.labels[3].empty()) {
          EXPECT_TRUE(lao(code.labels[3])) << at;
        }
      }
      EXPECT_FALSE(khmer(code.labels[3]) || lao(code.labels[2])) << at;
      EXPECT_FALSE(khmer(code.labels[1]) || lao(code.labels[1])) << at;
    }
  }
}

TEST(Registry, CodesThatTheDemoShowsAreTranslated) {
  // Goal: whatever a demo screen prints as a code can be read in all four languages.
  const Registry& registry = TheRegistry();
  for (const char* list :
       {"category_groups", "severity", "urgency", "certainty", "status", "handling", "tlp",
        "delivery_states", "incident_states", "notice_states", "person_roles", "vehicles",
        "urgency_reasons", "sexes", "time_precision", "border_lines", "countries"}) {
    for (const Code& code : registry.List(list)->codes()) {
      for (std::string_view language : kLanguages) {
        EXPECT_TRUE(registry.Translated(list, code.code, language))
            << list << " " << code.code << " " << language;
      }
    }
  }
  for (const Code& rule : registry.List("incident_category_map")->codes()) {
    for (std::string_view language : kLanguages) {
      EXPECT_TRUE(registry.Translated("categories", rule.Column("code"), language))
          << rule.Column("code");
    }
  }
}

TEST(Registry, LabelFallsBackToEnglishWithTheCode) {
  // Goal: an untranslated label is marked by its code, an unknown code is shown as it came, nothing
  // is invented.
  const Registry& registry = TheRegistry();
  EXPECT_EQ(registry.Label("categories", "ctb-gen", "lo"), "ການລັກລອບຂົນສົ່ງ");
  EXPECT_EQ(registry.Label("categories", "CTB-GEN", "km"), "ការរត់ពន្ធ");
  EXPECT_EQ(registry.Label("categories", "CTB-GEN", "vi"), "Buôn lậu");
  ASSERT_FALSE(registry.Translated("categories", "TRD-ORI", "lo"));
  EXPECT_EQ(registry.Label("categories", "trd-ori", "lo"), "False origin of goods (TRD-ORI)");
  EXPECT_EQ(registry.Label("categories", "XYZ-NEW", "lo"), "XYZ-NEW");
  EXPECT_EQ(registry.Label("no_such_list", "A", "en"), "A");
  EXPECT_EQ(registry.Label("categories", "CTB-GEN", "xx"), "Smuggling");
}

TEST(Registry, CheckGivesTheCanonicalCode) {
  // Goal: any case is accepted on the wire and one spelling is kept; aliases and labels are not
  // codes.
  const contract::Vocabulary& vocabulary = TheRegistry();
  EXPECT_EQ(vocabulary.Check("categories", "drg-trf"), "DRG-TRF");
  EXPECT_EQ(vocabulary.Check("tlp", "amber+strict"), "AMBER+STRICT");
  EXPECT_EQ(vocabulary.Check("units", "LA-ATTAPEU"), "la-attapeu");
  EXPECT_EQ(vocabulary.Check("gates", "g-boy"), "G-BOY");
  EXPECT_EQ(vocabulary.Check("categories", "smuggling"), std::nullopt);
  EXPECT_EQ(vocabulary.Check("categories", std::string(5000, 'a')), std::nullopt);
  EXPECT_EQ(vocabulary.Check("categories", ""), std::nullopt);
  EXPECT_EQ(vocabulary.Check("none", "x"), std::nullopt);
}

TEST(Registry, MistypedWordsFindTheirNeighbours) {
  // Goal: did-you-mean for the slips of ux.md, and silence when nothing is near.
  const Registry& registry = TheRegistry();
  EXPECT_EQ(registry.FindWord("categories", "smuggling")->code, "CTB-GEN");
  EXPECT_EQ(registry.FindWord("categories", "buon lau")->code, "CTB-GEN");
  EXPECT_THAT(registry.Suggestions("categories", "smugling"), Contains("smuggling"));
  EXPECT_EQ(registry.Suggest("categories", "DRG-TFR"), "DRG-TRF");
  EXPECT_THAT(registry.Suggestions("gates", "Bo I"), Contains("Bờ Y"));
  EXPECT_THAT(registry.Suggestions("units", "attapue"), Contains("Attapeu"));
  EXPECT_THAT(registry.Suggestions("units", "zzzzzzzzzz"), IsEmpty());
  EXPECT_EQ(registry.Suggest("categories", ""), "");
}

TEST(Registry, UnknownWordIsRefusedWithAHint) {
  // Goal: the refusal says what, why and what to do next.
  const auto code = TheRegistry().ResolveWord("categories", "smugling");
  ASSERT_FALSE(code.ok());
  const contract::Problem problem = contract::ProblemOf(code.status());
  EXPECT_EQ(problem.reason, contract::Reason::kCodeUnknown);
  EXPECT_THAT(problem.why, HasSubstr("did you mean smuggling"));
  EXPECT_THAT(problem.next, HasSubstr("tripoint codes categories"));
  EXPECT_THAT(problem.what, Not(IsEmpty()));
  EXPECT_EQ(contract::ReasonOf(TheRegistry().ResolveUnit("attapue").status()),
            contract::Reason::kUnitUnknown);
  EXPECT_EQ(contract::ReasonOf(TheRegistry().ResolveGate("nowhere").status()),
            contract::Reason::kCodeUnknown);
}

TEST(Fold, LatinLosesAccentsKhmerAndLaoStay) {
  // Goal: ux.md language fact (a), as measured there.
  EXPECT_EQ(Fold("Đồng Tháp"), "dong thap");
  EXPECT_EQ(Fold("Hoà"), Fold("hòa"));
  EXPECT_EQ(Fold("ខេត្តរតនគិរី"), "ខេត្តរតនគិរី");
  EXPECT_EQ(Fold("ອັດຕະປື"), "ອັດຕະປື");
  EXPECT_EQ(Fold("កូរ៉េ\u200Bខាង"), "កូរ៉េខាង");
  EXPECT_EQ(Fold("e\u0301"), "e");
  EXPECT_EQ(SearchKey("O'Yadav"), SearchKey("o yadav"));
  EXPECT_EQ(Fold(std::string_view("\xFF\xFE", 2)), "\uFFFD\uFFFD");
}

// Goal: letters that are folded without ICU's rules are folded as by them, alone and among others.
TEST(Fold, EveryLatinLetterIsFoldedAsIcusRulesDo) {
  UErrorCode status = U_ZERO_ERROR;
  const std::unique_ptr<const icu::Transliterator> rules(icu::Transliterator::createInstance(
      icu::UnicodeString::fromUTF8(
          "NFC; [\\u200B\\u2060\\uFEFF] Remove; [:Latin:] Latin-ASCII; Lower; NFC"),
      UTRANS_FORWARD, status));
  ASSERT_TRUE(U_SUCCESS(status));
  int letters = 0;
  for (UChar32 letter = 0x80; letter <= 0x1FFFF; ++letter) {
    const bool latin = uscript_getScript(letter, &status) == USCRIPT_LATIN;
    if (!latin && (letter > 0x3FF && letter % 97 != 0)) continue;  // a part of what must stay
    if (U_IS_SURROGATE(letter)) continue;
    for (const char* around : {"", "a", "\u200Bx\u0323", "ខេត្ត", "o\u031B\u0300ΟΣ"}) {
      icu::UnicodeString text = icu::UnicodeString::fromUTF8(around);
      text.append(letter).append(icu::UnicodeString::fromUTF8(around));
      std::string utf8;
      text.toUTF8String(utf8);
      rules->transliterate(text);
      std::string expected;
      text.toUTF8String(expected);
      ASSERT_EQ(Fold(utf8), expected) << std::hex << letter;
    }
    letters += latin ? 1 : 0;
  }
  EXPECT_GT(letters, 1'000);
}

// Goal: a node that has only started has not made ICU's rules: no name that it knows needs them.
TEST(Fold, NamesOfPlacesNeedNoRules) {
  int names = 0;
  for (const char* file : {"units.json", "gates.json"}) {
    std::istringstream lines{std::string(EmbeddedFile(file))};
    for (std::string line; std::getline(lines, line); ++names)
      EXPECT_TRUE(FoldPlainly(line).has_value()) << line;
  }
  EXPECT_GT(names, 100);
  EXPECT_FALSE(FoldPlainly("Straße").has_value());
  EXPECT_EQ(Fold("Straße"), "strasse");
}

TEST(Reasons, TableAgreesWithItsFile) {
  // Goal: the enumeration made at build time and the list that users see are the same rows.
  const CodeList* list = TheRegistry().List("reasons");
  ASSERT_NE(list, nullptr);
  ASSERT_EQ(list->codes().size(), contract::kReasonRows.size());
  for (std::size_t i = 0; i < contract::kReasonRows.size(); ++i) {
    EXPECT_EQ(list->codes()[i].code, contract::kReasonRows[i].code);
    EXPECT_EQ(list->codes()[i].Number("exit"), contract::kReasonRows[i].exit_code);
    EXPECT_EQ(list->codes()[i].labels[0], contract::kReasonRows[i].label_en);
    EXPECT_EQ(contract::ReasonFromCode(list->codes()[i].code), static_cast<contract::Reason>(i));
  }
}

}  // namespace
}  // namespace tripoint::codes
