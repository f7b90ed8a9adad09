// Certificates and gRPC: see grpc_credentials.h. Callbacks run on gRPC's threads.
#include "certs/grpc_credentials.h"

#include <fmt/format.h>
#include <grpcpp/security/auth_metadata_processor.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <string_view>
#include <utility>
#include <vector>

#include "certs/certificate.h"
#include "proto/contract/error.h"

namespace tripoint::certs {
namespace {

using contract::Error;
using contract::Reason;
using grpc::experimental::ExternalCertificateVerifier;
using grpc::experimental::FileWatcherCertificateProvider;
using grpc::experimental::TlsCustomVerificationCheckRequest;

std::string_view View(grpc::string_ref text) { return {text.data(), text.size()}; }

std::string UnitIn(std::string_view leaf_pem) {
  const absl::StatusOr<CertificateFacts> facts = ReadFacts(leaf_pem);
  return facts.ok() ? facts->identity.unit : std::string();
}

// Judges the peer of one handshake, then asks `accept`.
class Verifier final : public ExternalCertificateVerifier {
 public:
  Verifier(std::shared_ptr<TrustCache> trust, Clock now_s, PeerRole role, Acceptance accept,
           RefusalObserver refused, CallerRefusalObserver refused_caller)
      : trust_(std::move(trust)),
        now_s_(std::move(now_s)),
        role_(role),
        accept_(std::move(accept)),
        refused_(std::move(refused)),
        refused_caller_(std::move(refused_caller)) {}

  bool Verify(TlsCustomVerificationCheckRequest* request,
              std::function<void(grpc::Status)> /*callback*/, grpc::Status* sync_status) override {
    const absl::Status status =
        Decide(View(request->peer_cert()), View(request->peer_cert_full_chain()));
    if (!status.ok() && refused_) refused_(status);
    if (!status.ok() && refused_caller_)
      refused_caller_(status, UnitIn(View(request->peer_cert())));
    *sync_status = ToPlainStatus(status);
    return true;  // decided here and now, without waiting for anything
  }
  void Cancel(TlsCustomVerificationCheckRequest* /*request*/) override {}

 private:
  absl::Status Decide(std::string_view leaf, std::string_view chain) const {
    const absl::StatusOr<Judgement> judgement = trust_->Judge(leaf, chain, role_, now_s_());
    if (!judgement.ok()) return judgement.status();
    return accept_ ? accept_(judgement->identity) : absl::OkStatus();
  }

  const std::shared_ptr<TrustCache> trust_;
  const Clock now_s_;
  const PeerRole role_;
  const Acceptance accept_;
  const RefusalObserver refused_;
  const CallerRefusalObserver refused_caller_;
};

// Judges every call again before it reaches a handler.
class CallCheck final : public grpc::AuthMetadataProcessor {
 public:
  explicit CallCheck(const ServerTls& tls)
      : trust_(tls.trust),
        now_s_(tls.now_s),
        accept_(tls.accept_call),
        refused_(tls.refused),
        refused_caller_(tls.refused_caller) {}

  bool IsBlocking() const override {
    return false;
  }  // a lookup; a thread for each call would cost more

  grpc::Status Process(const InputMetadata& /*metadata*/, grpc::AuthContext* context,
                       OutputMetadata* /*consumed*/, OutputMetadata* /*response*/) override {
    const absl::StatusOr<UnitIdentity> identity = IdentityOfCall(*context, *trust_, now_s_());
    absl::Status status = identity.status();
    if (status.ok() && accept_) status = accept_(*identity);
    if (status.ok()) return grpc::Status::OK;
    if (refused_) refused_(status);
    if (refused_caller_) refused_caller_(status, UnitNamedBy(*context));
    return ToPlainStatus(status);
  }

