// The command tree and the one way through it: read words, make the context, run, print the
// refusal, give the exit code.
#include "client/app.h"

#include <algorithm>
#include <utility>

#include "client/cli11.h"
#include "client/errors.h"
#include "client/text.h"
#include "proto/contract/nearest.h"

namespace tripoint::client {
namespace {

constexpr std::size_t kWordsMax = 4096;

void AddGlobals(CLI::App& root, Globals& globals) {
  const std::string group = "Everywhere";
  root.add_option("--node", globals.node, "node to talk to (tripoint node list)")
      ->type_name("NAME")
      ->group(group);
  root.add_option("-o,--output", globals.output, "table, wide, json, jsonl, csv or id")
      ->type_name("MODE")
      ->group(group);
  root.add_option("--columns", globals.columns, "columns of a list, such as ref,state")
      ->type_name("A,B")
      ->group(group);
  root.add_option("--lang", globals.language, "language of labels: vi, km, lo or en")
      ->type_name("LANG")
      ->group(group);
  root.add_option("--time", globals.clock, "show times in local (+07) or utc")
      ->type_name("ZONE")
      ->group(group);
  root.add_option("--timeout", globals.timeout, "how long to wait for the node, such as 10s")
      ->type_name("SPAN")
      ->group(group);
  root.add_flag("--watch", globals.watch, "lists: stay and show what changes")->group(group);
  root.add_flag("--dry-run", globals.dry_run, "show what would happen; change nothing")
      ->group(group);
  root.add_flag("--yes", globals.yes, "do not ask before sharing, withdrawing or closing")
      ->group(group);
  root.add_flag("-q,--quiet", globals.quiet, "only data and errors")->group(group);
  root.add_flag("-v,--verbose", globals.verbose, "also say which node and what was tried")
      ->group(group);
  root.add_flag("--no-color", globals.no_color, "no colour (as NO_COLOR)")->group(group);
  root.add_flag("--accessible", globals.accessible, "plain lines, no redraw (as ACCESSIBLE=1)")
      ->group(group);
  root.add_flag("--no-input", globals.no_input, "never ask anything")->group(group);
}

bool IsHelp(const std::string& word) { return word == "-h" || word == "--help"; }

// Flags that must already act on errors about the command line itself.
PrinterOptions RoughOptions(const std::vector<std::string>& words, const Host& host) {
  PrinterOptions options;
  std::string output = host.Variable("TRIPOINT_OUTPUT").value_or("");
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const bool next = i + 1 < words.size();
    if ((word == "-o" || word == "--output") && next) output = words[i + 1];
    if (word.starts_with("--output=")) output = word.substr(9);
    if (word.starts_with("-o") && word.size() > 2) output = word.substr(word[2] == '=' ? 3 : 2);
  }
  const absl::StatusOr<Format> format = ParseFormat(output);
  if (format.ok()) options.format = *format;
  options.colour = host.ErrorIsTerminal() && host.Variable("NO_COLOR").value_or("").empty();
  return options;
}

absl::Status NoCommandError(const CommandTree& tree, const CLI::App* at) {
  std::vector<std::string> names;
  for (const CLI::App* sub :
       at->get_subcommands([](const CLI::App* app) { return !app->get_group().empty(); })) {
    names.push_back(sub->get_name());
  }
  const std::string path = CommandTree::PathOf(at);
  (void)tree;
  return UsageError("say what to do with " + path, "the commands are " + Join(names, ", "),
                    "tripoint " + path + " --help");
}

int Finish(Host& host, Printer& printer, const absl::StatusOr<int>& result) {
  if (!result.ok()) printer.Refusal(result.status());
  const int exit = result.ok() ? *result : ExitCodeOf(result.status());
  const std::string fault = host.WriteFault();
  if (fault.empty()) return exit;
  // A script must not take half a list for the whole. Standard output is what failed: said as text
  // in every format.
  if (!result.ok()) host.WriteError(ErrorText(result.status(), false));
  host.WriteError(
      ErrorText(absl::InternalError("the output could not be written whole: " + fault), false));
  return exit == kExitDone ? kExitRefused : exit;
}

absl::StatusOr<int> RunCommand(const CommandTree& tree, Host& host, const Connect& connect,
                               std::unique_ptr<Context>& context) {
  const CLI::App* at = &tree.root();
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  const Command* command = tree.Find(at);
  if (command == nullptr || !command->run) return NoCommandError(tree, at);
  if (tree.globals().watch && !command->fixed_because.empty()) {
    return UsageError(CommandTree::PathOf(at) + " does not change while it is shown",
                      command->fixed_because,
                      "leave --watch out; what a node changes is followed with, for example, "
                      "tripoint peer list --watch");
  }
  if (tree.globals().watch && !command->list) {
    return UsageError("--watch works on lists; " + CommandTree::PathOf(at) + " is none",
                      "there is nothing to follow here", "tripoint inbox --watch");
  }
  absl::StatusOr<Settings> settings = LoadSettings(host);
  if (!settings.ok() && !command->offline) return settings.status();
  absl::StatusOr<std::unique_ptr<Context>> made =
      Context::Make(host, connect, settings.ok() ? *settings : Settings{}, tree.globals());
  if (!made.ok()) return made.status();
  context = *std::move(made);
  return command->run(*context);
}

}  // namespace

