// Goal: bytes that pass a record's form and contradict everything else, keys of no form, and
// records to which something leads and which are gone: who reads them is told that the store is
// damaged, and never gets an empty, short or other answer.
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "proto/contract/error.h"
#include "proto/contract/reference.h"
#include "storage/channel_log.h"
#include "storage/channel_store.h"
#include "storage/incident_store.h"
#include "storage/keys.h"
#include "storage/names.h"
#include "storage/notice_store.h"
#include "storage/outbound_log.h"
#include "storage/past_channels.h"
#include "storage/request_store.h"
#include "storage/verify_store.h"
#include "tests/unit/storage/fixture.h"

namespace tripoint::storage {
namespace {

using contract::Reason;
using contract::ReasonOf;
using testing_support::kEpoch;
using testing_support::kNowMs;
using testing_support::Store;

constexpr char kUnit[] = "vn-tayninh";
constexpr char kReceived[] = "units/la-attapeu/notices/N-ATP-26-0007-K";
constexpr std::uint64_t kPeerEpoch = 9;
constexpr std::uint64_t kPast = kEpoch - 1;
const ChannelName kChannel{"la-attapeu", 3};

std::string NameOf(contract::ReferenceKind kind) {
  const std::string reference =
      contract::MakeReference({.kind = kind, .unit_short = "TNI", .year = 26, .number = 1});
  return kind == contract::ReferenceKind::kIncident ? contract::IncidentName(kUnit, reference)
                                                    : contract::NoticeName(kUnit, reference);
}

using Damage = std::function<void(Batch&)>;
using Read = std::function<absl::Status(Store&)>;

template <typename Ask>
Read Reading(const Ask& ask) {
  return [ask](Store& store) { return ask(*store.engine.TakeSnapshot()).status(); };
}
Damage Putting(std::string key, std::string value) {
  return [=](Batch& batch) { batch.Put(key, value); };
}
Damage Deleting(std::string key) {
  return [=](Batch& batch) { batch.Delete(key); };
}
// The change that `write` makes.
Read Changing(const Operation& write) {
  return [write](Store& store) { return store.Write(write); };
}

// One of each record, and channels in both directions, each with an epoch that is over.
class FormedDamage : public ::testing::Test {
 protected:
  static absl::Status Records(Transaction& transaction) {
    for (const Kind kind : {Kind::kIncident, Kind::kNotice})
      transaction.Put(CounterKey(kind, 2026), U64Bytes(1));
    store::v1::IncidentRecord incident;
    incident.mutable_incident()->set_name(NameOf(contract::ReferenceKind::kIncident));
    incident.mutable_incident()->set_version(1);
    incident.mutable_incident()->set_external_id("IMP-1");
    incident.mutable_incident()->set_state(tripoint::v1::INCIDENT_STATE_OPEN);
    const std::uint64_t number = RecordNumber(2026, 1);
    if (absl::Status made = CreateIncident(transaction, number, incident); !made.ok()) return made;
    store::v1::NoticeRecord notice;
    notice.mutable_notice()->set_name(NameOf(contract::ReferenceKind::kNotice));
    notice.mutable_notice()->set_version(1);
    notice.mutable_notice()->set_state(tripoint::v1::NOTICE_STATE_DRAFT);
    if (absl::Status made = CreateNotice(transaction, number, notice); !made.ok()) return made;
    store::v1::ReceivedRecord received;
    received.set_name(kReceived);
    received.set_owner("la-attapeu");
    received.set_number(1);
    received.set_version(1);
    received.set_state(tripoint::v1::NOTICE_STATE_RELEASED);
    return CreateReceived(transaction, received);
  }
  static absl::Status Channels(Transaction& transaction) {
    for (std::uint64_t number = 1; number <= 20; ++number) {
      const std::string bytes = "envelope " + std::to_string(number);
      PutEnvelope(transaction, number, bytes);
      const auto position = AppendOutbound(transaction, kChannel, number, LeafHash(bytes));
      if (!position.ok()) return position.status();
    }
    for (const std::uint64_t epoch : {kPeerEpoch, kPeerEpoch + 1}) {
      PutInboundEntry(transaction, kChannel, epoch, 0, "one");
      Frontier frontier;
      frontier.Append(LeafHash("one"));
      store::v1::InboundChannel state;
      state.set_epoch(epoch);
      state.set_size(1);
      state.set_frontier(FrontierHashes(frontier));
      if (absl::Status put = PutInboundChannel(transaction, kChannel, state); !put.ok()) return put;
    }
    return absl::OkStatus();
  }
  static void Fill(Store& store) {
    const absl::Status written = store.Write([](Transaction& transaction) {
      const absl::Status records = Records(transaction);
      return records.ok() ? Channels(transaction) : records;
    });
    ASSERT_TRUE(written.ok()) << written;
  }
  struct Case {
    const char* what;
    Damage damage;
    Read read;
  };
  // Each reads well before, and as damaged after.
  static void ExpectDamaged(const std::vector<Case>& cases) {
    for (const Case& damaged : cases) {
      SCOPED_TRACE(damaged.what);
      for (const bool damage : {false, true}) {
        Store store;
        Fill(store);
        Batch batch;
        if (damage) damaged.damage(batch);
        store.engine.CommitBehind(batch);
        const absl::Status read = damaged.read(store);
        EXPECT_EQ(ReasonOf(read), damage ? Reason::kCorrupt : Reason::kUnspecified) << read;
      }
    }
  }
};

TEST_F(FormedDamage, RecordsAndWhatLeadsToThem) {
  const auto incidents = Reading([](const Snapshot& of) { return ListIncidents(of, {}, "", 9); });
  const auto notices = Reading([](const Snapshot& of) { return ListNotices(of, {}, "", 9); });
  const auto received = Reading([](const Snapshot& of) { return ListReceived(of, {}, "", 9); });
  const auto opened = [](Store& store) { return OpenStore(store.engine, kUnit).status(); };
  const std::uint64_t number = RecordNumber(2026, 1);
  const auto record = [&](Space space) {
    return RecordKey(space, space == Space::kReceived ? 1 : number).ToString();
  };
  const auto counter = CounterKey(Kind::kNotice, 2026).ToString();
  ExpectDamaged({
      {"a listed incident is gone", Deleting(record(Space::kIncident)), incidents},
      {"a listed notice is gone", Deleting(record(Space::kNotice)), notices},
      {"a listed received notice is gone", Deleting(record(Space::kReceived)), received},
      {"the incident of an external id is gone", Deleting(record(Space::kIncident)),
       Reading([](const Snapshot& of) { return FindIncidentByExternalId(of, "IMP-1"); })},
      {"the number of an external id is none", Putting(ExternalKey("IMP-1").ToString(), "1"),
       Reading([](const Snapshot& of) { return FindIncidentByExternalId(of, "IMP-1"); })},
      {"the notice of a reference is gone", Deleting(record(Space::kReceived)),
       Reading([](const Snapshot& of) { return FindReceived(of, kReceived); })},
      {"a place in a list is none",
       Putting(IndexPrefix(Space::kIncidentIndex, 1, "1").ToString() + "short", ""), incidents},
      {"a reference without an end",
       Putting(ReferenceTailPrefix(Kind::kReceived, "K").ToString(), U64Bytes(1)),
       Reading([](const Snapshot& of) { return FindReceivedTail(of, "K", 10); })},
      {"a counter of half a year", Putting(counter.substr(0, counter.size() - 1), U64Bytes(1)),
       Reading([](const Snapshot& of) { return FindNoticesByNumber(of, 1); })},
      {"a counter of four bytes", Putting(counter, "1234"),
       Reading([](const Snapshot& of) { return CountNumbers(of, Kind::kNotice); })},
      {"a record of no number", Putting(Key(Space::kNotice).U32(1).ToString(), ""), opened},
      {"a counter that is gone", Deleting(counter), opened},
  });
}

TEST_F(FormedDamage, ChannelsThatContradictThemselves) {
  const auto channel = Reading([](const Snapshot& of) { return GetOutboundChannel(of, kChannel); });
  const auto read = [](std::uint64_t first) {
    return Reading([first](const Snapshot& of) {
      return ReadOutbound(of, kChannel, kEpoch, first, 100, 1u << 20);
    });
  };
  const auto all = Reading([](const Snapshot& of) { return VerifyStore(of); });
  const auto frontier_at = [](std::uint64_t size) {
    return Reading([size](const Snapshot& of) { return OutboundFrontierAt(of, kChannel, size); });
  };
  const std::string tail =
      ChannelKey(Space::kOutboundTail, kChannel.peer, kChannel.lane).ToString();
  const std::string state =
      ChannelKey(Space::kOutboundChannel, kChannel.peer, kChannel.lane).ToString();
  const std::string block =
      EntryKey(Space::kOutboundEntry, kChannel.peer, kChannel.lane, kEpoch, 15).ToString();
  const auto tail_of = [](std::uint64_t epoch, std::uint64_t size, std::size_t open_bytes) {
    Frontier frontier;
    for (std::uint64_t i = 0; i < size; ++i) frontier.Append(LeafHash("x"));
    return U64Bytes(epoch) + frontier.Encode() + std::string(open_bytes, 'e');
  };
  constexpr std::size_t kEntry = 48;
  store::v1::OutboundEntry entry;
  entry.set_envelope_number(1);
  entry.set_leaf_hash("short");
  store::v1::OutboundChannel receipts;
  receipts.set_epoch(kEpoch);
  receipts.set_receipted_size(3);
  receipts.set_receipted_frontier("no hashes");
  store::v1::InboundChannel other_root;
  other_root.set_epoch(kPeerEpoch);
  other_root.set_size(1);
  other_root.set_frontier(std::string(32, 'r'));
  const std::string inbound =
      ChannelKey(Space::kInboundChannel, kChannel.peer, kChannel.lane).ToString();
  const std::string past =
      PastChannelKey(Space::kInboundPast, kChannel.peer, kChannel.lane, kPeerEpoch).ToString();
  ExpectDamaged({
      {"hashes of a tail are cut", Putting(tail, tail_of(kEpoch, 3, 0).substr(0, 70)), channel},
      {"half an open entry", Putting(tail, tail_of(kEpoch, 20, kEntry / 2)), channel},
      {"more open entries than there are", Putting(tail, tail_of(kEpoch, 2, 3 * kEntry)), channel},
      {"a whole block of open entries", Putting(tail, tail_of(kEpoch, 20, 16 * kEntry)), channel},
      {"a tail of another epoch", Putting(tail, tail_of(kEpoch + 1, 20, 4 * kEntry)), channel},
      {"more is receipted than there is", Putting(tail, tail_of(kEpoch, 0, 0)),
       [&](Store& store) {
         receipts.clear_receipted_frontier();
         Batch batch;
         batch.Put(state, receipts.SerializeAsString());
         store.engine.CommitBehind(batch);
         return GetOutboundChannel(store.engine, kChannel).status();
       }},
      {"a receipted frontier is none", Putting(state, receipts.SerializeAsString()),
       frontier_at(5)},
      {"a block without entries", Putting(block, std::string(9, '\0')), read(0)},
      {"a block that ends within an entry", Putting(block, std::string(9 + kEntry + 1, '\0')),
       read(0)},
      {"an entry of an older layout without its hash", Putting(block, entry.SerializeAsString()),
       read(0)},
      {"a block of no position", Putting(block + "x", "?"), read(0)},
      {"an envelope is gone", Deleting(EnvelopeKey(kEpoch, 1).ToString()), read(0)},
      {"one in the middle is gone", Deleting(EnvelopeKey(kEpoch, 7).ToString()), read(3)},
      {"the last one is gone", Deleting(EnvelopeKey(kEpoch, 20).ToString()), read(15)},
      {"an entry of an epoch is gone", Deleting(block),
       Reading([](const Snapshot& of) { return GetPastEnvelope(of, kChannel, kEpoch, 3); })},
      {"its envelope is gone", Deleting(EnvelopeKey(kEpoch, 4).ToString()),
       Reading([](const Snapshot& of) { return GetPastEnvelope(of, kChannel, kEpoch, 3); })},
      {"its envelope was altered", Putting(EnvelopeKey(kEpoch, 4).ToString(), "another"),
       Reading([](const Snapshot& of) { return GetPastEnvelope(of, kChannel, kEpoch, 3); })},
      {"a state of no channel", Putting(Key(Space::kInboundChannel).U8(1).ToString(), ""), all},
      {"a past state that cannot be read", Putting(past, "\xff"), all},
      {"a past state with another root", Putting(past, other_root.SerializeAsString()), all},
      {"a tail of no channel", Putting(Key(Space::kOutboundTail).U8(1).ToString(), ""),
       Reading([](const Snapshot& of) { return ListOutboundChannels(of); })},
      {"a state without a lane", Putting(inbound.substr(0, inbound.size() - 1), ""),
       Reading([](const Snapshot& of) {
         return NextLog(of, ChannelKey(Space::kOutboundChannel, "zz", 9), "");
       })},
      {"an outbound root is another", Putting(tail, tail_of(kEpoch, 20, 0)), all},
  });
}

TEST_F(FormedDamage, ChangesOfWhatContradictsItself) {
  store::v1::OutboundChannel state;
  state.set_epoch(kPast);
  const auto returned = [](store::v1::OutboundChannel of) {
    return Changing([of](Transaction& transaction) mutable {
      return AppendReturned(transaction, kChannel, of, {"returned"}, {1});
    });
  };
  const auto dropped = [](store::v1::OutboundChannel of) {
    return Changing(
        [of](Transaction& transaction) mutable { return DropReturned(transaction, kChannel, of); });
  };
  {
    Store store;
    Fill(store);
    EXPECT_TRUE(returned(state)(store).ok());
    EXPECT_TRUE(dropped(state)(store).ok());
  }
  Store store;
  Fill(store);
  const std::uint64_t changes = ReadJournalHead(store.engine)->frontier.size();
  // A frontier that is none, and one of which the entries are not there.
  for (const char* const hashes : {"no hashes", "12345678901234567890123456789012"}) {
    store::v1::OutboundChannel damaged = state;
    damaged.set_receipted_size(1);
    damaged.set_receipted_frontier(hashes);
    EXPECT_EQ(ReasonOf(dropped(damaged)(store)), Reason::kCorrupt);
    EXPECT_EQ(ReasonOf(returned(damaged)(store)), Reason::kCorrupt);
  }
  store::v1::OutboundChannel present;
  present.set_epoch(kEpoch);
  present.set_size(2);
  present.set_frontier("no hashes");
  Frontier receipted;
  receipted.Append(LeafHash("x"));
  EXPECT_EQ(ReasonOf(EnterReceipt(present, kEpoch, receipted, "signature").status()),
            Reason::kCorrupt);
  EXPECT_EQ(present.receipted_size(), 0u);
  EXPECT_EQ(ReadJournalHead(store.engine)->frontier.size(), changes);
}

// Goal: an envelope that comes back under a number that this node could never have given gets
// another one, and the number of one that is here stays its own.
TEST_F(FormedDamage, ReturnedEnvelopesTakeNobodysPlace) {
  Store store;
  Fill(store);
  store::v1::OutboundChannel state;
  state.set_epoch(kEpoch);
  const std::vector<std::string> bytes = {"zero", "far", "taken", "envelope 4"};
  const std::vector<std::uint64_t> numbers = {0, std::uint64_t{1} << 62, 3, 4};
  const absl::Status appended = store.Write([&](Transaction& transaction) {
    return AppendReturned(transaction, {"kh-ratanakiri", 3}, state, bytes, numbers);
  });
  ASSERT_TRUE(appended.ok()) << appended;
  for (std::uint64_t i = 0; i < bytes.size(); ++i) {
    const auto envelope = GetPastEnvelope(store.engine, {"kh-ratanakiri", 3}, kEpoch, i);
    ASSERT_TRUE(envelope.ok()) << envelope.status();
    EXPECT_EQ(envelope->bytes, bytes[i]);
    EXPECT_EQ(envelope->entry.envelope_number == numbers[i], i == 3) << i;
  }
  EXPECT_EQ(**GetEnvelope(store.engine, kEpoch, 3), "envelope 3");
}

// Goal: layouts are raised only over what can be read, and the store is as it was otherwise.
TEST_F(FormedDamage, OlderLayoutIsNotRaisedOverDamage) {
  store::v1::OutboundChannel no_frontier;
  no_frontier.set_epoch(kEpoch);
  no_frontier.set_size(3);
  for (const std::string& damaged : {std::string("\xff"), no_frontier.SerializeAsString()}) {
    Store store;
    store::v1::NodeRecord node;
    ASSERT_TRUE(node.ParseFromString(**store.engine.Get(NodeKey())));
    node.set_schema_version(2);
    Batch batch;
    batch.Put(NodeKey(), node.SerializeAsString());
    batch.Put(ChannelKey(Space::kOutboundChannel, kChannel.peer, kChannel.lane), damaged);
    store.engine.CommitBehind(batch);
    EXPECT_EQ(ReasonOf(OpenStore(store.engine, kUnit).status()), Reason::kCorrupt);
    EXPECT_EQ(**store.engine.Get(NodeKey()), node.SerializeAsString());
  }
  // Nor without room for it.
  Store store;
  store::v1::NodeRecord node;
  ASSERT_TRUE(node.ParseFromString(**store.engine.Get(NodeKey())));
  node.set_schema_version(1);
  Batch batch;
  batch.Put(NodeKey(), node.SerializeAsString());
  store.engine.CommitBehind(batch);
  store.engine.SetDiskFull(true);
  EXPECT_EQ(ReasonOf(OpenStore(store.engine, kUnit).status()), Reason::kDiskFull);
  EXPECT_EQ(**store.engine.Get(NodeKey()), node.SerializeAsString());
  store.engine.SetDiskFull(false);
  EXPECT_TRUE(OpenStore(store.engine, kUnit).ok());
  FaultEngine unreadable;
  unreadable.FailRead(1);
  EXPECT_EQ(ReasonOf(InitializeStore(unreadable, kUnit, kEpoch, kNowMs)), Reason::kOutcomeUnknown);
}

// Goal: only what is a name leads to a record, and none other is ever stored.
TEST_F(FormedDamage, NamesThatAreNone) {
  Store store;
  Fill(store);
  const std::string_view zero("units/la-attapeu/notices/N-ATP\0-26-0007-K", 41);
  for (const std::string_view name :
       {std::string_view(), std::string_view("units/"), std::string_view("unit/a/notices/N"),
        std::string_view("units/la-attapeu"), std::string_view("units/la-attapeu/notices"),
        std::string_view("units//notices/N"), std::string_view("units/la-attapeu/notices/"),
        std::string_view("units/la-attapeu/notices/N/N"),
        std::string_view("units/la-attapeu/others/N"), zero}) {
    EXPECT_FALSE(FindReceived(store.engine, name)->has_value()) << name;
    EXPECT_FALSE(FindReceivedVersion(store.engine, name, 1)->has_value()) << name;
    EXPECT_FALSE(FindNoticeVersion(store.engine, name, 1)->has_value()) << name;
    EXPECT_FALSE(FindIncidentVersion(store.engine, name, 1)->has_value()) << name;
    const auto snapshot = store.engine.TakeSnapshot();
    EXPECT_TRUE(ListNoticeVersions(*snapshot, name, 0, 10)->empty()) << name;
    EXPECT_TRUE(ListIncidentVersions(*snapshot, name, 0, 10)->empty()) << name;
    store::v1::ReceivedRecord record;
    record.set_name(std::string(name));
    record.set_number(2);
    EXPECT_EQ(ReasonOf(store.Write(
                  [&](Transaction& transaction) { return CreateReceived(transaction, record); })),
              Reason::kFieldInvalid)
        << name;
  }
  const std::string incident = NameOf(contract::ReferenceKind::kIncident);
  EXPECT_FALSE(FindReceived(store.engine, incident)->has_value());
  const auto snapshot = store.engine.TakeSnapshot();
  for (const std::string& tail : {std::string(), std::string("7\0K", 3)})
    EXPECT_TRUE(FindReceivedTail(*snapshot, tail, 10)->empty());
  EXPECT_EQ(FindReceivedTail(*snapshot, "K", 10)->size(), 1u);
  EXPECT_TRUE(FindReceivedTail(*snapshot, "K", 0)->empty());
  // Pages of versions: none, and those before one that is newer than all.
  const std::string notice = NameOf(contract::ReferenceKind::kNotice);
  EXPECT_TRUE(ListNoticeVersions(*snapshot, notice, 0, 0)->empty());
  EXPECT_TRUE(ListIncidentVersions(*snapshot, incident, 0, 0)->empty());
  EXPECT_EQ(ListNoticeVersions(*snapshot, notice, 9, 10)->size(), 1u);
  EXPECT_EQ(ListIncidentVersions(*snapshot, incident, 9, 10)->size(), 1u);
  EXPECT_TRUE(ListNoticeVersions(*snapshot, notice, 1, 10)->empty());
  EXPECT_TRUE(ListIncidentVersions(*snapshot, incident, 1, 10)->empty());
}

// Goal: nothing to forget is no change.
TEST_F(FormedDamage, EmptySweepIsNoChange) {
  Store store;
  const std::uint64_t changes = ReadJournalHead(store.engine)->frontier.size();
  EXPECT_TRUE(
      store.Run([](Transaction& transaction) { return SweepRequests(transaction, {}); }).ok());
  EXPECT_EQ(ReadJournalHead(store.engine)->frontier.size(), changes);
}

}  // namespace
}  // namespace tripoint::storage
