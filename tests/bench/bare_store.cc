// Bare RocksDB with group commit. See bare_store.h.
#include "tests/bench/bare_store.h"

#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace tripoint::bench {
namespace {

// As storage::CommitterLimits.
constexpr std::size_t kBatchOperationsMax = 512;
constexpr std::size_t kBatchBytesMax = 1u << 20;
constexpr std::size_t kProtectionBytes = 8;
constexpr char kRecord = 0x10;
constexpr char kIndex = 0x22;
constexpr char kOther = 0x30;
constexpr char kLog = 0x42;

// The options of storage/rocks_engine.cc; a change there belongs here too.
rocksdb::Options MakeOptions() {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.paranoid_checks = true;
  options.track_and_verify_wals_in_manifest = true;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kAbsoluteConsistency;
  options.max_background_jobs = 2;
  options.max_write_buffer_number = 2;
  options.write_buffer_size = 32u << 20;
  options.max_total_wal_size = 64u << 20;
  options.level0_file_num_compaction_trigger = 8;
  options.target_file_size_base = 32u << 20;
  options.memtable_protection_bytes_per_key = kProtectionBytes;
  options.max_open_files = 512;
  options.compression = rocksdb::kLZ4Compression;
  options.level_compaction_dynamic_level_bytes = true;
  options.info_log_level = rocksdb::InfoLogLevel::INFO_LEVEL;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(16u << 20, 2);
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.metadata_block_size = 4096;
  table.enable_index_compression = false;
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.checksum = rocksdb::kXXH3;
  table.format_version = 5;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

void AppendU64(std::string& key, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(value >> shift));
}

std::uint64_t ReadU64(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes.substr(0, 8)) value = (value << 8) | static_cast<std::uint8_t>(byte);
  return value;
}

// splitmix64: request ids and references lie anywhere in the key space.
std::uint64_t Scatter(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31);
}

std::string NumberKey(char space, std::uint64_t number) {
  std::string key(1, space);
  AppendU64(key, number);
  return key;
}

