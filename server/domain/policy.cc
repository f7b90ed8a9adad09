// The rules, leaf by leaf, and their evaluation (policy.h). Any thread.
#include "server/domain/policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>
#include <utility>

#include "proto/contract/error.h"
#include "proto/contract/text_form.h"
#include "server/limits.h"

namespace tripoint::domain {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// What decides about a leaf.
enum class Matter : std::uint8_t {
  kBasic,   // what happened, by code
  kStatus,  // ACTUAL, EXERCISE or TEST: always said
  kPlace,
  kTitle,
  kAccount,
  kPerson,
  kObject,  // vehicles and goods by code
  kPlate,
  kDocument,
  kDescription,  // free text about an object
};

struct LeafRow {
  std::string_view path;
  Matter matter;
};

// Every leaf of Facts that may ever leave, and what decides it. A leaf without a row is held.
constexpr std::array<LeafRow, 35> kLeaves = {{
    {"category_code", Matter::kBasic},
    {"severity", Matter::kBasic},
    {"certainty_code", Matter::kBasic},
    {"status_code", Matter::kStatus},
    {"occur_time_ms", Matter::kBasic},
    {"occur_precision_code", Matter::kBasic},
    {"place.gate", Matter::kPlace},
    {"place.marker.line", Matter::kPlace},
    {"place.marker.number", Matter::kPlace},
    {"place.marker.offset_m", Matter::kPlace},
    {"place.marker.bearing_deg", Matter::kPlace},
    {"place.coordinates.latitude_deg", Matter::kPlace},
    {"place.coordinates.longitude_deg", Matter::kPlace},
    {"place.coordinates.precision_m", Matter::kPlace},
    {"place.locality", Matter::kPlace},
    {"title", Matter::kTitle},
    {"narrative.text", Matter::kAccount},
    {"narrative.language_code", Matter::kAccount},
    {"persons.role_code", Matter::kPerson},
    {"persons.nationality_region_code", Matter::kPerson},
    {"persons.count", Matter::kPerson},
    {"persons.sex_code", Matter::kPerson},
    {"vehicles.type_code", Matter::kObject},
    {"vehicles.plate", Matter::kPlate},
    {"vehicles.plate_region_code", Matter::kObject},
    {"vehicles.description", Matter::kDescription},
    {"vehicles.count", Matter::kObject},
    {"documents.type_code", Matter::kDocument},
    {"documents.status_code", Matter::kDocument},
    {"documents.region_code", Matter::kDocument},
    {"documents.count", Matter::kDocument},
    {"goods.type_code", Matter::kObject},
    {"goods.quantity", Matter::kObject},
    {"goods.unit_code", Matter::kObject},
    {"goods.description", Matter::kDescription},
}};

constexpr std::array<std::string_view, 8> kPlainRoles = {
    "suspect", "fled", "traveller", "wanted", "held", "returnee", "dead", "evacuated"};

struct Verdict {
  bool sent = false;
  std::string_view rule;
};

const LeafRow* FindLeaf(std::string_view path) {
  for (const LeafRow& row : kLeaves) {
    if (row.path == path) return &row;
  }
  return nullptr;
}

using LeafMatters = std::unordered_map<const FieldDescriptor*, Matter>;

// Each message below Facts is used in one place only, so a leaf's descriptor stands for its path;
// one that is used twice has no single rule and is left out, which means it is held.
void CollectMatters(const google::protobuf::Descriptor* descriptor, const std::string& prefix,
                    LeafMatters& matters, std::set<const FieldDescriptor*>& met) {
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* field = descriptor->field(i);
    const std::string path = prefix + field->name();
    if (!met.insert(field).second) {
      matters.erase(field);
    } else if (field->message_type() != nullptr) {
      CollectMatters(field->message_type(), path + ".", matters, met);
    } else if (const LeafRow* row = FindLeaf(path)) {
      matters.emplace(field, row->matter);
    }
  }
}