CommandTree::CommandTree()
    : root_(std::make_unique<CLI::App>(
          "records border incidents, shares notices across the border, shows who has them")) {
  root_->name("");
  root_->set_help_flag("");
  root_->fallthrough();
  root_->require_subcommand(0, 1);  // so that `codes units` is no second command
  AddGlobals(*root_, globals_);
}

CommandTree::~CommandTree() = default;

CLI::App* CommandTree::AddGroup(const std::string& name, const std::string& about) {
  CLI::App* group = root_->add_subcommand(name, about);
  group->set_help_flag("");
  group->fallthrough();
  group->require_subcommand(0, 1);
  auto command = std::make_unique<Command>();
  command->app = group;
  commands_.push_back(std::move(command));
  return group;
}

Command& CommandTree::Add(CLI::App* parent, const std::string& name, const std::string& about,
                          std::vector<std::string> examples, Runner run) {
  auto command = std::make_unique<Command>();
  command->app = parent->add_subcommand(name, about);
  command->app->set_help_flag("");
  command->app->fallthrough();
  command->examples = std::move(examples);
  command->run = std::move(run);
  commands_.push_back(std::move(command));
  return *commands_.back();
}

const Command* CommandTree::Find(const CLI::App* app) const {
  for (const auto& command : commands_) {
    if (command->app == app) return command.get();
  }
  return nullptr;
}

std::string CommandTree::PathOf(const CLI::App* app) {
  std::string path;
  for (; app != nullptr && !app->get_name().empty(); app = app->get_parent()) {
    path = app->get_name() + (path.empty() ? "" : " " + path);
  }
  return path;
}

const CLI::App* CommandTree::Walk(const std::vector<std::string>& words) const {
  const CLI::App* at = root_.get();
  for (const std::string& word : words) {
    if (word == "--") break;
    if (word.starts_with("-")) continue;
    for (const CLI::App* sub : at->get_subcommands([](const CLI::App*) { return true; })) {
      if (sub->get_name() == word) {
        at = sub;
        break;
      }
    }
  }
  return at;
}

std::unique_ptr<CommandTree> MakeCommandTree() {
  auto tree = std::make_unique<CommandTree>();
  AddIncidentCommands(*tree);
  AddNoticeCommands(*tree);
  AddFlashCommands(*tree);
  AddNodeCommands(*tree);
  AddAuditCommands(*tree);
  AddBackupCommands(*tree);
  AddEvidenceCommands(*tree);
  AddBundleCommands(*tree);
  AddCodesCommands(*tree);
  AddCompletionCommands(*tree);
  AddHelpCommands(*tree);
  return tree;
}

int Run(const std::vector<std::string>& given, Host& host, const Connect& connect) {
  std::vector<std::string> words = given;
  // What is being completed is data, flags included.
  if (!words.empty() && words[0] == "__complete") words.insert(words.begin() + 1, "--");
  Printer rough(host, RoughOptions(words, host));
  if (words.size() > kWordsMax)
    return Finish(host, rough, UsageError("too many words on the command line", "", ""));
  const std::unique_ptr<CommandTree> tree = MakeCommandTree();
  const auto end = std::find(words.begin(), words.end(), "--");
  const bool help = std::any_of(words.begin(), end, IsHelp);
  if (words.empty() || help) {
    const bool full = std::find(words.begin(), end, "--help") != end;
    rough.Raw(tree->HelpText(tree->Walk(words), full));
    return Finish(host, rough, kExitDone);
  }
  if (words.size() == 1 && words[0] == "--version") return Run({"version"}, host, connect);
  try {
    std::vector<std::string> reversed(words.rbegin(), words.rend());  // as CLI11 wants them
    tree->root().parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    return Finish(host, rough, DiagnoseWords(*tree, words, error.what()));
  }
  std::unique_ptr<Context> context;
  const absl::StatusOr<int> result = RunCommand(*tree, host, connect, context);
  return Finish(host, context != nullptr ? context->out() : rough, result);
}

}  // namespace tripoint::client
