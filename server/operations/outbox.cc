// Puts an envelope on its way. See outbox.h.
#include "server/operations/outbox.h"

#include <string>
#include <utility>

#include "server/domain/admission.h"
#include "server/operations/recovery.h"
#include "storage/channel_store.h"
#include "storage/keys.h"
#include "storage/merkle.h"
#include "storage/names.h"

namespace tripoint::operations {

absl::Status CheckEnvelope(const NodeFacts& node, const storage::Transaction& transaction,
                           exchange::v1::Envelope& envelope) {
  if (absl::Status may = CheckMaySend(node); !may.ok()) return may;
  envelope.set_epoch(transaction.epoch());
  // Drawn when it is sent; any number serves the check, as long as there is one.
  if (envelope.number() == 0) envelope.set_number(1);
  return domain::CheckOutgoing(envelope, node.unit, node.paired, *node.validator);
}

absl::StatusOr<std::vector<store::v1::OutboundCopy>> SendChecked(storage::Transaction& transaction,
                                                                 exchange::v1::Envelope envelope,
                                                                 std::uint32_t version) {
  absl::StatusOr<std::uint64_t> number =
      storage::NextNumber(transaction, storage::Kind::kEnvelope, 0);
  if (!number.ok()) return number.status();
  envelope.set_number(*number);
  const std::string bytes = envelope.SerializeAsString();
  storage::PutEnvelope(transaction, *number, bytes);
  const storage::Hash hash = storage::LeafHash(bytes);

  std::vector<store::v1::OutboundCopy> copies;
  copies.reserve(static_cast<std::size_t>(envelope.audience_size()));
  for (const std::string& unit : envelope.audience()) {
    const storage::ChannelName channel{unit, static_cast<std::uint8_t>(envelope.lane())};
    absl::StatusOr<std::uint64_t> position =
        storage::AppendOutbound(transaction, channel, *number, hash);
    if (!position.ok()) return position.status();
    store::v1::OutboundCopy& copy = copies.emplace_back();
    copy.set_unit(unit);
    copy.set_lane(channel.lane);
    copy.set_position(*position);
    copy.set_epoch(transaction.epoch());
    copy.set_envelope_number(*number);
    copy.set_version(version);
    copy.set_time_ms(transaction.now_ms());
  }
  return copies;
}

absl::StatusOr<std::vector<store::v1::OutboundCopy>> SendEnvelope(const NodeFacts& node,
                                                                  storage::Transaction& transaction,
                                                                  exchange::v1::Envelope envelope,
                                                                  std::uint32_t version) {
  const absl::Status allowed = CheckEnvelope(node, transaction, envelope);
  if (!allowed.ok()) return allowed;
  return SendChecked(transaction, std::move(envelope), version);
}

void ReplaceCopies(std::vector<store::v1::OutboundCopy> copies, store::v1::NoticeRecord& record) {
  const int earlier = record.copies_size();
  for (store::v1::OutboundCopy& copy : copies) {
    store::v1::OutboundCopy* place = nullptr;
    for (int i = 0; i < earlier && place == nullptr; ++i) {
      if (record.copies(i).unit() == copy.unit()) place = record.mutable_copies(i);
    }
    if (place == nullptr) {
      place = record.add_copies();
    } else {
      if (place->has_answer()) *copy.mutable_answer() = place->answer();
      if (place->has_earlier_answer()) *copy.mutable_earlier_answer() = place->earlier_answer();
    }
    *place = std::move(copy);
  }
}

}  // namespace tripoint::operations
