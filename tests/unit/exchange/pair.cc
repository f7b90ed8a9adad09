// See pair.h.
#include "tests/unit/exchange/pair.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"

namespace tripoint::exchange {
namespace {

absl::Status Failed(Reason reason) {
  return contract::Error(absl::StatusCode::kUnavailable, reason, "failed by the test", "test",
                         "none");
}

}  // namespace

Pair::Pair(std::uint64_t seed, const Limits& limits) : random_(seed), limits_(limits) {
  nodes_[0].unit = "kh-ratanakiri";
  nodes_[1].unit = "vn-quangngai";
  for (int side = 0; side < 2; ++side) Start(side);
}

void Pair::Start(int side) {
  Node& self = node(side);
  const std::string& peer = node(1 - side).unit;
  ++self.life;
  self.tick_ms = 0;
  self.signer = std::make_unique<FakeSigner>(self.unit);
  self.verifier = std::make_unique<FakeVerifier>(peer);
  CoreConfig config;
  config.unit = self.unit;
  config.peer = peer;
  config.epoch = 100 + static_cast<std::uint64_t>(side);
  config.limits = limits_;
  config.jitter_seed = random_();
  for (std::size_t i = 0; i < kLanes; ++i) self.out_state[i].frontier = self.out[i].frontier;
  config.outbound = self.out_state;
  config.inbound = self.in_state;
  self.core = std::make_unique<Core>(std::move(config), *self.signer, *self.verifier);
  At(0, [this, side] { Hand(side, Tick{}); });
}

void Pair::Crash(int side) {
  for (auto& [id, wire] : wires_) {
    if (wire.open[side]) CloseWire(id, side);
  }
  Start(side);
}

void Pair::At(std::int64_t delay_ms, std::function<void()> what) {
  due_.push({now_ms_ + delay_ms, order_++, std::move(what)});
}

// An answer to a node that has crashed since is lost with it.
void Pair::Answer(int side, std::int64_t delay_ms, Event event) {
  const std::uint64_t life = node(side).life;
  At(delay_ms, [this, side, life, event = std::move(event)]() mutable {
    if (node(side).life == life) Hand(side, std::move(event));
  });
}

void Pair::Hand(int side, Event event) {
  ++steps_;
  const std::uint64_t life = node(side).life;
  // Clocks differ by days and say nothing.
  std::vector<Action> actions = node(side).core->Step(
      {.monotonic_ms = now_ms_ + side * 12'345'678, .wall_ms = 5 + side}, std::move(event));
  for (Action& action : actions) {
    if (node(side).life != life) return;
    if (trace) Trace(side, action);
    Do(side, action);
  }
  ScheduleTick(side);
}

void Pair::Trace(int side, const Action& action) const {
  static constexpr const char* kNames[] = {"dial",  "send",  "read",  "frontier", "refusals",
                                           "store", "prove", "close", "alert",    "quarantine"};
  std::string text = kNames[action.index()];
  if (const auto* send = std::get_if<Send>(&action)) {
    text += fmt::format(" {} ", send->stream);
    if (send->frame.has_hello()) {
      text += "hello";
      for (const v1::Head& head : send->frame.hello().outbound())
        text += fmt::format(" {}/{}", head.size(), head.receipted_size());
      for (const v1::Receipt& held : send->frame.hello().inbound())
        text += fmt::format(" {}:{}", LaneName(held.lane()), held.size());
    } else if (send->frame.has_batch()) {
      const v1::Batch& batch = send->frame.batch();
      text += fmt::format("batch {} {}+{}", LaneName(batch.lane()), batch.first_position(),
                          batch.envelopes_size());
    } else if (send->frame.has_receipt()) {
      text += fmt::format("receipt {} {}", LaneName(send->frame.receipt().lane()),
                          send->frame.receipt().size());
    } else {
      text += send->frame.has_heartbeat()
                  ? fmt::format("heartbeat resend={}", send->frame.heartbeat().resend_size())
                  : "goodbye";
    }
  }
  if (const auto* store = std::get_if<CommitBatch>(&action))
    text += fmt::format(" {} {}+{}", LaneName(store->lane), store->first_position,
                        store->envelopes.size());
  if (const auto* alert = std::get_if<Alert>(&action)) text += " " + alert->text;
  if (const auto* close = std::get_if<CloseStream>(&action))
    text += fmt::format(" {} {}", close->stream, close->text);
  fmt::print("{} {} {}\n", now_ms_, nodes_[static_cast<std::size_t>(side)].unit, text);
}

void Pair::ScheduleTick(int side) {
  const std::int64_t next = node(side).core->next_tick_ms();
  if (next > now_ms_ + 1'000'000'000) return;
  const std::int64_t due = std::max(next - side * 12'345'678, now_ms_ + 1);
  if (node(side).tick_ms > now_ms_ && node(side).tick_ms <= due) return;
  node(side).tick_ms = due;
  const std::uint64_t life = node(side).life;
  At(due - now_ms_, [this, side, life, due] {
    if (node(side).life != life || node(side).tick_ms != due) return;
    node(side).tick_ms = 0;
    Hand(side, Tick{});
  });
}

void Pair::Do(int side, Action& action) {
  if (std::holds_alternative<Dial>(action)) {
    DoDial(side);
  } else if (auto* send = std::get_if<Send>(&action)) {
    DoSend(side, *send);
  } else if (auto* read = std::get_if<ReadRange>(&action)) {
    ReadEnvelopes(side, *read);
  } else if (auto* ask = std::get_if<ReadFrontier>(&action)) {
    FrontierRead answer{.token = ask->token, .status = absl::OkStatus(), .frontier = {}};
    for (std::uint64_t i = 0; i < ask->size; ++i) {
      answer.frontier.Append(storage::LeafHash(node(side).out[LaneIndex(ask->lane)].envelopes[i]));
    }
    Answer(side, Delay() / 8, std::move(answer));
  } else if (auto* refusals = std::get_if<ReadRefusals>(&action)) {
    RefusalsRead answer{.token = refusals->token, .status = absl::OkStatus(), .refusals = {}};
    for (const std::uint64_t position : node(side).in[LaneIndex(refusals->lane)].refused) {
      if (position < refusals->first || position >= refusals->end) continue;
      answer.refusals.emplace_back().set_position(position);
      answer.refusals.back().set_reason_code("ENVELOPE_MALFORMED");
    }
    Answer(side, Delay() / 8, std::move(answer));
  } else if (auto* commit = std::get_if<CommitBatch>(&action)) {
    DoCommit(side, *commit);
  } else if (auto* receipt = std::get_if<CommitReceipt>(&action)) {
    DoProve(side, *receipt);
  } else if (auto* close = std::get_if<CloseStream>(&action)) {
    CloseWire(close->stream, side);
  } else if (auto* quarantine = std::get_if<PersistQuarantine>(&action)) {
    // Neither a stop nor the end of one belongs into an honest pair.
    node(side).fault = fmt::format("{} quarantined {}: {}", node(side).unit,
                                   LaneName(quarantine->lane), quarantine->text);
  }
}

void Pair::DoDial(int side) {
  const std::int64_t delay_ms = Delay();
  if (Chance(weather_.dial_fails)) {
    return Answer(side, delay_ms, DialFailed{.reason = Reason::kLinkSilent, .text = "no route"});
  }
  const StreamId id = ++last_stream_;
  wires_[id].dialler = side;
  const std::uint64_t lives[2] = {node(0).life, node(1).life};
  // The called side sees the stream first; the dialler when it is accepted.
  At(delay_ms, [this, id, side, life = lives[1 - side]] {
    if (node(1 - side).life != life) return;
    wires_[id].open[1 - side] = true;
    Hand(1 - side, StreamOpened{.stream = id, .dialled_by_us = false});
  });
  const std::int64_t accepted_ms = delay_ms + Delay();
  wires_[id].last_ms[side] = now_ms_ + accepted_ms;  // no frame is heard before that
  At(accepted_ms, [this, id, side, life = lives[side]] {
    if (node(side).life != life) return;
    if (wires_[id].cut || !wires_[id].open[1 - side]) {
      if (wires_[id].open[1 - side]) CloseWire(id, side);
      return Hand(side, DialFailed{.reason = Reason::kLinkSilent, .text = "cut"});
    }
    wires_[id].open[side] = true;
    Hand(side, StreamOpened{.stream = id, .dialled_by_us = true});
  });
}

void Pair::DoSend(int side, Send& send) {
  Wire& wire = wires_[send.stream];
  if (!wire.open[side]) return;
  Answer(side, Delay() / 4, FrameSent{.stream = send.stream});
  if (Chance(weather_.cut)) return CloseWire(send.stream, -1);
  // A lost receipt is not in it: its refusals would be lost too, and only a new stream brings them.
  if (!send.frame.has_receipt() && Chance(weather_.drop)) return;
  // The frame crosses as bytes, as it does in life.
  const std::string bytes = send.frame.SerializeAsString();
  const int copies = Chance(weather_.repeat) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    std::int64_t& last_ms = wire.last_ms[1 - side];
    last_ms = std::max(last_ms, now_ms_ + Delay());
    At(last_ms - now_ms_, [this, side, bytes, stream = send.stream, life = node(1 - side).life] {
      if (node(1 - side).life != life || wires_[stream].cut || !wires_[stream].open[1 - side])
        return;
      FrameReceived event{.stream = stream, .frame = {}};
      if (event.frame.ParseFromString(bytes)) Hand(1 - side, std::move(event));
    });
  }
}

// `by` side 0 or 1, whose core knows already; -1: the network. What was sent before may still
// arrive.
void Pair::CloseWire(StreamId id, int by) {
  Wire& wire = wires_[id];
  if (by < 0) wire.cut = true;
  for (int side = 0; side < 2; ++side) {
    if (!wire.open[side]) continue;
    if (side == by) {
      wire.open[side] = false;
      continue;
    }
    const std::int64_t at_ms = std::max(wire.last_ms[side], now_ms_ + Delay());
    At(at_ms - now_ms_, [this, id, side, life = node(side).life] {
      if (node(side).life != life || !wires_[id].open[side]) return;
      wires_[id].open[side] = false;
      Hand(side, StreamClosed{.stream = id, .reason = Reason::kLinkSilent, .text = "cut"});
    });
  }
}

void Pair::ReadEnvelopes(int side, const ReadRange& read) {
  const Channel& channel = node(side).out[LaneIndex(read.lane)];
  RangeRead answer{
      .token = read.token, .status = absl::OkStatus(), .envelopes = {}, .leaf_hashes = {}};
  if (Chance(weather_.read_fails)) {
    answer.status = Failed(Reason::kQueueFull);
    return Answer(side, Delay(), std::move(answer));
  }
  std::size_t bytes = 0;
  for (std::uint64_t i = read.first;
       i < channel.envelopes.size() && answer.envelopes.size() < read.max_items; ++i) {
    answer.envelopes.push_back(channel.envelopes[i]);
    answer.leaf_hashes.push_back(storage::LeafHash(channel.envelopes[i]));
    bytes += channel.envelopes[i].size();
    if (bytes >= read.max_bytes) break;
  }
  Answer(side, Delay() / 8, std::move(answer));
}

void Pair::DoCommit(int side, CommitBatch& commit) {
  if (Chance(weather_.crash)) return Crash(side);
  const bool unknown = Chance(weather_.commit_unknown);
  const bool fails = (!unknown && Chance(weather_.commit_fails)) ||
                     (weather_.only_flashes && commit.lane != v1::LANE_FLASH);
  BatchCommitted answer{
      .token = commit.token, .status = absl::OkStatus(), .refusals = {}, .durable = {}};
  InboundState& state = node(side).in_state[LaneIndex(commit.lane)];
  Channel& channel = node(side).in[LaneIndex(commit.lane)];
  if (!fails && commit.first_position == state.frontier.size()) {
    for (std::size_t i = 0; i < commit.envelopes.size(); ++i) {
      if (Chance(weather_.refuse)) {
        channel.refused.insert(channel.envelopes.size());
        answer.refusals.emplace_back().set_position(channel.envelopes.size());
        answer.refusals.back().set_reason_code("ENVELOPE_MALFORMED");
      }
      channel.envelopes.push_back(std::move(commit.envelopes[i]));
      channel.frontier.Append(commit.leaf_hashes[i]);
    }
    state = commit.state;
    if (!(state.frontier == channel.frontier))
      node(side).fault = "a commit does not give its state";
  } else {
    answer.status = Failed(Reason::kQueueFull);
  }
  if (unknown) answer.status = Failed(Reason::kOutcomeUnknown);
  if (!answer.status.ok()) answer.durable = state;
  // A crash after the commit and before the receipt.
  if (Chance(weather_.crash)) return Crash(side);
  // The committer answers in order.
  std::int64_t& last_ms = node(side).commit_ms;
  last_ms = std::max(last_ms, now_ms_ + Delay() / 4);
  Answer(side, last_ms - now_ms_, std::move(answer));
}

void Pair::DoProve(int side, CommitReceipt& receipt) {
  if (Chance(weather_.crash)) return Crash(side);
  if (Chance(weather_.commit_fails)) {
    return Answer(side, Delay(),
                  ReceiptCommitted{.token = receipt.token, .status = Failed(Reason::kQueueFull)});
  }
  const std::size_t lane = LaneIndex(receipt.lane);
  OutboundState& state = node(side).out_state[lane];
  if (receipt.receipted.size() < state.receipted.size()) node(side).fault = "a receipt went back";
  state.receipted = receipt.receipted;
  state.receipt_signature = receipt.signature;
  state.receipt_epoch = receipt.receipt_epoch;
  for (const v1::Refusal& refusal : receipt.refusals)
    node(side).told[lane].insert(refusal.position());
  Answer(side, Delay() / 4, ReceiptCommitted{.token = receipt.token, .status = absl::OkStatus()});
}

void Pair::Append(int side, v1::Lane lane, int count) {
  Channel& channel = node(side).out[LaneIndex(lane)];
  for (int i = 0; i < count; ++i) {
    const std::size_t bytes = random_() % 20 == 0 ? 3000 : 20 + random_() % 200;
    channel.envelopes.push_back(
        FakeEnvelope(node(side).unit, 1, lane, channel.envelopes.size(), bytes));
    channel.frontier.Append(storage::LeafHash(channel.envelopes.back()));
  }
  Answer(side, 0, ChannelGrew{.lane = lane, .frontier = channel.frontier});
}

void Pair::Run(std::int64_t duration_ms, const Weather& weather, bool growing) {
  weather_ = weather;
  const std::int64_t end_ms = now_ms_ + duration_ms;
  if (growing) {
    for (int i = 0; i < 12; ++i) {
      At(static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(duration_ms)), [this] {
        Append(static_cast<int>(random_() % 2), LaneOf(random_() % kLanes),
               1 + static_cast<int>(random_() % 12));
      });
    }
  }
  while (!due_.empty() && due_.top().at_ms <= end_ms) {
    const Due due = due_.top();
    due_.pop();
    now_ms_ = due.at_ms;
    due.what();
    if (!growing && Settled()) return;
  }
  now_ms_ = end_ms;
}

