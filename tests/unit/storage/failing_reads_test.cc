// Goal: whatever read of a store fails or finds a damaged value, who asked is told, and no change
// is made on the strength of it. What the operations need of the stores: tests/unit/operations.
#include "tests/unit/storage/failing_reads.h"

#include <string>
#include <tuple>
#include <vector>

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
#include "storage/unit_groups.h"
#include "storage/verify_store.h"
#include "tests/unit/storage/fixture.h"

namespace tripoint::storage {
namespace {

using testing_support::ContentsOf;
using testing_support::DamageEachValue;
using testing_support::DamageEachValueOfChange;
using testing_support::FailEachRead;
using testing_support::FailEachReadOfChange;
using testing_support::kEpoch;
using testing_support::kNowMs;
using testing_support::SetContents;

constexpr char kUnit[] = "vn-tayninh";
const ChannelName kChannel{"la-attapeu", 3};
constexpr std::uint64_t kPeerEpoch = 9;

std::string NameOf(contract::ReferenceKind kind, std::uint64_t number) {
  const std::string reference =
      contract::MakeReference({.kind = kind, .unit_short = "TNI", .year = 26, .number = number});
  return kind == contract::ReferenceKind::kIncident ? contract::IncidentName(kUnit, reference)
                                                    : contract::NoticeName(kUnit, reference);
}
const std::string kIncident = NameOf(contract::ReferenceKind::kIncident, 1);
const std::string kNotice = NameOf(contract::ReferenceKind::kNotice, 1);
constexpr char kReceived[] = "units/la-attapeu/notices/N-ATP-26-0007-K";

// One of each record, with an earlier version; where a test wants them, a channel in both
// directions.
class FailingReads : public ::testing::Test {
 protected:
  FailingReads() {
    Must([](Transaction& transaction) { return Records(transaction); });
  }

  static absl::Status Records(Transaction& transaction) {
    const auto incident_number = NextNumber(transaction, Kind::kIncident, 2026);
    if (!incident_number.ok()) return incident_number.status();
    store::v1::IncidentRecord incident;
    incident.mutable_incident()->set_name(kIncident);
    incident.mutable_incident()->set_version(1);
    incident.mutable_incident()->set_external_id("IMP-1");
    incident.mutable_incident()->set_state(tripoint::v1::INCIDENT_STATE_OPEN);
    incident.mutable_incident()->mutable_facts()->set_category_code("CTB-GEN");
    const std::uint64_t number = RecordNumber(2026, *incident_number);
    if (absl::Status made = CreateIncident(transaction, number, incident); !made.ok()) return made;
    store::v1::IncidentRecord corrected = incident;
    corrected.mutable_incident()->set_version(2);
    if (absl::Status made = UpdateIncident(transaction, {number, incident}, corrected); !made.ok())
      return made;

    const auto notice_number = NextNumber(transaction, Kind::kNotice, 2026);
    if (!notice_number.ok()) return notice_number.status();
    store::v1::NoticeRecord notice;
    notice.mutable_notice()->set_name(kNotice);
    notice.mutable_notice()->set_version(1);
    notice.mutable_notice()->set_state(tripoint::v1::NOTICE_STATE_DRAFT);
    const std::uint64_t own = RecordNumber(2026, *notice_number);
    if (absl::Status made = CreateNotice(transaction, own, notice); !made.ok()) return made;
    store::v1::NoticeRecord released = notice;
    released.mutable_notice()->set_version(2);
    released.mutable_notice()->set_state(tripoint::v1::NOTICE_STATE_RELEASED);
    for (std::size_t i = 0; i < kGroupUnitsMin; ++i)
      released.mutable_notice()->add_audience("la-u" + std::to_string(i));
    if (absl::Status made = UpdateNotice(transaction, {own, notice}, released); !made.ok())
      return made;

    const auto received_number = NextNumber(transaction, Kind::kReceived, 0);
    if (!received_number.ok()) return received_number.status();
    store::v1::ReceivedRecord received;
    received.set_name(kReceived);
    received.set_owner("la-attapeu");
    received.set_number(*received_number);
    received.set_version(1);
    received.set_state(tripoint::v1::NOTICE_STATE_RELEASED);
    if (absl::Status made = CreateReceived(transaction, received); !made.ok()) return made;
    store::v1::ReceivedRecord revised = received;
    revised.set_version(2);
    if (absl::Status made = UpdateReceived(transaction, received, revised); !made.ok()) return made;
    store::v1::RequestRecord request;
    request.set_time_ms(1);
    PutRequest(transaction, "0123456789abcdef", request);
    return KeepCertificate(transaction, CertificateId("pem"), "pem");
  }

