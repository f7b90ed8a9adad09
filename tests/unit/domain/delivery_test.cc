// Goal: the ladder follows from position, receipt, quarantine and answer, and never claims more.
#include "server/domain/delivery.h"

#include <gtest/gtest.h>

namespace tripoint::domain {
namespace {

DeliveryFacts At(std::uint64_t position, std::uint64_t sent, std::uint64_t receipted) {
  DeliveryFacts facts;
  facts.unit = "la-attapeu";
  facts.version = 2;
  facts.queue_time_ms = 10;
  facts.position = position;
  facts.sent_size = sent;
  facts.receipted_size = receipted;
  facts.receipt_time_ms = 20;
  return facts;
}

TEST(Delivery, PositionSentSizeAndReceiptDecideBetweenQueuedSentAndStored) {
  EXPECT_EQ(DeriveDelivery(At(5, 5, 5)).state(), v1::DELIVERY_STATE_QUEUED);
  EXPECT_EQ(DeriveDelivery(At(5, 6, 5)).state(), v1::DELIVERY_STATE_SENT);
  EXPECT_EQ(DeriveDelivery(At(5, 6, 6)).state(), v1::DELIVERY_STATE_STORED);
  EXPECT_EQ(DeriveDelivery(At(5, 0, 6)).state(), v1::DELIVERY_STATE_STORED)
      << "a receipt stands after the link that sent it is gone";
  EXPECT_EQ(DeriveDelivery(At(5, 5, 5)).state_time_ms(), 10);
  EXPECT_EQ(DeriveDelivery(At(5, 6, 6)).state_time_ms(), 20);
}

TEST(Delivery, QuarantinedEndsAsDeclinedWithItsReason) {
  DeliveryFacts facts = At(5, 6, 6);
  facts.refusal_reason = "ENVELOPE_MALFORMED";
  const v1::Delivery delivery = DeriveDelivery(facts);
  EXPECT_EQ(delivery.state(), v1::DELIVERY_STATE_DECLINED);
  EXPECT_EQ(delivery.reason_code(), "ENVELOPE_MALFORMED");
}

TEST(Delivery, AnswerOfThisVersionStandsAndOfAnOlderDoesNot) {
  store::v1::Answer answer;
  answer.set_state(v1::DELIVERY_STATE_ACKNOWLEDGED);
  answer.set_version(2);
  answer.set_officer("somphone");
  answer.set_note("informed");
  answer.set_note_language_code("en");
  answer.set_time_ms(30);
  DeliveryFacts facts = At(5, 6, 6);
  facts.answer = &answer;
  const v1::Delivery delivery = DeriveDelivery(facts);
  EXPECT_EQ(delivery.state(), v1::DELIVERY_STATE_ACKNOWLEDGED);
  EXPECT_EQ(delivery.officer(), "somphone");
  EXPECT_EQ(delivery.note().text(), "informed");
  EXPECT_EQ(delivery.state_time_ms(), 30);
  answer.set_version(1);
  EXPECT_EQ(DeriveDelivery(facts).state(), v1::DELIVERY_STATE_STORED);
  answer.set_version(2);
  answer.set_state(99);
  EXPECT_EQ(DeriveDelivery(facts).state(), v1::DELIVERY_STATE_STORED);
}

TEST(Delivery, WaitingSaysWhy) {
  DeliveryFacts facts = At(5, 5, 5);
  facts.wait_reason = "CHANNEL_FORK";
  EXPECT_EQ(DeriveDelivery(facts).reason_code(), "CHANNEL_FORK");
}

}  // namespace
}  // namespace tripoint::domain
