// The real Host. Everything that the operating system decides for the CLI is read here and nowhere
// else.
#include "client/environment.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

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

// Both ends of a pipe; -1 once closed.
struct Pipe {
  int read = -1;
  int write = -1;
  Pipe() {
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC) == 0) {
      read = ends[0];
      write = ends[1];
    }
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    Close(read);
    Close(write);
  }
  static void Close(int& end) {
    if (end >= 0) close(std::exchange(end, -1));
  }
};

// Takes both outputs until they end: whichever is full would hold the program up.
void Drain(Pipe& output, Pipe& error, ProgramResult& result) {
  std::array<pollfd, 2> ends = {pollfd{output.read, POLLIN, 0}, pollfd{error.read, POLLIN, 0}};
  std::array<std::string*, 2> texts = {&result.output, &result.error};
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    if (poll(ends.data(), ends.size(), -1) < 0 && errno != EINTR) return;
    for (std::size_t i = 0; i < ends.size(); ++i) {
      if (ends[i].fd < 0 || ends[i].revents == 0) continue;
      std::array<char, 4096> bytes;
      const ssize_t got = read(ends[i].fd, bytes.data(), bytes.size());
      if (got > 0) texts[i]->append(bytes.data(), static_cast<std::size_t>(got));
      if (got == 0 || (got < 0 && errno != EINTR)) ends[i].fd = -1;
    }
  }
}

std::optional<ProgramResult> RunProgram(const std::string& name,
                                        const std::vector<std::string>& words,
                                        std::string_view input) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string beside = (self.parent_path() / name).string();
  std::vector<char*> arguments = {const_cast<char*>(name.c_str())};
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  Pipe in;
  Pipe out;
  Pipe err;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.read, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.write, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.write, STDERR_FILENO);
  pid_t child = 0;
  int spawned = posix_spawn(&child, beside.c_str(), &actions, nullptr, arguments.data(), environ);
  if (spawned != 0)
    spawned = posix_spawnp(&child, name.c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (spawned != 0) return std::nullopt;
  Pipe::Close(in.read);
  Pipe::Close(out.write);
  Pipe::Close(err.write);
  WriteAll(in.write, input);  // less than a pipe holds
  Pipe::Close(in.write);
  ProgramResult result;
  Drain(out, err, result);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  result.exit = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
  return result;
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

  std::optional<std::string> ReadSecret() override {
    termios before = {};
    const bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
    if (terminal) {
      termios quiet = before;
      quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
      tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
    std::optional<std::string> line = ReadLine();
    if (terminal) {
      tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
      WriteAll(STDERR_FILENO, "\n");
    }
    return line;
  }

  std::optional<ProgramResult> RunProgram(const std::string& name,
                                          const std::vector<std::string>& words,
                                          std::string_view input) override {
    return client::RunProgram(name, words, input);
  }

 private:
  std::string write_fault_;
};

}  // namespace

std::unique_ptr<Host> MakeProcessHost() { return std::make_unique<ProcessHost>(); }

}  // namespace tripoint::client