const LeafMatters& MattersOfLeaves() {
  static const LeafMatters kMatters = [] {
    LeafMatters matters;
    std::set<const FieldDescriptor*> met;
    CollectMatters(v1::Facts::descriptor(), "", matters, met);
    return matters;
  }();
  return kMatters;
}

// Decides for the recipients of one country.
class Evaluator {
 public:
  Evaluator(const PolicyInput& input, std::string country)
      : input_(input), country_(std::move(country)), kind_(FindNoticeKind(input.kind_code)) {}

  void Run(const v1::Facts& facts) {
    FilterTop(facts);
    std::map<std::string, int> counts;
    for (const auto& path : held_paths_) ++counts[path];
    for (const auto& [path, count] : counts) {
      group_.held_fields.push_back(fmt::format("{}: {}", path, count));
    }
  }

  void AddUnit(const std::string& unit) {
    group_.units.push_back(unit);
    matrix_.add_units(unit);
  }
  RecipientGroup& group() { return group_; }
  v1::DisclosureGroup& matrix() { return matrix_; }

 private:
  // What became of the filled leaves of one top-level field or element.
  struct Part {
    const v1::Person* person = nullptr;
    std::string_view sent_rule;  // of the first leaf that is sent; empty when none is
    std::vector<std::pair<std::string, Verdict>> held;  // leaves, by path below the part
  };

  Verdict DecidePerson(const v1::Person& person) const;
  Verdict Decide(Matter matter, const v1::Person* person) const;
  Verdict DecideLeaf(const FieldDescriptor* leaf, const v1::Person* person) const {
    const auto found = MattersOfLeaves().find(leaf);
    return found == MattersOfLeaves().end() ? Verdict{false, "not-released"}
                                            : Decide(found->second, person);
  }

  void FilterTop(const v1::Facts& facts);
  void FilterMessage(const Message& from, Message* to, const std::string& prefix, Part& part) const;
  void Conclude(const std::string& top, const std::string& cell_path, const Part& part);
  void AddCell(const std::string& path, const Verdict& verdict);

  bool IsPublic() const {
    return input_.kind_code == "PUBLIC" || input_.handling.reach == Reach::kClear;
  }

  const PolicyInput& input_;
  const std::string country_;
  const NoticeKind* kind_;
  RecipientGroup group_;
  v1::DisclosureGroup matrix_;
  std::vector<std::string> held_paths_;
};

Verdict Evaluator::DecidePerson(const v1::Person& person) const {
  if (IsPublic()) return {false, "public-no-persons"};
  // A kind that this version does not know may be about anything.
  if (kind_ == nullptr || !kind_->holds_persons) return {false, "kind-no-persons"};
  if (input_.basis.empty()) return {false, "person-needs-basis"};
  if (kind_->about_nationals && person.nationality_region_code() != country_) {
    return {false, "person-own-country"};
  }
  if (!IsProtectedRole(person.role_code())) return {true, "person-with-basis"};
  if (kind_->never_protected) return {false, "protected-never-in-kind"};
  if (!input_.release_protected) return {false, "protected-needs-release"};
  return {true, "protected-released"};
}

