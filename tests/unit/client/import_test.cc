// Goal: real public records become incidents with our codes; repeating adds nothing; bad lines
// never cost good ones.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "client/app.h"
#include "client/errors.h"
#include "client/import_reader.h"
#include "client/json.h"
#include "fake_node.h"

namespace tripoint::client {
namespace {

class Importing : public ::testing::Test {
 protected:
  Importing() : node_(host_) {
    host_.variables["TRIPOINT_ADDRESS"] = "127.0.0.1:7443";
    host_.variables["TRIPOINT_UNIT"] = "vn-quangngai";
    host_.variables["TRIPOINT_CERTIFICATES"] = "/c";
    folder_ = ::testing::TempDir() + "/import_" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::create_directories(folder_);
  }
  ~Importing() override { std::filesystem::remove_all(folder_); }

  std::string File(const std::string& name, const std::string& text) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  int RunImport(std::vector<std::string> words) {
    host_.out.clear();
    host_.err.clear();
    words.insert(words.begin(), "import");
    words.insert(words.begin(), "incident");
    return client::Run(words, host_, node_.Connector());
  }
  const v1::Incident* ByExternalId(const std::string& id) {
    for (const auto& [name, incident] : node_.incidents) {
      if (incident.external_id() == id) return &incident;
    }
    return nullptr;
  }

