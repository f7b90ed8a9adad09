// Incidents and notices as officers read them. See reads.h. Any thread.
#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "proto/contract/error.h"
#include "server/limits.h"
#include "server/operations/common.h"
#include "server/operations/notice_view.h"
#include "server/operations/reads.h"
#include "server/operations/tails.h"
#include "server/operations/way.h"
#include "storage/incident_store.h"
#include "storage/notice_store.h"

namespace tripoint::operations {
namespace {

using contract::Error;
using contract::Reason;

// More than a few records that end the same are of no use to anybody.
constexpr std::size_t kTailHitsMax = 50;

// Records that may be read next so that a page fits its message, however large each is.
std::size_t Portion(std::size_t missing, std::size_t page_bytes) {
  if (page_bytes >= limits::kPageBytesMax) return 0;
  return std::min(missing, (limits::kPageBytesMax - page_bytes) / limits::kRecordBytesMax);
}

// Reads portions with `read` (limit, resume) -> StatusOr<Page> until the page is full by number or
// by bytes, or the list ends. A short portion that is not the end is given out as it is: the store
// has done its share of work for one call.
template <typename Resource, typename Read>
absl::StatusOr<Page<Resource>> ReadPage(int asked, std::string_view after, Read read) {
  const std::size_t limit = PageSize(asked);
  Page<Resource> page;
  page.next = std::string(after);
  std::size_t bytes = 0;
  while (true) {
    const std::size_t portion = Portion(limit - page.items.size(), bytes);
    if (portion == 0) return page;
    std::size_t looked_at = 0;
    absl::StatusOr<Page<Resource>> piece = read(portion, page.next, looked_at);
    if (!piece.ok()) return piece;
    page.next = std::move(piece->next);
    for (Resource& item : piece->items) {
      bytes += item.ByteSizeLong();
      page.items.push_back(std::move(item));
    }
    if (page.next.empty() || looked_at < portion || piece->items.empty()) return page;
  }
}

absl::Status NoIncident(std::string_view name) {
  return NotFound("incident", name, "List what there is with: tripoint incident list");
}

std::string UpperCase(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

// Whether one record that was found by its reference is in the list that `request` asks for.
// Whoever follows a list with filters asks so for each record that changes.
bool Fits(const v1::ListIncidentsRequest& request, const v1::Incident& incident) {
  const v1::Facts& facts = incident.facts();
  const std::string category = UpperCase(request.category_code());
  const bool is_group = category.find('-') == std::string::npos;
  const bool in_category = category.empty() || facts.category_code() == category ||
                           (is_group && facts.category_code().rfind(category + "-", 0) == 0);
  return in_category && (request.state() == 0 || incident.state() == request.state()) &&
         facts.severity() >= request.severity_min() &&
         (request.gate().empty() || facts.place().gate() == request.gate()) &&
         (request.occur_time_ms_from() == 0 ||
          facts.occur_time_ms() >= request.occur_time_ms_from()) &&
         (request.occur_time_ms_until() == 0 ||
          facts.occur_time_ms() < request.occur_time_ms_until());
}

bool Fits(const v1::ListNoticesRequest& request, const v1::Notice& notice) {
  const bool received = notice.direction() == v1::NOTICE_DIRECTION_RECEIVED;
  const auto& units = notice.audience();
  const bool of_unit = received
                           ? notice.owner() == request.unit()
                           : std::find(units.begin(), units.end(), request.unit()) != units.end();
  return (request.unit().empty() || of_unit) &&
         (request.kind_code().empty() || notice.kind_code() == request.kind_code()) &&
         (request.urgency_code().empty() || notice.urgency_code() == request.urgency_code()) &&
         (request.state() == 0 || notice.state() == request.state()) &&
         (!request.needs_ack() || (received && notice.needs_ack())) &&
         (request.incident().empty() || notice.incident() == request.incident());
}

absl::StatusOr<Page<v1::Notice>> ListOwn(const NodeFacts& node, const storage::Snapshot& snapshot,
                                         const storage::NoticeFilter& filter, int wanted_state,
                                         std::size_t limit, std::string_view after,
                                         std::int64_t now_ms, const PeerStatusSource* links,
                                         std::size_t& looked_at) {
  absl::StatusOr<storage::NoticePage> found = storage::ListNotices(snapshot, filter, after, limit);
  if (!found.ok()) return found.status();
  Page<v1::Notice> page;
  page.next = std::move(found->resume);
  looked_at = found->notices.size();
  for (storage::StoredNotice& stored : found->notices) {
    absl::StatusOr<v1::Notice> view =
        OwnView(node, snapshot, std::move(stored.record), now_ms, links);
    if (!view.ok()) return view.status();
    if (wanted_state != 0 && view->state() != wanted_state) continue;
    page.items.push_back(*std::move(view));
  }
  return page;
}

absl::StatusOr<Page<v1::Notice>> ListInbox(const NodeFacts& node, const storage::Snapshot& snapshot,
                                           const storage::NoticeFilter& filter, int wanted_state,
                                           std::size_t limit, std::string_view after,
                                           std::int64_t now_ms, std::size_t& looked_at) {
  absl::StatusOr<storage::ReceivedPage> found =
      storage::ListReceived(snapshot, filter, after, limit);
  if (!found.ok()) return found.status();
  Page<v1::Notice> page;
  page.next = std::move(found->resume);
  looked_at = found->notices.size();
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
                                               std::int64_t now_ms, const PeerStatusSource* links) {
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
      absl::StatusOr<v1::Notice> notice = GetNotice(node, snapshot, name, now_ms, links);
      if (!notice.ok()) return notice.status();
      if (Fits(request, *notice)) page.items.push_back(*std::move(notice));
    }
  }
  return page;
}

}  // namespace

