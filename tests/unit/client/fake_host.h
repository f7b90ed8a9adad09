// A machine for tests: fake clock that moves only by Pause, numbered UUIDs, captured output. One
// thread.
#pragma once

#include <cstdio>
#include <deque>
#include <map>
#include <string>

#include "client/host.h"

namespace tripoint::client {

// 22 November 2026, 07:00 +07.
inline constexpr int64_t kTestNowMs = 1'795'305'600'000;

class FakeHost : public Host {
 public:
  std::map<std::string, std::string, std::less<>> variables = {{"HOME", "/nonexistent"}};
  int64_t now_ms = kTestNowMs;
  bool interrupted = false;
  bool terminal = false;
  std::string write_fault;   // standard output takes nothing, and this is why
  bool pipe_closed = false;  // standard output takes nothing, because its reader left
  std::deque<std::string> answers;
  std::string out;
  std::string err;

  std::optional<std::string> Variable(std::string_view name) const override {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  }
  int64_t NowMs() override { return now_ms; }
  std::string NewUuid() override {
    char text[40];
    std::snprintf(text, sizeof(text), "00000000-0000-4000-8000-%012d", ++uuids_);
    return text;
  }
  void Pause(int64_t duration_ms) override { now_ms += duration_ms; }
  bool Interrupted() const override { return interrupted; }
  bool InputIsTerminal() const override { return terminal; }
  bool OutputIsTerminal() const override { return terminal; }
  bool ErrorIsTerminal() const override { return terminal; }
  int Columns() const override { return terminal ? 100 : 0; }
  bool Write(std::string_view text) override {
    if (!write_fault.empty() || pipe_closed) return false;
    out += text;
    return true;
  }
  std::string WriteFault() const override { return write_fault; }
  void WriteError(std::string_view text) override { err += text; }
  std::optional<std::string> ReadLine() override {
    if (answers.empty()) return std::nullopt;
    std::string line = answers.front();
    answers.pop_front();
    return line;
  }

 private:
  int uuids_ = 0;
};

}  // namespace tripoint::client
