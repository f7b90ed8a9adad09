// Bundles as an officer brings them: the form of a part, the encryption around its contents, and
// contents whose signatures are taken as good, so that what stands behind them is reached. See
// fuzz.h.
#include <memory>
#include <optional>
#include <utility>

#include "certs/certificate_maker.h"
#include "certs/sealed_box.h"
#include "evidence/signed_file.h"
#include "proto/contract/validate.h"
#include "server/exchange/bundle_contents.h"
#include "storage/channel_store.h"
#include "storage/committer_core.h"
#include "storage/memory_engine.h"
#include "storage/names.h"
#include "storage/outbound_log.h"
#include "storage/schema.h"
#include "storage/verify_store.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/ready_store.h"
#include "tests/fuzz/registry.h"
#include "tests/unit/exchange/fakes.h"
#include "tripoint/exchange/v1/bundle.pb.h"

namespace tripoint::fuzz {
namespace {

namespace exchange = tripoint::exchange;
namespace v1 = tripoint::exchange::v1;

constexpr char kSelf[] = "vn-quangngai";
constexpr char kPeer[] = "la-attapeu";
constexpr std::uint64_t kOwnEpoch = 5;
constexpr std::uint64_t kPeerEpoch = 7;
constexpr std::uint64_t kOwnSize = 4;
constexpr std::int64_t kNowMs = 1'795'000'000'000;
constexpr std::size_t kPartBytesMax = 3u << 20;
constexpr int kStoresMax = 100;  // of one input

enum Mode : std::uint8_t { kPart, kBox, kContents, kContentsRepaired, kModes };

// Everything is signed well but what begins with an x.
class Believer final : public exchange::HeadVerifier {
 public:
  absl::Status Trust(std::string_view /*certificate*/) override { return absl::OkStatus(); }
  bool Verify(std::string_view /*bytes*/, std::string_view signature) const override {
    return !signature.starts_with('x');
  }
};

struct Pair {
  std::string certificate_pem;
  std::string key_pem;
};

const Pair& NodePair() {
  static const Pair kPair = [] {
    certs::CertificateSpec spec;
    spec.country = "VN";
    spec.common_name = "fuzz";
    spec.not_before_s = kNowMs / 1000;
    spec.not_after_s = spec.not_before_s + 1000;
    spec.extensions = certs::LeafExtensions({"URI:spiffe://vn.tripoint/unit/vn-quangngai"},
                                            {"serverAuth", "clientAuth"});
    const certs::KeyPtr key = certs::NewP256Key();
    const auto certificate = certs::MakeCertificate(spec, key.get(), nullptr, key.get());
    Require(certificate.ok());
    return Pair{certs::ToPem(certificate->get()), certs::ToPem(key.get())};
  }();
  return kPair;
}

const certs::SigningKey& Key() {
  static const absl::StatusOr<certs::SigningKey> kKey =
      certs::SigningKey::FromSeed(std::string(32, 's'));
  Require(kKey.ok());
  return *kKey;
}

store::v1::JournalEntry SomeEntry() {
  store::v1::JournalEntry entry;
  entry.set_actor("node");
  entry.set_action("test.write");
  return entry;
}

// The store of the input that runs. One committer writes to all of them, one after the other: its
// memory of absent keys is 4 MiB, and to take that anew was a third of an input's time.
class PresentStore final : public storage::Engine {
 public:
  // The next commit fails.
  void Become(storage::Engine& store) {
    store_ = &store;
    fails_ = true;
  }
  bool fails() const { return fails_; }

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override {
    return store_->Get(key);
  }
  std::unique_ptr<storage::Snapshot> TakeSnapshot() const override {
    return store_->TakeSnapshot();
  }
  absl::Status Commit(const storage::Batch& batch) override {
    if (std::exchange(fails_, false)) return absl::UnavailableError("fuzz");
    return store_->Commit(batch);
  }
  absl::Status Checkpoint(const std::string& directory) override {
    return store_->Checkpoint(directory);
  }
  storage::Statistics GetStatistics() const override { return store_->GetStatistics(); }

