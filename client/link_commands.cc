// `tripoint peer queue|trace`: what has no receipt yet, envelope by envelope, and what happened
// lately on one link. The state of the links themselves: node_commands.cc. One thread.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>

#include "client/app.h"
#include "client/errors.h"
#include "client/facts_options.h"
#include "client/listings.h"
#include "client/resolve.h"
#include "client/text.h"
#include "client/views.h"
#include "client/watch.h"

namespace tripoint::client {
namespace {

// Of each lane, when no --limit is said: one unit with a backlog must not hide the others.
constexpr uint32_t kLaneRows = 20;

absl::StatusOr<std::string> OneUnit(Context& context, const std::string& word,
                                    const std::string& flag) {
  Faults faults;
  const std::vector<std::string> units = UnitsOf(context, {word}, flag, faults);
  if (units.size() != 1 && faults.empty()) faults.Add(flag, "one unit");
  const absl::Status status = faults.ToStatus("nothing was asked");
  if (!status.ok()) return status;
  return units.front();
}

// --- queue

struct QueueOptions {
  std::string unit, limit;
};

std::vector<Column> QueueColumns() {
  return {{"unit", "UNIT"},
          {"lane", "LANE"},
          {"position", "POSITION", false},
          {"ref", "REF"},
          {"what", "WHAT"},
          {"age", "AGE"},
          {"time", "SINCE", false},
          {"bytes", "BYTES"},
          {"state", "STATE"},
          {"hold", "HOLD"},
          {"reason", "REASON"},
          {"next_try", "NEXT TRY"},
          {"why", "WHY"}};
}

Row QueueRow(const Context& context, const v1::QueuedEnvelope& queued, int64_t now_ms) {
  const std::string position = std::to_string(queued.position());
  std::string what = queued.kind().empty() ? "unreadable" : queued.kind();
  if (queued.version() > 0) what += fmt::format(" v{}", queued.version());
  const std::string state = queued.sent() ? "sent" : "queued";
  Row row{
      Join({queued.unit(), queued.lane(), position}, "/"),
      {queued.unit(), queued.lane(), position, ReferenceOf(queued.name()), what,
       SpanText(std::max<int64_t>(now_ms - queued.queue_time_ms(), 0)),
       context.Time(queued.queue_time_ms()), std::to_string(queued.bytes()), state,
       HoldWord(queued.hold()), queued.reason_code(),
       queued.next_try_time_ms() > 0 ? ClockText(queued.next_try_time_ms(), context.clock()) : "",
       WhyText(context, queued.reason_code())}};
  // Neither the age nor the time of the next try, nor how many wait, is news of this one.
  row.fingerprint = fmt::format("{}/{}/{}/{}", row.id, state, row.cells[9], queued.reason_code());
  return row;
}

// How many of each lane were shown, of how many.
using Shown = std::map<std::string, std::pair<uint64_t, uint64_t>>;

absl::Status ReadQueue(Context& context, Caller& node, v1::ListQueueRequest request, Shown& shown,
                       const Emit& emit) {
  shown.clear();
  do {
    const auto page = node.Call<v1::ListQueueResponse>("NodeService/ListQueue", request);
    if (!page.ok()) return page.status();
    for (const v1::QueuedEnvelope& queued : page->envelopes()) {
      auto& [rows, waiting] = shown[queued.unit() + " " + queued.lane()];
      waiting = queued.waiting();
      ++rows;
      if (!emit(QueueRow(context, queued, context.host().NowMs()), queued)) return absl::OkStatus();
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  return absl::OkStatus();
}

absl::StatusOr<int> ListQueue(Context& context, const QueueOptions& options) {
  v1::ListQueueRequest request;
  request.set_page_size(500);
  if (!options.unit.empty()) {
    absl::StatusOr<std::string> unit = OneUnit(context, options.unit, "--peer");
    if (!unit.ok()) return unit.status();
    request.set_unit(*std::move(unit));
  }
  const absl::StatusOr<int> limit = ReadLimit(options.limit);
  if (!limit.ok()) return limit.status();
  if (context.globals().watch && *limit == 0) {
    return UsageError("--watch needs a limit; nothing was asked",
                      "all that waits would be asked for again each second",
                      "leave --limit out, or give a number");
  }
  const bool usual = !context.out().machine() || context.globals().watch;
  request.set_lane_limit(*limit >= 0 ? static_cast<uint32_t>(*limit) : (usual ? kLaneRows : 0));
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return node.status();
  Shown shown;
  Listing listing;
  listing.columns = QueueColumns();
  listing.empty_text =
      options.unit.empty() ? "nothing waits for any unit" : "nothing waits for " + request.unit();
  listing.kinds = {"notice", "received", "statement", "receipt", "peer"};
  listing.polled = true;  // a link comes and goes without a change in the journal
  listing.limit = 0;      // the node keeps to it, lane by lane
  listing.oldest_first = true;
  listing.all = [&](const Emit& emit) { return ReadQueue(context, **node, request, shown, emit); };
  listing.hint = [&shown, &context] {
    std::string more;
    for (const auto& [lane, count] : shown) {
      if (count.first < count.second)
        more += fmt::format("{}{}: the oldest {} of {}", more.empty() ? "" : "; ", lane,
                            count.first, count.second);
    }
    if (more.empty()) return more;
    return more + (context.globals().watch ? " (--limit N shows more)" : " (--limit 0 shows all)");
  };
  return RunListing(context, listing);
}

// --- trace

std::vector<Column> TraceColumns() {
  return {{"time", "TIME"},
          {"number", "NUMBER", false},
          {"last", "LAST", false},
          {"event", "EVENT"},
          {"way", "WAY"},
          {"lane", "LANE"},
          {"count", "COUNT"},
          {"envelopes", "ENVELOPES"},
          {"bytes", "BYTES", false},
          {"size", "SIZE"},
          {"reason", "REASON"},
          {"why", "WHY"}};
}

std::string NumberText(uint64_t number) { return number == 0 ? "" : std::to_string(number); }

Row TraceRow(const Context& context, const v1::LinkEvent& event) {
  const bool no_way =
      event.kind() == v1::LINK_EVENT_KIND_UP || event.kind() == v1::LINK_EVENT_KIND_CLOSED ||
      event.kind() == v1::LINK_EVENT_KIND_QUIET || event.kind() == v1::LINK_EVENT_KIND_HEARD ||
      (event.kind() == v1::LINK_EVENT_KIND_ALERT && event.lane().empty());
  const std::string why =
      event.reason_text().empty() ? WhyText(context, event.reason_code()) : event.reason_text();
  Row row{
      std::to_string(event.number()),
      {IsoText(event.time_ms(), context.clock()), std::to_string(event.number()),
       IsoText(event.last_time_ms(), context.clock()), StateWord(event.kind()),
       no_way             ? ""
       : event.outbound() ? "out"
                          : "in",
       event.lane(), std::to_string(event.count()), NumberText(event.envelopes()),
       NumberText(event.bytes()), NumberText(event.size()), event.reason_code(), Harmless(why)}};
  row.fingerprint = fmt::format("{}/{}", event.number(), event.count());
  return row;
}

absl::StatusOr<int> Trace(Context& context, const std::string& word) {
  const absl::StatusOr<std::string> unit = OneUnit(context, word, "UNIT");
  if (!unit.ok()) return unit.status();
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return node.status();
  v1::ListLinkEventsRequest request;
  request.set_unit(*unit);
  std::string since;
  Listing listing;
  listing.columns = TraceColumns();
  listing.empty_text = "nothing has happened on this link since the node was started";
  listing.kinds = {"peer"};
  listing.polled = true;
  listing.limit = 0;
  listing.all = [&](const Emit& emit) -> absl::Status {
    const auto events =
        (*node)->Call<v1::ListLinkEventsResponse>("NodeService/ListLinkEvents", request);
    if (!events.ok()) return events.status();
    since = context.Time(events->begin_time_ms());
    for (const v1::LinkEvent& event : events->events()) {
      if (!emit(TraceRow(context, event), event)) break;
    }
    return absl::OkStatus();
  };
  listing.hint = [&since] {
    return "the latest, newest first, of what the node remembers since its start at " + since;
  };
  return RunListing(context, listing);
}

}  // namespace

void AddLinkCommands(CommandTree& tree, CLI::App* peer) {
  const auto queue = std::make_shared<QueueOptions>();
  Command& queued = tree.Add(
      peer, "queue", "lists what has no receipt yet: how old, how large, what keeps it, next try",
      {"peer queue", "peer queue --peer la-attapeu --limit 0", "peer queue --watch"},
      [queue](Context& context) { return ListQueue(context, *queue); });
  queued.list = true;
  AddFlag(queued.app, "--peer", queue->unit, "UNIT", "only for this unit");
  AddFlag(queued.app, "--limit", queue->limit, "N",
          "most rows of a lane, the oldest; 0 = all (usual: 20 in tables and with --watch)");

  const auto unit = std::make_shared<std::string>();
  Command& traced = tree.Add(
      peer, "trace",
      "shows what happened lately on one link: connections, refusals, traffic, stops",
      {"peer trace la-attapeu", "peer trace KH-16 --watch", "peer trace la-attapeu -o jsonl"},
      [unit](Context& context) { return Trace(context, *unit); });
  traced.list = true;
  AddOperand(traced.app, "UNIT", *unit, "unit");
}

}  // namespace tripoint::client
