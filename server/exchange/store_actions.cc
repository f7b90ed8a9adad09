// See store_actions.h.
#include "server/exchange/store_actions.h"

#include <utility>

#include "proto/contract/error.h"

namespace tripoint::exchange {
namespace {

std::uint8_t Number(v1::Lane lane) { return static_cast<std::uint8_t>(lane); }

InboundState FromStore(operations::InboundState state) {
  return {.epoch = state.epoch,
          .frontier = std::move(state.frontier),
          .head_signature = std::move(state.head_signature),
          .receipt_signature = std::move(state.receipt_signature),
          .quarantine_reason = std::move(state.quarantine_reason),
          .head_certificate = std::move(state.head_certificate)};
}

}  // namespace

absl::Status LoadChannelStates(const storage::Engine& engine, CoreConfig& config) {
  absl::StatusOr<operations::PeerChannels> channels = operations::LoadChannels(engine, config.peer);
  if (!channels.ok()) return channels.status();
  for (std::size_t i = 0; i < kLanes; ++i) {
    operations::OutboundState& out = channels->outbound[i];
    config.outbound[i] = {};
    if (out.epoch == config.epoch) {
      config.outbound[i] = {.frontier = std::move(out.frontier),
                            .receipted = std::move(out.receipted),
                            .receipt_signature = std::move(out.receipt_signature),
                            .receipt_epoch = out.receipt_epoch,
                            .quarantine_reason = std::move(out.quarantine_reason)};
    }
    config.inbound[i] = FromStore(std::move(channels->inbound[i]));
  }
  absl::StatusOr<operations::PastChannels> past =
      operations::LoadPast(*engine.TakeSnapshot(), config.peer, kHoldingsMax);
  if (!past.ok()) return past.status();
  for (std::size_t i = 0; i < kLanes; ++i) {
    config.inbound_past[i].clear();
    for (operations::InboundState& state : past->inbound[i])
      config.inbound_past[i].push_back(FromStore(std::move(state)));
  }
  config.has_past = past->outbound;
  config.recovering = past->recovering;
  return absl::OkStatus();
}

std::optional<InboundState> DurableInbound(const storage::Reader& reader, const std::string& peer,
                                           v1::Lane lane) {
  absl::StatusOr<operations::PeerChannels> channels = operations::LoadChannels(reader, peer);
  if (!channels.ok()) return std::nullopt;
  return FromStore(std::move(channels->inbound[LaneIndex(lane)]));
}

absl::StatusOr<Frontier> GrownFrontier(const storage::Reader& reader, const std::string& peer,
                                       v1::Lane lane, std::uint64_t epoch) {
  return operations::OutboundFrontier(reader, peer, Number(lane), epoch);
}

RangeRead DoRead(const storage::Snapshot& snapshot, const std::string& peer, std::uint64_t epoch,
                 const ReadRange& action, storage::SharedEnvelopes* shared) {
  RangeRead read{.token = action.token, .status = {}, .envelopes = {}, .leaf_hashes = {}};
  auto range =
      operations::ReadOutboundRange(snapshot, peer, Number(action.lane), epoch, action.first,
                                    action.max_bytes, action.max_items, shared);
  if (!range.ok()) {
    read.status = range.status();
    return read;
  }
  read.envelopes = std::move(range->envelopes);
  read.leaf_hashes = std::move(range->leaf_hashes);
  return read;
}

FrontierRead DoRead(const storage::Snapshot& snapshot, const std::string& peer,
                    const ReadFrontier& action) {
  FrontierRead read{.token = action.token, .status = {}, .frontier = {}};
  auto frontier = operations::OutboundFrontierAt(snapshot, peer, Number(action.lane), action.size);
  if (frontier.ok()) {
    read.frontier = *std::move(frontier);
  } else {
    read.status = frontier.status();
  }
  return read;
}

RefusalsRead DoRead(const storage::Snapshot& snapshot, const std::string& peer,
                    const ReadRefusals& action) {
  RefusalsRead read{.token = action.token, .status = {}, .refusals = {}};
  auto refusals = operations::ReadRefusals(snapshot, peer, Number(action.lane), action.epoch,
                                           action.first, action.end, action.max_items);
  if (refusals.ok()) {
    read.refusals = *std::move(refusals);
  } else {
    read.status = refusals.status();
  }
  return read;
}

HoldingsCompared DoRead(const storage::Snapshot& snapshot, const std::string& peer,
                        std::uint64_t epoch, const CompareHoldings& action) {
  HoldingsCompared compared{.token = action.token, .status = {}, .plan = {}};
  auto plan = operations::CompareHoldings(snapshot, peer, epoch, action.held);
  if (plan.ok()) {
    compared.plan = *std::move(plan);
  } else {
    compared.status = plan.status();
  }
  return compared;
}

HeldRead DoRead(const storage::Snapshot& snapshot, const std::string& peer,
                const ReadHeld& action) {
  auto envelopes = operations::ReadHeld(snapshot, peer, Number(action.lane), action.epoch,
                                        action.first, action.max_bytes, action.max_items);
  if (!envelopes.ok()) return {.token = action.token, .envelopes = {}};
  return {.token = action.token, .envelopes = *std::move(envelopes)};
}

ChannelsRead DoRead(const storage::Engine& engine, const std::string& peer, std::uint64_t epoch,
                    const ReadChannels& action) {
  CoreConfig stored;
  stored.peer = peer;
  stored.epoch = epoch;
  ChannelsRead read{
      .token = action.token, .status = {}, .outbound = {}, .inbound = {}, .inbound_past = {}};
  read.status = LoadChannelStates(engine, stored);
  read.outbound = std::move(stored.outbound);
  read.inbound = std::move(stored.inbound);
  read.inbound_past = std::move(stored.inbound_past);
  return read;
}

operations::Prepared<operations::AppliedBatch> MakeOperation(const operations::NodeFacts& facts,
                                                             const std::string& peer,
                                                             CommitBatch action) {
  return operations::ApplyBatch(facts,
                                {.peer = peer,
                                 .lane = Number(action.lane),
                                 .epoch = action.state.epoch,
                                 .first_position = action.first_position,
                                 .envelopes = std::move(action.envelopes),
                                 .leaf_hashes = std::move(action.leaf_hashes),
                                 .frontier = std::move(action.state.frontier),
                                 .head_signature = std::move(action.state.head_signature),
                                 .receipt_signature = std::move(action.state.receipt_signature),
                                 .head_certificate = std::move(action.state.head_certificate),
                                 .receipt_certificate = std::move(action.receipt_certificate)});
}

operations::Prepared<operations::AppliedReceipt> MakeOperation(const operations::NodeFacts& facts,
                                                               const std::string& peer,
                                                               std::uint64_t epoch,
                                                               CommitReceipt action) {
  return operations::ApplyReceipt(facts, {.peer = peer,
                                          .lane = Number(action.lane),
                                          .epoch = epoch,
                                          .receipted = std::move(action.receipted),
                                          .signature = std::move(action.signature),
                                          .certificate = std::move(action.certificate),
                                          .receipt_epoch = action.receipt_epoch,
                                          .refusals = std::move(action.refusals)});
}

operations::Prepared<bool> MakeOperation(const operations::NodeFacts& facts,
                                         const std::string& peer, const PersistQuarantine& action) {
  return operations::QuarantineChannel(
      facts, {.peer = peer,
              .lane = Number(action.lane),
              .outbound = action.outbound,
              .reason_code = action.reason == Reason::kUnspecified
                                 ? std::string()
                                 : std::string(contract::ReasonCode(action.reason)),
              .text = action.text,
              .epoch_over = action.epoch_over});
}

operations::Prepared<std::uint64_t> MakeOperation(const operations::NodeFacts& facts,
                                                  const std::string& peer, StoreReturned action) {
  return operations::StoreReturned(facts, {.peer = peer,
                                           .held = std::move(action.held),
                                           .first = action.first,
                                           .envelopes = std::move(action.envelopes)});
}

operations::Prepared<bool> MakeOperation(const operations::NodeFacts& facts,
                                         const std::string& peer, const TakeReturned& action) {
  return operations::TakeReturned(facts, peer, action.held);
}

operations::Prepared<bool> MakeOperation(const operations::NodeFacts& facts,
                                         const std::string& peer, const CarryOver& action) {
  return operations::CarryOver(facts, peer, action.carry);
}

operations::Prepared<bool> MakeOperation(const operations::NodeFacts& facts,
                                         const std::string& peer, const MarkReturned& /*action*/) {
  return operations::PeerReturned(facts, peer);
}

operations::Prepared<bool> MakeOperation(const operations::NodeFacts& facts,
                                         const std::string& peer, const EnterAmnesia& /*action*/) {
  return operations::BeginAmnesia(facts, peer);
}

}  // namespace tripoint::exchange
