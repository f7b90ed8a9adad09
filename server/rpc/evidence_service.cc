// tripoint.v1.EvidenceService. See evidence_service.h.
#include "server/rpc/evidence_service.h"

#include <memory>
#include <set>
#include <string>
#include <utility>

#include "certs/identity.h"
#include "evidence/signed_file.h"
#include "proto/contract/error.h"
#include "proto/contract/head_bytes.h"
#include "server/operations/evidence.h"
#include "server/operations/verify_logs.h"

namespace tripoint::rpc {

using domain::Permission;
using exchange::v1::Evidence;

namespace {

// A list that would make the file larger than is read is left out; whoever checks has it by hand.
constexpr std::size_t kListBytesMax = 64 * 1024;

// The head of a channel of ours, as the exchange signs it: equal bytes, so, with the same key, the
// equal signature that the peer got.
void SignHead(const certs::SigningPair& pair, std::int64_t now_ms, Evidence& evidence) {
  contract::ChannelHead head;
  head.sender = evidence.sender_unit();
  head.receiver = evidence.receiver_unit();
  head.lane = static_cast<std::uint8_t>(evidence.lane());
  head.epoch = evidence.epoch();
  head.size = evidence.size();
  std::copy(evidence.root().begin(), evidence.root().end(), head.root.begin());
  evidence.mutable_head()->set_signature(pair.key.Sign(contract::HeadBytes(head)));
  evidence.mutable_head()->set_certificate(pair.certificate_pem);
  evidence.mutable_head()->set_time_ms(now_ms);
}

}  // namespace

absl::Status EvidenceService::Export(const v1::ExportEvidenceRequest& request,
                                     v1::ExportEvidenceResponse& response) const {
  const std::unique_ptr<storage::Snapshot> snapshot = backend_.engine.TakeSnapshot();
  absl::StatusOr<operations::CollectedEvidence> collected =
      operations::CollectEvidence(backend_.node, *snapshot, request);
  if (!collected.ok()) return collected.status();
  Evidence& evidence = collected->evidence;
  const certs::SigningPair pair = backend_.signing_pair();
  const std::int64_t now_ms = backend_.now_ms();
  if (!evidence.has_head()) {
    SignHead(pair, now_ms, evidence);
  }
  evidence.set_export_time_ms(now_ms);
  evidence.set_exporter_certificate(pair.certificate_pem);
  std::set<std::string> countries;
  for (const std::string& unit : {evidence.sender_unit(), evidence.receiver_unit()}) {
    const absl::StatusOr<std::string> country = certs::CountryOfUnit(unit);
    if (!country.ok() || !countries.insert(*country).second) continue;
    std::string list = backend_.revocation_list(*country);
    if (list.empty() || list.size() > kListBytesMax) continue;
    exchange::v1::RevocationList& target = *evidence.add_revocation_lists();
    target.set_country(*country);
    target.set_crl_pem(std::move(list));
  }
  response.set_file(
      evidence::SealFile(evidence::FileKind::kEvidence, evidence.SerializeAsString(), pair.key));
  response.set_notice(collected->notice);
  response.set_version(collected->version);
  response.set_sender_unit(evidence.sender_unit());
  response.set_receiver_unit(evidence.receiver_unit());
  response.set_receipted(evidence.has_receipt());
  return absl::OkStatus();
}

EvidenceService::EvidenceService(const Backend& backend) : backend_(backend) {}

grpc::ServerUnaryReactor* EvidenceService::ExportEvidence(grpc::CallbackServerContext* context,
                                                          const v1::ExportEvidenceRequest* request,
                                                          v1::ExportEvidenceResponse* response) {
  v1::ExportEvidenceRequest& checked = OwnRequest(request);
  const Permission permission =
      request->without_contents() ? Permission::kProveRecords : Permission::kReadNotices;
  const absl::StatusOr<domain::Caller> caller =
      AdmitRequest(backend_, *context, permission, checked);
  if (!caller.ok()) return Answer(context, caller.status());
  return RunOnPool(backend_, context, [this, response, checked = std::move(checked)] {
    return Export(checked, *response);
  });
}

grpc::ServerUnaryReactor* EvidenceService::VerifyLogs(grpc::CallbackServerContext* context,
                                                      const v1::VerifyLogsRequest* request,
                                                      v1::VerifyLogsResponse* response) {
  v1::VerifyLogsRequest& checked = OwnRequest(request);
  const absl::StatusOr<domain::Caller> caller =
      AdmitRequest(backend_, *context, Permission::kProveRecords, checked);
  if (!caller.ok()) return Answer(context, caller.status());
  return RunOnPool(
      backend_, context, [this, response, checked = std::move(checked)]() -> absl::Status {
        v1::VerifyLogsRequest query = checked;
        query.clear_page_token();
        const absl::StatusOr<std::string> after =
            backend_.page_tokens.Read(query, checked.page_token());
        if (!after.ok()) return after.status();
        const std::unique_ptr<storage::Snapshot> snapshot = backend_.engine.TakeSnapshot();
        absl::StatusOr<operations::LogsPiece> piece =
            operations::VerifyLogs(*snapshot, checked, *after);
        if (!piece.ok()) return piece.status();
        *response = std::move(piece->answer);
        response->set_next_page_token(backend_.page_tokens.Make(query, piece->next));
        return absl::OkStatus();
      });
}

}  // namespace tripoint::rpc
