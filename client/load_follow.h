// Follows the changes of a node: what watch, visible and overtake of tripoint-load share.
//
// The calls run on gRPC's threads, one at a time; the rest belongs to who made it.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

#include "client/load.h"

namespace tripoint::client::load {

class ChangeFollower final : public grpc::ClientReadReactor<v1::Change> {
 public:
  using OnChange = std::function<void(const v1::Change&)>;

  // Tells every change from now on, heartbeats too. Without `on_change` it is stalled: it asks for
  // all of the past and reads nothing.
  ChangeFollower(const std::shared_ptr<grpc::Channel>& channel, OnChange on_change);

  // Ends the call; `on_change` is not called any more once this returns. Once, before the end.
  void Stop();

 private:
  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  const std::unique_ptr<v1::NodeService::Stub> stub_;
  const OnChange on_change_;
  grpc::ClientContext context_;
  v1::WatchChangesRequest request_;
  v1::Change change_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool done_ = false;
};

}  // namespace tripoint::client::load
