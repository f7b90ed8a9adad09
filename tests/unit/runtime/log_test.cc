// Goal: a line of the log is one line, machine readable, bounded in number, and cannot carry a
// run-time string.
#include "server/runtime/log.h"

#include <grpc/support/log.h>
#include <gtest/gtest.h>

#include <string>
#include <type_traits>
#include <vector>

#include "proto/contract/error.h"
#include "server/runtime/grpc_log.h"
#include "server/runtime/library_log.h"

namespace tripoint::runtime {
namespace {

class FixedClock final : public Clock {
 public:
  std::int64_t wall_ms() const override { return 1'795'305'600'007; }
  std::int64_t monotonic_ms() const override { return monotonic; }
  std::int64_t monotonic = 0;
};

// What is known only at run time is no name and no value: personal data has no way in.
static_assert(!std::is_constructible_v<Field, Literal, std::string>);
static_assert(!std::is_constructible_v<Field, Literal, std::string_view>);
static_assert(!std::is_constructible_v<Field, Literal, const char*>);
static_assert(!std::is_constructible_v<Literal, std::string>);
static_assert(!std::is_constructible_v<Literal, const char*>);

TEST(GrpcLog, FailedHandshakeIsAWarningWithWhyAndWithoutTheStrangersWords) {
  FixedClock clock;
  std::vector<std::string> lines;
  Log log(clock, Level::kInfo, [&lines](std::string_view line) { lines.emplace_back(line); });
  gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);  // as gRPC sets it when it begins
  const GrpcLog grpc_log(log);
  const char* const failed = "Handshake failed with fatal error SSL_ERROR_SSL: error:0A: %s.";
  gpr_log(GPR_ERROR, failed, "SSL routines::peer did not return a certificate");
  gpr_log(GPR_ERROR, failed, "SSL routines::unsupported protocol");
  gpr_log(GPR_ERROR, failed, "whatever a stranger sent");
  gpr_log(GPR_ERROR, "Some other complaint");
  ASSERT_EQ(lines.size(), 3U);
  for (const std::string& line : lines) {
    EXPECT_NE(line.find(R"("level":"warning","event":"handshake.refused")"), std::string::npos);
    EXPECT_EQ(line.find("stranger"), std::string::npos);
  }
  EXPECT_NE(lines[0].find(R"("why":"no_certificate")"), std::string::npos);
  EXPECT_NE(lines[1].find(R"("why":"tls_version")"), std::string::npos);
  EXPECT_NE(lines[2].find(R"("why":"not_understood")"), std::string::npos);
}

TEST(LibraryLog, WordsWithoutValuesAndNotTooMany) {
  FixedClock clock;
  std::vector<std::string> lines;
  Log log(clock, Level::kInfo, [&lines](std::string_view line) { lines.emplace_back(line); });
  LibraryLog library("store.engine", clock, log);
  const std::string format = "[%s:17] Stalling writes, %d tables\n" + std::string(5000, 'x');
  for (int i = 0; i < 1000; ++i) library.Take(format);
  ASSERT_EQ(lines.size(), 10U);
  EXPECT_NE(lines[0].find(R"("level":"warning","event":"store.engine","words":"[%s:17] Stalling)"),
            std::string::npos)
      << lines[0];
  EXPECT_EQ(lines[0].find('\n'), std::string::npos);
  EXPECT_LT(lines[0].size(), 400U);
  clock.monotonic += 60'000;
  library.Take("one more");
  ASSERT_EQ(lines.size(), 11U);
  EXPECT_NE(lines[10].find(R"("left_out":990)"), std::string::npos) << lines[10];
}

TEST(Log, LineIsJsonWithTypedFields) {
  FixedClock clock;
  std::vector<std::string> lines;
  Log log(clock, Level::kInfo, [&lines](std::string_view line) { lines.emplace_back(line); });
  log.Info("peer.up", {Field::Unit("unit", "la-attapeu"),
                       {"queued", 12},
                       {"dialled", true},
                       {"reason", contract::Reason::kLinkSilent},
                       Field::Address("peer", "ipv4:10.0.0.1:7444"),
                       Field::Hex("epoch", "00ff")});
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(
      lines[0],
      R"({"time":"2026-11-22T00:00:00.007Z","level":"info","event":"peer.up","unit":"la-attapeu","queued":12,)"
      R"("dialled":true,"reason":"LINK_SILENT","peer":"ipv4:10.0.0.1:7444","epoch":"00ff"})");
}

TEST(Log, ValuesOfAnotherFormAreNotWritten) {
  FixedClock clock;
  std::string all;
  Log log(clock, Level::kDebug, [&all](std::string_view line) { all += line; });
  log.Debug("probe",
            {Field::Unit("unit", "Nguyen Van A"), Field::Address("peer", "so ho chieu B123"),
             Field::Hex("id", "0912 345 678")});
  EXPECT_NE(all.find("(malformed)"), all.npos);
  for (const char* secret : {"Nguyen", "B123", "0912"})
    EXPECT_EQ(all.find(secret), all.npos) << secret;
}

TEST(Log, StatusGivesItsReasonAndNotItsText) {
  FixedClock clock;
  std::string all;
  Log log(clock, Level::kInfo, [&all](std::string_view line) { all += line; });
  log.Warning("call.refused",
              {{"status",
                contract::Error(absl::StatusCode::kInvalidArgument, contract::Reason::kUnitUnknown,
                                "no unit \"Sok Dara\"", "Sok Dara", "Sok Dara")}});
  EXPECT_NE(all.find(R"("status":"INVALID_ARGUMENT/UNIT_UNKNOWN")"), all.npos) << all;
  EXPECT_EQ(all.find("Dara"), all.npos);
}

TEST(Log, OwnFaultStaysOneShortLine) {
  FixedClock clock;
  std::string all;
  Log log(clock, Level::kInfo, [&all](std::string_view line) { all += line; });
  log.Error("config", {Field::OwnFault(
                          "fault", contract::Error(absl::StatusCode::kInvalidArgument,
                                                   contract::Reason::kConfigInvalid,
                                                   "a\n\"b\"" + std::string(5000, 'x'), "", ""))});
  EXPECT_EQ(all.find('\n'), all.npos);
  EXPECT_NE(all.find(R"(a\u000a\"b\"x)"), all.npos);
  EXPECT_LT(all.size(), 500U);
}

TEST(Log, LevelsBelowTheLowestAreDropped) {
  FixedClock clock;
  int count = 0;
  Log log(clock, Level::kWarning, [&count](std::string_view) { ++count; });
  log.Debug("a");
  log.Info("b");
  log.Warning("c");
  log.Error("d");
  EXPECT_EQ(count, 2);
  EXPECT_EQ(LevelFromText("error"), Level::kError);
  EXPECT_EQ(LevelFromText("nonsense"), Level::kInfo);
}

TEST(Log, FloodIsCutAndCountedAndErrorsPass) {
  FixedClock clock;
  std::vector<std::string> lines;
  Log log(clock, Level::kInfo, [&lines](std::string_view line) { lines.emplace_back(line); });
  for (int i = 0; i < Log::kLinesPerSecond + 50; ++i) log.Info("flood");
  EXPECT_EQ(lines.size(), static_cast<std::size_t>(Log::kLinesPerSecond));
  log.Error("serious");
  EXPECT_NE(lines.back().find("serious"), std::string::npos);
  EXPECT_NE(lines.back().find("\"dropped\":50"), std::string::npos);
  clock.monotonic = 1000;
  log.Info("again");
  EXPECT_NE(lines.back().find("again"), std::string::npos);
}

}  // namespace
}  // namespace tripoint::runtime
