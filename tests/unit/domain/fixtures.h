// A small world for the tests of domain: three units at the place where three countries meet.
// Test thread only.
#pragma once

#include <set>
#include <string>

#include "proto/contract/error.h"
#include "proto/contract/validate.h"
#include "server/domain/incident.h"
#include "server/domain/notice.h"
#include "tests/unit/proto/codes_fixture.h"

namespace tripoint::domain {

inline constexpr std::int64_t kNow = 1'795'000'000'000;
inline constexpr char kSelf[] = "vn-quangngai";
inline constexpr char kLao[] = "la-attapeu";
inline constexpr char kKhmer[] = "kh-ratanakiri";
inline constexpr char kIncidentNameText[] = "units/vn-quangngai/incidents/I-QNG-26-0093-T";
inline constexpr char kNoticeNameText[] = "units/vn-quangngai/notices/N-QNG-26-0211-M";

inline const std::set<std::string, std::less<>>& Paired() {
  static const std::set<std::string, std::less<>> kPaired = {kLao, kKhmer};
  return kPaired;
}

inline const contract::Validator& TheValidator() {
  static const contract::Validator kValidator(codes::TheRegistry());
  return kValidator;
}

inline Stamp Now() { return Stamp{.now_ms = kNow, .officer = "huy"}; }

inline ShareContext Context() {
  return ShareContext{
      .self = kSelf, .paired = Paired(), .vocabulary = codes::TheRegistry(), .stamp = Now()};
}

// As the recipient in Laos.
inline ShareContext LaoContext() {
  static const std::set<std::string, std::less<>> kPaired = {kSelf};
  return ShareContext{.self = kLao,
                      .paired = kPaired,
                      .vocabulary = codes::TheRegistry(),
                      .stamp = Stamp{.now_ms = kNow + 1000, .officer = "somphone"}};
}

// A stopped pickup with fireworks: every field of Facts is filled.
inline v1::Facts FullFacts() {
  v1::Facts facts;
  facts.set_category_code("CTB-GEN");
  facts.set_severity(2);
  facts.set_certainty_code("observed");
  facts.set_status_code("ACTUAL");
  facts.set_occur_time_ms(kNow - 3'600'000);
  facts.set_occur_precision_code("minute");
  facts.mutable_place()->set_gate("G-BOY");
  facts.mutable_place()->set_locality("km 52");
  facts.mutable_place()->mutable_marker()->set_line("la-vn");
  facts.mutable_place()->mutable_marker()->set_number(255);
  facts.mutable_place()->mutable_coordinates()->set_latitude_deg(14.7);
  facts.mutable_place()->mutable_coordinates()->set_longitude_deg(107.5);
  facts.set_title("Pickup with 14 sacks of fireworks stopped");
  facts.mutable_narrative()->set_text("Two men fled.");
  facts.mutable_narrative()->set_language_code("en");
  v1::Person& suspect = *facts.add_persons();
  suspect.set_role_code("suspect");
  suspect.set_nationality_region_code("LA");
  v1::Person& victim = *facts.add_persons();
  victim.set_role_code("victim");
  victim.set_nationality_region_code("KH");
  v1::Vehicle& vehicle = *facts.add_vehicles();
  vehicle.set_type_code("pickup");
  vehicle.set_plate("60C-123.45");
  vehicle.set_description("white");
  facts.add_documents()->set_type_code("ordinary-passport");
  v1::Goods& goods = *facts.add_goods();
  goods.set_type_code("fireworks");
  goods.set_quantity(14);
  goods.set_unit_code("KGM");
  return facts;
}

inline v1::Incident OpenIncident() {
  v1::Incident request;
  *request.mutable_facts() = FullFacts();
  return CreateIncident(request, kIncidentNameText, Now()).value();
}

inline v1::Notice DraftRequest() {
  v1::Notice request;
  request.set_kind_code("INCIDENT");
  request.set_urgency_code("U3");
  request.set_purpose_code("P-BORDER");
  return request;
}

inline v1::Notice Draft(const v1::Notice& request) {
  const v1::Incident incident = OpenIncident();
  return DraftNotice(request, &incident, kSelf, kNoticeNameText, Now()).value();
}

inline absl::StatusOr<NoticeDecision> Share(const v1::Notice& draft,
                                            std::vector<std::string> units = {kLao, kKhmer}) {
  return ShareNotice(draft, ShareOrder{.units = std::move(units), .etag = draft.etag()}, Context());
}

inline contract::Reason ReasonOf(const absl::Status& status) { return contract::ReasonOf(status); }

// As operations do before they store it.
inline std::string Numbered(exchange::v1::Envelope envelope) {
  envelope.set_epoch(7);
  envelope.set_number(1);
  return envelope.SerializeAsString();
}

}  // namespace tripoint::domain
