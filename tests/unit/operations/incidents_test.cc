// Goal: an incident is recorded once however often it is sent, never half, and never without a
// journal entry that names it.
#include <gmock/gmock.h>

#include <functional>

#include "google/rpc/status.pb.h"
#include "tests/unit/operations/world.h"

namespace tripoint::operations {
namespace {

using contract::Reason;

class Incidents : public Tripoint {
 protected:
  absl::StatusOr<v1::Incident> Create(const v1::CreateIncidentRequest& request) {
    return qng_.Run(CreateIncident(qng_.facts, {"huy"}, request));
  }
  absl::StatusOr<v1::Incident> Update(const v1::UpdateIncidentRequest& request) {
    return qng_.Run(UpdateIncident(qng_.facts, {"lan"}, request));
  }
  static v1::UpdateIncidentRequest UpdateRequest(const v1::Incident& incident, std::string id) {
    v1::UpdateIncidentRequest request;
    *request.mutable_incident() = incident;
    request.set_etag(incident.etag());
    request.set_request_id(std::move(id));
    return request;
  }
};

TEST_F(Incidents, CreatedIncidentIsReadBackWithReferenceAndJournalEntry) {
  const v1::Incident incident = Create(IncidentRequest(RequestId(1))).value();
  EXPECT_THAT(incident.name(),
              ::testing::StartsWith("units/vn-quangngai/incidents/I-QNG-26-0001-"));
  EXPECT_EQ(incident.state(), v1::INCIDENT_STATE_OPEN);
  EXPECT_EQ(incident.creator(), "huy");
  EXPECT_EQ(GetIncident(qng_.facts, qng_.engine, incident.name())->SerializeAsString(),
            incident.SerializeAsString());
  const store::v1::JournalEntry entry = qng_.LastEntry();
  EXPECT_EQ(entry.actor(), "officer/huy");
  EXPECT_EQ(entry.action(), "incident.create");
  EXPECT_THAT(entry.names(), ::testing::ElementsAre(incident.name()));
}

TEST_F(Incidents, SameRequestAgainGivesTheFirstAnswerAndChangesNothing) {
  const v1::Incident first = Create(IncidentRequest(RequestId(1))).value();
  const std::uint64_t changes = qng_.Changes();
  const v1::Incident again = Create(IncidentRequest(RequestId(1))).value();
  EXPECT_EQ(again.SerializeAsString(), first.SerializeAsString());
  EXPECT_EQ(qng_.Changes(), changes);
}

TEST_F(Incidents, FirstAnswerIsGivenEvenAfterALaterChange) {
  const v1::Incident first = Create(IncidentRequest(RequestId(1))).value();
  v1::UpdateIncidentRequest update = UpdateRequest(first, RequestId(2));
  update.mutable_incident()->mutable_facts()->set_severity(4);
  ASSERT_TRUE(Update(update).ok());
  EXPECT_EQ(Create(IncidentRequest(RequestId(1)))->version(), 1u);
}

TEST_F(Incidents, RequestIdWithOtherContentsIsRefused) {
  ASSERT_TRUE(Create(IncidentRequest(RequestId(1))).ok());
  v1::CreateIncidentRequest other = IncidentRequest(RequestId(1));
  other.mutable_incident()->mutable_facts()->set_severity(5);
  const absl::Status status = Create(other).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ReasonOf(status), Reason::kRequestIdReused);
}

TEST_F(Incidents, RequestIdOfAnotherMethodIsRefused) {
  const v1::Incident incident = Create(IncidentRequest(RequestId(1))).value();
  EXPECT_EQ(ReasonOf(Update(UpdateRequest(incident, RequestId(1))).status()),
            Reason::kRequestIdReused);
}

TEST_F(Incidents, KnownExternalIdAnswersWithWhatIsThereOrRefuses) {
  v1::CreateIncidentRequest request = IncidentRequest(RequestId(1));
  request.mutable_incident()->set_external_id("IMP-1");
  const v1::Incident first = Create(request).value();
  request.set_request_id(RequestId(2));
  EXPECT_EQ(Create(request)->name(), first.name());
  request.set_request_id(RequestId(3));
  request.mutable_incident()->mutable_facts()->set_severity(1);
  EXPECT_EQ(ReasonOf(Create(request).status()), Reason::kAlreadyExists);
  EXPECT_EQ(qng_.Changes(), 1u);
}

TEST_F(Incidents, ReimportAfterACorrectionStillFindsTheRecord) {
  v1::CreateIncidentRequest request = IncidentRequest(RequestId(1));
  request.mutable_incident()->set_external_id("IMP-1");
  const v1::Incident first = Create(request).value();
  v1::UpdateIncidentRequest update = UpdateRequest(first, RequestId(2));
  update.mutable_incident()->mutable_facts()->set_severity(4);
  ASSERT_TRUE(Update(update).ok());
  request.set_request_id(RequestId(3));
  const v1::Incident again = Create(request).value();
  EXPECT_EQ(again.version(), 2u);
  EXPECT_EQ(again.facts().severity(), 4u);
}

TEST_F(Incidents, ValidateOnlyWritesNothingAndDrawsNoNumber) {
  v1::CreateIncidentRequest request = IncidentRequest(RequestId(1));
  request.set_validate_only(true);
  EXPECT_EQ(Create(request)->name(), "");
  EXPECT_EQ(qng_.Changes(), 0u);
  request.set_validate_only(false);
  EXPECT_THAT(Create(request)->name(), ::testing::HasSubstr("-0001-"));
}

TEST_F(Incidents, RefusedIncidentLeavesNoHoleInTheNumbers) {
  v1::CreateIncidentRequest bad = IncidentRequest(RequestId(1));
  bad.mutable_incident()->mutable_facts()->clear_place();
  EXPECT_EQ(ReasonOf(Create(bad).status()), Reason::kFieldInvalid);
  EXPECT_THAT(Create(IncidentRequest(RequestId(2)))->name(), ::testing::HasSubstr("-0001-"));
}

TEST_F(Incidents, StaleEtagIsRefusedAndChangesNothing) {
  const v1::Incident first = Create(IncidentRequest(RequestId(1))).value();
  v1::UpdateIncidentRequest update = UpdateRequest(first, RequestId(2));
  update.set_etag("0-stale");
  const absl::Status status = Update(update).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(ReasonOf(status), Reason::kStaleEtag);
  EXPECT_EQ(qng_.Changes(), 1u);
}

TEST_F(Incidents, RepeatedUpdateIsOneVersion) {
  const v1::Incident first = Create(IncidentRequest(RequestId(1))).value();
  v1::UpdateIncidentRequest update = UpdateRequest(first, RequestId(2));
  update.mutable_incident()->mutable_facts()->set_severity(4);
  const v1::Incident second = Update(update).value();
  EXPECT_EQ(second.version(), 2u);
  EXPECT_EQ(second.updater(), "lan");
  EXPECT_EQ(Update(update)->SerializeAsString(), second.SerializeAsString());
  const Page<v1::Incident> versions =
      ListIncidentVersions(qng_.facts, *qng_.Snapshot(), first.name(), 0, {}).value();
  EXPECT_EQ(versions.items.size(), 2u);
  EXPECT_EQ(versions.next, "");
}

TEST_F(Incidents, IllegalTransitionIsRefusedAndALegalOneIsRepeatable) {
  const v1::Incident first = Create(IncidentRequest(RequestId(1))).value();
  v1::ChangeIncidentStateRequest change;
  change.set_name(first.name());
  change.set_etag(first.etag());
  change.set_request_id(RequestId(2));
  change.set_state(v1::INCIDENT_STATE_REOPENED);
  change.set_reason("why not");
  EXPECT_EQ(ReasonOf(qng_.Run(ChangeIncidentState(qng_.facts, {"huy"}, change)).status()),
            Reason::kIllegalTransition);
  change.set_state(v1::INCIDENT_STATE_VERIFYING);
  const auto moved = qng_.Run(ChangeIncidentState(qng_.facts, {"huy"}, change));
  ASSERT_TRUE(moved.ok()) << moved.status();
  EXPECT_EQ(moved->state(), v1::INCIDENT_STATE_VERIFYING);
  const std::uint64_t changes = qng_.Changes();
  EXPECT_EQ(qng_.Run(ChangeIncidentState(qng_.facts, {"huy"}, change))->version(), 2u);
  EXPECT_EQ(qng_.Changes(), changes);
}

TEST_F(Incidents, UnknownIncidentIsNotFound) {
  v1::UpdateIncidentRequest update = UpdateRequest(v1::Incident(), RequestId(1));
  update.mutable_incident()->set_name("units/vn-quangngai/incidents/I-QNG-26-0009-A");
  *update.mutable_incident()->mutable_facts() = SomeFacts();
  EXPECT_EQ(ReasonOf(Update(update).status()), Reason::kNotFound);
  EXPECT_EQ(ReasonOf(GetIncident(qng_.facts, qng_.engine, "x").status()), Reason::kNotFound);
}

v1::BatchCreateIncidentsRequest BatchOf(int first_id, int count) {
  v1::BatchCreateIncidentsRequest batch;
  for (int i = 0; i < count; ++i) {
    *batch.add_requests() = IncidentRequest(RequestId(first_id + i));
    batch.mutable_requests(i)->mutable_incident()->set_external_id("IMP-" +
                                                                   std::to_string(first_id + i));
  }
  return batch;
}

TEST_F(Incidents, BatchKeepsTheGoodRecordsAndAnswersTheBadOne) {
  v1::BatchCreateIncidentsRequest batch = BatchOf(1, 3);
  batch.mutable_requests(1)->mutable_incident()->mutable_facts()->clear_place();
  const std::vector<absl::Status> checked(3);
  const auto response = qng_.Run(BatchCreateIncidents(qng_.facts, {"huy"}, batch, checked)).value();
  ASSERT_EQ(response.results_size(), 3);
  EXPECT_NE(response.results(0).name(), "");
  EXPECT_NE(response.results(2).name(), "");
  google::rpc::Status refusal;
  ASSERT_TRUE(refusal.ParseFromString(response.results(1).status()));
  EXPECT_EQ(refusal.code(), static_cast<int>(absl::StatusCode::kInvalidArgument));
  EXPECT_GE(refusal.details_size(), 1);
  EXPECT_EQ(qng_.Changes(), 1u);  // one commit, one entry
  EXPECT_EQ(qng_.LastEntry().count(), 2u);
}

TEST_F(Incidents, SameBatchTwiceAddsNothing) {
  const std::vector<absl::Status> checked(3);
  ASSERT_TRUE(qng_.Run(BatchCreateIncidents(qng_.facts, {"huy"}, BatchOf(1, 3), checked)).ok());
  // The same records under new request ids: the file is imported again.
  v1::BatchCreateIncidentsRequest again = BatchOf(1, 3);
  for (int i = 0; i < 3; ++i) again.mutable_requests(i)->set_request_id(RequestId(50 + i));
  const auto response = qng_.Run(BatchCreateIncidents(qng_.facts, {"huy"}, again, checked)).value();
  for (const v1::BatchResult& result : response.results()) EXPECT_TRUE(result.existed());
  EXPECT_EQ(qng_.Changes(), 1u);
  v1::NodeStatus status;
  ASSERT_TRUE(FillStatus(qng_.facts, *qng_.Snapshot(), qng_.now_ms, status).ok());
  EXPECT_EQ(status.incidents(), 3u);
}

TEST_F(Incidents, AllOrNothingRecordsNothingWhenOneIsBad) {
  v1::BatchCreateIncidentsRequest batch = BatchOf(1, 3);
  batch.set_all_or_nothing(true);
  std::vector<absl::Status> checked(3);
  checked[2] = contract::Error(absl::StatusCode::kInvalidArgument, Reason::kFieldInvalid, "bad",
                               "bad", "fix it");
  const Prepared<v1::BatchCreateIncidentsResponse> prepared =
      BatchCreateIncidents(qng_.facts, {"huy"}, batch, checked);
  EXPECT_EQ(ReasonOf(qng_.Commit(prepared.operation)), Reason::kBatchRefused);
  ASSERT_EQ(prepared.result->results_size(), 3);
  for (const v1::BatchResult& result : prepared.result->results()) {
    EXPECT_EQ(result.name(), "");
    EXPECT_NE(result.status(), "");
  }
  EXPECT_EQ(qng_.Changes(), 0u);
  // And the numbers were given back.
  EXPECT_THAT(Create(IncidentRequest(RequestId(99)))->name(), ::testing::HasSubstr("-0001-"));
}

TEST_F(Incidents, ListIsNewestFirstPagedAndFiltered) {
  for (int i = 0; i < 7; ++i) {
    v1::CreateIncidentRequest request = IncidentRequest(RequestId(i + 1));
    request.mutable_incident()->mutable_facts()->set_occur_time_ms(kNow - i * 1000);
    request.mutable_incident()->mutable_facts()->set_severity(i % 2 == 0 ? 2 : 4);
    ASSERT_TRUE(Create(request).ok());
  }
  v1::ListIncidentsRequest request;
  request.set_page_size(3);
  std::vector<std::int64_t> times;
  std::string after;
  int pages = 0;
  do {
    const Page<v1::Incident> page =
        ListIncidents(qng_.facts, *qng_.Snapshot(), request, after).value();
    EXPECT_LE(page.items.size(), 3u);
    for (const v1::Incident& item : page.items) times.push_back(item.facts().occur_time_ms());
    after = page.next;
  } while (!after.empty() && ++pages < 10);
  EXPECT_EQ(times.size(), 7u);
  EXPECT_TRUE(std::is_sorted(times.rbegin(), times.rend()));
  request.set_page_size(0);
  request.set_severity_min(3);
  EXPECT_EQ(ListIncidents(qng_.facts, *qng_.Snapshot(), request, {})->items.size(), 3u);
}

TEST_F(Incidents, PageOfLargeRecordsStaysBelowTheMessageLimit) {
  constexpr int kRecords = 260;
  for (int i = 0; i < kRecords; ++i) {
    v1::CreateIncidentRequest request = IncidentRequest(RequestId(i + 1));
    v1::Text& text = *request.mutable_incident()->mutable_facts()->mutable_narrative();
    text.set_text(std::string(16'000, 'x'));
    text.set_language_code("en");
    ASSERT_TRUE(Create(request).ok());
  }
  v1::ListIncidentsRequest request;
  request.set_page_size(500);
  const Page<v1::Incident> page = ListIncidents(qng_.facts, *qng_.Snapshot(), request, {}).value();
  std::size_t bytes = 0;
  for (const v1::Incident& item : page.items) bytes += item.ByteSizeLong();
  EXPECT_LT(bytes, 4u << 20);
  EXPECT_FALSE(page.next.empty());
  const Page<v1::Incident> rest =
      ListIncidents(qng_.facts, *qng_.Snapshot(), request, page.next).value();
  EXPECT_EQ(page.items.size() + rest.items.size(), static_cast<std::size_t>(kRecords));
}

TEST_F(Incidents, TailOfAReferenceFindsExactlyThatRecord) {
  const v1::Incident first = Create(IncidentRequest(RequestId(1))).value();
  ASSERT_TRUE(Create(IncidentRequest(RequestId(2))).ok());
  const std::string reference = first.name().substr(first.name().rfind('/') + 1);
  v1::ListIncidentsRequest request;
  for (const std::string& tail :
       {reference, reference.substr(reference.size() - 6), std::string("0001"), std::string("1")}) {
    request.set_reference_tail(tail);
    const auto page = ListIncidents(qng_.facts, *qng_.Snapshot(), request, {});
    ASSERT_TRUE(page.ok()) << tail << ": " << page.status();
    ASSERT_EQ(page->items.size(), 1u) << tail;
    EXPECT_EQ(page->items[0].name(), first.name());
  }
  request.set_reference_tail("hello");
  EXPECT_EQ(ReasonOf(ListIncidents(qng_.facts, *qng_.Snapshot(), request, {}).status()),
            Reason::kReferenceInvalid);
}

// Whoever follows a list with filters asks for each record that changed, by its reference.
TEST_F(Incidents, TailAndFiltersHoldTogether) {
  const v1::Incident incident = Create(IncidentRequest(RequestId(1))).value();
  const auto found = [&](const std::function<void(v1::ListIncidentsRequest&)>& ask) {
    v1::ListIncidentsRequest request;
    request.set_reference_tail(incident.name().substr(incident.name().rfind('/') + 1));
    ask(request);
    return !ListIncidents(qng_.facts, *qng_.Snapshot(), request, {})->items.empty();
  };
  const std::int64_t time_ms = incident.facts().occur_time_ms();
  EXPECT_TRUE(found([](auto& ask) { ask.set_category_code("ctb"); }));
  EXPECT_FALSE(found([](auto& ask) { ask.set_category_code("CT"); }));
  EXPECT_TRUE(found([](auto& ask) { ask.set_category_code("CTB-GEN"); }));
  EXPECT_FALSE(found([](auto& ask) { ask.set_category_code("DRG"); }));
  EXPECT_TRUE(found([](auto& ask) { ask.set_state(v1::INCIDENT_STATE_OPEN); }));
  EXPECT_FALSE(found([](auto& ask) { ask.set_state(v1::INCIDENT_STATE_CLOSED); }));
  EXPECT_TRUE(found([](auto& ask) { ask.set_severity_min(2); }));
  EXPECT_FALSE(found([](auto& ask) { ask.set_severity_min(3); }));
  EXPECT_TRUE(found([](auto& ask) { ask.set_gate("G-BOY"); }));
  EXPECT_FALSE(found([](auto& ask) { ask.set_gate("G-LAOBAO"); }));
  EXPECT_TRUE(found([&](auto& ask) { ask.set_occur_time_ms_from(time_ms); }));
  EXPECT_FALSE(found([&](auto& ask) { ask.set_occur_time_ms_from(time_ms + 1); }));
  EXPECT_FALSE(found([&](auto& ask) { ask.set_occur_time_ms_until(time_ms); }));
  EXPECT_TRUE(found([&](auto& ask) { ask.set_occur_time_ms_until(time_ms + 1); }));
}

}  // namespace
}  // namespace tripoint::operations
