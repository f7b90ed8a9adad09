// Puts an envelope on its way: stored once, one channel entry for each recipient.
//
// Used by notice_changes.cc, notice_batch.cc and notice_answer.cc, where the step runs.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "server/operations/node_facts.h"
#include "storage/transaction.h"
#include "tripoint/exchange/v1/envelope.pb.h"
#include "tripoint/store/v1/records.pb.h"

namespace tripoint::operations {

// Gives the envelope its epoch and number, lets domain look at it a last time, stores it and
// appends it to the channel of each unit of its audience. `version` is the notice's. Returns where
// each recipient's copy stands. Errors: those of domain::CheckOutgoing, of the store.
absl::StatusOr<std::vector<store::v1::OutboundCopy>> SendEnvelope(const NodeFacts& node,
                                                                  storage::Transaction& transaction,
                                                                  exchange::v1::Envelope envelope,
                                                                  std::uint32_t version);

// The two halves of SendEnvelope, for a batch whose refused items leave nothing: what domain says
// of it, with no write; then the rest, whose errors are the store's alone.
absl::Status CheckEnvelope(const NodeFacts& node, const storage::Transaction& transaction,
                           exchange::v1::Envelope& envelope);
absl::StatusOr<std::vector<store::v1::OutboundCopy>> SendChecked(storage::Transaction& transaction,
                                                                 exchange::v1::Envelope envelope,
                                                                 std::uint32_t version);

// Puts each copy in the place of the same unit's earlier one. What the unit said so far stays on
// record with the version that it was about.
void ReplaceCopies(std::vector<store::v1::OutboundCopy> copies, store::v1::NoticeRecord& record);

}  // namespace tripoint::operations
