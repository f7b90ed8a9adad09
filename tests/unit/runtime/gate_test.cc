// Goal: the gate's caps hold, running out of descriptors does not stop it (gRPC 1.51 alone never
// accepts again), and whom it cuts is cut. Real loopback sockets on port 0; a server that only
// holds what it is handed.
#include "server/runtime/gate.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "proto/contract/error.h"

namespace tripoint::runtime {
namespace {

constexpr int kDeadlineMs = 20'000;

Descriptor Connect(const Gate& gate) {
  const auto address = ParseHostPort(gate.bound_address());
  sockaddr_in target = {};
  target.sin_family = AF_INET;
  target.sin_port = htons(static_cast<std::uint16_t>(address->port));
  target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Descriptor client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(client.number(), reinterpret_cast<const sockaddr*>(&target), sizeof(target)),
            0);
  return client;
}

// The gate's name for the client's end, as gRPC would call it.
std::string PeerOf(const Descriptor& client) { return "ipv4:" + BoundAddress(client.number()); }

// True when the other side ended the connection before the deadline.
bool EndsSoon(const Descriptor& client) {
  pollfd polled = {client.number(), POLLIN | POLLRDHUP, 0};
  if (::poll(&polled, 1, kDeadlineMs) <= 0) return false;
  char byte = 0;
  return ::recv(client.number(), &byte, 1, 0) <= 0;
}

// Holds the sockets that the gate hands over, as gRPC would.
class Holder {
 public:
  Gate::Deliver Deliver() {
    return [this](int /*listener*/, int descriptor) {
      const absl::MutexLock lock(&mutex_);
      held_.push_back(std::make_unique<Descriptor>(descriptor));
    };
  }
  bool WaitForCount(std::size_t count) {
    const absl::MutexLock lock(&mutex_);
    const auto reached = [this, count]()
                             ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return held_.size() >= count; };
    return mutex_.AwaitWithTimeout(absl::Condition(&reached), absl::Milliseconds(kDeadlineMs));
  }
  // What gRPC does at the end of a connection.
  void EndAll() {
    const absl::MutexLock lock(&mutex_);
    for (auto& descriptor : held_) ::shutdown(descriptor->number(), SHUT_RDWR);
    held_.clear();
  }
  // Reads everything that waits, as gRPC would, so that the kernel takes more.
  void Drain() {
    const absl::MutexLock lock(&mutex_);
    std::vector<char> buffer(1 << 16);
    for (auto& descriptor : held_) {
      while (::recv(descriptor->number(), buffer.data(), buffer.size(), MSG_DONTWAIT) > 0) {
      }
    }
  }

 private:
  absl::Mutex mutex_;
  std::vector<std::unique_ptr<Descriptor>> held_ ABSL_GUARDED_BY(mutex_);
};

class GateTest : public testing::Test {
 protected:
  std::unique_ptr<Gate> StartGate(const GateLimits& limits) {
    auto gate = Gate::Listen("test", "127.0.0.1:0", limits, clock_, log_);
    EXPECT_TRUE(gate.ok());
    (*gate)->Start(holder_.Deliver());
    return *std::move(gate);
  }
  // The gate's counts change on its own thread: looks until `reached` holds.
  static bool Eventually(const std::function<bool()>& reached) {
    SystemClock clock;
    const std::int64_t end_ms = clock.monotonic_ms() + kDeadlineMs;
    while (clock.monotonic_ms() < end_ms) {
      if (reached()) return true;
      (void)::poll(nullptr, 0, 5);
    }
    return false;
  }

  SystemClock clock_;
  Log log_{clock_, Level::kError, [](std::string_view) {}};
  Holder holder_;
};

