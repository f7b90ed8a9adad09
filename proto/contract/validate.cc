// Walks a message along its plan and collects faults (validate.h). Any thread.
#include "proto/contract/validate.h"

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "proto/contract/error.h"
#include "proto/contract/reference.h"
#include "proto/contract/text_form.h"
#include "proto/contract/uuid.h"
#include "proto/contract/validate_plan.h"
#include "tripoint/exchange/v1/envelope.pb.h"
#include "tripoint/v1/bundle.pb.h"
#include "tripoint/v1/codes.pb.h"
#include "tripoint/v1/evidence.pb.h"
#include "tripoint/v1/incident.pb.h"
#include "tripoint/v1/node.pb.h"
#include "tripoint/v1/notice.pb.h"

namespace tripoint::contract {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Where in the message the check stands; written out only when there is a fault.
struct Path {
  const Path* parent = nullptr;
  const FieldDescriptor* field = nullptr;
  int index = -1;

  void AppendTo(std::string& text) const {
    if (parent != nullptr) parent->AppendTo(text);
    if (field == nullptr) return;
    if (!text.empty()) text += '.';
    text += field->name();
    if (index >= 0) text += fmt::format("[{}]", index);
  }
};

// One check of one message tree.
class Walk {
 public:
  Walk(const Vocabulary& vocabulary, bool is_input, bool outer_only)
      : vocabulary_(vocabulary), is_input_(is_input), outer_only_(outer_only) {}

  // `target` is the same message where it may be changed, else nullptr.
  void CheckMessage(const MessagePlan& plan, const Message& message, Message* target,
                    const Path* path, int depth);

  absl::Status Result() &&;

 private:
  void CheckField(const FieldPlan& plan, const Reflection& reflection, const Message& message,
                  Message* target, const Path* path, int depth);
  void CheckRepeated(const FieldPlan& plan, const Reflection& reflection, const Message& message,
                     Message* target, const Path* path, int depth);
  void CheckStringField(const FieldPlan& plan, const Reflection& reflection, const Message& message,
                        Message* target, const Path& path);
  // What a present string must be; a canonical form that differs is put into `canonical`.
  void CheckString(const FieldPlan& plan, const std::string& value, const Path& path,
                   std::string& canonical);
  bool CheckForm(const FieldPlan& plan, const std::string& value, const Path& path,
                 std::string& canonical);
  void CheckCode(const FieldPlan& plan, const std::string& value, const Path& path,
                 std::string& canonical);
  void CheckNumber(const FieldPlan& plan, double value, const Path& path);
  void CheckEnum(const FieldPlan& plan, int value, const Path& path);

  void Fault(const Path& path, std::string what);
  bool IsFull() const { return fault_bytes_ >= kFaultBytesMax; }

