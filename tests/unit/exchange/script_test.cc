// Goal: the core does exactly what the scripts say, step by step. `exchange_test --rewrite` writes
// what it does into the scripts; a person then reads the difference.
#include "tests/unit/exchange/script.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace tripoint::exchange {
namespace {

bool rewrite_scripts = false;

std::string ReadText(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> ScriptNames() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(TRIPOINT_SCRIPTS)) {
    if (entry.path().extension() == ".txt") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class CoreScript : public ::testing::TestWithParam<std::string> {};

TEST_P(CoreScript, DoesWhatItSays) {
  const std::filesystem::path path =
      std::filesystem::path(TRIPOINT_SCRIPTS) / (GetParam() + ".txt");
  const std::string expected = ReadText(path);
  const std::string actual = Script::Run(expected);
  EXPECT_EQ(actual.find("error:"), std::string::npos) << actual;
  EXPECT_EQ(actual.find("NOT RIGHT"), std::string::npos) << actual;
  if (rewrite_scripts) {
    std::ofstream(path) << actual;
  } else {
    EXPECT_EQ(actual, expected);
  }
}

// Goal: a peer that begins one epoch after the other takes only so much memory and so much of a
// hello, and the epochs that ended last stay ended.
TEST(CoreEpochs, AreRememberedWithinBounds) {
  constexpr int kRemembered = 64;
  const auto run = [](int last_epoch) {
    std::string script = "auto sent stored\n";
    int stream = 0;
    const auto meet = [&](int epoch) {
      const std::string number = std::to_string(++stream);
      script += "> open " + number + " theirs\n> hello " + number +
                " epoch=" + std::to_string(epoch) + "\n";
      return number;
    };
    for (int epoch = 10; epoch <= 10 + kRemembered + 1; ++epoch) {
      const std::string number = meet(epoch);
      script += "> batch " + number + " flash 0+1\n> closed " + number + " LINK_LOST\n";
    }
    (void)meet(last_epoch);
    const std::string output = Script::Run(script);
    EXPECT_EQ(output.find("error:"), std::string::npos) << output;
    EXPECT_EQ(output.find("NOT RIGHT"), std::string::npos) << output;
    return output.substr(output.rfind("> open"));
  };
  const std::string again = run(11);
  EXPECT_NE(again.find("quarantine flash from them CHANNEL_ROLLED_BACK"), std::string::npos);
  EXPECT_EQ(run(10).find("quarantine"), std::string::npos) << "forgotten: as one never seen";
  std::size_t shown = 1;  // the present one
  for (std::size_t at = again.find(" past "); at != std::string::npos;
       at = again.find(" past ", at + 1))
    ++shown;
  EXPECT_EQ(shown, kHoldingsMax);
}

std::string CamelCase(const ::testing::TestParamInfo<std::string>& info) {
  std::string name;
  bool upper = true;
  for (const char c : info.param) {
    if (c == '_') {
      upper = true;
    } else {
      name += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
      upper = false;
    }
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Scripts, CoreScript, ::testing::ValuesIn(ScriptNames()), CamelCase);

}  // namespace
}  // namespace tripoint::exchange

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--rewrite") tripoint::exchange::rewrite_scripts = true;
  }
  return RUN_ALL_TESTS();
}
