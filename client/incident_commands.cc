// `tripoint incident ...`: record, find, change and close. Nothing here leaves the node.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "client/app.h"
#include "client/errors.h"
#include "client/facts_options.h"
#include "client/listings.h"
#include "client/resolve.h"
#include "client/text.h"
#include "client/views.h"
#include "proto/contract/nearest.h"

namespace tripoint::client {
namespace {

absl::StatusOr<int> ShowIncident(Context& context, const v1::Incident& incident,
                                 const std::string& text) {
  const absl::Status shown =
      context.out().Show(IncidentColumns(), IncidentRow(context, incident), incident, text);
  if (!shown.ok()) return shown;
  return kExitDone;
}

// --- new

absl::StatusOr<int> NewIncident(Context& context, const FactsOptions& options) {
  Faults faults;
  v1::CreateIncidentRequest request;
  v1::Facts& facts = *request.mutable_incident()->mutable_facts();
  options.Apply(context, facts, faults);
  if (options.kind.empty())
    faults.Add("--kind", "is needed, such as --kind smuggling   all: tripoint codes kinds");
  if (options.where.empty() && options.locality.empty() && options.at.empty() &&
      options.marker.empty()) {
    faults.Add(
        "--where",
        "is needed: a gate, or --locality, --at or --marker   all gates: tripoint codes gates");
  }
  if (options.title.empty() && options.text.empty())
    faults.Add("--title", "is needed and not empty: one line that says what, or --text");
  absl::Status status = faults.ToStatus("nothing was recorded");
  if (!status.ok()) return status;
  if (options.when.empty()) {
    facts.set_occur_time_ms(context.host().NowMs() / kMinuteMs * kMinuteMs);
    facts.set_occur_precision_code("minute");
  }
  if (options.severity.empty()) facts.set_severity(2);
  request.set_request_id(context.host().NewUuid());
  request.set_validate_only(context.dry_run());
  status = context.Check(request);
  if (!status.ok()) return status;
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return node.status();
  const auto made = (*node)->Call<v1::Incident>("IncidentService/CreateIncident", request);
  if (!made.ok()) return made.status();
  if (context.dry_run()) {
    v1::Incident shown = *made;
    if (!shown.has_facts()) *shown.mutable_facts() = facts;
    return ShowIncident(context, shown,
                        "Would record on " + (*node)->node().name + ":\n" +
                            FactsText(context, shown.facts()) + "  nothing was recorded\n");
  }
  const std::string reference = ReferenceOf(made->name());
  const absl::StatusOr<int> shown = ShowIncident(
      context, *made,
      fmt::format(
          "Recorded {} on {}    {}    {}\n  stays on this node; nothing is shared yet\n", reference,
          (*node)->node().name, made->facts().category_code(),
          context.Time(made->facts().occur_time_ms(), made->facts().occur_precision_code())));
  context.out().Note("next: tripoint notice share " + reference + " --to UNIT --dry-run");
  return shown;
}

// --- list

struct ListOptions {
  std::string kind, state, severity, gate, from, until, limit;
};

absl::StatusOr<int> ListIncidents(Context& context, const ListOptions& options) {
  Faults faults;
  v1::ListIncidentsRequest filter;
  if (!options.kind.empty()) {
    // A group such as DRG or `drugs` comes first: it is the wider wish. A code is always itself.
    const codes::Code* code = context.registry().Find("categories", options.kind);
    if (code == nullptr) code = context.registry().FindWord("category_groups", options.kind);
    filter.set_category_code(code != nullptr
                                 ? code->code
                                 : CodeOf(context, "categories", options.kind, "--kind", faults));
  }
  if (!options.state.empty()) {
    v1::IncidentState state = v1::INCIDENT_STATE_UNSPECIFIED;
    if (!v1::IncidentState_Parse("INCIDENT_STATE_" + ToUpperAscii(options.state), &state)) {
      faults.AddStatus("--state",
                       context.registry().ResolveWord("incident_states", options.state).status());
    }
    filter.set_state(state);
  }
  if (!options.severity.empty()) {
    filter.set_severity_min(
        static_cast<uint32_t>(NumberOf(options.severity, 1, 5, "--severity-min", faults)));
  }
  if (!options.gate.empty()) {
    const auto gate = context.registry().ResolveGate(options.gate);
    faults.AddStatus("--gate", gate.status());
    if (gate.ok()) filter.set_gate((*gate)->id);
  }
  const auto time = [&](const std::string& text, const char* flag) -> int64_t {
    if (text.empty()) return 0;
    const absl::StatusOr<When> when = ParseWhen(text, context.host().NowMs());
    faults.AddStatus(flag, when.status());
    return when.ok() ? when->time_ms : 0;
  };
  filter.set_occur_time_ms_from(time(options.from, "--from"));
  filter.set_occur_time_ms_until(time(options.until, "--until"));
  const absl::StatusOr<int> limit = ReadLimit(options.limit);
  if (!limit.ok()) return limit.status();
  const absl::Status status = faults.ToStatus("nothing was asked");
  if (!status.ok()) return status;
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return node.status();
  Listing listing = IncidentListing(context, **node, filter);
  listing.limit = *limit;
  return RunListing(context, listing);
}

absl::StatusOr<int> ShowOne(Context& context, const std::string& reference) {
  const absl::StatusOr<v1::Incident> incident = ResolveIncident(context, reference);
  if (!incident.ok()) return incident.status();
  return ShowIncident(context, *incident, IncidentText(context, *incident));
}

// --- edit

absl::StatusOr<int> EditIncident(Context& context, const std::string& reference,
                                 const FactsOptions& options, const std::string& reason) {
  if (!options.Any()) {
    return UsageError("say what to change; nothing was changed", "no flag names a new value",
                      "tripoint incident edit REF --title TEXT --reason WHY");
  }
  Faults faults;
  v1::Facts probe;
  options.Apply(context, probe, faults);
  absl::Status status = faults.ToStatus("nothing was changed");
  if (!status.ok()) return status;
  const absl::StatusOr<v1::Incident> incident = ResolveIncident(context, reference);
  if (!incident.ok()) return incident.status();
  v1::UpdateIncidentRequest request;
  request.mutable_incident()->set_name(incident->name());
  *request.mutable_incident()->mutable_facts() = incident->facts();
  options.Apply(context, *request.mutable_incident()->mutable_facts(), faults);
  if (incident->has_source()) *request.mutable_incident()->mutable_source() = incident->source();
  request.set_etag(incident->etag());
  request.set_reason(reason);
  request.set_request_id(context.host().NewUuid());
  request.set_validate_only(context.dry_run());
  status = context.Check(request);
  if (!status.ok()) return status;
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return node.status();
  const auto changed = (*node)->Call<v1::Incident>("IncidentService/UpdateIncident", request);
  if (!changed.ok()) return changed.status();
  const bool same = changed->version() == incident->version();
  const std::string head =
      same ? fmt::format("{} says this already, version {}; nothing was changed\n",
                         ReferenceOf(incident->name()), incident->version())
      : context.dry_run()
          ? "Would change " + ReferenceOf(incident->name()) + " to:\n"
          : fmt::format("Changed {} on {}, now version {}\n", ReferenceOf(changed->name()),
                        (*node)->node().name, changed->version());
  const v1::Facts& facts = changed->has_facts() ? changed->facts() : request.incident().facts();
  const absl::StatusOr<int> shown =
      ShowIncident(context, *changed,
                   head + FactsText(context, facts) +
                       (context.dry_run() && !same ? "  nothing was changed\n" : ""));
  if (!context.dry_run() && !same && !changed->notices().empty()) {
    context.out().Note(
        "its notices still say the old: tripoint notice revise REF --from-incident --reason WHY");
  }
  return shown;
}

// --- close and reopen

absl::StatusOr<int> ChangeState(Context& context, const std::string& reference,
                                v1::IncidentState state, const std::string& reason) {
  const absl::StatusOr<v1::Incident> incident = ResolveIncident(context, reference);
  if (!incident.ok()) return incident.status();
  const std::string name = ReferenceOf(incident->name());
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return node.status();
  if (!context.dry_run() && state != v1::INCIDENT_STATE_REOPENED) {
    const absl::StatusOr<bool> yes = context.Confirm(
        fmt::format("Set {} on {} to {}?", name, (*node)->node().name, StateWord(state)), false);
    if (!yes.ok()) return yes.status();
    if (!*yes) {
      context.out().Warn("Nothing was changed.");
      return kExitRefused;
    }
  }
  v1::ChangeIncidentStateRequest request;
  request.set_name(incident->name());
  request.set_state(state);
  request.set_etag(incident->etag());
  request.set_reason(reason);
  request.set_request_id(context.host().NewUuid());
  request.set_validate_only(context.dry_run());
  const absl::Status status = context.Check(request);
  if (!status.ok()) return status;
  const auto changed = (*node)->Call<v1::Incident>("IncidentService/ChangeIncidentState", request);
  if (!changed.ok()) return changed.status();
  if (context.dry_run()) {
    return ShowIncident(context, *changed,
                        fmt::format("Would set {} from {} to {}; nothing was changed\n", name,
                                    StateWord(incident->state()), StateWord(state)));
  }
  return ShowIncident(context, *changed,
                      fmt::format("{} on {} is {}, version {}\n", name, (*node)->node().name,
                                  StateWord(changed->state()), changed->version()));
}

// --- history

absl::StatusOr<int> History(Context& context, const std::string& reference,
                            const std::string& limit_text) {
  const absl::StatusOr<int> limit = ReadLimit(limit_text);
  if (!limit.ok()) return limit.status();
  const absl::StatusOr<v1::Incident> incident = ResolveIncident(context, reference);
  if (!incident.ok()) return incident.status();
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return node.status();
  Listing listing;
  listing.columns = {{"version", "VERSION"},
                     {"time", "TIME"},
                     {"by", "BY"},
                     {"state", "STATE"},
                     {"time_utc", "TIME UTC", false},
                     {"reason", "REASON"},
                     {"subject", "SUBJECT", true, true}};
  listing.kinds = {"incident"};
  listing.limit = *limit;
  listing.all = [&, name = incident->name()](const Emit& emit) -> absl::Status {
    v1::ListIncidentVersionsRequest request;
    request.set_name(name);
    while (true) {
      const auto page = (*node)->Call<v1::ListIncidentVersionsResponse>(
          "IncidentService/ListIncidentVersions", request);
      if (!page.ok()) return page.status();
      for (const v1::Incident& version : page->versions()) {
        const std::string number = std::to_string(version.version());
        const Row row{number,
                      {number, context.Time(version.update_time_ms()), version.updater(),
                       StateWord(version.state()), IsoText(version.update_time_ms(), Clock::kUtc),
                       version.change_reason(), SubjectOf(context, version.facts())}};
        if (!emit(row, version)) return absl::OkStatus();
      }
      if (page->next_page_token().empty()) return absl::OkStatus();
      request.set_page_token(page->next_page_token());
    }
  };
  return RunListing(context, listing);
}

struct StateOptions {
  std::string reference, reason, to;
};

absl::StatusOr<int> Close(Context& context, const StateOptions& options) {
  const std::string word = options.to.empty() ? "closed" : ToLowerAscii(options.to);
  const std::vector<std::string> words = {"closed", "resolved", "void"};
  if (std::find(words.begin(), words.end(), word) == words.end()) {
    return UsageError(
        "an incident is not closed as \"" + options.to + "\"." + contract::DidYouMean(word, words),
        "the words are " + Join(words, ", "),
        "tripoint incident close REF --as resolved --reason WHY");
  }
  v1::IncidentState state = v1::INCIDENT_STATE_CLOSED;
  v1::IncidentState_Parse("INCIDENT_STATE_" + ToUpperAscii(word), &state);
  return ChangeState(context, options.reference, state, options.reason);
}

void AddStateCommands(CommandTree& tree, CLI::App* group) {
  const auto add = [](Command& command, StateOptions& options) {
    AddOperand(command.app, "REF", options.reference, "incident");
    AddFlag(command.app, "--reason", options.reason, "TEXT", "why, for the history");
  };
  const auto close = std::make_shared<StateOptions>();
  Command& closed = tree.Add(group, "close", "closes an incident",
                             {"incident close 0093-T --reason \"handed to the court\"",
                              "incident close 0093-T --as void --reason \"recorded twice\" --yes"},
                             [close](Context& context) { return Close(context, *close); });
  add(closed, *close);
  AddFlag(closed.app, "--as", close->to, "STATE", "closed (usual), resolved or void");
  const auto reopen = std::make_shared<StateOptions>();
  add(tree.Add(group, "reopen", "opens a closed incident again",
               {"incident reopen 0093-T --reason \"new evidence\""},
               [reopen](Context& context) {
                 return ChangeState(context, reopen->reference, v1::INCIDENT_STATE_REOPENED,
                                    reopen->reason);
               }),
      *reopen);
}

}  // namespace

void AddIncidentCommands(CommandTree& tree) {
  CLI::App* group = tree.AddGroup("incident", "records of this unit; they never leave the node");

  const auto create = std::make_shared<FactsOptions>();
  Command& created = tree.Add(
      group, "new", "records an incident",
      {R"(incident new --kind smuggling --where "Bờ Y" --when "today 04:10" --title "Pickup with 14 sacks of fireworks")",
       "incident new --kind drugs --where G-BOY --goods methamphetamine-tablet:20000 --person "
       "suspect:LA:2 --title \"Car search\"",
       "incident new --kind SAF-FLD --locality \"km 52\" --title \"Water over the road\" "
       "--severity 4 --dry-run"},
      [create](Context& context) { return NewIncident(context, *create); });
  create->AddTo(created.app);

  const auto list = std::make_shared<ListOptions>();
  Command& listed = tree.Add(group, "list", "lists incidents, latest first",
                             {"incident list", "incident list --kind drugs --from 2026-01 -o csv",
                              "incident list --state open --watch"},
                             [list](Context& context) { return ListIncidents(context, *list); });
  listed.list = true;
  AddFlag(listed.app, "--kind", list->kind, "KIND", "category or group, such as DRG or smuggling");
  AddFlag(listed.app, "--state", list->state, "STATE", "open, verifying, resolved, closed ...");
  AddFlag(listed.app, "--severity-min", list->severity, "1-5", "this severity and above");
  AddFlag(listed.app, "--gate", list->gate, "GATE", "only at this gate");
  AddFlag(listed.app, "--from", list->from, "TIME", "happened at or after");
  AddFlag(listed.app, "--until", list->until, "TIME", "happened before");
  AddFlag(listed.app, "--limit", list->limit, "N", "most rows; 0 = all");

  const auto shown = std::make_shared<std::string>();
  const Command& show = tree.Add(group, "show", "shows one incident",
                                 {"incident show 0093-T", "incident show 0093-T --lang lo -o json"},
                                 [shown](Context& context) { return ShowOne(context, *shown); });
  AddOperand(show.app, "REF", *shown, "incident");

  struct Edit {
    std::string reference, reason;
    FactsOptions facts;
  };
  const auto edit = std::make_shared<Edit>();
  Command& edited =
      tree.Add(group, "edit", "changes the facts of an incident; old versions stay",
               {R"(incident edit 0093-T --severity 3 --reason "value now known")",
                "incident edit 0093-T --plate 60C-123.45"},
               [edit](Context& context) {
                 return EditIncident(context, edit->reference, edit->facts, edit->reason);
               });
  edited.exits = "6 somebody changed it meanwhile";
  AddOperand(edited.app, "REF", edit->reference, "incident");
  edit->facts.AddTo(edited.app);
  AddFlag(edited.app, "--reason", edit->reason, "TEXT", "why, for the history");

  AddStateCommands(tree, group);

  const auto history = std::make_shared<std::pair<std::string, std::string>>();
  Command& told = tree.Add(
      group, "history", "lists every version of an incident, who changed it and why",
      {"incident history 0093-T", "incident history 0093-T -o jsonl"},
      [history](Context& context) { return History(context, history->first, history->second); });
  told.list = true;
  AddOperand(told.app, "REF", history->first, "incident");
  AddFlag(told.app, "--limit", history->second, "N", "most rows; 0 = all");

  AddImportCommand(tree, group);
}

}  // namespace tripoint::client