 private:
  storage::Engine* store_ = nullptr;
  bool fails_ = false;
};

class Writer {
 public:
  // What the committer knows of a store it forgets when one of its steps was not committed.
  void Begin(storage::Engine& store) {
    present_.Become(store);
    (void)Commit([](storage::Transaction& transaction) {
      transaction.Journal(SomeEntry());
      return absl::OkStatus();
    });
    Require(!present_.fails());
  }
  absl::Status Commit(storage::Operation operation) {
    absl::Status result = absl::UnknownError("not answered");
    core_.Submit(std::move(operation), [&result](const absl::Status& status) { result = status; });
    while (core_.RunOnce(kNowMs)) {
    }
    return result;
  }

 private:
  PresentStore present_;
  storage::CommitterCore core_{present_};
};

Writer& TheWriter() {
  static Writer writer;
  return writer;
}

class Node {
 public:
  // `begin` null: an empty store.
  explicit Node(const ReadyStore* begin) {
    static const contract::Validator kValidator(TheRegistry());
    facts.unit = kSelf;
    facts.unit_short = "QNG";
    facts.vocabulary = &TheRegistry();
    facts.validator = &kValidator;
    facts.paired = {kPeer};
    if (begin == nullptr) {
      Require(storage::InitializeStore(engine, kSelf, kOwnEpoch, kNowMs).ok());
      return;
    }
    storage::Batch& batch = EmptyBatch();
    begin->PutInto(batch);
    Require(engine.Commit(batch).ok());
  }

  absl::Status Commit(storage::Operation operation) {
    if (!std::exchange(begun_, true)) TheWriter().Begin(engine);
    return TheWriter().Commit(std::move(operation));
  }

  // How many envelopes were new; -1: refused.
  int Take(const v1::BundleContents& contents) {
    exchange::BundleTaker taker(
        facts, kOwnEpoch, signer_, verifier_,
        {.sender = kPeer, .epoch = kPeerEpoch, .ended_epochs = {3}, .carrier = "son"}, contents);
    v1::BundleReached reached;
    const bool good = taker.Check(*engine.TakeSnapshot(), reached).ok();
    const std::uint64_t expected = taker.result().envelopes;
    if (!good) return -1;
    for (int stores = 0; stores < kStoresMax; ++stores) {
      auto next = taker.Next(*engine.TakeSnapshot());
      Require(next.ok());
      if (!next->has_value()) {
        Require(taker.result().envelopes == expected);
        return static_cast<int>(expected);
      }
      Require(taker.Stored(Commit(**std::move(next))).ok());
    }
    return static_cast<int>(taker.result().envelopes);
  }

  operations::NodeFacts facts;
  storage::MemoryEngine engine;

