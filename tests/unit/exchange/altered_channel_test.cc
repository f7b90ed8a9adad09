// Goal: what cannot be what was appended is neither signed nor sent: the lane stops before it, says
// so, and goes on when the store gives what was appended. That an envelope and its leaf belong
// together is seen where they are read (ChannelStore.AnAlteredEnvelopeIsNotGiven).
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proto/contract/error.h"
#include "server/exchange/core.h"
#include "tests/unit/exchange/fakes.h"

namespace tripoint::exchange {
namespace {

constexpr char kUnit[] = "vn-quangngai";
constexpr char kPeer[] = "la-attapeu";
constexpr std::uint64_t kEpoch = 7;
constexpr std::uint64_t kSize = 5;

class AlteredChannel : public ::testing::Test {
 protected:
  // A stream on which the peer says that it holds `held` of the five.
  void Meet(std::uint64_t held) {
    CoreConfig config;
    config.unit = kUnit;
    config.peer = kPeer;
    config.epoch = kEpoch;
    config.limits.alert_ms = 0;
    config.outbound[2].frontier = FakeFrontier(kUnit, kEpoch, v1::LANE_ROUTINE, kSize, 0);
    core_ = std::make_unique<Core>(std::move(config), signer_, verifier_);
    Step(StreamOpened{.stream = 1, .dialled_by_us = false});
    Step(FrameSent{.stream = 1});
    v1::Frame frame;
    v1::Hello& hello = *frame.mutable_hello();
    hello.set_version_min(1);
    hello.set_version_max(2);
    hello.set_unit(kPeer);
    hello.set_epoch(9);
    hello.set_signing_certificate("certificate of la-attapeu");
    v1::Receipt& receipt = *hello.add_inbound();
    receipt.set_lane(v1::LANE_ROUTINE);
    receipt.set_epoch(kEpoch);
    receipt.set_size(held);
    const Hash root = FakeFrontier(kUnit, kEpoch, v1::LANE_ROUTINE, held, 0).Root();
    receipt.set_root(root.data(), root.size());
    Step(FrameReceived{.stream = 1, .frame = std::move(frame)});
  }
  void Step(Event event) {
    for (const Action& action :
         core_->Step({.monotonic_ms = ++now_ms_, .wall_ms = now_ms_}, std::move(event))) {
      if (const auto* const send = std::get_if<Send>(&action)) {
        if (send->frame.has_batch()) batches_.push_back(send->frame.batch());
      } else if (const auto* const range = std::get_if<ReadRange>(&action)) {
        range_ = *range;
      } else if (const auto* const frontier = std::get_if<ReadFrontier>(&action)) {
        frontier_ = *frontier;
      } else if (const auto* const proof = std::get_if<CommitReceipt>(&action)) {
        proof_ = proof->token;
      } else if (const auto* const alert = std::get_if<Alert>(&action)) {
        alert_ = alert->reason;
      }
    }
  }
  // Goes on in time, and takes every frame off, until the core has asked; the question is taken.
  template <typename Question>
  Question Await(std::optional<Question>& asked) {
    for (int i = 0; i < 50 && !asked.has_value(); ++i) {
      Step(FrameSent{.stream = 1});
      now_ms_ += 100;
      Step(Tick{});
    }
    EXPECT_TRUE(asked.has_value());
    return std::exchange(asked, std::nullopt).value_or(Question());
  }
  // What the store has from where it is asked on, after `alter`.
  void Read(const std::function<void(RangeRead&)>& alter) {
    const ReadRange asked = Await(range_);
    alert_ = Reason::kUnspecified;
    RangeRead read{.token = asked.token, .status = {}, .envelopes = {}, .leaf_hashes = {}};
    for (std::uint64_t i = asked.first; i < kSize; ++i) {
      read.envelopes.push_back(FakeEnvelope(kUnit, kEpoch, v1::LANE_ROUTINE, i, 0));
      read.leaf_hashes.push_back(storage::LeafHash(read.envelopes.back()));
    }
    alter(read);
    Step(std::move(read));
    for (int i = 0; i < 3; ++i) Step(FrameSent{.stream = 1});  // whatever waited goes now
  }
  void Answer(const ReadFrontier& asked, const absl::Status& status, std::uint64_t size) {
    alert_ = Reason::kUnspecified;
    Step(FrontierRead{.token = asked.token,
                      .status = status,
                      .frontier = FakeFrontier(kUnit, kEpoch, v1::LANE_ROUTINE, size, 0)});
  }
  // The peer repeats its receipt of what it holds, and it is stored here.
  void Prove(std::uint64_t size) {
    const contract::ChannelHead head{
        .sender = kUnit,
        .receiver = kPeer,
        .lane = v1::LANE_ROUTINE,
        .epoch = kEpoch,
        .size = size,
        .root = FakeFrontier(kUnit, kEpoch, v1::LANE_ROUTINE, size, 0).Root()};
    v1::Frame frame;
    v1::Receipt& receipt = *frame.mutable_receipt();
    receipt.set_lane(v1::LANE_ROUTINE);
    receipt.set_epoch(kEpoch);
    receipt.set_size(size);
    receipt.set_root(head.root.data(), head.root.size());
    receipt.set_signature(FakeSignature(kPeer, contract::ReceiptBytes(head)));
    Step(FrameReceived{.stream = 1, .frame = std::move(frame)});
    Step(ReceiptCommitted{.token = proof_, .status = {}});
  }
  // Batches that were sent, as the size of the channel behind each; every one is what was appended.
  std::vector<std::uint64_t> Sent() const {
    std::vector<std::uint64_t> sizes;
    for (const v1::Batch& batch : batches_) {
      const std::uint64_t size = batch.head().size();
      const Hash root = FakeFrontier(kUnit, kEpoch, v1::LANE_ROUTINE, size, 0).Root();
      EXPECT_EQ(batch.head().root(), storage::HashView(root));
      EXPECT_EQ(batch.first_position() + static_cast<std::uint64_t>(batch.envelopes_size()), size);
      sizes.push_back(size);
    }
    return sizes;
  }

