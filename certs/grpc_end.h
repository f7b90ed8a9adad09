// Waits until gRPC has ended in this process: what a program does last, after its last channel and
// server are gone.
//
// Called by the main threads of client/main.cc and client/load.cc. gRPC 1.51 takes itself down with
// its last reference. A thread of its own may hold that one a little longer than we do; it then
// frees connections beside the end of the process, which takes OpenSSL down meanwhile.
#pragma once

namespace tripoint::certs {

constexpr int kGrpcEndSteps = 2000;

// True: nothing of gRPC is alive any more. False: `steps` of a millisecond were over first; the
// process may end all the same, as it did before.
bool AwaitGrpcEnd(int steps = kGrpcEndSteps);

}  // namespace tripoint::certs
