// How a node that lost part of its memory comes back: its new epoch, what it sends again, what its
// neighbours return, and the amnesia until then. docs/protocol.md, "New epoch".
//
// BeginEpoch and CompleteEpoch run at start, before any thread; the rest as channels.h: made on the
// caller's thread, run where the step runs. Signatures were verified by the caller.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/operations/node_facts.h"
#include "server/operations/prepared.h"
#include "storage/engine.h"
#include "storage/merkle.h"

namespace tripoint::operations {

// Why a new epoch begins, as NodeRecord keeps it.
inline constexpr std::string_view kCauseRestore = "restore";
inline constexpr std::string_view kCauseLoss = "loss";
inline constexpr std::string_view kCauseRollback = "rollback";
inline constexpr std::string_view kCauseDamage = "damage";

// Gives the store `epoch` and notes that it must be completed: one commit, nothing else is running.
// `epoch` was never used. Errors: of the engine.
absl::Status BeginEpoch(storage::Engine& engine, std::uint64_t epoch, std::string_view cause,
                        std::int64_t now_ms);

// Does what a new epoch asks for before the node serves: moves the counters of references on, keeps
// the channels of the epoch before as past, and puts what no receipt covers into the new ones.
// Nothing when that was done. Ends an amnesia when those that were missing are no longer paired and
// others are; a node without any peer stays in it. Can be interrupted and repeated. Errors: of the
// engine.
absl::Status CompleteEpoch(const NodeFacts& node, storage::Engine& engine, std::int64_t now_ms);

// What operations ask of the store's Recovery; read again after each change of it.
absl::Status RefreshRecovery(const storage::Reader& reader, RecoveryState& state);

// The refusal while the node shares nothing new: FAILED_PRECONDITION / AMNESIA. OK otherwise.
absl::Status CheckMaySend(const NodeFacts& node);

// How many epochs of a lane a hello shows at most.
inline constexpr std::size_t kHoldingsShownMax = 16;

// A channel to a peer, of whatever epoch, as that peer says it holds it.
struct HeldChannel {
  std::uint8_t lane = 0;
  std::uint64_t epoch = 0;
  std::uint64_t size = 0;
  storage::Hash root = {};
  std::string receipt_signature;         // the peer's, verified
  std::string receipt_certificate = {};  // with which it verified, PEM; kept for evidence
  bool proven = false;                   // this unit had signed that size and root
};

// What follows from it.
struct HoldingsPlan {
  struct Want {
    HeldChannel held;
    std::uint64_t first = 0;  // position of the first envelope to ask for
  };
  struct Carry {
    std::uint8_t lane = 0;
    std::uint64_t epoch = 0;
    std::uint64_t first = 0;  // the peer holds what is before
    // It was begun in an earlier life of this pair. Comes before the wants: what returns is written
    // over what is still to be carried.
    bool under_way = false;
  };
  std::vector<Want> wants;  // the peer holds more than it ever receipted here
  // The peer lost, or never had, what is in a past channel; those that are under way last.
  std::vector<Carry> carries;
  // The amnesia is over, perhaps by an officer's word: what is not proven shuts no link any more.
  bool ended = false;
};
// `held`: at most kHoldingsShownMax of a lane. With as many a peer may have more than it could
// show: then what it did not show is not carried.
absl::StatusOr<HoldingsPlan> CompareHoldings(const storage::Snapshot& snapshot,
                                             std::string_view peer, std::uint64_t own_epoch,
                                             const std::vector<HeldChannel>& held);

// Puts some of a past channel, from `carry.first` on, into the present one again. True: all of it
// is there.
Prepared<bool> CarryOver(const NodeFacts& node, std::string peer, HoldingsPlan::Carry carry);

// Keeps envelopes that `peer` returned, at `first` of the past channel; they count for nothing
// until the whole has the root that this unit signed. Result: the next position to ask for; it is
// `held.size` when all are here and the root is right. Errors: ABORTED / LINK_PROTOCOL `first` is
// not the next, or a carry of that channel is under way; DATA_LOSS / RETURN_UNPROVEN another root:
// what was kept of it is dropped.
struct ReturnedRun {
  std::string peer;
  HeldChannel held;
  std::uint64_t first = 0;
  std::vector<std::string> envelopes;
};
Prepared<std::uint64_t> StoreReturned(const NodeFacts& node, ReturnedRun run);

// Takes some of what was returned in: own notices and their versions, own answers; moves the
// counters beyond their numbers. True: all of it. Precondition: StoreReturned gave `held.size`.
Prepared<bool> TakeReturned(const NodeFacts& node, std::string peer, HeldChannel held);

// `peer` has returned what it holds. Ends the amnesia when it was the last one. True: it ended.
Prepared<bool> PeerReturned(const NodeFacts& node, std::string peer);
// A neighbour holds a past that this node does not know: the amnesia begins (`node.amnesia` in the
// journal). After one that has ended only this neighbour has to return, again
// (`peer.returns_again`); the others are not held up.
Prepared<bool> BeginAmnesia(const NodeFacts& node, std::string peer);
// By an officer's word. Result: the neighbours that have not returned.
Prepared<std::vector<std::string>> EndAmnesia(const NodeFacts& node, const Actor& actor,
                                              std::string reason);

}  // namespace tripoint::operations
