// See grpc_end.h. Any thread that is not gRPC's.
#include "certs/grpc_end.h"

#include <grpc/grpc.h>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace tripoint::certs {
namespace {

constexpr absl::Duration kStep = absl::Milliseconds(1);  // gRPC tells nobody when it ends

}  // namespace

bool AwaitGrpcEnd(int steps) {
  // It answers under the lock that is held while everything is taken down.
  for (; grpc_is_initialized() != 0; --steps) {
    if (steps <= 0) return false;
    absl::SleepFor(kStep);
  }
  return true;
}

}  // namespace tripoint::certs