bool Pair::Settled() const {
  for (std::size_t side = 0; side < 2; ++side) {
    for (std::size_t i = 0; i < kLanes; ++i) {
      if (nodes_[side].out_state[i].receipted.size() != nodes_[side].out[i].frontier.size())
        return false;
    }
  }
  return true;
}

std::uint64_t Pair::delivered() const {
  std::uint64_t sum = 0;
  for (const Node& node : nodes_) {
    for (const Channel& channel : node.in) sum += channel.envelopes.size();
  }
  return sum;
}

std::string Pair::Fault(bool settled) const {
  for (std::size_t side = 0; side < 2; ++side) {
    const Node& from = nodes_[side];
    const Node& to = nodes_[1 - side];
    if (!from.fault.empty()) return from.fault;
    for (std::size_t i = 0; i < kLanes; ++i) {
      const std::string where = from.unit + " " + LaneName(LaneOf(i));
      const auto& sent = from.out[i].envelopes;
      const auto& got = to.in[i].envelopes;
      if (got.size() > sent.size() || !std::equal(got.begin(), got.end(), sent.begin())) {
        return where + ": not the same envelopes in the same order";
      }
      const Frontier& receipted = from.out_state[i].receipted;
      if (receipted.size() > got.size()) return where + ": receipted and not stored";
      for (const std::uint64_t refused : to.in[i].refused) {
        if (refused < receipted.size() && !from.told[i].contains(refused))
          return where + ": a refusal was never told";
      }
      if (!settled) continue;
      if (got.size() != sent.size())
        return fmt::format("{}: {} of {} arrived", where, got.size(), sent.size());
      if (to.in[i].frontier.Root() != from.out[i].frontier.Root()) return where + ": roots differ";
      if (!(receipted == from.out[i].frontier)) return where + ": not all is proven";
    }
  }
  return "";
}

}  // namespace tripoint::exchange
