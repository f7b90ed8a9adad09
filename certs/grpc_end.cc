// See grpc_end.h. Any thread that is not gRPC's.
#include "certs/grpc_end.h"

#include <grpc/grpc.h>

#include <filesystem>
#include <system_error>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace tripoint::certs {
namespace {

constexpr absl::Duration kStep = absl::Milliseconds(1);  // gRPC tells nobody when it ends

// As the kernel counts them: also those that nobody can join. 0 where it does not say.
int Threads() {
  std::error_code error;
  std::filesystem::directory_iterator found("/proc/self/task", error);
  int count = 0;
  for (; !error && found != std::filesystem::directory_iterator(); found.increment(error)) ++count;
  return count;
}

}  // namespace

GrpcEnd::GrpcEnd() : threads_(Threads()) {}

bool GrpcEnd::Await(int steps) const {
  // grpc_is_initialized answers under the lock that is held while everything is taken down.
  for (; grpc_is_initialized() != 0 || Threads() > threads_; --steps) {
    if (steps <= 0) return false;
    absl::SleepFor(kStep);
  }
  return true;
}

}  // namespace tripoint::certs
