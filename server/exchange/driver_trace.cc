// See driver.h. What the driver writes into the trace of a link. On the loop thread, but FillTrace.
#include <string>

#include "fmt/format.h"
#include "server/exchange/driver.h"
#include "server/operations/common.h"

namespace tripoint::exchange {
namespace {

// Two heartbeats of the peer are overdue.
constexpr std::int64_t kQuietMs = 6000;

}  // namespace

void Driver::Trace(PeerLink& link, LinkTrace::Kind kind, bool outbound, v1::Lane lane,
                   Reason reason, std::string_view text) {
  const std::string_view name =
      IsLane(lane) ? operations::LaneName(static_cast<std::uint8_t>(lane)) : std::string_view();
  link.trace.Add(seams_.clock.wall_ms(), kind, outbound, name, reason, text);
}

void Driver::TraceAction(PeerLink& link, const Action& action) {
  if (std::holds_alternative<Dial>(action)) {
    Trace(link, tripoint::v1::LINK_EVENT_KIND_DIALLING, true);
  } else if (const auto* stop = std::get_if<PersistQuarantine>(&action)) {
    const bool lifted = stop->reason == Reason::kUnspecified;
    Trace(link,
          lifted ? tripoint::v1::LINK_EVENT_KIND_LIFTED : tripoint::v1::LINK_EVENT_KIND_STOPPED,
          stop->outbound, stop->lane, stop->reason, stop->text);
  } else if (const auto* alert = std::get_if<Alert>(&action)) {
    Trace(link, tripoint::v1::LINK_EVENT_KIND_ALERT, alert->outbound, alert->lane, alert->reason,
          alert->text);
  }
}

void Driver::TraceFrame(PeerLink& link, const v1::Frame& frame) {
  const std::int64_t now_ms = seams_.clock.monotonic_ms();
  if (link.traced_quiet) {
    Trace(link, tripoint::v1::LINK_EVENT_KIND_HEARD, false, {}, Reason::kUnspecified,
          fmt::format("after {} s", (now_ms - link.heard_ms) / 1000));
  }
  link.traced_quiet = false;
  link.heard_ms = now_ms;
  link.trace.AddFrame(seams_.clock.wall_ms(), false, frame);
}

// The core's word: which of two streams is kept, and why one ended, is its decision.
void Driver::TraceState(PeerLink& link, const LinkStatus& status) {
  if (status.stream != link.traced_stream) {
    if (link.traced_stream != 0) {
      Trace(link, tripoint::v1::LINK_EVENT_KIND_CLOSED, false, {}, status.last_reason,
            status.last_text);
    }
    link.traced_stream = status.stream;
    link.traced_up = link.traced_quiet = false;
    link.heard_ms = seams_.clock.monotonic_ms();
    if (status.stream != 0) Trace(link, tripoint::v1::LINK_EVENT_KIND_OPENED, status.dialled_by_us);
  }
  if (status.state != LinkState::kUp || link.traced_up) return;
  link.traced_up = true;
  Trace(link, tripoint::v1::LINK_EVENT_KIND_UP, false, {}, Reason::kUnspecified,
        fmt::format("protocol version {}", status.version));
}

void Driver::TraceQuiet(PeerLink& link, std::int64_t now_ms) {
  if (!link.traced_up || link.traced_quiet || now_ms - link.heard_ms < kQuietMs) return;
  link.traced_quiet = true;
  Trace(link, tripoint::v1::LINK_EVENT_KIND_QUIET, false, {}, Reason::kUnspecified,
        fmt::format("nothing was heard for {} s", kQuietMs / 1000));
}

void Driver::FillTrace(std::string_view unit,
                       tripoint::v1::ListLinkEventsResponse& response) const {
  const auto found = links_.find(unit);
  if (found == links_.end()) return;
  response.set_begin_time_ms(begin_time_ms_);
  for (tripoint::v1::LinkEvent& event : found->second.trace.Events())
    *response.add_events() = std::move(event);
}

}  // namespace tripoint::exchange
