// `tripoint notice share` and `notice revise`: what leaves the node, after everybody saw who gets
// which field.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "client/app.h"
#include "client/errors.h"
#include "client/facts_options.h"
#include "client/notice_actions.h"
#include "client/resolve.h"
#include "client/text.h"
#include "client/views.h"

namespace tripoint::client {
namespace {

constexpr int64_t kSettleMs =
    1500;  // a link that is up stores within this; a longer wait helps nobody

struct Terms {
  std::string kind, urgency, urgency_reason, handling, tlp, purpose, basis, valid_until;

  bool Any() const {
    for (const std::string* value :
         {&kind, &urgency, &urgency_reason, &handling, &tlp, &purpose, &basis, &valid_until}) {
      if (!value->empty()) return true;
    }
    return false;
  }
};

struct ShareOptions {
  std::string reference, ask_ack;
  std::vector<std::string> to;
  Terms terms;
  bool release_protected = false;
};

// A time, or a span from now such as `30d`.
int64_t ReadUntil(Context& context, const std::string& text, Faults& faults) {
  if (text.empty()) return 0;
  const absl::StatusOr<int64_t> span = ParseSpan(text);
  if (span.ok()) return context.host().NowMs() + *span;
  const absl::StatusOr<When> when = ParseWhen(text, context.host().NowMs());
  faults.AddStatus("--valid-until", when.status());
  if (when.ok() && when->time_ms <= context.host().NowMs())
    faults.Add("--valid-until", "\"" + text + "\" is over already");
  return when.ok() ? when->time_ms : 0;
}

void ApplyTerms(Context& context, const Terms& terms, v1::Notice& notice, Faults& faults) {
  const auto code = [&](const char* list, const std::string& word, const char* flag) {
    return CodeOf(context, list, word, flag, faults);
  };
  if (!terms.handling.empty())
    notice.set_handling_code(code("handling", terms.handling, "--handling"));
  if (!terms.tlp.empty()) notice.set_tlp_code(code("tlp", terms.tlp, "--tlp"));
  if (!terms.purpose.empty()) notice.set_purpose_code(code("purposes", terms.purpose, "--purpose"));
  if (!terms.kind.empty()) notice.set_kind_code(code("notice_kinds", terms.kind, "--kind"));
  if (!terms.urgency.empty()) notice.set_urgency_code(code("urgency", terms.urgency, "--urgency"));
  if (!terms.urgency_reason.empty()) {
    notice.set_urgency_reason_code(code("urgency_reasons", terms.urgency_reason, "--reason"));
  }
  if (!terms.basis.empty()) notice.set_basis(terms.basis);
  const int64_t until_ms = ReadUntil(context, terms.valid_until, faults);
  if (until_ms > 0) notice.set_valid_until_ms(until_ms);
}

// The incident or draft that REF names.
absl::StatusOr<v1::Notice> WhatToShare(Context& context, const std::string& text) {
  const absl::StatusOr<std::string> tail = CheckedTail(text);
  if (!tail.ok()) return tail.status();
  const bool whole = std::count(tail->begin(), tail->end(), '-') >= 4;
  absl::StatusOr<v1::Incident> incident = absl::NotFoundError("");
  absl::StatusOr<v1::Notice> notice = absl::NotFoundError("");
  if (!whole || tail->front() == 'I') incident = ResolveIncident(context, *tail);
  if (!incident.ok() && incident.status().code() != absl::StatusCode::kNotFound)
    return incident.status();
  if (!whole || tail->front() != 'I') notice = ResolveNotice(context, *tail, Whose::kOwn);
  if (incident.ok() && notice.ok()) {
    const std::string first = ReferenceOf(incident->name());
    return contract::Error(absl::StatusCode::kInvalidArgument,
                           contract::Reason::kReferenceAmbiguous,
                           "an incident and a notice end in " + *tail,
                           "it fits " + first + " and " + ReferenceOf(notice->name()),
                           "say all of it, such as " + first);
  }
  if (incident.ok()) {
    v1::Notice out;
    out.set_incident(incident->name());
    *out.mutable_facts() = incident->facts();
    return out;
  }
  if (notice.ok()) return notice;
  if (notice.status().code() == absl::StatusCode::kNotFound) {
    return contract::Error(absl::StatusCode::kNotFound, contract::Reason::kNotFound,
                           "no incident and no draft ends in " + *tail,
                           "this node knows none like it", "tripoint incident list");
  }
  return notice.status();
}

absl::StatusOr<int> ShareOne(Context& context, const ShareOptions& options) {
  Faults faults;
  ShareOrder order;
  order.units = UnitsOf(context, options.to, "--to", faults);
  order.release_protected = options.release_protected;
  if (!options.ask_ack.empty()) {
    order.ack_within_minutes = AckMinutes(options.ask_ack, "--ask-ack", faults);
  }
  v1::Notice terms;
  ApplyTerms(context, options.terms, terms, faults);
  if (order.units.empty() && faults.empty()) return NobodyNamed();
  if (options.to.empty())
    faults.Add("--to", "is needed: the units that get it; an empty audience means nobody");
  absl::Status status = faults.ToStatus("nothing was sent");
  if (!status.ok()) return status;
  status = context.MayConfirm();
  if (!status.ok()) return status;
  absl::StatusOr<v1::Notice> notice = WhatToShare(context, options.reference);
  if (!notice.ok()) return notice.status();
  if (notice->name().empty()) {
    notice->MergeFrom(terms);
    if (notice->kind_code().empty()) notice->set_kind_code("INCIDENT");
    if (notice->urgency_code().empty()) notice->set_urgency_code("U3");
    if (notice->purpose_code().empty()) notice->set_purpose_code("P-BORDER");
    // The node copies the facts of the incident as they stand at that moment.
    notice->clear_facts();
  } else if (options.terms.Any()) {
    return UsageError("a draft is shared as it is; nothing was sent",
                      "these flags belong to the moment of drafting",
                      "share the incident anew, or leave the flags out");
  }
  const absl::StatusOr<std::optional<v1::Notice>> shared = Share(context, *notice, order);
  if (!shared.ok()) return shared.status();
  if (!shared->has_value()) return context.dry_run() ? kExitDone : kExitRefused;
  const absl::StatusOr<v1::Notice> now = SettleDeliveries(context, **shared, kSettleMs);
  if (!now.ok()) return now.status();
  const absl::StatusOr<Caller*> node = context.Node();
  const std::string reference = ReferenceOf(now->name());
  status =
      context.out().Show(NoticeColumns(), NoticeRow(context, *now, context.host().NowMs()), *now,
                         fmt::format("Shared {} from {}\n", reference, (*node)->node().name) +
                             DeliveriesText(context, *now));
  if (!status.ok()) return status;
  context.out().Note("follow: tripoint notice track " + reference + " --watch");
  return kExitDone;
}

// --- revise

struct ReviseOptions {
  std::string reference, reason;
  FactsOptions facts;
  Terms terms;
  bool from_incident = false;
  bool release_protected = false;
};

// Who would get which field of `revised`, as for a share: the rules are the same, and facts that
// stay here must not be shown as sent.
absl::StatusOr<int> PreviewRevision(Context& context, Caller& node, const v1::Notice& revised,
                                    const v1::ReviseNoticeRequest& order) {
  v1::ShareNoticeRequest request;
  v1::Notice& draft = *request.mutable_draft();
  draft.set_kind_code(revised.kind_code());
  draft.set_urgency_code(revised.urgency_code());
  draft.set_urgency_reason_code(revised.urgency_reason_code());
  draft.set_handling_code(revised.handling_code());
  draft.set_tlp_code(revised.tlp_code());
  draft.set_purpose_code(revised.purpose_code());
  draft.set_basis(revised.basis());
  draft.set_valid_until_ms(revised.valid_until_ms());
  draft.set_incident(revised.incident());
  *draft.mutable_facts() = revised.facts();
  const std::vector<std::string> units = ReachedUnits(revised);
  for (const std::string& unit : units) request.add_units(unit);
  request.set_release_protected(order.release_protected());
  request.set_request_id(context.host().NewUuid());
  request.set_validate_only(true);
  const auto plan = node.Call<v1::ShareNoticeResponse>("NoticeService/ShareNotice", request);
  if (!plan.ok()) return plan.status();
  const absl::Status shown =
      ShowMatrix(context, *plan,
                 fmt::format("Would send version {} of {} to {}\n", revised.version(),
                             ReferenceOf(revised.name()), Join(units, ", ")),
                 "  nothing was sent\n");
  if (!shown.ok()) return shown;
  return WarnLeftOut(context, revised);
}

absl::StatusOr<int> Revise(Context& context, const ReviseOptions& options) {
  Faults faults;
  v1::Notice probe;
  ApplyTerms(context, options.terms, probe, faults);
  options.facts.Apply(context, *probe.mutable_facts(), faults);
  if (options.reason.empty()) faults.Add("--reason", "is needed: every recipient reads why");
  if (!options.facts.Any() && !options.terms.Any() && !options.from_incident) {
    faults.Add("--from-incident", "or a flag with a new value is needed: say what changes");
  }
  absl::Status status = faults.ToStatus("nothing was sent");
  if (!status.ok()) return status;
  status = context.MayConfirm();
  if (!status.ok()) return status;
  const absl::StatusOr<v1::Notice> notice = ResolveNotice(context, options.reference, Whose::kOwn);
  if (!notice.ok()) return notice.status();
  v1::ReviseNoticeRequest request;
  *request.mutable_notice() = *notice;
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return node.status();
  if (options.from_incident) {
    v1::GetIncidentRequest get;
    get.set_name(notice->incident());
    if (get.name().empty()) {
      return UsageError(ReferenceOf(notice->name()) + " was not made from an incident", "",
                        "give the new values by flags");
    }
    const auto incident = (*node)->Call<v1::Incident>("IncidentService/GetIncident", get);
    if (!incident.ok()) return incident.status();
    *request.mutable_notice()->mutable_facts() = incident->facts();
  }
  ApplyTerms(context, options.terms, *request.mutable_notice(), faults);
  options.facts.Apply(context, *request.mutable_notice()->mutable_facts(), faults);
  request.set_etag(notice->etag());
  request.set_reason(options.reason);
  request.set_release_protected(options.release_protected);
  request.set_request_id(context.host().NewUuid());
  request.set_validate_only(context.dry_run());
  status = context.Check(request);
  if (!status.ok()) return status;
  const std::string name = ReferenceOf(notice->name());
  const std::string audience = Join({notice->audience().begin(), notice->audience().end()}, ", ");
  if (!context.dry_run()) {
    const absl::StatusOr<bool> yes =
        context.Confirm("Send a new version of " + name + " to " + audience + "?", true);
    if (!yes.ok()) return yes.status();
    if (!*yes) {
      context.out().Warn("Nothing was sent.");
      return kExitRefused;
    }
  }
  const auto revised = (*node)->Call<v1::Notice>("NoticeService/ReviseNotice", request);
  if (!revised.ok()) return revised.status();
  const int64_t now_ms = context.host().NowMs();
  const bool same = revised->version() == notice->version();
  if (context.dry_run() && !same) return PreviewRevision(context, **node, *revised, request);
  const std::string text =
      (same ? fmt::format("{} says this already, version {}; nothing was sent\n", name,
                          revised->version())
            : fmt::format("Revised {} on {}, now version {}\n", name, (*node)->node().name,
                          revised->version())) +
      DeliveriesText(context, *revised);
  status =
      context.out().Show(NoticeColumns(), NoticeRow(context, *revised, now_ms), *revised, text);
  if (!status.ok()) return status;
  return WarnLeftOut(context, *revised);
}

void AddTermFlags(CLI::App* app, Terms& terms) {
  AddFlag(app, "--handling", terms.handling, "CODE", "H0 to H3 (tripoint codes handling)");
  AddFlag(app, "--tlp", terms.tlp, "TLP", "CLEAR, GREEN, AMBER, AMBER+STRICT or RED");
  AddFlag(app, "--basis", terms.basis, "REF", "file number that justifies naming persons");
  AddFlag(app, "--valid-until", terms.valid_until, "TIME",
          "end of validity: a time, or a span such as 30d");
}

}  // namespace

void AddShareCommands(CommandTree& tree, CLI::App* notice) {
  const auto share = std::make_shared<ShareOptions>();
  Command& shared = tree.Add(notice, "share", "shares an incident or a draft with named units",
                             {"notice share 0093-T --to la-attapeu,kh-ratanakiri --dry-run",
                              "notice share 0093-T --to la-attapeu --handling H1 --ask-ack 2h",
                              "notice share 0093-T --to kh-ratanakiri --urgency U1 --reason "
                              "about-to-cross --basis QNG-114/26 --yes"},
                             [share](Context& context) { return ShareOne(context, *share); });
  AddOperand(shared.app, "REF", share->reference, "incident, or a draft notice");
  AddFlag(shared.app, "--to", share->to, "UNITS", "units that get it; nobody else does");
  AddFlag(shared.app, "--ask-ack", share->ask_ack, "SPAN",
          "ask for an acknowledgement within, such as 2h");
  AddFlag(shared.app, "--kind", share->terms.kind, "KIND", "kind of notice (usual: INCIDENT)");
  AddFlag(shared.app, "--urgency", share->terms.urgency, "U",
          "U0 flash to U4 periodic (usual: U3)");
  AddFlag(shared.app, "--reason", share->terms.urgency_reason, "CODE",
          "why it is urgent; needed for U0 and U1");
  AddFlag(shared.app, "--purpose", share->terms.purpose, "CODE", "purpose (usual: P-BORDER)");
  AddTermFlags(shared.app, share->terms);
  AddSwitch(shared.app, "--release-protected", share->release_protected,
            "supervisors: let victims and other protected persons go with it");

  const auto revise = std::make_shared<ReviseOptions>();
  Command& revised =
      tree.Add(notice, "revise", "sends a new version of a notice to the same units",
               {R"(notice revise 0211-M --plate 60C-123.54 --reason "plate misread")",
                R"(notice revise 0211-M --from-incident --reason "value now known" --dry-run)"},
               [revise](Context& context) { return Revise(context, *revise); });
  revised.exits =
      "6 somebody changed it meanwhile, 8 a unit is no longer paired and does not get it";
  AddOperand(revised.app, "REF", revise->reference, "notice of this unit");
  AddFlag(revised.app, "--reason", revise->reason, "TEXT", "why; the recipients read it");
  AddSwitch(revised.app, "--from-incident", revise->from_incident,
            "take the facts of its incident as they are now");
  revise->facts.AddTo(revised.app);
  AddTermFlags(revised.app, revise->terms);
  AddSwitch(revised.app, "--release-protected", revise->release_protected,
            "supervisors: as in share");
}

}  // namespace tripoint::client
