// Incidents and notices as officers read them. See reads.h. Any thread.
#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "proto/contract/error.h"
#include "server/operations/common.h"
#include "server/operations/notice_view.h"
#include "server/operations/reads.h"
#include "server/operations/tails.h"
#include "storage/incident_store.h"
#include "storage/notice_store.h"

namespace tripoint::operations {
namespace {

using contract::Error;
using contract::Reason;

constexpr int kPageSizeMax = 500;
// More than a few records that end the same are of no use to anybody.
constexpr std::size_t kTailHitsMax = 50;

std::size_t PageSize(int asked) {
  return static_cast<std::size_t>(asked <= 0 ? kPageSizeDefault : std::min(asked, kPageSizeMax));
}

std::string UpperCase(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

absl::StatusOr<Page<v1::Notice>> ListOwn(const storage::Snapshot& snapshot,
                                         const storage::NoticeFilter& filter, int wanted_state,
                                         std::size_t limit, std::string_view after,
                                         std::int64_t now_ms, const SentSize& sent) {
  absl::StatusOr<storage::NoticePage> found = storage::ListNotices(snapshot, filter, after, limit);
  if (!found.ok()) return found.status();
  Page<v1::Notice> page;
  page.next = std::move(found->resume);
  for (const storage::StoredNotice& stored : found->notices) {
    absl::StatusOr<v1::Notice> view = OwnView(snapshot, stored.record, now_ms, sent);
    if (!view.ok()) return view.status();
    if (wanted_state != 0 && view->state() != wanted_state) continue;
    page.items.push_back(*std::move(view));
  }
  return page;
}

absl::StatusOr<Page<v1::Notice>> ListInbox(const NodeFacts& node, const storage::Snapshot& snapshot,
                                           const storage::NoticeFilter& filter, int wanted_state,
                                           std::size_t limit, std::string_view after,
                                           std::int64_t now_ms) {
  absl::StatusOr<storage::ReceivedPage> found =
      storage::ListReceived(snapshot, filter, after, limit);
  if (!found.ok()) return found.status();
  Page<v1::Notice> page;
  page.next = std::move(found->resume);
  for (const store::v1::ReceivedRecord& record : found->notices) {
    absl::StatusOr<v1::Notice> view = ReceivedView(node, snapshot, record, now_ms);
    if (!view.ok()) return view.status();
    if (wanted_state != 0 && view->state() != wanted_state) continue;
    // Past its end nobody acts on it any more, acknowledged or not.
    if (filter.needs_ack && view->state() != v1::NOTICE_STATE_RELEASED) continue;
    page.items.push_back(*std::move(view));
  }
  return page;
}

absl::StatusOr<Page<v1::Notice>> NoticesByTail(const NodeFacts& node,
                                               const storage::Snapshot& snapshot,
                                               const v1::ListNoticesRequest& request,
                                               std::int64_t now_ms, const SentSize& sent) {
  Page<v1::Notice> page;
  for (const storage::Kind kind : {storage::Kind::kNotice, storage::Kind::kReceived}) {
    const v1::NoticeDirection direction =
        kind == storage::Kind::kNotice ? v1::NOTICE_DIRECTION_SENT : v1::NOTICE_DIRECTION_RECEIVED;
    if (request.direction() != v1::NOTICE_DIRECTION_UNSPECIFIED &&
        request.direction() != direction) {
      continue;
    }
    absl::StatusOr<std::vector<std::string>> names =
        FindByTail(snapshot, kind, request.reference_tail(), kTailHitsMax);
    if (!names.ok()) return names.status();
    for (const std::string& name : *names) {
      absl::StatusOr<v1::Notice> notice = GetNotice(node, snapshot, name, now_ms, sent);
      if (!notice.ok()) return notice.status();
      page.items.push_back(*std::move(notice));
    }
  }
  return page;
}

}  // namespace

absl::StatusOr<v1::Incident> GetIncident(const NodeFacts& /*node*/, const storage::Reader& reader,
                                         std::string_view name) {
  absl::StatusOr<std::optional<storage::StoredIncident>> found =
      storage::FindIncident(reader, name);
  if (!found.ok()) return found.status();
  if (!found->has_value()) {
    return NotFound("incident", name, "List what there is with: tripoint incident list");
  }
  return std::move(*(*found)->record.mutable_incident());
}

absl::StatusOr<Page<v1::Incident>> ListIncidents(const NodeFacts& node,
                                                 const storage::Snapshot& snapshot,
                                                 const v1::ListIncidentsRequest& request,
                                                 std::string_view after) {
  Page<v1::Incident> page;
  if (!request.reference_tail().empty()) {
    absl::StatusOr<std::vector<std::string>> names =
        FindByTail(snapshot, storage::Kind::kIncident, request.reference_tail(), kTailHitsMax);
    if (!names.ok()) return names.status();
    for (const std::string& name : *names) {
      absl::StatusOr<v1::Incident> incident = GetIncident(node, snapshot, name);
      if (!incident.ok()) return incident.status();
      page.items.push_back(*std::move(incident));
    }
    return page;
  }
  storage::IncidentFilter filter;
  filter.category = UpperCase(request.category_code());
  filter.state = static_cast<int>(request.state());
  filter.severity_min = request.severity_min();
  filter.gate = request.gate();
  filter.occur_time_ms_from = request.occur_time_ms_from();
  filter.occur_time_ms_until = request.occur_time_ms_until();
  absl::StatusOr<storage::IncidentPage> found =
      storage::ListIncidents(snapshot, filter, after, PageSize(request.page_size()));
  if (!found.ok()) return found.status();
  page.next = std::move(found->resume);
  page.items.reserve(found->incidents.size());
  for (storage::StoredIncident& stored : found->incidents) {
    page.items.push_back(std::move(*stored.record.mutable_incident()));
  }
  return page;
}

absl::StatusOr<Page<v1::Incident>> ListIncidentVersions(const NodeFacts& /*node*/,
                                                        const storage::Snapshot& snapshot,
                                                        std::string_view name, int page_size,
                                                        std::string_view after) {
  std::uint32_t before_version = 0;
  const char* const end = after.data() + after.size();
  if (!after.empty()) {
    const auto [last, fault] = std::from_chars(after.data(), end, before_version);
    if (fault != std::errc() || last != end || before_version == 0) {
      return Error(absl::StatusCode::kInvalidArgument, Reason::kPageTokenInvalid,
                   "The page token does not belong to this list",
                   "A page token is good for the list that it came from.",
                   "Ask for the first page.");
    }
  }
  const std::size_t limit = PageSize(page_size);
  absl::StatusOr<std::vector<store::v1::IncidentRecord>> versions =
      storage::ListIncidentVersions(snapshot, name, before_version, limit);
  if (!versions.ok()) return versions.status();
  if (versions->empty() && after.empty()) {
    return NotFound("incident", name, "List what there is with: tripoint incident list");
  }
  Page<v1::Incident> page;
  for (store::v1::IncidentRecord& record : *versions) {
    page.items.push_back(std::move(*record.mutable_incident()));
  }
  if (page.items.size() == limit && page.items.back().version() > 1) {
    page.next = std::to_string(page.items.back().version());
  }
  return page;
}

absl::StatusOr<v1::Notice> GetNotice(const NodeFacts& node, const storage::Reader& reader,
                                     std::string_view name, std::int64_t now_ms,
                                     const SentSize& sent) {
  absl::StatusOr<std::optional<storage::StoredNotice>> own = storage::FindNotice(reader, name);
  if (!own.ok()) return own.status();
  if (own->has_value()) return OwnView(reader, (*own)->record, now_ms, sent);
  absl::StatusOr<std::optional<store::v1::ReceivedRecord>> received =
      storage::FindReceived(reader, name);
  if (!received.ok()) return received.status();
  if (received->has_value()) return ReceivedView(node, reader, **received, now_ms);
  return NotFound("notice", name, "List what there is with: tripoint notice list, tripoint inbox");
}

absl::StatusOr<Page<v1::Notice>> ListNotices(const NodeFacts& node,
                                             const storage::Snapshot& snapshot,
                                             const v1::ListNoticesRequest& request,
                                             std::string_view after, std::int64_t now_ms,
                                             const SentSize& sent) {
  if (!request.reference_tail().empty()) {
    return NoticesByTail(node, snapshot, request, now_ms, sent);
  }
  storage::NoticeFilter filter;
  // EXPIRED is never stored: it is RELEASED whose time has passed.
  filter.state = request.state() == v1::NOTICE_STATE_EXPIRED
                     ? static_cast<int>(v1::NOTICE_STATE_RELEASED)
                     : static_cast<int>(request.state());
  filter.kind_code = request.kind_code();
  filter.urgency_code = request.urgency_code();
  filter.unit = request.unit();
  filter.needs_ack = request.needs_ack();
  filter.incident = request.incident();
  const std::size_t limit = PageSize(request.page_size());
  const int state = static_cast<int>(request.state());
  if (request.direction() == v1::NOTICE_DIRECTION_RECEIVED || request.needs_ack()) {
    return ListInbox(node, snapshot, filter, state, limit, after, now_ms);
  }
  return ListOwn(snapshot, filter, state, limit, after, now_ms, sent);
}

}  // namespace tripoint::operations
