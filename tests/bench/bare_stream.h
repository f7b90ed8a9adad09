// A bare stream of batches: raw frames in, one write each, one raw frame back in order once it is
// stored. Part of bare_node (README.md); beside it stands server/rpc/batch_stream.h.
//
// gRPC's threads read and write, the store's thread answers. At most kBatchesInFlight frames wait.
#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/server_callback.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "tests/bench/bare_store.h"

namespace tripoint::bench {

inline constexpr std::size_t kBatchesInFlight = 8;  // as limits::kStreamBatchesMax

grpc::ByteBuffer ToBuffer(const std::string& bytes);
std::string ToBytes(const grpc::ByteBuffer& buffer);
// The contents of every field 1 of a message that are messages themselves: the records of a
// request, without parsing them. Fields behind them are passed over.
std::vector<std::string> FirstFields(const std::string& message);

class BareStream final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  // The write that a frame asks for, without `done`.
  using Parse = std::function<Write(const std::string& frame)>;
  // The answer to a frame of `count` records whose first got the number `first`.
  using Answer = std::function<std::string(std::uint64_t first, std::size_t count)>;

  BareStream(BareStore& store, Parse parse, Answer answer);
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone() override { delete this; }

 private:
  void Stored(bool ok, std::uint64_t first, std::size_t count);
  // True once: nothing is left to be stored, written or read.
  bool IsOver();

  BareStore& store_;
  const Parse parse_;
  const Answer answer_;
  grpc::ByteBuffer incoming_;
  std::mutex mutex_;
  std::deque<grpc::ByteBuffer> answers_;  // the first is being written
  std::size_t in_flight_ = 0;
  bool paused_ = false;
  bool read_all_ = false;
  bool failed_ = false;
  bool over_ = false;
};

}  // namespace tripoint::bench
