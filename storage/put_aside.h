// What is done to a damaged store before RocksDB opens it: what it would cut or remove is put aside
// first, and the torn end of its manifest is cut off. Called by data_folder at the start; one
// thread.
//
// A cut of the manifest leaves <data>/cut-N, with everything that the store had. While one stands
// nobody has judged yet what the cut lost: a start that ended in between is judged by the next one.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace tripoint::storage {

// Log, manifest and CURRENT into <data>/damaged-N, since opening up to the damage cuts the log: a
// later version, or a person, may save more. Each torn end leaves one, also that of a harmless
// power cut: with kDamagedCopiesMax of them the oldest goes, but none that holds tables, which are
// of a loss. Errors: DATA_LOSS / CORRUPT there was no room; nothing was changed.
inline constexpr int kDamagedCopiesMax = 4;
absl::Status PutLogAside(const std::string& data);

// Cuts the manifest behind its last whole edit if only a torn end follows (manifest_tail.h). False:
// it is not that, and nothing was changed. Everything is put aside first, also the tables: RocksDB
// removes those that the cut manifest does not name. Errors: DATA_LOSS / CORRUPT that was not
// possible, DISK_FULL and OUTCOME_UNKNOWN of the disk: the manifest is as it was, or was cut
// and is not durable yet, which the next start finds and judges.
absl::StatusOr<bool> CutManifest(const std::string& data);

// Whether a cut is there that nobody has judged.
bool CutStands(const std::string& data);

// What the head file and the journal say of it: if nothing was lost, what was put aside goes; else
// it stays as a further damaged-N. What cannot be moved or removed is tried at the next start.
void JudgeCut(const std::string& data, bool lost);

}  // namespace tripoint::storage
