// What the exchange driver is handed of this node: keys, credentials for dialling, who may call.
//
// Called by node.cc on the main thread at start.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "certs/peer_certificates.h"
#include "server/config.h"
#include "server/exchange/bundle.h"
#include "server/exchange/driver.h"
#include "server/exchange/head_keys.h"
#include "server/exchange/types.h"
#include "server/node_access.h"
#include "server/node_identity.h"
#include "server/rpc/bundle_service.h"
#include "server/runtime/log.h"
#include "server/runtime/random.h"

namespace tripoint {

// The driver's seams without what node.cc adds of the store: keys, credentials and who may call.
exchange::DriverSeams MakeDriverSeams(const operations::NodeFacts& facts, std::uint64_t epoch,
                                      storage::Engine& engine, const runtime::Clock& clock,
                                      runtime::Log& log, exchange::HeadSigner& signer,
                                      const NodeIdentity& identity, const NodeAccess& access);

// What bundles stand on. References outlive the result.
exchange::BundleSeams MakeBundleSeams(const operations::NodeFacts& facts, std::uint64_t epoch,
                                      const storage::Engine& engine, storage::Committer& committer,
                                      const exchange::KeyHeadSigner& signer,
                                      const NodeIdentity& identity,
                                      certs::PeerCertificates& certificates,
                                      runtime::Random& random, exchange::Driver& driver);

// Bundles for the service of the operators' API. `bundles` outlives the result.
rpc::Bundles ServedBundles(exchange::Bundles& bundles);

// Keeps what the neighbours showed on the links since the last time. What it cannot keep is tried
// again with the next call. Errors: the first of PeerCertificates::Remember.
absl::Status KeepCertificates(const Config& config, const NodeIdentity& identity,
                              certs::PeerCertificates& certificates);

// The paired units of the configuration.

std::vector<exchange::DriverPeer> DriverPeers(const Config& config, runtime::Random& random);

}  // namespace tripoint
