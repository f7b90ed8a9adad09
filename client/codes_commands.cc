// `tripoint codes [LIST]`, `kinds` and `places`: what the words of the other commands may be. Needs
// no node.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "client/app.h"
#include "client/errors.h"
#include "client/json.h"
#include "client/text.h"
#include "client/watch.h"
#include "proto/contract/nearest.h"
#include "tripoint/v1/codes.pb.h"

namespace tripoint::client {
namespace {

constexpr const char* kFixed =
    "code lists, units and gates came with this program and change only with its next version";

// Today, for what is dated: units, gates, neighbours.
std::string Today(Context& context) { return codes::IsoDate(context.host().NowMs() / 1000); }

absl::StatusOr<int> ShowNames(Context& context) {
  Listing listing;
  listing.columns = {{"list", "LIST"}, {"entries", "ENTRIES"}};
  listing.limit = 0;
  listing.all = [&](const Emit& emit) {
    for (const std::string& name : context.registry().ListNames()) {
      const std::string count = std::to_string(context.registry().List(name)->codes().size());
      v1::Code record;
      record.set_code(name);
      if (!emit({name,
                 {name, count},
                 "",
                 JsonObject({{"list", JsonString(name)}, {"entries", count}})},
                record))
        break;
    }
    return absl::OkStatus();
  };
  return RunListing(context, listing);
}

absl::Status EmitUnits(Context& context, const Emit& emit) {
  const std::string today = Today(context);
  for (const codes::Unit* unit : context.registry().UnitsAt(today)) {
    v1::Unit record;
    record.set_id(unit->id);
    record.set_short_code(unit->short_code);
    record.set_country(unit->country);
    record.set_name(std::string(unit->Name(context.language())));
    record.set_name_local(std::string(unit->LocalName()));
    record.set_successor(unit->successor);
    record.set_valid_from(unit->span.valid_from);
    record.set_valid_until(unit->span.valid_to);
    for (const codes::Unit* neighbour : context.registry().Neighbours(unit->id, today))
      record.add_neighbours(neighbour->id);
    const Row row{unit->id,
                  {unit->id, unit->short_code, unit->country,
                   Join({record.neighbours().begin(), record.neighbours().end()}, " "),
                   record.name_local(), record.name()}};
    if (!emit(row, record)) break;
  }
  return absl::OkStatus();
}

absl::Status EmitGates(Context& context, const Emit& emit) {
  const std::string today = Today(context);
  for (const codes::Gate& gate : context.registry().gates()) {
    v1::Gate record;
    record.set_id(gate.id);
    record.set_name(gate.Name(context.language()));
    record.set_kind(std::string(gate.Kind(today)));
    record.set_latitude_deg(gate.latitude_deg.value_or(0));
    record.set_longitude_deg(gate.longitude_deg.value_or(0));
    record.set_verified(gate.verified);
    for (const codes::Unit* unit : context.registry().GateUnits(gate, today))
      record.add_units(unit->id);
    const Row row{
        gate.id,
        {gate.id, record.kind(), Join({record.units().begin(), record.units().end()}, " "),
         gate.verified ? "yes" : "no", record.name()}};
    if (!emit(row, record)) break;
  }
  return absl::OkStatus();
}

// The code stands beside its label, so an untranslated one is the plain English text.
absl::Status EmitCodes(Context& context, const codes::CodeList& list, const Emit& emit) {
  const std::size_t language = codes::LanguageIndex(context.language());
  for (const codes::Code& code : list.codes()) {
    v1::Code record;
    record.set_code(code.code);
    record.set_group(code.group);
    record.set_translated(!code.labels[language].empty());
    record.set_label(code.labels[record.translated() ? language : 0]);
    const Row row{code.code,
                  {code.code, code.group, Join(code.aliases, ","),
                   record.translated() ? "yes" : "no", record.label()}};
    if (!emit(row, record)) break;
  }
  return absl::OkStatus();
}

// `12 of 94 have no label in lo yet: English is shown`; empty when none is missing.
std::string MissingText(const Context& context, const codes::CodeList& list) {
  const std::size_t language = codes::LanguageIndex(context.language());
  const auto missing =
      std::count_if(list.codes().begin(), list.codes().end(),
                    [&](const codes::Code& code) { return code.labels[language].empty(); });
  if (missing == 0) return "";
  return fmt::format("{} of {} have no label in {} yet: English is shown", missing,
                     list.codes().size(), context.language());
}

absl::StatusOr<int> ShowList(Context& context, const std::string& typed) {
  std::string name = ToLowerAscii(typed);
  if (name == "kinds") name = "categories";
  if (name == "places") name = "gates";
  const codes::CodeList* list = context.registry().List(name);
  if (list == nullptr || !list->has_labels()) {
    const std::vector<std::string> names = context.registry().ListNames();
    return UsageError("no code list \"" + typed + "\"." + contract::DidYouMean(name, names),
                      "the lists are " + Join(names, ", "), "tripoint codes");
  }
  Listing listing;
  listing.limit = 0;
  if (name == "units") {
    listing.columns = {{"id", "ID"},
                       {"short", "SHORT"},
                       {"country", "COUNTRY"},
                       {"neighbours", "NEIGHBOURS"},
                       {"name_local", "LOCAL NAME", false, true},
                       {"name", "NAME", true, true}};
    listing.all = [&](const Emit& emit) { return EmitUnits(context, emit); };
  } else if (name == "gates") {
    listing.columns = {{"id", "ID"},
                       {"kind", "KIND"},
                       {"units", "UNITS"},
                       {"verified", "VERIFIED", false},
                       {"name", "NAME", true, true}};
    listing.all = [&](const Emit& emit) { return EmitGates(context, emit); };
  } else {
    const bool words = std::any_of(list->codes().begin(), list->codes().end(),
                                   [](const codes::Code& code) { return !code.aliases.empty(); });
    listing.columns = {{"code", "CODE"},
                       {"group", "GROUP", false},
                       {"words", "WORDS", words},
                       {"translated", "TRANSLATED", false},
                       {"label", "LABEL", true, true}};
    listing.all = [&](const Emit& emit) { return EmitCodes(context, *list, emit); };
    listing.hint = [&] { return MissingText(context, *list); };
  }
  return RunListing(context, listing);
}

}  // namespace

void AddCodesCommands(CommandTree& tree) {
  const auto name = std::make_shared<std::string>();
  Command& codes = tree.Add(
      &tree.root(), "codes", "lists the code lists, or one of them in the reader's language",
      {"codes", "codes categories --lang lo", "codes units -o json"}, [name](Context& context) {
        return name->empty() ? ShowNames(context) : ShowList(context, *name);
      });
  AddOptionalOperand(codes.app, "LIST", *name, "list, such as categories, goods, units, gates");
  codes.offline = true;
  codes.fixed_because = kFixed;
  Command& kinds =
      tree.Add(&tree.root(), "kinds", "lists the categories of incidents (codes categories)",
               {"kinds", "kinds --lang vi"},
               [](Context& context) { return ShowList(context, "categories"); });
  kinds.offline = true;
  kinds.fixed_because = kFixed;
  Command& places = tree.Add(&tree.root(), "places", "lists the gates (codes gates)",
                             {"places", "places --lang km"},
                             [](Context& context) { return ShowList(context, "gates"); });
  places.offline = true;
  places.fixed_because = kFixed;
  Command& units = tree.Add(&tree.root(), "units", "lists the border units (codes units)",
                            {"units", "units --lang lo"},
                            [](Context& context) { return ShowList(context, "units"); });
  units.offline = true;
  units.fixed_because = kFixed;
}

}  // namespace tripoint::client
