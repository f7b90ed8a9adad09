// Who refuses comes before who stores: the priority of threads that write.
//
// Called by the committer's threads and by RocksDB's (rocks_engine.cc), each for itself.
#pragma once

namespace tripoint::storage {

// Added to the niceness of the process. Much more would let a lock that a storing thread holds keep
// those that take and answer calls (docs/decisions, refuse-first-store-after).
inline constexpr int kStoringNiceness = 3;

// Puts the calling thread behind those of the process that do not store, so that with more calls
// than can be stored the refused hear it soon. Does nothing where the system does not let it, and
// after the first time.
void StandBack();

}  // namespace tripoint::storage
