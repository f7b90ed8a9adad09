// See trace.h.
#include "server/exchange/trace.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "proto/contract/error.h"
#include "server/exchange/frame_check.h"
#include "server/exchange/types.h"
#include "server/operations/common.h"

namespace tripoint::exchange {
namespace {

using tripoint::v1::LinkEvent;

std::string LaneText(v1::Lane lane) {
  return IsLane(lane) ? std::string(operations::LaneName(static_cast<std::uint8_t>(lane)))
                      : std::string();
}

bool SaysTheSame(const LinkEvent& one, const LinkEvent& other) {
  return one.kind() == other.kind() && one.outbound() == other.outbound() &&
         one.lane() == other.lane() && one.reason_code() == other.reason_code();
}

// Whoever ended or refused something said why, be it in a code that this version does not know.
bool MustSayWhy(tripoint::v1::LinkEventKind kind) {
  switch (kind) {
    case tripoint::v1::LINK_EVENT_KIND_DIAL_FAILED:
    case tripoint::v1::LINK_EVENT_KIND_CALLER_REFUSED:
    case tripoint::v1::LINK_EVENT_KIND_CLOSED:
    case tripoint::v1::LINK_EVENT_KIND_STOPPED:
    case tripoint::v1::LINK_EVENT_KIND_NOT_STORED:
      return true;
    default:
      return false;
  }
}

// A stop or its end and the log's word about it, of the same step, are one thing.
bool IsAlertOf(const LinkEvent& alert, const LinkEvent& before) {
  if (alert.kind() != tripoint::v1::LINK_EVENT_KIND_ALERT) return false;
  const bool stop = before.kind() == tripoint::v1::LINK_EVENT_KIND_STOPPED &&
                    before.reason_code() == alert.reason_code();
  return (stop || before.kind() == tripoint::v1::LINK_EVENT_KIND_LIFTED) &&
         before.last_time_ms() == alert.time_ms() && before.lane() == alert.lane() &&
         before.outbound() == alert.outbound();
}

}  // namespace

void LinkTrace::Add(std::int64_t time_ms, Kind kind, bool outbound, std::string_view lane,
                    contract::Reason reason, std::string_view text) {
  LinkEvent event;
  event.set_time_ms(time_ms);
  event.set_last_time_ms(time_ms);
  event.set_kind(kind);
  event.set_outbound(outbound);
  event.set_lane(std::string(lane));
  if (MustSayWhy(kind) || reason != contract::Reason::kUnspecified)
    event.set_reason_code(std::string(contract::ReasonCode(reason)));
  event.set_reason_text(PrintableText(text, kTextBytesMax));
  event.set_count(1);
  const absl::MutexLock lock(&mutex_);
  const bool refused = kind == tripoint::v1::LINK_EVENT_KIND_CALLER_REFUSED;
  Ring& events = refused ? refused_ : link_;
  if (Repeats(event, events)) return;
  Keep(std::move(event), events);
  if (!refused) last_link_number_ = last_number_;
}

bool LinkTrace::Repeats(const LinkEvent& event, Ring& events) {
  if (events.empty()) return false;
  if (IsAlertOf(event, events.back())) return true;
  // A failed try says that there was one.
  const bool tried = event.kind() == tripoint::v1::LINK_EVENT_KIND_DIAL_FAILED &&
                     events.back().kind() == tripoint::v1::LINK_EVENT_KIND_DIALLING;
  if (tried && events.size() >= 2 && SaysTheSame(event, *std::prev(events.end(), 2))) {
    events.pop_back();
  }
  LinkEvent& last = events.back();
  if (!SaysTheSame(event, last)) return false;
  last.set_last_time_ms(event.time_ms());
  last.set_reason_text(event.reason_text());
  last.set_count(last.count() + 1);
  return true;
}

void LinkTrace::AddFrame(std::int64_t time_ms, bool outbound, const v1::Frame& frame) {
  LinkEvent event;
  if (frame.has_batch()) {
    event.set_kind(tripoint::v1::LINK_EVENT_KIND_BATCH);
    event.set_lane(LaneText(frame.batch().lane()));
    const auto envelopes = static_cast<std::uint64_t>(frame.batch().envelopes_size());
    std::uint64_t bytes = 0;
    for (const std::string& envelope : frame.batch().envelopes()) bytes += envelope.size();
    event.set_envelopes(envelopes);
    event.set_bytes(bytes);
    event.set_size(frame.batch().first_position() + envelopes);
  } else if (frame.has_receipt()) {
    event.set_kind(tripoint::v1::LINK_EVENT_KIND_RECEIPT);
    event.set_lane(LaneText(frame.receipt().lane()));
    event.set_size(frame.receipt().size());
  } else {
    return;
  }
  event.set_time_ms(time_ms);
  event.set_last_time_ms(time_ms);
  event.set_outbound(outbound);
  event.set_count(1);
  const absl::MutexLock lock(&mutex_);
  // Two kinds, two ways, three lanes: a run, if there is one, is among the last dozen.
  constexpr std::size_t kRunsMax = 12;
  std::size_t looked_at = 0;
  for (auto run = moved_.rbegin(); run != moved_.rend() && looked_at < kRunsMax;
       ++run, ++looked_at) {
    if (run->number() < last_link_number_) break;  // what the link did in between stays in sight
    if (!SaysTheSame(event, *run)) continue;
    if (time_ms - run->time_ms() > kRunMs || time_ms < run->time_ms()) break;
    run->set_last_time_ms(time_ms);
    run->set_count(run->count() + 1);
    run->set_envelopes(run->envelopes() + event.envelopes());
    run->set_bytes(run->bytes() + event.bytes());
    run->set_size(event.size());
    return;
  }
  Keep(std::move(event), moved_);
}

void LinkTrace::Keep(LinkEvent event, Ring& events) {
  event.set_number(++last_number_);
  events.push_back(std::move(event));
  if (events.size() > kKept) events.pop_front();
}

std::vector<LinkEvent> LinkTrace::Events() const {
  std::vector<LinkEvent> events;
  {
    const absl::MutexLock lock(&mutex_);
    events.reserve(link_.size() + moved_.size() + refused_.size());
    for (const Ring* ring : {&link_, &moved_, &refused_})
      events.insert(events.end(), ring->begin(), ring->end());
  }
  std::sort(events.begin(), events.end(), [](const LinkEvent& one, const LinkEvent& other) {
    return one.number() > other.number();
  });
  return events;
}

}  // namespace tripoint::exchange
