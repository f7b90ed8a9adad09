// The command tree: what can be typed, what it runs, and what is said when it cannot be understood.
//
// main.cc and the tests call Run. CLI11 reads the words; suggestions, help, exit codes and errors
// are ours. One thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "client/context.h"
#include "client/flags.h"

namespace tripoint::client {

// Runs a command; gives the exit code, 0 unless the command has another meaning to tell (7, 8).
using Runner = std::function<absl::StatusOr<int>(Context&)>;

struct Command {
  CLI::App* app = nullptr;
  std::vector<std::string> examples;  // without `tripoint`
  bool list = false;                  // --watch makes sense
  std::string fixed_because;          // a list that nothing changes while it is shown, and why
  std::string exits;                  // exit codes that mean something of its own, for its help
  bool offline = false;               // works without any settings file
  Runner run;                         // empty: a group of commands
};

class CommandTree {
 public:
  CommandTree();
  ~CommandTree();
  CommandTree(const CommandTree&) = delete;
  CommandTree& operator=(const CommandTree&) = delete;

  // A word that only holds commands, such as `incident`.
  CLI::App* AddGroup(const std::string& name, const std::string& about);
  // A command. The reference lives as long as the tree.
  Command& Add(CLI::App* parent, const std::string& name, const std::string& about,
               std::vector<std::string> examples, Runner run);

  CLI::App& root() { return *root_; }
  const CLI::App& root() const { return *root_; }
  Globals& globals() { return globals_; }
  const Globals& globals() const { return globals_; }
  const std::vector<std::unique_ptr<Command>>& commands() const { return commands_; }
  const Command* Find(const CLI::App* app) const;

  // `incident new` for the app of that command; empty for the root.
  static std::string PathOf(const CLI::App* app);
  // The deepest command that `words` name.
  const CLI::App* Walk(const std::vector<std::string>& words) const;
  // Help of a command or group; `full` adds the flags that work everywhere.
  std::string HelpText(const CLI::App* app, bool full) const;

 private:
  const std::unique_ptr<CLI::App> root_;
  Globals globals_;
  std::vector<std::unique_ptr<Command>> commands_;
};

// Each noun adds its commands; one file each.
void AddIncidentCommands(CommandTree& tree);
void AddImportCommand(CommandTree& tree, CLI::App* incident);
void AddNoticeCommands(CommandTree& tree);
void AddShareCommands(CommandTree& tree, CLI::App* notice);
void AddFlashCommands(CommandTree& tree);
void AddNodeCommands(CommandTree& tree);
void AddLinkCommands(CommandTree& tree, CLI::App* peer);
void AddAuditCommands(CommandTree& tree);
void AddBackupCommands(CommandTree& tree);
void AddBundleCommands(CommandTree& tree);
void AddEvidenceCommands(CommandTree& tree);
void AddCodesCommands(CommandTree& tree);
void AddHelpCommands(CommandTree& tree);
void AddCompletionCommands(CommandTree& tree);

// The whole tree.
std::unique_ptr<CommandTree> MakeCommandTree();

// What is wrong with words that CLI11 refused: unknown command or flag with the nearest, else
// `message`.
absl::Status DiagnoseWords(const CommandTree& tree, const std::vector<std::string>& words,
                           const std::string& message);

// Runs one command line (without the program's name) and gives its exit code.
int Run(const std::vector<std::string>& words, Host& host, const Connect& connect);

}  // namespace tripoint::client
