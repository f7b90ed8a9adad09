// Goal: every fault of a configuration file is found, with its line and with what would be right,
// and the reference that the program writes is itself a configuration that it reads.
#include "server/config.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "proto/contract/error.h"
#include "server/config_keys.h"

namespace tripoint {
namespace {

constexpr char kPath[] = "/etc/tripoint/tripoint.toml";
constexpr char kSmallest[] = "unit = \"vn-quangngai\"\n";

// All faults as `line: text`, one a line.
std::string FaultsOf(std::string_view text) {
  std::string faults;
  for (const ConfigFault& fault : ParseConfig(text, kPath).faults) {
    faults += std::to_string(fault.line) + ": " + fault.what + "\n";
  }
  return faults;
}

TEST(Config, OnlyTheUnitIsNeeded) {
  const ParsedConfig parsed = ParseConfig(kSmallest, kPath);
  EXPECT_TRUE(parsed.faults.empty());
  EXPECT_EQ(parsed.config.unit, "vn-quangngai");
  EXPECT_EQ(parsed.config.api_listen, "127.0.0.1:7443");
  EXPECT_EQ(parsed.config.drain_s, 10);
  EXPECT_TRUE(parsed.config.wire_rule);
  // One address, before anybody is known, must not fill the neighbours' port.
  EXPECT_EQ(parsed.config.exchange_connections_per_address_max, 16);
  EXPECT_LT(parsed.config.exchange_connections_per_address_max,
            parsed.config.exchange_connections_max);
}

TEST(Config, RelativePathsBeginAtTheFilesFolder) {
  const Config config =
      ParseConfig(std::string(kSmallest) + "data_folder = \"../d\"\n", kPath).config;
  EXPECT_EQ(config.data_folder, "/etc/d");
  EXPECT_EQ(config.roots_folder, "/etc/tripoint/certificates/roots");
  EXPECT_EQ(ParseConfig("data_folder = \"/srv/d\"\n", kPath).config.data_folder, "/srv/d");
}

TEST(Config, UnknownKeyNamesTheLineAndTheNearestKey) {
  EXPECT_EQ(
      FaultsOf(std::string(kSmallest) + "[api]\nlisten = \"127.0.0.1:1\"\nlisten_adress = 1\n"),
      "4: unknown key \"listen_adress\" in [api]. Known here: listen\n");
  EXPECT_EQ(FaultsOf(std::string(kSmallest) + "[api]\nlisen = \"127.0.0.1:1\"\n"),
            "3: unknown key \"lisen\" in [api]. Did you mean \"listen\"?\n");
  EXPECT_EQ(FaultsOf(std::string(kSmallest) + "[exchnage]\n"),
            "2: unknown key \"exchnage\". Did you mean \"exchange\"?\n");
  EXPECT_EQ(FaultsOf(std::string(kSmallest) + "crl_required = true\n"),
            "2: unknown key \"crl_required\". It belongs in [certificates]\n");
  EXPECT_EQ(
      FaultsOf(std::string(kSmallest) + "[[peer]]\nunit = \"la-attapeu\"\nadress = \"a:1\"\n"),
      "4: unknown key \"adress\" in [[peer]]. Did you mean \"address\"?\n");
}

TEST(Config, AllFaultsAreReportedAtOnceInOrderOfLines) {
  EXPECT_EQ(
      FaultsOf("[log]\nlevel = \"loud\"\n[limits]\ndrain_s = 1000\nwire_rule = 1\n[[officer]]\nid "
               "= \"Huy\"\n"
               "roles = [\"oficer\"]\n"),
      "0: unit is missing, such as unit = \"vn-quangngai\"\n"
      "2: log.level must be one of \"debug\", \"info\", \"warning\", \"error\", not \"loud\"\n"
      "4: limits.drain_s must be a whole number of seconds, 0 to 600\n"
      "5: limits.wire_rule must be true or false\n"
      "7: officer.id must be 1 to 32 of a-z 0-9 . _ -, the first a letter or digit, not \"Huy\"\n"
      "8: officer.roles must be a list of \"officer\", \"duty\", \"supervisor\", \"sync\", "
      "\"auditor\", not "
      "\"oficer\". Did you mean \"officer\"?\n");
}

TEST(Config, AddressesAreChecked) {
  EXPECT_EQ(FaultsOf(std::string(kSmallest) + "[api]\nlisten = \"7443\"\n"),
            "3: api.listen must be a numeric address and a port such as \"127.0.0.1:7443\", not "
            "\"7443\"\n");
  EXPECT_EQ(
      FaultsOf(std::string(kSmallest) +
               "[[peer]]\nunit = \"la-attapeu\"\naddress = \"10.0.0.1:0\"\n"),
      "4: peer.address must be a host and a port such as \"10.20.0.4:7444\", not \"10.0.0.1:0\"\n");
}

TEST(Config, WhatIsNotTomlNamesTheLine) {
  EXPECT_TRUE(FaultsOf("unit = \"vn-quangngai\"\nunit = \n").starts_with("2: not TOML: "));
  EXPECT_EQ(FaultsOf("unit = \"vn-quangngai\"\npeer = 3\n"),
            "2: peer is a table that may stand several times: write [[peer]]\n");
  EXPECT_EQ(FaultsOf("unit = \"vn-quangngai\"\napi = 3\n"), "2: api is a table: write [api]\n");
}

TEST(Config, UnitsMustExistAndStandOnce) {
  Config config = ParseConfig(kSmallest, kPath).config;
  config.peers = {
      {"la-atapeu", "", 4}, {"la-attapeu", "", 6}, {"la-attapeu", "", 8}, {"vn-quangngai", "", 10}};
  const std::vector<ConfigFault> faults = CheckUnits(config);
  ASSERT_EQ(faults.size(), 3U);
  EXPECT_EQ(faults[0].line, 4);
  EXPECT_EQ(faults[0].what,
            "peer.unit: no unit \"la-atapeu\" is known. Did you mean \"la-attapeu\"?");
  EXPECT_EQ(faults[1].what, "peer.unit: \"la-attapeu\" stands twice");
  EXPECT_EQ(faults[2].what, "peer.unit: this unit is not its own peer");
}

TEST(Config, ReferenceParsesBackToTheDefaults) {
  Config config = DefaultConfig();
  config.unit = "vn-quangngai";
  const ParsedConfig parsed = ParseConfig(ConfigText(config), kPath);
  EXPECT_TRUE(parsed.faults.empty()) << (parsed.faults.empty() ? "" : parsed.faults[0].what);
  const Config defaults = ParseConfig(kSmallest, kPath).config;
  EXPECT_EQ(ConfigText(parsed.config), ConfigText(defaults));
}

TEST(Config, ReferenceShowsEveryKeyWithItsBounds) {
  const std::string text = ConfigText(DefaultConfig());
  for (const KeySpec& key : ConfigKeys()) {
    EXPECT_NE(text.find(std::string(key.name) + " = "), text.npos) << FullName(key);
    EXPECT_FALSE(key.help.empty()) << FullName(key);
  }
  EXPECT_NE(text.find("0 to 600 seconds. Default: 10."), text.npos);
  EXPECT_NE(text.find("# unit = \"vn-quangngai\""), text.npos);
}

TEST(Config, PeersAndOfficersSurviveWriting) {
  Config config = DefaultConfig();
  config.unit = "vn-quangngai";
  config.peers = {{"la-attapeu", "10.0.0.1:7444", 0}, {"kh-ratanakiri", "", 0}};
  config.officers = {{"huy", {"officer", "supervisor"}, 0}};
  const ParsedConfig parsed = ParseConfig(ConfigText(config), kPath);
  ASSERT_TRUE(parsed.faults.empty());
  ASSERT_EQ(parsed.config.peers.size(), 2U);
  EXPECT_EQ(parsed.config.peers[0].address, "10.0.0.1:7444");
  EXPECT_EQ(parsed.config.peers[1].address, "");
  ASSERT_EQ(parsed.config.officers.size(), 1U);
  EXPECT_EQ(parsed.config.officers[0].roles, (std::vector<std::string>{"officer", "supervisor"}));
}

TEST(Config, LoadingNamesFileAndLineOfEachFault) {
  const std::string path = testing::TempDir() + "/faulty.toml";
  std::ofstream(path) << "unit = \"vn-quangngia\"\n[log]\nlevle = \"info\"\n";
  const absl::StatusOr<Config> config = LoadConfig(path);
  ASSERT_FALSE(config.ok());
  const contract::Problem problem = contract::ProblemOf(config.status());
  EXPECT_EQ(problem.reason, contract::Reason::kConfigInvalid);
  ASSERT_EQ(problem.faults.size(), 2U);
  EXPECT_EQ(problem.faults[0].field, path + ":3");
  EXPECT_EQ(problem.faults[0].what, "unknown key \"levle\" in [log]. Did you mean \"level\"?");
  EXPECT_EQ(problem.faults[1].what,
            "unit: no unit \"vn-quangngia\" is known. Did you mean \"vn-quangngai\"?");
  EXPECT_EQ(contract::ReasonOf(LoadConfig("/nowhere/tripoint.toml").status()),
            contract::Reason::kNotFound);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace tripoint
