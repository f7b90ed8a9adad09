// What is stored about one envelope: for evidence. Reads one snapshot and writes nothing; any
// thread. Knows no key: what this node signs itself (the head of its own channel, the seal) is the
// caller's.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "server/operations/node_facts.h"
#include "storage/engine.h"
#include "tripoint/exchange/v1/evidence.pb.h"
#include "tripoint/v1/evidence.pb.h"

namespace tripoint::operations {

struct CollectedEvidence {
  // Everything but exporter's words: software, time, seal, revocation lists; and, when this unit is
  // the sender, the head's signature.
  exchange::v1::Evidence evidence;
  std::string notice;  // name
  std::uint32_t version = 0;
};

// Of the envelope that `request` names, under the newest signed head over it: for an own notice the
// head that the recipient receipted (the present one when it has not), for a received one the head
// that was stored with its channel. Errors: those of EvidenceService.ExportEvidence.
absl::StatusOr<CollectedEvidence> CollectEvidence(const NodeFacts& node,
                                                  const storage::Snapshot& snapshot,
                                                  const v1::ExportEvidenceRequest& request);

}  // namespace tripoint::operations
