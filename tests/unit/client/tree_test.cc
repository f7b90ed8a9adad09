// Goal: the command tree is whole: every command has examples that parse, every flag acts
// everywhere, mistakes are named.
#include <gtest/gtest.h>

#include <sstream>

#include "client/app.h"
#include "client/cli11.h"
#include "client/errors.h"
#include "client/text.h"
#include "fake_node.h"

namespace tripoint::client {
namespace {

struct Outcome {
  int exit;
  std::string out, err;
};

void Configure(FakeHost& host) {
  host.variables["TRIPOINT_ADDRESS"] = "127.0.0.1:7443";
  host.variables["TRIPOINT_UNIT"] = "vn-quangngai";
  host.variables["TRIPOINT_CERTIFICATES"] = "/c";
}

Outcome RunWords(const std::vector<std::string>& words,
                 const std::function<void(FakeHost&, FakeNode&)>& prepare = nullptr) {
  FakeHost host;
  Configure(host);
  FakeNode node(host);
  if (prepare) prepare(host, node);
  const int exit = client::Run(words, host, node.Connector());
  return {exit, host.out, host.err};
}

// Words for the positional arguments of a command, so that it parses.
std::vector<std::string> WordsOf(const Command& command) {
  std::vector<std::string> words = Split(CommandTree::PathOf(command.app), ' ');
  for (const CLI::Option* option : command.app->get_options()) {
    if (!option->get_positional() || !option->get_required()) continue;
    const std::string name = option->get_name(true);
    words.push_back(name == "UNIT"    ? "la-attapeu"
                    : name == "SHELL" ? "bash"
                    : name == "FILE"  ? "/nonexistent.jsonl"
                                      : "0001-X");
  }
  return words;
}

TEST(Tree, EveryGlobalFlagIsTakenByEveryCommand) {
  const std::vector<std::vector<std::string>> flags = {{"--node", "nope"},
                                                       {"-o", "json"},
                                                       {"--columns", "ref"},
                                                       {"--lang", "lo"},
                                                       {"--time", "utc"},
                                                       {"--timeout", "3s"},
                                                       {"--dry-run"},
                                                       {"--yes"},
                                                       {"-q"},
                                                       {"-v"},
                                                       {"--no-color"},
                                                       {"--accessible"},
                                                       {"--no-input"}};
  const auto tree = MakeCommandTree();
  for (const auto& command : tree->commands()) {
    if (!command->run || command->app->get_group().empty()) continue;
    for (const auto& flag : flags) {
      std::vector<std::string> behind = WordsOf(*command);
      std::vector<std::string> before = flag;
      before.insert(before.end(), behind.begin(), behind.end());
      behind.insert(behind.end(), flag.begin(), flag.end());
      const Outcome a = RunWords(behind);
      const Outcome b = RunWords(before);
      EXPECT_EQ(a.exit, b.exit) << Join(behind, " ");
      EXPECT_EQ(a.out, b.out) << Join(behind, " ");
      EXPECT_EQ((a.out + a.err).find("is no flag of"), std::string::npos)
          << Join(behind, " ") << a.err;
    }
  }
}

TEST(Tree, WrongValuesOfGlobalFlagsAreRefusedByEveryCommand) {
  const auto tree = MakeCommandTree();
  for (const auto& command : tree->commands()) {
    if (!command->run || command->app->get_group().empty()) continue;
    for (const std::vector<std::string>& flag : std::vector<std::vector<std::string>>{
             {"-o", "jsno"}, {"--lang", "fr"}, {"--time", "mars"}, {"--timeout", "soon"}}) {
      std::vector<std::string> words = WordsOf(*command);
      words.insert(words.end(), flag.begin(), flag.end());
      EXPECT_EQ(RunWords(words).exit, kExitUsage) << Join(words, " ");
    }
  }
}

TEST(Tree, JsonErrorsAreOneObjectForEveryCommandThatNeedsANode) {
  const auto tree = MakeCommandTree();
  for (const auto& command : tree->commands()) {
    if (!command->run || command->offline || CommandTree::PathOf(command->app).starts_with("node "))
      continue;
    std::vector<std::string> words = WordsOf(*command);
    for (const char* more : {"-o", "json", "--yes", "--node", "nope"}) words.emplace_back(more);
    const Outcome outcome = RunWords(words);
    EXPECT_NE(outcome.exit, 0) << Join(words, " ");
    EXPECT_TRUE(outcome.out.starts_with("{\"error\":{\"code\":\""))
        << Join(words, " ") << outcome.out;
    EXPECT_TRUE(outcome.out.ends_with(",\"exit\":" + std::to_string(outcome.exit) + "}}\n"))
        << outcome.out;
  }
}

TEST(Tree, WatchWorksOnListsAndIsRefusedElsewhere) {
  const auto tree = MakeCommandTree();
  int lists = 0;
  int fixed_lists = 0;
  for (const auto& command : tree->commands()) {
    if (!command->run || command->app->get_group().empty()) continue;
    std::vector<std::string> words = WordsOf(*command);
    words.emplace_back("--watch");
    const Outcome outcome = RunWords(words);
    lists += command->list ? 1 : 0;
    EXPECT_EQ(outcome.err.find("--watch works on lists") == std::string::npos,
              command->list || !command->fixed_because.empty())
        << Join(words, " ");
    // The refusal says why nothing changes, and what can be followed instead.
    const bool fixed = !command->fixed_because.empty();
    EXPECT_EQ(outcome.err.find("does not change while it is shown") != std::string::npos, fixed)
        << Join(words, " ");
    EXPECT_EQ(fixed, outcome.err.find("tripoint peer list --watch") != std::string::npos &&
                         outcome.err.find(command->fixed_because) != std::string::npos)
        << outcome.err;
    EXPECT_EQ(outcome.exit == kExitUsage, !command->list) << Join(words, " ");
    fixed_lists += fixed ? 1 : 0;
  }
  EXPECT_EQ(fixed_lists, 6);
  EXPECT_GE(lists, 7);
}

TEST(Tree, EveryCommandHasExamplesThatParse) {
  const auto tree = MakeCommandTree();
  for (const auto& command : tree->commands()) {
    if (!command->run || command->app->get_group().empty()) continue;
    EXPECT_FALSE(command->examples.empty()) << CommandTree::PathOf(command->app);
    EXPECT_FALSE(command->app->get_description().empty());
    for (std::string example : command->examples) {
      EXPECT_TRUE(example.starts_with(CommandTree::PathOf(command->app))) << example;
      example = example.substr(0, example.find_first_of("|>"));
      std::vector<std::string> words;
      std::string word;
      bool quoted = false, any = false;
      for (const char c : example + " ") {
        if (c == '"') {
          quoted = !quoted;
          any = true;
        } else if (c == ' ' && !quoted) {
          if (any || !word.empty()) words.push_back(word);
          word.clear();
          any = false;
        } else {
          word += c;
        }
      }
      const auto fresh = MakeCommandTree();
      EXPECT_NO_THROW(fresh->root().parse(std::vector<std::string>(words.rbegin(), words.rend())))
          << example;
    }
  }
}

TEST(Tree, MistypedCommandNamesTheRightOne) {
  const Outcome outcome = RunWords({"notcie", "share", "0093-T"});
  EXPECT_EQ(outcome.exit, kExitUsage);
  EXPECT_NE(outcome.err.find("no command \"notcie\". Did you mean: tripoint notice share"),
            std::string::npos)
      << outcome.err;
  EXPECT_NE(RunWords({"incident", "shwo", "1"}).err.find("Did you mean: tripoint incident show"),
            std::string::npos);
}

TEST(Tree, MistypedFlagNamesTheRightOne) {
  const Outcome outcome =
      RunWords({"notice", "share", "0093-T", "--too", "la-attapeu", "--dryrun"});
  EXPECT_EQ(outcome.exit, kExitUsage);
  EXPECT_NE(outcome.err.find("Did you mean --to"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("--dry-run"), std::string::npos) << outcome.err;
}

TEST(Tree, ArgumentsThatAreNamedLikeCommandsStayArguments) {
  EXPECT_EQ(RunWords({"codes", "units"}).exit, 0);
  EXPECT_EQ(RunWords({"help", "notice", "share"}).exit, 0);
  EXPECT_NE(RunWords({"help", "notice", "share"}).out.find("--ask-ack"), std::string::npos);
  EXPECT_EQ(RunWords({"help", "exit-codes"}).exit, 0);
  EXPECT_EQ(RunWords({"help", "exitcodes"}).exit, kExitUsage);
}

TEST(Completion, WordsOfTreeCodesAndNode) {
  EXPECT_EQ(RunWords({"__complete", "notice", "sh"}).out, "share\nshow\n");
  EXPECT_EQ(RunWords({"__complete", "incident", "list", "--sta"}).out, "--state\n");
  EXPECT_EQ(RunWords({"__complete", "-o", "j"}).out, "json\njsonl\n");
  EXPECT_EQ(RunWords({"__complete", "notice", "share", "0093", "--to", "kh-kampot,la-att"}).out,
            "kh-kampot,la-attapeu\n");
  const Outcome outcome = RunWords({"__complete", "incident", "show", ""},
                                   [](FakeHost&, FakeNode& node) { node.AddIncident("pickup"); });
  EXPECT_TRUE(outcome.out.starts_with("I-QNG-26-0001-")) << outcome.out;
}

TEST(Completion, ScriptsAreGivenForThreeShells) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    EXPECT_NE(RunWords({"completion", shell}).out.find("__complete"), std::string::npos) << shell;
  }
  EXPECT_EQ(RunWords({"completion", "bsah"}).exit, kExitUsage);
}

TEST(Caller, UnavailableIsRepeatedWithTheSameRequestId) {
  FakeHost host;
  Configure(host);
  FakeNode node(host);
  const absl::Status away = contract::Error(absl::StatusCode::kUnavailable,
                                            contract::Reason::kOutcomeUnknown, "away", "", "");
  node.failures = {away, away, absl::OkStatus()};
  EXPECT_EQ(
      client::Run({"incident", "new", "--kind", "flood", "--locality", "km 52", "--title", "x"},
                  host, node.Connector()),
      0);
  EXPECT_EQ(node.methods.size(), 3U);
  EXPECT_EQ(node.incidents.size(), 1U);
}

TEST(Caller, MoreThanANodeTakesIsRefusedBeforeItIsSent) {
  FakeHost host;
  Configure(host);
  FakeNode node(host);
  Printer printer(host, {});
  NodeEntry entry;
  entry.name = entry.unit = "vn-quangngai";
  const auto session = node.Connector()(entry, host);
  ASSERT_TRUE(session.ok());
  Caller caller(host, **session, printer, entry, 1000);
  v1::CreateIncidentRequest request;
  request.mutable_incident()->mutable_facts()->set_title(std::string((4 << 20) + 1, 'x'));
  const auto answer = caller.Call<v1::Incident>("IncidentService/CreateIncident", request);
  EXPECT_EQ(contract::ReasonOf(answer.status()), contract::Reason::kTooLarge);
  EXPECT_EQ(ExitCodeOf(answer.status()), kExitUsage);
  EXPECT_FALSE(contract::ProblemOf(answer.status()).next.empty());
  EXPECT_TRUE(node.methods.empty());
}

TEST(Tree, HelpOfEveryCommandSaysItsExitCodes) {
  const auto tree = MakeCommandTree();
  for (const auto& command : tree->commands()) {
    if (!command->run || command->app->get_group().empty()) continue;
    const std::string text = tree->HelpText(command->app, true);
    EXPECT_NE(text.find("Exit codes: 0 done, "), std::string::npos) << text;
    EXPECT_NE(text.find("Examples:"), std::string::npos) << text;
  }
  EXPECT_NE(RunWords({"flash", "ack", "--help"}).out.find("6 a colleague"), std::string::npos);
}

TEST(Caller, NodeThatNeverAnswersIsGivenUpWithExitFive) {
  FakeHost host;
  Configure(host);
  FakeNode node(host);
  const absl::Status away = contract::Error(absl::StatusCode::kUnavailable,
                                            contract::Reason::kNodeUnreachable, "away", "off", "");
  node.failures.assign(1000, away);
  EXPECT_EQ(client::Run({"status"}, host, node.Connector()), kExitUnreachable);
  // First contact: at most two seconds, whatever --timeout says.
  EXPECT_LE(host.now_ms - kTestNowMs, 2000);
}

}  // namespace
}  // namespace tripoint::client
