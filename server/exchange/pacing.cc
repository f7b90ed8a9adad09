// See pacing.h.
#include "server/exchange/pacing.h"

#include <algorithm>

namespace tripoint::exchange {
namespace {

// splitmix64: a well-mixed number for each count, so that the jitter follows from the seed alone.
std::uint64_t Mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15u;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

}  // namespace

std::int64_t Dialler::Delay() {
  const int exponent = std::max(attempts_, penalty_);
  std::int64_t delay_ms = limits_.dial_ms_max;
  if (exponent < kExponentMax) {
    delay_ms = std::min(delay_ms, limits_.dial_ms << exponent);
  }
  const std::int64_t half = std::max<std::int64_t>(delay_ms / 2, 1);
  const std::uint64_t draw = Mix(seed_ + draws_++) % static_cast<std::uint64_t>(half);
  return half + static_cast<std::int64_t>(draw);
}

void Dialler::Failed(std::int64_t now_ms) {
  due_ms_ = now_ms + Delay();
  if (attempts_ < kExponentMax) ++attempts_;
}

void Dialler::Contact(std::int64_t now_ms) {
  attempts_ = 0;
  due_ms_ = std::min(due_ms_, now_ms + Delay());
}

void BatchSizer::OnRoundTrip(std::int64_t round_trip_ms, std::size_t batch_bytes) {
  if (round_trip_ms > limits_.round_trip_slow_ms) {
    bytes_ = std::max(bytes_ / 2, limits_.batch_bytes_min);
  } else if (round_trip_ms < limits_.round_trip_fast_ms && batch_bytes * 2 >= bytes_) {
    // A small batch that comes back fast says nothing about a big one.
    bytes_ = std::min(bytes_ * 2, limits_.batch_bytes_max);
  }
}

std::size_t BatchSizer::window_bytes() const {
  if (bytes_ >= limits_.batch_bytes_max) return limits_.window_bytes_max;
  return std::min(bytes_ * 2, limits_.window_bytes_max);
}

void TokenBucket::Refill(std::int64_t now_ms) {
  const std::int64_t elapsed_ms =
      std::min<std::int64_t>(std::max<std::int64_t>(now_ms - last_ms_, 0), 60'000);
  last_ms_ = now_ms;
  tokens_ = std::min(full_, tokens_ + elapsed_ms * rate_);
}

bool TokenBucket::Take() {
  if (!Has()) return false;
  tokens_ -= 1000;
  return true;
}

}  // namespace tripoint::exchange
