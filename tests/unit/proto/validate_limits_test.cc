// Goal: every limit of every request, and of the envelope, holds at exactly its value: a message
// filled to all its limits passes, and one step beyond any single limit is one fault at its path.
// Found by reflection, so that a new field is tested the day it is added.
#include <gtest/gtest.h>

#include <memory>

#include "proto/contract/error.h"
#include "proto/contract/validate.h"
#include "tests/unit/proto/codes_fixture.h"
#include "tests/unit/proto/validate_filler.h"
#include "tripoint/exchange/v1/envelope.pb.h"
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

std::vector<const Descriptor*> Requests() {
  std::vector<const Descriptor*> requests;
  for (const auto* file : {v1::Incident::descriptor()->file(), v1::Notice::descriptor()->file(),
                           v1::NodeStatus::descriptor()->file(), v1::Code::descriptor()->file(),
                           v1::VerifiedLog::descriptor()->file()}) {
    for (int i = 0; i < file->message_type_count(); ++i) {
      if (file->message_type(i)->name().ends_with("Request")) {
        requests.push_back(file->message_type(i));
      }
    }
  }
  return requests;
}

class Limits {
 public:
  Limits() : validator_(codes::TheRegistry()), filler_(codes::TheRegistry(), false) {}

  std::unique_ptr<Message> Full(const Descriptor* descriptor) const {
    std::unique_ptr<Message> message(
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
    filler_.Fill(message.get());
    return message;
  }

  absl::Status Check(Message& message, bool is_input) const {
    return is_input ? validator_.CheckInput(message) : validator_.CheckReceived(message);
  }

  // One step beyond each limit of the field at the end of `chain`.
  void CheckBeyond(const Message& full, const Chain& chain, bool is_input) {
    const FieldDescriptor* field = chain.back();
    const v1::Rule& rule = Filler::RuleOf(field);
    const auto beyond = [&](std::string value) {
      Expect(full, chain, true, is_input, [&](Message* holder) {
        if (field->is_repeated()) {
          holder->GetReflection()->SetRepeatedString(holder, field, 0, std::move(value));
        } else {
          holder->GetReflection()->SetString(holder, field, std::move(value));
        }
      });
    };
    if (rule.max_bytes() > 0) beyond(std::string(rule.max_bytes() + 1, 'a'));
    if (rule.max_characters() > 0) {
      beyond(std::string(rule.max_characters() + 1, 'a'));
      beyond(Filler::Letters(rule.max_characters() + 1));
    }
    if (rule.max_items() > 0) CheckItems(full, chain, is_input);
    if (Filler::HasRange(rule)) CheckRange(full, chain, is_input);
    if (Filler::Has(field, google::api::REQUIRED)) {
      Expect(full, chain, false, is_input,
             [&](Message* holder) { holder->GetReflection()->ClearField(holder, field); });
    }
  }

  int checked() const { return checked_; }

 private:
  void CheckItems(const Message& full, const Chain& chain, bool is_input) {
    const FieldDescriptor* field = chain.back();
    const auto fill_to = [&](Message* holder, std::uint32_t size) {
      const auto& reflection = *holder->GetReflection();
      while (reflection.FieldSize(*holder, field) < static_cast<int>(size)) {
        if (field->message_type() != nullptr) {
          reflection.AddMessage(holder, field)
              ->CopyFrom(reflection.GetRepeatedMessage(*holder, field, 0));
        } else {
          reflection.AddString(holder, field, reflection.GetRepeatedString(*holder, field, 0));
        }
      }
    };
    const std::uint32_t most = Filler::RuleOf(field).max_items();
    std::unique_ptr<Message> at_limit(full.New());
    at_limit->CopyFrom(full);
    fill_to(HolderOf(at_limit.get(), chain), most);
    EXPECT_TRUE(Check(*at_limit, is_input).ok()) << PathOf(chain, false);
    Expect(full, chain, false, is_input, [&](Message* holder) { fill_to(holder, most + 1); });
  }

  void CheckRange(const Message& full, const Chain& chain, bool is_input) {
    const FieldDescriptor* field = chain.back();
    const v1::Rule& rule = Filler::RuleOf(field);
    const auto set = [&](Message* holder, double value) {
      const auto& reflection = *holder->GetReflection();
      switch (field->cpp_type()) {
        case FieldDescriptor::CPPTYPE_INT32:
          return reflection.SetInt32(holder, field, static_cast<std::int32_t>(value));
        case FieldDescriptor::CPPTYPE_INT64:
          return reflection.SetInt64(holder, field, static_cast<std::int64_t>(value));
        case FieldDescriptor::CPPTYPE_UINT32:
          return reflection.SetUInt32(holder, field, static_cast<std::uint32_t>(value));
        case FieldDescriptor::CPPTYPE_UINT64:
          return reflection.SetUInt64(holder, field, static_cast<std::uint64_t>(value));
        default:
          return reflection.SetDouble(holder, field, value);
      }
    };
    Expect(full, chain, false, is_input, [&](Message* holder) { set(holder, rule.max() + 1); });
    const bool is_signed = field->cpp_type() != FieldDescriptor::CPPTYPE_UINT32 &&
                           field->cpp_type() != FieldDescriptor::CPPTYPE_UINT64;
    if (is_signed) {
      Expect(full, chain, false, is_input, [&](Message* holder) { set(holder, rule.min() - 1); });
    }
  }

  template <typename Change>
  void Expect(const Message& full, const Chain& chain, bool index_last, bool is_input,
              Change change) {
    std::unique_ptr<Message> message(full.New());
    message->CopyFrom(full);
    change(HolderOf(message.get(), chain));
    const absl::Status status = Check(*message, is_input);
    const Problem problem = ProblemOf(status);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << PathOf(chain, index_last);
    EXPECT_EQ(problem.reason, Reason::kFieldInvalid);
    ASSERT_EQ(problem.faults.size(), 1U) << PathOf(chain, index_last) << " " << status;
    EXPECT_EQ(problem.faults[0].field, PathOf(chain, index_last));
    ++checked_;
  }

  Validator validator_;
  Filler filler_;
  int checked_ = 0;
};

TEST(ValidateLimits, EveryFieldOfEveryRequestAtLimitPassesAndBeyondIsOneFault) {
  Limits limits;
  for (const Descriptor* request : Requests()) {
    SCOPED_TRACE(request->name());
    const auto full = limits.Full(request);
    const absl::Status at_limit = limits.Check(*full, true);
    ASSERT_TRUE(at_limit.ok()) << at_limit;
    Chain chain;
    std::vector<Chain> chains;
    CollectChains(request, chain, chains);
    for (const Chain& each : chains) limits.CheckBeyond(*full, each, true);
  }
  EXPECT_GT(limits.checked(), 300);
}

TEST(ValidateLimits, EveryFieldOfTheEnvelopeAtLimitPassesAndBeyondIsOneFault) {
  Limits limits;
  const auto full = limits.Full(exchange::v1::Envelope::descriptor());
  const absl::Status at_limit = limits.Check(*full, false);
  ASSERT_TRUE(at_limit.ok()) << at_limit;
  Chain chain;
  std::vector<Chain> chains;
  CollectChains(exchange::v1::Envelope::descriptor(), chain, chains);
  for (const Chain& each : chains) {
    const std::string path = PathOf(each, false);
    // The other members of the oneof cannot be filled at the same time.
    if (path.starts_with("notice_withdrawal") || path.starts_with("notice_statement")) continue;
    limits.CheckBeyond(*full, each, false);
  }
  EXPECT_GT(limits.checked(), 60);
}

// Goal: nothing that comes from outside is unbounded, and every field says who writes it.
TEST(ValidateLimits, EveryFieldFromOutsideHasBehaviourAndBound) {
  std::vector<const Descriptor*> roots = Requests();
  roots.push_back(exchange::v1::Envelope::descriptor());
  for (const Descriptor* root : roots) {
    Chain chain;
    std::vector<Chain> chains;
    CollectChains(root, chain, chains);
    for (const Chain& each : chains) {
      const FieldDescriptor* field = each.back();
      const std::string where = root->name() + "." + PathOf(each, false);
      const v1::Rule& rule = Filler::RuleOf(field);
      if (field->real_containing_oneof() == nullptr) {
        EXPECT_GT(field->options().ExtensionSize(google::api::field_behavior), 0) << where;
      }
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
        EXPECT_GT(rule.max_bytes() + rule.max_characters(), 0U) << where;
        EXPECT_TRUE(rule.max_bytes() == 0 || rule.max_characters() == 0) << where;
      }
      if (field->is_repeated()) {
        EXPECT_GT(rule.max_items(), 0U) << where;
      }
      if (!rule.code_list().empty()) {
        EXPECT_NE(codes::TheRegistry().List(rule.code_list()), nullptr) << where;
      }
    }
  }
}

}  // namespace
}  // namespace tripoint::contract
