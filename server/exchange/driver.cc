// See driver.h. Start and stop, what gRPC's threads and the committer's post, time, status. What
// the loop does for the cores: driver_actions.cc.
#include "server/exchange/driver.h"

#include <algorithm>
#include <utility>

#include "absl/time/time.h"
#include "certs/certificate.h"
#include "certs/grpc_credentials.h"
#include "proto/contract/error.h"
#include "server/exchange/frame_check.h"
#include "server/exchange/store_actions.h"

namespace tripoint::exchange {
namespace {

constexpr std::int64_t kTickMs = 50;
constexpr std::int64_t kGoodbyeWaitMs = 2000;
constexpr std::int64_t kCancelWaitMs = 2000;
// A refused caller says why a link is down for so long: longer than the peer's longest back-off.
constexpr std::int64_t kRefusedShownMs = 10 * 60'000;
constexpr std::size_t kRefusedTextBytesMax = 400;
// Envelopes read for one peer and held for the others: what a busy node shares within a second; and
// how long they stay when nothing is sent.
constexpr std::size_t kSharedBytesMax = 2u << 20;
constexpr std::int64_t kSharedMsMax = 2000;
// Streams that one node has at most; the gate bounds connections before.
constexpr int kLiveStreamsMax = 256;

// Reasons that say how a stream ended and not why none is there now.
bool SaysLittle(Reason reason) {
  switch (reason) {
    case Reason::kUnspecified:
    case Reason::kLinkDuplicate:
    case Reason::kLinkLost:
    case Reason::kLinkRenewed:
    case Reason::kLinkSilent:
    case Reason::kLinkStalled:
    case Reason::kShuttingDown:
      return true;
    default:
      return false;
  }
}

grpc::Status Refusal(absl::StatusCode code, Reason reason, std::string what, std::string why) {
  return certs::ToPlainStatus(contract::Error(code, reason, std::move(what), std::move(why),
                                              "Ask the officer of this node."));
}

}  // namespace

Driver::Driver(DriverSeams seams, std::vector<DriverPeer> peers)
    : seams_(std::move(seams)),
      begin_time_ms_(seams_.clock.wall_ms()),
      service_(*this),
      loop_("exchange", seams_.clock),
      shared_envelopes_(kSharedBytesMax) {
  for (DriverPeer& peer : peers) {
    PeerLink& link = links_[peer.unit];
    link.peer = std::move(peer);
    const absl::MutexLock lock(&mutex_);
    published_[link.peer.unit].address = link.peer.address;
  }
  loop_.Every(kTickMs, [this] { Tick(); });
}

Driver::~Driver() {
  Stop();
  // A stream that is left calls into this object when it ends. The server is gone, so it has.
  AwaitNoStreams();
  loop_.Stop();
}

absl::Status Driver::Start(storage::Committer& committer) {
  committer_ = &committer;
  for (auto& [unit, link] : links_) {
    CoreConfig config;
    config.unit = seams_.facts.unit;
    config.peer = unit;
    config.epoch = seams_.epoch;
    config.software = seams_.software;
    config.limits = seams_.limits;
    config.limits.may_dial = !link.peer.address.empty();
    config.jitter_seed = link.peer.jitter_seed;
    if (absl::Status loaded = LoadChannelStates(seams_.engine, config); !loaded.ok()) return loaded;
    link.verifier = seams_.make_verifier(unit);
    if (config.limits.may_dial) link.credentials = seams_.make_credentials(unit);
    link.core = std::make_unique<Core>(std::move(config), seams_.signer, *link.verifier);
  }
  running_ = true;
  loop_.Start();
  return absl::OkStatus();
}

void Driver::Stop() {
  if (!running_.exchange(false)) return;
  // Until the cores were told, one of them may still dial.
  const auto tell = [this](bool cancel_all) {
    for (auto& [unit, link] : links_) Feed(link, exchange::Stop{});
    for (auto& [id, stream] : streams_) {
      if (cancel_all || !stream.opened) Cancel(stream);
    }
    const absl::MutexLock lock(&mutex_);
    cores_stopped_ = true;
  };
  Post([tell] { tell(false); });
  bool gone = AwaitStopped(absl::Milliseconds(kGoodbyeWaitMs));
  if (!gone) {
    Post([tell] { tell(true); });
    gone = AwaitStopped(absl::Milliseconds(kCancelWaitMs));
  }
  detached_ = true;
  if (gone) return loop_.Stop();
  // An accepted stream that was finished is over only when gRPC says so, which a peer that takes
  // nothing can put off. The loop stays for it: the port's own end cancels it at last.
  int left = 0;
  {
    const absl::MutexLock lock(&mutex_);
    left = live_streams_;
  }
  seams_.log.Error("exchange.streams_left", {{"streams", left}});
}

bool Driver::AwaitStopped(absl::Duration timeout) {
  const auto stopped = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return cores_stopped_ && live_streams_ == 0;
  };
  const absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&stopped), timeout);
}

