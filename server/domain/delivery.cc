// The rungs of the delivery ladder (delivery.h). Any thread.
#include "server/domain/delivery.h"

namespace tripoint::domain {

v1::Delivery DeriveDelivery(const DeliveryFacts& facts) {
  v1::Delivery delivery;
  delivery.set_unit(facts.unit);
  delivery.set_version(facts.version);
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
    return delivery;
  }
  if (!facts.refusal_reason.empty()) {
    delivery.set_state(v1::DELIVERY_STATE_DECLINED);
    delivery.set_state_time_ms(facts.receipt_time_ms);
    delivery.set_reason_code(facts.refusal_reason);
    return delivery;
  }
  if (facts.position < facts.receipted_size) {
    delivery.set_state(v1::DELIVERY_STATE_STORED);
    delivery.set_state_time_ms(facts.receipt_time_ms);
    return delivery;
  }
  delivery.set_reason_code(facts.wait_reason);
  if (facts.position < facts.sent_size) {
    delivery.set_state(v1::DELIVERY_STATE_SENT);
    return delivery;
  }
  delivery.set_state(v1::DELIVERY_STATE_QUEUED);
  delivery.set_state_time_ms(facts.queue_time_ms);
  return delivery;
}

}  // namespace tripoint::domain
