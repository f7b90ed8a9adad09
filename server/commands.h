// The commands of tripointd beside `ca` (certs/authority_commands.h). Called by main.cc after the
// options were parsed, on the main thread. Each prints what it has to say and returns the exit
// code.
#pragma once

#include <string>
#include <vector>

namespace tripoint {

// Whatever a node makes is for its own account only.
inline constexpr unsigned kPrivateMask = 0077;

struct InitOptions {
  std::string config_path;
  std::string unit;
  std::string data_folder;
  std::string api_listen;
  std::string exchange_listen;
  std::string certificates_folder;
  std::string roots_folder;
  std::vector<std::string> peers;     // UNIT or UNIT=HOST:PORT
  std::vector<std::string> officers;  // ID=ROLE[,ROLE]
  // The unit had a store before, which is lost without a backup: also with an existing file.
  bool after_loss = false;

  bool empty() const {
    return unit.empty() && data_folder.empty() && api_listen.empty() && exchange_listen.empty() &&
           certificates_folder.empty() && roots_folder.empty() && peers.empty() && officers.empty();
  }
};

struct BackupOptions {
  std::string file;
  std::string into;         // restore: new data folder
  std::string config_path;  // restore: whose backup it must be, unless `unit` says it
  std::string unit;
  std::string pass_phrase_file;  // empty, and no key file: asked for on the terminal
  std::string key_file;
  std::string scratch;  // verify: where the copy is opened; empty: beside the file
};

// Unpacks a backup into a new data folder, recomputes everything in it and gives it a new epoch.
// On any refusal nothing is changed.
int CommandRestore(const BackupOptions& options);
// Opens a backup in a scratch copy and recomputes everything in it.
int CommandVerifyBackup(const BackupOptions& options);

// Writes the configuration file and makes the data folder. On a terminal it asks for what is not
// given. An existing file is used as it is, and then no option may be given; an existing store is
// never touched.
int CommandInit(InitOptions options);
// Reports every fault of the file, the units in it, the certificates and the data folder.
int CommandCheckConfig(const std::string& config_path);
// The commented reference: with the values of a file, or with the defaults when `config_path` is
// empty.
int CommandPrintConfig(const std::string& config_path);
int CommandVersion();
// Runs the node until it is told to stop.
int CommandRun(const std::string& config_path);

}  // namespace tripoint
