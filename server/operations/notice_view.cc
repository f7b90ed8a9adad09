// Notices as officers see them. See notice_view.h.
#include "server/operations/notice_view.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "server/domain/answer.h"
#include "server/domain/delivery.h"
#include "server/domain/notice.h"
#include "server/operations/common.h"
#include "server/operations/way.h"
#include "storage/channel_store.h"
#include "storage/keys.h"

namespace tripoint::operations {
namespace {

using storage::ChannelName;

// `state` is scratch.
absl::StatusOr<v1::Delivery> DeliveryOf(const NodeFacts& node, const storage::Reader& reader,
                                        const store::v1::OutboundCopy& copy,
                                        std::uint32_t notice_version, const PeerStatusSource* links,
                                        store::v1::OutboundChannel& state) {
  const ChannelName channel{copy.unit(), static_cast<std::uint8_t>(copy.lane())};
  const absl::StatusOr<bool> found =
      storage::GetOutboundReceipts(reader, channel, copy.epoch(), state);
  if (!found.ok()) return found.status();
  if (!*found) return Corrupt("The channel of a copy is missing");
  domain::DeliveryFacts facts;
  facts.unit = copy.unit();
  facts.version = copy.version();
  facts.notice_version = notice_version;
  facts.queue_time_ms = copy.time_ms();
  facts.position = copy.position();
  if (copy.position() >= state.receipted_size()) {
    absl::StatusOr<domain::WayFacts> way =
        WayTo(node, reader, channel, state.quarantine_reason(), links);
    if (!way.ok()) return way.status();
    static_cast<domain::WayFacts&>(facts) = *std::move(way);
  }
  facts.receipted_size = state.receipted_size();
  facts.receipt_time_ms = storage::ReceiptTimeOf(state, copy.position());
  if (copy.has_answer()) facts.answer = &copy.answer();
  if (copy.has_earlier_answer()) facts.earlier = &copy.earlier_answer();
  if (state.refused() != 0) {
    absl::StatusOr<std::optional<store::v1::QuarantineRecord>> refusal =
        storage::GetQuarantine(reader, true, channel, copy.epoch(), copy.position());
    if (!refusal.ok()) return refusal.status();
    facts.refused = refusal->has_value();
    if (facts.refused) facts.refusal_reason = (*refusal)->reason_code();
  }
  return domain::DeriveDelivery(facts);
}

v1::Delivery OwnAnswer(const NodeFacts& node, const store::v1::ReceivedRecord& record) {
  v1::Delivery delivery;
  delivery.set_unit(node.unit);
  delivery.set_version(record.version());
  const store::v1::Answer* earlier = domain::EarlierAnswer(
      record.has_answer() ? &record.answer() : nullptr,
      record.has_earlier_answer() ? &record.earlier_answer() : nullptr, record.version());
  if (earlier != nullptr) *delivery.mutable_earlier() = domain::EarlierText(*earlier);
  const store::v1::Answer& answer = record.answer();
  // A withdrawal came after the answer: it is about the version before.
  if (!record.has_answer() || answer.version() < record.version()) {
    delivery.set_state(v1::DELIVERY_STATE_STORED);
    delivery.set_state_time_ms(record.receive_time_ms());
    return delivery;
  }
  delivery.set_state(static_cast<v1::DeliveryState>(answer.state()));
  delivery.set_state_time_ms(answer.time_ms());
  delivery.set_reason_code(answer.reason_code());
  delivery.set_officer(answer.officer());
  if (!answer.note().empty()) {
    delivery.mutable_note()->set_text(answer.note());
    delivery.mutable_note()->set_language_code(answer.note_language_code());
  }
  return delivery;
}

// Whether a recipient who has the present version, or will get it, still owes an acknowledgement.
bool SomebodyOwesAck(const v1::Notice& notice) {
  if (notice.ack_by_ms() == 0 || notice.state() != v1::NOTICE_STATE_RELEASED) return false;
  return std::any_of(notice.deliveries().begin(), notice.deliveries().end(),
                     [](const v1::Delivery& delivery) {
                       return delivery.state() < v1::DELIVERY_STATE_ACKNOWLEDGED &&
                              delivery.hold() != v1::DELIVERY_HOLD_NOT_PAIRED;
                     });
}

}  // namespace

absl::StatusOr<v1::Notice> OwnView(const NodeFacts& node, const storage::Reader& reader,
                                   store::v1::NoticeRecord record, std::int64_t now_ms,
                                   const PeerStatusSource* links) {
  v1::Notice notice = std::move(*record.mutable_notice());
  notice.set_state(domain::EffectiveState(notice.state(), notice.valid_until_ms(), now_ms));
  notice.clear_deliveries();
  store::v1::OutboundChannel state;
  notice.mutable_deliveries()->Reserve(record.copies_size());
  for (const store::v1::OutboundCopy& copy : record.copies()) {
    absl::StatusOr<v1::Delivery> delivery =
        DeliveryOf(node, reader, copy, notice.version(), links, state);
    if (!delivery.ok()) return delivery.status();
    *notice.add_deliveries() = *std::move(delivery);
  }
  notice.set_needs_ack(SomebodyOwesAck(notice));
  return notice;
}

absl::StatusOr<v1::Notice> ReceivedView(const NodeFacts& node, const storage::Reader& reader,
                                        const store::v1::ReceivedRecord& record,
                                        std::int64_t now_ms) {
  absl::StatusOr<std::optional<std::string>> bytes =
      storage::GetInboundEntry(reader, {record.owner(), static_cast<std::uint8_t>(record.lane())},
                               record.epoch(), record.position());
  if (!bytes.ok()) return bytes.status();
  exchange::v1::Envelope envelope;
  if (!bytes->has_value() || !envelope.ParseFromString(**bytes)) {
    return Corrupt("The envelope of a received notice is missing or unreadable");
  }
  v1::Notice notice = domain::ReceivedNotice(envelope);
  notice.set_version(record.version());
  notice.set_receive_time_ms(record.receive_time_ms());
  notice.set_change_reason(record.change_reason());
  notice.set_state(domain::EffectiveState(static_cast<v1::NoticeState>(record.state()),
                                          record.valid_until_ms(), now_ms));
  notice.clear_deliveries();
  *notice.add_deliveries() = OwnAnswer(node, record);
  notice.set_needs_ack(domain::NeedsAck(notice, record.has_answer() ? &record.answer() : nullptr));
  return notice;
}

}  // namespace tripoint::operations
