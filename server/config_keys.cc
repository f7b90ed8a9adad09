// The table of configuration keys. See config_keys.h. To add a key: a member in config.h, a row here.
#include "server/config_keys.h"

namespace tripoint {
namespace {

const std::vector<std::string>& Roles() {
  static const std::vector<std::string> roles = {"officer", "duty", "supervisor", "sync", "auditor"};
  return roles;
}

std::vector<KeySpec> MakeKeys() {
  using K = KeyKind;
  return {
      {"", "unit", K::kUnit, &Config::unit, "", "vn-quangngai", 0, 0, "", {},
       "Unit id of this node. It never changes: the data folder and the certificates belong to it."},
      {"", "data_folder", K::kFolder, &Config::data_folder, "\"data\"", "", 0, 0, "", {},
       "Where the node keeps everything durable. Only the node's own account may read it."},

      {"api", "listen", K::kListen, &Config::api_listen, "\"127.0.0.1:7443\"", "", 0, 0, "", {},
       "Address of the officers' port. Port 0 takes any free one and says which."},

      {"exchange", "listen", K::kListen, &Config::exchange_listen, "\"0.0.0.0:7444\"", "", 0, 0, "", {},
       "Address at which neighbouring nodes dial this one."},

      {"certificates", "folder", K::kFolder, &Config::certificates_folder, "\"certificates\"", "", 0, 0, "", {},
       "Holds tls.pem, tls.key, signing.pem and signing.key of this node. A change is taken up without a restart, "
       "after it was checked."},
      {"certificates", "roots", K::kFolder, &Config::roots_folder, "\"certificates/roots\"", "", 0, 0, "", {},
       "Holds the root (<cc>.pem) and the revocation list (<cc>.crl) of each country. Also taken up without a restart."},
      {"certificates", "crl_required", K::kYesNo, &Config::crl_required, "true", "", 0, 0, "", {},
       "Refuses certificates of a country of which no revocation list has ever been seen."},
      {"certificates", "crl_grace_days", K::kInteger, &Config::crl_grace_days, "7", "", 0, 365, "days", {},
       "How long a revocation list is still used after it should have been replaced. A late courier must not cut off a "
       "country."},

      {"log", "level", K::kChoice, &Config::log_level, "\"info\"", "", 0, 0, "",
       {"debug", "info", "warning", "error"}, "The least serious lines that are written to standard error."},

      {"limits", "api_connections_max", K::kInteger, &Config::api_connections_max, "512", "", 1, 16384,
       "connections", {}, "Officers' connections at once."},
      {"limits", "exchange_connections_max", K::kInteger, &Config::exchange_connections_max, "128", "", 1, 4096,
       "connections", {}, "Neighbours' connections at once, those that are not yet known included."},
      {"limits", "connections_per_address_max", K::kInteger, &Config::connections_per_address_max, "128", "", 1, 16384,
       "connections", {}, "Connections at once from one address."},
      {"limits", "connections_per_address_second_max", K::kInteger, &Config::connections_per_address_second_max, "100",
       "", 1, 10000, "connections", {}, "New connections a second from one address; twice as many in a burst."},
      {"limits", "calls_per_connection_max", K::kInteger, &Config::calls_per_connection_max, "128", "", 1, 1024,
       "calls", {}, "Calls that one connection may have open at once; more wait at the caller."},
      {"limits", "wire_rule", K::kYesNo, &Config::wire_rule, "true", "", 0, 0, "", {},
       "Cuts a connection that sends much more than what arrives as messages (floods of the kind of HTTP/2 rapid "
       "reset)."},
      {"limits", "read_threads", K::kInteger, &Config::read_threads, "2", "", 1, 64, "threads", {},
       "Threads for reads that are too long to be answered at once."},
      {"limits", "reads_waiting_max", K::kInteger, &Config::reads_waiting_max, "1024", "", 1, 65536, "calls", {},
       "Reads that may wait for such a thread; more are refused with QUEUE_FULL."},
      {"limits", "writes_waiting_max", K::kInteger, &Config::writes_waiting_max, "4096", "", 1, 65536, "operations", {},
       "Changes that may wait to be written; more are refused with QUEUE_FULL."},
      {"limits", "grpc_memory_mib", K::kInteger, &Config::grpc_memory_mib, "64", "", 16, 4096, "MiB", {},
       "Memory that each port may use for calls under way."},
      {"limits", "drain_s", K::kInteger, &Config::drain_s, "10", "", 0, 600, "seconds", {},
       "When told to stop: how long calls under way may take to finish."},

      {"storage", "block_cache_mib", K::kInteger, &Config::block_cache_mib, "16", "", 1, 65536, "MiB", {},
       "Memory for data that was read before."},
      {"storage", "write_buffer_mib", K::kInteger, &Config::write_buffer_mib, "16", "", 1, 1024, "MiB", {},
       "Memory for data that was written last. It is on disk all the same."},

      {"peer", "unit", K::kUnit, &PeerConfig::unit, "", "la-attapeu", 0, 0, "", {}, "Unit id of the neighbour."},
      {"peer", "address", K::kAddress, &PeerConfig::address, "\"\"", "10.20.0.4:7444", 0, 0, "", {},
       "Where to dial it. Leave it out when only the neighbour can dial."},

      {"officer", "id", K::kWord, &OfficerConfig::id, "", "off-017", 0, 0, "", {},
       "Id in the officer's certificate, without the unit."},
      {"officer", "roles", K::kChoices, &OfficerConfig::roles, "", "officer", 0, 0, "", Roles(),
       "What the officer may do: officer (records and shares), duty (the hotline), supervisor (releases persons), sync "
       "(runs the node, reads no contents), auditor (reads the trail only)."},
  };
}

constexpr TableSpec kTables[] = {
    {"", false, ""},
    {"api", false, "The officers' port."},
    {"exchange", false, "The neighbours' port."},
    {"certificates", false, "Who this node is, and whom it believes."},
    {"log", false, "Lines about the node's work; never contents, never names of persons."},
    {"limits", false, "What bounds the node. The defaults suit a small machine."},
    {"storage", false, "Memory of the store."},
    {"peer", true, "A neighbour that this unit's operators agreed to exchange with; one such table for each."},
    {"officer", true, "Somebody who may call this node with a certificate of this unit; one such table for each."},
};

}  // namespace

std::span<const KeySpec> ConfigKeys() {
  static const std::vector<KeySpec> keys = MakeKeys();
  return keys;
}

std::span<const TableSpec> ConfigTables() { return kTables; }

std::string FullName(const KeySpec& key) {
  return key.table.empty() ? std::string(key.name) : std::string(key.table) + "." + std::string(key.name);
}

}  // namespace tripoint
