// Goal: a recipient's ladder only climbs, the first answer stands, and the owner is told.
#include "server/domain/answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/domain/admission.h"
#include "tests/unit/domain/fixtures.h"

namespace tripoint::domain {
namespace {

using contract::Reason;
using ::testing::ElementsAre;

v1::Notice Received() {
  v1::Notice request = DraftRequest();
  request.set_urgency_code("U1");
  request.set_urgency_reason_code("GATE");
  return ReceivedNotice(Share(Draft(request))->envelopes[0]);
}

store::v1::Answer Said(v1::DeliveryState state, std::uint32_t version = 2) {
  store::v1::Answer answer;
  answer.set_state(state);
  answer.set_version(version);
  answer.set_officer("bounmy");
  answer.set_time_ms(kNow + 500);
  return answer;
}

absl::StatusOr<AnswerDecision> Answer(v1::DeliveryState outcome,
                                      const store::v1::Answer* present = nullptr,
                                      const v1::Notice& notice = Received()) {
  return AnswerNotice(notice, present, {.outcome = outcome, .reason_code = "R-LAW"}, LaoContext());
}

TEST(Answer, AcknowledgementGoesToTheOwnerInTheLaneOfTheNotice) {
  v1::Text note;
  note.set_text("checkpoint informed");
  note.set_language_code("en");
  const auto decision =
      AnswerNotice(Received(), nullptr, {.outcome = v1::DELIVERY_STATE_ACKNOWLEDGED, .note = &note},
                   LaoContext())
          .value();
  EXPECT_TRUE(decision.changed);
  EXPECT_EQ(decision.answer.officer(), "somphone");
  EXPECT_EQ(decision.answer.version(), 2U);
  EXPECT_THAT(decision.envelope.audience(), ElementsAre(kSelf));
  EXPECT_EQ(decision.envelope.lane(), exchange::v1::LANE_PRIORITY);
  const auto admitted = AdmitEnvelope(Numbered(decision.envelope),
                                      {.self = kSelf, .peer = kLao, .lane = 2}, TheValidator());
  ASSERT_TRUE(admitted.ok()) << admitted.status();
  const auto answer = AnswerOf(admitted->notice_statement(), kNow + 9);
  EXPECT_EQ(answer.state(), v1::DELIVERY_STATE_ACKNOWLEDGED);
  EXPECT_EQ(answer.note(), "checkpoint informed");
  EXPECT_EQ(answer.time_ms(), kNow + 9);
}

TEST(Answer, EveryStepUpIsTakenAndNoneDown) {
  for (const auto present : {v1::DELIVERY_STATE_SEEN, v1::DELIVERY_STATE_ACKNOWLEDGED,
                             v1::DELIVERY_STATE_ACTIONED, v1::DELIVERY_STATE_DECLINED}) {
    for (const auto next : {v1::DELIVERY_STATE_SEEN, v1::DELIVERY_STATE_ACKNOWLEDGED,
                            v1::DELIVERY_STATE_ACTIONED, v1::DELIVERY_STATE_DECLINED}) {
      SCOPED_TRACE(std::string(OutcomeCode(present)) + " " + std::string(OutcomeCode(next)));
      const store::v1::Answer answer = Said(present);
      const auto decision = Answer(next, &answer);
      const bool climbs = next > present && present != v1::DELIVERY_STATE_ACTIONED;
      if (climbs) {
        EXPECT_TRUE(decision.ok() && decision->changed);
      } else if (next == v1::DELIVERY_STATE_SEEN) {
        EXPECT_TRUE(decision.ok() && !decision->changed) << "opened once more";
      } else {
        EXPECT_EQ(ReasonOf(decision.status()), Reason::kAlreadyAcknowledged);
      }
      EXPECT_EQ(AnswerClimbs(answer, Said(next)), climbs);
      EXPECT_TRUE(AnswerClimbs(answer, Said(next, 3))) << "a new version asks anew";
      EXPECT_FALSE(AnswerClimbs(answer, Said(next, 1)));
    }
  }
}

TEST(Answer, SecondAcknowledgementSaysWhoAndWhen) {
  const store::v1::Answer answer = Said(v1::DELIVERY_STATE_ACKNOWLEDGED);
  const auto refused = Answer(v1::DELIVERY_STATE_ACKNOWLEDGED, &answer);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kAlreadyExists);
  const contract::Problem problem = contract::ProblemOf(refused.status());
  EXPECT_EQ(problem.variables.at("officer"), "bounmy");
  EXPECT_EQ(problem.variables.at("time_ms"), std::to_string(kNow + 500));
}

TEST(Answer, WhatAnOfficerMayNotSayIsRefused) {
  for (const auto state : {v1::DELIVERY_STATE_UNSPECIFIED, v1::DELIVERY_STATE_QUEUED,
                           v1::DELIVERY_STATE_SENT, v1::DELIVERY_STATE_STORED}) {
    EXPECT_EQ(ReasonOf(Answer(state).status()), Reason::kIllegalTransition);
  }
  EXPECT_EQ(ReasonOf(AnswerNotice(Received(), nullptr, {.outcome = v1::DELIVERY_STATE_DECLINED},
                                  LaoContext())
                         .status()),
            Reason::kFieldInvalid);
  EXPECT_EQ(
      ReasonOf(AnswerNotice(Received(), nullptr, {.outcome = v1::DELIVERY_STATE_SEEN}, Context())
                   .status()),
      Reason::kNotOwner);
  v1::Notice withdrawn = Received();
  withdrawn.set_state(v1::NOTICE_STATE_WITHDRAWN);
  EXPECT_EQ(ReasonOf(Answer(v1::DELIVERY_STATE_ACTIONED, nullptr, withdrawn).status()),
            Reason::kIllegalTransition);
  EXPECT_TRUE(Answer(v1::DELIVERY_STATE_SEEN, nullptr, withdrawn).ok());
  v1::Notice foreign = Received();
  foreign.set_owner(kKhmer);
  EXPECT_EQ(ReasonOf(Answer(v1::DELIVERY_STATE_SEEN, nullptr, foreign).status()),
            Reason::kUnitNotPaired);
}

// Goal: what a unit did in time may be told late; the owner sees that it came late.
TEST(Answer, AnswerPastTheEndOfValidityIsTakenAsLate) {
  v1::Notice expired = Received();
  expired.set_state(v1::NOTICE_STATE_EXPIRED);
  for (const auto outcome : {v1::DELIVERY_STATE_ACKNOWLEDGED, v1::DELIVERY_STATE_ACTIONED}) {
    const auto decision = AnswerNotice(expired, nullptr, {.outcome = outcome}, LaoContext());
    ASSERT_TRUE(decision.ok()) << decision.status();
    EXPECT_EQ(decision->answer.reason_code(), "EXPIRED");
    const auto admitted = AdmitEnvelope(Numbered(decision->envelope),
                                        {.self = kSelf, .peer = kLao, .lane = 2}, TheValidator());
    ASSERT_TRUE(admitted.ok()) << admitted.status();
    EXPECT_EQ(AnswerOf(admitted->notice_statement(), kNow).reason_code(), "EXPIRED");
    EXPECT_FALSE(NeedsAck(expired, &decision->answer));
  }
  EXPECT_EQ(AnswerNotice(expired, nullptr, {.outcome = v1::DELIVERY_STATE_SEEN}, LaoContext())
                ->answer.reason_code(),
            "");
  EXPECT_EQ(Answer(v1::DELIVERY_STATE_DECLINED, nullptr, expired)->answer.reason_code(), "R-LAW");
}

TEST(Answer, ArrivalsAreFirstNewerOrStale) {
  EXPECT_EQ(ClassifyArrival(0, 2), Arrival::kFirst);
  EXPECT_EQ(ClassifyArrival(2, 3), Arrival::kNewer);
  EXPECT_EQ(ClassifyArrival(3, 2), Arrival::kStale);
  EXPECT_EQ(ClassifyArrival(3, 3), Arrival::kStale);
}

TEST(Answer, AcknowledgementIsAskedUntilGivenForThisVersion) {
  v1::Notice notice = Received();
  ASSERT_GT(notice.ack_by_ms(), 0);
  const store::v1::Answer seen = Said(v1::DELIVERY_STATE_SEEN);
  const store::v1::Answer acknowledged = Said(v1::DELIVERY_STATE_ACKNOWLEDGED);
  const store::v1::Answer old = Said(v1::DELIVERY_STATE_ACKNOWLEDGED, 1);
  EXPECT_TRUE(NeedsAck(notice, nullptr));
  EXPECT_TRUE(NeedsAck(notice, &seen));
  EXPECT_TRUE(NeedsAck(notice, &old));
  EXPECT_FALSE(NeedsAck(notice, &acknowledged));
  notice.set_state(v1::NOTICE_STATE_WITHDRAWN);
  EXPECT_FALSE(NeedsAck(notice, nullptr));
  notice = Received();
  notice.set_ack_by_ms(0);
  EXPECT_FALSE(NeedsAck(notice, nullptr));
}

}  // namespace
}  // namespace tripoint::domain
