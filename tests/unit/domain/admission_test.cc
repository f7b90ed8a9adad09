// Goal: nothing wrong leaves and nothing wrong is let in, whatever a peer sends.
#include "server/domain/admission.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "server/domain/answer.h"
#include "server/limits.h"
#include "tests/unit/domain/fixtures.h"

namespace tripoint::domain {
namespace {

using contract::Reason;
using exchange::v1::Envelope;

constexpr Border kAtLao{.self = kLao, .peer = kSelf, .lane = 3};

Envelope Good() {
  v1::Notice request = DraftRequest();
  request.set_basis("QNG-114/26");
  Envelope envelope = Share(Draft(request))->envelopes[0];
  envelope.set_epoch(7);
  envelope.set_number(1);
  return envelope;
}

Reason Admit(const Envelope& envelope, const Border& border = kAtLao) {
  return ReasonOf(AdmitEnvelope(envelope.SerializeAsString(), border, TheValidator()).status());
}

TEST(Admission, WhatTheOwnerSharedIsAcceptedOnTheOtherSide) {
  const Envelope good = Good();
  EXPECT_TRUE(CheckOutgoing(good, kSelf, Paired(), TheValidator()).ok());
  const auto admitted = AdmitEnvelope(good.SerializeAsString(), kAtLao, TheValidator());
  ASSERT_TRUE(admitted.ok()) << admitted.status();
  EXPECT_EQ(ReceivedNotice(*admitted).owner(), kSelf);
}

struct Case {
  const char* what;
  Reason reason;
  std::function<void(Envelope&)> change;
};

const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = {
      {"not addressed to us", Reason::kEnvelopeWrongAudience,
       [](Envelope& e) { e.mutable_audience()->RemoveLast(); }},
      {"addressed to nobody", Reason::kEnvelopeWrongAudience,
       [](Envelope& e) { e.clear_audience(); }},
      {"made by another", Reason::kEnvelopeWrongOrigin,
       [](Envelope& e) { e.set_origin_unit(kKhmer); }},
      {"about another's notice", Reason::kEnvelopeWrongOrigin,
       [](Envelope& e) {
         e.mutable_notice_version()->set_name("units/kh-ratanakiri/notices/N-QNG-26-0211-M");
       }},
      {"about our own notice", Reason::kEnvelopeWrongOrigin,
       [](Envelope& e) {
         e.mutable_notice_version()->set_name("units/la-attapeu/notices/N-QNG-26-0211-M");
       }},
      {"another lane", Reason::kEnvelopeMalformed,
       [](Envelope& e) { e.set_lane(exchange::v1::LANE_FLASH); }},
      {"urgency of another lane", Reason::kEnvelopeMalformed,
       [](Envelope& e) { e.mutable_notice_version()->set_urgency_code("U0"); }},
      {"no body", Reason::kEnvelopeMalformed, [](Envelope& e) { e.clear_body(); }},
      {"no end of validity", Reason::kEnvelopeMalformed,
       [](Envelope& e) { e.clear_valid_until_ms(); }},
      {"negative end of validity", Reason::kEnvelopeMalformed,
       [](Envelope& e) { e.set_valid_until_ms(-1); }},
      {"no number", Reason::kEnvelopeMalformed, [](Envelope& e) { e.clear_number(); }},
      {"no facts", Reason::kEnvelopeMalformed,
       [](Envelope& e) { e.mutable_notice_version()->clear_facts(); }},
      {"title too long", Reason::kEnvelopeMalformed,
       [](Envelope& e) {
         e.mutable_notice_version()->mutable_facts()->set_title(std::string(301, 'x'));
       }},
      {"escape sequence in the title", Reason::kEnvelopeMalformed,
       [](Envelope& e) { e.mutable_notice_version()->mutable_facts()->set_title("\x1b[2J"); }},
      {"kind is no code", Reason::kEnvelopeMalformed,
       [](Envelope& e) { e.mutable_notice_version()->set_kind_code("IN CIDENT"); }},
      {"purpose is no code", Reason::kEnvelopeMalformed,
       [](Envelope& e) { e.set_purpose_code("any use"); }},
      {"unit twice in the audience", Reason::kEnvelopeMalformed,
       [](Envelope& e) { e.add_audience(kLao); }},
      {"audience is no unit", Reason::kEnvelopeMalformed,
       [](Envelope& e) { e.add_audience("everybody"); }},
      {"category outside the groups", Reason::kNeutrality,
       [](Envelope& e) {
         e.mutable_notice_version()->mutable_facts()->set_category_code("POL-OPN");
       }},
      {"handling of no version", Reason::kHandlingForbids,
       [](Envelope& e) { e.set_handling_code("H9"); }},
      {"TLP of no version", Reason::kHandlingForbids, [](Envelope& e) { e.set_tlp_code("WHITE"); }},
      {"persons without basis", Reason::kHandlingForbids,
       [](Envelope& e) { e.mutable_notice_version()->clear_basis(); }},
      {"persons in public", Reason::kHandlingForbids,
       [](Envelope& e) {
         e.set_handling_code("H0");
         e.set_tlp_code("CLEAR");
       }},
      {"persons under kind PUBLIC", Reason::kHandlingForbids,
       [](Envelope& e) { e.mutable_notice_version()->set_kind_code("PUBLIC"); }},
      {"plate below amber", Reason::kHandlingForbids,
       [](Envelope& e) {
         e.set_handling_code("H0");
         e.set_tlp_code("GREEN");
       }},
      {"too large", Reason::kTooLarge,
       [](Envelope& e) {
         e.GetReflection()->MutableUnknownFields(&e)->AddLengthDelimited(
             99, std::string(limits::kEnvelopeBytesMax, 'x'));
       }},
  };
  return cases;
}

TEST(Admission, EveryWrongEnvelopeIsRefusedWithItsReason) {
  for (const Case& each : Cases()) {
    Envelope envelope = Good();
    each.change(envelope);
    EXPECT_EQ(Admit(envelope), each.reason) << each.what;
  }
}

TEST(Admission, NewerVersionsArePassedOnUnchanged) {
  Envelope envelope = Good();
  envelope.mutable_notice_version()->set_kind_code("DIGEST");
  envelope.mutable_notice_version()->mutable_facts()->set_category_code("DRG-NEW");
  envelope.GetReflection()->MutableUnknownFields(&envelope)->AddVarint(99, 1);
  EXPECT_EQ(Admit(envelope), Reason::kUnspecified);
}

TEST(Admission, TruncatedAndRandomBytesAreRefusedAndNeverAccepted) {
  const std::string good = Good().SerializeAsString();
  const auto refused = [](const std::string& bytes) {
    const auto result = AdmitEnvelope(bytes, kAtLao, TheValidator());
    return !result.ok() && ReasonOf(result.status()) != Reason::kUnspecified;
  };
  for (std::size_t size = 0; size + 1 < good.size(); ++size) {
    const auto result = AdmitEnvelope(good.substr(0, size), kAtLao, TheValidator());
    if (result.ok()) {
      // Cut exactly between two fields: then it must be a valid envelope by itself.
      EXPECT_EQ(result->SerializeAsString(), good.substr(0, size));
    }
  }
  std::mt19937 random(7);
  for (int i = 0; i < 2000; ++i) {
    std::string bytes(random() % 300, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    EXPECT_TRUE(refused(bytes));
  }
}

TEST(Admission, StatementsMustBeAboutOurNotice) {
  const v1::Notice received = ReceivedNotice(Good());
  Envelope envelope =
      AnswerNotice(received, nullptr, {.outcome = v1::DELIVERY_STATE_SEEN}, LaoContext())->envelope;
  envelope.set_epoch(7);
  envelope.set_number(1);
  const Border at_owner{.self = kSelf, .peer = kLao, .lane = 3};
  EXPECT_EQ(Admit(envelope, at_owner), Reason::kUnspecified);
  EXPECT_TRUE(CheckOutgoing(envelope, kLao, LaoContext().paired, TheValidator()).ok());
  Envelope wrong = envelope;
  wrong.mutable_notice_statement()->set_name("units/la-attapeu/notices/N-QNG-26-0211-M");
  EXPECT_EQ(Admit(wrong, at_owner), Reason::kEnvelopeWrongOrigin);
  wrong = envelope;
  wrong.mutable_notice_statement()->set_outcome_code("stored");
  EXPECT_EQ(Admit(wrong, at_owner), Reason::kEnvelopeMalformed);
  wrong = envelope;
  wrong.mutable_notice_statement()->set_outcome_code("declined");
  EXPECT_EQ(Admit(wrong, at_owner), Reason::kEnvelopeMalformed);
}

TEST(Admission, NothingWrongLeavesEither) {
  const auto reason = [](const std::function<void(Envelope&)>& change) {
    Envelope envelope = Good();
    change(envelope);
    return ReasonOf(CheckOutgoing(envelope, kSelf, Paired(), TheValidator()));
  };
  EXPECT_EQ(reason([](Envelope& e) { e.clear_audience(); }), Reason::kAudienceEmpty);
  EXPECT_EQ(reason([](Envelope& e) { e.add_audience(kSelf); }), Reason::kAudienceSelf);
  EXPECT_EQ(reason([](Envelope& e) { e.add_audience("la-sekong"); }), Reason::kUnitNotPaired);
  EXPECT_EQ(reason([](Envelope& e) { e.set_origin_unit(kLao); }), Reason::kNotOwner);
  for (const Case& each : Cases()) {
    const std::string_view what = each.what;
    // Their audience and origin are judged above, by other words; the lane is the channel's.
    if (what.starts_with("not addressed") || what == "addressed to nobody" ||
        what == "made by another") {
      continue;
    }
    EXPECT_EQ(reason(each.change),
              what == "audience is no unit" ? Reason::kUnitNotPaired : each.reason)
        << each.what;
  }
}

}  // namespace
}  // namespace tripoint::domain
