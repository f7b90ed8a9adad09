// What one admitted envelope does to the store. See take_in.h.
#include "server/operations/take_in.h"

#include <algorithm>
#include <optional>

#include "proto/contract/error.h"
#include "server/domain/answer.h"
#include "server/operations/common.h"
#include "server/operations/kept_answers.h"
#include "storage/channel_store.h"
#include "storage/names.h"
#include "storage/notice_store.h"
#include "tripoint/v1/notice.pb.h"

namespace tripoint::operations {
namespace {

using contract::Error;
using contract::Reason;

absl::Status Conflict(const std::string& name, std::uint32_t version) {
  return Error(absl::StatusCode::kAlreadyExists, Reason::kEnvelopeConflict,
               name + " version " + std::to_string(version) + " came before with other contents",
               "A version of a notice never changes once it was shared.",
               "Call the owner's operators; the version that came first stays.");
}

// What an envelope says, without what differs when its origin sends the same again after a restore.
std::string Contents(exchange::v1::Envelope envelope) {
  envelope.clear_epoch();
  envelope.clear_number();
  envelope.clear_create_time_ms();
  return envelope.SerializeAsString();
}

}  // namespace

absl::Status TakeIn::Take(const exchange::v1::Envelope& envelope, std::uint64_t position) {
  switch (envelope.body_case()) {
    case exchange::v1::Envelope::kNoticeVersion:
      return TakeVersion(envelope, position);
    case exchange::v1::Envelope::kNoticeWithdrawal:
      return TakeWithdrawal(envelope);
    case exchange::v1::Envelope::kNoticeStatement:
      return TakeStatement(envelope.notice_statement());
    case exchange::v1::Envelope::BODY_NOT_SET:
      break;
  }
  return Error(absl::StatusCode::kInvalidArgument, Reason::kEnvelopeMalformed,
               "The envelope has no body that this version knows",
               "An envelope carries a notice, a withdrawal or a statement.",
               "The receiving unit needs a newer version of tripointd.");
}

std::string TakeIn::Action(bool refused) const {
  std::string action;
  const auto add = [&action](std::string_view what) {
    if (!action.empty()) action.push_back(',');
    action.append(what);
  };
  if (received_) add("received.store");
  if (stated_) add("statement.store");
  if (refused) add("peer.refuse");
  if (action.empty()) add("peer.store");  // nothing new in it: versions that were known already
  return action;
}

void TakeIn::Changed(const std::string& name) {
  if (names_.size() < kJournalNamesMax &&
      std::find(names_.begin(), names_.end(), name) == names_.end()) {
    names_.push_back(name);
  }
}

absl::Status TakeIn::CheckSame(const exchange::v1::Envelope& envelope,
                               const store::v1::ReceivedRecord& known) const {
  const exchange::v1::NoticeVersion& version = envelope.notice_version();
  if (known.state() == v1::NOTICE_STATE_WITHDRAWN) {
    return Conflict(version.name(), version.version());
  }
  absl::StatusOr<std::optional<std::string>> bytes = storage::GetInboundEntry(
      transaction_, {channel_.peer, static_cast<std::uint8_t>(known.lane())}, known.epoch(),
      known.position());
  if (!bytes.ok()) return bytes.status();
  exchange::v1::Envelope stored;
  if (!bytes->has_value() || !stored.ParseFromString(**bytes)) {
    return Corrupt("The envelope of a received notice is missing or unreadable");
  }
  if (Contents(stored) == Contents(envelope)) return absl::OkStatus();
  return Conflict(version.name(), version.version());
}

absl::Status TakeIn::TakeVersion(const exchange::v1::Envelope& envelope, std::uint64_t position) {
  const exchange::v1::NoticeVersion& version = envelope.notice_version();
  absl::StatusOr<std::optional<store::v1::ReceivedRecord>> known =
      storage::FindReceived(transaction_, version.name());
  if (!known.ok()) return known.status();
  const std::uint32_t known_version = known->has_value() ? (*known)->version() : 0;
  const domain::Arrival arrival = domain::ClassifyArrival(known_version, version.version());
  if (arrival == domain::Arrival::kStale) {
    if (version.version() == known_version) return CheckSame(envelope, **known);
    absl::StatusOr<std::optional<store::v1::ReceivedRecord>> older =
        storage::FindReceivedVersion(transaction_, version.name(), version.version());
    if (!older.ok()) return older.status();
    return older->has_value() ? CheckSame(envelope, **older) : absl::OkStatus();
  }

  const v1::Notice notice = domain::ReceivedNotice(envelope);
  store::v1::ReceivedRecord record;
  if (known->has_value()) {
    record = **known;
  } else {
    absl::StatusOr<std::uint64_t> number =
        storage::NextNumber(transaction_, storage::Kind::kReceived, 0);
    if (!number.ok()) return number.status();
    record.set_number(*number);
    record.set_name(version.name());
    record.set_owner(channel_.peer);
    record.set_first_receive_time_ms(transaction_.now_ms());
  }
  // An answer was about the version before: this one asks anew.
  KeepEarlierAnswer(record);
  record.clear_answer();
  record.set_version(version.version());
  record.set_lane(channel_.lane);
  record.set_epoch(epoch_);
  record.set_position(position);
  record.set_receive_time_ms(transaction_.now_ms());
  record.set_state(notice.state());
  record.set_change_reason(notice.change_reason());
  record.set_kind_code(notice.kind_code());
  record.set_urgency_code(notice.urgency_code());
  record.set_valid_until_ms(notice.valid_until_ms());
  record.set_needs_ack(domain::NeedsAck(notice, nullptr));
  if (answers_kept_) {
    if (absl::Status taken = TakeKeptAnswer(transaction_, record); !taken.ok()) return taken;
  }
  const absl::Status stored = known->has_value()
                                  ? storage::UpdateReceived(transaction_, **known, record)
                                  : storage::CreateReceived(transaction_, record);
  if (!stored.ok()) return stored;
  received_ = true;
  Changed(version.name());
  return absl::OkStatus();
}

absl::Status TakeIn::TakeWithdrawal(const exchange::v1::Envelope& envelope) {
  const exchange::v1::NoticeWithdrawal& withdrawal = envelope.notice_withdrawal();
  absl::StatusOr<std::optional<store::v1::ReceivedRecord>> known =
      storage::FindReceived(transaction_, withdrawal.name());
  if (!known.ok()) return known.status();
  // A notice stays in its lane, so its first version was in this channel before: it was refused.
  if (!known->has_value()) {
    return NotFound("received notice", withdrawal.name(), "Its first version was not accepted.");
  }
  const store::v1::ReceivedRecord& before = **known;
  if (domain::ClassifyArrival(before.version(), withdrawal.version()) == domain::Arrival::kStale) {
    const bool same =
        before.version() != withdrawal.version() || (before.state() == v1::NOTICE_STATE_WITHDRAWN &&
                                                     before.change_reason() == withdrawal.reason());
    return same ? absl::OkStatus() : Conflict(withdrawal.name(), withdrawal.version());
  }
  // Lane, epoch and position stay: they lead to the contents, which stay readable as withdrawn.
  store::v1::ReceivedRecord after = before;
  after.set_version(withdrawal.version());
  after.set_receive_time_ms(transaction_.now_ms());
  after.set_state(v1::NOTICE_STATE_WITHDRAWN);
  after.set_change_reason(withdrawal.reason());
  after.set_needs_ack(false);
  const absl::Status stored = storage::UpdateReceived(transaction_, before, after);
  if (!stored.ok()) return stored;
  received_ = true;
  Changed(withdrawal.name());
  return absl::OkStatus();
}

absl::Status TakeIn::TakeStatement(const exchange::v1::NoticeStatement& statement) {
  absl::StatusOr<std::optional<storage::StoredNotice>> found =
      storage::FindNotice(transaction_, statement.name());
  if (!found.ok()) return found.status();
  if (!found->has_value()) {
    return NotFound("notice", statement.name(), "Check which notice the statement is about.");
  }
  store::v1::NoticeRecord after = (*found)->record;
  store::v1::OutboundCopy* copy = nullptr;
  for (store::v1::OutboundCopy& candidate : *after.mutable_copies()) {
    if (candidate.unit() == channel_.peer) copy = &candidate;
  }
  if (copy == nullptr || statement.version() > after.notice().version()) {
    // Said as for a notice that is not there: who else has it, or how far it got, is not theirs.
    return NotFound("notice", statement.name(), "Check which notice the statement is about.");
  }
  const store::v1::Answer answer = domain::AnswerOf(statement, transaction_.now_ms());
  if (copy->has_answer() && !domain::AnswerClimbs(copy->answer(), answer)) return absl::OkStatus();
  if (answer.version() > copy->answer().version()) KeepEarlierAnswer(*copy);
  *copy->mutable_answer() = answer;
  const absl::Status stored = storage::UpdateNotice(transaction_, **found, after);
  if (!stored.ok()) return stored;
  stated_ = true;
  Changed(statement.name());
  return absl::OkStatus();
}

}  // namespace tripoint::operations
