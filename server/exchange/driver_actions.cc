// See driver.h. What the loop does for the cores: streams, reads, commits. Only on the loop thread.
#include <algorithm>
#include <utility>

#include "proto/contract/error.h"
#include "server/exchange/driver.h"
#include "server/exchange/store_actions.h"

namespace tripoint::exchange {
namespace {

constexpr std::int64_t kDialMsMax = 20'000;
constexpr std::int64_t kCloseMsMax = 1000;
constexpr std::int64_t kQuarantineRetryMs = 5000;
constexpr std::size_t kWaitingFramesMax = 4;
constexpr std::size_t kStreamsOfPeerMax = 8;

runtime::Literal LaneWord(v1::Lane lane) {
  switch (lane) {
    case v1::LANE_FLASH:
      return "flash";
    case v1::LANE_PRIORITY:
      return "priority";
    case v1::LANE_ROUTINE:
      return "routine";
    default:
      return "none";
  }
}

}  // namespace

// Actions may bring events at once (reads do): they wait their turn, so that the actions of one
// step are begun before those of the next.
void Driver::Feed(PeerLink& link, Event event) {
  events_.emplace_back(&link, std::move(event));
  if (feeding_) return;
  feeding_ = true;
  while (!events_.empty()) {
    auto [next, some] = std::move(events_.front());
    events_.pop_front();
    std::vector<Action> actions = next->core->Step(Now(), std::move(some));
    // First the state: in the trace a stream is up before the first batch on it.
    Publish(*next);
    for (Action& action : actions) {
      TraceAction(*next, action);
      Do(*next, action);
    }
  }
  feeding_ = false;
}

void Driver::Do(PeerLink& link, Action& action) {
  if (std::holds_alternative<Dial>(action)) {
    DoDial(link);
  } else if (auto* send = std::get_if<Send>(&action)) {
    DoSend(link, *send);
  } else if (const auto* close = std::get_if<CloseStream>(&action)) {
    DoClose(*close);
  } else if (detached_) {
    // Only the ends of streams are waited for.
  } else if (const auto* range = std::get_if<ReadRange>(&action)) {
    DoReadRange(link, *range);
  } else if (const auto* frontier = std::get_if<ReadFrontier>(&action)) {
    Feed(link, DoRead(*seams_.engine.TakeSnapshot(), link.peer.unit, *frontier));
  } else if (const auto* refusals = std::get_if<ReadRefusals>(&action)) {
    Feed(link, DoRead(*seams_.engine.TakeSnapshot(), link.peer.unit, *refusals));
  } else if (auto* batch = std::get_if<CommitBatch>(&action)) {
    DoCommit(link, std::move(*batch));
  } else if (auto* receipt = std::get_if<CommitReceipt>(&action)) {
    DoProve(link, std::move(*receipt));
  } else if (const auto* channels = std::get_if<ReadChannels>(&action)) {
    Feed(link, DoRead(seams_.engine, link.peer.unit, seams_.epoch, *channels));
  } else if (DoReturns(link, action)) {
    // After a loss, of this node or of the peer.
  } else if (const auto* quarantine = std::get_if<PersistQuarantine>(&action)) {
    DoQuarantine(link, *quarantine);
  } else if (const auto* alert = std::get_if<Alert>(&action)) {
    seams_.log.Warning("exchange.alert", {runtime::Field::Unit("peer", link.peer.unit),
                                          {"reason", alert->reason},
                                          {"lane", LaneWord(alert->lane)},
                                          {"to_peer", alert->outbound}});
  }
}

void Driver::DoReadRange(PeerLink& link, const ReadRange& range) {
  storage::SharedEnvelopes* const shared = links_.size() > 1 ? &shared_envelopes_ : nullptr;
  shared_ms_ = seams_.clock.monotonic_ms();
  Feed(link, DoRead(*seams_.engine.TakeSnapshot(), link.peer.unit, seams_.epoch, range, shared));
}

// A channel for each try: gRPC's own back-off would hold up ours after an outage.
void Driver::DoDial(PeerLink& link) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // The environment of the process must not lead a link of a node through a third party.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetMaxReceiveMessageSize(static_cast<int>(seams_.limits.frame_bytes_max));
  arguments.SetMaxSendMessageSize(static_cast<int>(seams_.limits.frame_bytes_max));
  const StreamId id = ++last_stream_;
  {
    const absl::MutexLock lock(&mutex_);
    ++live_streams_;
  }
  auto* stream = new DialledStream(
      id, *this, grpc::CreateCustomChannel(link.peer.address, link.credentials, arguments));
  Stream& state = streams_[id];
  state.link = &link;
  state.port = stream;
  state.dialled = true;
  state.reading = true;  // the answer to the call
  state.deadline_ms = seams_.clock.monotonic_ms() + kDialMsMax;
  stream->Start();
}

