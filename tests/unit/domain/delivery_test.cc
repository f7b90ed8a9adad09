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

TEST(Delivery, WaitingSaysWhyAndWhoseStopItIs) {
  for (const std::uint64_t sent : {5U, 6U}) {
    DeliveryFacts facts = At(5, sent, 5);
    facts.stopped_there = "CHANNEL_FORK";
    v1::Delivery delivery = DeriveDelivery(facts);
    EXPECT_EQ(delivery.reason_code(), "CHANNEL_FORK");
    EXPECT_EQ(delivery.hold(), v1::DELIVERY_HOLD_STOPPED_THERE);
    facts.stopped_here = "CHANNEL_ROLLED_BACK";
    delivery = DeriveDelivery(facts);
    EXPECT_EQ(delivery.reason_code(), "CHANNEL_ROLLED_BACK");
    EXPECT_EQ(delivery.hold(), v1::DELIVERY_HOLD_STOPPED_HERE);
    facts.paired = false;
    delivery = DeriveDelivery(facts);
    EXPECT_EQ(delivery.reason_code(), "UNIT_NOT_PAIRED");
    EXPECT_EQ(delivery.hold(), v1::DELIVERY_HOLD_NOT_PAIRED);
  }
  // What is proven stored waits for nothing.
  DeliveryFacts stored = At(5, 6, 6);
  stored.stopped_here = stored.stopped_there = "CHANNEL_FORK";
  stored.paired = false;
  EXPECT_EQ(DeriveDelivery(stored).hold(), v1::DELIVERY_HOLD_UNSPECIFIED);
  EXPECT_EQ(DeriveDelivery(stored).reason_code(), "");
}

// Goal: whoever was left out of a later version is named, whatever became of the one they have.
TEST(Delivery, CopyOlderThanTheNoticeWasLeftOut) {
  DeliveryFacts facts = At(5, 6, 6);
  facts.notice_version = 3;
  v1::Delivery delivery = DeriveDelivery(facts);
  EXPECT_EQ(delivery.state(), v1::DELIVERY_STATE_STORED);
  EXPECT_EQ(delivery.version(), 2U);
  EXPECT_EQ(delivery.hold(), v1::DELIVERY_HOLD_NOT_PAIRED);
  EXPECT_EQ(delivery.reason_code(), "UNIT_NOT_PAIRED");
  store::v1::Answer answer;
  answer.set_state(v1::DELIVERY_STATE_DECLINED);
  answer.set_version(2);
  answer.set_reason_code("R-LAW");
  facts.answer = &answer;
  delivery = DeriveDelivery(facts);
  EXPECT_EQ(delivery.hold(), v1::DELIVERY_HOLD_NOT_PAIRED);
  EXPECT_EQ(delivery.reason_code(), "R-LAW") << "their own reason stays";
}

// Goal: the ladder only climbs: a new version does not make an acknowledgement unsaid.
TEST(Delivery, EarlierAnswerStaysInSight) {
  store::v1::Answer acknowledged;
  acknowledged.set_state(v1::DELIVERY_STATE_ACKNOWLEDGED);
  acknowledged.set_version(1);
  acknowledged.set_time_ms(7);
  acknowledged.set_officer("somphone");
  DeliveryFacts facts = At(5, 6, 6);
  facts.answer = &acknowledged;
  v1::Delivery delivery = DeriveDelivery(facts);
  EXPECT_EQ(delivery.state(), v1::DELIVERY_STATE_STORED);
  EXPECT_EQ(delivery.earlier().state(), v1::DELIVERY_STATE_ACKNOWLEDGED);
  EXPECT_EQ(delivery.earlier().version(), 1U);
  EXPECT_EQ(delivery.earlier().time_ms(), 7);
  EXPECT_EQ(delivery.earlier().officer(), "somphone");
  store::v1::Answer seen;
  seen.set_state(v1::DELIVERY_STATE_SEEN);
  seen.set_version(2);
  facts.answer = &seen;
  facts.earlier = &acknowledged;
  delivery = DeriveDelivery(facts);
  EXPECT_EQ(delivery.state(), v1::DELIVERY_STATE_SEEN);
  EXPECT_EQ(delivery.earlier().version(), 1U);
  EXPECT_EQ(EarlierAnswer(&seen, &acknowledged, 3), &acknowledged) << "seen is less";
  EXPECT_EQ(EarlierAnswer(&seen, nullptr, 3), &seen);
  EXPECT_EQ(EarlierAnswer(nullptr, nullptr, 3), nullptr);
}

}  // namespace
}  // namespace tripoint::domain
