// See data_folder.h.
#include "storage/data_folder.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "proto/contract/error.h"
#include "storage/disk_reserve.h"
#include "storage/head_file.h"
#include "storage/journal_store.h"
#include "storage/keys.h"
#include "storage/put_aside.h"
#include "storage/schema.h"

namespace tripoint::storage {
namespace {

namespace fs = std::filesystem;
using contract::Error;
using contract::Reason;

constexpr std::uint64_t kTailChecked = 1000;

absl::Status FolderError(std::string what, std::string why, std::string next) {
  return Error(absl::StatusCode::kFailedPrecondition, Reason::kConfigInvalid, std::move(what),
               std::move(why), std::move(next));
}

absl::Status MakePrivateFolder(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error) fs::permissions(folder, fs::perms::owner_all, error);
  if (error) {
    return FolderError(
        "The folder " + folder + " cannot be made.", error.message(),
        "Check `data_folder` in the configuration and who owns the folder above it.");
  }
  return absl::OkStatus();
}

absl::Status CheckPrivateFolder(const std::string& folder) {
  std::error_code error;
  const fs::file_status status = fs::status(folder, error);
  if (status.type() != fs::file_type::directory) {
    return FolderError(
        "The data folder is not initialised: " + folder + " is missing.",
        "A store is made by init only, so that a lost disk is never mistaken for a new node.",
        "Check `data_folder` in the configuration, or run `tripointd init`.");
  }
  if ((status.permissions() & (fs::perms::group_all | fs::perms::others_all)) != fs::perms::none) {
    return FolderError("The folder " + folder + " is open to other users.",
                       "It holds records and keys.", "Run `chmod 700 " + folder + "`.");
  }
  return absl::OkStatus();
}

// The data folder itself: made private when it is new or empty.
absl::Status MakeDataFolder(const std::string& data) {
  std::error_code error;
  if (!fs::exists(data, error) || fs::is_empty(data, error)) return MakePrivateFolder(data);
  return CheckPrivateFolder(data);
}

absl::StatusOr<bool> HasNodeRecord(const Engine& engine) {
  const absl::StatusOr<std::optional<std::string>> node = engine.Get(NodeKey());
  if (!node.ok()) return node.status();
  return node->has_value();
}

// The newest entries stand where the head says: a lost tail of the log shows here at every start.
absl::Status CheckJournalTail(const Engine& engine) {
  const std::unique_ptr<Snapshot> snapshot = engine.TakeSnapshot();
  const absl::StatusOr<JournalHead> head = ReadJournalHead(*snapshot);
  if (!head.ok()) return head.status();
  const std::uint64_t size = head->frontier.size();
  const std::uint64_t expected = std::min(size, kTailChecked);
  const auto entries = ReadJournal(*snapshot, size - expected, expected + 1);
  if (!entries.ok()) return entries.status();
  return entries->size() == expected ? absl::OkStatus() : VerifyJournal(*snapshot);
}

// Whether the store has less than the head file says, or another history. A head of the epoch
// before says nothing about the present one, which began because of what that head knew: the node
// ended before it wrote the next head, and another epoch would be no better.
absl::StatusOr<bool> LostSomething(const Engine& engine, const std::string& data,
                                   const store::v1::NodeRecord& node, bool damaged) {
  const std::optional<KeptHead> kept = ReadHeadFile(HeadFile(data));
  if (!kept.has_value()) return damaged;
  if (kept->epoch != node.epoch() && kept->epoch == node.recovery().past_epoch()) return damaged;
  const std::unique_ptr<Snapshot> snapshot = engine.TakeSnapshot();
  const absl::StatusOr<JournalHead> head = ReadJournalHead(*snapshot);
  if (!head.ok()) return head.status();
  if (head->frontier.size() < kept->size) return true;
  if (head->frontier.size() == kept->size) return head->frontier.Root() != kept->root;
  if (!damaged) return false;
  const absl::StatusOr<Hash> root = JournalRootAt(*snapshot, kept->size);
  if (!root.ok()) return root.status();
  return *root != kept->root;
}

// Up to the first damage of the log. A torn end of the manifest, which no way of opening bears, is
// cut off.
absl::StatusOr<std::unique_ptr<Engine>> OpenDamaged(const std::string& data, RocksOptions options) {
  DiskReserve(StoreFolder(data), 0).Release();  // on a full disk even a new folder has no room
  if (absl::Status status = PutLogAside(data); !status.ok()) return status;
  options.recovery = RecoveryMode::kPointInTime;
  absl::StatusOr<std::unique_ptr<Engine>> engine = OpenRocksEngine(StoreFolder(data), options);
  if (!absl::IsDataLoss(engine.status())) return engine;
  // The start that failed has taken the room again.
  DiskReserve(StoreFolder(data), 0).Release();
  const absl::StatusOr<bool> cut = CutManifest(data);
  if (!cut.ok()) return cut.status();
  return *cut ? OpenRocksEngine(StoreFolder(data), options) : std::move(engine);
}

}  // namespace

