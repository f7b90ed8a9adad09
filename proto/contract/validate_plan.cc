// Reads the options of a field, at start only (validate_plan.h).
#include "proto/contract/validate_plan.h"

#include <string_view>
#include <utility>

#include "google/api/field_behavior.pb.h"
#include "tripoint/v1/rules.pb.h"

namespace tripoint::contract {
namespace {

constexpr std::pair<std::string_view, Form> kForms[] = {
    {"", Form::kLine},
    {"line", Form::kLine},
    {"text", Form::kText},
    {"uuid", Form::kUuid},
    {"unit", Form::kUnit},
    {"incident_name", Form::kIncidentName},
    {"notice_name", Form::kNoticeName},
    {"language", Form::kLanguage},
    {"region", Form::kRegion},
};

}  // namespace

FieldPlan PlanField(const google::protobuf::FieldDescriptor* field, bool* is_known_format) {
  FieldPlan plan;
  plan.field = field;
  const auto& options = field->options();
  for (int i = 0; i < options.ExtensionSize(google::api::field_behavior); ++i) {
    const auto behavior = options.GetExtension(google::api::field_behavior, i);
    if (behavior == google::api::REQUIRED) plan.is_required = true;
    if (behavior == google::api::OUTPUT_ONLY) plan.is_output_only = true;
  }
  const v1::Rule& rule = options.GetExtension(v1::rule);
  plan.max_bytes = rule.max_bytes();
  plan.max_characters = rule.max_characters();
  plan.max_items = rule.max_items();
  plan.min = rule.min();
  plan.max = rule.max();
  plan.has_range = (rule.min() != 0 || rule.max() != 0) && rule.max() >= rule.min();
  plan.code_list = rule.code_list();
  *is_known_format = false;
  for (const auto& [name, form] : kForms) {
    if (name != rule.format()) continue;
    plan.form = form;
    *is_known_format = true;
  }
  return plan;
}

}  // namespace tripoint::contract
