// Every step of a start on a damaged store fails, or the power goes there: of putting aside, of the
// cut, of the verdict, of RocksDB between them, of the new epoch. The next start gives the verdict
// that an undisturbed one gives, or says why it does not start; a loss is never silent.
// TRIPOINT_EVERY_FAULT=1 tries every step; TRIPOINT_FAULTY_STARTS says how many drawn rows of
// several disturbed starts are tried.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "storage/data_folder.h"
#include "storage/head_file.h"
#include "storage/judgement.h"
#include "storage/keys.h"
#include "storage/put_aside.h"
#include "tests/unit/storage/faulty_files.h"
#include "tests/unit/storage/faulty_store.h"
#include "tests/unit/storage/torn_store.h"

namespace tripoint::storage {
namespace {

namespace fs = std::filesystem;
using contract::Reason;
using testing_support::FaultDisk;
using testing_support::FaultyFiles;
using testing_support::kEpoch;
using testing_support::kUnit;
using testing_support::ReadFile;
using testing_support::Setting;
using testing_support::Tail;

// What disturbs a start.
struct Disturbance {
  enum Kind {
    kFileFails,
    kFileFull,
    kPowerAtFile,
    kKillAtFile,
    kDiskFails,
    kDiskFull,
    kPowerAtDisk
  };
  Kind kind = kFileFails;
  std::uint64_t step = 1;

  std::string ToString() const {
    static constexpr const char* kNames[] = {"file fails",   "file full",  "power at file",
                                             "kill at file", "disk fails", "disk full",
                                             "power at disk"};
    return std::string(kNames[kind]) + " " + std::to_string(step);
  }
};
constexpr Disturbance::Kind kOfFiles[] = {Disturbance::kPowerAtFile, Disturbance::kFileFails,
                                          Disturbance::kKillAtFile, Disturbance::kFileFull};
constexpr Disturbance::Kind kOfDisk[] = {Disturbance::kPowerAtDisk, Disturbance::kDiskFails,
                                         Disturbance::kDiskFull};

class DisturbedStart : public testing_support::TornStore {
 protected:
  struct Damage {
    const char* name;
    bool lost;
    std::function<void()> harm;
    bool links = true;
  };

  std::vector<Damage> Damages() {
    const auto no_head = [this] { fs::remove(HeadFile(data_)); };
    const auto tear_log = [this] {
      for (const fs::path& log : Logs()) fs::resize_file(log, fs::file_size(log) - 7);
    };
    return {{"torn manifest", false, [this] { Append(HalfAnEdit()); }},
            {"torn log", false,
             [this] {
               for (const fs::path& log : Logs())
                 std::ofstream(log, std::ios::app | std::ios::binary) << std::string(40, '\x7f');
             }},
            {"torn log, no links", false,
             [this] {
               for (const fs::path& log : Logs())
                 std::ofstream(log, std::ios::app | std::ios::binary) << std::string(40, '\x7f');
             },
             false},
            {"torn log, no head file", true,
             [=] {
               no_head();
               tear_log();
             }},
            {"cut log", true, tear_log},
            {"lost edits, head of the beginning", true,
             [this] {
               LoseSyncedEdits();
               for (const fs::path& log : Logs()) fs::resize_file(log, 0);
               fs::remove(HeadFile(data_));
               ASSERT_TRUE(HeadKeeper(HeadFile(data_))
                               .Settle({.epoch = kEpoch, .size = 0, .root = Frontier().Root()})
                               .ok());
             }},
            {"no log", true, [this] {
               for (const fs::path& log : Logs()) fs::resize_file(log, 0);
             }}};
  }
  std::vector<fs::path> Logs() const {
    std::vector<fs::path> logs;
    for (const auto& file : fs::directory_iterator(StoreFolder(data_))) {
      if (file.path().extension() == ".log" && file.file_size() > 8) logs.push_back(file.path());
    }
    return logs;
  }

