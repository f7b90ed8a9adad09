// What waits for a receipt, envelope by envelope. See reads.h. Any thread.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "proto/contract/error.h"
#include "server/operations/common.h"
#include "server/operations/reads.h"
#include "server/operations/way.h"
#include "storage/channel_store.h"
#include "storage/outbound_log.h"
#include "storage/past_channels.h"
#include "tripoint/exchange/v1/envelope.pb.h"

namespace tripoint::operations {
namespace {

using storage::ChannelName;

constexpr std::uint8_t kLanesMax = 3;
// Envelopes of a page are read to name them; some have 256 KiB.
constexpr std::size_t kPageBytesMax = 8u << 20;

// Where a page ended: the next envelope, or the beginning of a lane.
struct Place {
  std::string unit;
  std::uint8_t lane = 1;
  std::uint64_t position = 0;

  std::string Text() const { return fmt::format("{}/{}/{}", unit, lane, position); }
};

absl::StatusOr<Place> ReadPlace(std::string_view text) {
  Place place;
  if (text.empty()) return place;
  const std::size_t first = text.find('/');
  const std::size_t second = text.rfind('/');
  if (first != std::string_view::npos && second != first) {
    place.unit = text.substr(0, first);
    const std::string_view number = text.substr(second + 1);
    const auto [end, fault] =
        std::from_chars(number.data(), number.data() + number.size(), place.position);
    place.lane = static_cast<std::uint8_t>(text[first + 1] - '0');
    if (fault == std::errc() && end == number.data() + number.size() && second == first + 2 &&
        place.lane >= 1 && place.lane <= kLanesMax) {
      return place;
    }
  }
  return contract::Error(absl::StatusCode::kInvalidArgument, contract::Reason::kPageTokenInvalid,
                         "The page token does not belong to this list",
                         "A page token is good for the list that it came from.",
                         "Ask for the first page.");
}

void NameEnvelope(const std::string& bytes, v1::QueuedEnvelope& queued) {
  queued.set_bytes(bytes.size());
  exchange::v1::Envelope envelope;
  if (!envelope.ParseFromString(bytes)) return;
  if (envelope.has_notice_version()) {
    queued.set_kind("notice");
    queued.set_name(envelope.notice_version().name());
    queued.set_version(envelope.notice_version().version());
  } else if (envelope.has_notice_withdrawal()) {
    queued.set_kind("withdrawal");
    queued.set_name(envelope.notice_withdrawal().name());
    queued.set_version(envelope.notice_withdrawal().version());
  } else if (envelope.has_notice_statement()) {
    queued.set_kind("statement");
    queued.set_name(envelope.notice_statement().name());
  }
}

// One request: goes over the channels from `place` on until the page is full.
class Queue {
 public:
  Queue(const NodeFacts& node, const storage::Snapshot& snapshot,
        const v1::ListQueueRequest& request, const PeerStatusSource* links)
      : node_(node),
        snapshot_(snapshot),
        request_(request),
        links_(links),
        room_(PageSize(request.page_size())) {}

  absl::StatusOr<Page<v1::QueuedEnvelope>> Run(Place place) {
    const absl::StatusOr<std::set<std::string>> units = Units();
    if (!units.ok()) return units.status();
    for (auto unit = units->lower_bound(place.unit); unit != units->end(); ++unit) {
      if (*unit != place.unit) place = Place{.unit = *unit};
      for (; place.lane <= kLanesMax; ++place.lane, place.position = 0) {
        const absl::StatusOr<bool> done = AddLane(place);
        if (!done.ok()) return done.status();
        if (*done) continue;
        page_.next = place.Text();
        return std::move(page_);
      }
    }
    return std::move(page_);
  }

 private:
  // Those that are paired, and those that something was ever sent to.
  absl::StatusOr<std::set<std::string>> Units() const {
    if (!request_.unit().empty()) return std::set<std::string>{request_.unit()};
    const absl::StatusOr<std::vector<ChannelName>> channels =
        storage::ListOutboundChannels(snapshot_);
    if (!channels.ok()) return channels.status();
    std::set<std::string> units;
    for (const ChannelName& channel : *channels) units.insert(channel.peer);
    return units;
  }

  // True: the lane has no more. Moves `place` on.
  absl::StatusOr<bool> AddLane(Place& place) {
    const ChannelName channel{place.unit, place.lane};
    const auto state = storage::GetOutboundChannel(snapshot_, channel);
    if (!state.ok()) return state.status();
    // What was receipted since the page before is gone.
    place.position = std::max<std::uint64_t>(place.position, state->receipted_size());
    std::uint64_t end = state->size();
    if (request_.lane_limit() > 0)
      end = std::min<std::uint64_t>(end, state->receipted_size() + request_.lane_limit());
    if (place.position >= end) return true;
    if (room_ == 0 || bytes_ >= kPageBytesMax) return false;
    const absl::StatusOr<domain::WayFacts> way =
        WayTo(node_, snapshot_, channel, state->quarantine_reason(), links_);
    if (!way.ok()) return way.status();
    const domain::Held held = domain::HeldOn(*way);
    storage::OutboundEntries entries(snapshot_, channel, state->epoch(), place.position);
    for (; place.position < end; ++place.position) {
      if (room_ == 0 || bytes_ >= kPageBytesMax) return false;
      v1::QueuedEnvelope& queued = page_.items.emplace_back();
      queued.set_unit(channel.peer);
      queued.set_lane(std::string(LaneName(channel.lane)));
      queued.set_position(place.position);
      queued.set_sent(place.position < way->sent_size);
      queued.set_hold(held.hold);
      queued.set_reason_code(held.reason_code);
      queued.set_next_try_time_ms(held.next_try_ms);
      queued.set_waiting(state->size() - state->receipted_size());
      if (absl::Status read = ReadEntry(state->epoch(), channel, entries, queued); !read.ok())
        return read;
      --room_;
      bytes_ += queued.bytes();
    }
    return true;
  }

  absl::Status ReadEntry(std::uint64_t epoch, const ChannelName& channel,
                         storage::OutboundEntries& entries, v1::QueuedEnvelope& queued) const {
    const absl::StatusOr<std::optional<storage::OutboundEntry>> entry = entries.Next();
    if (!entry.ok()) return entry.status();
    if (!entry->has_value()) return storage::ChannelHole(channel, queued.position());
    queued.set_queue_time_ms((*entry)->time_ms);
    const absl::StatusOr<std::optional<std::string>> bytes =
        storage::GetEnvelope(snapshot_, epoch, (*entry)->envelope_number);
    if (!bytes.ok()) return bytes.status();
    if (!bytes->has_value()) return Corrupt("An envelope that waits is missing");
    NameEnvelope(**bytes, queued);
    return absl::OkStatus();
  }

  const NodeFacts& node_;
  const storage::Snapshot& snapshot_;
  const v1::ListQueueRequest& request_;
  const PeerStatusSource* const links_;
  std::size_t room_;
  std::size_t bytes_ = 0;
  Page<v1::QueuedEnvelope> page_;
};

}  // namespace

absl::StatusOr<Page<v1::QueuedEnvelope>> ListQueue(const NodeFacts& node,
                                                   const storage::Snapshot& snapshot,
                                                   const v1::ListQueueRequest& request,
                                                   std::string_view after,
                                                   const PeerStatusSource* links) {
  absl::StatusOr<Place> place = ReadPlace(after);
  if (!place.ok()) return place.status();
  const LinksOnce once(links);
  return Queue(node, snapshot, request, once.get()).Run(*std::move(place));
}

}  // namespace tripoint::operations
