// See evidence.h.
#include "server/operations/evidence.h"

#include <fmt/format.h>

#include <optional>
#include <utility>
#include <vector>

#include "proto/contract/error.h"
#include "proto/contract/reference.h"
#include "server/operations/common.h"
#include "server/operations/tails.h"
#include "storage/channel_log.h"
#include "storage/channel_store.h"
#include "storage/notice_store.h"

namespace tripoint::operations {
namespace {

using contract::Error;
using contract::Reason;
using exchange::v1::Evidence;

absl::Status NothingSigned(std::string what, std::string why, std::string next) {
  return Error(absl::StatusCode::kNotFound, Reason::kNotFound, std::move(what), std::move(why),
               std::move(next));
}

absl::Status NoVersion(std::uint32_t asked, std::uint32_t latest) {
  return NothingSigned(fmt::format("Version {} is not known here", asked),
                       fmt::format("The latest is version {}", latest),
                       "See which there are: tripoint notice show REF");
}

// The one notice that the request names: a resource name, or an end of a reference.
absl::StatusOr<std::string> NameOf(const storage::Snapshot& snapshot, const std::string& text) {
  if (contract::ParseNoticeName(text).has_value()) return text;
  std::vector<std::string> names;
  for (const storage::Kind kind : {storage::Kind::kNotice, storage::Kind::kReceived}) {
    absl::StatusOr<std::vector<std::string>> found = FindByTail(snapshot, kind, text, 2);
    if (!found.ok()) return found.status();
    names.insert(names.end(), found->begin(), found->end());
  }
  if (names.empty()) return NotFound("notice", text, "List them: tripoint notice list");
  if (names.size() == 1) return names.front();
  return Error(absl::StatusCode::kInvalidArgument, Reason::kReferenceAmbiguous,
               fmt::format("Several notices end in {}", text),
               fmt::format("{} and {} do", names[0], names[1]), "Write more of the reference");
}

const store::v1::OutboundCopy* CopyFor(const store::v1::NoticeRecord& record,
                                       const std::string& unit) {
  if (unit.empty() && record.copies_size() == 1) return &record.copies(0);
  for (const store::v1::OutboundCopy& copy : record.copies()) {
    if (copy.unit() == unit) return &copy;
  }
  return nullptr;
}

absl::Status NoCopy(const store::v1::NoticeRecord& record, const std::string& unit) {
  if (record.copies_size() == 0) {
    return NothingSigned("It was never sent", "This version is a draft: nobody else knows of it",
                         "Share it: tripoint notice share REF --to UNIT");
  }
  std::string units;
  for (const store::v1::OutboundCopy& copy : record.copies())
    units += (units.empty() ? "" : ", ") + copy.unit();
  return FieldMissing("unit", unit.empty()
                                  ? "Evidence is of one recipient; this notice went to " + units
                                  : unit + " is no recipient; this notice went to " + units);
}

// Places the envelope under the head of `size`, and makes sure that what goes out holds.
absl::Status Prove(const storage::Snapshot& snapshot, const storage::LogName& log,
                   const storage::Frontier& head, std::string envelope, Evidence& evidence) {
  const storage::Hash leaf = storage::LeafHash(envelope);
  const absl::StatusOr<std::vector<storage::Hash>> proof =
      storage::ProofAt(snapshot, log, evidence.position(), head.size());
  if (!proof.ok()) return proof.status();
  const storage::Hash root = head.Root();
  if (!storage::VerifyInclusion(leaf, evidence.position(), head.size(), *proof, root))
    return Corrupt("An envelope is not the one that its channel was hashed with");
  evidence.set_lane(static_cast<exchange::v1::Lane>(log.channel.lane));
  evidence.set_epoch(log.epoch);
  evidence.set_envelope(std::move(envelope));
  evidence.set_leaf_hash(std::string(storage::HashView(leaf)));
  evidence.set_size(head.size());
  evidence.set_root(std::string(storage::HashView(root)));
  for (const storage::Hash& hash : *proof)
    evidence.add_inclusion_proof(std::string(storage::HashView(hash)));
  return absl::OkStatus();
}

// False: there is none, or its certificate was not kept.
absl::StatusOr<bool> AddSignature(const storage::Snapshot& snapshot, const std::string& signature,
                                  const std::string& certificate_id, std::int64_t time_ms,
                                  exchange::v1::EvidenceSignature& target) {
  if (signature.empty() || certificate_id.empty()) return false;
  absl::StatusOr<std::string> certificate = storage::GetCertificate(snapshot, certificate_id);
  if (!certificate.ok()) return certificate.status();
  target.set_signature(signature);
  target.set_certificate(*std::move(certificate));
  target.set_time_ms(time_ms);
  return true;
}

absl::Status CollectSent(const NodeFacts& node, const storage::Snapshot& snapshot,
                         const store::v1::OutboundCopy& copy, Evidence& evidence) {
  const storage::LogName log{.outbound = true,
                             .channel = {copy.unit(), static_cast<std::uint8_t>(copy.lane())},
                             .epoch = copy.epoch()};
  const auto state = storage::OutboundOf(snapshot, log.channel, log.epoch);
  if (!state.ok()) return state.status();
  if (!state->has_value()) return Corrupt("The channel of a copy is missing");
  const bool receipted = copy.position() < (*state)->receipted_size();
  const absl::StatusOr<storage::Frontier> head =
      receipted ? storage::FrontierOf((*state)->receipted_size(), (*state)->receipted_frontier())
                : storage::FrontierOf((*state)->size(), (*state)->frontier());
  if (!head.ok()) return head.status();
  absl::StatusOr<std::optional<std::string>> bytes =
      storage::GetEnvelope(snapshot, copy.epoch(), copy.envelope_number());
  if (!bytes.ok()) return bytes.status();
  if (!bytes->has_value()) return Corrupt("An envelope of an outbound channel is missing");
  evidence.set_sender_unit(node.unit);
  evidence.set_receiver_unit(copy.unit());
  evidence.set_position(copy.position());
  absl::Status proven = Prove(snapshot, log, *head, **std::move(bytes), evidence);
  if (!proven.ok() || !receipted) return proven;
  const absl::StatusOr<bool> added =
      AddSignature(snapshot, (*state)->receipt_signature(), (*state)->receipt_certificate(),
                   (*state)->receipt_time_ms(), *evidence.mutable_receipt());
  if (!added.ok()) return added.status();
  if (!*added) evidence.clear_receipt();
  const auto refusal =
      storage::GetQuarantine(snapshot, true, log.channel, log.epoch, copy.position());
  if (!refusal.ok()) return refusal.status();
  if (refusal->has_value()) evidence.set_refusal_reason_code((*refusal)->reason_code());
  return absl::OkStatus();
}

absl::Status CollectReceived(const NodeFacts& node, const storage::Snapshot& snapshot,
                             const store::v1::ReceivedRecord& record, Evidence& evidence) {
  const storage::LogName log{.outbound = false,
                             .channel = {record.owner(), static_cast<std::uint8_t>(record.lane())},
                             .epoch = record.epoch()};
  const auto state = storage::InboundOf(snapshot, log.channel, log.epoch);
  if (!state.ok()) return state.status();
  absl::StatusOr<std::optional<std::string>> bytes =
      storage::GetInboundEntry(snapshot, log.channel, log.epoch, record.position());
  if (!bytes.ok()) return bytes.status();
  if (!state->has_value() || !bytes->has_value())
    return Corrupt("The envelope of a received notice is missing");
  const absl::StatusOr<storage::Frontier> head =
      storage::FrontierOf((*state)->size(), (*state)->frontier());
  if (!head.ok()) return head.status();
  evidence.set_sender_unit(record.owner());
  evidence.set_receiver_unit(node.unit);
  evidence.set_position(record.position());
  absl::Status proven = Prove(snapshot, log, *head, **std::move(bytes), evidence);
  if (!proven.ok()) return proven;
  absl::StatusOr<bool> added =
      AddSignature(snapshot, (*state)->head_signature(), (*state)->head_certificate(),
                   (*state)->head_time_ms(), *evidence.mutable_head());
  if (!added.ok()) return added.status();
  if (!*added) {
    return NothingSigned(
        "No certificate is kept for the head that covers this notice",
        "It was received by older software, which kept the signature alone",
        fmt::format("Wait for the next envelope of {} in the {} lane: its head covers this one too",
                    record.owner(), LaneName(log.channel.lane)));
  }
  added = AddSignature(snapshot, (*state)->receipt_signature(), (*state)->receipt_certificate(),
                       (*state)->head_time_ms(), *evidence.mutable_receipt());
  if (!added.ok()) return added.status();
  if (!*added) evidence.clear_receipt();
  return absl::OkStatus();
}

absl::StatusOr<CollectedEvidence> OfOwn(const NodeFacts& node, const storage::Snapshot& snapshot,
                                        store::v1::NoticeRecord record,
                                        const v1::ExportEvidenceRequest& request) {
  CollectedEvidence result;
  result.notice = record.notice().name();
  if (request.version() != 0 && request.version() != record.notice().version()) {
    auto older = storage::FindNoticeVersion(snapshot, result.notice, request.version());
    if (!older.ok()) return older.status();
    if (!older->has_value()) return NoVersion(request.version(), record.notice().version());
    record = **std::move(older);
  }
  const store::v1::OutboundCopy* copy = CopyFor(record, request.unit());
  if (copy == nullptr) return NoCopy(record, request.unit());
  // A unit that was not paired when a version was made has the one before.
  if (request.version() != 0 && copy->version() != request.version()) {
    return NothingSigned(
        fmt::format("Version {} was not sent to {}", request.version(), copy->unit()),
        fmt::format("What was sent there then is version {}", copy->version()),
        fmt::format("Ask for version {}, or for the latest", copy->version()));
  }
  result.version = copy->version();
  const absl::Status collected = CollectSent(node, snapshot, *copy, result.evidence);
  if (!collected.ok()) return collected;
  return result;
}

absl::StatusOr<CollectedEvidence> OfReceived(const NodeFacts& node,
                                             const storage::Snapshot& snapshot,
                                             store::v1::ReceivedRecord record,
                                             const v1::ExportEvidenceRequest& request) {
  if (!request.unit().empty() && request.unit() != record.owner() && request.unit() != node.unit) {
    return FieldMissing("unit", "This notice came from " + record.owner() + " to " + node.unit +
                                    "; who else got it is not known here");
  }
  CollectedEvidence result;
  result.notice = record.name();
  if (request.version() != 0 && request.version() != record.version()) {
    auto older = storage::FindReceivedVersion(snapshot, result.notice, request.version());
    if (!older.ok()) return older.status();
    if (!older->has_value()) return NoVersion(request.version(), record.version());
    record = **std::move(older);
  }
  result.version = record.version();
  const absl::Status collected = CollectReceived(node, snapshot, record, result.evidence);
  if (!collected.ok()) return collected;
  return result;
}

}  // namespace

absl::StatusOr<CollectedEvidence> CollectEvidence(const NodeFacts& node,
                                                  const storage::Snapshot& snapshot,
                                                  const v1::ExportEvidenceRequest& request) {
  const absl::StatusOr<std::string> name = NameOf(snapshot, request.notice());
  if (!name.ok()) return name.status();
  absl::StatusOr<CollectedEvidence> result =
      NotFound("notice", *name, "List them: tripoint notice list");
  if (auto own = storage::FindNotice(snapshot, *name); !own.ok()) {
    return own.status();
  } else if (own->has_value()) {
    result = OfOwn(node, snapshot, std::move((*own)->record), request);
  } else if (auto received = storage::FindReceived(snapshot, *name); !received.ok()) {
    return received.status();
  } else if (received->has_value()) {
    result = OfReceived(node, snapshot, **std::move(received), request);
  }
  if (!result.ok()) return result;
  result->evidence.set_exporter_unit(node.unit);
  if (request.without_contents()) result->evidence.clear_envelope();
  return result;
}

}  // namespace tripoint::operations