  // A copy of the whole store, harmed.
  void Begin(const Damage& damage) {
    if (!fs::exists(base_)) fs::copy(data_, base_, fs::copy_options::recursive);
    fs::remove_all(data_);
    fs::copy(base_, data_, fs::copy_options::recursive);
    damage.harm();
    whole_manifest_ = ReadFile(ManifestFile());
    tables_ = Tables(StoreFolder(data_));
    logs_.clear();
    for (const fs::path& log : Logs()) logs_[log.filename().string()] = ReadFile(log);
  }
  RocksOptions Options(rocksdb::Env* env) const {
    RocksOptions options;
    options.env = env;
    options.floors.flash_bytes = 0;
    options.reserve_bytes = 0;
    return options;
  }
  // As the node: opens, stores the new epoch where one is asked for, keeps the head.
  absl::Status Start(rocksdb::Env* env, Files& files, bool& lost) {
    const auto opened = OpenDataFolder(data_, kUnit, Options(env), files);
    if (!opened.ok()) return opened.status();
    lost = opened->lost;
    if (opened->lost) {
      store::v1::NodeRecord node = opened->node;
      node.mutable_recovery()->set_past_epoch(node.epoch());
      node.set_epoch(node.epoch() + 1);
      Batch batch;
      batch.Put(NodeKey(), node.SerializeAsString());
      if (absl::Status begun = opened->engine->Commit(batch); !begun.ok()) return begun;
      (void)EpochStored(data_, files);
    }
    return absl::OkStatus();
  }
  // Result: how many steps it had.
  struct Steps {
    std::uint64_t files = 0;
    std::uint64_t disk = 0;
  };
  Steps Disturbed(const Damage& damage, const Disturbance& disturbance) {
    const auto disk = std::make_shared<FaultDisk>();
    const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(disk);
    FaultyFiles files(folder_.path + "/stash");
    if (!damage.links) files.ForbidLinks();
    switch (disturbance.kind) {
      case Disturbance::kFileFails:
        files.FailAt(disturbance.step, EIO);
        break;
      case Disturbance::kFileFull:
        files.FailAt(disturbance.step, ENOSPC);
        break;
      case Disturbance::kPowerAtFile:
      case Disturbance::kKillAtFile:
        files.CutPowerAt(disturbance.step, [&disk] { disk->CutPower(); });
        break;
      case Disturbance::kDiskFails:
        disk->FailAt(disturbance.step, testing_support::Fault::kIo);
        break;
      case Disturbance::kDiskFull:
        disk->FailAt(disturbance.step, testing_support::Fault::kNoSpace);
        break;
      case Disturbance::kPowerAtDisk:
        disk->CutPowerAt(disturbance.step);
        break;
    }
    bool lost = false;
    const absl::Status started = Start(env.get(), files, lost);
    if (!started.ok()) {
      const contract::Problem problem = contract::ProblemOf(started);
      EXPECT_FALSE(problem.why.empty() || problem.next.empty()) << started;
    }
    const Steps steps{files.calls(), disk->calls()};
    const bool power = disturbance.kind == Disturbance::kPowerAtFile ||
                       disturbance.kind == Disturbance::kPowerAtDisk;
    if (power && !started.ok()) {
      files.Forget();
      disk->Forget(static_cast<Tail>(random_() % 4), random_);
    }
    return steps;
  }
  // Undisturbed starts after it, on a disk that only does not really sync.
  void ExpectVerdict(const Damage& damage, const std::string& what) {
    const std::unique_ptr<rocksdb::Env> env =
        rocksdb::NewCompositeEnv(std::make_shared<FaultDisk>());
    FaultyFiles files(folder_.path + "/stash");
    for (int start = 0; start < 2; ++start) {
      const auto opened = OpenDataFolder(data_, kUnit, Options(env.get()), files);
      ASSERT_TRUE(opened.ok()) << what << ": " << opened.status();
      const bool new_epoch = opened->node.epoch() != kEpoch;
      EXPECT_TRUE(opened->untidy.ok()) << what << ": " << opened->untidy;
      EXPECT_TRUE(damage.lost || !(opened->lost || new_epoch)) << what << ": nothing is lost";
      EXPECT_TRUE(!damage.lost || opened->lost || new_epoch) << what << ": the loss is silent";
      for (int i = 1; i <= kChanges && !damage.lost; ++i)
        ASSERT_TRUE(opened->engine->Get("\x7fkey" + std::to_string(i))->has_value()) << what;
    }
    bool lost = false;
    ASSERT_TRUE(Start(env.get(), files, lost).ok()) << what;
    EXPECT_FALSE(fs::exists(JudgementFile(data_))) << what;
    EXPECT_TRUE(StandingCuts(data_).empty()) << what;
    const auto opened = OpenDataFolder(data_, kUnit, Options(env.get()), files);
    ASSERT_TRUE(opened.ok()) << what << ": " << opened.status();
    EXPECT_FALSE(opened->lost || opened->damaged) << what;
    EXPECT_TRUE(Kept(damage.lost)) << what << ": what was cut is nowhere";
  }
  // Whether what was cut is there: the logs, and of a loss by a cut of the manifest the tables.
  bool Kept(bool lost) const {
    if (logs_.empty() && !WholeManifestBytes(whole_manifest_).has_value()) return true;
    for (const std::string& name : PutAsideFolders(data_)) {
      const std::string place = data_ + "/" + name + "/";
      bool kept = true;
      for (const auto& [log, bytes] : logs_) kept = kept && ReadFile(place + log) == bytes;
      if (lost && WholeManifestBytes(whole_manifest_).has_value())
        kept = kept && Tables(place) == tables_;
      if (kept) return true;
    }
    return false;
  }