  const Vocabulary& vocabulary_;
  const bool is_input_;
  const bool outer_only_;
  std::vector<FieldFault> faults_;
  std::size_t fault_bytes_ = 0;
  std::size_t faults_left_out_ = 0;
};

void Walk::Fault(const Path& path, std::string what) {
  if (IsFull()) {
    ++faults_left_out_;
    return;
  }
  FieldFault fault;
  path.AppendTo(fault.field);
  fault.what = std::move(what);
  fault_bytes_ += fault.field.size() + fault.what.size();
  faults_.push_back(std::move(fault));
}

absl::Status Walk::Result() && {
  if (faults_.empty()) return absl::OkStatus();
  const std::size_t count = faults_.size() + faults_left_out_;
  Problem problem;
  problem.reason = Reason::kFieldInvalid;
  problem.what =
      fmt::format("{} {} fixing: {}: {}", count, count == 1 ? "field needs" : "fields need",
                  faults_.front().field, faults_.front().what);
  problem.why = "every field keeps the rule that the contract gives it; nothing was changed";
  problem.next = "correct the fields that are named and send again";
  problem.variables["count"] = fmt::format("{}", count);
  if (faults_left_out_ > 0) {
    faults_.push_back({"", fmt::format("and {} more that are not listed", faults_left_out_)});
  }
  problem.faults = std::move(faults_);
  return Error(absl::StatusCode::kInvalidArgument, problem);
}

void Walk::CheckMessage(const MessagePlan& plan, const Message& message, Message* target,
                        const Path* path, int depth) {
  if (depth > kMessageDepthMax) {
    Fault(*path, fmt::format("is nested deeper than {}", kMessageDepthMax));
    return;
  }
  const Reflection& reflection = *message.GetReflection();
  for (const FieldPlan& field : plan.fields) {
    if (field.is_output_only) {
      if (target != nullptr) reflection.ClearField(target, field.field);
      continue;
    }
    if (field.field->is_repeated()) {
      CheckRepeated(field, reflection, message, target, path, depth);
    } else {
      CheckField(field, reflection, message, target, path, depth);
    }
  }
}

void Walk::CheckField(const FieldPlan& plan, const Reflection& reflection, const Message& message,
                      Message* target, const Path* path, int depth) {
  const FieldDescriptor* field = plan.field;
  const Path here{path, field, -1};
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (!reflection.HasField(message, field)) {
        if (plan.is_required) Fault(here, "is required");
      } else if (plan.message != nullptr && !outer_only_) {
        Message* child = target == nullptr ? nullptr : reflection.MutableMessage(target, field);
        CheckMessage(*plan.message, reflection.GetMessage(message, field), child, &here, depth + 1);
      }
      break;
    case FieldDescriptor::CPPTYPE_STRING:
      CheckStringField(plan, reflection, message, target, here);
      break;
    case FieldDescriptor::CPPTYPE_ENUM:
      CheckEnum(plan, reflection.GetEnumValue(message, field), here);
      break;
    case FieldDescriptor::CPPTYPE_INT32:
      CheckNumber(plan, reflection.GetInt32(message, field), here);
      break;
    case FieldDescriptor::CPPTYPE_UINT32:
      CheckNumber(plan, reflection.GetUInt32(message, field), here);
      break;
    case FieldDescriptor::CPPTYPE_INT64:
      CheckNumber(plan, static_cast<double>(reflection.GetInt64(message, field)), here);
      break;
    case FieldDescriptor::CPPTYPE_UINT64:
      CheckNumber(plan, static_cast<double>(reflection.GetUInt64(message, field)), here);
      break;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      CheckNumber(plan, reflection.GetDouble(message, field), here);
      break;
    case FieldDescriptor::CPPTYPE_FLOAT:
      CheckNumber(plan, static_cast<double>(reflection.GetFloat(message, field)), here);
      break;
    case FieldDescriptor::CPPTYPE_BOOL:
      break;
  }
}

void Walk::CheckRepeated(const FieldPlan& plan, const Reflection& reflection,
                         const Message& message, Message* target, const Path* path, int depth) {
  const FieldDescriptor* field = plan.field;
  const int size = reflection.FieldSize(message, field);
  if (size == 0) {
    if (plan.is_required) Fault(Path{path, field, -1}, "is required");
    return;
  }
  if (plan.max_items > 0 && static_cast<std::uint32_t>(size) > plan.max_items) {
    Fault(Path{path, field, -1}, fmt::format("has {} elements, at most {}", size, plan.max_items));
    return;  // the elements are not looked at: their number is the fault
  }
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    if (plan.message == nullptr || outer_only_) return;
    for (int i = 0; i < size; ++i) {
      const Path here{path, field, i};
      Message* child =
          target == nullptr ? nullptr : reflection.MutableRepeatedMessage(target, field, i);
      CheckMessage(*plan.message, reflection.GetRepeatedMessage(message, field, i), child, &here,
                   depth + 1);
    }
    return;
  }
  if (field->cpp_type() != FieldDescriptor::CPPTYPE_STRING) return;
  std::string scratch;
  std::string canonical;
  for (int i = 0; i < size; ++i) {
    const Path here{path, field, i};
    const std::string& value = reflection.GetRepeatedStringReference(message, field, i, &scratch);
    if (value.empty()) {
      Fault(here, "is empty");
      continue;
    }
    canonical.clear();
    CheckString(plan, value, here, canonical);
    if (target != nullptr && !canonical.empty()) {
      reflection.SetRepeatedString(target, field, i, canonical);
    }
  }
}