TEST_F(GateTest, TotalCapRefusesAndFreesAgain) {
  GateLimits limits;
  limits.connections_max = 3;
  const auto gate = StartGate(limits);
  std::vector<Descriptor> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(Connect(*gate));
  ASSERT_TRUE(holder_.WaitForCount(3));
  EXPECT_TRUE(EndsSoon(Connect(*gate)));
  EXPECT_EQ(gate->counts().refused_total, 1U);
  holder_.EndAll();
  ASSERT_TRUE(Eventually([&] { return gate->counts().open == 0; }));
  const Descriptor again = Connect(*gate);
  EXPECT_TRUE(holder_.WaitForCount(1));
}

TEST_F(GateTest, PerAddressCapRefuses) {
  GateLimits limits;
  limits.per_address_max = 2;
  const auto gate = StartGate(limits);
  const Descriptor first = Connect(*gate);
  const Descriptor second = Connect(*gate);
  ASSERT_TRUE(holder_.WaitForCount(2));
  EXPECT_TRUE(EndsSoon(Connect(*gate)));
  EXPECT_EQ(gate->counts().refused_per_address, 1U);
}

TEST_F(GateTest, TooManyASecondAreRefused) {
  GateLimits limits;
  limits.per_address_second_max = 1;
  const auto gate = StartGate(limits);
  std::vector<Descriptor> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(Connect(*gate));
  ASSERT_TRUE(Eventually([&] {
    const GateCounts counts = gate->counts();
    return counts.accepted + counts.refused_per_address == 20;
  }));
  EXPECT_GT(gate->counts().refused_per_address, 0U);
  EXPECT_GE(gate->counts().accepted, 2U);
}

TEST_F(GateTest, ExhaustedDescriptorsAreSurvived) {
  const auto gate = StartGate({});
  const Descriptor before = Connect(*gate);
  ASSERT_TRUE(holder_.WaitForCount(1));

  // Leaves room for nothing but the clients that were made before.
  std::vector<Descriptor> waiting;
  for (int i = 0; i < 4; ++i)
    waiting.push_back(Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
  rlimit original = {};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &original), 0);
  std::vector<Descriptor> fill;
  rlimit narrow = original;
  narrow.rlim_cur = 256;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &narrow), 0);
  while (true) {
    Descriptor filler(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!filler.open()) break;
    fill.push_back(std::move(filler));
  }
  const auto address = ParseHostPort(gate->bound_address());
  sockaddr_in target = {};
  target.sin_family = AF_INET;
  target.sin_port = htons(static_cast<std::uint16_t>(address->port));
  target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (const Descriptor& client : waiting) {
    EXPECT_EQ(
        ::connect(client.number(), reinterpret_cast<const sockaddr*>(&target), sizeof(target)), 0);
    EXPECT_TRUE(EndsSoon(client));
  }
  EXPECT_GE(gate->counts().refused_no_descriptor, 4U);
  fill.clear();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &original), 0);

  const Descriptor after = Connect(*gate);
  EXPECT_TRUE(holder_.WaitForCount(2)) << "the listener must live on";
}

