// Envelopes as they come over the border. See fuzz.h.
#include "proto/contract/reference.h"
#include "proto/contract/validate.h"
#include "server/domain/admission.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/registry.h"

namespace tripoint::fuzz {
namespace {

std::string NoticeOf(const char* unit, const char* unit_short) {
  return contract::NoticeName(unit,
                              contract::MakeReference({.kind = contract::ReferenceKind::kNotice,
                                                       .unit_short = unit_short,
                                                       .year = 26,
                                                       .number = 1}));
}

exchange::v1::Envelope Sample() {
  exchange::v1::Envelope envelope;
  envelope.set_origin_unit("la-attapeu");
  envelope.set_epoch(7);
  envelope.set_number(1);
  envelope.set_lane(exchange::v1::LANE_ROUTINE);
  envelope.add_audience("vn-quangngai");
  envelope.set_handling_code("H2");
  envelope.set_tlp_code("AMBER+STRICT");
  envelope.set_purpose_code("P-BORDER");
  envelope.set_create_time_ms(1'795'000'000'000);
  envelope.set_valid_until_ms(1'799'000'000'000);
  exchange::v1::NoticeVersion& version = *envelope.mutable_notice_version();
  version.set_name(NoticeOf("la-attapeu", "ATT"));
  version.set_version(1);
  version.set_kind_code("INCIDENT");
  version.set_urgency_code("U3");
  version.mutable_facts()->set_category_code("DRG-TRF");
  version.mutable_facts()->set_severity(3);
  version.mutable_facts()->set_title("Vehicle");
  return envelope;
}

}  // namespace

std::vector<std::string> Seeds() {
  exchange::v1::Envelope withdrawal = Sample();
  withdrawal.mutable_notice_withdrawal()->set_name(NoticeOf("la-attapeu", "ATT"));
  withdrawal.mutable_notice_withdrawal()->set_version(2);
  withdrawal.mutable_notice_withdrawal()->set_reason("Sent by mistake.");
  exchange::v1::Envelope statement = Sample();
  statement.mutable_notice_statement()->set_name(NoticeOf("vn-quangngai", "QNG"));
  statement.mutable_notice_statement()->set_version(1);
  statement.mutable_notice_statement()->set_outcome_code("acknowledged");
  statement.mutable_notice_statement()->set_officer("lan");
  return {Sample().SerializeAsString(), withdrawal.SerializeAsString(),
          statement.SerializeAsString()};
}

void TakeInput(std::string_view input) {
  static const contract::Validator kValidator(TheRegistry());
  for (const int lane : {1, 3}) {
    const auto admitted = domain::AdmitEnvelope(
        input, {.self = "vn-quangngai", .peer = "la-attapeu", .lane = lane}, kValidator);
    if (!admitted.ok()) continue;
    Require(admitted->lane() == lane);
    Require(admitted->origin_unit() == "la-attapeu");
    bool to_us = false;
    for (const std::string& unit : admitted->audience()) to_us = to_us || unit == "vn-quangngai";
    Require(to_us);
  }
}

}  // namespace tripoint::fuzz
