// What is done to a damaged store before RocksDB opens it: what it would cut or remove is put aside
// first, and the torn end of its manifest is cut off. Called by data_folder at the start; one
// thread.
//
// A cut of the manifest leaves <data>/cut-N, with everything that the store had. While one stands
// nobody has judged yet what the cut lost (judgement.h): a start that ended in between is judged by
// the next one. A cut is never undone: the store as it was stands in cut-N, and whatever start
// comes next judges the same. What is put aside are links where the disk has them, as good as
// copies: RocksDB removes such files and never changes one (no log is used twice, each opening
// makes a new manifest, and no new file gets the number of one that is there).
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/files.h"

namespace tripoint::storage {

// Log, manifest and CURRENT into <data>/damaged-N, since opening up to the damage cuts the log: a
// later version, or a person, may save more. Each torn end leaves one, also that of a harmless
// power cut: with kDamagedCopiesMax of them the oldest goes, but none that holds tables, which are
// of a loss, and none of `awaited`, on which the verdict rests; if the very same files stand in one
// of those, no other is made. Result: the folder's name, such as "damaged-2". Errors: DATA_LOSS /
// CORRUPT there was no room; nothing was changed.
inline constexpr int kDamagedCopiesMax = 4;
absl::StatusOr<std::string> PutLogAside(Files& files, const std::string& data,
                                        const std::vector<std::string>& awaited);

// Cuts the manifest behind its last whole edit if only a torn end follows (manifest_tail.h). False:
// it is not that, and nothing was changed. Everything is put aside first, also the tables: RocksDB
// removes those that the cut manifest does not name. Errors: DATA_LOSS / CORRUPT that was not
// possible, RESOURCE_EXHAUSTED / DISK_FULL: the manifest is as it was, or a cut-N stands and it may
// be cut, durably or not, which the next start finds and judges.
absl::StatusOr<bool> CutManifest(Files& files, const std::string& data);

// The cuts that nobody has judged, by name.
std::vector<std::string> StandingCuts(const std::string& data);

// After the verdict that something was lost: each cut stays as a further damaged-N, for good. Both:
// what did not work is an error and stands until the next start. Errors: DATA_LOSS / CORRUPT,
// RESOURCE_EXHAUSTED / DISK_FULL.
absl::Status KeepCuts(Files& files, const std::string& data);
// After the verdict that nothing was: each goes. Where a table could not be read (`unread`, paths),
// so that nothing proves what was in it, it stays among the newest damaged-N under another name;
// none of `awaited` goes for it.
absl::Status DropCuts(Files& files, const std::string& data, const std::vector<std::string>& unread,
                      const std::vector<std::string>& awaited);

// What stands in the folder from starts that met damage, by name: damaged-N and cut-N. Looks only.
std::vector<std::string> PutAsideFolders(const std::string& data);

}  // namespace tripoint::storage