TEST_F(GateTest, FloodWithoutMessagesIsCutAndAnHonestPeerIsNot) {
  GateLimits limits;
  limits.wire_free_bytes = 64 << 10;
  limits.check_interval_ms = 5;
  const auto gate = StartGate(limits);
  const Descriptor honest = Connect(*gate);
  ASSERT_TRUE(holder_.WaitForCount(1));
  const Descriptor flooder = Connect(*gate);
  ASSERT_TRUE(holder_.WaitForCount(2));
  const std::vector<char> block(16 << 10, 'x');
  // The honest peer sends more than the free part, and all of it arrives as messages.
  const auto counter = gate->CounterOf(PeerOf(honest));
  ASSERT_NE(counter, nullptr);
  for (int i = 0; i < 16; ++i) {
    counter->Received(static_cast<std::int64_t>(block.size()));
    ASSERT_EQ(::send(honest.number(), block.data(), block.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(block.size()));
    holder_.Drain();
  }
  std::int64_t sent = 0;
  ASSERT_TRUE(Eventually([&] {
    holder_.Drain();
    const ssize_t taken =
        ::send(flooder.number(), block.data(), block.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (taken > 0) sent += taken;
    return gate->counts().cut == 1;
  }));
  EXPECT_GT(sent, limits.wire_free_bytes);
  EXPECT_TRUE(EndsSoon(flooder));
  ASSERT_TRUE(Eventually([&] { return gate->counts().open == 1; }));
  EXPECT_EQ(gate->counts().cut, 1U);
  EXPECT_NE(gate->CounterOf(PeerOf(honest)), nullptr);
}

TEST_F(GateTest, ShutCutsExactlyThatPeer) {
  const auto gate = StartGate({});
  const Descriptor stays = Connect(*gate);
  const Descriptor goes = Connect(*gate);
  ASSERT_TRUE(holder_.WaitForCount(2));
  EXPECT_FALSE(gate->Shut("ipv4:127.0.0.1:1"));
  EXPECT_TRUE(gate->Shut(PeerOf(goes)));
  EXPECT_TRUE(EndsSoon(goes));
  ASSERT_TRUE(Eventually([&] { return gate->counts().open == 1; }));
  EXPECT_NE(gate->CounterOf(PeerOf(stays)), nullptr);
  EXPECT_EQ(gate->CounterOf(PeerOf(goes)), nullptr);
}

TEST_F(GateTest, ResetPeerIsForgottenOnceAlthoughItsSocketIsStillHeld) {
  const auto gate = StartGate({});
  for (std::size_t i = 1; i <= 3; ++i) {
    Descriptor client = Connect(*gate);
    ASSERT_TRUE(holder_.WaitForCount(i));
    const linger reset = {1, 0};  // closing sends a reset
    ASSERT_EQ(::setsockopt(client.number(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
    client.Close();
    ASSERT_TRUE(Eventually([&] { return gate->counts().open == 0; }));
  }
  // The next one takes the number of a forgotten duplicate and must not be taken for it.
  const Descriptor stays = Connect(*gate);
  ASSERT_TRUE(holder_.WaitForCount(4));
  const Descriptor later = Connect(*gate);  // the gate has gone round again when this one is in
  ASSERT_TRUE(holder_.WaitForCount(5));
  EXPECT_EQ(gate->counts().open, 2);
  EXPECT_NE(gate->CounterOf(PeerOf(stays)), nullptr);
}

TEST_F(GateTest, StopAcceptingKeepsConnectionsAndStopCutsThem) {
  const auto gate = StartGate({});
  const Descriptor client = Connect(*gate);
  ASSERT_TRUE(holder_.WaitForCount(1));
  gate->StopAccepting();
  EXPECT_NE(gate->CounterOf(PeerOf(client)), nullptr);
  gate->Stop();
  EXPECT_TRUE(EndsSoon(client));
}

TEST_F(GateTest, PortInUseSaysWhichAndWhatToDo) {
  const auto gate = StartGate({});
  const auto second = Gate::Listen("other", gate->bound_address(), {}, clock_, log_);
  ASSERT_FALSE(second.ok());
  const contract::Problem problem = contract::ProblemOf(second.status());
  EXPECT_EQ(problem.reason, contract::Reason::kConfigInvalid);
  EXPECT_NE(problem.what.find(gate->bound_address()), std::string::npos);
  EXPECT_EQ(problem.why, "Address already in use");
}

TEST(Socket, AddressesAreReadExactly) {
  EXPECT_EQ(ParseHostPort("[::1]:7443")->host, "::1");
  EXPECT_EQ(ParseHostPort("node.example:80")->port, 80);
  for (const char* bad :
       {"", ":1", "a", "a:", "a:65536", "a:-1", "a b:1", "::1:5x", "[::1]", "a:1 "}) {
    EXPECT_FALSE(ParseHostPort(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace tripoint::runtime
