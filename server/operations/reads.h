// Everything that is read: records, lists, the journal for followers, counters. Writes nothing. Any
// thread; point reads are short enough for a gRPC callback, lists belong on the worker pool.
//
// Requests have passed contract validation. `after` and `next` of a list are opaque positions;
// server/rpc turns them into page tokens. Work for a page is bounded: a page may be short, and even
// empty, while `next` is not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/operations/node_facts.h"
#include "server/operations/peer_status.h"
#include "storage/engine.h"
#include "tripoint/v1/incident.pb.h"
#include "tripoint/v1/node.pb.h"
#include "tripoint/v1/notice.pb.h"

namespace tripoint::operations {

template <typename Resource>
struct Page {
  std::vector<Resource> items;
  std::string next;  // empty at the end, and only there
};

// In all that follow, `links` is what the link layer knows: it tells `sent` from `queued`, names
// the channels that a peer stopped and says why a link is down. nullptr: nothing counts as sent or
// stopped by a peer, and no link as down.

// Errors of all: NOT_FOUND / NOT_FOUND; DATA_LOSS / CORRUPT.
absl::StatusOr<v1::Incident> GetIncident(const NodeFacts& node, const storage::Reader& reader,
                                         std::string_view name);
// The same, serialised, as it is stored.
absl::StatusOr<std::string> GetIncidentBytes(const storage::Reader& reader, std::string_view name);
absl::StatusOr<Page<v1::Incident>> ListIncidents(const NodeFacts& node,
                                                 const storage::Snapshot& snapshot,
                                                 const v1::ListIncidentsRequest& request,
                                                 std::string_view after);
absl::StatusOr<Page<v1::Incident>> ListIncidentVersions(const NodeFacts& node,
                                                        const storage::Snapshot& snapshot,
                                                        std::string_view name, int page_size,
                                                        std::string_view after);

// Own or received, with deliveries. A released notice past its end reads as EXPIRED at `now_ms`.
absl::StatusOr<v1::Notice> GetNotice(const NodeFacts& node, const storage::Reader& reader,
                                     std::string_view name, std::int64_t now_ms,
                                     const PeerStatusSource* links);
absl::StatusOr<Page<v1::Notice>> ListNotices(const NodeFacts& node,
                                             const storage::Snapshot& snapshot,
                                             const v1::ListNoticesRequest& request,
                                             std::string_view after, std::int64_t now_ms,
                                             const PeerStatusSource* links);

// A piece of the journal after `after`, at most `items_max` changes, looking at no more than
// `scan_max` entries.
struct JournalPiece {
  std::vector<v1::Change> changes;
  // The last change number that was looked at: where the next piece starts. Equals `after` when
  // there is nothing new.
  std::uint64_t through = 0;
};
// `kinds` as WatchChangesRequest.kinds; empty = all.
absl::StatusOr<JournalPiece> ReadJournal(const storage::Snapshot& snapshot, std::uint64_t after,
                                         std::size_t items_max, std::size_t scan_max,
                                         const std::vector<std::string>& kinds);

// The present change number; 0 before the first commit.
absl::StatusOr<std::uint64_t> LastChangeNumber(const storage::Reader& reader);

// Fills what the store knows: unit, epoch, change number, journal root, counters, latest backup;
// and warns of an amnesia and of a backup that is missing or too old at `now_ms`.
absl::Status FillStatus(const NodeFacts& node, const storage::Snapshot& snapshot,
                        std::int64_t now_ms, v1::NodeStatus& status);

// The six channels of a peer. `now_ms` gives the age of what waits.
absl::Status FillChannels(const storage::Snapshot& snapshot, std::string_view peer,
                          std::int64_t now_ms, const PeerStatusSource* links, v1::Peer& result);

// A warning for each channel that is stopped, on this side or the other, of peers that FillChannels
// filled: which, by whom, why, and what to do.
void AddChannelWarnings(const v1::Peer& peer, v1::NodeStatus& status);

// Envelopes that one side refused, of `request.unit` or of all peers. With a unit a page looks at a
// bounded number of others too: it may be empty while `next` is not.
absl::StatusOr<Page<v1::QuarantinedEnvelope>> ListQuarantine(
    const storage::Snapshot& snapshot, const v1::ListQuarantineRequest& request,
    std::string_view after);

// Envelopes without a receipt, of `request.unit` or of all units that something waits for: flash
// first, oldest first. Errors: INVALID_ARGUMENT / PAGE_TOKEN_INVALID; DATA_LOSS / CORRUPT.
absl::StatusOr<Page<v1::QueuedEnvelope>> ListQueue(const NodeFacts& node,
                                                   const storage::Snapshot& snapshot,
                                                   const v1::ListQueueRequest& request,
                                                   std::string_view after,
                                                   const PeerStatusSource* links);

}  // namespace tripoint::operations
