// Notices that are drafted and shared in one step, many in one commit. See notices.h.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/domain/handling.h"
#include "server/domain/notice.h"
#include "server/operations/batch_results.h"
#include "server/operations/common.h"
#include "server/operations/incident_link.h"
#include "server/operations/naming.h"
#include "server/operations/notices.h"
#include "server/operations/outbox.h"
#include "storage/notice_store.h"

namespace tripoint::operations {
namespace {

// What one item leads to: the name of what was there already, or a decision to be written.
struct Ready {
  std::string existing;
  std::optional<storage::StoredIncident> incident;
  domain::NoticeDecision decision;
};

// A batch under way.
struct Batch {
  const NodeFacts& node;
  const Actor& actor;
  storage::Transaction& transaction;
  // Stands for the name that is drawn later, while envelopes are looked at.
  std::string any_name;
  std::vector<std::string> notices = {};
  std::vector<std::string> incidents = {};
  std::uint64_t written = 0;
};

// Reads and decides. Whatever refuses the item does so here, before anything is written.
absl::StatusOr<Ready> Decide(const Batch& batch, const v1::NoticeToShare& item,
                             const RequestStamp& stamp) {
  absl::StatusOr<std::optional<store::v1::RequestRecord>> answered =
      FindFirstAnswer(batch.transaction, stamp);
  if (!answered.ok()) return answered.status();
  Ready ready;
  if (answered->has_value()) {
    ready.existing = (*answered)->name();
    return ready;
  }
  absl::StatusOr<std::optional<storage::StoredIncident>> incident =
      IncidentBehind(batch.transaction, item.notice());
  if (!incident.ok()) return incident.status();
  ready.incident = *std::move(incident);
  absl::StatusOr<domain::NoticeDecision> decision = domain::DraftAndShare(
      item.notice(), ready.incident.has_value() ? &ready.incident->record.incident() : nullptr,
      {.units = {item.units().begin(), item.units().end()},
       .ack_within_minutes = item.ack_within_minutes(),
       .release_protected = item.release_protected()},
      {.self = batch.node.unit,
       .paired = batch.node.paired,
       .vocabulary = *batch.node.vocabulary,
       .stamp = {.now_ms = batch.transaction.now_ms(), .officer = batch.actor.officer}});
  if (!decision.ok()) return decision.status();
  ready.decision = *std::move(decision);
  domain::NameDecision(ready.decision, batch.any_name, batch.actor.officer);
  for (exchange::v1::Envelope& envelope : ready.decision.envelopes) {
    const absl::Status allowed = CheckEnvelope(batch.node, batch.transaction, envelope);
    if (!allowed.ok()) return allowed;
  }
  return ready;
}

// Names it, sends it, stores it. Errors are the store's, and fail the batch. Returns the name.
absl::StatusOr<std::string> Write(Batch& batch, Ready ready, const RequestStamp& stamp) {
  storage::Transaction& transaction = batch.transaction;
  v1::Notice& notice = ready.decision.notice;
  const bool flash = domain::LaneOf(notice.urgency_code()) == exchange::v1::LANE_FLASH;
  absl::StatusOr<DrawnName> drawn = DrawNoticeName(batch.node, transaction, flash);
  if (!drawn.ok()) return drawn.status();
  domain::NameDecision(ready.decision, drawn->name, batch.actor.officer);
  const std::uint32_t version = notice.version();
  store::v1::NoticeRecord record;
  for (exchange::v1::Envelope& envelope : ready.decision.envelopes) {
    absl::StatusOr<std::vector<store::v1::OutboundCopy>> copies =
        SendChecked(transaction, std::move(envelope), version);
    if (!copies.ok()) return copies.status();
    ReplaceCopies(*std::move(copies), record);
  }
  *record.mutable_notice() = std::move(notice);
  absl::Status stored = storage::CreateNotice(transaction, drawn->number, record);
  if (stored.ok() && ready.incident.has_value()) {
    stored = LinkIncident(transaction, *ready.incident, drawn->name);
    batch.incidents.push_back(ready.incident->record.incident().name());
  }
  if (!stored.ok()) return stored;
  RememberAnswer(transaction, stamp, drawn->name, version);
  ++batch.written;
  if (batch.notices.size() < kJournalNamesMax) batch.notices.push_back(drawn->name);
  return drawn->name;
}

// One entry for all: the notices first, then the incidents that they were made from.
void JournalBatch(Batch& batch) {
  if (batch.written == 0) return;
  std::vector<std::string>& incidents = batch.incidents;
  std::sort(incidents.begin(), incidents.end());
  incidents.erase(std::unique(incidents.begin(), incidents.end()), incidents.end());
  JournalLine line{.actor = OfficerActor(batch.actor),
                   .action = "notice.share",
                   .names = std::move(batch.notices),
                   .count = batch.written + incidents.size(),
                   .reason = {}};
  line.names.insert(line.names.end(), incidents.begin(), incidents.end());
  WriteJournal(batch.transaction, line);
}

absl::Status RunBatch(Batch batch, const v1::BatchShareNoticesRequest& request,
                      const std::vector<RequestStamp>& stamps,
                      const std::vector<absl::Status>& checked,
                      v1::BatchShareNoticesResponse& response) {
  // Whatever is in it: who is in a hurry sends a flash by itself.
  batch.transaction.CountsAs(storage::Importance::kBulk);
  for (int i = 0; i < request.requests_size(); ++i) {
    const auto index = static_cast<std::size_t>(i);
    v1::BatchResult& result = *response.add_results();
    absl::StatusOr<Ready> ready =
        checked[index].ok() ? Decide(batch, request.requests(i), stamps[index]) : checked[index];
    if (!ready.ok()) {
      if (FailsTheBatch(ready.status())) return ready.status();
      Refuse(ready.status(), result);
      continue;
    }
    if (!ready->existing.empty()) {
      result.set_name(ready->existing);
      result.set_existed(true);
      continue;
    }
    absl::StatusOr<std::string> name = Write(batch, *std::move(ready), stamps[index]);
    if (!name.ok()) return name.status();
    result.set_name(*std::move(name));
  }
  JournalBatch(batch);
  return absl::OkStatus();
}

}  // namespace

Prepared<v1::BatchShareNoticesResponse> BatchShareNotices(const NodeFacts& node, const Actor& actor,
                                                          v1::BatchShareNoticesRequest request,
                                                          std::vector<absl::Status> checked) {
  auto result = std::make_shared<v1::BatchShareNoticesResponse>();
  std::vector<RequestStamp> stamps;
  stamps.reserve(checked.size());
  for (v1::NoticeToShare& one : *request.mutable_requests()) stamps.push_back(StampOf(one));
  return {[&node, actor, request = std::move(request), checked = std::move(checked),
           stamps = std::move(stamps), result](storage::Transaction& transaction) {
            return RunBatch({.node = node,
                             .actor = actor,
                             .transaction = transaction,
                             .any_name = AnyNoticeName(node)},
                            request, stamps, checked, *result);
          },
          result};
}

}  // namespace tripoint::operations
