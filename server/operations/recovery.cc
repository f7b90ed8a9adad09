// A new epoch and the amnesia after it. See recovery.h. What comes back: returned.cc.
#include "server/operations/recovery.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "proto/contract/error.h"
#include "server/operations/common.h"
#include "server/operations/recovery_record.h"
#include "storage/committer_core.h"
#include "storage/journal_store.h"
#include "storage/keys.h"
#include "storage/names.h"
#include "storage/notice_store.h"
#include "storage/past_channels.h"
#include "storage/record_io.h"
#include "tripoint/exchange/v1/envelope.pb.h"

namespace tripoint::operations {
namespace {

using contract::Error;
using contract::Reason;
using storage::ChannelName;
using store::v1::OutboundChannel;

constexpr std::size_t kPastEpochsMax = 64;
constexpr std::size_t kCarriedAtOnce = 256;
constexpr std::size_t kCarriedBytes = 1u << 20;
// References of the lost time are not known: as many numbers are left out as had been given by
// half, and never fewer than these. After a loss of all there is nothing to go by.
constexpr std::uint64_t kNumbersLeftOut = 10'000;
constexpr std::uint64_t kNumbersAfterLoss = 100'000;

std::uint64_t MovedOn(std::uint64_t last, bool all_lost) {
  const std::uint64_t step = all_lost ? kNumbersAfterLoss : kNumbersLeftOut;
  const std::uint64_t wanted = last + std::max(step, last / 2);
  return (wanted + step - 1) / step * step;
}

// Moves on the counters of every year that may have been used since the data was written: those
// that have one, and from the newest of them up to now. Result: how many numbers were left out.
absl::StatusOr<std::uint64_t> MoveCounters(storage::Transaction& transaction, storage::Kind kind,
                                           bool all_lost) {
  const int now = YearOf(transaction.now_ms());
  constexpr int kYearsBack = 30;
  std::uint64_t left_out = 0;
  bool used = false;
  for (int year = std::max(1970, now - kYearsBack); year <= now + 1; ++year) {
    const absl::StatusOr<std::optional<std::uint64_t>> last =
        storage::LastNumber(transaction, kind, year);
    if (!last.ok()) return last.status();
    used = used || last->has_value();
    if (!last->has_value() && (year > now || (!used && year != now))) continue;
    const std::uint64_t before = last->value_or(0);
    const std::uint64_t moved = MovedOn(before, all_lost);
    left_out += moved - before;
    transaction.Put(storage::CounterKey(kind, year), storage::U64Bytes(moved));
  }
  return left_out;
}

absl::Status MoveAllCounters(storage::Transaction& transaction, store::v1::Recovery& recovery) {
  const bool all_lost = recovery.cause() == kCauseLoss;
  absl::StatusOr<std::uint64_t> left_out =
      MoveCounters(transaction, storage::Kind::kIncident, all_lost);
  if (!left_out.ok()) return left_out.status();
  recovery.set_skipped_incidents(recovery.skipped_incidents() + *left_out);
  left_out = MoveCounters(transaction, storage::Kind::kNotice, all_lost);
  if (!left_out.ok()) return left_out.status();
  recovery.set_skipped_notices(recovery.skipped_notices() + *left_out);
  return absl::OkStatus();
}

// Runs one operation on a core that nobody else drives.
absl::Status RunAlone(storage::CommitterCore& core, std::int64_t now_ms,
                      storage::Operation operation) {
  absl::Status outcome = contract::Error(
      absl::StatusCode::kInternal, Reason::kInternal, "An operation at start was not answered",
      "The committer answers each operation.", "Report this with the node's log.");
  core.Submit(std::move(operation), [&outcome](const absl::Status& status) { outcome = status; });
  while (core.RunOnce(now_ms)) {
  }
  return outcome;
}

// The notice's copy for this peer is now the one in the present epoch.
absl::Status MoveCopy(storage::Transaction& transaction, const exchange::v1::Envelope& envelope,
                      const ChannelName& channel, const OutboundChannel& past,
                      std::uint64_t old_position, std::uint64_t position, std::uint64_t number) {
  const std::string& name = envelope.has_notice_version() ? envelope.notice_version().name()
                                                          : envelope.notice_withdrawal().name();
  absl::StatusOr<std::optional<storage::StoredNotice>> found =
      storage::FindNotice(transaction, name);
  if (!found.ok()) return found.status();
  if (!found->has_value()) return absl::OkStatus();
  store::v1::NoticeRecord after = (*found)->record;
  for (store::v1::OutboundCopy& copy : *after.mutable_copies()) {
    if (copy.unit() != channel.peer || copy.lane() != channel.lane ||
        copy.epoch() != past.epoch() || copy.position() != old_position) {
      continue;
    }
    copy.set_epoch(transaction.epoch());
    copy.set_position(position);
    copy.set_envelope_number(number);
    return storage::UpdateNotice(transaction, **found, after);
  }
  return absl::OkStatus();  // a later version has its own envelope
}

absl::Status CarryOne(storage::Transaction& transaction, const ChannelName& channel,
                      const OutboundChannel& past, const storage::PastEnvelope& old) {
  exchange::v1::Envelope envelope;
  std::string bytes = old.bytes;
  absl::StatusOr<std::uint64_t> number =
      storage::NextNumber(transaction, storage::Kind::kEnvelope, 0);
  if (!number.ok()) return number.status();
  // What is no envelope is refused by the peer, now as then.
  const bool readable = envelope.ParseFromString(old.bytes);
  if (readable) {
    envelope.set_epoch(transaction.epoch());
    envelope.set_number(*number);
    bytes = envelope.SerializeAsString();
  }
  storage::PutEnvelope(transaction, *number, bytes);
  const absl::StatusOr<std::uint64_t> position =
      storage::AppendOutbound(transaction, channel, *number, storage::LeafHash(bytes));
  if (!position.ok()) return position.status();
  if (!readable || envelope.has_notice_statement()) return absl::OkStatus();
  return MoveCopy(transaction, envelope, channel, past, old.position, *position, *number);
}

absl::Status RunCarry(storage::Transaction& transaction, const std::string& peer,
                      const HoldingsPlan::Carry& carry, bool& done) {
  const ChannelName channel{peer, carry.lane};
  absl::StatusOr<std::optional<OutboundChannel>> found =
      storage::GetOutboundPast(transaction, channel, carry.epoch);
  if (!found.ok()) return found.status();
  done = true;
  if (!found->has_value()) return absl::OkStatus();
  OutboundChannel past = **std::move(found);
  const bool under_way = past.carry_next() < past.carry_end();
  if (!under_way) {
    if (carry.first >= past.carry_first()) return absl::OkStatus();
    past.set_carry_end(past.carry_first());
    past.set_carry_next(carry.first);
    past.set_carry_first(carry.first);
  }
  std::size_t count = 0;
  std::size_t bytes = 0;
  for (; past.carry_next() < past.carry_end() && count < kCarriedAtOnce && bytes < kCarriedBytes;
       ++count) {
    const absl::StatusOr<storage::PastEnvelope> old =
        storage::GetPastEnvelope(transaction, channel, past.epoch(), past.carry_next());
    if (!old.ok()) return old.status();
    if (absl::Status carried = CarryOne(transaction, channel, past, *old); !carried.ok())
      return carried;
    bytes += old->bytes.size();
    past.set_carry_next(past.carry_next() + 1);
  }
  storage::PutOutboundPast(transaction, channel, past);
  done = past.carry_next() >= past.carry_end() && carry.first >= past.carry_first();
  WriteJournal(transaction, {.actor = "node",
                             .action = "notice.carry",
                             .names = {ChannelText(peer, carry.lane)},
                             .count = count,
                             .reason = {}});
  return absl::OkStatus();
}

// What a new epoch asks for, once. See CompleteEpoch.
absl::Status CloseEpoch(const NodeFacts& node, storage::Engine& engine,
                        storage::CommitterCore& core, std::int64_t now_ms) {
  const absl::StatusOr<std::vector<ChannelName>> channels =
      storage::ListOutboundChannels(*engine.TakeSnapshot());
  if (!channels.ok()) return channels.status();
  for (const ChannelName& channel : *channels) {
    const absl::Status closed =
        RunAlone(core, now_ms, [&channel](storage::Transaction& transaction) -> absl::Status {
          const absl::StatusOr<storage::OutboundTail> tail =
              storage::GetOutboundTail(transaction, channel);
          if (!tail.ok()) return tail.status();
          if (tail->epoch == transaction.epoch()) return absl::OkStatus();
          if (absl::Status status = storage::CloseOutbound(transaction, channel); !status.ok())
            return status;
          WriteJournal(transaction, {.actor = "node",
                                     .action = "peer.epoch",
                                     .names = {ChannelText(channel.peer, channel.lane)},
                                     .count = 0,
                                     .reason = {}});
          return absl::OkStatus();
        });
    if (!closed.ok()) return closed;
  }
  // To units that are no longer paired nothing goes; their channels stay as they were.
  for (const ChannelName& channel : *channels) {
    if (!node.IsPaired(channel.peer)) continue;
    const auto pasts = storage::ListOutboundPast(*engine.TakeSnapshot(), channel, kPastEpochsMax);
    if (!pasts.ok()) return pasts.status();
    for (const OutboundChannel& past : *pasts) {
      for (bool done = past.carry_next() >= past.carry_end(); !done;) {
        const Prepared<bool> carry =
            CarryOver(node, channel.peer,
                      {.lane = channel.lane, .epoch = past.epoch(), .first = past.carry_first()});
        if (absl::Status ran = RunAlone(core, now_ms, carry.operation); !ran.ok()) return ran;
        done = *carry.result;
      }
    }
  }
  return RunAlone(core, now_ms, [](storage::Transaction& transaction) -> absl::Status {
    absl::StatusOr<store::v1::NodeRecord> present = ReadNode(transaction);
    if (!present.ok()) return present.status();
    store::v1::Recovery& recovery = *present->mutable_recovery();
    if (recovery.carried()) return absl::OkStatus();
    if (absl::Status moved = MoveAllCounters(transaction, recovery); !moved.ok()) return moved;
    recovery.set_carried(true);
    PutNode(transaction, *present);
    WriteJournal(transaction, {.actor = "node",
                               .action = "node.epoch",
                               .names = {},
                               .count = 0,
                               .reason = recovery.cause()});
    return absl::OkStatus();
  });
}

// The units that were missing are no longer paired: of those that are, all have returned. A
// configuration without any peer proves nothing (it may be a new one that is not finished), and
// without peers nothing can be shared anyway: then the amnesia goes on until there are some, or a
// supervisor ends it.
absl::Status EndWithoutNeighbours(const NodeFacts& node, storage::Transaction& transaction) {
  absl::StatusOr<store::v1::NodeRecord> record = ReadNode(transaction);
  if (!record.ok()) return record.status();
  store::v1::Recovery& recovery = *record->mutable_recovery();
  if (node.paired.empty() || recovery.end_time_ms() != 0 || !MissingUnits(node, recovery).empty())
    return absl::OkStatus();
  recovery.set_end_time_ms(std::max<std::int64_t>(transaction.now_ms(), 1));
  PutNode(transaction, *record);
  WriteJournal(transaction, {.actor = "node",
                             .action = "node.recovered",
                             .names = {},
                             .count = 0,
                             .reason = "all units that are still paired have returned"});
  return absl::OkStatus();
}

}  // namespace

absl::Status BeginEpoch(storage::Engine& engine, std::uint64_t epoch, std::string_view cause,
                        std::int64_t now_ms) {
  absl::StatusOr<store::v1::NodeRecord> node = ReadNode(engine);
  if (!node.ok()) return node.status();
  absl::StatusOr<storage::JournalHead> head = storage::ReadJournalHead(engine);
  if (!head.ok()) return head.status();
  store::v1::Recovery recovery;
  recovery.set_cause(std::string(cause));
  recovery.set_begin_time_ms(now_ms);
  recovery.set_past_epoch(node->epoch());
  recovery.set_skipped_incidents(node->recovery().skipped_incidents());
  recovery.set_skipped_notices(node->recovery().skipped_notices());
  recovery.set_answers_kept(node->recovery().answers_kept());
  *node->mutable_recovery() = std::move(recovery);
  node->set_epoch(epoch);
  head->epoch = epoch;
  storage::Batch batch;
  batch.Put(storage::NodeKey(), node->SerializeAsString());
  batch.Put(storage::JournalHeadKey(), storage::EncodeJournalHead(*head));
  return engine.Commit(batch);
}

absl::Status CompleteEpoch(const NodeFacts& node, storage::Engine& engine, std::int64_t now_ms) {
  absl::StatusOr<store::v1::NodeRecord> record = ReadNode(engine);
  if (!record.ok()) return record.status();
  if (!record->has_recovery()) return absl::OkStatus();
  if (record->recovery().carried() && record->recovery().end_time_ms() != 0)
    return absl::OkStatus();
  storage::CommitterCore core(engine);
  if (!record->recovery().carried()) {
    if (absl::Status closed = CloseEpoch(node, engine, core, now_ms); !closed.ok()) return closed;
  }
  return RunAlone(core, now_ms, [&node](storage::Transaction& transaction) {
    return EndWithoutNeighbours(node, transaction);
  });
}

absl::Status RefreshRecovery(const storage::Reader& reader, RecoveryState& state) {
  const absl::StatusOr<store::v1::NodeRecord> node = ReadNode(reader);
  if (!node.ok()) return node.status();
  const store::v1::Recovery& recovery = node->recovery();
  state.sharing_held = node->has_recovery() && recovery.end_time_ms() == 0;
  state.answers_kept = recovery.answers_kept() != 0;
  return absl::OkStatus();
}

absl::Status CheckMaySend(const NodeFacts& node) {
  if (node.recovery == nullptr || !node.recovery->sharing_held) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, Reason::kAmnesia, "Nothing new is shared yet",
               "This node lost part of its memory, and its neighbours have not all returned what "
               "they hold of it; until then a reference could be given twice",
               "See who is missing: tripoint status. To go on without them, a supervisor says: "
               "tripoint recovery end");
}

