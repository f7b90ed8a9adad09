// tripoint.v1.NodeService: how the node is, whom it talks to, what changed.
//
// Made by node.cc. gRPC calls the handlers on its callback threads; status and peers are read on
// the worker pool.
#pragma once

#include "server/rpc/call_context.h"
#include "server/rpc/watch.h"
#include "tripoint/v1/node.grpc.pb.h"

namespace tripoint::rpc {

class NodeService final : public v1::NodeService::CallbackService {
 public:
  // Both outlive the server.
  NodeService(const Backend& backend, WatchHub& hub);

  grpc::ServerUnaryReactor* GetStatus(grpc::CallbackServerContext* context,
                                      const v1::GetStatusRequest* request,
                                      v1::NodeStatus* response) override;
  grpc::ServerUnaryReactor* ListPeers(grpc::CallbackServerContext* context,
                                      const v1::ListPeersRequest* request,
                                      v1::ListPeersResponse* response) override;
  grpc::ServerUnaryReactor* GetPeer(grpc::CallbackServerContext* context,
                                    const v1::GetPeerRequest* request, v1::Peer* response) override;
  grpc::ServerUnaryReactor* ListQuarantine(grpc::CallbackServerContext* context,
                                           const v1::ListQuarantineRequest* request,
                                           v1::ListQuarantineResponse* response) override;
  grpc::ServerUnaryReactor* ListQueue(grpc::CallbackServerContext* context,
                                      const v1::ListQueueRequest* request,
                                      v1::ListQueueResponse* response) override;
  grpc::ServerUnaryReactor* ListLinkEvents(grpc::CallbackServerContext* context,
                                           const v1::ListLinkEventsRequest* request,
                                           v1::ListLinkEventsResponse* response) override;
  grpc::ServerWriteReactor<v1::Change>* WatchChanges(
      grpc::CallbackServerContext* context, const v1::WatchChangesRequest* request) override;

 private:
  // What store and link know of one peer.
  absl::Status FillPeer(const storage::Snapshot& snapshot, const std::string& unit,
                        v1::Peer& peer) const;

  const Backend& backend_;
  WatchHub& hub_;
};

}  // namespace tripoint::rpc
