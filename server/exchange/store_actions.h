// The core's reads and commits, done on the store through server/operations: shared by the driver
// and whoever runs cores without gRPC (the simulator).
//
// Reads run on the caller's thread against a snapshot. Making an operation parses and hashes on the
// caller's thread; the operation itself runs on the committer's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/exchange/core.h"
#include "server/exchange/step.h"
#include "server/operations/channels.h"
#include "server/operations/node_facts.h"
#include "server/operations/prepared.h"
#include "storage/engine.h"

namespace tripoint::exchange {

// Puts what the store holds of the six channels with `config.peer` into `config`. Outbound channels
// of an earlier epoch than `config.epoch` count as empty. Errors: DATA_LOSS / CORRUPT.
absl::Status LoadChannelStates(const storage::Engine& engine, CoreConfig& config);

// The store's present state of a channel from `peer`: BatchCommitted::durable after an error.
// nullopt: it cannot be read.
std::optional<InboundState> DurableInbound(const storage::Reader& reader, const std::string& peer,
                                           v1::Lane lane);

// The frontier for ChannelGrew. Errors: DATA_LOSS / CORRUPT.
absl::StatusOr<Frontier> GrownFrontier(const storage::Reader& reader, const std::string& peer,
                                       v1::Lane lane, std::uint64_t epoch);

// `epoch`: own. `shared`: what was read for other peers, as of storage::ReadOutbound.
RangeRead DoRead(const storage::Snapshot& snapshot, const std::string& peer, std::uint64_t epoch,
                 const ReadRange& action, storage::SharedEnvelopes* shared = nullptr);
FrontierRead DoRead(const storage::Snapshot& snapshot, const std::string& peer,
                    const ReadFrontier& action);
RefusalsRead DoRead(const storage::Snapshot& snapshot, const std::string& peer,
                    const ReadRefusals& action);

HoldingsCompared DoRead(const storage::Snapshot& snapshot, const std::string& peer,
                        std::uint64_t epoch, const CompareHoldings& action);
HeldRead DoRead(const storage::Snapshot& snapshot, const std::string& peer, const ReadHeld& action);
ChannelsRead DoRead(const storage::Engine& engine, const std::string& peer, std::uint64_t epoch,
                    const ReadChannels& action);

operations::Prepared<operations::AppliedBatch> MakeOperation(const operations::NodeFacts& facts,
                                                             const std::string& peer,
                                                             CommitBatch action);
operations::Prepared<operations::AppliedReceipt> MakeOperation(const operations::NodeFacts& facts,
                                                               const std::string& peer,
                                                               std::uint64_t epoch,
                                                               CommitReceipt action);
operations::Prepared<bool> MakeOperation(const operations::NodeFacts& facts,
                                         const std::string& peer, const PersistQuarantine& action);

operations::Prepared<std::uint64_t> MakeOperation(const operations::NodeFacts& facts,
                                                  const std::string& peer, StoreReturned action);
operations::Prepared<bool> MakeOperation(const operations::NodeFacts& facts,
                                         const std::string& peer, const TakeReturned& action);
operations::Prepared<bool> MakeOperation(const operations::NodeFacts& facts,
                                         const std::string& peer, const CarryOver& action);
operations::Prepared<bool> MakeOperation(const operations::NodeFacts& facts,
                                         const std::string& peer, const MarkReturned& action);
operations::Prepared<bool> MakeOperation(const operations::NodeFacts& facts,
                                         const std::string& peer, const EnterAmnesia& action);

}  // namespace tripoint::exchange