void Driver::AwaitNoStreams() {
  const auto none = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return live_streams_ == 0; };
  const absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(&none));
}

void Driver::ReplaceKeys(std::function<void()> replace) {
  Post([this, replace = std::move(replace)] {
    replace();
    std::vector<StreamId> ids;
    for (const auto& [id, stream] : streams_) {
      if (stream.opened && !stream.closing && !stream.broken) ids.push_back(id);
    }
    for (const StreamId id : ids) {
      const auto at = streams_.find(id);
      if (at == streams_.end()) continue;
      at->second.closing = true;
      Cancel(at->second);
      Feed(*at->second.link, StreamClosed{.stream = id,
                                          .reason = Reason::kLinkDuplicate,
                                          .text = "the signing key was replaced"});
    }
  });
}

bool Driver::Post(std::function<void()> task) { return loop_.Post(std::move(task)); }

Time Driver::Now() const {
  return {.monotonic_ms = seams_.clock.monotonic_ms(), .wall_ms = seams_.clock.wall_ms()};
}

Driver::PeerLink* Driver::Find(std::string_view unit) {
  const auto found = links_.find(unit);
  return found == links_.end() ? nullptr : &found->second;
}

// ---- gRPC's threads ----

grpc::ServerBidiReactor<v1::Frame, v1::Frame>* Driver::Service::Link(
    grpc::CallbackServerContext* context) {
  return driver_.Accept(*context);
}

grpc::ServerBidiReactor<v1::Frame, v1::Frame>* Driver::Accept(
    grpc::CallbackServerContext& context) {
  const absl::StatusOr<std::string> unit = seams_.unit_of_call(context);
  if (!unit.ok()) return new RefusedStream(certs::ToPlainStatus(unit.status()));
  PeerLink* link = Find(*unit);
  if (link == nullptr) {
    return new RefusedStream(Refusal(absl::StatusCode::kPermissionDenied, Reason::kUnitNotPaired,
                                     "This node is not paired with the caller's unit.",
                                     "Both units' operators must have agreed to the link."));
  }
  {
    const absl::MutexLock lock(&mutex_);
    if (!running_) {
      return new RefusedStream(Refusal(absl::StatusCode::kUnavailable, Reason::kShuttingDown,
                                       "This node is starting or stopping.",
                                       "No stream is taken now."));
    }
    if (live_streams_ >= kLiveStreamsMax) {
      return new RefusedStream(Refusal(absl::StatusCode::kResourceExhausted, Reason::kQueueFull,
                                       "Too many streams.", "A pair needs one."));
    }
    ++live_streams_;
  }
  const StreamId id = ++last_stream_;
  auto* stream = new AcceptedStream(id, *this, context);
  const bool posted = Post([this, id, link, stream] {
    Stream& state = streams_[id];
    state.link = link;
    state.port = stream;
    Opened(id, *link, *stream);
  });
  if (!posted) stream->Finish();
  return stream;
}

