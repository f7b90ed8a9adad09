// What a peer's receipt changes: proof of storage, and refusals of single envelopes; and the stop
// of a channel. See channels.h. Operations run where the step runs.
#include "proto/contract/error.h"
#include "server/operations/channels.h"
#include "server/operations/common.h"
#include "storage/channel_store.h"
#include "storage/outbound_log.h"

namespace tripoint::operations {
namespace {

using contract::Error;
using contract::Reason;
using storage::ChannelName;

// Name of the notice that the refused envelope was about; empty for a statement of ours. What the
// refusal means for the delivery is derived when the notice is read.
absl::StatusOr<std::string> NameOfRefused(const storage::Reader& reader, std::uint64_t epoch,
                                          std::uint64_t envelope_number) {
  absl::StatusOr<std::optional<std::string>> bytes =
      storage::GetEnvelope(reader, epoch, envelope_number);
  if (!bytes.ok()) return bytes.status();
  if (!bytes->has_value()) return Corrupt("An envelope of an outbound channel is missing");
  // Bytes that are no envelope were refused for just that; the receipt over them is true all the
  // same.
  exchange::v1::Envelope envelope;
  if (!envelope.ParseFromString(**bytes)) return std::string();
  if (envelope.has_notice_version()) return envelope.notice_version().name();
  if (envelope.has_notice_withdrawal()) return envelope.notice_withdrawal().name();
  return std::string();
}

// Keeps each refusal that is new, and counts them in `state`.
absl::Status RecordRefusals(storage::Transaction& transaction, const InboundReceipt& receipt,
                            const ChannelName& channel, store::v1::OutboundChannel& state,
                            JournalLine& line) {
  for (const exchange::v1::Refusal& refusal : receipt.refusals) {
    if (refusal.position() >= receipt.receipted.size()) {
      return Error(absl::StatusCode::kAborted, Reason::kLinkProtocol,
                   "A receipt refuses an envelope that it does not cover",
                   "Refusals name positions below the receipted size.",
                   "Report it to the peer's operators; the link starts again.");
    }
    absl::StatusOr<std::optional<store::v1::QuarantineRecord>> known =
        storage::GetQuarantine(transaction, true, channel, receipt.epoch, refusal.position());
    if (!known.ok()) return known.status();
    if (known->has_value()) continue;
    const absl::StatusOr<std::optional<storage::OutboundEntry>> entry =
        storage::GetOutboundEntry(transaction, channel, receipt.epoch, refusal.position());
    if (!entry.ok()) return entry.status();
    if (!entry->has_value()) return Corrupt("An entry of an outbound channel is missing");

    store::v1::QuarantineRecord record;
    record.set_unit(receipt.peer);
    record.set_outbound(true);
    record.set_lane(receipt.lane);
    record.set_epoch(receipt.epoch);
    record.set_position(refusal.position());
    // Only our own list of reasons reaches the store: the peer's text could be anything.
    record.set_reason_code(
        std::string(contract::ReasonCode(contract::ReasonFromCode(refusal.reason_code()))));
    record.set_time_ms(transaction.now_ms());
    storage::PutQuarantine(transaction, record);
    absl::StatusOr<std::string> name =
        NameOfRefused(transaction, receipt.epoch, (*entry)->envelope_number);
    if (!name.ok()) return name.status();
    if (!name->empty()) line.names.push_back(*std::move(name));
    state.set_refused(state.refused() + 1);
  }
  return absl::OkStatus();
}

absl::Status RunReceipt(storage::Transaction& transaction, const InboundReceipt& receipt,
                        AppliedReceipt& result) {
  const ChannelName channel{receipt.peer, receipt.lane};
  absl::StatusOr<store::v1::OutboundChannel> state =
      storage::GetOutboundChannel(transaction, channel);
  if (!state.ok()) return state.status();
  const std::uint64_t before = state->receipted_size();
  const std::uint64_t size = receipt.receipted.size();
  result.receipted_size = before;
  const absl::StatusOr<bool> advanced =
      storage::EnterReceipt(*state, receipt.epoch, receipt.receipted, receipt.signature);
  if (!advanced.ok()) return advanced.status();
  if (!*advanced) return absl::OkStatus();

  JournalLine line{.actor = BringerActor(receipt.peer, receipt.carrier),
                   .action = "receipt.store",
                   .names = {ChannelText(channel.peer, channel.lane)},
                   .count = size - before,
                   .reason = {}};
  const absl::Status status = RecordRefusals(transaction, receipt, channel, *state, line);
  if (!status.ok()) return status;
  const std::string certificate = storage::CertificateId(receipt.certificate);
  if (certificate != state->receipt_certificate() && !certificate.empty()) {
    const absl::Status kept =
        storage::KeepCertificate(transaction, certificate, receipt.certificate);
    if (!kept.ok()) return kept;
  }
  state->set_receipt_certificate(certificate);
  state->set_receipt_epoch(receipt.receipt_epoch);
  state->set_receipt_time_ms(transaction.now_ms());
  storage::AddReceiptTime(*state, size, transaction.now_ms());
  storage::PutOutboundReceipts(transaction, channel, *state);
  WriteJournal(transaction, line);
  result.receipted_size = size;
  result.advanced = true;
  return absl::OkStatus();
}

// A rollback may turn out to be over, or to be worse, and room for refused envelopes comes back;
// every other stop is for good.
bool StopChanges(const std::string& present, const ChannelStop& stop) {
  if (present == stop.reason_code) return false;
  if (stop.epoch_over) return true;
  if (present == contract::ReasonCode(Reason::kChannelRolledBack)) return true;
  if (present == contract::ReasonCode(Reason::kQuarantineFull)) return true;
  return present.empty();
}

absl::Status RunStop(storage::Transaction& transaction, const ChannelStop& stop, bool& changed) {
  const ChannelName channel{stop.peer, stop.lane};
  if (stop.outbound) {
    absl::StatusOr<store::v1::OutboundChannel> state =
        storage::GetOutboundChannel(transaction, channel);
    if (!state.ok()) return state.status();
    if (!StopChanges(state->quarantine_reason(), stop)) return absl::OkStatus();
    state->set_quarantine_reason(stop.reason_code);
    storage::PutOutboundReceipts(transaction, channel, *state);
  } else {
    absl::StatusOr<store::v1::InboundChannel> state =
        storage::GetInboundChannel(transaction, channel);
    if (!state.ok()) return state.status();
    if (!StopChanges(state->quarantine_reason(), stop)) return absl::OkStatus();
    state->set_quarantine_reason(stop.reason_code);
    const absl::Status put = storage::PutInboundChannel(transaction, channel, *state);
    if (!put.ok()) return put;
  }
  changed = true;
  const bool lifts = stop.reason_code.empty();
  WriteJournal(transaction, {.actor = "node",
                             .action = lifts ? "peer.resume" : "peer.quarantine",
                             .names = {ChannelText(channel.peer, channel.lane)},
                             .count = 0,
                             .reason = lifts ? stop.text : stop.reason_code + ": " + stop.text});
  return absl::OkStatus();
}

}  // namespace

Prepared<AppliedReceipt> ApplyReceipt(const NodeFacts& node, InboundReceipt receipt) {
  auto result = std::make_shared<AppliedReceipt>();
  auto shared = std::make_shared<const InboundReceipt>(std::move(receipt));
  return {[&node, shared, result](storage::Transaction& transaction) -> absl::Status {
            if (!node.IsPaired(shared->peer)) return NotPaired(shared->peer);
            return RunReceipt(transaction, *shared, *result);
          },
          result};
}

Prepared<bool> QuarantineChannel(const NodeFacts& node, ChannelStop stop) {
  auto result = std::make_shared<bool>(false);
  auto shared = std::make_shared<const ChannelStop>(std::move(stop));
  return {[&node, shared, result](storage::Transaction& transaction) -> absl::Status {
            if (!node.IsPaired(shared->peer)) return NotPaired(shared->peer);
            return RunStop(transaction, *shared, *result);
          },
          result};
}

}  // namespace tripoint::operations
