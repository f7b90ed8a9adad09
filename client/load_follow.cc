// Follows the changes of a node. See load_follow.h.
#include "client/load_follow.h"

#include <utility>

namespace tripoint::client::load {

ChangeFollower::ChangeFollower(const std::shared_ptr<grpc::Channel>& channel, OnChange on_change)
    : stub_(v1::NodeService::NewStub(channel)), on_change_(std::move(on_change)) {
  request_.set_from_now(on_change_ != nullptr);
  stub_->async()->WatchChanges(&context_, &request_, this);
  if (on_change_) {
    StartRead(&change_);
  } else {
    AddHold();  // nothing is under way between Start and Stop, which gRPC must be told
  }
  StartCall();
}

void ChangeFollower::Stop() {
  context_.TryCancel();
  if (!on_change_) RemoveHold();
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [this] { return done_; });
}

void ChangeFollower::OnReadDone(bool ok) {
  if (!ok) return;
  on_change_(change_);
  StartRead(&change_);
}

void ChangeFollower::OnDone(const grpc::Status& /*status*/) {
  const std::lock_guard lock(mutex_);
  done_ = true;
  ended_.notify_all();
}

}  // namespace tripoint::client::load
