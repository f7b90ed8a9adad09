// Goal (F3): what is signed has one form. Bytes that a parser takes for the same, or nearly so, are
// never accepted as the entry, head or receipt that was signed.
//
//   TRIPOINT_ENCODINGS=1000000 exchange_test --gtest_filter='Canonical.*'     20,000 unless set
//
// Whole receiving and sending cores with real keys of Ed25519.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include "certs/signing_key.h"
#include "google/protobuf/stubs/logging.h"
#include "proto/contract/head_bytes.h"
#include "server/exchange/core.h"
#include "storage/merkle.h"
#include "tests/unit/exchange/encodings.h"
#include "tripoint/exchange/v1/envelope.pb.h"

namespace tripoint::exchange {
namespace {

constexpr char kUnit[] = "vn-quangngai";
constexpr char kPeer[] = "la-attapeu";
constexpr std::uint64_t kEpoch = 7;
constexpr std::uint64_t kPeerEpoch = 9;
constexpr std::size_t kRoutine = 2;
constexpr std::uint64_t kSize = 3;

std::uint64_t Wanted() {
  const char* wanted = std::getenv("TRIPOINT_ENCODINGS");
  return wanted == nullptr ? 20'000 : std::strtoull(wanted, nullptr, 10);
}

class KeySigner final : public HeadSigner {
 public:
  explicit KeySigner(char seed) : key_(*certs::SigningKey::FromSeed(std::string(32, seed))) {}
  std::string Certificate() const override { return key_.public_key(); }
  std::string Sign(std::string_view bytes) override { return key_.Sign(bytes); }

 private:
  certs::SigningKey key_;
};

KeySigner& Own() {
  static KeySigner key(1);
  return key;
}

KeySigner& Peer() {
  static KeySigner key(2);
  return key;
}

class KeyVerifier final : public HeadVerifier {
 public:
  absl::Status Trust(std::string_view certificate) override {
    auto key = certs::SignatureVerifier::FromPublicKey(certificate);
    if (key.ok()) key_ = *std::move(key);
    return key.status();
  }
  bool Verify(std::string_view bytes, std::string_view signature) const override {
    return key_.has_value() && key_->Verify(bytes, signature);
  }

 private:
  std::optional<certs::SignatureVerifier> key_;
};

// Entry `position` of the peer's channel.
v1::Envelope EnvelopeAt(std::uint64_t position) {
  v1::Envelope envelope;
  envelope.set_origin_unit(kPeer);
  envelope.set_epoch(kPeerEpoch);
  envelope.set_number(300 + position);
  envelope.set_lane(v1::LANE_ROUTINE);
  envelope.add_audience(kUnit);
  envelope.add_audience("kh-ratanakiri");
  envelope.set_handling_code("H2");
  envelope.set_tlp_code("AMBER+STRICT");
  envelope.set_purpose_code("P-BORDER");
  envelope.set_create_time_ms(1'795'000'000'000);
  envelope.set_valid_until_ms(1'797'000'000'000);
  auto& body = *envelope.mutable_notice_version();
  body.set_name("units/la-attapeu/notices/N-ATP-26-0211-M");
  body.set_version(1 + static_cast<std::uint32_t>(position));
  body.set_kind_code("INCIDENT");
  body.set_urgency_code("U3");
  body.mutable_facts()->set_category_code("CTB-GEN");
  body.mutable_facts()->set_severity(2);
  body.mutable_facts()->set_title("two lorries without plates");
  body.mutable_facts()->mutable_place()->set_locality("km 52");
  return envelope;
}

storage::Frontier FrontierAt(std::uint64_t size) {
  storage::Frontier frontier;
  for (std::uint64_t i = 0; i < size; ++i)
    frontier.Append(storage::LeafHash(EnvelopeAt(i).SerializeAsString()));
  return frontier;
}

contract::ChannelHead HeadOf(const char* sender, const char* receiver, std::uint64_t epoch) {
  return {.sender = sender,
          .receiver = receiver,
          .lane = v1::LANE_ROUTINE,
          .epoch = epoch,
          .size = kSize,
          .root = FrontierAt(kSize).Root()};
}

v1::Frame BatchFrame() {
  v1::Frame frame;
  v1::Batch& batch = *frame.mutable_batch();
  batch.set_lane(v1::LANE_ROUTINE);
  batch.set_epoch(kPeerEpoch);
  for (std::uint64_t i = 0; i < kSize; ++i) batch.add_envelopes(EnvelopeAt(i).SerializeAsString());
  const contract::ChannelHead head = HeadOf(kPeer, kUnit, kPeerEpoch);
  batch.mutable_head()->set_lane(v1::LANE_ROUTINE);
  batch.mutable_head()->set_epoch(kPeerEpoch);
  batch.mutable_head()->set_size(kSize);
  batch.mutable_head()->set_root(std::string(storage::HashView(head.root)));
  batch.mutable_head()->set_signature(Peer().Sign(contract::HeadBytes(head)));
  return frame;
}

v1::Frame ReceiptFrame() {
  const contract::ChannelHead head = HeadOf(kUnit, kPeer, kEpoch);
  v1::Frame frame;
  v1::Receipt& receipt = *frame.mutable_receipt();
  receipt.set_lane(v1::LANE_ROUTINE);
  receipt.set_epoch(kEpoch);
  receipt.set_size(kSize);
  receipt.set_root(std::string(storage::HashView(head.root)));
  receipt.set_signature(Peer().Sign(contract::ReceiptBytes(head)));
  return frame;
}

// A node that has met its peer and hears one frame. Its own channel has the same entries: what they
// say does not matter to it.
class Listener {
 public:
  Listener() {
    CoreConfig config;
    config.unit = kUnit;
    config.peer = kPeer;
    config.epoch = kEpoch;
    config.outbound[kRoutine].frontier = FrontierAt(kSize);
    core_ = std::make_unique<Core>(std::move(config), Own(), verifier_);
    Step(StreamOpened{.stream = 1, .dialled_by_us = false});
    Step(FrameSent{.stream = 1});
    v1::Frame frame;
    v1::Hello& hello = *frame.mutable_hello();
    hello.set_version_min(1);
    hello.set_version_max(2);
    hello.set_unit(kPeer);
    hello.set_epoch(kPeerEpoch);
    hello.set_signing_certificate(Peer().Certificate());
    Hear(std::move(frame));
    Serve();
  }
  void Hear(v1::Frame frame) {
    Step(FrameReceived{.stream = 1, .frame = std::move(frame)});
    Step(FrameSent{.stream = 1});
  }
  std::vector<CommitBatch> batches;
  std::vector<CommitReceipt> receipts;
  bool stopped = false;  // the channel, or the stream

