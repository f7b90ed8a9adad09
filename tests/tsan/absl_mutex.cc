// Tells ThreadSanitizer of absl::Mutex and absl::CondVar: Debian builds libabsl without its
// annotations, so that every lock of ours (and of gRPC, which locks with the same classes) would be
// invisible and each guarded member a false report.
//
// Linked into every program of the preset `tsan`, into no other. The linker lets these definitions
// go before those of libabsl_synchronization.so, also for calls out of libgrpc.so; each calls the
// library's own and says before and behind it what the library would say had it been built for
// ThreadSanitizer. Any thread.
//
// What is read inside an operation (the conditions of Await, which another thread's Unlock may
// evaluate) is not watched: the mutex is held then, which clang's -Wthread-safety proves.
#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include <cstdio>
#include <cstdlib>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "tests/tsan/grpc_order.h"

namespace {

// How a Mutex is held. It is no static one, so that its end is noticed: another may stand at its
// place next.
constexpr unsigned kWriter = __tsan_mutex_not_static;
constexpr unsigned kReader = __tsan_mutex_not_static | __tsan_mutex_read_lock;

// The library's own function. A name that it does not have (another release of absl) ends the
// program at its first lock.
template <typename Function>
Function* Own(const char* name) {
  void* const found = dlsym(RTLD_NEXT, name);
  if (found == nullptr) {
    std::fprintf(stderr, "tests/tsan/absl_mutex.cc: libabsl has no %s\n", name);
    std::abort();
  }
  return reinterpret_cast<Function*>(found);
}

// Whether this thread is within an operation: the library calls some of its operations from others,
// and one is told once.
thread_local bool within = false;

class Within {
 public:
  Within() { within = true; }
  ~Within() { within = false; }
};

// One operation that takes `mutex`, or tries to: `take` answers whether it did.
template <typename Take>
bool Taking(void* mutex, unsigned flags, const void* caller, Take take) {
  if (within) return take();
  const Within mark;
  __tsan_mutex_pre_lock(mutex, flags);
  const bool taken = take();
  __tsan_mutex_post_lock(mutex, taken ? flags : flags | __tsan_mutex_try_lock_failed, 0);
  if (tripoint::IsGrpc(caller)) tripoint::ComeFromGrpc();
  return taken;
}

template <typename Release>
void Releasing(void* mutex, unsigned flags, const void* caller, Release release) {
  if (within) return release();
  const Within mark;
  __tsan_mutex_pre_unlock(mutex, flags);
  if (tripoint::IsGrpc(caller)) {
    // After that, which looks at the mutex: who gets it may destroy it at once.
    __tsan_mutex_pre_divert(mutex, 0);
    tripoint::GoToGrpc();
    __tsan_mutex_post_divert(mutex, 0);
  }
  release();
  __tsan_mutex_post_unlock(mutex, flags);
}

// One operation that lets go of `mutex`, which this thread holds for writing, and has it again at
// its end.
template <typename Wait>
void Waiting(void* mutex, const void* caller, Wait wait) {
  Releasing(mutex, kWriter, caller, [] {});
  Taking(mutex, kWriter, caller, [&] { return wait(), true; });
}

}  // namespace

#define TRIPOINT_CALLER __builtin_return_address(0)
#define TRIPOINT_OWN(signature, name) \
  static auto* const own = Own<signature>("_ZN4absl7debian3" name)

