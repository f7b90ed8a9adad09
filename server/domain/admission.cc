// What is refused at the border, outgoing and incoming (admission.h). Any thread.
#include "server/domain/admission.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/contract/error.h"
#include "proto/contract/reference.h"
#include "proto/contract/text_form.h"
#include "server/domain/answer.h"
#include "server/domain/handling.h"
#include "server/limits.h"

namespace tripoint::domain {
namespace {

using contract::Reason;
using exchange::v1::Envelope;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr std::string_view kNext =
    "it was put aside; tell the unit that sent it, all other envelopes go on";

absl::Status Refuse(Reason reason, std::string what, std::string why) {
  return contract::Error(kInvalid, reason, std::move(what), std::move(why), std::string(kNext));
}

absl::Status Malformed(std::string what) {
  return Refuse(Reason::kEnvelopeMalformed, std::move(what),
                "an envelope keeps the contract of tripoint.exchange.v1");
}

const std::string& NameOf(const Envelope& envelope) {
  switch (envelope.body_case()) {
    case Envelope::kNoticeWithdrawal:
      return envelope.notice_withdrawal().name();
    case Envelope::kNoticeStatement:
      return envelope.notice_statement().name();
    case Envelope::kNoticeVersion:
    case Envelope::BODY_NOT_SET:
      break;
  }
  return envelope.notice_version().name();
}

// Persons, plates and documents where the handling of the envelope does not let them travel. The
// full policy needs the whole record, which only the owner has; this much holds for everybody.
absl::Status CheckVersionBody(const Envelope& envelope, const Handling& handling) {
  const exchange::v1::NoticeVersion& body = envelope.notice_version();
  if (!contract::IsCodeForm(body.kind_code())) return Malformed("its kind is not a code");
  // Else anybody could put everything into the flash lane.
  const exchange::v1::Lane lane = LaneOf(body.urgency_code());
  if (lane != exchange::v1::LANE_UNSPECIFIED && lane != envelope.lane()) {
    return Malformed("its lane is not the one of its urgency");
  }
  if (!IsNeutralCategory(body.facts().category_code())) {
    return Refuse(Reason::kNeutrality, "its category is outside crime, border order and safety",
                  "nothing else is exchanged");
  }
  const bool is_public = handling.reach == Reach::kClear || body.kind_code() == "PUBLIC";
  const bool has_plate =
      std::any_of(body.facts().vehicles().begin(), body.facts().vehicles().end(),
                  [](const v1::Vehicle& vehicle) { return !vehicle.plate().empty(); });
  const bool has_documents = body.facts().documents_size() > 0;
  if (is_public && (body.facts().persons_size() > 0 || has_plate || has_documents)) {
    return Refuse(Reason::kHandlingForbids, "it is public and holds data about persons",
                  "TLP:CLEAR and kind PUBLIC hold none");
  }
  if (body.facts().persons_size() > 0 && body.basis().empty()) {
    return Refuse(Reason::kHandlingForbids, "it holds persons without a basis",
                  "persons travel only with the file number that justifies it");
  }
  if (handling.reach < Reach::kAmber && (has_plate || has_documents)) {
    return Refuse(Reason::kHandlingForbids, "it holds plates or documents below TLP:AMBER",
                  "they travel from TLP:AMBER on");
  }
  return absl::OkStatus();
}

absl::Status CheckStatementBody(const exchange::v1::NoticeStatement& body) {
  const v1::DeliveryState outcome = OutcomeFromCode(body.outcome_code());
  if (outcome == v1::DELIVERY_STATE_UNSPECIFIED) return Malformed("its outcome is not known");
  if (!body.reason_code().empty() && !contract::IsCodeForm(body.reason_code())) {
    return Malformed("its reason is not a code");
  }
  if (outcome == v1::DELIVERY_STATE_DECLINED && body.reason_code().empty()) {
    return Malformed("it declines without a reason");
  }
  return absl::OkStatus();
}

// What holds on both sides of the border; `owner` is whose notice the body must be about.
absl::Status CheckContents(const Envelope& envelope, std::string_view owner,
                           const contract::Validator& validator) {
  if (absl::Status status = validator.CheckReceived(envelope); !status.ok()) {
    contract::Problem problem = contract::ProblemOf(status);
    problem.reason = Reason::kEnvelopeMalformed;
    problem.next = std::string(kNext);
    return contract::Error(kInvalid, problem);
  }
  if (!exchange::v1::Lane_IsValid(envelope.lane())) return Malformed("its lane is not known");
  std::vector<std::string_view> audience(envelope.audience().begin(), envelope.audience().end());
  std::sort(audience.begin(), audience.end());
  if (!std::all_of(audience.begin(), audience.end(), contract::IsUnitId) ||
      std::adjacent_find(audience.begin(), audience.end()) != audience.end()) {
    return Malformed("its audience is not a set of units");
  }
  if (!contract::IsCodeForm(envelope.purpose_code())) return Malformed("its purpose is not a code");
  if (envelope.valid_until_ms() < 0) return Malformed("its end of validity is negative");
  const auto handling = StricterOf(envelope.handling_code(), envelope.tlp_code());
  if (!handling) {
    return Refuse(Reason::kHandlingForbids, "its handling is not known here",
                  "what cannot be handled as its owner asks is not accepted");
  }
  if (envelope.body_case() == Envelope::BODY_NOT_SET) return Malformed("it has no known body");
  const auto name = contract::ParseNoticeName(NameOf(envelope));
  if (!name || name->unit != owner) {
    return Refuse(Reason::kEnvelopeWrongOrigin,
                  fmt::format("it speaks of a notice that is not of {}", owner),
                  "only the owner changes a notice; only its recipients answer it");
  }
  if (envelope.has_notice_version()) return CheckVersionBody(envelope, *handling);
  if (envelope.has_notice_statement()) return CheckStatementBody(envelope.notice_statement());
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckOutgoing(const Envelope& envelope, std::string_view self,
                           const std::set<std::string, std::less<>>& paired,
                           const contract::Validator& validator) {
  if (envelope.origin_unit() != self) {
    return Refuse(Reason::kNotOwner, "an envelope of another unit would have left",
                  "a node sends only what it made");
  }
  if (envelope.audience().empty()) {
    return Refuse(Reason::kAudienceEmpty, "an envelope without audience would have left",
                  "an empty audience means nobody");
  }
  for (const std::string& unit : envelope.audience()) {
    if (unit == self) {
      return Refuse(Reason::kAudienceSelf, "an envelope to this unit itself would have left",
                    "a unit does not share with itself");
    }
    if (!paired.contains(unit)) {
      return Refuse(Reason::kUnitNotPaired, fmt::format("an envelope to {} would have left", unit),
                    "nothing leaves to a unit that is not paired");
    }
  }
  if (envelope.ByteSizeLong() > limits::kEnvelopeBytesMax) {
    return Refuse(Reason::kTooLarge, "an envelope over the limit would have left",
                  fmt::format("an envelope has at most {} bytes", limits::kEnvelopeBytesMax));
  }
  // A statement is about the notice of the one unit that it goes to.
  if (envelope.has_notice_statement() && envelope.audience_size() != 1) {
    return Malformed("a statement goes to the owner alone");
  }
  const std::string_view owner =
      envelope.has_notice_statement() ? std::string_view(envelope.audience(0)) : self;
  return CheckContents(envelope, owner, validator);
}

absl::StatusOr<Envelope> AdmitEnvelope(std::string_view bytes, const Border& border,
                                       const contract::Validator& validator) {
  if (bytes.size() > limits::kEnvelopeBytesMax) {
    return Refuse(Reason::kTooLarge, fmt::format("it has {} bytes", bytes.size()),
                  fmt::format("an envelope has at most {} bytes", limits::kEnvelopeBytesMax));
  }
  Envelope envelope;
  if (!envelope.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Malformed("it cannot be parsed");
  }
  if (envelope.origin_unit() != border.peer) {
    return Refuse(Reason::kEnvelopeWrongOrigin,
                  fmt::format("it was not made by {}, who sent it", border.peer),
                  "nothing is passed on: a unit sends only its own");
  }
  if (std::find(envelope.audience().begin(), envelope.audience().end(), border.self) ==
      envelope.audience().end()) {
    return Refuse(Reason::kEnvelopeWrongAudience,
                  fmt::format("{} is not in its audience", border.self),
                  "a unit keeps only what is addressed to it");
  }
  if (static_cast<int>(envelope.lane()) != border.lane) {
    return Malformed("it came in another lane than it names");
  }
  const std::string_view owner = envelope.has_notice_statement() ? border.self : border.peer;
  if (absl::Status status = CheckContents(envelope, owner, validator); !status.ok()) return status;
  return envelope;
}

}  // namespace tripoint::domain
