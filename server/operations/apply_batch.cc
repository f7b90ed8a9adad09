// Takes in what a peer sent. See channels.h. Parsing and checking of each envelope is done when the
// batch is prepared, on the caller's thread; what depends on state, on the committer's.
#include <algorithm>
#include <utility>

#include "proto/contract/error.h"
#include "server/domain/admission.h"
#include "server/operations/channels.h"
#include "server/operations/common.h"
#include "server/operations/take_in.h"
#include "storage/channel_store.h"
#include "storage/keys.h"

namespace tripoint::operations {
namespace {

using contract::Error;
using contract::Reason;
using storage::ChannelName;

// A batch with everything about it that needs no state.
struct ReadyBatch {
  InboundBatch batch;
  std::vector<absl::StatusOr<exchange::v1::Envelope>> envelopes;  // admitted, or why not
  std::string head_certificate_id;
  std::string receipt_certificate_id;
};

absl::Status CheckChannel(const storage::Reader& reader, const InboundBatch& batch,
                          const store::v1::InboundChannel& state) {
  const bool same_epoch = state.epoch() == batch.epoch;
  // A quarantine is about one history: it ends with the epoch, as in the core (InboundLane::Open),
  // or a peer that begins anew would stay stopped for ever.
  if (same_epoch && !state.quarantine_reason().empty()) {
    // A stop that may pass must not become a fork, which does not.
    const Reason stop = contract::ReasonFromCode(state.quarantine_reason());
    const bool passes = stop == Reason::kChannelRolledBack || stop == Reason::kQuarantineFull;
    return Error(
        absl::StatusCode::kDataLoss, passes ? stop : Reason::kChannelFork,
        "The " + std::string(LaneName(batch.lane)) + " channel from " + batch.peer + " is stopped",
        "It was put into quarantine: " + state.quarantine_reason() + ".",
        "Call the peer's operators, then see: tripoint peer show " + batch.peer);
  }
  if (batch.first_position != (same_epoch ? state.size() : 0)) {
    return Error(absl::StatusCode::kAborted, Reason::kLinkProtocol,
                 "A batch does not begin where the stored channel ends",
                 "Envelopes of a channel are stored in order and without gaps.",
                 "Read the state of the channel again and continue from there.");
  }
  if (same_epoch || state.epoch() == 0) return absl::OkStatus();
  absl::StatusOr<std::optional<std::string>> past = reader.Get(
      storage::PastChannelKey(storage::Space::kInboundPast, batch.peer, batch.lane, batch.epoch));
  if (!past.ok()) return past.status();
  if (past->has_value()) {
    return Error(absl::StatusCode::kDataLoss, Reason::kChannelRolledBack,
                 "A batch is of an epoch of " + batch.peer + " that ended before",
                 "A unit draws a new epoch at each restore and never returns to an old one.",
                 "Call the peer's operators: an old copy of their node may be running.");
  }
  return absl::OkStatus();
}

// Extends the stored frontier by the batch. Errors: DATA_LOSS / CHANNEL_FORK.
absl::StatusOr<storage::Frontier> Extend(storage::Transaction& transaction,
                                         const InboundBatch& batch,
                                         const store::v1::InboundChannel& state) {
  absl::StatusOr<storage::Frontier> frontier =
      state.epoch() == batch.epoch ? storage::FrontierOf(state.size(), state.frontier())
                                   : storage::Frontier();
  if (!frontier.ok()) return frontier;
  for (const storage::Hash& hash : batch.leaf_hashes) {
    frontier->Append(hash);
    storage::KeepInboundFrontier(transaction, {batch.peer, batch.lane}, batch.epoch, *frontier);
  }
  if (!(*frontier == batch.frontier)) {
    return Error(absl::StatusCode::kDataLoss, Reason::kChannelFork,
                 "The channel from " + batch.peer + " does not continue what is stored",
                 "The root behind the batch differs from the one that the peer signed.",
                 "Keep the channel stopped and call the peer's operators.");
  }
  return frontier;
}

void Quarantine(storage::Transaction& transaction, const InboundBatch& batch,
                std::uint64_t position, const absl::Status& why, AppliedBatch& result) {
  const std::string code(contract::ReasonCode(contract::ReasonOf(why)));
  store::v1::QuarantineRecord record;
  record.set_unit(batch.peer);
  record.set_outbound(false);
  record.set_lane(batch.lane);
  record.set_epoch(batch.epoch);
  record.set_position(position);
  record.set_reason_code(code);
  record.set_text(std::string(why.message().substr(0, 500)));
  record.set_time_ms(transaction.now_ms());
  storage::PutQuarantine(transaction, record);
  exchange::v1::Refusal& refusal = result.refusals.emplace_back();
  refusal.set_position(position);
  refusal.set_reason_code(code);
}

// Whether a failure is the envelope's own fault. Everything else (a disk that does not answer, a
// store that contradicts itself) fails the batch: it must not make a peer's good envelope look bad.
bool IsEnvelopeFault(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kResourceExhausted:
      return false;
    default:
      return true;
  }
}

// The two signatures of the batch, and what they verify with: a certificate is looked up only when
// it is another than that of the batch before.
absl::Status KeepSignatures(storage::Transaction& transaction, const ReadyBatch& ready,
                            store::v1::InboundChannel& state) {
  const InboundBatch& batch = ready.batch;
  state.set_head_signature(batch.head_signature);
  state.set_receipt_signature(batch.receipt_signature);
  state.set_head_time_ms(transaction.now_ms());
  const auto keep = [&transaction](const std::string& id, const std::string& pem,
                                   std::string& present) -> absl::Status {
    if (id == present) return absl::OkStatus();
    present = id;
    return id.empty() ? absl::OkStatus() : storage::KeepCertificate(transaction, id, pem);
  };
  const absl::Status head =
      keep(ready.head_certificate_id, batch.head_certificate, *state.mutable_head_certificate());
  if (!head.ok()) return head;
  return keep(ready.receipt_certificate_id, batch.receipt_certificate,
              *state.mutable_receipt_certificate());
}

absl::Status RunBatch(storage::Transaction& transaction, const ReadyBatch& ready, bool answers_kept,
                      AppliedBatch& result) {
  const InboundBatch& batch = ready.batch;
  const ChannelName channel{batch.peer, batch.lane};
  absl::StatusOr<store::v1::InboundChannel> before =
      storage::GetInboundChannel(transaction, channel);
  if (!before.ok()) return before.status();
  const absl::Status checked = CheckChannel(transaction, batch, *before);
  if (!checked.ok()) return checked;
  absl::StatusOr<storage::Frontier> frontier = Extend(transaction, batch, *before);
  if (!frontier.ok()) return frontier.status();

  TakeIn take_in(transaction, channel, batch.epoch, answers_kept);
  for (std::size_t i = 0; i < batch.envelopes.size(); ++i) {
    const std::uint64_t position = batch.first_position + i;
    storage::PutInboundEntry(transaction, channel, batch.epoch, position, batch.envelopes[i]);
    const absl::StatusOr<exchange::v1::Envelope>& envelope = ready.envelopes[i];
    const absl::Status taken =
        envelope.ok() ? take_in.Take(*envelope, position) : envelope.status();
    if (taken.ok()) continue;
    if (!IsEnvelopeFault(taken)) return taken;
    Quarantine(transaction, batch, position, taken, result);
  }

  store::v1::InboundChannel after;
  if (before->epoch() == batch.epoch) after = *before;
  after.set_epoch(batch.epoch);
  after.set_size(frontier->size());
  after.set_frontier(storage::FrontierHashes(*frontier));
  if (const absl::Status kept = KeepSignatures(transaction, ready, after); !kept.ok()) return kept;
  after.set_quarantined(after.quarantined() + result.refusals.size());
  const absl::Status put = storage::PutInboundChannel(transaction, channel, after);
  if (!put.ok()) return put;
  WriteJournal(transaction, {.actor = BringerActor(batch.peer, batch.carrier),
                             .action = take_in.Action(!result.refusals.empty()),
                             .names = take_in.names(),
                             .count = batch.envelopes.size(),
                             .reason = {}});
  result.size = frontier->size();
  result.frontier = *std::move(frontier);
  return absl::OkStatus();
}

}  // namespace

