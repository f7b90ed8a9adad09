// Goal: a misheard reference is refused. Exhaustive over single errors and swaps for every unit.
#include "proto/contract/reference.h"

#include <gtest/gtest.h>

#include <random>
#include <utility>

#include "proto/contract/error.h"
#include "proto/contract/uuid.h"
#include "tests/unit/proto/codes_fixture.h"

namespace tripoint::contract {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kKindLetters = "INFRH";

bool IsDigit(char c) { return kDigits.find(c) != std::string_view::npos; }

std::vector<std::string> Samples() {
  std::mt19937_64 random(26);
  std::vector<std::string> samples;
  for (const codes::Unit& unit : codes::TheRegistry().units()) {
    for (const char kind : kKindLetters) {
      for (const std::uint64_t most : {9ULL, 9'999ULL, 99'999ULL, 999'999'999'999ULL}) {
        samples.push_back(MakeReference({.kind = static_cast<ReferenceKind>(kind),
                                         .unit_short = unit.short_code,
                                         .year = static_cast<int>(random() % 100),
                                         .number = 1 + random() % most}));
      }
    }
  }
  return samples;
}

TEST(Reference, ExamplesOfTheDesignAreValid) {
  for (const char* text :
       {"I-QNG-26-0093-T", "I-QNG-26-0088-D", "N-QNG-26-0211-M", "F-QNG-26-0007-K",
        "N-TNI-26-0211-M", "R-QNG-26-0031-P", "R-RTK-26-0040-H"}) {
    EXPECT_TRUE(ParseReference(text).ok()) << text;
  }
}

TEST(Reference, EverySampleReadsBackInAnyCase) {
  for (const std::string& text : Samples()) {
    const auto read = ParseReference(text);
    ASSERT_TRUE(read.ok()) << text;
    EXPECT_EQ(MakeReference(*read), text);
    std::string lower = text;
    for (char& c : lower) c = static_cast<char>(std::tolower(c));
    EXPECT_EQ(ParseReference(lower).value(), *read);
  }
}

TEST(Reference, EverySingleWrongDigitKindOrCheckLetterIsRefused) {
  for (const std::string& text : Samples()) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '-') continue;
      const bool in_unit = i >= 2 && i <= 4;
      for (const char other : IsDigit(text[i]) ? kDigits : kLetters) {
        if (other == text[i]) continue;
        // 26 letters in 23 classes: A and X, B and Y, C and Z are one class.
        if (in_unit && (other - text[i]) % 23 == 0) continue;
        std::string wrong = text;
        wrong[i] = other;
        EXPECT_FALSE(ParseReference(wrong).ok()) << text << " " << wrong;
      }
    }
  }
}

// Neighbours or not, across dashes too. (The check letter has only digits near it.)
TEST(Reference, EverySwapOfTwoCharactersBeforeTheCheckLetterIsRefused) {
  for (const std::string& text : Samples()) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      for (std::size_t j = i + 1; j + 1 < text.size(); ++j) {
        if (text[i] == text[j] || text[i] == '-' || text[j] == '-') continue;
        if (!IsDigit(text[i]) && (text[i] - text[j]) % 23 == 0) continue;
        std::string wrong = text;
        std::swap(wrong[i], wrong[j]);
        EXPECT_FALSE(ParseReference(wrong).ok()) << text << " " << wrong;
      }
    }
  }
}

// Goal: the limit that the header names never matters for units that exist.
TEST(Reference, NoTwoUnitsDifferOnlyByLettersOfOneClass) {
  const auto& units = codes::TheRegistry().units();
  const auto folded = [](std::string text) {
    for (char& c : text) c = static_cast<char>('A' + (c - 'A') % 23);
    return text;
  };
  for (const codes::Unit& a : units) {
    ASSERT_EQ(a.short_code.size(), 3U) << a.id;
    for (const codes::Unit& b : units) {
      if (a.id == b.id) continue;
      EXPECT_NE(folded(a.short_code), folded(b.short_code));
    }
  }
}

