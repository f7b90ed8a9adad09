// SIGTERM, SIGINT and SIGHUP as events on the main thread; no handler ever runs.
//
// Made first thing in `tripointd run`, before any other thread, because threads inherit the blocked
// signals.
#pragma once

#include <cstdint>

namespace tripoint::runtime {

class Signals {
 public:
  enum class Event : std::uint8_t { kNone, kStop, kReload, kWake };

  // Blocks the three signals in this thread and its children and ignores SIGPIPE (a closed pipe is
  // an error, no death).
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // Waits for the next event; kNone when `timeout_ms` passed (-1: no limit). One thread.
  Event Wait(int timeout_ms);
  // Makes Wait return kWake. Any thread.
  void Wake();

 private:
  int signal_descriptor_;
  int wake_descriptor_;
};

}  // namespace tripoint::runtime
