// That ThreadSanitizer believes absl's locks and still sees a race: without the first every report
// is noise, without the second silence means nothing. `tsan_sees` must be silent, `tsan_sees race`
// must be reported and end with 66.
#include <cstdio>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"

namespace {

constexpr int kRounds = 1000;
constexpr int kThreads = 4;

struct Counted {
  absl::Mutex mutex;
  absl::CondVar changed;
  int locked ABSL_GUARDED_BY(mutex) = 0;
  int bare = 0;

  bool Done() const ABSL_SHARED_LOCKS_REQUIRED(mutex) { return locked == kThreads * kRounds; }
};

void Count(Counted& counted, bool race) {
  for (int i = 0; i < kRounds; ++i) {
    const absl::MutexLock lock(&counted.mutex);
    ++counted.locked;
    counted.changed.SignalAll();
  }
  if (race) ++counted.bare;
}

}  // namespace

int main(int argc, char** /*argv*/) {
  Counted counted;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back([&] { Count(counted, argc > 1); });
  {
    const absl::MutexLock lock(&counted.mutex);
    counted.changed.WaitWithTimeout(&counted.mutex, absl::Milliseconds(1));
    counted.mutex.Await(absl::Condition(&counted, &Counted::Done));
    ++counted.locked;
  }
  int seen = 0;
  {
    const absl::ReaderMutexLock lock(&counted.mutex);
    seen = counted.locked;
  }
  for (std::thread& thread : threads) thread.join();
  std::printf("%d\n", seen);
  return seen == kThreads * kRounds + 1 ? 0 : 1;
}