absl::StatusOr<HoldingsPlan> CompareHoldings(const storage::Snapshot& snapshot,
                                             std::string_view peer, std::uint64_t own_epoch,
                                             const std::vector<HeldChannel>& held) {
  HoldingsPlan plan;
  std::vector<HoldingsPlan::Carry> under_way;
  const absl::StatusOr<store::v1::NodeRecord> node = ReadNode(snapshot);
  if (!node.ok()) return node.status();
  plan.ended = node->recovery().end_time_ms() != 0;
  for (std::uint8_t lane = 1; lane <= 3; ++lane) {
    const ChannelName channel{std::string(peer), lane};
    const auto pasts = storage::ListOutboundPast(snapshot, channel, kPastEpochsMax);
    if (!pasts.ok()) return pasts.status();
    for (const HeldChannel& claim : held) {
      if (claim.lane != lane || claim.epoch == own_epoch || !claim.proven) continue;
      OutboundChannel known;
      for (const OutboundChannel& past : *pasts) {
        if (past.epoch() == claim.epoch) known = past;
      }
      if (claim.size <= known.receipted_size()) continue;
      const bool resumes = known.claimed_size() == claim.size &&
                           known.claimed_root() == storage::HashView(claim.root);
      plan.wants.push_back(
          {claim, resumes ? std::max<std::uint64_t>(known.returned_size(), known.receipted_size())
                          : known.receipted_size()});
    }
    const auto shown = static_cast<std::size_t>(std::count_if(
        held.begin(), held.end(), [lane](const HeldChannel& claim) { return claim.lane == lane; }));
    for (const OutboundChannel& past : *pasts) {
      std::uint64_t first = shown < kHoldingsShownMax ? 0 : past.carry_first();
      for (const HeldChannel& claim : held) {
        if (claim.lane == lane && claim.epoch == past.epoch()) first = claim.size;
      }
      if (first < past.carry_first()) plan.carries.push_back({lane, past.epoch(), first, false});
      if (past.carry_next() < past.carry_end())
        under_way.push_back({lane, past.epoch(), past.carry_first(), true});
    }
  }
  plan.carries.insert(plan.carries.end(), under_way.begin(), under_way.end());
  return plan;
}

