// tripoint.v1.NodeService. See node_service.h.
#include "server/rpc/node_service.h"

#include <memory>

#include "proto/contract/error.h"

namespace tripoint::rpc {

using domain::Permission;

namespace {

absl::Status NotPaired(const std::string& unit) {
  contract::Problem problem;
  problem.reason = contract::Reason::kUnitNotPaired;
  problem.what = "This node is not paired with " + unit;
  problem.why = "Only a unit that both sides' operators agreed to is a peer.";
  problem.next = "See the peers with: tripoint peer list";
  problem.variables["unit"] = unit;
  return contract::Error(absl::StatusCode::kNotFound, problem);
}

}  // namespace

absl::Status NodeService::FillPeer(const storage::Snapshot& snapshot, const std::string& unit,
                                   v1::Peer& peer) const {
  peer.set_unit(unit);
  peer.set_state(v1::LINK_STATE_DOWN);
  peer.set_certificate_days_left(-1);
  backend_.peers.FillLink(unit, peer);
  const absl::Status filled =
      operations::FillChannels(snapshot, unit, backend_.now_ms(), &backend_.peers, peer);
  if (!filled.ok()) return filled;
  if (peer.state() != v1::LINK_STATE_UP) return absl::OkStatus();
  for (const v1::ChannelStatus& channel : peer.channels()) {
    if (!channel.quarantine_reason().empty() || !channel.peer_quarantine_reason().empty()) {
      peer.set_state(v1::LINK_STATE_QUARANTINED);
    }
  }
  return absl::OkStatus();
}

NodeService::NodeService(const Backend& backend, WatchHub& hub) : backend_(backend), hub_(hub) {}

grpc::ServerUnaryReactor* NodeService::GetStatus(grpc::CallbackServerContext* context,
                                                 const v1::GetStatusRequest* request,
                                                 v1::NodeStatus* response) {
  v1::GetStatusRequest& checked = OwnRequest(request);
  const absl::StatusOr<domain::Caller> caller =
      AdmitRequest(backend_, *context, Permission::kReadStatus, checked);
  if (!caller.ok()) return Answer(context, caller.status());
  return RunOnPool(backend_, context, [this, response]() -> absl::Status {
    const std::unique_ptr<storage::Snapshot> snapshot = backend_.engine.TakeSnapshot();
    response->set_now_ms(backend_.now_ms());
    const absl::Status filled =
        operations::FillStatus(backend_.node, *snapshot, response->now_ms(), *response);
    if (!filled.ok()) return filled;
    response->set_store_bytes(backend_.engine.GetStatistics().disk_bytes);
    for (const std::string& unit : backend_.node.paired) {
      const absl::Status peer = FillPeer(*snapshot, unit, *response->add_peers());
      if (!peer.ok()) return peer;
      operations::AddChannelWarnings(*response->peers().rbegin(), *response);
    }
    if (backend_.fill_status) backend_.fill_status(*response);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* NodeService::ListPeers(grpc::CallbackServerContext* context,
                                                 const v1::ListPeersRequest* request,
                                                 v1::ListPeersResponse* response) {
  v1::ListPeersRequest& checked = OwnRequest(request);
  const absl::StatusOr<domain::Caller> caller =
      AdmitRequest(backend_, *context, Permission::kReadStatus, checked);
  if (!caller.ok()) return Answer(context, caller.status());
  return RunOnPool(backend_, context, [this, response]() -> absl::Status {
    const std::unique_ptr<storage::Snapshot> snapshot = backend_.engine.TakeSnapshot();
    for (const std::string& unit : backend_.node.paired) {
      const absl::Status peer = FillPeer(*snapshot, unit, *response->add_peers());
      if (!peer.ok()) return peer;
    }
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* NodeService::GetPeer(grpc::CallbackServerContext* context,
                                               const v1::GetPeerRequest* request,
                                               v1::Peer* response) {
  v1::GetPeerRequest& checked = OwnRequest(request);
  const absl::StatusOr<domain::Caller> caller =
      AdmitRequest(backend_, *context, Permission::kReadStatus, checked);
  if (!caller.ok()) return Answer(context, caller.status());
  if (!backend_.node.IsPaired(checked.unit())) return Answer(context, NotPaired(checked.unit()));
  return RunOnPool(backend_, context, [this, response, unit = checked.unit()]() -> absl::Status {
    const std::unique_ptr<storage::Snapshot> snapshot = backend_.engine.TakeSnapshot();
    return FillPeer(*snapshot, unit, *response);
  });
}

grpc::ServerUnaryReactor* NodeService::ListQuarantine(grpc::CallbackServerContext* context,
                                                      const v1::ListQuarantineRequest* request,
                                                      v1::ListQuarantineResponse* response) {
  v1::ListQuarantineRequest& checked = OwnRequest(request);
  const absl::StatusOr<domain::Caller> caller =
      AdmitRequest(backend_, *context, Permission::kReadStatus, checked);
  if (!caller.ok()) return Answer(context, caller.status());
  if (!checked.unit().empty() && !backend_.node.IsPaired(checked.unit()))
    return Answer(context, NotPaired(checked.unit()));
  return RunOnPool(
      backend_, context, [this, response, checked = std::move(checked)]() -> absl::Status {
        const v1::ListQuarantineRequest query = QueryOf(checked);
        const absl::StatusOr<std::string> after =
            backend_.page_tokens.Read(query, checked.page_token());
        if (!after.ok()) return after.status();
        const std::unique_ptr<storage::Snapshot> snapshot = backend_.engine.TakeSnapshot();
        absl::StatusOr<operations::Page<v1::QuarantinedEnvelope>> page =
            operations::ListQuarantine(*snapshot, checked, *after);
        if (!page.ok()) return page.status();
        response->set_next_page_token(backend_.page_tokens.Make(query, page->next));
        for (v1::QuarantinedEnvelope& item : page->items)
          *response->add_envelopes() = std::move(item);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* NodeService::ListQueue(grpc::CallbackServerContext* context,
                                                 const v1::ListQueueRequest* request,
                                                 v1::ListQueueResponse* response) {
  v1::ListQueueRequest& checked = OwnRequest(request);
  const absl::StatusOr<domain::Caller> caller =
      AdmitRequest(backend_, *context, Permission::kReadStatus, checked);
  if (!caller.ok()) return Answer(context, caller.status());
  return RunOnPool(
      backend_, context, [this, response, checked = std::move(checked)]() -> absl::Status {
        const v1::ListQueueRequest query = QueryOf(checked);
        const absl::StatusOr<std::string> after =
            backend_.page_tokens.Read(query, checked.page_token());
        if (!after.ok()) return after.status();
        const std::unique_ptr<storage::Snapshot> snapshot = backend_.engine.TakeSnapshot();
        absl::StatusOr<operations::Page<v1::QueuedEnvelope>> page =
            operations::ListQueue(backend_.node, *snapshot, checked, *after, &backend_.peers);
        if (!page.ok()) return page.status();
        // What waits for a unit that is no longer paired is worth seeing; else it is unknown here.
        if (page->items.empty() && !checked.unit().empty() &&
            !backend_.node.IsPaired(checked.unit())) {
          return NotPaired(checked.unit());
        }
        response->set_next_page_token(backend_.page_tokens.Make(query, page->next));
        for (v1::QueuedEnvelope& item : page->items) *response->add_envelopes() = std::move(item);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* NodeService::ListLinkEvents(grpc::CallbackServerContext* context,
                                                      const v1::ListLinkEventsRequest* request,
                                                      v1::ListLinkEventsResponse* response) {
  v1::ListLinkEventsRequest& checked = OwnRequest(request);
  const absl::StatusOr<domain::Caller> caller =
      AdmitRequest(backend_, *context, Permission::kReadStatus, checked);
  if (!caller.ok()) return Answer(context, caller.status());
  if (!backend_.node.IsPaired(checked.unit())) return Answer(context, NotPaired(checked.unit()));
  backend_.peers.FillTrace(checked.unit(), *response);
  return Answer(context, absl::OkStatus());
}

grpc::ServerWriteReactor<v1::Change>* NodeService::WatchChanges(
    grpc::CallbackServerContext* context, const v1::WatchChangesRequest* request) {
  const auto admit = [this, context]() -> absl::Status {
    return Admit(backend_, *context, Permission::kWatchChanges).status();
  };
  v1::WatchChangesRequest& checked = OwnRequest(request);
  absl::Status admitted = admit();
  if (admitted.ok()) admitted = backend_.node.validator->CheckInput(checked);
  if (!admitted.ok()) return WatchHub::Refuse(admitted);
  return hub_.Watch(admit, checked);
}

}  // namespace tripoint::rpc
