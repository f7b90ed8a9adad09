// The metering interceptor. See connection_meter.h.
#include "server/runtime/connection_meter.h"

#include <google/protobuf/message_lite.h>
#include <grpcpp/server_context.h>

#include <string_view>

namespace tripoint::runtime {
namespace {

using grpc::experimental::InterceptionHookPoints;

class Meter final : public grpc::experimental::Interceptor {
 public:
  Meter(grpc::experimental::ServerRpcInfo* info, Gate& gate, bool ours)
      : info_(info), gate_(gate), ours_(ours) {}

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    // The first of all, alone and before the call's handler: a stream's first messages of both
    // directions come at once, on two threads, and find it made.
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_INITIAL_METADATA))
      counter_ = gate_.CounterOf(info_->server_context()->peer());
    if (counter_ != nullptr) Count(*methods);
    methods->Proceed();
  }

 private:
  void Count(grpc::experimental::InterceptorBatchMethods& methods) {
    if (methods.QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_MESSAGE)) {
      const void* message = methods.GetRecvMessage();
      // A stream's end arrives as a message that is none.
      if (message != nullptr) counter_->Received(SizeOf(message));
    }
    if (methods.QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_MESSAGE))
      counter_->Sent(SizeOf(methods.GetSendMessage()));
  }

  // Of services that are not ours (health, reflection) gRPC does not say what a message is, so
  // theirs are counted without their bytes.
  std::int64_t SizeOf(const void* message) const {
    if (message == nullptr || !ours_) return 0;
    return static_cast<std::int64_t>(
        static_cast<const google::protobuf::MessageLite*>(message)->ByteSizeLong());
  }

  grpc::experimental::ServerRpcInfo* const info_;
  Gate& gate_;
  const bool ours_;
  std::shared_ptr<DeliveredCounter> counter_;  // null: not a connection of the gate
};

class MeterFactory final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit MeterFactory(Gate& gate) : gate_(gate) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* info) override {
    // gRPC owns what is returned; null: this call has none.
    const bool ours = std::string_view(info->method()).starts_with("/tripoint.");
    const bool unary = info->type() == grpc::experimental::ServerRpcInfo::Type::UNARY;
    return ours && unary ? nullptr : new Meter(info, gate_, ours);
  }

 private:
  Gate& gate_;
};

}  // namespace

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeConnectionMeter(
    Gate& gate) {
  return std::make_unique<MeterFactory>(gate);
}

}  // namespace tripoint::runtime
