// What neighbours return after a loss: kept until it is proven, then taken in. See recovery.h.
#include <algorithm>
#include <optional>
#include <utility>

#include "proto/contract/error.h"
#include "server/domain/answer.h"
#include "server/domain/notice.h"
#include "server/operations/common.h"
#include "server/operations/kept_answers.h"
#include "server/operations/recovery.h"
#include "server/operations/recovery_record.h"
#include "storage/channel_store.h"
#include "storage/keys.h"
#include "storage/names.h"
#include "storage/notice_store.h"
#include "storage/past_channels.h"
#include "storage/record_io.h"

namespace tripoint::operations {
namespace {

using contract::Error;
using contract::Reason;
using exchange::v1::Envelope;
using storage::ChannelName;
using store::v1::OutboundChannel;

constexpr std::size_t kTakenAtOnce = 128;
constexpr std::size_t kTakenBytes = 1u << 20;

absl::StatusOr<OutboundChannel> PastOf(const storage::Reader& reader, const ChannelName& channel,
                                       std::uint64_t epoch) {
  absl::StatusOr<std::optional<OutboundChannel>> found =
      storage::GetOutboundPast(reader, channel, epoch);
  if (!found.ok()) return found.status();
  if (found->has_value()) return **std::move(found);
  OutboundChannel fresh;
  fresh.set_epoch(epoch);
  return fresh;
}

absl::Status RunStore(storage::Transaction& transaction, const ReturnedRun& run,
                      const std::vector<std::uint64_t>& numbers, std::uint64_t& next,
                      absl::Status& unproven) {
  const ChannelName channel{run.peer, run.held.lane};
  if (run.held.epoch == transaction.epoch()) return Corrupt("A return is of the present epoch");
  absl::StatusOr<OutboundChannel> past = PastOf(transaction, channel, run.held.epoch);
  if (!past.ok()) return past.status();
  if (past->carry_next() < past->carry_end()) {
    return Error(absl::StatusCode::kAborted, Reason::kLinkProtocol,
                 "What " + run.peer + " returns would cover what is not sent again yet",
                 "An earlier epoch's envelopes are put into the present one first.",
                 "It is asked for again by itself.");
  }
  const std::string root(storage::HashView(run.held.root));
  if (past->claimed_size() != run.held.size || past->claimed_root() != root) {
    if (past->returned_size() != 0) {
      if (absl::Status dropped = storage::DropReturned(transaction, channel, *past); !dropped.ok())
        return dropped;
    }
    past->set_claimed_size(run.held.size);
    past->set_claimed_root(root);
  }
  const std::uint64_t stands = std::max(past->returned_size(), past->receipted_size());
  if (run.first != stands || run.envelopes.empty() ||
      run.envelopes.size() > run.held.size - stands) {
    return Error(absl::StatusCode::kAborted, Reason::kLinkProtocol,
                 "What " + run.peer + " returns does not begin where it was asked for",
                 "Envelopes are returned in order and without gaps.",
                 "It is asked for again; call the peer's operators if it goes on.");
  }
  absl::Status kept = storage::AppendReturned(transaction, channel, *past, run.envelopes, numbers);
  if (!kept.ok()) return kept;
  next = past->returned_size();
  if (next == run.held.size) {
    const absl::StatusOr<storage::Frontier> whole =
        storage::FrontierOf(past->size(), past->frontier());
    if (!whole.ok()) return whole.status();
    if (whole->Root() != run.held.root) {
      unproven = Error(absl::StatusCode::kDataLoss, Reason::kReturnUnproven,
                       "What " + run.peer + " returned is not what this unit had signed",
                       "Its root differs from the one in the signed head.",
                       "Nothing of it was taken in. Call the peer's operators.");
      if (absl::Status dropped = storage::DropReturned(transaction, channel, *past); !dropped.ok())
        return dropped;
    }
  }
  storage::PutOutboundPast(transaction, channel, *past);
  WriteJournal(transaction, {.actor = PeerActor(run.peer),
                             .action = unproven.ok() ? "peer.return" : "peer.return_refused",
                             .names = {ChannelText(run.peer, run.held.lane)},
                             .count = run.envelopes.size(),
                             .reason = {}});
  return absl::OkStatus();
}

// The counter goes beyond a number that was given before the loss.
absl::Status KeepNumberAway(storage::Transaction& transaction, std::uint64_t record_number,
                            store::v1::Recovery& recovery) {
  const auto year = static_cast<int>(record_number >> storage::kYearShift);
  const std::uint64_t number = record_number & ((std::uint64_t{1} << storage::kYearShift) - 1);
  const absl::StatusOr<std::optional<std::uint64_t>> known =
      storage::LastNumber(transaction, storage::Kind::kNotice, year);
  if (!known.ok()) return known.status();
  const std::uint64_t last = known->value_or(0);
  if (number > last) {
    recovery.set_skipped_notices(recovery.skipped_notices() + number - last - 1);
    transaction.Put(storage::CounterKey(storage::Kind::kNotice, year), storage::U64Bytes(number));
  } else if (recovery.skipped_notices() > 0) {
    recovery.set_skipped_notices(recovery.skipped_notices() - 1);  // it has a record again
  }
  return absl::OkStatus();
}

class TakeBack {
 public:
  TakeBack(storage::Transaction& transaction, const NodeFacts& node, const ChannelName& channel,
           std::uint64_t epoch, store::v1::Recovery& recovery)
      : transaction_(transaction),
        node_(node),
        channel_(channel),
        epoch_(epoch),
        recovery_(recovery) {}

