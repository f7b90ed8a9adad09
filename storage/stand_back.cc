// See stand_back.h.
#include "storage/stand_back.h"

#include <sys/resource.h>
#include <unistd.h>

namespace tripoint::storage {

void StandBack() {
  thread_local bool done = false;
  if (done) return;
  done = true;
  // On Linux 0 is the calling thread and the id of the process its main thread. From that one:
  // RocksDB's threads are made, and given their niceness, by threads that already stand back.
  const int niceness = ::getpriority(PRIO_PROCESS, static_cast<id_t>(::getpid()));
  (void)::setpriority(PRIO_PROCESS, 0, niceness + kStoringNiceness);  // refused: all are equal
}

}  // namespace tripoint::storage
