// Goal: what was nearly typed is found, strangers are not, and no input makes it slow.
#include "proto/contract/nearest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

TEST(DidYouMean, IsASentenceOrNothing) {
  EXPECT_EQ(DidYouMean("rnu", kWords), " Did you mean run?");
  EXPECT_EQ(DidYouMean("lis", {"list", "lisp"}), " Did you mean one of: list, lisp?");
  EXPECT_EQ(DidYouMean("xyzzy", kWords), "");
}

}  // namespace
}  // namespace tripoint::contract
