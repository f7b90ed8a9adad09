// Tasks in order and timers on one thread. See event_loop.h.
#include "server/runtime/event_loop.h"

#include <algorithm>
#include <utility>

#include "absl/time/time.h"

namespace tripoint::runtime {
namespace {

constexpr std::int64_t kIdleMs = 3'600'000;  // without timers: an hour is as good as for ever

}  // namespace

EventLoop::EventLoop(std::string name, const Clock& clock, std::size_t tasks_max)
    : name_(std::move(name)), clock_(clock), tasks_max_(tasks_max) {}

EventLoop::~EventLoop() { Stop(); }

void EventLoop::Every(std::int64_t interval_ms, std::function<void()> tick) {
  timers_.push_back({std::max<std::int64_t>(interval_ms, 1), 0, std::move(tick)});
}

void EventLoop::Start() {
  for (Timer& timer : timers_) timer.due_ms = clock_.monotonic_ms();
  thread_ = std::make_unique<Thread>(name_, [this] { Loop(); });
}

bool EventLoop::Post(std::function<void()> task) {
  const absl::MutexLock lock(&mutex_);
  if (stopping_ || tasks_.size() >= tasks_max_) return false;
  tasks_.push_back(std::move(task));
  return true;
}

void EventLoop::Stop() {
  {
    const absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_ != nullptr) thread_->Join();
}

std::int64_t EventLoop::RunDueTimers() {
  std::int64_t wait_ms = kIdleMs;
  for (Timer& timer : timers_) {
    if (clock_.monotonic_ms() >= timer.due_ms) {
      timer.tick();
      timer.due_ms = clock_.monotonic_ms() + timer.interval_ms;
    }
    wait_ms = std::min(wait_ms, timer.due_ms - clock_.monotonic_ms());
  }
  return std::max<std::int64_t>(wait_ms, 0);
}

void EventLoop::Loop() {
  while (true) {
    const std::int64_t wait_ms = RunDueTimers();
    std::deque<std::function<void()>> tasks;
    {
      const absl::MutexLock lock(&mutex_);
      mutex_.AwaitWithTimeout(absl::Condition(this, &EventLoop::HasWork),
                              absl::Milliseconds(wait_ms));
      if (stopping_ && tasks_.empty()) return;
      tasks.swap(tasks_);
    }
    for (auto& task : tasks) task();
  }
}

}  // namespace tripoint::runtime