void Driver::OnOpened(StreamId id) {
  Post([this, id] {
    const auto at = streams_.find(id);
    if (at == streams_.end() || at->second.port == nullptr) return;
    at->second.reading = false;
    Opened(id, *at->second.link, *at->second.port);
  });
}

void Driver::OnFrame(StreamId id, std::unique_ptr<v1::Frame> frame) {
  Post([this, id, shared = std::shared_ptr<v1::Frame>(std::move(frame))] {
    Received(id, std::move(*shared));
  });
}

void Driver::OnReadEnd(StreamId id) {
  Post([this, id] {
    if (const auto at = streams_.find(id); at != streams_.end()) at->second.reading = false;
    Break(id);
  });
}

void Driver::OnWritten(StreamId id, bool ok) {
  Post([this, id, ok] {
    const auto at = streams_.find(id);
    if (at == streams_.end()) return;
    at->second.writing = false;
    if (!ok) return Break(id);
    if (!at->second.closing) Feed(*at->second.link, FrameSent{.stream = id});
    WriteNext(id);
    Settle(id);
  });
}

void Driver::OnCut(StreamId id) {
  Post([this, id] { Break(id); });
}

void Driver::OnEnded(StreamId id, const absl::Status& status) {
  Post([this, id, status] { Ended(id, status); });
}

void Driver::OnGone(std::shared_ptr<void> rest) {
  const absl::MutexLock lock(&mutex_);
  if (rest == nullptr) {
    --live_streams_;
    return;
  }
  rests_.push_back(std::move(rest));
  // Under the lock, which DropRests needs: once they are dropped this object may be gone. No room
  // for the task: the next tick does it.
  Post([this] { DropRests(); });
}

void Driver::MovedByHand(const std::string& unit) {
  Post([this, unit] {
    PeerLink* link = Find(unit);
    if (link != nullptr && link->core != nullptr) Feed(*link, exchange::MovedByHand{});
  });
}

// ---- Where a batch was committed ----

void Driver::OnCommitted(std::uint64_t /*first_change*/, std::uint64_t /*last_change*/,
                         const std::vector<storage::ChannelName>& grown) {
  if (grown.empty()) return;
  bool first = false;
  {
    const absl::MutexLock lock(&mutex_);
    first = grown_.empty();
    grown_.insert(grown.begin(), grown.end());
  }
  if (first) Post([this] { TakeGrown(); });
}

// ---- The loop ----

void Driver::TakeGrown() {
  std::set<storage::ChannelName> grown;
  {
    const absl::MutexLock lock(&mutex_);
    grown.swap(grown_);
  }
  const auto is_there = [this](const std::string& peer) {
    const PeerLink* link = Find(peer);
    return link != nullptr && link->logged_state == LinkState::kUp;
  };
  for (const storage::ChannelName& channel :
       growth_pace_.Take(std::move(grown), seams_.clock.monotonic_ms(), is_there)) {
    PeerLink* link = Find(channel.peer);
    if (link == nullptr || link->core == nullptr || !IsLane(channel.lane)) continue;
    TellGrown(*link, static_cast<v1::Lane>(channel.lane));
  }
}

void Driver::TellGrown(PeerLink& link, v1::Lane lane) {
  absl::StatusOr<Frontier> frontier =
      GrownFrontier(seams_.engine, link.peer.unit, lane, seams_.epoch);
  if (frontier.ok()) {
    Feed(link, ChannelGrew{.lane = lane, .frontier = *std::move(frontier)});
  } else {
    seams_.log.Error("exchange.channel_unreadable",
                     {runtime::Field::Unit("peer", link.peer.unit), {"status", frontier.status()}});
  }
}

