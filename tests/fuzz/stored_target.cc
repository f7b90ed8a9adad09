// Damaged values in the store: read as an error or as what they say, never a crash or a hang. A
// real disk's checksums come before; this is what stands behind them. See fuzz.h.
#include <memory>

#include "storage/channel_store.h"
#include "storage/incident_store.h"
#include "storage/journal_store.h"
#include "storage/keys.h"
#include "storage/memory_engine.h"
#include "storage/merkle.h"
#include "storage/names.h"
#include "storage/notice_store.h"
#include "storage/outbound_log.h"
#include "storage/schema.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/ready_store.h"

namespace tripoint::fuzz {
namespace {

using storage::ChannelName;
using storage::Space;

constexpr std::uint64_t kEpoch = 7;
constexpr char kName[] = "units/vn-tayninh/incidents/I-TNI-26-0001-";

const ChannelName& Channel() {
  static const ChannelName kChannel{"la-attapeu", 3};
  return kChannel;
}

// Keys whose values are decoded by hand; by the first byte of an input.
std::string KeyOf(std::uint8_t kind) {
  switch (kind % 8) {
    case 0:
      return storage::ChannelKey(Space::kOutboundTail, Channel().peer, Channel().lane).ToString();
    case 1:
      return storage::ChannelKey(Space::kOutboundChannel, Channel().peer, Channel().lane)
          .ToString();
    case 2:
      return storage::ChannelKey(Space::kInboundChannel, Channel().peer, Channel().lane).ToString();
    case 3:
      return storage::JournalHeadKey().ToString();
    case 4:
      return storage::RecordKey(Space::kIncident, storage::RecordNumber(2026, 1)).ToString();
    case 5:
      return storage::RecordKey(Space::kNotice, storage::RecordNumber(2026, 1)).ToString();
    case 6:
      return storage::Key(Space::kNode).ToString();
    default:
      return storage::CounterKey(storage::Kind::kIncident, 2026).ToString();
  }
}

const ReadyStore& NewStore() {
  static const ReadyStore kStore = [] {
    storage::MemoryEngine engine;
    Require(storage::InitializeStore(engine, "vn-tayninh", kEpoch, 1).ok());
    return ReadyStore(engine);
  }();
  return kStore;
}

void ReadAll(storage::Engine& engine) {
  const std::unique_ptr<storage::Snapshot> snapshot = engine.TakeSnapshot();
  (void)storage::GetOutboundTail(*snapshot, Channel());
  (void)storage::GetOutboundChannel(*snapshot, Channel());
  (void)storage::ReadOutbound(*snapshot, Channel(), kEpoch, 0, 10, 1000);
  storage::OutboundEntries entries(*snapshot, Channel(), kEpoch, 0);
  for (int i = 0; i < 64; ++i) {
    const auto entry = entries.Next();
    if (!entry.ok() || !entry->has_value()) break;
  }
  (void)storage::GetInboundChannel(*snapshot, Channel());
  (void)storage::ReadJournalHead(*snapshot);
  for (const char check : {'A', 'B', 'C', 'M', 'T'}) {
    (void)storage::FindIncidentBytes(*snapshot, kName + std::string(1, check));
  }
  (void)storage::ListIncidents(*snapshot, {}, "", 10);
  (void)storage::ListNotices(*snapshot, {}, "", 10);
  (void)storage::CheckCounters(*snapshot, storage::Kind::kIncident, Space::kIncident);
  (void)storage::OpenStore(engine, "vn-tayninh");
}

}  // namespace

std::vector<std::string> Seeds() {
  storage::Frontier frontier;
  for (int i = 0; i < 5; ++i) frontier.Append(storage::LeafHash(std::to_string(i)));
  const std::string tail =
      storage::U64Bytes(kEpoch) + frontier.Encode() + std::string(2 * 48, '\1');
  store::v1::IncidentRecord incident;
  incident.mutable_incident()->set_name(kName + std::string("T"));
  incident.mutable_incident()->mutable_facts()->set_title("Vehicle");
  store::v1::OutboundChannel channel;
  channel.set_epoch(kEpoch);
  return {std::string(1, '\0') + tail, std::string(1, '\1') + channel.SerializeAsString(),
          std::string(1, '\3') + storage::U64Bytes(kEpoch) + frontier.Encode(),
          std::string(1, '\4') + incident.SerializeAsString(),
          std::string(1, '\7') + storage::U64Bytes(12)};
}

void TakeInput(std::string_view input) {
  Reader reader(input);
  storage::Batch& batch = EmptyBatch();
  NewStore().PutInto(batch);
  batch.Put(KeyOf(reader.Byte()), reader.Rest());
  storage::MemoryEngine engine;
  Require(engine.Commit(batch).ok());
  ReadAll(engine);
  if (const auto frontier = storage::Frontier::Decode(input); frontier.ok()) {
    Require(frontier->Encode() == input);
    (void)frontier->Root();
  }
}

}  // namespace tripoint::fuzz
