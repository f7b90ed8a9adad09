// Goal: every bound and form of a frame's fields is checked, at its edge, and the fault is named;
// what comes to be shown is safe to show.
#include "server/exchange/frame_check.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

namespace tripoint::exchange {
namespace {

constexpr std::uint64_t kSizeMax = std::numeric_limits<std::uint64_t>::max() / 4;
constexpr auto kNoLane = static_cast<v1::Lane>(9);

// What a head and a receipt share.
template <typename Message>
Message Good(v1::Lane lane) {
  Message message;
  message.set_lane(lane);
  message.set_epoch(7);
  message.set_size(3);
  message.set_root(std::string(32, 'r'));
  message.set_signature(std::string(64, 's'));
  return message;
}
v1::Head GoodHead() { return Good<v1::Head>(v1::LANE_ROUTINE); }
v1::Receipt GoodReceipt() { return Good<v1::Receipt>(v1::LANE_FLASH); }

v1::Holding GoodHolding() {
  v1::Holding holding;
  holding.set_lane(v1::LANE_FLASH);
  holding.set_epoch(7);
  holding.set_size(kSizeMax);
  holding.set_root(std::string(32, 'r'));
  holding.set_head_signature(std::string(64, 's'));
  holding.set_receipt_signature(std::string(64, 's'));
  return holding;
}

void Refuse(v1::Receipt& receipt, std::uint64_t position, const std::string& reason = "MALFORMED") {
  v1::Refusal& refusal = *receipt.add_refusals();
  refusal.set_position(position);
  refusal.set_reason_code(reason);
}

class FrameCheckTest : public ::testing::Test {
 protected:
  FrameCheckTest() {
    v1::Hello& hello = *hello_.mutable_hello();
    hello.set_unit(std::string(40, 'u'));
    hello.set_version_min(1);
    hello.set_version_max(2);
    hello.set_epoch(7);
    hello.set_software(std::string(limits_.text_bytes_max, 's'));
    hello.set_signing_certificate(std::string(limits_.certificate_bytes_max, 'c'));
    *hello.add_outbound() = GoodHead();
    *hello.add_inbound() = GoodReceipt();
    *hello.add_holdings() = GoodHolding();
    v1::Batch& batch = *batch_.mutable_batch();
    batch.set_lane(v1::LANE_ROUTINE);
    batch.set_epoch(7);
    batch.set_first_position(2);
    batch.add_envelopes("e");
    *batch.mutable_head() = GoodHead();
    *receipt_.mutable_receipt() = GoodReceipt();
    Refuse(*receipt_.mutable_receipt(), 0);
    Refuse(*receipt_.mutable_receipt(), 2);
    v1::Heartbeat& heartbeat = *heartbeat_.mutable_heartbeat();
    heartbeat.add_resend()->set_lane(v1::LANE_FLASH);
    v1::LaneStop& stop = *heartbeat.add_stopped();
    stop.set_lane(v1::LANE_FLASH);
    stop.set_reason_code("CHANNEL_FORKED_2");
    request_.mutable_return_request()->set_lane(v1::LANE_FLASH);
    returned_.mutable_returned()->set_lane(v1::LANE_FLASH);
    returned_.mutable_returned()->add_envelopes("e");
    goodbye_.mutable_goodbye();
  }

  std::string Fault(const v1::Frame& frame) const {
    return FrameFault(frame, limits_).value_or("none");
  }
  // Of a good frame after a change.
  template <typename Message>
  std::string With(v1::Frame frame, Message* (v1::Frame::*part)(),
                   const std::function<void(Message&)>& change) const {
    change(*(frame.*part)());
    return Fault(frame);
  }
  std::string Hello(const std::function<void(v1::Hello&)>& change) const {
    return With(hello_, &v1::Frame::mutable_hello, change);
  }
  std::string Batch(const std::function<void(v1::Batch&)>& change) const {
    return With(batch_, &v1::Frame::mutable_batch, change);
  }
  std::string Receipt(const std::function<void(v1::Receipt&)>& change) const {
    return With(receipt_, &v1::Frame::mutable_receipt, change);
  }
  std::string Heartbeat(const std::function<void(v1::Heartbeat&)>& change) const {
    return With(heartbeat_, &v1::Frame::mutable_heartbeat, change);
  }

