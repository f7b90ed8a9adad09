// A bare stream between two bare stores. See bare_relay.h.
#include "tests/bench/bare_relay.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace tripoint::bench {
namespace {

using exchange::v1::Frame;
using storage::HashView;
using storage::LeafHash;
using storage::Sha256;

std::string HeadBytes(std::uint64_t size, const std::string& root) {
  return std::to_string(size) + "/" + root;
}

}  // namespace

Signer::Signer() : key_(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), &EVP_PKEY_free) {}

std::string Signer::Sign(const std::string& bytes) const {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  std::string signature(64, '\0');
  std::size_t size = signature.size();
  EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get());
  EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                 reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  return signature;
}

std::string Signer::PublicKey() const {
  std::string raw(32, '\0');
  std::size_t size = raw.size();
  EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(raw.data()), &size);
  return raw;
}

bool Signer::Verify(const std::string& public_key, const std::string& bytes,
                    const std::string& signature) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr,
                                  reinterpret_cast<const unsigned char*>(public_key.data()),
                                  public_key.size()),
      &EVP_PKEY_free);
  if (key == nullptr) return false;
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get());
  return EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                          signature.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                          bytes.size()) == 1;
}

std::string ExtendRoot(const std::string& root, const std::vector<std::string>& bodies) {
  std::string chained = root;
  chained.reserve(root.size() + bodies.size() * storage::kHashBytes);
  for (const std::string& body : bodies) chained.append(HashView(LeafHash(body)));
  return std::string(HashView(Sha256(chained)));
}

std::string NameOfBody(const std::string& body) { return body.substr(0, body.find('\0')); }

RelaySender::RelaySender(BareStore& store, std::shared_ptr<grpc::Channel> channel)
    : store_(store),
      stub_(exchange::v1::ExchangeService::NewStub(channel)),
      thread_([this] { Loop(); }) {}

RelaySender::~RelaySender() {
  stopping_ = true;
  {
    const std::lock_guard lock(mutex_);
    broken_ = true;
    if (context_ != nullptr) context_->TryCancel();
  }
  receipted_more_.notify_all();
  thread_.join();
}

void RelaySender::Loop() {
  while (!stopping_) {
    grpc::ClientContext* context = nullptr;
    {
      const std::lock_guard lock(mutex_);
      context_ = std::make_unique<grpc::ClientContext>();
      context_->set_wait_for_ready(true);
      context_->set_deadline(std::chrono::system_clock::now() + std::chrono::hours(2));
      context = context_.get();
      broken_ = false;
      in_flight_ = 0;
    }
    const std::unique_ptr<Stream> stream = stub_->Link(context);
    Run(*stream);
    context->TryCancel();
    (void)stream->Finish();
    if (!stopping_) store_.WaitForLog(~std::uint64_t{0}, 50);  // a pause
  }
}

void RelaySender::Run(Stream& stream) {
  Frame hello;
  hello.mutable_hello()->set_signing_certificate(signer_.PublicKey());
  if (!stream.Write(hello)) return;
  Frame answer;
  if (!stream.Read(&answer) || !answer.has_hello() || answer.hello().inbound_size() != 1) return;
  std::uint64_t sent = answer.hello().inbound(0).size();
  std::string root = answer.hello().inbound(0).root();
  receipted_ = sent;
  std::thread reader([&] { ReadReceipts(stream, answer.hello().signing_certificate()); });
  while (!stopping_) {
    {
      std::unique_lock lock(mutex_);
      receipted_more_.wait(lock, [this] { return broken_ || in_flight_ < kFramesInFlight; });
      if (broken_) break;
    }
    if (store_.WaitForLog(sent, 100) <= sent) continue;
    std::vector<std::string> bodies = store_.ReadLog(sent, kFrameRecordsMax, kFrameBytesMax);
    Frame frame;
    exchange::v1::Batch& batch = *frame.mutable_batch();
    root = ExtendRoot(root, bodies);
    batch.set_first_position(sent);
    sent += bodies.size();
    batch.mutable_head()->set_size(sent);
    batch.mutable_head()->set_root(root);
    batch.mutable_head()->set_signature(signer_.Sign(HeadBytes(sent, root)));
    for (std::string& body : bodies) batch.add_envelopes(std::move(body));
    {
      const std::lock_guard lock(mutex_);
      ++in_flight_;
    }
    if (!stream.Write(frame)) break;
  }
  stream.WritesDone();
  {
    const std::lock_guard lock(mutex_);
    if (context_ != nullptr) context_->TryCancel();
  }
  reader.join();
}

