// Starting on a disk that is full to the last byte: a small tmpfs, a process that dies without a
// word, and a store whose log still holds everything.
#include <sodium.h>
#include <sys/mount.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "storage/backup_file.h"
#include "storage/data_folder.h"
#include "storage/disk_reserve.h"
#include "storage/rocks_engine.h"
#include "tests/unit/storage/fixture.h"

namespace tripoint::storage {
namespace {

namespace fs = std::filesystem;
using contract::Reason;
using contract::ReasonOf;
using testing_support::TemporaryFolder;

constexpr int kRecords = 400;
constexpr std::size_t kRecordBytes = 4000;

std::string KeyOf(int number) { return "key" + std::to_string(100000 + number); }

absl::Status Put(Engine& engine, int number) {
  Batch batch;
  batch.Put(KeyOf(number), std::string(kRecordBytes, static_cast<char>('a' + number % 26)));
  return engine.Commit(batch);
}

class FullDisk : public testing::Test {
 protected:
  void SetUp() override {
    disk_ = folder_.path + "/disk";
    store_ = disk_ + "/store";
    fs::create_directories(disk_);
    if (mount("tmpfs", disk_.c_str(), "tmpfs", 0, "size=16m") != 0) {
      ASSERT_EQ(std::getenv("CI"), nullptr) << "CI has the right to mount a tmpfs and must use it";
      GTEST_SKIP() << "no right to mount a tmpfs";
    }
    mounted_ = true;
  }
  void TearDown() override {
    if (mounted_) {
      EXPECT_EQ(umount(disk_.c_str()), 0);
    }
  }

  // A store with kRecords in its log, as kill -9 leaves it: the log is copied while it is open.
  void WriteAndDie() {
    const std::string alive = folder_.path + "/alive";
    RocksOptions options;
    options.create = true;
    const auto engine = OpenRocksEngine(alive, options);
    ASSERT_TRUE(engine.ok()) << engine.status();
    for (int i = 0; i < kRecords; ++i) ASSERT_TRUE(Put(**engine, i).ok());
    fs::copy(alive, store_);
    DiskReserve(store_, options.reserve_bytes).Release();
    ASSERT_GE(NeedsOf(store_).log_bytes, kRecords * kRecordBytes);
  }

  void Fill() {
    std::ofstream ballast(disk_ + "/ballast", std::ios::binary | std::ios::app);
    const std::string block(4096, 'b');
    while (ballast.write(block.data(), 4096).flush()) {
    }
    EXPECT_EQ(FreeBytes(disk_), 0u);
  }
  void MakeRoom() { fs::remove(disk_ + "/ballast"); }

  RocksOptions Options() {
    RocksOptions options;
    options.write_buffer_bytes = 512 * 1024;  // the log holds several of them
    options.on_fatal = [this](const absl::Status& status) { fatal_.push_back(status); };
    options.on_trouble = [this](const absl::Status& status) {
      troubles_.push_back(ReasonOf(status));
    };
    return options;
  }

  static void ExpectAll(const Engine& engine, int count) {
    for (int i = 0; i < count; ++i) EXPECT_TRUE(engine.Get(KeyOf(i))->has_value()) << i;
  }

  // A data folder on the small disk with so many records, closed.
  std::string MakeDataFolder(int records) {
    std::string data = disk_ + "/data";
    EXPECT_TRUE(InitializeDataFolder(data, "vn-tayninh", testing_support::kEpoch, 1).ok());
    const auto opened = OpenDataFolder(data, "vn-tayninh", Options());
    EXPECT_TRUE(opened.ok()) << opened.status();
    for (int i = 0; opened.ok() && i < records; ++i) EXPECT_TRUE(Put(*opened->engine, i).ok());
    return data;
  }

  // All there is on a full disk: reads; and writes once there is room.
  void ExpectReadsAndThenWrites(Engine& engine, int records) {
    ExpectAll(engine, records);
    EXPECT_EQ(ReasonOf(Put(engine, records)), Reason::kDiskFull);
    MakeRoom();
    EXPECT_TRUE(Put(engine, records).ok());
  }

