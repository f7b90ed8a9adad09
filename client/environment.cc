// The real Host. Everything that the operating system decides for the CLI is read here and nowhere
// else.
#include "client/environment.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <string>
#include <system_error>

namespace tripoint::client {
namespace {

constexpr int kExitInterrupted = 130;

volatile std::sig_atomic_t interrupts = 0;

extern "C" void OnInterrupt(int /*signal*/) {
  interrupts = interrupts + 1;
  if (interrupts > 1) _exit(kExitInterrupted);
}

// 0, or the error number of the write that failed.
int WriteAll(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    if (written == 0) return EIO;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

class ProcessHost : public Host {
 public:
  ProcessHost() {
    struct sigaction action = {};
    action.sa_handler = OnInterrupt;  // no SA_RESTART: a waiting read or poll returns at once
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
  }

  std::optional<std::string> Variable(std::string_view name) const override {
    const char* value = std::getenv(std::string(name).c_str());
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  }

  int64_t NowMs() override {
    timespec now = {};
    clock_gettime(CLOCK_REALTIME, &now);
    return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
  }

  std::string NewUuid() override {
    std::array<unsigned char, 16> bytes = {};
    std::size_t have = 0;
    while (have < bytes.size()) {
      const ssize_t got = getrandom(bytes.data() + have, bytes.size() - have, 0);
      if (got > 0) have += static_cast<std::size_t>(got);
    }
    bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0FU) | 0x40U);
    bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3FU) | 0x80U);
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
      constexpr std::string_view kHex = "0123456789abcdef";
      text += kHex[bytes[i] >> 4U];
      text += kHex[bytes[i] & 15U];
    }
    return text;
  }

  void Pause(int64_t duration_ms) override {
    if (!Interrupted()) poll(nullptr, 0, static_cast<int>(duration_ms));
  }

  bool Interrupted() const override { return interrupts > 0; }
  bool InputIsTerminal() const override { return isatty(STDIN_FILENO) == 1; }
  bool OutputIsTerminal() const override { return isatty(STDOUT_FILENO) == 1; }
  bool ErrorIsTerminal() const override { return isatty(STDERR_FILENO) == 1; }

  int Columns() const override {
    winsize size = {};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
    return size.ws_col;
  }

  bool Write(std::string_view text) override {
    const int fault = WriteAll(STDOUT_FILENO, text);
    if (fault != 0 && fault != EPIPE) write_fault_ = std::system_category().message(fault);
    return fault == 0;
  }
  std::string WriteFault() const override { return write_fault_; }
  void WriteError(std::string_view text) override { WriteAll(STDERR_FILENO, text); }

  std::optional<std::string> ReadLine() override {
    std::string line;
    if (!std::getline(std::cin, line)) return std::nullopt;
    return line;
  }

 private:
  std::string write_fault_;
};

}  // namespace

std::unique_ptr<Host> MakeProcessHost() { return std::make_unique<ProcessHost>(); }

}  // namespace tripoint::client
