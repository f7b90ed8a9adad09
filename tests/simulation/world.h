// Time and order of a simulation: one queue of events, one virtual clock, one trace. No real time,
// no thread.
//
// Everything that happens in a run is an event here; two runs of one seed have equal traces
// (Trace::digest).
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/simulation/random.h"

namespace tripoint::simulation {

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) {}
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Random& random() { return random_; }
  std::int64_t now_us() const { return now_us_; }
  std::int64_t now_ms() const { return now_us_ / 1000; }
  std::uint64_t steps() const { return steps_; }

  // Runs `work` after `delay_us`; events of the same instant run in the order in which they were
  // planned.
  void After(std::int64_t delay_us, std::function<void()> work) {
    queue_.push(Entry{now_us_ + (delay_us < 0 ? 0 : delay_us), next_order_++, std::move(work)});
  }

  // Runs events until the clock would pass `until_us`; the clock then stands there.
  void RunUntil(std::int64_t until_us) {
    while (!queue_.empty() && queue_.top().at_us <= until_us) {
      // The queue gives const access only; the entry is thrown away right after.
      std::function<void()> work = std::move(const_cast<Entry&>(queue_.top()).work);
      now_us_ = queue_.top().at_us;
      queue_.pop();
      ++steps_;
      work();
    }
    now_us_ = until_us;
  }

  // Adds a line to the trace: FNV-1a over time and text. Kept as text too when `keep_text` was
  // called.
  void Trace(std::string_view text) {
    Mix(std::string_view(reinterpret_cast<const char*>(&now_us_), sizeof(now_us_)));
    Mix(text);
    if (keep_text_) lines_.push_back(std::to_string(now_us_ / 1000) + " ms  " + std::string(text));
  }
  void KeepText() { keep_text_ = true; }
  std::uint64_t digest() const { return digest_; }
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  struct Entry {
    std::int64_t at_us;
    std::uint64_t order;
    std::function<void()> work;
    bool operator<(
        const Entry& other) const {  // the queue's top is the greatest: the earliest here
      return at_us != other.at_us ? at_us > other.at_us : order > other.order;
    }
  };

  void Mix(std::string_view bytes) {
    for (const char byte : bytes)
      digest_ = (digest_ ^ static_cast<std::uint8_t>(byte)) * 0x100000001b3ull;
  }

  Random random_;
  std::priority_queue<Entry> queue_;
  std::int64_t now_us_ = 1'000'000;
  std::uint64_t next_order_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t digest_ = 0xcbf29ce484222325ull;
  bool keep_text_ = false;
  std::vector<std::string> lines_;
};

}  // namespace tripoint::simulation
