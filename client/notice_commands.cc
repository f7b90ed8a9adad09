// `tripoint notice list|show|track|withdraw|ack` and `tripoint inbox`. Sharing and revising:
// share_commands.cc.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "client/app.h"
#include "client/errors.h"
#include "client/facts_options.h"
#include "client/listings.h"
#include "client/notice_actions.h"
#include "client/resolve.h"
#include "client/text.h"
#include "client/views.h"

namespace tripoint::client {
namespace {

struct ListOptions {
  std::string kind, urgency, state, unit, incident, limit;
  bool needs_ack = false;
};

absl::StatusOr<int> ListNotices(Context& context, const ListOptions& options,
                                v1::NoticeDirection direction) {
  Faults faults;
  v1::ListNoticesRequest filter;
  filter.set_direction(direction);
  filter.set_needs_ack(options.needs_ack);
  if (!options.kind.empty())
    filter.set_kind_code(CodeOf(context, "notice_kinds", options.kind, "--kind", faults));
  if (!options.urgency.empty())
    filter.set_urgency_code(CodeOf(context, "urgency", options.urgency, "--urgency", faults));
  if (!options.unit.empty()) {
    const std::vector<std::string> units = UnitsOf(context, {options.unit}, "--unit", faults);
    if (units.size() > 1) faults.Add("--unit", "one unit only");
    if (!units.empty()) filter.set_unit(units.front());
  }
  v1::NoticeState state = v1::NOTICE_STATE_UNSPECIFIED;
  if (!options.state.empty() &&
      !v1::NoticeState_Parse("NOTICE_STATE_" + ToUpperAscii(options.state), &state)) {
    faults.Add("--state",
               "\"" + options.state + "\" is none of draft, released, expired, withdrawn");
  }
  filter.set_state(state);
  const absl::StatusOr<int> limit = ReadLimit(options.limit);
  faults.AddStatus("--limit", limit.status());
  const absl::Status status = faults.ToStatus("nothing was asked");
  if (!status.ok()) return status;
  if (!options.incident.empty()) {
    const absl::StatusOr<v1::Incident> incident = ResolveIncident(context, options.incident);
    if (!incident.ok()) return incident.status();
    filter.set_incident(incident->name());
  }
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return node.status();
  Listing listing = NoticeListing(context, **node, filter);
  listing.limit = *limit;
  return RunListing(context, listing);
}

// --- show

absl::StatusOr<int> ShowOne(Context& context, const std::string& reference, bool peek) {
  absl::StatusOr<v1::Notice> notice = ResolveNotice(context, reference, Whose::kAny);
  if (!notice.ok()) return notice.status();
  const bool received = notice->direction() == v1::NOTICE_DIRECTION_RECEIVED;
  const bool unseen =
      notice->deliveries().empty() || notice->deliveries(0).state() < v1::DELIVERY_STATE_SEEN;
  if (received && unseen && !peek && !context.dry_run() &&
      notice->state() == v1::NOTICE_STATE_RELEASED) {
    v1::AcknowledgeNoticeRequest request;
    request.set_name(notice->name());
    request.set_outcome(v1::DELIVERY_STATE_SEEN);
    const absl::StatusOr<v1::Notice> seen = Answer(context, request);
    // What arrived is shown even when the owner cannot be told that it was seen.
    if (seen.ok()) {
      *notice = *seen;
      context.out().Note(notice->owner() + " is told that it was seen (--peek does not tell)");
    } else {
      context.out().Warn("the owner was not told that it was seen: " +
                         std::string(seen.status().message()));
    }
  }
  const int64_t now_ms = context.host().NowMs();
  const absl::Status shown = context.out().Show(
      received ? InboxColumns() : NoticeColumns(),
      received ? InboxRow(context, *notice, now_ms) : NoticeRow(context, *notice, now_ms), *notice,
      NoticeText(context, *notice, now_ms));
  if (!shown.ok()) return shown;
  if (received && notice->needs_ack()) {
    context.out().Note("next: tripoint notice ack " + ReferenceOf(notice->name()));
  }
  return kExitDone;
}

// --- track

std::vector<Column> TrackColumns() {
  return {{"unit", "UNIT"},         {"state", "STATE"},     {"time", "TIME"},
          {"version", "VERSION"},   {"officer", "BY"},      {"time_utc", "TIME UTC", false},
          {"hold", "HOLD"},         {"reason", "REASON"},   {"why", "WHY", false},
          {"next_try", "NEXT TRY"}, {"earlier", "EARLIER"}, {"note", "NOTE", true, true}};
}

// The step cannot be climbed any more, or is the last that anybody waits for.
bool IsEnd(const v1::Notice& notice, const v1::Delivery& delivery) {
  if (delivery.hold() == v1::DELIVERY_HOLD_NOT_PAIRED) return true;
  const bool asked = notice.ack_by_ms() > 0 && notice.state() == v1::NOTICE_STATE_RELEASED;
  return delivery.state() >= (asked ? v1::DELIVERY_STATE_ACKNOWLEDGED : v1::DELIVERY_STATE_STORED);
}

// Exit code once every recipient is at its end; nullopt: somebody is not. A draft has none yet.
std::optional<int> TrackEnd(const v1::Notice& notice) {
  if (notice.deliveries().empty()) return std::nullopt;
  int exit_code = kExitDone;
  for (const v1::Delivery& delivery : notice.deliveries()) {
    if (!IsEnd(notice, delivery)) return std::nullopt;
    if (delivery.hold() == v1::DELIVERY_HOLD_NOT_PAIRED ||
        delivery.state() == v1::DELIVERY_STATE_DECLINED) {
      exit_code = kExitPartly;
    }
  }
  return exit_code;
}

Row TrackRow(const Context& context, const v1::Notice& notice, const v1::Delivery& delivery) {
  Row row{delivery.unit(),
          {delivery.unit(), StateWord(delivery.state()), context.Time(delivery.state_time_ms()),
           fmt::format("{} of {}", delivery.version(), notice.version()), delivery.officer(),
           IsoText(delivery.state_time_ms(), Clock::kUtc), HoldWord(delivery.hold()),
           delivery.reason_code(), WhyText(context, delivery.reason_code()),
           delivery.next_try_time_ms() > 0 ? ClockText(delivery.next_try_time_ms(), context.clock())
                                           : "",
           EarlierText(context, delivery), delivery.note().text()}};
  // Each try has another time: that alone is nothing to tell.
  v1::Delivery said = delivery;
  said.clear_next_try_time_ms();
  row.fingerprint = fmt::format("{}/{}", notice.version(), said.SerializeAsString());
  return row;
}

absl::StatusOr<int> Track(Context& context, const std::string& reference) {
  const absl::StatusOr<v1::Notice> notice = ResolveNotice(context, reference, Whose::kOwn);
  if (!notice.ok()) return notice.status();
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return node.status();
  Listing listing;
  listing.columns = TrackColumns();
  listing.empty_text = ReferenceOf(notice->name()) + " is not shared with anybody";
  listing.kinds = {"notice", "statement", "receipt"};
  listing.limit = 0;
  listing.polled = true;  // a link comes and goes without a change in the journal
  std::optional<int> end;
  listing.all = [&](const Emit& emit) -> absl::Status {
    const absl::StatusOr<v1::Notice> now = GetNotice(**node, notice->name());
    if (!now.ok()) return now.status();
    end = TrackEnd(*now);
    for (const v1::Delivery& delivery : now->deliveries()) {
      if (!emit(TrackRow(context, *now, delivery), delivery)) break;
    }
    return absl::OkStatus();
  };
  listing.end = [&] { return end; };
  return RunListing(context, listing);
}

// --- withdraw

absl::StatusOr<int> Withdraw(Context& context, const std::string& reference,
                             const std::string& reason) {
  if (reason.empty()) {
    return UsageError("--reason is needed; nothing was withdrawn", "every recipient reads why",
                      "tripoint notice withdraw REF --reason TEXT");
  }
  absl::Status status = context.MayConfirm();
  if (!status.ok()) return status;
  const absl::StatusOr<v1::Notice> notice = ResolveNotice(context, reference, Whose::kOwn);
  if (!notice.ok()) return notice.status();
  v1::WithdrawNoticeRequest request;
  request.set_name(notice->name());
  request.set_etag(notice->etag());
  request.set_reason(reason);
  request.set_request_id(context.host().NewUuid());
  request.set_validate_only(context.dry_run());
  status = context.Check(request);
  if (!status.ok()) return status;
  const std::string name = ReferenceOf(notice->name());
  const std::string audience = Join({notice->audience().begin(), notice->audience().end()}, ", ");
  if (!context.dry_run()) {
    const absl::StatusOr<bool> yes =
        context.Confirm("Withdraw " + name + " from " + audience + "?", true);
    if (!yes.ok()) return yes.status();
    if (!*yes) {
      context.out().Warn("Nothing was withdrawn.");
      return kExitRefused;
    }
  }
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return node.status();
  const auto done = (*node)->Call<v1::Notice>("NoticeService/WithdrawNotice", request);
  if (!done.ok()) return done.status();
  const std::string told = Join(ReachedUnits(*done), ", ");
  const std::string text =
      context.dry_run()
          ? fmt::format("Would withdraw {} from {}; nothing was withdrawn\n", name,
                        told.empty() ? "nobody" : told)
          : fmt::format("Withdrawn {} on {}; {} told to stop acting on it\n", name,
                        (*node)->node().name, told.empty() ? "nobody is" : told + " will be");
  const absl::Status shown = context.out().Show(
      NoticeColumns(), NoticeRow(context, *done, context.host().NowMs()), *done, text);
  if (!shown.ok()) return shown;
  if (!context.dry_run()) context.out().Note("follow: tripoint notice track " + name + " --watch");
  return WarnLeftOut(context, *done);
}

template <typename Options>
void AddListFlags(CLI::App* app, Options& options, bool inbox) {
  AddFlag(app, "--kind", options.kind, "KIND", "kind of notice (tripoint codes notice_kinds)");
  AddFlag(app, "--urgency", options.urgency, "U", "U0 flash to U4 periodic");
  AddFlag(app, "--state", options.state, "STATE", "draft, released, expired or withdrawn");
  AddFlag(app, "--unit", options.unit, "UNIT", inbox ? "only from this unit" : "only to this unit");
  AddFlag(app, "--limit", options.limit, "N", "most rows; 0 = all");
}

}  // namespace

void AddNoticeCommands(CommandTree& tree) {
  CLI::App* group = tree.AddGroup("notice", "what is shared with named units, and what they said");
  AddShareCommands(tree, group);

  const auto own = std::make_shared<ListOptions>();
  Command& list = tree.Add(
      group, "list", "lists this unit's notices, newest first",
      {"notice list", "notice list --unit la-attapeu --state released", "notice list --watch"},
      [own](Context& context) { return ListNotices(context, *own, v1::NOTICE_DIRECTION_SENT); });
  list.list = true;
  AddListFlags(list.app, *own, false);
  AddFlag(list.app, "--incident", own->incident, "REF", "only those made from this incident");

  struct Show {
    std::string reference;
    bool peek = false;
  };
  const auto show = std::make_shared<Show>();
  Command& shown = tree.Add(
      group, "show", "shows one notice, own or received",
      {"notice show 0211-M", "notice show 0211-M --lang km", "notice show 0211-M --peek -o json"},
      [show](Context& context) { return ShowOne(context, show->reference, show->peek); });
  AddOperand(shown.app, "REF", show->reference, "notice");
  AddSwitch(shown.app, "--peek", show->peek, "do not tell the owner that it was seen");

  const auto track = std::make_shared<std::string>();
  Command& tracked = tree.Add(group, "track",
                              "shows where a notice is, for each recipient; --watch stays until "
                              "all have it (or have answered, when that was asked)",
                              {"notice track 0211-M", "notice track 0211-M --watch"},
                              [track](Context& context) { return Track(context, *track); });
  tracked.list = true;
  tracked.exits = "with --watch: 8 a unit declined it or is no longer paired, 130 stopped by you";
  AddOperand(tracked.app, "REF", *track, "notice");

  const auto withdraw = std::make_shared<std::pair<std::string, std::string>>();
  Command& withdrawn = tree.Add(
      group, "withdraw", "takes a notice back; every recipient is told to stop acting on it",
      {R"(notice withdraw 0211-M --reason "wrong plate")"}, [withdraw](Context& context) {
        return Withdraw(context, withdraw->first, withdraw->second);
      });
  withdrawn.exits =
      "6 somebody changed it meanwhile, 8 a unit is no longer paired and does not get it";
  AddOperand(withdrawn.app, "REF", withdraw->first, "notice");
  AddFlag(withdrawn.app, "--reason", withdraw->second, "TEXT", "why; the recipients read it");

  AddAckCommand(tree, group, "notice", "answers a received notice; the owner is told");

  const auto inbox = std::make_shared<ListOptions>();
  Command& inboxed =
      tree.Add(&tree.root(), "inbox", "lists what neighbours sent, newest first",
               {"inbox --needs-ack", "inbox --watch --needs-ack", "inbox --lang lo -o wide"},
               [inbox](Context& context) {
                 return ListNotices(context, *inbox, v1::NOTICE_DIRECTION_RECEIVED);
               });
  inboxed.list = true;
  AddListFlags(inboxed.app, *inbox, true);
  AddSwitch(inboxed.app, "--needs-ack", inbox->needs_ack,
            "only what waits for an answer of this unit");
}

}  // namespace tripoint::client
