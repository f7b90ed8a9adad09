// The folder of a node: <data>/store (the engine's) and <data>/tls (keys and certificates), all
// three 0700. Called by `tripointd init` and `tripointd run` before any thread is started.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/engine.h"
#include "storage/files.h"
#include "storage/rocks_engine.h"
#include "tripoint/store/v1/records.pb.h"

namespace tripoint::storage {

std::string StoreFolder(const std::string& data);
std::string TlsFolder(const std::string& data);

// Makes the folders and an empty store of `unit`. A folder that is there already, with something in
// it, is not made private but refused when others can read it: it may not be ours. Repeating it
// after a crash in the middle completes it. Errors: ALREADY_EXISTS / ALREADY_EXISTS there is a
// store; FAILED_PRECONDITION / CONFIG_INVALID the folder cannot be made or is open to others; what
// OpenRocksEngine gives.
absl::Status InitializeDataFolder(const std::string& data, const std::string& unit,
                                  std::uint64_t epoch, std::int64_t now_ms,
                                  bool after_loss = false);

// Where a backup's checkpoint stands while it is read; does not exist between backups.
std::string CheckpointFolder(const std::string& data);
// Removes it, also one that was not completed. True: there was one. What cannot be removed is tried
// again at the next start.
bool RemoveCheckpoint(const std::string& folder);

// What OpenDataFolder says of the folder before it opens anything: not initialised, or open to
// others. Looks only, also while a node runs on it. `tripointd check-config` asks.
absl::Status CheckDataFolder(const std::string& data);

// An open store.
struct OpenedStore {
  std::unique_ptr<Engine> engine;
  store::v1::NodeRecord node;
  // The log, or the manifest, had a damaged tail, which was cut, now or by a start that ended
  // before its verdict; the whole journal was verified afterwards.
  bool damaged = false;
  // Something that was acknowledged is gone (judgement.h): the journal is shorter than, or another
  // one than, the head file says; what was put aside has more; or something was cut and there is no
  // head file. The epoch must end; until EpochStored every start says so.
  bool lost = false;
  // What of the verdict could not be tidied up; it holds all the same, and the next start tries
  // again.
  absl::Status untidy;
  // Folders of damage (put_aside.h), by name.
  std::vector<std::string> put_aside;
};

// Opens the store of `unit`: strict first; a damaged log is then opened up to the damage, a
// manifest that a power cut left torn is cut behind its last whole edit (put_aside.h), the whole
// journal is verified, and what is lost is judged (judgement.h). `options.create` and
// `options.recovery` are set here. Errors: FAILED_PRECONDITION / CONFIG_INVALID not initialised, of
// another unit, or open to others; / SCHEMA_NEWER; / DATA_LOCKED; what ReadHeadFile gives, before
// anything is changed; DATA_LOSS / CORRUPT, from the first damage up to the verdict also for errors
// of the disk, since trying again by itself mends none: the next start judges the same; what
// OpenRocksEngine gives. What a cut takes away was put aside before, whatever comes after it.
absl::StatusOr<OpenedStore> OpenDataFolder(const std::string& data, const std::string& unit,
                                           RocksOptions options, Files& files = MachineFiles());

// The store has the new epoch that a loss asked for: from now on it is not told again. Errors: of
// the disk, DATA_LOSS / CORRUPT or DISK_FULL; then the next start finds the epoch and does it.
absl::Status EpochStored(const std::string& data, Files& files = MachineFiles());

}  // namespace tripoint::storage
