// See frame_check.h.
#include "server/exchange/frame_check.h"

#include <algorithm>
#include <limits>

#include "fmt/format.h"

namespace tripoint::exchange {
namespace {

using Fault = std::optional<std::string>;

constexpr std::size_t kSignatureBytes = 64;
constexpr std::size_t kReasonBytesMax = 48;
constexpr std::size_t kUnitBytesMax = 40;
// Log sizes stay far from the end of the number range, so that sums of them never wrap.
constexpr std::uint64_t kSizeMax = std::numeric_limits<std::uint64_t>::max() / 4;

bool IsReasonCode(std::string_view code) {
  if (code.empty() || code.size() > kReasonBytesMax) return false;
  return std::all_of(code.begin(), code.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

Fault HeadFault(const v1::Head& head, bool signed_head) {
  if (!IsLane(head.lane())) return "head: no such lane";
  if (head.epoch() == 0) return "head: epoch is 0";
  if (head.size() > kSizeMax || head.receipted_size() > kSizeMax) return "head: size out of range";
  if (head.root().size() != storage::kHashBytes) return "head: root is not 32 bytes";
  const std::size_t signature = head.signature().size();
  if (signature != kSignatureBytes && (signed_head || signature != 0)) {
    return "head: signature is not 64 bytes";
  }
  return std::nullopt;
}

Fault ReceiptFault(const v1::Receipt& receipt, bool stands_alone, const Limits& limits) {
  if (!IsLane(receipt.lane())) return "receipt: no such lane";
  if (receipt.epoch() == 0) return "receipt: epoch is 0";
  if (receipt.size() > kSizeMax) return "receipt: size out of range";
  if (receipt.root().size() != storage::kHashBytes) return "receipt: root is not 32 bytes";
  const std::size_t signature = receipt.signature().size();
  if (signature != kSignatureBytes && (stands_alone || signature != 0)) {
    return "receipt: signature is not 64 bytes";
  }
  if (stands_alone && receipt.size() == 0) return "receipt: of nothing";
  const auto refusals = static_cast<std::size_t>(receipt.refusals_size());
  if (refusals > (stands_alone ? limits.refusals_max : 0)) return "receipt: too many refusals";
  std::uint64_t next = 0;
  for (const v1::Refusal& refusal : receipt.refusals()) {
    if (refusal.position() < next || refusal.position() >= receipt.size()) {
      return "receipt: refused positions out of order or beyond the size";
    }
    if (!IsReasonCode(refusal.reason_code())) return "receipt: malformed reason of a refusal";
    next = refusal.position() + 1;
  }
  return std::nullopt;
}

// At most one of each lane. `items` are heads, receipts, resends or stops.
template <typename Items>
Fault LanesFault(const Items& items, const char* what) {
  bool seen[kLanes] = {};
  for (const auto& item : items) {
    if (!IsLane(item.lane())) return fmt::format("{}: no such lane", what);
    bool& here = seen[LaneIndex(item.lane())];
    if (here) return fmt::format("{}: a lane twice", what);
    here = true;
  }
  return std::nullopt;
}

template <typename Message>
Fault ChannelsFault(const Message& message, const Limits& limits) {
  if (auto fault = LanesFault(message.outbound(), "heads")) return fault;
  if (auto fault = LanesFault(message.inbound(), "receipts")) return fault;
  for (const v1::Head& head : message.outbound()) {
    if (auto fault = HeadFault(head, false)) return fault;
  }
  for (const v1::Receipt& receipt : message.inbound()) {
    if (auto fault = ReceiptFault(receipt, false, limits)) return fault;
  }
  return std::nullopt;
}

Fault HoldingFault(const v1::Holding& holding, const Limits& limits) {
  if (!IsLane(holding.lane())) return "holding: no such lane";
  if (holding.epoch() == 0) return "holding: epoch is 0";
  if (holding.size() > kSizeMax) return "holding: size out of range";
  if (holding.root().size() != storage::kHashBytes) return "holding: root is not 32 bytes";
  if (holding.head_signature().size() > kSignatureBytes ||
      holding.receipt_signature().size() > kSignatureBytes) {
    return "holding: signature too long";
  }
  if (holding.head_certificate().size() > limits.certificate_bytes_max) {
    return "holding: certificate too long";
  }
  return std::nullopt;
}

Fault ReturnedFault(const v1::Returned& returned, const Limits& limits) {
  if (!IsLane(returned.lane())) return "returned: no such lane";
  if (static_cast<std::size_t>(returned.envelopes_size()) > limits.batch_items_max) {
    return "returned: too many envelopes";
  }
  for (const std::string& envelope : returned.envelopes()) {
    if (envelope.empty()) return "returned: empty envelope";
    if (envelope.size() > limits.envelope_bytes_max) return "returned: envelope too long";
  }
  return std::nullopt;
}

Fault HelloFault(const v1::Hello& hello, const Limits& limits) {
  if (hello.version_min() == 0 || hello.version_min() > hello.version_max()) {
    return "hello: impossible versions";
  }
  if (hello.unit().empty() || hello.unit().size() > kUnitBytesMax) return "hello: malformed unit";
  if (hello.epoch() == 0) return "hello: epoch is 0";
  if (hello.software().size() > limits.text_bytes_max) return "hello: software too long";
  if (hello.signing_certificate().size() > limits.certificate_bytes_max) {
    return "hello: signing certificate too long";
  }
  if (hello.holdings_size() > static_cast<int>(kHoldingsMax * kLanes)) {
    return "hello: too many holdings";
  }
  for (const v1::Holding& holding : hello.holdings()) {
    if (auto fault = HoldingFault(holding, limits)) return fault;
  }
  return ChannelsFault(hello, limits);
}

Fault BatchFault(const v1::Batch& batch, const Limits& limits) {
  if (!IsLane(batch.lane())) return "batch: no such lane";
  const auto items = static_cast<std::size_t>(batch.envelopes_size());
  if (items == 0) return "batch: empty";
  if (items > limits.batch_items_max) return "batch: too many envelopes";
  for (const std::string& envelope : batch.envelopes()) {
    if (envelope.empty()) return "batch: empty envelope";
    if (envelope.size() > limits.envelope_bytes_max) return "batch: envelope too long";
  }
  if (!batch.has_head()) return "batch: no head";
  if (auto fault = HeadFault(batch.head(), true)) return fault;
  if (batch.first_position() > kSizeMax || batch.head().lane() != batch.lane() ||
      batch.head().epoch() != batch.epoch() ||
      batch.head().size() != batch.first_position() + items) {
    return "batch: head does not belong to it";
  }
  return std::nullopt;
}

Fault HeartbeatFault(const v1::Heartbeat& heartbeat, const Limits& limits) {
  if (auto fault = LanesFault(heartbeat.resend(), "resend")) return fault;
  if (heartbeat.stopped_size() > static_cast<int>(2 * kLanes)) return "heartbeat: too many stops";
  for (const v1::LaneStop& stop : heartbeat.stopped()) {
    if (!IsLane(stop.lane())) return "stop: no such lane";
    if (!IsReasonCode(stop.reason_code())) return "stop: malformed reason";
  }
  if (heartbeat.next_bytes() > limits.frame_bytes_max) return "heartbeat: next frame too long";
  return ChannelsFault(heartbeat, limits);
}

}  // namespace

Fault FrameFault(const v1::Frame& frame, const Limits& limits) {
  if (frame.ByteSizeLong() > limits.frame_bytes_max) return "frame too long";
  switch (frame.kind_case()) {
    case v1::Frame::kHello:
      return HelloFault(frame.hello(), limits);
    case v1::Frame::kBatch:
      return BatchFault(frame.batch(), limits);
    case v1::Frame::kReceipt:
      return ReceiptFault(frame.receipt(), true, limits);
    case v1::Frame::kHeartbeat:
      return HeartbeatFault(frame.heartbeat(), limits);
    case v1::Frame::kReturnRequest:
      if (!IsLane(frame.return_request().lane())) return "return request: no such lane";
      if (frame.return_request().first() > kSizeMax) return "return request: out of range";
      return std::nullopt;
    case v1::Frame::kReturned:
      return ReturnedFault(frame.returned(), limits);
    case v1::Frame::kGoodbye:
      return std::nullopt;  // shown only, and cut before
    case v1::Frame::KIND_NOT_SET:
      break;
  }
  return "frame of no kind";
}

std::string PrintableText(std::string_view text, std::size_t bytes_max) {
  if (text.size() > bytes_max) {
    std::size_t end = bytes_max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    text = text.substr(0, end);
  }
  std::string result(text);
  for (char& c : result) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = ' ';
  }
  return result;
}

std::string ReasonText(std::string_view code) {
  return IsReasonCode(code) ? std::string(code) : "UNSPECIFIED";
}

}  // namespace tripoint::exchange
