// tripointd: the command line of the node. Parses, dispatches, and explains a command line that it
// does not understand.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <new>
#include <string>
#include <system_error>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "certs/authority_commands.h"
#include "proto/contract/nearest.h"
#include "server/commands.h"
#include "server/report.h"
#include "server/runtime/clock.h"

namespace {

using tripoint::ReportError;
using tripoint::ReportUsage;

constexpr char kDefaultConfig[] = "/etc/tripoint/tripoint.toml";

struct Options {
  std::string config = kDefaultConfig;
  std::string print_config;
  tripoint::InitOptions init;
  tripoint::BackupOptions backup{.file = {},
                                 .into = {},
                                 .config_path = kDefaultConfig,
                                 .unit = {},
                                 .pass_phrase_file = {},
                                 .key_file = {},
                                 .scratch = {}};
  tripoint::certs::AuthorityInitOptions ca_init;
  tripoint::certs::AuthorityIssueOptions ca_issue;
  tripoint::certs::AuthorityRevokeOptions ca_revoke;
  tripoint::certs::AuthorityShowOptions ca_show;
};

using Action = std::function<int()>;

// Adds a command whose work is `run`; the one that was typed leaves it in `chosen`.
CLI::App* Command(CLI::App& parent, Action& chosen, const std::string& name,
                  const std::string& help, Action run) {
  CLI::App* command = parent.add_subcommand(name, help);
  command->callback([&chosen, run = std::move(run)] { chosen = run; });
  return command;
}

void AddConfigOption(CLI::App* command, std::string& target) {
  command->add_option("-c,--config", target, "Configuration file")
      ->envname("TRIPOINTD_CONFIG")
      ->capture_default_str();
}

void AddSecretOptions(CLI::App* command, tripoint::BackupOptions& options) {
  command->add_option("--pass-phrase-file", options.pass_phrase_file,
                      "File with the pass phrase; otherwise it is asked for");
  command->add_option("--key-file", options.key_file,
                      "File with the secret key (tripoint backup key)");
}

void AddNodeCommands(CLI::App& app, Options& options, Action& chosen) {
  AddConfigOption(Command(app, chosen, "run",
                          "Run the node until it is told to stop (SIGTERM); SIGHUP reloads "
                          "certificates",
                          [&options] { return tripoint::CommandRun(options.config); }),
                  options.config);
  CLI::App* init = Command(app, chosen, "init",
                           "Write a configuration file and make the data folder", [&options] {
                             options.init.config_path = options.config;
                             return tripoint::CommandInit(options.init);
                           });
  AddConfigOption(init, options.config);
  init->add_option("--unit", options.init.unit, "Unit id, such as vn-quangngai");
  init->add_option("--data", options.init.data_folder, "Data folder");
  init->add_option("--listen", options.init.api_listen, "Address of the officers' port");
  init->add_option("--exchange", options.init.exchange_listen, "Address of the neighbours' port");
  init->add_option("--certificates", options.init.certificates_folder, "Certificate folder");
  init->add_option("--roots", options.init.roots_folder,
                   "Roots folder; otherwise `roots` in the certificate folder");
  init->add_option("--peer", options.init.peers,
                   "Neighbour: UNIT or UNIT=HOST:PORT; may stand several times");
  init->add_flag("--after-loss", options.init.after_loss,
                 "The unit had a store, which is lost and has no backup: nothing new is shared "
                 "until its neighbours have returned what they hold");
  init->add_option("--officer", options.init.officers,
                   "Officer: ID=ROLE[,ROLE]; may stand several times");
  CLI::App* restore =
      Command(app, chosen, "restore", "Restore a backup into a new data folder, in a new epoch",
              [&options] { return tripoint::CommandRestore(options.backup); });
  restore->add_option("FILE", options.backup.file, "The backup")->required();
  restore->add_option("--into", options.backup.into, "New data folder")->required();
  restore->add_option("--unit", options.backup.unit,
                      "Whose backup it must be; otherwise as in the configuration");
  AddConfigOption(restore, options.backup.config_path);
  AddSecretOptions(restore, options.backup);
  CLI::App* verify = Command(app, chosen, "verify-backup",
                             "Open a backup in a scratch copy and recompute everything in it",
                             [&options] { return tripoint::CommandVerifyBackup(options.backup); });
  verify->add_option("FILE", options.backup.file, "The backup")->required();
  verify->add_option("--scratch", options.backup.scratch,
                     "Folder for the copy; otherwise beside the file");
  AddSecretOptions(verify, options.backup);
  AddConfigOption(
      Command(app, chosen, "check-config",
              "Report every fault of the configuration, its certificates and the data folder",
              [&options] { return tripoint::CommandCheckConfig(options.config); }),
      options.config);
  Command(app, chosen, "print-config",
          "Print every key with its meaning; with --config, the values of that file",
          [&options] { return tripoint::CommandPrintConfig(options.print_config); })
      ->add_option("-c,--config", options.print_config, "Configuration file");
  Command(app, chosen, "version", "Print the version", [] { return tripoint::CommandVersion(); });
}

// Prints what a command of the authority answers.
template <typename Answer>
int Print(const Answer& answer) {
  if (!answer.ok()) return ReportError(answer.status());
  fmt::print("{}", *answer);
  if (!answer->empty() && answer->back() != '\n') fmt::print("\n");
  return tripoint::kExitDone;
}

std::int64_t NowS() { return tripoint::runtime::SystemClock().wall_ms() / 1000; }

void AddAuthorityCommands(CLI::App& app, Options& options, Action& chosen) {
  CLI::App* ca = app.add_subcommand("ca", "A country's certificate authority");
  ca->require_subcommand(1);
  CLI::App* init = Command(*ca, chosen, "init", "Make the root of a country",
                           [&options] { return Print(RunAuthorityInit(options.ca_init, NowS())); });
  init->add_option("--country", options.ca_init.country, "kh, la or vn")->required();
  init->add_option("--dir", options.ca_init.folder, "Folder of the authority")->required();
  CLI::App* issue =
      Command(*ca, chosen, "issue", "Issue certificates for a node or an officer",
              [&options] { return Print(RunAuthorityIssue(options.ca_issue, NowS())); });
  issue->add_option("--dir", options.ca_issue.folder, "Folder of the authority")->required();
  issue->add_option("--unit", options.ca_issue.unit, "Unit id")->required();
  issue->add_option("--officer", options.ca_issue.officer,
                    "Officer's id; without it, for the node");
  issue->add_option("--out", options.ca_issue.out, "New folder for the files")->required();
  issue->add_option("--days", options.ca_issue.days, "Days of validity");
  issue->add_flag("--signing", options.ca_issue.signing, "Only a new signing pair");
  issue->add_flag("--tls-only", options.ca_issue.tls_only, "Only a new TLS pair: the renewal");
  CLI::App* revoke =
      Command(*ca, chosen, "revoke", "Revoke a certificate, or write a fresh revocation list",
              [&options] { return Print(RunAuthorityRevoke(options.ca_revoke, NowS())); });
  revoke->add_option("--dir", options.ca_revoke.folder, "Folder of the authority")->required();
  revoke->add_option("--serial", options.ca_revoke.serial, "Serial number in hex");
  revoke->add_option("--cert", options.ca_revoke.certificate_path, "The certificate's file");
  CLI::App* show = Command(*ca, chosen, "show", "Show an authority or a certificate",
                           [&options] { return Print(RunAuthorityShow(options.ca_show, NowS())); });
  show->add_option("--dir", options.ca_show.folder, "Folder of the authority");
  show->add_option("--cert", options.ca_show.certificate_path, "A certificate's file");
}

// CLI11 2.1.2 says nothing useful about a mistyped command or option: finds the first word that
// `app` does not know.
int ExplainMistake(CLI::App& app, const std::vector<std::string>& words,
                   const std::string& fallback) {
  CLI::App* command = &app;
  std::string path = "tripointd";
  for (const std::string& word : words) {
    if (word.starts_with("-")) {
      const std::string name = word.substr(0, word.find('='));
      std::vector<std::string> known;
      for (const CLI::Option* option : command->get_options()) {
        for (const std::string& long_name : option->get_lnames()) known.push_back("--" + long_name);
        for (const std::string& short_name : option->get_snames())
          known.push_back("-" + short_name);
      }
      if (std::find(known.begin(), known.end(), name) != known.end()) continue;
      const std::string near = tripoint::contract::NearestWord(name, known);
      return ReportUsage(
          near.empty() ? fmt::format("{} has no option {}", path, name)
                       : fmt::format("{} has no option {}. Did you mean {}?", path, name, near),
          fmt::format("{} --help", path));
    }
    std::vector<std::string> known;
    for (const CLI::App* child : command->get_subcommands({})) known.push_back(child->get_name());
    if (known.empty()) continue;  // the value of an option
    if (std::find(known.begin(), known.end(), word) == known.end()) {
      const std::string near = tripoint::contract::NearestWord(word, known);
      return ReportUsage(near.empty() ? fmt::format("no command \"{} {}\"", path, word)
                                      : fmt::format("no command \"{0} {1}\". Did you mean: {0} {2}",
                                                    path, word, near),
                         fmt::format("{} --help", path));
    }
    command = command->get_subcommand(word);
    path += " " + word;
  }
  return ReportUsage(fallback, fmt::format("{} --help", path));
}

int GiveUp(const char* what, const char* why, const char* next) {
  fmt::print(stderr, "error: {}\n  why:  {}\n  next: {}\n", what, why, next);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("tripointd: the Tripoint node of one unit", "tripointd");
  app.require_subcommand(1);
  Options options;
  Action chosen;
  AddNodeCommands(app, options, chosen);
  AddAuthorityCommands(app, options, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return ExplainMistake(app, {argv + 1, argv + argc}, error.what());
  }
  // The foreign exceptions that a machine at its limits raises; any other is a defect and aborts.
  try {
    return chosen();
  } catch (const std::bad_alloc&) {
    return GiveUp("There is not enough memory", "The system refused to give any more",
                  "Free memory, or lower `limits` and `storage` in the configuration");
  } catch (const std::system_error& error) {
    return GiveUp("The system refused what the program needs", error.what(),
                  "Check the limits of threads and files of this user (ulimit -a), and the disk");
  }
}
