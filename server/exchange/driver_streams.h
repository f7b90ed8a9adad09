// One gRPC stream each, dialled or accepted: turns reactions on gRPC's threads into events for the
// driver's loop, and the driver's orders into gRPC operations. Part of the driver.
//
// An accepted stream deletes itself in OnDone; a dialled one is handed over there (OnGone). The
// loop holds a plain pointer to either until it calls Release (dialled) or Finish (accepted) and
// never afterwards.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "server/exchange/types.h"
#include "tripoint/exchange/v1/exchange.grpc.pb.h"

namespace tripoint::exchange {

// Told on gRPC's threads; must not block.
class StreamObserver {
 public:
  virtual ~StreamObserver() = default;
  // A dialled stream was accepted.
  virtual void OnOpened(StreamId id) = 0;
  // The one outstanding read brought this. The next begins with Read().
  virtual void OnFrame(StreamId id, std::unique_ptr<v1::Frame> frame) = 0;
  // The one outstanding read ended without a frame: nothing more will come.
  virtual void OnReadEnd(StreamId id) = 0;
  virtual void OnWritten(StreamId id, bool ok) = 0;
  // Accepted streams: the call was cancelled or its connection is gone.
  virtual void OnCut(StreamId id) = 0;
  // Dialled streams: how the call ended, after Release.
  virtual void OnEnded(StreamId id, const absl::Status& status) = 0;
  // The last word of every stream. `rest`: what is left of a dialled one, to be dropped on another
  // thread than gRPC's. It may hold the last reference to its channel, and a process whose last
  // channel goes, before or after it has a server, ends the threads of callbacks with it: gRPC
  // 1.51 waits there for each of them, on one of them for itself in vain, and then uses the queue
  // that it has freed.
  virtual void OnGone(std::shared_ptr<void> rest) = 0;
};

// Called on the loop thread. At most one Read and one Write are outstanding.
class StreamPort {
 public:
  virtual void Read() = 0;
  virtual void Write(v1::Frame frame) = 0;
  // Ends the stream after what was written. No Write is outstanding. Accepted: also releases.
  virtual void Finish() = 0;
  // Ends it at once; outstanding operations come back as failed.
  virtual void Cancel() = 0;
  // Nothing is outstanding; the pointer is void from now on.
  virtual void Release() = 0;

 protected:
  ~StreamPort() = default;
};

class AcceptedStream final : public grpc::ServerBidiReactor<v1::Frame, v1::Frame>,
                             public StreamPort {
 public:
  AcceptedStream(StreamId id, StreamObserver& observer, grpc::CallbackServerContext& context)
      : id_(id), observer_(observer), context_(context) {
    StartSendInitialMetadata();  // tells the dialler that it is in
  }

  void Read() override { StartRead(&incoming_); }
  void Write(v1::Frame frame) override;
  void Finish() override { ServerBidiReactor::Finish(grpc::Status::OK); }
  void Cancel() override { context_.TryCancel(); }
  void Release() override {}

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override { observer_.OnWritten(id_, ok); }
  void OnCancel() override { observer_.OnCut(id_); }
  void OnDone() override;

 private:
  const StreamId id_;
  StreamObserver& observer_;
  grpc::CallbackServerContext& context_;
  v1::Frame incoming_;
  v1::Frame outgoing_;
};

// A call that is refused at once.
class RefusedStream final : public grpc::ServerBidiReactor<v1::Frame, v1::Frame> {
 public:
  explicit RefusedStream(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

class DialledStream final : public grpc::ClientBidiReactor<v1::Frame, v1::Frame>,
                            public StreamPort {
 public:
  DialledStream(StreamId id, StreamObserver& observer,
                const std::shared_ptr<grpc::Channel>& channel);

  // Begins the call. OnOpened or OnReadEnd follows.
  void Start();
  void Read() override { StartRead(&incoming_); }
  void Write(v1::Frame frame) override;
  void Finish() override { StartWritesDone(); }
  void Cancel() override { context_.TryCancel(); }
  void Release() override { RemoveHold(); }

  void OnReadInitialMetadataDone(bool ok) override;
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override { observer_.OnWritten(id_, ok); }
  void OnDone(const grpc::Status& status) override;

 private:
  const StreamId id_;
  StreamObserver& observer_;
  grpc::ClientContext context_;
  const std::unique_ptr<v1::ExchangeService::Stub> stub_;
  v1::Frame incoming_;
  v1::Frame outgoing_;
};

}  // namespace tripoint::exchange