  absl::Status Take(const storage::PastEnvelope& past) {
    Envelope envelope;
    // This unit signed it; what it cannot read now it could not when it sent it.
    if (!envelope.ParseFromString(past.bytes) || envelope.origin_unit() != node_.unit)
      return absl::OkStatus();
    switch (envelope.body_case()) {
      case Envelope::kNoticeVersion:
        return TakeVersion(envelope, past);
      case Envelope::kNoticeWithdrawal:
        return TakeWithdrawal(envelope, past);
      case Envelope::kNoticeStatement:
        return TakeStatement(envelope.notice_statement());
      case Envelope::BODY_NOT_SET:
        break;
    }
    return absl::OkStatus();
  }

  const std::vector<std::string>& names() const { return names_; }

 private:
  // Where this peer's copy stands, unless a later version is on its way to it or it was carried
  // into the present epoch.
  void SetCopy(store::v1::NoticeRecord& record, const storage::PastEnvelope& past,
               std::uint32_t version) {
    store::v1::OutboundCopy* place = nullptr;
    for (store::v1::OutboundCopy& copy : *record.mutable_copies()) {
      if (copy.unit() == channel_.peer) place = &copy;
    }
    if (place == nullptr) place = record.add_copies();
    if (place->version() > version ||
        (place->version() == version && place->epoch() == transaction_.epoch())) {
      return;
    }
    place->set_unit(channel_.peer);
    place->set_lane(channel_.lane);
    place->set_position(past.position);
    place->set_epoch(epoch_);
    place->set_envelope_number(past.entry.envelope_number);
    place->set_version(version);
    place->set_time_ms(past.entry.time_ms);
  }

  void Changed(const std::string& name) {
    if (names_.size() < kJournalNamesMax &&
        std::find(names_.begin(), names_.end(), name) == names_.end()) {
      names_.push_back(name);
    }
  }

