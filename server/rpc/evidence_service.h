// tripoint.v1.EvidenceService: evidence files and the recomputation of stored logs. Both run on the
// worker pool. The service is made by node.cc and outlives the server.
#pragma once

#include "server/rpc/call_context.h"
#include "tripoint/v1/evidence.grpc.pb.h"

namespace tripoint::rpc {

class EvidenceService final : public v1::EvidenceService::CallbackService {
 public:
  // Precondition: backend.signing_pair and backend.revocation_list are set.
  explicit EvidenceService(const Backend& backend);

  grpc::ServerUnaryReactor* ExportEvidence(grpc::CallbackServerContext* context,
                                           const v1::ExportEvidenceRequest* request,
                                           v1::ExportEvidenceResponse* response) override;
  grpc::ServerUnaryReactor* VerifyLogs(grpc::CallbackServerContext* context,
                                       const v1::VerifyLogsRequest* request,
                                       v1::VerifyLogsResponse* response) override;

 private:
  absl::Status Export(const v1::ExportEvidenceRequest& request,
                      v1::ExportEvidenceResponse& response) const;

  const Backend& backend_;
};

}  // namespace tripoint::rpc
