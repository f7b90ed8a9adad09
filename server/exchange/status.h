// What people see of one link: the accessor of the core, turned into node status and metrics.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "server/exchange/types.h"

namespace tripoint::exchange {

enum class LinkState : std::uint8_t {
  kDown,      // no stream; next_dial_ms says when it is tried again
  kDialling,  // asked for a stream
  kGreeting,  // a stream is open, the peer's hello is awaited
  kUp,        // both hellos are known: channels run
  kStopped,   // after Stop
};

struct LaneStatus {
  // To the peer.
  std::uint64_t outbound_size = 0;
  std::uint64_t sent_size = 0;       // handed to this stream
  std::uint64_t held_size = 0;       // the peer says it holds
  std::uint64_t receipted_size = 0;  // proven by a receipt that is durable here
  std::string outbound_quarantine;   // reason code; empty: runs
  std::string stopped_by_peer;       // reason code with which the peer stopped this channel
  // From the peer.
  std::uint64_t inbound_epoch = 0;
  std::uint64_t inbound_size = 0;  // durable here
  std::string inbound_quarantine;
};

// Since the core was made.
struct LinkCounters {
  std::uint64_t frames_in = 0;
  std::uint64_t frames_out = 0;
  std::uint64_t batches_in = 0;
  std::uint64_t batches_out = 0;
  std::uint64_t envelopes_in = 0;
  std::uint64_t envelopes_out = 0;  // resent ones are counted again
  std::uint64_t duplicates = 0;     // batches of which nothing was new
  std::uint64_t gaps = 0;           // batches that came before their predecessor
  std::uint64_t protocol_breaks = 0;
  std::uint64_t stalls = 0;  // streams that were opened again because nothing moved
  std::uint64_t opened = 0;  // streams that reached kUp
};

struct LinkStatus {
  LinkState state = LinkState::kDown;
  StreamId stream = 0;  // 0: none
  bool dialled_by_us = false;
  std::uint32_t version = 0;  // of the protocol, in use; 0: not up
  std::uint64_t peer_epoch = 0;
  std::string peer_software;         // printable, bounded
  std::int64_t round_trip_ms = -1;   // of the last heartbeat; -1: not measured
  std::int64_t clock_offset_ms = 0;  // peer's wall clock less ours, at its hello; for display
  std::int64_t last_heard_ms = 0;    // monotonic; 0: never
  std::int64_t next_dial_ms = 0;     // monotonic; 0: not planned
  Reason last_reason = Reason::kUnspecified;  // why the last stream ended
  std::string last_text;
  std::size_t batch_bytes = 0;  // present size of a batch
  std::array<LaneStatus, kLanes> lanes;
  LinkCounters counters;
};

}  // namespace tripoint::exchange
