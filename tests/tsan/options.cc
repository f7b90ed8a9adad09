// What ThreadSanitizer is told in every program of the preset `tsan`: no variable has to be set,
// also not for the nodes that a test starts. Called by its runtime before main.
#include <thread>

extern "C" const char* __tsan_default_options() {
  // A program that raced ends with 66, whatever it answers otherwise.
  return "exitcode=66:halt_on_error=0:second_deadlock_stack=1:history_size=4";
}

// Each line names a library or one of its functions, never ours, and says why. `race:` hides every
// report with such a frame in the stack of an access, or of who made the memory or a thread, also
// where the library called us, so it names functions that call none of ours. `race_top:` looks at
// the innermost frame alone. `called_from_lib:` takes no notice of what the library does through
// libc, its locks included: it would tear the order that a library makes with pthreads, and stands
// only where all locks are absl's. RocksDB locks with pthreads, which are seen; with a line of its
// name of either kind its calls of our code would be hidden, or reported falsely
// (beneath_rocksdb_test.cc).
extern "C" const char* __tsan_default_suppressions() {
  return R"(
# gRPC and protobuf copy and free what one of their atomics handed over. All their locks are absl's, which absl_mutex.cc tells
# of, so nothing that orders threads is lost with these.
called_from_lib:libgrpc.so
called_from_lib:libgrpc++.so
called_from_lib:libgpr.so
called_from_lib:libprotobuf.so
# A status is shared by a count within this library; who has the last of it frees it.
called_from_lib:libabsl_status.so
race:absl::debian3::Status::Unref
race:absl::debian3::status_internal::Payload
# gRPC writes and reads the trailers of a call, which it hands over itself, by these. None locks but the last, its table of zones.
called_from_lib:libabsl_cord.so
called_from_lib:libabsl_time.so
called_from_lib:libabsl_time_zone.so
# A connection that the gate accepted is closed by gRPC, unseen: who gets its number next would seem to race with the gate.
race_top:accept4
# The end of a call is handed over by a count, one half of which is compiled into generated code without ThreadSanitizer.
race:grpc::internal::CallOpClientRecvStatus::FinishOp
# What this reaction of gRPC's reads of its own object to call on. The object is freed by the last reaction: a count within libgrpc++,
# which that code lets go of after its return, puts this one before. What it calls is still seen: the innermost frame alone is named.
race_top:::OnCancel
# The log's thread lets go of its count within libspdlog.
race:spdlog::async_logger::~async_logger
)";
}

namespace {

// Its runtime starts a thread of its own beside the program's first one and keeps it. It has it
// before main with this: certs::GrpcEnd waits until the process has no more threads than it began
// with, in vain otherwise (2 s at the end of each command).
const bool kHasItsThread = [] {
  std::thread([] {}).join();
  return true;
}();

}  // namespace
