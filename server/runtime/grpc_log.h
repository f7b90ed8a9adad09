// Takes gRPC's own messages into the log, so that standard error holds nothing but our lines.
//
// Made by command_run.cc before the node, on the main thread. gRPC calls from any thread.
#pragma once

#include "server/runtime/log.h"

namespace tripoint::runtime {

// While it lives, gRPC's messages become `grpc.message` lines of level debug with place and no
// text, since the text may quote what a stranger sent. A TLS handshake that failed before any
// certificate could be judged becomes a warning `handshake.refused` with why: no_certificate,
// tls_version or not_understood. One at a time.
class GrpcLog {
 public:
  // `log` outlives it.
  explicit GrpcLog(Log& log);
  ~GrpcLog();
  GrpcLog(const GrpcLog&) = delete;
  GrpcLog& operator=(const GrpcLog&) = delete;
};

}  // namespace tripoint::runtime