Prepared<bool> CarryOver(const NodeFacts& node, std::string peer, HoldingsPlan::Carry carry) {
  auto result = std::make_shared<bool>(false);
  return {[&node, peer = std::move(peer), carry,
           result](storage::Transaction& transaction) -> absl::Status {
            if (!node.IsPaired(peer)) return NotPaired(peer);
            return RunCarry(transaction, peer, carry, *result);
          },
          result};
}

Prepared<bool> PeerReturned(const NodeFacts& node, std::string peer) {
  auto result = std::make_shared<bool>(false);
  return {
      [&node, peer = std::move(peer), result](storage::Transaction& transaction) -> absl::Status {
        absl::StatusOr<store::v1::NodeRecord> record = ReadNode(transaction);
        if (!record.ok()) return record.status();
        if (!record->has_recovery() || HasReturned(record->recovery(), peer))
          return absl::OkStatus();
        store::v1::Recovery& recovery = *record->mutable_recovery();
        recovery.add_returned_units(peer);
        *result = recovery.end_time_ms() == 0 && MissingUnits(node, recovery).empty();
        if (*result) recovery.set_end_time_ms(std::max<std::int64_t>(transaction.now_ms(), 1));
        PutNode(transaction, *record);
        WriteJournal(transaction,
                     {.actor = PeerActor(peer),
                      .action = *result ? "peer.returned,node.recovered" : "peer.returned",
                      .names = {},
                      .count = 0,
                      .reason = {}});
        return absl::OkStatus();
      },
      result};
}

