// Goal: two drivers over real gRPC streams on loopback bring everything across and proven, through
// restarts and with a peer that cannot be reached, and stop promptly.
#include "server/exchange/driver.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "proto/codes/registry.h"
#include "server/exchange/driver_streams.h"
#include "server/operations/channels.h"
#include "server/runtime/committer_thread.h"
#include "storage/channel_store.h"
#include "storage/committer_core.h"
#include "storage/memory_engine.h"
#include "storage/names.h"
#include "storage/schema.h"
#include "tests/unit/exchange/fakes.h"
#include "tripoint/store/v1/records.pb.h"

namespace tripoint::exchange {
namespace {

constexpr absl::Duration kDeadline = absl::Seconds(30);

// Lets a test wait for commits instead of sleeping.
class CommitWatch final : public storage::CommitListener {
 public:
  void OnCommitted(std::uint64_t, std::uint64_t last,
                   const std::vector<storage::ChannelName>&) override {
    const absl::MutexLock lock(&mutex_);
    last_ = last;
  }
  // True when `done()` held before the deadline; asked again after each commit.
  template <typename Done>
  bool Await(const Done& done) {
    const absl::Time end = absl::Now() + kDeadline;
    while (!done()) {
      const absl::MutexLock lock(&mutex_);
      const std::uint64_t seen = last_;
      const auto moved = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return last_ != seen; };
      if (absl::Now() > end) return false;
      mutex_.AwaitWithTimeout(absl::Condition(&moved), absl::Milliseconds(100));
    }
    return true;
  }

 private:
  absl::Mutex mutex_;
  std::uint64_t last_ ABSL_GUARDED_BY(mutex_) = 0;
};

// While it holds, no accepted stream that was finished comes to its end, as with a peer that takes
// nothing any more.
class HeldEnds {
 public:
  void Hold() {
    const absl::MutexLock lock(&mutex_);
    holding_ = true;
  }
  void Release() {
    std::vector<grpc::experimental::InterceptorBatchMethods*> held;
    {
      const absl::MutexLock lock(&mutex_);
      holding_ = false;
      held.swap(held_);
    }
    for (auto* batch : held) batch->Proceed();
  }
  void Take(grpc::experimental::InterceptorBatchMethods* batch) {
    {
      const absl::MutexLock lock(&mutex_);
      using grpc::experimental::InterceptionHookPoints;
      if (holding_ && batch->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
        held_.push_back(batch);
        return;
      }
    }
    batch->Proceed();
  }

 private:
  absl::Mutex mutex_;
  bool holding_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<grpc::experimental::InterceptorBatchMethods*> held_ ABSL_GUARDED_BY(mutex_);
};

class HoldingInterceptors final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit HoldingInterceptors(HeldEnds& ends) : ends_(ends) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* /*info*/) override {
    return new OfCall(ends_);  // gRPC owns it
  }

 private:
  class OfCall final : public grpc::experimental::Interceptor {
   public:
    explicit OfCall(HeldEnds& ends) : ends_(ends) {}
    void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
      ends_.Take(methods);
    }

   private:
    HeldEnds& ends_;
  };
  HeldEnds& ends_;
};

class TestNode {
 public:
  TestNode(std::string unit, std::string peer, std::uint64_t epoch)
      : unit_(unit), peer_(std::move(peer)), epoch_(epoch), signer_(unit), validator_(registry_) {
    facts_.unit = unit_;
    facts_.vocabulary = &registry_;
    facts_.validator = &validator_;
    facts_.paired.insert(peer_);
    EXPECT_TRUE(storage::InitializeStore(engine_, unit_, epoch_, 1).ok());
  }
  ~TestNode() { Stop(); }

