// See bare_stream.h.
#include "tests/bench/bare_stream.h"

#include <google/protobuf/io/coded_stream.h>

#include <utility>

namespace tripoint::bench {

grpc::ByteBuffer ToBuffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}

std::string ToBytes(const grpc::ByteBuffer& buffer) {
  grpc::Slice slice;
  if (!buffer.DumpToSingleSlice(&slice).ok()) return {};
  return {reinterpret_cast<const char*>(slice.begin()), slice.size()};
}

std::vector<std::string> FirstFields(const std::string& message) {
  std::vector<std::string> found;
  google::protobuf::io::CodedInputStream input(
      reinterpret_cast<const std::uint8_t*>(message.data()), static_cast<int>(message.size()));
  for (std::uint32_t tag = input.ReadTag(); tag == 10; tag = input.ReadTag()) {
    std::uint32_t size = 0;
    std::string bytes;
    if (!input.ReadVarint32(&size) || !input.ReadString(&bytes, static_cast<int>(size))) break;
    found.push_back(std::move(bytes));
  }
  return found;
}

BareStream::BareStream(BareStore& store, Parse parse, Answer answer)
    : store_(store), parse_(std::move(parse)), answer_(std::move(answer)) {
  StartRead(&incoming_);
}

bool BareStream::IsOver() {
  if (over_ || !read_all_ || in_flight_ > 0 || !answers_.empty()) return false;
  over_ = true;
  return true;
}

void BareStream::OnReadDone(bool ok) {
  bool over = false;
  {
    const std::lock_guard lock(mutex_);
    if (ok) ++in_flight_;
    if (!ok) read_all_ = true;
    over = IsOver();
  }
  if (over) return Finish(grpc::Status::OK);
  if (!ok) return;
  Write write = parse_(ToBytes(incoming_));
  const std::size_t count = write.bodies.size();
  write.done = [this, count](bool stored, std::uint64_t first) { Stored(stored, first, count); };
  store_.Put(std::move(write));
  {
    const std::lock_guard lock(mutex_);
    paused_ = in_flight_ + answers_.size() >= kBatchesInFlight;
    if (paused_) return;
  }
  StartRead(&incoming_);
}

void BareStream::Stored(bool ok, std::uint64_t first, std::size_t count) {
  grpc::ByteBuffer answer = ToBuffer(ok ? answer_(first, count) : std::string());
  const grpc::ByteBuffer* next = nullptr;
  {
    const std::lock_guard lock(mutex_);
    --in_flight_;
    failed_ = failed_ || !ok;
    answers_.push_back(std::move(answer));
    if (answers_.size() == 1) next = &answers_.front();
  }
  if (next != nullptr) StartWrite(next);
}

void BareStream::OnWriteDone(bool ok) {
  const grpc::ByteBuffer* next = nullptr;
  bool read = false;
  bool over = false;
  bool failed = false;
  {
    const std::lock_guard lock(mutex_);
    answers_.pop_front();
    if (!ok) answers_.clear();
    if (!answers_.empty()) next = &answers_.front();
    read = std::exchange(paused_, false);
    over = IsOver();
    failed = failed_;
  }
  if (next != nullptr) StartWrite(next);
  if (read) StartRead(&incoming_);
  if (over) {
    Finish(failed ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "not stored") : grpc::Status::OK);
  }
}

}  // namespace tripoint::bench
