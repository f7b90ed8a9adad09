// Settings: file and variables.
#include "client/settings.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

#include "client/errors.h"
#include "client/text.h"
#include "proto/contract/nearest.h"

namespace tripoint::client {
namespace {

using contract::Reason;

absl::Status Bad(const std::string& path, unsigned line, const std::string& what,
                 const std::string& why) {
  return contract::Error(
      absl::StatusCode::kFailedPrecondition, Reason::kConfigInvalid,
      line > 0 ? fmt::format("{}:{}: {}", path, line, what) : fmt::format("{}: {}", path, what),
      why, "correct the file, or set TRIPOINT_CONFIG to another one");
}

// Reads the string members of `table` into `targets`.
absl::Status ReadStrings(const toml::table& table,
                         const std::map<std::string, std::string*>& targets,
                         const std::string& path, const std::vector<std::string>& also) {
  std::vector<std::string> known = also;
  for (const auto& [key, target] : targets) known.push_back(key);
  for (const auto& [key, value] : table) {
    const std::string name(key.str());
    const unsigned line = key.source().begin.line;
    const auto target = targets.find(name);
    if (target == targets.end()) {
      bool other = false;
      for (const std::string& word : also) other = other || word == name;
      if (other) continue;
      return Bad(path, line, "unknown key \"" + name + "\"." + contract::DidYouMean(name, known),
                 "the keys here are " + Join(known, ", "));
    }
    const auto text = value.value<std::string>();
    if (!text || !value.is_string())
      return Bad(path, line, "\"" + name + "\" must be a text in quotes", "");
    *target->second = *text;
  }
  return absl::OkStatus();
}

std::string Quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace

std::string SettingsPath(const Host& host) {
  if (const auto path = host.Variable("TRIPOINT_CONFIG"); path && !path->empty()) return *path;
  if (const auto base = host.Variable("XDG_CONFIG_HOME"); base && !base->empty()) {
    return *base + "/tripoint/config.toml";
  }
  return host.Variable("HOME").value_or(".") + "/.config/tripoint/config.toml";
}

absl::StatusOr<Settings> ParseSettings(std::string_view text, const std::string& path) {
  Settings settings;
  settings.path = path;
  toml::table root;
  try {
    root = toml::parse(text, path);
  } catch (const toml::parse_error& error) {
    return Bad(path, error.source().begin.line, std::string(error.description()),
               "the file is not TOML");
  }
  absl::Status status = ReadStrings(root,
                                    {{"node", &settings.node},
                                     {"lang", &settings.language},
                                     {"output", &settings.output},
                                     {"time", &settings.clock},
                                     {"timeout", &settings.timeout}},
                                    path, {"nodes"});
  if (!status.ok()) return status;
  const toml::table* nodes = root["nodes"].as_table();
  if (nodes == nullptr) return settings;
  for (const auto& [key, value] : *nodes) {
    NodeEntry entry;
    entry.name = std::string(key.str());
    const toml::table* table = value.as_table();
    if (table == nullptr)
      return Bad(path, key.source().begin.line, "nodes." + entry.name + " must be a table", "");
    status = ReadStrings(*table,
                         {{"unit", &entry.unit},
                          {"address", &entry.address},
                          {"certificates", &entry.certificates},
                          {"roots", &entry.roots}},
                         path, {});
    if (!status.ok()) return status;
    if (entry.unit.empty() || entry.address.empty() || entry.certificates.empty()) {
      return Bad(path, key.source().begin.line, "nodes." + entry.name + " is not complete",
                 "a node needs unit, address and certificates");
    }
    settings.nodes[entry.name] = entry;
  }
  return settings;
}

absl::StatusOr<Settings> LoadSettings(const Host& host) {
  const std::string path = SettingsPath(host);
  Settings settings;
  settings.path = path;
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    if (!in) return Bad(path, 0, "the file cannot be read", "");
    absl::StatusOr<Settings> read = ParseSettings(text.str(), path);
    if (!read.ok()) return read.status();
    settings = *std::move(read);
  }
  const std::pair<const char*, std::string*> variables[] = {
      {"TRIPOINT_NODE", &settings.node},
      {"TRIPOINT_LANG", &settings.language},
      {"TRIPOINT_OUTPUT", &settings.output},
      {"TRIPOINT_TIME", &settings.clock},
      {"TRIPOINT_TIMEOUT", &settings.timeout}};
  for (const auto& [name, target] : variables) {
    if (const auto value = host.Variable(name); value && !value->empty()) *target = *value;
  }
  NodeEntry entry;
  entry.address = host.Variable("TRIPOINT_ADDRESS").value_or("");
  entry.unit = host.Variable("TRIPOINT_UNIT").value_or("");
  entry.certificates = host.Variable("TRIPOINT_CERTIFICATES").value_or("");
  entry.roots = host.Variable("TRIPOINT_ROOTS").value_or("");
  if (!entry.address.empty() && !entry.unit.empty() && !entry.certificates.empty()) {
    entry.name = entry.unit;
    settings.nodes[entry.name] = entry;
    if (settings.node.empty()) settings.node = entry.name;
  }
  return settings;
}

std::string SettingsText(const Settings& settings) {
  const Settings usual;
  std::string out =
      "# Settings of tripoint; written by `tripoint node add` and `tripoint node use`.\n";
  if (!settings.node.empty()) out += "node = " + Quoted(settings.node) + "\n";
  if (settings.language != usual.language) out += "lang = " + Quoted(settings.language) + "\n";
  if (settings.output != usual.output) out += "output = " + Quoted(settings.output) + "\n";
  if (settings.clock != usual.clock) out += "time = " + Quoted(settings.clock) + "\n";
  if (settings.timeout != usual.timeout) out += "timeout = " + Quoted(settings.timeout) + "\n";
  for (const auto& [name, entry] : settings.nodes) {
    out += "\n[nodes." + Quoted(name) + "]\n";
    out += "unit = " + Quoted(entry.unit) + "\naddress = " + Quoted(entry.address) +
           "\ncertificates = " + Quoted(entry.certificates) + "\n";
    if (!entry.roots.empty()) out += "roots = " + Quoted(entry.roots) + "\n";
  }
  return out;
}

absl::Status SaveSettings(const Settings& settings) {
  const std::filesystem::path path = settings.path;
  std::error_code error;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  const std::string temporary = settings.path + ".new";
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0)
    return Bad(settings.path, 0, "the file cannot be written", "the folder does not allow it");
  const std::string text = SettingsText(settings);
  const ssize_t written = ::write(file, text.data(), text.size());
  const bool synced = ::fsync(file) == 0;
  ::close(file);
  if (written != static_cast<ssize_t>(text.size()) || !synced ||
      std::rename(temporary.c_str(), settings.path.c_str()) != 0) {
    return Bad(settings.path, 0, "the file cannot be written",
               "the disk may be full; the old file is unchanged");
  }
  return absl::OkStatus();
}

