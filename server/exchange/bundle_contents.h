// What is in a bundle: taken from the store, and brought into a store, as the link would. Without
// files, keys, threads and waiting, so that the simulator runs the same.
//
// Used by bundle.h and the simulator; any thread, one at a time. The store has one writer, the
// committer: an operation of a bundle that comes too late is refused there (ABORTED) and made anew.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/contract/head_bytes.h"
#include "server/exchange/types.h"
#include "server/operations/channels.h"
#include "server/operations/node_facts.h"
#include "storage/engine.h"
#include "storage/transaction.h"
#include "tripoint/exchange/v1/bundle.pb.h"

namespace tripoint::exchange {

// Where the next part goes on: receipts of the three lanes, then batches of the three.
struct BundlePlace {
  std::uint8_t step = 0;
  std::uint64_t position = 0;  // of the step; 0: its beginning
  bool done() const { return step >= 2 * kLanes; }
};

struct FilledBundle {
  v1::BundleContents contents;
  std::uint64_t envelopes = 0;
  std::uint64_t receipts = 0;
  std::vector<std::string> left_out;  // stopped lanes, in words
};

// What waits for `peer` from `place` on, about `bytes_max` of it, and moves `place`. `epoch`: own.
// Errors: FAILED_PRECONDITION / AMNESIA; DATA_LOSS / CORRUPT.
absl::StatusOr<FilledBundle> FillBundle(const storage::Snapshot& snapshot,
                                        const operations::NodeFacts& facts, std::uint64_t epoch,
                                        const std::string& peer, HeadSigner& signer,
                                        std::size_t bytes_max, BundlePlace& place);

struct TakenBundle {
  std::uint64_t envelopes = 0;
  std::uint64_t known = 0;
  std::uint64_t refused = 0;
  std::uint64_t receipted = 0;
  std::vector<std::string> left_out;
};

// What a bundle is said to be by its seal.
struct BundleOrigin {
  std::string sender;
  std::uint64_t epoch = 0;  // the sender's
  std::vector<std::uint64_t> ended_epochs;
  std::string carrier;  // officer id, for the journal
};

// Takes contents in. First Check; then Next and Stored in turn until Next has none.
class BundleTaker {
 public:
  // All but the last two outlive it. `verifier` trusts the sender's certificate; `epoch`: own.
  BundleTaker(const operations::NodeFacts& facts, std::uint64_t epoch, HeadSigner& signer,
              const HeadVerifier& verifier, BundleOrigin origin, v1::BundleContents contents);
  BundleTaker(const BundleTaker&) = delete;
  BundleTaker& operator=(const BundleTaker&) = delete;

  // Everything, against what is stored and what parts before this one would bring (`reached`, which
  // is moved on). Changes nothing. Errors: those of BundleService.ImportBundle.
  absl::Status Check(const storage::Snapshot& snapshot, v1::BundleReached& reached);

  // The next thing to store; nullopt: nothing is left. `snapshot` is of now.
  absl::StatusOr<std::optional<storage::Operation>> Next(const storage::Snapshot& snapshot);
  // How it went. An error is to be given up with; OK also when it must be tried again.
  absl::Status Stored(const absl::Status& status);

  const TakenBundle& result() const { return result_; }

 private:
  struct Lane {
    std::uint64_t epoch = 0;
    Frontier frontier;
    std::string quarantine_reason;
  };
  // A batch, or what of it is not here yet.
  struct Extension {
    int skip = 0;  // envelopes that are here; all: nothing is new
    std::vector<Hash> leaf_hashes;
    Frontier frontier;
  };

  absl::Status Begin(const storage::Snapshot& snapshot);
  absl::Status CheckBatch(const v1::Batch& batch) const;
  // Whether the bundle is not from before `known_epoch` of its sender; 0: none is known.
  absl::Status CheckFollows(std::uint64_t known_epoch) const;
  // nullopt: the lane is stopped.
  absl::StatusOr<std::optional<Extension>> Extend(const storage::Snapshot& snapshot,
                                                  const v1::Batch& batch, const Lane& lane);
  absl::Status CheckKnown(const storage::Snapshot& snapshot, const v1::Batch& batch,
                          const Lane& lane) const;
  storage::Operation Apply(const v1::Batch& batch, Extension extension);
  // nullopt: it says nothing about the present channel.
  absl::StatusOr<std::optional<Frontier>> CheckReceipt(const storage::Snapshot& snapshot,
                                                       const v1::Receipt& receipt);
  storage::Operation Apply(const v1::Receipt& receipt, Frontier receipted);
  contract::ChannelHead HeadOf(const v1::Head& head) const;
  void LeaveOut(std::string what);

  const operations::NodeFacts& facts_;
  const std::uint64_t epoch_;
  HeadSigner& signer_;
  const HeadVerifier& verifier_;
  const BundleOrigin origin_;
  const v1::BundleContents contents_;

  std::array<Lane, kLanes> lanes_;
  std::array<operations::OutboundState, kLanes> outbound_;
  int batch_ = 0;  // the next ones
  int receipt_ = 0;
  int tries_ = 0;
  // Of what is being stored.
  std::uint64_t new_ = 0;
  std::uint64_t known_ = 0;
  std::uint64_t receipted_before_ = 0;
  std::shared_ptr<operations::AppliedBatch> applied_batch_;
  std::shared_ptr<operations::AppliedReceipt> applied_receipt_;
  TakenBundle result_;
};

}  // namespace tripoint::exchange
