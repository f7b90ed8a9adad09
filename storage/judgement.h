// What a damage cost, and that nobody forgets it before a new epoch is stored.
//
// Opening past damage changes the store, so that the next start finds nothing wrong. Therefore
// <data>/judgement says, from before the first change on, that nobody has judged yet; with the
// verdict "lost" it says in which epoch, until the node has stored another one (EpochStored). A
// start that meets it goes the same way. Written whole or not at all, and durable before what
// depends on it. All ways by which something is found lost pass here: the damage itself, the head
// file, what was put aside. What a neighbour proves (node.rolled_back) needs no mark: it proves it
// again in its next hello, before anything is sent in the old epoch.
//
// Why the verdict "nothing is lost" holds, though the head file may be some seconds old (or older
// while it cannot be written): whatever was acknowledged had been synced, as a record of the log
// with its journal entry, and the log goes only when a table with it is named by a synced edit of
// the manifest. The whole journal is there without a gap and has the head file's root. What could
// be missing comes behind its end, and there is nothing: no whole record of the logs that were put
// aside, also behind the damage, and no table that was, holds a later entry (KeptBeyond). A record
// or a table that is not whole was being written when the power went, and nobody was answered for
// it. What is left: a disk that confirmed a sync and then has no trace of it. That loss no start
// can see, damaged or not, beyond what the head file knows; what of it had left the node its
// neighbours prove (docs/decisions/2026-11-22-head-file-once-a-second.md).
//
// Called by data_folder at the start, one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/files.h"
#include "tripoint/store/v1/records.pb.h"

namespace tripoint::storage {

struct Judgement {
  // The store was opened past damage, or is about to be. `awaited`: the folders that were put aside
  // for it, by name.
  bool unjudged = false;
  std::vector<std::string> awaited;
  // Something was lost in this epoch; 0: in one that cannot be told.
  std::optional<std::uint64_t> lost_in;

  bool empty() const { return !unjudged && !lost_in.has_value(); }
  // Whether something is lost that `node` has no new epoch for.
  bool LostIn(const store::v1::NodeRecord& node) const;
};

std::string JudgementFile(const std::string& data);

// Empty: no file. One that says nothing this version understands is unjudged, and lost in an epoch
// that cannot be told. Errors: DATA_LOSS / CORRUPT it is there and cannot be read.
absl::StatusOr<Judgement> ReadJudgement(const std::string& data);

// Replaces the file, or removes it; then that is durable. Errors: DATA_LOSS / CORRUPT,
// RESOURCE_EXHAUSTED / DISK_FULL; the file says the one or the other.
absl::Status WriteJudgement(Files& files, const std::string& data, const Judgement& judgement);

// What the folders `names`, put aside before the store was opened past its damage, hold of the
// journal beyond its first `size` entries, which the store has.
struct Beyond {
  bool more = false;                // a later entry, or a folder is gone: something is lost
  std::vector<std::string> unread;  // tables that are not whole, paths
};
// Errors: DATA_LOSS / CORRUPT a log could not be read.
absl::StatusOr<Beyond> KeptBeyond(const std::string& data, const std::vector<std::string>& names,
                                  std::uint64_t size);

}  // namespace tripoint::storage
