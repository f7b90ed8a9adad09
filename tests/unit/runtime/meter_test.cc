// Goal: through a real gRPC server behind the gate, honest traffic of every shape is never cut,
// however much it is, while a peer that floods below the messages is. Insecure credentials: TLS is
// tested in tests/unit/certs.
#include <arpa/inet.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "server/runtime/connection_meter.h"
#include "server/runtime/gate.h"
#include "tripoint/exchange/v1/exchange.grpc.pb.h"
#include "tripoint/v1/node.grpc.pb.h"

namespace tripoint::runtime {
namespace {

constexpr int kDeadlineMs = 20'000;
constexpr int kChanges = 2000;
constexpr int kStreams = 100;
constexpr std::size_t kFrameText = 1600;

// Answers at once; streams kChanges large changes to a watcher.
class Service final : public v1::NodeService::CallbackService {
 public:
  explicit Service(const std::unique_ptr<Gate>& gate) : gate_(gate) {}

  grpc::ServerUnaryReactor* GetPeer(grpc::CallbackServerContext* context,
                                    const v1::GetPeerRequest* request, v1::Peer* answer) override {
    gate_->CountCall(context->peer(), request->ByteSizeLong());  // as the node's services do
    answer->set_unit("la-attapeu");
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  grpc::ServerWriteReactor<v1::Change>* WatchChanges(
      grpc::CallbackServerContext* /*context*/,
      const v1::WatchChangesRequest* /*request*/) override {
    class Stream final : public grpc::ServerWriteReactor<v1::Change> {
     public:
      Stream() {
        change_.set_action(std::string(8192, 'x'));
        Next();
      }
      void OnWriteDone(bool ok) override { ok ? Next() : Finish(grpc::Status::CANCELLED); }
      void OnDone() override { delete this; }

     private:
      void Next() {
        if (sent_++ == kChanges) {
          Finish(grpc::Status::OK);
        } else {
          StartWrite(&change_);
        }
      }
      int sent_ = 0;
      v1::Change change_;
    };
    return new Stream();  // gRPC's reactors end themselves
  }

 private:
  const std::unique_ptr<Gate>& gate_;  // made before the first call
};

// Of each stream hears one frame and says one, at the same time.
class LinkService final : public exchange::v1::ExchangeService::CallbackService {
 public:
  grpc::ServerBidiReactor<exchange::v1::Frame, exchange::v1::Frame>* Link(
      grpc::CallbackServerContext* context) override {
    class Stream final : public grpc::ServerBidiReactor<exchange::v1::Frame, exchange::v1::Frame> {
     public:
      Stream() {
        said_.mutable_goodbye()->set_text(std::string(kFrameText, 'x'));
        StartRead(&heard_);
        speaker_ = std::thread([this] { StartWrite(&said_); });
      }
      void OnReadDone(bool /*ok*/) override { OneDone(); }
      void OnWriteDone(bool /*ok*/) override { OneDone(); }
      void OnDone() override {
        speaker_.join();
        delete this;
      }

     private:
      void OneDone() {
        if (left_.fetch_sub(1) == 1) Finish(grpc::Status::OK);
      }
      std::atomic<int> left_{2};
      exchange::v1::Frame heard_;
      exchange::v1::Frame said_;
      std::thread speaker_;
    };
    const absl::MutexLock lock(&mutex_);
    peer_ = context->peer();
    return new Stream();  // gRPC's reactors end themselves
  }
  std::string peer() {
    const absl::MutexLock lock(&mutex_);
    return peer_;
  }

