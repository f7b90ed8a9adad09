// What ThreadSanitizer is told of the order that gRPC makes between threads, and cannot see: see
// grpc_order.cc. Any thread.
#pragma once

namespace tripoint {

// Whether the code at this address is gRPC's.
bool IsGrpc(const void* code);
// Everything that this thread did comes before what any thread does after its next ComeFromGrpc.
void GoToGrpc();
void ComeFromGrpc();

}  // namespace tripoint
