// tripoint.v1.RecoveryService: a backup while the node runs, and the end of its amnesia.
//
// Made by node.cc. gRPC calls the handlers on its callback threads; checkpoint and pieces of a
// backup are made on the worker pool, each only when the caller asks for it.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "server/rpc/call_context.h"
#include "tripoint/v1/recovery.grpc.pb.h"

namespace tripoint::rpc {

struct RecoverySeams {
  // Where a backup's checkpoint stands while it is read: on the disk of the store, which links
  // files there. Does not exist between backups.
  std::string checkpoint_folder;
  std::string software;
  storage::Engine& engine;
  // The store's Recovery has changed.
  std::function<void()> recovery_changed;
};

class RecoveryService final : public v1::RecoveryService::CallbackService {
 public:
  // `backend` outlives the server.
  RecoveryService(const Backend& backend, RecoverySeams seams);

  grpc::ServerBidiReactor<v1::BackUpRequest, v1::BackUpChunk>* BackUp(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* EndAmnesia(grpc::CallbackServerContext* context,
                                       const v1::EndAmnesiaRequest* request,
                                       v1::EndAmnesiaResponse* response) override;

 private:
  const Backend& backend_;
  const RecoverySeams seams_;
  std::atomic<bool> running_ = false;  // a backup
};

}  // namespace tripoint::rpc
