// Reads the configuration file against the table of keys. See config.h.
#include "server/config.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include "proto/contract/error.h"
#include "proto/contract/nearest.h"
#include "server/config_keys.h"
#include "server/config_values.h"
#include "server/limits.h"

namespace tripoint {
namespace {

constexpr std::uintmax_t kFileBytesMax = 1u << 20;
constexpr std::size_t kOfficersMax = 1000;

int LineOf(const toml::node& node) { return static_cast<int>(node.source().begin.line); }

std::vector<std::string> NamesIn(std::string_view table) {
  std::vector<std::string> names;
  for (const KeySpec& key : ConfigKeys()) {
    if (key.table == table) names.emplace_back(key.name);
  }
  if (table.empty()) {
    for (const TableSpec& spec : ConfigTables()) {
      if (!spec.name.empty()) names.emplace_back(spec.name);
    }
  }
  return names;
}

std::string UnknownKey(std::string_view name, std::string_view table, bool repeated) {
  const std::string where = table.empty() ? std::string()
                            : repeated    ? fmt::format(" in [[{}]]", table)
                                          : fmt::format(" in [{}]", table);
  std::string text = fmt::format("unknown key \"{}\"{}", name, where);
  const std::string near = contract::NearestWord(name, NamesIn(table));
  if (!near.empty()) return text + fmt::format(". Did you mean \"{}\"?", near);
  for (const KeySpec& key : ConfigKeys()) {
    if (key.name == name) return text + fmt::format(". It belongs in [{}]", key.table);
  }
  return text + fmt::format(". Known here: {}", fmt::join(NamesIn(table), ", "));
}

class Reader {
 public:
  explicit Reader(const std::string& path) {
    parsed_.config.path = path;
    folder_ = std::filesystem::absolute(std::filesystem::path(path)).parent_path().string();
  }

  ParsedConfig Read(std::string_view text) && {
    Slots slots{parsed_.config};
    for (const KeySpec& key : ConfigKeys()) {
      if (key.table != "peer" && key.table != "officer") SetDefault(key, folder_, slots);
    }
    try {
      const toml::table root = toml::parse(text, parsed_.config.path);
      for (const TableSpec& table : ConfigTables()) ReadTable(table, root);
      ReportUnknownTables(root);
    } catch (const toml::parse_error& error) {
      Add(static_cast<int>(error.source().begin.line),
          fmt::format("not TOML: {}", error.description()));
    }
    std::stable_sort(parsed_.faults.begin(), parsed_.faults.end(),
                     [](const ConfigFault& a, const ConfigFault& b) { return a.line < b.line; });
    return std::move(parsed_);
  }

 private:
  void Add(int line, std::string what) { parsed_.faults.push_back({line, std::move(what)}); }

  void ReadTable(const TableSpec& spec, const toml::table& root) {
    Slots slots{parsed_.config};
    if (spec.name.empty()) {
      ReadKeys(spec, root, 0, slots);
      return;
    }
    const toml::node* node = root.get(spec.name);
    if (!spec.repeated) {
      static const toml::table kEmpty;
      const bool is_table = node != nullptr && node->is_table();
      if (node != nullptr && !is_table)
        Add(LineOf(*node), fmt::format("{0} is a table: write [{0}]", spec.name));
      ReadKeys(spec, is_table ? *node->as_table() : kEmpty, is_table ? LineOf(*node) : 0, slots);
      return;
    }
    if (node == nullptr) return;
    const toml::array* array = node->as_array();
    if (array == nullptr || !array->is_homogeneous<toml::table>()) {
      Add(LineOf(*node),
          fmt::format("{0} is a table that may stand several times: write [[{0}]]", spec.name));
      return;
    }
    const std::size_t count_max = spec.name == "peer" ? limits::kPeersMax : kOfficersMax;
    if (array->size() > count_max)
      Add(LineOf(*node), fmt::format("at most {} of [[{}]]", count_max, spec.name));
    for (const toml::node& element : *array) ReadOne(spec, *element.as_table());
  }

