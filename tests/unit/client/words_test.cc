// Goal: what officers type is read as they mean it: times, spans, digits, names, suggestions,
// settings.
#include <gtest/gtest.h>

#include "client/errors.h"
#include "client/facts_options.h"
#include "client/settings.h"
#include "client/text.h"
#include "client/when.h"
#include "fake_host.h"
#include "proto/contract/nearest.h"

namespace tripoint::client {
namespace {

std::string Read(std::string_view text) {
  const auto when = ParseWhen(text, kTestNowMs);
  return when.ok() ? IsoText(when->time_ms, Clock::kLocal) + " " + when->precision
                   : std::string(when.status().message());
}

TEST(When, EveryAcceptedFormGivesItsTime) {
  EXPECT_EQ(Read("04:10"), "2026-11-22T04:10:00+07:00 minute");
  EXPECT_EQ(Read("today 04:10"), "2026-11-22T04:10:00+07:00 minute");
  EXPECT_EQ(Read("Yesterday 23:40"), "2026-11-21T23:40:00+07:00 minute");
  EXPECT_EQ(Read("now"), "2026-11-22T07:00:00+07:00 minute");
  EXPECT_EQ(Read("yesterday"), "2026-11-21T00:00:00+07:00 day");
  EXPECT_EQ(Read("2026-11-21T04:10"), "2026-11-21T04:10:00+07:00 minute");
  EXPECT_EQ(Read("2026-11-21 4:10:05"), "2026-11-21T04:10:05+07:00 minute");
  EXPECT_EQ(Read("2026-11-20T21:10Z"), "2026-11-21T04:10:00+07:00 minute");
  EXPECT_EQ(Read("2026-11-21T04:10+07:00"), "2026-11-21T04:10:00+07:00 minute");
  EXPECT_EQ(Read("2026-11-21T03:10+06"), "2026-11-21T04:10:00+07:00 minute");
  EXPECT_EQ(Read("21/11/2026 04:10"), "2026-11-21T04:10:00+07:00 minute");
  EXPECT_EQ(Read("2026-11-21"), "2026-11-21T00:00:00+07:00 day");
  EXPECT_EQ(Read("2026-11"), "2026-11-01T00:00:00+07:00 month");
  EXPECT_EQ(Read("2026"), "2026-01-01T00:00:00+07:00 year");
}

TEST(When, KhmerAndLaoDigitsCount) {
  EXPECT_EQ(Read("០៤:១០"), "2026-11-22T04:10:00+07:00 minute");
  EXPECT_EQ(Read("໐໔:໑໐"), "2026-11-22T04:10:00+07:00 minute");
}

TEST(When, NonsenseIsRefusedWithExamples) {
  for (const char* text :
       {"25:10", "24:00", "04:60", "", "soon", "2026-02-30", "2026-13", "31/02/2026",
        "04:10 morning", "2026-11-21T", "1026", "2026-11-21T04:10+99"}) {
    EXPECT_NE(Read(text).find("is not a time. Examples: 04:10"), std::string::npos) << text;
  }
}

TEST(Span, UnitsAddUpAndNonsenseIsRefused) {
  EXPECT_EQ(*ParseSpan("2h30m"), 9'000'000);
  EXPECT_EQ(*ParseSpan("90s"), 90'000);
  EXPECT_EQ(*ParseSpan("500ms"), 500);
  EXPECT_EQ(*ParseSpan("៥m"), 300'000);
  for (const char* text : {"", "5", "h", "-5m", "0s", "9999d", "5 m", "1e3s"})
    EXPECT_FALSE(ParseSpan(text).ok()) << text;
}

TEST(When, TextShowsOnlyWhatIsKnown) {
  EXPECT_EQ(TimeText(kTestNowMs, Clock::kLocal), "22/11/2026 07:00 +07");
  EXPECT_EQ(TimeText(kTestNowMs, Clock::kUtc), "22/11/2026 00:00 UTC");
  EXPECT_EQ(TimeText(kTestNowMs, Clock::kLocal, "day"), "22/11/2026");
  EXPECT_EQ(TimeText(kTestNowMs, Clock::kLocal, "month"), "11/2026");
  EXPECT_EQ(TimeText(0, Clock::kLocal), "-");
  // A forged file may say any number.
  EXPECT_EQ(TimeText(INT64_MAX, Clock::kLocal), "31/12/9999 07:00 +07");
  EXPECT_NE(TimeText(INT64_MIN, Clock::kUtc), "");
  EXPECT_EQ(IsoText(kTestNowMs, Clock::kUtc), "2026-11-22T00:00:00Z");
  EXPECT_EQ(SpanText(258'000), "4 min 18 s");
}

TEST(Text, WidthsCountGraphemes) {
  EXPECT_EQ(DisplayColumns("abc"), 3);
  EXPECT_EQ(DisplayColumns("Bờ Y"), 4);
  EXPECT_EQ(DisplayColumns("漢字"), 4);
  // One column a grapheme, not one a code point: 13 code points, 7 graphemes or fewer.
  EXPECT_LE(DisplayColumns("ខេត្តរតនគិរី"), 8);
}

TEST(Text, TruncateNeverSplitsAGrapheme) {
  const std::string whole = "ប៉ុស្តិ៍នគរបាល";
  for (int columns = 1; columns < 12; ++columns) {
    const std::string cut = Truncate(whole, columns);
    EXPECT_LE(DisplayColumns(cut), columns);
    const std::string kept = cut.ends_with("…") ? cut.substr(0, cut.size() - 3) : cut;
    EXPECT_TRUE(whole.starts_with(kept)) << columns;
  }
}

TEST(Text, ForeignTextCannotMoveTheCursor) {
  EXPECT_EQ(Harmless("a\x1b[2Jb"), "a\xEF\xBF\xBD[2Jb");
  EXPECT_EQ(Harmless("a\nb\tc"), "a b c");
  EXPECT_EQ(Harmless("a\nb", true), "a\nb");
  EXPECT_EQ(Harmless("\xE2\x80\xAE"
                     "evil"),
            "\xEF\xBF\xBD"
            "evil");
  EXPECT_EQ(Harmless("រតនគិរី"), "រតនគិរី");
}

TEST(Text, LanguageIsSeenInTheLetters) {
  EXPECT_EQ(LanguageOf("ລົດກະບະ", "en"), "lo");
  EXPECT_EQ(LanguageOf("រថយន្ត", "en"), "km");
  EXPECT_EQ(LanguageOf("xe tải chở gỗ ở Bờ Y", "en"), "vi");
  EXPECT_EQ(LanguageOf("two trucks", "en"), "en");
}

TEST(DidYouMean, NearWordsAreOfferedAndFarOnesAreNot) {
  EXPECT_EQ(contract::DidYouMean("notcie", {"notice", "node", "peer"}), " Did you mean notice?");
  EXPECT_EQ(contract::DidYouMean("xyzzy", {"notice", "node", "peer"}), "");
}

TEST(Settings, FileIsReadAndWrittenBack) {
  const auto settings = ParseSettings(R"(node = "a"
lang = "vi"
[nodes.a]
unit = "vn-quangngai"
address = "127.0.0.1:7443"
certificates = "/c"
)",
                                      "f.toml");
  ASSERT_TRUE(settings.ok());
  EXPECT_EQ(settings->nodes.at("a").RootsFolder(), "/c/roots");
  const auto again = ParseSettings(SettingsText(*settings), "f.toml");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->node, "a");
  EXPECT_EQ(again->language, "vi");
  EXPECT_EQ(again->nodes.at("a").address, "127.0.0.1:7443");
}

TEST(Settings, UnknownKeyIsRefusedWithLineAndNearest) {
  const auto settings = ParseSettings("node = \"a\"\nlnag = \"vi\"\n", "f.toml");
  ASSERT_FALSE(settings.ok());
  EXPECT_NE(settings.status().message().find("f.toml:2: unknown key \"lnag\". Did you mean lang?"),
            std::string::npos)
      << settings.status();
  EXPECT_EQ(contract::ReasonOf(settings.status()), contract::Reason::kConfigInvalid);
  EXPECT_FALSE(ParseSettings("node = ", "f.toml").ok());
  EXPECT_FALSE(ParseSettings("[nodes.a]\nunit = \"x\"\n", "f.toml").ok());
  EXPECT_FALSE(ParseSettings("node = 3\n", "f.toml").ok());
}

TEST(Settings, VariableWinsOverFileAndNamesANodeWithoutOne) {
  FakeHost host;
  host.variables = {{"TRIPOINT_CONFIG", "/nonexistent/x.toml"},
                    {"TRIPOINT_LANG", "lo"},
                    {"TRIPOINT_ADDRESS", "h:1"},
                    {"TRIPOINT_UNIT", "la-attapeu"},
                    {"TRIPOINT_CERTIFICATES", "/c"}};
  const auto settings = LoadSettings(host);
  ASSERT_TRUE(settings.ok());
  EXPECT_EQ(settings->language, "lo");
  ASSERT_TRUE(FindNode(*settings, "").ok());
  EXPECT_EQ(FindNode(*settings, "")->address, "h:1");
  const auto missing = FindNode(*settings, "la-atapeu");
  EXPECT_EQ(contract::ReasonOf(missing.status()), contract::Reason::kNodeUnknown);
  EXPECT_NE(missing.status().message().find("Did you mean la-attapeu?"), std::string::npos)
      << missing.status();
}

}  // namespace
}  // namespace tripoint::client
