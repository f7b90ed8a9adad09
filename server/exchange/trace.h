// What happened lately on one link, for `tripoint peer trace`: a bounded memory, lost with the
// process. Our own words name no record and no person; a peer's at its goodbye are kept as they
// came.
//
// The driver adds, on its loop thread and (refused callers) on gRPC's; any thread reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "tripoint/exchange/v1/exchange.pb.h"
#include "tripoint/reason.h"
#include "tripoint/v1/node.pb.h"

namespace tripoint::exchange {

class LinkTrace {
 public:
  // Events of the link, events of what moved on it, and refused callers, that are kept: neither
  // traffic nor strangers drive out why a link went down.
  static constexpr std::size_t kKept = 128;
  // Frames on the same lane within this time are one event.
  static constexpr std::int64_t kRunMs = 10'000;
  static constexpr std::size_t kTextBytesMax = 256;

  using Kind = tripoint::v1::LinkEventKind;

  // An event of the link at `time_ms` (UTC). `lane` empty: of the whole link. The same again right
  // behind the same is counted, and so are tries to dial that fail for the same reason.
  void Add(std::int64_t time_ms, Kind kind, bool outbound, std::string_view lane = {},
           contract::Reason reason = contract::Reason::kUnspecified, std::string_view text = {});
  // A frame with envelopes, or a receipt; others are not kept.
  void AddFrame(std::int64_t time_ms, bool outbound, const v1::Frame& frame);

  // Newest first.
  std::vector<tripoint::v1::LinkEvent> Events() const;

 private:
  using Ring = std::deque<tripoint::v1::LinkEvent>;

  // Counts `event` into the one before in `events` when that says the same.
  static bool Repeats(const tripoint::v1::LinkEvent& event, Ring& events);
  void Keep(tripoint::v1::LinkEvent event, Ring& events) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable absl::Mutex mutex_;
  std::uint64_t last_number_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t last_link_number_ ABSL_GUARDED_BY(mutex_) = 0;
  Ring link_ ABSL_GUARDED_BY(mutex_);
  Ring moved_ ABSL_GUARDED_BY(mutex_);
  Ring refused_ ABSL_GUARDED_BY(mutex_);  // callers in the peer's name
};

}  // namespace tripoint::exchange
