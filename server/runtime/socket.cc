// Listening sockets and names of peers. See socket.h.
#include "server/runtime/socket.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>
#include <utility>

#include "proto/contract/error.h"

namespace tripoint::runtime {
namespace {

constexpr int kBacklog = 512;
constexpr int kPortMax = 65535;

absl::Status ListenFault(std::string_view address, std::string_view why) {
  return contract::Error(
      absl::StatusCode::kFailedPrecondition, contract::Reason::kConfigInvalid,
      fmt::format("Cannot listen at {}", address), std::string(why),
      "Stop the program that uses the address, or set another one (api.listen, exchange.listen) "
      "in the configuration file");
}

std::string NumericHost(int family, const void* address) {
  char text[INET6_ADDRSTRLEN] = {};
  return ::inet_ntop(family, address, text, sizeof(text)) == nullptr ? std::string("?")
                                                                     : std::string(text);
}

// sockaddr is a family of structures: the copies keep that without a pointer cast.
sockaddr_in AsIpv4(const sockaddr_storage& address) {
  sockaddr_in ipv4 = {};
  std::memcpy(&ipv4, &address, sizeof(ipv4));
  return ipv4;
}

sockaddr_in6 AsIpv6(const sockaddr_storage& address) {
  sockaddr_in6 ipv6 = {};
  std::memcpy(&ipv6, &address, sizeof(ipv6));
  return ipv6;
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    Close();
    number_ = other.Release();
  }
  return *this;
}

void Descriptor::Close() {
  if (number_ >= 0) ::close(number_);
  number_ = -1;
}

int Descriptor::Release() { return std::exchange(number_, -1); }

std::optional<HostPort> ParseHostPort(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos || colon == 0) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  constexpr std::string_view kHostBytes =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
  constexpr std::string_view kIpv6Bytes = "abcdefABCDEF0123456789:.";
  if (host.find_first_not_of(bracketed ? kIpv6Bytes : kHostBytes) != host.npos) return std::nullopt;
  int port = 0;
  const auto [end, error] =
      std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (error != std::errc() || end != port_text.data() + port_text.size()) return std::nullopt;
  if (port < 0 || port > kPortMax) return std::nullopt;
  return HostPort{std::string(host), port};
}

absl::StatusOr<Descriptor> ListenAt(std::string_view address, int segment_bytes_max) {
  const std::optional<HostPort> parsed = ParseHostPort(address);
  if (!parsed.has_value())
    return ListenFault(address, "the address is not of the form 127.0.0.1:7443 or [::1]:7443");
  addrinfo hints = {};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  addrinfo* found = nullptr;
  if (::getaddrinfo(parsed->host.c_str(), std::to_string(parsed->port).c_str(), &hints, &found) !=
      0) {
    return ListenFault(address, "the host is not a numeric address such as 127.0.0.1 or 0.0.0.0");
  }
  Descriptor listener(::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int yes = 1;
  // Accepted sockets inherit TCP_NODELAY: gRPC sets it on its own listeners only.
  (void)::setsockopt(listener.number(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  (void)::setsockopt(listener.number(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  if (segment_bytes_max > 0) {
    (void)::setsockopt(listener.number(), IPPROTO_TCP, TCP_MAXSEG, &segment_bytes_max,
                       sizeof(segment_bytes_max));
  }
  const bool listening = listener.open() &&
                         ::bind(listener.number(), found->ai_addr, found->ai_addrlen) == 0 &&
                         ::listen(listener.number(), kBacklog) == 0;
  const int error = errno;
  ::freeaddrinfo(found);
  if (!listening) return ListenFault(address, std::system_category().message(error));
  return listener;
}

std::string BoundAddress(int descriptor) {
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  // The socket interface's own convention: every sockaddr_* is passed as sockaddr.
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) return "";
  if (address.ss_family == AF_INET) {
    const sockaddr_in ipv4 = AsIpv4(address);
    return fmt::format("{}:{}", NumericHost(AF_INET, &ipv4.sin_addr), ntohs(ipv4.sin_port));
  }
  const sockaddr_in6 ipv6 = AsIpv6(address);
  return fmt::format("[{}]:{}", NumericHost(AF_INET6, &ipv6.sin6_addr), ntohs(ipv6.sin6_port));
}

PeerName NameOf(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    const sockaddr_in ipv4 = AsIpv4(address);
    const std::string host = NumericHost(AF_INET, &ipv4.sin_addr);
    return {fmt::format("ipv4:{}:{}", host, ntohs(ipv4.sin_port)), host};
  }
  const sockaddr_in6 ipv6 = AsIpv6(address);
  const int port = ntohs(ipv6.sin6_port);
  if (IN6_IS_ADDR_V4MAPPED(&ipv6.sin6_addr)) {
    in_addr inner = {};
    std::memcpy(&inner, &ipv6.sin6_addr.s6_addr[12], sizeof(inner));
    const std::string host = NumericHost(AF_INET, &inner);
    return {fmt::format("ipv4:{}:{}", host, port), host};
  }
  const std::string host = NumericHost(AF_INET6, &ipv6.sin6_addr);
  // One attacker owns a whole /64: count by its network.
  in6_addr network = ipv6.sin6_addr;
  std::memset(&network.s6_addr[8], 0, 8);
  return {fmt::format("ipv6:%5B{}%5D:{}", host, port),
          IN6_IS_ADDR_LOOPBACK(&ipv6.sin6_addr) ? host : NumericHost(AF_INET6, &network)};
}

}  // namespace tripoint::runtime
