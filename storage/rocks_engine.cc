// With rocks_engine_files all that sees RocksDB. Facts and numbers (R1...): platform.md, section 4.
#include "storage/rocks_engine.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdarg>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "proto/contract/error.h"
#include "rocksdb/cache.h"
#include "rocksdb/db.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/listener.h"
#include "rocksdb/options.h"
#include "rocksdb/perf_level.h"
#include "rocksdb/sst_file_manager.h"
#include "rocksdb/table.h"
#include "rocksdb/utilities/checkpoint.h"
#include "rocksdb/write_batch.h"
#include "storage/disk_reserve.h"
#include "storage/stand_back.h"

namespace tripoint::storage {
namespace {

using contract::Error;
using contract::Reason;

constexpr std::size_t kProtectionBytes = 8;
// The most memory that the records of a log take for each of its bytes: short ones have as much
// beside them.
constexpr std::size_t kMemoryOfLog = 4;

rocksdb::Slice SliceOf(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

// Of the calling thread: counters that nobody reads cost each comparison of two keys a call.
void CountNothing() { rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable); }

// The error class of a status (platform.md section 4, "Errors"). RocksDB's text names files of the
// store, no contents.
absl::Status FromRocks(const rocksdb::Status& status, const std::string& what) {
  if (status.ok()) return absl::OkStatus();
  if (status.IsNoSpace()) {
    return Error(absl::StatusCode::kResourceExhausted, Reason::kDiskFull,
                 what + ": the disk is full.", status.ToString(),
                 "Free space on the node's disk; the node then goes on by itself.");
  }
  if (status.IsCorruption()) {
    return Error(
        absl::StatusCode::kDataLoss, Reason::kCorrupt, what + ": stored data is damaged.",
        status.ToString(),
        "Keep the data folder as it is and restart the node; if it refuses, restore a backup.");
  }
  return Error(absl::StatusCode::kUnavailable, Reason::kOutcomeUnknown,
               what + ": the disk reported an error, so the outcome is not known.",
               status.ToString(),
               "Repeat the call with the same request id; check the disk if it happens again.");
}

// Of the newest level (RocksDB's default).
constexpr int kTablesThatSlowWriting = 20;

std::uint64_t UnmergedTables(rocksdb::DB& db) {
  // A property that is text, though its value is a number.
  std::string text;
  std::uint64_t tables = 0;
  if (db.GetProperty(rocksdb::DB::Properties::kNumFilesAtLevelPrefix + "0", &text)) {
    (void)std::from_chars(text.data(), text.data() + text.size(), tables);
  }
  return tables;
}

// What the RocksDB threads and the callers report, and what they want to know.
class Health {
 public:
  explicit Health(const RocksOptions& options)
      : on_fatal_(options.on_fatal), on_trouble_(options.on_trouble) {}

  bool full() const { return full_.load(std::memory_order_relaxed); }
  bool failed() const { return failed_.load(std::memory_order_relaxed); }

  void Report(const rocksdb::Status& status) {
    if (status.IsNoSpace()) {
      if (!full_.exchange(true) && on_trouble_)
        on_trouble_(FromRocks(status, "Writing to the store stopped"));
    } else if (!failed_.exchange(true) && on_fatal_) {
      on_fatal_(FromRocks(status, "The store failed"));
    }
  }
  void Recovered() {
    if (full_.exchange(false) && on_trouble_) on_trouble_(absl::OkStatus());
  }

  void Merged() {
    const absl::MutexLock lock(&mutex_);
    merged_ = true;
  }
  // Waits for a merge to end; false when none did within `limit`.
  bool AwaitMerge(absl::Duration limit) {
    const absl::MutexLock lock(&mutex_);
    const bool merged = mutex_.AwaitWithTimeout(absl::Condition(&merged_), limit);
    merged_ = false;
    return merged;
  }

 private:
  const std::function<void(const absl::Status&)> on_fatal_;
  const std::function<void(const absl::Status&)> on_trouble_;
  std::atomic<bool> full_{false};
  std::atomic<bool> failed_{false};
  absl::Mutex mutex_;
  bool merged_ ABSL_GUARDED_BY(mutex_) = false;
};

class Listener final : public rocksdb::EventListener {
 public:
  explicit Listener(std::shared_ptr<Health> health) : health_(std::move(health)) {}

