// What the link layer knows of a peer and the store does not. Implemented by the exchange driver,
// asked by server/rpc. Thread-safe; answers at once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tripoint/v1/node.pb.h"

namespace tripoint::operations {

class PeerStatusSource {
 public:
  virtual ~PeerStatusSource() = default;
  // Fills what concerns the link: state, address, times, reason, next dial, round trip, clock,
  // certificate. Leaves `unit`, `queued` and `channels` alone; a unit without link stays DOWN.
  virtual void FillLink(std::string_view unit, v1::Peer& peer) const = 0;
  // Envelopes of the channel (unit, lane) that were handed to the present link, counted from the
  // beginning of the channel; 0 when there is no link.
  virtual std::uint64_t SentSize(std::string_view unit, std::uint8_t lane) const = 0;
  // Reason code with which the peer stopped the channel (unit, lane) of ours, as the present link
  // tells it; empty when it runs, or when there is no link.
  virtual std::string StoppedByPeer(std::string_view unit, std::uint8_t lane) const = 0;
  // What happened lately on the link, newest first. Nothing for a unit without link.
  virtual void FillTrace(std::string_view unit, v1::ListLinkEventsResponse& response) const = 0;
};

}  // namespace tripoint::operations
