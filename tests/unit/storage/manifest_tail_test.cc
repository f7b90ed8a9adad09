// What is cut off a manifest and what never is (manifest_tail.h), and what a start makes of it
// (put_aside.h).
#include "storage/manifest_tail.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "storage/data_folder.h"
#include "storage/head_file.h"
#include "storage/put_aside.h"
#include "tests/unit/storage/fixture.h"

namespace tripoint::storage {
namespace {

namespace fs = std::filesystem;
using contract::Reason;
using contract::ReasonOf;
using testing_support::Draft;
using testing_support::kEpoch;
using testing_support::kNowMs;
using testing_support::TemporaryFolder;

constexpr std::size_t kBlock = 32 * 1024;
constexpr std::size_t kHeader = 7;

// A writer of the format, as RocksDB's.
class Manifest {
 public:
  void Edit(std::size_t size, char fill) {
    const std::string edit(size, fill);
    std::size_t done = 0;
    bool first = true;
    do {
      std::size_t left = kBlock - bytes.size() % kBlock;
      if (left < kHeader) {
        bytes.append(left, '\0');
        left = kBlock;
      }
      const std::size_t part = std::min(edit.size() - done, left - kHeader);
      const bool last = done + part == edit.size();
      Record(static_cast<char>(first ? (last ? 1 : 2) : (last ? 4 : 3)), edit.substr(done, part));
      done += part;
      first = false;
    } while (done < edit.size());
    ends.push_back(bytes.size());
  }
  void Record(char type, const std::string& contents) {
    const std::uint32_t crc = MaskedCrc32c(type + contents);
    for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>((crc >> shift) & 0xff);
    bytes += static_cast<char>(contents.size() & 0xff);
    bytes += static_cast<char>(contents.size() >> 8);
    bytes += type + contents;
  }

