// What the system grants, against limits that are made small for a moment.
#include "server/runtime/process_limits.h"

#include <pthread.h>
#include <sys/resource.h>

#include <cstddef>
#include <string>

#include "gtest/gtest.h"
#include "proto/contract/error.h"

namespace tripoint::runtime {
namespace {

class Narrow {
 public:
  Narrow(decltype(RLIMIT_AS) which, rlim_t limit) : which_(which) {
    EXPECT_EQ(::getrlimit(which_, &before_), 0);
    const rlimit narrow = {limit, before_.rlim_max};
    EXPECT_EQ(::setrlimit(which_, &narrow), 0);
  }
  ~Narrow() { EXPECT_EQ(::setrlimit(which_, &before_), 0); }
  Narrow(const Narrow&) = delete;
  Narrow& operator=(const Narrow&) = delete;

 private:
  const decltype(RLIMIT_AS) which_;
  rlimit before_ = {};
};

// Far above what any build maps, sanitizers included.
constexpr rlim_t kAddressBytes = rlim_t{1} << 50;
constexpr ProcessNeeds kNeeds = {.address_bytes = kAddressBytes, .descriptors = 20, .threads = 64};

void ExpectRefused(const absl::Status& status, const std::string& figure) {
  const contract::Problem problem = contract::ProblemOf(status);
  EXPECT_EQ(problem.reason, contract::Reason::kConfigInvalid) << status;
  EXPECT_NE(problem.why.find(figure), std::string::npos) << problem.why;
  EXPECT_FALSE(problem.next.empty());
}

// Goal: each limit that is too small is named with figures; what is enough passes.
TEST(ProcessLimits, WhatIsMissingIsNamed) {
  EXPECT_TRUE(CheckProcessLimits(kNeeds).ok());
  {
    const Narrow narrow(RLIMIT_AS, kAddressBytes - 1);
    ExpectRefused(CheckProcessLimits(kNeeds), "The limit is 1073741823 MiB (ulimit -v)");
  }
  {
    const Narrow narrow(RLIMIT_NOFILE, 19);
    ExpectRefused(CheckProcessLimits(kNeeds), "The limit is 19 (ulimit -Hn); 20 are needed");
    EXPECT_GE(RaiseDescriptorLimit(), 20u);
  }
  EXPECT_TRUE(CheckProcessLimits(kNeeds).ok());
}

// Goal: threads that the system does not grant are found before anything is started. Here: stacks
// for which no machine has the address space.
TEST(ProcessLimits, ThreadsAreTried) {
  pthread_attr_t before;
  ASSERT_EQ(::pthread_getattr_default_np(&before), 0);
  pthread_attr_t huge = before;
  ASSERT_EQ(::pthread_attr_setstacksize(&huge, std::size_t{1} << 50), 0);
  ASSERT_EQ(::pthread_setattr_default_np(&huge), 0);
  const absl::Status status = CheckProcessLimits(kNeeds);
  EXPECT_EQ(::pthread_setattr_default_np(&before), 0);
  EXPECT_EQ(::pthread_attr_destroy(&before), 0);
  ExpectRefused(status, "0 could be started; 64 are needed");
}

}  // namespace
}  // namespace tripoint::runtime
