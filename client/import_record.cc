// One record of a file as an incident.
#include "client/import_record.h"

#include <google/protobuf/struct.pb.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "client/errors.h"
#include "client/facts_options.h"
#include "client/json.h"
#include "client/resolve.h"
#include "client/text.h"
#include "proto/codes/import_map.h"
#include "proto/contract/reference.h"
#include "proto/contract/uuid.h"

namespace tripoint::client {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr int kUsualSeverity = 2;  // moderate; published reports carry no severity
constexpr int kTitleBytesMax = 160;
constexpr std::size_t kDescriptionBytesMax = 300;

const Value* Member(const Struct& object, const std::string& name) {
  const auto found = object.fields().find(name);
  return found == object.fields().end() || found->second.has_null_value() ? nullptr
                                                                          : &found->second;
}

std::string TextOf(const Struct& object, const std::string& name) {
  const Value* value = Member(object, name);
  return value == nullptr ? "" : value->string_value();
}

double NumberAt(const Struct& object, const std::string& name) {
  const Value* value = Member(object, name);
  return value == nullptr ? 0 : value->number_value();
}

// Objects of the array `name`; nothing when it is absent.
std::vector<const Struct*> Objects(const Struct& object, const std::string& name) {
  std::vector<const Struct*> out;
  const Value* value = Member(object, name);
  if (value == nullptr) return out;
  for (const Value& element : value->list_value().values()) {
    if (element.has_struct_value()) out.push_back(&element.struct_value());
  }
  return out;
}

// First sentence, cut at a grapheme border.
std::string FirstSentence(const std::string& text) {
  const std::size_t end = text.find(". ");
  std::string sentence = end == std::string::npos ? text : text.substr(0, end);
  if (sentence.ends_with('.')) sentence.pop_back();
  int columns = kTitleBytesMax;
  std::string cut = Truncate(sentence, columns);
  while (cut.size() > 300 && columns > 20) cut = Truncate(sentence, columns -= 20);
  return cut;
}

std::string Short(const std::string& text) {
  return text.size() <= kDescriptionBytesMax
             ? text
             : Truncate(text, static_cast<int>(kDescriptionBytesMax) / 4);
}

void ReadGoods(const codes::Registry& registry, const Struct& object, v1::Facts& facts,
               ImportRecord& record) {
  const std::string word = TextOf(object, "type");
  std::string code = codes::ImportCode(registry, "goods", word);
  if (code.empty()) {
    code = "other";
    record.notes.push_back("goods \"" + word + "\" have no code; recorded as other");
  }
  v1::Goods* goods = facts.add_goods();
  goods->set_type_code(code);
  goods->set_quantity(NumberAt(object, "quantity"));
  const std::string unit = TextOf(object, "unit");
  const std::string unit_code =
      unit.empty() ? "" : codes::ImportCode(registry, "quantity_units", unit);
  goods->set_unit_code(unit_code);
  std::string description = word;
  const std::string note = TextOf(object, "note");
  if (!note.empty()) description += ": " + note;
  // H87 is any piece: a brick or a dose is more than that.
  const bool plain_unit = unit.empty() || unit == "piece" || unit_code != "H87";
  if (!plain_unit || unit_code.empty()) description += unit.empty() ? "" : " (" + unit + ")";
  goods->set_description(Short(description));
}

void ReadFacts(const codes::Registry& registry, const Struct& object, v1::Facts& facts,
               ImportRecord& record) {
  for (const Struct* each : Objects(object, "persons")) {
    const std::string role = codes::ImportCode(registry, "person_roles", TextOf(*each, "role"));
    if (role.empty()) {
      record.notes.push_back("persons in the role \"" + TextOf(*each, "role") +
                             "\" have no code; left out");
      continue;
    }
    v1::Person* person = facts.add_persons();
    person->set_role_code(role);
    person->set_nationality_region_code(TextOf(*each, "nationality"));
    person->set_count(static_cast<uint32_t>(std::clamp(NumberAt(*each, "count"), 0.0, 100'000.0)));
    person->set_sex_code(TextOf(*each, "sex"));
  }
  for (const Struct* each : Objects(object, "goods")) ReadGoods(registry, *each, facts, record);
  for (const Struct* each : Objects(object, "vehicles")) {
    v1::Vehicle* vehicle = facts.add_vehicles();
    const std::string word = TextOf(*each, "type");
    const std::string code = codes::ImportCode(registry, "vehicles", word);
    vehicle->set_type_code(code.empty() ? "vehicle" : code);
    if (code.empty()) vehicle->set_description(Short(word));
    vehicle->set_count(static_cast<uint32_t>(std::clamp(NumberAt(*each, "count"), 0.0, 10'000.0)));
  }
  for (const Struct* each : Objects(object, "documents")) {
    const std::string word = TextOf(*each, "type");
    const std::string code = codes::ImportCode(registry, "documents", word);
    if (code.empty())
      record.notes.push_back("document \"" + word + "\" has no code; recorded as other");
    v1::Document* document = facts.add_documents();
    document->set_type_code(code.empty() ? "other" : code);
    document->set_count(
        static_cast<uint32_t>(std::clamp(NumberAt(*each, "count"), 0.0, 100'000.0)));
  }
}

void ReadPlace(const codes::Registry& registry, const Struct& object, v1::Place& place) {
  const codes::Gate* gate = registry.FindGate(TextOf(object, "gate"));
  if (gate != nullptr) place.set_gate(gate->id);
  place.set_locality(TextOf(object, "place"));
  if (Member(object, "lat") == nullptr || Member(object, "lon") == nullptr) return;
  v1::Coordinates* at = place.mutable_coordinates();
  at->set_latitude_deg(NumberAt(object, "lat"));
  at->set_longitude_deg(NumberAt(object, "lon"));
  // README of the data set: positions of gates and places are good to 5-10 km, others are middles
  // of provinces.
  at->set_precision_m(TextOf(object, "geo_precision") == "province" ? 50'000 : 10'000);
}

absl::StatusOr<ImportRecord> FromDataSet(const Context& context, const Struct& object) {
  const codes::Registry& registry = context.registry();
  ImportRecord record;
  v1::Incident& incident = record.incident;
  v1::Facts& facts = *incident.mutable_facts();
  incident.set_external_id(TextOf(object, "id"));
  if (incident.external_id().empty()) return absl::InvalidArgumentError("\"id\" is missing");

  const absl::StatusOr<When> when = ParseWhen(TextOf(object, "date"), 0);
  if (!when.ok())
    return absl::InvalidArgumentError("\"date\" " + std::string(when.status().message()));
  facts.set_occur_time_ms(when->time_ms);
  const std::string precision = TextOf(object, "date_precision");
  const std::string precision_code = codes::ImportCode(registry, "time_precision", precision);
  facts.set_occur_precision_code(precision_code.empty() ? when->precision : precision_code);

  const Value* members = Member(object, "facts");
  const Struct none;
  const Struct& details =
      members != nullptr && members->has_struct_value() ? members->struct_value() : none;
  codes::ImportFacts words{incident.external_id(), TextOf(object, "category"), {}, {}};
  for (const Struct* each : Objects(details, "goods")) words.goods.push_back(TextOf(*each, "type"));
  for (const Struct* each : Objects(details, "persons"))
    words.roles.push_back(TextOf(*each, "role"));
  const codes::ImportedCategory category = codes::ImportCategory(registry, words);
  if (category.code.empty())
    return absl::InvalidArgumentError("\"category\" \"" + words.category + "\" has no code");
  if (!category.exact)
    record.notes.push_back("category " + words.category + " fits " + category.code +
                           " only roughly");
  facts.set_category_code(category.code);
  facts.set_severity(kUsualSeverity);

  ReadPlace(registry, object, *facts.mutable_place());
  ReadFacts(registry, details, facts, record);
  const std::string summary = TextOf(object, "summary");
  facts.set_title(FirstSentence(summary));
  if (!summary.empty()) {
    facts.mutable_narrative()->set_text(summary);
    facts.mutable_narrative()->set_language_code(
        TextOf(object, "lang").empty() ? "en" : TextOf(object, "lang"));
  }
  const Value* source = Member(object, "source");
  if (source != nullptr && source->has_struct_value()) {
    incident.mutable_source()->set_publisher(TextOf(source->struct_value(), "publisher"));
    incident.mutable_source()->set_title(TextOf(source->struct_value(), "title"));
    incident.mutable_source()->set_url(TextOf(source->struct_value(), "url"));
  }
  for (const char* name : {"country", "province", "gate", "category", "event_kind"}) {
    record.facets[name] = TextOf(object, name);
  }
  return record;
}

// What `incident list -o json` wrote; this node gives it a new name and remembers the old one.
absl::StatusOr<ImportRecord> FromExport(const Context& context, std::string_view json) {
  v1::Incident exported;
  const absl::Status read = FromJson(json, exported, true);
  if (!read.ok()) return read;
  ImportRecord record;
  record.own_name = exported.name();
  *record.incident.mutable_facts() = exported.facts();
  if (exported.has_source()) *record.incident.mutable_source() = exported.source();
  record.incident.set_external_id(exported.external_id().empty() ? exported.name()
                                                                 : exported.external_id());
  const auto parts = contract::ParseIncidentName(exported.name());
  if (parts) {
    const codes::Unit* unit = context.registry().UnitById(parts->unit);
    if (unit != nullptr) record.facets["country"] = unit->country;
    if (unit != nullptr && !unit->codes.empty())
      record.facets["province"] = unit->codes.front().code;
  }
  record.facets["category"] = exported.facts().category_code();
  record.facets["gate"] = exported.facts().place().gate();
  return record;
}

}  // namespace

absl::StatusOr<ImportRecord> RecordFromJson(const Context& context, std::string_view json) {
  Struct object;
  const absl::Status read = FromJson(json, object, false);
  if (!read.ok())
    return absl::InvalidArgumentError("is no JSON object: " + std::string(read.message()));
  const Value* facts = Member(object, "facts");
  const bool exported = facts != nullptr && facts->has_struct_value() &&
                        Member(facts->struct_value(), "category_code") != nullptr;
  return exported ? FromExport(context, json) : FromDataSet(context, object);
}

const std::vector<std::string>& CsvFields() {
  static const std::vector<std::string> kFields = {
      "id",    "when", "kind",      "severity", "where",    "locality",  "latitude", "longitude",
      "title", "text", "text-lang", "plate",    "province", "publisher", "url"};
  return kFields;
}

std::string UsualField(std::string_view column) {
  static constexpr std::pair<std::string_view, std::string_view> kUsual[] = {
      {"external_id", "id"}, {"time_local", "when"}, {"date", "when"},      {"time", "when"},
      {"category", "kind"},  {"gate", "where"},      {"place", "locality"}, {"lat", "latitude"},
      {"lon", "longitude"},  {"subject", "title"},   {"summary", "text"},   {"lang", "text-lang"}};
  const std::string name = ToLowerAscii(Trimmed(column));
  for (const std::string& field : CsvFields()) {
    if (name == field) return field;
  }
  for (const auto& [usual, field] : kUsual) {
    if (name == usual) return std::string(field);
  }
  return "";
}

absl::StatusOr<ImportRecord> RecordFromCells(Context& context,
                                             const std::map<std::string, std::string>& cells) {
  const auto cell = [&](const char* name) {
    const auto found = cells.find(name);
    return found == cells.end() ? std::string() : std::string(Trimmed(found->second));
  };
  FactsOptions options;
  options.kind = cell("kind");
  options.when = cell("when");
  options.severity = cell("severity").empty() ? std::to_string(kUsualSeverity) : cell("severity");
  options.where = cell("where");
  options.locality = cell("locality");
  options.title = cell("title");
  options.text = cell("text");
  options.text_language = cell("text-lang");
  options.plate = cell("plate");
  if (!cell("latitude").empty() || !cell("longitude").empty())
    options.at = cell("latitude") + "," + cell("longitude");
  ImportRecord record;
  Faults faults;
  options.Apply(context, *record.incident.mutable_facts(), faults);
  if (options.kind.empty()) faults.Add("kind", "is empty");
  if (options.when.empty()) faults.Add("when", "is empty");
  const absl::Status status = faults.ToStatus("");
  if (!status.ok()) {
    std::vector<std::string> texts;
    for (const contract::FieldFault& fault : contract::ProblemOf(status).faults) {
      texts.push_back((fault.field.starts_with("--") ? fault.field.substr(2) : fault.field) + " " +
                      fault.what);
    }
    return absl::InvalidArgumentError(Join(texts, "; "));
  }
  // A row without an id of its own is known by its contents.
  std::string content;
  for (const auto& [name, value] : cells) content += name + "=" + value + "\n";
  record.incident.set_external_id(cell("id").empty() ? "csv-" + ContentUuid(content) : cell("id"));
  if (!cell("publisher").empty())
    record.incident.mutable_source()->set_publisher(cell("publisher"));
  if (!cell("url").empty()) record.incident.mutable_source()->set_url(cell("url"));
  record.facets["province"] = cell("province");
  record.facets["category"] = record.incident.facts().category_code();
  record.facets["gate"] = record.incident.facts().place().gate();
  return record;
}

std::string ContentUuid(std::string_view content) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest = {};
  unsigned length = 0;
  EVP_Digest(content.data(), content.size(), digest.data(), &length, EVP_sha256(), nullptr);
  contract::Uuid bytes = {};
  std::copy_n(digest.begin(), bytes.size(), bytes.begin());
  return contract::UuidText(contract::RandomUuid(bytes));
}

std::string UnitOfRecord(Context& context, const ImportRecord& record,
                         const std::vector<std::string>& among) {
  const std::string today = codes::IsoDate(context.host().NowMs() / 1000);
  const v1::Place& place = record.incident.facts().place();
  const auto province = record.facets.find("province");
  const codes::Unit* unit = province == record.facets.end() || province->second.empty()
                                ? nullptr
                                : context.registry().FindUnit(province->second);
  const codes::Unit* now =
      unit == nullptr ? nullptr : context.registry().Successor(unit->id, today);
  if (now != nullptr &&
      (among.empty() || std::find(among.begin(), among.end(), now->id) != among.end()))
    return now->id;
  double latitude_deg = place.coordinates().latitude_deg();
  double longitude_deg = place.coordinates().longitude_deg();
  if (!place.has_coordinates()) {
    const codes::Gate* gate =
        place.gate().empty() ? nullptr : context.registry().FindGate(place.gate());
    if (gate != nullptr && gate->latitude_deg && gate->longitude_deg) {
      latitude_deg = *gate->latitude_deg;
      longitude_deg = *gate->longitude_deg;
    } else if (unit != nullptr) {
      latitude_deg = unit->latitude_deg;
      longitude_deg = unit->longitude_deg;
    } else {
      return "";
    }
  }
  // A country's units record what happened in their country: the nearest among them, if there is
  // one to choose.
  const auto country = record.facets.find("country");
  std::vector<std::string> compatriots;
  for (const std::string& id : among) {
    const codes::Unit* candidate = context.registry().UnitById(id);
    if (candidate != nullptr && country != record.facets.end() &&
        candidate->country == country->second) {
      compatriots.push_back(id);
    }
  }
  const codes::UnitDistance nearest = context.registry().NearestUnit(
      latitude_deg, longitude_deg, today, compatriots.empty() ? among : compatriots);
  return nearest.unit == nullptr ? "" : nearest.unit->id;
}

}  // namespace tripoint::client
