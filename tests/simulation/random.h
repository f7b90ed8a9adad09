// Pseudo-random numbers of a simulation: all of a run follows from its seed (splitmix64).
#pragma once

#include <cstdint>

namespace tripoint::simulation {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ull + 1) {}

  std::uint64_t Next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  // 0 .. bound - 1; bound > 0.
  std::uint64_t Below(std::uint64_t bound) { return Next() % bound; }
  std::int64_t Between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(Below(static_cast<std::uint64_t>(high - low + 1)));
  }
  bool Chance(int per_mille) { return static_cast<int>(Below(1000)) < per_mille; }

 private:
  std::uint64_t state_;
};

}  // namespace tripoint::simulation
