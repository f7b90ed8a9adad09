// signalfd(2) and an eventfd beside it. See signals.h.
#include "server/runtime/signals.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace tripoint::runtime {

Signals::Signals() {
  (void)std::signal(SIGPIPE, SIG_IGN);
  sigset_t mask;
  sigemptyset(&mask);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&mask, number);
  (void)pthread_sigmask(SIG_BLOCK, &mask, nullptr);
  signal_descriptor_ = ::signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
  wake_descriptor_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

Signals::~Signals() {
  ::close(signal_descriptor_);
  ::close(wake_descriptor_);
}

Signals::Event Signals::Wait(int timeout_ms) {
  std::array<pollfd, 2> polled = {pollfd{signal_descriptor_, POLLIN, 0},
                                  pollfd{wake_descriptor_, POLLIN, 0}};
  if (::poll(polled.data(), polled.size(), timeout_ms) <= 0) return Event::kNone;
  signalfd_siginfo information;
  if (::read(signal_descriptor_, &information, sizeof(information)) == sizeof(information)) {
    return information.ssi_signo == SIGHUP ? Event::kReload : Event::kStop;
  }
  std::uint64_t count = 0;
  return ::read(wake_descriptor_, &count, sizeof(count)) == sizeof(count) ? Event::kWake
                                                                          : Event::kNone;
}

void Signals::Wake() {
  const std::uint64_t one = 1;
  (void)!::write(wake_descriptor_, &one, sizeof(one));
}

}  // namespace tripoint::runtime
