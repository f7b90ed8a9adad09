// D3 (platform.md sections 4 and 8): the power goes, or the process, at each of RocksDB's own sync
// points that a node passes: opening, writing, flushing, merging, a checkpoint, closing, with a
// whole log and with a torn one. TRIPOINT_EVERY_SYNC_POINT=1 tries all of them, three hits each.
#include <rocksdb/slice.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "gtest/gtest.h"
#include "tests/unit/storage/faulty_store.h"

namespace {

// Who passes which point how often, and what happens at one of them.
class Points {
 public:
  // Counts from now on; at the `hit`th pass of `name` the power of `disk` goes.
  void Watch(std::string name, int hit,
             std::shared_ptr<tripoint::storage::testing_support::FaultDisk> disk) {
    const std::scoped_lock lock(mutex_);
    passed_.clear();
    name_ = std::move(name);
    hit_ = hit;
    disk_ = std::move(disk);
    cut_ = false;
    watching_ = true;
  }
  // How often each was passed.
  std::map<std::string, int> End() {
    const std::scoped_lock lock(mutex_);
    watching_ = false;
    disk_.reset();
    return std::exchange(passed_, {});
  }
  bool cut() const { return cut_; }

  void Pass(std::string_view point) {
    if (!watching_) return;
    const std::scoped_lock lock(mutex_);
    if (!watching_) return;
    const int times = ++passed_[std::string(point)];
    if (point != name_ || times != hit_) return;
    disk_->CutPower();
    cut_ = true;
  }

 private:
  std::atomic<bool> watching_ = false;
  std::atomic<bool> cut_ = false;
  std::mutex mutex_;
  std::map<std::string, int> passed_;
  std::string name_;
  int hit_ = 0;
  std::shared_ptr<tripoint::storage::testing_support::FaultDisk> disk_;
};

Points& ThePoints() {
  static Points points;
  return points;
}

}  // namespace

// Debian's library has its sync points compiled in and calls them through the dynamic linker, so
// that this program's function is called in the place of its own. Its header is not shipped.
namespace rocksdb {
class SyncPoint {
 public:
  void Process(const Slice& point, void* argument);
};
void SyncPoint::Process(const Slice& point, void* /*argument*/) {
  ThePoints().Pass(point.ToStringView());
}
}  // namespace rocksdb

namespace tripoint::storage {
namespace {

namespace fs = std::filesystem;
using testing_support::FaultDisk;
using testing_support::Setting;
using testing_support::Tail;

class SyncPoints : public testing_support::FaultyStore {
 protected:
  // With enough tables that the next ones are merged, and a log that is read at the opening.
  void SetUp() override {
    Make("base");
    for (int life = 0; life < 4; ++life) ASSERT_TRUE(Live(std::make_shared<FaultDisk>(), 40));
    base_ = data_;
    base_answers_ = answers_;
    base_kept_ = kept_;
  }
  // From the base again; `torn`: its log ends with what nobody was answered for.
  void Begin(bool torn) {
    data_ = folder_.path + "/run";
    fs::remove_all(data_);
    fs::copy(base_, data_, fs::copy_options::recursive);
    answers_ = base_answers_;
    kept_ = base_kept_;
    if (!torn) return;
    for (const auto& file : fs::directory_iterator(StoreFolder(data_))) {
      if (file.path().extension() == ".log" && file.file_size() > 0)
        std::ofstream(file.path(), std::ios::app | std::ios::binary) << std::string(40, '\x7f');
    }
  }
  void LiveAll(const std::shared_ptr<FaultDisk>& disk) {
    const std::unique_ptr<Life> life = Open(disk);
    if (life == nullptr) return;
    for (int i = 0; i < 40; ++i) (void)Change(*life);
    const std::string checkpoint = CheckpointFolder(data_);
    (void)life->store.engine->Checkpoint(checkpoint);
    for (int i = 0; i < 5; ++i) (void)Change(*life);
  }
  std::map<std::string, int> Passed(bool torn) {
    Begin(torn);
    const auto disk = std::make_shared<FaultDisk>();
    ThePoints().Watch("", 0, disk);
    LiveAll(disk);
    return ThePoints().End();
  }
  // nullopt: the process is killed, and what it wrote is there. True: the point was passed.
  bool CutAt(const std::string& name, int hit, std::optional<Tail> tail, bool torn) {
    Begin(torn);
    const auto disk = std::make_shared<FaultDisk>();
    ThePoints().Watch(name, hit, disk);
    LiveAll(disk);
    (void)ThePoints().End();
    if (tail.has_value()) disk->Forget(*tail, random_);
    ExpectAll(name + ", hit " + std::to_string(hit) + ", tail " +
              (tail.has_value() ? std::to_string(static_cast<int>(*tail)) : "kept") +
              (torn ? ", torn log" : ""));
    return ThePoints().cut();
  }

 private:
  std::string base_;
  std::map<std::size_t, testing_support::Answer> base_answers_;
  std::size_t base_kept_ = 0;
};

// Goal: wherever in RocksDB it happens, nothing that was answered is lost and the next start
// succeeds.
TEST_F(SyncPoints, D3CutAtEachOfThemLosesNothing) {
  const bool every = Setting("TRIPOINT_EVERY_SYNC_POINT", 0) != 0;
  const int step = every ? 1 : 23;
  const int hits = every ? 3 : 1;
  constexpr std::optional<Tail> kTails[] = {std::nullopt, Tail::kDropped, Tail::kTorn,
                                            Tail::kZeroed, Tail::kGarbled};
  int runs = 0;
  int cuts = 0;
  for (const bool torn : {false, true}) {
    const std::map<std::string, int> passed = Passed(torn);
    std::printf("%zu sync points are passed%s\n", passed.size(), torn ? " with a torn log" : "");
    ASSERT_GT(passed.size(), 100u) << "the library's sync points do not call this program";
    int number = 0;
    for (const auto& [name, times] : passed) {
      if (++number % step != 0) continue;
      for (int hit = 1; hit <= std::min(hits, times) && !HasFailure(); ++hit) {
        const std::optional<Tail> tail = kTails[runs++ % 5];
        cuts += CutAt(name, hit, tail, torn) ? 1 : 0;
      }
    }
  }
  std::printf("%d runs, %d cuts, %zu changes answered before them\n", runs, cuts, stored_);
  EXPECT_GT(cuts * 10, runs * 8) << "background work is not the same each time, but nearly";
}

}  // namespace
}  // namespace tripoint::storage
