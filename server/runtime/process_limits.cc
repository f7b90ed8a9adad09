// See process_limits.h.
#include "server/runtime/process_limits.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sys/resource.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "proto/contract/error.h"

namespace tripoint::runtime {
namespace {

constexpr std::uint64_t kMebibyte = 1u << 20;

absl::Status Refused(std::string what, std::string why, std::string next) {
  return contract::Error(absl::StatusCode::kFailedPrecondition, contract::Reason::kConfigInvalid,
                         std::move(what), std::move(why), std::move(next));
}

std::uint64_t LimitOf(decltype(RLIMIT_AS) which) {
  rlimit limit = {};
  return ::getrlimit(which, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
}

void* WaitForEnd(void* end) {
  static_cast<absl::Notification*>(end)->WaitForNotification();
  return nullptr;
}

// How many of `wanted` threads can live at once.
int ThreadsGranted(int wanted) {
  absl::Notification end;
  std::vector<pthread_t> threads;
  threads.reserve(static_cast<std::size_t>(wanted));
  for (int i = 0; i < wanted; ++i) {
    pthread_t thread = {};
    if (::pthread_create(&thread, nullptr, &WaitForEnd, &end) != 0) break;
    threads.push_back(thread);
  }
  end.Notify();
  for (const pthread_t thread : threads) (void)::pthread_join(thread, nullptr);
  return static_cast<int>(threads.size());
}

}  // namespace

std::uint64_t RaiseDescriptorLimit() {
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return RLIM_INFINITY;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
  return LimitOf(RLIMIT_NOFILE);
}

absl::Status CheckProcessLimits(const ProcessNeeds& needs) {
  if (const std::uint64_t address = LimitOf(RLIMIT_AS); address < needs.address_bytes) {
    return Refused(
        "The limit of address space is too small for a node",
        fmt::format("The limit is {} MiB (ulimit -v); with this configuration {} MiB are needed. "
                    "Most of it is only reserved",
                    address / kMebibyte, needs.address_bytes / kMebibyte),
        "Raise the limit (ulimit -v unlimited; systemd: LimitAS=infinity) and bound memory with "
        "MemoryMax= instead");
  }
  if (const std::uint64_t files = LimitOf(RLIMIT_NOFILE); files < needs.descriptors) {
    return Refused(
        "The limit of open files is too small for a node",
        fmt::format("The limit is {} (ulimit -Hn); {} are needed", files, needs.descriptors),
        "Raise the limit (ulimit -n 65536; systemd: LimitNOFILE=65536)");
  }
  if (const int granted = ThreadsGranted(needs.threads); granted < needs.threads) {
    return Refused(
        "The system does not grant the threads that a node needs",
        fmt::format("{} could be started; {} are needed", granted, needs.threads),
        "Raise the limit of processes of this user (ulimit -u), of address space (ulimit -v) or of "
        "the control group (systemd: TasksMax=), and look what else this user runs");
  }
  return absl::OkStatus();
}

}  // namespace tripoint::runtime
