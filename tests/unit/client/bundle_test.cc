// Goal: a bundle file is asked for and handed in part by part; whatever is missing, cut, doubled or
// out of order is found before anything is taken in.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "certs/signing_key.h"
#include "client/app.h"
#include "evidence/signed_file.h"
#include "fake_host.h"
#include "fake_node.h"
#include "proto/contract/error.h"
#include "tripoint/exchange/v1/bundle.pb.h"

namespace tripoint::client {
namespace {

namespace fs = std::filesystem;

class BundleFile : public ::testing::Test {
 protected:
  BundleFile() {
    folder_ = fs::temp_directory_path() / ("bundle-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    host_.variables["TRIPOINT_ADDRESS"] = "127.0.0.1:7443";
    host_.variables["TRIPOINT_UNIT"] = "vn-quangngai";
    host_.variables["TRIPOINT_CERTIFICATES"] = "/c";
    for (std::uint32_t number = 0; number < 3; ++number)
      node_.parts.push_back(Part("one bundle", number, number == 2));
  }
  ~BundleFile() override { fs::remove_all(folder_); }

  static std::string Part(const std::string& id, std::uint32_t number, bool last) {
    exchange::v1::BundlePart part;
    part.set_bundle_id(id);
    part.set_number(number);
    part.set_last(last);
    part.set_box(std::string(50, 'x'));
    return evidence::SealFile(evidence::FileKind::kBundle, part.SerializeAsString(),
                              *certs::SigningKey::FromSeed(std::string(32, 's')));
  }
  int Run(std::vector<std::string> words) {
    host_.out.clear();
    host_.err.clear();
    return client::Run(words, host_, node_.Connector());
  }
  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  std::string Write(const std::string& bytes) const {
    std::ofstream(Path("bad"), std::ios::binary | std::ios::trunc) << bytes;
    return Path("bad");
  }
  std::string Read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(Path(name), std::ios::binary).rdbuf();
    return text.str();
  }
  // Refused, and nothing was taken in.
  void ExpectRefused(const std::string& bytes, const std::string& why, int exit = 9) {
    node_.imported.clear();
    EXPECT_EQ(Run({"bundle", "import", Write(bytes)}), exit) << host_.err;
    EXPECT_NE(host_.err.find(why), std::string::npos) << why << "\n" << host_.err;
    EXPECT_NE(host_.err.find("nothing was changed"), std::string::npos) << host_.err;
    for (const v1::ImportBundleRequest& request : node_.imported)
      EXPECT_TRUE(request.validate_only());
  }

  FakeHost host_;
  FakeNode node_{host_};
  fs::path folder_;
};

TEST_F(BundleFile, AllPartsAreCheckedThenTakenIn) {
  ASSERT_EQ(Run({"bundle", "export", "--peer", "la-attapeu", "--out", Path("b")}), 0) << host_.err;
  EXPECT_NE(host_.out.find("6 envelopes and 1 receipts for la-attapeu"), std::string::npos);
  EXPECT_EQ(Read("b"), node_.parts[0] + node_.parts[1] + node_.parts[2]);
  EXPECT_FALSE(fs::exists(Path("b.part")));
  ASSERT_EQ(Run({"bundle", "import", Path("b"), "--dry-run"}), 0) << host_.err;
  ASSERT_EQ(node_.imported.size(), 3u);
  EXPECT_EQ(node_.imported[2].reached(), "++");
  node_.imported.clear();
  ASSERT_EQ(Run({"bundle", "import", Path("b")}), 0) << host_.err;
  ASSERT_EQ(node_.imported.size(), 6u);
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(node_.imported[i].validate_only(), i < 3);
    EXPECT_EQ(node_.imported[i].part(), node_.parts[i % 3]);
  }
  EXPECT_NE(host_.out.find("6 new envelopes, 3 known before"), std::string::npos) << host_.out;
  EXPECT_NE(host_.out.find("9 of ours are now proven"), std::string::npos) << host_.out;
}

TEST_F(BundleFile, AFileIsNeverReplaced) {
  std::ofstream(Path("b")) << "mine";
  EXPECT_EQ(Run({"bundle", "export", "--peer", "la-attapeu", "--out", Path("b")}), 6);
  EXPECT_EQ(Read("b"), "mine");
  // What a killed run left behind is no hindrance.
  std::ofstream(Path("c.part")) << "left";
  EXPECT_EQ(Run({"bundle", "export", "--peer", "la-attapeu", "--out", Path("c")}), 0) << host_.err;
  EXPECT_EQ(fs::perms::owner_read | fs::perms::owner_write, fs::status(Path("c")).permissions());
}

TEST_F(BundleFile, AFailureInTheMiddleLeavesNoFile) {
  node_.failures.assign(1, absl::OkStatus());
  node_.failures.push_back(contract::Error(absl::StatusCode::kDataLoss, contract::Reason::kCorrupt,
                                           "damaged", "a bit flipped", "look"));
  EXPECT_EQ(Run({"bundle", "export", "--peer", "la-attapeu", "--out", Path("b")}), 9);
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(BundleFile, WhatIsWrongIsFoundBeforeAnythingIsTakenIn) {
  const std::string whole = node_.parts[0] + node_.parts[1] + node_.parts[2];
  for (std::size_t size = 0; size < whole.size(); ++size) {
    node_.imported.clear();
    ASSERT_EQ(Run({"bundle", "import", Write(whole.substr(0, size))}), 9) << size;
    for (const v1::ImportBundleRequest& request : node_.imported)
      ASSERT_TRUE(request.validate_only()) << size;
  }
  ExpectRefused(whole + "x", "it was cut in the head of a part");
  ExpectRefused(whole + whole, "something follows its last part");
  ExpectRefused(node_.parts[1] + node_.parts[2], "in their order");
  ExpectRefused(node_.parts[0] + node_.parts[2], "in their order");
  ExpectRefused(node_.parts[0] + Part("another", 1, true), "in their order");
  ExpectRefused(std::string(200, 'z'), "it is no bundle");
  std::string newer = whole;
  newer[19] = 2;
  ExpectRefused(newer, "made by a newer version", 1);
}

TEST_F(BundleFile, AFailureWhileItIsTakenInSaysWhatIsThere) {
  for (int i = 0; i < 4; ++i) node_.failures.push_back(absl::OkStatus());
  node_.failures.push_back(contract::Error(absl::StatusCode::kFailedPrecondition,
                                           contract::Reason::kDiskFull, "the disk is full",
                                           "no room", "make room"));
  const std::string path = Write(node_.parts[0] + node_.parts[1] + node_.parts[2]);
  EXPECT_NE(Run({"bundle", "import", path}), 0);
  EXPECT_NE(
      host_.err.find("at least 2 envelopes of it were taken in before, and the same file can be "
                     "imported again"),
      std::string::npos)
      << host_.err;
}

}  // namespace
}  // namespace tripoint::client
