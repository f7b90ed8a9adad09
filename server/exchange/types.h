// Plain values of the exchange core: time, limits, channel states, and the seam to signatures.
//
// Used by the core, its driver and the simulator. Pure; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "server/limits.h"
#include "server/operations/recovery.h"
#include "storage/merkle.h"
#include "tripoint/exchange/v1/exchange.pb.h"
#include "tripoint/reason.h"

namespace tripoint::exchange {

using contract::Reason;
using storage::Frontier;
using storage::Hash;

// Names one stream of this node. Given by the driver; never 0, never used again.
using StreamId = std::uint64_t;
// Names one piece of work of the driver. Given by the core; unique within one core.
using Token = std::uint64_t;

// Lanes are counted from 0 (flash) to 2 (routine) in arrays: LANE_FLASH is index 0.
inline constexpr std::size_t kLanes = 3;
constexpr std::size_t LaneIndex(v1::Lane lane) { return static_cast<std::size_t>(lane) - 1; }
constexpr v1::Lane LaneOf(std::size_t index) { return static_cast<v1::Lane>(index + 1); }
constexpr bool IsLane(int lane) { return lane >= v1::LANE_FLASH && lane <= v1::LANE_ROUTINE; }

// The time of a step. Only `monotonic_ms` drives anything (time-outs, pacing); `wall_ms` (UTC,
// milliseconds since 1970) is sent for display and may be wrong by years.
struct Time {
  std::int64_t monotonic_ms = 0;
  std::int64_t wall_ms = 0;
};

// Bounds of one core. The defaults are the protocol's; tests narrow them.
struct Limits {
  std::uint32_t version_min = 1;
  std::uint32_t version_max = 2;
  bool may_dial = true;  // false: the peer's address is not known here; it dials

  std::size_t frame_bytes_max = limits::kFrameBytesMax;
  std::size_t envelope_bytes_max = limits::kEnvelopeBytesMax;
  std::size_t batch_bytes_min = 4u << 10;
  std::size_t batch_bytes_start = 16u << 10;
  std::size_t batch_bytes_max = limits::kBatchBytesMax;
  std::size_t batch_items_max = limits::kBatchEnvelopesMax;
  std::size_t window_batches_max = limits::kInFlightBatchesMax;  // a lane, not receipted
  std::size_t window_bytes_max = limits::kInFlightBytesMax;
  std::size_t refusals_max = limits::kReceiptRefusalsMax;  // in one receipt
  std::size_t frames_free_max = 8;  // of all cores of a driver at once: growth_pace.h
  std::size_t certificate_bytes_max = limits::kSigningCertificateBytesMax;
  std::size_t text_bytes_max = 256;  // software, goodbye text

  std::int64_t round_trip_fast_ms = 200;   // below: the batch doubles
  std::int64_t round_trip_slow_ms = 1000;  // above: the batch halves
  // The longest way of the link itself that is believed: a batch may take four times as long.
  std::int64_t empty_round_trip_ms_max = 1500;
  std::int64_t heartbeat_ms = 3000;
  std::int64_t silence_ms = 10'000;      // nothing heard: LINK_SILENT
  std::int64_t write_stall_ms = 60'000;  // one write not taken: LINK_SILENT
  std::int64_t progress_ms = 30'000;     // a lag and no progress: the stream is opened again
  std::int64_t retry_ms = 1000;          // after a failed read or commit; doubles to retry_ms_max
  std::int64_t retry_ms_max = 15'000;    // half of progress_ms: who retries is not taken for dead
  std::int64_t dial_ms = 1000;           // first back-off; doubles to dial_ms_max
  std::int64_t dial_ms_max = 300'000;
  std::int64_t alert_ms = 60'000;                // the same alert at most once in this time
  std::int64_t slow_link_bytes_a_second = 4096;  // slowest link on which a big frame is waited for

  // A stream of either dialler ends at this age less up to a sixth of it, so that certificates are
  // judged again; before the exchange port ends the connection (node_servers.cc).
  std::int64_t stream_age_ms = 54 * 60'000;

  // Refused envelopes of one channel that are stored before it is stopped with QUARANTINE_FULL.
  std::int64_t refused_bytes_burst = limits::kRefusedBytesBurst;
  std::int64_t refused_bytes_a_second = limits::kRefusedBytesASecond;

  std::int64_t frames_a_second_max = 2000;  // heard from the peer; sent: half of it
  std::int64_t frames_burst = 4000;
};

// A channel to the peer as it is on disk. Epoch: this node's present one.
struct OutboundState {
  Frontier frontier;   // its size is the channel's
  Frontier receipted;  // where the peer's newest receipt stands
  std::string receipt_signature;
  std::uint64_t receipt_epoch = 0;  // the peer's epoch when it gave that receipt; 0: not known
  std::string quarantine_reason;    // code of proto/codes/reasons.tsv; empty: runs
};

// A channel from the peer as it is on disk.
struct InboundState {
  std::uint64_t epoch = 0;  // the peer's; 0: nothing was ever received
  Frontier frontier;
  std::string head_signature;     // the peer's, over the head at frontier.size()
  std::string receipt_signature;  // ours, over the same
  std::string quarantine_reason;
  std::string head_certificate;  // with which head_signature verifies, PEM; empty: not kept
};

inline constexpr std::uint32_t kVersionReturns = 2;  // from here on a peer can return what it holds
inline constexpr std::size_t kHoldingsMax = operations::kHoldingsShownMax;  // of a lane in a hello

// Signs with this unit's signing key. Deterministic: equal bytes, equal signature (Ed25519 is).
class HeadSigner {
 public:
  virtual ~HeadSigner() = default;
  // Signing certificate that goes into each hello, PEM.
  virtual std::string Certificate() const = 0;
  // `bytes` as contract::HeadBytes or ReceiptBytes makes them. 64 bytes.
  virtual std::string Sign(std::string_view bytes) = 0;
};

// Verifies what the peer signed. One for each core: it keeps the certificate of the last hello.
class HeadVerifier {
 public:
  virtual ~HeadVerifier() = default;
  // Checks that `certificate` (PEM, as the hello carried it) is a signing certificate of the peer,
  // certified by its own country's root, and uses it from now on. Errors: as certs gives them.
  virtual absl::Status Trust(std::string_view certificate) = 0;
  // False unless `signature` over `bytes` is the peer's. Before Trust: false.
  virtual bool Verify(std::string_view bytes, std::string_view signature) const = 0;
  // Whether `signature` is of this unit's own key of `certificate` (PEM), one that it had before.
  // False also when that cannot be told.
  virtual bool VerifyOwn(std::string_view /*certificate*/, std::string_view /*bytes*/,
                         std::string_view /*signature*/) const {
    return false;
  }
  // The certificate in use, PEM, to be kept with what it verified. Empty: none (fakes).
  virtual std::string Certificate() const { return {}; }
};

}  // namespace tripoint::exchange