  absl::Status TakeVersion(const Envelope& envelope, const storage::PastEnvelope& past) {
    const exchange::v1::NoticeVersion& version = envelope.notice_version();
    const std::optional<std::uint64_t> number =
        storage::OwnNumber(storage::Kind::kNotice, version.name());
    if (!number.has_value()) return absl::OkStatus();
    absl::StatusOr<std::optional<storage::StoredNotice>> found =
        storage::FindNotice(transaction_, version.name());
    if (!found.ok()) return found.status();
    Changed(version.name());
    if (!found->has_value()) {
      // N- and F-references share their numbers: after a rollback another notice may have this one.
      // It stays; what was returned stays in its channel, where it is evidence.
      const absl::StatusOr<std::optional<std::string>> present =
          transaction_.Get(storage::RecordKey(storage::Space::kNotice, *number));
      if (!present.ok()) return present.status();
      if (present->has_value()) return absl::OkStatus();
      if (absl::Status away = KeepNumberAway(transaction_, *number, recovery_); !away.ok())
        return away;
      store::v1::NoticeRecord record;
      *record.mutable_notice() = domain::OwnNotice(envelope, nullptr);
      SetCopy(record, past, version.version());
      return storage::CreateNotice(transaction_, *number, record);
    }
    const v1::Notice& known = (*found)->record.notice();
    store::v1::NoticeRecord after = (*found)->record;
    if (known.version() < version.version())
      *after.mutable_notice() = domain::OwnNotice(envelope, &known);
    if (known.version() <= version.version())
      domain::AddAudience(envelope, *after.mutable_notice());
    SetCopy(after, past, version.version());
    return storage::UpdateNotice(transaction_, **found, after);
  }

  absl::Status TakeWithdrawal(const Envelope& envelope, const storage::PastEnvelope& past) {
    const exchange::v1::NoticeWithdrawal& withdrawal = envelope.notice_withdrawal();
    absl::StatusOr<std::optional<storage::StoredNotice>> found =
        storage::FindNotice(transaction_, withdrawal.name());
    if (!found.ok()) return found.status();
    if (!found->has_value()) return absl::OkStatus();
    store::v1::NoticeRecord after = (*found)->record;
    if (after.notice().version() < withdrawal.version())
      *after.mutable_notice() = domain::OwnNotice(envelope, &(*found)->record.notice());
    SetCopy(after, past, withdrawal.version());
    Changed(withdrawal.name());
    return storage::UpdateNotice(transaction_, **found, after);
  }

  absl::Status TakeStatement(const exchange::v1::NoticeStatement& statement) {
    absl::StatusOr<std::optional<store::v1::ReceivedRecord>> found =
        storage::FindReceived(transaction_, statement.name());
    if (!found.ok()) return found.status();
    const store::v1::Answer answer = domain::AnswerOf(statement, transaction_.now_ms());
    if (!found->has_value() || (*found)->version() < answer.version()) {
      const absl::StatusOr<bool> first = KeepAnswer(transaction_, statement.name(), answer);
      if (!first.ok()) return first.status();
      if (*first) recovery_.set_answers_kept(recovery_.answers_kept() + 1);
      return absl::OkStatus();
    }
    store::v1::ReceivedRecord after = **found;
    if (!PutAnswer(answer, after)) return absl::OkStatus();
    Changed(statement.name());
    return storage::UpdateReceived(transaction_, **found, after);
  }