std::string StoreFolder(const std::string& data) { return data + "/store"; }

std::string TlsFolder(const std::string& data) { return data + "/tls"; }

std::string CheckpointFolder(const std::string& data) { return data + "/backup-part"; }

bool RemoveCheckpoint(const std::string& folder) {
  bool removed = false;
  for (const char* suffix : {"", ".tmp"}) {  // RocksDB makes it under the second name
    std::error_code error;
    const bool some = fs::remove_all(folder + suffix, error) > 0;
    removed = (some && !error) || removed;
  }
  return removed;
}

absl::Status InitializeDataFolder(const std::string& data, const std::string& unit,
                                  std::uint64_t epoch, std::int64_t now_ms, bool after_loss) {
  if (absl::Status status = MakeDataFolder(data); !status.ok()) return status;
  for (const std::string& folder : {StoreFolder(data), TlsFolder(data)}) {
    if (absl::Status status = MakePrivateFolder(folder); !status.ok()) return status;
  }
  RocksOptions options;
  options.create = true;
  absl::StatusOr<std::unique_ptr<Engine>> engine = OpenRocksEngine(StoreFolder(data), options);
  if (absl::IsAlreadyExists(engine.status())) {
    // An init that was killed leaves an engine without a node record; only that is completed.
    const absl::Status exists = engine.status();
    options.create = false;
    engine = OpenRocksEngine(StoreFolder(data), options);
    if (!engine.ok()) return engine.status();
    const absl::StatusOr<bool> initialised = HasNodeRecord(**engine);
    if (!initialised.ok()) return initialised.status();
    if (*initialised) return exists;
  }
  if (!engine.ok()) return engine.status();
  return InitializeStore(**engine, unit, epoch, now_ms, after_loss);
}

absl::Status CheckDataFolder(const std::string& data) {
  for (const std::string& folder : {data, StoreFolder(data), TlsFolder(data)}) {
    if (absl::Status status = CheckPrivateFolder(folder); !status.ok()) return status;
  }
  std::error_code error;
  if (fs::exists(StoreFolder(data) + "/CURRENT", error)) return absl::OkStatus();
  return FolderError(
      "The data folder has no store: " + StoreFolder(data) + "/CURRENT is missing.",
      "A store is made by init only, so that a lost disk is never mistaken for a new node.",
      "Check `data_folder` in the configuration, or run `tripointd init`.");
}

absl::StatusOr<OpenedStore> OpenDataFolder(const std::string& data, const std::string& unit,
                                           RocksOptions options) {
  if (absl::Status status = CheckDataFolder(data); !status.ok()) return status;
  OpenedStore opened;
  options.create = false;
  options.recovery = RecoveryMode::kStrict;
  absl::StatusOr<std::unique_ptr<Engine>> engine = OpenRocksEngine(StoreFolder(data), options);
  opened.damaged = absl::IsDataLoss(engine.status()) || CutStands(data);
  if (absl::IsDataLoss(engine.status())) engine = OpenDamaged(data, options);
  if (!engine.ok()) return engine.status();
  opened.engine = std::move(*engine);
  absl::StatusOr<store::v1::NodeRecord> node = OpenStore(*opened.engine, unit);
  if (!node.ok()) return node.status();
  opened.node = std::move(*node);
  const absl::Status journal = opened.damaged ? VerifyJournal(*opened.engine->TakeSnapshot())
                                              : CheckJournalTail(*opened.engine);
  if (!journal.ok()) return journal;
  const absl::StatusOr<bool> lost =
      LostSomething(*opened.engine, data, opened.node, opened.damaged);
  if (!lost.ok()) return lost.status();
  opened.lost = *lost;
  JudgeCut(data, opened.lost);
  return opened;
}

}  // namespace tripoint::storage