Prepared<AppliedBatch> ApplyBatch(const NodeFacts& node, InboundBatch batch) {
  auto ready = std::make_shared<ReadyBatch>();
  const domain::Border border{
      .self = node.unit, .peer = batch.peer, .lane = static_cast<int>(batch.lane)};
  ready->envelopes.reserve(batch.envelopes.size());
  for (const std::string& bytes : batch.envelopes) {
    ready->envelopes.push_back(domain::AdmitEnvelope(bytes, border, *node.validator));
  }
  if (batch.leaf_hashes.size() != batch.envelopes.size()) {
    batch.leaf_hashes.clear();
    for (const std::string& bytes : batch.envelopes) {
      batch.leaf_hashes.push_back(storage::LeafHash(bytes));
    }
  }
  ready->head_certificate_id = storage::CertificateId(batch.head_certificate);
  ready->receipt_certificate_id = storage::CertificateId(batch.receipt_certificate);
  ready->batch = std::move(batch);
  auto result = std::make_shared<AppliedBatch>();
  return {[&node, ready, result](storage::Transaction& transaction) -> absl::Status {
            if (!node.IsPaired(ready->batch.peer)) return NotPaired(ready->batch.peer);
            if (!IsLane(ready->batch.lane) || ready->batch.envelopes.empty()) {
              return Error(absl::StatusCode::kAborted, Reason::kLinkProtocol,
                           "A batch names no lane or holds nothing", "A batch is of one lane.",
                           "Report it to the peer's operators; the link starts again.");
            }
            transaction.CountsAs(ImportanceOf(ready->batch.lane));
            const bool answers_kept = node.recovery != nullptr && node.recovery->answers_kept;
            return RunBatch(transaction, *ready, answers_kept, *result);
          },
          result};
}

}  // namespace tripoint::operations
