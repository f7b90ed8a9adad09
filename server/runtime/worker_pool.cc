// The read pool. See worker_pool.h.
#include "server/runtime/worker_pool.h"

#include <utility>

#include "server/runtime/errors.h"

namespace tripoint::runtime {

WorkerPool::WorkerPool(const std::string& name, std::size_t threads, std::size_t queue_max)
    : queue_max_(queue_max) {
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.push_back(
        std::make_unique<Thread>(name + "-" + std::to_string(i), [this] { Work(); }));
  }
}

WorkerPool::~WorkerPool() { Stop(); }

absl::Status WorkerPool::Run(std::function<void()> task) {
  const absl::MutexLock lock(&mutex_);
  if (stopping_) return ShuttingDown();
  if (tasks_.size() >= queue_max_) return QueueFull("reads");
  tasks_.push_back(std::move(task));
  return absl::OkStatus();
}

void WorkerPool::Stop() {
  {
    const absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  for (const auto& thread : threads_) thread->Join();
}

void WorkerPool::Work() {
  while (true) {
    std::function<void()> task;
    {
      const absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &WorkerPool::HasWork));
      if (tasks_.empty()) return;  // stopping, and nothing is left
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace tripoint::runtime
