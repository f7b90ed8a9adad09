// See verify.h. The steps, in order, each with its own refusal.
#include "evidence/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "certs/certificate.h"
#include "certs/identity.h"
#include "certs/signing_key.h"
#include "evidence/signed_file.h"
#include "proto/contract/error.h"
#include "proto/contract/head_bytes.h"
#include "storage/merkle.h"

namespace tripoint::evidence {
namespace {

using contract::Reason;
using exchange::v1::Evidence;
using exchange::v1::EvidenceSignature;

constexpr std::size_t kEnvelopeBytesMax = 256 * 1024;
constexpr std::size_t kCertificateBytesMax = 8 * 1024;
constexpr int kProofHashesMax = 64;
constexpr std::int64_t kMsPerSecond = 1000;
constexpr std::int64_t kTimeMsMax = 253'402'300'799'000;  // year 9999

absl::Status Fails(std::string step, std::string why) {
  return contract::Error(absl::StatusCode::kDataLoss, Reason::kEvidenceInvalid, std::move(step),
                         std::move(why),
                         "Do not rely on it. Ask the unit that made the file for another one");
}

absl::Status CheckBounds(const Evidence& evidence) {
  const auto bad = [](std::string why) {
    return Fails("The contents of the file cannot be read", std::move(why));
  };
  for (const std::string& unit :
       {evidence.exporter_unit(), evidence.sender_unit(), evidence.receiver_unit()}) {
    if (!certs::CountryOfUnit(unit).ok()) return bad("It names a unit that cannot be one");
  }
  if (evidence.sender_unit() == evidence.receiver_unit()) return bad("Sender and receiver are one");
  if (evidence.exporter_unit() != evidence.sender_unit() &&
      evidence.exporter_unit() != evidence.receiver_unit()) {
    return bad("It was made by neither the sender nor the receiver");
  }
  if (evidence.lane() < exchange::v1::LANE_FLASH || evidence.lane() > exchange::v1::LANE_ROUTINE)
    return bad("It names no lane");
  if (evidence.envelope().size() > kEnvelopeBytesMax) return bad("Its envelope is too large");
  if (evidence.leaf_hash().size() != storage::kHashBytes ||
      evidence.root().size() != storage::kHashBytes ||
      evidence.inclusion_proof_size() > kProofHashesMax ||
      std::any_of(evidence.inclusion_proof().begin(), evidence.inclusion_proof().end(),
                  [](const std::string& hash) { return hash.size() != storage::kHashBytes; })) {
    return bad("A hash has not 32 bytes, or there are too many");
  }
  for (const std::int64_t time_ms :
       {evidence.export_time_ms(), evidence.head().time_ms(), evidence.receipt().time_ms()}) {
    if (time_ms < 0 || time_ms > kTimeMsMax) return bad("A time is outside the calendar");
  }
  if (!evidence.has_head()) return bad("There is no signed head in it");
  for (const std::string* pem : {&evidence.exporter_certificate(), &evidence.head().certificate(),
                                 &evidence.receipt().certificate()}) {
    if (pem->size() > kCertificateBytesMax) return bad("A certificate is too large");
  }
  if (evidence.revocation_lists_size() > static_cast<int>(certs::kCountries.size()))
    return bad("There are too many revocation lists");
  return absl::OkStatus();
}

// Trust of the roots with the lists of the file; null when it has none.
absl::StatusOr<std::shared_ptr<const certs::Trust>> TrustWithLists(const Evidence& evidence,
                                                                   const certs::Trust& roots) {
  std::vector<certs::CountryFiles> files;
  for (const exchange::v1::RevocationList& list : evidence.revocation_lists()) {
    // Of a country that these roots do not know, the certificate is refused all the same.
    if (!roots.Knows(list.country()) || list.crl_pem().empty()) continue;
    files.push_back({.country = list.country(),
                     .roots_pem = roots.RootsPemOf(list.country()),
                     .crl_pem = list.crl_pem()});
  }
  if (files.empty()) return std::shared_ptr<const certs::Trust>();
  auto trust = certs::MakeTrust(files, {}, evidence.export_time_ms() / kMsPerSecond, nullptr);
  if (!trust.ok()) {
    return Fails("A revocation list in the file cannot be used",
                 contract::ProblemOf(trust.status()).why);
  }
  return trust;
}

struct Judge {
  const certs::Trust& roots;
  const certs::Trust* with_lists;  // may be null