absl::StatusOr<NodeEntry> FindNode(const Settings& settings, std::string_view name) {
  const std::string wanted(name.empty() ? settings.node : name);
  std::vector<std::string> names;
  std::string shown;
  for (const auto& [known, entry] : settings.nodes) {
    names.push_back(known);
    shown += (shown.empty() ? "" : ", ") + known + (known == settings.node ? "*" : "");
  }
  if (const auto found = settings.nodes.find(wanted); found != settings.nodes.end())
    return found->second;
  const std::string next =
      "tripoint node add NAME --address HOST:PORT --unit UNIT --certificates FOLDER";
  if (names.empty()) {
    return contract::Error(absl::StatusCode::kInvalidArgument, Reason::kNodeUnknown,
                           wanted.empty()
                               ? "no node is known on this machine; nothing was contacted"
                               : "no node \"" + wanted + "\" in your list; nothing was contacted",
                           settings.path + " names none", next);
  }
  if (wanted.empty()) {
    return contract::Error(absl::StatusCode::kInvalidArgument, Reason::kNodeUnknown,
                           "no node is chosen; nothing was contacted", "your list has " + shown,
                           "tripoint node use " + names[0] + ", or say --node " + names[0]);
  }
  return contract::Error(absl::StatusCode::kInvalidArgument, Reason::kNodeUnknown,
                         "no node \"" + wanted + "\" in your list (" + shown + ")." +
                             contract::DidYouMean(wanted, names),
                         "a wrong name never leads to another node; nothing was contacted", next);
}

}  // namespace tripoint::client
