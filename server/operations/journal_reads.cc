// The journal for followers, and what the store knows about the node and its channels. See reads.h.
// Any thread; reads one snapshot.
#include <fmt/format.h>

#include <algorithm>

#include "proto/contract/error.h"
#include "server/operations/channels.h"
#include "server/operations/common.h"
#include "server/operations/reads.h"
#include "server/operations/recovery_record.h"
#include "storage/channel_store.h"
#include "storage/journal_store.h"
#include "storage/names.h"
#include "storage/notice_store.h"
#include "storage/outbound_log.h"
#include "storage/schema.h"

namespace tripoint::operations {
namespace {

using storage::ChannelName;

// Drafts are counted by looking at them; past this many the count of sent notices is too high by
// the rest. A desk with a thousand open drafts has other troubles.
constexpr std::size_t kDraftsCountedMax = 1000;

// Whether an action such as `received.store,statement.store` is of one of the kinds.
bool IsOfKind(std::string_view action, const std::vector<std::string>& kinds) {
  if (kinds.empty()) return true;
  while (!action.empty()) {
    const std::string_view part = action.substr(0, action.find(','));
    const std::string_view kind = part.substr(0, part.find('.'));
    if (std::find(kinds.begin(), kinds.end(), kind) != kinds.end()) return true;
    action.remove_prefix(std::min(action.size(), part.size() + 1));
  }
  return false;
}

v1::Change ChangeOf(const store::v1::JournalEntry& entry) {
  v1::Change change;
  change.set_number(entry.number());
  change.set_time_ms(entry.time_ms());
  change.set_actor(entry.actor());
  change.set_action(entry.action());
  *change.mutable_names() = entry.names();
  change.set_count(entry.count());
  return change;
}

std::string HexOf(std::uint64_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(16, '0');
  for (std::size_t i = 16; i-- > 0; value >>= 4) text[i] = kDigits[value & 15];
  return text;
}

// What both directions say. Errors: DATA_LOSS / CORRUPT.
template <typename Channel>
absl::StatusOr<v1::ChannelStatus*> AddChannel(const absl::StatusOr<Channel>& state,
                                              std::uint8_t lane, bool outbound, v1::Peer& peer) {
  if (!state.ok()) return state.status();
  absl::StatusOr<storage::Frontier> frontier =
      storage::FrontierOf(state->size(), state->frontier());
  if (!frontier.ok()) return frontier.status();
  v1::ChannelStatus& status = *peer.add_channels();
  status.set_lane(std::string(LaneName(lane)));
  status.set_outbound(outbound);
  status.set_size(state->size());
  status.set_root(storage::HashText(frontier->Root()));
  status.set_quarantine_reason(state->quarantine_reason());
  return &status;
}

absl::Status FillOutbound(const storage::Snapshot& snapshot, const ChannelName& channel,
                          std::int64_t now_ms, const PeerStatusSource* links, v1::Peer& peer) {
  const auto state = storage::GetOutboundChannel(snapshot, channel);
  absl::StatusOr<v1::ChannelStatus*> status = AddChannel(state, channel.lane, true, peer);
  if (!status.ok()) return status.status();
  (*status)->set_receipted(state->receipted_size());
  (*status)->set_refused(state->refused());
  if (links != nullptr) {
    (*status)->set_peer_quarantine_reason(links->StoppedByPeer(channel.peer, channel.lane));
  }
  peer.set_queued(peer.queued() + state->size() - state->receipted_size());
  if (state->receipted_size() == state->size()) return absl::OkStatus();
  const absl::StatusOr<std::optional<storage::OutboundEntry>> oldest =
      storage::GetOutboundEntry(snapshot, channel, state->epoch(), state->receipted_size());
  if (!oldest.ok()) return oldest.status();
  if (!oldest->has_value()) return Corrupt("An entry of an outbound channel is missing");
  // At least 1: 0 says that nothing waits.
  (*status)->set_oldest_waiting_ms(std::max<std::int64_t>(1, now_ms - (*oldest)->time_ms));
  return absl::OkStatus();
}

absl::Status FillInbound(const storage::Snapshot& snapshot, const ChannelName& channel,
                         v1::Peer& peer) {
  const auto state = storage::GetInboundChannel(snapshot, channel);
  absl::StatusOr<v1::ChannelStatus*> status = AddChannel(state, channel.lane, false, peer);
  if (!status.ok()) return status.status();
  // What is stored here was receipted in the same commit.
  (*status)->set_receipted(state->size());
  (*status)->set_refused(state->quarantined());
  return absl::OkStatus();
}

// The loudest line of the status: sharing is held up, why, and for whom it waits.
void AddRecoveryWarning(const NodeFacts& node, const store::v1::Recovery& recovery,
                        v1::NodeStatus& status) {
  if (recovery.begin_time_ms() == 0 || recovery.end_time_ms() != 0) return;
  if (node.paired.empty()) {
    status.add_warnings(fmt::format(
        "AMNESIA: this node lost part of its memory ({}), and its configuration names no neighbour "
        "that could return what it holds. Add the neighbours ([[peer]]) and start again; if there "
        "are none: tripoint recovery end",
        recovery.cause()));
    return;
  }
  std::string missing;
  for (const std::string& unit : MissingUnits(node, recovery))
    missing += (missing.empty() ? "" : ", ") + unit;
  status.add_warnings(fmt::format(
      "AMNESIA: this node lost part of its memory ({}). It records and receives, and shares "
      "nothing new until these have returned what they hold of it: {}. To go on without them: "
      "tripoint recovery end",
      recovery.cause(), missing));
}

// One night without a backup is said in the next day's working hours.
constexpr std::int64_t kBackupAgeMsMax = 36LL * 3600 * 1000;

// A node that was never backed up has as long from its beginning on.
void AddBackup(const store::v1::NodeRecord& record, std::int64_t now_ms, v1::NodeStatus& status) {
  status.set_backup_time_ms(record.backup().time_ms());
  status.set_backup_change_number(record.backup().change_number());
  const bool any = record.backup().time_ms() != 0;
  const std::int64_t since_ms = any ? record.backup().time_ms() : record.create_time_ms();
  const std::int64_t age_ms = now_ms - since_ms;
  if (age_ms <= kBackupAgeMsMax) return;
  const std::int64_t hours = age_ms / 3'600'000;
  status.add_warnings(fmt::format(
      "{}. A lost disk loses what no neighbour holds. Make one each night: tripoint backup now",
      any ? fmt::format("The latest backup is {} old", hours < 72
                                                           ? fmt::format("{} h", hours)
                                                           : fmt::format("{} days", hours / 24))
          : std::string("There is no backup of this node")));
}

}  // namespace

absl::StatusOr<JournalPiece> ReadJournal(const storage::Snapshot& snapshot, std::uint64_t after,
                                         std::size_t items_max, std::size_t scan_max,
                                         const std::vector<std::string>& kinds) {
  absl::StatusOr<std::vector<store::v1::JournalEntry>> entries =
      storage::ReadJournal(snapshot, after, kinds.empty() ? items_max : scan_max);
  if (!entries.ok()) return entries.status();
  JournalPiece piece;
  piece.through = after;
  for (const store::v1::JournalEntry& entry : *entries) {
    if (piece.changes.size() == items_max) break;
    piece.through = entry.number();
    if (IsOfKind(entry.action(), kinds)) piece.changes.push_back(ChangeOf(entry));
  }
  return piece;
}

absl::StatusOr<std::uint64_t> LastChangeNumber(const storage::Reader& reader) {
  absl::StatusOr<storage::JournalHead> head = storage::ReadJournalHead(reader);
  if (!head.ok()) return head.status();
  return head->frontier.size();
}

absl::Status FillStatus(const NodeFacts& node, const storage::Snapshot& snapshot,
                        std::int64_t now_ms, v1::NodeStatus& status) {
  absl::StatusOr<storage::JournalHead> head = storage::ReadJournalHead(snapshot);
  if (!head.ok()) return head.status();
  status.set_unit(node.unit);
  status.set_epoch(HexOf(head->epoch));
  status.set_change_number(head->frontier.size());
  status.set_journal_root(storage::HashText(head->frontier.Root()));

  absl::StatusOr<std::uint64_t> count = storage::CountNumbers(snapshot, storage::Kind::kIncident);
  if (!count.ok()) return count.status();
  const absl::StatusOr<store::v1::NodeRecord> record = ReadNode(snapshot);
  if (!record.ok()) return record.status();
  const store::v1::Recovery& recovery = record->recovery();
  // Numbers that were left out after a loss are no records.
  status.set_incidents(*count - std::min(*count, recovery.skipped_incidents()));
  count = storage::CountNumbers(snapshot, storage::Kind::kReceived);
  if (!count.ok()) return count.status();
  status.set_notices_received(*count);
  count = storage::CountNumbers(snapshot, storage::Kind::kNotice);
  if (!count.ok()) return count.status();
  storage::NoticeFilter drafts;
  drafts.state = v1::NOTICE_STATE_DRAFT;
  absl::StatusOr<storage::NoticePage> page =
      storage::ListNotices(snapshot, drafts, {}, kDraftsCountedMax);
  if (!page.ok()) return page.status();
  *count -= std::min(*count, recovery.skipped_notices());
  status.set_notices_sent(*count - std::min<std::uint64_t>(*count, page->notices.size()));

  std::uint64_t quarantined = 0;
  for (const std::string& peer : node.paired) {
    for (std::uint8_t lane = 1; lane <= 3; ++lane) {
      absl::StatusOr<store::v1::InboundChannel> inbound =
          storage::GetInboundChannel(snapshot, ChannelName{peer, lane});
      if (!inbound.ok()) return inbound.status();
      absl::StatusOr<store::v1::OutboundChannel> outbound =
          storage::GetOutboundChannel(snapshot, ChannelName{peer, lane});
      if (!outbound.ok()) return outbound.status();
      quarantined += inbound->quarantined() + outbound->refused();
    }
  }
  status.set_quarantined(quarantined);
  AddRecoveryWarning(node, recovery, status);
  AddBackup(*record, now_ms, status);
  return absl::OkStatus();
}

absl::Status FillChannels(const storage::Snapshot& snapshot, std::string_view peer,
                          std::int64_t now_ms, const PeerStatusSource* links, v1::Peer& result) {
  result.clear_channels();
  result.set_queued(0);
  for (std::uint8_t lane = 1; lane <= 3; ++lane) {
    const ChannelName channel{std::string(peer), lane};
    absl::Status filled = FillOutbound(snapshot, channel, now_ms, links, result);
    if (filled.ok()) filled = FillInbound(snapshot, channel, result);
    if (!filled.ok()) return filled;
  }
  return absl::OkStatus();
}

absl::StatusOr<Page<v1::QuarantinedEnvelope>> ListQuarantine(
    const storage::Snapshot& snapshot, const v1::ListQuarantineRequest& request,
    std::string_view after) {
  absl::StatusOr<storage::QuarantinePage> records =
      storage::ListQuarantine(snapshot, after, PageSize(request.page_size()));
  if (!records.ok()) return records.status();
  Page<v1::QuarantinedEnvelope> page;
  page.next = std::move(records->resume);
  for (store::v1::QuarantineRecord& record : records->records) {
    if (!request.unit().empty() && record.unit() != request.unit()) continue;
    v1::QuarantinedEnvelope envelope;
    envelope.set_unit(record.unit());
    envelope.set_outbound(record.outbound());
    envelope.set_lane(std::string(LaneName(static_cast<std::uint8_t>(record.lane()))));
    envelope.set_epoch(HexOf(record.epoch()));
    envelope.set_position(record.position());
    envelope.set_reason_code(record.reason_code());
    envelope.set_reason_text(record.text());
    envelope.set_time_ms(record.time_ms());
    page.items.push_back(std::move(envelope));
  }
  return page;
}

void AddChannelWarnings(const v1::Peer& peer, v1::NodeStatus& status) {
  for (const v1::ChannelStatus& channel : peer.channels()) {
    const auto warn = [&](std::string_view who, std::string_view reason) {
      if (reason.empty()) return;
      const bool full = reason == contract::ReasonCode(contract::Reason::kQuarantineFull);
      status.add_warnings(fmt::format(
          "The {} channel {} {} is stopped{}: {}. The other channels go on. Call {}, {}; details: "
          "tripoint peer show {}",
          channel.lane(), channel.outbound() ? "to" : "from", peer.unit(), who, reason, peer.unit(),
          full ? "find out why what is sent is refused; it goes on by itself in some hours"
               : "keep both data folders as they are",
          peer.unit()));
    };
    warn("", channel.quarantine_reason());
    warn(" by its side", channel.peer_quarantine_reason());
  }
}

}  // namespace tripoint::operations
