// A TLS client without gRPC, for what gRPC's own client cannot be made to do: old versions,
// counting tickets. Blocking, one thread, five seconds at most.
#pragma once

#include <string>

#include "certs_testing.h"

namespace tripoint::certs {

struct RawResult {
  bool connected = false;  // the handshake was completed and the server answered with data
  std::string version;     // "TLSv1.3"
  int tickets = 0;         // session tickets that the server issued
  std::string error;       // OpenSSL's reason when not connected
};

// Connects to 127.0.0.1:`port` speaking at most `version_max` (TLS1_2_VERSION, TLS1_3_VERSION) with
// `pair`; null: with no certificate. Reads what the server sends first (an HTTP/2 SETTINGS frame).
RawResult ConnectRaw(int port, int version_max, const TestPair* pair);

}  // namespace tripoint::certs