  storage::Transaction& transaction_;
  const NodeFacts& node_;
  const ChannelName& channel_;
  const std::uint64_t epoch_;
  store::v1::Recovery& recovery_;
  std::vector<std::string> names_;
};

// The peer's receipt covers all that came back: the channel of that epoch is what it was.
absl::Status CloseReturn(storage::Transaction& transaction, const HeldChannel& held,
                         OutboundChannel& past) {
  const std::int64_t now_ms = transaction.now_ms();
  const std::string certificate = storage::CertificateId(held.receipt_certificate);
  if (!certificate.empty()) {
    const absl::Status kept =
        storage::KeepCertificate(transaction, certificate, held.receipt_certificate);
    if (!kept.ok()) return kept;
  }
  past.set_receipted_size(past.size());
  past.set_receipted_frontier(past.frontier());
  past.set_receipt_signature(held.receipt_signature);
  past.set_receipt_certificate(certificate);
  past.set_receipt_time_ms(now_ms);
  storage::AddReceiptTime(past, past.size(), now_ms);
  past.clear_returned_size();
  past.clear_taken_size();
  past.clear_claimed_size();
  past.clear_claimed_root();
  for (const auto set : {&OutboundChannel::set_carry_first, &OutboundChannel::set_carry_next,
                         &OutboundChannel::set_carry_end}) {
    (past.*set)(past.size());
  }
  return absl::OkStatus();
}

absl::Status RunTake(storage::Transaction& transaction, const NodeFacts& node,
                     const std::string& peer, const HeldChannel& held, bool& done) {
  const ChannelName channel{peer, held.lane};
  absl::StatusOr<OutboundChannel> past = PastOf(transaction, channel, held.epoch);
  if (!past.ok()) return past.status();
  done = true;
  if (past->receipted_size() >= held.size) return absl::OkStatus();  // taken in before
  if (past->returned_size() != held.size) return Corrupt("A return is not complete");
  absl::StatusOr<store::v1::NodeRecord> record = ReadNode(transaction);
  if (!record.ok()) return record.status();
  TakeBack take(transaction, node, channel, held.epoch, *record->mutable_recovery());
  const std::uint64_t first = std::max(past->taken_size(), past->receipted_size());
  std::uint64_t next = first;
  std::size_t bytes = 0;
  for (; next < held.size && next - first < kTakenAtOnce && bytes < kTakenBytes; ++next) {
    const absl::StatusOr<storage::PastEnvelope> envelope =
        storage::GetPastEnvelope(transaction, channel, held.epoch, next);
    if (!envelope.ok()) return envelope.status();
    bytes += envelope->bytes.size();
    if (absl::Status taken = take.Take(*envelope); !taken.ok()) return taken;
  }
  past->set_taken_size(next);
  done = next == held.size;
  if (done) {
    if (absl::Status closed = CloseReturn(transaction, held, *past); !closed.ok()) return closed;
  }
  storage::PutOutboundPast(transaction, channel, *past);
  PutNode(transaction, *record);
  WriteJournal(transaction, {.actor = PeerActor(peer),
                             .action = "notice.return",
                             .names = take.names(),
                             .count = next - first,
                             .reason = {}});
  return absl::OkStatus();
}

}  // namespace

Prepared<std::uint64_t> StoreReturned(const NodeFacts& node, ReturnedRun run) {
  auto result = std::make_shared<std::uint64_t>(0);
  std::vector<std::uint64_t> numbers;
  numbers.reserve(run.envelopes.size());
  for (const std::string& bytes : run.envelopes) {
    Envelope envelope;
    numbers.push_back(envelope.ParseFromString(bytes) ? envelope.number() : 0);
  }
  auto shared = std::make_shared<const ReturnedRun>(std::move(run));
  return {[&node, shared, numbers = std::move(numbers),
           result](storage::Transaction& transaction) -> absl::Status {
            if (!node.IsPaired(shared->peer)) return NotPaired(shared->peer);
            absl::Status unproven;
            const absl::Status stored = RunStore(transaction, *shared, numbers, *result, unproven);
            // 0: what was kept was dropped again, which must be stored too.
            if (stored.ok() && !unproven.ok()) *result = 0;
            return stored;
          },
          result};
}

Prepared<bool> TakeReturned(const NodeFacts& node, std::string peer, HeldChannel held) {
  auto result = std::make_shared<bool>(false);
  return {[&node, peer = std::move(peer), held = std::move(held),
           result](storage::Transaction& transaction) -> absl::Status {
            if (!node.IsPaired(peer)) return NotPaired(peer);
            return RunTake(transaction, node, peer, held, *result);
          },
          result};
}

}  // namespace tripoint::operations
