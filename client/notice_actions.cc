// Reading, answering and sending notices.
#include "client/notice_actions.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "client/errors.h"
#include "client/facts_options.h"
#include "client/json.h"
#include "client/resolve.h"
#include "client/text.h"
#include "client/views.h"
#include "proto/contract/nearest.h"

namespace tripoint::client {
namespace {

constexpr int64_t kSettlePauseMs = 100;

struct AckOptions {
  std::string reference, note, outcome, reason;
};

absl::StatusOr<int> Acknowledge(Context& context, const AckOptions& options) {
  Faults faults;
  v1::AcknowledgeNoticeRequest request;
  const std::string word = options.outcome.empty() ? "acknowledged" : ToLowerAscii(options.outcome);
  const std::vector<std::string> words = {"seen", "acknowledged", "actioned", "declined"};
  if (std::find(words.begin(), words.end(), word) == words.end()) {
    faults.Add("--as", "\"" + options.outcome + "\" is none of " + Join(words, ", ") + "." +
                           contract::DidYouMean(word, words));
  }
  v1::DeliveryState outcome = v1::DELIVERY_STATE_ACKNOWLEDGED;
  v1::DeliveryState_Parse("DELIVERY_STATE_" + ToUpperAscii(word), &outcome);
  request.set_outcome(outcome);
  if (!options.reason.empty()) {
    request.set_reason_code(CodeOf(context, "refusal_grounds", options.reason, "--reason", faults));
  } else if (outcome == v1::DELIVERY_STATE_DECLINED) {
    faults.Add("--reason",
               "is needed to decline, such as R-WRONGADDR   all: tripoint codes refusal_grounds");
  }
  if (!options.note.empty()) *request.mutable_note() = MakeText(context, options.note, "", faults);
  const absl::Status status = faults.ToStatus("nothing was answered");
  if (!status.ok()) return status;
  const absl::StatusOr<v1::Notice> notice =
      ResolveNotice(context, options.reference, Whose::kReceived);
  if (!notice.ok()) return notice.status();
  request.set_name(notice->name());
  const absl::StatusOr<v1::Notice> answered = Answer(context, request);
  if (!answered.ok()) return answered.status();
  std::string text = context.dry_run() ? "Would answer " + ReferenceOf(notice->name()) + " as " +
                                             word + "; nothing was sent\n"
                                       : "";
  if (!context.dry_run()) {
    const std::string officer =
        answered->deliveries().empty() ? "" : " by " + answered->deliveries(0).officer();
    std::string verb = word;
    verb[0] = static_cast<char>(verb[0] - 'a' + 'A');
    text =
        fmt::format("{} {} at {}{}; {} will be told\n", verb, ReferenceOf(notice->name()),
                    ClockText(context.host().NowMs(), context.clock()), officer, notice->owner());
  }
  const absl::Status shown = context.out().Show(
      InboxColumns(), InboxRow(context, *answered, context.host().NowMs()), *answered, text);
  if (!shown.ok()) return shown;
  return kExitDone;
}

// `persons[0].nationality` as a word for people: the index from one, the rest as it is.
std::string FieldWord(const std::string& field) {
  const std::size_t open = field.find('[');
  const std::size_t close = field.find(']');
  if (open == std::string::npos || close == std::string::npos || close < open + 2 ||
      close - open > 4)
    return field;
  const int index = std::stoi(field.substr(open + 1, close - open - 1));
  return field.substr(0, open) + " " + std::to_string(index + 1) + field.substr(close + 1);
}

v1::ShareNoticeRequest ShareRequest(Context& context, const v1::Notice& notice,
                                    const ShareOrder& order) {
  v1::ShareNoticeRequest request;
  if (notice.name().empty()) {
    *request.mutable_draft() = notice;
  } else {
    request.set_name(notice.name());
    request.set_etag(notice.etag());
  }
  for (const std::string& unit : order.units) request.add_units(unit);
  request.set_ack_within_minutes(order.ack_within_minutes);
  request.set_release_protected(order.release_protected);
  request.set_request_id(context.host().NewUuid());
  return request;
}

}  // namespace

uint32_t AckMinutes(const std::string& text, const std::string& flag, Faults& faults) {
  constexpr int64_t kMinutesMax = 43'200;
  const absl::StatusOr<int64_t> span = ParseSpan(text);
  faults.AddStatus(flag, span.status());
  if (!span.ok()) return 0;
  if (*span % kMinuteMs != 0) {
    faults.Add(flag, "\"" + text + "\" is not in whole minutes; 1m or more, such as 5m or 2h");
    return 0;
  }
  if (*span / kMinuteMs > kMinutesMax) {
    faults.Add(flag, "at most 30d");
    return 0;
  }
  return static_cast<uint32_t>(*span / kMinuteMs);
}

absl::StatusOr<v1::Notice> GetNotice(Caller& node, const std::string& name) {
  v1::GetNoticeRequest request;
  request.set_name(name);
  return node.Call<v1::Notice>("NoticeService/GetNotice", request);
}

absl::StatusOr<v1::Notice> Answer(Context& context, v1::AcknowledgeNoticeRequest request) {
  request.set_request_id(context.host().NewUuid());
  request.set_validate_only(context.dry_run());
  const absl::Status status = context.Check(request);
  if (!status.ok()) return status;
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return node.status();
  return (*node)->Call<v1::Notice>("NoticeService/AcknowledgeNotice", request);
}

void AddAckCommand(CommandTree& tree, CLI::App* group, const std::string& noun,
                   const std::string& about) {
  const auto options = std::make_shared<AckOptions>();
  Command& command =
      tree.Add(group, "ack", about,
               {noun + " ack 0211-M", noun + " ack 0211-M --note \"checkpoint informed\"",
                noun + " ack 0211-M --as declined --reason R-WRONGADDR"},
               [options](Context& context) { return Acknowledge(context, *options); });
  command.exits = "6 a colleague answered before";
  AddOperand(command.app, "REF", options->reference, "received notice");
  AddFlag(command.app, "--note", options->note, "TEXT", "a word to the owner");
  AddFlag(command.app, "--as", options->outcome, "WORD",
          "acknowledged (usual), seen, actioned or declined");
  AddFlag(command.app, "--reason", options->reason, "CODE", "ground to decline, such as R-LAW");
}

std::string MatrixText(Context& /*context*/, const v1::ShareNoticeResponse& plan) {
  // By recipients who get the same, then by rule, so that the reader sees few lines even when many
  // fields go to many units.
  std::string out;
  for (const v1::DisclosureGroup& group : plan.groups()) {
    out += "  " + Join({group.units().begin(), group.units().end()}, ", ") + "\n";
    std::map<std::pair<bool, std::string>, std::vector<std::string>> fields;
    for (const v1::DisclosureCell& cell : group.cells())
      fields[{!cell.sent(), cell.rule()}].push_back(FieldWord(cell.field()));
    for (const auto& [key, names] : fields) {
      out += fmt::format("    {}   {}   ({})\n", key.first ? "hold" : "send", Join(names, ", "),
                         key.second);
    }
  }
  return Harmless(out, true);
}

absl::Status ShowMatrix(Context& context, const v1::ShareNoticeResponse& plan,
                        const std::string& head, const std::string& tail) {
  Printer& out = context.out();
  if (out.options().format == Format::kJson) {
    out.Raw(ToJson(plan, true) + "\n");
    return absl::OkStatus();
  }
  if (!out.machine()) {
    out.Text(head + MatrixText(context, plan) + tail);
    return absl::OkStatus();
  }
  const absl::Status begun = out.BeginList(
      {{"unit", "UNIT"}, {"field", "FIELD"}, {"decision", "DECISION"}, {"rule", "RULE"}}, "");
  if (!begun.ok()) return begun;
  for (const v1::DisclosureGroup& group : plan.groups()) {
    for (const std::string& unit : group.units()) {
      for (const v1::DisclosureCell& cell : group.cells()) {
        v1::DisclosureGroup line;
        line.add_units(unit);
        *line.add_cells() = cell;
        out.Add({unit + " " + cell.field(),
                 {unit, cell.field(), cell.sent() ? "send" : "hold", cell.rule()}},
                line);
      }
    }
  }
  out.EndList();
  return absl::OkStatus();
}

absl::StatusOr<std::optional<v1::Notice>> Share(Context& context, const v1::Notice& notice,
                                                const ShareOrder& order) {
  absl::Status status = context.MayConfirm();
  if (!status.ok()) return status;
  v1::ShareNoticeRequest request = ShareRequest(context, notice, order);
  request.set_validate_only(true);
  status = context.Check(request);
  if (!status.ok()) return status;
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return node.status();
  const auto plan = (*node)->Call<v1::ShareNoticeResponse>("NoticeService/ShareNotice", request);
  if (!plan.ok()) return plan.status();
  const std::string what = !notice.name().empty()       ? ReferenceOf(notice.name())
                           : !notice.incident().empty() ? ReferenceOf(notice.incident())
                                                        : std::string("this");
  const std::string head =
      fmt::format("{} share {} from {} with {} unit{}: {}\n", context.dry_run() ? "Would" : "Will",
                  what, (*node)->node().name, order.units.size(),
                  order.units.size() == 1 ? "" : "s", Join(order.units, ", "));
  if (context.dry_run()) {
    status = ShowMatrix(context, *plan, head, "  nothing was sent\n");
    if (!status.ok()) return status;
    return std::optional<v1::Notice>();
  }
  if (!context.globals().yes) context.out().Warn(head + MatrixText(context, *plan));
  const absl::StatusOr<bool> yes =
      context.Confirm(fmt::format("Share {} with {}?", what, Join(order.units, ", ")), true);
  if (!yes.ok()) return yes.status();
  if (!*yes) {
    context.out().Warn("Nothing was sent.");
    return std::optional<v1::Notice>();
  }
  v1::Notice draft = notice;
  if (notice.name().empty()) {
    v1::CreateNoticeRequest create;
    *create.mutable_notice() = notice;
    create.set_request_id(context.host().NewUuid());
    const auto made = (*node)->Call<v1::Notice>("NoticeService/CreateNotice", create);
    if (!made.ok()) return made.status();
    draft = *made;
  }
  const auto shared = (*node)->Call<v1::ShareNoticeResponse>("NoticeService/ShareNotice",
                                                             ShareRequest(context, draft, order));
  if (!shared.ok()) {
    if (notice.name().empty()) {
      context.out().Warn("the draft " + ReferenceOf(draft.name()) + " stays on " +
                         (*node)->node().name + "; whether it was sent: tripoint notice track " +
                         ReferenceOf(draft.name()));
    }
    return shared.status();
  }
  return std::optional<v1::Notice>(shared->notice());
}

std::vector<std::string> ReachedUnits(const v1::Notice& notice) {
  std::vector<std::string> units(notice.audience().begin(), notice.audience().end());
  for (const v1::Delivery& delivery : notice.deliveries()) {
    if (delivery.hold() == v1::DELIVERY_HOLD_NOT_PAIRED) std::erase(units, delivery.unit());
  }
  return units;
}

int WarnLeftOut(Context& context, const v1::Notice& notice) {
  int exit_code = kExitDone;
  for (const v1::Delivery& delivery : notice.deliveries()) {
    if (delivery.hold() != v1::DELIVERY_HOLD_NOT_PAIRED) continue;
    exit_code = kExitPartly;
    context.out().Warn(fmt::format(
        "{} {} get it: {}, this node is no longer paired with it. Tell it by another way.",
        delivery.unit(), context.dry_run() ? "would not" : "does not", delivery.reason_code()));
  }
  return context.dry_run() ? kExitDone : exit_code;
}

absl::Status NobodyNamed() {
  return contract::Error(absl::StatusCode::kInvalidArgument, contract::Reason::kAudienceEmpty,
                         "no unit is named; nothing was sent",
                         "an empty audience means nobody, never everybody",
                         "name the units that get it, such as --to la-attapeu   all: tripoint peer "
                         "list");
}

absl::StatusOr<v1::Notice> SettleDeliveries(Context& context, const v1::Notice& notice,
                                            int64_t wait_ms) {
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return node.status();
  v1::Notice now = notice;
  const int64_t until_ms = context.host().NowMs() + wait_ms;
  const auto stored = [](const v1::Delivery& delivery) {
    return delivery.state() >= v1::DELIVERY_STATE_STORED;
  };
  while (!std::all_of(now.deliveries().begin(), now.deliveries().end(), stored) &&
         context.host().NowMs() < until_ms && !context.host().Interrupted()) {
    context.host().Pause(kSettlePauseMs);
    const absl::StatusOr<v1::Notice> again = GetNotice(**node, notice.name());
    if (!again.ok()) break;  // it is shared; only the look was in vain
    now = *again;
  }
  return now;
}

}  // namespace tripoint::client
