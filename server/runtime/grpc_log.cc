// gRPC's log function. See grpc_log.h.
#include "server/runtime/grpc_log.h"

#include <grpc/support/log.h>

#include <atomic>

namespace tripoint::runtime {
namespace {

// gRPC takes a plain function for the whole process: the one place where a global is unavoidable.
std::atomic<Log*> current_log = nullptr;

void Write(gpr_log_func_args* message) {
  if (Log* log = current_log.load(); log != nullptr) {
    log->Debug("grpc.message", {Field::SourceFile("file", message->file), {"line", message->line}});
  }
}

}  // namespace

GrpcLog::GrpcLog(Log& log) {
  current_log = &log;
  gpr_set_log_function(Write);
}

GrpcLog::~GrpcLog() { current_log = nullptr; }

}  // namespace tripoint::runtime
