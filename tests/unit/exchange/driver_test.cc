// Goal: two drivers over real gRPC streams on loopback bring everything across and proven, through
// restarts and with a peer that cannot be reached, and stop promptly.
#include "server/exchange/driver.h"

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "proto/codes/registry.h"
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
        .unit_of_call = [this](const grpc::ServerContextBase&) -> absl::StatusOr<std::string> {
          return caller_;
        },
        .limits = {}};
    driver_ = std::make_unique<Driver>(
        std::move(seams),
        std::vector<DriverPeer>{{.unit = peer_, .address = peer_address, .jitter_seed = 1}});
    core_->AddListener(*driver_);
    committer_ = std::make_unique<runtime::CommitterThread>(*core_, engine_, clock_,
                                                            [](const absl::Status&) {});
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:" + std::to_string(port_),
                             grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&driver_->service());
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

TEST_F(DriverTest, PeerCannotBeReachedThenItSaysSoAndStopsAtOnce) {
  left_.Start("127.0.0.1:1");  // nobody listens there
  ASSERT_TRUE(left_.watch().Await(
      [&] { return left_.driver().StatusOf("vn-quangngai")->next_dial_ms > 0; }));
  tripoint::v1::Peer peer;
  left_.driver().FillLink("vn-quangngai", peer);
  EXPECT_EQ(peer.reason_code(), "LINK_LOST");
  EXPECT_GT(peer.next_dial_time_ms(), 0);
  const absl::Time before = absl::Now();
  left_.Stop();
  EXPECT_LT(absl::Now() - before, absl::Seconds(10));
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
