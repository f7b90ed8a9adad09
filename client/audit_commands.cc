// `tripoint audit list`: the node's journal, for those who read the trail and not the contents. An
// entry names records and never holds them, so every role may read it.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "client/app.h"
#include "client/errors.h"
#include "client/facts_options.h"
#include "client/listings.h"
#include "client/resolve.h"
#include "client/text.h"
#include "client/watch.h"
#include "proto/contract/nearest.h"
#include "proto/contract/reference.h"

namespace tripoint::client {
namespace {

// Read from the newest back, so that a long journal costs no more than what is shown.
constexpr uint64_t kBlockEntries = 500;
constexpr double kChangeNumberMax = 9e15;

struct AuditOptions {
  std::string since, until, actor, kind, record, before, limit;
};

// What of the journal is wanted; times in milliseconds, 0 = open.
struct Wanted {
  int64_t since_ms = 0;
  int64_t until_ms = 0;
  uint64_t before = 0;
  std::string actor, kind;
  std::optional<contract::ReferenceTail> record;
};

const std::vector<std::string>& Kinds() {
  static const std::vector<std::string> kKinds = {"incident",  "notice",  "received",
                                                  "statement", "receipt", "peer"};
  return kKinds;
}

std::vector<Column> AuditColumns() {
  return {{"number", "CHANGE"},           {"time", "TIME"},       {"actor", "ACTOR"},
          {"action", "ACTION"},           {"records", "RECORDS"}, {"count", "COUNT", false},
          {"time_utc", "TIME UTC", false}};
}

Row AuditRow(const Context& context, const v1::Change& change) {
  const std::string number = std::to_string(change.number());
  std::vector<std::string> references;
  for (const std::string& name : change.names()) references.push_back(ReferenceOf(name));
  const auto named = static_cast<uint64_t>(change.names_size());
  if (change.count() > named) references.push_back(fmt::format("+{} more", change.count() - named));
  return {number,
          {number, IsoText(change.time_ms(), context.clock()), change.actor(), change.action(),
           Join(references, " "), std::to_string(change.count()),
           IsoText(change.time_ms(), Clock::kUtc)}};
}

// `incident.create`, or a batch such as `received.store,statement.store`.
bool IsOfKind(const std::string& action, const std::string& kind) {
  for (const std::string& part : Split(action, ',')) {
    if (part.starts_with(kind + ".")) return true;
  }
  return false;
}

bool Fits(const Wanted& wanted, const v1::Change& change) {
  if (wanted.since_ms > 0 && change.time_ms() < wanted.since_ms) return false;
  if (wanted.until_ms > 0 && change.time_ms() >= wanted.until_ms) return false;
  if (!wanted.actor.empty() && change.actor() != wanted.actor &&
      !change.actor().ends_with("/" + wanted.actor))
    return false;
  if (!wanted.kind.empty() && !IsOfKind(change.action(), wanted.kind)) return false;
  return !wanted.record.has_value() ||
         std::any_of(change.names().begin(), change.names().end(), [&](const std::string& name) {
           return contract::MatchTail(ReferenceOf(name), *wanted.record);
         });
}

// The changes after `after` up to `through`, in order; all of them exist.
absl::StatusOr<std::vector<v1::Change>> ReadBlock(Context& context, Caller& node, uint64_t after,
                                                  uint64_t through) {
  v1::WatchChangesRequest request;
  request.set_after_change_number(after);
  std::vector<v1::Change> changes;
  const int64_t until_ms = context.host().NowMs() + context.timeout_ms();
  const auto in_time = [&] {
    return !context.host().Interrupted() && context.host().NowMs() < until_ms;
  };
  const absl::Status status =
      node.session().Follow(request, {[&](const v1::Change& change) {
                                        if (!change.heartbeat() && change.number() <= through)
                                          changes.push_back(change);
                                        return in_time() && change.number() < through;
                                      },
                                      in_time});
  if (!status.ok()) return status;
  if (!changes.empty() && changes.back().number() == through) return changes;
  if (context.host().Interrupted()) {
    return contract::Error(absl::StatusCode::kCancelled, contract::Reason::kInterrupted, "stopped",
                           "", "");
  }
  return contract::Error(absl::StatusCode::kDeadlineExceeded, contract::Reason::kCallTimeout,
                         "the journal did not arrive in time",
                         fmt::format("change {} was waited for", through),
                         "try again with a longer --timeout, such as --timeout 60s");
}

// Hands over what is wanted of the changes after `after`, newest first.
absl::Status EachChange(Context& context, Caller& node, const Wanted& wanted, uint64_t after,
                        uint64_t last, const Emit& emit) {
  if (wanted.before > 0) last = std::min(last, wanted.before - 1);
  while (last > after) {
    const uint64_t from = last - std::min(last - after, kBlockEntries);
    const absl::StatusOr<std::vector<v1::Change>> changes = ReadBlock(context, node, from, last);
    if (!changes.ok()) return changes.status();
    bool any_in_time = false;
    for (auto change = changes->rbegin(); change != changes->rend(); ++change) {
      any_in_time = any_in_time || change->time_ms() >= wanted.since_ms;
      if (Fits(wanted, *change) && !emit(AuditRow(context, *change), *change))
        return absl::OkStatus();
    }
    // A whole block is older: clocks are set back by less than that.
    if (!any_in_time) break;
    last = from;
  }
  return absl::OkStatus();
}

// A time, or a span that ends now, such as `2h`.
int64_t TimeOf(Context& context, const std::string& text, const std::string& flag, Faults& faults) {
  if (text.empty()) return 0;
  const int64_t now_ms = context.host().NowMs();
  if (const absl::StatusOr<int64_t> span = ParseSpan(text); span.ok()) return now_ms - *span;
  const absl::StatusOr<When> when = ParseWhen(text, now_ms);
  faults.AddStatus(flag, when.status());
  return when.ok() ? when->time_ms : 0;
}

absl::StatusOr<Wanted> ReadWanted(Context& context, const AuditOptions& options) {
  Faults faults;
  Wanted wanted;
  wanted.since_ms = TimeOf(context, options.since, "--since", faults);
  wanted.until_ms = TimeOf(context, options.until, "--until", faults);
  if (!options.before.empty())
    wanted.before =
        static_cast<uint64_t>(NumberOf(options.before, 1, kChangeNumberMax, "--before", faults));
  wanted.actor = options.actor;
  wanted.kind = ToLowerAscii(options.kind);
  if (!wanted.kind.empty() &&
      std::find(Kinds().begin(), Kinds().end(), wanted.kind) == Kinds().end()) {
    faults.Add("--kind", "\"" + options.kind + "\" is no kind of change." +
                             contract::DidYouMean(wanted.kind, Kinds()) + " It may be " +
                             Join(Kinds(), ", "));
  }
  if (!options.record.empty()) {
    const absl::StatusOr<std::string> tail = CheckedTail(options.record);
    faults.AddStatus("--record", tail.status());
    if (tail.ok()) wanted.record = contract::ParseTail(*tail);
  }
  const absl::Status status = faults.ToStatus("nothing was asked");
  if (!status.ok()) return status;
  return wanted;
}

absl::StatusOr<int> ListChanges(Context& context, const AuditOptions& options) {
  const absl::StatusOr<Wanted> wanted = ReadWanted(context, options);
  if (!wanted.ok()) return wanted.status();
  const absl::StatusOr<int> limit = ReadLimit(options.limit);
  if (!limit.ok()) return limit.status();
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return node.status();
  Listing listing;
  listing.columns = AuditColumns();
  listing.empty_text = "no change fits";
  listing.limit = *limit;
  // Lines that are appended begin where the list ended: a follower does not read the journal again.
  listing.only_new = true;
  uint64_t shown = 0;
  listing.all = [&](const Emit& emit) -> absl::Status {
    const absl::StatusOr<FeedPosition> last = CurrentPosition(**node);
    if (!last.ok()) return last.status();
    const bool appends = context.globals().watch && !context.out().may_redraw();
    const uint64_t after = appends && shown <= last->change_number ? shown : 0;
    const absl::Status status =
        EachChange(context, **node, *wanted, after, last->change_number, emit);
    if (status.ok()) shown = last->change_number;
    return status;
  };
  return RunListing(context, listing);
}

}  // namespace

void AddAuditCommands(CommandTree& tree) {
  CLI::App* group = tree.AddGroup("audit", "the trail: who changed what, and when");
  const auto options = std::make_shared<AuditOptions>();
  Command& list = tree.Add(
      group, "list", "lists the entries of the node's journal, newest first; for every role",
      {"audit list --since 24h", "audit list --actor huy --kind notice --since yesterday -o csv",
       "audit list --record 0211-M", "audit list --watch"},
      [options](Context& context) { return ListChanges(context, *options); });
  list.list = true;
  AddFlag(list.app, "--since", options->since, "TIME",
          "at or after: a time, or a span such as 24h");
  AddFlag(list.app, "--until", options->until, "TIME", "before: a time, or a span such as 2h");
  AddFlag(list.app, "--actor", options->actor, "WHO", "an officer, peer/UNIT, or node");
  AddFlag(list.app, "--kind", options->kind, "KIND", Join(Kinds(), ", "));
  AddFlag(list.app, "--record", options->record, "REF",
          "only changes that name this record; a batch names its first 64");
  AddFlag(list.app, "--before", options->before, "N",
          "only changes before this number: the next page of a long list");
  AddFlag(list.app, "--limit", options->limit, "N", "most rows; 0 = all");
}

}  // namespace tripoint::client
