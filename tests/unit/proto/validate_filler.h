// Fills messages with values that are valid and as large as their rules allow, for tests of limits.
// Reads the same options as the validator, by its own code. Test thread only.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "google/api/field_behavior.pb.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "proto/codes/registry.h"
#include "tripoint/v1/rules.pb.h"

namespace tripoint::contract {

class Filler {
 public:
  using Field = google::protobuf::FieldDescriptor;
  using Message = google::protobuf::Message;

  // `all_items`: lists get as many elements as allowed, else one.
  Filler(const codes::Registry& registry, bool all_items)
      : registry_(registry), all_items_(all_items) {}

  static bool Has(const Field* field, google::api::FieldBehavior wanted) {
    for (int i = 0; i < field->options().ExtensionSize(google::api::field_behavior); ++i) {
      if (field->options().GetExtension(google::api::field_behavior, i) == wanted) return true;
    }
    return false;
  }
  static const v1::Rule& RuleOf(const Field* field) {
    return field->options().GetExtension(v1::rule);
  }
  static bool HasRange(const v1::Rule& rule) {
    return (rule.min() != 0 || rule.max() != 0) && rule.max() >= rule.min();
  }

  void Fill(Message* message) const {
    const auto& reflection = *message->GetReflection();
    for (int i = 0; i < message->GetDescriptor()->field_count(); ++i) {
      const Field* field = message->GetDescriptor()->field(i);
      if (Has(field, google::api::OUTPUT_ONLY)) continue;
      // Of a oneof, the first member.
      if (field->real_containing_oneof() != nullptr &&
          reflection.HasOneof(*message, field->real_containing_oneof())) {
        continue;
      }
      const int items =
          !field->is_repeated() || !all_items_ ? 1 : static_cast<int>(RuleOf(field).max_items());
      for (int item = 0; item < items; ++item) FillField(message, field);
    }
  }

  // A string of the field's form, as long as allowed.
  std::string SampleText(const Field* field) const {
    const v1::Rule& rule = RuleOf(field);
    if (!rule.code_list().empty()) return LongestCode(rule.code_list());
    if (rule.format() == "uuid") return "7f3e9a52-0c41-4b8e-9d2a-51b6c0f4e813";
    if (rule.format() == "unit") return "vn-quangngai";
    if (rule.format() == "incident_name") return "units/vn-quangngai/incidents/I-QNG-26-0093-T";
    if (rule.format() == "notice_name") return "units/vn-quangngai/notices/N-QNG-26-0211-M";
    if (rule.format() == "language") return "km";
    if (rule.format() == "region") return "KH";
    if (rule.max_characters() > 0) return Letters(rule.max_characters());
    return std::string(rule.max_bytes() == 0 ? 8 : rule.max_bytes(), 'a');
  }

  // The longest letters that there are: four bytes each.
  static std::string Letters(std::uint32_t count) {
    std::string text;
    for (std::uint32_t i = 0; i < count; ++i) text += "\U00020000";
    return text;
  }

 private:
  std::string LongestCode(const std::string& list) const {
    std::string longest;
    const codes::CodeList* codes = registry_.List(list);
    if (codes == nullptr) return longest;
    for (const codes::Code& code : codes->codes()) {
      if (code.code.size() > longest.size()) longest = code.code;
    }
    return longest;
  }

  void FillField(Message* message, const Field* field) const {
    const auto& reflection = *message->GetReflection();
    const v1::Rule& rule = RuleOf(field);
    const double number = HasRange(rule) ? rule.max() : 1;
    switch (field->cpp_type()) {
      case Field::CPPTYPE_MESSAGE:
        Fill(field->is_repeated() ? reflection.AddMessage(message, field)
                                  : reflection.MutableMessage(message, field));
        break;
      case Field::CPPTYPE_STRING:
        if (field->is_repeated()) {
          reflection.AddString(message, field, SampleText(field));
        } else {
          reflection.SetString(message, field, SampleText(field));
        }
        break;
      case Field::CPPTYPE_ENUM:
        reflection.SetEnumValue(message, field, 1);
        break;
      case Field::CPPTYPE_INT32:
        reflection.SetInt32(message, field, static_cast<int>(number));
        break;
      case Field::CPPTYPE_INT64:
        reflection.SetInt64(message, field, static_cast<std::int64_t>(number));
        break;
      case Field::CPPTYPE_UINT32:
        reflection.SetUInt32(message, field, static_cast<std::uint32_t>(number));
        break;
      case Field::CPPTYPE_UINT64:
        reflection.SetUInt64(message, field, static_cast<std::uint64_t>(number));
        break;
      case Field::CPPTYPE_DOUBLE:
        reflection.SetDouble(message, field, number);
        break;
      case Field::CPPTYPE_FLOAT:
        reflection.SetFloat(message, field, static_cast<float>(number));
        break;
      case Field::CPPTYPE_BOOL:
        reflection.SetBool(message, field, true);
        break;
    }
  }

  const codes::Registry& registry_;
  const bool all_items_;
};

// A way from a message to one of its fields.
using Chain = std::vector<const google::protobuf::FieldDescriptor*>;

// All fields below `descriptor` that a caller may fill, lists and messages included.
inline void CollectChains(const google::protobuf::Descriptor* descriptor, Chain& chain,
                          std::vector<Chain>& chains) {
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const auto* field = descriptor->field(i);
    if (Filler::Has(field, google::api::OUTPUT_ONLY)) continue;
    chain.push_back(field);
    chains.push_back(chain);
    if (field->message_type() != nullptr) CollectChains(field->message_type(), chain, chains);
    chain.pop_back();
  }
}

// The message that holds the last field of `chain`; of lists the first element.
inline google::protobuf::Message* HolderOf(google::protobuf::Message* message, const Chain& chain) {
  for (std::size_t i = 0; i + 1 < chain.size(); ++i) {
    const auto& reflection = *message->GetReflection();
    message = chain[i]->is_repeated() ? reflection.MutableRepeatedMessage(message, chain[i], 0)
                                      : reflection.MutableMessage(message, chain[i]);
  }
  return message;
}

// `incident.facts.goods[0].quantity`
inline std::string PathOf(const Chain& chain, bool index_last) {
  std::string path;
  for (std::size_t i = 0; i < chain.size(); ++i) {
    if (i > 0) path += '.';
    path += chain[i]->name();
    if (chain[i]->is_repeated() && (i + 1 < chain.size() || index_last)) path += "[0]";
  }
  return path;
}

}  // namespace tripoint::contract
