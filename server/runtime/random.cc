// getrandom(2) and the numbers made from it. See random.h.
#include "server/runtime/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace tripoint::runtime {

std::uint64_t Random::Number() {
  const std::string bytes = Bytes(sizeof(std::uint64_t));
  std::uint64_t number = 0;
  std::memcpy(&number, bytes.data(), sizeof(number));
  return number;
}

std::uint64_t Random::Epoch() {
  std::uint64_t epoch = 0;
  while (epoch == 0) epoch = Number() >> 1;
  return epoch;
}

std::string SystemRandom::Bytes(std::size_t count) {
  std::string bytes(count, '\0');
  std::size_t filled = 0;
  while (filled < count) {
    const ssize_t got = ::getrandom(bytes.data() + filled, count - filled, 0);
    if (got > 0) {
      filled += static_cast<std::size_t>(got);
    } else if (errno != EINTR) {
      std::abort();
    }
  }
  return bytes;
}

}  // namespace tripoint::runtime
