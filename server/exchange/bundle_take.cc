// Takes the contents of a bundle in. See bundle_contents.h.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "proto/contract/error.h"
#include "proto/contract/head_bytes.h"
#include "server/exchange/bundle_contents.h"
#include "server/exchange/bundle_refusals.h"
#include "server/exchange/frame_check.h"
#include "storage/channel_log.h"
#include "storage/channel_store.h"

namespace tripoint::exchange {
namespace {

using contract::Error;

// The link may store the same batch meanwhile: what is left of it is tried again.
constexpr int kTriesMax = 5;

absl::Status Fork(const std::string& sender, std::uint64_t size) {
  return Error(
      absl::StatusCode::kDataLoss, Reason::kChannelFork,
      fmt::format("The bundle has another history of {} than the one that is here", sender),
      fmt::format("Its signed root at size {} is not the root of what was received", size),
      "Call the operators of that unit, and keep the file: it is proof");
}

}  // namespace

BundleTaker::BundleTaker(const operations::NodeFacts& facts, std::uint64_t epoch,
                         HeadSigner& signer, const HeadVerifier& verifier, BundleOrigin origin,
                         v1::BundleContents contents)
    : facts_(facts),
      epoch_(epoch),
      signer_(signer),
      verifier_(verifier),
      origin_(std::move(origin)),
      contents_(std::move(contents)) {}

contract::ChannelHead BundleTaker::HeadOf(const v1::Head& head) const {
  return {.sender = origin_.sender,
          .receiver = facts_.unit,
          .lane = static_cast<std::uint8_t>(head.lane()),
          .epoch = head.epoch(),
          .size = head.size(),
          .root = *storage::HashFromBytes(head.root())};
}

void BundleTaker::LeaveOut(std::string what) {
  std::vector<std::string>& left_out = result_.left_out;
  if (std::find(left_out.begin(), left_out.end(), what) == left_out.end())
    left_out.push_back(std::move(what));
}

absl::Status BundleTaker::Begin(const storage::Snapshot& snapshot) {
  if (absl::Status status = CheckPaired(facts_, origin_.sender); !status.ok()) return status;
  if (absl::Status status = CheckReturned(snapshot, facts_, origin_.sender); !status.ok())
    return status;
  absl::StatusOr<operations::PeerChannels> channels =
      operations::LoadChannels(snapshot, origin_.sender);
  if (!channels.ok()) return channels.status();
  for (std::size_t i = 0; i < kLanes; ++i) {
    operations::InboundState& state = channels->inbound[i];
    lanes_[i] = {state.epoch, std::move(state.frontier), std::move(state.quarantine_reason)};
  }
  outbound_ = std::move(channels->outbound);
  return absl::OkStatus();
}

absl::Status BundleTaker::Check(const storage::Snapshot& snapshot, v1::BundleReached& reached) {
  if (absl::Status begun = Begin(snapshot); !begun.ok()) return begun;
  result_ = {};
  for (const v1::BundleReached::Channel& channel : reached.channels()) {
    if (!IsLane(channel.lane())) return BundleAltered("What was reached is of no lane");
    absl::StatusOr<Frontier> frontier = storage::FrontierOf(channel.size(), channel.frontier());
    if (!frontier.ok()) return BundleAltered("What was reached cannot be read");
    Lane& lane = lanes_[LaneIndex(channel.lane())];
    // The link may have brought more meanwhile.
    if (lane.epoch != channel.epoch() || lane.frontier.size() < frontier->size())
      lane = {channel.epoch(), *std::move(frontier), {}};
  }
  for (const v1::Batch& batch : contents_.batches()) {
    if (absl::Status checked = CheckBatch(batch); !checked.ok()) return checked;
    Lane& lane = lanes_[LaneIndex(batch.lane())];
    absl::StatusOr<std::optional<Extension>> extension = Extend(snapshot, batch, lane);
    if (!extension.ok()) return extension.status();
    if (!extension->has_value()) continue;
    result_.known += static_cast<std::uint64_t>((*extension)->skip);
    result_.envelopes += static_cast<std::uint64_t>(batch.envelopes_size() - (*extension)->skip);
    if ((*extension)->skip == batch.envelopes_size()) continue;
    lane = {batch.epoch(), std::move((*extension)->frontier), {}};
  }
  for (const v1::Receipt& receipt : contents_.receipts()) {
    const auto checked = CheckReceipt(snapshot, receipt);
    if (!checked.ok()) return checked.status();
  }
  reached.clear_channels();
  for (std::size_t i = 0; i < kLanes; ++i) {
    v1::BundleReached::Channel& channel = *reached.add_channels();
    channel.set_lane(LaneOf(i));
    channel.set_epoch(lanes_[i].epoch);
    channel.set_size(lanes_[i].frontier.size());
    channel.set_frontier(storage::FrontierHashes(lanes_[i].frontier));
  }
  return absl::OkStatus();
}

// What it is by itself.
absl::Status BundleTaker::CheckBatch(const v1::Batch& batch) const {
  v1::Frame frame;
  *frame.mutable_batch() = batch;
  if (const auto fault = FrameFault(frame, Limits())) return BundleAltered(*fault);
  if (batch.epoch() != origin_.epoch) return BundleAltered("A batch is of another epoch");
  if (!verifier_.Verify(contract::HeadBytes(HeadOf(batch.head())), batch.head().signature()))
    return BundleAltered("The signature of a head does not verify");
  return absl::OkStatus();
}

// The link is what is now; a file may be from before, and a history that ended never returns.
absl::Status BundleTaker::CheckFollows(std::uint64_t known_epoch) const {
  const std::vector<std::uint64_t>& ended = origin_.ended_epochs;
  if (known_epoch == 0 || known_epoch == origin_.epoch ||
      std::find(ended.begin(), ended.end(), known_epoch) != ended.end())
    return absl::OkStatus();
  return RefuseBundle(
      fmt::format("The bundle is of another history of {} than what is here", origin_.sender),
      "It was made before that unit was restored, or the unit does not know the history that is "
      "here any more",
      "Let the link come up once, then have the bundle made again");
}

absl::StatusOr<std::optional<BundleTaker::Extension>> BundleTaker::Extend(
    const storage::Snapshot& snapshot, const v1::Batch& batch, const Lane& lane) {
  static const Frontier kNothing;
  const bool same = lane.epoch == batch.epoch();
  if (same && !lane.quarantine_reason.empty()) {
    LeaveOut(StoppedText(batch.lane(), lane.quarantine_reason));
    return std::nullopt;
  }
  if (absl::Status status = CheckFollows(lane.epoch); !status.ok()) return status;
  const Frontier& here = same ? lane.frontier : kNothing;
  const v1::Head& head = batch.head();
  if (batch.first_position() > here.size()) {
    return RefuseBundle(
        "The bundle does not continue what is here",
        fmt::format("It begins at envelope {} of the {} lane; {} are here",
                    batch.first_position() + 1, LaneText(batch.lane()), here.size()),
        "Take in the bundle that was made before this one, or have another one made");
  }
  Extension extension;
  if (head.size() <= here.size()) {
    extension.skip = batch.envelopes_size();
    if (absl::Status known = CheckKnown(snapshot, batch, lane); !known.ok()) return known;
    return extension;
  }
  extension.skip = static_cast<int>(here.size() - batch.first_position());
  extension.frontier = here;
  for (int i = extension.skip; i < batch.envelopes_size(); ++i) {
    extension.leaf_hashes.push_back(storage::LeafHash(batch.envelopes(i)));
    extension.frontier.Append(extension.leaf_hashes.back());
  }
  if (storage::HashView(extension.frontier.Root()) != head.root())
    return Fork(origin_.sender, head.size());
  return extension;
}

// An honest history has the same root wherever it is compared.
absl::Status BundleTaker::CheckKnown(const storage::Snapshot& snapshot, const v1::Batch& batch,
                                     const Lane& lane) const {
  const v1::Head& head = batch.head();
  absl::StatusOr<Frontier> there = lane.frontier;
  if (head.size() != lane.frontier.size()) {
    const storage::LogName log{.outbound = false,
                               .channel = {origin_.sender, static_cast<std::uint8_t>(batch.lane())},
                               .epoch = lane.epoch};
    const auto stored = storage::InboundOf(snapshot, log.channel, log.epoch);
    if (!stored.ok()) return stored.status();
    if (!stored->has_value() || (*stored)->size() < head.size())
      return BundleAltered("Its batches overlap");
    there = storage::FrontierAt(snapshot, log, head.size());
    if (!there.ok()) return there.status();
  }
  return storage::HashView(there->Root()) == head.root() ? absl::OkStatus()
                                                         : Fork(origin_.sender, head.size());
}

storage::Operation BundleTaker::Apply(const v1::Batch& batch, Extension extension) {
  operations::InboundBatch inbound;
  inbound.peer = origin_.sender;
  inbound.lane = static_cast<std::uint8_t>(batch.lane());
  inbound.epoch = batch.epoch();
  inbound.first_position = batch.first_position() + static_cast<std::uint64_t>(extension.skip);
  inbound.envelopes.assign(batch.envelopes().begin() + extension.skip, batch.envelopes().end());
  inbound.leaf_hashes = std::move(extension.leaf_hashes);
  inbound.frontier = std::move(extension.frontier);
  inbound.head_signature = batch.head().signature();
  inbound.head_certificate = verifier_.Certificate();
  inbound.receipt_signature = signer_.Sign(contract::ReceiptBytes(HeadOf(batch.head())));
  inbound.receipt_certificate = signer_.Certificate();
  inbound.carrier = origin_.carrier;
  new_ = inbound.envelopes.size();
  known_ = static_cast<std::uint64_t>(extension.skip);
  auto prepared = operations::ApplyBatch(facts_, std::move(inbound));
  applied_batch_ = std::move(prepared.result);
  return std::move(prepared.operation);
}

absl::StatusOr<std::optional<Frontier>> BundleTaker::CheckReceipt(const storage::Snapshot& snapshot,
                                                                  const v1::Receipt& receipt) {
  v1::Frame frame;
  *frame.mutable_receipt() = receipt;
  if (const auto fault = FrameFault(frame, Limits())) return BundleAltered(*fault);
  const contract::ChannelHead head{.sender = facts_.unit,
                                   .receiver = origin_.sender,
                                   .lane = static_cast<std::uint8_t>(receipt.lane()),
                                   .epoch = receipt.epoch(),
                                   .size = receipt.size(),
                                   .root = *storage::HashFromBytes(receipt.root())};
  if (!verifier_.Verify(contract::ReceiptBytes(head), receipt.signature()))
    return BundleAltered("The signature of a receipt does not verify");
  // Over an earlier history of this unit: what it sent in that, it sends again.
  if (receipt.epoch() != epoch_) return std::nullopt;
  const operations::OutboundState& state = outbound_[LaneIndex(receipt.lane())];
  if (absl::Status status = CheckFollows(state.receipt_epoch); !status.ok()) return status;
  if (!state.quarantine_reason.empty()) {
    LeaveOut("receipt of " + StoppedText(receipt.lane(), state.quarantine_reason));
    return std::nullopt;
  }
  if (state.epoch != epoch_ || receipt.size() > state.frontier.size()) {
    return Error(absl::StatusCode::kFailedPrecondition, Reason::kChannelRolledBack,
                 "The bundle receipts more than this node has sent",
                 fmt::format("It is over {} envelopes of the {} lane; there are {}", receipt.size(),
                             LaneText(receipt.lane()), state.frontier.size()),
                 "This node may run from an old copy of its data: let the link come up, which "
                 "finds out, and keep the file");
  }
  absl::StatusOr<Frontier> sent =
      operations::OutboundFrontierAt(snapshot, origin_.sender, head.lane, receipt.size());
  if (!sent.ok()) return sent.status();
  if (sent->Root() == head.root) return std::optional<Frontier>(*std::move(sent));
  return Error(absl::StatusCode::kDataLoss, Reason::kChannelFork,
               "A receipt is over other envelopes than those that were sent",
               fmt::format("Its root differs at size {}", receipt.size()),
               "Call the operators of that unit, and keep the file: it is proof");
}

storage::Operation BundleTaker::Apply(const v1::Receipt& receipt, Frontier receipted) {
  receipted_before_ = outbound_[LaneIndex(receipt.lane())].receipted.size();
  std::vector<v1::Refusal> refusals;
  for (const v1::Refusal& refusal : receipt.refusals()) {
    // What was receipted before keeps its outcome.
    if (refusal.position() >= receipted_before_) refusals.push_back(refusal);
  }
  auto prepared =
      operations::ApplyReceipt(facts_, {.peer = origin_.sender,
                                        .lane = static_cast<std::uint8_t>(receipt.lane()),
                                        .epoch = receipt.epoch(),
                                        .receipted = std::move(receipted),
                                        .signature = receipt.signature(),
                                        .certificate = verifier_.Certificate(),
                                        .receipt_epoch = origin_.epoch,
                                        .refusals = std::move(refusals),
                                        .carrier = origin_.carrier});
  applied_receipt_ = std::move(prepared.result);
  return std::move(prepared.operation);
}

absl::StatusOr<std::optional<storage::Operation>> BundleTaker::Next(
    const storage::Snapshot& snapshot) {
  if (batch_ == 0 && receipt_ == 0 && tries_ == 0) result_ = {};
  if (absl::Status begun = Begin(snapshot); !begun.ok()) return begun;
  // First what a filling disk takes longest: a batch that it refuses ends the taking.
  for (; receipt_ < contents_.receipts_size(); ++receipt_) {
    const v1::Receipt& receipt = contents_.receipts(receipt_);
    absl::StatusOr<std::optional<Frontier>> sent = CheckReceipt(snapshot, receipt);
    if (!sent.ok()) return sent.status();
    if (sent->has_value() &&
        (*sent)->size() > outbound_[LaneIndex(receipt.lane())].receipted.size())
      return std::optional<storage::Operation>(Apply(receipt, **std::move(sent)));
  }
  for (; batch_ < contents_.batches_size(); ++batch_) {
    const v1::Batch& batch = contents_.batches(batch_);
    if (absl::Status checked = CheckBatch(batch); !checked.ok()) return checked;
    absl::StatusOr<std::optional<Extension>> extension =
        Extend(snapshot, batch, lanes_[LaneIndex(batch.lane())]);
    if (!extension.ok()) return extension.status();
    if (!extension->has_value()) continue;
    if ((*extension)->skip < batch.envelopes_size())
      return std::optional<storage::Operation>(Apply(batch, **std::move(extension)));
    result_.known += static_cast<std::uint64_t>(batch.envelopes_size());
    tries_ = 0;  // the link stored it first
  }
  return std::nullopt;
}

absl::Status BundleTaker::Stored(const absl::Status& status) {
  const bool receipt = receipt_ < contents_.receipts_size();
  if (!status.ok())
    return absl::IsAborted(status) && ++tries_ < kTriesMax ? absl::OkStatus() : status;
  tries_ = 0;
  if (receipt) {
    ++receipt_;
    if (applied_receipt_->advanced)
      result_.receipted += applied_receipt_->receipted_size - receipted_before_;
  } else {
    ++batch_;
    result_.envelopes += new_;
    result_.known += known_;
    result_.refused += applied_batch_->refusals.size();
  }
  return absl::OkStatus();
}

}  // namespace tripoint::exchange