  const Limits limits_;
  v1::Frame hello_, batch_, receipt_, heartbeat_, request_, returned_, goodbye_;
};

TEST_F(FrameCheckTest, WhatStandsAtItsBoundsIsGood) {
  for (const v1::Frame* frame :
       {&hello_, &batch_, &receipt_, &heartbeat_, &request_, &returned_, &goodbye_}) {
    EXPECT_EQ(Fault(*frame), "none") << frame->ShortDebugString();
  }
  EXPECT_EQ(Fault(v1::Frame()), "frame of no kind");
  v1::Frame long_one;
  long_one.mutable_goodbye()->set_text(std::string(limits_.frame_bytes_max, 'x'));
  EXPECT_EQ(Fault(long_one), "frame too long");
}

TEST_F(FrameCheckTest, Hello) {
  EXPECT_EQ(Hello([](auto& hello) { hello.set_version_min(0); }), "hello: impossible versions");
  EXPECT_EQ(Hello([](auto& hello) { hello.set_version_min(3); }), "hello: impossible versions");
  EXPECT_EQ(Hello([](auto& hello) { hello.clear_unit(); }), "hello: malformed unit");
  EXPECT_EQ(Hello([](auto& hello) { hello.mutable_unit()->push_back('u'); }),
            "hello: malformed unit");
  EXPECT_EQ(Hello([](auto& hello) { hello.set_epoch(0); }), "hello: epoch is 0");
  EXPECT_EQ(Hello([](auto& hello) { hello.mutable_software()->push_back('s'); }),
            "hello: software too long");
  EXPECT_EQ(Hello([](auto& hello) { hello.mutable_signing_certificate()->push_back('c'); }),
            "hello: signing certificate too long");
  EXPECT_EQ(Hello([](auto& hello) {
              while (hello.holdings_size() <= static_cast<int>(kHoldingsMax * kLanes))
                *hello.add_holdings() = GoodHolding();
            }),
            "hello: too many holdings");
}

TEST_F(FrameCheckTest, Holding) {
  const auto holding = [this](const std::function<void(v1::Holding&)>& change) {
    return Hello([&change](auto& hello) { change(*hello.mutable_holdings(0)); });
  };
  EXPECT_EQ(holding([](auto& one) { one.set_lane(kNoLane); }), "holding: no such lane");
  EXPECT_EQ(holding([](auto& one) { one.set_epoch(0); }), "holding: epoch is 0");
  EXPECT_EQ(holding([](auto& one) { one.set_size(kSizeMax + 1); }), "holding: size out of range");
  EXPECT_EQ(holding([](auto& one) { one.mutable_root()->pop_back(); }),
            "holding: root is not 32 bytes");
  EXPECT_EQ(holding([](auto& one) { one.mutable_head_signature()->push_back('s'); }),
            "holding: signature too long");
  EXPECT_EQ(holding([](auto& one) { one.mutable_receipt_signature()->push_back('s'); }),
            "holding: signature too long");
  EXPECT_EQ(holding([this](auto& one) {
              one.set_head_certificate(std::string(limits_.certificate_bytes_max + 1, 'c'));
            }),
            "holding: certificate too long");
}

TEST_F(FrameCheckTest, HeadsAndReceiptsOfAHello) {
  const auto head = [this](const std::function<void(v1::Head&)>& change) {
    return Hello([&change](auto& hello) { change(*hello.mutable_outbound(0)); });
  };
  EXPECT_EQ(head([](auto& one) { one.set_lane(kNoLane); }), "heads: no such lane");
  EXPECT_EQ(head([](auto& one) { one.set_epoch(0); }), "head: epoch is 0");
  EXPECT_EQ(head([](auto& one) { one.set_size(kSizeMax + 1); }), "head: size out of range");
  EXPECT_EQ(head([](auto& one) { one.set_receipted_size(kSizeMax + 1); }),
            "head: size out of range");
  EXPECT_EQ(head([](auto& one) { one.mutable_root()->push_back('r'); }),
            "head: root is not 32 bytes");
  EXPECT_EQ(head([](auto& one) { one.mutable_signature()->pop_back(); }),
            "head: signature is not 64 bytes");
  EXPECT_EQ(head([](auto& one) { one.clear_signature(); }), "none");  // of a size that was told
  EXPECT_EQ(Hello([](auto& hello) { *hello.add_outbound() = GoodHead(); }), "heads: a lane twice");
  EXPECT_EQ(Hello([](auto& hello) { *hello.add_inbound() = GoodReceipt(); }),
            "receipts: a lane twice");
  const auto receipt = [this](const std::function<void(v1::Receipt&)>& change) {
    return Hello([&change](auto& hello) { change(*hello.mutable_inbound(0)); });
  };
  EXPECT_EQ(receipt([](auto& one) { one.clear_signature(); }), "none");
  EXPECT_EQ(receipt([](auto& one) { one.set_size(0); }), "none");
  EXPECT_EQ(receipt([](auto& one) { Refuse(one, 0); }), "receipt: too many refusals");
}

TEST_F(FrameCheckTest, Batch) {
  EXPECT_EQ(Batch([](auto& batch) { batch.set_lane(kNoLane); }), "batch: no such lane");
  EXPECT_EQ(Batch([](auto& batch) { batch.clear_envelopes(); }), "batch: empty");
  EXPECT_EQ(Batch([this](auto& batch) {
              for (std::size_t i = 0; i < limits_.batch_items_max; ++i) batch.add_envelopes("e");
            }),
            "batch: too many envelopes");
  EXPECT_EQ(Batch([](auto& batch) { batch.set_envelopes(0, ""); }), "batch: empty envelope");
  EXPECT_EQ(Batch([this](auto& batch) {
              batch.set_envelopes(0, std::string(limits_.envelope_bytes_max + 1, 'e'));
            }),
            "batch: envelope too long");
  EXPECT_EQ(Batch([](auto& batch) { batch.clear_head(); }), "batch: no head");
  EXPECT_EQ(Batch([](auto& batch) { batch.mutable_head()->set_lane(kNoLane); }),
            "head: no such lane");
  EXPECT_EQ(Batch([](auto& batch) { batch.mutable_head()->clear_signature(); }),
            "head: signature is not 64 bytes");
  for (const auto& change : std::initializer_list<void (*)(v1::Batch&)>{
           [](v1::Batch& batch) { batch.set_first_position(kSizeMax + 1); },
           [](v1::Batch& batch) { batch.set_first_position(1); },
           [](v1::Batch& batch) { batch.set_lane(v1::LANE_FLASH); },
           [](v1::Batch& batch) { batch.set_epoch(8); }}) {
    EXPECT_EQ(Batch(change), "batch: head does not belong to it");
  }
}

TEST_F(FrameCheckTest, Receipt) {
  EXPECT_EQ(Receipt([](auto& one) { one.set_lane(kNoLane); }), "receipt: no such lane");
  EXPECT_EQ(Receipt([](auto& one) { one.set_epoch(0); }), "receipt: epoch is 0");
  EXPECT_EQ(Receipt([](auto& one) { one.set_size(kSizeMax + 1); }), "receipt: size out of range");
  EXPECT_EQ(Receipt([](auto& one) { one.clear_root(); }), "receipt: root is not 32 bytes");
  EXPECT_EQ(Receipt([](auto& one) { one.clear_signature(); }),
            "receipt: signature is not 64 bytes");
  EXPECT_EQ(Receipt([](auto& one) { one.set_size(0); }), "receipt: of nothing");
  EXPECT_EQ(Receipt([this](auto& one) {
              one.set_size(limits_.refusals_max + 1);
              one.clear_refusals();
              for (std::size_t i = 0; i <= limits_.refusals_max; ++i) Refuse(one, i);
            }),
            "receipt: too many refusals");
  for (const std::uint64_t position : {2, 0, 3}) {  // the one before it, one before that, no such
    EXPECT_EQ(Receipt([position](auto& one) { Refuse(one, position); }),
              "receipt: refused positions out of order or beyond the size");
  }
  for (const std::string& reason : {std::string(), std::string("lower"), std::string(49, 'A')}) {
    EXPECT_EQ(Receipt([&reason](auto& one) {
                one.clear_refusals();
                Refuse(one, 1, reason);
              }),
              "receipt: malformed reason of a refusal");
  }
}

TEST_F(FrameCheckTest, Heartbeat) {
  EXPECT_EQ(Heartbeat([](auto& one) { one.add_resend()->set_lane(kNoLane); }),
            "resend: no such lane");
  EXPECT_EQ(Heartbeat([](auto& one) { one.add_resend()->set_lane(v1::LANE_FLASH); }),
            "resend: a lane twice");
  EXPECT_EQ(Heartbeat([](auto& one) {
              while (one.stopped_size() <= static_cast<int>(2 * kLanes))
                *one.add_stopped() = v1::LaneStop(one.stopped(0));
            }),
            "heartbeat: too many stops");
  EXPECT_EQ(Heartbeat([](auto& one) { one.mutable_stopped(0)->set_lane(kNoLane); }),
            "stop: no such lane");
  EXPECT_EQ(Heartbeat([](auto& one) { one.mutable_stopped(0)->set_reason_code("A B"); }),
            "stop: malformed reason");
  EXPECT_EQ(Heartbeat([this](auto& one) {
              one.set_next_bytes(static_cast<std::uint32_t>(limits_.frame_bytes_max + 1));
            }),
            "heartbeat: next frame too long");
}

TEST_F(FrameCheckTest, Returns) {
  request_.mutable_return_request()->set_first(kSizeMax + 1);
  EXPECT_EQ(Fault(request_), "return request: out of range");
  request_.mutable_return_request()->set_lane(kNoLane);
  EXPECT_EQ(Fault(request_), "return request: no such lane");
  v1::Returned& returned = *returned_.mutable_returned();
  returned.set_envelopes(0, std::string(limits_.envelope_bytes_max + 1, 'e'));
  EXPECT_EQ(Fault(returned_), "returned: envelope too long");
  returned.set_envelopes(0, "");
  EXPECT_EQ(Fault(returned_), "returned: empty envelope");
  for (std::size_t i = 0; i < limits_.batch_items_max; ++i) returned.add_envelopes("e");
  EXPECT_EQ(Fault(returned_), "returned: too many envelopes");
  returned.set_lane(kNoLane);
  EXPECT_EQ(Fault(returned_), "returned: no such lane");
}

TEST(PrintableText, IsCutBetweenLettersAndControlsNothing) {
  EXPECT_EQ(PrintableText("aបb", 10), "aបb");
  EXPECT_EQ(PrintableText("aបb", 4), "aប");
  EXPECT_EQ(PrintableText("aបb", 3), "a");
  EXPECT_EQ(PrintableText("ប", 1), "");
  EXPECT_EQ(PrintableText("a\nb\x7f\x1b[2J", 10), "a b  [2J");
  EXPECT_EQ(ReasonText("LINK_SILENT"), "LINK_SILENT");
  EXPECT_EQ(ReasonText("link silent"), "UNSPECIFIED");
}

}  // namespace
}  // namespace tripoint::exchange
