// Goal: the disclosure matrix, field by field, is exactly what was agreed; and what no rule
// releases stays here.
#include "server/domain/policy.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/unit/domain/fixtures.h"
#include "tests/unit/proto/validate_filler.h"

namespace tripoint::domain {
namespace {

using contract::Reason;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

PolicyInput Input(std::string_view kind, std::string_view handling, std::string_view tlp) {
  return PolicyInput{.kind_code = kind,
                     .handling = StricterOf(handling, tlp, kind).value(),
                     .basis = {},
                     .release_protected = false,
                     .from_incident = true};
}

// The one group of the matrix that `unit` is in.
v1::DisclosureGroup MatrixGroup(const Disclosure& disclosure, std::string_view unit) {
  std::vector<v1::DisclosureGroup> found;
  for (const RecipientGroup& group : disclosure.groups) {
    for (const v1::DisclosureGroup& matrix : group.matrix) {
      const auto& units = matrix.units();
      if (std::count(units.begin(), units.end(), unit) == 0) continue;
      EXPECT_THAT(group.units, ::testing::Contains(unit));
      found.push_back(matrix);
    }
  }
  EXPECT_EQ(found.size(), 1U) << unit;
  return found.empty() ? v1::DisclosureGroup() : found.front();
}

// `+` sent, `-` held: one line a cell of the recipient.
std::string MatrixOf(const Disclosure& disclosure, std::string_view unit) {
  std::string text;
  const v1::DisclosureGroup group = MatrixGroup(disclosure, unit);
  for (const v1::DisclosureCell& cell : group.cells()) {
    text += fmt::format("{}{} {}\n", cell.sent() ? '+' : '-', cell.field(), cell.rule());
  }
  return text;
}

constexpr char kFactsAlwaysSent[] =
    "+category_code basic-facts\n"
    "+severity basic-facts\n"
    "+certainty_code basic-facts\n"
    "+status_code status-marked\n"
    "+occur_time_ms basic-facts\n"
    "+occur_precision_code basic-facts\n"
    "+place place\n";

TEST(Policy, DefaultHandlingWithoutBasisHoldsPersons) {
  const auto disclosure = Evaluate(FullFacts(), Input("INCIDENT", "", ""), {kKhmer, kLao});
  const std::string expected = std::string(kFactsAlwaysSent) +
                               "+title title\n"
                               "+narrative account\n"
                               "-persons[0] person-needs-basis\n"
                               "-persons[1] person-needs-basis\n"
                               "+vehicles[0] objects\n"
                               "+documents[0] documents\n"
                               "+goods[0] objects\n";
  EXPECT_EQ(MatrixOf(disclosure, kLao), expected);
  EXPECT_EQ(MatrixOf(disclosure, kKhmer), expected);
  ASSERT_EQ(disclosure.groups.size(), 1U) << "identical content is one envelope";
  EXPECT_THAT(disclosure.groups[0].units, ElementsAre(kKhmer, kLao));
  EXPECT_THAT(disclosure.groups[0].held_fields, ElementsAre("persons: 2"));
  EXPECT_EQ(disclosure.groups[0].facts.persons_size(), 0);
  EXPECT_EQ(disclosure.groups[0].facts.vehicles(0).plate(), "60C-123.45");
}

TEST(Policy, BasisReleasesPlainPersonsAndASupervisorTheProtected) {
  PolicyInput input = Input("INCIDENT", "", "");
  input.basis = "QNG-114/26";
  auto disclosure = Evaluate(FullFacts(), input, {kLao});
  EXPECT_THAT(MatrixOf(disclosure, kLao), HasSubstr("+persons[0] person-with-basis\n"
                                                    "-persons[1] protected-needs-release\n"));
  ASSERT_EQ(disclosure.groups[0].facts.persons_size(), 1);
  EXPECT_EQ(disclosure.groups[0].facts.persons(0).role_code(), "suspect");
  input.release_protected = true;
  disclosure = Evaluate(FullFacts(), input, {kLao});
  EXPECT_THAT(MatrixOf(disclosure, kLao), HasSubstr("+persons[1] protected-released\n"));
  EXPECT_THAT(disclosure.groups[0].held_fields, IsEmpty());
}

TEST(Policy, ReleaseWithoutBasisReleasesNobody) {
  PolicyInput input = Input("INCIDENT", "", "");
  input.release_protected = true;
  EXPECT_EQ(Evaluate(FullFacts(), input, {kLao}).groups[0].facts.persons_size(), 0);
}

TEST(Policy, WantedNeverHoldsProtectedPersons) {
  PolicyInput input = Input("WANTED", "", "");
  input.basis = "QNG-114/26";
  input.release_protected = true;
  EXPECT_THAT(MatrixOf(Evaluate(FullFacts(), input, {kLao}), kLao),
              HasSubstr("-persons[1] protected-never-in-kind\n"));
}

TEST(Policy, KindsWithoutPersonalDataAndUnknownKindsHoldPersons) {
  for (const char* kind : {"SITREP", "OBJECT", "RUMOUR"}) {
    PolicyInput input = Input(kind, "", "");
    input.basis = "QNG-114/26";
    input.release_protected = true;
    EXPECT_THAT(MatrixOf(Evaluate(FullFacts(), input, {kLao}), kLao),
                HasSubstr("-persons[0] kind-no-persons\n"))
        << kind;
  }
}

TEST(Policy, ReturneesGoOnlyToTheCountryOfTheirDocument) {
  PolicyInput input = Input("RETURNEE", "", "");
  input.basis = "QNG-114/26";
  input.release_protected = true;
  const auto disclosure = Evaluate(FullFacts(), input, {kKhmer, kLao});
  EXPECT_THAT(MatrixOf(disclosure, kLao), HasSubstr("+persons[0] person-with-basis\n"
                                                    "-persons[1] person-own-country\n"));
  EXPECT_THAT(MatrixOf(disclosure, kKhmer), HasSubstr("-persons[0] person-own-country\n"
                                                      "+persons[1] protected-released\n"));
  ASSERT_EQ(disclosure.groups.size(), 2U) << "different content is two envelopes";
  for (const RecipientGroup& group : disclosure.groups) {
    ASSERT_EQ(group.units.size(), 1U);
    ASSERT_EQ(group.facts.persons_size(), 1);
    EXPECT_EQ(group.facts.persons(0).nationality_region_code(), CountryOf(group.units[0]));
  }
}

// Goal: what is held for different reasons is the same contents, one envelope, and still two rows.
TEST(Policy, TheSameContentsForDifferentReasonsAreTwoGroupsOfTheMatrix) {
  v1::Facts facts = FullFacts();
  facts.mutable_persons()->DeleteSubrange(0, 1);  // leaves a protected person of Cambodia
  PolicyInput input = Input("RETURNEE", "", "");
  input.basis = "QNG-114/26";
  const auto disclosure = Evaluate(facts, input, {kKhmer, kLao, "la-sekong"});
  ASSERT_EQ(disclosure.groups.size(), 1U);
  EXPECT_THAT(disclosure.groups[0].units, ElementsAre(kKhmer, kLao, "la-sekong"));
  EXPECT_THAT(MatrixOf(disclosure, kKhmer), HasSubstr("-persons[0] protected-needs-release\n"));
  EXPECT_THAT(MatrixOf(disclosure, kLao), HasSubstr("-persons[0] person-own-country\n"));
  EXPECT_EQ(MatrixOf(disclosure, "la-sekong"), MatrixOf(disclosure, kLao));
}

TEST(Policy, PublicNoticeFromAnIncidentHoldsAllThatMayNameSomebody) {
  PolicyInput input = Input("PUBLIC", "", "");
  input.basis = "QNG-114/26";
  input.release_protected = true;
  const auto disclosure = Evaluate(FullFacts(), input, {kLao});
  EXPECT_EQ(MatrixOf(disclosure, kLao), std::string(kFactsAlwaysSent) +
                                            "-title public-no-account\n"
                                            "-narrative public-no-account\n"
                                            "-persons[0] public-no-persons\n"
                                            "-persons[1] public-no-persons\n"
                                            "+vehicles[0] objects\n"
                                            "-vehicles[0].plate public-no-plates\n"
                                            "-vehicles[0].description public-no-account\n"
                                            "-documents[0] public-no-documents\n"
                                            "+goods[0] objects\n");
  EXPECT_THAT(disclosure.groups[0].held_fields,
              ElementsAre("documents: 1", "narrative: 1", "persons: 2", "title: 1",
                          "vehicles.description: 1", "vehicles.plate: 1"));
  EXPECT_FALSE(disclosure.groups[0].facts.has_narrative());
}

TEST(Policy, PublicNoticeOfItsOwnSendsItsText) {
  PolicyInput input = Input("PUBLIC", "", "");
  input.from_incident = false;
  EXPECT_THAT(MatrixOf(Evaluate(FullFacts(), input, {kLao}), kLao),
              HasSubstr("+title title\n+narrative public-text\n-persons[0] public-no-persons\n"));
}

TEST(Policy, BelowAmberPlatesDocumentsAndAccountStay) {
  EXPECT_EQ(MatrixOf(Evaluate(FullFacts(), Input("INCIDENT", "H0", "GREEN"), {kLao}), kLao),
            std::string(kFactsAlwaysSent) +
                "+title title\n"
                "-narrative account-needs-amber\n"
                "-persons[0] person-needs-basis\n"
                "-persons[1] person-needs-basis\n"
                "+vehicles[0] objects\n"
                "-vehicles[0].plate plate-needs-amber\n"
                "-documents[0] documents-need-amber\n"
                "+goods[0] objects\n");
}

TEST(Policy, ExerciseStaysMarked) {
  v1::Facts facts = FullFacts();
  facts.set_status_code("EXERCISE");
  for (const char* kind : {"INCIDENT", "PUBLIC", "SITREP"}) {
    EXPECT_EQ(Evaluate(facts, Input(kind, "", ""), {kLao}).groups[0].facts.status_code(),
              "EXERCISE");
  }
}

// Every leaf below a message, by its path without indexes.
void CollectLeaves(const google::protobuf::Descriptor* descriptor, const std::string& prefix,
                   std::set<std::string>& leaves) {
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const auto* field = descriptor->field(i);
    const std::string path = prefix + field->name();
    if (field->message_type() != nullptr) {
      CollectLeaves(field->message_type(), path + ".", leaves);
    } else {
      leaves.insert(path);
    }
  }
}

// Goal: whoever adds a field to Facts must decide whether it leaves; until then it does not.
TEST(Policy, EveryFieldOfFactsHasARule) {
  std::set<std::string> leaves;
  CollectLeaves(v1::Facts::descriptor(), "", leaves);
  for (const std::string& leaf : leaves) EXPECT_NE(RuleOfField(leaf), "") << leaf;
  EXPECT_EQ(leaves.size(), 35U) << "a rule for a field that is gone, or a new field";
  EXPECT_EQ(RuleOfField("persons.name"), "");
  EXPECT_EQ(RuleOfField("persons"), "");
}

TEST(Policy, FieldsThatThisVersionDoesNotKnowNeverLeave) {
  v1::Facts facts = FullFacts();
  facts.GetReflection()->MutableUnknownFields(&facts)->AddLengthDelimited(99, "secret");
  v1::Person& person = *facts.mutable_persons(0);
  person.GetReflection()->MutableUnknownFields(&person)->AddLengthDelimited(99, "secret");
  v1::Place& place = *facts.mutable_place();
  place.GetReflection()->MutableUnknownFields(&place)->AddLengthDelimited(99, "secret");
  PolicyInput input = Input("INCIDENT", "", "");
  input.basis = "QNG-114/26";
  input.release_protected = true;
  ASSERT_THAT(facts.SerializeAsString(), HasSubstr("secret"));
  const auto disclosure = Evaluate(facts, input, {kLao});
  EXPECT_EQ(disclosure.groups[0].facts.SerializeAsString(), FullFacts().SerializeAsString());
}

// Goal: the matrix is the truth: exactly the cells marked as sent are in the envelope. Over every
// kind, handling and TLP, with all fields of all lists filled.
TEST(Policy, SentFactsHoldNothingThatTheMatrixDoesNotName) {
  v1::Facts facts;
  contract::Filler(codes::TheRegistry(), false).Fill(&facts);
  for (const codes::Code& kind : codes::TheRegistry().List("notice_kinds")->codes()) {
    for (const char* handling : {"H0", "H1", "H2", "H3"}) {
      for (const char* tlp : {"CLEAR", "GREEN", "AMBER", "RED"}) {
        const auto disclosure = Evaluate(facts, Input(kind.code, handling, tlp), {kLao});
        const v1::Facts& sent = disclosure.groups[0].facts;
        std::set<std::string> held;
        const v1::DisclosureGroup matrix = MatrixGroup(disclosure, kLao);
        for (const v1::DisclosureCell& cell : matrix.cells()) {
          if (!cell.sent()) held.insert(cell.field());
        }
        EXPECT_EQ(sent.persons_size(), 0);
        EXPECT_EQ(sent.has_narrative(), !held.contains("narrative"));
        EXPECT_EQ(sent.title().empty(), held.contains("title"));
        EXPECT_EQ(sent.documents_size() == 0, held.contains("documents[0]"));
        EXPECT_EQ(sent.vehicles(0).plate().empty(), held.contains("vehicles[0].plate"));
      }
    }
  }
}

TEST(Policy, EveryPersonRoleIsClassifiedAndUnknownOnesAreProtected) {
  const std::set<std::string> protected_roles = {"victim", "witness", "rescued", "missing",
                                                 "injured"};
  for (const codes::Code& code : codes::TheRegistry().List("person_roles")->codes()) {
    EXPECT_EQ(IsProtectedRole(code.code), protected_roles.contains(code.code)) << code.code;
  }
  for (const char* role : {"", "child", "minor", "asylum-seeker", "SUSPECT"}) {
    EXPECT_TRUE(IsProtectedRole(role)) << role;
  }
}

TEST(Audience, EmptySelfUnknownAndUnpairedAreRefusedWithAdvice) {
  const auto check = [](std::vector<std::string> units) {
    return CheckAudience(kSelf, units, Paired(), codes::TheRegistry());
  };
  const auto advice = [](const absl::Status& status) { return contract::ProblemOf(status).next; };
  EXPECT_EQ(ReasonOf(check({}).status()), Reason::kAudienceEmpty);
  EXPECT_EQ(ReasonOf(check({kLao, kSelf}).status()), Reason::kAudienceSelf);
  EXPECT_EQ(ReasonOf(check({"la-atapeu"}).status()), Reason::kUnitUnknown);
  EXPECT_THAT(advice(check({"la-atapeu"}).status()), HasSubstr("did you mean la-attapeu"));
  const auto unpaired = check({kLao, "la-sekong"});
  EXPECT_EQ(ReasonOf(unpaired.status()), Reason::kUnitNotPaired);
  EXPECT_EQ(contract::ProblemOf(unpaired.status()).variables.at("units"), "la-sekong");
  EXPECT_THAT(advice(unpaired.status()), HasSubstr("kh-ratanakiri, la-attapeu"));
  EXPECT_EQ(ReasonOf(check(std::vector<std::string>(65, kLao)).status()), Reason::kTooLarge);
  EXPECT_THAT(check({kLao, "LA-ATTAPEU", kKhmer}).value(), ElementsAre(kKhmer, kLao));
}

}  // namespace
}  // namespace tripoint::domain
