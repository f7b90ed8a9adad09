// One thread that runs what it is handed, in order, and ticks at fixed intervals. Housekeeping runs
// on one; the exchange driver's state lives on another.
//
// Post is thread-safe; everything that runs here runs on the loop's one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/runtime/clock.h"
#include "server/runtime/thread.h"

namespace tripoint::runtime {

class EventLoop {
 public:
  // `clock` outlives the loop. `tasks_max` bounds what waits.
  EventLoop(std::string name, const Clock& clock, std::size_t tasks_max = 65536);
  ~EventLoop();

  // Runs `tick` at the start and then each `interval_ms`, never twice to catch up. Before Start
  // only.
  void Every(std::int64_t interval_ms, std::function<void()> tick);
  void Start();

  // Queues `task`; never blocks. False, and the task will not run: the loop was stopped or its
  // queue is full.
  bool Post(std::function<void()> task);

  // Refuses new tasks, runs those that were accepted, joins. Further calls do nothing. Not from the
  // loop itself.
  void Stop();

 private:
  struct Timer {
    std::int64_t interval_ms;
    std::int64_t due_ms;  // monotonic
    std::function<void()> tick;
  };
  void Loop();
  std::int64_t RunDueTimers();  // returns milliseconds until the next one
  bool HasWork() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return stopping_ || !tasks_.empty(); }

  const std::string name_;
  const Clock& clock_;
  const std::size_t tasks_max_;
  std::vector<Timer> timers_;  // the loop's thread, after Start
  absl::Mutex mutex_;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<Thread> thread_;
};

}  // namespace tripoint::runtime
