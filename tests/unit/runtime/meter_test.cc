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
#include <utility>
#include <vector>

#include "server/runtime/connection_meter.h"
#include "server/runtime/gate.h"
#include "tripoint/v1/node.grpc.pb.h"

namespace tripoint::runtime {
namespace {

constexpr int kDeadlineMs = 20'000;
constexpr int kChanges = 2000;

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
  }

  void TearDown() override {
    stub_.reset();
    gate_->StopAccepting();
    server_->Shutdown();
    gate_->Stop();
    server_.reset();
  }

  SystemClock clock_;
  Log log_{clock_, Level::kError, [](std::string_view) {}};
  std::unique_ptr<Gate> gate_;
  Service service_{gate_};
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::NodeService::Stub> stub_;
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
