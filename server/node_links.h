// What the exchange driver is handed of this node: keys, credentials for dialling, who may call.
//
// Called by node.cc on the main thread at start.
#pragma once

#include <cstdint>
#include <vector>

#include "server/exchange/driver.h"
#include "server/exchange/types.h"
#include "server/node_access.h"
#include "server/node_identity.h"
#include "server/runtime/log.h"
#include "server/runtime/random.h"

namespace tripoint {

// The driver's seams without what node.cc adds of the store: keys, credentials and who may call.
exchange::DriverSeams MakeDriverSeams(const operations::NodeFacts& facts, std::uint64_t epoch,
                                      storage::Engine& engine, const runtime::Clock& clock,
                                      runtime::Log& log, exchange::HeadSigner& signer,
                                      const NodeIdentity& identity, const NodeAccess& access);

// The paired units of the configuration.
std::vector<exchange::DriverPeer> DriverPeers(const Config& config, runtime::Random& random);

}  // namespace tripoint