  // The port is known after this; streams are taken after Start.
  void Serve(std::string caller) { caller_ = std::move(caller); }
  void Start(const std::string& peer_address) {
    core_ = std::make_unique<storage::CommitterCore>(engine_);
    core_->AddListener(watch_);
    DriverSeams seams{
        .facts = facts_,
        .epoch = epoch_,
        .software = "test",
        .engine = engine_,
        .clock = clock_,
        .log = log_,
        .signer = signer_,
        .make_verifier =
            [](const std::string& unit) { return std::make_unique<FakeVerifier>(unit); },
        .make_credentials = [](const std::string&) { return grpc::InsecureChannelCredentials(); },
        .certificate_end_s = [](const std::string&) { return std::nullopt; },
        .own_fault = [this] { return own_fault_; },
        .unit_of_call = [this](const grpc::ServerContextBase&) -> absl::StatusOr<std::string> {
          return caller_;
        },
        .limits = limits_};
    driver_ = std::make_unique<Driver>(
        std::move(seams),
        std::vector<DriverPeer>{{.unit = peer_, .address = peer_address, .jitter_seed = 1}});
    core_->AddListener(*driver_);
    committer_ = std::make_unique<runtime::CommitterThread>(
        *core_, engine_, clock_, [](const absl::Status&) {}, [] { return std::nullopt; });
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:" + std::to_string(port_),
                             grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&driver_->service());
    std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> creators;
    creators.push_back(std::make_unique<HoldingInterceptors>(ends_));
    builder.experimental().SetInterceptorCreators(std::move(creators));
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    ASSERT_TRUE(driver_->Start(*committer_).ok());
  }
  void Stop() {
    if (driver_ == nullptr) return;
    driver_->Stop();
    server_->Shutdown();
    committer_->Stop();
    committer_.reset();
    server_.reset();
    driver_.reset();
    core_.reset();
  }

  // Not valid envelopes: they are stored, refused, and the refusals come back.
  void Append(v1::Lane lane, int count) {
    committer_->Submit(
        [this, lane, count](storage::Transaction& transaction) {
          for (int i = 0; i < count; ++i) {
            const auto number = storage::NextNumber(transaction, storage::Kind::kEnvelope, 0);
            if (!number.ok()) return number.status();
            const std::string bytes = "not an envelope " + std::to_string(*number);
            storage::PutEnvelope(transaction, *number, bytes);
            const auto position =
                storage::AppendOutbound(transaction, {peer_, static_cast<std::uint8_t>(lane)},
                                        *number, storage::LeafHash(bytes));
            if (!position.ok()) return position.status();
          }
          store::v1::JournalEntry entry;
          entry.set_action("test.append");
          transaction.Journal(entry);
          return absl::OkStatus();
        },
        [](const absl::Status& status) { EXPECT_TRUE(status.ok()) << status; });
  }

  // Marks the lane from the peer as stopped; the core knows from its next start on.
  void StopInbound(v1::Lane lane, const std::string& reason) {
    auto stop = operations::QuarantineChannel(facts_, {.peer = peer_,
                                                       .lane = static_cast<std::uint8_t>(lane),
                                                       .outbound = false,
                                                       .reason_code = reason,
                                                       .text = "told by the test"});
    committer_->Submit(std::move(stop.operation),
                       [](const absl::Status& status) { EXPECT_TRUE(status.ok()) << status; });
  }

  // All `size` envelopes of the lane have a durable receipt here.
  bool AwaitProven(v1::Lane lane, std::uint64_t size) {
    return watch_.Await([&] {
      const auto channels = operations::LoadChannels(engine_, peer_);
      return channels.ok() && channels->outbound[LaneIndex(lane)].receipted.size() == size;
    });
  }
  operations::PeerChannels Channels() const { return *operations::LoadChannels(engine_, peer_); }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  Driver& driver() { return *driver_; }
  CommitWatch& watch() { return watch_; }
  HeldEnds& ends() { return ends_; }
  void set_limits(const Limits& limits) { limits_ = limits; }
  void set_own_fault(absl::Status fault) { own_fault_ = std::move(fault); }
  // Journal entries with this action. Their key space is 4 (docs/storage-layout.md).
  int Journalled(std::string_view action) const {
    int count = 0;
    const auto snapshot = engine_.TakeSnapshot();
    const auto cursor = snapshot->NewCursor(std::string(1, static_cast<char>(0x04)),
                                            std::string(1, static_cast<char>(0x05)));
    for (; cursor->Valid(); cursor->Next()) {
      store::v1::JournalEntry entry;
      const auto size = static_cast<int>(cursor->value().size());
      if (entry.ParseFromArray(cursor->value().data(), size) && entry.action() == action) ++count;
    }
    return count;
  }
  std::uint64_t RefusedBytes(v1::Lane lane) const {
    std::uint64_t bytes = 0;
    std::string resume;
    do {
      const auto page = storage::ListQuarantine(*engine_.TakeSnapshot(), resume, 500);
      EXPECT_TRUE(page.ok());
      for (const store::v1::QuarantineRecord& record : page->records) {
        if (record.outbound() || record.lane() != static_cast<std::uint32_t>(lane)) continue;
        const auto entry = storage::GetInboundEntry(
            engine_, {peer_, static_cast<std::uint8_t>(lane)}, record.epoch(), record.position());
        bytes += (*entry)->size() + 1024;
      }
      resume = page->resume;
    } while (!resume.empty());
    return bytes;
  }

 private:
  const std::string unit_;
  const std::string peer_;
  const std::uint64_t epoch_;
  std::string caller_;
  runtime::SystemClock clock_;
  runtime::Log log_{clock_, runtime::Level::kError};
  FakeSigner signer_;
  codes::Registry registry_ = *codes::Registry::Load();
  contract::Validator validator_;
  operations::NodeFacts facts_;
  HeldEnds ends_;
  Limits limits_;
  absl::Status own_fault_;
  storage::MemoryEngine engine_;
  CommitWatch watch_;
  std::unique_ptr<storage::CommitterCore> core_;
  std::unique_ptr<Driver> driver_;
  std::unique_ptr<runtime::CommitterThread> committer_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