void Walk::CheckStringField(const FieldPlan& plan, const Reflection& reflection,
                            const Message& message, Message* target, const Path& path) {
  std::string scratch;
  const std::string& value = reflection.GetStringReference(message, plan.field, &scratch);
  if (value.empty()) {
    if (plan.is_required) Fault(path, "is required");
    return;
  }
  std::string canonical;
  CheckString(plan, value, path, canonical);
  if (target != nullptr && !canonical.empty()) {
    reflection.SetString(target, plan.field, std::move(canonical));
  }
}

void Walk::CheckString(const FieldPlan& plan, const std::string& value, const Path& path,
                       std::string& canonical) {
  if (plan.max_bytes > 0 && value.size() > plan.max_bytes) {
    Fault(path, fmt::format("has {} bytes, at most {}", value.size(), plan.max_bytes));
    return;
  }
  if (plan.field->type() == FieldDescriptor::TYPE_BYTES) return;
  // No code point takes more than four bytes: what is far too long is not even looked at.
  if (plan.max_characters > 0 && value.size() > plan.max_characters * std::size_t{4}) {
    Fault(path, fmt::format("is too long, at most {} characters", plan.max_characters));
    return;
  }
  switch (ScanText(value, plan.form == Form::kText)) {
    case TextFault::kNotUtf8:
      Fault(path, "is not valid UTF-8");
      return;
    case TextFault::kControlCharacter:
      Fault(path, "holds a control character");
      return;
    case TextFault::kNone:
      break;
  }
  if (plan.max_characters > 0 && value.size() > plan.max_characters) {
    const std::size_t characters = CountCharacters(value);
    if (characters > plan.max_characters) {
      Fault(path, fmt::format("has {} characters, at most {}", characters, plan.max_characters));
      return;
    }
  }
  if (!CheckForm(plan, value, path, canonical)) return;
  if (!plan.code_list.empty()) CheckCode(plan, value, path, canonical);
}

bool Walk::CheckForm(const FieldPlan& plan, const std::string& value, const Path& path,
                     std::string& canonical) {
  switch (plan.form) {
    case Form::kLine:
    case Form::kText:
      return true;
    case Form::kUuid: {
      const auto uuid = ParseUuid(value);
      if (!uuid) {
        Fault(path, "is not a UUID such as 7f3e9a52-0c41-4b8e-9d2a-51b6c0f4e813");
        return false;
      }
      if (std::string text = UuidText(*uuid); text != value) canonical = std::move(text);
      return true;
    }
    case Form::kUnit:
      if (IsUnitId(value)) return true;
      Fault(path, "is not a unit id such as vn-quangngai");
      return false;
    case Form::kIncidentName:
      if (ParseIncidentName(value)) return true;
      Fault(path, "is not a name such as units/vn-quangngai/incidents/I-QNG-26-0093-T");
      return false;
    case Form::kNoticeName:
      if (ParseNoticeName(value)) return true;
      Fault(path, "is not a name such as units/vn-quangngai/notices/N-QNG-26-0211-M");
      return false;
    case Form::kLanguage: {
      std::string lower = AsciiLower(value);
      const bool is_ours = lower == "vi" || lower == "km" || lower == "lo" || lower == "en";
      // A newer peer may write in a language that this version does not list.
      if (!is_ours && (is_input_ || !IsTwoLetters(value))) {
        Fault(path, fmt::format("{} is not one of vi, km, lo, en", Quoted(value)));
        return false;
      }
      if (lower != value) canonical = std::move(lower);
      return true;
    }
    case Form::kRegion: {
      if (!IsTwoLetters(value)) {
        Fault(path, fmt::format("{} is not a country code such as VN, KH, LA", Quoted(value)));
        return false;
      }
      if (std::string upper = AsciiUpper(value); upper != value) canonical = std::move(upper);
      return true;
    }
  }
  return true;
}

