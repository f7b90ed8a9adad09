// The metering interceptor. See connection_meter.h.
#include "server/runtime/connection_meter.h"

#include <google/protobuf/message_lite.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace tripoint::runtime {
namespace {

using grpc::experimental::InterceptionHookPoints;

class Meter final : public grpc::experimental::Interceptor {
 public:
  Meter(grpc::experimental::ServerRpcInfo* info, Gate& gate,
        const std::vector<std::string>& raw_methods)
      : info_(info), gate_(gate), messages_(KindOf(info->method(), raw_methods)) {}

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_MESSAGE)) {
      const void* message = methods->GetRecvMessage();
      // A stream's end arrives as a message that is none.
      if (message != nullptr && FindCounter()) counter_->Received(SizeOf(message));
    }
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_MESSAGE) &&
        FindCounter()) {
      counter_->Sent(SizeOf(methods->GetSendMessage()));
    }
    methods->Proceed();
  }

 private:
  bool FindCounter() {
    if (counter_ == nullptr) counter_ = gate_.CounterOf(info_->server_context()->peer());
    return counter_ != nullptr;
  }

  // What a void* of a method's message points to. Of services that are not ours (health,
  // reflection) that is not said anywhere, so their messages are counted without their bytes.
  enum class Messages : std::uint8_t { kProtobuf, kRaw, kUnknown };
  static Messages KindOf(std::string_view method, const std::vector<std::string>& raw_methods) {
    if (!method.starts_with("/tripoint.")) return Messages::kUnknown;
    const bool raw = std::find(raw_methods.begin(), raw_methods.end(), method) != raw_methods.end();
    return raw ? Messages::kRaw : Messages::kProtobuf;
  }

  std::int64_t SizeOf(const void* message) const {
    if (message == nullptr) return 0;
    switch (messages_) {
      case Messages::kProtobuf:
        return static_cast<std::int64_t>(
            static_cast<const google::protobuf::MessageLite*>(message)->ByteSizeLong());
      case Messages::kRaw:
        return static_cast<std::int64_t>(static_cast<const grpc::ByteBuffer*>(message)->Length());
      case Messages::kUnknown:
        break;
    }
    return 0;
  }

  grpc::experimental::ServerRpcInfo* const info_;
  Gate& gate_;
  const Messages messages_;
  std::shared_ptr<DeliveredCounter> counter_;
};

class MeterFactory final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  MeterFactory(Gate& gate, std::vector<std::string> raw_methods)
      : gate_(gate), raw_methods_(std::move(raw_methods)) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* info) override {
    return new Meter(info, gate_, raw_methods_);  // gRPC owns it
  }

 private:
  Gate& gate_;
  const std::vector<std::string> raw_methods_;
};

}  // namespace

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeConnectionMeter(
    Gate& gate, std::vector<std::string> raw_methods) {
  return std::make_unique<MeterFactory>(gate, std::move(raw_methods));
}

}  // namespace tripoint::runtime
