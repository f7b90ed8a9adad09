// See failing_calls.h.
#include "tests/unit/storage/failing_calls.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "gtest/gtest.h"

namespace tripoint::storage::testing_support {

std::atomic<int> fsyncs = 0;
std::atomic<int> fsyncs_before = 0;
std::atomic<int> fsyncs_that_fail = 0;
std::atomic<int> fdatasyncs = 0;
std::atomic<int> fdatasyncs_that_fail = 0;

namespace {

// False: it was 0.
bool TakeOne(std::atomic<int>& count) {
  int left = count;
  while (left > 0 && !count.compare_exchange_weak(left, left - 1)) {
  }
  return left > 0;
}

bool Fails(std::atomic<int>& calls, std::atomic<int>& that_fail) {
  ++calls;
  const bool fails = TakeOne(that_fail);
  if (fails) errno = EIO;
  return fails;
}

}  // namespace

FileSizeLimit::FileSizeLimit(rlim_t bytes) {
  EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &before_), 0);
  on_signal_ = std::signal(SIGXFSZ, SIG_IGN);  // it would end the process
  const rlimit narrow = {bytes, before_.rlim_max};
  EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &narrow), 0);
}

FileSizeLimit::~FileSizeLimit() {
  EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &before_), 0);
  std::signal(SIGXFSZ, on_signal_);
}

OpenFileLimit::OpenFileLimit() {
  EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
  const rlimit none = {0, before_.rlim_max};
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
}

OpenFileLimit::~OpenFileLimit() { EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before_), 0); }

}  // namespace tripoint::storage::testing_support

extern "C" int fsync(int descriptor) {
  using namespace tripoint::storage::testing_support;
  if (!TakeOne(fsyncs_before) && Fails(fsyncs, fsyncs_that_fail)) return -1;
  return static_cast<int>(syscall(SYS_fsync, descriptor));
}

extern "C" int fdatasync(int descriptor) {
  using namespace tripoint::storage::testing_support;
  if (Fails(fdatasyncs, fdatasyncs_that_fail)) return -1;
  return static_cast<int>(syscall(SYS_fdatasync, descriptor));
}
