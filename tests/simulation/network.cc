// See network.h. One thread: the simulation's.
#include "tests/simulation/network.h"

#include <algorithm>
#include <iterator>
#include <vector>

namespace tripoint::simulation {

void Network::Heal(NodeIndex from, NodeIndex to) {
  if (cut_.erase({from, to}) != 0) Release();
}

void Network::HealAll() {
  const auto cut = cut_;
  for (const auto& [from, to] : cut) Heal(from, to);
  const auto stalled = stalled_;
  for (const NodeIndex node : stalled) SetStalled(node, false);
}

void Network::SetStalled(NodeIndex node, bool stalled) {
  if (stalled) {
    stalled_.insert(node);
  } else if (stalled_.erase(node) != 0) {
    Release();
  }
}

void Network::SetSlow(NodeIndex node, std::int64_t bytes_a_second, std::int64_t latency_us_max) {
  slow_.erase(node);
  if (bytes_a_second > 0)
    slow_[node] = {.bytes_a_second = bytes_a_second, .latency_us_max = latency_us_max};
}

std::int64_t Network::Latency(NodeIndex from) {
  const auto slow = slow_.find(from);
  const std::int64_t longest =
      slow == slow_.end() ? faults_.latency_us_max : slow->second.latency_us_max;
  return 200 + static_cast<std::int64_t>(world_.random().Below(
                   static_cast<std::uint64_t>(std::max<std::int64_t>(longest, 1))));
}

void Network::Release() {
  for (auto& [id, stream] : streams_) {
    for (const NodeIndex from : {stream.dialler, stream.accepter}) {
      Direction& direction = DirectionFrom(stream, from);
      if (direction.held.empty() || IsCut(from, Other(stream, from))) continue;
      std::deque<std::string> held = std::exchange(direction.held, {});
      for (std::string& bytes : held) Transmit(id, from, std::move(bytes));
    }
  }
}

void Network::Dial(NodeIndex from, NodeIndex to) {
  const std::int64_t latency_us = Latency(from) + Latency(to);
  world_.After(latency_us, [this, from, to] {
    if (endpoints_[from] == nullptr) return;
    if (IsCut(from, to) || IsCut(to, from) || endpoints_[to] == nullptr) {
      world_.After(2'000'000, [this, from, to] {
        if (endpoints_[from] != nullptr) endpoints_[from]->OnDialFailed(to);
      });
      return;
    }
    const std::uint64_t id = next_stream_++;
    Stream& stream = streams_[id];
    stream.dialler = from;
    stream.accepter = to;
    if (!endpoints_[to]->OnAccepted(from, id)) {
      streams_.erase(id);
      endpoints_[from]->OnDialFailed(to);
      return;
    }
    if (endpoints_[from] != nullptr) endpoints_[from]->OnDialled(to, id);
  });
}

void Network::Send(NodeIndex from, std::uint64_t stream, const exchange::v1::Frame& frame) {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return;
  const NodeIndex to = Other(found->second, from);
  if (observer_ != nullptr) observer_->OnSpoken(from, to, frame);
  const auto mouth = mouths_.find(from);
  if (mouth == mouths_.end()) return Put(from, stream, frame);
  std::vector<exchange::v1::Frame> said = {frame};
  std::vector<exchange::v1::Frame> more;
  if (!mouth->second->Speak(to, said.front(), more)) {
    said.clear();
    world_.After(1, [this, from, to, stream] {
      if (streams_.contains(stream) && endpoints_[from] != nullptr)
        endpoints_[from]->OnSent(to, stream);
    });
  }
  for (const exchange::v1::Frame& one : said) Put(from, stream, one);
  // Not of the node's making: it must not hear that they were sent.
  for (const exchange::v1::Frame& one : more) {
    if (streams_.contains(stream)) Transmit(stream, from, one.SerializeAsString());
  }
}

void Network::Put(NodeIndex from, std::uint64_t stream, const exchange::v1::Frame& frame) {
  const auto found = streams_.find(stream);
  const NodeIndex to = Other(found->second, from);
  if (world_.random().Chance(faults_.reset_per_mille)) {
    EndAt(stream, from);
    world_.After(Latency(from), [this, stream, to] { EndAt(stream, to); });
    return;
  }
  std::string bytes = frame.SerializeAsString();
  Direction& direction = DirectionFrom(found->second, from);
  const auto slow = slow_.find(from);
  const std::int64_t rate =
      slow == slow_.end() ? faults_.bytes_a_second : slow->second.bytes_a_second;
  const auto wire_us = static_cast<std::int64_t>(bytes.size()) * 1'000'000 / rate;
  direction.free_us = std::max(direction.free_us, world_.now_us()) + wire_us;
  // A cut link still takes what fits the socket's buffer; then it takes nothing.
  if (!IsCut(from, to) || direction.held.size() < 2) {
    world_.After(direction.free_us - world_.now_us(), [this, from, to, stream] {
      if (streams_.contains(stream) && endpoints_[from] != nullptr)
        endpoints_[from]->OnSent(to, stream);
    });
  }
  if (Hit(faults_.drop_per_mille)) return;
  if (Hit(faults_.delay_per_mille)) {
    direction.last_arrival_us =
        std::max(direction.last_arrival_us, world_.now_us()) +
        world_.random().Between(0, std::max<std::int64_t>(faults_.delay_us_max, 1));
  }
  if (Hit(faults_.duplicate_per_mille)) Transmit(stream, from, bytes);
  Transmit(stream, from, std::move(bytes));
}

void Network::Close(NodeIndex from, std::uint64_t stream) {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return;
  DirectionFrom(found->second, Other(found->second, from)).open = false;
  Transmit(stream, from, {});
}

void Network::Transmit(std::uint64_t id, NodeIndex from, std::string bytes) {
  Stream& stream = streams_.at(id);
  Direction& direction = DirectionFrom(stream, from);
  if (IsCut(from, Other(stream, from)) || !direction.held.empty()) {
    direction.held.push_back(std::move(bytes));
    return;
  }
  // Order holds because arrival times of one direction never go back.
  const std::int64_t arrive_us = std::max(
      direction.last_arrival_us, std::max(direction.free_us, world_.now_us()) + Latency(from));
  direction.last_arrival_us = arrive_us;
  world_.After(arrive_us - world_.now_us(),
               [this, id, from, bytes = std::move(bytes)] { Deliver(id, from, bytes); });
}

void Network::Deliver(std::uint64_t id, NodeIndex from, const std::string& bytes) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  const NodeIndex to = Other(found->second, from);
  if (bytes.empty()) {
    EndAt(id, to);
    streams_.erase(id);
    return;
  }
  if (!DirectionFrom(found->second, from).open || endpoints_[to] == nullptr) return;
  exchange::v1::Frame frame;
  if (!frame.ParseFromString(bytes)) {  // as gRPC does: the stream ends
    EndAt(id, to);
    world_.After(Latency(to), [this, id, from] { EndAt(id, from); });
    return;
  }
  const auto mouth = mouths_.find(to);
  if (mouth != mouths_.end()) mouth->second->Hear(frame);
  if (observer_ != nullptr) observer_->OnHeard(from, to, id, frame);
  endpoints_[to]->OnFrame(from, id, frame);
}