Verdict Evaluator::Decide(Matter matter, const v1::Person* person) const {
  const bool is_amber = input_.handling.reach >= Reach::kAmber;
  switch (matter) {
    case Matter::kBasic:
      return {true, "basic-facts"};
    case Matter::kStatus:
      return {true, "status-marked"};
    case Matter::kPlace:
      return {true, "place"};
    case Matter::kTitle:
      // A title of the record may name somebody; one written for a public notice is its text.
      if (IsPublic() && input_.from_incident) return {false, "public-no-account"};
      return {true, "title"};
    case Matter::kAccount:
      if (IsPublic()) {
        return input_.from_incident ? Verdict{false, "public-no-account"}
                                    : Verdict{true, "public-text"};
      }
      return is_amber ? Verdict{true, "account"} : Verdict{false, "account-needs-amber"};
    case Matter::kPerson:
      if (person == nullptr) return {false, "not-released"};
      return DecidePerson(*person);
    case Matter::kObject:
      return {true, "objects"};
    case Matter::kPlate:
      if (IsPublic()) return {false, "public-no-plates"};
      return is_amber ? Verdict{true, "plate"} : Verdict{false, "plate-needs-amber"};
    case Matter::kDocument:
      if (IsPublic()) return {false, "public-no-documents"};
      return is_amber ? Verdict{true, "documents"} : Verdict{false, "documents-need-amber"};
    case Matter::kDescription:
      if (IsPublic() && input_.from_incident) return {false, "public-no-account"};
      return {true, "objects"};
  }
  return {false, "not-released"};
}

// Copies one filled scalar.
void CopyLeaf(const Message& from, Message* to, const FieldDescriptor* field) {
  const Reflection& source = *from.GetReflection();
  const Reflection& target = *to->GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      target.SetString(to, field, source.GetString(from, field));
      break;
    case FieldDescriptor::CPPTYPE_INT64:
      target.SetInt64(to, field, source.GetInt64(from, field));
      break;
    case FieldDescriptor::CPPTYPE_UINT64:
      target.SetUInt64(to, field, source.GetUInt64(from, field));
      break;
    case FieldDescriptor::CPPTYPE_INT32:
      target.SetInt32(to, field, source.GetInt32(from, field));
      break;
    case FieldDescriptor::CPPTYPE_UINT32:
      target.SetUInt32(to, field, source.GetUInt32(from, field));
      break;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      target.SetDouble(to, field, source.GetDouble(from, field));
      break;
    case FieldDescriptor::CPPTYPE_FLOAT:
      target.SetFloat(to, field, source.GetFloat(from, field));
      break;
    case FieldDescriptor::CPPTYPE_BOOL:
      target.SetBool(to, field, source.GetBool(from, field));
      break;
    case FieldDescriptor::CPPTYPE_ENUM:
      target.SetEnumValue(to, field, source.GetEnumValue(from, field));
      break;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
}

// Only what is listed is copied, so unknown fields and lists inside an element never leave.
void Evaluator::FilterMessage(const Message& from, Message* to, const std::string& prefix,
                              Part& part) const {
  const Reflection& reflection = *from.GetReflection();
  std::vector<const FieldDescriptor*> filled;
  reflection.ListFields(from, &filled);
  for (const FieldDescriptor* field : filled) {
    if (!field->is_repeated() && field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      FilterMessage(reflection.GetMessage(from, field),
                    to->GetReflection()->MutableMessage(to, field),
                    fmt::format("{}.{}", prefix, field->name()), part);
      continue;
    }
    const Verdict verdict =
        field->is_repeated() ? Verdict{false, "not-released"} : DecideLeaf(field, part.person);
    if (!verdict.sent) {
      part.held.emplace_back(fmt::format("{}.{}", prefix, field->name()), verdict);
      continue;
    }
    CopyLeaf(from, to, field);
    if (part.sent_rule.empty()) part.sent_rule = verdict.rule;
  }
}

void Evaluator::AddCell(const std::string& path, const Verdict& verdict) {
  v1::DisclosureCell& cell = *matrix_.add_cells();
  cell.set_field(path);
  cell.set_sent(verdict.sent);
  cell.set_rule(verdict.rule.data(), verdict.rule.size());
}

// One cell for the whole, and one for each leaf that is held inside a whole that is sent.
void Evaluator::Conclude(const std::string& top, const std::string& cell_path, const Part& part) {
  if (part.sent_rule.empty()) {
    AddCell(cell_path, part.held.empty() ? Verdict{false, "not-released"} : part.held[0].second);
    held_paths_.push_back(top);
    return;
  }
  AddCell(cell_path, Verdict{true, part.sent_rule});
  for (const auto& [path, verdict] : part.held) {
    AddCell(cell_path + path, verdict);
    held_paths_.push_back(top + path);
  }
}