  void OnBackgroundError(rocksdb::BackgroundErrorReason /*reason*/,
                         rocksdb::Status* error) override {
    health_->Report(*error);
  }
  // The first job of one of RocksDB's threads, and all others.
  void OnFlushBegin(rocksdb::DB* /*db*/, const rocksdb::FlushJobInfo& /*job*/) override {
    StandBack();
  }
  void OnCompactionBegin(rocksdb::DB* /*db*/, const rocksdb::CompactionJobInfo& /*job*/) override {
    StandBack();
  }
  void OnCompactionCompleted(rocksdb::DB* /*db*/,
                             const rocksdb::CompactionJobInfo& /*job*/) override {
    health_->Merged();
  }
  void OnErrorRecoveryEnd(const rocksdb::BackgroundErrorRecoveryInfo& info) override {
    if (info.new_bg_error.ok()) health_->Recovered();
  }

 private:
  const std::shared_ptr<Health> health_;
};

// RocksDB's own log file lies on the disk of the data: when that is full, the second line that
// cannot be appended trips an assertion of Debian's build and ends the process (seen by
// RocksEngine.R10FullDiskComesBack). So its lines go to the node's log instead, and only those that
// somebody should read.
class Log final : public rocksdb::Logger {
 public:
  explicit Log(std::function<void(std::string_view)> on_log)
      : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL), on_log_(std::move(on_log)) {}

  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list /*arguments*/) override {
    if (on_log_) on_log_(format);
  }

 private:
  const std::function<void(std::string_view)> on_log_;
};

class RocksCursor final : public Cursor {
 public:
  // `health` null: for a scan (engine.h).
  RocksCursor(rocksdb::DB& db, Health* health, const rocksdb::Snapshot* snapshot,
              std::string_view lower, std::string_view upper)
      : health_(health), lower_(lower), upper_(upper), lower_slice_(lower_), upper_slice_(upper_) {
    CountNothing();
    rocksdb::ReadOptions options;
    options.snapshot = snapshot;
    options.fill_cache = health_ != nullptr;
    options.iterate_lower_bound = &lower_slice_;
    if (!upper_.empty()) options.iterate_upper_bound = &upper_slice_;
    iterator_.reset(db.NewIterator(options));
    iterator_->SeekToFirst();
  }

  void Seek(std::string_view key) override { iterator_->Seek(SliceOf(key)); }
  void Next() override { iterator_->Next(); }
  bool Valid() const override { return iterator_->Valid(); }
  std::string_view key() const override { return iterator_->key().ToStringView(); }
  std::string_view value() const override { return iterator_->value().ToStringView(); }
  absl::Status status() const override {
    const rocksdb::Status status = iterator_->status();
    if (!status.ok() && health_ != nullptr) health_->Report(status);
    return FromRocks(status, "The store could not be read");
  }

