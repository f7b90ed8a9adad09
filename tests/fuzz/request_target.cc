// Requests of operators: parsed, brought to their canonical form, decided. See fuzz.h.
#include <memory>

#include "proto/contract/validate.h"
#include "server/domain/incident.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/registry.h"
#include "tripoint/v1/incident.pb.h"
#include "tripoint/v1/node.pb.h"
#include "tripoint/v1/notice.pb.h"

namespace tripoint::fuzz {
namespace {

constexpr std::int64_t kNowMs = 1'795'000'000'000;

// By the first byte of an input.
std::unique_ptr<google::protobuf::Message> RequestOf(std::uint8_t kind) {
  switch (kind % 8) {
    case 0:
      return std::make_unique<v1::CreateIncidentRequest>();
    case 1:
      return std::make_unique<v1::UpdateIncidentRequest>();
    case 2:
      return std::make_unique<v1::BatchCreateIncidentsRequest>();
    case 3:
      return std::make_unique<v1::CreateNoticeRequest>();
    case 4:
      return std::make_unique<v1::ShareNoticeRequest>();
    case 5:
      return std::make_unique<v1::ListIncidentsRequest>();
    case 6:
      return std::make_unique<v1::AcknowledgeNoticeRequest>();
    default:
      return std::make_unique<v1::WatchChangesRequest>();
  }
}

v1::Facts SampleFacts() {
  v1::Facts facts;
  facts.set_category_code("DRG-TRF");
  facts.set_severity(3);
  facts.set_certainty_code("likely");
  facts.set_occur_time_ms(kNowMs);
  facts.mutable_place()->set_gate("G-BOY");
  facts.set_title("Vehicle at Bo Y");
  facts.mutable_narrative()->set_language_code("vi");
  facts.mutable_narrative()->set_text("Xe bán tải biển số Lào, hai người.");
  v1::Goods& goods = *facts.add_goods();
  goods.set_type_code("heroin");
  return facts;
}

}  // namespace

std::vector<std::string> Seeds() {
  v1::CreateIncidentRequest incident;
  *incident.mutable_incident()->mutable_facts() = SampleFacts();
  incident.set_request_id("7b1d3f4e-0a6c-4d2b-9f10-aa55aa55aa55");
  v1::CreateNoticeRequest notice;
  *notice.mutable_notice()->mutable_facts() = SampleFacts();
  notice.mutable_notice()->set_kind_code("INCIDENT");
  notice.mutable_notice()->set_urgency_code("U3");
  notice.set_request_id(incident.request_id());
  v1::ShareNoticeRequest share;
  share.set_name("units/vn-quangngai/notices/N-QNG-26-100000-M");
  share.add_units("la-attapeu");
  share.set_request_id(incident.request_id());
  v1::BatchCreateIncidentsRequest batch;
  *batch.add_requests() = incident;
  v1::ListIncidentsRequest list;
  list.set_category_code("drg");
  list.set_gate("G-BOY");
  return {std::string(1, '\0') + incident.SerializeAsString(),
          std::string(1, '\2') + batch.SerializeAsString(),
          std::string(1, '\3') + notice.SerializeAsString(),
          std::string(1, '\4') + share.SerializeAsString(),
          std::string(1, '\5') + list.SerializeAsString()};
}

void TakeInput(std::string_view input) {
  static const contract::Validator kValidator(TheRegistry());
  Reader reader(input);
  const auto request = RequestOf(reader.Byte());
  const std::string_view bytes = reader.Rest();
  if (!request->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  (void)kValidator.CheckReceived(*request);
  if (!kValidator.CheckInput(*request).ok()) return;
  // Canonical once is canonical for ever: hashes of requests stand on it.
  const std::string canonical = request->SerializeAsString();
  Require(kValidator.CheckInput(*request).ok());
  Require(request->SerializeAsString() == canonical);
  if (const auto* create = dynamic_cast<const v1::CreateIncidentRequest*>(request.get())) {
    (void)domain::CreateIncident(create->incident(), {}, {.now_ms = kNowMs, .officer = "lan"});
  }
}

}  // namespace tripoint::fuzz