void Driver::Opened(StreamId id, PeerLink& link, StreamPort& port) {
  Stream& stream = streams_[id];
  if (stream.broken) return;
  stream.opened = true;
  stream.deadline_ms = 0;
  stream.reading = true;
  port.Read();
  const auto of_peer = std::count_if(streams_.begin(), streams_.end(),
                                     [&](const auto& entry) { return entry.second.link == &link; });
  if (static_cast<std::size_t>(of_peer) > kStreamsOfPeerMax) {
    const bool dialled = stream.dialled;
    const std::string text = "too many streams";
    DoClose({.stream = id, .reason = Reason::kLinkDuplicate, .text = text});
    if (!dialled) return;
    // The core waits for the answer to its Dial; the end of a closing stream is not told to it.
    Trace(link, tripoint::v1::LINK_EVENT_KIND_DIAL_FAILED, true, {}, Reason::kLinkDuplicate, text);
    return Feed(link, DialFailed{.reason = Reason::kLinkDuplicate, .text = text});
  }
  Feed(link, StreamOpened{.stream = id, .dialled_by_us = stream.dialled});
}

void Driver::Received(StreamId id, v1::Frame frame) {
  auto at = streams_.find(id);
  if (at == streams_.end()) return;
  at->second.reading = false;
  if (!at->second.closing && !at->second.broken) {
    TraceFrame(*at->second.link, frame);
    // A bundle may have brought the peer what the core was not told of yet: it must not take the
    // peer's word for a proof that this node lost it.
    if (frame.has_hello()) {
      for (std::size_t i = 0; i < kLanes; ++i) TellGrown(*at->second.link, LaneOf(i));
      at = streams_.find(id);
      if (at == streams_.end()) return;
    }
    Feed(*at->second.link, FrameReceived{.stream = id, .frame = std::move(frame)});
    at = streams_.find(id);
    if (at == streams_.end()) return;
  }
  if (at->second.broken || at->second.port == nullptr) return Settle(id);
  // One frame at a time: the next is taken off the wire only when this one was worked on. While
  // closing, a dialled stream reads on to its end.
  at->second.reading = true;
  at->second.port->Read();
}

void Driver::DoSend(PeerLink& link, Send& send) {
  const auto at = streams_.find(send.stream);
  if (at == streams_.end() || at->second.broken || at->second.closing) return;
  if (at->second.waiting.size() >= kWaitingFramesMax) return;  // the core never has so many
  link.trace.AddFrame(seams_.clock.wall_ms(), true, send.frame);
  at->second.waiting.push_back(std::move(send.frame));
  WriteNext(send.stream);
}

void Driver::WriteNext(StreamId id) {
  const auto at = streams_.find(id);
  if (at == streams_.end()) return;
  Stream& stream = at->second;
  if (stream.writing || stream.broken || stream.port == nullptr || stream.waiting.empty()) return;
  stream.writing = true;
  v1::Frame frame = std::move(stream.waiting.front());
  stream.waiting.pop_front();
  stream.port->Write(std::move(frame));
}

void Driver::DoClose(const CloseStream& close) {
  const auto at = streams_.find(close.stream);
  if (at == streams_.end() || at->second.closing) return;
  at->second.closing = true;
  at->second.deadline_ms = seams_.clock.monotonic_ms() + kCloseMsMax;
  Settle(close.stream);
}

void Driver::Cancel(Stream& stream) {
  if (stream.cancelled || stream.port == nullptr) return;
  stream.cancelled = true;
  stream.port->Cancel();
}

void Driver::Break(StreamId id) {
  const auto at = streams_.find(id);
  if (at == streams_.end() || at->second.port == nullptr) return;
  Stream& stream = at->second;
  const bool first = !std::exchange(stream.broken, true);
  stream.waiting.clear();
  // A dialled stream tells in the end why.
  if (first && !stream.dialled && !std::exchange(stream.closing, true)) {
    Feed(*stream.link,
         StreamClosed{.stream = id, .reason = Reason::kLinkLost, .text = "the connection is gone"});
  }
  Settle(id);
}

void Driver::Settle(StreamId id) {
  const auto at = streams_.find(id);
  if (at == streams_.end() || at->second.port == nullptr) return;
  Stream& stream = at->second;
  if (stream.broken) return SettleBroken(at);
  if (!stream.closing || stream.writing || !stream.waiting.empty() || stream.finishing) return;
  stream.finishing = true;
  stream.port->Finish();
  if (!stream.dialled) streams_.erase(at);
}

void Driver::SettleBroken(std::map<StreamId, Stream>::iterator at) {
  Stream& stream = at->second;
  if (stream.writing) return Cancel(stream);  // OnWritten comes back here
  if (!stream.dialled) {
    stream.port->Finish();
    streams_.erase(at);
    return;
  }
  if (stream.reading) return Cancel(stream);  // OnReadEnd comes back here
  std::exchange(stream.port, nullptr)->Release();
}

void Driver::Ended(StreamId id, const absl::Status& status) {
  const auto at = streams_.find(id);
  if (at == streams_.end()) return;
  const Stream stream = std::move(at->second);
  streams_.erase(at);
  if (stream.closing) return;
  const contract::Problem problem = contract::ProblemOf(status);
  const Reason reason = status.ok() ? Reason::kLinkLost : problem.reason;
  const std::string text = status.ok() ? "the peer ended the stream" : problem.what;
  if (stream.opened) {
    Feed(*stream.link, StreamClosed{.stream = id, .reason = reason, .text = text});
  } else {
    Trace(*stream.link, tripoint::v1::LINK_EVENT_KIND_DIAL_FAILED, true, {}, reason, text);
    Feed(*stream.link, DialFailed{.reason = reason, .text = text});
  }
}