 private:
  bool begun_ = false;  // TheWriter writes to this node's store
  exchange::FakeSigner signer_{kSelf};
  Believer verifier_;
};

// A node that has sent something in each lane.
const ReadyStore& Sent() {
  const auto send = [](storage::Transaction& transaction) -> absl::Status {
    for (std::uint8_t lane = 1; lane <= 3; ++lane) {
      for (std::uint64_t at = 0; at < kOwnSize; ++at) {
        const std::string bytes =
            exchange::FakeEnvelope(kSelf, kOwnEpoch, static_cast<v1::Lane>(lane), at, 0);
        const auto number = storage::NextNumber(transaction, storage::Kind::kEnvelope, 0);
        storage::PutEnvelope(transaction, *number, bytes);
        Require(
            storage::AppendOutbound(transaction, {kPeer, lane}, *number, storage::LeafHash(bytes))
                .ok());
      }
    }
    transaction.Journal(SomeEntry());
    return absl::OkStatus();
  };
  static const ReadyStore kSent = [&send] {
    Node node(nullptr);
    Require(node.Commit(send).ok());
    return ReadyStore(node.engine);
  }();
  return kSent;
}

// Gives each batch the head that its envelopes have.
void Repair(v1::BundleContents& contents) {
  exchange::Frontier frontiers[exchange::kLanes];
  for (v1::Batch& batch : *contents.mutable_batches()) {
    if (!exchange::IsLane(batch.lane())) continue;
    exchange::Frontier& frontier = frontiers[exchange::LaneIndex(batch.lane())];
    batch.set_epoch(kPeerEpoch);
    batch.set_first_position(frontier.size());
    for (const std::string& envelope : batch.envelopes())
      frontier.Append(storage::LeafHash(envelope));
    v1::Head& head = *batch.mutable_head();
    head.set_lane(batch.lane());
    head.set_epoch(kPeerEpoch);
    head.set_size(frontier.size());
    head.set_root(std::string(storage::HashView(frontier.Root())));
    head.set_signature(std::string(64, 's'));
  }
}

v1::BundleContents Sample() {
  v1::BundleContents contents;
  for (const v1::Lane lane : {v1::LANE_FLASH, v1::LANE_ROUTINE, v1::LANE_ROUTINE}) {
    v1::Batch& batch = *contents.add_batches();
    batch.set_lane(lane);
    for (std::uint64_t at = 0; at < 3; ++at)
      batch.add_envelopes(exchange::FakeEnvelope(kPeer, kPeerEpoch, lane, at, 0));
  }
  Repair(contents);
  v1::Receipt& receipt = *contents.add_receipts();
  receipt.set_lane(v1::LANE_PRIORITY);
  receipt.set_epoch(kOwnEpoch);
  receipt.set_size(3);
  receipt.set_root(std::string(
      storage::HashView(exchange::FakeFrontier(kSelf, kOwnEpoch, v1::LANE_PRIORITY, 3, 0).Root())));
  receipt.set_signature(std::string(64, 's'));
  v1::Refusal& refusal = *receipt.add_refusals();
  refusal.set_position(1);
  refusal.set_reason_code("ENVELOPE_MALFORMED");
  return contents;
}

void TakePart(std::string_view bytes) {
  const auto file = evidence::OpenFile(evidence::FileKind::kBundle, bytes, kPartBytesMax);
  if (!file.ok()) return;
  Require(file->sealed.size() + file->seal.size() == bytes.size());
  v1::BundlePart part;
  if (!part.ParseFromArray(file->body.data(), static_cast<int>(file->body.size()))) return;
  (void)certs::Decrypt(NodePair().certificate_pem, NodePair().key_pem, part.box());
}

void TakeContents(std::string_view bytes, bool repaired) {
  v1::BundleContents contents;
  if (!contents.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  if (repaired) Repair(contents);
  Node node(&Sent());
  const int taken = node.Take(contents);
  Require(storage::VerifyStore(*node.engine.TakeSnapshot()).ok());
  if (taken >= 0) Require(node.Take(contents) == 0);
}

}  // namespace

std::vector<std::string> Seeds() {
  const std::string contents = Sample().SerializeAsString();
  const auto box = certs::EncryptTo(NodePair().certificate_pem, contents);
  Require(box.ok());
  v1::BundlePart part;
  part.set_sender_unit(kPeer);
  part.set_receiver_unit(kSelf);
  part.set_sender_epoch(kPeerEpoch);
  part.set_bundle_id(std::string(16, 'i'));
  part.set_last(true);
  part.set_box(*box);
  const auto file =
      evidence::SealFile(evidence::FileKind::kBundle, part.SerializeAsString(), Key());
  const auto of = [](Mode mode, const std::string& bytes) {
    return std::string(1, static_cast<char>(mode)) + bytes;
  };
  return {of(kPart, file), of(kBox, *box), of(kContents, contents),
          of(kContentsRepaired, contents)};
}

void TakeInput(std::string_view input) {
  Reader reader(input);
  switch (reader.Byte() % kModes) {
    case kPart:
      return TakePart(reader.Rest());
    case kBox:
      return (void)certs::Decrypt(NodePair().certificate_pem, NodePair().key_pem, reader.Rest());
    case kContents:
      return TakeContents(reader.Rest(), false);
    default:
      return TakeContents(reader.Rest(), true);
  }
}

}  // namespace tripoint::fuzz
