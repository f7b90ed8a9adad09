// The accept loop. See gate.h.
#include "server/runtime/gate.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace tripoint::runtime {
namespace {

constexpr int kEventsMax = 64;
constexpr int kAcceptsPerRound = 32;  // then the connections get their turn
constexpr std::int64_t kWarnIntervalMs = 10'000;

void Watch(int epoll, int descriptor, std::uint32_t events) {
  epoll_event event = {};
  event.events = events;
  event.data.fd = descriptor;
  (void)::epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Gate>> Gate::Listen(Literal name, std::string_view address,
                                                   GateLimits limits, const Clock& clock,
                                                   Log& log) {
  absl::StatusOr<Descriptor> listener = ListenAt(address, limits.segment_bytes_max);
  if (!listener.ok()) return listener.status();
  return std::unique_ptr<Gate>(new Gate(name, *std::move(listener), limits, clock, log));
}

Gate::Gate(Literal name, Descriptor listener, GateLimits limits, const Clock& clock, Log& log)
    : name_(name),
      limits_(limits),
      clock_(clock),
      log_(log),
      listener_(std::move(listener)),
      bound_address_(BoundAddress(listener_.number())),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      reserve_(::open("/dev/null", O_RDONLY | O_CLOEXEC)),
      connections_(limits_) {}

Gate::~Gate() { Stop(); }

void Gate::Start(Deliver deliver) {
  deliver_ = std::move(deliver);
  accepting_ = true;
  Watch(epoll_.number(), listener_.number(), EPOLLIN);
  Watch(epoll_.number(), wake_.number(), EPOLLIN);
  thread_ = std::make_unique<Thread>("gate-" + std::string(name_.text()), [this] { Loop(); });
}

void Gate::WakeUp() {
  const std::uint64_t one = 1;
  (void)!::write(wake_.number(), &one, sizeof(one));
}

void Gate::StopAccepting() {
  stop_accepting_ = true;
  WakeUp();
}

void Gate::Stop() {
  stopping_ = true;
  WakeUp();
  if (thread_ != nullptr) thread_->Join();
  connections_.ShutAll();
}

void Gate::Loop() {
  std::array<epoll_event, kEventsMax> events;
  std::int64_t checked_ms = clock_.monotonic_ms();
  while (!stopping_) {
    // Without connections nothing needs a check, and an idle node sleeps.
    const bool watching = connections_.counts().open > 0;
    const int count = ::epoll_wait(epoll_.number(), events.data(), kEventsMax,
                                   watching ? static_cast<int>(limits_.check_interval_ms) : -1);
    for (int i = 0; i < count; ++i) {
      const int descriptor = events[static_cast<std::size_t>(i)].data.fd;
      if (descriptor == wake_.number()) {
        std::uint64_t ignored = 0;
        (void)!::read(descriptor, &ignored, sizeof(ignored));
      } else if (descriptor == listener_.number()) {
        AcceptWaiting();
      } else {
        // Hung up: gRPC or the peer is done with it. Closing alone would not end the watch, since
        // gRPC may still hold the same socket, and the number would soon mean another connection.
        (void)::epoll_ctl(epoll_.number(), EPOLL_CTL_DEL, descriptor, nullptr);
        connections_.Forget(descriptor);
      }
    }
    if (stop_accepting_ && accepting_) {
      accepting_ = false;
      (void)::epoll_ctl(epoll_.number(), EPOLL_CTL_DEL, listener_.number(), nullptr);
      listener_.Close();
    }
    const std::int64_t now_ms = clock_.monotonic_ms();
    if (now_ms - checked_ms < limits_.check_interval_ms) continue;
    checked_ms = now_ms;
    for (const std::string& peer : connections_.CutByWireRule()) {
      log_.Warning("gate.cut", {{"port", name_}, Field::Address("peer", peer)});
    }
  }
}

void Gate::AcceptWaiting() {
  for (int i = 0; i < kAcceptsPerRound && !stopping_ && !stop_accepting_; ++i) {
    sockaddr_storage address = {};
    socklen_t size = sizeof(address);
    // The socket interface's own convention: every sockaddr_* is passed as sockaddr.
    Descriptor accepted(::accept4(listener_.number(), reinterpret_cast<sockaddr*>(&address), &size,
                                  SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!accepted.open()) {
      if (errno == EMFILE || errno == ENFILE) {
        TurnOneAway();
        continue;
      }
      if (errno == ECONNABORTED || errno == EINTR) continue;
      return;  // nobody waits; any other error belongs to one connection, and the next round tries
               // again
    }
    const PeerName name = NameOf(address);
    int duplicate = -1;
    const auto verdict =
        connections_.Admit(accepted.number(), name, clock_.monotonic_ms(), duplicate);
    if (verdict == GateConnections::Verdict::kAdmitted) {
      Watch(epoll_.number(), duplicate, 0);  // EPOLLHUP and EPOLLERR are always told
      deliver_(listener_.number(), accepted.Release());
    } else if (clock_.monotonic_ms() - warned_ms_ > kWarnIntervalMs) {
      warned_ms_ = clock_.monotonic_ms();
      log_.Warning("gate.refused",
                   {{"port", name_},
                    Field::Address("peer", name.connection),
                    {"open", connections_.counts().open},
                    {"of_this_address", verdict == GateConnections::Verdict::kTooManyFromAddress}});
    }
  }
}

void Gate::TurnOneAway() {
  connections_.CountNoDescriptor();
  reserve_.Close();
  { const Descriptor turned_away(::accept4(listener_.number(), nullptr, nullptr, SOCK_CLOEXEC)); }
  reserve_ = Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (clock_.monotonic_ms() - warned_ms_ <= kWarnIntervalMs) return;
  warned_ms_ = clock_.monotonic_ms();
  log_.Error("gate.no_descriptor", {{"port", name_}, {"open", connections_.counts().open}});
}

}  // namespace tripoint::runtime
