// What ThreadSanitizer is told in every program of the preset `tsan`: no variable has to be set,
// also not for the nodes that a test starts. Called by its runtime before main.

extern "C" const char* __tsan_default_options() {
  // A program that raced ends with 66, whatever it answers otherwise.
  return "exitcode=66:halt_on_error=0:second_deadlock_stack=1:history_size=4";
}

// Each line names a library or one of its functions, never ours, and says why.
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
race:absl::debian3::Status::UnrefNonInlined
race:absl::debian3::status_internal::Payload
# The end of a call is handed over by a count, one half of which is compiled into generated code without ThreadSanitizer.
race:grpc::internal::CallOpClientRecvStatus::FinishOp
# The log's thread lets go of its count within libspdlog.
race:spdlog::async_logger::~async_logger
# RocksDB's readers look at what its writer linked in by atomics, partly with code of std::string that is ours by linking. This
# hides too what it calls of ours: the listener and the logger of rocks_engine.cc (two atomics, one flag under a lock) and the
# on_fatal, on_trouble and on_log that the node gave them.
race:librocksdb.so
)";
}