  const TemporaryFolder folder_;
  std::string disk_;
  std::string store_;
  bool mounted_ = false;
  std::vector<absl::Status> fatal_;
  std::vector<Reason> troubles_;
};

// Goal: a node where nobody records tonight says that its disk is full before somebody tries.
TEST_F(FullDisk, IsKnownWithoutAWrite) {
  WriteAndDie();
  const auto engine = OpenRocksEngine(store_, Options());
  ASSERT_TRUE(engine.ok()) << engine.status();
  EXPECT_FALSE((*engine)->GetStatistics().writes_stopped);
  Fill();
  EXPECT_TRUE((*engine)->GetStatistics().writes_stopped);
  EXPECT_TRUE(troubles_.empty());
}

// Goal: as the disk fills up bulk is refused, then routine, then all; as room comes back they are
// taken again in the other order, and at the end there is what was answered and nothing else.
TEST_F(FullDisk, StagesRefuseInOrderAndComeBack) {
  std::vector<std::pair<std::string, bool>> answers;
  const auto key_of = [](std::size_t number) { return "\x7fstage" + std::to_string(number); };
  const auto run = [&](Engine& engine, const std::vector<std::uint64_t>& free_kib) {
    CommitterCore core(engine);
    for (const std::uint64_t kib : free_kib) {
      Fill();
      fs::resize_file(disk_ + "/ballast", fs::file_size(disk_ + "/ballast") - kib * 1024);
      for (const Importance importance :
           {Importance::kBulk, Importance::kRoutine, Importance::kFlash}) {
        const std::string key = key_of(answers.size());
        absl::Status answer = absl::UnknownError("not answered");
        core.Submit(
            [&](Transaction& transaction) {
              transaction.CountsAs(importance);
              transaction.Put(key, "value");
              transaction.Journal(testing_support::Draft("test.write"));
              return absl::OkStatus();
            },
            [&answer](const absl::Status& status) { answer = status; });
        core.RunOnce(testing_support::kNowMs);
        // Floors of a disk of 16 MiB: ten, nine and eight parts of 32.
        const std::uint64_t floor_kib = FloorOf(importance, Floors{}, 16u << 20) / 1024;
        EXPECT_EQ(answer.ok(), kib > floor_kib) << kib << " KiB free: " << answer;
        if (!answer.ok()) {
          EXPECT_EQ(ReasonOf(answer), Reason::kDiskFull);
        }
        answers.emplace_back(key, answer.ok());
      }
    }
  };
  {
    RocksOptions options = Options();
    options.create = true;
    const auto engine = OpenRocksEngine(store_, options);
    ASSERT_TRUE(engine.ok()) << engine.status();
    ASSERT_TRUE(InitializeStore(**engine, "vn-tayninh", testing_support::kEpoch, 1).ok());
    run(**engine, {7'500, 5'020, 4'500, 2'000, 4'500, 5'020, 7'500});
    EXPECT_TRUE(fatal_.empty());
  }
  const auto engine = OpenRocksEngine(store_, Options());
  ASSERT_TRUE(engine.ok()) << engine.status();
  for (const auto& [key, stored] : answers)
    EXPECT_EQ((*engine)->Get(key)->has_value(), stored) << key.substr(1);
  EXPECT_TRUE(VerifyJournal(*(*engine)->TakeSnapshot()).ok());
}

// Goal: the stages are in order on every disk: domain.md's parts of a large one, amounts on a
// smaller one, parts that leave room to work of a small one.
TEST(Room, FloorsFollowDomainOnALargeDiskAndRiseWithWhatCanWait) {
  constexpr std::uint64_t kMiB = 1u << 20;
  constexpr std::uint64_t kGiB = 1u << 30;
  const auto floor_of = [](Importance importance, std::uint64_t usable) {
    return FloorOf(importance, Floors{}, usable);
  };
  EXPECT_EQ(floor_of(Importance::kBulk, 100 * kGiB), 15 * kGiB);
  EXPECT_EQ(floor_of(Importance::kRoutine, 100 * kGiB), 8 * kGiB);
  EXPECT_EQ(floor_of(Importance::kFlash, 100 * kGiB), 96 * kMiB);
  EXPECT_EQ(floor_of(Importance::kBulk, 2 * kGiB), 512 * kMiB);
  EXPECT_EQ(floor_of(Importance::kRoutine, 2 * kGiB), 256 * kMiB);
  EXPECT_EQ(floor_of(Importance::kBulk, 64 * kMiB), 20 * kMiB);
  EXPECT_EQ(floor_of(Importance::kRoutine, 64 * kMiB), 18 * kMiB);
  EXPECT_EQ(floor_of(Importance::kFlash, 64 * kMiB), 16 * kMiB);
  for (const Floors& floors : {Floors{}, Floors{.bulk_percent = 100, .routine_percent = 100},
                               Floors{.bulk_percent = 95, .routine_percent = 60}}) {
    for (std::uint64_t usable = 8 * kMiB; usable < 4096 * kGiB; usable = usable * 9 / 8) {
      std::uint64_t floor = 0;
      std::uint64_t opens = 0;
      for (const Importance importance :
           {Importance::kFlash, Importance::kRoutine, Importance::kBulk}) {
        EXPECT_GE(FloorOf(importance, floors, usable), floor) << usable;
        EXPECT_GE(OpensAt(importance, floors, usable), opens) << usable;
        floor = FloorOf(importance, floors, usable);
        opens = OpensAt(importance, floors, usable);
        EXPECT_GT(opens, floor) << usable;
      }
      EXPECT_LT(opens, usable / 2) << "an empty disk takes everything";
    }
  }
}

// Goal: a stage that is switched off refuses nothing of its own, and nothing before what counts
// more.
TEST(Room, HundredPercentEndsAStage) {
  constexpr std::uint64_t kMiB = 1u << 20;
  constexpr std::uint64_t kUsable = 100'000 * kMiB;
  const Floors none{.bulk_percent = 100, .routine_percent = 100};
  EXPECT_EQ(FloorOf(Importance::kBulk, none, kUsable), 96 * kMiB);
  EXPECT_EQ(FloorOf(Importance::kRoutine, none, kUsable), 96 * kMiB);
  const Floors no_bulk{.bulk_percent = 100};
  EXPECT_EQ(FloorOf(Importance::kBulk, no_bulk, kUsable), 8'000 * kMiB);
  const Floors amounts{.bulk_percent = 99, .routine_percent = 99};
  EXPECT_EQ(FloorOf(Importance::kBulk, amounts, 10'000 * kMiB), 512 * kMiB);
  EXPECT_EQ(FloorOf(Importance::kRoutine, amounts, 10'000 * kMiB), 256 * kMiB);
  EXPECT_EQ(FloorOf(Importance::kBulk, amounts, kUsable), 1'000 * kMiB);
  DiskStages stages(none);
  const Room full = stages.Measure(DiskSpace{.usable_bytes = kUsable, .free_bytes = 95 * kMiB});
  EXPECT_EQ(contract::ProblemOf(NoRoomFor(Importance::kRoutine, full)).why,
            "95.0 MiB of 97.7 GiB are free. What is no flash is taken from 102.0 MiB on; the store "
            "itself needs what is left.")
      << "nothing is kept for flashes: they are refused, too";
}

// Goal: a measurement stands for a moment only where nothing is refused and a gibibyte is above
// what would be.
TEST(Room, AmpleIsFarFromEveryFloor) {
  constexpr std::uint64_t kMiB = 1u << 20;
  const auto ample = [](std::uint64_t usable_mib, std::uint64_t free_mib) {
    DiskStages stages{Floors{}};
    return IsAmple(stages.Measure(
        DiskSpace{.usable_bytes = usable_mib * kMiB, .free_bytes = free_mib * kMiB}));
  };
  EXPECT_TRUE(ample(40'000, 6'000 + 1'024));
  EXPECT_FALSE(ample(40'000, 6'000 + 1'023));
  EXPECT_FALSE(ample(40'000, 5'000)) << "bulk is refused";
  EXPECT_FALSE(ample(40'000, 0));
  EXPECT_FALSE(ample(1'400, 1'400)) << "a small disk";
  DiskStages stages{Floors{}};
  EXPECT_FALSE(IsAmple(stages.Measure(std::nullopt))) << "nobody can tell";
  DiskStages large{Floors{}};
  const auto of_a_tebibyte = [&large](std::uint64_t free_mib) {
    return large.Measure(DiskSpace{.usable_bytes = kMiB << 20, .free_bytes = free_mib * kMiB});
  };
  ASSERT_EQ(of_a_tebibyte(150'000).stage, DiskStage::kNoBulk);
  EXPECT_FALSE(IsAmple(of_a_tebibyte(160'000))) << "bulk is still refused";
  EXPECT_TRUE(IsAmple(of_a_tebibyte(180'000)));
  ASSERT_EQ(stages.Measure(DiskSpace{.usable_bytes = 40'000 * kMiB, .free_bytes = 10}).stage,
            DiskStage::kNothing);
  EXPECT_TRUE(
      IsAmple(stages.Measure(DiskSpace{.usable_bytes = 40'000 * kMiB, .free_bytes = 8'000 * kMiB})))
      << "with room again";
}

// Goal: what a log takes and gives back opens and closes nothing; the stages open in the other
// order; whoever is refused reads how much to free, and that is enough.
TEST(Room, StagesOpenInTheOtherOrderAndDoNotFlap) {
  constexpr std::uint64_t kMiB = 1u << 20;
  constexpr std::uint64_t kUsable = 40'000 * kMiB;
  DiskStages stages{Floors{}};
  const auto at = [&stages](std::uint64_t free_mib) {
    return stages.Measure(DiskSpace{.usable_bytes = kUsable, .free_bytes = free_mib * kMiB}).stage;
  };
  const std::vector<std::pair<std::uint64_t, DiskStage>> steps = {
      {6'001, DiskStage::kAll},       {5'999, DiskStage::kNoBulk},    {6'100, DiskStage::kNoBulk},
      {6'399, DiskStage::kNoBulk},    {6'400, DiskStage::kAll},       {6'001, DiskStage::kAll},
      {3'199, DiskStage::kFlashOnly}, {3'599, DiskStage::kFlashOnly}, {95, DiskStage::kNothing},
      {101, DiskStage::kNothing},     {102, DiskStage::kFlashOnly},   {96, DiskStage::kFlashOnly},
      {3'600, DiskStage::kNoBulk},    {3'200, DiskStage::kNoBulk},    {20'000, DiskStage::kAll}};
  for (const auto& [free_mib, stage] : steps) EXPECT_EQ(at(free_mib), stage) << free_mib;
  EXPECT_EQ(stages.Measure(std::nullopt).stage, DiskStage::kAll) << "nobody can tell";

  for (const auto& [importance, free_mib] :
       {std::pair{Importance::kFlash, 50}, {Importance::kRoutine, 1'000}, {Importance::kBulk, 0}}) {
    const Room room = stages.Measure(DiskSpace{
        .usable_bytes = kUsable, .free_bytes = static_cast<std::uint64_t>(free_mib) * kMiB});
    const contract::Problem problem = contract::ProblemOf(NoRoomFor(importance, room));
    EXPECT_EQ(problem.reason, Reason::kDiskFull);
    for (const char* name : {"free", "needed"})
      EXPECT_NE(problem.why.find(problem.variables.at(name)), std::string::npos) << problem.why;
    EXPECT_NE(problem.next.find(problem.variables.at("missing")), std::string::npos);
    const std::string all =
        SizeWords(OpensAt(Importance::kBulk, Floors{}, kUsable) - room.space.free_bytes);
    EXPECT_NE(RoomWarning(room).find("Free " + all), std::string::npos) << RoomWarning(room);
    EXPECT_TRUE(stages
                    .Measure(DiskSpace{.usable_bytes = kUsable,
                                       .free_bytes = OpensAt(importance, Floors{}, kUsable)})
                    .Takes(importance));
  }
  EXPECT_TRUE(RoomWarning(Room{}).empty());
}

// Goal: the reserve alone makes a start possible, again and again; reads go on, writes are refused,
// and when there is room writing goes on and the log becomes a table before anything new is there.
TEST_F(FullDisk, StartReadsRefusesAndComesBack) {
  WriteAndDie();
  ASSERT_TRUE(DiskReserve(store_, Options().reserve_bytes).Fill());
  Fill();
  for (int start = 0; start < 3; ++start) {
    troubles_.clear();
    const auto engine = OpenRocksEngine(store_, Options());
    ASSERT_TRUE(engine.ok()) << engine.status();
    EXPECT_TRUE((*engine)->GetStatistics().writes_stopped) << "known before anybody writes";
    EXPECT_EQ(troubles_, std::vector<Reason>{Reason::kDiskFull});
    ExpectAll(**engine, kRecords);
    EXPECT_GE(NeedsOf(store_).log_bytes, kRecords * kRecordBytes) << "nothing was flushed";
    EXPECT_EQ(ReasonOf(Put(**engine, kRecords)), Reason::kDiskFull);
    EXPECT_FALSE((*engine)->Get(KeyOf(kRecords))->has_value());
    Fill();  // somebody takes what the start gave back
  }
  {
    const auto engine = OpenRocksEngine(store_, Options());
    ASSERT_TRUE(engine.ok()) << engine.status();
    EXPECT_TRUE((*engine)->GetStatistics().writes_stopped);
    MakeRoom();
    EXPECT_FALSE((*engine)->GetStatistics().writes_stopped)
        << "known before anybody writes; free " << fs::space(store_).available << " of "
        << fs::space(store_).capacity << ", fatal " << fatal_.size();
    const absl::Status again = Put(**engine, kRecords);
    EXPECT_TRUE(again.ok()) << again;
    EXPECT_LT(NeedsOf(store_).log_bytes, 2 * kRecordBytes) << "what was kept is a table now";
    EXPECT_FALSE((*engine)->GetStatistics().writes_stopped);
    EXPECT_EQ(fs::file_size(store_ + "/reserve"), 1u << 20);
    for (int i = 1; i < 200; ++i) ASSERT_TRUE(Put(**engine, kRecords + i).ok());
  }
  const auto engine = OpenRocksEngine(store_, Options());
  ASSERT_TRUE(engine.ok()) << engine.status();
  ExpectAll(**engine, kRecords + 200);
  EXPECT_TRUE(fatal_.empty());
}

// Goal: without a reserve the refusal says that the disk is full, how much is needed and what to
// do; nothing is touched, and with that much free the store opens.
TEST_F(FullDisk, WithoutAReserveTheRefusalSaysHowMuch) {
  WriteAndDie();
  Fill();
  const auto refused = OpenRocksEngine(store_, Options());
  ASSERT_EQ(ReasonOf(refused.status()), Reason::kDiskFull);
  const contract::Problem problem = contract::ProblemOf(refused.status());
  EXPECT_NE(problem.what.find("disk is full"), std::string::npos) << problem.what;
  EXPECT_NE(problem.why.find("0.0 MiB are free"), std::string::npos) << problem.why;
  EXPECT_NE(problem.next.find("Free 0.3 MiB"), std::string::npos) << problem.next;
  EXPECT_NE(problem.next.find("nothing was changed"), std::string::npos) << problem.next;
  fs::resize_file(disk_ + "/ballast", fs::file_size(disk_ + "/ballast") - 320 * 1024);
  const auto engine = OpenRocksEngine(store_, Options());
  ASSERT_TRUE(engine.ok()) << engine.status();
  ExpectAll(**engine, kRecords);
  EXPECT_EQ(ReasonOf(Put(**engine, kRecords)), Reason::kDiskFull);
}

// Goal: a log that met the end of the disk in the middle of a record opens on the full disk too, up
// to the damage; later starts find the same, also after more was written.
TEST_F(FullDisk, TornLogOpens) {
  WriteAndDie();
  for (const auto& file : fs::directory_iterator(store_)) {
    if (file.path().extension() == ".log") fs::resize_file(file.path(), file.file_size() - 7);
  }
  ASSERT_TRUE(DiskReserve(store_, Options().reserve_bytes).Fill());
  Fill();
  EXPECT_EQ(ReasonOf(OpenRocksEngine(store_, Options()).status()), Reason::kCorrupt);
  RocksOptions lenient = Options();
  lenient.recovery = RecoveryMode::kPointInTime;
  for (int start = 0; start < 2; ++start) {
    const auto engine = OpenRocksEngine(store_, lenient);
    ASSERT_TRUE(engine.ok()) << engine.status();
    ExpectAll(**engine, kRecords - 1);
    EXPECT_FALSE((*engine)->Get(KeyOf(kRecords - 1))->has_value());
    EXPECT_EQ(ReasonOf(Put(**engine, kRecords)), Reason::kDiskFull);
  }
  MakeRoom();
  {
    const auto engine = OpenRocksEngine(store_, lenient);
    ASSERT_TRUE(engine.ok()) << engine.status();
    for (int i = -1; i < 50; ++i) ASSERT_TRUE(Put(**engine, kRecords + i).ok());
  }
  const auto engine = OpenRocksEngine(store_, Options());
  ASSERT_TRUE(engine.ok()) << engine.status();
  ExpectAll(**engine, kRecords + 50);
}

// Goal: the same with a whole data folder: what was damaged is put aside without taking room.
TEST_F(FullDisk, TornLogIsPutAsideWithoutRoom) {
  const std::string data = MakeDataFolder(20);
  for (const auto& file : fs::directory_iterator(StoreFolder(data))) {
    if (file.path().extension() == ".log" && file.file_size() > 0)
      fs::resize_file(file.path(), file.file_size() - 7);
  }
  Fill();
  const auto opened = OpenDataFolder(data, "vn-tayninh", Options());
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->damaged);
  EXPECT_TRUE(fs::exists(data + "/damaged-1/CURRENT"));
  ExpectReadsAndThenWrites(*opened->engine, 19);
}

// Goal: the same with a torn manifest: what the start before took back of the room is given again.
TEST_F(FullDisk, TornManifestIsCutWithoutRoom) {
  const std::string data = MakeDataFolder(20);
  for (const auto& file : fs::directory_iterator(StoreFolder(data))) {
    if (!file.path().filename().string().starts_with("MANIFEST")) continue;
    // A record of five bytes whose checksum is wrong, as half a page leaves it.
    std::ofstream manifest(file.path(), std::ios::binary | std::ios::app);
    manifest << std::string(
                    "\xde\xad\xbe\xef\x05\x00\x01"
                    "abcde",
                    12)
             << std::string(100, '\0');
  }
  ASSERT_TRUE(DiskReserve(StoreFolder(data), Options().reserve_bytes).Fill());
  Fill();
  const auto opened = OpenDataFolder(data, "vn-tayninh", Options());
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->damaged);
  ExpectReadsAndThenWrites(*opened->engine, 20);
}

// Goal: a backup that meets the end of the disk says so, leaves nothing, stops nobody for longer
// than the disk is full, and is made when there is room.
TEST_F(FullDisk, BackupIsRefusedAndMadeWithRoom) {
  const std::string data = disk_ + "/data";
  ASSERT_TRUE(InitializeDataFolder(data, "vn-tayninh", testing_support::kEpoch, 1).ok());
  const auto opened = OpenDataFolder(data, "vn-tayninh", Options());
  ASSERT_TRUE(opened.ok()) << opened.status();
  Engine& engine = *opened->engine;
  const std::string checkpoint = CheckpointFolder(data);
  constexpr int kLast = 4;  // of which no table is made but by the backup
  for (int i = 0; i < kRecords - kLast; ++i) ASSERT_TRUE(Put(engine, i).ok());
  // Waits for the tables of these: else a log that is done with could give room back behind Fill.
  ASSERT_TRUE(engine.Checkpoint(checkpoint).ok());
  ASSERT_TRUE(RemoveCheckpoint(checkpoint));
  for (int i = kRecords - kLast; i < kRecords; ++i) ASSERT_TRUE(Put(engine, i).ok());
  Fill();
  for (int i = 0; i < 2; ++i) {
    const absl::Status refused = engine.Checkpoint(checkpoint);
    EXPECT_EQ(ReasonOf(refused), Reason::kDiskFull) << refused;
    (void)RemoveCheckpoint(checkpoint);
    EXPECT_FALSE(fs::exists(checkpoint));
    EXPECT_FALSE(fs::exists(checkpoint + ".tmp"));
  }
  ExpectAll(engine, kRecords);
  MakeRoom();
  // RocksDB's own recovery from the flush that failed comes first.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  absl::Status put = Put(engine, kRecords);
  while (!put.ok() && std::chrono::steady_clock::now() < deadline) put = Put(engine, kRecords);
  EXPECT_TRUE(put.ok()) << put;
  EXPECT_FALSE(engine.GetStatistics().writes_stopped);
  const absl::Status made = engine.Checkpoint(checkpoint);
  EXPECT_TRUE(made.ok()) << made;
  EXPECT_TRUE(fs::exists(checkpoint + "/CURRENT"));
  fs::create_directory(checkpoint + ".tmp");  // of a process that ended in the middle
  EXPECT_TRUE(RemoveCheckpoint(checkpoint));
  EXPECT_FALSE(RemoveCheckpoint(checkpoint));
  EXPECT_TRUE(fatal_.empty());
}

// Goal: a disk that ends in the middle of a restore gives its reason; with room it works.
TEST_F(FullDisk, RestoreIsRefusedAndDoneWithRoom) {
  const std::string from = folder_.path + "/from";
  fs::create_directory(from);
  std::ofstream(from + "/CURRENT") << "MANIFEST-000005\n";
  std::ofstream(from + "/000012.sst") << std::string(3u << 20, 's');
  std::string public_key(crypto_box_PUBLICKEYBYTES, '\0');
  std::string secret_key(crypto_box_SECRETKEYBYTES, '\0');
  ASSERT_GE(sodium_init(), 0);
  crypto_box_keypair(reinterpret_cast<unsigned char*>(public_key.data()),
                     reinterpret_cast<unsigned char*>(secret_key.data()));
  store::v1::BackupHeader header;
  header.set_unit("vn-tayninh");
  header.set_public_key(public_key);
  const std::string file = folder_.path + "/backup.tpb";
  {
    const auto writer = BackupWriter::Open(from, header);
    ASSERT_TRUE(writer.ok()) << writer.status();
    std::ofstream out(file, std::ios::binary);
    for (std::string piece = (*writer)->Next().value(); !piece.empty();
         piece = (*writer)->Next().value())
      out << piece;
  }
  Fill();
  const std::string into = disk_ + "/into";
  for (const std::uint64_t room :
       {std::uint64_t{0}, std::uint64_t{64} << 10, std::uint64_t{2} << 20}) {
    fs::resize_file(disk_ + "/ballast", fs::file_size(disk_ + "/ballast") - room);
    const absl::Status refused = UnpackBackup(file, secret_key, into);
    EXPECT_EQ(ReasonOf(refused), Reason::kDiskFull) << room << ": " << refused;
    EXPECT_NE(contract::ProblemOf(refused).next.find("Make room"), std::string::npos);
    fs::remove_all(into);
  }
  MakeRoom();
  const absl::Status unpacked = UnpackBackup(file, secret_key, into);
  EXPECT_TRUE(unpacked.ok()) << unpacked;
  EXPECT_EQ(fs::file_size(into + "/000012.sst"), 3u << 20);
}

}  // namespace
}  // namespace tripoint::storage
