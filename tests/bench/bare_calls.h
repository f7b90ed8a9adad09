// The call of bare_node whose own thread commits (`--writer caller`): gRPC's synchronous API gives
// each call under way a thread, and RocksDB groups what meets. Typed, as the generated code is.
// CreateIncident alone: what is shared has positions in a log, and those one writer gives.
//
// The callback API cannot serve here: its two threads would commit two records at a time.
#pragma once

#include <string>

#include "tests/bench/bare_store.h"
#include "tripoint/v1/incident.grpc.pb.h"

namespace tripoint::bench {

class BlockingIncidents final : public v1::IncidentService::Service {
 public:
  // `store` outlives this.
  BlockingIncidents(std::string unit, BareStore& store);

  grpc::Status CreateIncident(grpc::ServerContext* context,
                              const v1::CreateIncidentRequest* request,
                              v1::Incident* response) override;

 private:
  const std::string unit_;
  BareStore& store_;
};

// `units/UNIT/COLLECTION/NUMBER`, and the number of such a name.
std::string NameOf(const std::string& unit, const char* collection, std::uint64_t number);
std::uint64_t NumberOf(const std::string& name);

}  // namespace tripoint::bench
