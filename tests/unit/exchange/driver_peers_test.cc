// Goal: whatever a peer does with its streams, and at whatever moment, the driver says how each of
// them ended, keeps as few as it should, and the next honest stream brings everything.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "proto/contract/error.h"
#include "storage/keys.h"
#include "tests/unit/exchange/driver_node.h"

namespace tripoint::exchange {
namespace {

constexpr char kLeft[] = "kh-ratanakiri";
constexpr char kRight[] = "vn-quangngai";
using Point = HeldEnds::Point;
using ServerStream = grpc::ServerReaderWriter<v1::Frame, v1::Frame>;

v1::Frame HelloOf(const std::string& unit, std::uint64_t epoch) {
  v1::Frame frame;
  v1::Hello& hello = *frame.mutable_hello();
  hello.set_version_min(1);
  hello.set_version_max(2);
  hello.set_unit(unit);
  hello.set_epoch(epoch);
  hello.set_signing_certificate("certificate of " + unit);
  return frame;
}

// One stream to a node, by hand.
class Caller {
 public:
  explicit Caller(const TestNode& node)
      : stub_(v1::ExchangeService::NewStub(
            grpc::CreateChannel(node.address(), grpc::InsecureChannelCredentials()))) {
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    stream_ = stub_->Link(&context_);
    stream_->WaitForInitialMetadata();
  }
  ~Caller() { Cancel(); }
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  void Cancel() {
    if (stream_ == nullptr) return;
    context_.TryCancel();
    (void)End();
  }
  // How the call ends, whatever came on it before.
  grpc::Status End() {
    v1::Frame frame;
    while (stream_->Read(&frame)) {
    }
    const grpc::Status status = stream_->Finish();
    stream_.reset();
    return status;
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<v1::ExchangeService::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::Frame, v1::Frame>> stream_;
};

// Takes the node's calls, and does with each what the test says.
class Answerer final : public v1::ExchangeService::Service {
 public:
  using Answer = std::function<grpc::Status(grpc::ServerContext&, ServerStream&)>;

  explicit Answerer(Answer answer) : answer_(std::move(answer)) {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    address_ = "127.0.0.1:" + std::to_string(port);
  }
  ~Answerer() override { server_->Shutdown(std::chrono::system_clock::now()); }
  const std::string& address() const { return address_; }

 private:
  grpc::Status Link(grpc::ServerContext* context, ServerStream* stream) override {
    return answer_(*context, *stream);
  }