void Driver::DropRests() {
  std::vector<std::shared_ptr<void>> rests;
  {
    const absl::MutexLock lock(&mutex_);
    rests.swap(rests_);
  }
  const auto dropped = static_cast<int>(rests.size());
  rests.clear();
  const absl::MutexLock lock(&mutex_);
  live_streams_ -= dropped;
}

void Driver::Tick() {
  DropRests();
  const std::int64_t now_ms = seams_.clock.monotonic_ms();
  for (auto& [id, stream] : streams_) {
    if (stream.deadline_ms == 0 || now_ms < stream.deadline_ms) continue;
    stream.deadline_ms = 0;
    Cancel(stream);
  }
  if (detached_) return;
  if (now_ms - shared_ms_ > kSharedMsMax) shared_envelopes_.Clear();
  TakeGrown();  // what waited, and what came while the loop took no tasks
  for (auto& [unit, link] : links_) {
    TraceQuiet(link, now_ms);
    if (!link.unstored.empty() && now_ms >= link.retry_ms) {
      for (const auto& [channel, stop] : std::exchange(link.unstored, {}))
        StoreQuarantine(link, stop);
    }
    if (now_ms >= link.core->next_tick_ms()) Feed(link, exchange::Tick{});
  }
}

void Driver::Publish(PeerLink& link) {
  LinkStatus status = link.core->status();
  const Time now = Now();
  const auto wall = [&](std::int64_t monotonic_ms) {
    return monotonic_ms == 0 ? 0 : now.wall_ms - now.monotonic_ms + monotonic_ms;
  };
  TraceState(link, status);
  const runtime::Field unit = runtime::Field::Unit("peer", link.peer.unit);
  if (status.state == LinkState::kUp && link.logged_state != LinkState::kUp) {
    seams_.log.Info("link.up",
                    {unit, {"dialled", status.dialled_by_us}, {"version", status.version}});
  } else if (status.state != LinkState::kUp && link.logged_state == LinkState::kUp) {
    seams_.log.Info("link.down", {unit, {"reason", status.last_reason}});
  }
  link.logged_state = status.state;
  const absl::MutexLock lock(&mutex_);
  Published& published = published_[link.peer.unit];
  if (published.status.state != status.state || published.state_time_ms == 0) {
    published.state_time_ms = now.wall_ms;
  }
  published.heard_time_ms = wall(status.last_heard_ms);
  published.next_dial_time_ms = wall(status.next_dial_ms);
  published.status = std::move(status);
}

// ---- Any thread ----

void Driver::FillLink(std::string_view unit, tripoint::v1::Peer& peer) const {
  // Asked before the lock: it judges a certificate in full.
  const absl::Status own_fault = seams_.own_fault ? seams_.own_fault() : absl::OkStatus();
  const absl::MutexLock lock(&mutex_);
  const auto found = published_.find(unit);
  if (found == published_.end()) return;
  const Published& published = found->second;
  const LinkStatus& status = published.status;
  peer.set_state(tripoint::v1::LINK_STATE_DOWN);
  if (status.state == LinkState::kDialling || status.state == LinkState::kGreeting) {
    peer.set_state(tripoint::v1::LINK_STATE_CONNECTING);
  } else if (status.state == LinkState::kUp) {
    const bool stopped =
        std::any_of(status.lanes.begin(), status.lanes.end(), [](const LaneStatus& lane) {
          return !lane.outbound_quarantine.empty() || !lane.inbound_quarantine.empty() ||
                 !lane.stopped_by_peer.empty();
        });
    peer.set_state(stopped ? tripoint::v1::LINK_STATE_QUARANTINED : tripoint::v1::LINK_STATE_UP);
  }
  peer.set_address(published.address);
  peer.set_state_time_ms(published.state_time_ms);
  peer.set_heard_time_ms(published.heard_time_ms);
  peer.set_next_dial_time_ms(published.next_dial_time_ms);
  if (status.state != LinkState::kUp) FillReason(published, own_fault, peer);
  // What the store does not know: the peer stopped a lane, empty or not. Each channel says it too
  // (StoppedByPeer); this one stands for the link.
  for (const LaneStatus& lane : status.lanes) {
    if (status.state != LinkState::kUp || lane.stopped_by_peer.empty()) continue;
    peer.set_reason_code(lane.stopped_by_peer);
    peer.set_reason_text("the peer stopped a channel from this node");
    break;
  }
  peer.set_round_trip_ms(static_cast<double>(std::max<std::int64_t>(status.round_trip_ms, 0)));
  peer.set_clock_offset_ms(status.clock_offset_ms);
  peer.set_certificate_days_left(-1);
  const std::optional<std::int64_t> end_s =
      seams_.certificate_end_s ? seams_.certificate_end_s(std::string(unit)) : std::nullopt;
  if (end_s.has_value()) {
    peer.set_certificate_days_left(
        static_cast<int>(certs::DaysLeft(*end_s, seams_.clock.wall_ms() / 1000)));
  }
}