void Evaluator::FilterTop(const v1::Facts& facts) {
  const Reflection& reflection = *facts.GetReflection();
  std::vector<const FieldDescriptor*> filled;
  reflection.ListFields(facts, &filled);
  for (const FieldDescriptor* field : filled) {
    const std::string& name = field->name();
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      const Verdict verdict =
          field->is_repeated() ? Verdict{false, "not-released"} : DecideLeaf(field, nullptr);
      if (verdict.sent) CopyLeaf(facts, &group_.facts, field);
      if (!verdict.sent) held_paths_.push_back(name);
      AddCell(name, verdict);
      continue;
    }
    if (!field->is_repeated()) {
      Part part;
      FilterMessage(reflection.GetMessage(facts, field),
                    reflection.MutableMessage(&group_.facts, field), "", part);
      if (part.sent_rule.empty()) reflection.ClearField(&group_.facts, field);
      Conclude(name, name, part);
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(facts, field); ++i) {
      Part part;
      if (name == "persons") part.person = &facts.persons(i);
      const std::string cell_path = fmt::format("{}[{}]", name, i);
      FilterMessage(reflection.GetRepeatedMessage(facts, field, i),
                    reflection.AddMessage(&group_.facts, field), "", part);
      if (part.sent_rule.empty()) reflection.RemoveLast(&group_.facts, field);
      Conclude(name, cell_path, part);
    }
  }
}

// The same cells for the same reasons are one group; the same contents may have several.
void AddMatrix(v1::DisclosureGroup added, std::vector<v1::DisclosureGroup>& matrix) {
  const auto cells_of = [](const v1::DisclosureGroup& group) {
    std::string text;
    for (const v1::DisclosureCell& cell : group.cells()) text += cell.SerializeAsString();
    return text;
  };
  for (v1::DisclosureGroup& present : matrix) {
    if (cells_of(present) != cells_of(added)) continue;
    present.mutable_units()->MergeFrom(added.units());
    std::sort(present.mutable_units()->begin(), present.mutable_units()->end());
    return;
  }
  matrix.push_back(std::move(added));
}

std::string Joined(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

absl::Status Refuse(absl::StatusCode code, contract::Reason reason, std::string what,
                    std::string why, std::string next, const std::vector<std::string>& units) {
  contract::Problem problem;
  problem.reason = reason;
  problem.what = std::move(what);
  problem.why = std::move(why);
  problem.next = std::move(next);
  problem.variables = {{"units", Joined(units)}};
  return contract::Error(code, problem);
}

}  // namespace

Disclosure Evaluate(const v1::Facts& facts, const PolicyInput& input,
                    const std::vector<std::string>& units) {
  Disclosure disclosure;
  // No rule looks at more of a recipient than its country, and most kinds not even at that.
  const NoticeKind* kind = FindNoticeKind(input.kind_code);
  const bool by_nation = kind != nullptr && kind->about_nationals;
  std::map<std::string, Evaluator> by_country;
  for (const std::string& unit : units) {
    const std::string country = by_nation ? CountryOf(unit) : std::string();
    auto found = by_country.find(country);
    if (found == by_country.end()) {
      found = by_country.emplace(country, Evaluator(input, country)).first;
      found->second.Run(facts);
    }
    found->second.AddUnit(unit);
  }
  std::map<std::string, std::size_t> group_by_content;
  for (auto& [country, evaluator] : by_country) {
    RecipientGroup& group = evaluator.group();
    group.matrix.push_back(std::move(evaluator.matrix()));
    const std::string content = group.facts.SerializeAsString() + Joined(group.held_fields);
    const auto [found, is_new] = group_by_content.emplace(content, disclosure.groups.size());
    if (is_new) {
      disclosure.groups.push_back(std::move(group));
      continue;
    }
    RecipientGroup& same = disclosure.groups[found->second];
    same.units.insert(same.units.end(), group.units.begin(), group.units.end());
    std::sort(same.units.begin(), same.units.end());
    AddMatrix(std::move(group.matrix.front()), same.matrix);
  }
  return disclosure;
}

