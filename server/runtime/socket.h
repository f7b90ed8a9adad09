// Listening sockets and addresses of peers, for the gate. Any thread.
#pragma once

#include <sys/socket.h>

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tripoint::runtime {

// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.Release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { Close(); }
  int number() const { return number_; }
  bool open() const { return number_ >= 0; }
  void Close();
  // Gives the number away; the caller closes it.
  int Release();

 private:
  int number_;
};

struct HostPort {
  std::string host;  // without brackets
  int port = 0;      // 0: any free one
};

// Reads `127.0.0.1:7443`, `[::1]:7443` or `name.example:7443`.
std::optional<HostPort> ParseHostPort(std::string_view text);

// A non-blocking TCP socket that listens at `address` (numeric host; see ParseHostPort).
// `segment_bytes_max`: of its connections, in both directions, since it is told to whoever dials;
// 0: what the network interface takes. Errors: FAILED_PRECONDITION / CONFIG_INVALID, with the
// operating system's reason.
absl::StatusOr<Descriptor> ListenAt(std::string_view address, int segment_bytes_max = 0);

// The address a socket is bound to, as `127.0.0.1:7443` or `[::1]:7443`.
std::string BoundAddress(int descriptor);

// The name that gRPC gives to the connection, `ipv4:10.0.0.7:41234` or `ipv6:%5B::1%5D:41234`, and
// without the port, for counting per machine. An IPv4 address inside an IPv6 one is unwrapped, as
// gRPC does.
struct PeerName {
  std::string connection;
  std::string machine;
};
PeerName NameOf(const sockaddr_storage& address);

}  // namespace tripoint::runtime
