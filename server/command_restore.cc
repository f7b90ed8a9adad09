// `tripointd restore` and `tripointd verify-backup`. See commands.h.
#include <fmt/format.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string>
#include <system_error>

#include "certs/backup_key.h"
#include "certs/files.h"
#include "proto/contract/backup_form.h"
#include "proto/contract/disk.h"
#include "proto/contract/error.h"
#include "server/commands.h"
#include "server/config.h"
#include "server/operations/recovery.h"
#include "server/report.h"
#include "server/runtime/clock.h"
#include "server/runtime/random.h"
#include "storage/backup_file.h"
#include "storage/data_folder.h"
#include "storage/schema.h"
#include "storage/verify_store.h"

namespace tripoint {
namespace {

namespace fs = std::filesystem;
using contract::Error;
using contract::Reason;

// Beside the data: tables of what the log held, and room to open it.
constexpr std::uint64_t kRoomBytes = 64u << 20;

absl::Status Refused(Reason reason, std::string what, std::string why, std::string next) {
  return Error(absl::StatusCode::kFailedPrecondition, reason, std::move(what), std::move(why),
               std::move(next));
}

absl::StatusOr<store::v1::BackupHeader> HeaderOf(const std::string& path) {
  absl::StatusOr<contract::BackupHead> head = contract::ReadBackupHeadOf(path);
  if (!head.ok()) return head.status();
  if (head->header.schema_version() > storage::kSchemaVersion) {
    return Refused(Reason::kSchemaNewer, "The backup was made by a newer version of Tripoint",
                   fmt::format("It has layout {}; this version knows up to {}",
                               head->header.schema_version(), storage::kSchemaVersion),
                   "Restore it with the newer tripointd. Nothing was changed");
  }
  return std::move(head->header);
}

// From the terminal, without showing it.
std::string AskSecret() {
  fmt::print(stderr, "Pass phrase of the backup: ");
  termios before = {};
  const bool terminal = ::tcgetattr(STDIN_FILENO, &before) == 0;
  if (terminal) {
    termios quiet = before;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    (void)::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
  }
  std::string phrase;
  (void)std::getline(std::cin, phrase);
  if (terminal) {
    (void)::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fmt::print(stderr, "\n");
  }
  return phrase;
}

absl::StatusOr<certs::BackupKeys> KeysFor(const store::v1::BackupHeader& header,
                                          const BackupOptions& options) {
  if (!options.key_file.empty()) {
    const absl::StatusOr<std::string> key = certs::ReadSecretLine(options.key_file);
    if (!key.ok()) return key.status();
    return certs::OpenKeys(header, {}, *key);
  }
  if (options.pass_phrase_file.empty() && ::isatty(STDIN_FILENO) != 1) {
    return Error(absl::StatusCode::kInvalidArgument, Reason::kUsage,
                 "Nothing was named that opens the backup", "It is encrypted",
                 "Give --pass-phrase-file FILE or --key-file FILE. Nothing was changed");
  }
  absl::StatusOr<std::string> phrase = options.pass_phrase_file.empty()
                                           ? absl::StatusOr<std::string>(AskSecret())
                                           : certs::ReadSecretLine(options.pass_phrase_file);
  if (!phrase.ok()) return phrase.status();
  return certs::OpenKeys(header, *phrase, {});
}

absl::Status HaveRoom(const std::string& folder, std::uint64_t bytes) {
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  if (error || space.available >= bytes + kRoomBytes) return absl::OkStatus();
  return Error(absl::StatusCode::kResourceExhausted, Reason::kDiskFull,
               "There is not enough room for the backup",
               fmt::format("It needs {} MiB, {} MiB are free in {}", (bytes + kRoomBytes) >> 20,
                           space.available >> 20, folder),
               "Make room, or name a folder on another disk. Nothing was changed");
}

// A folder that goes away with everything in it unless it is kept.
class Scratch {
 public:
  explicit Scratch(std::string path) : path_(std::move(path)) { Remove(); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    if (!kept_) Remove();
  }
  const std::string& path() const { return path_; }
  void Keep() { kept_ = true; }

