// See core.h. What frames do to the link, and which frame goes next.
#include <algorithm>
#include <string>
#include <utility>

#include "fmt/format.h"
#include "proto/contract/error.h"
#include "server/exchange/core.h"
#include "server/exchange/frame_check.h"

namespace tripoint::exchange {
namespace {

// The item of a lane in a hello; null when there is none. Lanes were checked to occur once.
template <typename Items>
auto OfLane(const Items& items, v1::Lane lane) -> const typename Items::value_type* {
  for (const auto& item : items) {
    if (item.lane() == lane) return &item;
  }
  return nullptr;
}

// Reasons after which dialling again soon cannot help.
bool IsLastingRefusal(Reason reason) {
  switch (reason) {
    case Reason::kLinkDuplicate:
    case Reason::kLinkRenewed:
    case Reason::kLinkSilent:
    case Reason::kLinkStalled:
    case Reason::kShuttingDown:
      return false;
    default:
      return true;
  }
}

}  // namespace

v1::Hello Core::MakeHello() const {
  v1::Hello hello;
  hello.set_version_min(config_.limits.version_min);
  hello.set_version_max(config_.limits.version_max);
  hello.set_unit(config_.unit);
  hello.set_epoch(config_.epoch);
  hello.set_software(PrintableText(config_.software, config_.limits.text_bytes_max));
  hello.set_time_ms(now_.wall_ms);
  hello.set_signing_certificate(signer_.Certificate());
  for (const OutboundLane& lane : outbound_) *hello.add_outbound() = lane.HelloHead();
  for (const InboundLane& lane : inbound_) {
    if (lane.durable().epoch != 0) *hello.add_inbound() = lane.Held();
    lane.AddHoldings(hello);
  }
  hello.set_recovering(returns_.recovering());
  return hello;
}

void Core::OnHello(v1::Hello hello) {
  if (!Settled()) {
    // Commits of the stream before are under way: what is held here is not known yet.
    link_.stream.early_hello = std::move(hello);
    return;
  }
  if (!AcceptHello(hello)) return;
  Stream& stream = link_.stream;
  stream.hello_applied = true;
  stream.up_ms = stream.heartbeat_ms = now_.monotonic_ms;
  ++counters_.opened;
  link_.clock_offset_ms = 0;
  if (now_.wall_ms > 0 && hello.time_ms() > 0)
    link_.clock_offset_ms = hello.time_ms() - now_.wall_ms;
  link_.peer_software = PrintableText(hello.software(), config_.limits.text_bytes_max);
  OpenLanes(hello);
}

// Everything that ends the stream is checked before any lane is touched.
bool Core::AcceptHello(const v1::Hello& hello) {
  const auto refuse = [this](std::string text) {
    BreakProtocol(std::move(text));
    return false;
  };
  if (hello.unit() != config_.peer) return refuse("hello: another unit than the certificate's");
  for (const v1::Head& head : hello.outbound()) {
    if (head.epoch() != hello.epoch()) return refuse("hello: head of another epoch");
  }
  const std::uint32_t version = std::min(hello.version_max(), config_.limits.version_max);
  if (version < std::max(hello.version_min(), config_.limits.version_min)) {
    std::string text = fmt::format("protocol versions here: {} to {}; at the peer: {} to {}",
                                   config_.limits.version_min, config_.limits.version_max,
                                   hello.version_min(), hello.version_max());
    dialler_.Penalise();
    RaiseAlert(Reason::kVersionUnsupported, v1::LANE_UNSPECIFIED, false, text);
    EndStream(Ending::kGoodbye, Reason::kVersionUnsupported, std::move(text));
    return false;
  }
  if (const absl::Status trusted = verifier_.Trust(hello.signing_certificate()); !trusted.ok()) {
    const contract::Problem problem = contract::ProblemOf(trusted);
    dialler_.Penalise();
    RaiseAlert(problem.reason, v1::LANE_UNSPECIFIED, false, problem.what);
    EndStream(Ending::kGoodbye, problem.reason, "the signing certificate is not accepted");
    return false;
  }
  link_.stream.version = version;
  return true;
}

void Core::OpenLanes(const v1::Hello& hello) {
  bool renewed = link_.peer_epoch != 0 && link_.peer_epoch != hello.epoch();
  for (const InboundLane& lane : inbound_) {
    const std::uint64_t known = lane.durable().epoch;
    renewed = renewed || (known != 0 && known != hello.epoch());
  }
  link_.peer_epoch = hello.epoch();
  if (renewed) {
    RaiseAlert(Reason::kPeerEpochNew, v1::LANE_UNSPECIFIED, false, "the peer begins a new history");
  }
  const bool returns = link_.stream.version >= kVersionReturns;
  if (returns) Apply(returns_.Open(hello), v1::LANE_UNSPECIFIED, true);
  // The channels wait for the next stream.
  if (returns && (returns_.recovering() || hello.recovering())) return;
  if (returns_.recovering()) {
    RaiseAlert(Reason::kAmnesia, v1::LANE_UNSPECIFIED, false,
               "the peer's version cannot return what it holds of this unit");
  }
  for (std::size_t i = 0; i < kLanes; ++i) {
    Apply(inbound_[i].Open(hello.epoch(), OfLane(hello.outbound(), LaneOf(i))), LaneOf(i), false);
    const v1::Head* const head = OfLane(hello.outbound(), LaneOf(i));
    if (returns && head != nullptr && inbound_[i].LostReceipted(*head))
      actions_.push_back(OwnRollback{.lane = LaneOf(i)});
    const bool ran = outbound_[i].quarantine().empty();
    Apply(outbound_[i].Open(hello.epoch(), OfLane(hello.inbound(), LaneOf(i)), renewed), LaneOf(i),
          true);
    TellOwnRollback(LaneOf(i), hello, ran);
    // Stops of earlier streams are said again: the peer may have been restarted.
    if (!inbound_[i].told_quarantine().empty() || !outbound_[i].told_quarantine().empty()) {
      link_.stream.heartbeat_urgent = true;
    }
  }
}

void Core::TellOwnRollback(v1::Lane lane, const v1::Hello& hello, bool new_stop) {
  const operations::HeldChannel* const held = returns_.Proven(lane);
  const OutboundLane& out = outbound_[LaneIndex(lane)];
  if (held == nullptr || out.quarantine().empty()) return;
  // A fork is found by what the peer says it holds: it must be what it has our signature for.
  const v1::Receipt* const said = OfLane(hello.inbound(), lane);
  const bool fork = new_stop && out.quarantine() == contract::ReasonCode(Reason::kChannelFork) &&
                    said != nullptr && said->epoch() == held->epoch && said->size() == held->size &&
                    said->root() == storage::HashView(held->root);
  if (held->size <= out.size() && !fork) return;
  actions_.push_back(OwnRollback{.lane = lane});
}

void Core::OnBatch(v1::Batch batch) {
  ++counters_.batches_in;
  link_.stream.announced_bytes = 0;
  if (batch.epoch() != link_.peer_epoch) return BreakProtocol("batch of another epoch");
  const v1::Lane lane = batch.lane();
  const auto envelopes = static_cast<std::uint64_t>(batch.envelopes_size());
  bool duplicate = false;
  bool gap = false;
  const LaneVerdict verdict = inbound_[LaneIndex(lane)].OnBatch(std::move(batch), duplicate, gap);
  counters_.duplicates += duplicate ? 1 : 0;
  counters_.gaps += gap ? 1 : 0;
  if (!duplicate && !gap) counters_.envelopes_in += envelopes;
  Apply(verdict, lane, false);
}

void Core::OnReceipt(const v1::Receipt& receipt) {
  OutboundLane::Sample sample;
  const LaneVerdict verdict = outbound_[LaneIndex(receipt.lane())].OnReceipt(receipt, sample);
  if (sample.round_trip_ms >= 0) sizer_.OnRoundTrip(sample.round_trip_ms, sample.batch_bytes);
  Apply(verdict, receipt.lane(), true);
}

// The time that the peer takes with an answer says how large the next may be.
void Core::OnReturnRequest(const v1::ReturnRequest& request) {
  std::int64_t rest_ms = -1;
  const LaneVerdict verdict = returns_.OnRequest(request, sizer_.bytes(), rest_ms);
  if (rest_ms >= 0) sizer_.OnRoundTrip(rest_ms, returns_.answer_bytes());
  Apply(verdict, v1::LANE_UNSPECIFIED, false);
}

void Core::OnHeartbeat(const v1::Heartbeat& heartbeat) {
  Stream& stream = link_.stream;
  const std::uint64_t id = stream.id;
  stream.announced_bytes = heartbeat.next_bytes();
  stream.echo_sequence = heartbeat.sequence();
  stream.echo_ms = now_.monotonic_ms;
  if (heartbeat.echo_sequence() != 0 && heartbeat.echo_sequence() == stream.sequence) {
    const std::int64_t taken_ms =
        now_.monotonic_ms - stream.sequence_ms - heartbeat.echo_delay_ms();
    link_.round_trip_ms = std::max<std::int64_t>(taken_ms, 0);
  }
  // A way that had to be shared with batches says nothing about the empty link.
  const Stream::Probe& probe = stream.probe;
  if (heartbeat.echo_sequence() != 0 && heartbeat.echo_sequence() == probe.sequence &&
      counters_.batches_in == probe.batches_in) {
    sizer_.OnHeartbeat(now_.monotonic_ms - probe.sent_ms - heartbeat.echo_delay_ms());
  }
  for (const v1::Head& head : heartbeat.outbound()) {
    if (head.epoch() != link_.peer_epoch) return BreakProtocol("heartbeat: head of another epoch");
    Apply(inbound_[LaneIndex(head.lane())].OnHead(head), head.lane(), false);
  }
  for (const v1::Receipt& held : heartbeat.inbound()) {
    Apply(outbound_[LaneIndex(held.lane())].OnHeld(held), held.lane(), true);
  }
  for (const v1::Resend& resend : heartbeat.resend()) {
    if (link_.stream.id != id) return;  // a verdict ended the stream
    Apply(outbound_[LaneIndex(resend.lane())].OnResend(resend), resend.lane(), true);
  }
  if (link_.stream.id != id) return;
  for (const v1::LaneStop& stop : heartbeat.stopped()) {
    const std::size_t lane = LaneIndex(stop.lane());
    const std::string code = ReasonText(stop.reason_code());
    const bool known = stop.outbound() ? !inbound_[lane].quarantine().empty()
                                       : !outbound_[lane].OnStoppedByPeer(code);
    if (known) continue;
    RaiseAlert(contract::ReasonFromCode(code), stop.lane(), !stop.outbound(),
               "the peer stopped this channel: " + code);
  }
}

void Core::OnGoodbye(const v1::Goodbye& goodbye) {
  const Reason reason = contract::ReasonFromCode(ReasonText(goodbye.reason_code()));
  if (IsLastingRefusal(reason)) dialler_.Penalise();
  EndStream(Ending::kClose, reason,
            "the peer says: " + PrintableText(goodbye.text(), config_.limits.text_bytes_max));
}

v1::Heartbeat Core::MakeHeartbeat(std::size_t next_bytes) {
  Stream& stream = link_.stream;
  stream.heartbeat_ms = now_.monotonic_ms;
  stream.heartbeat_urgent = false;
  stream.sequence_ms = now_.monotonic_ms;
  v1::Heartbeat heartbeat;
  heartbeat.set_sequence(++stream.sequence);
  const bool alone = std::none_of(outbound_.begin(), outbound_.end(),
                                  [](const OutboundLane& lane) { return lane.in_flight(); });
  if (alone) {
    stream.probe = {.sequence = stream.sequence,
                    .sent_ms = now_.monotonic_ms,
                    .batches_in = counters_.batches_in};
  }
  if (stream.echo_sequence != 0) {
    heartbeat.set_echo_sequence(stream.echo_sequence);
    heartbeat.set_echo_delay_ms(static_cast<std::uint32_t>(
        std::min<std::int64_t>(now_.monotonic_ms - stream.echo_ms, 3'600'000)));
  }
  heartbeat.set_next_bytes(static_cast<std::uint32_t>(next_bytes));
  for (std::size_t i = 0; i < kLanes; ++i) {
    *heartbeat.add_outbound() = outbound_[i].Head();
    if (inbound_[i].durable().epoch != 0) *heartbeat.add_inbound() = inbound_[i].Held();
    if (auto resend = inbound_[i].TakeResend()) *heartbeat.add_resend() = std::move(*resend);
    const auto stop = [&](const std::string& reason_code, bool outbound) {
      if (reason_code.empty()) return;
      v1::LaneStop* item = heartbeat.add_stopped();
      item->set_lane(LaneOf(i));
      item->set_reason_code(reason_code);
      item->set_outbound(outbound);
    };
    stop(outbound_[i].told_quarantine(), true);
    stop(inbound_[i].told_quarantine(), false);
  }
  return heartbeat;
}

// Hello, then what frees the peer's window, then the sign of life, then batches: small before big.
bool Core::NextFrame(v1::Frame& frame) {
  Stream& stream = link_.stream;
  if (!stream.hello_sent) {
    if (!Settled()) return false;
    *frame.mutable_hello() = MakeHello();
    stream.hello_sent = true;
    return true;
  }
  if (!stream.hello_applied) return false;
  for (InboundLane& lane : inbound_) {
    if (auto receipt = lane.TakeReceipt()) {
      *frame.mutable_receipt() = std::move(*receipt);
      return true;
    }
  }
  bool urgent = stream.heartbeat_urgent;
  for (const InboundLane& lane : inbound_) urgent = urgent || lane.ResendOwed();
  if (urgent || now_.monotonic_ms - stream.heartbeat_ms >= config_.limits.heartbeat_ms) {
    *frame.mutable_heartbeat() = MakeHeartbeat(0);
    return true;
  }
  if (NextReturn(frame)) return true;
  return NextBatch(frame);
}

bool Core::NextReturn(v1::Frame& frame) {
  if (auto request = returns_.TakeRequest()) {
    *frame.mutable_return_request() = std::move(*request);
    return true;
  }
  if (!returns_.AnswerReady()) return false;
  Stream& stream = link_.stream;
  const std::size_t bytes = returns_.answer_bytes();
  if (bytes > 2 * sizer_.bytes() && !stream.big_announced) {
    stream.big_announced = true;
    *frame.mutable_heartbeat() = MakeHeartbeat(bytes);
    return true;
  }
  stream.big_announced = false;
  *frame.mutable_returned() = returns_.TakeAnswer();
  return true;
}

// Strictly flash, priority, routine. Flash has a window of its own; the two others share one, so
// that what a flash meets on the wire is at most that, however many lanes have a backlog.
bool Core::NextBatch(v1::Frame& frame) {
  Stream& stream = link_.stream;
  if (!frames_out_.Has()) return false;
  const std::size_t bulk = outbound_[1].in_flight_bytes() + outbound_[2].in_flight_bytes();
  for (std::size_t i = 0; i < kLanes; ++i) {
    OutboundLane& lane = outbound_[i];
    if (!lane.BatchReady()) continue;
    const std::size_t on_wire = i == 0 ? lane.in_flight_bytes() : bulk;
    if (on_wire > 0 && on_wire + lane.ready_bytes() > sizer_.window_bytes()) {
      if (i == 0) continue;
      return false;  // a small routine batch must not pass a big priority one for ever
    }
    const bool big = lane.ready_bytes() > 2 * sizer_.bytes() && !stream.big_announced;
    // Before a backlog, since nobody can see later how long the empty link is.
    const bool first = i > 0 && stream.sequence == 0 && lane.more_than_ready();
    if (big || first) {
      stream.big_announced = big;
      *frame.mutable_heartbeat() = MakeHeartbeat(big ? lane.ready_bytes() : 0);
      return true;
    }
    LaneVerdict verdict;
    std::optional<v1::Batch> batch = lane.TakeBatch(verdict);
    if (!batch.has_value()) {
      Apply(verdict, LaneOf(i), true);
      continue;
    }
    stream.big_announced = false;
    (void)frames_out_.Take();
    ++counters_.batches_out;
    counters_.envelopes_out += static_cast<std::uint64_t>(batch->envelopes_size());
    *frame.mutable_batch() = std::move(*batch);
    return true;
  }
  return false;
}

}  // namespace tripoint::exchange
