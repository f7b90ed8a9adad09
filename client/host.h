// What the CLI asks of the machine it runs on: variables, clock, randomness, terminal, streams.
//
// Every other file of client/ sees only this interface, so that whole command sessions run in a
// test with a fake clock and captured output. environment.cc is the real one. One thread (main),
// except Interrupt() of the real one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tripoint::client {

// What another program said.
struct ProgramResult {
  int exit = 0;
  std::string output;
  std::string error;
};

class Host {
 public:
  virtual ~Host() = default;
  // Value of an environment variable; absent when it is not set.
  virtual std::optional<std::string> Variable(std::string_view name) const = 0;
  // UTC, milliseconds since 1970.
  virtual int64_t NowMs() = 0;
  // Random UUID (version 4), 36 characters.
  virtual std::string NewUuid() = 0;
  // Waits; returns early when the user interrupts.
  virtual void Pause(int64_t duration_ms) = 0;
  // True after Ctrl-C or a request to end.
  virtual bool Interrupted() const = 0;
  virtual bool InputIsTerminal() const = 0;
  virtual bool OutputIsTerminal() const = 0;
  virtual bool ErrorIsTerminal() const = 0;
  // Columns of the terminal; 0 when output is none.
  virtual int Columns() const = 0;
  // Writes and flushes. False: stop, because nobody reads any more (closed pipe) or writing failed.
  virtual bool Write(std::string_view text) = 0;
  // Why Write failed, such as `No space left on device`; empty when it did not. A closed pipe is no
  // fault: the reader had enough.
  virtual std::string WriteFault() const = 0;
  virtual void WriteError(std::string_view text) = 0;
  // One line of standard input without its end; absent at the end of input.
  virtual std::optional<std::string> ReadLine() = 0;
  // The same without showing it.
  virtual std::optional<std::string> ReadSecret() { return ReadLine(); }
  // Runs a program of ours, from the folder of this one or the path, with `input` as its standard
  // input, and waits for it. nullopt: there is none of that name.
  virtual std::optional<ProgramResult> RunProgram(const std::string& /*name*/,
                                                  const std::vector<std::string>& /*words*/,
                                                  std::string_view /*input*/) {
    return std::nullopt;
  }
};

}  // namespace tripoint::client
