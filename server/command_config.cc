// `tripointd check-config`, `print-config` and `version`. See commands.h.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <utility>

#include "proto/codes/registry.h"
#include "server/commands.h"
#include "server/config.h"
#include "server/report.h"
#include "server/runtime/clock.h"
#include "storage/data_folder.h"
#include "storage/put_aside.h"
#include "storage/schema.h"

namespace tripoint {

int CommandCheckConfig(const std::string& config_path) {
  const absl::StatusOr<Config> config = LoadConfig(config_path);
  if (!config.ok()) return ReportError(config.status());
  const std::int64_t now_s = runtime::SystemClock().wall_ms() / 1000;
  const absl::Status certificates = FaultsToStatus(config_path, CheckCertificates(*config, now_s));
  if (!certificates.ok()) return ReportError(certificates);
  // Whose store it is and its layout are seen only by opening it, which a running node forbids.
  if (absl::Status data = storage::CheckDataFolder(config->data_folder); !data.ok())
    return ReportError(data);
  fmt::print("{}: no faults. Unit {}, {} peers, {} officers\n", config_path, config->unit,
             config->peers.size(), config->officers.size());
  if (const auto kept = storage::PutAsideFolders(config->data_folder); !kept.empty()) {
    fmt::print(
        "Kept from damage of the store: {} in {}. When they may be deleted: "
        "docs/operations.md, `store.log_was_cut`\n",
        fmt::join(kept, ", "), config->data_folder);
  }
  return kExitDone;
}

int CommandPrintConfig(const std::string& config_path) {
  Config config = DefaultConfig();
  if (!config_path.empty()) {
    absl::StatusOr<Config> loaded = LoadConfig(config_path);
    if (!loaded.ok()) return ReportError(loaded.status());
    config = *std::move(loaded);
  }
  fmt::print("{}", ConfigText(config));
  return kExitDone;
}

int CommandVersion() {
  fmt::print("tripointd {} (codes {}, store layout {})\n", TRIPOINT_VERSION, codes::kCodesVersion,
             storage::kSchemaVersion);
  return kExitDone;
}

}  // namespace tripoint
