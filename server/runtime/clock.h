// The only clocks of the project. Everything else is handed a Clock or a time.
//
// Made by node.cc (SystemClock) and by tests (their own). Thread-safe.
#pragma once

#include <cstdint>

namespace tripoint::runtime {

class Clock {
 public:
  virtual ~Clock() = default;
  // UTC, milliseconds since 1970. May jump in either direction: nothing about sync may depend on
  // it.
  virtual std::int64_t wall_ms() const = 0;
  // Milliseconds since some fixed moment; never goes back. For time-outs and intervals.
  virtual std::int64_t monotonic_ms() const = 0;
};

class SystemClock final : public Clock {
 public:
  std::int64_t wall_ms() const override;
  std::int64_t monotonic_ms() const override;
};

}  // namespace tripoint::runtime
