// When and how much: back-off of dialling, size of a batch, rate of frames. Parts of the core;
// pure.
#pragma once

#include <cstddef>
#include <cstdint>

#include "server/exchange/types.h"

namespace tripoint::exchange {

// Decides when the next stream is dialled: exponential back-off with jitter from a seed.
class Dialler {
 public:
  Dialler(const Limits& limits, std::uint64_t jitter_seed) : limits_(limits), seed_(jitter_seed) {}

  // The last try ended: plans the next one.
  void Failed(std::int64_t now_ms);
  // The peer was heard (it dialled us, or a link lived): the next wait is a short one again. A time
  // already planned moves forward, never back.
  void Contact(std::int64_t now_ms);
  // The peer broke the protocol or refused us for good reasons: contact does not shorten the wait.
  void Penalise() { penalty_ = penalty_ < kExponentMax ? penalty_ + 1 : penalty_; }
  void Forgive() { penalty_ = 0; }

  std::int64_t due_ms() const { return due_ms_; }

 private:
  static constexpr int kExponentMax = 16;
  std::int64_t Delay();

  const Limits& limits_;
  std::uint64_t seed_;
  std::uint64_t draws_ = 0;
  int attempts_ = 0;
  int penalty_ = 0;
  std::int64_t due_ms_ = 0;  // 0: at once
};

// Size of batches on one link: doubles while receipts come back fast, halves when they are slow, so
// that what lies on the wire before a flash stays about a second.
//
// On a long link (satellite, relay) a second is less than the link itself holds, and it would stand
// empty while receipts travel. Two batches under way fill it once sending one takes as long as the
// empty link needs there and back; a receipt then comes after twice that time. So a batch doubles
// below twice and halves above four times the empty link's round trip, if that is longer.
class BatchSizer {
 public:
  // `limits` outlive this.
  explicit BatchSizer(const Limits& limits) : limits_(limits) { Reset(); }
  explicit BatchSizer(Limits&& limits) = delete;

  // A heartbeat was answered after `round_trip_ms`, time at the peer not counted. The shortest of a
  // stream is taken for the link's own.
  void OnHeartbeat(std::int64_t round_trip_ms);
  // A batch of `batch_bytes` was receipted after `round_trip_ms`.
  void OnRoundTrip(std::int64_t round_trip_ms, std::size_t batch_bytes);
  // A new stream: what was known of the link may be wrong.
  void Reset();

  std::size_t bytes() const { return bytes_; }
  // Bytes that may be on the wire without receipt, of flash and of the two other lanes together.
  std::size_t window_bytes() const;

 private:
  const Limits& limits_;
  std::size_t bytes_ = 0;
  std::int64_t empty_ms_ = 0;  // round trip of the empty link; 0: not known
};

// How many bytes of refused envelopes one channel may still leave in the store. Its burst lets
// honest mistakes pass; what is spent comes back slowly. Spent, it stays so until half of it is
// back, so that a peer that goes on is stopped for hours and not for moments. Not bound to an
// epoch: a peer may draw a new one at each stream.
class RefusalQuota {
 public:
  explicit RefusalQuota(const Limits& limits)
      : limits_(limits), left_(limits.refused_bytes_burst * 1000) {}

  void Spend(std::int64_t now_ms, std::int64_t bytes);
  // Whether it is spent at `now_ms`; ends that when half is back.
  bool Spent(std::int64_t now_ms);

 private:
  void Refill(std::int64_t now_ms);

  const Limits& limits_;
  std::int64_t left_;  // thousandths of a byte
  std::int64_t last_ms_ = 0;
  bool spent_ = false;
};

// When a stream has lived long enough: all of them end, at times that follow from `seed` and the
// number of the stream, so that the links of a node do not end together.
std::int64_t StreamAgeMs(const Limits& limits, std::uint64_t seed, std::uint64_t stream);

// At most `rate` a second on average, `burst` at once.
class TokenBucket {
 public:
  TokenBucket(std::int64_t rate, std::int64_t burst)
      : rate_(rate), full_(burst * 1000), tokens_(burst * 1000) {}

  void Refill(std::int64_t now_ms);
  bool Has() const { return tokens_ >= 1000; }
  // False, and nothing is taken, when the bucket is empty.
  bool Take();

 private:
  std::int64_t rate_;
  std::int64_t full_;    // thousandths
  std::int64_t tokens_;  // thousandths
  std::int64_t last_ms_ = 0;
};

}  // namespace tripoint::exchange
