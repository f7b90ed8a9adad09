// Takes gRPC's own messages into the log, so that standard error holds nothing but our lines.
//
// Made by command_run.cc before the node, on the main thread. gRPC calls from any thread.
#pragma once

#include "server/runtime/log.h"

namespace tripoint::runtime {

// While it lives, gRPC's messages become `grpc.message` lines with place and no text, since the
// text may quote what a stranger sent. Level debug: gRPC calls every failed handshake an error, and
// what matters of it is told by the node's own observers. One at a time.
class GrpcLog {
 public:
  // `log` outlives it.
  explicit GrpcLog(Log& log);
  ~GrpcLog();
  GrpcLog(const GrpcLog&) = delete;
  GrpcLog& operator=(const GrpcLog&) = delete;
};

}  // namespace tripoint::runtime
