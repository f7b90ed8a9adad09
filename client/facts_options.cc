// The flags that say what happened.
#include "client/facts_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "client/text.h"

namespace tripoint::client {
namespace {

constexpr int64_t kFutureToleranceMs =
    10 * kMinuteMs;  // clocks of terminal and node may differ a little

// Part `i` of a flag such as `suspect:VN:2`; empty when it is not there.
std::string Part(const std::vector<std::string>& parts, std::size_t i) {
  return i < parts.size() ? parts[i] : "";
}

void TooMany(const std::vector<std::string>& parts, std::size_t most, const std::string& flag,
             const char* form, Faults& faults) {
  if (parts.size() > most) faults.Add(flag, fmt::format("too many parts; the form is {}", form));
}

std::string CountryCode(const std::string& text, const std::string& flag, Faults& faults) {
  const std::string code = ToUpperAscii(text);
  if (code.empty()) return code;
  if (code.size() != 2 || code[0] < 'A' || code[0] > 'Z' || code[1] < 'A' || code[1] > 'Z') {
    faults.Add(flag, "\"" + text + "\" is no two-letter country code, such as VN, LA or KH");
  }
  return code;
}

uint32_t CountOf(const std::string& text, double max, const std::string& flag, Faults& faults) {
  return text.empty() ? 0 : static_cast<uint32_t>(NumberOf(text, 1, max, flag, faults));
}

void ReadPerson(const Context& context, const std::string& text, v1::Facts& facts, Faults& faults) {
  const std::string flag = "--person";
  const std::vector<std::string> parts = Split(text, ':');
  TooMany(parts, 4, flag, "ROLE[:COUNTRY[:COUNT[:SEX]]]", faults);
  v1::Person* person = facts.add_persons();
  person->set_role_code(CodeOf(context, "person_roles", parts[0], flag, faults));
  person->set_nationality_region_code(CountryCode(Part(parts, 1), flag, faults));
  person->set_count(CountOf(Part(parts, 2), 100'000, flag, faults));
  if (parts.size() > 3) person->set_sex_code(CodeOf(context, "sexes", parts[3], flag, faults));
}

void ReadVehicle(const Context& context, const std::string& text, v1::Facts& facts,
                 Faults& faults) {
  const std::string flag = "--vehicle";
  const std::vector<std::string> parts = Split(text, ':');
  TooMany(parts, 3, flag, "KIND[:PLATE[:COUNTRY]]", faults);
  v1::Vehicle* vehicle = facts.add_vehicles();
  vehicle->set_type_code(CodeOf(context, "vehicles", parts[0], flag, faults));
  vehicle->set_plate(Part(parts, 1));
  vehicle->set_plate_region_code(CountryCode(Part(parts, 2), flag, faults));
}

void ReadDocument(const Context& context, const std::string& text, v1::Facts& facts,
                  Faults& faults) {
  const std::string flag = "--document";
  const std::vector<std::string> parts = Split(text, ':');
  TooMany(parts, 4, flag, "KIND[:CONDITION[:COUNTRY[:COUNT]]]", faults);
  v1::Document* document = facts.add_documents();
  document->set_type_code(CodeOf(context, "documents", parts[0], flag, faults));
  if (!Part(parts, 1).empty()) {
    document->set_status_code(CodeOf(context, "document_status", parts[1], flag, faults));
  }
  document->set_region_code(CountryCode(Part(parts, 2), flag, faults));
  document->set_count(CountOf(Part(parts, 3), 100'000, flag, faults));
}

void ReadGoods(const Context& context, const std::string& text, v1::Facts& facts, Faults& faults) {
  const std::string flag = "--goods";
  const std::vector<std::string> parts = Split(text, ':');
  TooMany(parts, 4, flag, "KIND[:QUANTITY[:UNIT[:DESCRIPTION]]]", faults);
  v1::Goods* goods = facts.add_goods();
  goods->set_type_code(CodeOf(context, "goods", parts[0], flag, faults));
  if (!Part(parts, 1).empty()) goods->set_quantity(NumberOf(parts[1], 0, 1e15, flag, faults));
  const std::string unit = Part(parts, 2);
  if (!unit.empty()) {
    // Symbols such as `kg` are what people write.
    const codes::CodeList* list = context.registry().List("quantity_units");
    for (const codes::Code& code : list->codes()) {
      if (code.Column("symbol") == ToLowerAscii(unit)) goods->set_unit_code(code.code);
    }
    if (goods->unit_code().empty())
      goods->set_unit_code(CodeOf(context, "quantity_units", unit, flag, faults));
  } else if (goods->quantity() > 0) {
    const codes::Code* code = context.registry().Find("goods", goods->type_code());
    if (code != nullptr) goods->set_unit_code(std::string(code->Column("default_unit")));
    if (code != nullptr && goods->unit_code().empty())
      faults.Add(flag, "say the unit, such as " + parts[0] + ":5:USD");
  }
  goods->set_description(Part(parts, 3));
}

void ReadPosition(const std::string& text, v1::Place& place, Faults& faults) {
  const std::vector<std::string> parts = Split(text, ',');
  if (parts.size() != 2) {
    faults.Add(
        "--at",
        "\"" + text + "\" is no position; the form is LATITUDE,LONGITUDE such as 14.70,107.55");
    return;
  }
  place.mutable_coordinates()->set_latitude_deg(NumberOf(parts[0], -90, 90, "--at", faults));
  place.mutable_coordinates()->set_longitude_deg(NumberOf(parts[1], -180, 180, "--at", faults));
}

void ReadMarker(const Context& context, const std::string& text, v1::Place& place, Faults& faults) {
  const std::vector<std::string> parts = Split(text, ':');
  if (parts.size() < 2 || parts.size() > 4) {
    faults.Add(
        "--marker",
        "\"" + text +
            "\" is no marker; the form is LINE:NUMBER[:METRES[:DEGREES]] such as la-vn:790:200:45");
    return;
  }
  v1::MarkerOffset* marker = place.mutable_marker();
  marker->set_line(CodeOf(context, "border_lines", parts[0], "--marker", faults));
  marker->set_number(static_cast<uint32_t>(NumberOf(parts[1], 1, 9999, "--marker", faults)));
  if (parts.size() > 2)
    marker->set_offset_m(static_cast<uint32_t>(NumberOf(parts[2], 0, 100'000, "--marker", faults)));
  if (parts.size() > 3)
    marker->set_bearing_deg(static_cast<uint32_t>(NumberOf(parts[3], 0, 359, "--marker", faults)));
}

}  // namespace

void FactsOptions::AddTo(CLI::App* app) {
  AddFlag(app, "--kind", kind, "KIND", "category: code, word or label (tripoint codes categories)");
  AddFlag(app, "--where", where, "GATE", "gate by id or name in any language");
  AddFlag(app, "--locality", locality, "TEXT", "any other place, as you write it");
  AddFlag(app, "--at", at, "LAT,LON", "position in degrees");
  AddFlag(app, "--marker", marker, "MARKER", "LINE:NUMBER[:METRES[:DEGREES]]");
  AddFlag(app, "--when", when, "TIME", "04:10, \"yesterday 23:40\", 2026-11-21T04:10 (+07)");
  AddFlag(app, "--severity", severity, "1-5", "1 minor to 5 critical");
  AddFlag(app, "--certainty", certainty, "WORD", "observed, likely, possible, unlikely, unknown");
  AddFlag(app, "--status", status, "WORD", "ACTUAL, EXERCISE or TEST");
  AddFlag(app, "--title", title, "TEXT", "one line that names the matter");
  AddFlag(app, "--text", text, "TEXT", "the account, as written");
  AddFlag(app, "--text-lang", text_language, "LANG", "language of --text: vi, km, lo, en");
  AddFlag(app, "--plate", plate, "PLATE", "number plate of the vehicle");
  AddFlag(app, "--person", persons, "ENTRY", "ROLE[:COUNTRY[:COUNT[:SEX]]]; may be repeated");
  AddFlag(app, "--vehicle", vehicles, "ENTRY", "KIND[:PLATE[:COUNTRY]]; may be repeated");
  AddFlag(app, "--document", documents, "ENTRY",
          "KIND[:CONDITION[:COUNTRY[:COUNT]]]; may be repeated");
  AddFlag(app, "--goods", goods, "ENTRY", "KIND[:QUANTITY[:UNIT[:DESCRIPTION]]]; may be repeated");
}

bool FactsOptions::Any() const {
  for (const std::string* value : {&kind, &when, &where, &locality, &at, &marker, &severity,
                                   &certainty, &status, &title, &text, &text_language, &plate}) {
    if (!value->empty()) return true;
  }
  return !persons.empty() || !vehicles.empty() || !documents.empty() || !goods.empty();
}

void FactsOptions::Apply(Context& context, v1::Facts& facts, Faults& faults) const {
  if (!kind.empty()) facts.set_category_code(CodeOf(context, "categories", kind, "--kind", faults));
  if (!severity.empty()) {
    const std::string code =
        CodeOf(context, "severity", AsciiDigits(severity), "--severity", faults);
    if (!code.empty()) facts.set_severity(static_cast<uint32_t>(code[0] - '0'));
  }
  if (!certainty.empty())
    facts.set_certainty_code(CodeOf(context, "certainty", certainty, "--certainty", faults));
  if (!status.empty()) facts.set_status_code(CodeOf(context, "status", status, "--status", faults));
  if (!when.empty()) {
    const absl::StatusOr<When> time = ParseWhen(when, context.host().NowMs());
    faults.AddStatus("--when", time.status());
    if (time.ok() && time->time_ms > context.host().NowMs() + kFutureToleranceMs) {
      // Only a time of day can be yesterday's.
      const bool time_of_day = when.size() <= 5 && when.find(':') != std::string::npos;
      faults.Add("--when",
                 fmt::format("{} is in the future; {}",
                             TimeText(time->time_ms, Clock::kLocal, time->precision),
                             time_of_day ? fmt::format("did you mean \"yesterday {}\"?", when)
                                         : "an incident has happened"));
    } else if (time.ok()) {
      facts.set_occur_time_ms(time->time_ms);
      facts.set_occur_precision_code(time->precision);
    }
  }
  v1::Place& place = *facts.mutable_place();
  if (!where.empty()) {
    const auto gate = context.registry().ResolveGate(where);
    faults.AddStatus("--where", gate.status());
    if (gate.ok()) place.set_gate((*gate)->id);
  }
  if (!locality.empty()) place.set_locality(locality);
  if (!at.empty()) ReadPosition(at, place, faults);
  if (!marker.empty()) ReadMarker(context, marker, place, faults);
  if (IsBlank(title)) faults.Add("--title", "has only spaces; it is one line that says what");
  if (IsBlank(text)) faults.Add("--text", "has only spaces; it is the account, as written");
  if (!title.empty()) facts.set_title(title);
  if (!text.empty()) *facts.mutable_narrative() = MakeText(context, text, text_language, faults);
  if (!persons.empty()) facts.clear_persons();
  for (const std::string& entry : persons) ReadPerson(context, entry, facts, faults);
  if (!vehicles.empty()) facts.clear_vehicles();
  for (const std::string& entry : vehicles) ReadVehicle(context, entry, facts, faults);
  if (!documents.empty()) facts.clear_documents();
  for (const std::string& entry : documents) ReadDocument(context, entry, facts, faults);
  if (!goods.empty()) facts.clear_goods();
  for (const std::string& entry : goods) ReadGoods(context, entry, facts, faults);
  if (!plate.empty()) {
    if (facts.vehicles().empty()) facts.add_vehicles()->set_type_code("vehicle");
    if (facts.vehicles_size() > 1)
      faults.Add("--plate", "which vehicle? say --vehicle KIND:PLATE for each");
    facts.mutable_vehicles(0)->set_plate(plate);
  }
}

bool IsBlank(std::string_view text) { return !text.empty() && Trimmed(text).empty(); }

std::string LanguageOf(std::string_view text, std::string_view otherwise) {
  for (std::size_t i = 0; i + 2 < text.size(); ++i) {
    const std::string_view three = text.substr(i, 3);
    const auto second = static_cast<unsigned char>(three[1]);
    if (three[0] == '\xE1' && (second == 0x9E || second == 0x9F)) return "km";  // U+1780..U+17FF
    if (three[0] == '\xE0' && (second == 0xBA || second == 0xBB)) return "lo";  // U+0E80..U+0EFF
    if (three[0] == '\xE1' && (second == 0xBA || second == 0xBB)) return "vi";  // U+1E80..U+1EFF
    const std::string_view two = three.substr(0, 2);
    if (two == "đ" || two == "Đ" || two == "ơ" || two == "Ơ" || two == "ư" || two == "Ư")
      return "vi";
  }
  return std::string(otherwise);
}

v1::Text MakeText(const Context& context, std::string_view text, std::string_view language,
                  Faults& faults) {
  v1::Text out;
  out.set_text(std::string(text));
  out.set_language_code(language.empty() ? LanguageOf(text, context.language())
                                         : ToLowerAscii(language));
  if (codes::kLanguages[codes::LanguageIndex(out.language_code())] != out.language_code()) {
    faults.Add("--text-lang", "\"" + std::string(language) + "\" is none of vi, km, lo, en");
  }
  return out;
}

std::string CodeOf(const Context& context, std::string_view list, std::string_view word,
                   const std::string& flag, Faults& faults) {
  const auto code = context.registry().ResolveWord(list, word);
  faults.AddStatus(flag, code.status());
  return code.ok() ? (*code)->code : "";
}

std::vector<std::string> UnitsOf(const Context& context, const std::vector<std::string>& words,
                                 const std::string& flag, Faults& faults) {
  std::vector<std::string> units;
  for (const std::string& several : words) {
    for (const std::string& word : Split(several, ',')) {
      if (word.empty()) continue;
      const auto unit = context.registry().ResolveUnit(word);
      faults.AddStatus(flag, unit.status());
      if (unit.ok() && std::find(units.begin(), units.end(), (*unit)->id) == units.end())
        units.push_back((*unit)->id);
    }
  }
  return units;
}

double NumberOf(std::string_view text, double min, double max, const std::string& flag,
                Faults& faults) {
  const std::string plain = AsciiDigits(Trimmed(text));
  double value = 0;
  const auto [end, error] = std::from_chars(plain.data(), plain.data() + plain.size(), value);
  if (error != std::errc() || end != plain.data() + plain.size() || !std::isfinite(value)) {
    faults.Add(flag, "\"" + std::string(text) + "\" is no number");
    return 0;
  }
  if (value < min || value > max) {
    faults.Add(flag, fmt::format("{} is not within {} to {}", plain, min, max));
    return 0;
  }
  return value;
}

}  // namespace tripoint::client
