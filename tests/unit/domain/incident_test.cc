// Goal: an incident moves only as its life-cycle allows, every version is stamped, and facts that
// contradict themselves are refused with all faults.
#include "server/domain/incident.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string_view>

#include "tests/unit/domain/fixtures.h"

namespace tripoint::domain {
namespace {

using contract::Reason;

// Rows: from. Columns: to. Both in the order of the enumeration from DRAFT to VOID; `r` = allowed
// with a reason.
constexpr std::array<std::string_view, 8> kMatrix = {
    // DOVJRCRV
    "-y-----r",  // DRAFT
    "--yyyr-r",  // OPEN
    "-y-yyr-r",  // VERIFYING
    "--y-yr--",  // JOINT
    "-----rr-",  // RESOLVED
    "------r-",  // CLOSED
    "--yyyr--",  // REOPENED
    "--------",  // VOID
};

v1::Incident InState(v1::IncidentState state) {
  v1::Incident incident = OpenIncident();
  incident.set_state(state);
  return incident;
}

TEST(Incident, EveryTransitionIsAsTheLifeCycleSays) {
  for (int from = 1; from <= 8; ++from) {
    for (int to = 0; to <= 9; ++to) {
      const v1::Incident before = InState(static_cast<v1::IncidentState>(from));
      const auto target = static_cast<v1::IncidentState>(to);
      const char cell =
          to < 1 || to > 8
              ? '-'
              : kMatrix[static_cast<std::size_t>(from - 1)][static_cast<std::size_t>(to - 1)];
      SCOPED_TRACE(StateText(before.state()) + " to " + StateText(target));
      const auto silent = ChangeIncidentState(before, target, before.etag(), "", Now());
      const auto told = ChangeIncidentState(before, target, before.etag(), "because", Now());
      EXPECT_EQ(silent.ok(), cell == 'y');
      EXPECT_EQ(told.ok(), cell != '-');
      if (told.ok()) {
        EXPECT_EQ(told->state(), target);
        EXPECT_EQ(told->version(), before.version() + 1);
        EXPECT_NE(told->etag(), before.etag());
        EXPECT_EQ(told->change_reason(), "because");
      } else {
        EXPECT_EQ(ReasonOf(told.status()), Reason::kIllegalTransition);
      }
      if (cell == 'r') {
        EXPECT_EQ(ReasonOf(silent.status()), Reason::kFieldInvalid);
      }
    }
  }
}

TEST(Incident, IllegalTransitionNamesTheStatesThatArePossible) {
  const auto refused =
      ChangeIncidentState(InState(v1::INCIDENT_STATE_RESOLVED), v1::INCIDENT_STATE_OPEN,
                          OpenIncident().etag(), "", Now());
  const contract::Problem problem = contract::ProblemOf(refused.status());
  EXPECT_EQ(problem.variables.at("next_states"), "CLOSED, REOPENED");
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(Incident, CreatedIsOpenStampedAndTakesNothingThatIsNotTheCallers) {
  v1::Incident request;
  *request.mutable_facts() = FullFacts();
  request.mutable_facts()->clear_certainty_code();
  request.mutable_facts()->clear_status_code();
  request.mutable_facts()->clear_occur_precision_code();
  request.set_name("units/other/incidents/x");
  request.set_version(9);
  request.set_creator("mallory");
  request.set_external_id("INC-0150");
  const v1::Incident incident = CreateIncident(request, kIncidentNameText, Now()).value();
  EXPECT_EQ(incident.name(), kIncidentNameText);
  EXPECT_EQ(incident.state(), v1::INCIDENT_STATE_OPEN);
  EXPECT_EQ(incident.version(), 1U);
  EXPECT_EQ(incident.creator(), "huy");
  EXPECT_EQ(incident.external_id(), "INC-0150");
  EXPECT_EQ(incident.create_time_ms(), kNow);
  EXPECT_EQ(incident.facts().certainty_code(), "unknown");
  EXPECT_EQ(incident.facts().status_code(), "ACTUAL");
  EXPECT_EQ(incident.facts().occur_precision_code(), "minute");
}

TEST(Incident, FactsThatContradictThemselvesGiveEveryFault) {
  v1::Incident request;
  *request.mutable_facts() = FullFacts();
  request.mutable_facts()->mutable_place()->Clear();
  request.mutable_facts()->set_occur_time_ms(kNow + kFutureToleranceMs + 1);
  request.mutable_facts()->mutable_goods(0)->clear_unit_code();
  const auto refused = CreateIncident(request, "", Now());
  const auto faults = contract::ProblemOf(refused.status()).faults;
  ASSERT_EQ(faults.size(), 3U);
  EXPECT_EQ(faults[0].field, "incident.facts.place");
  EXPECT_EQ(faults[1].field, "incident.facts.occur_time_ms");
  EXPECT_EQ(faults[2].field, "incident.facts.goods[0].unit_code");
  *request.mutable_facts() = FullFacts();
  request.mutable_facts()->set_occur_time_ms(kNow + kFutureToleranceMs);
  EXPECT_TRUE(CreateIncident(request, "", Now()).ok());
}

TEST(Incident, CategoryOutsideTheNeutralGroupsIsRefused) {
  v1::Incident request;
  *request.mutable_facts() = FullFacts();
  request.mutable_facts()->set_category_code("POL-OPN");
  EXPECT_EQ(ReasonOf(CreateIncident(request, "", Now()).status()), Reason::kNeutrality);
}

TEST(Incident, UpdateReplacesFactsKeepsTheRestAndNeedsTheEtag) {
  const v1::Incident before = OpenIncident();
  v1::Incident request;
  *request.mutable_facts() = FullFacts();
  request.mutable_facts()->set_severity(5);
  request.mutable_facts()->clear_status_code();
  EXPECT_EQ(ReasonOf(UpdateIncident(before, request, "1-0", "", Now()).status()),
            Reason::kStaleEtag);
  const auto after =
      UpdateIncident(before, request, before.etag(), "worse", {kNow - 5, "lan"}).value();
  EXPECT_EQ(after.facts().severity(), 5U);
  EXPECT_EQ(after.facts().status_code(), "ACTUAL");
  EXPECT_EQ(after.version(), 2U);
  EXPECT_EQ(after.updater(), "lan");
  EXPECT_EQ(after.creator(), "huy");
  EXPECT_EQ(after.update_time_ms(), kNow) << "a clock that was set back stamps no earlier time";
  request.mutable_facts()->set_status_code("EXERCISE");
  EXPECT_EQ(ReasonOf(UpdateIncident(before, request, before.etag(), "", Now()).status()),
            Reason::kFieldInvalid);
}

TEST(Incident, UpdateThatChangesNothingIsThePresentVersion) {
  const v1::Incident before = OpenIncident();
  v1::Incident request = before;
  request.mutable_facts()->clear_status_code();  // what is left out is filled in as before
  const auto same = UpdateIncident(before, request, before.etag(), "again", Now());
  ASSERT_TRUE(same.ok()) << same.status();
  EXPECT_EQ(same->SerializeAsString(), before.SerializeAsString());
  EXPECT_EQ(ReasonOf(UpdateIncident(before, request, "0-old", "again", Now()).status()),
            contract::Reason::kStaleEtag);
}

TEST(Incident, ClosedAndVoidAreNotEdited) {
  for (const auto state : {v1::INCIDENT_STATE_CLOSED, v1::INCIDENT_STATE_VOID}) {
    const v1::Incident before = InState(state);
    EXPECT_EQ(ReasonOf(UpdateIncident(before, before, before.etag(), "", Now()).status()),
              Reason::kIllegalTransition);
  }
}

TEST(Incident, EtagsOfDifferentVersionsDiffer) {
  EXPECT_NE(MakeEtag("a", 1, 5, "x"), MakeEtag("a", 2, 5, "x"));
  EXPECT_NE(MakeEtag("a", 1, 5, "x"), MakeEtag("a", 1, 6, "x"));
  EXPECT_NE(MakeEtag("a", 1, 5, "x"), MakeEtag("a", 1, 5, "y"));
  EXPECT_EQ(MakeEtag("a", 1, 5, "x"), MakeEtag("a", 1, 5, "x"));
}

}  // namespace
}  // namespace tripoint::domain