  const Answer answer_;
  std::string address_;
  std::unique_ptr<grpc::Server> server_;
};

class DriverPeers : public DriverTest {
 protected:
  DriverPeers() {
    Limits limits;
    limits.dial_ms = 20;
    limits.dial_ms_max = 40;
    left_.set_limits(limits);
  }
  // An event of this kind and reason; its words.
  std::optional<std::string> Told(tripoint::v1::LinkEventKind kind, const std::string& reason) {
    tripoint::v1::ListLinkEventsResponse trace;
    left_.driver().FillTrace(kRight, trace);
    for (const tripoint::v1::LinkEvent& event : trace.events()) {
      if (event.kind() == kind && event.reason_code() == reason) return event.reason_text();
    }
    return std::nullopt;
  }
  bool AwaitTold(tripoint::v1::LinkEventKind kind, const std::string& reason) {
    return left_.watch().Await([&] { return Told(kind, reason).has_value(); });
  }
  // A call of ours has no answer yet.
  bool Dials() {
    tripoint::v1::ListLinkEventsResponse trace;
    left_.driver().FillTrace(kRight, trace);
    for (const tripoint::v1::LinkEvent& event : trace.events()) {
      if (event.kind() == tripoint::v1::LINK_EVENT_KIND_DIALLING) return true;
      if (event.kind() == tripoint::v1::LINK_EVENT_KIND_DIAL_FAILED) return false;
    }
    return false;
  }
  LinkStatus Status() { return *left_.driver().StatusOf(kRight); }
  tripoint::v1::Peer Link() {
    tripoint::v1::Peer peer;
    left_.driver().FillLink(kRight, peer);
    return peer;
  }
  // After whatever was done to it: an honest peer gets everything.
  void ExpectItGoesOn() {
    right_.Start(left_.address());
    left_.Append(v1::LANE_ROUTINE, 3);
    EXPECT_TRUE(left_.AwaitProven(v1::LANE_ROUTINE, 3));
  }
};

TEST_F(DriverPeers, PeerEndsItsStreamsAtAnyMoment) {
  std::atomic<int> calls = 0;
  Answerer peer([&](grpc::ServerContext&, ServerStream& stream) {
    v1::Frame frame;
    switch (calls++) {
      case 0:  // before it took the call
        return grpc::Status::OK;
      case 1:  // before its hello
        stream.SendInitialMetadata();
        return grpc::Status::OK;
      case 2:  // behind it
        stream.Write(HelloOf(kRight, 22));
        stream.Read(&frame);
        return grpc::Status::OK;
      default:
        while (stream.Read(&frame)) {
        }
        return grpc::Status::OK;
    }
  });
  left_.Start(peer.address());
  ASSERT_TRUE(left_.watch().Await([&] { return calls >= 4; }));
  EXPECT_EQ(Told(tripoint::v1::LINK_EVENT_KIND_CLOSED, "LINK_LOST"), "the peer ended the stream");
  EXPECT_EQ(Status().counters.opened, 1u);
  left_.Stop();
  left_.Start("");
  ExpectItGoesOn();
}

// Goal: the words of whoever refused the call are shown, as far as they are words.
TEST_F(DriverPeers, RefusalsAreToldInThePeersWords) {
  struct Case {
    std::string words;
    std::string reason;
    std::string text;
  };
  const std::string own = "failed to connect: verification check failed with error: ";
  const std::vector<Case> cases = {
      {"UNIT_NOT_PAIRED: not with us", "UNIT_NOT_PAIRED", "UNIT_NOT_PAIRED: not with us"},
      {"KEY\x1b[31m\xc3\xa9", "LINK_LOST", "KEY?[31m??"},
      {own + "UNAUTHENTICATED: CERTIFICATE_EXPIRED: in May", "CERTIFICATE_EXPIRED",
       "CERTIFICATE_EXPIRED: in May"},
      {own + "nothing", "LINK_LOST", own + "nothing"},
      {std::string(500, 'x'), "LINK_LOST", std::string(200, 'x')},
  };
  for (const Case& refusal : cases) {
    Answerer peer([&](grpc::ServerContext&, ServerStream&) {
      return grpc::Status(grpc::StatusCode::PERMISSION_DENIED, refusal.words);
    });
    left_.Start(peer.address());
    ASSERT_TRUE(left_.watch().Await([&] { return Link().reason_text() == refusal.text; }))
        << Link().reason_text();
    EXPECT_EQ(Link().reason_code(), refusal.reason);
    left_.driver().CallerRefused(
        kRight, contract::Error(absl::StatusCode::kUnauthenticated, Reason::kCertificateRevoked,
                                "revoked", "on the list", "none"));
    // Somebody who calls in the peer's name covers up nothing that the peer itself said.
    EXPECT_EQ(Link().reason_code(),
              refusal.reason == "LINK_LOST" ? "CERTIFICATE_REVOKED" : refusal.reason);
    left_.Stop();
  }
}

TEST_F(DriverPeers, CallerWhoseCertificateIsRefusedIsToldWhy) {
  left_.Serve(contract::Error(absl::StatusCode::kUnauthenticated, Reason::kCertificateRevoked,
                              "revoked", "on the list", "none"));
  left_.Start("");
  const grpc::Status status = Caller(left_).End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(status.error_message().rfind("CERTIFICATE_REVOKED", 0), 0u) << status.error_message();
  left_.Serve(kRight);
  ExpectItGoesOn();
}

// Goal: a peer that opens streams and takes nothing from them has eight of them at most.
TEST_F(DriverPeers, NinthStreamOfAPairIsRefused) {
  left_.Start("");
  left_.ends().Hold(Point::PRE_SEND_MESSAGE);
  std::vector<std::unique_ptr<Caller>> callers;
  for (int i = 0; i < 8; ++i) callers.push_back(std::make_unique<Caller>(left_));
  ASSERT_TRUE(left_.watch().Await([&] { return Status().stream == 8; }));
  EXPECT_TRUE(Caller(left_).End().ok());
  EXPECT_EQ(Status().stream, 8u);
  // The keys are replaced while streams of before are still ending.
  left_.driver().ReplaceKeys([] {});
  ASSERT_TRUE(left_.watch().Await([&] { return Status().stream == 0; }));
  left_.ends().Release();
  callers.clear();
  ExpectItGoesOn();
}

// Goal: a call of our own that is answered when there are eight already is given up, and made again
// when there is room.
TEST_F(DriverPeers, DialThatIsAnsweredAmongTooManyFails) {
  std::atomic<bool> answers = false;
  Answerer peer([&](grpc::ServerContext&, ServerStream& stream) {
    if (!answers) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "not yet");
    v1::Frame frame;
    stream.Write(HelloOf(kRight, 22));
    while (stream.Read(&frame)) {
    }
    return grpc::Status::OK;
  });
  left_.Start(peer.address());
  left_.ends().Hold(Point::PRE_SEND_MESSAGE);
  ASSERT_TRUE(AwaitTold(tripoint::v1::LINK_EVENT_KIND_DIAL_FAILED, "LINK_LOST"));
  std::vector<std::unique_ptr<Caller>> callers;
  // Each takes the place of the one before, which cannot end. Nothing is dialled beside them.
  callers.push_back(std::make_unique<Caller>(left_));
  ASSERT_TRUE(left_.watch().Await([&] { return Status().stream != 0 && !Dials(); }));
  const StreamId first = Status().stream;
  while (callers.size() < 8) callers.push_back(std::make_unique<Caller>(left_));
  ASSERT_TRUE(left_.watch().Await([&] { return Status().stream == first + 7; }));
  answers = true;
  callers.back()->Cancel();
  ASSERT_TRUE(AwaitTold(tripoint::v1::LINK_EVENT_KIND_DIAL_FAILED, "LINK_DUPLICATE"));
  left_.ends().Release();
  callers.clear();
  EXPECT_TRUE(left_.watch().Await([&] { return Status().state == LinkState::kUp; }));
}

// Goal: the streams of a node are bounded also when none of them ends.
TEST_F(DriverPeers, TooManyStreamsOfANodeAreRefused) {
  left_.Start("");
  left_.ends().Hold();
  std::vector<std::unique_ptr<Caller>> callers;
  for (int i = 0; i < 256; ++i) callers.push_back(std::make_unique<Caller>(left_));
  // Its refusal is an end as well.
  grpc::Status refused;
  std::thread one_more([&] { refused = Caller(left_).End(); });
  ASSERT_TRUE(left_.watch().Await([&] { return left_.ends().held() >= 256; }));
  left_.ends().Release();
  one_more.join();
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(refused.error_message().rfind("QUEUE_FULL", 0), 0u) << refused.error_message();
  callers.clear();
  ExpectItGoesOn();
}

// Goal: a write that was under way when the stream broke fails later, and hurts nobody.
TEST_F(DriverPeers, StreamBreaksWhileAFrameIsWritten) {
  left_.Start("");
  left_.ends().Hold(Point::PRE_SEND_MESSAGE);
  {
    Caller caller(left_);
    ASSERT_TRUE(left_.watch().Await([&] { return Status().stream != 0; }));
  }
  ASSERT_TRUE(AwaitTold(tripoint::v1::LINK_EVENT_KIND_CLOSED, "LINK_LOST"));
  left_.ends().Release();
  ExpectItGoesOn();
}

TEST_F(DriverPeers, StopDoesNotWaitForAPeerThatTakesNothing) {
  left_.Start("");
  left_.ends().Hold(Point::PRE_SEND_MESSAGE);
  Caller caller(left_);
  ASSERT_TRUE(left_.watch().Await([&] { return Status().stream != 0; }));
  const absl::Time before = absl::Now();
  left_.driver().Stop();
  EXPECT_LT(absl::Now() - before, absl::Seconds(10));
  left_.ends().Release();
  left_.Stop();
}

// Goal: a stop that comes while a core is about to dial ends that call too. The driver waited for
// its end for ever, on a loop that it had stopped already.
TEST_F(DriverPeers, StopMeetsADialThatBegins) {
  Limits limits;
  limits.dial_ms = limits.dial_ms_max = 600'000;
  left_.set_limits(limits);
  left_.Start("127.0.0.1:1");  // nobody listens there
  ASSERT_TRUE(AwaitTold(tripoint::v1::LINK_EVENT_KIND_DIAL_FAILED, "LINK_LOST"));
  // The loop has seen that the next call is due and stands before it.
  SkippingClock::Gate gate;
  left_.clock().HoldNext(gate);
  left_.clock().Skip(600'000);
  ASSERT_TRUE(gate.reached.WaitForNotificationWithTimeout(kDeadline));
  absl::Notification running_no_more;
  std::atomic<int> returned = 0;
  const auto stop = [&] {
    left_.driver().Stop();
    if (++returned == 1) running_no_more.Notify();  // the other one has begun to stop it
  };
  std::thread one(stop);
  std::thread other(stop);
  running_no_more.WaitForNotification();
  gate.open.Notify();
  one.join();
  other.join();
  absl::Notification gone;
  std::thread end([&] {
    left_.Stop();
    gone.Notify();
  });
  ASSERT_TRUE(gone.WaitForNotificationWithTimeout(kDeadline));
  end.join();
}

TEST_F(DriverPeers, CallThatNobodyAnswersIsGivenUpAfterTwentySeconds) {
  absl::Notification called;
  absl::Notification over;
  Answerer peer([&](grpc::ServerContext&, ServerStream&) {
    if (!called.HasBeenNotified()) called.Notify();
    over.WaitForNotification();
    return grpc::Status::OK;
  });
  left_.Start(peer.address());
  ASSERT_TRUE(called.WaitForNotificationWithTimeout(kDeadline));
  EXPECT_EQ(Link().state(), tripoint::v1::LINK_STATE_CONNECTING);
  EXPECT_FALSE(Told(tripoint::v1::LINK_EVENT_KIND_DIAL_FAILED, "LINK_LOST").has_value());
  left_.clock().Skip(20'001);
  EXPECT_TRUE(AwaitTold(tripoint::v1::LINK_EVENT_KIND_DIAL_FAILED, "LINK_LOST"));
  over.Notify();
  left_.Stop();
}

// Goal: what a refused caller said about the link is no news after ten minutes.
TEST_F(DriverPeers, RefusedCallerIsForgotten) {
  left_.Start("");
  left_.driver().CallerRefused(
      kRight, contract::Error(absl::StatusCode::kUnauthenticated, Reason::kCertificateRevoked,
                              "revoked", "on the list", "none"));
  EXPECT_EQ(Link().reason_code(), "CERTIFICATE_REVOKED");
  left_.clock().Skip(10 * 60'000);
  EXPECT_EQ(Link().reason_code(), "");
}

TEST_F(DriverPeers, QuietLinkAndTheEndOfItAreTold) {
  StartBoth();
  left_.Append(v1::LANE_ROUTINE, 1);
  ASSERT_TRUE(left_.AwaitProven(v1::LANE_ROUTINE, 1));
  left_.clock().Skip(7000);
  ASSERT_TRUE(AwaitTold(tripoint::v1::LINK_EVENT_KIND_QUIET, ""));
  right_.Append(v1::LANE_FLASH, 1);
  ASSERT_TRUE(AwaitTold(tripoint::v1::LINK_EVENT_KIND_HEARD, ""));
  EXPECT_EQ(Status().counters.opened, 1u) << "it is the same stream";
}

TEST_F(DriverPeers, WhatIsShownOfALink) {
  left_.set_certificate_end_s(left_.clock().wall_ms() / 1000 + 10 * 86'400 + 60);
  left_.Start("");
  EXPECT_EQ(Link().state(), tripoint::v1::LINK_STATE_DOWN);
  EXPECT_EQ(Link().certificate_days_left(), 10);
  EXPECT_EQ(left_.driver().SentSize(kRight, v1::LANE_ROUTINE), 0u);
  tripoint::v1::Peer stranger;
  left_.driver().FillLink("la-attapeu", stranger);
  EXPECT_EQ(stranger.state(), tripoint::v1::LINK_STATE_UNSPECIFIED);
  // Growth of what is no channel of this driver is nobody's.
  left_.driver().OnCommitted(1, 1, {{"la-attapeu", 3}, {kRight, 9}});
  ExpectItGoesOn();
  EXPECT_EQ(left_.driver().SentSize(kRight, v1::LANE_ROUTINE), 3u);
  EXPECT_EQ(left_.driver().SentSize(kRight, 9), 0u);
  EXPECT_EQ(left_.driver().SentSize("la-attapeu", v1::LANE_ROUTINE), 0u);
  EXPECT_EQ(Link().state(), tripoint::v1::LINK_STATE_UP);
  right_.Stop();
  // More than was ever sent, says a peer with the same name.
  Answerer peer([&](grpc::ServerContext&, ServerStream& stream) {
    v1::Frame hello = HelloOf(kRight, 22);
    v1::Receipt& held = *hello.mutable_hello()->add_inbound();
    held.set_lane(v1::LANE_ROUTINE);
    held.set_epoch(11);
    held.set_size(7);
    held.set_root(std::string(32, 'r'));
    stream.Write(hello);
    v1::Frame frame;
    while (stream.Read(&frame)) {
    }
    return grpc::Status::OK;
  });
  left_.Stop();
  left_.Start(peer.address());
  EXPECT_TRUE(
      left_.watch().Await([&] { return Link().state() == tripoint::v1::LINK_STATE_QUARANTINED; }));
  left_.Stop();
}

// Goal: after a bundle the link is opened again with what the store then says.
TEST_F(DriverPeers, ChannelsAreReadAgainAfterABundle) {
  StartBoth();
  left_.Append(v1::LANE_ROUTINE, 2);
  ASSERT_TRUE(left_.AwaitProven(v1::LANE_ROUTINE, 2));
  left_.driver().MovedByHand("la-attapeu");
  left_.driver().MovedByHand(kRight);
  ASSERT_TRUE(left_.watch().Await([&] { return Status().counters.opened == 2; }));
  left_.Append(v1::LANE_ROUTINE, 2);
  EXPECT_TRUE(left_.AwaitProven(v1::LANE_ROUTINE, 4));
}

TEST_F(DriverPeers, DamagedChannelRefusesTheStart) {
  storage::Batch damage;
  damage.Put(storage::ChannelKey(storage::Space::kOutboundTail, kRight, v1::LANE_ROUTINE), "?");
  left_.engine().CommitBehind(damage);
  EXPECT_EQ(contract::ReasonOf(left_.TryStart("")), Reason::kCorrupt);
  left_.driver().MovedByHand(kRight);  // it has no core
  left_.Stop();
}

// Goal: a driver that nobody asks about its certificate or tells of a recovery does the same.
TEST_F(DriverPeers, WithoutOptionalSeamsALossIsMendedAllTheSame) {
  left_.set_bare();
  StartBoth();
  left_.Append(v1::LANE_ROUTINE, 5);
  ASSERT_TRUE(left_.AwaitProven(v1::LANE_ROUTINE, 5));
  EXPECT_EQ(Link().certificate_days_left(), -1);
  left_.Stop();
  left_.LoseStore(11, false);  // in the same epoch: the peer finds out
  left_.Start("");
  ASSERT_TRUE(left_.watch().Await(
      [&] { return left_.Channels().outbound[2].quarantine_reason == "CHANNEL_ROLLED_BACK"; }));
  left_.Stop();
  left_.LoseStore(12, true);
  left_.Start("");
  EXPECT_TRUE(left_.watch().Await([&] { return left_.Journalled("peer.return") > 0; }));
  EXPECT_EQ(left_.recovery_changes(), 0);
}

}  // namespace
}  // namespace tripoint::exchange
