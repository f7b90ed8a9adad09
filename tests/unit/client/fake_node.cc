// A node in memory.
#include "fake_node.h"

#include <algorithm>
#include <memory>

#include "proto/contract/error.h"
#include "proto/contract/reference.h"

namespace tripoint::client {
namespace {

using contract::Reason;

template <typename To>
const To& As(const google::protobuf::Message& message) {
  return dynamic_cast<const To&>(message);
}
template <typename To>
To& As(google::protobuf::Message& message) {
  return dynamic_cast<To&>(message);
}

absl::Status Missing() {
  return contract::Error(absl::StatusCode::kNotFound, Reason::kNotFound, "no such record", "", "");
}

absl::Status Stale() {
  return contract::Error(absl::StatusCode::kAborted, Reason::kStaleEtag,
                         "somebody changed it since you read it",
                         "your etag is of an older version", "read it again");
}

bool Fits(const std::string& name, const std::string& tail) {
  if (tail.empty()) return true;
  const auto parsed = contract::ParseTail(tail);
  return parsed && contract::MatchTail(name.substr(name.rfind('/') + 1), *parsed);
}

// Answers when it is asked to, so that several requests are under way.
class FakeStream : public RequestStream {
 public:
  FakeStream(FakeNode& node, bool& reached, std::string_view method)
      : node_(node), reached_(reached), method_(method) {}
  absl::Status Send(const google::protobuf::Message& request, int64_t /*timeout_ms*/) override {
    std::unique_ptr<google::protobuf::Message> copy(request.New());
    copy->CopyFrom(request);
    requests_.push_back(std::move(copy));
    node_.most_in_flight = std::max(node_.most_in_flight, requests_.size());
    return absl::OkStatus();
  }
  absl::Status Receive(int64_t /*timeout_ms*/, google::protobuf::Message& response) override {
    response.Clear();
    const absl::Status status = node_.Answer(method_, *requests_.front(), response);
    requests_.pop_front();
    reached_ = reached_ || status.ok();
    return status;
  }

 private:
  FakeNode& node_;
  bool& reached_;
  const std::string method_;
  std::deque<std::unique_ptr<google::protobuf::Message>> requests_;
};

class FakeSession : public Session {
 public:
  explicit FakeSession(FakeNode& node) : node_(node) {}
  absl::Status Call(std::string_view method, const google::protobuf::Message& request,
                    int64_t /*timeout_ms*/, google::protobuf::Message& response) override {
    const absl::Status status = node_.Answer(method, request, response);
    reached_ = reached_ || status.ok();
    return status;
  }
  absl::Status Follow(const v1::WatchChangesRequest& request, const FeedHandler& handler) override {
    return node_.Follow(request, handler);
  }
  std::unique_ptr<RequestStream> Open(std::string_view method) override {
    return std::make_unique<FakeStream>(node_, reached_, method);
  }
  bool reached() const override { return reached_; }

