// Every key of the configuration, declared once: name, kind, default, bounds, help, and where the
// value goes.
//
// Internal to config*.cc. The parser, the reference and the did-you-mean all read this table, so
// none can forget a key.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/config.h"

namespace tripoint {

enum class KeyKind : std::uint8_t {
  kUnit,     // unit id
  kWord,     // id of an officer
  kFolder,   // path; relative ones begin at the file's folder
  kListen,   // numeric address and port; port 0: any free one
  kAddress,  // host and port of a peer; may be empty
  kChoice,   // one of `choices`
  kChoices,  // list of those, at least one
  kInteger,  // minimum..maximum
  kYesNo,    // true or false
};

// Where a value goes. Each table of the file has its own struct.
using Target = std::variant<std::string Config::*, std::int64_t Config::*, bool Config::*,
                            std::string PeerConfig::*, std::string OfficerConfig::*,
                            std::vector<std::string> OfficerConfig::*>;

struct KeySpec {
  std::string_view table;  // `` for the top, `api`, ..., `peer` and `officer` for the repeated ones
  std::string_view name;
  KeyKind kind;
  Target target;
  std::string_view default_toml;  // as the file would say it; empty: the key is required
  std::string_view example;       // for the reference, when there is no default
  std::int64_t minimum = 0;
  std::int64_t maximum = 0;
  std::string_view measure;  // unit of a number, such as `seconds`
  std::vector<std::string> choices;
  std::string_view help;  // one or more sentences
};

struct TableSpec {
  std::string_view name;
  bool repeated;  // [[name]]
  std::string_view help;
};

std::span<const KeySpec> ConfigKeys();
std::span<const TableSpec> ConfigTables();

// `api.listen`, or `unit` at the top.
std::string FullName(const KeySpec& key);

}  // namespace tripoint