class DriverTest : public ::testing::Test {
 protected:
  DriverTest() {
    left_.Serve("vn-quangngai");
    right_.Serve("kh-ratanakiri");
  }
  // The left one is dialled, as behind a one-way firewall.
  void StartBoth() {
    left_.Start("");
    right_.Start(left_.address());
  }
  TestNode left_{"kh-ratanakiri", "vn-quangngai", 11};
  TestNode right_{"vn-quangngai", "kh-ratanakiri", 22};
};

TEST_F(DriverTest, BothWaysThenAllIsProvenAndRefusalsAreTold) {
  StartBoth();
  left_.Append(v1::LANE_ROUTINE, 300);
  right_.Append(v1::LANE_FLASH, 5);
  right_.Append(v1::LANE_PRIORITY, 40);
  ASSERT_TRUE(left_.AwaitProven(v1::LANE_ROUTINE, 300));
  ASSERT_TRUE(right_.AwaitProven(v1::LANE_FLASH, 5));
  ASSERT_TRUE(right_.AwaitProven(v1::LANE_PRIORITY, 40));
  EXPECT_EQ(left_.Channels().outbound[2].frontier.Root(),
            right_.Channels().inbound[2].frontier.Root());
  EXPECT_EQ(right_.Channels().outbound[1].frontier.Root(),
            left_.Channels().inbound[1].frontier.Root());
  const std::optional<LinkStatus> status = left_.driver().StatusOf("vn-quangngai");
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->state, LinkState::kUp);
  EXPECT_FALSE(status->dialled_by_us);
}

TEST_F(DriverTest, PeerIsRestartedThenItGoesOnFromWhereItStood) {
  StartBoth();
  left_.Append(v1::LANE_ROUTINE, 50);
  ASSERT_TRUE(left_.AwaitProven(v1::LANE_ROUTINE, 50));
  right_.Stop();
  left_.Append(v1::LANE_ROUTINE, 50);
  right_.Start(left_.address());
  ASSERT_TRUE(left_.AwaitProven(v1::LANE_ROUTINE, 100));
  EXPECT_EQ(right_.Channels().inbound[2].frontier.size(), 100u);
}

TEST_F(DriverTest, BothDialThenOneStreamIsKeptAndAllArrives) {
  left_.Start("");
  right_.Start("");
  const std::string left_address = left_.address();
  const std::string right_address = right_.address();
  left_.Stop();
  right_.Stop();
  left_.Start(right_address);
  right_.Start(left_address);
  left_.Append(v1::LANE_FLASH, 3);
  right_.Append(v1::LANE_FLASH, 4);
  EXPECT_TRUE(left_.AwaitProven(v1::LANE_FLASH, 3));
  EXPECT_TRUE(right_.AwaitProven(v1::LANE_FLASH, 4));
}

TEST_F(DriverTest, KeysAreReplacedThenTheLinkComesBackAndGoesOn) {
  StartBoth();
  left_.Append(v1::LANE_FLASH, 1);
  ASSERT_TRUE(left_.AwaitProven(v1::LANE_FLASH, 1));
  left_.driver().ReplaceKeys([] {});
  left_.Append(v1::LANE_FLASH, 1);
  EXPECT_TRUE(left_.AwaitProven(v1::LANE_FLASH, 2));
  EXPECT_EQ(left_.driver().StatusOf("vn-quangngai")->counters.opened, 2u);
}

