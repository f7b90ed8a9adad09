// That a race of ours is seen also where RocksDB calls us, on its threads and with its frames
// beneath ours: a suppression by the name of the library would hide it (options.cc). A program of
// the preset `tsan` alone.
//
//   tsan_beneath_rocksdb               nobody of ours races, one reads beside one who writes:
//   silent tsan_beneath_rocksdb PLACE         main and the called code of that place race:
//   reported, ends with 66
//
// Places: listener, log, files, comparator, point (the sync points of Debian's build).
#include <atomic>
#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "rocksdb/comparator.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "rocksdb/listener.h"
#include "rocksdb/options.h"

namespace {

const std::thread::id kMain = std::this_thread::get_id();
std::string_view place;  // before there is another thread
int bare = 0;

// Without any order, as far as ThreadSanitizer knows: relaxed.
enum Step : int { kNobody, kCalled, kBoth };
std::atomic<int> step{kNobody};
std::atomic<bool> claimed{false};

void Await(int wanted) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (step.load(std::memory_order_relaxed) != wanted) {
    if (std::chrono::steady_clock::now() > limit) {
      std::fprintf(stderr, "RocksDB never called the place %s\n", std::string(place).c_str());
      std::_Exit(1);
    }
    std::this_thread::yield();
  }
}

// Called by each place. Stays within it until main has raced, too.
void CalledAt(std::string_view here) {
  if (here != place || std::this_thread::get_id() == kMain) return;
  if (claimed.exchange(true, std::memory_order_relaxed)) return;
  ++bare;
  step.store(kCalled, std::memory_order_relaxed);
  Await(kBoth);
}

class Listener final : public rocksdb::EventListener {
 public:
  void OnFlushBegin(rocksdb::DB* /*db*/, const rocksdb::FlushJobInfo& /*job*/) override {
    CalledAt("listener");
  }
};

class Log final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char* /*format*/, va_list /*arguments*/) override { CalledAt("log"); }
};

class Files final : public rocksdb::FileSystemWrapper {
 public:
  explicit Files(const std::shared_ptr<rocksdb::FileSystem>& target)
      : rocksdb::FileSystemWrapper(target) {}
  const char* Name() const override { return "Files"; }
  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* context) override {
    CalledAt("files");
    return target()->NewWritableFile(path, options, file, context);
  }
};

class Comparator final : public rocksdb::Comparator {
 public:
  const char* Name() const override { return "Comparator"; }
  int Compare(const rocksdb::Slice& a, const rocksdb::Slice& b) const override {
    CalledAt("comparator");
    return a.compare(b);
  }
  void FindShortestSeparator(std::string* /*start*/,
                             const rocksdb::Slice& /*limit*/) const override {}
  void FindShortSuccessor(std::string* /*key*/) const override {}
};

// What readers find in RocksDB's tables in memory is handed over by atomics that nobody sees
// (library_memory.cc).
void ReadBesideAWriter(rocksdb::DB& db) {
  std::thread reader([&db] {
    for (int i = 0; i < 500; ++i) {
      std::string value;
      (void)db.Get({}, std::to_string(i), &value);
      const std::unique_ptr<rocksdb::Iterator> all(db.NewIterator({}));
      all->Seek("5");
    }
  });
  for (int i = 0; i < 5000; ++i) (void)db.Put({}, std::to_string(i % 500), std::string(100, 'v'));
  reader.join();
}

void Require(const rocksdb::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::_Exit(1);
}

}  // namespace

// As in rocks_engine_points_test.cc.
namespace rocksdb {
class SyncPoint {
 public:
  void Process(const Slice& point, void* argument);
};
void SyncPoint::Process(const Slice& /*point*/, void* /*argument*/) { CalledAt("point"); }
}  // namespace rocksdb

int main(int argc, char** argv) {
  if (argc > 1) place = argv[1];
  const std::unique_ptr<rocksdb::Env> memory(rocksdb::NewMemEnv(rocksdb::Env::Default()));
  const std::unique_ptr<rocksdb::Env> env =
      rocksdb::NewCompositeEnv(std::make_shared<Files>(memory->GetFileSystem()));
  const Comparator comparator;
  rocksdb::Options options;
  options.create_if_missing = true;
  options.env = env.get();
  options.comparator = &comparator;
  options.info_log = std::make_shared<Log>();
  options.listeners.push_back(std::make_shared<Listener>());
  rocksdb::DB* opened = nullptr;
  Require(rocksdb::DB::Open(options, "/store", &opened));
  const std::unique_ptr<rocksdb::DB> db(opened);
  for (const char* key : {"a", "b", "a", "c"}) Require(db->Put({}, key, "value"));
  if (place.empty()) ReadBesideAWriter(*db);
  rocksdb::FlushOptions flush;
  flush.wait = place.empty();
  Require(db->Flush(flush));
  if (!place.empty()) {
    Await(kCalled);
    ++bare;
    step.store(kBoth, std::memory_order_relaxed);
  }
  Require(db->Close());
  std::printf("%d\n", bare);
  return 0;
}
