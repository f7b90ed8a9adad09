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
#include "storage/log_records.h"
#include "storage/put_aside.h"
#include "tests/unit/storage/torn_store.h"

namespace tripoint::storage {
namespace {

namespace fs = std::filesystem;
using contract::Reason;
using contract::ReasonOf;
using testing_support::Garbage;
using testing_support::kBlock;
using testing_support::Manifest;
using testing_support::ReadFile;

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

// Goal: where so little is left of a block that no fragment begins there, the next one is looked
// for behind it; what follows a damage is found again, and a piece of a record alone is none.
TEST(ManifestTail, BlocksThatEndInNothing) {
  for (std::size_t left = 0; left < 9; ++left) {
    Manifest manifest;
    manifest.Edit(kBlock - 2 * testing_support::kHeader - left, 'a');
    const std::size_t whole = manifest.bytes.size();
    manifest.Edit(100, 'b');
    manifest.Edit(50, 'c');
    EXPECT_EQ(WholeManifestBytes(manifest.bytes), std::nullopt) << "nothing is torn";
    EXPECT_EQ(WholeManifestBytes(manifest.bytes.substr(0, manifest.ends[1] - 1)), whole) << left;
    std::vector<std::size_t> sizes;
    const auto visit = [&](std::string_view record) { sizes.push_back(record.size()); };
    VisitWholeRecords(manifest.bytes, visit);
    EXPECT_EQ(sizes.size(), 3u) << left;
    // The first fragment of the first record is damaged: what is behind it counts.
    std::string damaged = manifest.bytes;
    damaged[10] = static_cast<char>(damaged[10] ^ 1);
    sizes.clear();
    VisitWholeRecords(damaged, visit);
    EXPECT_EQ(sizes, (std::vector<std::size_t>{100, 50})) << left;
  }
  Manifest pieces;
  pieces.Record('\x03', "a middle without a beginning");
  pieces.Record('\x04', "an end without one");
  pieces.Edit(20, 'w');
  std::vector<std::size_t> sizes;
  VisitWholeRecords(pieces.bytes, [&](std::string_view record) { sizes.push_back(record.size()); });
  EXPECT_EQ(sizes, std::vector<std::size_t>{20});
  // Far behind a long damage only the beginnings of blocks are looked at.
  Manifest later;
  later.Edit(30, 'l');
  std::string far = std::string(20 * kBlock, '\x7f') + later.bytes;
  sizes.clear();
  VisitWholeRecords(far, [&](std::string_view record) { sizes.push_back(record.size()); });
  EXPECT_EQ(sizes, std::vector<std::size_t>{30});
}

class TornManifest : public testing_support::TornStore {};

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
  const auto cut = CutManifest(MachineFiles(), data_);
  ASSERT_TRUE(cut.ok()) << cut.status();
  ASSERT_TRUE(*cut);
  EXPECT_FALSE(StandingCuts(data_).empty());
  EXPECT_LT(fs::file_size(ManifestFile()), before.size());
  const fs::path aside = data_ + "/cut-1";
  EXPECT_TRUE(ReadFile(aside / ManifestFile().filename()) == before) << "changed in place";
  EXPECT_EQ(Tables(aside), Tables(StoreFolder(data_)));
  EXPECT_FALSE(*CutManifest(MachineFiles(), data_)) << "it is whole now";
  const auto opened = Open();
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->damaged) << "the whole journal is verified";
  EXPECT_FALSE(opened->lost);
  EXPECT_TRUE(StandingCuts(data_).empty());
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
  EXPECT_TRUE(StandingCuts(data_).empty());
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
    EXPECT_TRUE(StandingCuts(data_).empty());
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