 private:
  Health* const health_;
  const std::string lower_;
  const std::string upper_;
  const rocksdb::Slice lower_slice_;
  const rocksdb::Slice upper_slice_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

absl::StatusOr<std::optional<std::string>> Read(rocksdb::DB& db, Health& health,
                                                const rocksdb::Snapshot* snapshot,
                                                std::string_view key) {
  CountNothing();
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  std::string value;
  const rocksdb::Status status = db.Get(options, SliceOf(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) {
    health.Report(status);
    return FromRocks(status, "The store could not be read");
  }
  return std::make_optional(std::move(value));
}

class RocksSnapshot final : public Snapshot {
 public:
  RocksSnapshot(rocksdb::DB& db, Health& health)
      : db_(db), health_(health), snapshot_(db.GetSnapshot()) {}
  ~RocksSnapshot() override { db_.ReleaseSnapshot(snapshot_); }

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override {
    return Read(db_, health_, snapshot_, key);
  }
  std::unique_ptr<Cursor> NewCursor(std::string_view lower, std::string_view upper) const override {
    return std::make_unique<RocksCursor>(db_, &health_, snapshot_, lower, upper);
  }
  std::unique_ptr<Cursor> NewScan(std::string_view lower, std::string_view upper) const override {
    return std::make_unique<RocksCursor>(db_, nullptr, snapshot_, lower, upper);
  }

 private:
  rocksdb::DB& db_;
  Health& health_;
  const rocksdb::Snapshot* const snapshot_;
};

class RocksEngine final : public Engine {
 public:
  // `log_kept`: the log was read into memory only, since there was no room for a table.
  RocksEngine(std::unique_ptr<rocksdb::DB> db, std::shared_ptr<Health> health,
              std::string directory, const RocksOptions& options, bool log_kept)
      : db_(std::move(db)),
        health_(std::move(health)),
        directory_(std::move(directory)),
        stages_(options.floors),
        monotonic_ms_(options.monotonic_ms),
        write_buffer_bytes_(options.write_buffer_bytes),
        reserve_(directory_, options.reserve_bytes),
        log_kept_(log_kept) {
    const absl::MutexLock lock(&room_mutex_);
    settled_ = reserve_.Fill() && !log_kept_;
    if (!GetRoom().Takes(Importance::kFlash)) health_->Report(BelowFloor());
  }
  ~RocksEngine() override {
    const rocksdb::Status closed = db_->Close();
    closed.PermitUncheckedError();  // everything acknowledged was synced; nothing hangs on a clean
                                    // close
  }

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override {
    return Read(*db_, *health_, nullptr, key);
  }
  std::unique_ptr<Snapshot> TakeSnapshot() const override {
    return std::make_unique<RocksSnapshot>(*db_, *health_);
  }

  absl::Status Commit(const Batch& batch) override;
  absl::Status Checkpoint(const std::string& directory) override;
  Statistics GetStatistics() const override;
  Room GetRoom() const override;

 private:
  static rocksdb::Status BelowFloor() {
    return rocksdb::Status::NoSpace("less free space than the floor");
  }
  absl::Status HaveSpace();
  rocksdb::Status Settle();
  void AfterFullLog();

  std::unique_ptr<rocksdb::DB> db_;
  std::shared_ptr<Health> health_;
  const std::string directory_;
  mutable DiskStages stages_;
  mutable absl::Mutex ample_mutex_;
  mutable Room ample_ ABSL_GUARDED_BY(ample_mutex_);  // stands until then
  mutable std::int64_t ample_until_ms_ ABSL_GUARDED_BY(ample_mutex_) = 0;
  const std::function<std::int64_t()> monotonic_ms_;
  const std::size_t write_buffer_bytes_;
  // False while something of a start on a full disk is still to be done, once there is room.
  std::atomic<bool> settled_{false};
  absl::Mutex room_mutex_;
  const DiskReserve reserve_ ABSL_GUARDED_BY(room_mutex_);
  bool log_kept_ ABSL_GUARDED_BY(room_mutex_);
};

// What a start on a full disk left for later. A kept log becomes a table before anything new is
// written, so that no later recovery depends on a log that an earlier one has read already.
rocksdb::Status RocksEngine::Settle() {
  const absl::MutexLock lock(&room_mutex_);
  if (log_kept_) {
    rocksdb::Status done =
        db_->SetOptions({{"write_buffer_size", std::to_string(write_buffer_bytes_)}});
    if (done.ok()) done = db_->Flush(rocksdb::FlushOptions());
    if (!done.ok()) return done;
    log_kept_ = false;
  }
  (void)
      reserve_.Fill();  // above the floor it has room; a disk that still refuses is not asked again
  settled_ = true;
  return rocksdb::Status::OK();
}

Room RocksEngine::GetRoom() const {
  const std::int64_t now_ms = monotonic_ms_ ? monotonic_ms_() : 0;
  {
    const absl::MutexLock lock(&ample_mutex_);
    if (now_ms < ample_until_ms_) return ample_;
  }
  const Room room = stages_.Measure(SpaceOf(directory_));
  if (monotonic_ms_ && IsAmple(room)) {
    const absl::MutexLock lock(&ample_mutex_);
    ample_ = room;
    ample_until_ms_ = now_ms + kRoomStandsMs;
  }
  return room;
}

// A log that ran into the end of the disk cannot always be resumed (see AfterFullLog), so writing
// stops before: the floor also leaves room for flushes.
absl::Status RocksEngine::HaveSpace() {
  if (const Room room = GetRoom(); !room.Takes(Importance::kFlash)) {
    health_->Report(BelowFloor());
    return NoRoomFor(Importance::kFlash, room);
  }
  if (settled_ && !health_->full()) return absl::OkStatus();
  rocksdb::Status resumed = health_->full() ? db_->Resume() : rocksdb::Status::OK();
  if (resumed.ok() && !settled_) resumed = Settle();
  if (!resumed.ok()) {  // Busy: RocksDB's own recovery is at it
    return FromRocks(rocksdb::Status::NoSpace("writing has not resumed yet", resumed.ToString()),
                     "Nothing was stored");
  }
  health_->Recovered();
  return absl::OkStatus();
}

// Resume() starts a new log only together with a flush. With nothing to flush it reports success
// over the broken log, and the next write trips an assertion of Debian's build: the process has to
// open the data again instead.
void RocksEngine::AfterFullLog() {
  std::uint64_t active = 1;
  std::uint64_t immutable = 1;
  if (db_->GetIntProperty(rocksdb::DB::Properties::kNumEntriesActiveMemTable, &active) &&
      db_->GetIntProperty(rocksdb::DB::Properties::kNumImmutableMemTable, &immutable) &&
      active == 0 && immutable == 0) {
    health_->Report(rocksdb::Status::IOError("the log met the end of the disk"));
  }
}

// A memtable remembers where it inserted last, so neighbours that follow each other cost a third of
// the comparisons (docs/performance.md, "Keys"). The sort is stable: of two writes of one key the
// later stays the later.
std::vector<const Batch::Entry*> InKeyOrder(const Batch& batch) {
  std::vector<const Batch::Entry*> entries;
  entries.reserve(batch.size());
  for (const Batch::Entry& entry : batch.entries()) entries.push_back(&entry);
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Batch::Entry* a, const Batch::Entry* b) { return a->key < b->key; });
  return entries;
}

