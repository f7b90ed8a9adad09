// A node of one peer as the driver sees it: store, committer, driver and a real gRPC server on
// loopback, with signatures that cost nothing. For tests of the driver; the test's thread.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "proto/codes/registry.h"
#include "server/exchange/driver.h"
#include "server/operations/channels.h"
#include "server/operations/recovery.h"
#include "server/runtime/committer_thread.h"
#include "storage/channel_store.h"
#include "storage/committer_core.h"
#include "storage/fault_engine.h"
#include "storage/names.h"
#include "storage/schema.h"
#include "tests/unit/exchange/fakes.h"
#include "tripoint/store/v1/records.pb.h"

namespace tripoint::exchange {

inline constexpr absl::Duration kDeadline = absl::Seconds(30);

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

// The machine's clock, and as much later as a test says: what takes minutes is over at once.
class SkippingClock final : public runtime::Clock {
 public:
  std::int64_t wall_ms() const override {
    Gate* const gate = gate_.exchange(nullptr);
    if (gate != nullptr) {
      gate->reached.Notify();
      gate->open.WaitForNotification();
    }
    return clock_.wall_ms() + skipped_ms_;
  }
  std::int64_t monotonic_ms() const override { return clock_.monotonic_ms() + skipped_ms_; }
  void Skip(std::int64_t ms) { skipped_ms_ += ms; }

  // Who asks next what time it is waits until it is open. It outlives that.
  struct Gate {
    absl::Notification reached;
    absl::Notification open;
  };
  void HoldNext(Gate& gate) { gate_ = &gate; }

 private:
  const runtime::SystemClock clock_;
  std::atomic<std::int64_t> skipped_ms_ = 0;
  mutable std::atomic<Gate*> gate_ = nullptr;
};

// While it holds, no accepted stream that was finished comes to its end, or no frame on one is
// written, as with a peer that takes nothing any more.
class HeldEnds {
 public:
  using Point = grpc::experimental::InterceptionHookPoints;

  void Hold(Point point = Point::PRE_SEND_STATUS) {
    const absl::MutexLock lock(&mutex_);
    point_ = point;
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
  std::size_t held() const {
    const absl::MutexLock lock(&mutex_);
    return held_.size();
  }
  void Take(grpc::experimental::InterceptorBatchMethods* batch) {
    {
      const absl::MutexLock lock(&mutex_);
      if (holding_ && batch->QueryInterceptionHookPoint(point_)) {
        held_.push_back(batch);
        return;
      }
    }
    batch->Proceed();
  }

 private:
  mutable absl::Mutex mutex_;
  bool holding_ ABSL_GUARDED_BY(mutex_) = false;
  Point point_ ABSL_GUARDED_BY(mutex_) = Point::PRE_SEND_STATUS;
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
    EXPECT_TRUE(storage::InitializeStore(*engine_, unit_, epoch_, 1).ok());
  }
  ~TestNode() { Stop(); }

  // Whose certificate a caller shows, or why it is refused.
  void Serve(absl::StatusOr<std::string> caller) { caller_ = std::move(caller); }
  void Start(const std::string& peer_address) {
    const absl::Status started = TryStart(peer_address);
    ASSERT_TRUE(started.ok()) << started;
  }
  // Its port stays the same from one start to the next.
  absl::Status TryStart(const std::string& peer_address) {
    core_ = std::make_unique<storage::CommitterCore>(*engine_);
    core_->AddListener(watch_);
    DriverSeams seams{
        .facts = facts_,
        .epoch = epoch_,
        .software = "test",
        .engine = *engine_,
        .clock = clock_,
        .log = log_,
        .signer = signer_,
        .make_verifier =
            [](const std::string& unit) { return std::make_unique<FakeVerifier>(unit); },
        .make_credentials = [](const std::string&) { return grpc::InsecureChannelCredentials(); },
        .certificate_end_s = [this](const std::string&) { return certificate_end_s_; },
        .own_fault = [this] { return own_fault_; },
        .rolled_back = [this](const std::string& unit) { rolled_back_ = unit == peer_; },
        .recovery_changed = [this] { ++recovery_changes_; },
        .unit_of_call = [this](const grpc::ServerContextBase&) -> absl::StatusOr<std::string> {
          return caller_;
        },
        .limits = limits_};
    if (bare_) {
      seams.certificate_end_s = {};
      seams.own_fault = {};
      seams.rolled_back = {};
      seams.recovery_changed = {};
    }
    driver_ = std::make_unique<Driver>(
        std::move(seams),
        std::vector<DriverPeer>{{.unit = peer_, .address = peer_address, .jitter_seed = 1}});
    core_->AddListener(*driver_);
    committer_ = std::make_unique<runtime::CommitterThread>(
        *core_, *engine_, clock_, [](const absl::Status&) {}, [] { return std::nullopt; });
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:" + std::to_string(port_),
                             grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&driver_->service());
    std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> creators;
    creators.push_back(std::make_unique<HoldingInterceptors>(ends_));
    builder.experimental().SetInterceptorCreators(std::move(creators));
    server_ = builder.BuildAndStart();
    EXPECT_NE(server_, nullptr);
    return driver_->Start(*committer_);
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

