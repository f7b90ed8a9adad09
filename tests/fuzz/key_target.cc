// Stores whose keys are any: too short, too long, in no order that our code would write, with any
// value behind them. A reader answers an error or what stands there, and comes to its end. And
// keys of our own say back what they were made of. See fuzz.h.
#include <memory>
#include <optional>

#include "proto/contract/reference.h"
#include "storage/channel_log.h"
#include "storage/channel_store.h"
#include "storage/committer_core.h"
#include "storage/incident_store.h"
#include "storage/journal_store.h"
#include "storage/keys.h"
#include "storage/list.h"
#include "storage/memory_engine.h"
#include "storage/names.h"
#include "storage/notice_store.h"
#include "storage/outbound_log.h"
#include "storage/past_channels.h"
#include "storage/request_store.h"
#include "storage/schema.h"
#include "storage/unit_groups.h"
#include "storage/verify_store.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/ready_store.h"

namespace tripoint::fuzz {
namespace {

using storage::ChannelName;
using storage::Space;

constexpr char kUnit[] = "vn-tayninh";
constexpr char kPeer[] = "la-attapeu";
constexpr std::uint64_t kEpoch = 7;
constexpr std::int64_t kNowMs = 1'795'000'000'000;
constexpr int kPagesMax = 200;
constexpr std::size_t kLimit = 10;

const ChannelName& Channel() {
  static const ChannelName kChannel{kPeer, 3};
  return kChannel;
}

std::string NameOf(const char* collection, contract::ReferenceKind kind) {
  return std::string("units/") + kUnit + "/" + collection + "/" +
         contract::MakeReference({.kind = kind, .unit_short = "TNI", .year = 26, .number = 1});
}

const std::string& IncidentName() {
  static const std::string kName = NameOf("incidents", contract::ReferenceKind::kIncident);
  return kName;
}
const std::string& NoticeName() {
  static const std::string kName = NameOf("notices", contract::ReferenceKind::kNotice);
  return kName;
}

// All pages of a list, from `resume` to `resume`.
template <typename List>
void ReadPages(List list) {
  std::string resume;
  for (int pages = 0; pages < kPagesMax; ++pages) {
    const auto page = list(resume);
    if (!page.ok() || page->resume.empty()) return;
    Require(page->resume != resume);  // it goes on
    resume = page->resume;
  }
  Require(false);
}

void ReadIncidents(const storage::Snapshot& snapshot) {
  for (const bool filtered : {false, true}) {
    const storage::IncidentFilter filter = {.category = filtered ? "DRG" : ""};
    ReadPages([&](const std::string& resume) {
      return storage::ListIncidents(snapshot, filter, resume, kLimit);
    });
  }
  (void)storage::ListIncidentVersions(snapshot, IncidentName(), 0, kLimit);
  (void)storage::FindIncidentsByNumber(snapshot, 1);
  (void)storage::FindIncidentByExternalId(snapshot, "A-1");
  (void)storage::FindIncident(snapshot, IncidentName());
}

void ReadNotices(const storage::Snapshot& snapshot) {
  ReadPages([&](const std::string& resume) {
    return storage::ListNotices(snapshot, {.kind_code = "INCIDENT"}, resume, kLimit);
  });
  ReadPages([&](const std::string& resume) {
    return storage::ListNotices(snapshot, {.unit = kPeer}, resume, kLimit);
  });
  ReadPages([&](const std::string& resume) {
    return storage::ListReceived(snapshot, {.unit = kPeer}, resume, kLimit);
  });
  (void)storage::ListNoticeVersions(snapshot, NoticeName(), 0, kLimit);
  (void)storage::FindNoticesByNumber(snapshot, 1);
  (void)storage::FindReceived(snapshot, NoticeName());
}

void ReadNames(const storage::Snapshot& snapshot) {
  for (const storage::Kind kind : {storage::Kind::kIncident, storage::Kind::kNotice}) {
    (void)storage::CountNumbers(snapshot, kind);
    (void)storage::OwnNumbersOf(snapshot, kind, 1);
  }
  (void)storage::CheckCounters(snapshot, storage::Kind::kIncident, Space::kIncident);
  (void)storage::CheckCounters(snapshot, storage::Kind::kNotice, Space::kNotice);
  (void)storage::FindReceivedTail(snapshot, "1-K", kLimit);
  (void)storage::ValuesOf(snapshot, Space::kReceivedIndex, 1, "", kLimit);
}

void ReadChannels(const storage::Snapshot& snapshot) {
  (void)storage::ListOutboundChannels(snapshot);
  (void)storage::ListOutboundPast(snapshot, Channel(), kLimit);
  (void)storage::ListInboundPast(snapshot, Channel(), kLimit);
  storage::OutboundEntries entries(snapshot, Channel(), kEpoch, 0);
  for (int i = 0; i < 64; ++i) {
    const auto entry = entries.Next();
    if (!entry.ok() || !entry->has_value()) break;
  }
  (void)storage::ReadOutbound(snapshot, Channel(), kEpoch, 0, kLimit, 1000);
  (void)storage::OutboundFrontierAt(snapshot, Channel(), 3);
}

void ReadLogs(const storage::Snapshot& snapshot) {
  std::string after;
  for (int logs = 0; logs < kPagesMax; ++logs) {
    const auto log = storage::NextLog(snapshot, after, "");
    if (!log.ok() || !log->has_value()) return;
    Require((*log)->key != after);
    after = (*log)->key;
    storage::Frontier walked;
    (void)storage::WalkLog(snapshot, (*log)->name, 3, {}, walked);
    (void)storage::ProofAt(snapshot, (*log)->name, 1, 3);
  }
}

void ReadRequests(const storage::Snapshot& snapshot) {
  std::string resume;
  for (int pieces = 0; pieces < kPagesMax; ++pieces) {
    const auto piece = storage::FindExpiredRequests(snapshot, kNowMs, resume, 1);
    if (!piece.ok() || piece->resume.empty()) break;
    Require(piece->resume != resume);
    resume = piece->resume;
  }
  ReadPages(
      [&](const std::string& from) { return storage::ListQuarantine(snapshot, from, kLimit); });
}

void ReadJournal(const storage::Snapshot& snapshot) {
  (void)storage::ReadJournal(snapshot, 0, kLimit);
  (void)storage::JournalRootAt(snapshot, 2);
  (void)storage::VerifyJournal(snapshot);
}

constexpr void (*kReaders[])(const storage::Snapshot&) = {
    &ReadIncidents,
    &ReadNotices,
    &ReadNames,
    &ReadChannels,
    &ReadLogs,
    &ReadRequests,
    &ReadJournal,
    [](const storage::Snapshot& snapshot) { (void)storage::VerifyStore(snapshot); }};
constexpr std::uint8_t kOpenings = 1 + std::size(kReaders);  // the last: a start

// Keys say back what they were made of.
void TakeParts(std::string_view peer, std::uint8_t lane, std::uint64_t number) {
  Require(storage::ReadU64(storage::U64Bytes(number)) == number);
  Require(storage::SortKeyNumber(storage::SortKey(kNowMs, number)) == number);
  if (peer.empty() || peer.find('\0') != std::string_view::npos) return;
  storage::MemoryEngine engine;
  storage::Batch& batch = EmptyBatch();
  const std::string past =
      storage::PastChannelKey(Space::kInboundPast, peer, lane, number).ToString();
  batch.Put(past, "");
  batch.Put(storage::ReferenceKey(storage::Kind::kReceived, "N-TNI-1", peer), storage::U64Bytes(1));
  if (!engine.Commit(batch).ok()) return;  // the key is too long
  const auto snapshot = engine.TakeSnapshot();
  const auto log = storage::NextLog(*snapshot, "", "");
  Require(log.ok() && log->has_value() && (*log)->key == past && (*log)->past);
  const storage::LogName& name = (*log)->name;
  Require(!name.outbound && name.channel.peer == peer && name.channel.lane == lane &&
          name.epoch == number);
  const auto hits = storage::FindReceivedTail(*snapshot, "-1", kLimit);
  Require(hits.ok() && hits->size() == 1 && hits->front().owner == peer &&
          hits->front().reference == "N-TNI-1");
}

// A store as a node writes it.
void Fill(storage::MemoryEngine& engine) {
  Require(storage::InitializeStore(engine, kUnit, kEpoch, kNowMs).ok());
  storage::CommitterCore core(engine);
  const auto write = [](storage::Transaction& transaction) -> absl::Status {
    store::v1::IncidentRecord incident;
    incident.mutable_incident()->set_name(IncidentName());
    incident.mutable_incident()->set_version(1);
    incident.mutable_incident()->set_external_id("A-1");
    incident.mutable_incident()->mutable_facts()->set_category_code("DRG-TRF");
    Require(storage::NextNumber(transaction, storage::Kind::kIncident, 2026).ok());
    Require(storage::CreateIncident(transaction, storage::RecordNumber(2026, 1), incident).ok());
    store::v1::NoticeRecord notice;
    notice.mutable_notice()->set_name(NoticeName());
    notice.mutable_notice()->set_version(1);
    notice.mutable_notice()->set_kind_code("INCIDENT");
    notice.mutable_notice()->add_audience(kPeer);
    for (std::size_t i = 1; i < storage::kGroupUnitsMin; ++i)
      notice.mutable_notice()->add_audience("la-u" + std::to_string(i));
    Require(storage::NextNumber(transaction, storage::Kind::kNotice, 2026).ok());
    Require(storage::CreateNotice(transaction, storage::RecordNumber(2026, 1), notice).ok());
    store::v1::ReceivedRecord received;
    received.set_name("units/la-attapeu/notices/N-ATT-26-0001-K");
    received.set_owner(kPeer);
    received.set_number(1);
    received.set_version(1);
    received.set_first_receive_time_ms(kNowMs);
    Require(storage::CreateReceived(transaction, received).ok());
    storage::PutRequest(transaction, std::string(storage::kRequestIdBytes, 'r'), {});
    for (std::uint64_t at = 0; at < 3; ++at) {
      const std::string bytes = "envelope " + std::to_string(at);
      storage::PutEnvelope(transaction, at + 1, bytes);
      Require(
          storage::AppendOutbound(transaction, Channel(), at + 1, storage::LeafHash(bytes)).ok());
      storage::PutInboundEntry(transaction, Channel(), kEpoch, at, bytes);
    }
    store::v1::InboundChannel inbound;
    inbound.set_epoch(kEpoch);
    Require(storage::PutInboundChannel(transaction, Channel(), inbound).ok());
    store::v1::JournalEntry entry;
    entry.set_actor("node");
    entry.set_action("test.write");
    transaction.Journal(entry);
    return absl::OkStatus();
  };
  core.Submit(write, [](const absl::Status& status) { Require(status.ok()); });
  while (core.RunOnce(kNowMs)) {
  }
}

// One record of an input: lengths, then key and value.
std::string Written(std::string_view key, std::string_view value) {
  std::string record(1, static_cast<char>(key.size()));
  record.push_back(static_cast<char>(value.size() >> 8));
  record.push_back(static_cast<char>(value.size() & 0xff));
  return record.append(key).append(value);
}

}  // namespace

std::vector<std::string> Seeds() {
  storage::MemoryEngine engine;
  Fill(engine);
  std::string all;
  const auto snapshot = engine.TakeSnapshot();
  for (const auto cursor = snapshot->NewCursor("", ""); cursor->Valid(); cursor->Next())
    all += Written(cursor->key(), cursor->value());
  std::vector<std::string> seeds;
  for (std::uint8_t opening = 0; opening <= kOpenings; ++opening)
    seeds.push_back(std::string(1, static_cast<char>(opening)) + all);
  seeds.push_back(std::string(1, '\0') + "\3" + storage::U64Bytes(7) + kPeer);
  return seeds;
}

void TakeInput(std::string_view input) {
  Reader reader(input);
  const std::uint8_t opening = reader.Byte() % (kOpenings + 1);
  if (opening == 0) {
    const std::uint8_t lane = reader.Byte();
    const std::string number(reader.Bytes(8));
    if (number.size() == 8) TakeParts(reader.Rest(), lane, storage::ReadU64(number));
    return;
  }
  storage::Batch& batch = EmptyBatch();
  while (!reader.done()) {
    const std::size_t key_size = reader.Byte();
    const std::size_t value_size = reader.Word();
    const std::string_view key = reader.Bytes(key_size);
    if (!key.empty()) batch.Put(key, reader.Bytes(value_size));
  }
  storage::MemoryEngine engine;
  Require(engine.Commit(batch).ok());
  if (opening == kOpenings) return (void)storage::OpenStore(engine, kUnit);
  kReaders[opening - 1](*engine.TakeSnapshot());
}

}  // namespace tripoint::fuzz