  FakeSigner signer_{kUnit};
  FakeVerifier verifier_{kPeer};
  std::unique_ptr<Core> core_;
  std::vector<v1::Batch> batches_;
  std::optional<ReadRange> range_;
  std::optional<ReadFrontier> frontier_;
  Token proof_ = 0;
  Reason alert_ = Reason::kUnspecified;
  std::int64_t now_ms_ = 0;
};

TEST_F(AlteredChannel, NothingAlteredIsSent) {
  const std::vector<std::function<void(RangeRead&)>> all_wrong = {
      [](RangeRead& read) { read.envelopes.clear(); },
      [](RangeRead& read) { read.leaf_hashes.clear(); },
      [](RangeRead& read) { read.envelopes[0].clear(); },
      [](RangeRead& read) {
        read.status = contract::Error(absl::StatusCode::kDataLoss, Reason::kCorrupt, "", "", "");
      },
      [](RangeRead& read) {
        read.envelopes[0].resize(Limits().envelope_bytes_max + 1);
        read.leaf_hashes[0] = storage::LeafHash(read.envelopes[0]);
      },
      // Altered together with its hash: the root that was kept tells.
      [](RangeRead& read) {
        read.envelopes[4] = "another";
        read.leaf_hashes[4] = storage::LeafHash(read.envelopes[4]);
      },
  };
  for (const auto& wrong : all_wrong) {
    batches_.clear();
    range_.reset();
    Meet(0);
    Read(wrong);
    EXPECT_EQ(alert_, Reason::kCorrupt);
    EXPECT_EQ(Sent(), std::vector<std::uint64_t>());
    EXPECT_EQ(core_->status().state, LinkState::kUp) << "the other lanes run";
    Read([](RangeRead&) {});
    EXPECT_EQ(Sent(), std::vector<std::uint64_t>{5}) << "it reads right again";
  }
}

TEST_F(AlteredChannel, WhatStandsBeforeItIsSent) {
  Meet(0);
  Read([](RangeRead& read) { read.envelopes[2].clear(); });
  EXPECT_EQ(Sent(), std::vector<std::uint64_t>{2});
  Read([](RangeRead& read) { read.envelopes[0].clear(); });
  EXPECT_EQ(alert_, Reason::kCorrupt);
  EXPECT_EQ(Sent(), std::vector<std::uint64_t>{2});
  Read([](RangeRead&) {});
  EXPECT_EQ(Sent(), (std::vector<std::uint64_t>{2, 5}));
}

TEST_F(AlteredChannel, MoreThanTheChannelHasIsLeftOut) {
  Meet(0);
  Read([](RangeRead& read) {
    read.envelopes.push_back("one more");
    read.leaf_hashes.push_back(storage::LeafHash("one more"));
  });
  EXPECT_EQ(Sent(), std::vector<std::uint64_t>{5});
}

// Goal: where the peer stands is found in the store, or asked again: nothing is sent from a guess.
TEST_F(AlteredChannel, PlaceOfThePeerIsReadAgain) {
  Meet(3);
  const ReadFrontier asked = Await(frontier_);
  EXPECT_EQ(asked.size, 3u);
  Answer(
      asked,
      contract::Error(absl::StatusCode::kUnavailable, Reason::kOutcomeUnknown, "no answer", "", ""),
      0);
  EXPECT_EQ(alert_, Reason::kOutcomeUnknown);
  Answer(Await(frontier_), absl::OkStatus(), 2);  // of another size than was asked for
  EXPECT_EQ(alert_, Reason::kInternal);
  Answer(Await(frontier_), absl::OkStatus(), 3);
  Prove(3);
  Read([](RangeRead&) {});
  EXPECT_EQ(Sent(), std::vector<std::uint64_t>{5});
  ASSERT_EQ(batches_.size(), 1u);
  EXPECT_EQ(batches_[0].first_position(), 3u);
}

}  // namespace
}  // namespace tripoint::exchange