std::string IndexKey(int field, std::uint64_t number, bool later) {
  std::string key(1, kIndex);
  key.push_back(static_cast<char>(field));
  key.append("value").push_back(static_cast<char>('0' + number % 5));
  key.push_back('\0');
  AppendU64(key, ~(number / 8 + (later ? 1'000'000'000 : 0)));
  AppendU64(key, ~number);
  return key;
}

std::string OtherKey(int which, std::uint64_t number) {
  std::string key(1, static_cast<char>(kOther + which));
  if (which == 0) return NumberKey(kOther, number);  // the journal is in order
  AppendU64(key, Scatter(number));
  AppendU64(key, Scatter(number + 1));
  AppendU64(key, number);
  return key;
}

// 90 bytes: a digest, which does not compress, and a name, which does.
std::string OtherValue(std::uint64_t number) {
  std::string value;
  for (std::uint64_t i = 0; value.size() < 40; ++i) AppendU64(value, Scatter(number * 31 + i));
  value += "units/vn-quangngai/incidents/I-QNG-26-" + std::to_string(number);
  value.resize(90, '.');
  return value;
}

}  // namespace

BareStore::BareStore(const std::string& folder, Writer writer) : writer_(writer) {
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(MakeOptions(), folder, &opened);
  if (!status.ok()) {
    std::fprintf(stderr, "bare_node: %s\n", status.ToString().c_str());
    std::exit(1);
  }
  db_.reset(opened);
  const std::unique_ptr<rocksdb::Iterator> last(db_->NewIterator({}));
  last->SeekForPrev(NumberKey(kLog, ~std::uint64_t{0}));
  if (last->Valid() && last->key()[0] == kLog)
    log_size_ = ReadU64(last->key().ToStringView().substr(1)) + 1;
  last->SeekForPrev(NumberKey(kRecord, ~std::uint64_t{0}));
  if (last->Valid() && last->key()[0] == kRecord)
    next_number_ = ReadU64(last->key().ToStringView().substr(1)) + 1;
  next_position_ = log_size_;
  if (writer_ == Writer::kThread) thread_ = std::thread([this] { Loop(); });
}

BareStore::~BareStore() { Stop(); }

void BareStore::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  log_grew_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void BareStore::Add(const Write& write, std::uint64_t first, std::uint64_t position,
                    rocksdb::WriteBatch& batch) const {
  for (std::size_t i = 0; i < write.bodies.size(); ++i) {
    const std::uint64_t number = first + i;
    for (int body = 0; body < write.shape.bodies; ++body) {
      std::string key = NumberKey(static_cast<char>(kRecord + body), number);
      if (write.to_log && body == 0) key = NumberKey(kLog, position + i);
      if (write.replaces != 0 && body + 1 == write.shape.bodies)
        key = NumberKey(kRecord, write.replaces);
      batch.Put(key, write.bodies[i]);
    }
    const std::uint64_t found_as = write.replaces != 0 ? write.replaces : number;
    for (int field = 0; field < write.shape.deletes; ++field)
      batch.Delete(IndexKey(field, found_as, false));
    for (int field = 0; field < write.shape.indexes; ++field) {
      batch.Put(IndexKey(field, found_as, write.replaces != 0), "");
    }
    for (int which = 0; which < write.shape.others; ++which) {
      batch.Put(OtherKey(which, number), OtherValue(number));
    }
  }
}

bool BareStore::Commit(rocksdb::WriteBatch& batch) {
  batch.Put(std::string("\x02"), std::string(16 + 32 * 16, 'h'));
  batch.Put(std::string("\x03I26"), "number..");
  rocksdb::WriteOptions options;
  options.sync = true;
  options.protection_bytes_per_key = kProtectionBytes;
  const rocksdb::Status status = db_->Write(options, &batch);
  if (!status.ok()) std::fprintf(stderr, "bare_node: %s\n", status.ToString().c_str());
  return status.ok();
}

void BareStore::Put(Write write) {
  if (writer_ == Writer::kThread) {
    {
      const std::lock_guard lock(mutex_);
      queue_.push_back(std::move(write));
    }
    work_.notify_one();
    return;
  }
  std::uint64_t first = 0;
  {
    const std::lock_guard lock(mutex_);
    first = next_number_;
    next_number_ += write.bodies.size();
  }
  rocksdb::WriteBatch batch(4096, 0, kProtectionBytes, 0);
  Add(write, first, 0, batch);
  write.done(Commit(batch), first);
}

void BareStore::Loop() {
  std::vector<Write> taken;
  std::vector<std::uint64_t> firsts;
  while (true) {
    rocksdb::WriteBatch batch(64 * 1024, 0, kProtectionBytes, 0);
    taken.clear();
    firsts.clear();
    {
      std::unique_lock lock(mutex_);
      work_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
    }
    while (taken.size() < kBatchOperationsMax && batch.GetDataSize() < kBatchBytesMax) {
      std::uint64_t first = 0;
      std::uint64_t position = 0;
      {
        const std::lock_guard lock(mutex_);
        if (queue_.empty()) break;
        taken.push_back(std::move(queue_.front()));
        queue_.pop_front();
        first = next_number_;
        next_number_ += taken.back().bodies.size();
        position = next_position_;
        if (taken.back().to_log) next_position_ += taken.back().bodies.size();
      }
      firsts.push_back(first);
      Add(taken.back(), first, position, batch);
    }
    const bool ok = Commit(batch);
    {
      const std::lock_guard lock(mutex_);
      log_size_ = next_position_;
    }
    log_grew_.notify_all();
    for (std::size_t i = 0; i < taken.size(); ++i) taken[i].done(ok, firsts[i]);
  }
}

std::string BareStore::Body(std::uint64_t number) const {
  std::string body;
  const rocksdb::Status status = db_->Get({}, NumberKey(kRecord, number), &body);
  return status.ok() ? body : std::string();
}

std::uint64_t BareStore::log_size() const {
  const std::lock_guard lock(mutex_);
  return log_size_;
}

std::uint64_t BareStore::WaitForLog(std::uint64_t size, int timeout_ms) const {
  std::unique_lock lock(mutex_);
  log_grew_.wait_for(lock, std::chrono::milliseconds(timeout_ms),
                     [&] { return stopping_ || log_size_ > size; });
  return log_size_;
}

std::vector<std::string> BareStore::ReadLog(std::uint64_t first, std::size_t count_max,
                                            std::size_t bytes_max) const {
  std::vector<std::string> bodies;
  std::size_t bytes = 0;
  const std::unique_ptr<rocksdb::Iterator> entry(db_->NewIterator({}));
  for (entry->Seek(NumberKey(kLog, first)); entry->Valid() && entry->key()[0] == kLog;
       entry->Next()) {
    if (bodies.size() >= count_max || bytes + entry->value().size() > bytes_max) break;
    bodies.push_back(entry->value().ToString());
    bytes += bodies.back().size();
  }
  return bodies;
}

}  // namespace tripoint::bench
