// gRPC's log function. See grpc_log.h.
#include "server/runtime/grpc_log.h"

#include <grpc/support/log.h>

#include <atomic>
#include <string_view>

namespace tripoint::runtime {
namespace {

// gRPC takes a plain function for the whole process: the one place where a global is unavoidable.
std::atomic<Log*> current_log = nullptr;

// Why a TLS handshake failed. OpenSSL's words (ssl/ssl_err.c), as gRPC quotes them.
Literal WhyHandshakeFailed(std::string_view text) {
  const auto says = [text](std::string_view words) {
    return text.find(words) != std::string_view::npos;
  };
  if (says("peer did not return a certificate")) return "no_certificate";
  if (says("unsupported protocol") || says("wrong version number")) return "tls_version";
  return "not_understood";
}

void Write(gpr_log_func_args* message) {
  if (Log* log = current_log.load(); log != nullptr) {
    // Whoever fails before our verifier sees a certificate is told of by nobody else.
    const std::string_view text = message->message == nullptr ? "" : message->message;
    if (text.starts_with("Handshake failed with fatal error")) {
      log->Warning("handshake.refused", {{"why", WhyHandshakeFailed(text)}});
      return;
    }
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
