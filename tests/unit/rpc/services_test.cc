// Goal: every rpc does its job over real gRPC, every refusal has the shape that clients rely on,
// and no role reaches what it may not.
#include <gmock/gmock.h>

#include <functional>
#include <set>
#include <thread>

#include "storage/channel_store.h"
#include "tests/unit/rpc/api.h"

namespace tripoint::rpc {
namespace {

using domain::Permission;
using domain::Role;
using grpc::StatusCode;
using ::testing::Contains;
using ::testing::ElementsAre;

using Services = Api;

TEST_F(Services, IncidentIsCreatedReadListedChangedAndItsVersionsListed) {
  const v1::Incident created = NewIncident(1);
  v1::GetIncidentRequest get;
  get.set_name(created.name());
  v1::Incident read;
  ASSERT_TRUE(incident_stub_->GetIncident(Call().get(), get, &read).ok());
  EXPECT_EQ(read.SerializeAsString(), created.SerializeAsString());
  EXPECT_EQ(read.creator(), "officer");

  v1::UpdateIncidentRequest update;
  *update.mutable_incident() = created;
  update.mutable_incident()->mutable_facts()->set_severity(4);
  update.set_etag(created.etag());
  update.set_request_id(RequestId(2));
  v1::Incident updated;
  const grpc::Status status = incident_stub_->UpdateIncident(Call().get(), update, &updated);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(updated.version(), 2u);

  v1::ChangeIncidentStateRequest change;
  change.set_name(created.name());
  change.set_etag(updated.etag());
  change.set_state(v1::INCIDENT_STATE_VERIFYING);
  change.set_request_id(RequestId(3));
  v1::Incident moved;
  ASSERT_TRUE(incident_stub_->ChangeIncidentState(Call().get(), change, &moved).ok());
  EXPECT_EQ(moved.state(), v1::INCIDENT_STATE_VERIFYING);

  v1::ListIncidentsResponse list;
  ASSERT_TRUE(incident_stub_->ListIncidents(Call().get(), {}, &list).ok());
  EXPECT_EQ(list.incidents_size(), 1);
  EXPECT_EQ(list.next_page_token(), "");
  v1::ListIncidentVersionsRequest versions;
  versions.set_name(created.name());
  v1::ListIncidentVersionsResponse history;
  ASSERT_TRUE(incident_stub_->ListIncidentVersions(Call().get(), versions, &history).ok());
  EXPECT_EQ(history.versions_size(), 3);
}

TEST_F(Services, NoticeIsDraftedPlannedSharedRevisedWithdrawnAndListed) {
  const v1::Notice draft = NewDraft(1);
  v1::ShareNoticeRequest share = operations::ShareRequest(draft, {kAttapeu}, RequestId(2));
  share.set_validate_only(true);
  v1::ShareNoticeResponse plan;
  ASSERT_TRUE(notice_stub_->ShareNotice(Call().get(), share, &plan).ok());
  ASSERT_EQ(plan.groups_size(), 1);
  EXPECT_GT(plan.groups(0).cells_size(), 0);
  share.set_validate_only(false);
  v1::ShareNoticeResponse shared;
  ASSERT_TRUE(notice_stub_->ShareNotice(Call().get(), share, &shared).ok());
  EXPECT_EQ(shared.notice().deliveries(0).state(), v1::DELIVERY_STATE_QUEUED);

  v1::ReviseNoticeRequest revise;
  *revise.mutable_notice() = shared.notice();
  revise.mutable_notice()->mutable_facts()->set_severity(3);
  revise.set_etag(shared.notice().etag());
  revise.set_reason("more is known");
  revise.set_request_id(RequestId(3));
  v1::Notice revised;
  const grpc::Status status = notice_stub_->ReviseNotice(Call().get(), revise, &revised);
  ASSERT_TRUE(status.ok()) << status.error_message();

  v1::WithdrawNoticeRequest withdraw;
  withdraw.set_name(draft.name());
  withdraw.set_etag(revised.etag());
  withdraw.set_reason("a mistake");
  withdraw.set_request_id(RequestId(4));
  v1::Notice withdrawn;
  ASSERT_TRUE(notice_stub_->WithdrawNotice(Call().get(), withdraw, &withdrawn).ok());
  EXPECT_EQ(withdrawn.state(), v1::NOTICE_STATE_WITHDRAWN);

  v1::GetNoticeRequest get;
  get.set_name(draft.name());
  v1::Notice read;
  ASSERT_TRUE(notice_stub_->GetNotice(Call().get(), get, &read).ok());
  EXPECT_EQ(read.version(), withdrawn.version());
  v1::ListNoticesResponse list;
  ASSERT_TRUE(notice_stub_->ListNotices(Call().get(), {}, &list).ok());
  EXPECT_EQ(list.notices_size(), 1);
}

TEST_F(Services, ReceivedNoticeIsAcknowledged) {
  operations::World lao(kAttapeu, {kQuangNgai}, 22);
  const v1::Notice shared = operations::Shared(lao, {kQuangNgai});
  operations::InboundBatch batch = operations::NextBatch(lao, world_, operations::kRoutine).value();
  ASSERT_TRUE(world_.Run(operations::ApplyBatch(world_.facts, std::move(batch))).ok());
  v1::Notice answered;
  const grpc::Status status = notice_stub_->AcknowledgeNotice(
      Call().get(),
      operations::AnswerRequest(shared.name(), v1::DELIVERY_STATE_ACKNOWLEDGED, RequestId(1)),
      &answered);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(answered.deliveries(0).officer(), "officer");
}

TEST_F(Services, StatusAndPeersSayHowTheNodeIs) {
  NewIncident(1);
  v1::NodeStatus status;
  ASSERT_TRUE(node_stub_->GetStatus(Call("sync").get(), {}, &status).ok());
  EXPECT_EQ(status.unit(), kQuangNgai);
  EXPECT_EQ(status.version(), "test");
  EXPECT_EQ(status.incidents(), 1u);
  EXPECT_EQ(status.change_number(), 1u);
  ASSERT_EQ(status.peers_size(), 1);
  EXPECT_EQ(status.peers(0).state(), v1::LINK_STATE_UP);
  EXPECT_EQ(status.peers(0).channels_size(), 6);
  v1::ListPeersResponse peers;
  ASSERT_TRUE(node_stub_->ListPeers(Call().get(), {}, &peers).ok());
  EXPECT_EQ(peers.peers_size(), 1);
  v1::GetPeerRequest get;
  get.set_unit(kAttapeu);
  v1::Peer peer;
  ASSERT_TRUE(node_stub_->GetPeer(Call().get(), get, &peer).ok());
  get.set_unit("kh-ratanakiri");
  const grpc::Status refused = node_stub_->GetPeer(Call().get(), get, &peer);
  EXPECT_EQ(refused.error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(DetailsOf(refused).reason, "UNIT_NOT_PAIRED");
}

TEST_F(Services, QuarantineIsListedByPageAndByUnit) {
  // Goal: what was not accepted is listed whole, whatever the page, and names no contents.
  core_.Submit(
      [](storage::Transaction& transaction) {
        for (const bool outbound : {false, true}) {
          for (std::uint64_t position = 0; position < 3; ++position) {
            store::v1::QuarantineRecord record;
            record.set_unit(std::string(kAttapeu));
            record.set_outbound(outbound);
            record.set_lane(3);
            record.set_epoch(10);
            record.set_position(position);
            record.set_reason_code("ENVELOPE_CONFLICT");
            record.set_time_ms(kNow);
            storage::PutQuarantine(transaction, record);
          }
        }
        store::v1::JournalEntry entry;
        entry.set_actor("node");
        entry.set_action("received.quarantine");
        transaction.Journal(entry);
        return absl::OkStatus();
      },
      [](const absl::Status& status) { EXPECT_TRUE(status.ok()) << status; });
  ASSERT_TRUE(core_.RunOnce(kNow));
  v1::ListQuarantineRequest request;
  request.set_unit(std::string(kAttapeu));
  request.set_page_size(4);
  v1::ListQuarantineResponse first;
  ASSERT_TRUE(node_stub_->ListQuarantine(Call("auditor").get(), request, &first).ok());
  ASSERT_EQ(first.envelopes_size(), 4);
  EXPECT_FALSE(first.envelopes(0).outbound());
  EXPECT_EQ(first.envelopes(0).lane(), "routine");
  EXPECT_EQ(first.envelopes(0).epoch(), "000000000000000a");
  EXPECT_EQ(first.envelopes(0).reason_code(), "ENVELOPE_CONFLICT");
  request.set_page_token(first.next_page_token());
  v1::ListQuarantineResponse second;
  ASSERT_TRUE(node_stub_->ListQuarantine(Call("sync").get(), request, &second).ok());
  ASSERT_EQ(second.envelopes_size(), 2);
  EXPECT_EQ(second.envelopes(1).position(), 2u);
  EXPECT_EQ(second.next_page_token(), "");
  request.clear_unit();  // another query: its token is of no use
  EXPECT_EQ(DetailsOf(node_stub_->ListQuarantine(Call().get(), request, &second)).reason,
            "PAGE_TOKEN_INVALID");
  request.clear_page_token();
  request.set_unit("kh-ratanakiri");
  EXPECT_EQ(DetailsOf(node_stub_->ListQuarantine(Call().get(), request, &second)).reason,
            "UNIT_NOT_PAIRED");
}

// Goal: a lane that the other side stopped is seen wherever a person looks, not only at the link.
TEST_F(Services, LaneThatThePeerStoppedIsInStatusPeerAndNotice) {
  link_.stopped = "CHANNEL_FORK";
  v1::Notice draft;
  ASSERT_TRUE(
      notice_stub_
          ->CreateNotice(Call().get(), operations::NoticeRequest(RequestId(1), "U2"), &draft)
          .ok());
  v1::ShareNoticeResponse shared;
  ASSERT_TRUE(notice_stub_
                  ->ShareNotice(Call().get(),
                                operations::ShareRequest(draft, {kAttapeu}, RequestId(2)), &shared)
                  .ok());
  v1::GetNoticeRequest get;
  get.set_name(draft.name());
  v1::Notice read;
  ASSERT_TRUE(notice_stub_->GetNotice(Call().get(), get, &read).ok());
  EXPECT_EQ(read.deliveries(0).state(), v1::DELIVERY_STATE_QUEUED);
  EXPECT_EQ(read.deliveries(0).hold(), v1::DELIVERY_HOLD_STOPPED_THERE);
  EXPECT_EQ(read.deliveries(0).reason_code(), "CHANNEL_FORK");
  v1::NodeStatus status;
  ASSERT_TRUE(node_stub_->GetStatus(Call().get(), {}, &status).ok());
  EXPECT_EQ(status.peers(0).state(), v1::LINK_STATE_QUARANTINED);
  ASSERT_EQ(status.warnings_size(), 1);
  EXPECT_NE(status.warnings(0).find("priority channel to la-attapeu is stopped by its side: "
                                    "CHANNEL_FORK"),
            std::string::npos)
      << status.warnings(0);
  v1::GetPeerRequest get_peer;
  get_peer.set_unit(kAttapeu);
  v1::Peer peer;
  ASSERT_TRUE(node_stub_->GetPeer(Call().get(), get_peer, &peer).ok());
  EXPECT_EQ(peer.channels(2).lane(), "priority");
  EXPECT_EQ(peer.channels(2).peer_quarantine_reason(), "CHANNEL_FORK");
  EXPECT_EQ(peer.channels(0).peer_quarantine_reason(), "");
}

// Goal: what waits and what a link did is for everybody who may see the status, names no contents,
// and is bound to its query.
TEST_F(Services, QueueIsListedByPageAndTheTraceOfALinkIsShown) {
  link_.stopped = "CHANNEL_FORK";
  for (int i = 1; i <= 3; ++i) {
    v1::Notice draft;
    ASSERT_TRUE(
        notice_stub_
            ->CreateNotice(Call().get(), operations::NoticeRequest(RequestId(2 * i), "U2"), &draft)
            .ok());
    v1::ShareNoticeResponse shared;
    ASSERT_TRUE(notice_stub_
                    ->ShareNotice(Call().get(),
                                  operations::ShareRequest(draft, {kAttapeu}, RequestId(2 * i + 1)),
                                  &shared)
                    .ok());
  }
  v1::ListQueueRequest request;
  request.set_page_size(2);
  v1::ListQueueResponse first;
  ASSERT_TRUE(node_stub_->ListQueue(Call("auditor").get(), request, &first).ok());
  ASSERT_EQ(first.envelopes_size(), 2);
  EXPECT_EQ(first.envelopes(0).hold(), v1::DELIVERY_HOLD_STOPPED_THERE);
  EXPECT_EQ(first.envelopes(0).reason_code(), "CHANNEL_FORK");
  EXPECT_EQ(first.envelopes(0).waiting(), 3u);
  EXPECT_EQ(first.DebugString().find("fireworks"), std::string::npos);
  request.set_page_token(first.next_page_token());
  v1::ListQueueResponse second;
  ASSERT_TRUE(node_stub_->ListQueue(Call("sync").get(), request, &second).ok());
  ASSERT_EQ(second.envelopes_size(), 1);
  EXPECT_EQ(second.envelopes(0).position(), 2u);
  EXPECT_EQ(second.next_page_token(), "");
  request.set_unit(kAttapeu);
  EXPECT_EQ(DetailsOf(node_stub_->ListQueue(Call().get(), request, &second)).reason,
            "PAGE_TOKEN_INVALID");
  request.clear_page_token();
  request.set_unit("kh-ratanakiri");
  EXPECT_EQ(DetailsOf(node_stub_->ListQueue(Call().get(), request, &second)).reason,
            "UNIT_NOT_PAIRED");
  v1::ListLinkEventsRequest trace;
  trace.set_unit(kAttapeu);
  v1::ListLinkEventsResponse events;
  ASSERT_TRUE(node_stub_->ListLinkEvents(Call("auditor").get(), trace, &events).ok());
  ASSERT_EQ(events.events_size(), 1);
  EXPECT_EQ(events.begin_time_ms(), kNow);
  trace.set_unit("kh-ratanakiri");
  EXPECT_EQ(DetailsOf(node_stub_->ListLinkEvents(Call().get(), trace, &events)).reason,
            "UNIT_NOT_PAIRED");
  EXPECT_EQ(DetailsOf(node_stub_->ListLinkEvents(Call().get(), {}, &events)).reason,
            "FIELD_INVALID");
}

// Goal: what nobody has whole is noted as a backup by nobody's word.
TEST_F(Services, BackupThatIsNotWholeIsNotNoted) {
  Call call("sync");
  const auto stream = recovery_stub_->BackUp(call.get());
  v1::BackUpRequest request;
  request.set_kept(true);
  ASSERT_TRUE(stream->Write(request));
  v1::BackUpChunk chunk;
  EXPECT_FALSE(stream->Read(&chunk));
  EXPECT_EQ(DetailsOf(stream->Finish()).reason, "ILLEGAL_TRANSITION");
  v1::NodeStatus status;
  ASSERT_TRUE(node_stub_->GetStatus(Call().get(), {}, &status).ok());
  EXPECT_EQ(status.backup_time_ms(), 0);
}

TEST_F(Services, ShareWithNobodyIsAnEmptyAudience) {
  const v1::Notice draft = NewDraft(1);
  for (const std::vector<std::string>& units :
       {std::vector<std::string>{}, std::vector<std::string>{""},
        std::vector<std::string>{"", ""}}) {
    for (const bool validate_only : {true, false}) {
      v1::ShareNoticeRequest share = operations::ShareRequest(draft, units, RequestId(2));
      share.set_validate_only(validate_only);
      v1::ShareNoticeResponse response;
      const grpc::Status status = notice_stub_->ShareNotice(Call().get(), share, &response);
      EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
      EXPECT_EQ(DetailsOf(status).reason, "AUDIENCE_EMPTY");
    }
  }
}

TEST_F(Services, CodesUnitsAndGatesAreListed) {
  v1::ListCodesRequest request;
  v1::ListCodesResponse lists;
  ASSERT_TRUE(codes_stub_->ListCodes(Call().get(), request, &lists).ok());
  EXPECT_GT(lists.codes_size(), 5);
  request.set_list("categories");
  request.set_language_code("vi");
  v1::ListCodesResponse categories;
  ASSERT_TRUE(codes_stub_->ListCodes(Call().get(), request, &categories).ok());
  EXPECT_GT(categories.codes_size(), 50);
  EXPECT_EQ(categories.version(), codes::kCodesVersion);
  request.set_list("nonsense");
  EXPECT_EQ(codes_stub_->ListCodes(Call().get(), request, &categories).error_code(),
            StatusCode::NOT_FOUND);
  v1::ListUnitsResponse units;
  ASSERT_TRUE(codes_stub_->ListUnits(Call().get(), {}, &units).ok());
  EXPECT_GT(units.units_size(), 20);
  v1::ListGatesResponse gates;
  ASSERT_TRUE(codes_stub_->ListGates(Call().get(), {}, &gates).ok());
  EXPECT_GT(gates.gates_size(), 10);
}

TEST_F(Services, RefusalCarriesOneErrorInfoAndEveryFault) {
  v1::CreateIncidentRequest request = operations::IncidentRequest("not a uuid");
  request.mutable_incident()->mutable_facts()->set_category_code("DRG-TRV");
  request.mutable_incident()->mutable_facts()->set_severity(6);
  v1::Incident incident;
  const grpc::Status status = incident_stub_->CreateIncident(Call().get(), request, &incident);
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  const Details details = DetailsOf(status);
  EXPECT_EQ(details.error_infos, 1);
  EXPECT_EQ(details.reason, "FIELD_INVALID");
  EXPECT_EQ(details.domain, "tripoint");
  EXPECT_NE(details.metadata.at("why"), "");
  EXPECT_NE(details.metadata.at("next"), "");
  EXPECT_THAT(details.fields, Contains("request_id"));
  EXPECT_THAT(details.fields, Contains("incident.facts.category_code"));
  EXPECT_THAT(details.fields, Contains("incident.facts.severity"));
}

TEST_F(Services, CallerWithoutCertificateIsRefusedBeforeAnythingElse) {
  v1::Incident incident;
  const grpc::Status status = incident_stub_->GetIncident(Call("").get(), {}, &incident);
  EXPECT_EQ(status.error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(DetailsOf(status).reason, "CALLER_UNKNOWN");
}

TEST_F(Services, PermissionComesBeforeContractAndExistence) {
  // One row a method: an empty request, which the contract refuses where anything is required.
  struct Row {
    std::string method;
    Permission permission;
    std::function<grpc::Status(grpc::ClientContext*)> call;
  };
  const auto row = [](std::string method, Permission permission, auto& stub, auto member,
                      auto response) {
    return Row{std::move(method), permission, [&stub, member, response](auto* context) mutable {
                 return ((*stub).*member)(context, {}, &response);
               }};
  };
  using I = v1::IncidentService::Stub;
  using N = v1::NoticeService::Stub;
  using O = v1::NodeService::Stub;
  using C = v1::CodesService::Stub;
  using E = v1::EvidenceService::Stub;
  using B = v1::BundleService::Stub;
  const std::vector<Row> rows = {
      row("ExportEvidence", Permission::kReadNotices, evidence_stub_, &E::ExportEvidence,
          v1::ExportEvidenceResponse()),
      row("ExportBundle", Permission::kCarryBundles, bundle_stub_, &B::ExportBundle,
          v1::ExportBundleResponse()),
      row("ImportBundle", Permission::kCarryBundles, bundle_stub_, &B::ImportBundle,
          v1::ImportBundleResponse()),
      row("VerifyLogs", Permission::kProveRecords, evidence_stub_, &E::VerifyLogs,
          v1::VerifyLogsResponse()),
      row("CreateIncident", Permission::kWriteIncidents, incident_stub_, &I::CreateIncident,
          v1::Incident()),
      row("GetIncident", Permission::kReadIncidents, incident_stub_, &I::GetIncident,
          v1::Incident()),
      row("ListIncidents", Permission::kReadIncidents, incident_stub_, &I::ListIncidents,
          v1::ListIncidentsResponse()),
      row("UpdateIncident", Permission::kWriteIncidents, incident_stub_, &I::UpdateIncident,
          v1::Incident()),
      row("ChangeIncidentState", Permission::kWriteIncidents, incident_stub_,
          &I::ChangeIncidentState, v1::Incident()),
      row("ListIncidentVersions", Permission::kReadIncidents, incident_stub_,
          &I::ListIncidentVersions, v1::ListIncidentVersionsResponse()),
      row("CreateNotice", Permission::kDraftNotices, notice_stub_, &N::CreateNotice, v1::Notice()),
      row("ShareNotice", Permission::kShareNotices, notice_stub_, &N::ShareNotice,
          v1::ShareNoticeResponse()),
      row("ReviseNotice", Permission::kShareNotices, notice_stub_, &N::ReviseNotice, v1::Notice()),
      row("WithdrawNotice", Permission::kShareNotices, notice_stub_, &N::WithdrawNotice,
          v1::Notice()),
      row("AcknowledgeNotice", Permission::kAnswerNotices, notice_stub_, &N::AcknowledgeNotice,
          v1::Notice()),
      row("GetNotice", Permission::kReadNotices, notice_stub_, &N::GetNotice, v1::Notice()),
      row("ListNotices", Permission::kReadNotices, notice_stub_, &N::ListNotices,
          v1::ListNoticesResponse()),
      row("GetStatus", Permission::kReadStatus, node_stub_, &O::GetStatus, v1::NodeStatus()),
      row("ListQuarantine", Permission::kReadStatus, node_stub_, &O::ListQuarantine,
          v1::ListQuarantineResponse()),
      row("ListQueue", Permission::kReadStatus, node_stub_, &O::ListQueue, v1::ListQueueResponse()),
      row("ListLinkEvents", Permission::kReadStatus, node_stub_, &O::ListLinkEvents,
          v1::ListLinkEventsResponse()),
      row("ListPeers", Permission::kReadStatus, node_stub_, &O::ListPeers, v1::ListPeersResponse()),
      row("GetPeer", Permission::kReadStatus, node_stub_, &O::GetPeer, v1::Peer()),
      row("ListCodes", Permission::kReadCodes, codes_stub_, &C::ListCodes, v1::ListCodesResponse()),
      row("ListUnits", Permission::kReadCodes, codes_stub_, &C::ListUnits, v1::ListUnitsResponse()),
      row("ListGates", Permission::kReadCodes, codes_stub_, &C::ListGates, v1::ListGatesResponse()),
  };
  for (const Row& one : rows) {
    for (int i = 0; i < domain::kRoleCount; ++i) {
      const auto role = static_cast<Role>(i);
      const grpc::Status status = one.call(Call(std::string(domain::RoleText(role))).get());
      const bool denied = status.error_code() == StatusCode::PERMISSION_DENIED;
      EXPECT_EQ(denied, !domain::IsPermitted({role}, one.permission))
          << one.method << " by " << domain::RoleText(role) << ": " << status.error_message();
      if (denied) {
        EXPECT_EQ(DetailsOf(status).reason, "ROLE_MISSING");
      } else if (!status.ok()) {
        EXPECT_EQ(DetailsOf(status).error_infos, 1) << one.method;
      }
    }
    // An officer without any role of this node.
    EXPECT_EQ(one.call(Call("nobody").get()).error_code(), StatusCode::PERMISSION_DENIED);
  }
}

// Goal: the parts of one bundle come one by one, and a token is good for its bundle only.
TEST_F(Services, BundlesComeInPartsAndSayWhoBroughtThem) {
  v1::ExportBundleRequest request;
  request.set_unit(kAttapeu);
  std::vector<std::string> parts;
  do {
    v1::ExportBundleResponse answer;
    ASSERT_TRUE(bundle_stub_->ExportBundle(Call("duty").get(), request, &answer).ok());
    parts.push_back(answer.part());
    request.set_page_token(answer.next_page_token());
    if (parts.size() == 2) {
      v1::ExportBundleRequest other = request;
      other.set_unit("kh-ratanakiri");
      EXPECT_EQ(DetailsOf(bundle_stub_->ExportBundle(Call("duty").get(), other, &answer)).reason,
                "PAGE_TOKEN_INVALID");
    }
  } while (!request.page_token().empty());
  EXPECT_THAT(parts, testing::ElementsAre("la-attapeu", "la-attapeu+", "la-attapeu++"));
  v1::ImportBundleRequest part;
  part.set_part("x");
  v1::ImportBundleResponse answer;
  ASSERT_TRUE(bundle_stub_->ImportBundle(Call("sync").get(), part, &answer).ok());
  EXPECT_EQ(carrier_, "sync");
}

// Goal: a file with contents is for those who may read notices; without them, for every role.
TEST_F(Services, EvidenceWithoutContentsIsForEveryRole) {
  const v1::Notice draft = NewDraft(1);
  v1::ShareNoticeResponse shared;
  ASSERT_TRUE(notice_stub_
                  ->ShareNotice(Call().get(),
                                operations::ShareRequest(draft, {kAttapeu}, RequestId(2)), &shared)
                  .ok());
  v1::ExportEvidenceRequest request;
  request.set_notice(draft.name());
  v1::ExportEvidenceResponse answer;
  EXPECT_EQ(
      DetailsOf(evidence_stub_->ExportEvidence(Call("auditor").get(), request, &answer)).reason,
      "ROLE_MISSING");
  ASSERT_TRUE(evidence_stub_->ExportEvidence(Call("duty").get(), request, &answer).ok());
  EXPECT_NE(answer.file().find("fireworks"), std::string::npos);
  EXPECT_EQ(answer.receiver_unit(), kAttapeu);
  EXPECT_FALSE(answer.receipted());
  request.set_without_contents(true);
  ASSERT_TRUE(evidence_stub_->ExportEvidence(Call("auditor").get(), request, &answer).ok());
  EXPECT_EQ(answer.file().find("fireworks"), std::string::npos);
  v1::VerifyLogsResponse logs;
  ASSERT_TRUE(evidence_stub_->VerifyLogs(Call("auditor").get(), {}, &logs).ok());
  ASSERT_GE(logs.logs_size(), 2);
  for (const v1::VerifiedLog& log : logs.logs()) EXPECT_EQ(log.problem(), "");
  EXPECT_EQ(logs.next_page_token(), "");
  v1::VerifyLogsRequest forged;
  forged.set_page_token("forged");
  EXPECT_EQ(DetailsOf(evidence_stub_->VerifyLogs(Call().get(), forged, &logs)).reason,
            "PAGE_TOKEN_INVALID");
}

TEST_F(Services, OnlySupervisorsReleaseProtectedPersons) {
  const v1::Notice draft = NewDraft(1);
  v1::ShareNoticeRequest share = operations::ShareRequest(draft, {kAttapeu}, RequestId(2));
  share.set_release_protected(true);
  v1::ShareNoticeResponse response;
  const grpc::Status status = notice_stub_->ShareNotice(Call("duty").get(), share, &response);
  EXPECT_EQ(DetailsOf(status).reason, "ROLE_MISSING");
  EXPECT_TRUE(notice_stub_->ShareNotice(Call("supervisor").get(), share, &response).ok());
}

TEST_F(Services, PageTokensAreBoundToTheirQueryAndCannotBeForged) {
  for (int i = 1; i <= 5; ++i) NewIncident(i);
  v1::ListIncidentsRequest request;
  request.set_page_size(2);
  v1::ListIncidentsResponse page;
  ASSERT_TRUE(incident_stub_->ListIncidents(Call().get(), request, &page).ok());
  EXPECT_EQ(page.incidents_size(), 2);
  const std::string token = page.next_page_token();
  ASSERT_NE(token, "");
  std::vector<std::string> names;
  request.clear_page_token();
  for (int pages = 0; pages < 10; ++pages) {
    v1::ListIncidentsResponse next;
    ASSERT_TRUE(incident_stub_->ListIncidents(Call().get(), request, &next).ok());
    for (const v1::Incident& incident : next.incidents()) names.push_back(incident.name());
    if (next.next_page_token().empty()) break;
    request.set_page_token(next.next_page_token());
  }
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), 5u);
  EXPECT_EQ(names.size(), 5u);

  request.set_page_token(token);
  request.set_severity_min(1);  // another query
  EXPECT_EQ(DetailsOf(incident_stub_->ListIncidents(Call().get(), request, &page)).reason,
            "PAGE_TOKEN_INVALID");
  request.clear_severity_min();
  std::string forged = token;
  forged[3] = forged[3] == 'A' ? 'B' : 'A';
  request.set_page_token(forged);
  EXPECT_EQ(DetailsOf(incident_stub_->ListIncidents(Call().get(), request, &page)).reason,
            "PAGE_TOKEN_INVALID");
  request.clear_page_token();
  request.set_page_size(-1);
  EXPECT_EQ(incident_stub_->ListIncidents(Call().get(), request, &page).error_code(),
            StatusCode::INVALID_ARGUMENT);
}

TEST_F(Services, ChangeWhoseDeadlineHasPassedIsNotMade) {
  committer_.Pause();
  v1::Incident incident;
  {
    Call call;
    call.context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(50));
    EXPECT_EQ(
        incident_stub_
            ->CreateIncident(&call.context, operations::IncidentRequest(RequestId(1)), &incident)
            .error_code(),
        StatusCode::DEADLINE_EXCEEDED);
  }
  // The operation still waits, so the server's side of the call still exists.
  while (!last_context_.load()->IsCancelled()) std::this_thread::yield();
  committer_.Resume();
  NewIncident(2);
  v1::ListIncidentsResponse list;
  ASSERT_TRUE(incident_stub_->ListIncidents(Call().get(), {}, &list).ok());
  EXPECT_EQ(list.incidents_size(), 1);
}

class FullQueue : public Api {
 protected:
  FullQueue() : Api({.queued_operations_max = 0}) {}
};

TEST_F(FullQueue, BusyNodeSaysWhenToTryAgain) {
  v1::Incident incident;
  const grpc::Status status = incident_stub_->CreateIncident(
      Call().get(), operations::IncidentRequest(RequestId(1)), &incident);
  EXPECT_EQ(status.error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(DetailsOf(status).reason, "QUEUE_FULL");
  EXPECT_TRUE(DetailsOf(status).has_retry);
}

// The queue has room, but no more calls may wait in it.
class NoMoreCalls : public Api {
 protected:
  NoMoreCalls() : Api({.queued_calls_max = 0}) {}
};

TEST_F(NoMoreCalls, EveryChangeIsRefusedBeforeItIsLookedAt) {
  using I = v1::IncidentService::Stub;
  using N = v1::NoticeService::Stub;
  const auto refused = [](const grpc::Status& status) {
    EXPECT_EQ(status.error_code(), StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
    EXPECT_EQ(DetailsOf(status).reason, "QUEUE_FULL");
    EXPECT_TRUE(DetailsOf(status).has_retry);
  };
  v1::Incident incident;
  v1::Notice notice;
  v1::ShareNoticeResponse shared;
  I& incidents = *incident_stub_;
  N& notices = *notice_stub_;
  // Empty requests: not looked at.
  refused(incidents.CreateIncident(Call().get(), {}, &incident));
  refused(incidents.UpdateIncident(Call().get(), {}, &incident));
  refused(incidents.ChangeIncidentState(Call().get(), {}, &incident));
  refused(notices.CreateNotice(Call().get(), {}, &notice));
  refused(notices.ShareNotice(Call().get(), {}, &shared));
  refused(notices.ReviseNotice(Call().get(), {}, &notice));
  refused(notices.WithdrawNotice(Call().get(), {}, &notice));
  refused(notices.AcknowledgeNotice(Call().get(), {}, &notice));
}

TEST_F(NoMoreCalls, ReadsAndDryRunsGoOn) {
  v1::ListIncidentsResponse list;
  EXPECT_TRUE(incident_stub_->ListIncidents(Call().get(), {}, &list).ok());
  v1::ShareNoticeRequest plan;
  plan.set_name("units/vn-quangngai/notices/N-QNG-26-0211-M");
  plan.add_units(kAttapeu);
  plan.set_validate_only(true);
  v1::ShareNoticeResponse planned;
  const grpc::Status status = notice_stub_->ShareNotice(Call().get(), plan, &planned);
  EXPECT_NE(status.error_code(), StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
}

TEST_F(Services, BytesThatAreNoRequestAreRefused) {
  // A raw method parses its request itself.
  for (const char* method :
       {"tripoint.v1.IncidentService.CreateIncident", "tripoint.v1.IncidentService.GetIncident"}) {
    const grpc::Status status = CallRaw(method, "\x0a\x7f");
    EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT) << method;
    EXPECT_EQ(DetailsOf(status).reason, "FIELD_INVALID") << method;
    // Who may not ask is not told what is wrong with the question.
    EXPECT_EQ(CallRaw(method, "\x0a\x7f", "").error_code(), StatusCode::UNAUTHENTICATED) << method;
  }
}

// Of all services of the officers' port.
std::vector<std::string> Methods(bool streams) {
  std::vector<std::string> methods;
  const auto* pool = google::protobuf::DescriptorPool::generated_pool();
  for (const char* name :
       {"Incident", "Notice", "Node", "Codes", "Evidence", "Bundle", "Recovery"}) {
    const auto* service = pool->FindServiceByName("tripoint.v1." + std::string(name) + "Service");
    for (int i = 0; i < service->method_count(); ++i) {
      const auto* method = service->method(i);
      if ((method->client_streaming() || method->server_streaming()) == streams)
        methods.push_back(method->full_name());
    }
  }
  return methods;
}

// Else the gate would take an honest caller for one who floods.
TEST_F(Services, EveryUnaryCallOfAKnownCallerIsCountedOnce) {
  // A field that no message has: kept, and part of the size.
  const std::string unknown("\xfa\x7f\x03xyz", 6);
  const std::vector<std::string> methods = Methods(/*streams=*/false);
  EXPECT_GE(methods.size(), 20U);
  for (const std::string& method : methods) {
    counted_calls_ = 0;
    counted_bytes_ = 0;
    (void)CallRaw(method, unknown, "auditor");
    EXPECT_EQ(counted_calls_, 1) << method;
    EXPECT_EQ(counted_bytes_, unknown.size()) << method;
    (void)CallRaw(method, unknown, "");
    EXPECT_EQ(counted_calls_, 1) << method;
  }
}

TEST_F(NoMoreCalls, EveryUnaryCallOfAKnownCallerIsCountedOnce) {
  for (const std::string& method : Methods(/*streams=*/false)) {
    counted_calls_ = 0;
    (void)CallRaw(method, "");
    EXPECT_EQ(counted_calls_, 1) << method;
    EXPECT_EQ(CallRaw(method, "", "").error_code(), StatusCode::UNAUTHENTICATED) << method;
  }
}

// Every method judges its caller: nothing stands in front of the officers' port.
TEST_F(Services, NobodyIsServedUnjudged) {
  for (const std::string& method : Methods(/*streams=*/false)) {
    EXPECT_EQ(CallRaw(method, "", "").error_code(), StatusCode::UNAUTHENTICATED) << method;
  }
  const std::vector<std::string> streams = Methods(/*streams=*/true);
  EXPECT_GE(streams.size(), 4U);
  for (const std::string& method : streams) {
    EXPECT_EQ(StreamRaw(method, "").error_code(), StatusCode::UNAUTHENTICATED) << method;
  }
}

}  // namespace
}  // namespace tripoint::rpc
