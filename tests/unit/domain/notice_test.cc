// Goal: what an owner may do with a notice, and exactly which envelopes follow.
#include "server/domain/notice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/domain/admission.h"
#include "server/domain/handling.h"
#include "server/limits.h"
#include "tests/unit/domain/fixtures.h"
#include "tests/unit/proto/validate_filler.h"

namespace tripoint::domain {
namespace {

using contract::Reason;
using ::testing::ElementsAre;

Reason DraftReason(const v1::Notice& request, bool with_incident = true) {
  const v1::Incident incident = OpenIncident();
  return ReasonOf(
      DraftNotice(request, with_incident ? &incident : nullptr, kSelf, "", Now()).status());
}

TEST(Notice, DraftTakesFactsHandlingAndLifeByDefault) {
  const v1::Notice draft = Draft(DraftRequest());
  EXPECT_EQ(draft.state(), v1::NOTICE_STATE_DRAFT);
  EXPECT_EQ(draft.facts().SerializeAsString(), FullFacts().SerializeAsString());
  EXPECT_EQ(draft.handling_code(), "H2");
  EXPECT_EQ(draft.tlp_code(), "AMBER+STRICT");
  EXPECT_EQ(draft.valid_until_ms(), kNow + 1095 * kDayMs);
  EXPECT_EQ(draft.owner(), kSelf);
  EXPECT_EQ(draft.incident(), kIncidentNameText);
  EXPECT_EQ(draft.version(), 1U);
  EXPECT_EQ(draft.creator(), "huy");
}

TEST(Notice, DraftThatContradictsItselfIsRefused) {
  EXPECT_EQ(DraftReason(DraftRequest(), false), Reason::kFieldInvalid) << "no facts";
  v1::Notice request = DraftRequest();
  request.set_urgency_code("U0");
  EXPECT_EQ(DraftReason(request), Reason::kFieldInvalid) << "urgent without reason";
  request.set_urgency_reason_code("LIFE");
  EXPECT_EQ(DraftReason(request), Reason::kUnspecified);
  request = DraftRequest();
  request.set_valid_until_ms(kNow);
  EXPECT_EQ(DraftReason(request), Reason::kExpired);
  request.set_valid_until_ms(kNow + kNoticeLifeMsMax + 1);
  EXPECT_EQ(DraftReason(request), Reason::kFieldInvalid);
  request.set_valid_until_ms(kNow + kNoticeLifeMsMax);
  EXPECT_EQ(DraftReason(request), Reason::kUnspecified);
  request = DraftRequest();
  request.set_kind_code("PUBLIC");
  EXPECT_EQ(DraftReason(request), Reason::kUnspecified);
  request.set_handling_code("H2");
  EXPECT_EQ(DraftReason(request), Reason::kHandlingForbids);
  request = DraftRequest();
  *request.mutable_facts() = FullFacts();
  request.mutable_facts()->set_status_code("EXERCISE");
  EXPECT_EQ(DraftReason(request), Reason::kFieldInvalid) << "an actual matter is no exercise";
  v1::Incident incident = OpenIncident();
  incident.set_state(v1::INCIDENT_STATE_VOID);
  EXPECT_EQ(ReasonOf(DraftNotice(DraftRequest(), &incident, kSelf, "", Now()).status()),
            Reason::kIllegalTransition);
}

TEST(Notice, ShareReleasesAndMakesOneEnvelopeForEqualContents) {
  const v1::Notice draft = Draft(DraftRequest());
  const NoticeDecision decision = Share(draft).value();
  EXPECT_EQ(decision.notice.state(), v1::NOTICE_STATE_RELEASED);
  EXPECT_EQ(decision.notice.version(), 2U);
  EXPECT_NE(decision.notice.etag(), draft.etag());
  EXPECT_EQ(decision.notice.share_time_ms(), kNow);
  EXPECT_THAT(decision.notice.audience(), ElementsAre(kKhmer, kLao));
  EXPECT_THAT(decision.notice.held_fields(), ElementsAre("persons: 2"));
  EXPECT_EQ(decision.notice.facts().persons_size(), 2) << "the owner keeps all of it";
  ASSERT_EQ(decision.envelopes.size(), 1U);
  const auto& envelope = decision.envelopes[0];
  EXPECT_THAT(envelope.audience(), ElementsAre(kKhmer, kLao));
  EXPECT_EQ(envelope.lane(), exchange::v1::LANE_ROUTINE);
  EXPECT_EQ(envelope.notice_version().version(), 2U);
  EXPECT_EQ(envelope.notice_version().facts().persons_size(), 0);
  EXPECT_EQ(envelope.DebugString().find("I-QNG"), std::string::npos) << "the incident stays here";
  EXPECT_EQ(envelope.DebugString().find("huy"), std::string::npos) << "who drafted it stays here";
}

TEST(Notice, ShareIsRefusedUnlessDraftOwnFreshAndInForce) {
  const v1::Notice draft = Draft(DraftRequest());
  EXPECT_EQ(ReasonOf(ShareNotice(draft, {.units = {kLao}, .etag = "1-0"}, Context()).status()),
            Reason::kStaleEtag);
  EXPECT_EQ(ReasonOf(Share(Share(draft)->notice).status()), Reason::kIllegalTransition);
  v1::Notice other = draft;
  other.set_owner(kLao);
  EXPECT_EQ(ReasonOf(Share(other).status()), Reason::kNotOwner);
  v1::Notice old = draft;
  old.set_valid_until_ms(kNow);
  EXPECT_EQ(ReasonOf(Share(old).status()), Reason::kExpired);
  old = draft;
  old.set_ack_by_ms(kNow - 1);
  EXPECT_EQ(ReasonOf(Share(old).status()), Reason::kExpired);
  EXPECT_EQ(ReasonOf(Share(draft, {}).status()), Reason::kAudienceEmpty);
}

TEST(Notice, AcknowledgementTimeComesFromTheOrderTheDraftOrTheUrgency) {
  v1::Notice draft = Draft(DraftRequest());
  EXPECT_EQ(Share(draft)->notice.ack_by_ms(), 0);
  draft.set_ack_by_ms(kNow + 5);
  EXPECT_EQ(Share(draft)->notice.ack_by_ms(), kNow + 5);
  const ShareOrder order{.units = {kLao}, .etag = draft.etag(), .ack_within_minutes = 120};
  EXPECT_EQ(ShareNotice(draft, order, Context())->notice.ack_by_ms(), kNow + 120 * 60'000);
  v1::Notice request = DraftRequest();
  request.set_urgency_code("U0");
  request.set_urgency_reason_code("LIFE");
  const NoticeDecision flash = Share(Draft(request)).value();
  EXPECT_EQ(flash.notice.ack_by_ms(), kNow + 5 * 60'000);
  EXPECT_EQ(flash.envelopes[0].lane(), exchange::v1::LANE_FLASH);
}

TEST(Notice, ReviseSendsTheNextVersionToTheSameUnits) {
  const v1::Notice released = Share(Draft(DraftRequest()))->notice;
  v1::Notice request = released;
  request.mutable_facts()->set_severity(4);
  request.set_basis("QNG-114/26");
  request.set_kind_code("WANTED");
  const ReviseOrder order{.etag = released.etag(), .reason = "more is known"};
  const NoticeDecision decision = ReviseNotice(released, request, order, Context()).value();
  EXPECT_EQ(decision.notice.version(), 3U);
  EXPECT_EQ(decision.notice.kind_code(), "INCIDENT") << "the kind stays";
  EXPECT_EQ(decision.notice.change_reason(), "more is known");
  ASSERT_EQ(decision.envelopes.size(), 1U);
  EXPECT_EQ(decision.envelopes[0].notice_version().facts().severity(), 4U);
  EXPECT_EQ(decision.envelopes[0].notice_version().facts().persons_size(), 1);
  EXPECT_THAT(decision.envelopes[0].audience(), ElementsAre(kKhmer, kLao));
}

TEST(Notice, ReviseNeedsOwnerEtagReasonAndAReleasedNotice) {
  const v1::Notice draft = Draft(DraftRequest());
  const v1::Notice released = Share(draft)->notice;
  const auto reason = [&](const v1::Notice& before, std::string_view etag, std::string_view why) {
    return ReasonOf(
        ReviseNotice(before, released, {.etag = etag, .reason = why}, Context()).status());
  };
  EXPECT_EQ(reason(released, released.etag(), "x"), Reason::kUnspecified);
  EXPECT_EQ(reason(released, "2-0", "x"), Reason::kStaleEtag);
  EXPECT_EQ(reason(released, released.etag(), ""), Reason::kFieldInvalid);
  EXPECT_EQ(reason(draft, draft.etag(), "x"), Reason::kIllegalTransition);
  v1::Notice other = released;
  other.set_owner(kLao);
  EXPECT_EQ(reason(other, other.etag(), "x"), Reason::kNotOwner);
  v1::Notice expired = released;
  expired.set_valid_until_ms(kNow - 1);
  v1::Notice request = expired;
  EXPECT_EQ(
      ReasonOf(ReviseNotice(expired, request, {.etag = expired.etag(), .reason = "x"}, Context())
                   .status()),
      Reason::kExpired);
  request.set_valid_until_ms(kNow + kDayMs);
  EXPECT_TRUE(
      ReviseNotice(expired, request, {.etag = expired.etag(), .reason = "x"}, Context()).ok());
}

// Goal: a link that ended must not keep a correction from those who can still be reached.
TEST(Notice, ReviseAfterALinkEndedReachesTheOthers) {
  const v1::Notice released = Share(Draft(DraftRequest()))->notice;
  v1::Notice request = released;
  request.mutable_facts()->set_severity(4);
  const ReviseOrder order{.etag = released.etag(), .reason = "more is known"};
  const std::set<std::string, std::less<>> lao_only = {std::string(kLao)};
  const ShareContext fewer{
      .self = kSelf, .paired = lao_only, .vocabulary = codes::TheRegistry(), .stamp = Now()};
  const NoticeDecision decision = ReviseNotice(released, request, order, fewer).value();
  EXPECT_TRUE(decision.changed);
  ASSERT_EQ(decision.envelopes.size(), 1U);
  EXPECT_THAT(decision.envelopes[0].audience(), ElementsAre(kLao));
  EXPECT_THAT(decision.left_out, ElementsAre(kKhmer));
  EXPECT_THAT(decision.notice.audience(), ElementsAre(kKhmer, kLao)) << "who it is for stays";
  ASSERT_EQ(decision.matrix.size(), 1U);
  EXPECT_THAT(decision.matrix[0].units(), ElementsAre(kLao));
  const std::set<std::string, std::less<>> none;
  const ShareContext alone{
      .self = kSelf, .paired = none, .vocabulary = codes::TheRegistry(), .stamp = Now()};
  EXPECT_EQ(ReasonOf(ReviseNotice(released, request, order, alone).status()),
            Reason::kUnitNotPaired);
}

TEST(Notice, RevisionThatChangesNothingIsThePresentVersion) {
  const v1::Notice released = Share(Draft(DraftRequest()))->notice;
  ReviseOrder order{.etag = released.etag(), .reason = "again"};
  NoticeDecision decision = ReviseNotice(released, released, order, Context()).value();
  EXPECT_FALSE(decision.changed);
  EXPECT_EQ(decision.notice.SerializeAsString(), released.SerializeAsString());
  EXPECT_TRUE(decision.envelopes.empty());
  order.somebody_lacks_it = true;
  decision = ReviseNotice(released, released, order, Context()).value();
  EXPECT_TRUE(decision.changed);
  EXPECT_EQ(decision.envelopes.size(), 1U);
  // The same facts with persons released are other contents.
  v1::Notice with_basis = released;
  with_basis.set_basis("QNG-114/26");
  order.somebody_lacks_it = false;
  const v1::Notice based = ReviseNotice(released, with_basis, order, Context())->notice;
  order.etag = based.etag();
  order.release_protected = true;
  decision = ReviseNotice(based, based, order, Context()).value();
  EXPECT_TRUE(decision.changed);
  EXPECT_EQ(decision.envelopes[0].notice_version().facts().persons_size(), 2);
}

// Goal: what leaves beside the facts is in the matrix too, and a case number leaves only with
// persons. Whoever adds a field to NoticeVersion must decide about it here.
TEST(Notice, WordsBesideTheFactsAreInTheMatrix) {
  const auto cell_of = [](const NoticeDecision& decision, std::string_view field) {
    std::string text;
    for (const v1::DisclosureCell& cell : decision.matrix.at(0).cells()) {
      if (cell.field() == field) text += (cell.sent() ? "+" : "-") + cell.rule() + " ";
    }
    return text;
  };
  v1::Notice request = DraftRequest();
  const v1::Notice bare = Share(Draft(request), {kLao})->notice;
  EXPECT_EQ(cell_of(Share(Draft(request), {kLao}).value(), "basis"), "") << "there is none";
  request.set_basis("QNG-114/26");
  NoticeDecision decision = Share(Draft(request), {kLao}).value();
  EXPECT_EQ(cell_of(decision, "basis"), "+basis-with-persons ");
  EXPECT_EQ(decision.envelopes[0].notice_version().basis(), "QNG-114/26");
  request.set_kind_code("SITREP");  // holds no persons
  decision = Share(Draft(request), {kLao, kKhmer}).value();
  ASSERT_EQ(decision.matrix.size(), 1U) << "once for both";
  EXPECT_EQ(cell_of(decision, "basis"), "-basis-with-persons ");
  EXPECT_EQ(decision.envelopes[0].notice_version().basis(), "");
  EXPECT_EQ(decision.envelopes[0].DebugString().find("QNG-114"), std::string::npos);
  EXPECT_EQ(cell_of(decision, "change_reason"), "") << "a first version has none";
  v1::Notice changed = bare;
  changed.mutable_facts()->set_severity(4);
  decision =
      ReviseNotice(bare, changed, {.etag = bare.etag(), .reason = "plate misread"}, Context())
          .value();
  EXPECT_EQ(cell_of(decision, "change_reason"), "+basic-facts ");
  EXPECT_EQ(decision.envelopes[0].notice_version().change_reason(), "plate misread");

  std::set<std::string> fields;
  const auto& body = *exchange::v1::NoticeVersion::descriptor();
  for (int i = 0; i < body.field_count(); ++i) fields.insert(body.field(i)->name());
  EXPECT_THAT(fields,
              ElementsAre("ack_by_ms", "basis", "change_reason", "facts", "held_fields",
                          "kind_code", "name", "urgency_code", "urgency_reason_code", "version"))
      << "a new field leaves: does the dry run name it?";
}

TEST(Notice, WithdrawTellsEveryRecipientOnce) {
  const v1::Notice released = Share(Draft(DraftRequest()))->notice;
  const NoticeDecision decision =
      WithdrawNotice(released, released.etag(), "wrong plate", Context()).value();
  EXPECT_EQ(decision.notice.state(), v1::NOTICE_STATE_WITHDRAWN);
  EXPECT_EQ(decision.notice.version(), 3U);
  ASSERT_EQ(decision.envelopes.size(), 1U);
  EXPECT_EQ(decision.envelopes[0].notice_withdrawal().reason(), "wrong plate");
  EXPECT_THAT(decision.envelopes[0].audience(), ElementsAre(kKhmer, kLao));
  const v1::Notice& gone = decision.notice;
  EXPECT_EQ(ReasonOf(WithdrawNotice(gone, gone.etag(), "again", Context()).status()),
            Reason::kIllegalTransition);
  EXPECT_EQ(ReasonOf(WithdrawNotice(released, released.etag(), "", Context()).status()),
            Reason::kFieldInvalid);
  const v1::Notice draft = Draft(DraftRequest());
  EXPECT_EQ(ReasonOf(WithdrawNotice(draft, draft.etag(), "x", Context()).status()),
            Reason::kIllegalTransition);
}

// Goal: a link that ended does not keep the other recipients acting on what was taken back.
TEST(Notice, WithdrawAfterALinkEndedTellsTheOthers) {
  const v1::Notice released = Share(Draft(DraftRequest()))->notice;
  ShareContext context = Context();
  const std::set<std::string, std::less<>> lao_only = {std::string(kLao)};
  const ShareContext fewer{.self = context.self,
                           .paired = lao_only,
                           .vocabulary = context.vocabulary,
                           .stamp = context.stamp};
  const NoticeDecision decision =
      WithdrawNotice(released, released.etag(), "wrong plate", fewer).value();
  EXPECT_EQ(decision.notice.state(), v1::NOTICE_STATE_WITHDRAWN);
  ASSERT_EQ(decision.envelopes.size(), 1U);
  EXPECT_THAT(decision.envelopes[0].audience(), ElementsAre(kLao));
  EXPECT_THAT(decision.left_out, ElementsAre(kKhmer));
  const std::set<std::string, std::less<>> none;
  const ShareContext alone{.self = context.self,
                           .paired = none,
                           .vocabulary = context.vocabulary,
                           .stamp = context.stamp};
  EXPECT_TRUE(WithdrawNotice(released, released.etag(), "x", alone).value().envelopes.empty());
}

TEST(Notice, ReleasedReadsAsExpiredAfterItsEnd) {
  EXPECT_EQ(EffectiveState(v1::NOTICE_STATE_RELEASED, 10, 9), v1::NOTICE_STATE_RELEASED);
  EXPECT_EQ(EffectiveState(v1::NOTICE_STATE_RELEASED, 10, 10), v1::NOTICE_STATE_EXPIRED);
  EXPECT_EQ(EffectiveState(v1::NOTICE_STATE_WITHDRAWN, 10, 10), v1::NOTICE_STATE_WITHDRAWN);
  EXPECT_EQ(EffectiveState(v1::NOTICE_STATE_DRAFT, 10, 10), v1::NOTICE_STATE_DRAFT);
}

// Goal: what passes every limit of its fields also fits a record and an envelope.
TEST(Notice, LargestNoticeFitsRecordAndEnvelope) {
  v1::Facts facts;
  contract::Filler(codes::TheRegistry(), true).Fill(&facts);
  facts.set_occur_time_ms(kNow);
  facts.set_status_code("ACTUAL");
  v1::Incident request;
  contract::Filler(codes::TheRegistry(), true).Fill(&request);
  *request.mutable_facts() = facts;
  const v1::Incident incident = CreateIncident(request, kIncidentNameText, Now()).value();
  // Later it names up to 256 notices.
  EXPECT_LT(incident.ByteSizeLong() + 256 * 100, limits::kRecordBytesMax);
  v1::Notice wanted = DraftRequest();
  wanted.set_basis(contract::Filler::Letters(64));
  const v1::Notice draft = DraftNotice(wanted, &incident, kSelf, kNoticeNameText, Now()).value();
  const auto decision = ShareNotice(
      draft, {.units = {kLao, kKhmer}, .etag = draft.etag(), .release_protected = true}, Context());
  ASSERT_TRUE(decision.ok()) << decision.status();
  EXPECT_LT(decision->notice.ByteSizeLong(), limits::kRecordBytesMax);
  const std::string bytes = Numbered(decision->envelopes[0]);
  const auto admitted =
      AdmitEnvelope(bytes, {.self = kLao, .peer = kSelf, .lane = 3}, TheValidator());
  EXPECT_TRUE(admitted.ok()) << admitted.status();
}

}  // namespace
}  // namespace tripoint::domain