TEST(Reference, OtherFormsAreRefusedWithAReason) {
  for (const char* text :
       {"", "I", "I-QNG-26-0093", "I-QNG-26-093-T", "I-QNG-26-00093-T", "I-QN-26-0093-T",
        "X-QNG-26-0093-T", "I-QNG-2026-0093-T", "I-QNG-26-0000-T", "I-QNG-26-0093-T-",
        "I-QNG-26-0093-TT", " I-QNG-26-0093-T", "I-Q1G-26-0093-T", "----",
        "I-QNG-26-9999999999999-T", "I-QNG-26-0093-T\n"}) {
    const auto read = ParseReference(text);
    EXPECT_EQ(ReasonOf(read.status()), Reason::kReferenceInvalid) << text;
  }
}

TEST(Reference, TailsMatchWhatTheySay) {
  const std::string reference = "I-QNG-26-0093-T";
  for (const char* tail : {"93", "0093", "0093-T", "93-t", "26-0093-T", "qng-26-0093-t",
                           "I-QNG-26-0093-T", "i-qng-26-0093"}) {
    const auto parsed = ParseTail(tail);
    ASSERT_TRUE(parsed) << tail;
    EXPECT_TRUE(MatchTail(reference, *parsed)) << tail;
  }
  for (const char* tail : {"94", "0093-S", "25-0093-T", "RTK-26-0093-T", "N-QNG-26-0093-T"}) {
    const auto parsed = ParseTail(tail);
    ASSERT_TRUE(parsed) << tail;
    EXPECT_FALSE(MatchTail(reference, *parsed)) << tail;
  }
  for (const char* tail : {"", "-", "T", "0093-TT", "x-0093-T", "0", "QNG-0093-T", "1-2-3-4-5-6"}) {
    EXPECT_FALSE(ParseTail(tail)) << tail;
  }
}

TEST(Reference, NamesHoldTheirOwnKindOnly) {
  const auto incident = ParseIncidentName("units/vn-quangngai/incidents/I-QNG-26-0093-T");
  ASSERT_TRUE(incident);
  EXPECT_EQ(incident->unit, "vn-quangngai");
  EXPECT_EQ(incident->reference, "I-QNG-26-0093-T");
  EXPECT_EQ(incident->year, 26);
  EXPECT_EQ(incident->number, 93U);
  EXPECT_TRUE(ParseNoticeName("units/vn-quangngai/notices/N-QNG-26-0211-M"));
  EXPECT_TRUE(ParseNoticeName("units/vn-quangngai/notices/F-QNG-26-0007-K"));
  for (const char* name :
       {"", "units/", "units/vn-quangngai", "units/vn-quangngai/incidents/",
        "units/vn-quangngai/incidents/N-QNG-26-0211-M",
        "units/vn-quangngai/notices/I-QNG-26-0093-T", "units/VN-x/incidents/I-QNG-26-0093-T",
        "units/vn-quangngai/incidents/i-qng-26-0093-t",
        "units/vn-quangngai/incidents/I-QNG-26-0093-T/x",
        "units/vn/quangngai/incidents/I-QNG-26-0093-T"}) {
    EXPECT_FALSE(ParseIncidentName(name)) << name;
    EXPECT_FALSE(ParseNoticeName(name)) << name;
  }
}

TEST(Uuid, TextReadsBackAndOtherTextsDoNot) {
  const auto uuid = ParseUuid("7F3e9a52-0c41-4b8e-9d2a-51b6c0f4e813");
  ASSERT_TRUE(uuid);
  EXPECT_EQ(UuidText(*uuid), "7f3e9a52-0c41-4b8e-9d2a-51b6c0f4e813");
  for (const char* text :
       {"", "7f3e9a52-0c41-4b8e-9d2a-51b6c0f4e81", "not-a-uuid",
        "7f3e9a520c41-4b8e-9d2a-51b6c0f4e813-", "00000000-0000-0000-0000-000000000000",
        "7g3e9a52-0c41-4b8e-9d2a-51b6c0f4e813"}) {
    EXPECT_FALSE(ParseUuid(text)) << text;
  }
  Uuid ones;
  ones.fill(0xFF);
  EXPECT_EQ(UuidText(RandomUuid(ones)), "ffffffff-ffff-4fff-bfff-ffffffffffff");
}

}  // namespace
}  // namespace tripoint::contract
