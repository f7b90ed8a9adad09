// Officers and peers of this node. See node_access.h.
#include "server/node_access.h"

#include <fmt/format.h>

#include "proto/contract/error.h"

namespace tripoint {
namespace {

absl::Status Unknown(std::string what, std::string why, std::string next) {
  return contract::Error(absl::StatusCode::kPermissionDenied, contract::Reason::kCallerUnknown,
                         std::move(what), std::move(why), std::move(next));
}

}  // namespace

NodeAccess::NodeAccess(const Config& config) : unit_(config.unit) {
  for (const OfficerConfig& officer : config.officers) {
    domain::Roles& roles = officers_[officer.id];
    for (const std::string& text : officer.roles) {
      if (const auto role = domain::RoleFromText(text); role.has_value()) roles.Add(*role);
    }
  }
  for (const PeerConfig& peer : config.peers) peers_.insert(peer.unit);
}

absl::StatusOr<domain::Caller> NodeAccess::Officer(const certs::UnitIdentity& identity) const {
  if (identity.unit != unit_) {
    return Unknown(fmt::format("This is the node of {}", unit_),
                   fmt::format("the certificate is of {}", identity.unit),
                   "Call the node of your own unit: tripoint node list");
  }
  if (!identity.officer.has_value()) {
    return Unknown("Only officers may call here", "the certificate is a node's",
                   "Use an officer's certificate: tripoint node add");
  }
  const auto found = officers_.find(*identity.officer);
  if (found == officers_.end()) {
    return Unknown("You are not enrolled at this node",
                   "the certificate is valid, but the node gives it no role",
                   "Ask whoever runs the node to add you as [[officer]] to its configuration file");
  }
  return domain::Caller{.officer = found->first, .roles = found->second};
}

absl::Status NodeAccess::PeerNode(const certs::UnitIdentity& identity) const {
  if (identity.officer.has_value()) {
    return Unknown("Only nodes may call here", "the certificate is an officer's",
                   "Officers call the other port of the node");
  }
  if (peers_.contains(identity.unit)) return absl::OkStatus();
  return contract::Error(
      absl::StatusCode::kPermissionDenied, contract::Reason::kUnitNotPaired,
      fmt::format("{} is not paired with {}", unit_, identity.unit),
      "both units' operators must have agreed to the link",
      fmt::format("Ask the operators of {} to add [[peer]] unit = \"{}\" to their configuration "
                  "file",
                  unit_, identity.unit));
}

}  // namespace tripoint
