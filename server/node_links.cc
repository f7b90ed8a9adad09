// Identity for the exchange driver. See node_links.h.
#include "server/node_links.h"

#include <fmt/format.h>

#include <memory>
#include <string>

#include "certs/grpc_credentials.h"
#include "server/exchange/head_keys.h"

namespace tripoint {
namespace {

// Credentials with which exactly `unit` can be dialled and no other node.
std::shared_ptr<grpc::ChannelCredentials> CredentialsFor(const NodeIdentity& identity,
                                                         runtime::Log& log,
                                                         const std::string& unit) {
  certs::ChannelTls tls;
  tls.files = identity.watched_files();
  tls.trust = identity.trust();
  tls.now_s = [&identity] { return identity.now_s(); };
  tls.expected = certs::MakeIdentity(unit).value();  // LoadConfig refused malformed units
  tls.refused = [&log, unit](const absl::Status& status) {
    log.Warning("link.certificate_refused",
                {runtime::Field::Unit("unit", unit), {"status", status}});
  };
  return certs::MakeChannelCredentials(tls);
}

}  // namespace

exchange::DriverSeams MakeDriverSeams(const operations::NodeFacts& facts, std::uint64_t epoch,
                                      storage::Engine& engine, const runtime::Clock& clock,
                                      runtime::Log& log, exchange::HeadSigner& signer,
                                      const NodeIdentity& identity, const NodeAccess& access) {
  return {
      .facts = facts,
      .epoch = epoch,
      .software = fmt::format("tripointd {}", TRIPOINT_VERSION),
      .engine = engine,
      .clock = clock,
      .log = log,
      .signer = signer,
      .make_verifier =
          [&facts, &identity](const std::string& unit) {
            return std::make_unique<exchange::CertificateHeadVerifier>(
                unit, facts.unit, identity.trust(), [&identity] { return identity.now_s(); });
          },
      .make_credentials =
          [&identity, &log](const std::string& unit) {
            return CredentialsFor(identity, log, unit);
          },
      .certificate_end_s =
          [&identity](const std::string& unit) { return identity.trust()->LastEndOf(unit); },
      .own_fault = [&identity] { return identity.TlsFault(); },
      .unit_of_call = [&identity, &access](
                          const grpc::ServerContextBase& context) -> absl::StatusOr<std::string> {
        const auto caller = certs::IdentityOfCall(context, *identity.trust(), identity.now_s());
        if (!caller.ok()) return caller.status();
        if (absl::Status paired = access.PeerNode(*caller); !paired.ok()) return paired;
        return caller->unit;
      },
      .limits = {},
  };
}

exchange::BundleSeams MakeBundleSeams(const operations::NodeFacts& facts, std::uint64_t epoch,
                                      const storage::Engine& engine, storage::Committer& committer,
                                      const exchange::KeyHeadSigner& signer,
                                      const NodeIdentity& identity,
                                      certs::PeerCertificates& certificates,
                                      runtime::Random& random, exchange::Driver& driver) {
  return {
      .facts = facts,
      .epoch = epoch,
      .engine = engine,
      .committer = committer,
      .trust = identity.trust(),
      .signing_pair = [&signer] { return signer.pair(); },
      .tls_files = [&identity] { return identity.tls_in_use(); },
      .certificate_of = [&certificates](const std::string& unit) { return certificates.Of(unit); },
      .remember_certificate =
          [&certificates](const std::string& unit, const std::string& pem) {
            // What cannot be kept now comes with the next bundle or stream.
            (void)certificates.Remember(unit, pem);
          },
      .now_ms = [&identity] { return identity.now_s() * 1000; },
      .random_bytes = [&random](std::size_t bytes) { return random.Bytes(bytes); },
      .moved = [&driver](const std::string& unit) { driver.MovedByHand(unit); },
  };
}

rpc::Bundles ServedBundles(exchange::Bundles& bundles) {
  return {.make = [&bundles](const v1::ExportBundleRequest& request, std::string_view after,
                             v1::ExportBundleResponse& response) -> absl::StatusOr<std::string> {
            absl::StatusOr<exchange::MadePart> made =
                bundles.Make(request.unit(), request.certificate(), after);
            if (!made.ok()) return made.status();
            response.set_part(std::move(made->part));
            response.set_envelopes(made->envelopes);
            response.set_receipts(made->receipts);
            for (std::string& lane : made->left_out) response.add_left_out(std::move(lane));
            return std::move(made->next);
          },
          .take = [&bundles](const v1::ImportBundleRequest& request, const std::string& officer,
                             v1::ImportBundleResponse& response) -> absl::Status {
            absl::StatusOr<exchange::TakenPart> part =
                request.validate_only() ? bundles.Check(request.part(), request.reached())
                                        : bundles.Take(request.part(), officer);
            if (!part.ok()) return part.status();
            response.set_sender_unit(std::move(part->sender));
            response.set_create_time_ms(part->create_time_ms);
            response.set_envelopes(part->taken.envelopes);
            response.set_known(part->taken.known);
            response.set_refused(part->taken.refused);
            response.set_receipted(part->taken.receipted);
            for (std::string& lane : part->taken.left_out) response.add_left_out(std::move(lane));
            response.set_reached(std::move(part->reached));
            return absl::OkStatus();
          }};
}

absl::Status KeepCertificates(const Config& config, const NodeIdentity& identity,
                              certs::PeerCertificates& certificates) {
  absl::Status kept;
  for (const PeerConfig& peer : config.peers) {
    const std::string leaf = identity.trust()->LastLeafOf(peer.unit);
    if (!leaf.empty()) kept.Update(certificates.Remember(peer.unit, leaf));
  }
  return kept;
}

std::vector<exchange::DriverPeer> DriverPeers(const Config& config, runtime::Random& random) {
  std::vector<exchange::DriverPeer> peers;
  for (const PeerConfig& peer : config.peers)
    peers.push_back({peer.unit, peer.address, random.Number()});
  return peers;
}

}  // namespace tripoint
