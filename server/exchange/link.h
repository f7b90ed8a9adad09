// The one stream of a core and what both sides said on it. Part of the core; pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "server/exchange/status.h"
#include "server/exchange/types.h"

namespace tripoint::exchange {

// Made anew for each stream.
struct Stream {
  StreamId id = 0;  // 0: none
  bool dialled_by_us = false;
  bool hello_sent = false;
  bool hello_applied = false;
  std::optional<v1::Hello> early_hello;  // waits until our own commits are settled
  std::uint32_t version = 0;
  std::int64_t opened_ms = 0;
  std::int64_t up_ms = 0;

  std::int64_t heard_ms = 0;
  std::uint32_t announced_bytes = 0;  // a big frame that the peer is sending

  bool writing = false;
  std::int64_t write_ms = 0;  // since when
  std::size_t write_bytes = 0;

  std::int64_t heartbeat_ms = 0;  // last one sent
  bool heartbeat_urgent = false;
  std::uint64_t sequence = 0;
  std::int64_t sequence_ms = 0;  // when it was sent
  // The newest heartbeat that left with nothing of ours under way: its echo tells how long the
  // empty link is, unless batches of the peer came before it.
  struct Probe {
    std::uint64_t sequence = 0;
    std::int64_t sent_ms = 0;
    std::uint64_t batches_in = 0;
  } probe;
  std::uint64_t echo_sequence = 0;
  std::int64_t echo_ms = 0;   // when the peer's heartbeat came
  std::size_t big_bytes = 0;  // to be announced with the next heartbeat
  bool big_announced = false;
};

// What stays when the stream is gone.
struct Link {
  Stream stream;
  bool dialling = false;
  std::uint64_t peer_epoch = 0;
  std::string peer_software;
  std::int64_t round_trip_ms = -1;
  std::int64_t clock_offset_ms = 0;
  std::int64_t last_heard_ms = 0;
  Reason last_reason = Reason::kUnspecified;
  std::string last_text;
};

}  // namespace tripoint::exchange