  static absl::Status Append(Transaction& transaction, int count) {
    for (int i = 0; i < count; ++i) {
      const auto number = NextNumber(transaction, Kind::kEnvelope, 0);
      if (!number.ok()) return number.status();
      const std::string bytes = "envelope " + std::to_string(*number);
      PutEnvelope(transaction, *number, bytes);
      const auto position = AppendOutbound(transaction, kChannel, *number, LeafHash(bytes));
      if (!position.ok()) return position.status();
    }
    return absl::OkStatus();
  }

  // Far enough that a frontier is kept on the way, and the last block is open.
  static absl::Status Channels(Transaction& transaction) {
    if (absl::Status appended = Append(transaction, kSent); !appended.ok()) return appended;
    Frontier frontier;
    for (std::uint64_t i = 0; i < kFrontierEvery + 2; ++i) {
      const std::string bytes = "from the peer " + std::to_string(i);
      PutInboundEntry(transaction, kChannel, kPeerEpoch, i, bytes);
      frontier.Append(LeafHash(bytes));
      KeepInboundFrontier(transaction, kChannel, kPeerEpoch, frontier);
    }
    store::v1::InboundChannel state;
    state.set_epoch(kPeerEpoch);
    state.set_size(frontier.size());
    state.set_frontier(FrontierHashes(frontier));
    store::v1::QuarantineRecord refused;
    refused.set_unit(kChannel.peer);
    refused.set_lane(kChannel.lane);
    refused.set_epoch(kPeerEpoch);
    PutQuarantine(transaction, refused);
    return PutInboundChannel(transaction, kChannel, state);
  }

  void Must(const Operation& write) {
    const absl::Status written = store_.Write(write);
    ASSERT_TRUE(written.ok()) << written;
  }

  // `read(snapshot)` gives a StatusOr of something that can be compared.
  template <typename Read>
  void Reading(const Read& read) {
    const auto from_store = [&] { return read(*store_.engine.TakeSnapshot()); };
    EXPECT_GT(FailEachRead(store_.engine, from_store), 0u);
    EXPECT_GT(DamageEachValue(store_.engine, from_store), 0u);
  }
  // With the few records that a change may need: each try copies all of them.
  void Changing(const Operation& write, std::uint64_t epoch = kEpoch) {
    FaultEngine engine;
    Batch batch;
    for (const auto& [key, value] : ContentsOf(store_.engine)) {
      const auto space = static_cast<Space>(static_cast<std::uint8_t>(key.front()));
      if (space != Space::kEnvelope && space != Space::kInboundEntry) batch.Put(key, value);
    }
    if (epoch != kEpoch) {
      const auto head = ReadJournalHead(store_.engine);
      batch.Put(JournalHeadKey(), EncodeJournalHead({epoch, head->frontier}));
    }
    engine.CommitBehind(batch);
    std::unique_ptr<CommitterCore> core;
    const auto renew = [&] { core = std::make_unique<CommitterCore>(engine); };
    const auto attempt = [&] {
      absl::Status answer = absl::UnknownError("not answered");
      core->Submit(
          [&write](Transaction& transaction) {
            absl::Status status = write(transaction);
            if (status.ok()) transaction.Journal(testing_support::Draft("test.write"));
            return status;
          },
          [&answer](const absl::Status& status) { answer = status; });
      core->RunOnce(kNowMs);
      return answer;
    };
    const auto before = ContentsOf(engine);
    EXPECT_GT(FailEachReadOfChange(engine, renew, attempt), 0u);
    SetContents(engine, before);
    EXPECT_GT(DamageEachValueOfChange(engine, renew, attempt), 0u);
  }

