// Incidents and the facts of a matter, as rows and as text.
#include <fmt/format.h>

#include <algorithm>

#include "client/resolve.h"
#include "client/text.h"
#include "client/views.h"

namespace tripoint::client {
namespace {

constexpr int kLabelColumns = 11;
constexpr int kSentenceColumns = 160;  // as long as a title may be

// Last word of an enum value's name, in lower case.
template <typename Enum>
std::string Word(Enum value, const std::string& name, std::string_view prefix) {
  if (name.empty()) return fmt::format("state {}", static_cast<int>(value));
  return ToLowerAscii(std::string_view(name).substr(prefix.size()));
}

std::string Times(uint32_t count) { return count > 1 ? fmt::format("{} x ", count) : ""; }

std::string Quantity(const Context& context, const v1::Goods& goods) {
  if (goods.quantity() <= 0) return "";
  const codes::Code* unit = context.registry().Find("quantity_units", goods.unit_code());
  std::string name = goods.unit_code();
  int64_t decimals = 3;
  if (unit != nullptr) {
    name = std::string(unit->Column("symbol"));
    decimals = unit->Number("decimals").value_or(decimals);
  }
  std::string number = fmt::format("{:.{}f}", goods.quantity(), decimals);
  if (number.find('.') != std::string::npos) {
    number.erase(number.find_last_not_of('0') + 1);
    if (number.ends_with('.')) number.pop_back();
  }
  return number + (name.empty() ? " x " : " " + name + " ");
}

std::string PersonText(const Context& context, const v1::Person& person) {
  std::string out = Times(person.count()) + context.Label("person_roles", person.role_code());
  std::string more = person.nationality_region_code();
  if (!person.sex_code().empty())
    more += (more.empty() ? "" : ", ") + context.Label("sexes", person.sex_code());
  return more.empty() ? out : out + " (" + more + ")";
}

std::string VehicleText(const Context& context, const v1::Vehicle& vehicle) {
  std::string out = Times(vehicle.count()) + context.Label("vehicles", vehicle.type_code());
  if (!vehicle.plate().empty()) out += " " + vehicle.plate();
  if (!vehicle.plate_region_code().empty()) out += " (" + vehicle.plate_region_code() + ")";
  if (!vehicle.description().empty()) out += ", " + vehicle.description();
  return out;
}

std::string DocumentText(const Context& context, const v1::Document& document) {
  std::string out = Times(document.count()) + context.Label("documents", document.type_code());
  if (!document.region_code().empty()) out += " (" + document.region_code() + ")";
  if (!document.status_code().empty())
    out += ", " + context.Label("document_status", document.status_code());
  return out;
}

std::string GoodsText(const Context& context, const v1::Goods& goods) {
  std::string out = Quantity(context, goods) + context.Label("goods", goods.type_code());
  if (!goods.description().empty()) out += ", " + goods.description();
  return out;
}

}  // namespace

std::string StateWord(v1::IncidentState state) {
  return Word(state, v1::IncidentState_Name(state), "INCIDENT_STATE_");
}
std::string StateWord(v1::NoticeState state) {
  return Word(state, v1::NoticeState_Name(state), "NOTICE_STATE_");
}
std::string StateWord(v1::DeliveryState state) {
  return Word(state, v1::DeliveryState_Name(state), "DELIVERY_STATE_");
}
std::string StateWord(v1::LinkEventKind kind) {
  std::string word = Word(kind, v1::LinkEventKind_Name(kind), "LINK_EVENT_KIND_");
  std::replace(word.begin(), word.end(), '_', '-');
  return word;
}
std::string StateWord(v1::LinkState state) {
  return Word(state, v1::LinkState_Name(state), "LINK_STATE_");
}

std::string Line(std::string_view label, std::string_view value) {
  if (value.empty()) return "";
  return "  " + Padded(label, kLabelColumns) + " " + Harmless(value) + "\n";
}

std::string PlaceOf(const Context& context, const v1::Place& place) {
  std::vector<std::string> parts;
  if (!place.gate().empty())
    parts.push_back(context.registry().PlaceName(place.gate(), context.language()));
  if (!place.locality().empty()) parts.push_back(place.locality());
  if (place.has_marker()) {
    std::string marker =
        fmt::format("marker {} {}", place.marker().line(), place.marker().number());
    if (place.marker().offset_m() > 0) {
      marker +=
          fmt::format(" + {} m at {} deg", place.marker().offset_m(), place.marker().bearing_deg());
    }
    parts.push_back(std::move(marker));
  }
  if (parts.empty() && place.has_coordinates()) {
    parts.push_back(fmt::format("{:.4f}, {:.4f}", place.coordinates().latitude_deg(),
                                place.coordinates().longitude_deg()));
  }
  return Join(parts, ", ");
}

std::string SubjectOf(const Context& context, const v1::Facts& facts) {
  std::vector<std::string> parts;
  if (!facts.status_code().empty() && facts.status_code() != "ACTUAL")
    parts.push_back(facts.status_code());
  parts.push_back(context.Label("categories", facts.category_code()));
  const std::string place = PlaceOf(context, facts.place());
  if (!place.empty()) parts.push_back(place);
  for (const v1::Vehicle& vehicle : facts.vehicles()) {
    if (!vehicle.plate().empty() && parts.size() < 5) parts.push_back(vehicle.plate());
  }
  // A flash has no title: what it says is its sentence.
  if (!facts.title().empty()) {
    parts.push_back(facts.title());
  } else if (!facts.narrative().text().empty()) {
    parts.push_back(Truncate(Harmless(facts.narrative().text()), kSentenceColumns));
  }
  return Join(parts, " · ");
}

std::string FactsText(const Context& context, const v1::Facts& facts) {
  std::string out;
  if (!facts.status_code().empty() && facts.status_code() != "ACTUAL") {
    out +=
        Line("STATUS", facts.status_code() + ": " + context.Label("status", facts.status_code()));
  }
  out += Line("kind", context.Label("categories", facts.category_code()) + "  [" +
                          facts.category_code() + "]");
  out += Line("when", context.Time(facts.occur_time_ms(), facts.occur_precision_code()));
  out += Line("where", PlaceOf(context, facts.place()));
  if (facts.place().has_coordinates() &&
      (!facts.place().gate().empty() || !facts.place().locality().empty())) {
    const v1::Coordinates& at = facts.place().coordinates();
    out += Line("position",
                fmt::format("{:.4f}, {:.4f}", at.latitude_deg(), at.longitude_deg()) +
                    (at.precision_m() > 0 ? fmt::format(" within {} m", at.precision_m()) : ""));
  }
  std::string weight = fmt::format("{} ", facts.severity()) +
                       context.Label("severity", std::to_string(facts.severity()));
  if (!facts.certainty_code().empty())
    weight += ", " + context.Label("certainty", facts.certainty_code());
  out += Line("severity", weight);
  out += Line("title", facts.title());
  for (const v1::Person& person : facts.persons())
    out += Line("person", PersonText(context, person));
  for (const v1::Vehicle& vehicle : facts.vehicles())
    out += Line("vehicle", VehicleText(context, vehicle));
  for (const v1::Document& document : facts.documents())
    out += Line("document", DocumentText(context, document));
  for (const v1::Goods& goods : facts.goods()) out += Line("goods", GoodsText(context, goods));
  if (!facts.narrative().text().empty()) {
    out += "  text as written [" + Harmless(facts.narrative().language_code()) + "]:\n";
    for (const std::string& line : Split(Harmless(facts.narrative().text(), true), '\n'))
      out += "    " + line + "\n";
  }
  return out;
}

std::vector<Column> IncidentColumns() {
  return {{"ref", "REF"},
          {"when", "WHEN"},
          {"severity", "SEV"},
          {"state", "STATE"},
          {"shared", "SHARED"},
          {"kind", "KIND", false},
          {"gate", "GATE", false},
          {"version", "VERSION", false},
          {"time_local", "TIME LOCAL", false},
          {"time_utc", "TIME UTC", false},
          {"creator", "BY", false},
          {"external_id", "EXTERNAL ID", false},
          {"subject", "SUBJECT", true, true}};
}

Row IncidentRow(const Context& context, const v1::Incident& incident) {
  const v1::Facts& facts = incident.facts();
  const std::string reference = ReferenceOf(incident.name());
  return {
      reference,
      {reference, context.Time(facts.occur_time_ms(), facts.occur_precision_code()),
       std::to_string(facts.severity()), StateWord(incident.state()),
       incident.notices().empty() ? "no" : std::to_string(incident.notices_size()),
       facts.category_code(), facts.place().gate(), std::to_string(incident.version()),
       IsoText(facts.occur_time_ms(), Clock::kLocal), IsoText(facts.occur_time_ms(), Clock::kUtc),
       incident.creator(), incident.external_id(), SubjectOf(context, facts)}};
}

std::string IncidentText(const Context& context, const v1::Incident& incident) {
  std::string out = fmt::format("{}  {}, version {}\n", ReferenceOf(incident.name()),
                                StateWord(incident.state()), incident.version());
  out += FactsText(context, incident.facts());
  if (incident.notices().empty()) {
    out += Line("shared", "no; it is on this node only");
  } else {
    std::vector<std::string> references;
    for (const std::string& name : incident.notices()) references.push_back(ReferenceOf(name));
    out += Line("notices", Join(references, ", "));
  }
  out += Line("recorded", context.Time(incident.create_time_ms()) + " by " + incident.creator());
  if (incident.version() > 1) {
    out += Line("changed",
                context.Time(incident.update_time_ms()) + " by " + incident.updater() +
                    (incident.change_reason().empty() ? "" : ": " + incident.change_reason()));
  }
  out += Line("external id", incident.external_id());
  if (incident.has_source()) {
    std::vector<std::string> parts;
    for (const std::string* part :
         {&incident.source().title(), &incident.source().publisher(), &incident.source().url()}) {
      if (!part->empty()) parts.push_back(*part);
    }
    out += Line("source", Join(parts, ", "));
  }
  return out;
}

}  // namespace tripoint::client
