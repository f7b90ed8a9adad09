// The rungs of the delivery ladder (delivery.h). Any thread.
#include "server/domain/delivery.h"

#include <utility>

#include "proto/contract/error.h"

namespace tripoint::domain {

namespace {

using contract::Reason;

std::string Code(Reason reason) { return std::string(contract::ReasonCode(reason)); }

// The rung, and for an answer who gave it.
void Climb(const DeliveryFacts& facts, v1::Delivery& delivery) {
  const store::v1::Answer* answer = facts.answer;
  // The recipient can only speak of what it has: its word stands above the channel's arithmetic.
  if (answer != nullptr && answer->version() >= facts.version &&
      v1::DeliveryState_IsValid(static_cast<int>(answer->state())) &&
      answer->state() >= v1::DELIVERY_STATE_SEEN) {
    delivery.set_state(static_cast<v1::DeliveryState>(answer->state()));
    delivery.set_state_time_ms(answer->time_ms());
    delivery.set_reason_code(answer->reason_code());
    delivery.set_officer(answer->officer());
    if (!answer->note().empty()) {
      delivery.mutable_note()->set_text(answer->note());
      delivery.mutable_note()->set_language_code(answer->note_language_code());
    }
  } else if (facts.refused) {
    delivery.set_state(v1::DELIVERY_STATE_DECLINED);
    delivery.set_state_time_ms(facts.receipt_time_ms);
    delivery.set_reason_code(facts.refusal_reason);
  } else if (facts.position < facts.receipted_size) {
    delivery.set_state(v1::DELIVERY_STATE_STORED);
    delivery.set_state_time_ms(facts.receipt_time_ms);
  } else if (facts.position < facts.sent_size) {
    delivery.set_state(v1::DELIVERY_STATE_SENT);
  } else {
    delivery.set_state(v1::DELIVERY_STATE_QUEUED);
    delivery.set_state_time_ms(facts.queue_time_ms);
  }
}

// What keeps the copy, or the present version, from the recipient.
void Hold(const DeliveryFacts& facts, v1::Delivery& delivery) {
  if (facts.version < facts.notice_version) {
    delivery.set_hold(v1::DELIVERY_HOLD_NOT_PAIRED);
    // What they said about the version that they have keeps its own reason.
    if (delivery.reason_code().empty()) delivery.set_reason_code(Code(Reason::kUnitNotPaired));
    return;
  }
  if (delivery.state() >= v1::DELIVERY_STATE_STORED) return;
  Held held = HeldOn(facts);
  delivery.set_hold(held.hold);
  delivery.set_reason_code(std::move(held.reason_code));
  delivery.set_next_try_time_ms(held.next_try_ms);
}

}  // namespace

Held HeldOn(const WayFacts& way) {
  if (!way.paired) return {v1::DELIVERY_HOLD_NOT_PAIRED, Code(Reason::kUnitNotPaired)};
  if (!way.stopped_here.empty()) return {v1::DELIVERY_HOLD_STOPPED_HERE, way.stopped_here};
  if (!way.stopped_there.empty()) return {v1::DELIVERY_HOLD_STOPPED_THERE, way.stopped_there};
  if (!way.linked) {
    return {v1::DELIVERY_HOLD_NO_LINK,
            way.link_reason.empty() ? Code(Reason::kLinkDown) : way.link_reason, way.next_dial_ms};
  }
  if (way.returning) return {v1::DELIVERY_HOLD_RETURNING, Code(Reason::kAmnesia)};
  return {};
}

v1::Delivery DeriveDelivery(const DeliveryFacts& facts) {
  v1::Delivery delivery;
  delivery.set_unit(facts.unit);
  delivery.set_version(facts.version);
  Climb(facts, delivery);
  // Older software may have stored an answer or a refusal without one.
  if (delivery.state() == v1::DELIVERY_STATE_DECLINED && delivery.reason_code().empty())
    delivery.set_reason_code(Code(Reason::kUnspecified));
  Hold(facts, delivery);
  const store::v1::Answer* earlier = EarlierAnswer(facts.answer, facts.earlier, facts.version);
  if (earlier != nullptr) *delivery.mutable_earlier() = EarlierText(*earlier);
  return delivery;
}

const store::v1::Answer* EarlierAnswer(const store::v1::Answer* answer,
                                       const store::v1::Answer* earlier, std::uint32_t version) {
  if (answer == nullptr || answer->version() >= version) return earlier;
  return earlier == nullptr || answer->state() >= v1::DELIVERY_STATE_ACKNOWLEDGED ? answer
                                                                                  : earlier;
}

v1::EarlierAnswer EarlierText(const store::v1::Answer& earlier) {
  v1::EarlierAnswer said;
  said.set_state(static_cast<v1::DeliveryState>(earlier.state()));
  said.set_version(earlier.version());
  said.set_time_ms(earlier.time_ms());
  said.set_officer(earlier.officer());
  said.set_reason_code(earlier.reason_code());
  return said;
}

}  // namespace tripoint::domain
