// `tripoint flash send|list|ack`: a notice in the flash lane with a time to acknowledge by.
#include <fmt/format.h>

#include <algorithm>
#include <map>
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

struct FlashOptions {
  std::vector<std::string> to;
  std::string say, reason, ack = "5m", purpose = "P-BORDER";
  FactsOptions facts;
  bool wait = false;
};

// The coded reason that a category itself says; empty when the officer must say it.
std::string UsualReason(std::string_view category) {
  if (category.starts_with("SAF-")) return "life-at-risk";
  if (category == "BDR-GAT") return "gate-blocked";
  if (category.starts_with("FUG-")) return "about-to-cross";
  return "";
}

bool Answered(const v1::Delivery& delivery) {
  return delivery.state() >= v1::DELIVERY_STATE_ACKNOWLEDGED;
}

// Waits until every recipient has answered, saying each step; exit 7 when `until_ms` comes first.
absl::StatusOr<int> WaitForAnswers(Context& context, Caller& node, const v1::Notice& notice,
                                   const FeedPosition& position, int64_t until_ms) {
  std::map<std::string, v1::DeliveryState> told;
  v1::Notice last = notice;
  const auto tell = [&](const v1::Notice& now) {
    for (const v1::Delivery& delivery : now.deliveries()) {
      v1::DeliveryState& before = told[delivery.unit()];
      if (before == delivery.state()) continue;
      before = delivery.state();
      std::string line =
          ClockText(context.host().NowMs(), context.clock()) + "  " + delivery.unit() + "  ";
      line += Answered(delivery) ? ToUpperAscii(StateWord(delivery.state()))
                                 : StateWord(delivery.state());
      if (!delivery.officer().empty()) line += " by " + delivery.officer();
      if (Answered(delivery))
        line += " after " + SpanText(context.host().NowMs() - notice.share_time_ms());
      if (!delivery.reason_code().empty()) line += "  " + delivery.reason_code();
      if (!delivery.note().text().empty()) line += ": " + delivery.note().text();
      context.out().Note("  " + Harmless(line));
    }
    last = now;
  };
  tell(notice);
  bool time_up = false;
  const absl::Status status =
      FollowFeed(context, node, {"notice", "statement", "receipt"}, position,
                 [&](const std::vector<std::string>& names, bool /*away*/) -> absl::StatusOr<bool> {
                   if (!names.empty()) {
                     const absl::StatusOr<v1::Notice> now = GetNotice(node, notice.name());
                     if (!now.ok()) return now.status();
                     tell(*now);
                   }
                   if (std::all_of(last.deliveries().begin(), last.deliveries().end(), Answered))
                     return false;
                   time_up = context.host().NowMs() >= until_ms;
                   return !time_up;
                 });
  if (!status.ok()) return status;
  const absl::Status shown =
      context.out().Show(NoticeColumns(), NoticeRow(context, last, context.host().NowMs()), last,
                         DeliveriesText(context, last));
  if (!shown.ok()) return shown;
  std::vector<std::string> silent;
  std::size_t declined = 0;
  for (const v1::Delivery& delivery : last.deliveries()) {
    if (!Answered(delivery)) silent.push_back(delivery.unit());
    declined += delivery.state() == v1::DELIVERY_STATE_DECLINED ? 1 : 0;
  }
  if (time_up) {
    context.out().Warn(ClockText(context.host().NowMs(), context.clock()) +
                       "  time is up: no acknowledgement from " + Join(silent, ", ") +
                       ". Phone their duty officer; go on watching: tripoint notice track " +
                       ReferenceOf(notice.name()) + " --watch");
    return kExitTimeUp;
  }
  if (declined == 0) return kExitDone;
  return declined == static_cast<std::size_t>(last.deliveries_size()) ? kExitRefused : kExitPartly;
}

