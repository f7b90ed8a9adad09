// Goal: what the validator says of single fields: canonical codes, did-you-mean, forms, text,
// output-only fields, received envelopes of newer versions, and bounded answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "proto/contract/error.h"
#include "proto/contract/text_form.h"
#include "proto/contract/validate.h"
#include "proto/contract/validate_plan.h"
#include "tests/unit/proto/codes_fixture.h"
#include "tests/unit/proto/validate_filler.h"
#include "tripoint/exchange/v1/envelope.pb.h"
#include "tripoint/exchange/v1/exchange.pb.h"
#include "tripoint/v1/incident.pb.h"
#include "tripoint/v1/notice.pb.h"

namespace tripoint::contract {
namespace {

using ::testing::HasSubstr;

const Validator& TheValidator() {
  static const Validator kValidator(codes::TheRegistry());
  return kValidator;
}

v1::CreateIncidentRequest GoodRequest() {
  v1::CreateIncidentRequest request;
  request.set_request_id("7f3e9a52-0c41-4b8e-9d2a-51b6c0f4e813");
  v1::Facts& facts = *request.mutable_incident()->mutable_facts();
  facts.set_category_code("DRG-TRF");
  facts.set_severity(3);
  facts.set_occur_time_ms(1'790'000'000'000);
  facts.mutable_place()->set_gate("G-BOY");
  return request;
}

std::vector<FieldFault> FaultsOf(v1::CreateIncidentRequest request) {
  return ProblemOf(TheValidator().CheckInput(request)).faults;
}

TEST(ValidateRules, CodesInAnyCaseBecomeCanonical) {
  v1::CreateIncidentRequest request = GoodRequest();
  v1::Facts& facts = *request.mutable_incident()->mutable_facts();
  facts.set_category_code("drg-trf");
  facts.mutable_place()->set_gate("g-boy");
  facts.add_persons()->set_role_code("Suspect");
  facts.mutable_persons(0)->set_nationality_region_code("kh");
  facts.mutable_narrative()->set_text("a\nb\tc");
  facts.mutable_narrative()->set_language_code("VI");
  request.set_request_id("7F3E9A52-0C41-4B8E-9D2A-51B6C0F4E813");
  ASSERT_TRUE(TheValidator().CheckInput(request).ok());
  EXPECT_EQ(facts.category_code(), "DRG-TRF");
  EXPECT_EQ(facts.place().gate(), "G-BOY");
  EXPECT_EQ(facts.persons(0).role_code(), "suspect");
  EXPECT_EQ(facts.persons(0).nationality_region_code(), "KH");
  EXPECT_EQ(facts.narrative().language_code(), "vi");
  EXPECT_EQ(request.request_id(), "7f3e9a52-0c41-4b8e-9d2a-51b6c0f4e813");
}

TEST(ValidateRules, SeveralFaultsAreAllNamedWithTheNearestCode) {
  v1::CreateIncidentRequest request = GoodRequest();
  v1::Facts& facts = *request.mutable_incident()->mutable_facts();
  facts.set_category_code("DRG-TRE");
  facts.set_severity(9);
  facts.add_goods()->set_type_code("heroin");
  facts.add_goods()->set_type_code("heroine");
  facts.mutable_goods(1)->set_quantity(-1);
  request.clear_request_id();
  const auto faults = FaultsOf(request);
  ASSERT_EQ(faults.size(), 5U);
  EXPECT_EQ(faults[0].field, "incident.facts.category_code");
  EXPECT_THAT(faults[0].what, HasSubstr("did you mean DRG-TR"));
  EXPECT_EQ(faults[1].field, "incident.facts.severity");
  EXPECT_EQ(faults[1].what, "is 9, allowed is 1 to 5");
  EXPECT_EQ(faults[2].field, "incident.facts.goods[1].type_code");
  EXPECT_EQ(faults[3].field, "incident.facts.goods[1].quantity");
  EXPECT_EQ(faults[4].field, "request_id");
}

// Goal: an officer who writes Khmer or Lao may write as many letters as one who writes English.
TEST(ValidateRules, LimitOfALineCountsLettersOfAnyScript) {
  for (const std::string letter : {"a", "\u1EA1", "\u1780", "\u0E81", "\U00020000"}) {
    std::string locality;
    for (int i = 0; i < 200; ++i) locality += letter;
    v1::CreateIncidentRequest request = GoodRequest();
    request.mutable_incident()->mutable_facts()->mutable_place()->set_locality(locality);
    EXPECT_TRUE(TheValidator().CheckInput(request).ok()) << letter;
    request.mutable_incident()->mutable_facts()->mutable_place()->set_locality(locality + letter);
    const Problem problem = ProblemOf(TheValidator().CheckInput(request));
    ASSERT_EQ(problem.faults.size(), 1U) << letter;
    EXPECT_EQ(problem.faults[0].field, "incident.facts.place.locality");
  }
  v1::CreateIncidentRequest request = GoodRequest();
  std::string title;
  for (int i = 0; i < 301; ++i) title += "\u1780";
  request.mutable_incident()->mutable_facts()->set_title(title);
  EXPECT_EQ(ProblemOf(TheValidator().CheckInput(request)).faults.at(0).what,
            "has 301 characters, at most 300");
}

TEST(ValidateRules, OutputOnlyFieldsOfARequestAreCleared) {
  v1::CreateIncidentRequest request = GoodRequest();
  request.mutable_incident()->set_version(7);
  request.mutable_incident()->set_creator("mallory");
  request.mutable_incident()->set_state(v1::INCIDENT_STATE_CLOSED);
  request.mutable_incident()->add_notices("forged");
  ASSERT_TRUE(TheValidator().CheckInput(request).ok());
  EXPECT_EQ(request.SerializeAsString(), GoodRequest().SerializeAsString());
}

TEST(ValidateRules, NumbersThatAreNoneAreRefused) {
  for (const double value :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    v1::CreateIncidentRequest request = GoodRequest();
    v1::Goods& goods = *request.mutable_incident()->mutable_facts()->add_goods();
    goods.set_type_code("heroin");
    goods.set_quantity(value);
    const auto faults = FaultsOf(request);
    ASSERT_EQ(faults.size(), 1U);
    EXPECT_EQ(faults[0].what, "is not a finite number");
  }
}

TEST(ValidateRules, EnumValueOfNoVersionIsRefused) {
  v1::ChangeIncidentStateRequest request;
  request.set_name("units/vn-quangngai/incidents/I-QNG-26-0093-T");
  request.set_etag("x");
  request.set_request_id("7f3e9a52-0c41-4b8e-9d2a-51b6c0f4e813");
  request.set_state(static_cast<v1::IncidentState>(99));
  const auto faults = ProblemOf(TheValidator().CheckInput(request)).faults;
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults[0].field, "state");
}

TEST(ValidateRules, WrongCheckLetterInANameIsAFault) {
  v1::GetIncidentRequest request;
  request.set_name("units/vn-quangngai/incidents/I-QNG-26-0093-S");
  EXPECT_EQ(ReasonOf(TheValidator().CheckInput(request)), Reason::kFieldInvalid);
  request.set_name("units/vn-quangngai/incidents/I-QNG-26-0093-T");
  EXPECT_TRUE(TheValidator().CheckInput(request).ok());
}

TEST(ValidateRules, BatchOuterCheckLeavesTheRecordsAlone) {
  v1::BatchCreateIncidentsRequest batch;
  batch.add_requests();
  EXPECT_TRUE(TheValidator().CheckInputOuter(batch).ok());
  EXPECT_FALSE(TheValidator().CheckInput(batch).ok());
  batch.clear_requests();
  EXPECT_FALSE(TheValidator().CheckInputOuter(batch).ok());
}

TEST(ValidateRules, ManyFaultsStayWithinTheSizeOfAnAnswerAndAreCounted) {
  v1::BatchCreateIncidentsRequest batch;
  for (int i = 0; i < 200; ++i) batch.add_requests();
  const Problem problem = ProblemOf(TheValidator().CheckInput(batch));
  std::size_t bytes = 0;
  for (const FieldFault& fault : problem.faults) bytes += fault.field.size() + fault.what.size();
  EXPECT_LT(bytes, kFaultBytesMax + 256);
  EXPECT_EQ(problem.variables.at("count"), "400");
  EXPECT_THAT(problem.faults.back().what, HasSubstr("more that are not listed"));
}

TEST(ValidateRules, ReceivedEnvelopeWithNewerCodesPassesAndWithoutCodeFormDoesNot) {
  exchange::v1::Envelope envelope;
  Filler(codes::TheRegistry(), false).Fill(&envelope);
  v1::Facts& facts = *envelope.mutable_notice_version()->mutable_facts();
  facts.set_category_code("DRG-NEW");
  facts.mutable_persons(0)->set_role_code("Bystander.2");
  facts.mutable_narrative()->set_language_code("th");
  const std::string before = envelope.SerializeAsString();
  EXPECT_TRUE(TheValidator().CheckReceived(envelope).ok());
  EXPECT_EQ(envelope.SerializeAsString(), before);
  facts.set_category_code("DRG NEW");
  EXPECT_FALSE(TheValidator().CheckReceived(envelope).ok());
}

TEST(ValidateRules, MessageWithoutRulesIsAFaultOfTheSoftware) {
  exchange::v1::Frame frame;
  EXPECT_EQ(ReasonOf(TheValidator().CheckReceived(frame)), Reason::kInternal);
}

TEST(ValidateRules, EveryFormatOfTheContractIsKnown) {
  for (const auto* file :
       {v1::Incident::descriptor()->file(), v1::Notice::descriptor()->file(),
        v1::Facts::descriptor()->file(), exchange::v1::Envelope::descriptor()->file()}) {
    for (int i = 0; i < file->message_type_count(); ++i) {
      const auto* message = file->message_type(i);
      for (int j = 0; j < message->field_count(); ++j) {
        bool is_known_format = false;
        PlanField(message->field(j), &is_known_format);
        EXPECT_TRUE(is_known_format) << message->field(j)->full_name();
      }
    }
  }
}

// Goal: promise 11 by schema: no field name speaks of what police may not exchange here.
TEST(ValidateRules, NoFieldNameSpeaksOfWhatIsNeverExchanged) {
  const std::vector<std::string> forbidden = {
      "ethnic",  "race",    "racial", "tribe",   "religio", "faith",   "politic", "party",
      "opinion", "belief",  "union",  "assembl", "protest", "militar", "troop",   "army",
      "health",  "disease", "sexual", "orient",  "biometr", "genetic", "caste",   "speech"};
  int fields = 0;
  for (const auto* file :
       {v1::Incident::descriptor()->file(), v1::Notice::descriptor()->file(),
        v1::Facts::descriptor()->file(), exchange::v1::Envelope::descriptor()->file()}) {
    for (int i = 0; i < file->message_type_count(); ++i) {
      for (int j = 0; j < file->message_type(i)->field_count(); ++j) {
        const std::string& name = file->message_type(i)->field(j)->name();
        for (const std::string& word : forbidden) {
          EXPECT_EQ(name.find(word), std::string::npos) << name;
        }
        ++fields;
      }
    }
  }
  EXPECT_GT(fields, 100);
}

TEST(TextForm, ControlCharactersAndBrokenUtf8AreFoundAtEveryPlace) {
  const std::string plain(40, 'x');
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const auto with = [&](std::string_view piece) {
      return plain.substr(0, i) + std::string(piece) + plain.substr(i);
    };
    EXPECT_EQ(ScanText(with("\x1b"), true), TextFault::kControlCharacter);
    EXPECT_EQ(ScanText(with("\x7f"), true), TextFault::kControlCharacter);
    EXPECT_EQ(ScanText(with(std::string_view("\0", 1)), true), TextFault::kControlCharacter);
    EXPECT_EQ(ScanText(with("\n"), false), TextFault::kControlCharacter);
    EXPECT_EQ(ScanText(with("\n"), true), TextFault::kNone);
    EXPECT_EQ(ScanText(with("\xC2\x85"), true), TextFault::kControlCharacter);      // C1
    EXPECT_EQ(ScanText(with("\xE2\x80\xAE"), true), TextFault::kControlCharacter);  // U+202E
    EXPECT_EQ(ScanText(with("\xFF"), true), TextFault::kNotUtf8);
    EXPECT_EQ(ScanText(with("\xC0\xAF"), true), TextFault::kNotUtf8);          // overlong
    EXPECT_EQ(ScanText(with("\xED\xA0\x80"), true), TextFault::kNotUtf8);      // surrogate
    EXPECT_EQ(ScanText(with("\xF4\x90\x80\x80"), true), TextFault::kNotUtf8);  // beyond U+10FFFF
    EXPECT_EQ(ScanText(with("Bờ Y ដ្រង\xE2\x80\x8Bກ"), false), TextFault::kNone);
  }
  EXPECT_EQ(ScanText("\xE1\x9E", true), TextFault::kNotUtf8);
}

}  // namespace
}  // namespace tripoint::contract
