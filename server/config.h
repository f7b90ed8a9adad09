// The configuration of a node: one TOML file, read once at start. Every key stands once in
// config_keys.cc.
//
// Read by the commands of tripointd (commands.h) on the main thread; what is loaded is handed on by
// value and immutable.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace tripoint {

struct PeerConfig {
  std::string unit;
  std::string address;  // empty: only the peer dials
  int line = 0;
};

struct OfficerConfig {
  std::string id;
  std::vector<std::string> roles;
  int line = 0;
};

// One member a key; their meaning, bounds and defaults are in config_keys.cc. Paths are absolute
// after loading.
struct Config {
  std::string path;  // of the file itself

  std::string unit;
  std::string data_folder;
  std::string api_listen;
  std::string exchange_listen;
  std::string certificates_folder;
  std::string roots_folder;
  bool crl_required = true;
  std::int64_t crl_grace_days = 0;
  std::string log_level;

  std::int64_t api_connections_max = 0;
  std::int64_t exchange_connections_max = 0;
  std::int64_t connections_per_address_max = 0;
  std::int64_t exchange_connections_per_address_max = 0;
  std::int64_t connections_per_address_second_max = 0;
  std::int64_t calls_per_connection_max = 0;
  bool wire_rule = true;
  std::int64_t read_threads = 0;
  std::int64_t reads_waiting_max = 0;
  std::int64_t writes_waiting_max = 0;
  std::int64_t grpc_memory_mib = 0;
  std::int64_t drain_s = 0;
  std::int64_t block_cache_mib = 0;
  std::int64_t write_buffer_mib = 0;
  std::int64_t bulk_percent = 0;
  std::int64_t routine_percent = 0;

  std::vector<PeerConfig> peers;
  std::vector<OfficerConfig> officers;
};

// One fault of the file. `line` is 0 when the fault is that something is missing in the whole file.
struct ConfigFault {
  int line = 0;
  std::string what;  // one sentence that says what would be right
};

// What of a configuration can be checked without a disk or a registry; `config` is complete when
// there are no faults.
struct ParsedConfig {
  Config config;
  std::vector<ConfigFault> faults;  // in the order of the lines
};

// Parses `text`. `path` is its file: its folder is where relative paths begin.
ParsedConfig ParseConfig(std::string_view text, const std::string& path);

// Faults of what the values mean: units that are not in the registry, a peer or officer twice, this
// unit as its own peer.
std::vector<ConfigFault> CheckUnits(const Config& config);
// Faults of the certificate and roots folders: missing, mismatched, expired, of another unit.
std::vector<ConfigFault> CheckCertificates(const Config& config, std::int64_t now_s);

// Reads and parses a file and checks its units. Errors: NOT_FOUND / NOT_FOUND there is no such
// file; INVALID_ARGUMENT / CONFIG_INVALID with all faults, each with `file:line` as its field.
absl::StatusOr<Config> LoadConfig(const std::string& path);
// Turns faults into that error; OK without any.
absl::Status FaultsToStatus(const std::string& path, const std::vector<ConfigFault>& faults);

// The commented file with the values of `config`; with all defaults and placeholders for a Config
// that nothing was set in. What it writes for a complete Config parses back to the same.
std::string ConfigText(const Config& config);
// A Config with every default in place.
Config DefaultConfig();

}  // namespace tripoint