  // While it is stopped: its disk is gone, and it begins with an empty store in `epoch`. After a
  // loss that its people know of, it asks for what it had before it shares anything.
  void LoseStore(std::uint64_t epoch, bool known) {
    engine_ = std::make_unique<storage::FaultEngine>();
    epoch_ = epoch;
    EXPECT_TRUE(storage::InitializeStore(*engine_, unit_, epoch_, 1, known).ok());
    EXPECT_TRUE(operations::CompleteEpoch(facts_, *engine_, 1).ok());
  }
  // While it is stopped: as a start after a loss, or of a restored backup.
  void BeginEpoch(std::uint64_t epoch, std::string_view cause) {
    epoch_ = epoch;
    EXPECT_TRUE(operations::BeginEpoch(*engine_, epoch, cause, 1).ok());
    EXPECT_TRUE(operations::CompleteEpoch(facts_, *engine_, 1).ok());
  }
  // Runs it to its end and gives its answer.
  absl::Status Run(storage::Operation operation) {
    absl::Notification answered;
    absl::Status answer;
    committer_->Submit(std::move(operation), [&](const absl::Status& status) {
      answer = status;
      answered.Notify();
    });
    answered.WaitForNotification();
    return answer;
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
      const auto channels = operations::LoadChannels(*engine_, peer_);
      return channels.ok() && channels->outbound[LaneIndex(lane)].receipted.size() == size;
    });
  }
  operations::PeerChannels Channels() const { return *operations::LoadChannels(*engine_, peer_); }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  Driver& driver() { return *driver_; }
  CommitWatch& watch() { return watch_; }
  storage::FaultEngine& engine() { return *engine_; }
  const operations::NodeFacts& facts() const { return facts_; }
  bool rolled_back() const { return rolled_back_; }
  int recovery_changes() const { return recovery_changes_; }
  HeldEnds& ends() { return ends_; }
  void set_limits(const Limits& limits) { limits_ = limits; }
  void set_own_fault(absl::Status fault) { own_fault_ = std::move(fault); }
  void set_certificate_end_s(std::int64_t end_s) { certificate_end_s_ = end_s; }
  // Without what a driver need not have.
  void set_bare() { bare_ = true; }
  SkippingClock& clock() { return clock_; }
  // Journal entries with this action. Their key space is 4 (docs/storage-layout.md).
  int Journalled(std::string_view action) const {
    int count = 0;
    const auto snapshot = engine_->TakeSnapshot();
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
      const auto page = storage::ListQuarantine(*engine_->TakeSnapshot(), resume, 500);
      EXPECT_TRUE(page.ok());
      for (const store::v1::QuarantineRecord& record : page->records) {
        if (record.outbound() || record.lane() != static_cast<std::uint32_t>(lane)) continue;
        const auto entry = storage::GetInboundEntry(
            *engine_, {peer_, static_cast<std::uint8_t>(lane)}, record.epoch(), record.position());
        bytes += (*entry)->size() + 1024;
      }
      resume = page->resume;
    } while (!resume.empty());
    return bytes;
  }

 private:
  const std::string unit_;
  const std::string peer_;
  std::uint64_t epoch_;
  absl::StatusOr<std::string> caller_;
  SkippingClock clock_;
  runtime::Log log_{clock_, runtime::Level::kError};
  FakeSigner signer_;
  codes::Registry registry_ = *codes::Registry::Load();
  contract::Validator validator_;
  operations::NodeFacts facts_;
  HeldEnds ends_;
  Limits limits_;
  absl::Status own_fault_;
  std::optional<std::int64_t> certificate_end_s_;
  bool bare_ = false;
  std::unique_ptr<storage::FaultEngine> engine_ = std::make_unique<storage::FaultEngine>();
  std::atomic<bool> rolled_back_ = false;
  std::atomic<int> recovery_changes_ = 0;
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

}  // namespace tripoint::exchange
