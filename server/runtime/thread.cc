// Named threads. See thread.h.
#include "server/runtime/thread.h"

#include <pthread.h>

#include <utility>

namespace tripoint::runtime {
namespace {

constexpr std::size_t kNameBytesMax = 15;  // Linux, without the final zero

}  // namespace

Thread::Thread(std::string name, std::function<void()> body)
    : thread_([name = name.substr(0, kNameBytesMax), body = std::move(body)] {
        (void)pthread_setname_np(pthread_self(), name.c_str());
        body();
      }) {}

Thread::~Thread() { Join(); }

void Thread::Join() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace tripoint::runtime
