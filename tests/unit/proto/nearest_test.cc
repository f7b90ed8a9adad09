// Goal: what was nearly typed is found, strangers are not, and no input makes it slow.
#include "proto/contract/nearest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace tripoint::contract {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::vector<std::string> kWords = {"run", "init", "version", "check-config", "certificates"};

TEST(Nearest, FindsSwapsAndShortFormsAndMissesStrangers) {
  EXPECT_EQ(NearestWord("rnu", kWords), "run");
  EXPECT_EQ(NearestWord("INTI", kWords), "init");
  EXPECT_EQ(NearestWord("chek-config", kWords), "check-config");
  EXPECT_EQ(NearestWord("cert", kWords), "certificates");
  EXPECT_EQ(NearestWord("banana", kWords), "");
  EXPECT_EQ(NearestWord("", kWords), "");
  EXPECT_EQ(NearestWord("9", {"1", "2", "3"}), "");
  EXPECT_THAT(Nearest("list", {"lost", "list", "last", "list"}, 2), ElementsAre("list", "lost"));
}

TEST(Nearest, CountsLettersOfEveryScriptAndEndures) {
  // Three letters of Khmer are nine bytes: one slip is one letter, not three.
  EXPECT_THAT(Nearest("កខគ", {"កខង", "ចឆជ"}, 3), ElementsAre("កខង"));
  EXPECT_THAT(Nearest(std::string(100000, 'x'), {"xa mat"}, 3), IsEmpty());
  EXPECT_THAT(Nearest("\xff\xfe", {"\xff\xfd"}, 3), ElementsAre("\xff\xfd"));
}

// Optimal string alignment by its definition, without bounds.
std::size_t SlipsOf(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> slips(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      slips[i][j] = i == 0 ? j : j == 0 ? i : slips[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      if (i == 0 || j == 0) continue;
      slips[i][j] = std::min({slips[i][j], slips[i - 1][j] + 1, slips[i][j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        slips[i][j] = std::min(slips[i][j], slips[i - 2][j - 2] + 1);
    }
  }
  return slips[a.size()][b.size()];
}

TEST(Nearest, FindsWhatTheDefinitionFinds) {
  std::mt19937 random(7);
  const auto letter = [&random] { return static_cast<char>('a' + random() % 3); };
  std::size_t near_ones = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string typed(1 + random() % 14, ' ');
    for (char& one : typed) one = letter();
    std::string meant = typed;
    for (std::size_t slips = random() % 5; slips > 0 && !meant.empty(); --slips) {
      const std::size_t place = random() % meant.size();
      switch (random() % 4) {
        case 0:
          meant.insert(place, 1, letter());
          break;
        case 1:
          meant.erase(place, 1);
          break;
        case 2:
          meant[place] = letter();
          break;
        default:
          std::swap(meant[place], meant[place == 0 ? 0 : place - 1]);
      }
    }
    const std::size_t slips = SlipsOf(typed, meant);
    const bool near =
        slips <= std::clamp<std::size_t>(typed.size() / 3, 1, 3) && slips < typed.size();
    const bool begins = typed.size() >= 3 && meant.starts_with(typed);
    ASSERT_EQ(!Nearest(typed, {meant}, 1).empty(), near || begins) << typed << " " << meant;
    if (near) ++near_ones;
  }
  EXPECT_GT(near_ones, 10000u);
  EXPECT_LT(near_ones, 18000u);
}

TEST(DidYouMean, IsASentenceOrNothing) {
  EXPECT_EQ(DidYouMean("rnu", kWords), " Did you mean run?");
  EXPECT_EQ(DidYouMean("lis", {"list", "lisp"}), " Did you mean one of: list, lisp?");
  EXPECT_EQ(DidYouMean("xyzzy", kWords), "");
}

}  // namespace
}  // namespace tripoint::contract