  // The key behind `pem`, which must be of `unit` and valid at `at_ms`.
  absl::StatusOr<certs::SignatureVerifier> KeyOf(const std::string& what, const std::string& pem,
                                                 const std::string& unit, std::int64_t at_ms,
                                                 JudgedCertificate& judged) const {
    const std::int64_t at_s = at_ms / kMsPerSecond;
    const std::string country = *certs::CountryOfUnit(unit);
    if (!roots.Knows(country)) {
      return contract::Error(absl::StatusCode::kFailedPrecondition, Reason::kConfigInvalid,
                             fmt::format("The root of {} is not at hand", country),
                             fmt::format("The certificate of {} is of {}", what, unit),
                             fmt::format("Put {0}.pem of that country's authority, and better "
                                         "{0}.crl too, into the roots folder",
                                         country));
    }
    absl::StatusOr<certs::SignatureVerifier> key = certs::SignatureVerifier::FromCertificate(
        pem, roots, unit, at_s, certs::CrlRule::kOnlyRevoked);
    const bool listed = with_lists != nullptr && with_lists->Knows(country);
    if (key.ok() && listed) {
      key = certs::SignatureVerifier::FromCertificate(pem, *with_lists, unit, at_s,
                                                      certs::CrlRule::kOnlyRevoked);
    }
    if (!key.ok()) {
      const contract::Problem problem = contract::ProblemOf(key.status());
      return Fails(
          fmt::format("The certificate of {} does not hold at {}", what, certs::UtcText(at_s)),
          fmt::format("{}. {}", problem.what, problem.why));
    }
    const absl::StatusOr<certs::CertificateFacts> facts = certs::ReadFacts(pem);
    if (!facts.ok()) return facts.status();
    certs::Trust::ListSeen seen = roots.ListFor(country, pem);
    if (listed) {
      const certs::Trust::ListSeen carried = with_lists->ListFor(country, pem);
      if (carried.number > seen.number) seen = carried;
    }
    judged = {.unit = unit,
              .serial = facts->serial,
              .at_ms = at_ms,
              .not_before_s = facts->not_before_s,
              .not_after_s = facts->not_after_s,
              .list_number = seen.number,
              .list_time_s = seen.time_s};
    return key;
  }
};

absl::Status CheckSeal(const OpenedFile& file, const Judge& judge, VerifiedEvidence& result) {
  const Evidence& evidence = result.evidence;
  const absl::StatusOr<certs::SignatureVerifier> key =
      judge.KeyOf("the seal", evidence.exporter_certificate(), evidence.exporter_unit(),
                  evidence.export_time_ms(), result.seal);
  if (!key.ok()) return key.status();
  if (VerifySeal(file, *key)) return absl::OkStatus();
  return Fails("The seal of the file does not verify",
               fmt::format("Something in it is not what {} sealed", evidence.exporter_unit()));
}

absl::Status CheckProof(const Evidence& evidence) {
  const storage::Hash leaf = *storage::HashFromBytes(evidence.leaf_hash());
  if (!evidence.envelope().empty() && storage::LeafHash(evidence.envelope()) != leaf) {
    return Fails("The envelope is not the one that was hashed",
                 "Its hash differs from the one in the file");
  }
  std::vector<storage::Hash> proof;
  for (const std::string& hash : evidence.inclusion_proof())
    proof.push_back(*storage::HashFromBytes(hash));
  if (storage::VerifyInclusion(leaf, evidence.position(), evidence.size(), proof,
                               *storage::HashFromBytes(evidence.root()))) {
    return absl::OkStatus();
  }
  return Fails("The envelope is not proven to be in the channel",
               fmt::format("The path from position {} does not lead to the root at size {}",
                           evidence.position(), evidence.size()));
}

absl::Status CheckSignatures(const Judge& judge, VerifiedEvidence& result) {
  const Evidence& evidence = result.evidence;
  const contract::ChannelHead head{.sender = evidence.sender_unit(),
                                   .receiver = evidence.receiver_unit(),
                                   .lane = static_cast<std::uint8_t>(evidence.lane()),
                                   .epoch = evidence.epoch(),
                                   .size = evidence.size(),
                                   .root = *storage::HashFromBytes(evidence.root())};
  const auto check = [&judge](const std::string& what, const EvidenceSignature& signature,
                              const std::string& unit, const std::string& bytes,
                              JudgedCertificate& judged) -> absl::Status {
    const absl::StatusOr<certs::SignatureVerifier> key =
        judge.KeyOf(what, signature.certificate(), unit, signature.time_ms(), judged);
    if (!key.ok()) return key.status();
    if (key->Verify(bytes, signature.signature())) return absl::OkStatus();
    return Fails(fmt::format("The signature of {} does not verify", what),
                 fmt::format("{} did not sign this size and root", unit));
  };
  absl::Status status = check("the head", evidence.head(), evidence.sender_unit(),
                              contract::HeadBytes(head), result.head);
  if (!status.ok() || !evidence.has_receipt()) return status;
  return check("the receipt", evidence.receipt(), evidence.receiver_unit(),
               contract::ReceiptBytes(head), result.receipt.emplace());
}

// What the envelope says must fit the channel; a peer that signed something else is evidence too,
// so it is a remark.
void ReadEnvelope(VerifiedEvidence& result) {
  const Evidence& evidence = result.evidence;
  if (evidence.envelope().empty()) return;
  exchange::v1::Envelope envelope;
  if (!envelope.ParseFromString(evidence.envelope())) {
    result.remarks.emplace_back("The bytes that were sent are no readable envelope");
    return;
  }
  const auto& audience = envelope.audience();
  if (envelope.origin_unit() != evidence.sender_unit())
    result.remarks.emplace_back("The envelope names another origin than the unit that sent it");
  if (std::find(audience.begin(), audience.end(), evidence.receiver_unit()) == audience.end())
    result.remarks.emplace_back("The envelope does not name the receiver in its audience");
  result.envelope = std::move(envelope);
}

void AddRemarks(VerifiedEvidence& result) {
  const Evidence& evidence = result.evidence;
  if (!evidence.has_receipt()) {
    result.remarks.push_back(
        fmt::format("Nothing in the file proves that {} stored it: there is no receipt",
                    evidence.receiver_unit()));
  }
  if (!evidence.refusal_reason_code().empty()) {
    result.remarks.push_back(fmt::format(
        "{} says that the receiver stored it and did not accept it: {}", evidence.exporter_unit(),
        contract::ReasonCode(contract::ReasonFromCode(evidence.refusal_reason_code()))));
  }
  for (const JudgedCertificate* judged :
       {&result.seal, &result.head, result.receipt ? &*result.receipt : nullptr}) {
    if (judged == nullptr || judged->list_number >= 0) continue;
    result.remarks.push_back(
        fmt::format("No revocation list of the country of {} was at hand: whether its certificate "
                    "was revoked is not known",
                    judged->unit));
    break;
  }
  if (evidence.head().time_ms() > evidence.export_time_ms() ||
      evidence.receipt().time_ms() > evidence.export_time_ms()) {
    result.remarks.push_back(fmt::format(
        "The clock of {} went back: a signature is later than the file", evidence.exporter_unit()));
  }
}

}  // namespace

absl::StatusOr<VerifiedEvidence> VerifyEvidence(std::string_view bytes, const certs::Trust& roots) {
  const absl::StatusOr<OpenedFile> file = OpenFile(FileKind::kEvidence, bytes, kEvidenceBytesMax);
  if (!file.ok()) return file.status();
  VerifiedEvidence result;
  if (!result.evidence.ParseFromArray(file->body.data(), static_cast<int>(file->body.size())))
    return Fails("The contents of the file cannot be read", "They are no evidence");
  if (absl::Status status = CheckBounds(result.evidence); !status.ok()) return status;
  const auto with_lists = TrustWithLists(result.evidence, roots);
  if (!with_lists.ok()) return with_lists.status();
  const Judge judge{.roots = roots, .with_lists = with_lists->get()};
  if (absl::Status status = CheckSeal(*file, judge, result); !status.ok()) return status;
  if (absl::Status status = CheckProof(result.evidence); !status.ok()) return status;
  if (absl::Status status = CheckSignatures(judge, result); !status.ok()) return status;
  ReadEnvelope(result);
  AddRemarks(result);
  return result;
}

}  // namespace tripoint::evidence
