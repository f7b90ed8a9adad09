// A manifest as RocksDB writes it, and a data folder whose manifest a power cut left torn. Test
// thread only.
#pragma once

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
#include "storage/log_records.h"
#include "storage/manifest_tail.h"
#include "tests/unit/storage/fixture.h"

namespace tripoint::storage::testing_support {

namespace fs = std::filesystem;

inline constexpr std::size_t kBlock = 32 * 1024;
inline constexpr std::size_t kHeader = 7;

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

inline std::string Garbage(std::size_t size) {
  std::mt19937_64 random(size);
  std::string garbage;
  while (garbage.size() < size) garbage += static_cast<char>(random());
  return garbage;
}

inline std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// A data folder whose manifest grew while it was open.
class TornStore : public ::testing::Test {
 protected:
  TornStore() : data_(folder_.path + "/data") {
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
    EXPECT_TRUE(HeadKeeper(HeadFile(data_))
                    .Settle({.epoch = head->epoch,
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

}  // namespace tripoint::storage::testing_support
