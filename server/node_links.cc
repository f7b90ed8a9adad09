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

std::vector<exchange::DriverPeer> DriverPeers(const Config& config, runtime::Random& random) {
  std::vector<exchange::DriverPeer> peers;
  for (const PeerConfig& peer : config.peers)
    peers.push_back({peer.unit, peer.address, random.Number()});
  return peers;
}

}  // namespace tripoint
