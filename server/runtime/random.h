// Randomness of the kernel: epochs, identifiers, jitter. Handed to the rooms as an interface, so
// that the simulator and tests can seed it. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace tripoint::runtime {

class Random {
 public:
  virtual ~Random() = default;
  // `count` random bytes.
  virtual std::string Bytes(std::size_t count) = 0;
  // Uniform over all 64-bit numbers.
  std::uint64_t Number();
  // Uniform over 1 .. 2^63-1: an epoch is never 0 and stays positive wherever it is printed.
  std::uint64_t Epoch();
};

// getrandom(2). Waits only at boot, until the kernel has been seeded; ends the process if the
// kernel refuses, because no caller could go on safely.
class SystemRandom final : public Random {
 public:
  std::string Bytes(std::size_t count) override;
};

}  // namespace tripoint::runtime