 private:
  FakeNode& node_;
  bool reached_ = false;
};

v1::Peer PeerOf(const std::string& unit, int64_t now_ms, bool up) {
  v1::Peer peer;
  peer.set_unit(unit);
  peer.set_state(up ? v1::LINK_STATE_UP : v1::LINK_STATE_DOWN);
  peer.set_heard_time_ms(now_ms - (up ? 1000 : 11'520'000));
  peer.set_state_time_ms(now_ms - 11'520'000);
  peer.set_round_trip_ms(up ? 41 : 0);
  peer.set_queued(up ? 0 : 3);
  peer.set_certificate_days_left(61);
  if (!up) peer.set_reason_code("LINK_SILENT");
  if (!up) peer.set_reason_text("nothing was heard for 3 h 12 min");
  return peer;
}

}  // namespace

std::string FakeNode::NextReference(char kind, const std::string& unit_short) {
  return contract::MakeReference(
      {static_cast<contract::ReferenceKind>(kind), unit_short, 26, ++numbers_[kind + unit_short]});
}

v1::Incident FakeNode::Record(const v1::CreateIncidentRequest& request, bool& existed) {
  sent_request_ids.push_back(request.request_id());
  const auto known = request_ids.find(request.request_id());
  existed = known != request_ids.end();
  if (existed) return incidents[known->second];
  v1::Incident incident = request.incident();
  if (request.validate_only()) return incident;
  incident.set_name(contract::IncidentName("vn-quangngai", NextReference('I', "QNG")));
  incident.set_state(v1::INCIDENT_STATE_OPEN);
  incident.set_version(1);
  incident.set_etag("1");
  incident.set_creator("huy");
  incident.set_updater("huy");
  incident.set_create_time_ms(host_.now_ms);
  incident.set_update_time_ms(host_.now_ms);
  incidents[incident.name()] = incident;
  versions[incident.name()] = {incident};
  request_ids[request.request_id()] = incident.name();
  ++change_number;
  return incident;
}

v1::Incident& FakeNode::AddIncident(const std::string& title) {
  v1::CreateIncidentRequest request;
  request.set_request_id(host_.NewUuid());
  v1::Facts& facts = *request.mutable_incident()->mutable_facts();
  facts.set_category_code("CTB-GEN");
  facts.set_severity(2);
  facts.set_occur_time_ms(kTestNowMs - 3'600'000);
  facts.mutable_place()->set_locality("km 52");
  facts.set_title(title);
  bool existed = false;
  return incidents[Record(request, existed).name()];
}

void FakeNode::Hold(const std::string& unit, const std::string& hold, const std::string& reason) {
  for (auto& [name, notice] : notices) {
    for (v1::Delivery& delivery : *notice.mutable_deliveries()) {
      if (delivery.unit() != unit) continue;
      v1::DeliveryHold parsed = v1::DELIVERY_HOLD_UNSPECIFIED;
      v1::DeliveryHold_Parse("DELIVERY_HOLD_" + hold, &parsed);
      delivery.set_hold(parsed);
      delivery.set_next_try_time_ms(parsed == v1::DELIVERY_HOLD_NO_LINK ? kTestNowMs + 20'000 : 0);
      delivery.set_reason_code(reason);
    }
  }
}

std::string FakeNode::Receive(const std::string& title, int64_t ack_by_ms) {
  v1::Notice notice;
  notice.set_name(contract::NoticeName("la-attapeu", NextReference('N', "ATP")));
  notice.set_owner("la-attapeu");
  notice.set_direction(v1::NOTICE_DIRECTION_RECEIVED);
  notice.set_state(v1::NOTICE_STATE_RELEASED);
  notice.set_kind_code("INCIDENT");
  notice.set_urgency_code("U3");
  notice.set_handling_code("H2");
  notice.set_tlp_code("AMBER+STRICT");
  notice.set_purpose_code("P-BORDER");
  notice.set_version(1);
  notice.set_receive_time_ms(host_.now_ms);
  notice.set_ack_by_ms(ack_by_ms);
  notice.mutable_facts()->set_category_code("CTB-GEN");
  notice.mutable_facts()->set_severity(2);
  notice.mutable_facts()->set_occur_time_ms(kTestNowMs - 7'200'000);
  notice.mutable_facts()->mutable_place()->set_gate("G-BOY");
  notice.mutable_facts()->set_title(title);
  notice.mutable_facts()->mutable_narrative()->set_text("ລົດກະບະ");
  notice.mutable_facts()->mutable_narrative()->set_language_code("lo");
  notice.add_deliveries()->set_unit("vn-quangngai");
  notice.mutable_deliveries(0)->set_state(v1::DELIVERY_STATE_STORED);
  notice.set_needs_ack(ack_by_ms > 0);
  notices[notice.name()] = notice;
  ++change_number;
  return notice.name();
}

void FakeNode::FillJournal(int entries) {
  for (int i = 1; i <= entries; ++i) {
    v1::Change& change = journal.emplace_back();
    change.set_number(journal.size());
    change.set_time_ms(kTestNowMs - 60'000LL * (entries - i));
    const bool batch = i % 3 == 0;
    change.set_actor(batch ? "peer/la-attapeu" : "officer/huy");
    change.set_action(batch ? "received.store,statement.store" : "incident.create");
    change.add_names(batch ? "units/la-attapeu/notices/N-ATP-26-0001-B"
                           : "units/vn-quangngai/incidents/" +
                                 contract::MakeReference({contract::ReferenceKind::kIncident, "QNG",
                                                          26, static_cast<uint64_t>(i)}));
    change.set_count(batch ? 70 : 1);
  }
}

void FakeNode::FillQuarantine() {
  for (const bool outbound : {false, true}) {
    v1::QuarantinedEnvelope& envelope = quarantine.emplace_back();
    envelope.set_unit(outbound ? "kh-ratanakiri" : "la-attapeu");
    envelope.set_outbound(outbound);
    envelope.set_lane("routine");
    envelope.set_epoch("00000000000000aa");
    envelope.set_position(outbound ? 7 : 41);
    envelope.set_reason_code("ENVELOPE_CONFLICT");
    if (!outbound) envelope.set_reason_text("N-ATP-26-0001-B came before with other contents");
    envelope.set_time_ms(kTestNowMs - 3'600'000);
  }
}

void FakeNode::FillQueue() {
  for (const bool up : {false, false, true}) {
    v1::QueuedEnvelope& queued = queue.emplace_back();
    const bool flash = queue.size() == 1;
    queued.set_unit(up ? "la-attapeu" : "kh-ratanakiri");
    queued.set_lane(flash ? "flash" : "routine");
    queued.set_position(40 + queue.size());
    queued.set_name(up ? "units/la-attapeu/notices/N-ATP-26-0001-B"
                       : "units/vn-quangngai/notices/" + std::string(flash ? "F" : "N") +
                             "-QNG-26-0001-W");
    queued.set_kind(up ? "statement" : "notice");
    queued.set_version(up ? 0 : 2);
    queued.set_bytes(1234);
    queued.set_queue_time_ms(kTestNowMs - 11'520'000 + 1000 * static_cast<int64_t>(queue.size()));
    queued.set_sent(up);
    queued.set_waiting(queue.size() == 2 ? 25 : 1);
    if (up) continue;
    queued.set_hold(v1::DELIVERY_HOLD_NO_LINK);
    queued.set_reason_code("LINK_SILENT");
    queued.set_next_try_time_ms(kTestNowMs + 20'000);
  }
}

void FakeNode::FillTrace() {
  const auto add = [this](v1::LinkEventKind kind, const std::string& lane,
                          const std::string& reason) -> v1::LinkEvent& {
    v1::LinkEvent event;
    event.set_number(events.size() + 1);
    event.set_time_ms(kTestNowMs - 600'000 + 10'000 * static_cast<int64_t>(events.size()));
    event.set_last_time_ms(event.time_ms());
    event.set_kind(kind);
    event.set_lane(lane);
    event.set_reason_code(reason);
    event.set_count(1);
    return *events.insert(events.begin(), event);
  };
  add(v1::LINK_EVENT_KIND_DIALLING, "", "").set_outbound(true);
  v1::LinkEvent& failed = add(v1::LINK_EVENT_KIND_DIAL_FAILED, "", "LINK_LOST");
  failed.set_outbound(true);
  failed.set_count(7);
  failed.set_reason_text("connection refused");
  add(v1::LINK_EVENT_KIND_OPENED, "", "");
  add(v1::LINK_EVENT_KIND_UP, "", "").set_reason_text("protocol version 2");
  v1::LinkEvent& batch = add(v1::LINK_EVENT_KIND_BATCH, "routine", "");
  batch.set_outbound(true);
  batch.set_count(3);
  batch.set_envelopes(120);
  batch.set_bytes(45'678);
  batch.set_size(812);
  add(v1::LINK_EVENT_KIND_RECEIPT, "routine", "").set_size(812);
  add(v1::LINK_EVENT_KIND_STOPPED, "flash", "CHANNEL_FORK").set_outbound(true);
  add(v1::LINK_EVENT_KIND_CLOSED, "", "LINK_SILENT");
}

void FakeNode::VerifyLogs(const v1::VerifyLogsRequest& request, v1::VerifyLogsResponse& answer) {
  // Two pieces; the second takes three seconds.
  v1::VerifiedLog& log = *answer.add_logs();
  log.set_epoch("00000000000000aa");
  log.set_root("5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
  if (request.page_token().empty() && request.unit().empty()) {
    log.set_size(12);
    answer.set_current("la-attapeu out routine");
    answer.set_done(50'000);
    answer.set_size(70'000);
    answer.set_next_page_token("more");
    host_.now_ms += 3000;
    return;
  }
  log.set_unit("la-attapeu");
  log.set_outbound(true);
  log.set_lane("routine");
  log.set_size(70'000);
  log.set_problem(damaged);
}

absl::Status FakeNode::Answer(std::string_view method, const google::protobuf::Message& request,
                              google::protobuf::Message& response) {
  methods.emplace_back(method);
  if (!failures.empty()) {
    const absl::Status failure = failures.front();
    failures.pop_front();
    if (!failure.ok()) return failure;
  }
  if (method == "NodeService/GetStatus") {
    auto& status = As<v1::NodeStatus>(response);
    status.set_unit("vn-quangngai");
    status.set_version("0.1.0");
    status.set_epoch("aa");
    status.set_change_number(std::max<uint64_t>(change_number, journal.size()));
    status.set_now_ms(host_.now_ms);
    status.set_start_time_ms(host_.now_ms - 60'000);
    status.set_incidents(incidents.size());
    status.set_certificate_days_left(23);
    status.add_warnings("certificate ends in 23 days: tripointd ca issue");
    *status.add_peers() = PeerOf("la-attapeu", host_.now_ms, true);
    return absl::OkStatus();
  }
  if (method == "NodeService/ListPeers") {
    *As<v1::ListPeersResponse>(response).add_peers() = PeerOf("la-attapeu", host_.now_ms, true);
    *As<v1::ListPeersResponse>(response).add_peers() = PeerOf("kh-ratanakiri", host_.now_ms, kh_up);
    return absl::OkStatus();
  }
  if (method == "NodeService/GetPeer") {
    const std::string& unit = As<v1::GetPeerRequest>(request).unit();
    As<v1::Peer>(response) = PeerOf(unit, host_.now_ms, unit == "la-attapeu" || kh_up);
    return absl::OkStatus();
  }
  if (method == "NodeService/ListQuarantine") {
    const std::string& unit = As<v1::ListQuarantineRequest>(request).unit();
    for (const v1::QuarantinedEnvelope& envelope : quarantine) {
      if (unit.empty() || envelope.unit() == unit)
        *As<v1::ListQuarantineResponse>(response).add_envelopes() = envelope;
    }
    return absl::OkStatus();
  }
  if (method == "NodeService/ListQueue") {
    const std::string& unit = As<v1::ListQueueRequest>(request).unit();
    for (const v1::QueuedEnvelope& queued : queue) {
      if (unit.empty() || queued.unit() == unit)
        *As<v1::ListQueueResponse>(response).add_envelopes() = queued;
    }
    return absl::OkStatus();
  }
  if (method == "NodeService/ListLinkEvents") {
    auto& answer = As<v1::ListLinkEventsResponse>(response);
    answer.set_begin_time_ms(kTestNowMs - 86'400'000);
    for (const v1::LinkEvent& event : events) *answer.add_events() = event;
    return absl::OkStatus();
  }
  if (method == "EvidenceService/ExportEvidence") {
    const auto& asked = As<v1::ExportEvidenceRequest>(request);
    if (asked.notice().ends_with("-X")) {
      return contract::Error(absl::StatusCode::kNotFound, contract::Reason::kNotFound,
                             "There is no notice " + asked.notice(), "No record has that name.",
                             "List them: tripoint notice list");
    }
    auto& answer = As<v1::ExportEvidenceResponse>(response);
    answer.set_file(asked.without_contents() ? "bare" : "with contents");
    answer.set_notice("units/vn-quangngai/notices/N-QNG-26-0001-W");
    answer.set_version(asked.version() == 0 ? 2 : asked.version());
    answer.set_sender_unit("vn-quangngai");
    answer.set_receiver_unit(asked.unit().empty() ? "la-attapeu" : asked.unit());
    answer.set_receipted(answer.receiver_unit() == "la-attapeu");
    return absl::OkStatus();
  }
  if (method == "BundleService/ExportBundle") {
    const auto& asked = As<v1::ExportBundleRequest>(request);
    if (asked.unit() != "la-attapeu") {
      return contract::Error(absl::StatusCode::kFailedPrecondition,
                             contract::Reason::kCertificateUntrusted,
                             "No certificate of " + asked.unit() + " is known to encrypt to",
                             "It was never on the link with this node",
                             "Get their tls.pem: tripoint bundle export --certificate FILE");
    }
    const std::size_t at = asked.page_token().empty() ? 0 : std::stoul(asked.page_token());
    auto& answer = As<v1::ExportBundleResponse>(response);
    answer.set_part(at < parts.size() ? parts[at] : "part");
    answer.set_envelopes(2);
    answer.set_receipts(at == 0 ? 1 : 0);
    if (at + 1 < parts.size()) answer.set_next_page_token(std::to_string(at + 1));
    if (!damaged.empty()) answer.add_left_out("routine: stopped, " + damaged);
    return absl::OkStatus();
  }
  if (method == "BundleService/ImportBundle") {
    const auto& asked = As<v1::ImportBundleRequest>(request);
    imported.push_back(asked);
    auto& answer = As<v1::ImportBundleResponse>(response);
    answer.set_sender_unit("la-attapeu");
    answer.set_create_time_ms(host_.NowMs() - 3'600'000);
    answer.set_envelopes(2);
    answer.set_known(1);
    if (asked.validate_only()) {
      answer.set_reached(asked.reached() + "+");
    } else {
      answer.set_receipted(3);
    }
    if (!damaged.empty()) answer.add_left_out("routine: stopped, " + damaged);
    return absl::OkStatus();
  }
  if (method == "EvidenceService/VerifyLogs") {
    VerifyLogs(As<v1::VerifyLogsRequest>(request), As<v1::VerifyLogsResponse>(response));
    return absl::OkStatus();
  }
  return method.starts_with("IncidentService/") ? Incidents(method, request, response)
                                                : Notices(method, request, response);
}

absl::Status FakeNode::Incidents(std::string_view method, const google::protobuf::Message& request,
                                 google::protobuf::Message& response) {
  bool existed = false;
  if (method == "IncidentService/CreateIncident") {
    As<v1::Incident>(response) = Record(As<v1::CreateIncidentRequest>(request), existed);
  } else if (method == "IncidentService/RecordIncidents") {
    for (const auto& one : As<v1::BatchCreateIncidentsRequest>(request).requests()) {
      v1::BatchResult* result = As<v1::BatchCreateIncidentsResponse>(response).add_results();
      result->set_name(Record(one, existed).name());
      result->set_existed(existed);
    }
  } else if (method == "IncidentService/ListIncidents") {
    const auto& filter = As<v1::ListIncidentsRequest>(request);
    for (auto it = incidents.rbegin(); it != incidents.rend(); ++it) {
      const bool state =
          filter.state() == v1::INCIDENT_STATE_UNSPECIFIED || filter.state() == it->second.state();
      if (state && Fits(it->first, filter.reference_tail())) {
        *As<v1::ListIncidentsResponse>(response).add_incidents() = it->second;
      }
    }
  } else if (method == "IncidentService/GetIncident") {
    const auto found = incidents.find(As<v1::GetIncidentRequest>(request).name());
    if (found == incidents.end()) return Missing();
    As<v1::Incident>(response) = found->second;
  } else if (method == "IncidentService/ListIncidentVersions") {
    for (const v1::Incident& version :
         versions[As<v1::ListIncidentVersionsRequest>(request).name()]) {
      *As<v1::ListIncidentVersionsResponse>(response).add_versions() = version;
    }
  } else {
    const bool update = method == "IncidentService/UpdateIncident";
    const std::string name = update ? As<v1::UpdateIncidentRequest>(request).incident().name()
                                    : As<v1::ChangeIncidentStateRequest>(request).name();
    v1::Incident incident = incidents[name];
    const std::string etag = update ? As<v1::UpdateIncidentRequest>(request).etag()
                                    : As<v1::ChangeIncidentStateRequest>(request).etag();
    if (etag != incident.etag()) return Stale();
    if (update) {
      *incident.mutable_facts() = As<v1::UpdateIncidentRequest>(request).incident().facts();
      incident.set_change_reason(As<v1::UpdateIncidentRequest>(request).reason());
    } else {
      incident.set_state(As<v1::ChangeIncidentStateRequest>(request).state());
      incident.set_change_reason(As<v1::ChangeIncidentStateRequest>(request).reason());
    }
    incident.set_version(incident.version() + 1);
    incident.set_etag(std::to_string(incident.version()));
    As<v1::Incident>(response) = incident;
    if (update ? As<v1::UpdateIncidentRequest>(request).validate_only()
               : As<v1::ChangeIncidentStateRequest>(request).validate_only()) {
      return absl::OkStatus();
    }
    incidents[name] = incident;
    versions[name].insert(versions[name].begin(), incident);
  }
  return absl::OkStatus();
}

absl::Status FakeNode::Notices(std::string_view method, const google::protobuf::Message& request,
                               google::protobuf::Message& response) {
  if (method == "NoticeService/CreateNotice") {
    v1::Notice notice = As<v1::CreateNoticeRequest>(request).notice();
    const bool flash = notice.urgency_code() == "U0";
    notice.set_name(contract::NoticeName("vn-quangngai", NextReference(flash ? 'F' : 'N', "QNG")));
    notice.set_direction(v1::NOTICE_DIRECTION_SENT);
    notice.set_state(v1::NOTICE_STATE_DRAFT);
    notice.set_owner("vn-quangngai");
    notice.set_creator("huy");
    notice.set_version(1);
    notice.set_etag("1");
    if (notice.handling_code().empty()) notice.set_handling_code("H2");
    if (!notice.has_facts()) *notice.mutable_facts() = incidents[notice.incident()].facts();
    notices[notice.name()] = notice;
    As<v1::Notice>(response) = notice;
  } else if (method == "NoticeService/ShareNotice") {
    const auto& share = As<v1::ShareNoticeRequest>(request);
    v1::Notice notice = share.has_draft() ? share.draft() : notices[share.name()];
    auto& answer = As<v1::ShareNoticeResponse>(response);
    v1::DisclosureGroup& group = *answer.add_groups();
    for (const char* field : {"category_code", "occur_time_ms", "place", "title"}) {
      v1::DisclosureCell* cell = group.add_cells();
      cell->set_field(field);
      cell->set_sent(true);
      cell->set_rule("plain-fact");
    }
    v1::DisclosureCell* held = group.add_cells();
    held->set_field("persons[0]");
    held->set_rule("person-needs-basis");
    for (const std::string& unit : share.units()) {
      group.add_units(unit);
      const bool up = unit == "la-attapeu";
      v1::Delivery* delivery = notice.add_deliveries();
      delivery->set_unit(unit);
      delivery->set_state(up ? v1::DELIVERY_STATE_STORED : v1::DELIVERY_STATE_QUEUED);
      delivery->set_version(1);
      delivery->set_state_time_ms(host_.now_ms);
      notice.add_audience(unit);
    }
    notice.set_state(v1::NOTICE_STATE_RELEASED);
    notice.set_share_time_ms(host_.now_ms);
    if (share.ack_within_minutes() > 0)
      notice.set_ack_by_ms(host_.now_ms + share.ack_within_minutes() * 60'000);
    notice.set_needs_ack(notice.ack_by_ms() > 0);
    *answer.mutable_notice() = notice;
    if (!share.validate_only()) notices[notice.name()] = notice;
  } else if (method == "NoticeService/GetNotice") {
    const auto found = notices.find(As<v1::GetNoticeRequest>(request).name());
    if (found == notices.end()) return Missing();
    As<v1::Notice>(response) = found->second;
  } else if (method == "NoticeService/ListNotices") {
    const auto& filter = As<v1::ListNoticesRequest>(request);
    const bool received = filter.direction() == v1::NOTICE_DIRECTION_RECEIVED;
    for (auto it = notices.rbegin(); it != notices.rend(); ++it) {
      const v1::Notice& notice = it->second;
      if ((notice.direction() == v1::NOTICE_DIRECTION_RECEIVED) != received ||
          !Fits(it->first, filter.reference_tail()) ||
          (filter.needs_ack() && !notice.needs_ack()) ||
          (!filter.urgency_code().empty() && filter.urgency_code() != notice.urgency_code())) {
        continue;
      }
      *As<v1::ListNoticesResponse>(response).add_notices() = notice;
    }
  } else if (method == "NoticeService/AcknowledgeNotice") {
    const auto& ack = As<v1::AcknowledgeNoticeRequest>(request);
    v1::Notice& notice = notices[ack.name()];
    v1::Delivery& own = *notice.mutable_deliveries(0);
    if (ack.outcome() == v1::DELIVERY_STATE_ACKNOWLEDGED &&
        own.state() >= v1::DELIVERY_STATE_ACKNOWLEDGED) {
      return contract::Error(absl::StatusCode::kAlreadyExists, Reason::kAlreadyAcknowledged,
                             "it was already acknowledged by " + own.officer(),
                             "one acknowledgement is enough",
                             "add a word: tripoint notice ack REF --as actioned --note TEXT");
    }
    if (!ack.validate_only()) {
      own.set_state(std::max(own.state(), ack.outcome()));
      own.set_officer("huy");
      own.set_state_time_ms(host_.now_ms);
      notice.set_needs_ack(notice.needs_ack() && own.state() < v1::DELIVERY_STATE_ACKNOWLEDGED);
    }
    As<v1::Notice>(response) = notice;
  } else {
    const bool withdraw = method == "NoticeService/WithdrawNotice";
    const std::string name = withdraw ? As<v1::WithdrawNoticeRequest>(request).name()
                                      : As<v1::ReviseNoticeRequest>(request).notice().name();
    v1::Notice notice = notices[name];
    if (withdraw) notice.set_state(v1::NOTICE_STATE_WITHDRAWN);
    if (withdraw) notice.set_needs_ack(false);
    notice.set_version(notice.version() + 1);
    for (v1::Delivery& delivery : *notice.mutable_deliveries()) {
      if (delivery.hold() == v1::DELIVERY_HOLD_NOT_PAIRED) continue;
      if (delivery.state() == v1::DELIVERY_STATE_STORED) {
        delivery.mutable_earlier()->set_state(v1::DELIVERY_STATE_ACKNOWLEDGED);
        delivery.mutable_earlier()->set_version(delivery.version());
        delivery.mutable_earlier()->set_time_ms(host_.now_ms);
        delivery.mutable_earlier()->set_officer("somphone");
      }
      delivery.set_version(notice.version());
    }
    As<v1::Notice>(response) = notice;
    if (!(withdraw ? As<v1::WithdrawNoticeRequest>(request).validate_only()
                   : As<v1::ReviseNoticeRequest>(request).validate_only())) {
      notices[name] = notice;
    }
  }
  return absl::OkStatus();
}

absl::Status FakeNode::Follow(const v1::WatchChangesRequest& request, const FeedHandler& handler) {
  followed_after.push_back(request.after_change_number());
  for (const v1::Change& change : journal) {
    if (change.number() > request.after_change_number() && !handler.changed(change))
      return absl::OkStatus();
  }
  while (!feed.empty()) {
    Step step = feed.front();
    feed.pop_front();
    if (step.before) step.before();
    if (step.drop) {
      return contract::Error(absl::StatusCode::kUnavailable, Reason::kNodeUnreachable,
                             "node cannot be reached", "it is restarting", "");
    }
    host_.now_ms += 1000;
    if (!(step.change.number() > 0 ? handler.changed(step.change) : handler.idle()))
      return absl::OkStatus();
  }
  host_.interrupted = true;  // nothing more to play: the user stops it
  return contract::Error(absl::StatusCode::kCancelled, Reason::kInterrupted, "interrupted", "", "");
}

Connect FakeNode::Connector() {
  return [this](const NodeEntry&, Host&) -> absl::StatusOr<std::unique_ptr<Session>> {
    return std::make_unique<FakeSession>(*this);
  };
}

}  // namespace tripoint::client