absl::Status RocksEngine::Commit(const Batch& batch) {
  if (batch.empty()) return absl::OkStatus();
  // A failed fsync may lie when it is repeated (R11): after one, only opening again tells what is
  // there.
  if (health_->failed()) {
    return FromRocks(rocksdb::Status::IOError("the store failed before"),
                     "Nothing more is written");
  }
  if (absl::Status status = HaveSpace(); !status.ok()) return status;
  CountNothing();
  rocksdb::WriteBatch writes(batch.bytes() + batch.size() * 12 + 64, 0, kProtectionBytes, 0);
  for (const Batch::Entry* const place : InKeyOrder(batch)) {
    const Batch::Entry& entry = *place;
    if (entry.key.empty() || entry.key.size() > kKeyBytesMax ||
        entry.value.size() > kValueBytesMax) {
      return Error(absl::StatusCode::kInvalidArgument, Reason::kTooLarge,
                   "A key or value is over its size limit.",
                   "A record has at most 16 MiB and a key 1 KiB.", "Split the record.");
    }
    const rocksdb::Status added = entry.deleted
                                      ? writes.Delete(SliceOf(entry.key))
                                      : writes.Put(SliceOf(entry.key), SliceOf(entry.value));
    if (!added.ok()) return FromRocks(added, "Nothing was stored");
  }
  rocksdb::WriteOptions options;
  options.sync = true;
  options.protection_bytes_per_key = kProtectionBytes;
  const rocksdb::Status written = db_->Write(options, &writes);
  if (!written.ok()) health_->Report(written);
  if (written.IsNoSpace()) {
    AfterFullLog();
    // Unlike a refusal before the log: what the log has of it may be there after a restart. By its
    // code no reason to end: a full disk comes back (R10), and until then nothing else is written.
    return Error(absl::StatusCode::kResourceExhausted, Reason::kOutcomeUnknown,
                 "The change was not confirmed by the disk, which is full.", written.ToString(),
                 "Free space on the node's disk and repeat the call with the same request id.");
  }
  return FromRocks(written, "The change was not confirmed by the disk");
}

