// Faults of a configuration that is well formed: what its values mean. See config.h.
#include <fmt/format.h>

#include <set>

#include "certs/node_files.h"
#include "certs/trust.h"
#include "proto/codes/registry.h"
#include "proto/contract/error.h"
#include "server/config.h"

namespace tripoint {
namespace {

// The whole of a refusal on one line of a list.
std::string Sentence(const absl::Status& status) {
  const contract::Problem problem = contract::ProblemOf(status);
  std::string text = problem.what;
  if (!problem.why.empty()) text += ": " + problem.why;
  if (!problem.next.empty()) text += ". " + problem.next;
  return text;
}

}  // namespace

std::vector<ConfigFault> CheckUnits(const Config& config) {
  std::vector<ConfigFault> faults;
  const absl::StatusOr<codes::Registry> registry = codes::Registry::Load();
  if (!registry.ok()) return {{0, Sentence(registry.status())}};
  const auto check_unit = [&](const std::string& key, const std::string& unit, int line) {
    if (unit.empty() || registry->UnitById(unit) != nullptr)
      return;  // a missing one was reported by the parser
    const std::string near = registry->Suggest("units", unit);
    faults.push_back({line, near.empty()
                                ? fmt::format("{}: no unit \"{}\" is known", key, unit)
                                : fmt::format("{}: no unit \"{}\" is known. Did you mean \"{}\"?",
                                              key, unit, near)});
  };
  check_unit("unit", config.unit, 0);
  std::set<std::string> peers;
  for (const PeerConfig& peer : config.peers) {
    check_unit("peer.unit", peer.unit, peer.line);
    if (peer.unit.empty()) continue;
    if (peer.unit == config.unit)
      faults.push_back({peer.line, "peer.unit: this unit is not its own peer"});
    if (!peers.insert(peer.unit).second) {
      faults.push_back({peer.line, fmt::format("peer.unit: \"{}\" stands twice", peer.unit)});
    }
  }
  std::set<std::string> officers;
  for (const OfficerConfig& officer : config.officers) {
    if (!officer.id.empty() && !officers.insert(officer.id).second) {
      faults.push_back({officer.line, fmt::format("officer.id: \"{}\" stands twice", officer.id)});
    }
  }
  return faults;
}

std::vector<ConfigFault> CheckCertificates(const Config& config, std::int64_t now_s) {
  const certs::TrustPolicy policy{.crl_required = config.crl_required,
                                  .crl_grace_s = config.crl_grace_days * certs::kDayS};
  const auto trust = certs::LoadTrust(config.roots_folder, policy, now_s, nullptr);
  if (!trust.ok()) return {{0, "certificates.roots: " + Sentence(trust.status())}};
  const auto files = certs::CheckNodeFiles(config.certificates_folder, **trust, config.unit, now_s);
  if (!files.ok()) return {{0, "certificates.folder: " + Sentence(files.status())}};
  return {};
}

}  // namespace tripoint
