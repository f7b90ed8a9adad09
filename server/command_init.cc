// `tripointd init`. See commands.h.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <system_error>
#include <utility>

#include "proto/contract/disk.h"
#include "proto/contract/error.h"
#include "server/commands.h"
#include "server/config.h"
#include "server/report.h"
#include "server/runtime/clock.h"
#include "server/runtime/random.h"
#include "storage/data_folder.h"

namespace tripoint {
namespace {

constexpr mode_t kConfigMode = 0640;

// Asks on the terminal; an empty answer means `suggested`.
std::string Ask(std::string_view question, const std::string& suggested) {
  if (suggested.empty()) {
    fmt::print(stderr, "{}: ", question);
  } else {
    fmt::print(stderr, "{} [{}]: ", question, suggested);
  }
  std::string answer;
  std::getline(std::cin, answer);
  return answer.empty() ? suggested : answer;
}

void AskForMissing(InitOptions& options, const Config& defaults) {
  const auto ask = [](std::string& value, std::string_view question, const std::string& suggested) {
    if (value.empty()) value = Ask(question, suggested);
  };
  ask(options.unit, "Unit id of this node, such as vn-quangngai", "");
  ask(options.data_folder, "Data folder", defaults.data_folder);
  ask(options.api_listen, "Address of the officers' port", defaults.api_listen);
  ask(options.exchange_listen, "Address of the neighbours' port", defaults.exchange_listen);
  ask(options.certificates_folder, "Certificate folder", defaults.certificates_folder);
}

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

Config ConfigOf(const InitOptions& options) {
  Config config = DefaultConfig();
  const auto take = [](std::string& target, const std::string& value) {
    if (!value.empty()) target = value;
  };
  take(config.unit, options.unit);
  take(config.data_folder, options.data_folder);
  take(config.api_listen, options.api_listen);
  take(config.exchange_listen, options.exchange_listen);
  take(config.certificates_folder, options.certificates_folder);
  // The roots stand beside the certificates unless said otherwise.
  if (!options.certificates_folder.empty())
    config.roots_folder = options.certificates_folder + "/roots";
  take(config.roots_folder, options.roots_folder);
  for (const std::string& peer : options.peers) {
    const std::vector<std::string> parts = Split(peer, '=');
    config.peers.push_back({parts[0], parts.size() > 1 ? parts[1] : "", 0});
  }
  for (const std::string& officer : options.officers) {
    const std::vector<std::string> parts = Split(officer, '=');
    config.officers.push_back(
        {parts[0], parts.size() > 1 ? Split(parts[1], ',') : std::vector<std::string>{}, 0});
  }
  return config;
}

absl::Status WriteNew(const std::string& path, std::string_view text) {
  const std::string folder = std::filesystem::absolute(path).parent_path().string();
  (void)contract::MakeFolder(folder);  // the file then says what is wrong
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kConfigMode);
  bool written = descriptor >= 0;
  if (written) {
    written = ::write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
              ::fsync(descriptor) == 0 && contract::SyncFolder(folder) == 0;
  }
  const int error = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (written) return absl::OkStatus();
  return contract::Error(absl::StatusCode::kFailedPrecondition, contract::Reason::kConfigInvalid,
                         fmt::format("Cannot write {}", path),
                         std::system_category().message(error),
                         "Name another place with --config FILE. Nothing was changed");
}

absl::StatusOr<Config> UseExisting(const InitOptions& options) {
  if (!options.empty()) {
    return contract::Error(
        absl::StatusCode::kAlreadyExists, contract::Reason::kAlreadyExists,
        fmt::format("There is a configuration file {} already", options.config_path),
        "init writes a new file and never changes one",
        "Edit the file, or give init no option but --config to use it as it is. Nothing was "
        "changed");
  }
  return LoadConfig(options.config_path);
}

absl::StatusOr<Config> WriteFresh(const InitOptions& options) {
  const std::string text = ConfigText(ConfigOf(options));
  ParsedConfig parsed = ParseConfig(text, options.config_path);
  for (ConfigFault& fault : CheckUnits(parsed.config)) parsed.faults.push_back(std::move(fault));
  for (ConfigFault& fault : parsed.faults)
    fault.line = 0;  // nobody has seen the lines of this text
  if (absl::Status status = FaultsToStatus("the options of init", parsed.faults); !status.ok())
    return status;
  if (absl::Status status = WriteNew(options.config_path, text); !status.ok()) return status;
  return std::move(parsed.config);
}

}  // namespace

int CommandInit(InitOptions options) {
  std::error_code ignored;
  const bool existing = std::filesystem::exists(options.config_path, ignored);
  if (!existing && ::isatty(STDIN_FILENO) == 1) AskForMissing(options, DefaultConfig());
  const absl::StatusOr<Config> config = existing ? UseExisting(options) : WriteFresh(options);
  if (!config.ok()) return ReportError(config.status());
  runtime::SystemRandom random;
  const std::uint64_t epoch = random.Epoch();
  (void)::umask(kPrivateMask);
  const absl::Status made =
      storage::InitializeDataFolder(config->data_folder, config->unit, epoch,
                                    runtime::SystemClock().wall_ms(), options.after_loss);
  if (!made.ok()) {
    if (!existing) std::filesystem::remove(options.config_path, ignored);
    return ReportError(made);
  }
  fmt::print("{} {}\nmade the store of {} in {}, epoch {:016x}\n", existing ? "used" : "wrote",
             options.config_path, config->unit, config->data_folder, epoch);
  if (options.after_loss) {
    fmt::print(
        "begins in amnesia: nothing new is shared until the neighbours have returned what "
        "they hold\n");
  }
  fmt::print(stderr,
             "next: put the certificates of {0} into {1} and the countries' roots into {2}\n"
             "      (tripointd ca issue --unit {0} --out ...), then: tripointd run --config {3}\n",
             config->unit, config->certificates_folder, config->roots_folder, options.config_path);
  return kExitDone;
}

}  // namespace tripoint