void Driver::FillReason(const Published& published, const absl::Status& own_fault,
                        tripoint::v1::Peer& peer) const {
  const auto set = [&peer](Reason reason, std::string text) {
    peer.set_reason_code(std::string(contract::ReasonCode(reason)));
    peer.set_reason_text(std::move(text));
  };
  // With a certificate that neighbours refuse no link comes up, whatever ended the last one.
  if (!own_fault.ok()) {
    const contract::Problem own = contract::ProblemOf(own_fault);
    return set(own.reason,
               "this node's own certificate. " + own.what + ": " + own.why + ". " + own.next);
  }
  const LinkStatus& status = published.status;
  const bool refused = published.refused_ms != 0 &&
                       seams_.clock.monotonic_ms() - published.refused_ms < kRefusedShownMs;
  if (refused && SaysLittle(status.last_reason)) {
    return set(published.refused_reason, published.refused_text);
  }
  if (status.last_reason != Reason::kUnspecified) set(status.last_reason, status.last_text);
}

void Driver::CallerRefused(std::string_view unit, const absl::Status& status) {
  const contract::Problem problem = contract::ProblemOf(status);
  if (const auto link = links_.find(unit); link != links_.end()) {
    // No words: they may say what the certificate claims, and that may lead to a person.
    link->second.trace.Add(seams_.clock.wall_ms(), tripoint::v1::LINK_EVENT_KIND_CALLER_REFUSED,
                           false, {}, problem.reason);
  }
  const absl::MutexLock lock(&mutex_);
  const auto found = published_.find(unit);
  if (found == published_.end()) return;
  Published& published = found->second;
  published.refused_reason = problem.reason;
  published.refused_text =
      PrintableText("a caller in the name of " + std::string(unit) + " was refused here. " +
                        problem.what + ": " + problem.why + ". Call its operators",
                    kRefusedTextBytesMax);
  published.refused_ms = std::max<std::int64_t>(seams_.clock.monotonic_ms(), 1);
}

std::uint64_t Driver::SentSize(std::string_view unit, std::uint8_t lane) const {
  const std::optional<LinkStatus> status = StatusOf(unit);
  if (!status.has_value() || !IsLane(lane) || status->state != LinkState::kUp) return 0;
  return status->lanes[LaneIndex(static_cast<v1::Lane>(lane))].sent_size;
}

std::string Driver::StoppedByPeer(std::string_view unit, std::uint8_t lane) const {
  const std::optional<LinkStatus> status = StatusOf(unit);
  if (!status.has_value() || !IsLane(lane) || status->state != LinkState::kUp) return {};
  return status->lanes[LaneIndex(static_cast<v1::Lane>(lane))].stopped_by_peer;
}

std::optional<LinkStatus> Driver::StatusOf(std::string_view unit) const {
  const absl::MutexLock lock(&mutex_);
  const auto found = published_.find(unit);
  if (found == published_.end()) return std::nullopt;
  return found->second.status;
}

}  // namespace tripoint::exchange