  const std::string base_ = folder_.path + "/base";
  std::string whole_manifest_;
  std::vector<std::string> tables_;
  std::map<std::string, std::string> logs_;
  std::mt19937_64 random_{20'261'122};
};

TEST_F(DisturbedStart, NextStartGivesTheSameVerdict) {
  const bool every = Setting("TRIPOINT_EVERY_FAULT", 0) != 0;
  int runs = 0;
  std::uint64_t turn = 0;
  for (const Damage& damage : Damages()) {
    Begin(damage);
    const Steps steps = Disturbed(damage, {.kind = Disturbance::kFileFails, .step = 0});
    ExpectVerdict(damage, std::string(damage.name) + ", undisturbed");
    std::printf("%s: %llu steps of files, %llu of the disk\n", damage.name,
                static_cast<unsigned long long>(steps.files),
                static_cast<unsigned long long>(steps.disk));
    const auto run = [&](Disturbance::Kind kind, std::uint64_t step) {
      const Disturbance disturbance{kind, step};
      SCOPED_TRACE(std::string(damage.name) + ", " + disturbance.ToString());
      Begin(damage);
      (void)Disturbed(damage, disturbance);
      ExpectVerdict(damage, std::string(damage.name) + ", " + disturbance.ToString());
      ++runs;
    };
    for (std::uint64_t step = 1 + turn % 2; step <= steps.files && !HasFailure();
         step += every ? 1 : 2, ++turn) {
      for (std::uint64_t kind = 0; kind < std::size(kOfFiles); ++kind) {
        if (every || kind == turn % std::size(kOfFiles)) run(kOfFiles[kind], step);
      }
    }
    for (std::uint64_t step = 1; step <= steps.disk && !HasFailure();
         step += every ? 1 : 11, ++turn) {
      for (std::uint64_t kind = 0; kind < std::size(kOfDisk); ++kind) {
        if (every || kind == turn % std::size(kOfDisk)) run(kOfDisk[kind], step);
      }
    }
  }
  std::printf("%d disturbed starts\n", runs);
}

TEST_F(DisturbedStart, NorDoSeveralDisturbedStartsForgetIt) {
  const std::uint64_t rows = Setting("TRIPOINT_FAULTY_STARTS", 14);
  const std::vector<Damage> damages = Damages();
  for (std::uint64_t row = 0; row < rows && !HasFailure(); ++row) {
    const Damage& damage = damages[row % damages.size()];
    Begin(damage);
    std::string what = std::string(damage.name) + ", row " + std::to_string(row);
    for (int start = 0; start < 3; ++start) {
      const bool of_files = random_() % 2 == 0;
      const Disturbance disturbance{of_files ? kOfFiles[random_() % std::size(kOfFiles)]
                                             : kOfDisk[random_() % std::size(kOfDisk)],
                                    random_() % (of_files ? 30 : 60) + 1};
      what += ", " + disturbance.ToString();
      (void)Disturbed(damage, disturbance);
    }
    ExpectVerdict(damage, what);
  }
}

}  // namespace
}  // namespace tripoint::storage
