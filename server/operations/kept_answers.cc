// See kept_answers.h.
#include "server/operations/kept_answers.h"

#include <optional>

#include "server/domain/answer.h"
#include "server/operations/common.h"
#include "server/operations/recovery_record.h"
#include "storage/keys.h"
#include "storage/record_io.h"

namespace tripoint::operations {

bool PutAnswer(const store::v1::Answer& answer, store::v1::ReceivedRecord& record) {
  if (record.has_answer() && !domain::AnswerClimbs(record.answer(), answer)) return false;
  if (record.has_answer() && answer.version() > record.answer().version())
    KeepEarlierAnswer(record);
  *record.mutable_answer() = answer;
  // As NeedsAck would say: an answer of this rank ends the asking.
  if (answer.version() == record.version() &&
      answer.state() >= static_cast<std::uint32_t>(v1::DELIVERY_STATE_ACKNOWLEDGED)) {
    record.set_needs_ack(false);
  }
  return true;
}

absl::StatusOr<bool> KeepAnswer(storage::Transaction& transaction, std::string_view name,
                                const store::v1::Answer& answer) {
  const storage::Key key = storage::ReturnedAnswerKey(name);
  const auto known = storage::ReadRecord<store::v1::Answer>(transaction, key);
  if (!known.ok()) return known.status();
  if (!known->has_value() || domain::AnswerClimbs(**known, answer))
    storage::WriteRecord(transaction, key, answer);
  return !known->has_value();
}

absl::Status TakeKeptAnswer(storage::Transaction& transaction, store::v1::ReceivedRecord& record) {
  const storage::Key key = storage::ReturnedAnswerKey(record.name());
  const auto kept = storage::ReadRecord<store::v1::Answer>(transaction, key);
  if (!kept.ok()) return kept.status();
  if (!kept->has_value() || (*kept)->version() > record.version()) return absl::OkStatus();
  PutAnswer(**kept, record);
  transaction.Delete(key);
  absl::StatusOr<store::v1::NodeRecord> node = ReadNode(transaction);
  if (!node.ok()) return node.status();
  store::v1::Recovery& recovery = *node->mutable_recovery();
  if (recovery.answers_kept() > 0) recovery.set_answers_kept(recovery.answers_kept() - 1);
  PutNode(transaction, *node);
  return absl::OkStatus();
}

}  // namespace tripoint::operations
