// `tripoint codes [LIST]`, `kinds` and `places`: what the words of the other commands may be. Needs
// no node.
#include <fmt/format.h>

#include <memory>

#include "client/app.h"
#include "client/errors.h"
#include "client/json.h"
#include "client/suggest.h"
#include "client/text.h"
#include "client/watch.h"
#include "tripoint/v1/codes.pb.h"

namespace tripoint::client {
namespace {

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
    record.set_name(std::string(gate.Name(context.language())));
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

absl::Status EmitCodes(Context& context, const codes::CodeList& list, const Emit& emit) {
  for (const codes::Code& code : list.codes()) {
    v1::Code record;
    record.set_code(code.code);
    record.set_group(code.group);
    record.set_label(context.registry().Label(list.name(), code.code, context.language()));
    record.set_translated(
        context.registry().Translated(list.name(), code.code, context.language()));
    const Row row{code.code,
                  {code.code, code.group, Join(code.aliases, ","),
                   record.translated() ? "yes" : "no", record.label()}};
    if (!emit(row, record)) break;
  }
  return absl::OkStatus();
}

absl::StatusOr<int> ShowList(Context& context, const std::string& typed) {
  std::string name = ToLowerAscii(typed);
  if (name == "kinds") name = "categories";
  if (name == "places") name = "gates";
  const codes::CodeList* list = context.registry().List(name);
  if (list == nullptr || !list->has_labels()) {
    const std::vector<std::string> names = context.registry().ListNames();
    return UsageError("no code list \"" + typed + "\"." + DidYouMean(name, names),
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
    listing.columns = {{"code", "CODE"},
                       {"group", "GROUP", false},
                       {"words", "WORDS"},
                       {"translated", "TRANSLATED", false},
                       {"label", "LABEL", true, true}};
    listing.all = [&](const Emit& emit) { return EmitCodes(context, *list, emit); };
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
  codes.app->add_option("LIST", *name, "list, such as categories, goods, units, gates");
  codes.offline = codes.fixed_list = true;
  Command& kinds =
      tree.Add(&tree.root(), "kinds", "lists the categories of incidents (codes categories)",
               {"kinds", "kinds --lang vi"},
               [](Context& context) { return ShowList(context, "categories"); });
  kinds.offline = kinds.fixed_list = true;
  Command& places = tree.Add(&tree.root(), "places", "lists the gates (codes gates)",
                             {"places", "places --lang km"},
                             [](Context& context) { return ShowList(context, "gates"); });
  places.offline = places.fixed_list = true;
  Command& units = tree.Add(&tree.root(), "units", "lists the border units (codes units)",
                            {"units", "units --lang lo"},
                            [](Context& context) { return ShowList(context, "units"); });
  units.offline = units.fixed_list = true;
}

}  // namespace tripoint::client
