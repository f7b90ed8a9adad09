// See watch.h.
#include "tests/simulation/watch.h"

#include "proto/contract/head_bytes.h"
#include "server/operations/channels.h"
#include "server/operations/reads.h"
#include "storage/channel_store.h"
#include "storage/journal_store.h"
#include "tests/simulation/check.h"
#include "tests/simulation/signature.h"
#include "tripoint/exchange/v1/envelope.pb.h"

namespace tripoint::simulation {
namespace {

// A flash is read and on its way well within this, whatever else waits.
constexpr std::int64_t kFlashReadyUs = 200'000;

std::string Which(std::string_view sender, std::string_view receiver, std::uint8_t lane) {
  return std::string(sender) + " to " + std::string(receiver) + " lane " + std::to_string(lane);
}

bool Same(const std::string& bytes, const storage::Hash& hash) {
  return bytes == storage::HashView(hash);
}

}  // namespace

Watch::Channel& Watch::Of(SimNode& sender, std::string_view receiver, std::uint8_t lane) {
  Channel& channel =
      channels_[{roster_.IndexOf(sender.unit()), roster_.IndexOf(receiver)}][lane - 1u];
  if (channel.roots.empty() || channel.epoch != sender.epoch()) {
    channel = Channel{};
    channel.epoch = sender.epoch();
    channel.roots.push_back(channel.frontier.Root());
  }
  return channel;
}

void Watch::OnGrown(SimNode& node, std::string_view peer, std::uint8_t lane) {
  if (!Honest(node.unit())) return;
  ++checks_;
  const std::string which = Which(node.unit(), peer, lane);
  Channel& channel = Of(node, peer, lane);
  const auto snapshot = node.engine().TakeSnapshot();
  const auto frontier = operations::OutboundFrontier(*snapshot, peer, lane, channel.epoch);
  ExpectOk(frontier.status(), "the sender reads the size of its channel: " + which);
  const std::uint64_t size = channel.frontier.size();
  Expect(frontier->size() >= size, "a channel never becomes shorter: " + which);
  if (frontier->size() == size) return;
  const auto range =
      operations::ReadOutboundRange(*snapshot, peer, lane, channel.epoch, size, 1u << 30, 1u << 20);
  ExpectOk(range.status(), "the sender reads what it appended: " + which);
  Expect(range->envelopes.size() == frontier->size() - size, "a channel has no hole: " + which);
  for (const std::string& bytes : range->envelopes) {
    const storage::Hash leaf = storage::LeafHash(bytes);
    Expect(channel.distinct.insert(leaf).second, "no envelope is in a channel twice: " + which);
    channel.leaves.push_back(leaf);
    channel.frontier.Append(leaf);
    channel.roots.push_back(channel.frontier.Root());
    exchange::v1::Envelope envelope;
    // What does not parse was made wrong on purpose.
    if (!envelope.ParseFromString(bytes) || envelope.origin_unit().empty()) continue;
    bool addressed = false;
    for (const std::string& unit : envelope.audience()) addressed = addressed || unit == peer;
    Expect(addressed, "nothing goes to who is not in its audience: " + which);
    Expect(envelope.origin_unit() == node.unit() && envelope.epoch() == channel.epoch,
           "an envelope is of its sender: " + which);
    const bool flash = envelope.notice_version().urgency_code() == "U0";
    Expect(envelope.lane() == lane && (!flash || lane == exchange::v1::LANE_FLASH),
           "an envelope goes in its lane: " + which);
  }
  Expect(frontier->Root() == channel.frontier.Root(), "the root is that of the bytes: " + which);
}

// The newest head that is kept, over the bytes that are kept, whoever sent them.
void Watch::CheckSigned(SimNode& node, std::string_view peer, std::uint8_t lane) {
  const std::string which = Which(peer, node.unit(), lane);
  const auto state = storage::GetInboundChannel(node.engine(), {std::string(peer), lane});
  ExpectOk(state.status(), "the receiver reads its channel: " + which);
  if (state->size() == 0) return;
  const auto frontier = storage::FrontierOf(state->size(), state->frontier());
  ExpectOk(frontier.status(), "the receiver's root is whole: " + which);
  const contract::ChannelHead head{.sender = peer,
                                   .receiver = node.unit(),
                                   .lane = lane,
                                   .epoch = state->epoch(),
                                   .size = state->size(),
                                   .root = frontier->Root()};
  Expect(state->head_signature() == CheapSignature(peer, contract::HeadBytes(head)),
         "what is kept is under a head that its sender signed: " + which);
}

void Watch::OnStored(SimNode& node, std::string_view peer, std::uint8_t lane) {
  if (Honest(node.unit())) CheckSigned(node, peer, lane);
  if (Honest(node.unit()) && model_.forged) CheckEnvelopes(node);
  if (!Honest(peer) || !Honest(node.unit())) return;
  ++checks_;
  const std::string which = Which(peer, node.unit(), lane);
  Channel& channel = Of(Node(peer), node.unit(), lane);
  const auto state = storage::GetInboundChannel(node.engine(), {std::string(peer), lane});
  ExpectOk(state.status(), "the receiver reads its channel: " + which);
  if (state->epoch() != channel.epoch) {
    Expect(channel.stored == 0, "what was stored stays stored: " + which);
    return;
  }
  Expect(state->size() >= channel.stored, "what was stored stays stored: " + which);
  Expect(state->size() <= channel.leaves.size(),
         "a receiver holds no more than the sender has: " + which);
  for (std::uint64_t at = channel.stored; at < state->size(); ++at) {
    const auto bytes =
        storage::GetInboundEntry(node.engine(), {std::string(peer), lane}, channel.epoch, at);
    ExpectOk(bytes.status(), "the receiver reads what it stored: " + which);
    Expect(bytes->has_value(), "a receiver's channel has no hole: " + which);
    Expect(storage::LeafHash(**bytes) == channel.leaves[at],
           "same bytes, same order at both ends: " + which);
  }
  channel.stored = state->size();
  const auto frontier = storage::FrontierOf(state->size(), state->frontier());
  ExpectOk(frontier.status(), "the receiver's root is whole: " + which);
  Expect(frontier->Root() == channel.roots[channel.stored],
         "the receiver's root is that of the bytes: " + which);
}

void Watch::OnProven(SimNode& node, std::string_view peer, std::uint8_t lane) {
  if (!Honest(node.unit())) return;
  ++checks_;
  const std::string which = Which(node.unit(), peer, lane);
  Channel& channel = Of(node, peer, lane);
  const auto state = storage::GetOutboundChannel(node.engine(), {std::string(peer), lane});
  ExpectOk(state.status(), "the sender reads its channel: " + which);
  if (state->epoch() != channel.epoch) return;
  const std::uint64_t receipted = state->receipted_size();
  Expect(receipted >= channel.receipted, "a receipt is never forgotten: " + which);
  channel.receipted = receipted;
  if (receipted == 0) return;
  const contract::ChannelHead head{.sender = node.unit(),
                                   .receiver = peer,
                                   .lane = lane,
                                   .epoch = channel.epoch,
                                   .size = receipted,
                                   .root = channel.roots[receipted]};
  Expect(state->receipt_signature() == CheapSignature(peer, contract::ReceiptBytes(head)),
         "a receipt that is kept is signed by its receiver over just that: " + which);
  if (!Honest(peer)) return;
  const auto held = storage::GetInboundChannel(Node(peer).engine(), {node.unit(), lane});
  ExpectOk(held.status(), "the receiver reads its channel: " + which);
  Expect(held->epoch() == channel.epoch && held->size() >= receipted,
         "a receipt covers only what its receiver stored: " + which);
}

void Watch::OnStarted(SimNode& node) {
  for (const std::string& peer : node.facts().paired) {
    for (std::uint8_t lane = 1; lane <= 3; ++lane) {
      OnGrown(node, peer, lane);
      OnStored(node, peer, lane);
      OnProven(node, peer, lane);
    }
  }
  if (!Honest(node.unit())) return;
  ExpectOk(storage::VerifyJournal(*node.engine().TakeSnapshot()),
           "the journal of " + node.unit() + " is whole after a start");
  CheckRecords(node);
}

void Watch::CheckRecords(SimNode& node) {
  const auto told = model_.incidents_by_unit.find(node.unit());
  if (told != model_.incidents_by_unit.end()) {
    for (const auto& [name, title] : told->second) {
      ++checks_;
      ExpectOk(operations::GetIncident(node.facts(), node.engine(), name).status(),
               "an acknowledged incident is there after a restart: " + name);
    }
  }
  const auto own = model_.notices_by_owner.find(node.unit());
  if (own == model_.notices_by_owner.end()) return;
  for (const std::string& name : own->second) {
    ++checks_;
    const auto notice =
        operations::GetNotice(node.facts(), node.engine(), name, node.wall_ms(), {});
    ExpectOk(notice.status(), "an acknowledged notice is there after a restart: " + name);
    Expect(notice->version() >= model_.notices.at(name).version,
           "an acknowledged version is there after a restart: " + name);
  }
}

void Watch::OnSpoken(NodeIndex from_index, NodeIndex to_index, const exchange::v1::Frame& frame) {
  SimNode& from = *nodes_[static_cast<std::size_t>(from_index)];
  SimNode& to = *nodes_[static_cast<std::size_t>(to_index)];
  if (!Honest(from.unit())) return;
  ++checks_;
  if (frame.has_batch()) {
    CheckBatch(from, to, frame.batch());
  } else if (frame.has_receipt()) {
    CheckReceipt(from, to, frame.receipt());
  } else if (frame.has_hello()) {
    for (const auto& head : frame.hello().outbound()) CheckHead(from, to, head);
    for (const auto& held : frame.hello().inbound()) CheckReceipt(from, to, held);
  } else if (frame.has_heartbeat()) {
    for (const auto& head : frame.heartbeat().outbound()) CheckHead(from, to, head);
    for (const auto& held : frame.heartbeat().inbound()) CheckReceipt(from, to, held);
  }
}

void Watch::OnHeard(NodeIndex from_index, NodeIndex to_index, std::uint64_t stream,
                    const exchange::v1::Frame& frame) {
  SimNode& from = *nodes_[static_cast<std::size_t>(from_index)];
  SimNode& to = *nodes_[static_cast<std::size_t>(to_index)];
  if (!Honest(from.unit()) || !Honest(to.unit())) return;
  if (from.LinkTo(to.unit()).stream != stream || to.LinkTo(from.unit()).stream != stream) return;
  for (const auto& stop : frame.heartbeat().stopped()) {
    if (stop.outbound()) continue;
    Of(to, from.unit(), static_cast<std::uint8_t>(stop.lane())).stopped_on = stream;
  }
}

void Watch::CheckHead(SimNode& from, SimNode& to, const exchange::v1::Head& head) {
  const std::string which = Which(from.unit(), to.unit(), static_cast<std::uint8_t>(head.lane()));
  const Channel& channel = Of(from, to.unit(), static_cast<std::uint8_t>(head.lane()));
  Expect(head.epoch() == channel.epoch && head.size() < channel.roots.size(),
         "a head says no more than its sender's disk holds: " + which);
  Expect(Same(head.root(), channel.roots[head.size()]),
         "a head has the root of its size: " + which);
}

void Watch::CheckBatch(SimNode& from, SimNode& to, const exchange::v1::Batch& batch) {
  CheckHead(from, to, batch.head());
  const auto lane = static_cast<std::uint8_t>(batch.lane());
  const Channel& channel = Of(from, to.unit(), lane);
  const std::string which = Which(from.unit(), to.unit(), lane);
  Expect(batch.first_position() + static_cast<std::uint64_t>(batch.envelopes_size()) ==
             batch.head().size(),
         "a batch ends at its head: " + which);
  for (int i = 0; i < batch.envelopes_size(); ++i) {
    const std::uint64_t at = batch.first_position() + static_cast<std::uint64_t>(i);
    Expect(storage::LeafHash(batch.envelopes(i)) == channel.leaves[at],
           "what is sent is what was appended, each time: " + which);
  }
  Expect(channel.stopped_on == 0 || channel.stopped_on != from.LinkTo(to.unit()).stream,
         "nothing is sent on a channel that its receiver stopped: " + which);
  if (lane > 1) return CheckPriority(from, to);
  Of(from, to.unit(), 1).passed_us = 0;
}

void Watch::CheckReceipt(SimNode& from, SimNode& to, const exchange::v1::Receipt& receipt) {
  const auto lane = static_cast<std::uint8_t>(receipt.lane());
  const std::string which = Which(to.unit(), from.unit(), lane);
  if (!Honest(to.unit())) return;
  const Channel& channel = Of(to, from.unit(), lane);
  Expect(receipt.epoch() == channel.epoch && receipt.size() < channel.roots.size(),
         "a receipt is of what was sent: " + which);
  Expect(Same(receipt.root(), channel.roots[receipt.size()]),
         "a receipt has the root of its size: " + which);
  const auto held = storage::GetInboundChannel(from.engine(), {to.unit(), lane});
  ExpectOk(held.status(), "the receiver reads its channel: " + which);
  Expect(
      receipt.size() == 0 || (held->epoch() == receipt.epoch() && held->size() >= receipt.size()),
      "no receipt for more than the disk holds: " + which);
}

// A flash that was not read yet when another batch went is no fault: only one that still waits
// when another goes later.
void Watch::CheckPriority(SimNode& from, SimNode& to) {
  Channel& flash = Of(from, to.unit(), 1);
  const exchange::LinkStatus link = from.LinkTo(to.unit());
  const exchange::LaneStatus& lane = link.lanes[0];
  const bool held_up = !lane.outbound_quarantine.empty() || !lane.stopped_by_peer.empty() ||
                       lane.sent_size > lane.held_size || lane.receipted_size < lane.held_size ||
                       from.reads_held_up();
  if (held_up || lane.sent_size >= lane.outbound_size) {
    flash.passed_us = 0;
    return;
  }
  if (flash.passed_us == 0 || flash.passed_on != link.stream) {
    flash.passed_us = world_.now_us();
    flash.passed_on = link.stream;
  }
  Expect(world_.now_us() - flash.passed_us < kFlashReadyUs,
         "no other batch goes while a flash waits: " + Which(from.unit(), to.unit(), 1));
}

}  // namespace tripoint::simulation
