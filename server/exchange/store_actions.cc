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
          .quarantine_reason = std::move(state.quarantine_reason)};
}

}  // namespace

absl::Status LoadChannelStates(const storage::Reader& reader, CoreConfig& config) {
  absl::StatusOr<operations::PeerChannels> channels = operations::LoadChannels(reader, config.peer);
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
                 const ReadRange& action) {
  RangeRead read{.token = action.token, .status = {}, .envelopes = {}, .leaf_hashes = {}};
  auto range = operations::ReadOutboundRange(snapshot, peer, Number(action.lane), epoch,
                                             action.first, action.max_bytes, action.max_items);
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
                                 .receipt_signature = std::move(action.state.receipt_signature)});
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
              .text = action.text});
}

}  // namespace tripoint::exchange