  void ReadOne(const TableSpec& spec, const toml::table& table) {
    Slots slots{parsed_.config};
    if (spec.name == "peer") {
      slots.peer = &parsed_.config.peers.emplace_back();
      slots.peer->line = LineOf(table);
    } else {
      slots.officer = &parsed_.config.officers.emplace_back();
      slots.officer->line = LineOf(table);
    }
    for (const KeySpec& key : ConfigKeys()) {
      if (key.table == spec.name) SetDefault(key, folder_, slots);
    }
    ReadKeys(spec, table, LineOf(table), slots);
  }

  void ReadKeys(const TableSpec& spec, const toml::table& table, int line, Slots& slots) {
    for (const KeySpec& key : ConfigKeys()) {
      if (key.table != spec.name) continue;
      if (const toml::node* value = table.get(key.name); value != nullptr) {
        if (auto fault = SetValue(key, *value, folder_, slots); fault.has_value())
          Add(LineOf(*value), *fault);
      } else if (key.default_toml.empty()) {
        Add(line, fmt::format("{} is missing, such as {} = \"{}\"", FullName(key), key.name,
                              key.example));
      }
    }
    if (spec.name.empty()) return;  // ReportUnknownTables
    for (const auto& [name, value] : table) {
      const std::vector<std::string> known = NamesIn(spec.name);
      if (std::find(known.begin(), known.end(), name.str()) == known.end()) {
        Add(static_cast<int>(name.source().begin.line),
            UnknownKey(name.str(), spec.name, spec.repeated));
      }
    }
  }

  void ReportUnknownTables(const toml::table& root) {
    const std::vector<std::string> known = NamesIn("");
    for (const auto& [name, value] : root) {
      if (std::find(known.begin(), known.end(), name.str()) == known.end()) {
        Add(static_cast<int>(name.source().begin.line), UnknownKey(name.str(), "", false));
      }
    }
  }

  std::string folder_;
  ParsedConfig parsed_;
};

absl::StatusOr<std::string> ReadWhole(const std::string& path) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  if (error || !file) {
    return contract::Error(absl::StatusCode::kNotFound, contract::Reason::kNotFound,
                           fmt::format("There is no configuration file {}", path),
                           error ? error.message() : "it cannot be read",
                           "Name it with --config FILE, or make one with: tripointd init");
  }
  if (size > kFileBytesMax) return FaultsToStatus(path, {{0, "the file is larger than 1 MiB"}});
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

ParsedConfig ParseConfig(std::string_view text, const std::string& path) {
  return Reader(path).Read(text);
}

Config DefaultConfig() {
  Config config;
  Slots slots{config};
  for (const KeySpec& key : ConfigKeys()) {
    if (key.table != "peer" && key.table != "officer") SetDefault(key, "", slots);
  }
  return config;
}

absl::Status FaultsToStatus(const std::string& path, const std::vector<ConfigFault>& faults) {
  if (faults.empty()) return absl::OkStatus();
  contract::Problem problem;
  problem.reason = contract::Reason::kConfigInvalid;
  problem.what = faults.size() == 1 ? "The configuration has a fault"
                                    : fmt::format("The configuration has {} faults", faults.size());
  problem.why = faults.front().what;
  problem.next =
      fmt::format("Correct {}; tripointd print-config shows every key with its meaning", path);
  for (const ConfigFault& fault : faults) {
    problem.faults.push_back(
        {fault.line > 0 ? fmt::format("{}:{}", path, fault.line) : path, fault.what});
  }
  return contract::Error(absl::StatusCode::kInvalidArgument, problem);
}

absl::StatusOr<Config> LoadConfig(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadWhole(path);
  if (!text.ok()) return text.status();
  ParsedConfig parsed = ParseConfig(*text, path);
  for (ConfigFault& fault : CheckUnits(parsed.config)) parsed.faults.push_back(std::move(fault));
  if (!parsed.faults.empty()) return FaultsToStatus(path, parsed.faults);
  return std::move(parsed.config);
}

}  // namespace tripoint
