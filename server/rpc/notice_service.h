// tripoint.v1.NoticeService: who calls, is it well formed, decide, submit, answer.
//
// Made by node.cc. gRPC calls the handlers on its callback threads; see call_context.h.
#pragma once

#include "server/rpc/batch_stream.h"
#include "server/rpc/call_context.h"
#include "tripoint/v1/notice.grpc.pb.h"

namespace tripoint::rpc {

class NoticeService final : public v1::NoticeService::CallbackService {
 public:
  // Both outlive the server.
  NoticeService(const Backend& backend, BatchStreams& streams);

  grpc::ServerUnaryReactor* CreateNotice(grpc::CallbackServerContext* context,
                                         const v1::CreateNoticeRequest* request,
                                         v1::Notice* response) override;
  grpc::ServerUnaryReactor* ShareNotice(grpc::CallbackServerContext* context,
                                        const v1::ShareNoticeRequest* request,
                                        v1::ShareNoticeResponse* response) override;
  grpc::ServerBidiReactor<v1::BatchShareNoticesRequest, v1::BatchShareNoticesResponse>*
  ShareNotices(grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* ReviseNotice(grpc::CallbackServerContext* context,
                                         const v1::ReviseNoticeRequest* request,
                                         v1::Notice* response) override;
  grpc::ServerUnaryReactor* WithdrawNotice(grpc::CallbackServerContext* context,
                                           const v1::WithdrawNoticeRequest* request,
                                           v1::Notice* response) override;
  grpc::ServerUnaryReactor* AcknowledgeNotice(grpc::CallbackServerContext* context,
                                              const v1::AcknowledgeNoticeRequest* request,
                                              v1::Notice* response) override;
  grpc::ServerUnaryReactor* GetNotice(grpc::CallbackServerContext* context,
                                      const v1::GetNoticeRequest* request,
                                      v1::Notice* response) override;
  grpc::ServerUnaryReactor* ListNotices(grpc::CallbackServerContext* context,
                                        const v1::ListNoticesRequest* request,
                                        v1::ListNoticesResponse* response) override;

 private:
  // AdmitRequest, and for `release_protected` the right to that.
  template <typename Request>
  absl::StatusOr<domain::Caller> AdmitSharing(const grpc::ServerContextBase& context,
                                              domain::Permission permission,
                                              Request& request) const {
    absl::StatusOr<domain::Caller> caller = AdmitRequest(backend_, context, permission, request);
    if (!request.release_protected()) return caller;
    return Permitted(std::move(caller), domain::Permission::kReleaseProtected);
  }

  const Backend& backend_;
  BatchStreams& streams_;
};

}  // namespace tripoint::rpc
