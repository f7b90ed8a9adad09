// What the options of a message's fields say, read once: the validator's plan of a message type.
//
// Private to validate.cc and its tests. Immutable after construction.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "google/protobuf/descriptor.h"

namespace tripoint::contract {

enum class Form : std::uint8_t {
  kLine,  // also what a string without a declared form must be
  kText,
  kUuid,
  kUnit,
  kIncidentName,
  kNoticeName,
  kLanguage,
  kRegion,
};

struct MessagePlan;

struct FieldPlan {
  const google::protobuf::FieldDescriptor* field = nullptr;
  const MessagePlan* message = nullptr;  // of a message field
  bool is_required = false;
  bool is_output_only = false;
  bool has_range = false;
  Form form = Form::kLine;
  std::uint32_t max_bytes = 0;
  std::uint32_t max_characters = 0;
  std::uint32_t max_items = 0;
  double min = 0;
  double max = 0;
  std::string code_list;
  std::unordered_set<std::string_view> codes;  // canonical members of `code_list`
};

struct MessagePlan {
  std::vector<FieldPlan> fields;
};

// The plan of one field; `message` is left for the caller. A misspelt format in a proto gives
// nullopt-like Form::kLine and false in `*is_known_format`.
FieldPlan PlanField(const google::protobuf::FieldDescriptor* field, bool* is_known_format);

}  // namespace tripoint::contract