namespace absl {
ABSL_NAMESPACE_BEGIN

Mutex::~Mutex() {
  TRIPOINT_OWN(void(Mutex*), "5MutexD1Ev");
  if (tripoint::IsGrpc(TRIPOINT_CALLER)) tripoint::ComeFromGrpc();
  __tsan_mutex_destroy(this, __tsan_mutex_not_static);
  own(this);
}

void Mutex::Lock() {
  TRIPOINT_OWN(void(Mutex*), "5Mutex4LockEv");
  Taking(this, kWriter, TRIPOINT_CALLER, [&] { return own(this), true; });
}

void Mutex::Unlock() {
  TRIPOINT_OWN(void(Mutex*), "5Mutex6UnlockEv");
  Releasing(this, kWriter, TRIPOINT_CALLER, [&] { own(this); });
}

bool Mutex::TryLock() {
  TRIPOINT_OWN(bool(Mutex*), "5Mutex7TryLockEv");
  return Taking(this, kWriter | __tsan_mutex_try_lock, TRIPOINT_CALLER, [&] { return own(this); });
}

void Mutex::ReaderLock() {
  TRIPOINT_OWN(void(Mutex*), "5Mutex10ReaderLockEv");
  Taking(this, kReader, TRIPOINT_CALLER, [&] { return own(this), true; });
}

void Mutex::ReaderUnlock() {
  TRIPOINT_OWN(void(Mutex*), "5Mutex12ReaderUnlockEv");
  Releasing(this, kReader, TRIPOINT_CALLER, [&] { own(this); });
}

bool Mutex::ReaderTryLock() {
  TRIPOINT_OWN(bool(Mutex*), "5Mutex13ReaderTryLockEv");
  return Taking(this, kReader | __tsan_mutex_try_lock, TRIPOINT_CALLER, [&] { return own(this); });
}

void Mutex::LockWhen(const Condition& condition) {
  TRIPOINT_OWN(void(Mutex*, const Condition&), "5Mutex8LockWhenERKNS0_9ConditionE");
  Taking(this, kWriter, TRIPOINT_CALLER, [&] { return own(this, condition), true; });
}

// With a limit of time the mutex is held at the end all the same; the answer is the condition's.
bool Mutex::LockWhenWithTimeout(const Condition& condition, Duration timeout) {
  TRIPOINT_OWN(bool(Mutex*, const Condition&, Duration),
               "5Mutex19LockWhenWithTimeoutERKNS0_9ConditionENS0_8DurationE");
  bool holds = false;
  Taking(this, kWriter, TRIPOINT_CALLER,
         [&] { return holds = own(this, condition, timeout), true; });
  return holds;
}

bool Mutex::LockWhenWithDeadline(const Condition& condition, Time deadline) {
  TRIPOINT_OWN(bool(Mutex*, const Condition&, Time),
               "5Mutex20LockWhenWithDeadlineERKNS0_9ConditionENS0_4TimeE");
  bool holds = false;
  Taking(this, kWriter, TRIPOINT_CALLER,
         [&] { return holds = own(this, condition, deadline), true; });
  return holds;
}

void Mutex::ReaderLockWhen(const Condition& condition) {
  TRIPOINT_OWN(void(Mutex*, const Condition&), "5Mutex14ReaderLockWhenERKNS0_9ConditionE");
  Taking(this, kReader, TRIPOINT_CALLER, [&] { return own(this, condition), true; });
}

bool Mutex::ReaderLockWhenWithTimeout(const Condition& condition, Duration timeout) {
  TRIPOINT_OWN(bool(Mutex*, const Condition&, Duration),
               "5Mutex25ReaderLockWhenWithTimeoutERKNS0_9ConditionENS0_8DurationE");
  bool holds = false;
  Taking(this, kReader, TRIPOINT_CALLER,
         [&] { return holds = own(this, condition, timeout), true; });
  return holds;
}

bool Mutex::ReaderLockWhenWithDeadline(const Condition& condition, Time deadline) {
  TRIPOINT_OWN(bool(Mutex*, const Condition&, Time),
               "5Mutex26ReaderLockWhenWithDeadlineERKNS0_9ConditionENS0_4TimeE");
  bool holds = false;
  Taking(this, kReader, TRIPOINT_CALLER,
         [&] { return holds = own(this, condition, deadline), true; });
  return holds;
}

void Mutex::Await(const Condition& condition) {
  TRIPOINT_OWN(void(Mutex*, const Condition&), "5Mutex5AwaitERKNS0_9ConditionE");
  Waiting(this, TRIPOINT_CALLER, [&] { own(this, condition); });
}

bool Mutex::AwaitWithTimeout(const Condition& condition, Duration timeout) {
  TRIPOINT_OWN(bool(Mutex*, const Condition&, Duration),
               "5Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE");
  bool in_time = false;
  Waiting(this, TRIPOINT_CALLER, [&] { in_time = own(this, condition, timeout); });
  return in_time;
}

bool Mutex::AwaitWithDeadline(const Condition& condition, Time deadline) {
  TRIPOINT_OWN(bool(Mutex*, const Condition&, Time),
               "5Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE");
  bool in_time = false;
  Waiting(this, TRIPOINT_CALLER, [&] { in_time = own(this, condition, deadline); });
  return in_time;
}

void CondVar::Wait(Mutex* mutex) {
  TRIPOINT_OWN(void(CondVar*, Mutex*), "7CondVar4WaitEPNS0_5MutexE");
  Waiting(mutex, TRIPOINT_CALLER, [&] { own(this, mutex); });
}

bool CondVar::WaitWithTimeout(Mutex* mutex, Duration timeout) {
  TRIPOINT_OWN(bool(CondVar*, Mutex*, Duration),
               "7CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE");
  bool in_time = false;
  Waiting(mutex, TRIPOINT_CALLER, [&] { in_time = own(this, mutex, timeout); });
  return in_time;
}

bool CondVar::WaitWithDeadline(Mutex* mutex, Time deadline) {
  TRIPOINT_OWN(bool(CondVar*, Mutex*, Time), "7CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE");
  bool in_time = false;
  Waiting(mutex, TRIPOINT_CALLER, [&] { in_time = own(this, mutex, deadline); });
  return in_time;
}

// Who finds a Notification given already takes no lock: one of its atomics alone orders the two.
void Notification::Notify() {
  TRIPOINT_OWN(void(Notification*), "12Notification6NotifyEv");
  __tsan_release(this);
  own(this);
}

void Notification::WaitForNotification() const {
  static auto* const own =
      Own<void(const Notification*)>("_ZNK4absl7debian312Notification19WaitForNotificationEv");
  own(this);
  __tsan_acquire(const_cast<Notification*>(this));
}

bool Notification::WaitForNotificationWithTimeout(Duration timeout) const {
  static auto* const own = Own<bool(const Notification*, Duration)>(
      "_ZNK4absl7debian312Notification30WaitForNotificationWithTimeoutENS0_8DurationE");
  const bool given = own(this, timeout);
  if (given) __tsan_acquire(const_cast<Notification*>(this));
  return given;
}

ABSL_NAMESPACE_END
}  // namespace absl