  std::string bytes;
  std::vector<std::size_t> ends;  // of the edits
};

std::string Garbage(std::size_t size) {
  std::mt19937_64 random(size);
  std::string garbage;
  while (garbage.size() < size) garbage += static_cast<char>(random());
  return garbage;
}

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// RFC 3720, B.4; masked as RocksDB does.
TEST(ManifestTail, ChecksumIsCrc32c) {
  const auto mask = [](std::uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8; };
  EXPECT_EQ(MaskedCrc32c(std::string(32, '\0')), mask(0x8a9136aa));
  EXPECT_EQ(MaskedCrc32c(std::string(32, '\xff')), mask(0x62a8ab43));
  EXPECT_EQ(MaskedCrc32c("123456789"), mask(0xe3069283));
}

// Goal: torn, zeroed and garbled ends are cut behind the last whole edit, wherever the edit was
// torn; edits of several blocks too.
TEST(ManifestTail, TornEndsAreCut) {
  for (const std::size_t last : {std::size_t{0}, std::size_t{60}, kBlock - 200, 3 * kBlock}) {
    Manifest manifest;
    for (const std::size_t size : {50u, 300u, 40'000u, 120u})
      manifest.Edit(size, static_cast<char>('a' + size % 26));
    const std::size_t whole = manifest.bytes.size();
    EXPECT_EQ(WholeManifestBytes(manifest.bytes), std::nullopt) << "nothing is torn";
    manifest.Edit(last, 'z');
    EXPECT_EQ(WholeManifestBytes(manifest.bytes), std::nullopt) << "nothing is torn";
    const std::size_t torn_bytes = manifest.bytes.size() - whole;
    for (std::size_t there = 1; there < torn_bytes; there += 1 + torn_bytes / 40) {
      const std::string torn = manifest.bytes.substr(0, whole + there);
      const std::size_t rest = torn_bytes - there;
      EXPECT_EQ(WholeManifestBytes(torn), whole) << there;
      EXPECT_EQ(WholeManifestBytes(torn + std::string(rest, '\0')), whole) << there;
      EXPECT_EQ(WholeManifestBytes(torn + Garbage(rest)), whole) << there;
    }
  }
}

// Goal: with something whole behind the damage it was no power cut, wherever that begins; nor with
// too much behind it, nor with nothing before it, nor with records in an order that nobody writes.
TEST(ManifestTail, OtherDamageIsNotCut) {
  for (std::size_t damaged = 0; damaged < 3; ++damaged) {
    Manifest manifest;
    for (const std::size_t size : {50u, 40'000u, 300u, 120u}) manifest.Edit(size, 'e');
    const std::size_t begin = damaged == 0 ? 0 : manifest.ends[damaged - 1];
    for (const std::size_t at : {begin, begin + 4, begin + 6, begin + 20}) {
      std::string bytes = manifest.bytes;
      bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
      EXPECT_EQ(WholeManifestBytes(bytes), std::nullopt) << "edit " << damaged << ", byte " << at;
    }
  }
  Manifest manifest;
  manifest.Edit(100, 'e');
  const std::string end = Garbage(3 * kBlock);
  Manifest later;
  later.Edit(10, 'l');
  EXPECT_EQ(WholeManifestBytes(manifest.bytes + end), manifest.ends[0]);
  EXPECT_EQ(WholeManifestBytes(manifest.bytes + end + later.bytes), std::nullopt);
  EXPECT_EQ(WholeManifestBytes(manifest.bytes + std::string(kManifestTailMax, '\0')),
            manifest.ends[0]);
  EXPECT_EQ(WholeManifestBytes(manifest.bytes + std::string(kManifestTailMax + 1, '\0')),
            std::nullopt);
  EXPECT_EQ(WholeManifestBytes(end), std::nullopt);
  EXPECT_EQ(WholeManifestBytes(""), std::nullopt);
  for (const char type : {'\x03', '\x04', '\x05', '\x09'}) {
    Manifest odd = manifest;
    odd.Record(type, "odd");
    EXPECT_EQ(WholeManifestBytes(odd.bytes + end), std::nullopt) << static_cast<int>(type);
  }
}

// A data folder whose manifest grew while it was open.
class TornManifest : public ::testing::Test {
 protected:
  TornManifest() : data_(folder_.path + "/data") {
    EXPECT_TRUE(InitializeDataFolder(data_, "vn-tayninh", kEpoch, kNowMs).ok());
    RocksOptions options;
    options.write_buffer_bytes = 64 * 1024;
    options.reserve_bytes = 0;
    const auto opened = OpenDataFolder(data_, "vn-tayninh", options);
    EXPECT_TRUE(opened.ok()) << opened.status();
    CommitterCore core(*opened->engine);
    for (int i = 0; i < kChanges; ++i) {
      core.Submit(
          [](Transaction& transaction) {
            transaction.Put("\x7fkey" + std::to_string(transaction.change_number()),
                            Garbage(2000 + transaction.change_number()));
            transaction.Journal(Draft("test.write"));
            return absl::OkStatus();
          },
          [](const absl::Status& status) { EXPECT_TRUE(status.ok()) << status; });
      core.RunOnce(kNowMs);
    }
    const auto head = ReadJournalHead(*opened->engine);
    EXPECT_TRUE(WriteHeadFile(HeadFile(data_), {.epoch = head->epoch,
                                                .size = head->frontier.size(),
                                                .root = head->frontier.Root()})
                    .ok());
  }

  fs::path ManifestFile() const {
    std::string name;
    std::ifstream(StoreFolder(data_) + "/CURRENT") >> name;
    return fs::path(StoreFolder(data_)) / name;
  }
  void Append(const std::string& bytes) const {
    std::ofstream(ManifestFile(), std::ios::binary | std::ios::app) << bytes;
  }
  // Half an edit, as a power cut leaves it.
  static std::string HalfAnEdit() {
    Manifest edit;
    edit.Edit(500, 'e');
    return edit.bytes.substr(0, 200) + std::string(400, '\0');
  }
  // Half an edit where tables were added later whose logs are gone. An edit that forgets a log ends
  // with its tag, a length and the log's number: before it RocksDB would miss the log.
  void LoseSyncedEdits() const {
    const std::string manifest = ReadFile(ManifestFile());
    const std::size_t forgotten = manifest.rfind("\x88\x40\x01", manifest.size() * 2 / 3);
    ASSERT_NE(forgotten, std::string::npos);
    fs::resize_file(ManifestFile(), forgotten + 4);
    Append(HalfAnEdit());
    ASSERT_EQ(WholeManifestBytes(ReadFile(ManifestFile())), forgotten + 4);
  }
  absl::StatusOr<OpenedStore> Open() const {
    RocksOptions options;
    options.reserve_bytes = 0;
    return OpenDataFolder(data_, "vn-tayninh", options);
  }
  static std::vector<std::string> Tables(const std::string& folder) {
    std::vector<std::string> names;
    for (const auto& file : fs::directory_iterator(folder)) {
      if (file.path().extension() == ".sst") names.push_back(file.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  bool Exists(const std::string& name) const { return fs::exists(data_ + "/" + name); }

  static constexpr int kChanges = 100;
  const TemporaryFolder folder_;
  const std::string data_;
};

// Goal: half an edit costs nothing; what was put aside for the cut goes once the head file agrees.
TEST_F(TornManifest, StartsAndLosesNothing) {
  for (int start = 0; start < 6; ++start) {
    Append(HalfAnEdit());
    const auto opened = Open();
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_TRUE(opened->damaged);
    EXPECT_FALSE(opened->lost);
    for (int i = 1; i <= kChanges; ++i)
      EXPECT_TRUE(opened->engine->Get("\x7fkey" + std::to_string(i))->has_value()) << i;
    EXPECT_FALSE(Exists("cut-1"));
  }
  const auto opened = Open();
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_FALSE(opened->damaged);
}

// Goal: a start that ended between the cut and its judgement is judged by the next one.
TEST_F(TornManifest, CutIsJudgedByTheNextStart) {
  Append(HalfAnEdit());
  const std::string before = ReadFile(ManifestFile());
  const auto cut = CutManifest(data_);
  ASSERT_TRUE(cut.ok()) << cut.status();
  ASSERT_TRUE(*cut);
  EXPECT_TRUE(CutStands(data_));
  EXPECT_LT(fs::file_size(ManifestFile()), before.size());
  const fs::path aside = data_ + "/cut-1";
  EXPECT_TRUE(ReadFile(aside / ManifestFile().filename()) == before) << "changed in place";
  EXPECT_EQ(Tables(aside), Tables(StoreFolder(data_)));
  EXPECT_FALSE(*CutManifest(data_)) << "it is whole now";
  const auto opened = Open();
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->damaged) << "the whole journal is verified";
  EXPECT_FALSE(opened->lost);
  EXPECT_FALSE(CutStands(data_));
}

// Goal: a cut that takes away more than an unsynced end is told by the head file; what it took away
// is still there, with its tables.
TEST_F(TornManifest, WhatTheCutLostIsToldAndKept) {
  LoseSyncedEdits();
  for (const auto& file : fs::directory_iterator(StoreFolder(data_))) {
    if (file.path().extension() == ".log") fs::resize_file(file.path(), 0);
  }
  const std::vector<std::string> tables = Tables(StoreFolder(data_));
  ASSERT_GT(tables.size(), 1u);
  const auto opened = Open();
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->damaged);
  EXPECT_TRUE(opened->lost);
  EXPECT_FALSE(CutStands(data_));
  EXPECT_EQ(Tables(data_ + "/damaged-2"), tables);
}

// Goal: a hole that a cut left in the history refuses this start and all later ones, though the
// newest entries are there and RocksDB finds nothing wrong any more.
TEST_F(TornManifest, HoleIsNeverServed) {
  LoseSyncedEdits();
  const std::vector<std::string> tables = Tables(StoreFolder(data_));
  for (int start = 0; start < 3; ++start) {
    const absl::Status refused = Open().status();
    EXPECT_EQ(ReasonOf(refused), Reason::kCorrupt) << refused;
    EXPECT_NE(contract::ProblemOf(refused).what.find("gap"), std::string::npos) << refused;
    EXPECT_EQ(Tables(data_ + "/cut-1"), tables);
  }
}

// Goal: damage that no power cut explains refuses the start as before, and nothing is cut.
TEST_F(TornManifest, DamageInTheMiddleIsRefused) {
  std::string manifest = ReadFile(ManifestFile());
  manifest[manifest.size() / 2] = static_cast<char>(manifest[manifest.size() / 2] ^ 1);
  std::ofstream(ManifestFile(), std::ios::binary) << manifest;
  for (int start = 0; start < 2; ++start) {
    EXPECT_EQ(ReasonOf(Open().status()), Reason::kCorrupt);
    EXPECT_TRUE(ReadFile(ManifestFile()) == manifest);
    EXPECT_FALSE(CutStands(data_));
  }
}

// Goal: tables that cannot be put aside are not given up: the start is refused and nothing changed.
TEST_F(TornManifest, WithoutThePlacesNothingIsCut) {
  Append(HalfAnEdit());
  const std::string before = ReadFile(ManifestFile());
  for (int i = 1; i <= 4; ++i) fs::create_directory(data_ + "/cut-" + std::to_string(i));
  const auto opened = Open();
  EXPECT_EQ(ReasonOf(opened.status()), Reason::kCorrupt);
  EXPECT_NE(contract::ProblemOf(opened.status()).what.find("torn again"), std::string::npos);
  EXPECT_TRUE(ReadFile(ManifestFile()) == before);
}

}  // namespace
}  // namespace tripoint::storage
