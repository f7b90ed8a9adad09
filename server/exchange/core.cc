// See core.h. Life of the link: streams, dialling, time-outs, alerts. Frames: core_frames.cc.
#include "server/exchange/core.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "fmt/format.h"
#include "proto/contract/error.h"
#include "server/exchange/frame_check.h"

namespace tripoint::exchange {
namespace {

// A link on which the peer broke the protocol must have lived so long before it is trusted with
// short waits again. Any other link has shown that it works as soon as both hellos were taken.
constexpr std::int64_t kProvenLinkMs = 30'000;

v1::Frame GoodbyeFrame(Reason reason, const std::string& text) {
  v1::Frame frame;
  frame.mutable_goodbye()->set_reason_code(std::string(contract::ReasonCode(reason)));
  frame.mutable_goodbye()->set_text(text);
  return frame;
}

template <std::size_t... index>
std::array<OutboundLane, kLanes> MakeOutbound(LaneContext& context,
                                              std::array<OutboundState, kLanes>& states,
                                              std::index_sequence<index...>) {
  return {OutboundLane(context, LaneOf(index), std::move(states[index]))...};
}

template <std::size_t... index>
std::array<InboundLane, kLanes> MakeInbound(LaneContext& context, CoreConfig& config,
                                            std::index_sequence<index...>) {
  return {InboundLane(context, LaneOf(index), std::move(config.inbound[index]),
                      std::move(config.inbound_past[index]))...};
}

// The earlier of two times, of which 0 means none.
std::int64_t Earlier(std::int64_t a, std::int64_t b) {
  if (a == 0 || b == 0) return a + b;
  return std::min(a, b);
}

}  // namespace

Core::Core(CoreConfig config, HeadSigner& signer, HeadVerifier& verifier)
    : config_(std::move(config)),
      signer_(signer),
      verifier_(verifier),
      context_{.unit = config_.unit,
               .peer = config_.peer,
               .epoch = config_.epoch,
               .limits = config_.limits,
               .signer = signer_,
               .verifier = verifier_,
               .actions = actions_},
      outbound_(MakeOutbound(context_, config_.outbound, std::make_index_sequence<kLanes>())),
      inbound_(MakeInbound(context_, config_, std::make_index_sequence<kLanes>())),
      returns_(context_, config_.recovering, config_.has_past),
      dialler_(config_.limits, config_.jitter_seed),
      sizer_(config_.limits),
      frames_in_(config_.limits.frames_a_second_max, config_.limits.frames_burst),
      frames_out_(config_.limits.frames_a_second_max / 2, config_.limits.frames_burst / 2) {}

std::vector<Action> Core::Step(const Time& now, Event event) {
  now_.wall_ms = now.wall_ms;
  now_.monotonic_ms = std::max(now_.monotonic_ms, now.monotonic_ms);
  context_.now_ms = now_.monotonic_ms;
  frames_in_.Refill(now_.monotonic_ms);
  frames_out_.Refill(now_.monotonic_ms);
  actions_.clear();
  std::visit([this](auto&& some) { On(std::move(some)); }, std::move(event));
  CheckTimeouts();
  DialWhenDue();
  Pump();
  return std::exchange(actions_, {});
}

void Core::On(StreamOpened event) {
  if (event.dialled_by_us) {
    link_.dialling = false;
  } else {
    dialler_.Contact(now_.monotonic_ms);
  }
  const bool refused = stopped_ || (link_.stream.id != 0 && !ReplacesCurrent(event));
  if (refused) {
    const Reason reason = stopped_ ? Reason::kShuttingDown : Reason::kLinkDuplicate;
    const std::string text = stopped_ ? "the node stops" : "another stream of this pair is kept";
    actions_.push_back(Send{.stream = event.stream, .frame = GoodbyeFrame(reason, text)});
    actions_.push_back(CloseStream{.stream = event.stream, .reason = reason, .text = text});
    return;
  }
  if (link_.stream.id != 0) {
    EndStream(Ending::kGoodbye, Reason::kLinkDuplicate, "a newer stream of this pair is kept");
  }
  link_.stream = Stream{};
  link_.stream.id = event.stream;
  link_.stream.dialled_by_us = event.dialled_by_us;
  link_.stream.opened_ms = link_.stream.heard_ms = now_.monotonic_ms;
}

// Both sides must keep the same one of two streams: that of the smaller unit, or the newer one.
bool Core::ReplacesCurrent(const StreamOpened& event) const {
  if (event.dialled_by_us == link_.stream.dialled_by_us) return true;
  return event.dialled_by_us == (config_.unit < config_.peer);
}

void Core::On(FrameReceived event) {
  Stream& stream = link_.stream;
  if (event.stream == 0 || event.stream != stream.id) return;
  ++counters_.frames_in;
  stream.heard_ms = link_.last_heard_ms = now_.monotonic_ms;
  if (!frames_in_.Take()) return BreakProtocol("too many frames a second");
  if (const auto fault = FrameFault(event.frame, config_.limits)) return BreakProtocol(*fault);
  const bool greeted = stream.hello_applied || stream.early_hello.has_value();
  switch (event.frame.kind_case()) {
    case v1::Frame::kGoodbye:
      return OnGoodbye(event.frame.goodbye());
    case v1::Frame::kHello:
      if (greeted) return BreakProtocol("a second hello");
      return OnHello(std::move(*event.frame.mutable_hello()));
    default:
      break;
  }
  if (!Up()) return BreakProtocol("a frame before the hellos");
  if (event.frame.has_batch()) return OnBatch(std::move(*event.frame.mutable_batch()));
  if (event.frame.has_receipt()) return OnReceipt(event.frame.receipt());
  const bool is_return = event.frame.has_return_request() || event.frame.has_returned();
  if (is_return && link_.stream.version < kVersionReturns)
    return BreakProtocol("a return on a stream whose version has none");
  if (event.frame.has_return_request()) return OnReturnRequest(event.frame.return_request());
  if (event.frame.has_returned())
    return Apply(returns_.OnReturned(std::move(*event.frame.mutable_returned())),
                 v1::LANE_UNSPECIFIED, false);
  OnHeartbeat(event.frame.heartbeat());
}

void Core::On(FrameSent event) {
  if (event.stream == 0 || event.stream != link_.stream.id) return;
  link_.stream.writing = false;
}

void Core::On(StreamClosed event) {
  if (event.stream == 0 || event.stream != link_.stream.id) return;
  EndStream(Ending::kGone, event.reason, std::move(event.text));
}

void Core::On(DialFailed event) {
  link_.dialling = false;
  dialler_.Failed(now_.monotonic_ms);
  if (link_.stream.id != 0) return;
  link_.last_reason = event.reason;
  link_.last_text = std::move(event.text);
}

void Core::On(Tick) {}

void Core::On(ChannelGrew event) {
  if (IsLane(event.lane)) outbound_[LaneIndex(event.lane)].Grew(event.frontier);
}

void Core::On(RangeRead event) {
  for (std::size_t i = 0; i < kLanes; ++i) {
    LaneVerdict verdict;
    if (outbound_[i].OnRangeRead(event, verdict)) return Apply(verdict, LaneOf(i), true);
  }
}

void Core::On(FrontierRead event) {
  for (std::size_t i = 0; i < kLanes; ++i) {
    LaneVerdict verdict;
    if (!outbound_[i].OnFrontierRead(event, verdict)) continue;
    const operations::HeldChannel* const held = returns_.Proven(LaneOf(i));
    if (verdict.kind == LaneVerdict::Kind::kQuarantine && held != nullptr &&
        held->size == event.frontier.size() && held->root != event.frontier.Root()) {
      actions_.push_back(OwnRollback{.lane = LaneOf(i)});
    }
    return Apply(verdict, LaneOf(i), true);
  }
}

void Core::On(RefusalsRead event) {
  for (InboundLane& lane : inbound_) {
    if (lane.OnRefusalsRead(event)) return;
  }
}

void Core::On(BatchCommitted event) {
  for (std::size_t i = 0; i < kLanes; ++i) {
    LaneVerdict verdict;
    if (inbound_[i].OnBatchCommitted(event, verdict)) return Apply(verdict, LaneOf(i), false);
  }
}

void Core::On(ReceiptCommitted event) {
  for (std::size_t i = 0; i < kLanes; ++i) {
    LaneVerdict verdict;
    if (outbound_[i].OnReceiptCommitted(event, verdict)) return Apply(verdict, LaneOf(i), true);
  }
}

void Core::On(HoldingsCompared event) {
  LaneVerdict verdict;
  if (returns_.OnCompared(event, verdict)) Apply(verdict, v1::LANE_UNSPECIFIED, true);
}

void Core::On(HeldRead event) { (void)returns_.OnHeldRead(event); }

void Core::On(ReturnStored event) {
  LaneVerdict verdict;
  if (returns_.OnStored(event, verdict)) Apply(verdict, v1::LANE_UNSPECIFIED, true);
}

void Core::On(RecoveryDone event) {
  LaneVerdict verdict;
  if (returns_.OnDone(event, verdict)) Apply(verdict, v1::LANE_UNSPECIFIED, true);
}

void Core::On(Stop) {
  if (link_.stream.id != 0) EndStream(Ending::kGoodbye, Reason::kShuttingDown, "the node stops");
  stopped_ = true;
}

void Core::EndStream(Ending ending, Reason reason, std::string text) {
  const Stream ended = std::exchange(link_.stream, Stream{});
  for (OutboundLane& lane : outbound_) lane.Close();
  for (InboundLane& lane : inbound_) lane.Close();
  returns_.Close();
  if (ending == Ending::kGoodbye) {
    actions_.push_back(Send{.stream = ended.id, .frame = GoodbyeFrame(reason, text)});
  }
  if (ending != Ending::kGone) {
    actions_.push_back(CloseStream{.stream = ended.id, .reason = reason, .text = text});
  }
  sizer_.Reset();
  const bool lived = ended.hello_applied && (reason != Reason::kLinkProtocol ||
                                             now_.monotonic_ms - ended.up_ms >= kProvenLinkMs);
  if (lived) {
    dialler_.Forgive();
    dialler_.Contact(now_.monotonic_ms);
  }
  dialler_.Failed(now_.monotonic_ms);
  link_.round_trip_ms = -1;
  link_.last_reason = reason;
  link_.last_text = std::move(text);
}

void Core::BreakProtocol(std::string text) {
  ++counters_.protocol_breaks;
  dialler_.Penalise();
  RaiseAlert(Reason::kLinkProtocol, v1::LANE_UNSPECIFIED, false, text);
  EndStream(Ending::kGoodbye, Reason::kLinkProtocol, std::move(text));
}

std::int64_t Core::SilenceLimit() const {
  const Stream& stream = link_.stream;
  const std::int64_t big_ms = static_cast<std::int64_t>(stream.announced_bytes) * 1000 /
                              config_.limits.slow_link_bytes_a_second;
  return stream.heard_ms + config_.limits.silence_ms + big_ms;
}

void Core::CheckTimeouts() {
  Stream& stream = link_.stream;
  if (stream.id == 0) return;
  const Limits& limits = config_.limits;
  if (now_.monotonic_ms > SilenceLimit()) {
    return EndStream(
        Ending::kGoodbye, Reason::kLinkSilent,
        fmt::format("nothing was heard for {} ms", now_.monotonic_ms - stream.heard_ms));
  }
  const std::int64_t bytes_ms =
      static_cast<std::int64_t>(stream.write_bytes) * 1000 / limits.slow_link_bytes_a_second;
  if (stream.writing && now_.monotonic_ms - stream.write_ms > limits.write_stall_ms + bytes_ms) {
    return EndStream(Ending::kGoodbye, Reason::kLinkSilent, "the peer takes nothing");
  }
  if (Up() && now_.monotonic_ms >= AgeLimit()) {
    return EndStream(Ending::kGoodbye, Reason::kLinkRenewed,
                     "the connection is made anew, so that certificates are judged again");
  }
  if (Up()) CheckProgress();
}

std::int64_t Core::AgeLimit() const {
  return link_.stream.up_ms + StreamAgeMs(config_.limits, config_.jitter_seed, counters_.opened);
}

// A link can be alive and dead at once: heartbeats pass and a channel stands still (a lost resend,
// a fault of either side). A new stream begins from what the peer holds.
void Core::CheckProgress() {
  const Limits& limits = config_.limits;
  std::size_t on_wire = 0;
  std::int64_t moved_ms = 0;
  for (const OutboundLane& lane : outbound_) {
    on_wire += lane.in_flight_bytes();
    moved_ms = std::max(moved_ms, lane.waiting_since_ms());
  }
  const std::int64_t allowed_ms = limits.progress_ms + static_cast<std::int64_t>(on_wire) * 1000 /
                                                           limits.slow_link_bytes_a_second;
  for (std::size_t i = 0; i < kLanes; ++i) {
    const std::int64_t since_ms = outbound_[i].waiting_since_ms();
    if (since_ms == 0) continue;
    // A lane with nothing on the wire may only be waiting for another one, also while that has
    // just been asked to send again and has nothing there either.
    const std::int64_t still_ms = outbound_[i].in_flight() ? since_ms : moved_ms;
    if (now_.monotonic_ms - still_ms <= allowed_ms) continue;
    ++counters_.stalls;
    RaiseAlert(Reason::kLinkStalled, LaneOf(i), true,
               "nothing was receipted in time; the stream is opened again");
    return EndStream(Ending::kGoodbye, Reason::kLinkStalled, "nothing was receipted in time");
  }
  const std::int64_t asked_ms = returns_.waiting_since_ms();
  const std::int64_t big_ms = static_cast<std::int64_t>(link_.stream.announced_bytes) * 1000 /
                              limits.slow_link_bytes_a_second;
  if (asked_ms != 0 && now_.monotonic_ms - asked_ms > limits.progress_ms + big_ms) {
    ++counters_.stalls;
    EndStream(Ending::kGoodbye, Reason::kLinkStalled, "nothing was returned in time");
  }
}

void Core::DialWhenDue() {
  if (stopped_ || !config_.limits.may_dial || link_.stream.id != 0 || link_.dialling) return;
  if (now_.monotonic_ms < dialler_.due_ms()) return;
  link_.dialling = true;
  actions_.push_back(Dial{});
}

bool Core::Settled() const {
  if (moved_) return false;
  return std::all_of(inbound_.begin(), inbound_.end(),
                     [](const InboundLane& lane) { return lane.Settled(); });
}

void Core::Pump() {
  ReadMovedChannels();
  if (link_.stream.early_hello.has_value() && Settled()) {
    v1::Hello hello = std::move(*link_.stream.early_hello);
    link_.stream.early_hello.reset();
    OnHello(std::move(hello));
  }
  TellLifted();
  returns_.Work();
  if (returns_.TakeFinished() && link_.stream.id != 0) {
    EndStream(Ending::kGoodbye, Reason::kLinkRenewed, "the channels run again");
  }
  for (InboundLane& lane : inbound_) lane.Work();
  for (OutboundLane& lane : outbound_) lane.Work(sizer_.bytes());
  Stream& stream = link_.stream;
  if (stream.id == 0 || stream.writing) return;
  v1::Frame frame;
  if (!NextFrame(frame)) return;
  stream.writing = true;
  stream.write_ms = now_.monotonic_ms;
  stream.write_bytes = frame.ByteSizeLong();
  ++counters_.frames_out;
  actions_.push_back(Send{.stream = stream.id, .frame = std::move(frame)});
}

void Core::Apply(const LaneVerdict& verdict, v1::Lane lane, bool outbound) {
  switch (verdict.kind) {
    case LaneVerdict::Kind::kFine:
      return;
    case LaneVerdict::Kind::kWarn:
      return RaiseAlert(verdict.reason, lane, outbound, verdict.text);
    case LaneVerdict::Kind::kQuarantine:
      if (outbound) {
        outbound_[LaneIndex(lane)].Quarantine(verdict.reason);
      } else {
        inbound_[LaneIndex(lane)].Quarantine(verdict.reason);
      }
      actions_.push_back(PersistQuarantine{.lane = lane,
                                           .outbound = outbound,
                                           .reason = verdict.reason,
                                           .text = verdict.text,
                                           .epoch_over = false});
      link_.stream.heartbeat_urgent = true;  // the peer's people must know too
      return RaiseAlert(verdict.reason, lane, outbound, verdict.text);
    case LaneVerdict::Kind::kBreak:
      if (link_.stream.id != 0) BreakProtocol(verdict.text);
      return;
  }
}

void Core::TellLifted() {
  const auto tell = [this](Lifted lifted, std::size_t i, bool outbound) {
    if (lifted.text.empty()) return;
    RaiseAlert(lifted.reason, LaneOf(i), outbound, std::move(lifted.text), true);
  };
  for (std::size_t i = 0; i < kLanes; ++i) {
    tell(inbound_[i].TakeLifted(), i, false);
    tell(outbound_[i].TakeLifted(), i, true);
  }
}

void Core::RaiseAlert(Reason reason, v1::Lane lane, bool outbound, std::string text, bool lifted) {
  const std::uint32_t kind = static_cast<std::uint32_t>(reason) << 4 | (lifted ? 8u : 0u) |
                             static_cast<std::uint32_t>(lane) << 1 | (outbound ? 1u : 0u);
  const auto [entry, first] = alerted_.try_emplace(kind, now_.monotonic_ms);
  if (!first && now_.monotonic_ms - entry->second < config_.limits.alert_ms) return;
  entry->second = now_.monotonic_ms;
  actions_.push_back(
      Alert{.reason = reason, .lane = lane, .outbound = outbound, .text = std::move(text)});
}

std::int64_t Core::next_tick_ms() const {
  if (stopped_) return std::numeric_limits<std::int64_t>::max();
  const Stream& stream = link_.stream;
  std::int64_t due_ms = 0;
  for (const OutboundLane& lane : outbound_) due_ms = Earlier(due_ms, lane.due_ms());
  for (const InboundLane& lane : inbound_) due_ms = Earlier(due_ms, lane.due_ms());
  due_ms = Earlier(due_ms, returns_.due_ms());
  if (moved_token_ == 0) due_ms = Earlier(due_ms, moved_retry_.due_ms());
  if (stream.id == 0) {
    if (!link_.dialling && config_.limits.may_dial)
      due_ms = Earlier(due_ms, std::max<std::int64_t>(dialler_.due_ms(), 1));
  } else {
    due_ms = Earlier(due_ms, SilenceLimit() + 1);
    if (Up()) due_ms = Earlier(due_ms, AgeLimit());
    if (Up() && !stream.writing) {
      due_ms = Earlier(due_ms, stream.heartbeat_ms + config_.limits.heartbeat_ms);
      if (!frames_out_.Has()) due_ms = Earlier(due_ms, now_.monotonic_ms + 10);
    }
    if (stream.writing) due_ms = Earlier(due_ms, now_.monotonic_ms + config_.limits.silence_ms);
  }
  if (due_ms == 0) return std::numeric_limits<std::int64_t>::max();
  return std::max(due_ms, now_.monotonic_ms + 1);
}

LinkStatus Core::status() const {
  const Stream& stream = link_.stream;
  LinkStatus status;
  if (stopped_) {
    status.state = LinkState::kStopped;
  } else if (stream.id != 0) {
    status.state = Up() ? LinkState::kUp : LinkState::kGreeting;
  } else if (link_.dialling) {
    status.state = LinkState::kDialling;
  }
  status.stream = stream.id;
  status.dialled_by_us = stream.dialled_by_us;
  status.version = stream.version;
  status.peer_epoch = link_.peer_epoch;
  status.peer_software = link_.peer_software;
  status.round_trip_ms = link_.round_trip_ms;
  status.clock_offset_ms = link_.clock_offset_ms;
  status.last_heard_ms = link_.last_heard_ms;
  const bool dials = stream.id == 0 && !link_.dialling && !stopped_ && config_.limits.may_dial;
  status.next_dial_ms = dials ? std::max<std::int64_t>(dialler_.due_ms(), 1) : 0;
  status.last_reason = link_.last_reason;
  status.last_text = link_.last_text;
  status.batch_bytes = sizer_.bytes();
  for (std::size_t i = 0; i < kLanes; ++i) {
    const OutboundLane& out = outbound_[i];
    const InboundState& in = inbound_[i].durable();
    status.lanes[i] = {.outbound_size = out.size(),
                       .sent_size = out.sent_size(),
                       .held_size = out.held_size(),
                       .receipted_size = out.receipted_size(),
                       .outbound_quarantine = out.quarantine(),
                       .stopped_by_peer = out.stopped_by_peer(),
                       .inbound_epoch = in.epoch,
                       .inbound_size = in.frontier.size(),
                       .inbound_quarantine = in.quarantine_reason};
  }
  status.counters = counters_;
  return status;
}

}  // namespace tripoint::exchange
