// Three nodes in memory at the place where three countries meet, for the tests of operations and
// rpc: store, committer core and facts of each, without link, thread or clock. Test thread only.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proto/contract/error.h"
#include "proto/contract/validate.h"
#include "server/operations/channels.h"
#include "server/operations/incidents.h"
#include "server/operations/notices.h"
#include "server/operations/peer_status.h"
#include "server/operations/reads.h"
#include "server/operations/recovery.h"
#include "storage/committer_core.h"
#include "storage/fault_engine.h"
#include "storage/journal_store.h"
#include "storage/schema.h"
#include "tests/unit/proto/codes_fixture.h"

namespace tripoint::operations {

inline constexpr std::int64_t kNow = 1'795'000'000'000;  // in November 2026
inline constexpr char kQuangNgai[] = "vn-quangngai";
inline constexpr char kAttapeu[] = "la-attapeu";
inline constexpr char kRatanakiri[] = "kh-ratanakiri";
inline constexpr std::uint8_t kFlash = 1;
inline constexpr std::uint8_t kPriority = 2;
inline constexpr std::uint8_t kRoutine = 3;

inline const contract::Validator& TheValidator() {
  static const contract::Validator kValidator(codes::TheRegistry());
  return kValidator;
}

inline NodeFacts FactsOf(std::string unit, std::set<std::string, std::less<>> paired) {
  NodeFacts facts;
  facts.unit_short = codes::TheRegistry().UnitById(unit)->short_code;
  facts.unit = std::move(unit);
  facts.vocabulary = &codes::TheRegistry();
  facts.validator = &TheValidator();
  facts.paired = std::move(paired);
  return facts;
}

// A link that has sent everything, and whose peer stopped the lanes that are named; or is down.
class FakeLinks final : public PeerStatusSource {
 public:
  void FillLink(std::string_view unit, v1::Peer& peer) const override {
    ++asked;
    const auto found = down.find(unit);
    peer.set_state(found == down.end() ? v1::LINK_STATE_UP : v1::LINK_STATE_DOWN);
    if (found == down.end()) return;
    peer.set_reason_code(found->second);
    peer.set_next_dial_time_ms(kNow + 20'000);
  }
  void FillTrace(std::string_view /*unit*/,
                 v1::ListLinkEventsResponse& /*response*/) const override {}
  std::uint64_t SentSize(std::string_view /*unit*/, std::uint8_t /*lane*/) const override {
    return sent_size;
  }
  std::string StoppedByPeer(std::string_view unit, std::uint8_t lane) const override {
    const auto found = stopped.find({std::string(unit), lane});
    return found == stopped.end() ? std::string() : found->second;
  }
  std::uint64_t sent_size = 0;
  std::map<std::pair<std::string, std::uint8_t>, std::string> stopped;
  std::map<std::string, std::string, std::less<>> down;  // and why
  mutable int asked = 0;
};

// `00000000-0000-4000-8000-000000000007` for 7.
inline std::string RequestId(int number) {
  std::string digits = std::to_string(number);
  return "00000000-0000-4000-8000-" + std::string(12 - digits.size(), '0') + digits;
}

class World {
 public:
  World(std::string unit, std::set<std::string, std::less<>> paired, std::uint64_t epoch)
      : facts(FactsOf(std::move(unit), std::move(paired))), epoch_(epoch) {
    EXPECT_TRUE(storage::InitializeStore(engine, facts.unit, epoch, kNow).ok());
    core = std::make_unique<storage::CommitterCore>(engine);
  }

  // The operation's own status, after its step is durable.
  absl::Status Commit(storage::Operation operation) {
    absl::Status result = absl::UnknownError("not answered");
    core->Submit(std::move(operation), [&result](const absl::Status& status) { result = status; });
    while (core->RunOnce(now_ms)) {
    }
    return result;
  }

  template <typename Result>
  absl::StatusOr<Result> Run(const Prepared<Result>& prepared) {
    const absl::Status status = Commit(prepared.operation);
    if (!status.ok()) return status;
    return *prepared.result;
  }

