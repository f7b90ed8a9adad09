// tripoint.v1.BundleService: parts of bundles, made and taken in. Both run on the worker pool, and
// an import waits there for its commits. The service is made by node.cc and outlives the server.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/rpc/call_context.h"
#include "tripoint/v1/bundle.grpc.pb.h"

namespace tripoint::rpc {

// What makes bundles and takes them in (server/exchange/bundle.h), wired by node.cc. Thread-safe.
struct Bundles {
  // The response without the page token, and the position behind the part; empty: the last.
  std::function<absl::StatusOr<std::string>(const v1::ExportBundleRequest& request,
                                            std::string_view after,
                                            v1::ExportBundleResponse& response)>
      make;
  std::function<absl::Status(const v1::ImportBundleRequest& request, const std::string& officer,
                             v1::ImportBundleResponse& response)>
      take;
};

class BundleService final : public v1::BundleService::CallbackService {
 public:
  BundleService(const Backend& backend, Bundles bundles);

  grpc::ServerUnaryReactor* ExportBundle(grpc::CallbackServerContext* context,
                                         const v1::ExportBundleRequest* request,
                                         v1::ExportBundleResponse* response) override;
  grpc::ServerUnaryReactor* ImportBundle(grpc::CallbackServerContext* context,
                                         const v1::ImportBundleRequest* request,
                                         v1::ImportBundleResponse* response) override;

 private:
  const Backend& backend_;
  const Bundles bundles_;
};

}  // namespace tripoint::rpc