absl::Status RocksEngine::Checkpoint(const std::string& directory) {
  rocksdb::Checkpoint* made = nullptr;
  rocksdb::Status status = rocksdb::Checkpoint::Create(db_.get(), &made);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  // 0: flush first, since a hard-linked log may not be synced in full (platform.md, known bugs).
  if (status.ok()) status = checkpoint->CreateCheckpoint(directory, 0);
  if (status.IsInvalidArgument()) {
    return Error(absl::StatusCode::kAlreadyExists, Reason::kAlreadyExists,
                 "The checkpoint folder exists already.", status.ToString(),
                 "Name a folder that does not exist.");
  }
  return FromRocks(status, "The checkpoint was not made");
}

Statistics RocksEngine::GetStatistics() const {
  Statistics statistics;
  std::uint64_t value = 0;
  if (db_->GetIntProperty(rocksdb::DB::Properties::kEstimateNumKeys, &value))
    statistics.keys_estimate = value;
  statistics.unmerged_tables = UnmergedTables(*db_);
  for (const std::string* property : {&rocksdb::DB::Properties::kCurSizeAllMemTables,
                                      &rocksdb::DB::Properties::kEstimateTableReadersMem,
                                      &rocksdb::DB::Properties::kBlockCacheUsage}) {
    if (db_->GetIntProperty(*property, &value)) statistics.memory_bytes += value;
  }
  std::error_code error;
  for (std::filesystem::directory_iterator file(directory_, error), end; !error && file != end;
       file.increment(error)) {
    std::error_code unreadable;  // a file may go away between the two calls
    const std::uintmax_t size = file->file_size(unreadable);
    if (!unreadable) statistics.disk_bytes += size;
  }
  // With room again the next write resumes: nobody has to try one for the node to say so.
  statistics.writes_stopped = health_->failed() || !GetRoom().Takes(Importance::kFlash);
  return statistics;
}