// Goal: what only the link knows, that the peer stopped a lane of ours, is told for that lane, for
// as long as there is a link that says so.
TEST_F(DriverTest, PeerStoppedALaneThenThatLaneSaysWhyUntilTheLinkEnds) {
  StartBoth();
  left_.Append(v1::LANE_ROUTINE, 1);
  ASSERT_TRUE(left_.AwaitProven(v1::LANE_ROUTINE, 1));
  right_.StopInbound(v1::LANE_ROUTINE, "CHANNEL_FORK");
  right_.Stop();
  right_.Start(left_.address());
  const auto why = [this](v1::Lane lane) {
    return left_.driver().StoppedByPeer("vn-quangngai", static_cast<std::uint8_t>(lane));
  };
  ASSERT_TRUE(left_.watch().Await([&] { return why(v1::LANE_ROUTINE) == "CHANNEL_FORK"; }));
  EXPECT_EQ(why(v1::LANE_FLASH), "");
  EXPECT_EQ(why(v1::LANE_PRIORITY), "");
  EXPECT_EQ(left_.driver().StoppedByPeer("la-attapeu", 3), "");
  EXPECT_EQ(left_.driver().StoppedByPeer("vn-quangngai", 9), "");
  tripoint::v1::Peer peer;
  left_.driver().FillLink("vn-quangngai", peer);
  EXPECT_EQ(peer.state(), tripoint::v1::LINK_STATE_QUARANTINED);
  EXPECT_EQ(peer.reason_code(), "CHANNEL_FORK");
  right_.Stop();
  EXPECT_TRUE(left_.watch().Await([&] { return why(v1::LANE_ROUTINE).empty(); }));
}

TEST_F(DriverTest, PeerCannotBeReachedThenItSaysSoAndStopsAtOnce) {
  left_.Start("127.0.0.1:1");  // nobody listens there
  ASSERT_TRUE(left_.watch().Await(
      [&] { return left_.driver().StatusOf("vn-quangngai")->next_dial_ms > 0; }));
  tripoint::v1::Peer peer;
  left_.driver().FillLink("vn-quangngai", peer);
  EXPECT_EQ(peer.reason_code(), "LINK_LOST");
  EXPECT_GT(peer.next_dial_time_ms(), 0);
  tripoint::v1::ListLinkEventsResponse trace;
  left_.driver().FillTrace("vn-quangngai", trace);
  ASSERT_EQ(trace.events_size(), 2);
  EXPECT_EQ(trace.events(0).kind(), tripoint::v1::LINK_EVENT_KIND_DIAL_FAILED);
  EXPECT_EQ(trace.events(0).reason_code(), "LINK_LOST");
  EXPECT_FALSE(trace.events(0).reason_text().empty());
  const absl::Time before = absl::Now();
  left_.Stop();
  EXPECT_LT(absl::Now() - before, absl::Seconds(10));
}

// Goal: the trace tells the life of a link in its order, on both sides, and why each part ended.
// Keeps what is left of the last stream until the test takes it.
class Ends final : public StreamObserver {
 public:
  void OnOpened(StreamId) override {}
  void OnFrame(StreamId, std::unique_ptr<v1::Frame>) override {}
  void OnReadEnd(StreamId) override { read_end.Notify(); }
  void OnWritten(StreamId, bool) override {}
  void OnCut(StreamId) override {}
  void OnEnded(StreamId, const absl::Status&) override {}
  void OnGone(std::shared_ptr<void> left) override {
    rest = std::move(left);
    gone.Notify();
  }

  absl::Notification read_end;
  absl::Notification gone;
  std::shared_ptr<void> rest;
};

// Goal: the last channel of a process that has no server yet does not end on a thread of gRPC's,
// which would wait for itself and then use what it has freed (ASan: a double free, each time).
TEST(DialledStreamTest, LastChannelOfAProcessEndsOnAnotherThreadThanGrpcs) {
  for (int dials = 0; dials < 20; ++dials) {
    Ends ends;
    auto* stream = new DialledStream(
        1, ends, grpc::CreateChannel("127.0.0.1:1", grpc::InsecureChannelCredentials()));
    stream->Start();
    ASSERT_TRUE(ends.read_end.WaitForNotificationWithTimeout(absl::Seconds(20)));
    stream->Release();
    ASSERT_TRUE(ends.gone.WaitForNotificationWithTimeout(absl::Seconds(20)));
    ASSERT_NE(ends.rest, nullptr);
    EXPECT_EQ(ends.rest.use_count(), 1) << "nobody else drops it";
  }
}

