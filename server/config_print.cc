// Writes the commented configuration file: the reference of print-config and the file of init. See
// config.h.
#include <fmt/format.h>

#include "server/config.h"
#include "server/config_keys.h"

namespace tripoint {
namespace {

constexpr std::size_t kColumns = 100;

// A basic TOML string.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char character : text) {
    if (character == '"' || character == '\\') quoted += '\\';
    quoted += character;
  }
  return quoted + '"';
}

std::string Comment(std::string_view text) {
  std::string wrapped;
  std::string line = "#";
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    if (line.size() + 1 + word.size() > kColumns) {
      wrapped += line + "\n";
      line.assign(1, '#');  // not `= "#"`: g++ 12 at -O2 warns falsely (its bug 105651)
    }
    line += fmt::format(" {}", word);
    text = space == text.npos ? std::string_view() : text.substr(space + 1);
  }
  return wrapped + line + "\n";
}

std::string HelpOf(const KeySpec& key) {
  std::string facts;
  if (key.kind == KeyKind::kInteger)
    facts = fmt::format(" {} to {} {}.", key.minimum, key.maximum, key.measure);
  if (key.kind == KeyKind::kChoice)
    facts = fmt::format(" One of: {}.", fmt::join(key.choices, ", "));
  if (key.default_toml.empty()) {
    facts += " Required.";
  } else if (key.default_toml != "\"\"") {
    facts += fmt::format(" Default: {}.", key.default_toml);
  }
  return Comment(fmt::format("{}{}", key.help, facts));
}

// The value as TOML; empty when there is none to show.
std::string ValueOf(const KeySpec& key, const Config& config) {
  if (const auto* text = std::get_if<std::string Config::*>(&key.target)) {
    return (config.**text).empty() ? "" : Quoted(config.**text);
  }
  if (const auto* number = std::get_if<std::int64_t Config::*>(&key.target))
    return fmt::to_string(config.**number);
  if (const auto* yes = std::get_if<bool Config::*>(&key.target))
    return config.**yes ? "true" : "false";
  return "";
}

std::string PlainTable(const TableSpec& table, const Config& config) {
  std::string text;
  if (!table.name.empty()) text += fmt::format("\n{}[{}]\n", Comment(table.help), table.name);
  for (const KeySpec& key : ConfigKeys()) {
    if (key.table != table.name) continue;
    const std::string value = ValueOf(key, config);
    text += HelpOf(key);
    text += value.empty() ? fmt::format("# {} = {}\n", key.name, Quoted(key.example))
                          : fmt::format("{} = {}\n", key.name, value);
  }
  return text;
}

std::string PeerTables(const Config& config) {
  std::string text;
  for (const PeerConfig& peer : config.peers) {
    text += fmt::format("\n[[peer]]\nunit = {}\n", Quoted(peer.unit));
    if (!peer.address.empty()) text += fmt::format("address = {}\n", Quoted(peer.address));
  }
  return text;
}

std::string OfficerTables(const Config& config) {
  std::string text;
  for (const OfficerConfig& officer : config.officers) {
    text += fmt::format("\n[[officer]]\nid = {}\nroles = [\"{}\"]\n", Quoted(officer.id),
                        fmt::join(officer.roles, "\", \""));
  }
  return text;
}

// The repeated tables start with a commented pattern, so that the file shows how to add one.
std::string Pattern(const TableSpec& table) {
  std::string text = fmt::format("\n{}# [[{}]]\n", Comment(table.help), table.name);
  for (const KeySpec& key : ConfigKeys()) {
    if (key.table != table.name) continue;
    text += HelpOf(key);
    text += key.kind == KeyKind::kChoices
                ? fmt::format("# {} = [{}]\n", key.name, Quoted(key.example))
                : fmt::format("# {} = {}\n", key.name, Quoted(key.example));
  }
  return text;
}

}  // namespace

std::string ConfigText(const Config& config) {
  std::string text = Comment(
      "Configuration of a Tripoint node. Relative paths begin at the folder of this file. "
      "Check it with: tripointd check-config --config FILE");
  text += Comment(
      "It is read when the node starts; only certificates and revocation lists are taken up while "
      "it runs.");
  text += "\n";
  for (const TableSpec& table : ConfigTables()) {
    if (!table.repeated) {
      text += PlainTable(table, config);
      continue;
    }
    text += Pattern(table);
    text += table.name == "peer" ? PeerTables(config) : OfficerTables(config);
  }
  return text;
}

}  // namespace tripoint
