// Goal: whole command sessions, word for word: what is printed, where, and with which exit code.
// golden/*.txt: `$ command`, then standard output, then standard error with `! `, then `= exit`. To
// write them anew after a wanted change: TRIPOINT_UPDATE_GOLDEN=1 client_test, then read the
// difference.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "client/app.h"
#include "client/text.h"
#include "fake_node.h"

namespace tripoint::client {
namespace {

std::vector<std::string> Words(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  bool quoted = false, any = false;
  for (const char c : line + " ") {
    if (c == '"') {
      quoted = !quoted;
      any = true;
    } else if (c == ' ' && !quoted) {
      if (any || !word.empty()) words.push_back(word);
      word.clear();
      any = false;
    } else {
      word += c;
    }
  }
  return words;
}

std::string Prefixed(const std::string& text, const std::string& prefix) {
  std::istringstream in(text);
  std::string out, line;
  while (std::getline(in, line)) out += prefix + line + "\n";
  return out;
}

// Runs the commands of `script` on one fresh node and gives the whole session.
std::string Session(const std::string& script) {
  FakeHost host;
  host.variables["TRIPOINT_ADDRESS"] = "127.0.0.1:7443";
  host.variables["TRIPOINT_UNIT"] = "vn-quangngai";
  host.variables["TRIPOINT_CERTIFICATES"] = "/c";
  FakeNode node(host);
  std::istringstream in(script);
  std::string out, line;
  while (std::getline(in, line)) {
    if (line.starts_with("# receive ")) {
      node.Receive(line.substr(10), host.now_ms + 7'200'000);
      out += line + "\n";
    } else if (line.starts_with("# journal ")) {
      node.FillJournal(std::stoi(line.substr(10)));
      out += line + "\n";
    } else if (line == "# queue" || line == "# trace") {
      line == "# queue" ? node.FillQueue() : node.FillTrace();
      out += line + "\n";
    } else if (line == "# quarantine") {
      node.FillQuarantine();
      out += line + "\n";
    } else if (line.starts_with("# damaged ")) {
      node.damaged = line.substr(10);
      out += line + "\n";
    } else if (line.starts_with("# hold ")) {  // unit, hold, reason
      const std::vector<std::string> words = Words(line);
      node.Hold(words.at(2), words.at(3), words.at(4));
      out += line + "\n";
    } else if (line.starts_with("#") || line.empty()) {
      out += line + "\n";
    } else if (line.starts_with("$ ")) {
      host.out.clear();
      host.err.clear();
      const int exit = Run(Words(line.substr(2)), host, node.Connector());
      out += line + "\n" + host.out + Prefixed(host.err, "! ") + "= " + std::to_string(exit) + "\n";
    }
  }
  return out;
}

TEST(Golden, SessionsAreWordForWord) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(GOLDEN_FOLDER)) {
    if (entry.path().extension() != ".txt") continue;
    ++files;
    std::ostringstream text;
    text << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    const std::string now = Session(text.str());
    if (std::getenv("TRIPOINT_UPDATE_GOLDEN") != nullptr) {
      std::ofstream(entry.path(), std::ios::binary) << now;
    } else {
      EXPECT_EQ(now, text.str()) << entry.path();
    }
  }
  EXPECT_GE(files, 4);
}

}  // namespace
}  // namespace tripoint::client
