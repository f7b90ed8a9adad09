// Goal: every output mode says the same, aligned, and cannot be used against the reader.
#include <gtest/gtest.h>

#include <sstream>

#include "client/csv.h"
#include "client/errors.h"
#include "client/json.h"
#include "client/render.h"
#include "client/text.h"
#include "fake_host.h"
#include "tripoint/v1/codes.pb.h"

namespace tripoint::client {
namespace {

const std::vector<Column> kColumns = {
    {"native", "NAME", true, true}, {"ref", "REF"}, {"more", "MORE", false}};

v1::Code Record(const std::string& code) {
  v1::Code record;
  record.set_code(code);
  return record;
}

// Prints two rows, one with Khmer, in `options`.
std::string Printed(FakeHost& host, const PrinterOptions& options) {
  Printer printer(host, options);
  EXPECT_TRUE(printer.BeginList(kColumns, "none").ok());
  printer.Add({"A-1", {"ខេត្តរតនគិរី", "A-1", "x"}}, Record("A-1"));
  printer.Add({"LONG-2", {"Bờ Y", "LONG-2", "=1+1"}}, Record("LONG-2"));
  printer.EndList();
  return host.out;
}

TEST(Printer, NativeTextIsTheLastColumn) {
  FakeHost host;
  EXPECT_EQ(Printed(host, {}), "REF     NAME\nA-1     ខេត្តរតនគិរី\nLONG-2  Bờ Y\n");
}

TEST(Printer, EveryModeHasTheSameRecords) {
  FakeHost wide, json, jsonl, csv, id;
  EXPECT_EQ(Printed(wide, {.format = Format::kWide, .columns = {}}),
            "REF     MORE  NAME\nA-1     x     ខេត្តរតនគិរី\nLONG-2  =1+1  Bờ Y\n");
  EXPECT_EQ(Printed(id, {.format = Format::kId, .columns = {}}), "A-1\nLONG-2\n");
  EXPECT_EQ(Printed(csv, {.format = Format::kCsv, .columns = {}}),
            "\xEF\xBB\xBFnative,ref,more\r\nខេត្តរតនគិរី,A-1,x\r\nBờ Y,LONG-2,'=1+1\r\n");
  const std::string lines = Printed(jsonl, {.format = Format::kJsonLines, .columns = {}});
  EXPECT_EQ(lines, R"({"code":"A-1","group":"","label":"","translated":false})"
                   "\n"
                   R"({"code":"LONG-2","group":"","label":"","translated":false})"
                   "\n");
  const std::string array = Printed(json, {.format = Format::kJson, .columns = {}});
  EXPECT_EQ(array, "[\n" + lines.substr(0, lines.find('\n')) + ",\n" +
                       lines.substr(lines.find('\n') + 1) + "]\n");
}

TEST(Printer, EmptyListIsValidInEveryMode) {
  for (const auto& [format, expected] :
       std::vector<std::pair<Format, std::string>>{{Format::kTable, ""},
                                                   {Format::kJson, "[]\n"},
                                                   {Format::kJsonLines, ""},
                                                   {Format::kId, ""}}) {
    FakeHost host;
    Printer printer(host, {.format = format, .columns = {}});
    ASSERT_TRUE(printer.BeginList(kColumns, "nothing here").ok());
    printer.EndList();
    EXPECT_EQ(host.out, expected);
  }
}

TEST(Printer, UnknownColumnIsRefusedWithTheNearest) {
  FakeHost host;
  Printer printer(host, {.columns = {"mroe"}});
  const absl::Status status = printer.BeginList(kColumns, "");
  EXPECT_EQ(ExitCodeOf(status), kExitUsage);
  EXPECT_NE(status.message().find("Did you mean more?"), std::string::npos) << status;
}

TEST(Printer, ErrorIsAnObjectOnStandardOutputInJson) {
  FakeHost host;
  Printer printer(host, {.format = Format::kJson, .columns = {}});
  printer.Refusal(contract::Error(absl::StatusCode::kInvalidArgument,
                                  contract::Reason::kUnitUnknown, "no unit \"x\"", "why", "next"));
  EXPECT_EQ(host.out,
            "{\"error\":{\"code\":\"unit_unknown\",\"what\":\"no unit "
            "\\\"x\\\"\",\"why\":\"why\",\"next\":\"next\",\"exit\":2}}\n");
  EXPECT_EQ(host.err, "");
}

TEST(Printer, ErrorBeforeTheFirstRowOfAListIsTheOnlyObject) {
  // Goal: a list that is refused at once is one JSON object, not the beginning of an array too.
  FakeHost host;
  Printer printer(host, {.format = Format::kJson, .columns = {}});
  ASSERT_TRUE(printer.BeginList(kColumns, "nothing here").ok());
  printer.Refusal(contract::Error(absl::StatusCode::kUnavailable,
                                  contract::Reason::kNodeUnreachable, "away", "why", "next"));
  EXPECT_EQ(host.out.rfind("{\"error\":", 0), 0U) << host.out;
}

TEST(Printer, ErrorIsTextOnStandardErrorElsewhere) {
  FakeHost host;
  Printer printer(host, {});
  Faults faults;
  faults.Add("--when", "is not a time");
  faults.Add("--kind", "is unknown");
  printer.Refusal(faults.ToStatus("nothing was recorded"));
  EXPECT_EQ(host.out, "");
  EXPECT_EQ(host.err,
            "error: 2 values need fixing; nothing was recorded\n  --when   is not a time\n  --kind "
            "  is unknown\n");
}

TEST(Printer, ControlCharactersOfOthersStayOutOfTheTerminal) {
  FakeHost host;
  Printer printer(host, {});
  ASSERT_TRUE(printer.BeginList({{"a", "A"}}, "").ok());
  printer.Add({"1", {"\x1b[31mred"}}, Record("1"));
  printer.EndList();
  EXPECT_EQ(host.out.find('\x1b'), std::string::npos);
}

TEST(Exit, EveryReasonKeepsItsMeaning) {
  const auto exit = [](absl::StatusCode code, contract::Reason reason) {
    return ExitCodeOf(contract::Error(code, reason, "x", "", ""));
  };
  EXPECT_EQ(exit(absl::StatusCode::kInvalidArgument, contract::Reason::kUsage), 2);
  EXPECT_EQ(exit(absl::StatusCode::kNotFound, contract::Reason::kNotFound), 3);
  EXPECT_EQ(exit(absl::StatusCode::kPermissionDenied, contract::Reason::kRoleMissing), 4);
  EXPECT_EQ(exit(absl::StatusCode::kUnavailable, contract::Reason::kNodeUnreachable), 5);
  EXPECT_EQ(exit(absl::StatusCode::kAborted, contract::Reason::kStaleEtag), 6);
  EXPECT_EQ(exit(absl::StatusCode::kAlreadyExists, contract::Reason::kAlreadyAcknowledged), 6);
  EXPECT_EQ(exit(absl::StatusCode::kDeadlineExceeded, contract::Reason::kAckTimeOver), 7);
  EXPECT_EQ(exit(absl::StatusCode::kDataLoss, contract::Reason::kCorrupt), 9);
  EXPECT_EQ(exit(absl::StatusCode::kCancelled, contract::Reason::kInterrupted), 130);
  // A refusal never looks like success, not even with a reason whose row says 0.
  EXPECT_NE(exit(absl::StatusCode::kAborted, contract::Reason::kLinkDuplicate), 0);
  for (const auto code : {absl::StatusCode::kInternal, absl::StatusCode::kUnknown,
                          absl::StatusCode::kUnimplemented}) {
    EXPECT_EQ(ExitCodeOf(absl::Status(code, "x")), 1);
  }
}

TEST(Csv, FormulasAreGuardedAndComeBackWhole) {
  for (const std::string& cell :
       std::vector<std::string>{"=cmd", "+1", "-1", "@x", "\tx", "plain", "a,b", "say \"x\"",
                                "two\nlines", "រតនគិរី", ""}) {
    const std::string line = CsvLine({cell, "end"});
    EXPECT_EQ(std::string("=+-@\t").find(line[0]), std::string::npos) << line;
    std::istringstream in(line);
    CsvReader reader(in, 1000);
    std::vector<std::string> cells;
    ASSERT_TRUE(reader.Next(cells).value());
    ASSERT_EQ(cells.size(), 2U);
    EXPECT_EQ(cells[0], cell);
    EXPECT_FALSE(reader.Next(cells).value());
  }
}

TEST(Csv, BadRecordsAreRefusedByLineAndReadingGoesOn) {
  std::istringstream in("a,b\n" + std::string(2000, 'x') + "\nc,d\n\"open,e\n");
  CsvReader reader(in, 1000);
  std::vector<std::string> cells;
  EXPECT_TRUE(reader.Next(cells).value());
  EXPECT_FALSE(reader.Next(cells).ok());
  EXPECT_EQ(reader.line(), 2);
  EXPECT_TRUE(reader.Next(cells).value());
  EXPECT_EQ(cells[0], "c");
  EXPECT_FALSE(reader.Next(cells).ok());
  EXPECT_EQ(reader.line(), 4);
  EXPECT_FALSE(reader.Next(cells).value());
}

}  // namespace
}  // namespace tripoint::client