 private:
  const std::shared_ptr<TrustCache> trust_;
  const Clock now_s_;
  const Acceptance accept_;
  const RefusalObserver refused_;
  const CallerRefusalObserver refused_caller_;
};

std::shared_ptr<FileWatcherCertificateProvider> Watch(const WatchedFiles& files) {
  return std::make_shared<FileWatcherCertificateProvider>(files.key_path, files.certificate_path,
                                                          files.roots_path, files.refresh_s);
}

Acceptance Exactly(UnitIdentity expected) {
  return [expected = std::move(expected)](const UnitIdentity& found) {
    if (found == expected) return absl::OkStatus();
    return Error(
        absl::StatusCode::kUnauthenticated, Reason::kCertificateWrongName,
        fmt::format("The node that answered is {}, not {}", FormatUri(found), FormatUri(expected)),
        "The address leads to another node", "Check the address of that peer in the configuration");
  };
}

}  // namespace

std::shared_ptr<grpc::ServerCredentials> MakeServerCredentials(const ServerTls& tls) {
  grpc::experimental::TlsServerCredentialsOptions options(Watch(tls.files));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(
      tls.also_check_bundle ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                            : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_BUT_DONT_VERIFY);
  options.set_certificate_verifier(ExternalCertificateVerifier::Create<Verifier>(
      tls.trust, tls.now_s, PeerRole::kClient, tls.accept_connection, tls.refused,
      tls.refused_caller));
  std::shared_ptr<grpc::ServerCredentials> credentials =
      grpc::experimental::TlsServerCredentials(options);
  if (!tls.handlers_judge) credentials->SetAuthMetadataProcessor(std::make_shared<CallCheck>(tls));
  return credentials;
}

std::shared_ptr<grpc::ChannelCredentials> MakeChannelCredentials(const ChannelTls& tls) {
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(Watch(tls.files));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_verify_server_certs(tls.also_check_bundle);
  // Our names are no host names; the verifier compares the whole name instead (platform.md T16).
  options.set_check_call_host(false);
  options.set_certificate_verifier(ExternalCertificateVerifier::Create<Verifier>(
      tls.trust, tls.now_s, PeerRole::kServer, Exactly(tls.expected), tls.refused,
      CallerRefusalObserver()));
  return grpc::experimental::TlsCredentials(options);
}

absl::StatusOr<UnitIdentity> IdentityOfCall(const grpc::AuthContext& context, TrustCache& trust,
                                            std::int64_t now_s) {
  const std::vector<grpc::string_ref> leaf = context.FindPropertyValues("x509_pem_cert");
  if (leaf.size() != 1) {
    return Error(absl::StatusCode::kUnauthenticated, Reason::kCallerUnknown,
                 "The caller showed no certificate",
                 "Every call needs a connection with a certificate",
                 "Connect with the unit's or the officer's certificate");
  }
  if (std::optional<UnitIdentity> known =
          trust.Recall(View(leaf.front()), PeerRole::kClient, now_s)) {
    return *std::move(known);
  }
  const std::vector<grpc::string_ref> chain = context.FindPropertyValues("x509_pem_cert_chain");
  absl::StatusOr<Judgement> judgement =
      trust.Judge(View(leaf.front()), chain.empty() ? std::string_view() : View(chain.front()),
                  PeerRole::kClient, now_s);
  if (!judgement.ok()) return judgement.status();
  return std::move(judgement->identity);
}

absl::StatusOr<UnitIdentity> IdentityOfCall(const grpc::ServerContextBase& context,
                                            TrustCache& trust, std::int64_t now_s) {
  return IdentityOfCall(*context.auth_context(), trust, now_s);
}

std::string UnitNamedBy(const grpc::AuthContext& context) {
  const std::vector<grpc::string_ref> leaf = context.FindPropertyValues("x509_pem_cert");
  return leaf.size() == 1 ? UnitIn(View(leaf.front())) : std::string();
}

grpc::Status ToPlainStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const contract::Problem problem = contract::ProblemOf(status);
  return {static_cast<grpc::StatusCode>(status.code()),
          fmt::format("{}: {}. {}. {}", contract::ReasonCode(problem.reason), problem.what,
                      problem.why, problem.next)};
}

}  // namespace tripoint::certs