void Network::EndAt(std::uint64_t id, NodeIndex node) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  const NodeIndex other = Other(found->second, node);
  Direction& inward = DirectionFrom(found->second, other);
  const bool was_open = inward.open;
  inward.open = false;
  const bool both_ended = !DirectionFrom(found->second, node).open;
  if (was_open && endpoints_[node] != nullptr) endpoints_[node]->OnClosed(other, id);
  if (both_ended) streams_.erase(id);
}

void Network::Crash(NodeIndex node) {
  endpoints_[node] = nullptr;
  std::vector<std::uint64_t> dead;
  for (auto& [id, stream] : streams_) {
    if (stream.dialler == node || stream.accepter == node) dead.push_back(id);
  }
  for (const std::uint64_t id : dead) {
    const NodeIndex other = Other(streams_.at(id), node);
    DirectionFrom(streams_.at(id), other).open = false;
    // One crash in three is silent: the other end finds out by its own time-outs only.
    if (world_.random().Below(3) != 0) {
      world_.After(Latency(node), [this, id, other] { EndAt(id, other); });
    }
  }
}

void Network::ResetOne() {
  if (streams_.empty()) return;
  auto chosen = streams_.begin();
  std::advance(chosen, static_cast<std::ptrdiff_t>(world_.random().Below(streams_.size())));
  const std::uint64_t id = chosen->first;
  const NodeIndex dialler = chosen->second.dialler;
  const NodeIndex accepter = chosen->second.accepter;
  EndAt(id, dialler);
  world_.After(Latency(dialler), [this, id, accepter] { EndAt(id, accepter); });
}

}  // namespace tripoint::simulation