rocksdb::Options MakeOptions(const RocksOptions& ours, const std::shared_ptr<Health>& health) {
  rocksdb::Options options;
  options.create_if_missing = ours.create;
  options.error_if_exists = ours.create;
  options.paranoid_checks = true;
  options.track_and_verify_wals_in_manifest = true;
  options.wal_recovery_mode = ours.recovery == RecoveryMode::kStrict
                                  ? rocksdb::WALRecoveryMode::kAbsoluteConsistency
                                  : rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  // Features with known defects in 7.8, each off by name (platform.md section 4).
  options.recycle_log_file_num = 0;
  options.wal_compression = rocksdb::kNoCompression;
  options.manual_wal_flush = false;
  options.two_write_queues = false;
  options.unordered_write = false;
  options.enable_pipelined_write = false;
  options.atomic_flush = false;
  options.allow_mmap_writes = false;
  options.best_efforts_recovery = false;

  // Room taken ahead for the manifest; RocksDB's 4 MiB are not there on a full disk.
  options.manifest_preallocation_size = 64u << 10;
  options.max_background_jobs = 2;
  options.max_write_buffer_number = 2;
  options.write_buffer_size = ours.write_buffer_bytes;
  options.max_total_wal_size = 64u << 20;
  // Merging is what a record costs most in the long run, a part of it for each key: eight tables at
  // a time instead of four halve it, and cost a read at most four filters more
  // (docs/performance.md, "Merging").
  options.level0_file_num_compaction_trigger = 8;
  options.level0_slowdown_writes_trigger = kTablesThatSlowWriting;
  options.target_file_size_base = 32u << 20;
  options.memtable_protection_bytes_per_key = kProtectionBytes;
  options.max_open_files = 512;
  // On every level: zstd on the last one took an eighth of an import and of a catch-up, and a
  // province fills a disk slowly (docs/performance.md, "Compression").
  options.compression = rocksdb::kLZ4Compression;
  options.level_compaction_dynamic_level_bytes = true;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;  // the default differs by NDEBUG
  options.info_log = std::make_shared<Log>(ours.on_log);
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.listeners.push_back(std::make_shared<Listener>(health));
  if (ours.env != nullptr) options.env = ours.env;
  options.sst_file_manager.reset(rocksdb::NewSstFileManager(options.env));
  options.sst_file_manager->SetCompactionBufferSize(ours.floors.flash_bytes);

  rocksdb::BlockBasedTableOptions table;
  // Few shards: a block larger than its shard of the cache is never kept, and would be read and
  // checked again for every key. For the same reason indexes and filters are cut into pages: whole,
  // those of one file are over a megabyte (docs/performance.md, "Catch-up").
  constexpr int kCacheShardBits = 2;
  table.block_cache = rocksdb::NewLRUCache(ours.block_cache_bytes, kCacheShardBits);
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.metadata_block_size = 4096;
  table.enable_index_compression = false;
  table.cache_index_and_filter_blocks =
      true;  // else memory grows with the data instead of with the cache
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy.reset(
      rocksdb::NewBloomFilterPolicy(10));  // most request ids are new: answered without a read
  table.checksum = rocksdb::kXXH3;
  table.format_version = 5;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

// Each opening makes a table of the log, and with too many RocksDB slows writing and then stops it.
// A node that dies sooner than it can merge them would come to a state in which it opens and stores
// nothing, for as long as it goes on dying. So they are merged first. Bounded: an open store that
// is slow is better than none.
void MergeBeforeWriting(rocksdb::DB& db, Health& health) {
  constexpr int kMergesMax = 16;
  constexpr absl::Duration kMergeMax = absl::Seconds(30);
  for (int merge = 0; merge < kMergesMax && !health.full() && !health.failed(); ++merge) {
    if (UnmergedTables(db) < kTablesThatSlowWriting || !health.AwaitMerge(kMergeMax)) return;
  }
}

absl::Status OpenError(const rocksdb::Status& status, const RocksOptions& options) {
  const std::string text = status.ToString();
  if (status.IsIOError() && (text.find("lock hold by current process") != std::string::npos ||
                             text.find("While lock file") != std::string::npos)) {
    return Error(absl::StatusCode::kFailedPrecondition, Reason::kDataLocked,
                 "Another process uses the data folder.", text,
                 "Stop the other tripointd, or name another data folder in the configuration.");
  }
  if (status.IsInvalidArgument() && options.create) {
    return Error(absl::StatusCode::kAlreadyExists, Reason::kAlreadyExists,
                 "The data folder has a store already.", "A store is never overwritten.",
                 "Start the node with `tripointd run`, or name an empty folder.");
  }
  if (status.IsInvalidArgument() && text.find("does not exist") != std::string::npos) {
    return Error(
        absl::StatusCode::kFailedPrecondition, Reason::kConfigInvalid,
        "The data folder has no store.",
        "A store is made by init only, so that a lost disk is never mistaken for a new node.",
        "Check the data folder in the configuration, or run `tripointd init`.");
  }
  return FromRocks(status, "The store could not be opened");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> OpenRocksEngine(const std::string& directory,
                                                        RocksOptions options) {
  const absl::StatusOr<Opening> opening = PrepareOpening(directory, options.reserve_bytes);
  if (!opening.ok()) return opening.status();
  const bool log_kept = *opening == Opening::kLogKept;
  auto health = std::make_shared<Health>(options);
  rocksdb::Options rocks = MakeOptions(options, health);
  if (log_kept) {
    rocks.avoid_flush_during_recovery = true;
    // A memtable that fills up while the log is read would be flushed all the same.
    rocks.write_buffer_size += kMemoryOfLog * NeedsOf(directory).log_bytes;
  }
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(rocks, directory, &opened);
  std::unique_ptr<rocksdb::DB> db(opened);
  if (!status.ok()) {
    // It may have been given back; where there is no store, or another one, none is made.
    if (!status.IsInvalidArgument()) (void)DiskReserve(directory, options.reserve_bytes).Fill();
    return OpenError(status, options);
  }
  if (!log_kept) MergeBeforeWriting(*db, *health);
  return std::make_unique<RocksEngine>(std::move(db), std::move(health), directory, options,
                                       log_kept);
}

}  // namespace tripoint::storage
