// See way.h.
#include "server/operations/way.h"

#include "server/operations/channels.h"

namespace tripoint::operations {

absl::StatusOr<domain::WayFacts> WayTo(const NodeFacts& node, const storage::Reader& reader,
                                       const storage::ChannelName& channel,
                                       std::string_view stopped_here,
                                       const PeerStatusSource* links) {
  domain::WayFacts way;
  way.paired = node.IsPaired(channel.peer);
  way.stopped_here = stopped_here;
  if (links == nullptr || !way.paired) return way;
  way.stopped_there = links->StoppedByPeer(channel.peer, channel.lane);
  v1::Peer peer;
  links->FillLink(channel.peer, peer);
  way.linked = peer.state() == v1::LINK_STATE_UP || peer.state() == v1::LINK_STATE_QUARANTINED;
  if (!way.linked) {
    way.link_reason = peer.reason_code();
    way.next_dial_ms = peer.next_dial_time_ms();
    return way;
  }
  way.sent_size = links->SentSize(channel.peer, channel.lane);
  const absl::StatusOr<bool> recovering = IsRecovering(reader, channel.peer);
  if (!recovering.ok()) return recovering.status();
  way.returning = *recovering;
  return way;
}

void LinksOnce::FillLink(std::string_view unit, v1::Peer& peer) const {
  const auto found = asked_.find(unit);
  if (found != asked_.end()) {
    peer.MergeFrom(found->second);
    return;
  }
  v1::Peer& kept = asked_[std::string(unit)];
  if (links_ != nullptr) links_->FillLink(unit, kept);
  peer.MergeFrom(kept);
}

std::uint64_t LinksOnce::SentSize(std::string_view unit, std::uint8_t lane) const {
  return links_ == nullptr ? 0 : links_->SentSize(unit, lane);
}

std::string LinksOnce::StoppedByPeer(std::string_view unit, std::uint8_t lane) const {
  return links_ == nullptr ? std::string() : links_->StoppedByPeer(unit, lane);
}

void LinksOnce::FillTrace(std::string_view unit, v1::ListLinkEventsResponse& response) const {
  if (links_ != nullptr) links_->FillTrace(unit, response);
}

}  // namespace tripoint::operations
