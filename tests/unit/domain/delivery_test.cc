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
  facts.refused = true;
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

// Goal: what the link says is told while a delivery waits, and only behind what lasts longer.
TEST(Delivery, MissingLinkIsToldWithItsReasonAndTheNextTry) {
  DeliveryFacts facts = At(5, 0, 5);
  facts.linked = false;
  facts.next_dial_ms = 99;
  v1::Delivery delivery = DeriveDelivery(facts);
  EXPECT_EQ(delivery.hold(), v1::DELIVERY_HOLD_NO_LINK);
  EXPECT_EQ(delivery.reason_code(), "LINK_DOWN") << "there was no link since the start";
  EXPECT_EQ(delivery.next_try_time_ms(), 99);
  facts.link_reason = "LINK_SILENT";
  EXPECT_EQ(DeriveDelivery(facts).reason_code(), "LINK_SILENT");
  facts.returning = true;
  EXPECT_EQ(DeriveDelivery(facts).hold(), v1::DELIVERY_HOLD_NO_LINK);
  facts.linked = true;
  EXPECT_EQ(DeriveDelivery(facts).hold(), v1::DELIVERY_HOLD_RETURNING);
  EXPECT_EQ(DeriveDelivery(facts).reason_code(), "AMNESIA");
  EXPECT_EQ(DeriveDelivery(facts).next_try_time_ms(), 0);
  facts.linked = false;
  facts.stopped_here = "CHANNEL_FORK";
  EXPECT_EQ(DeriveDelivery(facts).hold(), v1::DELIVERY_HOLD_STOPPED_HERE);
  EXPECT_EQ(DeriveDelivery(facts).next_try_time_ms(), 0) << "trying again does not help";
}

// Goal: nothing ends, and nothing is held up, without a coded reason. Method: all combinations of
// what can be known of a delivery, with every answer that may be on record, wrong ones too.
TEST(Delivery, NothingEndsOrIsHeldUpWithoutACodedReason) {
  constexpr unsigned kFlags = 10;
  int ended = 0;
  int held = 0;
  for (unsigned bits = 0; bits < 1u << kFlags; ++bits) {
    const auto flag = [bits](unsigned index) { return (bits >> index & 1u) != 0; };
    for (int answered = -1; answered <= v1::DeliveryState_MAX + 1; ++answered) {
      DeliveryFacts facts = At(5, flag(0) ? 6 : 5, flag(1) ? 6 : 5);
      facts.notice_version = flag(2) ? 3 : 2;
      facts.refused = flag(3);
      facts.refusal_reason = flag(3) && flag(4) ? "ENVELOPE_CONFLICT" : "";
      facts.paired = !flag(5);
      facts.stopped_here = flag(6) ? "CHANNEL_FORK" : "";
      facts.stopped_there = flag(7) ? "QUARANTINE_FULL" : "";
      facts.linked = !flag(8);
      facts.returning = flag(9);
      store::v1::Answer answer;
      answer.set_state(static_cast<std::uint32_t>(answered));
      answer.set_version(2);  // with no reason: as bad as it can be
      if (answered >= 0) facts.answer = &answer;
      const v1::Delivery delivery = DeriveDelivery(facts);
      const bool refused = delivery.state() == v1::DELIVERY_STATE_DECLINED;
      ended += refused ? 1 : 0;
      held += delivery.hold() != v1::DELIVERY_HOLD_UNSPECIFIED ? 1 : 0;
      ASSERT_TRUE(v1::DeliveryState_IsValid(delivery.state()));
      ASSERT_NE(delivery.state(), v1::DELIVERY_STATE_UNSPECIFIED);
      if (refused || delivery.hold() != v1::DELIVERY_HOLD_UNSPECIFIED) {
        ASSERT_FALSE(delivery.reason_code().empty()) << delivery.ShortDebugString();
      }
      // What waits without a reason has a link that runs: it is only behind others.
      if (delivery.state() < v1::DELIVERY_STATE_STORED && delivery.reason_code().empty()) {
        ASSERT_TRUE(facts.linked && facts.paired && !facts.returning);
        ASSERT_TRUE(facts.stopped_here.empty() && facts.stopped_there.empty());
      }
      if (delivery.next_try_time_ms() != 0) {
        ASSERT_EQ(delivery.hold(), v1::DELIVERY_HOLD_NO_LINK);
      }
    }
  }
  EXPECT_GT(ended, 100);
  EXPECT_GT(held, 1000);
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