std::string_view RuleOfField(std::string_view path) {
  const LeafRow* row = FindLeaf(path);
  if (row == nullptr) return {};
  switch (row->matter) {
    case Matter::kBasic:
      return "basic-facts";
    case Matter::kStatus:
      return "status-marked";
    case Matter::kPlace:
      return "place";
    case Matter::kTitle:
      return "title";
    case Matter::kAccount:
      return "account";
    case Matter::kPerson:
      return "person-with-basis";
    case Matter::kObject:
    case Matter::kDescription:
      return "objects";
    case Matter::kPlate:
      return "plate";
    case Matter::kDocument:
      return "documents";
  }
  return {};
}

bool IsProtectedRole(std::string_view role_code) {
  return std::find(kPlainRoles.begin(), kPlainRoles.end(), role_code) == kPlainRoles.end();
}

absl::StatusOr<std::vector<std::string>> CheckAudience(
    std::string_view self, const std::vector<std::string>& units,
    const std::set<std::string, std::less<>>& paired, const contract::Vocabulary& vocabulary) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  const auto paired_text = [&paired] {
    return paired.empty() ? "none" : Joined({paired.begin(), paired.end()});
  };
  if (units.empty()) {
    return Refuse(kInvalid, contract::Reason::kAudienceEmpty, "no unit is named",
                  "an empty audience means nobody, never everybody",
                  fmt::format("name the units that get it; paired are: {}", paired_text()), {});
  }
  if (units.size() > limits::kAudienceMax) {
    return Refuse(kInvalid, contract::Reason::kTooLarge,
                  fmt::format("{} units are named", units.size()),
                  fmt::format("at most {} units get one notice", limits::kAudienceMax),
                  "share with fewer units", {});
  }
  std::vector<std::string> audience;
  std::vector<std::string> unpaired;
  for (const std::string& unit : units) {
    // The usual case: the id of a neighbour as it is written.
    if (unit != self && paired.contains(unit)) {
      audience.push_back(unit);
      continue;
    }
    const auto known = vocabulary.Check("units", unit);
    if (!known) {
      const std::string near = vocabulary.Suggest("units", unit);
      return Refuse(kInvalid, contract::Reason::kUnitUnknown,
                    fmt::format("{} is not a unit", contract::Quoted(unit)),
                    "the register of units has no such id",
                    near.empty()
                        ? fmt::format("paired are: {}", paired_text())
                        : fmt::format("did you mean {}? Paired are: {}", near, paired_text()),
                    {});
    }
    const std::string id(*known);
    if (id == self) {
      return Refuse(kInvalid, contract::Reason::kAudienceSelf, fmt::format("{} is this unit", id),
                    "a unit does not share with itself", "leave it out of the audience", {id});
    }
    audience.push_back(id);
    if (!paired.contains(id) && std::find(unpaired.begin(), unpaired.end(), id) == unpaired.end())
      unpaired.push_back(id);
  }
  std::sort(audience.begin(), audience.end());
  audience.erase(std::unique(audience.begin(), audience.end()), audience.end());
  if (!unpaired.empty()) {
    return Refuse(
        absl::StatusCode::kFailedPrecondition, contract::Reason::kUnitNotPaired,
        fmt::format("this node is not paired with {}", Joined(unpaired)),
        "a notice goes only where both units agreed to the link",
        fmt::format("share with a paired unit ({}), or have the link agreed", paired_text()),
        unpaired);
  }
  return audience;
}

}  // namespace tripoint::domain