absl::StatusOr<std::string> GetIncidentBytes(const storage::Reader& reader, std::string_view name) {
  absl::StatusOr<std::optional<std::string>> found = storage::FindIncidentBytes(reader, name);
  if (!found.ok()) return found.status();
  if (!found->has_value()) return NoIncident(name);
  return **std::move(found);
}

absl::StatusOr<v1::Incident> GetIncident(const NodeFacts& /*node*/, const storage::Reader& reader,
                                         std::string_view name) {
  absl::StatusOr<std::optional<storage::StoredIncident>> found =
      storage::FindIncident(reader, name);
  if (!found.ok()) return found.status();
  if (!found->has_value()) return NoIncident(name);
  return std::move(*(*found)->record.mutable_incident());
}

absl::StatusOr<Page<v1::Incident>> ListIncidents(const NodeFacts& node,
                                                 const storage::Snapshot& snapshot,
                                                 const v1::ListIncidentsRequest& request,
                                                 std::string_view after) {
  if (!request.reference_tail().empty()) {
    Page<v1::Incident> page;
    absl::StatusOr<std::vector<std::string>> names =
        FindByTail(snapshot, storage::Kind::kIncident, request.reference_tail(), kTailHitsMax);
    if (!names.ok()) return names.status();
    for (const std::string& name : *names) {
      absl::StatusOr<v1::Incident> incident = GetIncident(node, snapshot, name);
      if (!incident.ok()) return incident.status();
      if (Fits(request, *incident)) page.items.push_back(*std::move(incident));
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
  return ReadPage<v1::Incident>(
      request.page_size(), after,
      [&](std::size_t limit, std::string_view resume,
          std::size_t& looked_at) -> absl::StatusOr<Page<v1::Incident>> {
        absl::StatusOr<storage::IncidentPage> found =
            storage::ListIncidents(snapshot, filter, resume, limit);
        if (!found.ok()) return found.status();
        looked_at = found->incidents.size();
        Page<v1::Incident> piece;
        piece.next = std::move(found->resume);
        for (storage::StoredIncident& stored : found->incidents) {
          piece.items.push_back(std::move(*stored.record.mutable_incident()));
        }
        return piece;
      });
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
  const std::size_t limit = Portion(PageSize(page_size), 0);
  absl::StatusOr<std::vector<store::v1::IncidentRecord>> versions =
      storage::ListIncidentVersions(snapshot, name, before_version, limit);
  if (!versions.ok()) return versions.status();
  if (versions->empty() && after.empty()) return NoIncident(name);
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
                                     const PeerStatusSource* links) {
  absl::StatusOr<std::optional<storage::StoredNotice>> own = storage::FindNotice(reader, name);
  if (!own.ok()) return own.status();
  if (own->has_value()) return OwnView(node, reader, std::move((*own)->record), now_ms, links);
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
                                             const PeerStatusSource* asked) {
  const LinksOnce once(asked);
  const PeerStatusSource* const links = once.get();
  if (!request.reference_tail().empty()) {
    return NoticesByTail(node, snapshot, request, now_ms, links);
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
  const int state = static_cast<int>(request.state());
  const bool inbox = request.direction() == v1::NOTICE_DIRECTION_RECEIVED || request.needs_ack();
  return ReadPage<v1::Notice>(
      request.page_size(), after,
      [&](std::size_t limit, std::string_view resume, std::size_t& looked_at) {
        return inbox ? ListInbox(node, snapshot, filter, state, limit, resume, now_ms, looked_at)
                     : ListOwn(node, snapshot, filter, state, limit, resume, now_ms, links,
                               looked_at);
      });
}

}  // namespace tripoint::operations
