// Goal: a file of many pieces appears whole or not at all, never over another, and two runs with
// one name never write into one.
#include "client/new_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "proto/contract/error.h"

namespace tripoint::client {
namespace {

namespace fs = std::filesystem;

class NewFileTest : public ::testing::Test {
 protected:
  NewFileTest()
      : folder_(fs::temp_directory_path() / ("new-file-test-" + std::to_string(::getpid()))) {
    fs::create_directory(folder_);
  }
  ~NewFileTest() override { fs::remove_all(folder_); }
  std::string Path(const std::string& name = "a.bundle") const { return folder_ / name; }
  static std::string Text(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  std::size_t Files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  const fs::path folder_;
};

TEST_F(NewFileTest, TwoRunsWithOneNameDoNotMeet) {
  NewFile first(Path());
  ASSERT_TRUE(first.Write("of the first ").ok());
  {
    NewFile second(Path());
    const absl::Status refused = second.Write("of the second");
    EXPECT_EQ(contract::ReasonOf(refused), contract::Reason::kAlreadyExists);
    EXPECT_NE(contract::ProblemOf(refused).why.find("another run"), std::string::npos);
    EXPECT_FALSE(second.Keep().ok());
  }
  ASSERT_TRUE(first.Write("alone").ok());
  ASSERT_TRUE(first.Keep().ok());
  EXPECT_EQ(Text(Path()), "of the first alone");
  NewFile third(Path());
  EXPECT_EQ(contract::ReasonOf(third.Write({})), contract::Reason::kAlreadyExists);
  EXPECT_EQ(Text(Path()), "of the first alone");
  EXPECT_EQ(Files(), 1u);
}

TEST_F(NewFileTest, WhatAKilledRunLeftIsReplacedAndNeverReadThrough) {
  std::ofstream(Path() + ".part") << "a long rest of a run that was killed";
  fs::permissions(Path() + ".part", fs::perms::all);
  {
    NewFile file(Path());
    ASSERT_TRUE(file.Write("new").ok());
    ASSERT_TRUE(file.Keep().ok());
  }
  EXPECT_EQ(Text(Path()), "new");
  EXPECT_EQ(fs::status(Path()).permissions() & fs::perms::others_all, fs::perms::none);
  EXPECT_EQ(Files(), 1u);
  // A link in the place of the part leads nowhere.
  std::ofstream(Path("other")) << "not ours";
  fs::create_symlink(Path("other"), Path("b.bundle.part"));
  NewFile file(Path("b.bundle"));
  EXPECT_FALSE(file.Write("x").ok());
  EXPECT_EQ(Text(Path("other")), "not ours");
}

TEST_F(NewFileTest, WhatIsNotKeptLeavesNothing) {
  {
    NewFile file(Path());
    ASSERT_TRUE(file.Write("half").ok());
  }
  EXPECT_EQ(Files(), 0u);
  NewFile nowhere(Path("no/such/folder"));
  EXPECT_EQ(contract::ReasonOf(nowhere.Write("x")), contract::Reason::kConfigInvalid);
}

}  // namespace
}  // namespace tripoint::client