  static constexpr int kSent = kFrontierEvery + 3;
  testing_support::Store store_;
};

template <typename Record>
absl::StatusOr<std::string> TextOf(const absl::StatusOr<std::optional<Record>>& found) {
  if (!found.ok()) return found.status();
  EXPECT_TRUE(found->has_value());
  return (*found)->SerializeAsString();
}

TEST_F(FailingReads, OfRecords) {
  Reading([](const Snapshot& of) -> absl::StatusOr<std::uint32_t> {
    const auto found = FindIncidentByExternalId(of, "IMP-1");
    if (!found.ok()) return found.status();
    return (*found)->record.incident().version();
  });
  Reading([](const Snapshot& of) { return TextOf(FindIncidentVersion(of, kIncident, 1)); });
  Reading([](const Snapshot& of) { return TextOf(FindNoticeVersion(of, kNotice, 1)); });
  Reading([](const Snapshot& of) { return TextOf(FindReceived(of, kReceived)); });
  Reading([](const Snapshot& of) { return TextOf(FindReceivedVersion(of, kReceived, 1)); });
  Reading([](const Snapshot& of) -> absl::StatusOr<std::size_t> {
    const auto found = FindIncidentsByNumber(of, 1);
    if (!found.ok()) return found.status();
    return found->size();
  });
  Reading([](const Snapshot& of) -> absl::StatusOr<std::size_t> {
    const auto found = FindNoticesByNumber(of, 1);
    if (!found.ok()) return found.status();
    return found->size();
  });
  Reading([](const Snapshot& of) -> absl::StatusOr<std::size_t> {
    const auto found = ListNoticeVersions(of, kNotice, 0, 10);
    if (!found.ok()) return found.status();
    return found->size();
  });
  Reading([](const Snapshot& of) -> absl::StatusOr<std::string> {
    const auto found = FindReceivedTail(of, "0007-K", 10);
    if (!found.ok()) return found.status();
    return found->at(0).reference;
  });
  Reading([](const Snapshot& of) { return CountNumbers(of, Kind::kIncident); });
  Reading([](const Snapshot& of) -> absl::StatusOr<std::size_t> {
    const auto page = ListNotices(of, {.state = 2}, "", 10);
    if (!page.ok()) return page.status();
    return page->notices.size();
  });
  Reading([](const Snapshot& of) -> absl::StatusOr<std::size_t> {
    const auto page = ListNotices(of, {.unit = "la-u2"}, "", 10);
    if (!page.ok()) return page.status();
    EXPECT_EQ(page->notices.size(), 1u);
    return page->notices.size();
  });
  Reading([](const Snapshot& of) -> absl::StatusOr<std::size_t> {
    const auto page = ListReceived(of, {.unit = "la-attapeu"}, "", 10);
    if (!page.ok()) return page.status();
    return page->notices.size();
  });
  Reading([](const Snapshot& of) -> absl::StatusOr<std::size_t> {
    const auto found = FindExpiredRequests(of, kNowMs, "", 10);
    if (!found.ok()) return found.status();
    return found->request_ids.size();
  });
  Reading([](const Snapshot& of) { return GetCertificate(of, CertificateId("pem")); });
}

TEST_F(FailingReads, OfLogs) {
  Must([](Transaction& transaction) { return Channels(transaction); });
  const LogName sent{true, kChannel, kEpoch};
  const LogName came{false, kChannel, kPeerEpoch};
  for (const LogName& log : {sent, came}) {
    const auto failing = [&](const auto& read) {
      const auto from_store = [&] { return read(*store_.engine.TakeSnapshot()); };
      EXPECT_GT(FailEachRead(store_.engine, from_store), 0u);
    };
    for (const std::uint64_t size : {kFrontierEvery + 2, std::uint64_t{3}})
      failing([&](const Snapshot& of) { return FrontierAt(of, log, size); });
    failing([&](const Snapshot& of) { return ProofAt(of, log, 1, 3); });
  }
  Reading([](const Snapshot& of) -> absl::StatusOr<std::size_t> {
    const auto some = ReadOutbound(of, kChannel, kEpoch, kFrontierEvery - 3, 6, 1u << 20);
    if (!some.ok()) return some.status();
    return some->size();
  });
  Reading([](const Snapshot& of) { return OutboundFrontierAt(of, kChannel, kFrontierEvery + 1); });
  Reading([](const Snapshot& of) -> absl::StatusOr<std::uint64_t> {
    const auto page = ListQuarantine(of, "", 10);
    if (!page.ok()) return page.status();
    return page->records.size();
  });
  Reading([](const Snapshot& of) -> absl::StatusOr<std::uint64_t> {
    const auto entry = GetOutboundEntry(of, kChannel, kEpoch, 5);
    if (!entry.ok()) return entry.status();
    return (*entry)->envelope_number;
  });
}

TEST_F(FailingReads, OfChanges) {
  Must([](Transaction& transaction) { return Channels(transaction); });
  // The last entries of an epoch go into a block, and the channel begins anew.
  Changing([](Transaction& transaction) { return Append(transaction, 2); });
  Changing([](Transaction& transaction) { return Append(transaction, 2); }, kEpoch + 1);
  Changing([](Transaction& transaction) { return CloseOutbound(transaction, kChannel); },
           kEpoch + 1);
  Changing([](Transaction& transaction) {
    store::v1::InboundChannel renewed;
    renewed.set_epoch(kPeerEpoch + 1);
    return PutInboundChannel(transaction, kChannel, renewed);
  });
  Changing([](Transaction& transaction) {
    return KeepCertificate(transaction, CertificateId("pem"), "pem");
  });
  Changing([](Transaction& transaction) {
    return NextNumber(transaction, Kind::kIncident, 2026).status();
  });
  Changing([](Transaction& transaction) -> absl::Status {
    const auto before = FindNotice(transaction, kNotice);
    if (!before.ok()) return before.status();
    store::v1::NoticeRecord after = (*before)->record;
    after.mutable_notice()->set_share_time_ms(kNowMs);  // enters its units anew
    return UpdateNotice(transaction, **before, after);
  });
}

// A start and a check of the whole store, with less in it: they read all.
TEST(FailingReadsOfAll, StartAndCheckOfTheWholeStore) {
  testing_support::Store store;
  ASSERT_TRUE(
      store
          .Write([](Transaction& transaction) -> absl::Status {
            for (const Kind kind : {Kind::kIncident, Kind::kNotice}) {
              const auto number = NextNumber(transaction, kind, 2026);
              if (!number.ok()) return number.status();
            }
            store::v1::IncidentRecord incident;
            incident.mutable_incident()->set_name(kIncident);
            store::v1::NoticeRecord notice;
            notice.mutable_notice()->set_name(kNotice);
            if (absl::Status made = CreateIncident(transaction, RecordNumber(2026, 1), incident);
                !made.ok()) {
              return made;
            }
            Frontier frontier;
            frontier.Append(LeafHash("one"));
            for (const std::uint64_t epoch : {kPeerEpoch, kPeerEpoch + 1}) {
              PutInboundEntry(transaction, kChannel, epoch, 0, "one");
              store::v1::InboundChannel state;
              state.set_epoch(epoch);
              state.set_size(1);
              state.set_frontier(FrontierHashes(frontier));
              if (absl::Status put = PutInboundChannel(transaction, kChannel, state); !put.ok()) {
                return put;
              }
            }
            PutEnvelope(transaction, 1, "one");
            const auto position = AppendOutbound(transaction, kChannel, 1, LeafHash("one"));
            if (!position.ok()) return position.status();
            return CreateNotice(transaction, RecordNumber(2026, 1), notice);
          })
          .ok());
  const auto whole = [&]() -> absl::StatusOr<std::tuple<std::uint64_t, std::uint64_t>> {
    const auto report = VerifyStore(*store.engine.TakeSnapshot());
    if (!report.ok()) return report.status();
    return std::tuple(report->channels, report->keys);
  };
  EXPECT_GT(FailEachRead(store.engine, whole), 0u);
  EXPECT_GT(DamageEachValue(store.engine, whole), 0u);
  const auto open = [&]() -> absl::StatusOr<std::string> {
    const auto node = OpenStore(store.engine, kUnit);
    if (!node.ok()) return node.status();
    return node->SerializeAsString();
  };
  EXPECT_GT(FailEachRead(store.engine, open), 0u);
  EXPECT_GT(DamageEachValue(store.engine, open), 0u);
  // Of keys that cannot be read nothing is taken to be absent.
  for (std::uint64_t nth = 1; nth <= 2; ++nth) {
    CommitterCore core(store.engine);
    store.engine.FailRead(nth);
    const auto learned = core.LearnKeys(100);
    testing_support::ExpectReadFailed(learned.status());
  }
}

}  // namespace
}  // namespace tripoint::storage
