// A small, fixed pool for reads that are too long for a gRPC callback thread (there are only two of
// those).
//
// Made by node.cc, used by server/rpc. Thread-safe.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "server/runtime/thread.h"

namespace tripoint::runtime {

class WorkerPool {
 public:
  // `queue_max`: tasks that may wait beside those that run.
  WorkerPool(const std::string& name, std::size_t threads, std::size_t queue_max);
  ~WorkerPool();

  // Queues `task` and returns at once. A task must not throw and must end by itself.
  // Errors, and `task` will not run: RESOURCE_EXHAUSTED / QUEUE_FULL with a time after which to try
  // again; UNAVAILABLE / SHUTTING_DOWN.
  absl::Status Run(std::function<void()> task);

  // Refuses new tasks, finishes those that were accepted, joins the threads. Further calls do
  // nothing.
  void Stop();

 private:
  void Work();
  bool HasWork() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return stopping_ || !tasks_.empty(); }

  const std::size_t queue_max_;
  absl::Mutex mutex_;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::unique_ptr<Thread>> threads_;
};

}  // namespace tripoint::runtime
