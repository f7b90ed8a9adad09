// A disk under RocksDB that fails when it is told to, and that forgets what was not synced when its
// power goes. Files are real ones; nothing is really synced, which makes it quick. Names of files
// are durable at once. RocksDB calls it on its threads, the test on its own.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <utility>

namespace tripoint::storage::testing_support {

// What the unsynced end of a file is after a power cut.
enum class Tail : std::uint8_t { kDropped, kTorn, kZeroed, kGarbled };
enum class Fault : std::uint8_t { kIo, kNoSpace, kShortWrite };

class FaultDisk final : public rocksdb::FileSystemWrapper {
 public:
  using Context = rocksdb::IODebugContext;
  using Options = rocksdb::IOOptions;
  using Status = rocksdb::IOStatus;

  FaultDisk() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "FaultDisk"; }

  // The `nth` call from now that changes the disk fails, once.
  void FailAt(std::uint64_t nth, Fault fault) {
    const std::scoped_lock lock(mutex_);
    fail_at_ = calls_ + nth;
    fault_ = fault;
  }
  // The next sync of a log fails, once, whatever other threads do meanwhile.
  void FailNextSyncOfLog() {
    const std::scoped_lock lock(mutex_);
    log_sync_fails_ = true;
  }
  // The next write to a log finds no room, once.
  void FillBeforeNextWriteToLog() {
    const std::scoped_lock lock(mutex_);
    log_is_full_ = true;
  }
  // Syncs of logs are answered with a yes, and nothing is synced (platform.md, R4).
  void LieAboutLogs() {
    const std::scoped_lock lock(mutex_);
    lies_ = true;
  }
  // From the `nth` call on nothing reaches the disk.
  void CutPowerAt(std::uint64_t nth) {
    const std::scoped_lock lock(mutex_);
    cut_at_ = calls_ + nth;
  }
  void CutPower() {
    const std::scoped_lock lock(mutex_);
    cut_at_ = 1;
  }
  std::uint64_t calls() const {
    const std::scoped_lock lock(mutex_);
    return calls_;
  }
  // Once nobody uses the files: what a power cut leaves of them.
  void Forget(Tail tail, std::mt19937_64& random) {
    const std::scoped_lock lock(mutex_);
    for (const auto& [path, synced] : synced_) {
      std::error_code gone;
      const std::uint64_t size = std::filesystem::file_size(path, gone);
      if (gone || size <= synced) continue;
      const bool dropped = tail == Tail::kDropped;
      const std::uint64_t end = dropped ? synced : synced + random() % (size - synced + 1);
      std::filesystem::resize_file(path, tail == Tail::kTorn || dropped ? end : size);
      if (tail != Tail::kZeroed && tail != Tail::kGarbled) continue;
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(static_cast<std::streamoff>(end));
      for (std::uint64_t i = end; i < size; ++i)
        file.put(tail == Tail::kZeroed ? '\0' : static_cast<char>(random()));
    }
  }

  Status NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                         std::unique_ptr<rocksdb::FSWritableFile>* file,
                         Context* context) override {
    bool short_write = false;
    if (Status status = Call(short_write); !status.ok()) return status;
    Status status = target_->NewWritableFile(path, options, file, context);
    if (!status.ok()) return status;
    SetSynced(path, 0);
    *file = std::make_unique<File>(*this, path, std::move(*file));
    return status;
  }
  Status RenameFile(const std::string& from, const std::string& to, const Options& options,
                    Context* context) override {
    bool short_write = false;
    if (Status status = Call(short_write); !status.ok()) return status;
    Status status = target_->RenameFile(from, to, options, context);
    const std::scoped_lock lock(mutex_);
    if (auto moved = synced_.extract(from); status.ok() && !moved.empty())
      synced_[to] = moved.mapped();
    return status;
  }
  Status DeleteFile(const std::string& path, const Options& options, Context* context) override {
    bool short_write = false;
    if (Status status = Call(short_write); !status.ok()) return status;
    return target_->DeleteFile(path, options, context);
  }

 private:
  class File final : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    File(FaultDisk& disk, std::string path, std::unique_ptr<rocksdb::FSWritableFile> file)
        : FSWritableFileOwnerWrapper(std::move(file)), disk_(disk), path_(std::move(path)) {}

    Status Append(const rocksdb::Slice& data, const Options& options, Context* context) override {
      bool short_write = false;
      if (disk_.HasNoRoomFor(path_)) return Status::NoSpace("no room, once");
      const Status status = disk_.Call(short_write);
      if (!status.ok() && !short_write) return status;
      const std::size_t size = short_write ? data.size() / 2 : data.size();
      size_ += size;
      const Status written = target()->Append({data.data(), size}, options, context);
      return status.ok() ? written : status;
    }
    Status Append(const rocksdb::Slice& data, const Options& options,
                  const rocksdb::DataVerificationInfo& /*info*/, Context* context) override {
      return Append(data, options, context);
    }
    Status Sync(const Options& /*options*/, Context* /*context*/) override {
      bool short_write = false;
      Status status = disk_.Call(short_write);
      if (disk_.FailsSyncOf(path_)) status = Status::IOError("the disk failed, once");
      if (status.ok() && !disk_.LiesAbout(path_)) disk_.SetSynced(path_, size_);
      return status;
    }
    Status Fsync(const Options& options, Context* context) override {
      return Sync(options, context);
    }

   private:
    FaultDisk& disk_;
    const std::string path_;
    std::uint64_t size_ = 0;
  };

  Status Call(bool& short_write) {
    const std::scoped_lock lock(mutex_);
    ++calls_;
    if (cut_at_ != 0 && calls_ >= cut_at_) return Status::IOError("the power is off");
    if (calls_ != fail_at_) return Status::OK();
    short_write = fault_ == Fault::kShortWrite;
    if (fault_ == Fault::kNoSpace) return Status::NoSpace("no room, once");
    return Status::IOError("the disk failed, once");
  }
  bool FailsSyncOf(const std::string& path) {
    const std::scoped_lock lock(mutex_);
    return path.ends_with(".log") && std::exchange(log_sync_fails_, false);
  }
  bool LiesAbout(const std::string& path) const {
    const std::scoped_lock lock(mutex_);
    return path.ends_with(".log") && lies_;
  }
  bool HasNoRoomFor(const std::string& path) {
    const std::scoped_lock lock(mutex_);
    return path.ends_with(".log") && std::exchange(log_is_full_, false);
  }
  void SetSynced(const std::string& path, std::uint64_t size) {
    const std::scoped_lock lock(mutex_);
    synced_[path] = size;
  }

  mutable std::mutex mutex_;
  std::uint64_t calls_ = 0;
  std::uint64_t fail_at_ = 0;
  std::uint64_t cut_at_ = 0;
  Fault fault_ = Fault::kIo;
  bool log_sync_fails_ = false;
  bool log_is_full_ = false;
  bool lies_ = false;
  std::map<std::string, std::uint64_t> synced_;
};

}  // namespace tripoint::storage::testing_support
