// The order that gRPC makes between threads. It hands calls over by atomics of its own, in code
// that is not built for ThreadSanitizer: each message, each reactor would be a false report. So
// gRPC is taken for one great lock: what a thread did before it handed gRPC something, or let go of
// one of gRPC's locks, comes before what any thread does that came back from gRPC, or took one of
// its locks.
//
// That says too much, never too little: a race between two of our threads is missed where both were
// in gRPC between the two accesses. Linked as absl_mutex.cc is. Any thread.
#include "tests/tsan/grpc_order.h"

#include <dlfcn.h>
#include <grpc/grpc.h>
#include <link.h>
#include <sanitizer/tsan_interface.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

char order;

struct Range {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
};

// Of libgpr, libgrpc and libgrpc++, which are there from the start.
struct Ranges {
  Range ranges[16];
  int count = 0;

  Ranges() { dl_iterate_phdr(&Add, this); }

  static int Add(dl_phdr_info* library, std::size_t /*size*/, void* self) {
    const char* const slash = std::strrchr(library->dlpi_name, '/');
    const char* const name = slash == nullptr ? library->dlpi_name : slash + 1;
    if (std::strncmp(name, "libgrpc", 7) != 0 && std::strncmp(name, "libgpr.", 7) != 0) return 0;
    Ranges& all = *static_cast<Ranges*>(self);
    for (int i = 0; i < library->dlpi_phnum && all.count < 16; ++i) {
      const ElfW(Phdr)& part = library->dlpi_phdr[i];
      if (part.p_type != PT_LOAD || (part.p_flags & PF_X) == 0) continue;
      const std::uintptr_t begin = library->dlpi_addr + part.p_vaddr;
      all.ranges[all.count++] = {begin, begin + part.p_memsz};
    }
    return 0;
  }
};

template <typename Function>
Function* Own(const char* name) {
  void* const found = dlsym(RTLD_NEXT, name);
  if (found == nullptr) {
    std::fprintf(stderr, "tests/tsan/grpc_order.cc: libgrpc has no %s\n", name);
    std::abort();
  }
  return reinterpret_cast<Function*>(found);
}

}  // namespace

namespace tripoint {

bool IsGrpc(const void* code) {
  static const Ranges kRanges;
  const auto at = reinterpret_cast<std::uintptr_t>(code);
  for (int i = 0; i < kRanges.count; ++i) {
    if (at >= kRanges.ranges[i].begin && at < kRanges.ranges[i].end) return true;
  }
  return false;
}

void GoToGrpc() { __tsan_release(&order); }
void ComeFromGrpc() { __tsan_acquire(&order); }

}  // namespace tripoint

extern "C" {

grpc_call_error grpc_call_start_batch(grpc_call* call, const grpc_op* ops, size_t ops_count,
                                      void* tag, void* reserved) {
  static auto* const own = Own<decltype(grpc_call_start_batch)>("grpc_call_start_batch");
  tripoint::GoToGrpc();
  return own(call, ops, ops_count, tag, reserved);
}

void grpc_call_unref(grpc_call* call) {
  static auto* const own = Own<decltype(grpc_call_unref)>("grpc_call_unref");
  tripoint::GoToGrpc();
  own(call);
}

grpc_event grpc_completion_queue_next(grpc_completion_queue* queue, gpr_timespec deadline,
                                      void* reserved) {
  static auto* const own = Own<decltype(grpc_completion_queue_next)>("grpc_completion_queue_next");
  const grpc_event event = own(queue, deadline, reserved);
  tripoint::ComeFromGrpc();
  return event;
}

grpc_event grpc_completion_queue_pluck(grpc_completion_queue* queue, void* tag,
                                       gpr_timespec deadline, void* reserved) {
  static auto* const own =
      Own<decltype(grpc_completion_queue_pluck)>("grpc_completion_queue_pluck");
  const grpc_event event = own(queue, tag, deadline, reserved);
  tripoint::ComeFromGrpc();
  return event;
}

}  // extern "C"