absl::StatusOr<v1::Notice> FlashNotice(Context& context, const FlashOptions& options,
                                       ShareOrder& order, int64_t& ack_ms) {
  Faults faults;
  order.units = UnitsOf(context, options.to, "--to", faults);
  v1::Notice notice;
  notice.set_kind_code("HOTLINE");
  notice.set_urgency_code("U0");
  notice.set_purpose_code(CodeOf(context, "purposes", options.purpose, "--purpose", faults));
  v1::Facts& facts = *notice.mutable_facts();
  options.facts.Apply(context, facts, faults);
  if (options.facts.kind.empty())
    faults.Add("--kind", "is needed, such as --kind flood   all: tripoint codes kinds");
  if (Trimmed(options.say).empty())
    faults.Add("--say", "is needed: one sentence that says what and what to do");
  if (!options.say.empty())
    *facts.mutable_narrative() =
        MakeText(context, options.say, options.facts.text_language, faults);
  if (!options.reason.empty()) {
    notice.set_urgency_reason_code(
        CodeOf(context, "urgency_reasons", options.reason, "--reason", faults));
  } else {
    notice.set_urgency_reason_code(UsualReason(facts.category_code()));
    if (notice.urgency_reason_code().empty() && !facts.category_code().empty()) {
      faults.Add("--reason", "is needed: why it cannot wait   all: tripoint codes urgency_reasons");
    }
  }
  if (order.units.empty() && faults.empty()) return NobodyNamed();
  if (options.to.empty()) faults.Add("--to", "is needed: the units whose duty desk must know");
  order.ack_within_minutes = AckMinutes(options.ack, "--ack", faults);
  ack_ms = order.ack_within_minutes * kMinuteMs;
  const absl::Status status = faults.ToStatus("nothing was sent");
  if (!status.ok()) return status;
  if (facts.occur_time_ms() == 0) facts.set_occur_time_ms(context.host().NowMs());
  if (facts.severity() == 0) facts.set_severity(4);
  const v1::Place& place = facts.place();
  if (place.gate().empty() && place.locality().empty() && !place.has_marker() &&
      !place.has_coordinates()) {
    facts.mutable_place()->set_locality("(as the text says)");
  }
  return notice;
}

absl::StatusOr<int> Send(Context& context, const FlashOptions& options) {
  ShareOrder order;
  int64_t ack_ms = 0;
  const absl::StatusOr<v1::Notice> notice = FlashNotice(context, options, order, ack_ms);
  if (!notice.ok()) return notice.status();
  const absl::Status may = context.MayConfirm();
  if (!may.ok()) return may;
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return node.status();
  FeedPosition position;
  if (options.wait && !context.dry_run()) {
    const absl::StatusOr<FeedPosition> now = CurrentPosition(**node);
    if (!now.ok()) return now.status();
    position = *now;
  }
  const absl::StatusOr<std::optional<v1::Notice>> shared = Share(context, *notice, order);
  if (!shared.ok()) return shared.status();
  if (!shared->has_value()) return context.dry_run() ? kExitDone : kExitRefused;
  const int64_t until_ms = context.host().NowMs() + ack_ms;
  const std::string reference = ReferenceOf((*shared)->name());
  const std::string sent = fmt::format(
      "{} sent {} from {}, acknowledgement asked within {}\n", reference,
      ClockText(context.host().NowMs(), context.clock()), (*node)->node().name, SpanText(ack_ms));
  if (options.wait) {
    context.out().Text(sent);
    return WaitForAnswers(context, **node, **shared, position, until_ms);
  }
  constexpr int64_t kSettleMs = 1500;
  const absl::StatusOr<v1::Notice> now = SettleDeliveries(context, **shared, kSettleMs);
  if (!now.ok()) return now.status();
  const absl::Status shown =
      context.out().Show(NoticeColumns(), NoticeRow(context, *now, context.host().NowMs()), *now,
                         sent + DeliveriesText(context, *now));
  if (!shown.ok()) return shown;
  context.out().Note("follow: tripoint notice track " + reference + " --watch");
  return kExitDone;
}

