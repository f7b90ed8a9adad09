// The way to one recipient: what keeps that which has no receipt there from getting one.
//
// Used by notice_view.cc and queue_reads.cc. Reads one snapshot; any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/domain/delivery.h"
#include "server/operations/node_facts.h"
#include "server/operations/peer_status.h"
#include "storage/engine.h"
#include "storage/transaction.h"

namespace tripoint::operations {

// What the channel to (unit, lane) waits for. `stopped_here`: the channel's own quarantine reason.
// `links`: nullptr = of links nothing is known, so none counts as down. Errors: DATA_LOSS /
// CORRUPT.
absl::StatusOr<domain::WayFacts> WayTo(const NodeFacts& node, const storage::Reader& reader,
                                       const storage::ChannelName& channel,
                                       std::string_view stopped_here,
                                       const PeerStatusSource* links);

// Asks each link once: what it says of one (a certificate is judged in full) is too dear for each
// row of a list. Lives as long as one request; one thread.
class LinksOnce final : public PeerStatusSource {
 public:
  // `links` may be nullptr and outlives this.
  explicit LinksOnce(const PeerStatusSource* links) : links_(links) {}

  // For a callee that takes nullptr for "nothing is known".
  const PeerStatusSource* get() const { return links_ == nullptr ? nullptr : this; }

  void FillLink(std::string_view unit, v1::Peer& peer) const override;
  std::uint64_t SentSize(std::string_view unit, std::uint8_t lane) const override;
  std::string StoppedByPeer(std::string_view unit, std::uint8_t lane) const override;
  void FillTrace(std::string_view unit, v1::ListLinkEventsResponse& response) const override;

 private:
  const PeerStatusSource* const links_;
  mutable std::map<std::string, v1::Peer, std::less<>> asked_;
};

}  // namespace tripoint::operations