void RelaySender::ReadReceipts(Stream& stream, const std::string& peer_key) {
  Frame frame;
  while (stream.Read(&frame)) {
    const exchange::v1::Receipt& receipt = frame.receipt();
    if (!Signer::Verify(peer_key, HeadBytes(receipt.size(), receipt.root()), receipt.signature()))
      break;
    // A receipt is stored too, with one journal entry; nobody waits for it.
    Write write{{1, 0, 0, 1}, {receipt.signature()}, false, 0, [](bool, std::uint64_t) {}};
    store_.Put(std::move(write));
    receipted_ = receipt.size();
    const std::lock_guard lock(mutex_);
    --in_flight_;
    receipted_more_.notify_all();
  }
  const std::lock_guard lock(mutex_);
  broken_ = true;
  receipted_more_.notify_all();
}

void Feed::Publish(const std::vector<std::string>& names) {
  {
    const std::lock_guard lock(mutex_);
    for (const std::string& name : names) names_.push_back(name);
    size_ += names.size();
    while (names_.size() > kKept) names_.pop_front();
  }
  grew_.notify_all();
}

std::vector<std::string> Feed::Next(std::uint64_t& after, int timeout_ms) {
  std::unique_lock lock(mutex_);
  grew_.wait_for(lock, std::chrono::milliseconds(timeout_ms),
                 [&] { return stopping_ || size_ > after; });
  const std::uint64_t first = size_ - names_.size();
  std::vector<std::string> names;
  for (std::uint64_t i = std::max(after, first); i < size_; ++i) names.push_back(names_[i - first]);
  after = size_;
  return names;
}

std::uint64_t Feed::size() {
  const std::lock_guard lock(mutex_);
  return size_;
}

void Feed::Stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  grew_.notify_all();
}

grpc::Status RelayReceiver::Link(grpc::ServerContext* /*context*/,
                                 grpc::ServerReaderWriter<Frame, Frame>* stream) {
  Frame frame;
  if (!stream->Read(&frame) || !frame.has_hello()) return grpc::Status::CANCELLED;
  const std::string peer_key = frame.hello().signing_certificate();
  Frame hello;
  hello.mutable_hello()->set_signing_certificate(signer_.PublicKey());
  hello.mutable_hello()->add_inbound()->set_size(size_);
  hello.mutable_hello()->mutable_inbound(0)->set_root(root_);
  if (!stream->Write(hello)) return grpc::Status::CANCELLED;

  std::mutex mutex;
  std::condition_variable stored;
  std::size_t storing = 0;
  grpc::Status result;
  while (stream->Read(&frame)) {
    exchange::v1::Batch& batch = *frame.mutable_batch();
    Write write;
    write.shape = kReceiveNotice;
    write.bodies.reserve(static_cast<std::size_t>(batch.envelopes_size()));
    for (std::string& body : *batch.mutable_envelopes()) write.bodies.push_back(std::move(body));
    const std::uint64_t size = batch.head().size();
    const std::string root = ExtendRoot(root_, write.bodies);
    if (root != batch.head().root() ||
        !Signer::Verify(peer_key, HeadBytes(size, root), batch.head().signature())) {
      result = {grpc::StatusCode::DATA_LOSS, "root or signature"};
      break;
    }
    size_ = size;
    root_ = root;
    Frame receipt;
    receipt.mutable_receipt()->set_size(size);
    receipt.mutable_receipt()->set_root(root);
    receipt.mutable_receipt()->set_signature(signer_.Sign(HeadBytes(size, root)));
    std::vector<std::string> names;
    for (const std::string& body : write.bodies) names.push_back(NameOfBody(body));
    write.done = [&, receipt, names = std::move(names)](bool ok, std::uint64_t) {
      if (ok) {
        feed_.Publish(names);
        stream->Write(receipt);
      }
      const std::lock_guard lock(mutex);
      --storing;
      stored.notify_all();
    };
    {
      const std::lock_guard lock(mutex);
      ++storing;
    }
    store_.Put(std::move(write));
  }
  std::unique_lock lock(mutex);
  stored.wait(lock, [&] { return storing == 0; });
  return result;
}

}  // namespace tripoint::bench
