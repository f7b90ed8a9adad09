// tripoint.v1.NoticeService. See notice_service.h.
#include "server/rpc/notice_service.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "server/operations/notices.h"

namespace tripoint::rpc {

using domain::Permission;

NoticeService::NoticeService(const Backend& backend, BatchStreams& streams)
    : backend_(backend), streams_(streams) {}

grpc::ServerUnaryReactor* NoticeService::CreateNotice(grpc::CallbackServerContext* context,
                                                      const v1::CreateNoticeRequest* request,
                                                      v1::Notice* response) {
  if (!backend_.committer.TakesCalls()) return RefuseForFullQueue(backend_, context, *request);
  v1::CreateNoticeRequest& checked = OwnRequest(request);
  const absl::StatusOr<domain::Caller> caller =
      AdmitRequest(backend_, *context, Permission::kDraftNotices, checked);
  if (!caller.ok()) return Answer(context, caller.status());
  return Submit(backend_, context,
                operations::CreateNotice(backend_.node, {caller->officer}, std::move(checked)),
                response);
}

grpc::ServerUnaryReactor* NoticeService::ShareNotice(grpc::CallbackServerContext* context,
                                                     const v1::ShareNoticeRequest* request,
                                                     v1::ShareNoticeResponse* response) {
  const bool changes = !request->validate_only();
  if (changes && !backend_.committer.TakesCalls())
    return RefuseForFullQueue(backend_, context, *request);
  v1::ShareNoticeRequest& checked = OwnRequest(request);
  // A unit without a name is nobody, which the domain refuses as an empty audience.
  auto& units = *checked.mutable_units();
  units.erase(std::remove(units.begin(), units.end(), std::string()), units.end());
  // A preview sends nothing: whoever may draft may see what a share would do.
  const Permission permission =
      request->validate_only() ? Permission::kDraftNotices : Permission::kShareNotices;
  const absl::StatusOr<domain::Caller> caller = AdmitSharing(*context, permission, checked);
  if (!caller.ok()) return Answer(context, caller.status());
  if (!checked.validate_only()) {
    return Submit(backend_, context,
                  operations::ShareNotice(backend_.node, {caller->officer}, std::move(checked)),
                  response);
  }
  return RunOnPool(
      backend_, context, [this, response, checked = std::move(checked)]() -> absl::Status {
        const std::unique_ptr<storage::Snapshot> snapshot = backend_.engine.TakeSnapshot();
        absl::StatusOr<v1::ShareNoticeResponse> plan =
            operations::PlanShare(backend_.node, *snapshot, checked, backend_.now_ms());
        if (!plan.ok()) return plan.status();
        *response = *std::move(plan);
        return absl::OkStatus();
      });
}

grpc::ServerBidiReactor<v1::BatchShareNoticesRequest, v1::BatchShareNoticesResponse>*
NoticeService::ShareNotices(grpc::CallbackServerContext* context) {
  return OpenBatchStream<v1::BatchShareNoticesRequest, v1::BatchShareNoticesResponse>(
      backend_, streams_, context, Permission::kShareNotices,
      [this, context](v1::BatchShareNoticesRequest& batch)
          -> absl::StatusOr<operations::Prepared<v1::BatchShareNoticesResponse>> {
        const absl::StatusOr<domain::Caller> caller =
            Admit(backend_, *context, Permission::kShareNotices);
        if (!caller.ok()) return caller.status();
        // It drafts too.
        const absl::Status drafts = domain::CheckPermission(*caller, Permission::kDraftNotices);
        if (!drafts.ok()) return drafts;
        absl::StatusOr<std::vector<absl::Status>> verdicts = CheckEach(backend_, batch);
        if (!verdicts.ok()) return verdicts.status();
        const absl::Status releases =
            domain::CheckPermission(*caller, Permission::kReleaseProtected);
        for (int i = 0; i < batch.requests_size(); ++i) {
          absl::Status& verdict = (*verdicts)[static_cast<std::size_t>(i)];
          if (verdict.ok() && batch.requests(i).release_protected()) verdict = releases;
        }
        return operations::BatchShareNotices(backend_.node, {caller->officer}, std::move(batch),
                                             *std::move(verdicts));
      });
}

grpc::ServerUnaryReactor* NoticeService::ReviseNotice(grpc::CallbackServerContext* context,
                                                      const v1::ReviseNoticeRequest* request,
                                                      v1::Notice* response) {
  if (!backend_.committer.TakesCalls()) return RefuseForFullQueue(backend_, context, *request);
  v1::ReviseNoticeRequest& checked = OwnRequest(request);
  const absl::StatusOr<domain::Caller> caller =
      AdmitSharing(*context, Permission::kShareNotices, checked);
  if (!caller.ok()) return Answer(context, caller.status());
  return Submit(backend_, context,
                operations::ReviseNotice(backend_.node, {caller->officer}, checked), response);
}

grpc::ServerUnaryReactor* NoticeService::WithdrawNotice(grpc::CallbackServerContext* context,
                                                        const v1::WithdrawNoticeRequest* request,
                                                        v1::Notice* response) {
  if (!backend_.committer.TakesCalls()) return RefuseForFullQueue(backend_, context, *request);
  v1::WithdrawNoticeRequest& checked = OwnRequest(request);
  const absl::StatusOr<domain::Caller> caller =
      AdmitRequest(backend_, *context, Permission::kShareNotices, checked);
  if (!caller.ok()) return Answer(context, caller.status());
  return Submit(backend_, context,
                operations::WithdrawNotice(backend_.node, {caller->officer}, checked), response);
}

grpc::ServerUnaryReactor* NoticeService::AcknowledgeNotice(
    grpc::CallbackServerContext* context, const v1::AcknowledgeNoticeRequest* request,
    v1::Notice* response) {
  if (!backend_.committer.TakesCalls()) return RefuseForFullQueue(backend_, context, *request);
  v1::AcknowledgeNoticeRequest& checked = OwnRequest(request);
  const absl::StatusOr<domain::Caller> caller =
      AdmitRequest(backend_, *context, Permission::kAnswerNotices, checked);
  if (!caller.ok()) return Answer(context, caller.status());
  return Submit(backend_, context,
                operations::AcknowledgeNotice(backend_.node, {caller->officer}, checked), response);
}

grpc::ServerUnaryReactor* NoticeService::GetNotice(grpc::CallbackServerContext* context,
                                                   const v1::GetNoticeRequest* request,
                                                   v1::Notice* response) {
  v1::GetNoticeRequest& checked = OwnRequest(request);
  const absl::StatusOr<domain::Caller> caller =
      AdmitRequest(backend_, *context, Permission::kReadNotices, checked);
  if (!caller.ok()) return Answer(context, caller.status());
  // Record, channels and entries of one moment.
  const std::unique_ptr<storage::Snapshot> snapshot = backend_.engine.TakeSnapshot();
  absl::StatusOr<v1::Notice> notice = operations::GetNotice(
      backend_.node, *snapshot, checked.name(), backend_.now_ms(), &backend_.peers);
  if (!notice.ok()) return Answer(context, notice.status());
  *response = *std::move(notice);
  return Answer(context, absl::OkStatus());
}

grpc::ServerUnaryReactor* NoticeService::ListNotices(grpc::CallbackServerContext* context,
                                                     const v1::ListNoticesRequest* request,
                                                     v1::ListNoticesResponse* response) {
  v1::ListNoticesRequest& checked = OwnRequest(request);
  const absl::StatusOr<domain::Caller> caller =
      AdmitRequest(backend_, *context, Permission::kReadNotices, checked);
  if (!caller.ok()) return Answer(context, caller.status());
  return RunOnPool(
      backend_, context, [this, response, checked = std::move(checked)]() -> absl::Status {
        const v1::ListNoticesRequest query = QueryOf(checked);
        const absl::StatusOr<std::string> after =
            backend_.page_tokens.Read(query, checked.page_token());
        if (!after.ok()) return after.status();
        const std::unique_ptr<storage::Snapshot> snapshot = backend_.engine.TakeSnapshot();
        absl::StatusOr<operations::Page<v1::Notice>> page = operations::ListNotices(
            backend_.node, *snapshot, checked, *after, backend_.now_ms(), &backend_.peers);
        if (!page.ok()) return page.status();
        response->set_next_page_token(backend_.page_tokens.Make(query, page->next));
        for (v1::Notice& item : page->items) *response->add_notices() = std::move(item);
        return absl::OkStatus();
      });
}

}  // namespace tripoint::rpc