  std::unique_ptr<storage::Snapshot> Snapshot() const { return engine.TakeSnapshot(); }
  std::uint64_t Changes() const { return LastChangeNumber(engine).value(); }
  store::v1::JournalEntry LastEntry() const {
    return storage::ReadJournal(*Snapshot(), Changes() - 1, 1).value().front();
  }
  v1::Notice Notice(const std::string& name) const {
    return GetNotice(facts, *Snapshot(), name, now_ms, {}).value();
  }
  std::string NextId() { return RequestId(++request_); }
  std::uint64_t epoch() const { return epoch_; }
  // Goes on in another epoch, as a restart after a loss does. Nothing else runs on it.
  void NewEpoch(std::uint64_t epoch, std::string_view cause) {
    EXPECT_TRUE(BeginEpoch(engine, epoch, cause, now_ms).ok());
    EXPECT_TRUE(CompleteEpoch(facts, engine, now_ms).ok());
    core = std::make_unique<storage::CommitterCore>(engine);
    epoch_ = epoch;
  }

  storage::FaultEngine engine;  // without faults, until a test wants one
  NodeFacts facts;
  std::unique_ptr<storage::CommitterCore> core;
  std::int64_t now_ms = kNow;

 private:
  std::uint64_t epoch_ = 0;
  int request_ = 0;
};

inline v1::Facts SomeFacts() {
  v1::Facts facts;
  facts.set_category_code("CTB-GEN");
  facts.set_severity(2);
  facts.set_occur_time_ms(kNow - 3'600'000);
  facts.mutable_place()->set_gate("G-BOY");
  facts.set_title("Pickup with 14 sacks of fireworks stopped");
  v1::Goods& goods = *facts.add_goods();
  goods.set_type_code("fireworks");
  goods.set_quantity(14);
  goods.set_unit_code("KGM");
  return facts;
}

inline v1::CreateIncidentRequest IncidentRequest(std::string request_id) {
  v1::CreateIncidentRequest request;
  *request.mutable_incident()->mutable_facts() = SomeFacts();
  request.set_request_id(std::move(request_id));
  return request;
}

inline v1::CreateNoticeRequest NoticeRequest(std::string request_id, std::string urgency = "U3") {
  v1::CreateNoticeRequest request;
  v1::Notice& notice = *request.mutable_notice();
  notice.set_kind_code("INCIDENT");
  notice.set_urgency_code(std::move(urgency));
  notice.set_purpose_code("P-BORDER");
  *notice.mutable_facts() = SomeFacts();
  request.set_request_id(std::move(request_id));
  return request;
}

inline v1::ShareNoticeRequest ShareRequest(const v1::Notice& draft, std::vector<std::string> units,
                                           std::string request_id) {
  v1::ShareNoticeRequest request;
  request.set_name(draft.name());
  request.set_etag(draft.etag());
  for (std::string& unit : units) request.add_units(std::move(unit));
  request.set_request_id(std::move(request_id));
  return request;
}

inline v1::AcknowledgeNoticeRequest AnswerRequest(const std::string& name,
                                                  v1::DeliveryState outcome,
                                                  std::string request_id) {
  v1::AcknowledgeNoticeRequest request;
  request.set_name(name);
  request.set_outcome(outcome);
  request.set_request_id(std::move(request_id));
  return request;
}

// A released notice of `world`, to `units`.
inline v1::Notice Shared(World& world, std::vector<std::string> units, std::string urgency = "U3") {
  const v1::Notice draft =
      world.Run(CreateNotice(world.facts, {"huy"}, NoticeRequest(world.NextId(), urgency))).value();
  return world
      .Run(ShareNotice(world.facts, {"huy"}, ShareRequest(draft, std::move(units), world.NextId())))
      .value()
      .notice();
}

// The next batch of one channel as the exchange would carry it; nullopt when nothing waits.
inline std::optional<InboundBatch> NextBatch(const World& from, const World& to, std::uint8_t lane,
                                             std::size_t items_max = 100) {
  const PeerChannels sender = LoadChannels(from.engine, to.facts.unit).value();
  const PeerChannels receiver = LoadChannels(to.engine, from.facts.unit).value();
  const OutboundState& out = sender.outbound[lane - 1u];
  const InboundState& in = receiver.inbound[lane - 1u];
  InboundBatch batch;
  batch.peer = from.facts.unit;
  batch.lane = lane;
  batch.epoch = from.epoch();
  batch.frontier = in.epoch == batch.epoch ? in.frontier : storage::Frontier();
  batch.first_position = batch.frontier.size();
  if (batch.first_position == out.frontier.size()) return std::nullopt;
  OutboundRange range = ReadOutboundRange(*from.Snapshot(), to.facts.unit, lane, batch.epoch,
                                          batch.first_position, 1u << 20, items_max)
                            .value();
  batch.envelopes = std::move(range.envelopes);
  batch.leaf_hashes = std::move(range.leaf_hashes);
  for (const storage::Hash& hash : batch.leaf_hashes) batch.frontier.Append(hash);
  batch.head_signature = "head";
  batch.receipt_signature = "receipt";
  batch.head_certificate = "certificate of " + from.facts.unit;
  batch.receipt_certificate = "certificate of " + to.facts.unit;
  return batch;
}

inline InboundReceipt ReceiptFor(const World& from, const World& to, std::uint8_t lane,
                                 const AppliedBatch& applied) {
  InboundReceipt receipt;
  receipt.peer = to.facts.unit;
  receipt.lane = lane;
  receipt.epoch = from.epoch();
  receipt.receipted = applied.frontier;
  receipt.signature = "receipt";
  receipt.certificate = "certificate of " + to.facts.unit;
  receipt.receipt_epoch = to.epoch();
  receipt.refusals = applied.refusals;
  return receipt;
}

// Carries everything that waits from one node to the other and the receipts back.
inline std::vector<exchange::v1::Refusal> Carry(World& from, World& to) {
  std::vector<exchange::v1::Refusal> refusals;
  for (std::uint8_t lane = kFlash; lane <= kRoutine; ++lane) {
    while (std::optional<InboundBatch> batch = NextBatch(from, to, lane)) {
      const AppliedBatch applied = to.Run(ApplyBatch(to.facts, *std::move(batch))).value();
      refusals.insert(refusals.end(), applied.refusals.begin(), applied.refusals.end());
      EXPECT_TRUE(from.Run(ApplyReceipt(from.facts, ReceiptFor(from, to, lane, applied))).ok());
    }
  }
  return refusals;
}

inline v1::ReviseNoticeRequest ReviseRequest(const v1::Notice& notice, std::string request_id) {
  v1::ReviseNoticeRequest request;
  *request.mutable_notice() = notice;
  request.set_etag(notice.etag());
  request.set_reason("more is known");
  request.set_request_id(std::move(request_id));
  return request;
}

inline v1::WithdrawNoticeRequest WithdrawRequest(const v1::Notice& notice, std::string request_id) {
  v1::WithdrawNoticeRequest request;
  request.set_name(notice.name());
  request.set_etag(notice.etag());
  request.set_reason("wrong vehicle");
  request.set_request_id(std::move(request_id));
  return request;
}

// The delivery to `unit`; an empty one when there is none.
inline v1::Delivery To(const v1::Notice& notice, std::string_view unit) {
  for (const v1::Delivery& delivery : notice.deliveries()) {
    if (delivery.unit() == unit) return delivery;
  }
  ADD_FAILURE() << "no delivery to " << unit;
  return {};
}

inline contract::Reason ReasonOf(const absl::Status& status) { return contract::ReasonOf(status); }

// The three units, each paired with the others.
class Tripoint : public ::testing::Test {
 protected:
  World qng_{kQuangNgai, {kAttapeu, kRatanakiri}, 11};
  World atp_{kAttapeu, {kQuangNgai, kRatanakiri}, 22};
  World rtk_{kRatanakiri, {kQuangNgai, kAttapeu}, 33};
};

}  // namespace tripoint::operations
