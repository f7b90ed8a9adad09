// See data_folder.h.
#include "storage/data_folder.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "proto/contract/disk.h"
#include "proto/contract/error.h"
#include "storage/disk_reserve.h"
#include "storage/head_file.h"
#include "storage/journal_store.h"
#include "storage/judgement.h"
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
  std::error_code error(contract::MakeFolder(folder), std::generic_category());
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
absl::StatusOr<bool> LessThanKept(const Engine& engine, const std::optional<KeptHead>& kept,
                                  const store::v1::NodeRecord& node, bool damaged) {
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

// One opening of a data folder.
class Opener {
 public:
  Opener(const std::string& data, RocksOptions options, Files& files)
      : data_(data), options_(std::move(options)), files_(files) {}

  absl::StatusOr<OpenedStore> Run(const std::string& unit) {
    absl::StatusOr<std::optional<KeptHead>> kept = ReadHeadFile(HeadFile(data_));
    if (!kept.ok()) return kept.status();
    absl::StatusOr<Judgement> judgement = ReadJudgement(data_);
    if (!judgement.ok()) return judgement.status();
    judgement_ = *std::move(judgement);
    OpenedStore opened;
    absl::Status status = Open(unit, opened);
    if (status.ok()) status = Judge(*kept, opened);
    if (!status.ok()) return Final(status);
    opened.put_aside = PutAsideFolders(data_);
    return opened;
  }

 private:
  absl::Status Open(const std::string& unit, OpenedStore& opened);
  absl::StatusOr<std::unique_ptr<Engine>> OpenDamaged();
  absl::Status Judge(const std::optional<KeptHead>& kept, OpenedStore& opened);
  absl::StatusOr<bool> IsLost(const std::optional<KeptHead>& kept, const OpenedStore& opened,
                              Beyond& beyond) const;
  absl::Status Tidy(const OpenedStore& opened, const Beyond& beyond);
  absl::Status Final(const absl::Status& status) const;

  const std::string data_;
  RocksOptions options_;
  Files& files_;
  Judgement judgement_;
};

absl::Status Opener::Open(const std::string& unit, OpenedStore& opened) {
  options_.create = false;
  options_.recovery = RecoveryMode::kStrict;
  absl::StatusOr<std::unique_ptr<Engine>> engine = OpenRocksEngine(StoreFolder(data_), options_);
  if (absl::IsDataLoss(engine.status())) engine = OpenDamaged();
  if (!engine.ok()) return engine.status();
  opened.damaged = judgement_.unjudged || !StandingCuts(data_).empty();
  opened.engine = std::move(*engine);
  absl::StatusOr<store::v1::NodeRecord> node = OpenStore(*opened.engine, unit);
  if (!node.ok()) return node.status();
  opened.node = std::move(*node);
  return opened.damaged ? VerifyJournal(*opened.engine->TakeSnapshot())
                        : CheckJournalTail(*opened.engine);
}

// Up to the first damage of the log. A torn end of the manifest, which no way of opening bears, is
// cut off.
absl::StatusOr<std::unique_ptr<Engine>> Opener::OpenDamaged() {
  DiskReserve(StoreFolder(data_), 0).Release();  // on a full disk even a new folder has no room
  absl::StatusOr<std::string> aside = PutLogAside(files_, data_, judgement_.awaited);
  if (!aside.ok()) return aside.status();
  judgement_.unjudged = true;
  std::vector<std::string>& awaited = judgement_.awaited;
  if (std::find(awaited.begin(), awaited.end(), *aside) == awaited.end())
    awaited.push_back(*std::move(aside));
  // From here on what this start does can hide the damage from the next one.
  if (absl::Status noted = WriteJudgement(files_, data_, judgement_); !noted.ok()) return noted;
  options_.recovery = RecoveryMode::kPointInTime;
  absl::StatusOr<std::unique_ptr<Engine>> engine = OpenRocksEngine(StoreFolder(data_), options_);
  if (!absl::IsDataLoss(engine.status())) return engine;
  // The start that failed has taken the room again.
  DiskReserve(StoreFolder(data_), 0).Release();
  const absl::StatusOr<bool> cut = CutManifest(files_, data_);
  if (!cut.ok()) return cut.status();
  return *cut ? OpenRocksEngine(StoreFolder(data_), options_) : std::move(engine);
}

absl::StatusOr<bool> Opener::IsLost(const std::optional<KeptHead>& kept, const OpenedStore& opened,
                                    Beyond& beyond) const {
  if (judgement_.LostIn(opened.node)) return true;
  const absl::StatusOr<bool> less = LessThanKept(*opened.engine, kept, opened.node, opened.damaged);
  if (!less.ok() || *less || !opened.damaged) return less;
  const absl::StatusOr<JournalHead> head = ReadJournalHead(*opened.engine);
  if (!head.ok()) return head.status();
  std::vector<std::string> places = StandingCuts(data_);
  places.insert(places.end(), judgement_.awaited.begin(), judgement_.awaited.end());
  absl::StatusOr<Beyond> found = KeptBeyond(data_, places, head->frontier.size());
  if (!found.ok()) return found.status();
  beyond = *std::move(found);
  return beyond.more;
}

// The verdict is noted before anything follows from it.
absl::Status Opener::Judge(const std::optional<KeptHead>& kept, OpenedStore& opened) {
  Beyond beyond;
  const absl::StatusOr<bool> lost = IsLost(kept, opened, beyond);
  if (!lost.ok()) return lost.status();
  opened.lost = *lost;
  if (opened.lost) {
    judgement_ = {.unjudged = false, .awaited = {}, .lost_in = opened.node.epoch()};
    absl::Status noted = WriteJudgement(files_, data_, judgement_);
    if (contract::ReasonOf(noted) == Reason::kDiskFull) {
      // The opened store has taken the room again.
      const DiskReserve reserve(StoreFolder(data_), options_.reserve_bytes);
      reserve.Release();
      noted = WriteJudgement(files_, data_, judgement_);
      (void)reserve.Fill();
    }
    if (!noted.ok()) return noted;
  }
  opened.untidy = Tidy(opened, beyond);
  return absl::OkStatus();
}

absl::Status Opener::Tidy(const OpenedStore& opened, const Beyond& beyond) {
  // A cut that still stands beside a loss whose epoch was stored may be the one of that loss.
  absl::Status cuts = judgement_.lost_in.has_value()
                          ? KeepCuts(files_, data_)
                          : DropCuts(files_, data_, beyond.unread, judgement_.awaited);
  if (!cuts.ok() || opened.lost || judgement_.empty()) return cuts;
  return WriteJudgement(files_, data_, {});
}

// While nobody has judged, a disk that fails is no reason to try again by oneself, and as often as
// a supervisor likes: somebody must look at it.
absl::Status Opener::Final(const absl::Status& status) const {
  if (!judgement_.unjudged || contract::ReasonOf(status) != Reason::kOutcomeUnknown) return status;
  const contract::Problem problem = contract::ProblemOf(status);
  const std::vector<std::string> cuts = StandingCuts(data_);
  std::string aside;
  for (const std::vector<std::string>& names : {judgement_.awaited, cuts}) {
    for (const std::string& name : names) aside += (aside.empty() ? "" : ", ") + name;
  }
  return Error(absl::StatusCode::kDataLoss, Reason::kCorrupt,
               "The store is damaged, and the disk failed while what is whole of it was opened. " +
                   problem.what,
               problem.why,
               "Check the disk of the data folder and start again: that start judges as this one "
               "would have. If it does not help, copy the data folder to another disk and restore "
               "a backup. What was cut off stands in " +
                   data_ + ": " + aside + ".");
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
                                           RocksOptions options, Files& files) {
  if (absl::Status status = CheckDataFolder(data); !status.ok()) return status;
  return Opener(data, std::move(options), files).Run(unit);
}

absl::Status EpochStored(const std::string& data, Files& files) {
  const absl::StatusOr<Judgement> judgement = ReadJudgement(data);
  if (!judgement.ok()) return judgement.status();
  if (judgement->empty()) return absl::OkStatus();
  // First the evidence: with the verdict forgotten it would be taken for that of a harmless cut.
  if (absl::Status kept = KeepCuts(files, data); !kept.ok()) return kept;
  return WriteJudgement(files, data, {});
}

}  // namespace tripoint::storage