// Flashes of both directions in one list.
absl::StatusOr<int> ListFlashes(Context& context, bool needs_ack, const std::string& limit_text) {
  const absl::StatusOr<int> limit = ReadLimit(limit_text);
  if (!limit.ok()) return limit.status();
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return node.status();
  v1::ListNoticesRequest filter;
  filter.set_urgency_code("U0");
  filter.set_direction(v1::NOTICE_DIRECTION_RECEIVED);
  filter.set_needs_ack(needs_ack);
  const auto received = std::make_shared<Listing>(NoticeListing(context, **node, filter));
  Listing listing = *received;
  listing.columns[1] = {"unit", "UNIT"};
  listing.limit = *limit;
  listing.empty_text = "no flashes";
  if (!needs_ack) {
    filter.set_direction(v1::NOTICE_DIRECTION_SENT);
    const auto sent = std::make_shared<Listing>(NoticeListing(context, **node, filter));
    // An own flash in the columns of the inbox: its recipients stand where the sender of a received
    // one does.
    const auto as_inbox = [&context](const Emit& emit) -> Emit {
      return [&context, emit](const Row& /*row*/, const google::protobuf::Message& record) {
        const auto& notice = static_cast<const v1::Notice&>(record);
        Row row = InboxRow(context, notice, context.host().NowMs());
        std::vector<std::string> units;
        for (const v1::Delivery& delivery : notice.deliveries())
          units.push_back(delivery.unit() + " " + StateWord(delivery.state()));
        row.cells[1] = "to " + Join(units, ", ");
        row.cells[4] = StateWord(notice.state());
        row.cells[5] = context.Time(notice.share_time_ms());
        return emit(row, record);
      };
    };
    listing.all = [received, sent, as_inbox](const Emit& emit) {
      const absl::Status status = received->all(emit);
      return status.ok() ? sent->all(as_inbox(emit)) : status;
    };
    listing.one = [received, sent, as_inbox](const std::string& name, const Emit& emit) {
      const absl::Status status = received->one(name, emit);
      return status.ok() ? sent->one(name, as_inbox(emit)) : status;
    };
  }
  return RunListing(context, listing);
}

}  // namespace

void AddFlashCommands(CommandTree& tree) {
  CLI::App* group =
      tree.AddGroup("flash", "what cannot wait: its own lane, a time to acknowledge by");
  const auto send = std::make_shared<FlashOptions>();
  Command& sent = tree.Add(
      group, "send", "sends a flash to the duty desks of named units",
      {R"(flash send --to la-attapeu --kind flood --say "Water over the road at km 52, close the crossing" --ack 5m --wait)",
       R"(flash send --to kh-ratanakiri --kind kidnapping --reason victim-located --say "..." --where G-LETHANH)",
       R"(flash send --to la-attapeu --kind flood --say "Drill" --status EXERCISE --yes)"},
      [send](Context& context) { return Send(context, *send); });
  sent.exits = "7 not all acknowledged in time (--wait), 8 some declined";
  AddFlag(sent.app, "--to", send->to, "UNITS", "units whose duty desk must know");
  AddFlag(sent.app, "--say", send->say, "TEXT", "one sentence: what, and what to do");
  AddFlag(sent.app, "--reason", send->reason, "CODE",
          "coded reason (tripoint codes urgency_reasons)");
  AddFlag(sent.app, "--ack", send->ack, "SPAN", "time to acknowledge (usual: 5m)");
  AddSwitch(sent.app, "--wait", send->wait, "stay until all acknowledged; exit 7 when time is up");
  AddFlag(sent.app, "--purpose", send->purpose, "CODE", "purpose (usual: P-BORDER)");
  send->facts.AddTo(sent.app);

  struct List {
    bool needs_ack = false;
    std::string limit;
  };
  const auto list = std::make_shared<List>();
  Command& listed = tree.Add(
      group, "list", "lists flashes, received and sent",
      {"flash list", "flash list --needs-ack --watch"},
      [list](Context& context) { return ListFlashes(context, list->needs_ack, list->limit); });
  listed.list = true;
  AddSwitch(listed.app, "--needs-ack", list->needs_ack,
            "only received ones without an answer of this unit");
  AddFlag(listed.app, "--limit", list->limit, "N", "most rows; 0 = all");
  AddAckCommand(tree, group, "flash", "acknowledges a flash; exit 6 when a colleague already did");
}

}  // namespace tripoint::client