TEST_F(DriverTest, TraceTellsTheLifeOfTheLink) {
  namespace api = tripoint::v1;
  // Oldest first, as `kind`, `kind:lane` or `kind:REASON`.
  const auto trace = [](TestNode& node, const char* peer) {
    api::ListLinkEventsResponse response;
    node.driver().FillTrace(peer, response);
    EXPECT_GT(response.begin_time_ms(), 0);
    std::vector<std::string> said;
    for (auto event = response.events().rbegin(); event != response.events().rend(); ++event) {
      std::string text = api::LinkEventKind_Name(event->kind()).substr(sizeof("LINK_EVENT_KIND"));
      text += event->outbound() ? " out" : "";
      if (!event->lane().empty()) text += " " + event->lane();
      if (!event->reason_code().empty()) text += " " + event->reason_code();
      said.push_back(text);
    }
    return said;
  };
  const auto has = [](const std::vector<std::string>& said, const std::string& text) {
    return std::find(said.begin(), said.end(), text) != said.end();
  };
  left_.Start("");
  left_.driver().CallerRefused("vn-quangngai", contract::Error(absl::StatusCode::kUnauthenticated,
                                                               Reason::kCertificateRevoked,
                                                               "revoked", "on the list", "none"));
  right_.Start(left_.address());
  right_.Append(v1::LANE_FLASH, 2);
  ASSERT_TRUE(right_.AwaitProven(v1::LANE_FLASH, 2));
  EXPECT_EQ(trace(left_, "vn-quangngai"),
            (std::vector<std::string>{"CALLER_REFUSED CERTIFICATE_REVOKED", "OPENED", "UP",
                                      "BATCH flash", "RECEIPT out flash"}));
  EXPECT_EQ(trace(right_, "kh-ratanakiri"),
            (std::vector<std::string>{"DIALLING out", "OPENED out", "UP", "BATCH out flash",
                                      "RECEIPT flash"}));
  right_.Stop();
  ASSERT_TRUE(left_.watch().Await(
      [&] { return has(trace(left_, "vn-quangngai"), "CLOSED SHUTTING_DOWN"); }));
  api::ListLinkEventsResponse none;
  left_.driver().FillTrace("la-attapeu", none);
  EXPECT_EQ(none.events_size(), 0);
}