void Walk::CheckCode(const FieldPlan& plan, const std::string& value, const Path& path,
                     std::string& canonical) {
  if (plan.codes.contains(value)) return;  // canonical already: nearly always
  if (const auto known = vocabulary_.Check(plan.code_list, value)) {
    if (*known != value) canonical.assign(*known);
    return;
  }
  if (!is_input_) {
    if (!IsCodeForm(value)) Fault(path, "has not the form of a code");
    return;
  }
  std::string what = fmt::format("{} is not in the list {}", Quoted(value), plan.code_list);
  // Suggesting costs a walk over the list: not for faults that will not be shown.
  if (!IsFull()) {
    const std::string near = vocabulary_.Suggest(plan.code_list, value);
    if (!near.empty()) what += fmt::format("; did you mean {}?", near);
  }
  Fault(path, std::move(what));
}

void Walk::CheckNumber(const FieldPlan& plan, double value, const Path& path) {
  if (value == 0) {
    if (plan.is_required) Fault(path, "is required");
    return;
  }
  if (!std::isfinite(value)) {
    Fault(path, "is not a finite number");
  } else if (plan.has_range && (value < plan.min || value > plan.max)) {
    Fault(path, fmt::format("is {}, allowed is {} to {}", value, plan.min, plan.max));
  }
}

void Walk::CheckEnum(const FieldPlan& plan, int value, const Path& path) {
  if (value == 0) {
    if (plan.is_required) Fault(path, "is required");
  } else if (is_input_ && plan.field->enum_type()->FindValueByNumber(value) == nullptr) {
    Fault(path, fmt::format("{} is not a value that this version knows", value));
  }
}

absl::Status NoPlan(const Message& message) {
  return Error(absl::StatusCode::kInternal, Reason::kInternal,
               fmt::format("no rules are known for {}", message.GetTypeName()),
               "the validator was not built for this message",
               "report this as a fault of the software");
}

}  // namespace

Validator::Validator(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {
  const google::protobuf::FileDescriptor* const files[] = {
      v1::Incident::descriptor()->file(),          v1::Notice::descriptor()->file(),
      v1::NodeStatus::descriptor()->file(),        v1::Code::descriptor()->file(),
      v1::VerifiedLog::descriptor()->file(),       v1::ExportBundleRequest::descriptor()->file(),
      exchange::v1::Envelope::descriptor()->file()};
  for (const auto* file : files) {
    for (int i = 0; i < file->message_type_count(); ++i) Build(file->message_type(i));
  }
}

Validator::~Validator() = default;

const MessagePlan* Validator::Build(const Descriptor* descriptor) {
  auto& slot = plans_[descriptor];
  if (slot != nullptr) return slot.get();
  // Kept before its fields are planned, so that a type may contain itself.
  slot = std::make_unique<MessagePlan>();
  MessagePlan* plan = slot.get();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    bool is_known_format = false;
    FieldPlan field = PlanField(descriptor->field(i), &is_known_format);
    for (const std::string_view code : vocabulary_.Members(field.code_list)) {
      field.codes.insert(code);
    }
    if (field.field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      field.message = Build(field.field->message_type());
    }
    plan->fields.push_back(std::move(field));
  }
  return plan;
}

const MessagePlan* Validator::PlanOf(const Descriptor* descriptor) const {
  const auto found = plans_.find(descriptor);
  return found == plans_.end() ? nullptr : found->second.get();
}

absl::Status Validator::CheckInput(Message& message) const {
  const MessagePlan* plan = PlanOf(message.GetDescriptor());
  if (plan == nullptr) return NoPlan(message);
  Walk walk(vocabulary_, /*is_input=*/true, /*outer_only=*/false);
  walk.CheckMessage(*plan, message, &message, nullptr, 1);
  return std::move(walk).Result();
}

absl::Status Validator::CheckInputOuter(Message& message) const {
  const MessagePlan* plan = PlanOf(message.GetDescriptor());
  if (plan == nullptr) return NoPlan(message);
  Walk walk(vocabulary_, /*is_input=*/true, /*outer_only=*/true);
  walk.CheckMessage(*plan, message, &message, nullptr, 1);
  return std::move(walk).Result();
}

absl::Status Validator::CheckReceived(const Message& message) const {
  const MessagePlan* plan = PlanOf(message.GetDescriptor());
  if (plan == nullptr) return NoPlan(message);
  Walk walk(vocabulary_, /*is_input=*/false, /*outer_only=*/false);
  walk.CheckMessage(*plan, message, nullptr, nullptr, 1);
  return std::move(walk).Result();
}

}  // namespace tripoint::contract