 private:
  void Step(Event event) {
    now_ms_ += 1;
    for (Action& action :
         core_->Step({.monotonic_ms = now_ms_, .wall_ms = now_ms_}, std::move(event))) {
      if (auto* batch = std::get_if<CommitBatch>(&action)) batches.push_back(std::move(*batch));
      if (auto* receipt = std::get_if<CommitReceipt>(&action))
        receipts.push_back(std::move(*receipt));
      if (const auto* read = std::get_if<ReadRange>(&action)) read_ = *read;
      stopped = stopped || std::holds_alternative<PersistQuarantine>(action) ||
                std::holds_alternative<CloseStream>(action);
    }
  }
  // What it has to send goes out, so that a receipt is of something.
  void Serve() {
    if (!read_.has_value()) return;
    RangeRead range{
        .token = read_->token, .status = absl::OkStatus(), .envelopes = {}, .leaf_hashes = {}};
    for (std::uint64_t i = 0; i < kSize; ++i) {
      range.envelopes.push_back(EnvelopeAt(i).SerializeAsString());
      range.leaf_hashes.push_back(storage::LeafHash(range.envelopes.back()));
    }
    Step(std::move(range));
    Step(FrameSent{.stream = 1});
  }

  KeyVerifier verifier_;
  std::int64_t now_ms_ = 0;
  std::optional<ReadRange> read_;
  std::unique_ptr<Core> core_;
};

// Goal: an envelope that parses to the same message is another entry: its channel is stopped.
TEST(Canonical, F3AnEnvelopeInOtherBytesIsNotTheEntryThatWasSigned) {
  const google::protobuf::LogSilencer no_word_of_bad_utf8;
  simulation::Random random(1);
  const v1::Frame signed_frame = BatchFrame();
  std::uint64_t tried = 0;
  std::uint64_t same_to_a_parser = 0;
  for (; tried < Wanted() / 2; ++tried) {
    Listener listener;
    v1::Frame frame = signed_frame;
    std::string& entry =
        *frame.mutable_batch()->mutable_envelopes(static_cast<int>(random.Below(kSize)));
    v1::Envelope before;
    ASSERT_TRUE(before.ParseFromString(entry));
    entry = OtherEncoding(entry, *v1::Envelope::descriptor(), random);
    v1::Envelope after;
    const bool parses = after.ParseFromString(entry);
    after.DiscardUnknownFields();
    same_to_a_parser += parses && after.SerializeAsString() == before.SerializeAsString();
    listener.Hear(std::move(frame));
    ASSERT_TRUE(listener.batches.empty()) << "attempt " << tried;
    ASSERT_TRUE(listener.stopped) << "attempt " << tried;
  }
  std::printf("%llu other encodings of an entry, %llu the same to a parser, none accepted\n",
              static_cast<unsigned long long>(tried),
              static_cast<unsigned long long>(same_to_a_parser));
  EXPECT_GT(same_to_a_parser, tried / 3) << "else this proves nothing";
}

// A listener hears `frame` in other bytes, as often as is wanted; `then` looks at what it did.
template <typename Then>
void HearOtherEncodings(const v1::Frame& signed_frame, std::uint64_t seed, Then then) {
  const google::protobuf::LogSilencer no_word_of_bad_utf8;
  simulation::Random random(seed);
  const std::string bytes = signed_frame.SerializeAsString();
  for (std::uint64_t tried = 0; tried < Wanted() / 4; ++tried) {
    v1::Frame frame;
    if (!frame.ParseFromString(OtherEncoding(bytes, *v1::Frame::descriptor(), random))) continue;
    Listener listener;
    listener.Hear(std::move(frame));
    then(tried, listener);
    if (testing::Test::HasFatalFailure()) return;
  }
}

// Goal: however a frame is encoded, what is stored is what was signed, or nothing.
TEST(Canonical, F3AHeadInOtherBytesIsTheOneThatWasSignedOrNone) {
  const v1::Frame signed_frame = BatchFrame();
  std::uint64_t stored = 0;
  HearOtherEncodings(signed_frame, 2, [&](std::uint64_t tried, const Listener& listener) {
    for (const CommitBatch& batch : listener.batches) {
      ++stored;
      ASSERT_EQ(batch.lane, v1::LANE_ROUTINE);
      ASSERT_EQ(batch.first_position, 0u);
      ASSERT_EQ(batch.envelopes.size(), kSize);
      for (std::uint64_t i = 0; i < kSize; ++i)
        ASSERT_EQ(batch.envelopes[i], EnvelopeAt(i).SerializeAsString()) << "attempt " << tried;
      ASSERT_EQ(batch.state.epoch, kPeerEpoch);
      ASSERT_EQ(batch.state.frontier, FrontierAt(kSize));
      ASSERT_EQ(batch.state.head_signature, signed_frame.batch().head().signature());
    }
  });
  EXPECT_GT(stored, Wanted() / 40) << "another order of fields is no fault";
}

// Goal: likewise for what a sender keeps as proof.
TEST(Canonical, F3AReceiptInOtherBytesIsTheOneThatWasSignedOrNone) {
  const v1::Frame signed_frame = ReceiptFrame();
  std::uint64_t stored = 0;
  HearOtherEncodings(signed_frame, 3, [&](std::uint64_t tried, const Listener& listener) {
    for (const CommitReceipt& receipt : listener.receipts) {
      ++stored;
      ASSERT_EQ(receipt.lane, v1::LANE_ROUTINE);
      ASSERT_EQ(receipt.receipted, FrontierAt(kSize)) << "attempt " << tried;
      ASSERT_EQ(receipt.signature, signed_frame.receipt().signature()) << "attempt " << tried;
    }
  });
  EXPECT_GT(stored, Wanted() / 40) << "another order of fields is no fault";
}

// Goal: the signed bytes of heads and receipts, and a signature itself, have one form too: no bit,
// no byte more or less, no signature that is the same number plus the order of the curve.
TEST(Canonical, F3SignedBytesAndSignaturesHaveOneForm) {
  simulation::Random random(4);
  KeyVerifier verifier;
  ASSERT_TRUE(verifier.Trust(Peer().Certificate()).ok());
  const contract::ChannelHead head = HeadOf(kPeer, kUnit, kPeerEpoch);
  for (const std::string& text : {contract::HeadBytes(head), contract::ReceiptBytes(head)}) {
    const std::string signature = Peer().Sign(text);
    ASSERT_TRUE(verifier.Verify(text, signature));
    for (std::uint64_t tried = 0; tried < Wanted() / 20; ++tried) {
      std::string other = text;
      std::string other_signature = signature;
      std::string& changed = random.Below(2) == 0 ? other : other_signature;
      const std::size_t at = random.Below(changed.size());
      switch (random.Below(4)) {
        case 0:
          changed.erase(at, 1 + random.Below(8));
          break;
        case 1:
          changed.insert(at, 1 + random.Below(8), static_cast<char>(random.Below(256)));
          break;
        default:
          changed[at] ^= static_cast<char>(1u << random.Below(8));
      }
      if (other == text && other_signature == signature) continue;
      ASSERT_FALSE(verifier.Verify(other, other_signature)) << "attempt " << tried;
    }
  }
  // S + L (RFC 8032, 5.1): equal in the group, and another encoding.
  static constexpr std::uint8_t kOrder[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,
                                              0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
                                              0,    0,    0,    0,    0,    0,    0,    0,
                                              0,    0,    0,    0,    0,    0,    0,    0x10};
  const std::string text = contract::HeadBytes(head);
  std::string signature = Peer().Sign(text);
  unsigned carry = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    carry += static_cast<std::uint8_t>(signature[32 + i]) + kOrder[i];
    signature[32 + i] = static_cast<char>(carry & 0xff);
    carry >>= 8;
  }
  EXPECT_FALSE(verifier.Verify(text, signature));
}

}  // namespace
}  // namespace tripoint::exchange