void Driver::DoCommit(PeerLink& link, CommitBatch action) {
  const Token token = action.token;
  const v1::Lane lane = action.lane;
  auto prepared = MakeOperation(seams_.facts, link.peer.unit, std::move(action));
  committer_->Submit(
      std::move(prepared.operation),
      [this, &link, token, lane, result = prepared.result](const absl::Status& status) {
        Post([this, &link, token, lane, result, status] {
          BatchCommitted event{.token = token, .status = status, .refusals = {}, .durable = {}};
          if (status.ok()) {
            event.refusals = std::move(result->refusals);
          } else {
            Trace(link, tripoint::v1::LINK_EVENT_KIND_NOT_STORED, false, lane,
                  contract::ReasonOf(status));
            event.durable = DurableInbound(seams_.engine, link.peer.unit, lane);
          }
          Feed(link, std::move(event));
        });
      });
}

void Driver::DoProve(PeerLink& link, CommitReceipt action) {
  const Token token = action.token;
  const v1::Lane lane = action.lane;
  auto prepared = MakeOperation(seams_.facts, link.peer.unit, seams_.epoch, std::move(action));
  committer_->Submit(std::move(prepared.operation),
                     [this, &link, token, lane](const absl::Status& status) {
                       Post([this, &link, token, lane, status] {
                         if (!status.ok()) {
                           Trace(link, tripoint::v1::LINK_EVENT_KIND_NOT_STORED, true, lane,
                                 contract::ReasonOf(status));
                         }
                         Feed(link, ReceiptCommitted{.token = token, .status = status});
                       });
                     });
}

bool Driver::DoReturns(PeerLink& link, Action& action) {
  const std::string& unit = link.peer.unit;
  if (const auto* compare = std::get_if<CompareHoldings>(&action)) {
    Feed(link, DoRead(*seams_.engine.TakeSnapshot(), unit, seams_.epoch, *compare));
  } else if (const auto* read = std::get_if<ReadHeld>(&action)) {
    Feed(link, DoRead(*seams_.engine.TakeSnapshot(), unit, *read));
  } else if (auto* store = std::get_if<StoreReturned>(&action)) {
    DoStoreReturned(link, std::move(*store));
  } else if (const auto* take = std::get_if<TakeReturned>(&action)) {
    DoRecover(link, *take);
  } else if (const auto* carry = std::get_if<CarryOver>(&action)) {
    DoRecover(link, *carry);
  } else if (const auto* mark = std::get_if<MarkReturned>(&action)) {
    DoRecover(link, *mark);
  } else if (const auto* enter = std::get_if<EnterAmnesia>(&action)) {
    DoRecover(link, *enter);
  } else if (std::holds_alternative<OwnRollback>(action)) {
    if (seams_.rolled_back) seams_.rolled_back(unit);
  } else {
    return false;
  }
  return true;
}

template <typename RecoveryAction>
void Driver::DoRecover(PeerLink& link, RecoveryAction action) {
  auto prepared = MakeOperation(seams_.facts, link.peer.unit, action);
  committer_->Submit(
      std::move(prepared.operation),
      [this, &link, token = action.token, result = prepared.result](const absl::Status& status) {
        Post([this, &link, token, status, done = status.ok() && *result] {
          if (status.ok() && seams_.recovery_changed) seams_.recovery_changed();
          Feed(link, RecoveryDone{.token = token, .status = status, .done = done});
        });
      });
}

void Driver::DoStoreReturned(PeerLink& link, StoreReturned action) {
  const Token token = action.token;
  auto prepared = MakeOperation(seams_.facts, link.peer.unit, std::move(action));
  committer_->Submit(std::move(prepared.operation),
                     [this, &link, token, result = prepared.result](const absl::Status& status) {
                       Post([this, &link, token, status, next = *result] {
                         Feed(link, ReturnStored{.token = token, .status = status, .next = next});
                       });
                     });
}

void Driver::DoQuarantine(PeerLink& link, const PersistQuarantine& action) {
  const std::pair channel(action.lane, action.outbound);
  ++link.stops[channel];
  link.unstored.erase(channel);
  StoreQuarantine(link, action);
}

void Driver::StoreQuarantine(PeerLink& link, const PersistQuarantine& action) {
  auto prepared = MakeOperation(seams_.facts, link.peer.unit, action);
  const std::pair channel(action.lane, action.outbound);
  committer_->Submit(
      std::move(prepared.operation),
      [this, &link, action, channel, number = link.stops[channel]](const absl::Status& status) {
        if (status.ok()) return;
        Post([this, &link, action, channel, number] {
          if (number != link.stops[channel]) return;  // there is a newer one
          link.retry_ms = seams_.clock.monotonic_ms() + kQuarantineRetryMs;
          link.unstored.insert_or_assign(channel, action);
        });
      });
}

}  // namespace tripoint::exchange