 private:
  absl::Mutex mutex_;
  std::string peer_ ABSL_GUARDED_BY(mutex_);
};

class MeterTest : public testing::Test {
 protected:
  void SetUp() override {
    GateLimits limits;
    limits.wire_free_bytes = 256 << 10;
    limits.check_interval_ms = 5;
    auto gate = Gate::Listen("test", "127.0.0.1:0", limits, clock_, log_);
    ASSERT_TRUE(gate.ok());
    gate_ = *std::move(gate);
    grpc::ServerBuilder builder;
    acceptor_ = builder.experimental().AddExternalConnectionAcceptor(
        grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
        grpc::InsecureServerCredentials());
    std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>>
        interceptors;
    interceptors.push_back(MakeConnectionMeter(*gate_));
    builder.experimental().SetInterceptorCreators(std::move(interceptors));
    builder.RegisterService(&service_);
    builder.RegisterService(&link_service_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    gate_->Start([this](int listener, int descriptor) {
      grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters parameters;
      parameters.listener_fd = listener;
      parameters.fd = descriptor;
      acceptor_->HandleNewConnection(&parameters);
    });
    const auto channel =
        grpc::CreateChannel(gate_->bound_address(), grpc::InsecureChannelCredentials());
    stub_ = v1::NodeService::NewStub(channel);
    link_stub_ = exchange::v1::ExchangeService::NewStub(channel);
  }

  void TearDown() override {
    stub_.reset();
    link_stub_.reset();
    gate_->StopAccepting();
    server_->Shutdown();
    gate_->Stop();
    server_.reset();
  }

  SystemClock clock_;
  Log log_{clock_, Level::kError, [](std::string_view) {}};
  std::unique_ptr<Gate> gate_;
  Service service_{gate_};
  LinkService link_service_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::NodeService::Stub> stub_;
  std::unique_ptr<exchange::v1::ExchangeService::Stub> link_stub_;
};

TEST_F(MeterTest, ManySmallCallsAndLargeOnesAreNotCut) {
  for (int i = 0; i < 2000; ++i) {
    grpc::ClientContext context;
    v1::GetPeerRequest request;
    v1::Peer answer;
    request.set_unit("la-attapeu");
    ASSERT_TRUE(stub_->GetPeer(&context, request, &answer).ok()) << i;
  }
  for (int i = 0; i < 20; ++i) {
    grpc::ClientContext context;
    v1::GetPeerRequest request;
    v1::Peer answer;
    request.set_unit(std::string(200 << 10, 'x'));
    ASSERT_TRUE(stub_->GetPeer(&context, request, &answer).ok()) << i;
  }
  EXPECT_EQ(gate_->counts().cut, 0U);
  EXPECT_EQ(gate_->counts().accepted, 1U);
}

TEST_F(MeterTest, WatcherThatOnlyListensIsNotCut) {
  grpc::ClientContext context;
  const auto stream = stub_->WatchChanges(&context, v1::WatchChangesRequest());
  v1::Change change;
  int count = 0;
  while (stream->Read(&change)) ++count;
  EXPECT_EQ(count, kChanges);
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(gate_->counts().cut, 0U);
}

// Goal: what is said at both ends of a stream at once is counted, each byte. The two came on two
// threads and both made the stream's counter (ThreadSanitizer saw it).
TEST_F(MeterTest, BothEndsOfAStreamMaySpeakAtOnce) {
  exchange::v1::Frame frame;
  frame.mutable_goodbye()->set_text(std::string(kFrameText, 'x'));
  for (int i = 0; i < kStreams; ++i) {
    grpc::ClientContext context;
    const auto stream = link_stub_->Link(&context);
    EXPECT_TRUE(stream->Write(frame));
    exchange::v1::Frame heard;
    EXPECT_TRUE(stream->Read(&heard));
    EXPECT_TRUE(stream->Finish().ok());
  }
  const auto bytes = static_cast<std::int64_t>(frame.ByteSizeLong());
  const auto counter = gate_->CounterOf(link_service_.peer());
  ASSERT_NE(counter, nullptr);
  EXPECT_EQ(counter->bytes(), kStreams * (bytes + bytes / DeliveredCounter::kSentShare +
                                          2 * DeliveredCounter::kPerMessageBytes));
}

TEST_F(MeterTest, PingFloodIsCutAndOthersAreServed) {
  const auto address = ParseHostPort(gate_->bound_address());
  sockaddr_in target = {};
  target.sin_family = AF_INET;
  target.sin_port = htons(static_cast<std::uint16_t>(address->port));
  target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const Descriptor flooder(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::connect(flooder.number(), reinterpret_cast<const sockaddr*>(&target), sizeof(target)),
            0);
  // The client's preface, empty settings, then WINDOW_UPDATE frames: legal, cheap, endless.
  std::string bytes = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  bytes += std::string("\0\0\0\4\0\0\0\0\0", 9);
  const std::string update("\0\0\4\10\0\0\0\0\0\0\0\0\1", 13);
  std::string flood;
  for (int i = 0; i < 1000; ++i) flood += update;
  ASSERT_GT(::send(flooder.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL), 0);
  const std::int64_t end_ms = clock_.monotonic_ms() + kDeadlineMs;
  while (gate_->counts().cut == 0 && clock_.monotonic_ms() < end_ms) {
    (void)::send(flooder.number(), flood.data(), flood.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)::poll(nullptr, 0, 1);
  }
  EXPECT_EQ(gate_->counts().cut, 1U);
  grpc::ClientContext context;
  v1::GetPeerRequest request;
  v1::Peer answer;
  EXPECT_TRUE(stub_->GetPeer(&context, request, &answer).ok());
}

}  // namespace
}  // namespace tripoint::runtime
