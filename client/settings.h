// What the CLI knows before it calls: the nodes of this machine's user and the usual flags.
//
// Precedence: flag, TRIPOINT_* variable, file, default. The file is $TRIPOINT_CONFIG or
// ~/.config/tripoint/config.toml; an unknown key in it is an error with its line. One thread. No
// secret is ever here: keys are named by folder.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "client/host.h"

namespace tripoint::client {

// A node that the user may talk to.
struct NodeEntry {
  std::string name;          // what --node says; often the unit
  std::string unit;          // whose node it is; its certificate must say exactly this
  std::string address;       // host:port of the operators' port
  std::string certificates;  // folder with the officer's tls.pem and tls.key
  std::string roots;         // folder with the countries' roots; empty = `certificates`/roots

  std::string RootsFolder() const { return roots.empty() ? certificates + "/roots" : roots; }
};

struct Settings {
  std::string path;  // of the file, whether it exists or not
  std::string node;  // used when --node says nothing
  std::string language = "en";
  std::string output = "table";
  std::string clock = "local";
  std::string timeout = "10s";
  std::map<std::string, NodeEntry> nodes;
};

// Path of the file.
std::string SettingsPath(const Host& host);

// Reads the file if there is one, then the variables TRIPOINT_NODE, _LANG, _OUTPUT, _TIME,
// _TIMEOUT. With TRIPOINT_ADDRESS, _UNIT, _CERTIFICATES (and _ROOTS) all set, a node named by the
// unit is known without a file. Errors: CONFIG_INVALID with file, line and the nearest key.
absl::StatusOr<Settings> LoadSettings(const Host& host);

// Reads settings from text; `path` is for messages.
absl::StatusOr<Settings> ParseSettings(std::string_view text, const std::string& path);

// Writes the file anew, whole or not at all, folders made as needed. Errors: CONFIG_INVALID when it
// cannot be written.
absl::Status SaveSettings(const Settings& settings);

// The text that SaveSettings writes.
std::string SettingsText(const Settings& settings);

// The entry of `name`, or of the node in use when `name` is empty. Errors: NODE_UNKNOWN with the
// known names and the nearest; nothing was contacted.
absl::StatusOr<NodeEntry> FindNode(const Settings& settings, std::string_view name);

}  // namespace tripoint::client