TEST_F(DriverTest, RefusedEnvelopesWithoutEndThenTheChannelStopsAndGoesOnWhenThereIsRoom) {
  Limits limits;
  limits.refused_bytes_burst = 200'000;
  limits.refused_bytes_a_second = 1;
  limits.batch_items_max = 20;
  left_.set_limits(limits);
  right_.set_limits(limits);
  StartBoth();
  right_.Append(v1::LANE_ROUTINE, 2000);  // all of them are refused
  right_.Append(v1::LANE_FLASH, 5);
  const auto stopped = [&] {
    return left_.Channels().inbound[2].quarantine_reason == "QUARANTINE_FULL";
  };
  ASSERT_TRUE(left_.watch().Await(stopped));
  ASSERT_TRUE(right_.AwaitProven(v1::LANE_FLASH, 5)) << "the other channels go on";
  // The peer learns it, and shows it.
  ASSERT_TRUE(right_.watch().Await([&] {
    return right_.driver().StatusOf("kh-ratanakiri")->lanes[2].stopped_by_peer == "QUARANTINE_FULL";
  }));
  tripoint::v1::Peer peer;
  left_.driver().FillLink("vn-quangngai", peer);
  EXPECT_EQ(peer.state(), tripoint::v1::LINK_STATE_QUARANTINED);
  // A window may have been under way: twice eight batches of twenty small ones.
  const std::uint64_t held = left_.RefusedBytes(v1::LANE_ROUTINE);
  EXPECT_GE(held, 200'000u);
  EXPECT_LT(held, 200'000u + 16 * 20 * 1100);
  EXPECT_LT(left_.Channels().inbound[2].frontier.size(), 2000u);
  EXPECT_EQ(left_.Journalled("peer.quarantine"), 1);
  // Another stream alone makes no room.
  left_.driver().ReplaceKeys([] {});
  ASSERT_TRUE(left_.watch().Await(
      [&] { return left_.driver().StatusOf("vn-quangngai")->counters.opened == 2; }));
  EXPECT_TRUE(stopped());
  EXPECT_EQ(left_.Journalled("peer.quarantine"), 1);
  // A restart does: the operators have mended what was wrong.
  left_.Stop();
  limits.refused_bytes_burst = 100'000'000;
  left_.set_limits(limits);
  left_.Start("");
  EXPECT_TRUE(right_.AwaitProven(v1::LANE_ROUTINE, 2000));
  EXPECT_EQ(left_.Channels().inbound[2].quarantine_reason, "");
  EXPECT_EQ(left_.Journalled("peer.resume"), 1);
}

TEST_F(DriverTest, StreamIsOldThenItIsMadeAnewWhoeverDialled) {
  Limits limits;
  limits.stream_age_ms = 600;
  right_.set_limits(limits);  // it dials; the other side would keep the stream for an hour
  StartBoth();
  ASSERT_TRUE(left_.watch().Await(
      [&] { return left_.driver().StatusOf("vn-quangngai")->counters.opened >= 2; }));
  right_.Append(v1::LANE_FLASH, 3);
  EXPECT_TRUE(right_.AwaitProven(v1::LANE_FLASH, 3));
}

TEST_F(DriverTest, RefusedWithoutAWordThenItsOwnCertificateIsExplained) {
  left_.set_own_fault(contract::Error(absl::StatusCode::kUnauthenticated,
                                      Reason::kCertificateExpired, "The certificate has expired",
                                      "It was valid until yesterday",
                                      "Renew it: tripointd ca issue"));
  left_.Start("127.0.0.1:1");
  ASSERT_TRUE(left_.watch().Await(
      [&] { return left_.driver().StatusOf("vn-quangngai")->next_dial_ms > 0; }));
  tripoint::v1::Peer peer;
  left_.driver().FillLink("vn-quangngai", peer);
  EXPECT_EQ(peer.reason_code(), "CERTIFICATE_EXPIRED");
  EXPECT_EQ(peer.reason_text(),
            "this node's own certificate. The certificate has expired: It was valid until "
            "yesterday. Renew it: tripointd ca issue");
}

TEST_F(DriverTest, CallerWasRefusedThenTheLinkSaysWhyUntilItIsUp) {
  left_.Start("");
  left_.driver().CallerRefused("la-attapeu", absl::UnauthenticatedError("no peer of ours"));
  left_.driver().CallerRefused(
      "vn-quangngai",
      contract::Error(absl::StatusCode::kUnauthenticated, Reason::kCertificateRevoked,
                      "The certificate was revoked\n", "It is on the list", "none"));
  tripoint::v1::Peer peer;
  left_.driver().FillLink("vn-quangngai", peer);
  EXPECT_EQ(peer.reason_code(), "CERTIFICATE_REVOKED");
  EXPECT_EQ(peer.reason_text().find('\n'), std::string::npos);
  EXPECT_NE(peer.reason_text().find("in the name of vn-quangngai was refused here"),
            std::string::npos)
      << peer.reason_text();
  right_.Start(left_.address());
  ASSERT_TRUE(left_.watch().Await(
      [&] { return left_.driver().StatusOf("vn-quangngai")->state == LinkState::kUp; }));
  peer.Clear();
  left_.driver().FillLink("vn-quangngai", peer);
  EXPECT_EQ(peer.reason_code(), "");
}

TEST_F(DriverTest, FinishedStreamDoesNotEndThenStopIsBoundedAllTheSame) {
  StartBoth();
  left_.Append(v1::LANE_FLASH, 1);
  ASSERT_TRUE(left_.AwaitProven(v1::LANE_FLASH, 1));
  left_.ends().Hold();
  const absl::Time before = absl::Now();
  left_.driver().Stop();
  EXPECT_LT(absl::Now() - before, absl::Seconds(10));
  left_.ends().Release();
  left_.Stop();  // what was left ends with the server, before the driver is gone
}

TEST_F(DriverTest, UnpairedCallerThenRefusedWithReason) {
  left_.Serve("la-attapeu");
  left_.Start("");
  auto stub = v1::ExchangeService::NewStub(
      grpc::CreateChannel(left_.address(), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  auto stream = stub->Link(&context);
  v1::Frame frame;
  EXPECT_FALSE(stream->Read(&frame));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(status.error_message().rfind("UNIT_NOT_PAIRED", 0), 0u) << status.error_message();
}

}  // namespace
}  // namespace tripoint::exchange