  FakeHost host_;
  FakeNode node_;
  std::string folder_;
};

constexpr char kGood[] =
    R"({"id": "INC-1", "date": "2026-01-05", "date_precision": "day", "country": "VN", "province": "VN-28", "gate": "G-BOY", "place": "near Bo Y", "lat": 14.7, "lon": 107.5, "geo_precision": "gate", "category": "drugs", "summary": "Police stopped a car. Two men were held.", "lang": "en", "facts": {"persons": [{"role": "suspect", "nationality": "LA", "count": 2}], "goods": [{"type": "heroin", "quantity": 2, "unit": "brick"}, {"type": "moon rock", "quantity": null, "unit": null}], "vehicles": [{"type": "car", "count": 1}]}, "source": {"title": "t", "publisher": "p", "url": "u"}})";

TEST_F(Importing, WholeRealFileIsRecordedAndTwiceAddsNothing) {
  ASSERT_EQ(RunImport({INCIDENTS_FILE}), 0) << host_.err;
  EXPECT_EQ(node_.incidents.size(), 113U);
  EXPECT_NE(host_.out.find("113 added, 0 were there already, 0 refused"), std::string::npos)
      << host_.out;
  const std::vector<std::string> first = node_.sent_request_ids;
  node_.sent_request_ids.clear();
  ASSERT_EQ(RunImport({INCIDENTS_FILE}), 0);
  EXPECT_EQ(node_.incidents.size(), 113U);
  EXPECT_EQ(node_.sent_request_ids, first);
  EXPECT_NE(host_.out.find("0 added, 113 were there already"), std::string::npos) << host_.out;
  EXPECT_EQ(std::set<std::string>(first.begin(), first.end()).size(), 113U);
}

TEST_F(Importing, NodeThatGoesAwayInTheMiddleGetsEveryRecordOnce) {
  std::string text;
  for (int i = 0; i < 1500; ++i) {
    std::string line = kGood;
    line.replace(line.find("INC-1"), 5, "INC-" + std::to_string(i));
    text += line + "\n";
  }
  const absl::Status away =
      contract::Error(absl::StatusCode::kUnavailable, contract::Reason::kNodeUnreachable, "away",
                      "it restarts", "");
  const absl::Status full = contract::Error(absl::StatusCode::kResourceExhausted,
                                            contract::Reason::kQueueFull, "busy", "many write", "");
  // The second batch, the same again, and a later one.
  node_.failures = {absl::OkStatus(), away, full, absl::OkStatus(), absl::OkStatus(), away};
  ASSERT_EQ(RunImport({File("a.jsonl", text)}), 0) << host_.err;
  EXPECT_EQ(node_.incidents.size(), 1500U);
  EXPECT_NE(host_.out.find("1500 added, 0 were there already, 0 refused"), std::string::npos)
      << host_.out;
  EXPECT_GT(node_.most_in_flight, 1U);
  EXPECT_LE(node_.most_in_flight, 4U);
}

TEST_F(Importing, RefusalOfTheNodeEndsTheImportAndSaysWhatWasRecorded) {
  std::string text;
  for (int i = 0; i < 450; ++i) {
    std::string line = kGood;
    line.replace(line.find("INC-1"), 5, "INC-" + std::to_string(i));
    text += line + "\n";
  }
  node_.failures = {absl::OkStatus(),
                    contract::Error(absl::StatusCode::kResourceExhausted,
                                    contract::Reason::kDiskFull, "full", "no room", "make room")};
  EXPECT_NE(RunImport({File("a.jsonl", text)}), 0);
  EXPECT_NE(host_.err.find("200 records were recorded before this"), std::string::npos)
      << host_.err;
}

TEST_F(Importing, RecordBecomesCodesAndUnmappedGoodsKeepTheirWord) {
  ASSERT_EQ(RunImport({File("a.jsonl", kGood)}), 0) << host_.err;
  const v1::Incident* incident = ByExternalId("INC-1");
  ASSERT_NE(incident, nullptr);
  const v1::Facts& facts = incident->facts();
  EXPECT_EQ(facts.category_code(), "DRG-TRF");
  EXPECT_EQ(facts.occur_precision_code(), "day");
  EXPECT_EQ(facts.place().gate(), "G-BOY");
  EXPECT_EQ(facts.title(), "Police stopped a car");
  EXPECT_EQ(facts.persons(0).role_code(), "suspect");
  ASSERT_EQ(facts.goods_size(), 2);
  EXPECT_EQ(facts.goods(0).type_code(), "heroin");
  EXPECT_EQ(facts.goods(0).unit_code(), "H87");
  EXPECT_EQ(facts.goods(0).description(), "heroin (brick)");
  EXPECT_EQ(facts.goods(1).type_code(), "other");
  EXPECT_EQ(facts.goods(1).description(), "moon rock");
  EXPECT_EQ(incident->source().publisher(), "p");
}

TEST_F(Importing, BadLinesAreNamedAndGoodOnesKept) {
  const std::string path =
      File("a.jsonl", std::string(kGood) + "\nnot json\n\n{\"id\":\"INC-2\",\"date\":\"soon\"}\n" +
                          std::string(300'000, 'x') + "\n{\"date\":\"2026\"}\n");
  EXPECT_EQ(RunImport({path}), kExitPartly);
  EXPECT_EQ(node_.incidents.size(), 1U);
  for (const char* line : {"line 2:", "line 4:", "line 5:", "line 6:"}) {
    EXPECT_NE(host_.err.find(line), std::string::npos) << line << host_.err;
  }
  EXPECT_NE(host_.out.find("1 added, 0 were there already, 4 refused"), std::string::npos)
      << host_.out;
}

TEST_F(Importing, RecordThatSaysNothingIsRefusedByNumber) {
  std::string silent = kGood;
  const std::string summary = R"("summary": "Police stopped a car. Two men were held.")";
  const std::size_t at = silent.find(summary);
  ASSERT_NE(at, std::string::npos);
  std::string blank = silent;
  silent.erase(at, summary.size() + 2);
  blank.replace(at, summary.size(), R"("summary": "   ")");
  EXPECT_EQ(RunImport({File("a.jsonl", silent + "\n" + blank + "\n" + kGood)}), kExitPartly);
  EXPECT_EQ(node_.incidents.size(), 1U);
  EXPECT_NE(host_.err.find("line 1: title is missing"), std::string::npos) << host_.err;
  EXPECT_NE(host_.err.find("line 2: title has only spaces"), std::string::npos) << host_.err;
}

TEST_F(Importing, NearestThatFitsNothingSaysWhyAndWhatToDo) {
  EXPECT_EQ(RunImport({File("a.jsonl", kGood), "--nearest-to-unit", "--among", "la-attapeu"}), 0);
  EXPECT_TRUE(node_.incidents.empty());
  EXPECT_NE(host_.err.find("no record belongs to vn-quangngai"), std::string::npos) << host_.err;
  EXPECT_NE(host_.err.find("--among vn-quangngai"), std::string::npos) << host_.err;
}

TEST_F(Importing, AllOrNothingRecordsNothing) {
  EXPECT_EQ(RunImport({File("a.jsonl", std::string(kGood) + "\nnot json\n"), "--all-or-nothing"}),
            kExitUsage);
  EXPECT_TRUE(node_.incidents.empty());
  EXPECT_EQ(node_.methods.size(), 0U);
}

TEST_F(Importing, DryRunAsksNothingOfTheNode) {
  EXPECT_EQ(RunImport({INCIDENTS_FILE, "--dry-run"}), 0);
  EXPECT_TRUE(node_.methods.empty());
  EXPECT_NE(host_.out.find("Would import 113 of 113"), std::string::npos) << host_.out;
}

TEST_F(Importing, FiltersKeepWhatWasAskedFor) {
  ASSERT_EQ(RunImport({INCIDENTS_FILE, "--filter", "province=LA-AT"}), 0);
  EXPECT_EQ(node_.incidents.size(), 3U);
  EXPECT_EQ(RunImport({INCIDENTS_FILE, "--filter", "provnice=LA-AT"}), kExitUsage);
  EXPECT_NE(host_.err.find("province"), std::string::npos);
}

TEST_F(Importing, NearestUnitFollowsProvinceThroughTheMergerAndThenTheMap) {
  // VN-28 was Kon Tum; its area is vn-quangngai's since 2025-07-01.
  ASSERT_EQ(RunImport({File("a.jsonl", kGood), "--nearest-to-unit"}), 0);
  EXPECT_EQ(node_.incidents.size(), 1U);
  std::size_t total = 0;
  for (const char* unit : {"vn-quangngai", "la-attapeu", "kh-ratanakiri"}) {
    host_.variables["TRIPOINT_UNIT"] = unit;
    ASSERT_EQ(RunImport({INCIDENTS_FILE, "--nearest-to-unit", "--among",
                         "vn-quangngai,la-attapeu,kh-ratanakiri", "--dry-run", "-o", "json"}),
              0);
    const std::size_t at = host_.out.find("\"good\":");
    ASSERT_NE(at, std::string::npos);
    total += std::stoul(host_.out.substr(at + 7));
  }
  EXPECT_EQ(total, 113U);
}

TEST_F(Importing, CsvWithMappingIsRead) {
  const std::string path = File("log.csv",
                                "\xEF\xBB\xBF"
                                "No,Date,Type,Where,What\r\n"
                                "1,2026-11-20,smuggling,Bo Y,\"14 sacks, fireworks\"\r\n"
                                "2,2026-11-21,smugling,Bo Y,x\r\n"
                                "3,21/11/2026 04:10,flood,km 52,water\r\n");
  EXPECT_EQ(RunImport({path, "--map", "id=No", "--map", "when=Date", "--map", "kind=Type", "--map",
                       "locality=Where", "--map", "title=What"}),
            kExitPartly);
  EXPECT_NE(host_.err.find("line 3: kind \"smugling\""), std::string::npos) << host_.err;
  ASSERT_NE(ByExternalId("1"), nullptr);
  EXPECT_EQ(ByExternalId("1")->facts().title(), "14 sacks, fireworks");
  ASSERT_NE(ByExternalId("3"), nullptr) << host_.err;
  EXPECT_EQ(ByExternalId("3")->facts().category_code(), "SAF-FLD");
  EXPECT_EQ(RunImport({path, "--map", "when=Dat"}), kExitUsage);
  EXPECT_NE(host_.err.find("Did you mean Date?"), std::string::npos) << host_.err;
  // Without a mapping the columns are taken by their names: `Type` says nothing.
  EXPECT_EQ(RunImport({path}), kExitUsage);
  EXPECT_NE(host_.err.find("which column is kind?"), std::string::npos) << host_.err;
}

TEST_F(Importing, OwnExportComesBackWhole) {
  ASSERT_EQ(RunImport({INCIDENTS_FILE}), 0);
  host_.out.clear();
  ASSERT_EQ(client::Run({"incident", "list", "-o", "jsonl"}, host_, node_.Connector()), 0);
  const std::string path = File("export.jsonl", host_.out);
  // Into the node that wrote it: nothing new.
  ASSERT_EQ(RunImport({path}), 0) << host_.err;
  EXPECT_EQ(node_.incidents.size(), 113U);
  // Into another one: all of it, with the same facts.
  FakeNode other(host_);
  host_.variables["TRIPOINT_UNIT"] = "la-attapeu";
  host_.out.clear();
  ASSERT_EQ(client::Run({"incident", "import", path}, host_, other.Connector()), 0) << host_.err;
  EXPECT_EQ(other.incidents.size(), 113U);
  std::multiset<std::string> before, after;
  for (const auto& [name, incident] : node_.incidents)
    before.insert(incident.external_id() + ToJson(incident.facts(), false));
  for (const auto& [name, incident] : other.incidents)
    after.insert(incident.external_id() + ToJson(incident.facts(), false));
  EXPECT_EQ(before, after);
}

TEST_F(Importing, MissingFileIsAnError) {
  EXPECT_EQ(RunImport({folder_ + "/none.jsonl"}), kExitUsage);
}

TEST_F(Importing, FilesThatAreNoTextOrEmptySaySo) {
  const std::string noise("PK\x03\x04\x00\xff\xfe noise\n\x00\n", 16);
  for (const char* name : {"photo.jsonl", "table.csv"}) {
    EXPECT_EQ(RunImport({File(name, noise)}), kExitUsage);
    EXPECT_NE(host_.err.find("is no text; nothing was recorded"), std::string::npos) << host_.err;
  }
  // Another encoding: the words stay UTF-8, whatever the file holds.
  EXPECT_EQ(RunImport({File("latin.csv", "Ng\xe0y,Lo\xe1i\n1,2\n")}), kExitUsage);
  EXPECT_NE(host_.err.find("which column is when?"), std::string::npos) << host_.err;
  EXPECT_EQ(RunImport({File("empty.jsonl", "")}), kExitDone);
  EXPECT_NE(host_.err.find("holds no record"), std::string::npos) << host_.err;
  EXPECT_EQ(RunImport({File("empty.csv", "")}), kExitUsage);
  EXPECT_TRUE(node_.incidents.empty());
}

}  // namespace
}  // namespace tripoint::client
