// See mouth.h.
#include "tests/simulation/mouth.h"

#include <algorithm>

#include "proto/contract/head_bytes.h"
#include "tests/simulation/signature.h"

namespace tripoint::simulation {
namespace {

using exchange::v1::Frame;
using exchange::v1::Head;
using exchange::v1::Heartbeat;
using exchange::v1::Receipt;

constexpr std::size_t kSaidMax = 16;
constexpr int kUnknownField = 2047;

// What an older version knows nothing of: it neither says it nor understands it.
void Forget(std::int64_t versions, Frame& frame) {
  if (versions == 0) return;
  const auto forget_head = [](Head& head) {
    head.clear_receipted_root();
    head.clear_receipt_signature();
    head.clear_receipt_epoch();
    head.clear_receipted_size();
  };
  if (frame.has_heartbeat()) {
    Heartbeat& heartbeat = *frame.mutable_heartbeat();
    heartbeat.clear_next_bytes();
    heartbeat.clear_echo_delay_ms();
    if (versions > 1) heartbeat.clear_stopped();
    for (Head& head : *heartbeat.mutable_outbound()) forget_head(head);
  } else if (frame.has_hello()) {
    for (Head& head : *frame.mutable_hello()->mutable_outbound()) forget_head(head);
    frame.mutable_hello()->clear_holdings();
    frame.mutable_hello()->clear_recovering();
    if (versions > 1) {
      frame.mutable_hello()->clear_software();
      frame.mutable_hello()->clear_time_ms();
    }
  }
}

template <typename Message>
void AddUnknown(Message& message) {
  message.GetReflection()->MutableUnknownFields(&message)->AddLengthDelimited(kUnknownField,
                                                                              "of a newer version");
}

void AddUnknownTo(Frame& frame) {
  if (frame.has_hello()) {
    AddUnknown(*frame.mutable_hello());
    for (Head& head : *frame.mutable_hello()->mutable_outbound()) AddUnknown(head);
  } else if (frame.has_batch()) {
    AddUnknown(*frame.mutable_batch());
    AddUnknown(*frame.mutable_batch()->mutable_head());
  } else if (frame.has_receipt()) {
    AddUnknown(*frame.mutable_receipt());
  } else if (frame.has_heartbeat()) {
    AddUnknown(*frame.mutable_heartbeat());
  }
}

}  // namespace

void FalseMouth::Learn(const Line& line) {
  if (line.kind == "version") {
    omits_ = line["omits"];
    adds_ = line["adds"] == 1;
  } else {
    lines_.push_back(line);
  }
}

std::string FalseMouth::RandomBytes(std::size_t count) {
  std::string bytes;
  for (std::size_t i = 0; i < count; ++i)
    bytes.push_back(static_cast<char>(world_.random().Below(256)));
  return bytes;
}

void FalseMouth::Hear(Frame& frame) { Forget(omits_, frame); }

bool FalseMouth::Speak(NodeIndex to, Frame& frame, std::vector<Frame>& more) {
  Forget(omits_, frame);
  if (adds_) AddUnknownTo(frame);
  Remember(to, frame);
  if (frame.has_hello()) silent_[to] = false;
  for (const Line& line : lines_) {
    if (begun_us_ < 0) break;
    const std::int64_t at_us = world_.now_us() - begun_us_;
    if (at_us < line["begin"] || at_us >= line["end"]) continue;
    if (!world_.random().Chance(static_cast<int>(line["chance"]))) continue;
    const auto lie = static_cast<Lie>(line["about"]);
    if (!Tell(lie, to, frame, more)) continue;
    ++lies_;
    world_.Trace(unit_ + " lies to " + roster_.units[static_cast<std::size_t>(to)] + " about " +
                 std::to_string(line["about"]));
  }
  // Signs of life go on: only a lane that stands still shows it.
  return !(silent_[to] && (frame.has_batch() || frame.has_receipt()));
}

bool FalseMouth::Tell(Lie lie, NodeIndex to, Frame& frame, std::vector<Frame>& more) {
  switch (lie) {
    case Lie::kFork:
      return Fork(to, frame);
    case Lie::kReplay: {
      const std::vector<Frame>& said = said_[to];
      if (frame.has_hello() || said.empty()) return false;
      more.push_back(said[world_.random().Below(said.size())]);
      return true;
    }
    case Lie::kSignature:
      return Signature(frame);
    case Lie::kGarbage:
      return Garbage(frame);
    case Lie::kSize:
      return Size(frame);
    case Lie::kBounds:
      return Bounds(frame, more);
    case Lie::kReceipt:
      return Receipt(to, frame);
    case Lie::kResend:
      return Resend(frame);
    case Lie::kEpoch:
      return Epoch(frame);
    case Lie::kSilence:
      if (!frame.has_batch() && !frame.has_receipt()) return false;
      return !std::exchange(silent_[to], true);
    case Lie::kHeads:
      return Heads(frame, false);
    case Lie::kShorter:
      return Heads(frame, true);
    case Lie::kBackDated:
    case Lie::kAudience:
    case Lie::kMixup:
      break;  // a Forger's
  }
  return false;
}

void FalseMouth::Remember(NodeIndex to, const Frame& frame) {
  std::vector<Frame>& said = said_[to];
  if (said.size() == kSaidMax) said.erase(said.begin());
  said.push_back(frame);
  if (!frame.has_batch()) return;
  const auto& batch = frame.batch();
  std::vector<storage::Hash>& leaves = leaves_[{to, batch.lane()}];
  if (batch.first_position() > leaves.size()) return;
  leaves.resize(batch.first_position());
  for (const std::string& envelope : batch.envelopes())
    leaves.push_back(storage::LeafHash(envelope));
}

void FalseMouth::Sign(NodeIndex to, Head& head) const {
  contract::ChannelHead channel{.sender = unit_,
                                .receiver = roster_.units[static_cast<std::size_t>(to)],
                                .lane = static_cast<std::uint8_t>(head.lane()),
                                .epoch = head.epoch(),
                                .size = head.size(),
                                .root = *storage::HashFromBytes(head.root())};
  head.set_signature(CheapSignature(unit_, contract::HeadBytes(channel)));
}

// A well signed head over a history in which one earlier envelope was another.
bool FalseMouth::Fork(NodeIndex to, Frame& frame) {
  if (!frame.has_batch()) return false;
  Head& head = *frame.mutable_batch()->mutable_head();
  std::vector<storage::Hash> leaves = leaves_[{to, head.lane()}];
  if (leaves.size() != head.size()) return false;
  leaves[world_.random().Below(leaves.size())][0] ^= 1;
  storage::Frontier frontier;
  for (const storage::Hash& leaf : leaves) frontier.Append(leaf);
  const storage::Hash root = frontier.Root();
  head.set_root(root.data(), root.size());
  Sign(to, head);
  return true;
}

// Another root at the size that the peer holds, or fewer envelopes than it was told of.
bool FalseMouth::Heads(Frame& frame, bool shorter) {
  if (!frame.has_heartbeat()) return false;
  bool lied = false;
  for (Head& head : *frame.mutable_heartbeat()->mutable_outbound()) {
    if (shorter && head.size() < 2) continue;
    lied = true;
    if (shorter) {
      head.set_size(head.size() / 2);
    } else {
      head.set_root(RandomBytes(storage::kHashBytes));
    }
  }
  return lied;
}

bool FalseMouth::Signature(Frame& frame) {
  if (frame.has_batch()) {
    frame.mutable_batch()->mutable_head()->set_signature(RandomBytes(64));
  } else if (frame.has_receipt()) {
    frame.mutable_receipt()->set_signature(RandomBytes(64));
  } else {
    return false;
  }
  return true;
}

// Signed for other envelopes than those that come.
bool FalseMouth::Garbage(Frame& frame) {
  if (!frame.has_batch()) return false;
  auto& batch = *frame.mutable_batch();
  const auto one =
      static_cast<int>(world_.random().Below(static_cast<std::uint64_t>(batch.envelopes_size())));
  *batch.mutable_envelopes(one) = RandomBytes(1 + world_.random().Below(400));
  return true;
}

bool FalseMouth::Size(Frame& frame) {
  static constexpr std::uint64_t kSizes[] = {0, 1, 1u << 20, std::uint64_t{1} << 61, UINT64_MAX};
  const std::uint64_t size = kSizes[world_.random().Below(std::size(kSizes))];
  if (frame.has_batch()) {
    frame.mutable_batch()->mutable_head()->set_size(size);
  } else if (frame.has_heartbeat()) {
    Heartbeat& heartbeat = *frame.mutable_heartbeat();
    if (heartbeat.outbound_size() > 0) heartbeat.mutable_outbound(0)->set_size(size);
    heartbeat.set_next_bytes(static_cast<std::uint32_t>(world_.random().Next()));
  } else if (frame.has_hello() && frame.hello().outbound_size() > 0) {
    Head& head = *frame.mutable_hello()->mutable_outbound(0);
    head.set_size(size);
    head.set_receipted_size(kSizes[world_.random().Below(std::size(kSizes))]);
  } else {
    return false;
  }
  return true;
}

// For more than came, or with another root; well signed.
bool FalseMouth::Receipt(NodeIndex to, Frame& frame) {
  if (!frame.has_receipt()) return false;
  exchange::v1::Receipt& receipt = *frame.mutable_receipt();
  if (world_.random().Chance(500)) receipt.set_size(receipt.size() + 1 + world_.random().Below(9));
  if (world_.random().Chance(500)) receipt.set_root(RandomBytes(storage::kHashBytes));
  contract::ChannelHead channel{.sender = roster_.units[static_cast<std::size_t>(to)],
                                .receiver = unit_,
                                .lane = static_cast<std::uint8_t>(receipt.lane()),
                                .epoch = receipt.epoch(),
                                .size = receipt.size(),
                                .root = *storage::HashFromBytes(receipt.root())};
  receipt.set_signature(CheapSignature(unit_, contract::ReceiptBytes(channel)));
  return true;
}

bool FalseMouth::Resend(Frame& frame) {
  if (!frame.has_heartbeat() || frame.heartbeat().inbound_size() == 0) return false;
  Heartbeat& heartbeat = *frame.mutable_heartbeat();
  heartbeat.clear_resend();
  auto& resend = *heartbeat.add_resend();
  resend.set_lane(heartbeat.inbound(0).lane());
  resend.set_epoch(heartbeat.inbound(0).epoch());
  resend.set_size(world_.random().Below(heartbeat.inbound(0).size() + 2));
  return true;
}

bool FalseMouth::Epoch(Frame& frame) {
  if (!frame.has_hello()) return false;
  auto& hello = *frame.mutable_hello();
  hello.set_epoch(world_.random().Next() | 1);
  for (Head& head : *hello.mutable_outbound()) head.set_epoch(hello.epoch());
  return true;
}

}  // namespace tripoint::simulation
