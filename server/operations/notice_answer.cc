// What a recipient says about a notice that it received. See notices.h.
#include <optional>
#include <utility>

#include "server/domain/answer.h"
#include "server/operations/common.h"
#include "server/operations/notice_view.h"
#include "server/operations/notices.h"
#include "server/operations/outbox.h"
#include "storage/notice_store.h"

namespace tripoint::operations {
namespace {

// A repeated call: the notice as it stands now, since an answer is part of no version.
absl::Status AnswerAgain(const NodeFacts& node, storage::Transaction& transaction,
                         const std::string& name, v1::Notice& result) {
  absl::StatusOr<std::optional<store::v1::ReceivedRecord>> received =
      storage::FindReceived(transaction, name);
  if (!received.ok()) return received.status();
  if (!received->has_value()) return Corrupt("The notice of an answered request is missing");
  absl::StatusOr<v1::Notice> view =
      ReceivedView(node, transaction, **received, transaction.now_ms());
  if (!view.ok()) return view.status();
  result = *std::move(view);
  return absl::OkStatus();
}

absl::Status RunAnswer(const NodeFacts& node, const Actor& actor,
                       const v1::AcknowledgeNoticeRequest& request, const RequestStamp& stamp,
                       storage::Transaction& transaction, v1::Notice& result) {
  absl::StatusOr<std::optional<store::v1::RequestRecord>> answered =
      FindFirstAnswer(transaction, stamp);
  if (!answered.ok()) return answered.status();
  if (answered->has_value()) return AnswerAgain(node, transaction, (*answered)->name(), result);

  absl::StatusOr<std::optional<store::v1::ReceivedRecord>> received =
      storage::FindReceived(transaction, request.name());
  if (!received.ok()) return received.status();
  absl::StatusOr<v1::Notice> notice;
  const store::v1::Answer* present = nullptr;
  if (received->has_value()) {
    notice = ReceivedView(node, transaction, **received, transaction.now_ms());
    if ((*received)->has_answer()) present = &(*received)->answer();
  } else {
    // An own notice goes to domain too, which says why it cannot be answered here.
    absl::StatusOr<std::optional<storage::StoredNotice>> own =
        storage::FindNotice(transaction, request.name());
    if (!own.ok()) return own.status();
    if (!own->has_value()) {
      return NotFound("received notice", request.name(), "See what came with: tripoint inbox");
    }
    notice = (*own)->record.notice();
  }
  if (!notice.ok()) return notice.status();
  absl::StatusOr<domain::AnswerDecision> decision =
      domain::AnswerNotice(*notice, present,
                           {.outcome = request.outcome(),
                            .reason_code = request.reason_code(),
                            .note = request.has_note() ? &request.note() : nullptr},
                           {.self = node.unit,
                            .paired = node.paired,
                            .vocabulary = *node.vocabulary,
                            .stamp = {.now_ms = transaction.now_ms(), .officer = actor.officer}});
  if (!decision.ok()) return decision.status();
  if (!received->has_value()) return Corrupt("An own notice was answered");  // domain refuses it
  store::v1::ReceivedRecord after = **received;
  if (decision->changed) {
    if (decision->answer.version() > after.answer().version()) KeepEarlierAnswer(after);
    *after.mutable_answer() = decision->answer;
    after.set_needs_ack(domain::NeedsAck(*notice, &decision->answer));
  }
  absl::StatusOr<v1::Notice> view = ReceivedView(node, transaction, after, transaction.now_ms());
  if (!view.ok()) return view.status();
  result = *std::move(view);
  if (!decision->changed || request.validate_only()) return absl::OkStatus();

  // Whatever it answers: it is small, there is one of each notice, and somebody waits for it.
  transaction.CountsAs(storage::Importance::kFlash);
  const absl::Status stored = storage::UpdateReceived(transaction, **received, after);
  if (!stored.ok()) return stored;
  absl::StatusOr<std::vector<store::v1::OutboundCopy>> sent =
      SendEnvelope(node, transaction, std::move(decision->envelope), after.version());
  if (!sent.ok()) return sent.status();
  RememberAnswer(transaction, stamp, after.name(), after.version());
  WriteJournal(transaction, {.actor = OfficerActor(actor),
                             .action = "received.answer",
                             .names = {after.name()},
                             .count = 0,
                             .reason = {}});
  return absl::OkStatus();
}

}  // namespace

Prepared<v1::Notice> AcknowledgeNotice(const NodeFacts& node, const Actor& actor,
                                       const v1::AcknowledgeNoticeRequest& request) {
  auto result = std::make_shared<v1::Notice>();
  return {[&node, actor, request, stamp = StampOfCopy(request),
           result](storage::Transaction& transaction) {
            return RunAnswer(node, actor, request, stamp, transaction, *result);
          },
          result};
}

}  // namespace tripoint::operations
