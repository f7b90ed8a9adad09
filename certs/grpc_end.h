// Waits until gRPC has ended in this process: what a program does last, after its last channel and
// server are gone.
//
// Made and called by the main threads of client/main.cc and client/load.cc. gRPC 1.51 takes itself
// down with its last reference. A thread of its own may hold that one a little longer than we do;
// it then frees connections beside the end of the process, which takes OpenSSL down meanwhile. And
// the threads of its pool are detached: one that gRPC counts no more still has OpenSSL's state of
// a thread to free.
#pragma once

namespace tripoint::certs {

class GrpcEnd {
 public:
  static constexpr int kStepsMax = 2000;

  // Before gRPC is used, and after the program has started what threads stay.
  GrpcEnd();

  // True: nothing of gRPC is alive any more, and the process has no more threads than it had.
  // False: `steps` of a millisecond were over first; the process may end all the same, as it did
  // before.
  bool Await(int steps = kStepsMax) const;

 private:
  int threads_;
};

}  // namespace tripoint::certs
