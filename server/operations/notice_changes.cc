// What the owner changes: draft, share, revise, withdraw. See notices.h. Answers: notice_answer.cc.
#include <algorithm>
#include <optional>
#include <utility>

#include "proto/contract/error.h"
#include "server/domain/handling.h"
#include "server/domain/notice.h"
#include "server/operations/common.h"
#include "server/operations/incident_link.h"
#include "server/operations/naming.h"
#include "server/operations/notice_view.h"
#include "server/operations/notices.h"
#include "server/operations/outbox.h"
#include "storage/incident_store.h"
#include "storage/notice_store.h"

namespace tripoint::operations {
namespace {

using contract::Error;
using contract::Problem;
using contract::Reason;

constexpr std::string_view kListHint = "List what there is with: tripoint notice list";

absl::Status NotOurs(const std::string& name) {
  Problem problem;
  problem.reason = Reason::kNotOwner;
  problem.what = name + " belongs to another unit";
  problem.why = "Only its owner shares, revises or withdraws a notice.";
  problem.next = "Answer it with: tripoint notice ack " + name;
  problem.variables["name"] = name;
  return Error(absl::StatusCode::kPermissionDenied, problem);
}

absl::StatusOr<storage::StoredNotice> MustFind(const storage::Reader& reader,
                                               const std::string& name) {
  if (name.empty()) return FieldMissing("notice.name", "required: the notice to change");
  absl::StatusOr<std::optional<storage::StoredNotice>> found = storage::FindNotice(reader, name);
  if (!found.ok()) return found.status();
  if (found->has_value()) return **std::move(found);
  absl::StatusOr<std::optional<store::v1::ReceivedRecord>> received =
      storage::FindReceived(reader, name);
  if (!received.ok()) return received.status();
  if (received->has_value()) return NotOurs(name);
  return NotFound("notice", name, kListHint);
}

absl::StatusOr<v1::Notice> Draft(const NodeFacts& node, const v1::Notice& wanted,
                                 const std::optional<storage::StoredIncident>& incident,
                                 std::string_view name, const domain::Stamp& stamp) {
  return domain::DraftNotice(wanted, incident.has_value() ? &incident->record.incident() : nullptr,
                             node.unit, name, stamp);
}

domain::ShareContext ContextOf(const NodeFacts& node, const domain::Stamp& stamp) {
  return {.self = node.unit, .paired = node.paired, .vocabulary = *node.vocabulary, .stamp = stamp};
}

domain::ShareOrder OrderOf(const v1::ShareNoticeRequest& request, bool preview) {
  return {.units = {request.units().begin(), request.units().end()},
          .etag = request.etag(),
          .ack_within_minutes = request.ack_within_minutes(),
          .release_protected = request.release_protected(),
          .preview = preview};
}

void MoveMatrix(domain::NoticeDecision& decision, v1::ShareNoticeResponse& response) {
  for (v1::DisclosureGroup& group : decision.matrix) *response.add_groups() = std::move(group);
}

// The version that an earlier call with the same request id made.
absl::StatusOr<store::v1::NoticeRecord> RecordAt(const storage::Reader& reader,
                                                 const std::string& name, std::uint32_t version) {
  absl::StatusOr<std::optional<store::v1::NoticeRecord>> found =
      storage::FindNoticeVersion(reader, name, version);
  if (!found.ok()) return found.status();
  if (!found->has_value()) return Corrupt("A version of a notice is missing");
  return **std::move(found);
}

absl::StatusOr<v1::Notice> NoticeAt(const NodeFacts& node, const storage::Reader& reader,
                                    const store::v1::RequestRecord& answer, std::int64_t now_ms) {
  absl::StatusOr<store::v1::NoticeRecord> record =
      RecordAt(reader, answer.name(), answer.version());
  if (!record.ok()) return record.status();
  return OwnView(node, reader, *std::move(record), now_ms, nullptr);
}

// Stores the decided version, sends its envelopes, remembers the answer and journals.
absl::StatusOr<v1::Notice> Release(const NodeFacts& node, const Actor& actor,
                                   storage::Transaction& transaction, const RequestStamp& stamp,
                                   const storage::StoredNotice& before,
                                   domain::NoticeDecision decision, std::string_view action) {
  store::v1::NoticeRecord after;
  *after.mutable_notice() = std::move(decision.notice);
  *after.mutable_copies() = before.record.copies();
  const v1::Notice& notice = after.notice();
  // What is wrong or over must go, however full the disk is; and there is one of each notice.
  const bool withdrawn = notice.state() == v1::NOTICE_STATE_WITHDRAWN;
  transaction.CountsAs(withdrawn ? storage::Importance::kFlash
                                 : ImportanceOf(domain::LaneOf(notice.urgency_code())));
  for (exchange::v1::Envelope& envelope : decision.envelopes) {
    absl::StatusOr<std::vector<store::v1::OutboundCopy>> copies =
        SendEnvelope(node, transaction, std::move(envelope), notice.version());
    if (!copies.ok()) return copies.status();
    ReplaceCopies(*std::move(copies), after);
  }
  const absl::Status stored = storage::UpdateNotice(transaction, before, after);
  if (!stored.ok()) return stored;
  RememberAnswer(transaction, stamp, notice.name(), notice.version());
  WriteJournal(transaction, {.actor = OfficerActor(actor),
                             .action = std::string(action),
                             .names = {notice.name()},
                             .count = 0,
                             .reason = notice.change_reason()});
  return OwnView(node, transaction, std::move(after), transaction.now_ms(), nullptr);
}

absl::Status RunCreate(const NodeFacts& node, const Actor& actor,
                       const v1::CreateNoticeRequest& request, const RequestStamp& stamp,
                       storage::Transaction& transaction, v1::Notice& result) {
  absl::StatusOr<std::optional<store::v1::RequestRecord>> answered =
      FindFirstAnswer(transaction, stamp);
  if (!answered.ok()) return answered.status();
  if (answered->has_value()) {
    absl::StatusOr<v1::Notice> first =
        NoticeAt(node, transaction, **answered, transaction.now_ms());
    if (!first.ok()) return first.status();
    result = *std::move(first);
    return absl::OkStatus();
  }
  const domain::Stamp now{.now_ms = transaction.now_ms(), .officer = actor.officer};
  absl::StatusOr<std::optional<storage::StoredIncident>> incident =
      IncidentBehind(transaction, request.notice());
  if (!incident.ok()) return incident.status();
  absl::StatusOr<v1::Notice> notice = Draft(node, request.notice(), *incident, {}, now);
  if (!notice.ok()) return notice.status();
  result = *notice;
  if (request.validate_only()) return absl::OkStatus();

  const exchange::v1::Lane lane = domain::LaneOf(notice->urgency_code());
  const bool flash = lane == exchange::v1::LANE_FLASH;
  transaction.CountsAs(ImportanceOf(lane));
  absl::StatusOr<DrawnName> drawn = DrawNoticeName(node, transaction, flash);
  if (!drawn.ok()) return drawn.status();
  notice = Draft(node, request.notice(), *incident, drawn->name, now);
  if (!notice.ok()) return notice.status();
  store::v1::NoticeRecord record;
  *record.mutable_notice() = *notice;
  absl::Status stored = storage::CreateNotice(transaction, drawn->number, record);
  if (stored.ok() && incident->has_value()) {
    stored = LinkIncident(transaction, **incident, drawn->name);
  }
  if (!stored.ok()) return stored;
  RememberAnswer(transaction, stamp, notice->name(), notice->version());
  JournalLine line{.actor = OfficerActor(actor),
                   .action = "notice.create",
                   .names = {notice->name()},
                   .count = 0,
                   .reason = {}};
  if (incident->has_value()) line.names.push_back(notice->incident());
  WriteJournal(transaction, line);
  result = *std::move(notice);
  return absl::OkStatus();
}

// The matrix of a share that was made before, decided again from the draft that it was made from.
// Where that is refused by now (a unit is no longer paired) the answer is right without it: it
// explains, it binds nothing. Errors: of the read.
absl::Status MatrixOfFirst(const NodeFacts& node, const storage::Reader& reader,
                           const v1::ShareNoticeRequest& request,
                           const store::v1::RequestRecord& first, v1::ShareNoticeResponse& result) {
  absl::StatusOr<store::v1::NoticeRecord> draft =
      RecordAt(reader, first.name(), first.version() - 1);
  if (!draft.ok()) return draft.status();
  absl::StatusOr<domain::NoticeDecision> decision =
      domain::ShareNotice(draft->notice(), OrderOf(request, true),
                          ContextOf(node, {.now_ms = first.time_ms(), .officer = {}}));
  if (decision.ok()) MoveMatrix(*decision, result);
  return absl::OkStatus();
}

absl::Status RunShare(const NodeFacts& node, const Actor& actor,
                      const v1::ShareNoticeRequest& request, const RequestStamp& stamp,
                      storage::Transaction& transaction, v1::ShareNoticeResponse& result) {
  if (request.name().empty()) return FieldMissing("name", "required: the draft to share");
  if (request.etag().empty()) return FieldMissing("etag", "required: as the draft was read");
  absl::StatusOr<std::optional<store::v1::RequestRecord>> answered =
      FindFirstAnswer(transaction, stamp);
  if (!answered.ok()) return answered.status();
  if (answered->has_value()) {
    absl::StatusOr<v1::Notice> first =
        NoticeAt(node, transaction, **answered, transaction.now_ms());
    if (!first.ok()) return first.status();
    *result.mutable_notice() = *std::move(first);
    return MatrixOfFirst(node, transaction, request, **answered, result);
  }
  absl::StatusOr<storage::StoredNotice> before = MustFind(transaction, request.name());
  if (!before.ok()) return before.status();
  absl::StatusOr<domain::NoticeDecision> decision = domain::ShareNotice(
      before->record.notice(), OrderOf(request, false),
      ContextOf(node, {.now_ms = transaction.now_ms(), .officer = actor.officer}));
  if (!decision.ok()) return decision.status();
  MoveMatrix(*decision, result);
  absl::StatusOr<v1::Notice> notice =
      Release(node, actor, transaction, stamp, *before, *std::move(decision), "notice.share");
  if (!notice.ok()) return notice.status();
  *result.mutable_notice() = *std::move(notice);
  return absl::OkStatus();
}

// Whether a unit that can be reached lacks the present version of a shared notice (it was not
// paired when that was made) or refused its envelope: then even an unchanged revision is sent.
absl::StatusOr<bool> SomebodyLacksIt(const NodeFacts& node, const storage::Reader& reader,
                                     const store::v1::NoticeRecord& record, std::int64_t now_ms) {
  absl::StatusOr<v1::Notice> view = OwnView(node, reader, record, now_ms, nullptr);
  if (!view.ok()) return view.status();
  return std::any_of(
      view->deliveries().begin(), view->deliveries().end(), [&](const v1::Delivery& delivery) {
        if (!node.IsPaired(delivery.unit())) return false;
        const bool refused =
            delivery.state() == v1::DELIVERY_STATE_DECLINED && delivery.officer().empty();
        return refused || delivery.version() < view->version();
      });
}

// What a release would do: the notice, and of its deliveries those that would not be made.
v1::Notice Preview(const domain::NoticeDecision& decision, const store::v1::NoticeRecord& before) {
  v1::Notice notice = decision.notice;
  for (const std::string& unit : decision.left_out) {
    v1::Delivery& delivery = *notice.add_deliveries();
    delivery.set_unit(unit);
    for (const store::v1::OutboundCopy& copy : before.copies()) {
      if (copy.unit() == unit) delivery.set_version(copy.version());
    }
    delivery.set_hold(v1::DELIVERY_HOLD_NOT_PAIRED);
    delivery.set_reason_code(std::string(contract::ReasonCode(Reason::kUnitNotPaired)));
  }
  return notice;
}

// What revise and withdraw share: first answer, find, decide, release.
template <typename Request, typename Decide>
Prepared<v1::Notice> PrepareRelease(const NodeFacts& node, const Actor& actor,
                                    const Request& request, std::string name,
                                    std::string_view action, Decide decide) {
  auto result = std::make_shared<v1::Notice>();
  return {[&node, actor, request, stamp = StampOfCopy(request), name = std::move(name), action,
           decide, result](storage::Transaction& transaction) -> absl::Status {
            absl::StatusOr<std::optional<store::v1::RequestRecord>> answered =
                FindFirstAnswer(transaction, stamp);
            if (!answered.ok()) return answered.status();
            absl::StatusOr<v1::Notice> notice;
            if (answered->has_value()) {
              notice = NoticeAt(node, transaction, **answered, transaction.now_ms());
            } else {
              absl::StatusOr<storage::StoredNotice> before = MustFind(transaction, name);
              if (!before.ok()) return before.status();
              absl::StatusOr<domain::NoticeDecision> decision = decide(
                  transaction, before->record, request,
                  ContextOf(node, {.now_ms = transaction.now_ms(), .officer = actor.officer}));
              if (!decision.ok()) return decision.status();
              if (request.validate_only()) {
                notice = Preview(*decision, before->record);
              } else if (!decision->changed) {
                notice = OwnView(node, transaction, before->record, transaction.now_ms(), nullptr);
              } else {
                notice =
                    Release(node, actor, transaction, stamp, *before, *std::move(decision), action);
              }
            }
            if (!notice.ok()) return notice.status();
            *result = *std::move(notice);
            return absl::OkStatus();
          },
          result};
}

}  // namespace

Prepared<v1::Notice> CreateNotice(const NodeFacts& node, const Actor& actor,
                                  v1::CreateNoticeRequest request) {
  auto result = std::make_shared<v1::Notice>();
  RequestStamp stamp = StampOf(request);
  return {[&node, actor, request = std::move(request), stamp = std::move(stamp),
           result](storage::Transaction& transaction) {
            return RunCreate(node, actor, request, stamp, transaction, *result);
          },
          result};
}

Prepared<v1::ShareNoticeResponse> ShareNotice(const NodeFacts& node, const Actor& actor,
                                              v1::ShareNoticeRequest request) {
  auto result = std::make_shared<v1::ShareNoticeResponse>();
  RequestStamp stamp = StampOf(request);
  return {[&node, actor, request = std::move(request), stamp = std::move(stamp),
           result](storage::Transaction& transaction) {
            return RunShare(node, actor, request, stamp, transaction, *result);
          },
          result};
}

absl::StatusOr<v1::ShareNoticeResponse> PlanShare(const NodeFacts& node,
                                                  const storage::Reader& reader,
                                                  const v1::ShareNoticeRequest& request,
                                                  std::int64_t now_ms) {
  const domain::Stamp now{.now_ms = now_ms, .officer = {}};
  v1::Notice draft;
  if (request.name().empty()) {
    if (!request.has_draft()) return FieldMissing("name", "required, or a draft to plan for");
    absl::StatusOr<std::optional<storage::StoredIncident>> incident =
        IncidentBehind(reader, request.draft());
    if (!incident.ok()) return incident.status();
    absl::StatusOr<v1::Notice> made = Draft(node, request.draft(), *incident, {}, now);
    if (!made.ok()) return made.status();
    draft = *std::move(made);
  } else {
    absl::StatusOr<storage::StoredNotice> stored = MustFind(reader, request.name());
    if (!stored.ok()) return stored.status();
    draft = stored->record.notice();
  }
  absl::StatusOr<domain::NoticeDecision> decision =
      domain::ShareNotice(draft, OrderOf(request, request.etag().empty()), ContextOf(node, now));
  if (!decision.ok()) return decision.status();
  v1::ShareNoticeResponse response;
  *response.mutable_notice() = std::move(decision->notice);
  MoveMatrix(*decision, response);
  return response;
}

Prepared<v1::Notice> ReviseNotice(const NodeFacts& node, const Actor& actor,
                                  const v1::ReviseNoticeRequest& request) {
  return PrepareRelease(
      node, actor, request, request.notice().name(), "notice.revise",
      [&node](const storage::Reader& reader, const store::v1::NoticeRecord& before,
              const v1::ReviseNoticeRequest& wanted,
              const domain::ShareContext& context) -> absl::StatusOr<domain::NoticeDecision> {
        const absl::StatusOr<bool> lacks =
            SomebodyLacksIt(node, reader, before, context.stamp.now_ms);
        if (!lacks.ok()) return lacks.status();
        return domain::ReviseNotice(before.notice(), wanted.notice(),
                                    {.etag = wanted.etag(),
                                     .reason = wanted.reason(),
                                     .release_protected = wanted.release_protected(),
                                     .somebody_lacks_it = *lacks},
                                    context);
      });
}

Prepared<v1::Notice> WithdrawNotice(const NodeFacts& node, const Actor& actor,
                                    const v1::WithdrawNoticeRequest& request) {
  return PrepareRelease(
      node, actor, request, request.name(), "notice.withdraw",
      [](const storage::Reader& /*reader*/, const store::v1::NoticeRecord& before,
         const v1::WithdrawNoticeRequest& wanted, const domain::ShareContext& context) {
        return domain::WithdrawNotice(before.notice(), wanted.etag(), wanted.reason(), context);
      });
}

}  // namespace tripoint::operations
