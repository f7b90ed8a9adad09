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

void BatchSizer::Reset() {
  bytes_ = limits_.batch_bytes_start;
  empty_ms_ = 0;
}

void BatchSizer::OnHeartbeat(std::int64_t round_trip_ms) {
  const std::int64_t believed_ms = std::clamp<std::int64_t>(
      round_trip_ms, 1, std::max<std::int64_t>(limits_.empty_round_trip_ms_max, 1));
  empty_ms_ = empty_ms_ == 0 ? believed_ms : std::min(empty_ms_, believed_ms);
}

void BatchSizer::OnRoundTrip(std::int64_t round_trip_ms, std::size_t batch_bytes) {
  if (round_trip_ms > std::max(limits_.round_trip_slow_ms, 4 * empty_ms_)) {
    bytes_ = std::max(bytes_ / 2, limits_.batch_bytes_min);
  } else if (round_trip_ms < std::max(limits_.round_trip_fast_ms, 2 * empty_ms_) &&
             batch_bytes * 2 >= bytes_) {
    // A small batch that comes back fast says nothing about a big one.
    bytes_ = std::min(bytes_ * 2, limits_.batch_bytes_max);
  }
}

std::size_t BatchSizer::window_bytes() const {
  if (bytes_ >= limits_.batch_bytes_max) return limits_.window_bytes_max;
  return std::min(bytes_ * 2, limits_.window_bytes_max);
}

void RefusalQuota::Refill(std::int64_t now_ms) {
  const std::int64_t full = limits_.refused_bytes_burst * 1000;
  const std::int64_t elapsed_ms = std::max<std::int64_t>(now_ms - last_ms_, 0);
  last_ms_ = now_ms;
  const std::int64_t rate = std::max<std::int64_t>(limits_.refused_bytes_a_second, 1);
  // Compared before it is multiplied: a node runs for years.
  if (elapsed_ms > full / rate) {
    left_ = full;
  } else {
    left_ = std::min(full, left_ + elapsed_ms * rate);
  }
}

void RefusalQuota::Spend(std::int64_t now_ms, std::int64_t bytes) {
  Refill(now_ms);
  left_ = std::max<std::int64_t>(left_ - bytes * 1000, 0);
  spent_ = spent_ || left_ == 0;
}

bool RefusalQuota::Spent(std::int64_t now_ms) {
  Refill(now_ms);
  if (left_ >= limits_.refused_bytes_burst * 500) spent_ = false;
  return spent_;
}

std::int64_t StreamAgeMs(const Limits& limits, std::uint64_t seed, std::uint64_t stream) {
  const std::int64_t jitter_ms = std::max<std::int64_t>(limits.stream_age_ms / 6, 1);
  const std::uint64_t draw = Mix(Mix(seed) + stream) % static_cast<std::uint64_t>(jitter_ms);
  return limits.stream_age_ms - static_cast<std::int64_t>(draw);
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