Prepared<bool> BeginAmnesia(const NodeFacts& node, std::string peer) {
  auto result = std::make_shared<bool>(true);
  return {
      [&node, peer = std::move(peer), result](storage::Transaction& transaction) -> absl::Status {
        if (!node.IsPaired(peer)) return NotPaired(peer);
        absl::StatusOr<store::v1::NodeRecord> record = ReadNode(transaction);
        if (!record.ok()) return record.status();
        const bool known = record->has_recovery();
        store::v1::Recovery& recovery = *record->mutable_recovery();
        if (!known) {
          recovery.set_cause(std::string(kCauseLoss));
          recovery.set_begin_time_ms(transaction.now_ms());
          recovery.set_carried(true);
          if (absl::Status moved = MoveAllCounters(transaction, recovery); !moved.ok())
            return moved;
        } else if (!HasReturned(recovery, peer)) {
          return absl::OkStatus();
        }
        auto* const returned = recovery.mutable_returned_units();
        returned->erase(std::remove(returned->begin(), returned->end(), peer), returned->end());
        // Where the amnesia has ended only this link returns first: a neighbour that shows its
        // proofs one by one must not hold up the others.
        PutNode(transaction, *record);
        WriteJournal(transaction, {.actor = PeerActor(peer),
                                   .action = known ? "peer.returns_again" : "node.amnesia",
                                   .names = {},
                                   .count = 0,
                                   .reason = {}});
        return absl::OkStatus();
      },
      result};
}

Prepared<std::vector<std::string>> EndAmnesia(const NodeFacts& node, const Actor& actor,
                                              std::string reason) {
  auto result = std::make_shared<std::vector<std::string>>();
  return {[&node, actor, reason = std::move(reason),
           result](storage::Transaction& transaction) -> absl::Status {
            absl::StatusOr<store::v1::NodeRecord> record = ReadNode(transaction);
            if (!record.ok()) return record.status();
            store::v1::Recovery& recovery = *record->mutable_recovery();
            *result = MissingUnits(node, recovery);
            if (recovery.begin_time_ms() == 0 || recovery.end_time_ms() != 0)
              return absl::OkStatus();
            recovery.set_end_time_ms(std::max<std::int64_t>(transaction.now_ms(), 1));
            PutNode(transaction, *record);
            WriteJournal(transaction, {.actor = OfficerActor(actor),
                                       .action = "node.recovered",
                                       .names = {},
                                       .count = 0,
                                       .reason = reason});
            return absl::OkStatus();
          },
          result};
}

}  // namespace tripoint::operations
