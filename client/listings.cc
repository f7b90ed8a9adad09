// The lists of incidents and notices.
#include "client/listings.h"

#include <fmt/format.h>

#include <memory>

#include "client/facts_options.h"
#include "client/resolve.h"
#include "client/views.h"

namespace tripoint::client {
namespace {

constexpr int kPageSize = 100;
constexpr int kLimitMax = 10'000'000;

// Asks for page after page and hands over each record; `records` picks them from a page.
template <typename Response, typename Request, typename Records, typename Show>
absl::Status EachPage(Caller& node, std::string_view method, Request request,
                      const Records& records, const Show& show) {
  request.set_page_size(kPageSize);
  while (true) {
    const absl::StatusOr<Response> page = node.Call<Response>(method, request);
    if (!page.ok()) return page.status();
    for (const auto& record : records(*page)) {
      if (!show(record)) return absl::OkStatus();
    }
    if (page->next_page_token().empty()) return absl::OkStatus();
    request.set_page_token(page->next_page_token());
  }
}

absl::Status EachIncident(Caller& node, const v1::ListIncidentsRequest& filter,
                          const std::function<bool(const v1::Incident&)>& show) {
  return EachPage<v1::ListIncidentsResponse>(
      node, "IncidentService/ListIncidents", filter,
      [](const auto& page) -> const auto& { return page.incidents(); }, show);
}

absl::Status EachNotice(Caller& node, const v1::ListNoticesRequest& filter,
                        const std::function<bool(const v1::Notice&)>& show) {
  return EachPage<v1::ListNoticesResponse>(
      node, "NoticeService/ListNotices", filter,
      [](const auto& page) -> const auto& { return page.notices(); }, show);
}

}  // namespace

Listing IncidentListing(Context& context, Caller& node, const v1::ListIncidentsRequest& filter) {
  Listing listing;
  listing.columns = IncidentColumns();
  listing.empty_text = "no incidents fit; record one: tripoint incident new --help";
  listing.kinds = {"incident", "notice"};
  listing.name_part = "/incidents/";
  listing.all = [&context, &node, filter](const Emit& emit) {
    return EachIncident(node, filter, [&](const v1::Incident& incident) {
      return emit(IncidentRow(context, incident), incident);
    });
  };
  listing.one = [&context, &node, filter](const std::string& name, const Emit& emit) {
    v1::ListIncidentsRequest only = filter;
    only.set_reference_tail(ReferenceOf(name));
    return EachIncident(node, only, [&](const v1::Incident& incident) {
      return emit(IncidentRow(context, incident), incident);
    });
  };
  return listing;
}

Listing NoticeListing(Context& context, Caller& node, const v1::ListNoticesRequest& filter) {
  const bool received = filter.direction() == v1::NOTICE_DIRECTION_RECEIVED;
  Listing listing;
  listing.columns = received ? InboxColumns() : NoticeColumns();
  listing.empty_text = received
                           ? (filter.needs_ack() ? "nothing needs an answer" : "the inbox is empty")
                           : "no notices fit; share an incident: tripoint notice share --help";
  listing.kinds = {"notice", "received", "statement", "receipt"};
  listing.name_part = "/notices/";
  const auto waiting = std::make_shared<int>(0);
  const auto row = [&context, received](const v1::Notice& notice) {
    const int64_t now_ms = context.host().NowMs();
    return received ? InboxRow(context, notice, now_ms) : NoticeRow(context, notice, now_ms);
  };
  listing.all = [&node, filter, row, waiting](const Emit& emit) {
    *waiting = 0;
    return EachNotice(node, filter, [&](const v1::Notice& notice) {
      *waiting += notice.needs_ack() ? 1 : 0;
      return emit(row(notice), notice);
    });
  };
  listing.one = [&node, filter, row](const std::string& name, const Emit& emit) {
    v1::ListNoticesRequest only = filter;
    only.set_reference_tail(ReferenceOf(name));
    return EachNotice(node, only,
                      [&](const v1::Notice& notice) { return emit(row(notice), notice); });
  };
  if (received) {
    listing.hint = [waiting]() -> std::string {
      if (*waiting == 0) return "";
      return fmt::format(
          "{} need{} an answer. open: tripoint notice show REF     acknowledge: tripoint notice "
          "ack REF",
          *waiting, *waiting == 1 ? "s" : "");
    };
  }
  return listing;
}

absl::StatusOr<int> ReadLimit(const std::string& text) {
  if (text.empty()) return -1;
  Faults faults;
  const double limit = NumberOf(text, 0, kLimitMax, "--limit", faults);
  if (!faults.empty()) return faults.ToStatus("nothing was asked");
  return static_cast<int>(limit);
}

}  // namespace tripoint::client