 private:
  void Remove() const {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const std::string path_;
  bool kept_ = false;
};

// Unpacks into `data`, a new data folder, and recomputes everything in it.
absl::StatusOr<storage::StoreReport> UnpackAndVerify(const BackupOptions& options,
                                                     const store::v1::BackupHeader& header,
                                                     const std::string& data,
                                                     storage::OpenedStore& opened) {
  absl::StatusOr<certs::BackupKeys> keys = KeysFor(header, options);
  if (!keys.ok()) return keys.status();
  std::error_code error;
  for (const std::string& folder : {data, storage::TlsFolder(data)}) {
    error.assign(contract::MakeFolder(folder), std::generic_category());
    if (error) break;
    fs::permissions(folder, fs::perms::owner_all, error);
  }
  if (error) {
    return Refused(Reason::kConfigInvalid, "Cannot make " + data, error.message(),
                   "Name a folder that can be made. Nothing was changed");
  }
  const absl::Status unpacked =
      storage::UnpackBackup(options.file, keys->secret_key, storage::StoreFolder(data));
  if (!unpacked.ok()) return unpacked;
  absl::StatusOr<storage::OpenedStore> store =
      storage::OpenDataFolder(data, header.unit(), storage::RocksOptions());
  if (!store.ok()) return store.status();
  opened = *std::move(store);
  absl::StatusOr<storage::StoreReport> report =
      storage::VerifyStore(*opened.engine->TakeSnapshot());
  if (!report.ok()) return report.status();
  if (report->changes < header.change_number()) {
    return contract::BackupInvalid(fmt::format("It ends at change {} and should hold {}",
                                               report->changes, header.change_number()));
  }
  return report;
}

std::string ReportText(const storage::StoreReport& report) {
  return fmt::format(
      "{} records read, 0 bad; journal unbroken to change {}; {} envelopes in {} channels, all "
      "roots as they were signed",
      report.keys, report.changes, report.envelopes, report.channels);
}

absl::Status CheckUnit(const BackupOptions& options, const store::v1::BackupHeader& header) {
  std::string unit = options.unit;
  if (unit.empty()) {
    const absl::StatusOr<Config> config = LoadConfig(options.config_path);
    if (!config.ok()) return config.status();
    unit = config->unit;
  }
  if (unit == header.unit()) return absl::OkStatus();
  return Refused(Reason::kConfigInvalid,
                 fmt::format("The backup is of {}, this node is {}", header.unit(), unit),
                 "A node keeps the records of one unit only",
                 fmt::format("Name a backup of {}, or the other configuration with --config. "
                             "Nothing was changed",
                             unit));
}

absl::Status CheckTarget(const std::string& into) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(into, error);
  if (!fs::exists(status)) return absl::OkStatus();
  if (fs::is_directory(status) && fs::is_empty(into, error) && !error) return absl::OkStatus();
  const bool store = fs::exists(storage::StoreFolder(into) + "/CURRENT", error);
  return Error(absl::StatusCode::kAlreadyExists, Reason::kAlreadyExists,
               into + (store ? " has a store already" : " is not empty"),
               "A backup is restored into a new folder, and what is there is never touched",
               "Name another folder; then set `data_folder` to it. Nothing was changed");
}

absl::Status Restore(const BackupOptions& options) {
  if (absl::Status target = CheckTarget(options.into); !target.ok()) return target;
  const absl::StatusOr<store::v1::BackupHeader> header = HeaderOf(options.file);
  if (!header.ok()) return header.status();
  if (absl::Status unit = CheckUnit(options, *header); !unit.ok()) return unit;
  const fs::path into = fs::absolute(options.into).lexically_normal();
  const fs::path clean = into.has_filename() ? into : into.parent_path();
  if (absl::Status room = HaveRoom(clean.parent_path().string(), header->total_bytes());
      !room.ok()) {
    return room;
  }
  Scratch scratch(clean.string() + ".restoring");
  storage::StoreReport report;
  std::uint64_t epoch = 0;
  {
    storage::OpenedStore opened;
    const auto verified = UnpackAndVerify(options, *header, scratch.path(), opened);
    if (!verified.ok()) return verified.status();
    report = *verified;
    runtime::SystemRandom random;
    epoch = random.Epoch();
    const absl::Status begun = operations::BeginEpoch(
        *opened.engine, epoch, operations::kCauseRestore, runtime::SystemClock().wall_ms());
    if (!begun.ok()) return begun;
  }
  std::error_code error;
  fs::remove(clean, error);  // empty
  fs::rename(scratch.path(), clean, error);
  if (error) {
    return Refused(Reason::kConfigInvalid, "Cannot make " + clean.string(), error.message(),
                   "Name a folder that can be made. Nothing was changed");
  }
  scratch.Keep();
  if (absl::Status synced = certs::SyncFolder(clean.parent_path().string()); !synced.ok())
    return synced;
  fmt::print("restored {} into {}, new epoch {:016x}\n{}\n", header->unit(), clean.string(), epoch,
             ReportText(report));
  fmt::print(stderr,
             "next: set `data_folder = \"{}\"` in the configuration and start the node. It shares "
             "nothing new until\n      its neighbours have returned what they hold of it: tripoint "
             "status\n",
             clean.string());
  return absl::OkStatus();
}

absl::Status Verify(const BackupOptions& options) {
  const absl::StatusOr<store::v1::BackupHeader> header = HeaderOf(options.file);
  if (!header.ok()) return header.status();
  const fs::path folder = options.scratch.empty() ? fs::absolute(options.file).parent_path()
                                                  : fs::path(options.scratch);
  if (absl::Status room = HaveRoom(folder.string(), header->total_bytes()); !room.ok()) return room;
  const Scratch scratch(
      (folder /
       fmt::format(".verify-{}-{}", fs::path(options.file).filename().string(), ::getpid()))
          .string());
  storage::OpenedStore opened;
  const auto report = UnpackAndVerify(options, *header, scratch.path(), opened);
  opened = {};
  if (!report.ok()) return report.status();
  fmt::print("opened in a scratch copy: {}\n", ReportText(*report));
  fmt::print("VERIFIED unit={} changes={} records={} envelopes={} channels={} made={}\n",
             header->unit(), report->changes, report->keys, report->envelopes, report->channels,
             header->create_time_ms());
  return absl::OkStatus();
}

}  // namespace

int CommandRestore(const BackupOptions& options) {
  (void)::umask(kPrivateMask);
  const absl::Status status = Restore(options);
  return status.ok() ? kExitDone : ReportError(status);
}

int CommandVerifyBackup(const BackupOptions& options) {
  (void)::umask(kPrivateMask);
  const absl::Status status = Verify(options);
  return status.ok() ? kExitDone : ReportError(status);
}

}  // namespace tripoint
