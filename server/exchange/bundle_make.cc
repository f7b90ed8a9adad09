// What goes into a bundle. See bundle_contents.h.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "proto/contract/error.h"
#include "proto/contract/head_bytes.h"
#include "server/exchange/bundle_contents.h"
#include "server/exchange/bundle_refusals.h"
#include "storage/channel_log.h"

namespace tripoint::exchange {
namespace {

using contract::Error;

class Filler {
 public:
  Filler(const storage::Snapshot& snapshot, const operations::NodeFacts& facts, std::uint64_t epoch,
         const std::string& peer, HeadSigner& signer, std::size_t bytes_max, BundlePlace& place)
      : snapshot_(snapshot),
        facts_(facts),
        epoch_(epoch),
        peer_(peer),
        signer_(signer),
        bytes_max_(bytes_max),
        place_(place) {}

  absl::StatusOr<FilledBundle> Run() {
    if (absl::Status status = CheckReturned(snapshot_, facts_, peer_); !status.ok()) return status;
    absl::StatusOr<operations::PeerChannels> channels = operations::LoadChannels(snapshot_, peer_);
    if (!channels.ok()) return channels.status();
    while (!place_.done() && !full_) {
      const std::size_t lane = place_.step % kLanes;
      const absl::Status added = place_.step < kLanes
                                     ? AddReceipts(LaneOf(lane), channels->inbound[lane])
                                     : AddBatches(LaneOf(lane), channels->outbound[lane]);
      if (!added.ok()) return added;
      if (full_) break;
      ++place_.step;
      place_.position = 0;
    }
    return std::move(filled_);
  }

 private:
  contract::ChannelHead HeadOf(bool outbound, v1::Lane lane, std::uint64_t epoch,
                               const Frontier& frontier) const {
    return {.sender = outbound ? facts_.unit : peer_,
            .receiver = outbound ? peer_ : facts_.unit,
            .lane = static_cast<std::uint8_t>(lane),
            .epoch = epoch,
            .size = frontier.size(),
            .root = frontier.Root()};
  }

  // One is enough but for very many refusals. Which of them the peer heard of is not known here.
  absl::Status AddReceipts(v1::Lane lane, const operations::InboundState& state) {
    const auto number = static_cast<std::uint8_t>(lane);
    while (place_.position < state.frontier.size()) {
      if (bytes_ >= bytes_max_) {
        full_ = true;
        return absl::OkStatus();
      }
      auto refusals =
          operations::ReadRefusals(snapshot_, peer_, number, state.epoch, place_.position,
                                   state.frontier.size(), limits::kReceiptRefusalsMax + 1);
      if (!refusals.ok()) return refusals.status();
      std::uint64_t size = state.frontier.size();
      if (refusals->size() > limits::kReceiptRefusalsMax) {
        size = refusals->back().position();
        refusals->pop_back();
      }
      absl::StatusOr<Frontier> frontier = state.frontier;
      if (size != state.frontier.size()) {
        frontier = storage::FrontierAt(
            snapshot_, {.outbound = false, .channel = {peer_, number}, .epoch = state.epoch}, size);
        if (!frontier.ok()) return frontier.status();
      }
      v1::Receipt& receipt = *filled_.contents.add_receipts();
      receipt.set_lane(lane);
      receipt.set_epoch(state.epoch);
      receipt.set_size(size);
      receipt.set_root(std::string(storage::HashView(frontier->Root())));
      for (v1::Refusal& refusal : *refusals) *receipt.add_refusals() = std::move(refusal);
      receipt.set_signature(
          signer_.Sign(contract::ReceiptBytes(HeadOf(false, lane, state.epoch, *frontier))));
      ++filled_.receipts;
      bytes_ += receipt.ByteSizeLong();
      place_.position = size;
    }
    return absl::OkStatus();
  }

  absl::Status AddBatches(v1::Lane lane, const operations::OutboundState& state) {
    if (state.epoch != epoch_) return absl::OkStatus();  // of an earlier history of this unit
    if (!state.quarantine_reason.empty()) {
      if (state.frontier.size() > state.receipted.size())
        filled_.left_out.push_back(StoppedText(lane, state.quarantine_reason));
      return absl::OkStatus();
    }
    // A receipt that came since the part before moves nothing: a bundle has no gaps.
    const std::uint64_t first = place_.position != 0 ? place_.position : state.receipted.size();
    absl::StatusOr<Frontier> frontier =
        operations::OutboundFrontierAt(snapshot_, peer_, static_cast<std::uint8_t>(lane), first);
    if (!frontier.ok()) return frontier.status();
    while (frontier->size() < state.frontier.size()) {
      if (bytes_ >= bytes_max_) {
        place_.position = frontier->size();
        full_ = true;
        return absl::OkStatus();
      }
      if (absl::Status added = AddBatch(lane, *frontier); !added.ok()) return added;
    }
    if (frontier->Root() != state.frontier.Root())
      return Damaged(lane, "its entries do not give its root");
    return absl::OkStatus();
  }

  absl::Status AddBatch(v1::Lane lane, Frontier& frontier) {
    absl::StatusOr<operations::OutboundRange> range = operations::ReadOutboundRange(
        snapshot_, peer_, static_cast<std::uint8_t>(lane), epoch_, frontier.size(),
        limits::kBatchBytesMax, limits::kBatchEnvelopesMax);
    if (!range.ok()) return range.status();
    if (range->envelopes.empty()) return Damaged(lane, "it is shorter than its state says");
    v1::Batch& batch = *filled_.contents.add_batches();
    batch.set_lane(lane);
    batch.set_epoch(epoch_);
    batch.set_first_position(frontier.size());
    for (std::size_t i = 0; i < range->envelopes.size(); ++i) {
      frontier.Append(range->leaf_hashes[i]);
      batch.add_envelopes(std::move(range->envelopes[i]));
    }
    filled_.envelopes += range->envelopes.size();
    v1::Head& head = *batch.mutable_head();
    head.set_lane(lane);
    head.set_epoch(epoch_);
    head.set_size(frontier.size());
    head.set_root(std::string(storage::HashView(frontier.Root())));
    head.set_signature(signer_.Sign(contract::HeadBytes(HeadOf(true, lane, epoch_, frontier))));
    bytes_ += batch.ByteSizeLong();
    return absl::OkStatus();
  }

  absl::Status Damaged(v1::Lane lane, const std::string& why) const {
    return Error(
        absl::StatusCode::kDataLoss, Reason::kCorrupt,
        fmt::format("The {} channel to {} is damaged on this node's disk", LaneText(lane), peer_),
        "What is stored contradicts itself: " + why,
        "See: tripoint channel verify --peer " + peer_);
  }

  const storage::Snapshot& snapshot_;
  const operations::NodeFacts& facts_;
  const std::uint64_t epoch_;
  const std::string& peer_;
  HeadSigner& signer_;
  const std::size_t bytes_max_;
  BundlePlace& place_;
  FilledBundle filled_;
  std::size_t bytes_ = 0;
  bool full_ = false;
};

}  // namespace

absl::StatusOr<FilledBundle> FillBundle(const storage::Snapshot& snapshot,
                                        const operations::NodeFacts& facts, std::uint64_t epoch,
                                        const std::string& peer, HeadSigner& signer,
                                        std::size_t bytes_max, BundlePlace& place) {
  return Filler(snapshot, facts, epoch, peer, signer, bytes_max, place).Run();
}

}  // namespace tripoint::exchange
