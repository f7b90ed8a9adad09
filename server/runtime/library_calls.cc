// The judge of gRPC's own services. See library_calls.h.
#include "server/runtime/library_calls.h"

#include <string_view>
#include <utility>

namespace tripoint::runtime {
namespace {

using grpc::experimental::InterceptionHookPoints;

class Judge final : public grpc::experimental::Interceptor {
 public:
  Judge(grpc::experimental::ServerRpcInfo* info, const MayCall& may_call)
      : info_(info), may_call_(may_call) {}

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_INITIAL_METADATA) &&
        !may_call_(*info_->server_context())) {
      info_->server_context()->TryCancel();
    }
    methods->Proceed();
  }

 private:
  grpc::experimental::ServerRpcInfo* const info_;
  const MayCall& may_call_;
};

class JudgeFactory final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit JudgeFactory(MayCall may_call) : may_call_(std::move(may_call)) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* info) override {
    // gRPC owns what is returned; null: this call has none.
    const bool ours = std::string_view(info->method()).starts_with("/tripoint.");
    return ours ? nullptr : new Judge(info, may_call_);
  }

 private:
  const MayCall may_call_;
};

}  // namespace

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeLibraryCallJudge(
    MayCall may_call) {
  return std::make_unique<JudgeFactory>(std::move(may_call));
}

}  // namespace tripoint::runtime
