// tripoint.v1.BundleService. See bundle_service.h.
#include "server/rpc/bundle_service.h"

#include <utility>

namespace tripoint::rpc {

using domain::Permission;

BundleService::BundleService(const Backend& backend, Bundles bundles)
    : backend_(backend), bundles_(std::move(bundles)) {}

grpc::ServerUnaryReactor* BundleService::ExportBundle(grpc::CallbackServerContext* context,
                                                      const v1::ExportBundleRequest* request,
                                                      v1::ExportBundleResponse* response) {
  v1::ExportBundleRequest& checked = OwnRequest(request);
  const absl::StatusOr<domain::Caller> caller =
      AdmitRequest(backend_, *context, Permission::kCarryBundles, checked);
  if (!caller.ok()) return Answer(context, caller.status());
  return RunOnPool(
      backend_, context, [this, response, checked = std::move(checked)]() -> absl::Status {
        const v1::ExportBundleRequest query = [&checked] {
          v1::ExportBundleRequest without = checked;
          without.clear_page_token();
          return without;
        }();
        const absl::StatusOr<std::string> after =
            backend_.page_tokens.Read(query, checked.page_token());
        if (!after.ok()) return after.status();
        const absl::StatusOr<std::string> next = bundles_.make(checked, *after, *response);
        if (!next.ok()) return next.status();
        response->set_next_page_token(backend_.page_tokens.Make(query, *next));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* BundleService::ImportBundle(grpc::CallbackServerContext* context,
                                                      const v1::ImportBundleRequest* request,
                                                      v1::ImportBundleResponse* response) {
  v1::ImportBundleRequest& checked = OwnRequest(request);
  const absl::StatusOr<domain::Caller> caller =
      AdmitRequest(backend_, *context, Permission::kCarryBundles, checked);
  if (!caller.ok()) return Answer(context, caller.status());
  return RunOnPool(backend_, context,
                   [this, response, officer = caller->officer, checked = std::move(checked)] {
                     return bundles_.take(checked, officer, *response);
                   });
}

}  // namespace tripoint::rpc
