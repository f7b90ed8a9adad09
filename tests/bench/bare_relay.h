// A bare stream between two bare stores: frames of records with one signed head each, verified,
// stored with one sync, answered by a signed receipt. What an exchange between two nodes costs at
// the least. Part of bare_node (README.md).
//
// Sender: two threads of its own. Receiver: gRPC's thread of the call reads and verifies, the
// store's thread commits and answers. At most kFramesInFlight frames are not yet receipted.
#pragma once

#include <grpcpp/grpcpp.h>
#include <openssl/evp.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "storage/merkle.h"
#include "tests/bench/bare_store.h"
#include "tripoint/exchange/v1/exchange.grpc.pb.h"

namespace tripoint::bench {

inline constexpr std::size_t kFrameRecordsMax = 1024;  // as limits::kBatchEnvelopesMax
inline constexpr std::size_t kFrameBytesMax = 512 * 1024;
inline constexpr std::size_t kFramesInFlight = 8;

// Ed25519 with a key drawn at start.
class Signer {
 public:
  Signer();
  std::string Sign(const std::string& bytes) const;
  std::string PublicKey() const;
  static bool Verify(const std::string& public_key, const std::string& bytes,
                     const std::string& signature);

 private:
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
};

// SHA-256 over the root before and the leaf hashes since: the cheapest log that proves order and
// content.
std::string ExtendRoot(const std::string& root, const std::vector<std::string>& bodies);

// Sends the store's log to a peer for as long as it lives; dials again until it is there.
class RelaySender {
 public:
  RelaySender(BareStore& store, std::shared_ptr<grpc::Channel> channel);
  ~RelaySender();
  std::uint64_t receipted() const { return receipted_; }

 private:
  using Stream = grpc::ClientReaderWriter<exchange::v1::Frame, exchange::v1::Frame>;
  void Loop();
  void Run(Stream& stream);
  void ReadReceipts(Stream& stream, const std::string& peer_key);

  BareStore& store_;
  const std::unique_ptr<exchange::v1::ExchangeService::Stub> stub_;
  const Signer signer_;
  std::atomic<std::uint64_t> receipted_{0};
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable receipted_more_;
  std::size_t in_flight_ = 0;
  bool broken_ = false;
  std::unique_ptr<grpc::ClientContext> context_;
  std::thread thread_;
};

// The names of what was received, for watchers.
class Feed {
 public:
  void Publish(const std::vector<std::string>& names);
  // The changes after `after`, waiting at most `timeout_ms` for the first; `after` moves on.
  std::vector<std::string> Next(std::uint64_t& after, int timeout_ms);
  std::uint64_t size();
  void Stop();

 private:
  static constexpr std::size_t kKept = 65'536;
  std::mutex mutex_;
  std::condition_variable grew_;
  std::deque<std::string> names_;
  std::uint64_t size_ = 0;
  bool stopping_ = false;
};

class RelayReceiver final : public exchange::v1::ExchangeService::Service {
 public:
  RelayReceiver(BareStore& store, Feed& feed) : store_(store), feed_(feed) {}
  grpc::Status Link(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<exchange::v1::Frame, exchange::v1::Frame>* stream) override;

 private:
  BareStore& store_;
  Feed& feed_;
  const Signer signer_;
  std::uint64_t size_ = 0;  // what is stored, and its root; they live as long as the process
  std::string root_;
};

// A record of the relay: name, zero byte, contents.
std::string NameOfBody(const std::string& body);

}  // namespace tripoint::bench
